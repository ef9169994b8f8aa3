package verify_test

import (
	"bytes"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

func ask(t testing.TB, c *verify.Checker, r verify.TokenRequest) (verify.Token, verify.Decision) {
	t.Helper()
	token, d, err := c.IssueToken(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if d.Valid() == token.Value.IsZero() {
		t.Errorf("%s, and the token %v", d.Code, token.Value)
	}
	return token, d
}

// tokenFor gives a client an access token.
func tokenFor(t testing.TB, c *verify.Checker, client verify.ClientRequest, scope ...string) string {
	t.Helper()
	token, d := ask(t, c, verify.TokenRequest{ClientRequest: client, Scope: scope})
	if !d.Valid() {
		t.Fatalf("no token: %s", d.Code)
	}
	return token.Value.Reveal()
}

func withToken(token string, set string) verify.Request {
	return verify.Request{Credential: token, ClientIP: client, APISet: set}
}

// checkToken is check for access tokens, of which other things may be said.
func checkToken(t testing.TB, c *verify.Checker, r verify.Request) verify.Decision {
	t.Helper()
	d, err := c.Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if d.Message == "" {
		t.Errorf("%s says nothing", d.Code)
	}
	return d
}

func wantToken(t testing.TB, c *verify.Checker, r verify.Request, want verify.Code) {
	t.Helper()
	if got := checkToken(t, c, r).Code; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnAccessTokenPassesAsItsKeyWithinItsScope(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		r := withClient(t, s, &f)
		c := verify.New(s, verify.Options{Brand: "acme"})
		token, _ := ask(t, c, verify.TokenRequest{ClientRequest: r, Scope: []string{"billing"}})
		text := token.Value.Reveal()
		if prefix, err := secret.Parse(text); err != nil || prefix != secret.AccessToken || !strings.HasPrefix(text, "acme_kpt_") {
			t.Errorf("the token is %v", token.Value)
		}
		got := checkToken(t, c, withToken(text, "billing"))
		want := portal.Subject{
			Revision: got.Subject.Revision, SecretID: got.Subject.SecretID, KeyID: f.Key.ID, KeyName: f.Key.Name, Kind: portal.OAuthKey, KeyEnabled: true, KeyExpiresAt: f.Key.ExpiresAt,
			UserID: f.User.ID, Username: f.User.Username, UserEnabled: true, Member: true,
			OrganizationID: f.Organization.ID, OrganizationName: f.Organization.Name,
			LicenseID: f.License.ID, LicenseNumber: f.License.Number, LicenseActive: true, Domain: f.License.Domain,
			PublicID: r.ID, TokenIssuedAt: s.Now(), TokenExpiresAt: s.Now().Add(time.Hour),
		}
		reached := got.Subject.APISets
		got.Subject.APISets, got.Subject.AllowedNetworks = nil, nil
		if !got.Valid() || !reflect.DeepEqual(got.Subject, want) || !slices.Equal(reached, []string{"billing"}) || got.APISet != "billing" {
			t.Errorf("got  %+v\nwant %+v", got.Subject, want)
		}
		if !got.ExpiresAt().Equal(want.TokenExpiresAt) {
			t.Errorf("it ends %v", got.ExpiresAt())
		}
		wantToken(t, c, withToken(text, "dunning"), "API_SET_NOT_GRANTED")
		wantToken(t, c, withToken(text, "revenue-management"), "API_SET_NOT_GRANTED")
		wantToken(t, c, verify.Request{Credential: text, ClientIP: client, Method: "GET", URI: "/billing/7"}, "VALID")
		wantToken(t, c, verify.Request{Credential: text, ClientIP: client, Method: "GET", URI: "/dunning/7"}, "API_SET_NOT_GRANTED")
	})
}

func TestTheScopeIsWhatIsAskedForOfWhatIsReached(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		r := withClient(t, s, &f)
		c := verify.New(s, verify.Options{})
		for _, test := range []struct{ asked, want []string }{
			{nil, []string{"billing", "dunning"}},
			{[]string{"billing"}, []string{"billing"}},
			{[]string{"dunning", "billing"}, []string{"billing", "dunning"}},
			{[]string{"dunning", "dunning"}, []string{"dunning"}},
			{[]string{"revenue-management"}, nil},
			{[]string{"billing", "revenue-management"}, nil},
			{[]string{"billing", "unknown"}, nil},
			{[]string{"billing", ""}, nil},
			{[]string{""}, nil},
			{[]string{"BILLING"}, nil},
			{[]string{"bill%"}, nil},
		} {
			token, d := ask(t, c, verify.TokenRequest{ClientRequest: r, Scope: test.asked})
			switch {
			case test.want == nil && d.Code != "API_SET_NOT_GRANTED":
				t.Errorf("%q: got %s", test.asked, d.Code)
			case test.want != nil && !slices.Equal(token.Scope, test.want):
				t.Errorf("%q: got %q", test.asked, token.Scope)
			case test.want != nil:
				if got := checkToken(t, c, withToken(token.Value.Reveal(), test.want[0])); !got.Valid() || !slices.Equal(got.Subject.APISets, test.want) {
					t.Errorf("%q: the token reaches %q, %s", test.asked, got.Subject.APISets, got.Code)
				}
			}
		}
		editMembership(t, s, &f, func(m *portal.Membership) { m.Roles = nil })
		if _, d := ask(t, c, verify.TokenRequest{ClientRequest: r}); d.Code != "API_SET_NOT_GRANTED" {
			t.Errorf("a client that reaches nothing: %s", d.Code)
		}
	})
}

func TestATokenEndsWithWhateverEndsFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		r := withClient(t, s, &f)
		clock := storetest.Of(s).Clock
		lasts := func(lifetime, want time.Duration, r verify.ClientRequest) string {
			t.Helper()
			token, _ := ask(t, verify.New(s, verify.Options{TokenLifetime: lifetime}), verify.TokenRequest{ClientRequest: r})
			if token.Lifetime != want {
				t.Errorf("it lasts %s, want %s", token.Lifetime, want)
			}
			return token.Value.Reveal()
		}
		c := verify.New(s, verify.Options{})
		text := lasts(0, time.Hour, r)
		clock.Advance(time.Hour - time.Microsecond)
		wantToken(t, c, withToken(text, "billing"), "VALID")
		clock.Advance(time.Microsecond)
		wantToken(t, c, withToken(text, "billing"), "EXPIRED")
		lasts(time.Minute, time.Minute, r)

		editKey(t, s, &f, func(k *portal.Key) { k.ExpiresAt = clock.Now().Add(10 * time.Minute) })
		text = lasts(time.Hour, 10*time.Minute, r)
		editKey(t, s, &f, func(k *portal.Key) { k.ExpiresAt = clock.Now().Add(time.Hour) })
		clock.Advance(10 * time.Minute)
		wantToken(t, c, withToken(text, "billing"), "EXPIRED")

		text = lasts(time.Hour, 50*time.Minute, r)
		editKey(t, s, &f, func(k *portal.Key) { k.ExpiresAt = clock.Now().Add(time.Minute) })
		wantToken(t, c, withToken(text, "billing"), "VALID")
		clock.Advance(time.Minute)
		wantToken(t, c, withToken(text, "billing"), "EXPIRED")
		editKey(t, s, &f, func(k *portal.Key) { k.ExpiresAt = time.Time{} })

		fresh := r
		fresh.Secret = rotate(t, s, &f, clock.Now().Add(5*time.Minute))
		text = lasts(time.Hour, 5*time.Minute, r)
		lasts(time.Hour, time.Hour, fresh)
		clock.Advance(5 * time.Minute)
		wantToken(t, c, withToken(text, "billing"), "NOT_FOUND")
	})
}

func TestATokenEndsWithTheSecretThatItWasExchangedFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		r := withClient(t, s, &f)
		clock := storetest.Of(s).Clock
		c := verify.New(s, verify.Options{})
		expect := func(token string, want verify.Code) {
			t.Helper()
			wantToken(t, c, withToken(token, "billing"), want)
		}
		first := tokenFor(t, c, r)
		expect(first, "VALID")
		r.Secret = rotate(t, s, &f, clock.Now().Add(30*time.Minute))
		second := tokenFor(t, c, r)
		expect(first, "VALID")
		if got := checkToken(t, c, withToken(first, "billing")).ExpiresAt(); !got.Equal(clock.Now().Add(30 * time.Minute)) {
			t.Errorf("in the grace it ends %v", got)
		}
		clock.Advance(30 * time.Minute)
		expect(first, "NOT_FOUND")
		expect(second, "VALID")

		old := r
		r.Secret = rotate(t, s, &f, time.Time{})
		expect(second, "NOT_FOUND")
		if got := checkClient(t, c, old).Code; got != "NOT_FOUND" {
			t.Errorf("the old secret: %s", got)
		}
		third := tokenFor(t, c, r)
		expect(third, "VALID")
		r.Secret = rotate(t, s, &f, clock.Now().Add(time.Hour))
		expect(third, "VALID")
		change(t, s, portal.Revision{Noun: portal.NounKey}, func(c *store.Change) error { return c.RetirePrevious(t.Context(), f.Key.ID) })
		expect(third, "NOT_FOUND")
	})
}

