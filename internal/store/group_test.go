package store_test

import (
	"context"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAGroupIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		role := storetest.Role(t, s, organization, []portal.Authority{portal.ViewUsers}, storetest.APISet(t, s, "a"))
		builtIn := must[portal.Role](t)(s.Role(t.Context(), 1))
		life[portal.Group]{
			made:   portal.Group{OrganizationID: organization.ID, Name: "Accounting", Description: "Those who count.", Roles: []portal.Role{role}},
			unset:  []string{"Members"},
			change: func(g *portal.Group) { g.Name, g.Description, g.Roles = "Finance", "", []portal.Role{builtIn, role} },
			insert: func(ctx context.Context, c *store.Change, g portal.Group) (portal.Group, error) {
				return c.InsertGroup(ctx, g)
			},
			read:   s.Group,
			update: func(ctx context.Context, c *store.Change, g portal.Group) error { return c.UpdateGroup(ctx, g) },
		}.live(t, s)
	})
}

// insertGroup adds a group with roles.
func insertGroup(t *testing.T, s *store.Store, organization portal.Organization, name string, roles ...portal.Role) portal.Group {
	t.Helper()
	return storetest.Insert(t, s, func(c *store.Change) (portal.Group, error) {
		return c.InsertGroup(t.Context(), portal.Group{OrganizationID: organization.ID, Name: name, Roles: roles})
	})
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// move puts a user into a group or takes them out of it.
func move(t *testing.T, s *store.Store, group portal.Group, user portal.User, in bool) error {
	t.Helper()
	return change(t, s, func(c *store.Change) error {
		if in {
			return c.PutIntoGroup(t.Context(), group, user.ID)
		}
		return c.TakeOutOfGroup(t.Context(), group, user.ID)
	})
}

func TestAnOrganizationsGroupsAreListedByNameWithTheirRolesAndHowManyAreInThem(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other := storetest.Organization(t, s)
		insertGroup(t, s, other, "Theirs")
		b := insertGroup(t, s, f.Organization, "b", f.Role)
		a := insertGroup(t, s, f.Organization, "A")
		mustDo(t, move(t, s, b, f.User, true))
		groups := must[[]portal.Group](t)(s.Groups(t.Context(), f.Organization.ID))
		b.Members, b.Roles = 1, []portal.Role{must[portal.Role](t)(s.Role(t.Context(), f.Role.ID))}
		wantEqual(t, "groups", groups, []portal.Group{a, b})
		wantEqual(t, "none", must[[]portal.Group](t)(s.Groups(t.Context(), other.ID+1000)), nil)
	})
}

func TestAGroupsNameIsUniqueInItsOrganizationUntilItIsDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mine, other := storetest.Organization(t, s), storetest.Organization(t, s)
		add := func(organization portal.Organization, name string) error {
			return change(t, s, func(c *store.Change) error {
				_, err := c.InsertGroup(t.Context(), portal.Group{OrganizationID: organization.ID, Name: name})
				return err
			})
		}
		first := insertGroup(t, s, mine, "Straße")
		wantCode(t, "again", add(mine, "STRAßE "), portal.CodeConflict)
		mustDo(t, add(other, "Straße"))
		storetest.Change(t, s, func(c *store.Change) error { return c.DeleteGroup(t.Context(), first) })
		mustDo(t, add(mine, "Straße"))
	})
}

func TestOnlyWhatBelongsToTheOrganizationComesIntoAGroup(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other := storetest.Organization(t, s)
		group, theirs := insertGroup(t, s, f.Organization, "Accounting"), insertGroup(t, s, other, "Theirs")
		left := storetest.User(t, s)
		storetest.SaveMembership(t, s, portal.Membership{OrganizationID: f.Organization.ID, UserID: left.ID, EndedAt: s.Now()})
		deleted := storetest.Role(t, s, f.Organization, nil)
		storetest.Change(t, s, func(c *store.Change) error { return c.DeleteRole(t.Context(), deleted) })
		for what, role := range map[string]portal.Role{"another's role": storetest.Role(t, s, other, nil), "a deleted role": deleted, "no role": {ID: 4711}} {
			wantCode(t, what, change(t, s, func(c *store.Change) error {
				g := group
				g.Roles = []portal.Role{role}
				return c.UpdateGroup(t.Context(), g)
			}), portal.CodeNotFound)
		}
		for what, user := range map[string]portal.User{"who left": left, "a stranger": f.SuperAdmin, "nobody": {ID: 4711}} {
			wantCode(t, what, move(t, s, group, user, true), portal.CodeNotFound)
		}
		gone := insertGroup(t, s, f.Organization, "Gone")
		storetest.Change(t, s, func(c *store.Change) error { return c.DeleteGroup(t.Context(), gone) })
		for what, one := range map[string]portal.Group{"another's group": theirs, "a deleted group": gone, "no group": {ID: 4711}} {
			m := must[portal.Membership](t)(s.Membership(t.Context(), f.Organization.ID, f.User.ID))
			m.Groups = []portal.Group{one}
			wantCode(t, what, change(t, s, func(c *store.Change) error {
				_, err := c.SaveMembership(t.Context(), m)
				return err
			}), portal.CodeNotFound)
		}
		wantEqual(t, "members", must[[]portal.User](t)(s.GroupMembers(t.Context(), group.ID)), nil)
	})
}

