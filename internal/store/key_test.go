package store_test

import (
	"context"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAKeyIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		value := secret.New("acme", secret.SecurityKey)
		life[portal.Key]{
			made: portal.Key{
				Kind: portal.PairKey, OrganizationID: f.Organization.ID, OrganizationName: f.Organization.Name,
				Name: "Nightly Job", Description: "Runs at night.", UserID: f.User.ID, Username: f.User.Username, UserName: "Ada Lovelace",
				CreatedBy: f.Admin.ID, CreatorName: "An Admin", MappedBy: f.Admin.ID, MapperName: "An Admin", MappingTold: true, LicenseID: f.License.ID, LicenseNumber: f.License.Number, Domain: f.License.Domain,
				ApplicationID: 4, ApplicationName: "Data Loader", PublicID: "kpa_public",
				CanImpersonate: true, DataLoader: true, AllowedNetworks: []string{"10.0.0.0/8", "2001:db8::/32"},
				RateLimit: portal.RateLimit{Requests: 100, Period: portal.PerMinute, Burst: 20}, Enabled: true, DisabledBy: f.Admin.ID,
				ExpiresAt: s.Now().Add(time.Hour), APISets: []portal.APISet{withoutRoutes(f.Billing), withoutRoutes(f.Dunning)}, Masked: value.Mask(),
			},
			unset:    []string{"RevokedAt", "LastUsedAt", "LastUsedFrom", "RefusedAs"},
			instants: []string{"CreatedAt", "UpdatedAt", "MappedAt"},
			change: func(k *portal.Key) {
				k.Name, k.Description, k.UserID, k.Username = "Daily Job", "", f.Admin.ID, f.Admin.Username
				k.MappedBy, k.MapperName, k.MappedAt, k.MappingTold = f.User.ID, "A User", s.Now().Add(time.Minute), false
				k.RateLimit = portal.RateLimit{Requests: 5, Period: portal.PerDay}
				k.CanImpersonate, k.AllowedNetworks, k.Enabled, k.DisabledBy, k.ExpiresAt = false, nil, false, 0, time.Time{}
				k.APISets = []portal.APISet{withoutRoutes(f.Revenue)}
			},
			insert: func(ctx context.Context, c *store.Change, k portal.Key) (portal.Key, error) {
				return c.InsertKey(ctx, k, storetest.Secret(value))
			},
			read:   s.Key,
			update: func(ctx context.Context, c *store.Change, k portal.Key) error { return c.UpdateKey(ctx, k) },
		}.live(t, s)
	})
}

// untold adds a key that somebody else mapped to a member, who does not know of it.
func untold(t *testing.T, s *store.Store, m portal.Membership, by portal.User) portal.Key {
	t.Helper()
	key, _ := storetest.Key(t, s, m, func(k *portal.Key) { k.MappedBy, k.MapperName, k.MappingTold = by.ID, by.Name(), false })
	return key
}

func TestTheKeysOfWhichAUserWasNotToldAreListedUntilTheyAre(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other := storetest.Member(t, s, f.Organization, storetest.User(t, s))
		first := untold(t, s, f.Membership, f.Admin)
		storetest.Of(s).Clock.Advance(time.Minute)
		second, others := untold(t, s, f.Membership, f.Admin), untold(t, s, other, f.Admin)
		revoke(t, s, untold(t, s, f.Membership, f.Admin))
		list := func(user int64) []portal.Key { return must[[]portal.Key](t)(s.UntoldKeys(t.Context(), user)) }
		tell := func(key portal.Key) {
			update(t, s, func(u *store.Update) error { return u.TellOfKey(t.Context(), key) })
		}
		wantEqual(t, "the latest first, without what one made oneself", list(f.User.ID), []portal.Key{second, first})

		tell(first)
		wantEqual(t, "after the first", keyIDs(list(f.User.ID)), []int64{second.ID})
		first.MappingTold = true
		wantEqual(t, "told", must[portal.Key](t)(s.Key(t.Context(), first.ID)), first)

		again := second
		again.MappedAt = second.MappedAt.Add(time.Second)
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateKey(t.Context(), again) })
		moved := others
		moved.UserID = f.User.ID
		tell(second)
		tell(moved)
		wantEqual(t, "mapped again since it was read", keyIDs(list(f.User.ID)), []int64{second.ID})
		wantEqual(t, "of somebody else", keyIDs(list(other.UserID)), []int64{others.ID})
	})
}

func TestARevokedKeyNeverChangesAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		key := f.Key
		key.RevokedAt = s.Now()
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateKey(t.Context(), key) })
		key.Version++
		wantEqual(t, "revoked", must[portal.Key](t)(s.Key(t.Context(), key.ID)), key)
		key.RevokedAt = time.Time{}
		wantCode(t, "taking it back", change(t, s, func(c *store.Change) error { return c.UpdateKey(t.Context(), key) }), portal.CodeConflict)
	})
}

