package verify_test

import (
	"net/netip"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

func TestACallerNeedsVerifyKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		gateway := storetest.Role(t, s, f.Organization, []portal.Authority{portal.VerifyKeys})
		whole := storetest.Role(t, s, f.Organization, []portal.Authority{portal.Gateway})
		elsewhere := storetest.Organization(t, s)
		key := func(m portal.Membership) secret.Value { _, value := storetest.Key(t, s, m); return value }
		member := func(o portal.Organization, u portal.User, roles ...portal.Role) portal.Membership {
			return storetest.Member(t, s, o, u, roles...)
		}
		both := storetest.User(t, s)
		there := member(elsewhere, both)
		member(f.Organization, both, gateway)
		for name, test := range map[string]struct {
			credential secret.Value
			want       verify.Code
		}{
			"the authority":                         {key(member(f.Organization, storetest.User(t, s), gateway)), "VALID"},
			"one that includes it":                  {key(member(f.Organization, storetest.User(t, s), whole)), "VALID"},
			"a super admin":                         {key(member(f.Organization, f.SuperAdmin)), "VALID"},
			"support":                               {key(member(f.Organization, storetest.Support(t, s))), "API_SET_NOT_GRANTED"},
			"another authority":                     {f.Secret, "API_SET_NOT_GRANTED"},
			"the authority in another organization": {key(there), "API_SET_NOT_GRANTED"},
			"unknown":                               {secret.New("", secret.Token), "NOT_FOUND"},
		} {
			got, err := c.CheckCaller(t.Context(), verify.Request{Credential: test.credential.Reveal(), ClientIP: client})
			if err != nil || got.Code != test.want {
				t.Errorf("%s: got %s, %v, want %s", name, got.Code, err, test.want)
			}
		}
		got, err := c.CheckCaller(t.Context(), verify.Request{Credential: f.Secret.Reveal()})
		if want := portal.Forbidden(portal.VerifyKeys).Error(); err != nil || got.Message != want {
			t.Errorf("the message is %q, %v", got.Message, err)
		}
		editKey(t, s, &f, func(k *portal.Key) { k.AllowedNetworks = []string{"10.0.0.0/8"} })
		for want, r := range map[verify.Code]verify.Request{
			"IP_NOT_ALLOWED":            {Credential: f.Secret.Reveal(), ClientIP: client},
			"IMPERSONATION_NOT_ALLOWED": {Credential: f.Secret.Reveal(), ClientIP: netip.MustParseAddr("10.1.2.3"), Impersonate: []string{"1"}},
		} {
			if got, err := c.CheckCaller(t.Context(), r); err != nil || got.Code != want {
				t.Errorf("got %s, %v, want %s", got.Code, err, want)
			}
		}
	})
}
