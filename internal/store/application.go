package store

import (
	"context"

	"keyportal/internal/portal"
)

const applicationColumns = `a.id, a.organization_id, a.name, a.description, a.created_at`

func scanApplication(r row) (a portal.Application, err error) {
	return a, r.Scan(&a.ID, referenced{&a.OrganizationID}, &a.Name, &a.Description, instant{&a.CreatedAt})
}

// Application finds an application.
func (q Queries) Application(ctx context.Context, id int64) (portal.Application, error) {
	return one(ctx, q, portal.NounApplication, scanApplication, `/* application */ SELECT `+applicationColumns+` FROM applications a WHERE a.id = $1`, id)
}

// Applications lists the catalogue's applications and an organization's own.
func (q Queries) Applications(ctx context.Context, organization int64) ([]portal.Application, error) {
	return all(ctx, q, scanApplication, `/* applications */ SELECT `+applicationColumns+` FROM applications a
		WHERE a.organization_id IS NULL OR a.organization_id = $1 ORDER BY a.name_folded, a.id`, organization)
}

// InsertApplication adds an application and gives it with its ID.
func (c *Change) InsertApplication(ctx context.Context, a portal.Application) (portal.Application, error) {
	id, err := one(ctx, c.Queries, portal.NounApplication, scalar[int64], `/* insert application */
		INSERT INTO applications (organization_id, name, name_folded, description, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		ref(a.OrganizationID), a.Name, portal.Fold(a.Name), a.Description, at(c.Now()))
	if err != nil {
		return a, err
	}
	return c.Application(ctx, id)
}