func TestALiveKeyIsFoundByItsName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		key, _ := storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.Name = "Çalıştır" })
		wantEqual(t, "found", must[portal.Key](t)(s.LiveKeyNamed(t.Context(), f.Organization.ID, f.User.ID, "çalıştır ")), key)
		_, err := s.LiveKeyNamed(t.Context(), f.Organization.ID, f.Admin.ID, key.Name)
		wantCode(t, "another user's", err, portal.CodeNotFound)

		key.RevokedAt = s.Now()
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateKey(t.Context(), key) })
		_, err = s.LiveKeyNamed(t.Context(), f.Organization.ID, f.User.ID, key.Name)
		wantCode(t, "a revoked one", err, portal.CodeNotFound)
		storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.Name = key.Name })
	})
}

// revoke revokes a key, and gives it as it is then.
func revoke(t *testing.T, s *store.Store, key portal.Key) portal.Key {
	t.Helper()
	key.RevokedAt = s.Now()
	storetest.Change(t, s, func(c *store.Change) error { return c.UpdateKey(t.Context(), key) })
	return must[portal.Key](t)(s.Key(t.Context(), key.ID))
}

// oauthKey adds the OAuth client of a license.
func oauthKey(t *testing.T, s *store.Store, m portal.Membership, license portal.License, edit ...func(*portal.Key)) (portal.Key, secret.Value) {
	t.Helper()
	return storetest.Key(t, s, m, append([]func(*portal.Key){func(k *portal.Key) {
		k.Kind, k.LicenseID, k.PublicID = portal.OAuthKey, license.ID, "kpc_"+k.Name
	}}, edit...)...)
}

func TestALiveKeyIsFoundByItsApplicationAndLicense(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s) // its key is for Application and License
		other := storetest.License(t, s, f.Organization)
		want := f.Key
		want.APISets = nil
		wantEqual(t, "found", must[portal.Key](t)(s.LiveKeyFor(t.Context(), f.Application.ID, f.License.ID)), want)
		for what, at := range map[string][2]int64{"another license": {f.Application.ID, other.ID}, "another application": {1, f.License.ID}} {
			_, err := s.LiveKeyFor(t.Context(), at[0], at[1])
			wantCode(t, what, err, portal.CodeNotFound)
		}
		revoke(t, s, f.Key)
		_, err := s.LiveKeyFor(t.Context(), f.Application.ID, f.License.ID)
		wantCode(t, "a revoked one", err, portal.CodeNotFound)
	})
}

func TestALicensesOAuthClientIsFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other := storetest.License(t, s, f.Organization)
		key, _ := oauthKey(t, s, f.Membership, f.License, func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing} })
		wantEqual(t, "found", must[portal.Key](t)(s.OAuthKey(t.Context(), f.License.ID)), key)
		_, err := s.OAuthKey(t.Context(), other.ID)
		wantCode(t, "another license's", err, portal.CodeNotFound)
		revoke(t, s, key)
		_, err = s.OAuthKey(t.Context(), f.License.ID)
		wantCode(t, "a revoked one", err, portal.CodeNotFound)
		next, _ := oauthKey(t, s, f.Membership, f.License)
		wantEqual(t, "the next one", must[portal.Key](t)(s.OAuthKey(t.Context(), f.License.ID)).ID, next.ID)
	})
}

func TestTheLiveKeysOfLicensesAreListedByName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, elsewhere := storetest.NewFixture(t, s), storetest.NewFixtureOf(t, s, "elsewhere")
		named := func(name string, license, application int64) portal.Key {
			key, _ := storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.Name, k.LicenseID, k.ApplicationID = name, license, application })
			return key
		}
		z := named("z", f.License.ID, 1)
		b := named("B", storetest.License(t, s, f.Organization).ID, 1)
		a := named("a", f.License.ID, 2)
		named("no license", 0, 3)
		revoke(t, s, named("revoked", f.License.ID, 3))
		revoke(t, s, f.Key)
		wantEqual(t, "keys", must[[]portal.Key](t)(s.LicensedKeys(t.Context(), f.Organization.ID)), []portal.Key{a, b, z})
		wantEqual(t, "elsewhere", keyIDs(must[[]portal.Key](t)(s.LicensedKeys(t.Context(), elsewhere.Organization.ID))), []int64{elsewhere.Key.ID})
	})
}

func TestTheLiveKeysForAnApplicationAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, elsewhere := storetest.NewFixture(t, s), storetest.NewFixtureOf(t, s, "elsewhere")
		of := func(m portal.Membership, license int64) portal.Key {
			key, _ := storetest.Key(t, s, m, func(k *portal.Key) { k.LicenseID, k.ApplicationID = license, 1 })
			return key
		}
		of(f.Membership, f.License.ID)
		of(f.Membership, 0) // bound to no license
		revoke(t, s, of(elsewhere.Membership, elsewhere.License.ID))
		of(elsewhere.Membership, elsewhere.License.ID)
		for application, want := range map[int64]int{1: 3, 2: 0, f.Application.ID: 1} {
			wantEqual(t, "keys", must[int](t)(s.KeysFor(t.Context(), application)), want)
		}
	})
}

