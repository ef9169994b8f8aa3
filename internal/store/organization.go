package store

import (
	"context"

	"keyportal/internal/portal"
)

const organizationColumns = `o.id, o.name, o.level_id, l.name, o.suspended, o.secret_viewing, o.expiry_required, o.expiry_max_days, o.version, o.created_at, o.updated_at`
const organizationTables = `organizations o JOIN client_levels l ON l.id = o.level_id`

func scanOrganization(r row) (o portal.Organization, err error) {
	return o, r.Scan(&o.ID, &o.Name, &o.LevelID, &o.LevelName, &o.Suspended, &o.SecretViewing, &o.ExpiryRequired, &o.ExpiryMaxDays,
		&o.Version, instant{&o.CreatedAt}, instant{&o.UpdatedAt})
}

// Organization finds an organization.
func (q Queries) Organization(ctx context.Context, id int64) (portal.Organization, error) {
	return one(ctx, q, portal.NounOrganization, scanOrganization, `/* organization */ SELECT `+organizationColumns+` FROM `+organizationTables+` WHERE o.id = $1`, id)
}

// OrganizationByName finds an organization by its name, regardless of case.
func (q Queries) OrganizationByName(ctx context.Context, name string) (portal.Organization, error) {
	return one(ctx, q, portal.NounOrganization, scanOrganization, `/* organization by name */ SELECT `+organizationColumns+` FROM `+organizationTables+` WHERE o.name_folded = $1`, portal.Fold(name))
}

// Organizations lists organizations by "name".
func (q Queries) Organizations(ctx context.Context, list portal.List) (portal.Page[portal.Organization], error) {
	l := listing[portal.Organization]{
		name: "organizations", columns: organizationColumns, from: organizationTables, id: "o.id",
		sorts: map[string]string{"": "o.name_folded", "name": "o.name_folded", "level": "l.name"}, scan: scanOrganization,
	}
	l.search(list.Search, "o.name_folded")
	return page(ctx, q, l, list)
}

// ClientLevels lists the client levels, the smallest first.
func (q Queries) ClientLevels(ctx context.Context) ([]portal.ClientLevel, error) {
	return all(ctx, q, scanClientLevel, `/* client levels */ SELECT id, name, licenses FROM client_levels ORDER BY licenses, id`)
}

// ClientLevel finds a client level.
func (q Queries) ClientLevel(ctx context.Context, id int64) (portal.ClientLevel, error) {
	return one(ctx, q, portal.NounLevel, scanClientLevel, `/* client level */ SELECT id, name, licenses FROM client_levels WHERE id = $1`, id)
}

func scanClientLevel(r row) (l portal.ClientLevel, err error) {
	return l, r.Scan(&l.ID, &l.Name, &l.Licenses)
}

// InsertOrganization adds an organization and gives it with its ID.
func (c *Change) InsertOrganization(ctx context.Context, o portal.Organization) (portal.Organization, error) {
	id, err := one(ctx, c.Queries, portal.NounOrganization, scalar[int64], `/* insert organization */
		INSERT INTO organizations (name, name_folded, level_id, suspended, secret_viewing, expiry_required, expiry_max_days, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8) RETURNING id`,
		o.Name, portal.Fold(o.Name), o.LevelID, o.Suspended, o.SecretViewing, o.ExpiryRequired, o.ExpiryMaxDays, at(c.Now()))
	if err != nil {
		return o, err
	}
	return c.Organization(ctx, id)
}

// UpdateOrganization writes an organization's values if it still has the given
// version; else the error is Stale.
func (c *Change) UpdateOrganization(ctx context.Context, o portal.Organization) error {
	return c.execVersion(ctx, portal.NounOrganization, `/* update organization */
		UPDATE organizations SET name = $3, name_folded = $4, level_id = $5, suspended = $6, secret_viewing = $7, expiry_required = $8, expiry_max_days = $9,
			version = version + 1, updated_at = $10 WHERE id = $1 AND version = $2`,
		o.ID, o.Version, o.Name, portal.Fold(o.Name), o.LevelID, o.Suspended, o.SecretViewing, o.ExpiryRequired, o.ExpiryMaxDays, at(c.Now()))
}
