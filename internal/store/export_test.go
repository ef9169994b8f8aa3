package store

import (
	"context"
	"database/sql"
)

// Writer gives the connections that write, to put obstacles in their way.
func (s *Store) Writer() *sql.DB { return s.write }

// Parsed counts the statements of changes that are kept parsed.
func (s *Store) Parsed() int { return int(s.changes.count.Load()) }

// Plan is how an engine goes about a statement.
type Plan struct {
	Statement string
	Steps     []string // on SQLite: without those of subqueries
	Text      string   // with them
}

// Plans gives the engine's plans for the statements that fn runs.
func (s *Store) Plans(ctx context.Context, fn func(Queries) error) ([]Plan, error) {
	planner := &planner{querier: s.q, engine: s.engine}
	err := fn(Queries{q: planner, engine: s.engine, now: s.now})
	return planner.plans, err
}

type planner struct {
	querier
	engine engine
	plans  []Plan
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
	explain := "EXPLAIN QUERY PLAN "
	if p.engine == enginePostgres {
		explain = "EXPLAIN "
	}
	rows, err := p.querier.QueryContext(ctx, explain+query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	plan := Plan{Statement: query}
	for rows.Next() {
		var id, parent, unused int
		var step string
		columns := []any{&id, &parent, &unused, &step}
		if p.engine == enginePostgres {
			columns = columns[3:]
		}
		if err := rows.Scan(columns...); err != nil {
			return err
		}
		if parent == 0 {
			plan.Steps = append(plan.Steps, step)
		}
		plan.Text += step + "\n"
	}
	p.plans = append(p.plans, plan)
	return rows.Err()
}

// MigrateTo brings the schema to a version, as the program of that time did.
func (s *Store) MigrateTo(ctx context.Context, version int64) error {
	provider, err := s.provider()
	if err == nil {
		_, err = provider.UpTo(ctx, version)
	}
	return err
}
