package store

import (
	"context"
	"fmt"
	"strings"

	"keyportal/internal/portal"
)

const membershipColumns = `m.id, m.organization_id, o.name, m.user_id, m.admin, m.all_access, m.ended_at, m.version, m.created_at, m.updated_at`
const membershipTables = `memberships m JOIN organizations o ON o.id = m.organization_id`

func scanMembership(r row) (m portal.Membership, err error) {
	return m, r.Scan(&m.ID, &m.OrganizationID, &m.OrganizationName, &m.UserID, &m.Admin, &m.AllAccess,
		instant{&m.EndedAt}, &m.Version, instant{&m.CreatedAt}, instant{&m.UpdatedAt})
}

// Membership finds a user's membership in an organization with its roles and groups,
// ended or not.
func (q Queries) Membership(ctx context.Context, organization, user int64) (portal.Membership, error) {
	m, err := one(ctx, q, portal.NounMembership, scanMembership,
		`/* membership */ SELECT `+membershipColumns+` FROM `+membershipTables+` WHERE m.organization_id = $1 AND m.user_id = $2`, organization, user)
	if err == nil {
		err = q.fillMembership(ctx, &m)
	}
	return m, err
}

// fillMembership reads a membership's roles and groups.
func (q Queries) fillMembership(ctx context.Context, m *portal.Membership) (err error) {
	if m.Roles, err = q.rolesOfMembership(ctx, m.ID); err != nil {
		return err
	}
	m.Groups, err = q.groupsOfMembership(ctx, m.ID)
	return err
}

// MembershipByID finds a membership with its roles and groups, ended or not.
func (q Queries) MembershipByID(ctx context.Context, id int64) (portal.Membership, error) {
	m, err := one(ctx, q, portal.NounMembership, scanMembership,
		`/* membership by ID */ SELECT `+membershipColumns+` FROM `+membershipTables+` WHERE m.id = $1`, id)
	if err != nil {
		return m, err
	}
	return q.Membership(ctx, m.OrganizationID, m.UserID)
}

// IsMember tells whether a user is in an organization now.
func (q Queries) IsMember(ctx context.Context, organization, user int64) (bool, error) {
	return keep(q, "is member", [2]int64{organization, user}, func() (bool, error) {
		return one(ctx, q, portal.NounMembership, scalar[bool], `/* is member */ SELECT EXISTS (SELECT 1 FROM memberships WHERE organization_id = $1 AND user_id = $2 AND ended_at IS NULL)`, organization, user)
	})
}

// FirstOrganization finds the organization that a user has been in for longest.
func (q Queries) FirstOrganization(ctx context.Context, user int64) (int64, error) {
	return keep(q, "first organization", user, func() (int64, error) {
		return one(ctx, q, portal.NounOrganization, scalar[int64], `/* first organization of a user */ SELECT organization_id FROM memberships WHERE user_id = $1 AND ended_at IS NULL ORDER BY id LIMIT 1`, user)
	})
}

// Member finds a user who is in an organization now.
func (q Queries) Member(ctx context.Context, organization, user int64) (portal.User, error) {
	return one(ctx, q, portal.NounUser, scanUser, `/* member */ SELECT `+userColumns+` FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.organization_id = $1 AND m.user_id = $2 AND m.ended_at IS NULL`, organization, user)
}

// Memberships lists a user's memberships with their roles and groups, ended ones too,
// by age.
func (q Queries) Memberships(ctx context.Context, user int64) ([]portal.Membership, error) {
	memberships, err := all(ctx, q, scanMembership,
		`/* memberships of a user */ SELECT `+membershipColumns+` FROM `+membershipTables+` WHERE m.user_id = $1 ORDER BY m.id`, user)
	for i := range memberships {
		if err == nil {
			err = q.fillMembership(ctx, &memberships[i])
		}
	}
	return memberships, err
}

// Holders lists the first enabled users who hold one of the authorities in an
// organization as its members, by name. Admins hold them all.
func (q Queries) Holders(ctx context.Context, organization int64, authorities []portal.Authority, most int) ([]portal.User, error) {
	args := []any{organization, most}
	held := make([]string, len(authorities))
	for i, authority := range authorities {
		args = append(args, authority)
		held[i] = fmt.Sprintf("$%d", len(args))
	}
	return all(ctx, q, scanUser, `/* holders of authorities */ SELECT `+userColumns+` FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.organization_id = $1 AND m.ended_at IS NULL AND u.enabled AND NOT u.locked AND (m.admin OR EXISTS (SELECT 1 FROM role_authorities h
			WHERE h.authority IN (`+strings.Join(held, ", ")+`) AND h.role_id IN (`+strings.ReplaceAll(rolesHeld, "$1", "m.id")+`)))
		ORDER BY u.last_name_folded, u.first_name_folded, u.id LIMIT $2`, args...)
}

