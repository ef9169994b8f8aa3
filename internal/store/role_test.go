package store_test

import (
	"context"
	"slices"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestARoleIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		a, b := withoutRoutes(storetest.APISet(t, s, "a", "/a/")), withoutRoutes(storetest.APISet(t, s, "b"))
		life[portal.Role]{
			made: portal.Role{
				OrganizationID: organization.ID, Name: "Operator", Description: "Operates.", BuiltIn: true,
				Authorities: []portal.Authority{portal.APIKeys, portal.ViewUsers}, APISets: []portal.APISet{a},
			},
			unset: []string{"Members"},
			change: func(r *portal.Role) {
				r.Name, r.Description, r.Authorities, r.APISets = "Ops", "Other.", []portal.Authority{portal.ViewHistory}, []portal.APISet{a, b}
			},
			insert: func(ctx context.Context, c *store.Change, r portal.Role) (portal.Role, error) {
				return c.InsertRole(ctx, r)
			},
			read:   s.Role,
			update: func(ctx context.Context, c *store.Change, r portal.Role) error { return c.UpdateRole(ctx, r) },
		}.live(t, s)
	})
}

func TestAnOrganizationCanUseBuiltInRolesCommonRolesAndItsOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mine, other := storetest.Organization(t, s), storetest.Organization(t, s)
		common := storetest.Role(t, s, portal.Organization{}, nil)
		own := storetest.Role(t, s, mine, nil)
		foreign := storetest.Role(t, s, other, nil)
		roles := must[[]portal.Role](t)(s.Roles(t.Context(), mine.ID))
		var names []string
		for _, role := range roles {
			names = append(names, role.Name)
		}
		wantEqual(t, "roles", names, append([]string{"Administrator", "API User", "Gateway", "Viewer"}, sorted(common.Name, own.Name)...))

		outsider := storetest.User(t, s)
		for what, role := range map[string]portal.Role{"a role of another organization": foreign, "no role": {ID: foreign.ID + 1000}} {
			wantCode(t, what, change(t, s, func(c *store.Change) error {
				_, err := c.SaveMembership(t.Context(), portal.Membership{OrganizationID: mine.ID, UserID: outsider.ID, Roles: []portal.Role{role}})
				return err
			}), portal.CodeNotFound)
		}
	})
}

func TestADeletedRoleIsGoneForItsHolders(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		role := must[portal.Role](t)(s.Role(t.Context(), f.Role.ID))
		wantEqual(t, "members", role.Members, 1)
		storetest.Change(t, s, func(c *store.Change) error { return c.DeleteRole(t.Context(), role) })

		_, err := s.Role(t.Context(), role.ID)
		wantCode(t, "reading", err, portal.CodeNotFound)
		wantCode(t, "deleting again", change(t, s, func(c *store.Change) error { return c.DeleteRole(t.Context(), role) }), portal.CodeConflict)
		role.Version++
		wantCode(t, "updating", change(t, s, func(c *store.Change) error { return c.UpdateRole(t.Context(), role) }), portal.CodeConflict)
		wantEqual(t, "roles held", len(must[portal.Membership](t)(s.Membership(t.Context(), f.Organization.ID, f.User.ID)).Roles), 0)
		wantEqual(t, "sets allowed by", len(must[[]portal.Role](t)(s.RolesWithAPISet(t.Context(), f.Billing.ID))), 0)
		again := storetest.Insert(t, s, func(c *store.Change) (portal.Role, error) {
			return c.InsertRole(t.Context(), portal.Role{OrganizationID: role.OrganizationID, Name: role.Name})
		})
		if again.ID == role.ID {
			t.Error("the new role of the name is the deleted one")
		}
	})
}

func TestARolesNameIsUniqueInItsOrganizationAndAmongTheCommonOnes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mine, other := storetest.Organization(t, s), storetest.Organization(t, s)
		add := func(organization int64, name string) error {
			return change(t, s, func(c *store.Change) error {
				_, err := c.InsertRole(t.Context(), portal.Role{OrganizationID: organization, Name: name})
				return err
			})
		}
		for _, organization := range []int64{0, mine.ID, other.ID} {
			if err := add(organization, "Straße"); err != nil {
				t.Fatal(err)
			}
			wantCode(t, "again", add(organization, "STRAßE "), portal.CodeConflict)
		}
	})
}

func TestRolesThatAllowAnAPISetAreListed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		with := must[[]portal.Role](t)(s.RolesWithAPISet(t.Context(), f.Dunning.ID))
		wantEqual(t, "roles", with, []portal.Role{must[portal.Role](t)(s.Role(t.Context(), f.Role.ID))})
		wantEqual(t, "without", len(must[[]portal.Role](t)(s.RolesWithAPISet(t.Context(), f.Revenue.ID))), 0)
	})
}

// withoutRoutes is an API set as roles and keys carry it.
func withoutRoutes(set portal.APISet) portal.APISet {
	set.Routes = nil
	return set
}

func sorted(texts ...string) []string {
	slices.Sort(texts)
	return texts
}
