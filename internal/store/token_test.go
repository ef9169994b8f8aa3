package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// accessToken exchanges a key's secret for an access token.
func accessToken(t *testing.T, s *store.Store, value secret.Value, scope ...string) (portal.AccessToken, secret.Hash) {
	t.Helper()
	_, stored, err := s.KeyByHash(t.Context(), value.Hash())
	if err != nil {
		t.Fatal(err)
	}
	hash := secret.New("", secret.AccessToken).Hash()
	token := portal.AccessToken{Hash: hash[:], KeyID: stored.KeyID, SecretID: stored.ID, Scope: scope, ExpiresAt: s.Now().Add(time.Hour)}
	update(t, s, func(u *store.Update) error { return u.InsertToken(t.Context(), token) })
	return token, hash
}

func tokenSubject(t *testing.T, s *store.Store, hash secret.Hash) portal.Subject {
	t.Helper()
	return must[portal.Subject](t)(s.TokenSubject(t.Context(), hash))
}

func wantNoToken(t *testing.T, s *store.Store, what string, hash secret.Hash) {
	t.Helper()
	_, err := s.TokenSubject(t.Context(), hash)
	wantCode(t, what, err, portal.CodeNotFound)
}

func TestATokensSubjectIsItsKeysWithTheTokensTimes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		_, value := oauthKey(t, s, f.Membership, f.License, func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing, f.Dunning} })
		issued := storetest.Of(s).Clock.Advance(time.Minute)
		token, hash := accessToken(t, s, value, "billing", "dunning")
		want := subject(t, s, value)
		want.TokenIssuedAt, want.TokenExpiresAt = issued, token.ExpiresAt
		wantEqual(t, "subject", tokenSubject(t, s, hash), want)

		_, err := s.Subject(t.Context(), hash)
		wantCode(t, "the token as a key's secret", err, portal.CodeNotFound)
		wantNoToken(t, s, "a key's secret as a token", value.Hash())
		wantNoToken(t, s, "an unknown token", secret.HashOf("another"))
	})
}

func TestATokenReachesWhatItsKeyReachesNowWithinItsScope(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s) // User's roles allow Billing and Dunning
		revenue := storetest.APISet(t, s, "revenue")
		_, value := oauthKey(t, s, f.Membership, f.License, func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing, f.Dunning, f.Revenue, revenue} })
		scopes := map[string][]string{
			"both": {"dunning", "billing"}, "one": {"billing"}, "none": nil, "a part of a slug": {"bill", "illing", "revenue"},
			"more than the key": {"billing", "revenue-management", "unknown"}, "a pattern": {"%", "b_lling", "*"},
		}
		hashes := map[string]secret.Hash{}
		for name, scope := range scopes {
			_, hashes[name] = accessToken(t, s, value, scope...)
		}
		reach := func(what string, wants map[string][]string) {
			t.Helper()
			for name := range scopes {
				wantEqual(t, what+": "+name, tokenSubject(t, s, hashes[name]).APISets, wants[name])
			}
		}
		reach("by the role", map[string][]string{"both": {"billing", "dunning"}, "one": {"billing"}, "more than the key": {"billing"}})
		f.Membership.AllAccess = true
		m := storetest.SaveMembership(t, s, f.Membership)
		reach("with All Access", map[string][]string{
			"both": {"billing", "dunning"}, "one": {"billing"}, "a part of a slug": {"revenue"}, "more than the key": {"billing", "revenue-management"},
		})
		m.AllAccess = false
		storetest.SaveMembership(t, s, m)
		role := must[portal.Role](t)(s.Role(t.Context(), f.Role.ID))
		role.APISets = []portal.APISet{f.Dunning}
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateRole(t.Context(), role) })
		reach("when the role allows less", map[string][]string{"both": {"dunning"}})
		retire(t, s, f.Dunning)
		reach("when a set is retired", nil)
	})
}

func TestATokenEndsWithTheSecretThatItWasExchangedFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		key, first := sealedKey(t, s, storetest.NewFixture(t, s))
		_, ofFirst := accessToken(t, s, first, "billing")
		grace := s.Now().Add(time.Hour)
		key, second := rotate(t, s, key, grace)
		_, ofSecond := accessToken(t, s, second, "billing")
		wantEqual(t, "the end of the first's", tokenSubject(t, s, ofFirst).SecretExpiresAt, grace)
		wantEqual(t, "the end of the second's", tokenSubject(t, s, ofSecond).SecretExpiresAt, time.Time{})

		storetest.Change(t, s, func(c *store.Change) error { return c.RetirePrevious(t.Context(), key.ID) })
		wantNoToken(t, s, "the first's, when that is retired", ofFirst)
		tokenSubject(t, s, ofSecond)
		_, third := rotate(t, s, key, time.Time{})
		wantNoToken(t, s, "the second's, after a rotation without grace", ofSecond)
		_, ofThird := accessToken(t, s, third, "billing")
		tokenSubject(t, s, ofThird)
	})
}

