package gateway_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// pair gives the headers of a new key pair that reaches billing.
func (h house) pair(t *testing.T) (key portal.Key, access, security string) {
	t.Helper()
	key, value := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) {
		k.Kind, k.APISets = portal.PairKey, []portal.APISet{h.Billing}
	})
	return key, "accessKey: " + key.PublicID, "secretKey: " + value.Reveal()
}

func TestAKeyPairComesInTwoHeaders(t *testing.T) {
	h := newHouse(t)
	key, access, security := h.pair(t)
	_, otherAccess, otherSecurity := h.pair(t)
	ask := func(headers ...string) *http.Response { return h.ask("GET", "/auth?api_set=billing", headers...) }
	for _, headers := range [][]string{
		{access, security}, {security, access}, {strings.Replace(access, "accessKey", "ACCESSKEY", 1), strings.Replace(security, "secretKey", "secretkey", 1)},
		{access, security, "Authorization: Basic dXNlcjpwYXNz"},
	} {
		r := ask(headers...)
		passed(t, r)
		if r.Header.Get("X-Key-Id") != strconv.FormatInt(key.ID, 10) || r.Header.Get("X-Api-Sets") != "billing" {
			t.Errorf("got %v", r.Header)
		}
	}
	for _, headers := range [][]string{{access}, {security}, {access, "secretKey: "}, {"accessKey: ", security}} {
		refused(t, ask(headers...), http.StatusUnauthorized, "MISSING")
	}
	wrong := [][]string{
		{access, otherSecurity}, {otherAccess, security}, {access, "secretKey: " + secret.New("", secret.SecurityKey).Reveal()},
		{"accessKey: " + secret.New("", secret.AccessKey).Reveal(), security}, {access, security[:len(security)-1]}, {access[:len(access)-1], security},
		{access, access, security}, {access, security, security}, {access, otherAccess, security},
	}
	first := ask(wrong[0]...)
	answer := bodyOf(t, ask(wrong[0]...))
	for _, headers := range wrong {
		r := ask(headers...)
		refused(t, r, http.StatusUnauthorized, "NOT_FOUND")
		for name := range r.Header {
			if r.Header.Get(name) != first.Header.Get(name) {
				t.Errorf("%v differs in %s", headers, name)
			}
		}
		if body := bodyOf(t, ask(headers...)); body != answer {
			t.Errorf("the answer is %s, want %s", body, answer)
		}
	}
	for _, headers := range [][]string{
		{access, security, "X-Api-Key: " + h.key}, {access, security, "Authorization: Bearer " + h.key}, {access, "X-Api-Key: " + h.key},
		{"accessKey: a", "secretKey: b"}, {strings.Replace(security, "secretKey", "accessKey", 1), strings.Replace(access, "accessKey", "secretKey", 1)},
	} {
		refused(t, ask(headers...), http.StatusUnauthorized, "MALFORMED")
	}
	_, value, _ := strings.Cut(security, ": ")
	_, public, _ := strings.Cut(access, ": ")
	for _, query := range []string{"accessKey=" + public, "secretKey=" + value, "a=" + value, "a=" + public} {
		refused(t, h.ask("GET", "/auth", access, security, "X-Original-Method: GET", "X-Original-URI: /billing/7?"+query), http.StatusBadRequest, "CREDENTIAL_IN_QUERY")
	}
	if strings.Contains(h.log.String(), value) || strings.Contains(h.log.String(), public) {
		t.Error("the pair is in the log")
	}
}

func TestAServiceAsksAboutAKeyPair(t *testing.T) {
	s := newService(t)
	key, access, security := s.pair(t)
	_, public, _ := strings.Cut(access, ": ")
	_, value, _ := strings.Cut(security, ": ")
	ask := func(body string) *http.Response { return s.post(body, "X-Api-Key: "+s.caller) }
	for body, want := range map[string]string{
		`{"access_key": "` + public + `", "secret_key": "` + value + `", "api_set": "billing"}`: `"code":"VALID"`,
		`{"access_key": "` + public + `", "secret_key": "` + value + `"}`:                       `"id":` + strconv.FormatInt(key.ID, 10) + `,"name":"` + key.Name + `","kind":"pair"`,
		`{"access_key": "` + public + `"}`:                                                      `"code":"MISSING"`,
		`{"secret_key": "` + value + `"}`:                                                       `"code":"MISSING"`,
		`{"access_key": "` + public + `", "secret_key": "` + s.key + `"}`:                       `"code":"NOT_FOUND"`,
		`{"key": "` + value + `"}`:                                                              `"code":"MALFORMED"`,
	} {
		if r := ask(body); r.StatusCode != http.StatusOK || !strings.Contains(bodyOf(t, r), want) {
			t.Errorf("%s: %s, without %s", body, r.Status, want)
		}
	}
	for _, body := range []string{
		`{"key": "` + s.key + `", "access_key": "` + public + `", "secret_key": "` + value + `"}`, `{"key": "` + s.key + `", "secret_key": "` + value + `"}`,
		`{"access_key": "", "secret_key": "` + value + `"}`, `{"accessKey": "` + public + `", "secretKey": "` + value + `"}`, `{"access_key": null, "secret_key": "` + value + `"}`,
	} {
		refused(t, ask(body), http.StatusBadRequest, "BAD_REQUEST")
	}
	refused(t, s.post(`{"key": "`+s.key+`"}`, access, security), http.StatusForbidden, "API_SET_NOT_GRANTED") // its user may not ask
	refused(t, s.post(`{"key": "`+s.key+`"}`, access), http.StatusUnauthorized, "MISSING")
}
