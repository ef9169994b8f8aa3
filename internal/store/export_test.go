package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Writer gives the connections that write, to put obstacles in their way.
func (s *Store) Writer() *sql.DB { return s.write }

// Plans gives the engine's plans for the statements that fn runs.
func (s *Store) Plans(ctx context.Context, fn func(Queries) error) ([]string, error) {
	planner := &planner{querier: s.q, engine: s.engine}
	err := fn(Queries{q: planner, now: s.now})
	return planner.plans, err
}

type planner struct {
	querier
	engine engine
	plans  []string
}

// QueryContext explains the statement before it runs it.
func (p *planner) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := p.explain(ctx, query, args...); err != nil {
		return nil, err
	}
	return p.querier.QueryContext(ctx, query, args...)
}

// QueryRowContext explains the statement before it runs it.
func (p *planner) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := p.explain(ctx, query, args...); err != nil {
		panic(err)
	}
	return p.querier.QueryRowContext(ctx, query, args...)
}

func (p *planner) explain(ctx context.Context, query string, args ...any) error {
	prefix, step := "EXPLAIN ", "%s\n"
	targets := []any{new(string)}
	if p.engine == engineSQLite {
		prefix = "EXPLAIN QUERY PLAN "
		targets = []any{new(int), new(int), new(int), new(string)}
	}
	rows, err := p.querier.QueryContext(ctx, prefix+query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	plan := query + "\n"
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		plan += fmt.Sprintf(step, *targets[len(targets)-1].(*string))
	}
	p.plans = append(p.plans, plan)
	return rows.Err()
}
