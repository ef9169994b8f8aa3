package store_test

import (
	"slices"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func subject(t *testing.T, s *store.Store, value secret.Value) portal.Subject {
	t.Helper()
	return must[portal.Subject](t)(s.Subject(t.Context(), value.Hash()))
}

func TestASubjectHoldsAllThatTheCheckNeeds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		user := storetest.User(t, s, func(u *portal.User) { u.Staff, u.Locked, u.PasswordExpired = portal.Support, true, true })
		membership := storetest.Member(t, s, f.Organization, user, f.Role)
		f.Organization.Suspended = true
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateOrganization(t.Context(), f.Organization) })
		key, value := storetest.Key(t, s, membership, func(k *portal.Key) {
			k.Kind, k.PublicID = portal.PairKey, "kpa_public"
			k.CanImpersonate, k.AllowedNetworks, k.RevokedAt = true, []string{"10.0.0.0/8", "2001:db8::/32"}, s.Now()
			k.RateLimit = portal.RateLimit{Requests: 100, Period: portal.PerHour, Burst: 20}
			k.LicenseID, k.ApplicationID, k.APISets = f.License.ID, f.Application.ID, []portal.APISet{f.Billing}
		})
		grace := s.Now().Add(time.Hour)
		storetest.Exec(t, storetest.SQL(t, s), `UPDATE secrets SET previous = TRUE, expires_at = $1 WHERE key_id = $2`, grace.UnixMicro(), key.ID)
		hash := secret.HashOfPair(key.PublicID, value.Reveal())
		_, stored, err := s.KeyByHash(t.Context(), hash)
		if err != nil {
			t.Fatal(err)
		}
		got := must[portal.Subject](t)(s.Subject(t.Context(), hash))
		wantFilled(t, got, "Revocation", "TokenIssuedAt", "TokenExpiresAt", "TokenRevokedAt", "Impersonated")
		wantEqual(t, "subject", got, portal.Subject{
			Revision: must[store.Position](t)(s.Position(t.Context())).Revision,
			SecretID: stored.ID, SecretExpiresAt: grace, KeyID: key.ID, KeyName: key.Name, Kind: portal.PairKey, KeyEnabled: true,
			KeyRevokedAt: key.RevokedAt, KeyExpiresAt: key.ExpiresAt, CanImpersonate: true, AllowedNetworks: key.AllowedNetworks, RateLimit: key.RateLimit,
			UserID: user.ID, Username: user.Username, UserEnabled: true, UserLocked: true, UserExpired: true, UserStaff: portal.Support, Member: true,
			OrganizationID: f.Organization.ID, OrganizationName: f.Organization.Name, Suspended: true,
			LicenseID: f.License.ID, LicenseNumber: f.License.Number, LicenseActive: true, Domain: f.License.Domain,
			Application: f.Application.Name, APISets: []string{"billing"}, PublicID: "kpa_public",
		})
	})
}

func TestASubjectHoldsWhomTheRequestActsAs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s) // granted: Billing, Revenue; allowed: Billing, Dunning
		_, token := accessToken(t, s, f.Secret, "revenue-management", "dunning")
		user := storetest.User(t, s, func(u *portal.User) { u.Staff, u.Locked, u.PasswordExpired = portal.Support, true, true })
		m := storetest.Member(t, s, f.Organization, user, storetest.Role(t, s, f.Organization, nil, f.Dunning, f.Revenue))
		as := func(id int64, want portal.Impersonated, reached ...string) {
			t.Helper()
			own, ownToken := subject(t, s, f.Secret), tokenSubject(t, s, token)
			own.Impersonated, own.APISets = want, reached
			wantEqual(t, "subject", must[portal.Subject](t)(s.SubjectAs(t.Context(), f.Secret.Hash(), id)), own)
			ownToken.Impersonated, ownToken.APISets = want, slices.DeleteFunc(slices.Clone(reached), func(slug string) bool { return slug == "billing" })
			if len(ownToken.APISets) == 0 {
				ownToken.APISets = nil
			}
			wantEqual(t, "a token's subject", must[portal.Subject](t)(s.TokenSubjectAs(t.Context(), token, id)), ownToken)
		}
		want := portal.Impersonated{ID: user.ID, Username: user.Username, Enabled: true, Locked: true, Expired: true, Staff: portal.Support, Member: true}
		wantFilled(t, want)
		as(user.ID, want, "revenue-management")
		m.AllAccess = true
		m = storetest.SaveMembership(t, s, m)
		as(user.ID, want, "billing", "revenue-management")
		retire(t, s, f.Revenue)
		as(user.ID, want, "billing")
		m.EndedAt = s.Now()
		storetest.SaveMembership(t, s, m)
		want.Member = false
		as(user.ID, want, "billing")
		as(f.User.ID, portal.Impersonated{ID: f.User.ID, Username: f.User.Username, Enabled: true, Member: true}, "billing")

		elsewhere := storetest.User(t, s)
		storetest.SaveMembership(t, s, portal.Membership{OrganizationID: storetest.Organization(t, s).ID, UserID: elsewhere.ID, AllAccess: true})
		for _, nobody := range []int64{elsewhere.ID, f.SuperAdmin.ID, 987654321, 0, -1} {
			as(nobody, portal.Impersonated{})
		}
	})
}

