package manage

import (
	"context"
	"slices"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// Groups lists the groups of an organization. For who may View Users or Manage Users
// there.
func (m *Manager) Groups(ctx context.Context, organization int64) ([]portal.Group, error) {
	if err := portal.CanSeeGroups(portal.ActorFrom(ctx), organization); err != nil {
		return nil, err
	}
	return m.Store.Groups(ctx, organization)
}

// GroupDetails is a group with those who are in it.
type GroupDetails struct {
	portal.Group
	Members []portal.User // in place of their number
}

// Record gives the group's values for the Revision History, with its members'
// usernames.
func (g GroupDetails) Record() portal.Record {
	names := make([]string, len(g.Members))
	for i, user := range g.Members {
		names[i] = user.Username
	}
	return append(g.Group.Record(), portal.Attribute{Name: "Members", Value: strings.Join(names, ", ")})
}

// Group finds a group of an organization where the actor may View Users or Manage
// Users. Those of other organizations are not found.
func (m *Manager) Group(ctx context.Context, id int64) (GroupDetails, error) {
	return visibleGroup(ctx, m.Store.Queries, id)
}

func visibleGroup(ctx context.Context, q store.Queries, id int64) (details GroupDetails, err error) {
	actor := portal.ActorFrom(ctx)
	group, err := q.Group(ctx, id)
	if err != nil {
		return details, err
	}
	if !actor.CanSee(group.OrganizationID) {
		return details, portal.NotFound(portal.NounGroup)
	}
	if err := portal.CanSeeGroups(actor, group.OrganizationID); err != nil {
		return details, err
	}
	members, err := q.GroupMembers(ctx, id)
	return GroupDetails{group, members}, err
}

// GroupCandidates lists the members of an organization who can be put into a group, by
// username, of these only the ones whom a search finds. Of many, the first 50 are listed
// (more is true then), and besides them the wanted ones. For who may Manage Users there.
func (m *Manager) GroupCandidates(ctx context.Context, organization int64, wanted []int64, search string) (users []portal.User, more bool, err error) {
	actor := portal.ActorFrom(ctx)
	if err := portal.Can(actor, portal.ManageUsers, organization); err != nil {
		return nil, false, err
	}
	found, err := m.Store.Users(ctx, portal.UserFilter{OrganizationID: organization, List: portal.List{Search: search}})
	if err != nil {
		return nil, false, err
	}
	for _, user := range found.Rows {
		if slices.Contains(wanted, user.ID) || portal.CanMove(actor, portal.Group{}, user) == nil {
			users = append(users, user)
		}
	}
	for _, id := range wanted {
		if slices.ContainsFunc(users, func(user portal.User) bool { return user.ID == id }) {
			continue
		}
		user, err := m.Store.Member(ctx, organization, id)
		if err == nil {
			users = append(users, user)
		} else if portal.CodeOf(err) != portal.CodeNotFound {
			return nil, false, err
		}
	}
	slices.SortFunc(users, byUsername)
	return users, found.Next != "", nil
}

func byUsername(a, b portal.User) int {
	return strings.Compare(portal.Fold(a.Username), portal.Fold(b.Username))
}

// GroupInput is what a group is made of.
type GroupInput struct {
	ID, Version        int64 // of the group that is edited
	Submission         Submission
	OrganizationID     int64 // of a new group
	Name               string
	Description        string
	RoleIDs, MemberIDs []int64 // MemberIDs are those of users
}

// CreateGroup makes a group of an organization. For who may Manage Users there; nobody
// gives by a group what they do not hold.
func (m *Manager) CreateGroup(ctx context.Context, in GroupInput) (portal.Group, error) {
	var made portal.Group
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageUsers, in.OrganizationID); err != nil {
		return made, err
	}
	err := m.change(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounGroup, &made, c.Group, func() (int64, error) {
			group, err := checkGroup(ctx, c, GroupDetails{Group: portal.Group{OrganizationID: in.OrganizationID}}, in)
			if err != nil {
				return 0, err
			}
			if group.Group, err = c.InsertGroup(ctx, group.Group); err != nil {
				return 0, err
			}
			if err := c.Record(ctx, groupRevision(group, "created", portal.Diff(nil, group.Record()))); err != nil {
				return 0, err
			}
			if err := moveMembers(ctx, c, group.Group, nil, group.Members); err != nil {
				return 0, err
			}
			made, err = c.Group(ctx, group.ID)
			return made.ID, err
		})
	})
	return made, err
}

