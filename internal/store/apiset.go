package store

import (
	"context"

	"keyportal/internal/portal"
)

const apiSetColumns = `s.id, s.slug, s.name, s.description, s.retired_at, s.version, s.created_at, s.updated_at`

const apiSetOrder = `CASE WHEN s.retired_at IS NULL THEN 0 ELSE 1 END, s.name_folded` // those in use first

func scanAPISet(r row) (s portal.APISet, err error) {
	return s, r.Scan(&s.ID, &s.Slug, &s.Name, &s.Description, instant{&s.RetiredAt}, &s.Version, instant{&s.CreatedAt}, instant{&s.UpdatedAt})
}

// APISets lists all API sets with their routes, those in use first, by name.
func (q Queries) APISets(ctx context.Context) ([]portal.APISet, error) {
	return keep(q, "API sets", nil, func() ([]portal.APISet, error) { return q.allAPISets(ctx) })
}

func (q Queries) allAPISets(ctx context.Context) ([]portal.APISet, error) {
	sets, err := q.apiSets(ctx, `s.id <> $1`, 0)
	if err != nil {
		return nil, err
	}
	routes, err := all(ctx, q, scanRoute, `/* routes of all API sets */ SELECT api_set_id, pattern FROM api_set_routes ORDER BY api_set_id, position`)
	patterns := map[int64][]string{}
	for _, route := range routes {
		patterns[route.set] = append(patterns[route.set], route.pattern)
	}
	for i := range sets {
		sets[i].Routes = patterns[sets[i].ID]
	}
	return sets, err
}

// setRoute is a route pattern with the ID of its API set.
type setRoute struct {
	set     int64
	pattern string
}

func scanRoute(r row) (route setRoute, err error) { return route, r.Scan(&route.set, &route.pattern) }

// APISet finds an API set with its routes.
func (q Queries) APISet(ctx context.Context, id int64) (portal.APISet, error) {
	set, err := one(ctx, q, portal.NounAPISet, scanAPISet, `/* API set */ SELECT `+apiSetColumns+` FROM api_sets s WHERE s.id = $1`, id)
	if err == nil {
		set.Routes, err = q.routes(ctx, id)
	}
	return set, err
}

// APISetsVersion gives a number that grows with every change of API sets.
func (q Queries) APISetsVersion(ctx context.Context) (int64, error) {
	return one(ctx, q, portal.NounAPISet, scalar[int64], `/* version of the API sets */ SELECT coalesce(max(id), 0) FROM revisions WHERE noun = $1`, portal.NounAPISet)
}

// apiSets lists API sets without their routes.
func (q Queries) apiSets(ctx context.Context, condition string, arg int64) ([]portal.APISet, error) {
	return all(ctx, q, scanAPISet, `/* API sets */ SELECT `+apiSetColumns+` FROM api_sets s WHERE `+condition+`
		ORDER BY `+apiSetOrder, arg)
}

func (q Queries) routes(ctx context.Context, set int64) ([]string, error) {
	return all(ctx, q, scalar[string], `/* routes of an API set */ SELECT pattern FROM api_set_routes WHERE api_set_id = $1 ORDER BY position`, set)
}

// InsertAPISet adds an API set and gives it with its ID.
func (c *Change) InsertAPISet(ctx context.Context, set portal.APISet) (portal.APISet, error) {
	id, err := one(ctx, c.Queries, portal.NounAPISet, scalar[int64], `/* insert API set */
		INSERT INTO api_sets (slug, name, name_folded, description, version, created_at, updated_at) VALUES ($1, $2, $3, $4, 1, $5, $5) RETURNING id`,
		set.Slug, set.Name, portal.Fold(set.Name), set.Description, at(c.Now()))
	if err != nil {
		return set, err
	}
	if err := c.putRoutes(ctx, id, set.Routes); err != nil {
		return set, err
	}
	return c.APISet(ctx, id)
}

// UpdateAPISet writes an API set's values if it still has the given version;
// else the error is Stale.
func (c *Change) UpdateAPISet(ctx context.Context, set portal.APISet) error {
	err := c.execVersion(ctx, portal.NounAPISet, `/* update API set */
		UPDATE api_sets SET slug = $3, name = $4, name_folded = $5, description = $6, retired_at = $7, version = version + 1, updated_at = $8 WHERE id = $1 AND version = $2`,
		set.ID, set.Version, set.Slug, set.Name, portal.Fold(set.Name), set.Description, at(set.RetiredAt), at(c.Now()))
	if err != nil {
		return err
	}
	return c.putRoutes(ctx, set.ID, set.Routes)
}

func (c *Change) putRoutes(ctx context.Context, set int64, patterns []string) error {
	if err := c.exec(ctx, `/* clear routes of an API set */ DELETE FROM api_set_routes WHERE api_set_id = $1`, set); err != nil {
		return err
	}
	for i, pattern := range patterns {
		if err := c.exec(ctx, `/* insert route of an API set */ INSERT INTO api_set_routes (api_set_id, position, pattern) VALUES ($1, $2, $3)`, set, i, pattern); err != nil {
			return err
		}
	}
	return nil
}
