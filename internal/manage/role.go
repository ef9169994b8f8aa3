package manage

import (
	"context"
	"slices"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// Roles lists the roles that an organization can use. For who may View Roles or
// Manage Users there.
func (m *Manager) Roles(ctx context.Context, organization int64) ([]portal.Role, error) {
	actor := portal.ActorFrom(ctx)
	if !actor.Holds(portal.ManageUsers, organization) {
		if err := portal.Can(actor, portal.ViewRoles, organization); err != nil {
			return nil, err
		}
	}
	return m.Store.Roles(ctx, organization)
}

// Role finds a role: one for every organization, or one of an organization in
// which the actor may View Roles.
func (m *Manager) Role(ctx context.Context, id int64) (portal.Role, error) {
	actor := portal.ActorFrom(ctx)
	role, err := m.Store.Role(ctx, id)
	if err != nil {
		return role, err
	}
	organization := role.OrganizationID
	if organization == 0 {
		organization = actor.OrganizationID
	} else if !actor.CanSee(organization) {
		return portal.Role{}, portal.NotFound(portal.NounRole)
	}
	return role, portal.Can(actor, portal.ViewRoles, organization)
}

// RoleInput is what a role is made of.
type RoleInput struct {
	ID, Version    int64 // of the role that is edited
	Submission     Submission
	OrganizationID int64 // of a new role; 0: for every organization
	Name           string
	Description    string
	Authorities    []portal.Authority
	APISets        []string // slugs
}

// CreateRole makes a role of an organization, for who may Manage Roles there, or
// one for every organization, for who may Manage Organizations. Nobody puts
// into a role what they do not hold.
func (m *Manager) CreateRole(ctx context.Context, in RoleInput) (portal.Role, error) {
	var made portal.Role
	if err := canManageRoles(portal.ActorFrom(ctx), in.OrganizationID); err != nil {
		return made, err
	}
	err := m.change(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounRole, &made, c.Role, func() (int64, error) {
			role, err := checkRole(ctx, c, portal.Role{OrganizationID: in.OrganizationID}, in)
			if err != nil {
				return 0, err
			}
			if made, err = c.InsertRole(ctx, role); err != nil {
				return 0, err
			}
			return made.ID, c.Record(ctx, roleRevision(made, "created", portal.Diff(nil, made.Record())))
		})
	})
	return made, err
}

// UpdateRole edits a role, for who may make one like it: nobody adds or takes away
// what they do not hold. What it allows changes for its holders at once.
// Built-in roles stay as they are (CodeConflict).
func (m *Manager) UpdateRole(ctx context.Context, in RoleInput) error {
	return m.changeRole(ctx, in.ID, func(c *store.Change, was portal.Role) error {
		role, err := checkRole(ctx, c, was, in)
		if err != nil {
			return err
		}
		role.Version = in.Version
		changes := portal.Diff(was.Record(), role.Record())
		if len(changes) == 0 && in.Version == was.Version {
			return errUnchanged
		}
		if err := c.UpdateRole(ctx, role); err != nil {
			return err
		}
		return c.Record(ctx, roleRevision(role, "edited", changes))
	})
}

// DeleteRole takes a role away from all its holders for good, for who holds all
// of it. Its name must be typed to confirm.
func (m *Manager) DeleteRole(ctx context.Context, id, version int64, typed string) error {
	return m.changeRole(ctx, id, func(c *store.Change, role portal.Role) error {
		if err := confirm(typed, role.Name); err != nil {
			return err
		}
		if err := portal.CanGrant(portal.ActorFrom(ctx), role.OrganizationID, role.Authorities, role.APISets); err != nil {
			return err
		}
		role.Version = version
		if err := c.DeleteRole(ctx, role); err != nil {
			return err
		}
		return c.Record(ctx, roleRevision(role, portal.ActionDeleted, portal.Diff(role.Record(), nil)))
	})
}

func (m *Manager) changeRole(ctx context.Context, id int64, fn func(*store.Change, portal.Role) error) error {
	if _, err := m.Role(ctx, id); err != nil {
		return err
	}
	return m.change(ctx, func(c *store.Change) error {
		role, err := c.Role(ctx, id)
		if err != nil {
			return err
		}
		if role.BuiltIn {
			return portal.Conflict("Built-in roles can't be changed. Make a role of your own instead.")
		}
		if err := canManageRoles(portal.ActorFrom(ctx), role.OrganizationID); err != nil {
			return err
		}
		return fn(c, role)
	})
}

func canManageRoles(actor portal.Actor, organization int64) error {
	if organization == 0 {
		return portal.Can(actor, portal.ManageOrganizations, 0)
	}
	return portal.Can(actor, portal.ManageRoles, organization)
}

// checkRole validates what was entered and gives the role as it would be.
func checkRole(ctx context.Context, c *store.Change, was portal.Role, in RoleInput) (portal.Role, error) {
	var invalid portal.Invalid
	role := was
	role.Name = invalid.Name("name", "name", in.Name)
	role.Description = invalid.Description("description", "description", in.Description)
	role.Authorities = slices.Compact(slices.Sorted(slices.Values(in.Authorities)))
	for _, authority := range role.Authorities {
		invalid.Check(authority.Assignable(), "authority", "A role can't hold “"+authority.Name()+"”.")
	}
	sets, err := chooseAPISets(ctx, c.Queries, &invalid, in.APISets, was.APISets)
	if err != nil {
		return role, err
	}
	role.APISets = sets
	if err := checkRoleName(ctx, c, &invalid, role); err != nil {
		return role, err
	}
	if err := invalid.Err(); err != nil {
		return role, err
	}
	authorities := slices.Concat(without(role.Authorities, was.Authorities), without(was.Authorities, role.Authorities))
	apiSets := slices.Concat(portal.WithoutAPISets(role.APISets, was.APISets), portal.WithoutAPISets(was.APISets, role.APISets))
	return role, portal.CanGrant(portal.ActorFrom(ctx), role.OrganizationID, authorities, apiSets)
}

func checkRoleName(ctx context.Context, c *store.Change, invalid *portal.Invalid, role portal.Role) error {
	others, err := c.Roles(ctx, role.OrganizationID)
	for _, other := range others {
		invalid.Check(other.ID == role.ID || portal.Fold(other.Name) != portal.Fold(role.Name), "name", "There is a role with this name already. Choose another.")
	}
	return err
}

// chooseRoles gives the roles that were chosen; each must be one that the organization
// can use.
func chooseRoles(ctx context.Context, q store.Queries, invalid *portal.Invalid, organization portal.Organization, ids []int64) ([]portal.Role, error) {
	roles, err := q.Roles(ctx, organization.ID)
	chosen, all := choose(roles, ids, func(role portal.Role) int64 { return role.ID })
	invalid.Check(all || err != nil, "role", "One of the roles is not "+organization.Name+"'s. Choose from its roles.")
	return chosen, err
}

// choose gives the things that IDs name, and tells whether each names one.
func choose[T any](things []T, ids []int64, id func(T) int64) (chosen []T, all bool) {
	for _, thing := range things {
		if slices.Contains(ids, id(thing)) {
			chosen = append(chosen, thing)
		}
	}
	return chosen, len(chosen) == len(slices.Compact(slices.Sorted(slices.Values(ids))))
}

func roleRevision(role portal.Role, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{OrganizationID: role.OrganizationID, Noun: portal.NounRole, NounID: role.ID, NounName: role.Name, Action: action, Changes: changes}
}

func without[T comparable](all, gone []T) []T {
	return slices.DeleteFunc(slices.Clone(all), func(one T) bool { return slices.Contains(gone, one) })
}
