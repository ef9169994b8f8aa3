package verify_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

func TestOnlyWhoMayIsToldOfAToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		plainKey := f.Secret.Reveal()
		other := anotherClient(t, s, f)
		c := verify.New(s, verify.Options{})
		own, theirs := checkClient(t, c, withClient(t, s, &f)), checkClient(t, c, withClient(t, s, &other))
		token := tokenFor(t, c, clientOf(f))
		gatewayRole := storetest.Role(t, s, other.Organization, []portal.Authority{portal.VerifyKeys})
		_, gatewayKey := storetest.Key(t, s, storetest.Member(t, s, other.Organization, storetest.User(t, s), gatewayRole))
		byKey := func(credential string) verify.Decision {
			return checkToken(t, c, verify.Request{Credential: credential, ClientIP: client, AllowUnmatched: true})
		}
		editMembership(t, s, &other, func(m *portal.Membership) { m.Roles = []portal.Role{other.Role, gatewayRole} })
		verifier := checkClient(t, c, clientOf(other))
		editMembership(t, s, &other, func(m *portal.Membership) { m.Roles = []portal.Role{other.Role} })
		told := func(caller verify.Decision, token string) bool {
			t.Helper()
			d, err := c.Introspect(t.Context(), verify.TokenQuestion{Token: token, Caller: caller})
			if err != nil {
				t.Fatal(err)
			}
			if !d.Valid() && (d.Code != "NOT_FOUND" || d.Subject.KeyID != 0 || d.Subject.Username != "") {
				t.Errorf("who may not know is told %+v", d)
			}
			return d.Valid()
		}
		for name, test := range map[string]struct {
			caller verify.Decision
			token  string
			want   bool
		}{
			"the client itself":              {own, token, true},
			"its own access token":           {byKey(token), token, true},
			"another client":                 {theirs, token, false},
			"a plain API key":                {byKey(plainKey), token, false},
			"a gateway's API key":            {byKey(gatewayKey.Reveal()), token, true},
			"nobody":                         {verify.Decision{}, token, false},
			"a client that is refused":       {verify.Decision{Code: "DISABLED", Subject: own.Subject}, token, false},
			"an unknown token":               {own, secret.New("", secret.AccessToken).Reveal(), false},
			"an API key for a token":         {byKey(gatewayKey.Reveal()), plainKey, false},
			"a Client Secret for a token":    {own, f.Secret.Reveal(), false},
			"junk":                           {own, "junk", false},
			"nothing":                        {own, "", false},
			"whose authority is gone by now": {verifier, token, false},
		} {
			if got := told(test.caller, test.token); got != test.want {
				t.Errorf("%s: told %t, want %t", name, got, test.want)
			}
		}
		editMembership(t, s, &other, func(m *portal.Membership) { m.Roles = []portal.Role{other.Role, gatewayRole} })
		if !told(verifier, token) || !told(verifier, tokenFor(t, c, clientOf(other))) {
			t.Error("a client whose user holds Verify keys is told nothing")
		}
	})
}

func TestIntrospectionTellsWhatTheCheckWouldAndIsNoUse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fixture := storetest.NewFixture(t, s)
		c, quiet, clock := verify.New(s, verify.Options{}), verify.New(s, verify.Options{}), storetest.Of(s).Clock
		faults := append(clientSteps(), struct {
			code verify.Code
			step step
		}{"NOT_FOUND", retireSecret})
		for _, fault := range faults {
			f := anotherClient(t, s, fixture)
			caller := checkClient(t, c, withClient(t, s, &f))
			token := tokenFor(t, c, clientOf(f), "billing")
			active := func() verify.Decision {
				t.Helper()
				d, err := quiet.Introspect(t.Context(), verify.TokenQuestion{Token: token, Caller: caller, CallerIP: client})
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			if got := active(); !got.Valid() || got.Subject.PublicID != f.Key.PublicID || !slices.Equal(got.Subject.APISets, []string{"billing"}) || !got.Subject.TokenIssuedAt.Equal(s.Now()) {
				t.Fatalf("got %+v", got)
			}
			fault.step(t, s, &f, &verify.Request{})
			if active().Valid() {
				t.Errorf("%s, and active", fault.code)
			}
			flush(t, quiet)
			if got := readUse(t, s, f.Key.ID); got.tallies != nil || got.refusals != nil {
				t.Errorf("it counts as use: %+v", got)
			}
		}
		f := anotherClient(t, s, fixture)
		caller := checkClient(t, c, withClient(t, s, &f))
		question := verify.TokenQuestion{Token: tokenFor(t, c, clientOf(f)), Caller: caller, CallerIP: client}
		editMembership(t, s, &f, func(m *portal.Membership) { m.Roles = nil })
		if d, err := c.Introspect(t.Context(), question); err != nil || !d.Valid() || len(d.Subject.APISets) != 0 {
			t.Errorf("what reaches nothing now: %+v, %v", d, err)
		}
		clock.Advance(time.Hour)
		if d, err := c.Introspect(t.Context(), question); err != nil || d.Valid() {
			t.Errorf("expired: %+v, %v", d, err)
		}
	})
}

func TestATokenBoundToANetworkIsActiveWhereItsAddressIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		own := withClient(t, s, &f)
		c := verify.New(s, verify.Options{})
		gateway := storetest.Role(t, s, f.Organization, []portal.Authority{portal.VerifyKeys})
		_, key := storetest.Key(t, s, storetest.Member(t, s, f.Organization, storetest.User(t, s), gateway))
		caller := checkToken(t, c, verify.Request{Credential: key.Reveal(), AllowUnmatched: true})
		editKey(t, s, &f, func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.0/24"} })
		itself, token := checkClient(t, c, own), tokenFor(t, c, own)
		inside, outside := netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("198.51.100.1")
		for _, test := range []struct {
			caller             verify.Decision
			usedFrom, callerIP netip.Addr
			want               bool
		}{
			{caller, inside, outside, true},
			{caller, outside, inside, false},
			{caller, netip.Addr{}, inside, false},
			{itself, netip.Addr{}, inside, true},
			{itself, netip.Addr{}, outside, false},
			{itself, inside, outside, true},
			{itself, outside, inside, false},
		} {
			d, err := c.Introspect(t.Context(), verify.TokenQuestion{Token: token, Caller: test.caller, UsedFrom: test.usedFrom, CallerIP: test.callerIP})
			if err != nil || d.Valid() != test.want {
				t.Errorf("used from %v, asked from %v: %s, %v", test.usedFrom, test.callerIP, d.Code, err)
			}
		}
	})
}