func TestAChangeNarrowsAndEndsTokensOnTheNextCheckAndGivingBackRestores(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		r := withClient(t, s, &f)
		both := twoCheckers(t, s)
		token := tokenFor(t, both[0], r)
		expect := func(want verify.Code) {
			t.Helper()
			catchUp(t, both[1])
			for _, c := range both {
				wantToken(t, c, withToken(token, "billing"), want)
			}
		}
		key := func(edit func(*portal.Key)) func() { return func() { editKey(t, s, &f, edit) } }
		user := func(edit func(*portal.User)) func() { return func() { editUser(t, s, &f, edit) } }
		role := func(edit func(*portal.Role)) func() { return func() { editRole(t, s, &f, edit) } }
		membership := func(edit func(*portal.Membership)) func() { return func() { editMembership(t, s, &f, edit) } }
		organization := func(edit func(*portal.Organization)) func() { return func() { editOrganization(t, s, &f, edit) } }
		license := func(active bool) func() {
			return func() { execute(t, s, `UPDATE licenses SET active = $2 WHERE id = $1`, f.License.ID, active) }
		}
		for _, step := range []struct {
			take func()
			want verify.Code
			give func()
		}{
			{key(func(k *portal.Key) { k.Enabled = false }), "DISABLED", key(func(k *portal.Key) { k.Enabled = true })},
			{key(func(k *portal.Key) { k.APISets = []portal.APISet{f.Dunning} }), "API_SET_NOT_GRANTED", key(func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing, f.Dunning} })},
			{key(func(k *portal.Key) { k.AllowedNetworks = []string{"10.0.0.0/8"} }), "IP_NOT_ALLOWED", key(func(k *portal.Key) { k.AllowedNetworks = nil })},
			{user(func(u *portal.User) { u.Enabled = false }), "USER_DISABLED", user(func(u *portal.User) { u.Enabled = true })},
			{user(func(u *portal.User) { u.Locked = true }), "USER_LOCKED", user(func(u *portal.User) { u.Locked = false })},
			{user(func(u *portal.User) { u.PasswordExpired = true }), "USER_EXPIRED", user(func(u *portal.User) { u.PasswordExpired = false })},
			{membership(func(m *portal.Membership) { m.EndedAt = s.Now() }), "USER_DISABLED", membership(func(m *portal.Membership) { m.EndedAt = time.Time{} })},
			{membership(func(m *portal.Membership) { m.Roles = nil }), "API_SET_NOT_GRANTED", membership(func(m *portal.Membership) { m.Roles = []portal.Role{f.Role} })},
			{role(func(r *portal.Role) { r.APISets = []portal.APISet{f.Dunning} }), "API_SET_NOT_GRANTED", role(func(r *portal.Role) { r.APISets = []portal.APISet{f.Billing} })},
			{organization(func(o *portal.Organization) { o.Suspended = true }), "ORG_SUSPENDED", organization(func(o *portal.Organization) { o.Suspended = false })},
			{license(false), "LICENSE_INACTIVE", license(true)},
		} {
			expect("VALID")
			step.take()
			expect(step.want)
			step.give()
			if t.Failed() {
				t.Fatal(step.want)
			}
		}
		expect("VALID")
		membership(func(m *portal.Membership) { m.AllAccess = true })()
		key(func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing, f.Dunning, f.Revenue} })()
		wantToken(t, both[0], withToken(token, "revenue-management"), "API_SET_NOT_GRANTED") // it was issued for less
		key(func(k *portal.Key) { k.RevokedAt = s.Now() })()
		expect("REVOKED")
	})
}

func TestATokenIsBoundToItsLicenseAndActsForNobodyElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		r := withToken(tokenFor(t, c, withClient(t, s, &f)), "billing")
		r.License = f.License.Number
		wantToken(t, c, r, "VALID")
		r.License = "1"
		wantToken(t, c, r, "LICENSE_MISMATCH")
		r.License, r.Impersonate = "", []string{"1"}
		wantToken(t, c, r, "IMPERSONATION_NOT_ALLOWED")
	})
}