// UpdateGroup edits a group. For who may Manage Users in its organization; nobody gives
// or takes by a group what they do not hold: a role that is added or removed must be
// theirs to grant, and with a member who is added or removed all roles of the group.
// Staff are added and removed by who may Manage Staff. It changes at once what the
// members hold.
func (m *Manager) UpdateGroup(ctx context.Context, in GroupInput) error {
	return m.changeGroup(ctx, in.ID, func(c *store.Change, was GroupDetails) error {
		if in.Version != was.Version { // else who was added meanwhile would seem to be removed
			return portal.Stale(portal.NounGroup)
		}
		group, err := checkGroup(ctx, c, was, in)
		if err != nil {
			return err
		}
		changes := portal.Diff(was.Record(), group.Record())
		if len(changes) == 0 {
			return errUnchanged
		}
		if err := c.UpdateGroup(ctx, group.Group); err != nil {
			return err
		}
		if err := c.Record(ctx, groupRevision(group, "edited", changes)); err != nil {
			return err
		}
		return moveMembers(ctx, c, group.Group, was.Members, group.Members)
	})
}

// DeleteGroup takes a group away from its members for good. For who may Manage Users in
// its organization and could take each member out of it. Its name must be typed to
// confirm.
func (m *Manager) DeleteGroup(ctx context.Context, id, version int64, typed string) error {
	return m.changeGroup(ctx, id, func(c *store.Change, group GroupDetails) error {
		if err := portal.CanMove(portal.ActorFrom(ctx), group.Group, group.Members...); err != nil {
			return err
		}
		if err := confirm(typed, group.Name); err != nil {
			return err
		}
		group.Version = version
		if err := c.DeleteGroup(ctx, group.Group); err != nil {
			return err
		}
		return c.Record(ctx, groupRevision(group, portal.ActionDeleted, portal.Diff(group.Record(), nil)))
	})
}

func (m *Manager) changeGroup(ctx context.Context, id int64, fn func(*store.Change, GroupDetails) error) error {
	if _, err := m.Group(ctx, id); err != nil {
		return err
	}
	return m.change(ctx, func(c *store.Change) error {
		group, err := visibleGroup(ctx, c.Queries, id)
		if err != nil {
			return err
		}
		if err := portal.Can(portal.ActorFrom(ctx), portal.ManageUsers, group.OrganizationID); err != nil {
			return err
		}
		return fn(c, group)
	})
}

// checkGroup validates what was entered and gives the group as it would be, if the actor
// may make it so.
func checkGroup(ctx context.Context, c *store.Change, was GroupDetails, in GroupInput) (GroupDetails, error) {
	var invalid portal.Invalid
	group := was
	group.Name = invalid.Name("name", "name", in.Name)
	group.Description = invalid.Description("description", "description", in.Description)
	organization, err := c.Organization(ctx, was.OrganizationID)
	if err != nil {
		return group, err
	}
	if group.Roles, err = chooseRoles(ctx, c.Queries, &invalid, organization, in.RoleIDs); err != nil {
		return group, err
	}
	if group.Members, err = chooseMembers(ctx, c.Queries, &invalid, organization, was.Members, in.MemberIDs); err != nil {
		return group, err
	}
	if err := checkGroupName(ctx, c, &invalid, group.Group); err != nil {
		return group, err
	}
	if err := invalid.Err(); err != nil {
		return group, err
	}
	return group, canChangeGroup(portal.ActorFrom(ctx), was, group)
}

