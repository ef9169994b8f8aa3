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

// withClient makes the fixture's key an OAuth client's.
func withClient(t testing.TB, s *store.Store, f *storetest.Fixture) verify.ClientRequest {
	t.Helper()
	f.Key, f.Secret = storetest.Key(t, s, f.Membership, func(k *portal.Key) {
		k.Kind, k.PublicID, k.LicenseID = portal.OAuthKey, secret.New("", secret.ClientID).Reveal(), f.License.ID
		k.APISets = []portal.APISet{f.Billing, f.Dunning, f.Revenue}
	})
	return clientOf(*f)
}

func clientOf(f storetest.Fixture) verify.ClientRequest {
	return verify.ClientRequest{ID: f.Key.PublicID, Secret: f.Secret.Reveal(), ClientIP: client}
}

func checkClient(t testing.TB, c *verify.Checker, r verify.ClientRequest) verify.Decision {
	t.Helper()
	d, err := c.CheckClient(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// clientSteps has what brings about the outcomes for a client, in their order.
func clientSteps() (found []struct {
	code verify.Code
	step step
}) {
	for _, s := range steps {
		if slices.Contains([]verify.Code{"REVOKED", "DISABLED", "EXPIRED", "USER_DISABLED", "USER_LOCKED", "USER_EXPIRED", "ORG_SUSPENDED", "LICENSE_INACTIVE", "IP_NOT_ALLOWED"}, s.code) {
			found = append(found, s)
		}
	}
	return found
}

func TestAClientIsHeldToTheRulesOfItsKeyInTheirOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fixture := storetest.NewFixture(t, s)
		c, faults := verify.New(s, verify.Options{}), clientSteps()
		for i, first := range faults {
			f := anotherClient(t, s, fixture)
			r := withClient(t, s, &f)
			if got := checkClient(t, c, r); !got.Valid() || got.Subject.PublicID != r.ID || got.Subject.KeyID != f.Key.ID || got.Subject.Kind != portal.OAuthKey {
				t.Fatalf("got %+v", got)
			}
			for _, fault := range slices.Backward(faults[i:min(i+2, len(faults))]) {
				fault.step(t, s, &f, &verify.Request{})
			}
			if got := checkClient(t, c, r).Code; got != first.code {
				t.Errorf("%s: got %s", first.code, got)
			}
		}
	})
}

func TestAWrongIDAWrongSecretAndAnUnknownClientAreAnsweredAlike(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		token := f.Secret.Reveal()
		right := withClient(t, s, &f)
		other := anotherClient(t, s, f)
		theirs := withClient(t, s, &other)
		pair := f
		pair.Key, _ = storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.Kind, k.PublicID = portal.PairKey, secret.New("", secret.AccessKey).Reveal() })
		pairSecret := rotate(t, s, &pair, time.Time{}) // which has the form of a Client Secret
		c := verify.New(s, verify.Options{})
		want := verify.Decision{Code: "NOT_FOUND", Message: portal.CheckNotFound.Message()}
		for name, r := range map[string]verify.ClientRequest{
			"an unknown client":         {ID: secret.New("", secret.ClientID).Reveal(), Secret: secret.New("", secret.ClientSecret).Reveal()},
			"a wrong secret":            {ID: right.ID, Secret: secret.New("", secret.ClientSecret).Reveal()},
			"a wrong ID":                {ID: secret.New("", secret.ClientID).Reveal(), Secret: right.Secret},
			"another's ID":              {ID: theirs.ID, Secret: right.Secret},
			"a longer ID":               {ID: right.ID + "x", Secret: right.Secret},
			"no ID":                     {Secret: right.Secret},
			"no secret":                 {ID: right.ID},
			"a secret with a slip":      {ID: right.ID, Secret: right.Secret[:len(right.Secret)-1] + "-"},
			"a key of another kind":     {ID: pair.Key.PublicID, Secret: pairSecret},
			"an API key":                {ID: right.ID, Secret: token},
			"an API key without an ID":  {Secret: token},
			"the ID in the other place": {ID: right.Secret, Secret: right.ID},
		} {
			r.ClientIP = client
			if got := checkClient(t, c, r); got.Code != want.Code || got.Message != want.Message || got.Subject.KeyID != 0 || got.Subject.UserID != 0 {
				t.Errorf("%s: got %+v", name, got)
			}
		}
		flush(t, c)
		if got := readUse(t, s, f.Key.ID); got.tallies != nil || got.refusals != nil {
			t.Errorf("what proves nothing counts for the client: %+v", got)
		}
	})
}

// Whoever proves to be the client ends its tokens, which would work again after the
// fault is mended.
func TestAClientThatMayDoNothingEndsItsTokensStill(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fixture := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		for _, fault := range clientSteps() {
			f := anotherClient(t, s, fixture)
			r := withClient(t, s, &f)
			token, kept := tokenFor(t, c, r), tokenFor(t, c, r)
			fault.step(t, s, &f, &verify.Request{})
			impostor := verify.ClientRequest{ID: r.ID, Secret: secret.New("", secret.ClientSecret).Reveal(), ClientIP: client}
			for _, wrong := range []verify.ClientRequest{impostor, {ID: "x", Secret: r.Secret}, {Secret: r.Secret}, {ID: r.ID}} {
				if got := identify(t, c, wrong); got.KeyID != 0 {
					t.Errorf("%s: the wrong proof is taken for %+v", fault.code, got)
				}
			}
			own := identify(t, c, r)
			if own.KeyID != f.Key.ID {
				t.Errorf("%s: the client is taken for %+v", fault.code, own)
			}
			if err := c.RevokeToken(t.Context(), own, token); err != nil {
				t.Fatal(err)
			}
			for text, want := range map[string]bool{token: true, kept: false} {
				if got, err := s.TokenSubject(t.Context(), secret.HashOf(text)); err != nil || got.TokenRevokedAt.IsZero() == want {
					t.Errorf("%s: the token that was ended (%t) ended %v, %v", fault.code, want, got.TokenRevokedAt, err)
				}
			}
			if got := checkClient(t, c, r).Code; got != fault.code {
				t.Errorf("%s: for all else the client is %s", fault.code, got)
			}
		}
	})
}