func TestTheUseOfATokenCountsForItsSecretAndKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c, clock := verify.New(s, verify.Options{}), storetest.Of(s).Clock
		old := withClient(t, s, &f)
		token := tokenFor(t, c, old)
		rotate(t, s, &f, clock.Now().Add(time.Hour))
		r := withToken(token, "billing")
		r.ClientIP = netip.MustParseAddr("192.0.2.8")
		usedAt := clock.Advance(time.Second)
		wantToken(t, c, r, "VALID")
		wantToken(t, c, withToken(token, "revenue-management"), "API_SET_NOT_GRANTED")
		ask(t, c, verify.TokenRequest{ClientRequest: old, Scope: []string{"unknown"}})
		flush(t, c)
		got := readUse(t, s, f.Key.ID)
		if !got.usedAt.Equal(usedAt) || got.usedFrom != "192.0.2.8" || len(got.tallies) != 1 || got.tallies[0].Accepted != 2 || got.tallies[0].Refused != 2 || len(got.refusals) != 1 {
			t.Errorf("got %+v", got)
		}
		secrets, err := s.Secrets(t.Context(), f.Key.ID)
		if err != nil || len(secrets) != 2 || !secrets[0].LastUsedAt.IsZero() || !secrets[1].LastUsedAt.Equal(usedAt) {
			t.Errorf("got %+v, %v", secrets, err)
		}
	})
}

func TestWhoGotATokenIsNotedAsItNamesItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		old := withClient(t, s, &f)
		mapped := old
		mapped.ClientIP = netip.MustParseAddr("::ffff:192.0.2.9")
		unknown := old
		unknown.ClientIP = netip.Addr{}
		noted := func(r verify.ClientRequest, agent string) portal.ClientUse {
			t.Helper()
			storetest.Of(s).Clock.Advance(time.Second)
			ask(t, c, verify.TokenRequest{ClientRequest: r, Agent: agent})
			uses, err := s.ClientUses(t.Context(), f.Key.ID)
			if err != nil || len(uses) == 0 {
				t.Fatalf("%v, %v", uses, err)
			}
			return uses[0]
		}
		for _, test := range []struct {
			client         verify.ClientRequest
			agent          string
			named, address string
		}{
			{old, "curl/8.5.0", "curl/8.5.0", "192.0.2.7"},
			{mapped, "", "", "192.0.2.9"},
			{unknown, "a\x00b\xffc", "a\ufffdb\ufffdc", ""},
			{old, strings.Repeat("ö", 201), strings.Repeat("ö", 200), "192.0.2.7"},
			{old, strings.Repeat("x", 200), strings.Repeat("x", 200), "192.0.2.7"},
		} {
			if got := noted(test.client, test.agent); got.Agent != test.named || got.Address != test.address || got.Previous || !got.UsedAt.Equal(s.Now()) {
				t.Errorf("%q: got %+v", test.agent, got)
			}
		}
		fresh := old
		fresh.Secret = rotate(t, s, &f, s.Now().Add(time.Hour))
		if got := noted(old, "laggard"); !got.Previous {
			t.Errorf("got %+v", got)
		}
		if got := noted(fresh, "laggard"); got.Previous {
			t.Errorf("got %+v", got)
		}
		uses, err := s.ClientUses(t.Context(), f.Key.ID)
		if err != nil || len(uses) != 7 {
			t.Errorf("%d uses, %v", len(uses), err)
		}
		ask(t, c, verify.TokenRequest{ClientRequest: fresh, Scope: []string{"unknown"}, Agent: "refused"})
		if again, err := s.ClientUses(t.Context(), f.Key.ID); err != nil || len(again) != len(uses) {
			t.Errorf("who got nothing is noted: %+v, %v", again, err)
		}
	})
}

func TestATokenIsStoredAsItsHashAlone(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	c := verify.New(s, verify.Options{})
	token := tokenFor(t, c, withClient(t, s, &f), "billing")
	var hash []byte
	var scope string
	if err := storetest.SQL(t, s).QueryRowContext(t.Context(), "SELECT hash, scope FROM access_tokens").Scan(&hash, &scope); err != nil {
		t.Fatal(err)
	}
	if want := secret.HashOf(token); !bytes.Equal(hash, want[:]) || scope != "billing" {
		t.Errorf("%x for %q is stored", hash, scope)
	}
}

