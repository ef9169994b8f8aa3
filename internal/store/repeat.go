package store

import (
	"context"
	"database/sql"
)

// ReadOnce has a change read users, memberships, organizations and API sets once. It
// must leave these as they are, also where they were given to it.
func (c *Change) ReadOnce() { c.kept = map[fact]any{} }

// Repeat readies a change for doing the same thousands of times: a statement is
// prepared once, beside what ReadOnce does.
func (c *Change) Repeat() {
	c.ReadOnce()
	within, prepared := c.q, map[string]*sql.Stmt{}
	c.q = &byStatement{within, func(ctx context.Context, query string) (known *sql.Stmt, err error) {
		if known = prepared[query]; known == nil {
			known, err = within.PrepareContext(ctx, query)
			prepared[query] = known
		}
		return known, err
	}}
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