func TestWhoIsInAGroupIsToldByTheGroupAndByTheMembership(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		group := insertGroup(t, s, f.Organization, "Accounting", f.Role)
		membership := func() portal.Membership {
			return must[portal.Membership](t)(s.Membership(t.Context(), f.Organization.ID, f.User.ID))
		}
		version := func() int64 { return must[portal.Group](t)(s.Group(t.Context(), group.ID)).Version }

		before := membership()
		mustDo(t, move(t, s, group, f.User, true))
		mustDo(t, move(t, s, group, f.Admin, true))
		wantEqual(t, "members", must[[]portal.User](t)(s.GroupMembers(t.Context(), group.ID)), []portal.User{f.User, f.Admin})
		held := membership()
		wantEqual(t, "groups", held.Groups, []portal.Group{must[portal.Group](t)(s.Group(t.Context(), group.ID))})
		wantEqual(t, "among all memberships", must[[]portal.Membership](t)(s.Memberships(t.Context(), f.User.ID)), []portal.Membership{held})
		before.Groups = nil
		wantCode(t, "a form of the membership that does not know of the group", change(t, s, func(c *store.Change) error {
			_, err := c.SaveMembership(t.Context(), before)
			return err
		}), portal.CodeConflict)

		known := version()
		held.AllAccess = true
		held = storetest.SaveMembership(t, s, held)
		wantEqual(t, "version when the membership stays in it", version(), known)
		held.Groups = nil
		held = storetest.SaveMembership(t, s, held)
		wantEqual(t, "version when the membership leaves it", version(), known+1)
		wantEqual(t, "members", must[[]portal.User](t)(s.GroupMembers(t.Context(), group.ID)), []portal.User{f.Admin})
		held.Groups = []portal.Group{group}
		storetest.SaveMembership(t, s, held)
		wantEqual(t, "version when it comes back", version(), known+2)

		mustDo(t, move(t, s, group, f.User, false))
		wantEqual(t, "groups in the end", membership().Groups, nil)
	})
}

func TestAMembershipThatHasEndedIsInNoGroup(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		group := insertGroup(t, s, f.Organization, "Accounting", f.Role)
		f.Membership.Groups = []portal.Group{group}
		held := storetest.SaveMembership(t, s, f.Membership)
		held.EndedAt = s.Now()
		held = storetest.SaveMembership(t, s, held)
		wantEqual(t, "groups", held.Groups, nil)
		wantEqual(t, "members", must[portal.Group](t)(s.Group(t.Context(), group.ID)).Members, 0)
		around := storetest.Group(t, s, f.Organization, []portal.Membership{held})
		wantEqual(t, "members, around the store", must[[]portal.User](t)(s.GroupMembers(t.Context(), around)), nil)
		held.EndedAt = time.Time{}
		wantEqual(t, "groups when it is taken up again", storetest.SaveMembership(t, s, held).Groups, nil)
	})
}

func TestADeletedGroupAndADeletedRoleAreGoneForTheMembers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		lone := storetest.User(t, s)
		membership := storetest.Member(t, s, f.Organization, lone)
		group, kept := insertGroup(t, s, f.Organization, "Accounting", f.Role), insertGroup(t, s, f.Organization, "Kept", f.Role)
		membership.Groups = []portal.Group{group, kept}
		storetest.SaveMembership(t, s, membership)
		members := func() int { return must[portal.Role](t)(s.Role(t.Context(), f.Role.ID)).Members }
		wantEqual(t, "who holds the role, directly and by groups", members(), 2)

		storetest.Change(t, s, func(c *store.Change) error {
			return c.DeleteGroup(t.Context(), must[portal.Group](t)(s.Group(t.Context(), group.ID)))
		})
		_, err := s.Group(t.Context(), group.ID)
		wantCode(t, "reading", err, portal.CodeNotFound)
		wantCode(t, "deleting again", change(t, s, func(c *store.Change) error { return c.DeleteGroup(t.Context(), group) }), portal.CodeConflict)
		wantEqual(t, "groups", len(must[portal.Membership](t)(s.Membership(t.Context(), f.Organization.ID, lone.ID)).Groups), 1)
		wantEqual(t, "who holds the role by the other group", members(), 2)

		storetest.Change(t, s, func(c *store.Change) error { return c.DeleteRole(t.Context(), f.Role) })
		wantEqual(t, "roles of the group", must[portal.Group](t)(s.Group(t.Context(), kept.ID)).Roles, nil)
		wantEqual(t, "what its member holds", must[map[int64]portal.Grant](t)(s.Grants(t.Context(), lone.ID))[f.Organization.ID].APISets, map[string]bool{})
	})
}

func TestAMemberIsWhoIsInTheOrganizationNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		wantEqual(t, "member", must[portal.User](t)(s.Member(t.Context(), f.Organization.ID, f.User.ID)), f.User)
		f.Membership.EndedAt = s.Now()
		storetest.SaveMembership(t, s, f.Membership)
		for what, user := range map[string]portal.User{"who left": f.User, "a stranger": f.SuperAdmin} {
			_, err := s.Member(t.Context(), f.Organization.ID, user.ID)
			wantCode(t, what, err, portal.CodeNotFound)
		}
	})
}
