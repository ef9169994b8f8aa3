// Package store keeps Key Portal's data in SQLite or PostgreSQL. It is the only
// package that speaks SQL.
//
// Reads are methods of Queries, which Store and both kinds of transactions
// embed. Writes need a transaction of the right kind: whatever belongs to the
// Revision History is a method of Change, so that it cannot be written without
// a revision; sessions, throttling and counters are methods of Update.
//
// Open opens a database, Migrate brings its schema up to date. A file per noun
// holds its statements, each of which begins with a comment that names it.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"keyportal/internal/portal"
)

// MAC signs the lines of the Revision History under a key that is kept outside
// the database.
type MAC interface {
	MAC(data []byte) ([]byte, error)
	VerifyMAC(mac, data []byte) error
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	Queries
	url     string // or file name
	read    *sql.DB
	write   *sql.DB
	changes *parsed // statements of transactions; nil on PostgreSQL
	mac     MAC
	told    struct {
		sync.RWMutex
		all []func([]portal.Revision)
	}
}

// Queries are the reads.
type Queries struct {
	q      querier
	engine engine
	now    func() time.Time // UTC, in microseconds
	kept   map[fact]any     // what is read once; nil: nothing is
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// Update is a transaction for what the Revision History does not speak of.
type Update struct{ Queries }

// Change is a transaction for a change and its revision. Changes happen one
// after the other, on all replicas together: what one reads, no other changes
// before it ends.
type Change struct {
	Update
	actor portal.Actor
	mac   MAC
	head  head
	lines []portal.Revision // that were recorded, without their values
}

// Now gives the transaction's instant, with which it writes.
func (q Queries) Now() time.Time { return q.now() }

// Update runs fn in a transaction that is committed when fn returns nil.
func (s *Store) Update(ctx context.Context, fn func(*Update) error) error {
	return s.transaction(ctx, func(q Queries) error { return fn(&Update{q}) })
}

// Change runs fn in a transaction that is committed, with the revisions that fn
// recorded, when fn returns nil. The revisions are the actor's. A change that
// records none is refused: it is a fault of the program.
func (s *Store) Change(ctx context.Context, actor portal.Actor, fn func(*Change) error) error {
	var lines []portal.Revision
	err := s.transaction(ctx, func(q Queries) error {
		change := &Change{Update: Update{q}, actor: actor, mac: s.mac}
		if err := change.takeHead(ctx); err != nil {
			return err
		}
		if err := fn(change); err != nil {
			return err
		}
		if lines = change.lines; len(lines) == 0 {
			return errors.New("store: a change recorded no revision")
		}
		return change.putHead(ctx)
	})
	if err == nil {
		s.tell(lines)
	}
	return err
}

func (s *Store) transaction(ctx context.Context, fn func(Queries) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	var q querier = tx
	if s.changes != nil {
		within, addNew := s.changes.in(tx)
		defer addNew()
		q = within
	}
	defer tx.Rollback()
	at := s.Now()
	if err := fn(Queries{q: q, engine: s.engine, now: func() time.Time { return at }}); err != nil {
		return explain(err)
	}
	return explainCommit(tx.Commit())
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return explain(s.read.PingContext(ctx)) }

// Close closes the database.
func (s *Store) Close() error {
	if s.changes != nil {
		s.changes.end()
	}
	err := s.read.Close()
	if s.write != s.read {
		err = errors.Join(err, s.write.Close())
	}
	return err
}

// row is what scan functions read from.
type row interface{ Scan(dest ...any) error }

func one[T any](ctx context.Context, q Queries, noun portal.Noun, scan func(row) (T, error), query string, args ...any) (T, error) {
	value, err := scan(q.q.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return value, portal.NotFound(noun)
	}
	return value, explain(err)
}

func all[T any](ctx context.Context, q Queries, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var values []T
	for rows.Next() {
		value, err := scan(rows)
		if err != nil {
			return nil, explain(err)
		}
		values = append(values, value)
	}
	return values, explain(rows.Err())
}

// scalar scans one column.
func scalar[T any](r row) (value T, err error) { return value, r.Scan(&value) }

func (q Queries) exec(ctx context.Context, query string, args ...any) error {
	_, err := q.q.ExecContext(ctx, query, args...)
	return explain(err)
}

// execOne runs a statement that is about one thing and answers NotFound when it
// finds none.
func (q Queries) execOne(ctx context.Context, noun portal.Noun, query string, args ...any) error {
	return q.execCounted(ctx, portal.NotFound(noun), query, args...)
}

// execVersion runs an UPDATE that is bound to a version and answers Stale when
// it finds none.
func (q Queries) execVersion(ctx context.Context, noun portal.Noun, query string, args ...any) error {
	return q.execCounted(ctx, portal.Stale(noun), query, args...)
}

func (q Queries) execCounted(ctx context.Context, none error, query string, args ...any) error {
	result, err := q.q.ExecContext(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		return errors.Join(none, err)
	}
	return nil
}

// at gives an instant's form in the database: microseconds, or NULL.
func at(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// instant scans what at wrote.
type instant struct{ time *time.Time }

// Scan reads microseconds since 1970; NULL is the zero time.
func (i instant) Scan(value any) error {
	var micro sql.NullInt64
	if err := micro.Scan(value); err != nil {
		return fmt.Errorf("an instant: %w", err)
	}
	*i.time = time.Time{}
	if micro.Valid {
		*i.time = time.UnixMicro(micro.Int64).UTC()
	}
	return nil
}

// ref gives a reference's form in the database: NULL for none.
func ref(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }

// referenced scans what ref wrote.
type referenced struct{ id *int64 }

// Scan reads a number; NULL is 0.
func (r referenced) Scan(value any) error {
	var number sql.NullInt64
	err := number.Scan(value)
	*r.id = number.Int64
	return err
}
