package store

import (
	"context"
	"database/sql"
)

// Repeat readies a change for doing the same thousands of times: a statement is
// prepared once, and users, memberships, organizations and API sets are read once. The
// change must leave these as they are, also where they were given to it.
func (c *Change) Repeat() {
	c.kept = map[fact]any{}
	if tx, ok := c.q.(*sql.Tx); ok {
		c.q = &prepared{tx, map[string]*sql.Stmt{}}
	}
}

// fact is something that was read: what of whom.
type fact struct {
	what string
	of   any
}

// keep reads something, once in a transaction that repeats itself. What can't be read
// is asked for again.
func keep[T any](q Queries, what string, of any, read func() (T, error)) (T, error) {
	if kept, ok := q.kept[fact{what, of}].(T); ok {
		return kept, nil
	}
	value, err := read()
	if err == nil && q.kept != nil {
		q.kept[fact{what, of}] = value
	}
	return value, err
}

// prepared prepares each statement of a transaction once. They end with it.
type prepared struct {
	tx         *sql.Tx
	statements map[string]*sql.Stmt
}

func (p *prepared) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if known := p.statements[query]; known != nil {
		return known, nil
	}
	made, err := p.tx.PrepareContext(ctx, query)
	if err == nil {
		p.statements[query] = made
	}
	return made, err
}

// QueryContext is that of sql.Tx.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	statement, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, args...)
}

// QueryRowContext is that of sql.Tx, which also tells why a statement can't be
// prepared.
func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	statement, err := p.statement(ctx, query)
	if err != nil {
		return p.tx.QueryRowContext(ctx, query, args...)
	}
	return statement.QueryRowContext(ctx, args...)
}

// ExecContext is that of sql.Tx.
func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	statement, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return statement.ExecContext(ctx, args...)
}