func TestAKeyCanWaitForItsFirstSecret(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		key := storetest.Insert(t, s, func(c *store.Change) (portal.Key, error) {
			return c.InsertKey(t.Context(), portal.Key{Kind: portal.TokenKey, OrganizationID: f.Organization.ID, UserID: f.User.ID, Name: "Waiting", Enabled: true}, portal.Secret{})
		})
		wantEqual(t, "mask", key.Masked, "")
		wantEqual(t, "secrets", len(must[[]portal.Secret](t)(s.Secrets(t.Context(), key.ID))), 0)
		wantEqual(t, "key", must[portal.Key](t)(s.Key(t.Context(), key.ID)), key)
	})
}

func TestKeysThatWouldLoseAnAPISetAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		with := func(k *portal.Key) { k.APISets = []portal.APISet{f.Dunning} }
		first, _ := storetest.Key(t, s, f.Membership, with)
		second, _ := storetest.Key(t, s, f.Membership, with)
		revoked, _ := storetest.Key(t, s, f.Membership, with)
		revoked.RevokedAt = s.Now()
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateKey(t.Context(), revoked) })

		for most, want := range map[int][]int64{1: {first.ID}, 5: {first.ID, second.ID}} {
			keys, count, err := s.KeysLosing(t.Context(), f.Dunning.ID, most)
			if err != nil || count != 2 {
				t.Errorf("KeysLosing gives %d keys, %v; want 2", count, err)
			}
			wantEqual(t, "keys", keyIDs(keys), want)
		}
	})
}

func TestKeysAreCountedByWhatExpires(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s) // its key expires in 90 days
		now := s.Now()
		for _, expiry := range []time.Time{{}, now.Add(-time.Hour), now, now.Add(time.Microsecond), now.Add(time.Hour)} {
			storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.ExpiresAt = expiry })
		}
		other := storetest.Member(t, s, f.Organization, storetest.User(t, s))
		storetest.Key(t, s, other, func(k *portal.Key) { k.ExpiresAt = now.Add(time.Minute) })
		revoked, _ := storetest.Key(t, s, other, func(k *portal.Key) { k.RevokedAt = now })
		for user, want := range map[int64][2]int{0: {7, 3}, f.User.ID: {6, 2}, other.UserID: {1, 1}} {
			live, expiring, err := s.KeyCounts(t.Context(), f.Organization.ID, user, now.Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, "live and expiring", [2]int{live, expiring}, want)
		}
		wantEqual(t, "state", revoked.State(now), portal.KeyRevoked)
	})
}

func keyIDs(keys []portal.Key) (ids []int64) {
	for _, key := range keys {
		ids = append(ids, key.ID)
	}
	return ids
}

func TestAKeySaysWhatTheCheckAnswersBecauseOfItsUserOrganizationAndLicense(t *testing.T) {
	for want, spoil := range map[portal.CheckCode]func(*testing.T, *store.Change, storetest.Fixture) error{
		portal.CheckUserDisabled: func(t *testing.T, c *store.Change, f storetest.Fixture) error {
			f.User.Enabled, f.User.Locked = false, true
			return c.UpdateUser(t.Context(), f.User)
		},
		portal.CheckUserLocked: func(t *testing.T, c *store.Change, f storetest.Fixture) error {
			f.User.Locked, f.User.PasswordExpired = true, true
			return c.UpdateUser(t.Context(), f.User)
		},
		portal.CheckUserExpired: func(t *testing.T, c *store.Change, f storetest.Fixture) error {
			f.User.PasswordExpired = true
			return c.UpdateUser(t.Context(), f.User)
		},
		portal.CheckOrgSuspended: func(t *testing.T, c *store.Change, f storetest.Fixture) error {
			f.Organization.Suspended = true
			return c.UpdateOrganization(t.Context(), f.Organization)
		},
		portal.CheckLicenseInactive: func(t *testing.T, c *store.Change, f storetest.Fixture) error {
			f.License.Active = false
			return c.UpdateLicense(t.Context(), f.License)
		},
	} {
		t.Run(string(want), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				f := storetest.NewFixture(t, s)
				wantEqual(t, "before", must[portal.Key](t)(s.Key(t.Context(), f.Key.ID)).RefusedAs, portal.CheckCode(""))
				storetest.Change(t, s, func(c *store.Change) error { return spoil(t, c, f) })
				wantEqual(t, "after", must[portal.Key](t)(s.Key(t.Context(), f.Key.ID)).RefusedAs, want)
			})
		})
	}
}
