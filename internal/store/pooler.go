package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// errPooled is the error for a database that is reached through a pooler which gives each
// transaction whatever connection is free.
var errPooled = errors.New("the database is reached through a connection pooler in transaction mode (such as PgBouncer with pool_mode = transaction): Key Portal needs connections that stay its own, to hear of changes and to migrate. Connect to PostgreSQL itself, or set pool_mode = session for this database in the pooler")

const (
	pooledWithin = 15 * time.Second // for finding out
	heldWithin   = time.Second      // for each transaction that is open meanwhile
	mostHeld     = 10
)

// OwnsConnections tells in its error that the database is reached through a pooler with
// which the program can't work. Without a pooler a connection is answered by the process
// that it was promised. Behind one it must be answered by the same process all the time,
// while more and more others are in a transaction.
func (s *Store) OwnsConnections(ctx context.Context) error {
	if s.engine != enginePostgres {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pooledWithin)
	defer cancel()
	first, err := dialPlain(ctx, s.url)
	if err != nil {
		return explain(err)
	}
	defer first.Close(context.WithoutCancel(ctx))
	before, err := backendOf(ctx, first)
	if err != nil || first.PgConn().PID() == uint32(before) {
		return explain(err)
	}
	for more, n := true, 0; more && n < mostHeld; n++ {
		var held *pgx.Conn
		if held, more, err = s.hold(ctx); held != nil {
			defer held.Close(context.WithoutCancel(ctx)) // ends its transaction
		}
		if err != nil {
			return explain(err)
		}
		after, err := backendOf(ctx, first)
		switch {
		case errors.Is(err, context.DeadlineExceeded), err == nil && after != before: // somebody else has the process
			return errPooled
		case err != nil:
			return explain(err)
		}
	}
	return nil
}

// hold opens a connection and begins a transaction on it, unless the pooler has no more
// connections to the server.
func (s *Store) hold(ctx context.Context) (held *pgx.Conn, more bool, err error) {
	if held, err = dialPlain(ctx, s.url); err != nil {
		return nil, false, err
	}
	waiting, cancel := context.WithTimeout(ctx, heldWithin)
	defer cancel()
	_, err = held.Exec(waiting, "BEGIN; SELECT 1")
	if errors.Is(err, context.DeadlineExceeded) {
		return held, false, nil
	}
	return held, true, err
}

// dialPlain opens a connection that prepares no statements, which poolers don't know.
func dialPlain(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	return pgx.ConnectConfig(ctx, config)
}

// backendOf tells which process of the server answers a connection.
func backendOf(ctx context.Context, connection *pgx.Conn) (process int, err error) {
	ctx, cancel := context.WithTimeout(ctx, pooledWithin/5)
	defer cancel()
	return process, connection.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&process)
}
