package gateway_test

import (
	"net/http"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func TestAnImportedKeyIsTakenWhereverAKeyIs(t *testing.T) {
	s := newService(t)
	const old = "live_51:H8x/Yz+0=="
	key := storetest.ImportedKey(t, s.store, s.Membership, old, func(k *portal.Key) { k.APISets = []portal.APISet{s.Billing} })
	for _, headers := range [][]string{
		{"X-Api-Key: " + old}, {"Authorization: Bearer " + old}, {"X-Api-Key: " + old, "Authorization: Bearer " + old},
	} {
		passed(t, s.ask("GET", "/auth?api_set=billing", headers...))
		passed(t, s.ask("GET", "/auth/billing/7", headers...))
		refused(t, s.ask("GET", "/auth?api_set=dunning", headers...), http.StatusForbidden, "API_SET_NOT_GRANTED")
	}
	for _, headers := range [][]string{
		{"X-Api-Key: junk"}, {"X-Api-Key: " + old, "X-Api-Key: " + old}, {"X-Api-Key: " + old, "Authorization: Bearer x"}, {"X-Api-Key: " + old, "accessKey: " + old},
	} {
		refused(t, s.ask("GET", "/auth?api_set=billing", headers...), http.StatusUnauthorized, "MALFORMED")
	}
	got := s.verify(t, old, `, "api_set": "billing"`)
	if got["valid"] != true || got["key"].(map[string]any)["name"] != key.Name {
		t.Errorf("got %v", got)
	}
	if got := s.verify(t, "junk", ""); got["code"] != "MALFORMED" {
		t.Errorf("got %v", got)
	}
}

func TestAnImportedKeyMayAskForChecks(t *testing.T) {
	s := newService(t)
	role := storetest.Role(t, s.store, s.Organization, []portal.Authority{portal.VerifyKeys})
	storetest.ImportedKey(t, s.store, storetest.Member(t, s.store, s.Organization, storetest.User(t, s.store), role), "an-old-gateway-key")
	s.caller = "an-old-gateway-key"
	if got := s.verify(t, s.key, ""); got["valid"] != true {
		t.Errorf("got %v", got)
	}
}