// Grants gives what a user holds, by organization: what the flags, the roles
// and the groups of active memberships add up to. Retired API sets count for
// nothing.
func (q Queries) Grants(ctx context.Context, user int64) (map[int64]portal.Grant, error) {
	return keep(q, "grants", user, func() (map[int64]portal.Grant, error) { return q.grants(ctx, user) })
}

func (q Queries) grants(ctx context.Context, user int64) (map[int64]portal.Grant, error) {
	memberships, err := all(ctx, q, scanMembership,
		`/* active memberships of a user */ SELECT `+membershipColumns+` FROM `+membershipTables+` WHERE m.user_id = $1 AND m.ended_at IS NULL`, user)
	if err != nil {
		return nil, err
	}
	grants := make(map[int64]portal.Grant, len(memberships))
	for _, m := range memberships {
		grant := portal.Grant{AllAccess: m.AllAccess, APISets: map[string]bool{}}
		if m.Admin {
			grant.Authorities = append(grant.Authorities, portal.Administration)
		}
		authorities, err := all(ctx, q, scalar[portal.Authority], `/* authorities of a membership */
			SELECT DISTINCT a.authority FROM role_authorities a WHERE a.role_id IN (`+rolesHeld+`) ORDER BY a.authority`, m.ID)
		if err != nil {
			return nil, err
		}
		grant.Authorities = append(grant.Authorities, authorities...)
		slugs, err := all(ctx, q, scalar[string], `/* API sets of a membership */
			SELECT DISTINCT s.slug FROM role_api_sets r JOIN api_sets s ON s.id = r.api_set_id
			WHERE s.retired_at IS NULL AND r.role_id IN (`+rolesHeld+`)`, m.ID)
		if err != nil {
			return nil, err
		}
		for _, slug := range slugs {
			grant.APISets[slug] = true
		}
		grants[m.OrganizationID] = grant
	}
	return grants, nil
}

// rolesHeld selects the roles that a membership ($1) holds, directly or by a
// group.
const rolesHeld = `SELECT mr.role_id FROM membership_roles mr JOIN roles r1 ON r1.id = mr.role_id AND r1.deleted_at IS NULL WHERE mr.membership_id = $1
	UNION SELECT gr.role_id FROM group_members gm JOIN groups g ON g.id = gm.group_id AND g.deleted_at IS NULL
		JOIN group_roles gr ON gr.group_id = g.id JOIN roles r2 ON r2.id = gr.role_id AND r2.deleted_at IS NULL WHERE gm.membership_id = $1`

// SaveMembership writes a membership with its roles and groups: a new one when its ID
// is 0, else the one that still has the given version (or the error is Stale). A role
// that the organization cannot use, or a group that is not its own, is not found. One
// that has ended is in no group. It gives the membership as it is then.
func (c *Change) SaveMembership(ctx context.Context, m portal.Membership) (portal.Membership, error) {
	var err error
	if m.ID == 0 {
		m.ID, err = one(ctx, c.Queries, portal.NounMembership, scalar[int64], `/* insert membership */
			INSERT INTO memberships (organization_id, user_id, admin, all_access, ended_at, version, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, 1, $6, $6) RETURNING id`, m.OrganizationID, m.UserID, m.Admin, m.AllAccess, at(m.EndedAt), at(c.Now()))
	} else {
		err = c.execVersion(ctx, portal.NounMembership, `/* update membership */
			UPDATE memberships SET admin = $3, all_access = $4, ended_at = $5, version = version + 1, updated_at = $6 WHERE id = $1 AND version = $2 AND organization_id = $7 AND user_id = $8`,
			m.ID, m.Version, m.Admin, m.AllAccess, at(m.EndedAt), at(c.Now()), m.OrganizationID, m.UserID)
	}
	if err != nil {
		return m, err
	}
	if err := c.exec(ctx, `/* clear roles of a membership */ DELETE FROM membership_roles WHERE membership_id = $1`, m.ID); err != nil {
		return m, err
	}
	for _, role := range m.Roles {
		if err := c.execOne(ctx, portal.NounRole, `/* insert role of a membership */ INSERT INTO membership_roles (membership_id, role_id)
			SELECT $1, r.id FROM roles r WHERE r.id = $2 AND r.deleted_at IS NULL AND coalesce(r.organization_id, $3) = $3`, m.ID, role.ID, m.OrganizationID); err != nil {
			return m, err
		}
	}
	if !m.Active() {
		m.Groups = nil
	}
	if err := c.putMembershipGroups(ctx, m); err != nil {
		return m, err
	}
	return c.Membership(ctx, m.OrganizationID, m.UserID)
}
