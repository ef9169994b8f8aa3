package store_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestASecretIsKeptAsItsHash(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		value := secret.New("", secret.ClientSecret)
		sealed := storetest.Secret(value)
		sealed.Sealed, sealed.Imported = []byte{0, 1, 2, 255}, true
		key := storetest.Insert(t, s, func(c *store.Change) (portal.Key, error) {
			return c.InsertKey(t.Context(), portal.Key{
				Kind: portal.OAuthKey, OrganizationID: f.Organization.ID, Name: "Sealed", UserID: f.User.ID, LicenseID: f.License.ID, PublicID: "kpc_public",
			}, sealed)
		})
		found, stored, err := s.KeyByHash(t.Context(), value.Hash())
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "key", found, key)
		wantFilled(t, stored, "Previous", "ExpiresAt", "RetiredAt", "LastUsedAt", "LastUsedFrom", "Accepted")
		sealed.ID, sealed.KeyID, sealed.CreatedAt = stored.ID, key.ID, s.Now()
		wantEqual(t, "secret", stored, sealed)
		wantEqual(t, "secrets", must[[]portal.Secret](t)(s.Secrets(t.Context(), key.ID)), []portal.Secret{sealed})
		_, _, err = s.KeyByHash(t.Context(), secret.HashOf("another"))
		wantCode(t, "another secret", err, portal.CodeNotFound)
	})
}

func TestASecretSaysWhenItWasLastUsed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		stored := must[[]portal.Secret](t)(s.Secrets(t.Context(), f.Key.ID))[0]
		use := store.Use{SecretID: stored.ID, KeyID: f.Key.ID, OrganizationID: f.Organization.ID, UsedAt: s.Now(), UsedFrom: "192.0.2.1", Accepted: 3}
		before := store.Use{SecretID: stored.ID, KeyID: f.Key.ID, OrganizationID: f.Organization.ID, UsedAt: s.Now().Add(-time.Hour), UsedFrom: "192.0.2.2", Accepted: 4}
		for _, uses := range [][]store.Use{{use, before}, {before}} {
			update(t, s, func(u *store.Update) error { return u.AddUses(t.Context(), uses, nil, nil) })
		}
		stored.LastUsedAt, stored.LastUsedFrom, stored.Accepted = s.Now(), "192.0.2.1", 3+4+4
		wantEqual(t, "secrets", must[[]portal.Secret](t)(s.Secrets(t.Context(), f.Key.ID)), []portal.Secret{stored})
		_, found, err := s.KeyByHash(t.Context(), f.Secret.Hash())
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "secret", found, stored)
	})
}

// sealedSecret is a new secret that may be viewed again, as it is stored.
func sealedSecret() (portal.Secret, secret.Value) {
	value := secret.New("", secret.ClientSecret)
	sealed := storetest.Secret(value)
	sealed.Sealed = []byte("sealed " + value.Mask())
	return sealed, value
}

// sealedKey adds the OAuth client of the fixture's license, with a secret that
// may be viewed again.
func sealedKey(t *testing.T, s *store.Store, f storetest.Fixture) (portal.Key, secret.Value) {
	t.Helper()
	sealed, value := sealedSecret()
	return storetest.Insert(t, s, func(c *store.Change) (portal.Key, error) {
		return c.InsertKey(t.Context(), portal.Key{
			Kind: portal.OAuthKey, OrganizationID: f.Organization.ID, Name: "Client", UserID: f.User.ID, LicenseID: f.License.ID, PublicID: "kpc_client", Enabled: true,
			APISets: []portal.APISet{f.Billing},
		}, sealed)
	}), value
}

// rotate gives a key a new secret, and gives the key as it is then.
func rotate(t *testing.T, s *store.Store, key portal.Key, until time.Time) (portal.Key, secret.Value) {
	t.Helper()
	sealed, value := sealedSecret()
	storetest.Change(t, s, func(c *store.Change) error { return c.RotateSecret(t.Context(), key, sealed, until) })
	return must[portal.Key](t)(s.Key(t.Context(), key.ID)), value
}

