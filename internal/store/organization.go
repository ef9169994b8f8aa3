package store

import (
	"context"
	"strings"

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
	return keep(q, "organization", id, func() (portal.Organization, error) {
		return one(ctx, q, portal.NounOrganization, scanOrganization, `/* organization */ SELECT `+organizationColumns+` FROM `+organizationTables+` WHERE o.id = $1`, id)
	})
}

// OrganizationByName finds an organization by its name, regardless of case.
func (q Queries) OrganizationByName(ctx context.Context, name string) (portal.Organization, error) {
	folded := portal.Fold(name)
	return keep(q, "organization by name", folded, func() (portal.Organization, error) {
		return one(ctx, q, portal.NounOrganization, scanOrganization, `/* organization by name */ SELECT `+organizationColumns+` FROM `+organizationTables+` WHERE o.name_folded = $1`, folded)
	})
}

// activityColumns tell when a member of an organization last signed in, when a key of
// it was last used, and when something of it was last changed.
func activityColumns(organization string) string {
	return strings.ReplaceAll(`
		(SELECT max(u.last_sign_in_at) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.organization_id = ? AND m.ended_at IS NULL),
		(SELECT t.used_at FROM organization_uses t WHERE t.organization_id = ?),
		(SELECT r.at FROM revisions r WHERE r.organization_id = ? ORDER BY r.id DESC LIMIT 1)`, "?", organization)
}

func activityOf(f *portal.OrganizationFigures) []any {
	return []any{instant{&f.LastSignIn}, instant{&f.LastUse}, instant{&f.LastChange}}
}

var summaryColumns = organizationColumns + `, l.licenses, (SELECT count(*) FROM licenses x WHERE x.organization_id = o.id),` + activityColumns("o.id")

func scanSummary(r row) (o portal.OrganizationSummary, err error) {
	var figures portal.OrganizationFigures
	o.Organization, err = scanOrganization(followed{r, append([]any{&o.Allowed, &o.Licenses}, activityOf(&figures)...)})
	o.LastActivity = figures.LastActivity()
	return o, err
}

// Organizations lists organizations by name or level.
func (q Queries) Organizations(ctx context.Context, list portal.List) (portal.Page[portal.Organization], error) {
	return organizations(ctx, q, list, "organizations", organizationColumns, scanOrganization)
}

// OrganizationSummaries lists organizations by name or level, with what they have.
func (q Queries) OrganizationSummaries(ctx context.Context, list portal.List) (portal.Page[portal.OrganizationSummary], error) {
	return organizations(ctx, q, list, "organizations with what they have", summaryColumns, scanSummary)
}

func organizations[T any](ctx context.Context, q Queries, list portal.List, name, columns string, scan func(row) (T, error)) (portal.Page[T], error) {
	l := listing[T]{
		name: name, columns: columns, from: organizationTables, id: "o.id", scan: scan,
		sorts: map[string]string{"": "o.name_folded", "name": "o.name_folded", "level": "l.name"},
	}
	l.search(list.Search, "o.name_folded")
	return page(ctx, q, l, list)
}

// OrganizationFigures counts what an organization has.
func (q Queries) OrganizationFigures(ctx context.Context, organization int64) (portal.OrganizationFigures, error) {
	return one(ctx, q, portal.NounOrganization, scanFigures, `/* figures of an organization */ SELECT
		(SELECT count(*) FROM licenses l JOIN instances i ON i.license_id = l.id WHERE l.organization_id = $1),
		(SELECT count(DISTINCT k.application_id) FROM licenses l JOIN keys k ON k.license_id = l.id WHERE l.organization_id = $1 AND k.revoked_at IS NULL),
		(SELECT count(*) FROM keys k WHERE k.organization_id = $1 AND k.revoked_at IS NULL),
		(SELECT count(*) FROM memberships m WHERE m.organization_id = $1 AND m.ended_at IS NULL),
		(SELECT count(*) FROM requests x WHERE x.organization_id = $1 AND `+pendingRequest+`),`+activityColumns("$1"), organization)
}

func scanFigures(r row) (f portal.OrganizationFigures, err error) {
	return f, r.Scan(append([]any{&f.Instances, &f.Applications, &f.Keys, &f.People, &f.Pending}, activityOf(&f)...)...)
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