func TestATokenIsRevokedOnceAndForItsOwnKeyAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		key, value := sealedKey(t, s, f)
		_, hash := accessToken(t, s, value, "billing")
		_, other := accessToken(t, s, value, "billing")
		revoke := func(hash secret.Hash, key int64, want bool) {
			t.Helper()
			_, err := s.RevokeToken(t.Context(), hash, key)
			wantEqual(t, "revoked", err == nil, want)
			wantEqual(t, "not found", portal.CodeOf(err) == portal.CodeNotFound, !want)
		}
		revoke(hash, f.Key.ID, false)
		wantEqual(t, "by another key", tokenSubject(t, s, hash).TokenRevokedAt, time.Time{})
		revoke(hash, key.ID, true)
		revoked := s.Now()
		storetest.Of(s).Clock.Advance(time.Minute)
		revoke(hash, key.ID, false)
		wantEqual(t, "by its own", tokenSubject(t, s, hash).TokenRevokedAt, revoked)
		wantEqual(t, "another token", tokenSubject(t, s, other).TokenRevokedAt, time.Time{})
		revoke(secret.HashOf("another"), key.ID, false)
	})
}

func TestTokensThatExpiredAreDropped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, value := sealedKey(t, s, storetest.NewFixture(t, s))
		token, old := accessToken(t, s, value)
		storetest.Of(s).Clock.Advance(time.Microsecond)
		_, next := accessToken(t, s, value)
		drop := func(before time.Time) {
			update(t, s, func(u *store.Update) error { return u.DropTokensBefore(t.Context(), before) })
		}
		drop(token.ExpiresAt)
		tokenSubject(t, s, old)
		drop(token.ExpiresAt.Add(time.Microsecond))
		wantNoToken(t, s, "the old one", old)
		tokenSubject(t, s, next)
	})
}

// used notes that a program got a token with a key's current secret.
func used(t *testing.T, s *store.Store, key portal.Key, agent, address string) portal.ClientUse {
	t.Helper()
	stored := must[[]portal.Secret](t)(s.Secrets(t.Context(), key.ID))[0]
	use := portal.ClientUse{KeyID: key.ID, SecretID: stored.ID, Agent: agent, Address: address, UsedAt: s.Now()}
	update(t, s, func(u *store.Update) error { return u.PutClientUse(t.Context(), use) })
	return use
}

func TestTheProgramsThatUseAKeyAreListedTheLatestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		key, _ := sealedKey(t, s, f)
		clock := storetest.Of(s).Clock
		erp := used(t, s, key, "ERP/1.0", "192.0.2.1")
		clock.Advance(time.Second)
		unnamed := used(t, s, key, "", "192.0.2.1")
		moved := used(t, s, key, "ERP/1.0", "192.0.2.2")
		used(t, s, f.Key, "ERP/1.0", "192.0.2.1")
		wantUses := func(what string, want ...portal.ClientUse) {
			t.Helper()
			wantEqual(t, what, must[[]portal.ClientUse](t)(s.ClientUses(t.Context(), key.ID)), want)
		}
		wantUses("at first", unnamed, moved, erp)
		clock.Advance(time.Second)
		erp = used(t, s, key, "ERP/1.0", "192.0.2.1")
		clock.Advance(-time.Hour)
		used(t, s, key, "ERP/1.0", "192.0.2.1")
		wantUses("used again, and by a clock that is behind", erp, unnamed, moved)

		clock.Advance(2 * time.Hour)
		key, _ = rotate(t, s, key, s.Now().Add(time.Hour))
		for _, use := range []*portal.ClientUse{&erp, &unnamed, &moved} {
			use.Previous = true
		}
		newer := used(t, s, key, "ERP/1.0", "192.0.2.1")
		wantUses("while the secret is rotated out", newer, erp, unnamed, moved)
		storetest.Change(t, s, func(c *store.Change) error { return c.RetirePrevious(t.Context(), key.ID) })
		wantUses("when it is retired", newer)
	})
}

func TestOfAKeyTheLatestHundredProgramsAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		key, _ := sealedKey(t, s, f)
		used(t, s, f.Key, "of another key", "192.0.2.1")
		var want []portal.ClientUse
		for i := range 110 {
			want = append(want, used(t, s, key, fmt.Sprintf("program %03d", i), "192.0.2.1"))
			storetest.Of(s).Clock.Advance(time.Microsecond)
		}
		slices.Reverse(want)
		wantEqual(t, "kept", must[[]portal.ClientUse](t)(s.ClientUses(t.Context(), key.ID)), want[:100])
		for i := range 110 { // all at one instant
			used(t, s, key, fmt.Sprintf("another %03d", i), "192.0.2.1")
		}
		wantEqual(t, "kept of one instant", len(must[[]portal.ClientUse](t)(s.ClientUses(t.Context(), key.ID))), 100)
		wantEqual(t, "of another key", len(must[[]portal.ClientUse](t)(s.ClientUses(t.Context(), f.Key.ID))), 1)
	})
}
