package store_test

import (
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAnImportedSecretAloneIsFoundAsOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		wantEqual(t, "imported at first", must[bool](t)(s.AnyImported(t.Context())), false)
		key := storetest.ImportedKey(t, s, f.Membership, "an old key", func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing} })
		wantEqual(t, "imported", must[bool](t)(s.AnyImported(t.Context())), true)
		found := must[portal.Subject](t)(s.ImportedSubject(t.Context(), secret.HashOf("an old key")))
		wantEqual(t, "subject", found, must[portal.Subject](t)(s.Subject(t.Context(), secret.HashOf("an old key"))))
		wantEqual(t, "key", found.KeyID, key.ID)
		_, err := s.ImportedSubject(t.Context(), f.Secret.Hash())
		wantCode(t, "a secret of our own", err, portal.CodeNotFound)

		storetest.Exec(t, storetest.SQL(t, s), `UPDATE keys SET enabled = FALSE, revoked_at = 1 WHERE id = $1`, key.ID)
		wantEqual(t, "imported, and revoked", must[bool](t)(s.AnyImported(t.Context())), true)
		storetest.Exec(t, storetest.SQL(t, s), `UPDATE secrets SET retired_at = 1 WHERE key_id = $1`, key.ID)
		wantEqual(t, "imported, and retired", must[bool](t)(s.AnyImported(t.Context())), false)
		_, err = s.ImportedSubject(t.Context(), secret.HashOf("an old key"))
		wantCode(t, "a retired one", err, portal.CodeNotFound)
	})
}

func TestTheFirstOrganizationIsTheOneThatAUserHasBeenInForLongest(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user := storetest.User(t, s)
		_, err := s.FirstOrganization(t.Context(), user.ID)
		wantCode(t, "of who is in none", err, portal.CodeNotFound)
		second, first := storetest.Organization(t, s), storetest.Organization(t, s)
		earliest := storetest.Member(t, s, first, user)
		storetest.Member(t, s, second, user)
		wantEqual(t, "first", must[int64](t)(s.FirstOrganization(t.Context(), user.ID)), first.ID)
		earliest.EndedAt = s.Now()
		storetest.SaveMembership(t, s, earliest)
		wantEqual(t, "after that has ended", must[int64](t)(s.FirstOrganization(t.Context(), user.ID)), second.ID)
	})
}

func TestAChangeThatRepeatsItselfReadsAndWritesAsAnyOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		// readings are all that a change which repeats itself reads once.
		readings := func(q store.Queries) []any {
			_, missing := q.User(t.Context(), 4711)
			return []any{
				must[portal.User](t)(q.User(t.Context(), f.User.ID)), must[portal.User](t)(q.User(t.Context(), f.Admin.ID)), must[portal.User](t)(q.UserByUsername(t.Context(), f.User.Username)),
				must[bool](t)(q.IsMember(t.Context(), f.Organization.ID, f.User.ID)), must[bool](t)(q.IsMember(t.Context(), f.User.ID, f.Organization.ID+1)),
				must[int64](t)(q.FirstOrganization(t.Context(), f.User.ID)), must[map[int64]portal.Grant](t)(q.Grants(t.Context(), f.User.ID)), must[map[int64]portal.Grant](t)(q.Grants(t.Context(), f.Admin.ID)),
				must[portal.Organization](t)(q.Organization(t.Context(), f.Organization.ID)), must[portal.Organization](t)(q.OrganizationByName(t.Context(), f.Organization.Name)),
				must[[]portal.APISet](t)(q.APISets(t.Context())), missing.Error(),
			}
		}
		want := readings(s.Queries)
		var keys []int64
		storetest.Change(t, s, func(c *store.Change) error {
			c.Repeat()
			for _, name := range []string{"First", "Second", "Third"} {
				wantEqual(t, name, readings(c.Queries), want)
				id, err := c.AddKey(t.Context(), portal.Key{
					Kind: portal.TokenKey, OrganizationID: f.Organization.ID, UserID: f.User.ID, Name: name, Enabled: true, APISets: []portal.APISet{f.Billing, f.Dunning},
				}, storetest.Secret(secret.New("", secret.Token)))
				if err != nil {
					return err
				}
				keys = append(keys, id)
			}
			return nil
		})
		for i, name := range []string{"First", "Second", "Third"} {
			key := must[portal.Key](t)(s.Key(t.Context(), keys[i]))
			wantEqual(t, "name", key.Name, name)
			wantEqual(t, "API sets", portal.Slugs(key.APISets), []string{"billing", "dunning"})
		}
	})
}
