package store

import (
	"context"

	"keyportal/internal/portal"
)

const levelColumns = `l.id, l.name, l.licenses, l.version, (SELECT count(*) FROM organizations o WHERE o.level_id = l.id)`

func scanClientLevel(r row) (l portal.ClientLevel, err error) {
	return l, r.Scan(&l.ID, &l.Name, &l.Licenses, &l.Version, &l.Organizations)
}

// ClientLevels lists the client levels, the smallest first.
func (q Queries) ClientLevels(ctx context.Context) ([]portal.ClientLevel, error) {
	return all(ctx, q, scanClientLevel, `/* client levels */ SELECT `+levelColumns+` FROM client_levels l ORDER BY l.licenses, l.id`)
}

// ClientLevel finds a client level.
func (q Queries) ClientLevel(ctx context.Context, id int64) (portal.ClientLevel, error) {
	return one(ctx, q, portal.NounLevel, scanClientLevel, `/* client level */ SELECT `+levelColumns+` FROM client_levels l WHERE l.id = $1`, id)
}

// OrganizationsAbove lists the first organizations of a level that hold more
// licenses than a number, by name, and tells how many there are in all.
func (q Queries) OrganizationsAbove(ctx context.Context, level int64, licenses, most int) ([]portal.OrganizationSummary, int, error) {
	const condition = ` o.level_id = $1 AND (SELECT count(*) FROM licenses x WHERE x.organization_id = o.id) > $2`
	count, err := one(ctx, q, portal.NounOrganization, scalar[int], `/* count of organizations above a number of licenses */ SELECT count(*) FROM organizations o WHERE`+condition, level, licenses)
	if err != nil || count == 0 {
		return nil, count, err
	}
	above, err := all(ctx, q, scanSummary, `/* organizations above a number of licenses */ SELECT `+summaryColumns+`
		FROM `+organizationTables+` LEFT JOIN organization_uses t ON t.organization_id = o.id WHERE`+condition+` ORDER BY o.name_folded, o.id LIMIT $3`, level, licenses, most)
	return above, count, err
}

// InsertClientLevel adds a client level and gives it with its ID.
func (c *Change) InsertClientLevel(ctx context.Context, l portal.ClientLevel) (portal.ClientLevel, error) {
	id, err := one(ctx, c.Queries, portal.NounLevel, scalar[int64], `/* insert client level */
		INSERT INTO client_levels (name, name_folded, licenses) VALUES ($1, $2, $3) RETURNING id`, l.Name, portal.Fold(l.Name), l.Licenses)
	if err != nil {
		return l, err
	}
	return c.ClientLevel(ctx, id)
}

// UpdateClientLevel writes a client level's values if it still has the given
// version; else the error is Stale.
func (c *Change) UpdateClientLevel(ctx context.Context, l portal.ClientLevel) error {
	return c.execVersion(ctx, portal.NounLevel, `/* update client level */
		UPDATE client_levels SET name = $3, name_folded = $4, licenses = $5, version = version + 1 WHERE id = $1 AND version = $2`,
		l.ID, l.Version, l.Name, portal.Fold(l.Name), l.Licenses)
}

// DeleteClientLevel removes a client level that no organization has.
func (c *Change) DeleteClientLevel(ctx context.Context, l portal.ClientLevel) error {
	return c.execVersion(ctx, portal.NounLevel, `/* delete client level */ DELETE FROM client_levels WHERE id = $1 AND version = $2`, l.ID, l.Version)
}