func TestATokenThatCannotBeWrittenDownIsNotIssued(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		registry := prometheus.NewRegistry()
		c := verify.New(s, verify.Options{Registry: registry})
		r := verify.TokenRequest{ClientRequest: withClient(t, s, &f)}
		ask(t, c, r)
		ask(t, c, verify.TokenRequest{ClientRequest: r.ClientRequest, Scope: []string{"unknown"}})
		ask(t, c, verify.TokenRequest{ClientRequest: verify.ClientRequest{ID: "x", Secret: "y"}})
		execute(t, s, `ALTER TABLE client_uses RENAME TO broken`)
		if token, d, err := c.IssueToken(t.Context(), r); err == nil || !token.Value.IsZero() || d.Code != "" {
			t.Errorf("got %v, %+v", token, d)
		}
		var rows int
		if err := storetest.SQL(t, s).QueryRowContext(t.Context(), "SELECT count(*) FROM access_tokens").Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%d tokens are stored, %v", rows, err)
		}
		flush(t, c)
		if got := readUse(t, s, f.Key.ID); got.tallies[0].Accepted != 1 {
			t.Errorf("got %+v", got.tallies)
		}
		for series, want := range map[string]float64{
			`keyportal_token_requests_total code VALID`:               1,
			`keyportal_token_requests_total code NOT_FOUND`:           1,
			`keyportal_token_requests_total code API_SET_NOT_GRANTED`: 1,
			`keyportal_token_requests_total code UNDECIDED`:           1,
			`keyportal_token_requests_total code REVOKED`:             0,
			`keyportal_check_decisions_total code VALID`:              0,
		} {
			if got := counters(t, registry)[series]; got != want {
				t.Errorf("%s is %v, want %v", series, got, want)
			}
		}
	})
}

func TestAClientRevokesItsOwnTokensAndNoOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other := anotherClient(t, s, f)
		both := twoCheckers(t, s)
		c := both[0]
		own, theirs := identify(t, c, withClient(t, s, &f)), identify(t, c, withClient(t, s, &other))
		token, kept := tokenFor(t, c, clientOf(f)), tokenFor(t, c, clientOf(f))
		revoke := func(client portal.Subject, token string) {
			t.Helper()
			if err := c.RevokeToken(t.Context(), client, token); err != nil {
				t.Fatal(err)
			}
		}
		for _, what := range []string{"junk", "", f.Secret.Reveal(), secret.New("", secret.AccessToken).Reveal()} {
			revoke(own, what)
		}
		revoke(theirs, token)
		revoke(portal.Subject{}, token)
		for _, c := range both {
			wantToken(t, c, withToken(token, "billing"), "VALID")
		}
		revoke(own, token)
		revoke(own, token)
		catchUp(t, both[1])
		for _, c := range both {
			wantToken(t, c, withToken(token, "billing"), "REVOKED")
			wantToken(t, c, withToken(kept, "billing"), "VALID")
		}
		if got := checkClient(t, c, clientOf(f)); !got.Valid() {
			t.Errorf("the client itself: %s", got.Code)
		}
	})
}