func checkGroupName(ctx context.Context, c *store.Change, invalid *portal.Invalid, group portal.Group) error {
	others, err := c.Groups(ctx, group.OrganizationID)
	for _, other := range others {
		invalid.Check(other.ID == group.ID || portal.Fold(other.Name) != portal.Fold(group.Name), "name", "There is a group with this name already. Choose another.")
	}
	return err
}

// canChangeGroup answers whether the actor may make a group into another. Who is moved
// gains or loses the roles that stay as well as those that change.
func canChangeGroup(actor portal.Actor, was, group GroupDetails) error {
	changed := slices.Concat(withoutRoles(group.Roles, was.Roles), withoutRoles(was.Roles, group.Roles))
	if err := portal.CanGrantRoles(actor, group.OrganizationID, changed...); err != nil {
		return err
	}
	moved := slices.Concat(without(group.Members, was.Members), without(was.Members, group.Members))
	return portal.CanMove(actor, group.Group, moved...)
}

func withoutRoles(roles, gone []portal.Role) []portal.Role {
	return slices.DeleteFunc(slices.Clone(roles), func(role portal.Role) bool {
		return slices.ContainsFunc(gone, func(one portal.Role) bool { return one.ID == role.ID })
	})
}

// chooseMembers gives the users who were chosen; each must be a member of the
// organization.
func chooseMembers(ctx context.Context, q store.Queries, invalid *portal.Invalid, organization portal.Organization, was []portal.User, ids []int64) ([]portal.User, error) {
	chosen, all := choose(was, ids, func(user portal.User) int64 { return user.ID })
	if all {
		return chosen, nil
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if slices.ContainsFunc(chosen, func(user portal.User) bool { return user.ID == id }) {
			continue
		}
		user, err := q.Member(ctx, organization.ID, id)
		if portal.CodeOf(err) == portal.CodeNotFound {
			invalid.Add("member", "One of the users is not in "+organization.Name+". Choose from its users.")
			continue
		}
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, user)
	}
	slices.SortFunc(chosen, byUsername)
	return chosen, nil
}

// chooseGroups gives the groups that were chosen; each must be the organization's.
func chooseGroups(ctx context.Context, q store.Queries, invalid *portal.Invalid, organization portal.Organization, ids []int64) ([]portal.Group, error) {
	groups, err := q.Groups(ctx, organization.ID)
	chosen, all := choose(groups, ids, func(group portal.Group) int64 { return group.ID })
	invalid.Check(all || err != nil, "group", "One of the groups is not "+organization.Name+"'s. Choose from its groups.")
	return chosen, err
}

// moveMembers puts users into a group and takes others out of it, each with a line about
// the user.
func moveMembers(ctx context.Context, c *store.Change, group portal.Group, was, members []portal.User) error {
	for _, user := range without(members, was) {
		if err := moveMember(ctx, c, group, user, c.PutIntoGroup); err != nil {
			return err
		}
	}
	for _, user := range without(was, members) {
		if err := moveMember(ctx, c, group, user, c.TakeOutOfGroup); err != nil {
			return err
		}
	}
	return nil
}

func moveMember(ctx context.Context, c *store.Change, group portal.Group, user portal.User, move func(context.Context, portal.Group, int64) error) error {
	was, err := c.Membership(ctx, group.OrganizationID, user.ID)
	if err != nil {
		return err
	}
	if err := move(ctx, group, user.ID); err != nil {
		return err
	}
	membership, err := c.Membership(ctx, group.OrganizationID, user.ID)
	if err != nil {
		return err
	}
	return c.Record(ctx, membershipRevision(user, membership, membershipEdited(was), portal.Diff(was.Record(), membership.Record())))
}

func groupRevision(group GroupDetails, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{OrganizationID: group.OrganizationID, Noun: portal.NounGroup, NounID: group.ID, NounName: group.Name, Action: action, Changes: changes}
}