func TestATokenThatWasEndedWhileTheOrganizationWasSuspendedStaysSo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		r := withClient(t, s, &f)
		c := verify.New(s, verify.Options{})
		token := tokenFor(t, c, r)
		editOrganization(t, s, &f, func(o *portal.Organization) { o.Suspended = true })
		if err := c.RevokeToken(t.Context(), identify(t, c, r), token); err != nil {
			t.Fatal(err)
		}
		editOrganization(t, s, &f, func(o *portal.Organization) { o.Suspended = false })
		wantToken(t, c, withToken(token, "billing"), "REVOKED")
	})
}

func TestASecretThatIsNotLiveProvesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		old := withClient(t, s, &f)
		c, clock := verify.New(s, verify.Options{}), storetest.Of(s).Clock
		retired := old
		retired.Secret = rotate(t, s, &f, clock.Now().Add(time.Hour))
		if got := identify(t, c, old); got.KeyID != f.Key.ID {
			t.Errorf("within the grace: %+v", got)
		}
		clock.Advance(time.Hour)
		if got := identify(t, c, old); got.KeyID != 0 {
			t.Errorf("after the grace: %+v", got)
		}
		rotate(t, s, &f, time.Time{})
		if got := identify(t, c, retired); got.KeyID != 0 {
			t.Errorf("after it was regenerated: %+v", got)
		}
	})
}

func identify(t testing.TB, c *verify.Checker, r verify.ClientRequest) portal.Subject {
	t.Helper()
	found, err := c.IdentifyClient(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A wrong checksum is refused without a look-up. Everything else costs one, by the
// secret, whatever the ID is.
func TestAClientIsLookedUpByItsSecretAlone(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	right := withClient(t, s, &f)
	c := verify.New(s, verify.Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, junk := range []string{"", "hello", right.Secret[1:], right.Secret + "x", secret.New("", secret.Token).Reveal(), secret.New("", secret.AccessToken).Reveal()} {
		if got, err := c.CheckClient(t.Context(), verify.ClientRequest{ID: right.ID, Secret: junk}); err != nil || got.Code != "NOT_FOUND" {
			t.Errorf("junk: got %s, %v", got.Code, err)
		}
	}
	unknown := secret.New("", secret.ClientSecret).Reveal()
	for _, r := range []verify.ClientRequest{right, {ID: "x", Secret: right.Secret}, {ID: right.ID, Secret: unknown}, {ID: "x", Secret: unknown}} {
		if got, err := c.CheckClient(t.Context(), r); err == nil || got.Code != "" {
			t.Errorf("nothing was looked up: %+v", got)
		}
		if got, err := c.IdentifyClient(t.Context(), r); err == nil || got.KeyID != 0 {
			t.Errorf("nothing was looked up: %+v", got)
		}
	}
}

func TestBothSecretsOfARotationAreAClientsAndTheirUseIsToldApart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		old := withClient(t, s, &f)
		c, clock := verify.New(s, verify.Options{}), storetest.Of(s).Clock
		fresh := old
		fresh.Secret = rotate(t, s, &f, clock.Now().Add(time.Hour))
		fresh.ClientIP = netip.MustParseAddr("192.0.2.8")
		for _, r := range []verify.ClientRequest{old, fresh} {
			if got := checkClient(t, c, r); !got.Valid() {
				t.Errorf("got %s", got.Code)
			}
		}
		flush(t, c)
		secrets, err := s.Secrets(t.Context(), f.Key.ID)
		if err != nil || len(secrets) != 2 || secrets[0].LastUsedFrom != "192.0.2.8" || secrets[1].LastUsedFrom != client.String() {
			t.Errorf("got %+v, %v", secrets, err)
		}
		clock.Advance(time.Hour)
		if got := checkClient(t, c, old).Code; got != "NOT_FOUND" {
			t.Errorf("after the grace: %s", got)
		}
		if got := checkClient(t, c, fresh); !got.Valid() {
			t.Errorf("the new secret: %s", got.Code)
		}
	})
}

// rotate gives the fixture's key a new secret; the one before works until an end.
func rotate(t testing.TB, s *store.Store, f *storetest.Fixture, until time.Time) string {
	t.Helper()
	fresh := secret.New("", secret.ClientSecret)
	change(t, s, portal.Revision{Noun: portal.NounKey}, func(c *store.Change) (err error) {
		if err = c.RotateSecret(t.Context(), f.Key, storetest.Secret(fresh), until); err == nil {
			f.Key, err = c.Key(t.Context(), f.Key.ID)
		}
		return err
	})
	return fresh.Reveal()
}
