package store

import (
	"context"
	"slices"

	"keyportal/internal/portal"
)

const groupColumns = `g.id, g.organization_id, g.name, g.description, g.version, g.created_at, g.updated_at,
	(SELECT count(*) FROM group_members x JOIN memberships m ON m.id = x.membership_id AND m.ended_at IS NULL WHERE x.group_id = g.id)`

func scanGroup(r row) (g portal.Group, err error) {
	return g, r.Scan(&g.ID, &g.OrganizationID, &g.Name, &g.Description, &g.Version, instant{&g.CreatedAt}, instant{&g.UpdatedAt}, &g.Members)
}

// Group finds a group with its roles.
func (q Queries) Group(ctx context.Context, id int64) (portal.Group, error) {
	groups, err := q.groups(ctx, `g.id = $1`, id)
	if err == nil && len(groups) == 0 {
		err = portal.NotFound(portal.NounGroup)
	}
	if err != nil {
		return portal.Group{}, err
	}
	return groups[0], nil
}

// Groups lists an organization's groups with their roles, by name.
func (q Queries) Groups(ctx context.Context, organization int64) ([]portal.Group, error) {
	return q.groups(ctx, `g.organization_id = $1`, organization)
}

func (q Queries) groupsOfMembership(ctx context.Context, membership int64) ([]portal.Group, error) {
	return q.groups(ctx, `g.id IN (SELECT x.group_id FROM group_members x WHERE x.membership_id = $1)`, membership)
}

// groups lists groups with their roles, which are read for all groups at once.
func (q Queries) groups(ctx context.Context, condition string, arg int64) ([]portal.Group, error) {
	condition = ` g.deleted_at IS NULL AND ` + condition
	groups, err := all(ctx, q, scanGroup, `/* groups */ SELECT `+groupColumns+` FROM groups g WHERE`+condition+` ORDER BY g.name_folded, g.id`, arg)
	if err != nil || len(groups) == 0 {
		return groups, err
	}
	const tables = ` FROM groups g JOIN group_roles x ON x.group_id = g.id WHERE`
	roles, err := q.roles(ctx, `r.id IN (SELECT x.role_id`+tables+condition+`)`, arg)
	if err != nil {
		return nil, err
	}
	held, err := all(ctx, q, scanGroupRole, `/* roles of groups */ SELECT x.group_id, x.role_id`+tables+condition, arg)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		for _, role := range roles {
			if slices.Contains(held, groupRole{groups[i].ID, role.ID}) {
				groups[i].Roles = append(groups[i].Roles, role)
			}
		}
	}
	return groups, nil
}

type groupRole struct{ group, role int64 }

func scanGroupRole(r row) (held groupRole, err error) { return held, r.Scan(&held.group, &held.role) }

// GroupMembers lists the users who are in a group, by username. Who left the
// organization is not.
func (q Queries) GroupMembers(ctx context.Context, group int64) ([]portal.User, error) {
	return all(ctx, q, scanUser, `/* members of a group */ SELECT `+userColumns+` FROM group_members x
		JOIN memberships m ON m.id = x.membership_id AND m.ended_at IS NULL JOIN users u ON u.id = m.user_id
		WHERE x.group_id = $1 ORDER BY u.username_folded, u.id`, group)
}

// InsertGroup adds a group with roles and without members, and gives it with its ID. A
// role that the organization cannot use is not found.
func (c *Change) InsertGroup(ctx context.Context, group portal.Group) (portal.Group, error) {
	id, err := one(ctx, c.Queries, portal.NounGroup, scalar[int64], `/* insert group */
		INSERT INTO groups (organization_id, name, name_folded, description, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, 1, $5, $5) RETURNING id`, group.OrganizationID, group.Name, portal.Fold(group.Name), group.Description, at(c.Now()))
	if err != nil {
		return group, err
	}
	group.ID = id
	if err := c.putGroupRoles(ctx, group); err != nil {
		return group, err
	}
	return c.Group(ctx, id)
}

// UpdateGroup writes a group's values and roles if it still has the given version;
// else the error is Stale.
func (c *Change) UpdateGroup(ctx context.Context, group portal.Group) error {
	err := c.execVersion(ctx, portal.NounGroup, `/* update group */
		UPDATE groups SET name = $3, name_folded = $4, description = $5, version = version + 1, updated_at = $6 WHERE id = $1 AND version = $2 AND deleted_at IS NULL`,
		group.ID, group.Version, group.Name, portal.Fold(group.Name), group.Description, at(c.Now()))
	if err != nil {
		return err
	}
	return c.putGroupRoles(ctx, group)
}

