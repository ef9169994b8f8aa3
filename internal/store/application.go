package store

import (
	"context"

	"keyportal/internal/portal"
)

const applicationColumns = `a.id, a.organization_id, a.name, a.description, a.retired_at, a.version, a.created_at, a.updated_at`

func scanApplication(r row) (a portal.Application, err error) {
	return a, r.Scan(&a.ID, referenced{&a.OrganizationID}, &a.Name, &a.Description, instant{&a.RetiredAt}, &a.Version, instant{&a.CreatedAt}, instant{&a.UpdatedAt})
}

// Application finds an application.
func (q Queries) Application(ctx context.Context, id int64) (portal.Application, error) {
	return one(ctx, q, portal.NounApplication, scanApplication, `/* application */ SELECT `+applicationColumns+` FROM applications a WHERE a.id = $1`, id)
}

// Applications lists the catalogue's applications and an organization's own by
// name, retired ones too; with organization 0 the catalogue's alone.
func (q Queries) Applications(ctx context.Context, organization int64) ([]portal.Application, error) {
	return all(ctx, q, scanApplication, `/* applications */ SELECT `+applicationColumns+` FROM applications a
		WHERE a.organization_id IS NULL OR a.organization_id = $1 ORDER BY a.name_folded, a.id`, organization)
}

// ApplicationOwners lists the first organizations by name that have an application of
// their own of a name, regardless of case.
func (q Queries) ApplicationOwners(ctx context.Context, name string, most int) ([]string, error) {
	return all(ctx, q, scalar[string], `/* owners of an application */ SELECT o.name
		FROM applications a JOIN organizations o ON o.id = a.organization_id WHERE a.name_folded = $1 ORDER BY o.name_folded LIMIT $2`, portal.Fold(name), most)
}

// InsertApplication adds an application and gives it with its ID.
func (c *Change) InsertApplication(ctx context.Context, a portal.Application) (portal.Application, error) {
	id, err := one(ctx, c.Queries, portal.NounApplication, scalar[int64], `/* insert application */
		INSERT INTO applications (organization_id, name, name_folded, description, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5) RETURNING id`,
		ref(a.OrganizationID), a.Name, portal.Fold(a.Name), a.Description, at(c.Now()))
	if err != nil {
		return a, err
	}
	return c.Application(ctx, id)
}

// UpdateApplication writes an application's values if it still has the given
// version; else the error is Stale.
func (c *Change) UpdateApplication(ctx context.Context, a portal.Application) error {
	return c.execVersion(ctx, portal.NounApplication, `/* update application */
		UPDATE applications SET name = $3, name_folded = $4, description = $5, retired_at = $6, version = version + 1, updated_at = $7 WHERE id = $1 AND version = $2`,
		a.ID, a.Version, a.Name, portal.Fold(a.Name), a.Description, at(a.RetiredAt), at(c.Now()))
}