// secretState is what has become of a secret.
type secretState struct{ Live, Previous, Sealed bool }

func wantSecrets(t *testing.T, s *store.Store, what string, wants map[secret.Value]secretState) {
	t.Helper()
	for value, want := range wants {
		_, stored, err := s.KeyByHash(t.Context(), value.Hash())
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, what+": "+value.Mask(), secretState{stored.RetiredAt.IsZero(), stored.Previous, stored.Sealed != nil}, want)
		_, err = s.Subject(t.Context(), value.Hash())
		if want.Live && err != nil {
			t.Error(err)
		} else if !want.Live {
			wantCode(t, what+": the check's subject", err, portal.CodeNotFound)
		}
	}
}

func TestAKeyThatHasNoSecretYetGetsItsFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		for name, until := range map[string]time.Time{"at once": {}, "whatever the grace": s.Now().Add(time.Hour)} {
			key := storetest.Insert(t, s, func(c *store.Change) (portal.Key, error) {
				return c.InsertKey(t.Context(), portal.Key{Kind: portal.TokenKey, OrganizationID: f.Organization.ID, UserID: f.User.ID, Name: name, Enabled: true}, portal.Secret{})
			})
			want := key
			want.UpdatedAt = storetest.Of(s).Clock.Advance(time.Minute)
			got, first := rotate(t, s, key, until)
			want.Masked, want.Version = first.Mask(), 2
			wantEqual(t, "key", got, want)
			wantSecrets(t, s, name, map[secret.Value]secretState{first: {Live: true, Sealed: true}})
		}
	})
}

func TestARotatedSecretWorksUntilTheEndOfItsGrace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		key, first := sealedKey(t, s, f)
		grace := s.Now().Add(time.Hour)
		key, second := rotate(t, s, key, grace)
		wantSecrets(t, s, "rotated", map[secret.Value]secretState{first: {Live: true, Previous: true}, second: {Live: true, Sealed: true}})
		wantEqual(t, "the end of the first", subject(t, s, first).SecretExpiresAt, grace)
		wantEqual(t, "the end of the second", subject(t, s, second).SecretExpiresAt, time.Time{})
		var listed []string
		for _, stored := range must[[]portal.Secret](t)(s.Secrets(t.Context(), key.ID)) {
			listed = append(listed, stored.Masked)
		}
		wantEqual(t, "the current one first", listed, []string{second.Mask(), first.Mask()})
		wantEqual(t, "mask", key.Masked, second.Mask())
	})
}

func TestASecretThatIsRotatedWithoutGraceEndsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		key, first := sealedKey(t, s, storetest.NewFixture(t, s))
		_, second := rotate(t, s, key, time.Time{})
		wantSecrets(t, s, "rotated", map[secret.Value]secretState{first: {}, second: {Live: true, Sealed: true}})
	})
}

func TestASecretThatIsRotatedOutAlreadyEndsWithTheNextRotation(t *testing.T) {
	for what, test := range map[string]struct {
		grace  time.Duration
		second secretState
	}{
		"with grace":    {time.Minute, secretState{Live: true, Previous: true}},
		"without grace": {0, secretState{}},
	} {
		t.Run(what, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				key, first := sealedKey(t, s, storetest.NewFixture(t, s))
				key, second := rotate(t, s, key, s.Now().Add(time.Hour))
				until := time.Time{}
				if test.grace != 0 {
					until = s.Now().Add(test.grace)
				}
				_, third := rotate(t, s, key, until)
				wantSecrets(t, s, what, map[secret.Value]secretState{first: {Previous: true}, second: test.second, third: {Live: true, Sealed: true}})
			})
		})
	}
}