// DeleteGroup takes a group's roles away from its members for good.
func (c *Change) DeleteGroup(ctx context.Context, group portal.Group) error {
	return c.execVersion(ctx, portal.NounGroup, `/* delete group */
		UPDATE groups SET deleted_at = $3, version = version + 1, updated_at = $3 WHERE id = $1 AND version = $2 AND deleted_at IS NULL`, group.ID, group.Version, at(c.Now()))
}

// PutIntoGroup makes a user one of a group's members. A user who is not in the
// organization is not found. The membership has a new version then, since a form of it
// that was opened before does not know of the group.
func (c *Change) PutIntoGroup(ctx context.Context, group portal.Group, user int64) error {
	membership, err := c.touchMembership(ctx, group.OrganizationID, user)
	if err != nil {
		return err
	}
	return c.insertGroupMember(ctx, group.ID, membership, group.OrganizationID)
}

// TakeOutOfGroup is the opposite of PutIntoGroup.
func (c *Change) TakeOutOfGroup(ctx context.Context, group portal.Group, user int64) error {
	membership, err := c.touchMembership(ctx, group.OrganizationID, user)
	if err != nil {
		return err
	}
	return c.exec(ctx, `/* delete member of a group */ DELETE FROM group_members WHERE group_id = $1 AND membership_id = $2`, group.ID, membership)
}

// touchMembership gives an active membership a new version.
func (c *Change) touchMembership(ctx context.Context, organization, user int64) (membership int64, err error) {
	return one(ctx, c.Queries, portal.NounMembership, scalar[int64], `/* touch membership */
		UPDATE memberships SET version = version + 1, updated_at = $3 WHERE organization_id = $1 AND user_id = $2 AND ended_at IS NULL RETURNING id`,
		organization, user, at(c.Now()))
}

func (c *Change) insertGroupMember(ctx context.Context, group, membership, organization int64) error {
	return c.execOne(ctx, portal.NounGroup, `/* insert member of a group */ INSERT INTO group_members (group_id, membership_id)
		SELECT g.id, $2 FROM groups g WHERE g.id = $1 AND g.deleted_at IS NULL AND g.organization_id = $3`, group, membership, organization)
}

// putMembershipGroups puts a membership into its groups and into no others. Groups that
// it enters or leaves have a new version then.
func (c *Change) putMembershipGroups(ctx context.Context, m portal.Membership) error {
	was, err := c.groupsOfMembership(ctx, m.ID)
	if err != nil {
		return err
	}
	if err := c.exec(ctx, `/* clear groups of a membership */ DELETE FROM group_members WHERE membership_id = $1`, m.ID); err != nil {
		return err
	}
	for _, group := range m.Groups {
		if err := c.insertGroupMember(ctx, group.ID, m.ID, m.OrganizationID); err != nil {
			return err
		}
	}
	for _, group := range slices.Concat(groupsWithout(m.Groups, was), groupsWithout(was, m.Groups)) {
		if err := c.exec(ctx, `/* touch group */ UPDATE groups SET version = version + 1, updated_at = $2 WHERE id = $1`, group.ID, at(c.Now())); err != nil {
			return err
		}
	}
	return nil
}

func groupsWithout(groups, gone []portal.Group) []portal.Group {
	return slices.DeleteFunc(slices.Clone(groups), func(group portal.Group) bool {
		return slices.ContainsFunc(gone, func(one portal.Group) bool { return one.ID == group.ID })
	})
}

func (c *Change) putGroupRoles(ctx context.Context, group portal.Group) error {
	if err := c.exec(ctx, `/* clear roles of a group */ DELETE FROM group_roles WHERE group_id = $1`, group.ID); err != nil {
		return err
	}
	for _, role := range group.Roles {
		if err := c.execOne(ctx, portal.NounRole, `/* insert role of a group */ INSERT INTO group_roles (group_id, role_id)
			SELECT $1, r.id FROM roles r WHERE r.id = $2 AND r.deleted_at IS NULL AND coalesce(r.organization_id, $3) = $3`, group.ID, role.ID, group.OrganizationID); err != nil {
			return err
		}
	}
	return nil
}
