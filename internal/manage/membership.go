package manage

import (
	"context"
	"slices"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// MembershipInput is what a user is given in an organization.
type MembershipInput struct {
	UserID, OrganizationID int64
	Version                int64 // of the membership; 0 when there is none yet
	Member                 bool  // false ends the membership
	Admin, AllAccess       bool
	RoleIDs, GroupIDs      []int64
}

// Membership finds a user's membership in an organization, ended or not: one's own, and
// those in organizations where the actor may View Users or make keys for others. Others
// are not found.
func (m *Manager) Membership(ctx context.Context, organization, user int64) (portal.Membership, error) {
	membership, err := m.Store.Membership(ctx, organization, user)
	return visibleMembership(ctx, membership, err)
}

// MembershipByID is Membership by its own ID, the org membership ID.
func (m *Manager) MembershipByID(ctx context.Context, id int64) (portal.Membership, error) {
	membership, err := m.Store.MembershipByID(ctx, id)
	return visibleMembership(ctx, membership, err)
}

func visibleMembership(ctx context.Context, membership portal.Membership, err error) (portal.Membership, error) {
	if err == nil {
		err = portal.CanSeeMembership(portal.ActorFrom(ctx), membership)
	}
	if err != nil {
		return portal.Membership{}, err
	}
	return membership, nil
}

// SetMembership makes a user a member of an organization, changes what the user
// is given there, or ends the membership. For who may Manage Users in the
// organization; nobody gives, or takes from a user, more than they hold. Who leaves is
// in no group any more.
func (m *Manager) SetMembership(ctx context.Context, in MembershipInput) error {
	actor := portal.ActorFrom(ctx)
	if err := portal.Can(actor, portal.ManageUsers, in.OrganizationID); err != nil {
		return err
	}
	if _, err := m.User(ctx, in.UserID); err != nil {
		return err
	}
	return m.change(ctx, func(c *store.Change) error {
		user, err := c.User(ctx, in.UserID)
		if err != nil {
			return err
		}
		was, err := c.Membership(ctx, in.OrganizationID, in.UserID)
		if portal.CodeOf(err) == portal.CodeNotFound && in.Member {
			was, err = portal.Membership{}, nil
		}
		if err != nil {
			return err
		}
		if user.Staff != portal.NotStaff {
			if err := portal.Can(actor, portal.ManageStaff, 0); err != nil {
				return err
			}
		}
		if err := canGrantMembership(actor.Person(), in.OrganizationID, was); err != nil { // what is taken away
			return err
		}
		if in.Member && (was.ID == 0 || !was.Active()) {
			if err := canAddMember(ctx, c, user.ID); err != nil {
				return err
			}
		}
		membership, err := m.newMembership(ctx, c, user, in)
		if err != nil {
			return err
		}
		membership.ID, membership.Version = was.ID, in.Version
		if !in.Member {
			membership.EndedAt, membership.Groups = c.Now(), nil
		}
		if was.ID != 0 && in.Version == was.Version && len(portal.Diff(was.Record(), membership.Record())) == 0 {
			return errUnchanged
		}
		_, err = saveMembership(ctx, c, user, membership)
		return err
	})
}

// canAddMember answers whether the actor may add an account to an organization:
// its password and its keys go with it, so Manage Users is needed wherever the
// user is already.
func canAddMember(ctx context.Context, c *store.Change, user int64) error {
	grants, err := c.Grants(ctx, user)
	for organization := range grants {
		if !portal.ActorFrom(ctx).Holds(portal.ManageUsers, organization) {
			return portal.Denied("This user belongs to another organization. A super admin can add the user here too.")
		}
	}
	return err
}

// newMembership puts together what a user is given, if the actor may give it.
func (m *Manager) newMembership(ctx context.Context, c *store.Change, user portal.User, in MembershipInput) (portal.Membership, error) {
	membership := portal.Membership{OrganizationID: in.OrganizationID, UserID: user.ID, Admin: in.Admin, AllAccess: in.AllAccess}
	organization, err := c.Organization(ctx, in.OrganizationID)
	if err != nil {
		return membership, err
	}
	membership.OrganizationName = organization.Name
	var invalid portal.Invalid
	if membership.Roles, err = chooseRoles(ctx, c.Queries, &invalid, organization, in.RoleIDs); err != nil {
		return membership, err
	}
	if membership.Groups, err = chooseGroups(ctx, c.Queries, &invalid, organization, in.GroupIDs); err != nil {
		return membership, err
	}
	if err := invalid.Err(); err != nil {
		return membership, err
	}
	return membership, canGrantMembership(portal.ActorFrom(ctx), in.OrganizationID, membership)
}

func canGrantMembership(actor portal.Actor, organization int64, membership portal.Membership) error {
	if membership.Admin {
		if err := portal.CanGrant(actor, organization, []portal.Authority{portal.Administration}, nil); err != nil {
			return err
		}
	}
	if membership.AllAccess {
		if err := portal.CanGrantAllAccess(actor, organization); err != nil {
			return err
		}
	}
	roles := membership.Roles
	for _, group := range membership.Groups {
		roles = slices.Concat(roles, group.Roles)
	}
	return portal.CanGrantRoles(actor, organization, roles...)
}

// saveMembership writes a membership with its revision.
func saveMembership(ctx context.Context, c *store.Change, user portal.User, membership portal.Membership) (portal.Membership, error) {
	var before portal.Record
	action := "added the user to " + membership.OrganizationName
	if was, err := c.Membership(ctx, membership.OrganizationID, membership.UserID); err == nil {
		before, action = was.Record(), membershipEdited(was)
		switch {
		case was.Active() && !membership.Active():
			action = "ended the membership in " + was.OrganizationName
		case !was.Active() && membership.Active():
			action = "added the user to " + was.OrganizationName
		}
	} else if portal.CodeOf(err) != portal.CodeNotFound {
		return membership, err
	}
	saved, err := c.SaveMembership(ctx, membership)
	if err != nil {
		return saved, err
	}
	return saved, c.Record(ctx, membershipRevision(user, saved, action, portal.Diff(before, saved.Record())))
}

func membershipEdited(was portal.Membership) string {
	return "edited the membership in " + was.OrganizationName
}

func membershipRevision(user portal.User, membership portal.Membership, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{
		OrganizationID: membership.OrganizationID, Noun: portal.NounMembership, NounID: membership.ID, NounName: user.Username,
		UserID: user.ID, Action: action, Changes: changes,
	}
}