func TestAKeyThatIsNotAsItWasReadIsNotRotated(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		key, first := sealedKey(t, s, storetest.NewFixture(t, s))
		refused := func(what string, key portal.Key) {
			t.Helper()
			sealed, value := sealedSecret()
			wantCode(t, what, change(t, s, func(c *store.Change) error { return c.RotateSecret(t.Context(), key, sealed, s.Now().Add(time.Hour)) }), portal.CodeConflict)
			_, _, err := s.KeyByHash(t.Context(), value.Hash())
			wantCode(t, what+": the new secret", err, portal.CodeNotFound)
			wantSecrets(t, s, what, map[secret.Value]secretState{first: {Live: true, Sealed: true}})
		}
		stale := key
		stale.Version--
		refused("a stale version", stale)
		missing := key
		missing.ID += 1000
		wantCode(t, "no key", change(t, s, func(c *store.Change) error {
			return c.RotateSecret(t.Context(), missing, portal.Secret{Hash: []byte("x")}, time.Time{})
		}), portal.CodeConflict)
		refused("a revoked key", revoke(t, s, key))
	})
}

func TestOfManyRotationsAtOnceOneSucceeds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		key, _ := sealedKey(t, s, storetest.NewFixture(t, s))
		wantOnce(t, inParallel(10, func() error {
			sealed, _ := sealedSecret()
			return change(t, s, func(c *store.Change) error { return c.RotateSecret(t.Context(), key, sealed, s.Now().Add(time.Hour)) })
		}))
		wantEqual(t, "live secrets", len(must[[]portal.Secret](t)(s.Secrets(t.Context(), key.ID))), 2)
	})
}

func TestAKeyIsFoundByTheEndOfItsNewSecret(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		key, first := sealedKey(t, s, storetest.NewFixture(t, s))
		_, second := rotate(t, s, key, s.Now().Add(time.Hour))
		found := func(value secret.Value) []int64 {
			page := must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), portal.KeyFilter{List: portal.List{Search: value.Mask()}}))
			return keyIDs(page.Rows)
		}
		wantEqual(t, "by the new one", found(second), []int64{key.ID})
		wantEqual(t, "by the one before", found(first), nil)
	})
}

func TestTheSecretThatIsRotatedOutCanBeEndedEarly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		key, first := sealedKey(t, s, f)
		_, second := rotate(t, s, key, s.Now().Add(time.Hour))
		_, others := rotate(t, s, f.Key, s.Now().Add(time.Hour))
		for range 2 { // the second time there is none
			storetest.Change(t, s, func(c *store.Change) error { return c.RetirePrevious(t.Context(), key.ID) })
			wantSecrets(t, s, "ended", map[secret.Value]secretState{
				first: {Previous: true}, second: {Live: true, Sealed: true}, f.Secret: {Live: true, Previous: true}, others: {Live: true, Sealed: true},
			})
		}
	})
}

func TestTheSealedCopiesOfAnOrganizationAreForgottenAndItsSecretsWorkOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, elsewhere := storetest.NewFixture(t, s), storetest.NewFixtureOf(t, s, "elsewhere")
		_, value := sealedKey(t, s, f)
		_, others := rotate(t, s, elsewhere.Key, time.Time{})
		storetest.Change(t, s, func(c *store.Change) error { return c.ForgetSealed(t.Context(), f.Organization.ID) })
		wantSecrets(t, s, "forgotten", map[secret.Value]secretState{value: {Live: true}, others: {Live: true, Sealed: true}})
	})
}

func TestTheSealedCopiesOfOneKeyAreForgottenAndOtherKeysKeepTheirs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		key, value := sealedKey(t, s, f)
		_, others := rotate(t, s, f.Key, time.Time{})
		storetest.Change(t, s, func(c *store.Change) error { return c.ForgetSealedOf(t.Context(), key.ID) })
		wantSecrets(t, s, "forgotten", map[secret.Value]secretState{value: {Live: true}, others: {Live: true, Sealed: true}})
	})
}
