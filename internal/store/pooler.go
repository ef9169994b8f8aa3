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

const pooledWithin = 5 * time.Second // for finding out

// OwnsConnections tells in its error that the database is reached through a pooler with
// which the program can't work. It opens two connections for that: while the second one
// is in a transaction, the first one must find itself where it was before.
func (s *Store) OwnsConnections(ctx context.Context) error {
	if s.engine != enginePostgres {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pooledWithin)
	defer cancel()
	var connections [2]*pgx.Conn
	for i := range connections {
		connection, err := dialPlain(ctx, s.url)
		if err != nil {
			return explain(err)
		}
		defer connection.Close(context.WithoutCancel(ctx))
		connections[i] = connection
	}
	before, err := backendOf(ctx, connections[0])
	if err != nil {
		return explain(err)
	}
	tx, err := connections[1].Begin(ctx)
	if err != nil {
		return explain(err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if _, err := tx.Exec(ctx, "SELECT 1"); err != nil {
		return explain(err)
	}
	after, err := backendOf(ctx, connections[0])
	switch {
	case errors.Is(err, context.DeadlineExceeded): // the pooler has one connection, which the transaction has
		return errPooled
	case err != nil:
		return explain(err)
	case before != after:
		return errPooled
	}
	return nil
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
	return process, connection.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&process)
}
