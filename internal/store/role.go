package store

import (
	"context"

	"keyportal/internal/portal"
)

const roleColumns = `r.id, r.organization_id, r.name, r.description, r.built_in, r.version, r.created_at, r.updated_at,
	(SELECT count(*) FROM memberships m WHERE m.ended_at IS NULL AND m.id IN (SELECT x.membership_id FROM membership_roles x WHERE x.role_id = r.id
		UNION SELECT gm.membership_id FROM group_roles x JOIN groups g ON g.id = x.group_id AND g.deleted_at IS NULL
			JOIN group_members gm ON gm.group_id = g.id WHERE x.role_id = r.id))`

func scanRole(r row) (role portal.Role, err error) {
	return role, r.Scan(&role.ID, referenced{&role.OrganizationID}, &role.Name, &role.Description, &role.BuiltIn, &role.Version,
		instant{&role.CreatedAt}, instant{&role.UpdatedAt}, &role.Members)
}

// Role finds a role with its authorities and API sets.
func (q Queries) Role(ctx context.Context, id int64) (portal.Role, error) {
	roles, err := q.roles(ctx, `r.id = $1`, id)
	if err == nil && len(roles) == 0 {
		err = portal.NotFound(portal.NounRole)
	}
	if err != nil {
		return portal.Role{}, err
	}
	return roles[0], nil
}

// Roles lists the roles that an organization can use, with their authorities
// and API sets: the built-in ones, those for every organization, its own.
func (q Queries) Roles(ctx context.Context, organization int64) ([]portal.Role, error) {
	return q.roles(ctx, `(r.organization_id IS NULL OR r.organization_id = $1)`, organization)
}

func (q Queries) rolesOfMembership(ctx context.Context, membership int64) ([]portal.Role, error) {
	return q.roles(ctx, `EXISTS (SELECT 1 FROM membership_roles x WHERE x.role_id = r.id AND x.membership_id = $1)`, membership)
}

// RolesWithAPISet lists the roles that allow an API set.
func (q Queries) RolesWithAPISet(ctx context.Context, apiSet int64) ([]portal.Role, error) {
	return q.roles(ctx, `EXISTS (SELECT 1 FROM role_api_sets x WHERE x.role_id = r.id AND x.api_set_id = $1)`, apiSet)
}

// roles lists roles with their authorities and API sets, each kind read for all
// roles at once.
func (q Queries) roles(ctx context.Context, condition string, arg int64) ([]portal.Role, error) {
	condition = ` r.deleted_at IS NULL AND ` + condition
	roles, err := all(ctx, q, scanRole, `/* roles */ SELECT `+roleColumns+` FROM roles r WHERE`+condition+` ORDER BY r.built_in DESC, r.name_folded, r.id`, arg)
	if err != nil || len(roles) == 0 {
		return roles, err
	}
	authorities, err := all(ctx, q, scanRoleAuthority, `/* authorities of roles */ SELECT a.role_id, a.authority
		FROM roles r JOIN role_authorities a ON a.role_id = r.id WHERE`+condition+` ORDER BY a.role_id, a.authority`, arg)
	if err != nil {
		return nil, err
	}
	sets, err := all(ctx, q, scanRoleAPISet, `/* API sets of roles */ SELECT a.role_id, `+apiSetColumns+`
		FROM roles r JOIN role_api_sets a ON a.role_id = r.id JOIN api_sets s ON s.id = a.api_set_id WHERE`+condition+` ORDER BY `+apiSetOrder, arg)
	if err != nil {
		return nil, err
	}
	for i := range roles {
		for _, held := range authorities {
			if held.role == roles[i].ID {
				roles[i].Authorities = append(roles[i].Authorities, held.authority)
			}
		}
		for _, held := range sets {
			if held.role == roles[i].ID {
				roles[i].APISets = append(roles[i].APISets, held.set)
			}
		}
	}
	return roles, nil
}

type roleAuthority struct {
	role      int64
	authority portal.Authority
}

func scanRoleAuthority(r row) (held roleAuthority, err error) {
	return held, r.Scan(&held.role, &held.authority)
}

type roleAPISet struct {
	role int64
	set  portal.APISet
}

func scanRoleAPISet(r row) (held roleAPISet, err error) {
	held.set, err = scanAPISet(behind{r, []any{&held.role}})
	return held, err
}

// InsertRole adds a role and gives it with its ID.
func (c *Change) InsertRole(ctx context.Context, role portal.Role) (portal.Role, error) {
	id, err := one(ctx, c.Queries, portal.NounRole, scalar[int64], `/* insert role */
		INSERT INTO roles (organization_id, name, name_folded, description, built_in, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, 1, $6, $6) RETURNING id`, ref(role.OrganizationID), role.Name, portal.Fold(role.Name), role.Description, role.BuiltIn, at(c.Now()))
	if err != nil {
		return role, err
	}
	role.ID = id
	if err := c.putRoleGrants(ctx, role); err != nil {
		return role, err
	}
	return c.Role(ctx, id)
}

// UpdateRole writes a role's values if it still has the given version; else the
// error is Stale.
func (c *Change) UpdateRole(ctx context.Context, role portal.Role) error {
	err := c.execVersion(ctx, portal.NounRole, `/* update role */
		UPDATE roles SET name = $3, name_folded = $4, description = $5, version = version + 1, updated_at = $6 WHERE id = $1 AND version = $2 AND deleted_at IS NULL`,
		role.ID, role.Version, role.Name, portal.Fold(role.Name), role.Description, at(c.Now()))
	if err != nil {
		return err
	}
	return c.putRoleGrants(ctx, role)
}

// DeleteRole takes a role away from its holders for good.
func (c *Change) DeleteRole(ctx context.Context, role portal.Role) error {
	return c.execVersion(ctx, portal.NounRole, `/* delete role */
		UPDATE roles SET deleted_at = $3, version = version + 1, updated_at = $3 WHERE id = $1 AND version = $2 AND deleted_at IS NULL`, role.ID, role.Version, at(c.Now()))
}

func (c *Change) putRoleGrants(ctx context.Context, role portal.Role) error {
	if err := c.exec(ctx, `/* clear authorities of a role */ DELETE FROM role_authorities WHERE role_id = $1`, role.ID); err != nil {
		return err
	}
	for _, authority := range role.Authorities {
		if err := c.exec(ctx, `/* insert authority of a role */ INSERT INTO role_authorities (role_id, authority) VALUES ($1, $2)`, role.ID, authority); err != nil {
			return err
		}
	}
	if err := c.exec(ctx, `/* clear API sets of a role */ DELETE FROM role_api_sets WHERE role_id = $1`, role.ID); err != nil {
		return err
	}
	for _, set := range role.APISets {
		if err := c.exec(ctx, `/* insert API set of a role */ INSERT INTO role_api_sets (role_id, api_set_id) VALUES ($1, $2)`, role.ID, set.ID); err != nil {
			return err
		}
	}
	return nil
}