func TestASubjectWithoutLicenseAndApplication(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		user := storetest.User(t, s, func(u *portal.User) { u.Enabled = false })
		membership := storetest.Member(t, s, f.Organization, user)
		key, value := storetest.Key(t, s, membership, func(k *portal.Key) { k.Enabled, k.ExpiresAt = false, time.Time{} })
		membership.EndedAt = s.Now()
		storetest.SaveMembership(t, s, membership)
		got := subject(t, s, value)
		got.SecretID, got.Revision = 0, 0
		wantEqual(t, "subject", got, portal.Subject{
			KeyID: key.ID, KeyName: key.Name, Kind: portal.TokenKey, UserID: user.ID, Username: user.Username,
			OrganizationID: f.Organization.ID, OrganizationName: f.Organization.Name,
		})
	})
}

func TestARetiredOrUnknownSecretHasNoSubject(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		_, err := s.Subject(t.Context(), secret.New("", secret.Token).Hash())
		wantCode(t, "unknown", err, portal.CodeNotFound)
		storetest.Exec(t, storetest.SQL(t, s), `UPDATE secrets SET retired_at = $1`, s.Now().UnixMicro())
		_, err = s.Subject(t.Context(), f.Secret.Hash())
		wantCode(t, "retired", err, portal.CodeNotFound)
	})
}

func TestAKeyReachesWhatIsGrantedAndAllowedNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s) // granted: Billing, Revenue; allowed: Billing, Dunning
		reaches := func(what string, want ...string) {
			t.Helper()
			wantEqual(t, what, subject(t, s, f.Secret).APISets, want)
		}
		save := func(edit func(*portal.Membership)) {
			t.Helper()
			m := must[portal.Membership](t)(s.Membership(t.Context(), f.Organization.ID, f.User.ID))
			edit(&m)
			storetest.SaveMembership(t, s, m)
		}
		reaches("granted and allowed", "billing")
		wantEqual(t, "granted, whether allowed or not", len(must[portal.Key](t)(s.Key(t.Context(), f.Key.ID)).APISets), 2)
		save(func(m *portal.Membership) { m.AllAccess = true })
		reaches("with All Access", "billing", "revenue-management")
		save(func(m *portal.Membership) { m.AllAccess, m.Admin, m.Roles = false, true, nil })
		reaches("with Admin alone")
		group := storetest.Group(t, s, f.Organization, []portal.Membership{f.Membership}, f.Role)
		reaches("by a group", "billing")
		role := must[portal.Role](t)(s.Role(t.Context(), f.Role.ID))
		role.APISets = []portal.APISet{f.Revenue}
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateRole(t.Context(), role) })
		reaches("when the role allows another", "revenue-management")
		storetest.DeleteGroup(t, s, group)
		reaches("without the group")
		save(func(m *portal.Membership) { m.AllAccess = true })
		retire(t, s, f.Revenue)
		reaches("when one is retired", "billing")
		key := must[portal.Key](t)(s.Key(t.Context(), f.Key.ID))
		key.APISets = nil
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateKey(t.Context(), key) })
		reaches("when nothing is granted")
	})
}