func TestWhatIsSaidOfATokenHelpsItsHolder(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	r := withClient(t, s, &f)
	c := verify.New(s, verify.Options{})
	says := func(token, want string) {
		t.Helper()
		if got := checkToken(t, c, withToken(token, "billing")).Message; got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	says(secret.New("", secret.AccessToken).Reveal(), "This access token is not known. It may have ended with the Client Secret that it was exchanged for. Get a new one.")
	revoked, expired := tokenFor(t, c, r), tokenFor(t, c, r)
	if err := c.RevokeToken(t.Context(), identify(t, c, r), revoked); err != nil {
		t.Fatal(err)
	}
	says(revoked, "This access token was revoked. Get a new one.")
	storetest.Of(s).Clock.Advance(time.Hour)
	says(expired, "This access token has expired. Get a new one.")
	editKey(t, s, &f, func(k *portal.Key) { k.ExpiresAt = s.Now() })
	says(expired, portal.CheckExpired.Message())
	editKey(t, s, &f, func(k *portal.Key) { k.RevokedAt = s.Now() })
	says(revoked, portal.CheckRevoked.Message())
}

func TestWhatIsSaidOfAnotherLicenseIsTrueOfKeysWithoutOneAndOfTokens(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	_, bare := storetest.Key(t, s, f.Membership)
	c := verify.New(s, verify.Options{})
	const want = "What was sent does not belong to the license that is asked for here. Use a key or an access token of that license."
	for what, credential := range map[string]string{"a key": f.Secret.Reveal(), "a key without a license": bare.Reveal(), "an access token": tokenFor(t, c, withClient(t, s, &f))} {
		r := withToken(credential, "billing")
		r.License = "1"
		if got := checkToken(t, c, r); got.Code != "LICENSE_MISMATCH" || got.Message != want {
			t.Errorf("%s: %s says %q", what, got.Code, got.Message)
		}
	}
}

func TestATokenMayBeACallersCredential(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	c := verify.New(s, verify.Options{})
	token := tokenFor(t, c, withClient(t, s, &f))
	expect := func(want verify.Code) {
		t.Helper()
		if got, err := c.CheckCaller(t.Context(), verify.Request{Credential: token, ClientIP: client}); err != nil || got.Code != want {
			t.Errorf("got %s, %v, want %s", got.Code, err, want)
		}
	}
	expect("API_SET_NOT_GRANTED")
	editRole(t, s, &f, func(r *portal.Role) { r.Authorities = append(r.Authorities, portal.VerifyKeys) })
	expect("VALID")
}

func TestWithoutAStoreNothingIsDecidedAboutTokens(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	r := withClient(t, s, &f)
	c := verify.New(s, verify.Options{})
	caller, token := checkClient(t, c, r), tokenFor(t, c, r)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Check(t.Context(), withToken(token, "billing")); err == nil {
		t.Error("a token was checked")
	}
	if d, err := c.Introspect(t.Context(), verify.TokenQuestion{Token: token, Caller: caller}); err == nil || d.Code != "" {
		t.Errorf("a token was introspected: %+v", d)
	}
	if err := c.RevokeToken(t.Context(), caller.Subject, token); err == nil {
		t.Error("a token was revoked")
	}
	if err := c.RevokeToken(t.Context(), caller.Subject, "junk"); err != nil {
		t.Errorf("junk: %v", err)
	}
}

// While programs check tokens and ask for new ones, a secret is regenerated at
// once. Whatever begins after that was answered gets nowhere with the old secret,
// nor with any token that came from it, even one that was just being issued.
func TestAfterASecretIsRegeneratedNeitherItNorItsTokensAreAccepted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		both := twoCheckers(t, s)
		for range 5 {
			old := withClient(t, s, &f)
			var tokens sync.Map // whatever the old secret was exchanged for
			first := tokenFor(t, both[0], old)
			tokens.Store(first, nil)
			var regenerated atomic.Bool
			var programs sync.WaitGroup
			begun, done := make(chan struct{}, 4), make(chan struct{})
			for i := range 4 {
				c := both[i%2]
				programs.Go(func() {
					for {
						select {
						case <-done:
							return
						case begun <- struct{}{}:
						default:
						}
						over := regenerated.Load()
						token, d, err := c.IssueToken(t.Context(), verify.TokenRequest{ClientRequest: old})
						if err != nil || over && d.Valid() {
							t.Errorf("the old secret after it was regenerated (%t): %s, %v", over, d.Code, err)
							return
						}
						if d.Valid() {
							tokens.Store(token.Value.Reveal(), nil)
						}
						over = regenerated.Load()
						if d, err := c.Check(t.Context(), withToken(first, "billing")); err != nil || over && d.Valid() {
							t.Errorf("a token after its secret was regenerated (%t): %s, %v", over, d.Code, err)
							return
						}
					}
				})
			}
			for range 4 {
				<-begun
			}
			time.Sleep(20 * time.Millisecond)
			fresh := old
			fresh.Secret = rotate(t, s, &f, time.Time{})
			catchUp(t, both[1])
			regenerated.Store(true)
			for _, c := range both {
				tokens.Range(func(token, _ any) bool {
					wantToken(t, c, withToken(token.(string), "billing"), "NOT_FOUND")
					return true
				})
				wantToken(t, c, withToken(tokenFor(t, c, fresh), "billing"), "VALID")
			}
			time.Sleep(20 * time.Millisecond)
			close(done)
			programs.Wait()
			tokens.Range(func(token, _ any) bool {
				wantToken(t, both[0], withToken(token.(string), "billing"), "NOT_FOUND")
				return true
			})
			change(t, s, portal.Revision{Noun: portal.NounKey}, func(c *store.Change) error { // a license has one client
				f.Key.RevokedAt = s.Now()
				return c.UpdateKey(t.Context(), f.Key)
			})
		}
	})
}
