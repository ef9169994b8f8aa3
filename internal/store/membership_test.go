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
		group := insertGroup(t, s, organization, "Accounting", role)
		role.Members, group.Members, group.Version = 1, 1, 2 // then
		group.Roles = []portal.Role{role}
		life[portal.Membership]{
			made: portal.Membership{
				OrganizationID: organization.ID, OrganizationName: organization.Name, UserID: user.ID, Admin: true, AllAccess: true, Roles: []portal.Role{role},
				Groups: []portal.Group{group},
			},
			unset: []string{"EndedAt"},
			change: func(m *portal.Membership) {
				m.Admin, m.AllAccess, m.Roles, m.Groups, m.EndedAt = false, false, nil, nil, s.Now()
			},
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

func TestTheHoldersOfAnAuthorityAreTheMembersWhoCanUseIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization, elsewhere := storetest.Organization(t, s), storetest.Organization(t, s)
		viewers := storetest.Role(t, s, organization, []portal.Authority{portal.ViewLicenses})
		managers := storetest.Role(t, s, organization, []portal.Authority{portal.Licensing, portal.ViewUsers})
		others := storetest.Role(t, s, organization, []portal.Authority{portal.ViewUsers})
		user := func(last, first string, edit ...func(*portal.User)) portal.User {
			return storetest.User(t, s, append(edit, func(u *portal.User) { u.LastName, u.FirstName = last, first })...)
		}
		join := func(u portal.User, roles ...portal.Role) portal.Membership {
			return storetest.Member(t, s, organization, u, roles...)
		}

		byRole, byAnother := user("Zuse", "Konrad"), user("babbage", "Charles")
		join(byRole, viewers)
		join(byAnother, managers, viewers)
		byGroup := user("Babbage", "Ada")
		storetest.Group(t, s, organization, []portal.Membership{join(byGroup)}, managers)
		admin := user("Admin", "")
		storetest.SaveMembership(t, s, portal.Membership{OrganizationID: organization.ID, UserID: admin.ID, Admin: true})

		join(user("Others", ""), others)
		join(user("Disabled", "", func(u *portal.User) { u.Enabled = false }), viewers)
		join(user("Locked", "", func(u *portal.User) { u.Locked = true }), viewers)
		ended := join(user("Left", ""), viewers)
		ended.EndedAt = s.Now()
		storetest.SaveMembership(t, s, ended)
		inDeleted := join(user("Deleted group", ""))
		storetest.DeleteGroup(t, s, storetest.Group(t, s, organization, []portal.Membership{inDeleted}, viewers))
		allAccess := user("All Access", "")
		storetest.SaveMembership(t, s, portal.Membership{OrganizationID: organization.ID, UserID: allAccess.ID, AllAccess: true})
		storetest.Support(t, s)
		storetest.Admin(t, s, elsewhere)

		for _, test := range []struct {
			authorities []portal.Authority
			most        int
			want        []portal.User
		}{
			{[]portal.Authority{portal.Licensing, portal.ViewLicenses}, 10, []portal.User{admin, byGroup, byAnother, byRole}},
			{[]portal.Authority{portal.Licensing, portal.ViewLicenses}, 2, []portal.User{admin, byGroup}},
			{[]portal.Authority{portal.ViewLicenses}, 10, []portal.User{admin, byAnother, byRole}},
			{[]portal.Authority{portal.Licensing}, 10, []portal.User{admin, byGroup, byAnother}},
			{[]portal.Authority{portal.ManageSettings}, 10, []portal.User{admin}},
		} {
			holders := must[[]portal.User](t)(s.Holders(t.Context(), organization.ID, test.authorities, test.most))
			wantEqual(t, "holders", holders, test.want)
		}
		storetest.Change(t, s, func(c *store.Change) error {
			return c.DeleteRole(t.Context(), must[portal.Role](t)(s.Role(t.Context(), viewers.ID)))
		})
		holders := must[[]portal.User](t)(s.Holders(t.Context(), organization.ID, []portal.Authority{portal.ViewLicenses}, 10))
		wantEqual(t, "when the role is deleted", holders, []portal.User{admin})
	})
}
