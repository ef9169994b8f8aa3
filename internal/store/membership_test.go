package store_test

import (
	"context"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAMembershipIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization, user := storetest.Organization(t, s), storetest.User(t, s)
		role := storetest.Role(t, s, organization, []portal.Authority{portal.ViewUsers}, storetest.APISet(t, s, "a"))
		role.Members = 1
		life[portal.Membership]{
			made: portal.Membership{
				OrganizationID: organization.ID, OrganizationName: organization.Name, UserID: user.ID, Admin: true, AllAccess: true, Roles: []portal.Role{role},
			},
			unset:  []string{"EndedAt"},
			change: func(m *portal.Membership) { m.Admin, m.AllAccess, m.Roles, m.EndedAt = false, false, nil, s.Now() },
			insert: func(ctx context.Context, c *store.Change, m portal.Membership) (portal.Membership, error) {
				return c.SaveMembership(ctx, m)
			},
			read: func(ctx context.Context, id int64) (portal.Membership, error) {
				if id > 1000 {
					return s.Membership(ctx, organization.ID, user.ID+1)
				}
				return s.Membership(ctx, organization.ID, user.ID)
			},
			update: func(ctx context.Context, c *store.Change, m portal.Membership) error {
				_, err := c.SaveMembership(ctx, m)
				return err
			},
		}.live(t, s)
	})
}

func TestAUserIsInAnOrganizationOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first, second, user := storetest.Organization(t, s), storetest.Organization(t, s), storetest.User(t, s)
		b, a := storetest.Member(t, s, second, user), storetest.Member(t, s, first, user)
		wantEqual(t, "memberships", must[[]portal.Membership](t)(s.Memberships(t.Context(), user.ID)), []portal.Membership{b, a})
		wantCode(t, "again", change(t, s, func(c *store.Change) error {
			_, err := c.SaveMembership(t.Context(), portal.Membership{OrganizationID: first.ID, UserID: user.ID})
			return err
		}), portal.CodeConflict)
	})
}

func TestAMembershipStaysWithItsUserAndOrganization(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		for what, move := range map[string]func(*portal.Membership){
			"to another organization": func(m *portal.Membership) { m.OrganizationID = storetest.Organization(t, s).ID },
			"to another user":         func(m *portal.Membership) { m.UserID = storetest.User(t, s).ID },
		} {
			moved := f.Membership
			move(&moved)
			wantCode(t, what, change(t, s, func(c *store.Change) error {
				_, err := c.SaveMembership(t.Context(), moved)
				return err
			}), portal.CodeConflict)
		}
		wantEqual(t, "membership", must[portal.Membership](t)(s.Membership(t.Context(), f.Organization.ID, f.User.ID)), f.Membership)
	})
}

func TestGrantsAddUpFlagsRolesAndGroups(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		grants := func(user int64) map[int64]portal.Grant {
			t.Helper()
			return must[map[int64]portal.Grant](t)(s.Grants(t.Context(), user))
		}
		wantEqual(t, "nobody", grants(f.SuperAdmin.ID), map[int64]portal.Grant{})
		wantEqual(t, "flags", grants(f.Admin.ID), map[int64]portal.Grant{
			f.Organization.ID: {Authorities: []portal.Authority{portal.Administration}, AllAccess: true, APISets: map[string]bool{}},
		})
		wantEqual(t, "a role", grants(f.User.ID), map[int64]portal.Grant{
			f.Organization.ID: {Authorities: []portal.Authority{portal.ViewHistory, portal.ManageUserAPIKey}, APISets: map[string]bool{"billing": true, "dunning": true}},
		})

		byGroup := storetest.Role(t, s, f.Organization, []portal.Authority{portal.ViewUsers, portal.ViewHistory}, f.Dunning, f.Revenue)
		group := storetest.Group(t, s, f.Organization, []portal.Membership{f.Membership}, byGroup)
		wantEqual(t, "a role and a group", grants(f.User.ID), map[int64]portal.Grant{
			f.Organization.ID: {
				Authorities: []portal.Authority{portal.ViewHistory, portal.ManageUserAPIKey, portal.ViewUsers},
				APISets:     map[string]bool{"billing": true, "dunning": true, "revenue-management": true},
			},
		})

		retire(t, s, f.Dunning)
		storetest.DeleteGroup(t, s, group)
		wantEqual(t, "without the group and a retired set", grants(f.User.ID)[f.Organization.ID].APISets, map[string]bool{"billing": true})
		storetest.Change(t, s, func(c *store.Change) error {
			return c.DeleteRole(t.Context(), must[portal.Role](t)(s.Role(t.Context(), f.Role.ID)))
		})
		wantEqual(t, "without the role", grants(f.User.ID), map[int64]portal.Grant{f.Organization.ID: {APISets: map[string]bool{}}})
		f.Membership.EndedAt, f.Membership.Roles = s.Now().Add(-time.Hour), nil
		storetest.SaveMembership(t, s, f.Membership)
		wantEqual(t, "when it has ended", grants(f.User.ID), map[int64]portal.Grant{})
	})
}
