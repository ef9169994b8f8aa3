package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// engine is what differs between the two database engines.
type engine string

const (
	engineSQLite   engine = "sqlite"
	enginePostgres engine = "postgres"
)

const readers = 8 // connections that read a SQLite file, beside the one that writes

// engineOf tells the engine from a database's URL or file name.
func engineOf(database string) engine {
	if strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://") {
		return enginePostgres
	}
	return engineSQLite
}

// pools opens the connections that read and the ones that write. On PostgreSQL
// they are the same.
func (e engine) pools(database string) (read, write *sql.DB, err error) {
	if e == enginePostgres {
		pool, err := sql.Open("pgx", database)
		if err != nil {
			return nil, nil, err
		}
		pool.SetMaxOpenConns(16)
		pool.SetMaxIdleConns(16)
		return pool, pool, nil
	}
	if write, err = sql.Open("sqlite", sqliteDSN(database, url.Values{"_txlock": {"immediate"}})); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	if read, err = sql.Open("sqlite", sqliteDSN(database, url.Values{"mode": {"ro"}})); err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return read, write, nil
}

// reader gives that by which a pool is read.
func (e engine) reader(pool *sql.DB) querier {
	if e == enginePostgres {
		return pool
	}
	return (&parsed{pool: pool}).reader(checkQueries...)
}

// announcing ends an UPDATE of one row so that, once it is committed, the other
// processes hear of it.
func (e engine) announcing() string {
	if e == enginePostgres {
		return ` RETURNING pg_notify('` + channel + `', '')`
	}
	return ""
}

// plannedFor gives a statement's arguments so that PostgreSQL plans it for what they
// are, which takes it some milliseconds, and not once for whatever they are.
func (e engine) plannedFor(args []any) []any {
	if e == enginePostgres {
		return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
	}
	return args
}

func sqliteDSN(file string, more url.Values) string {
	more["_pragma"] = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"}
	if more.Get("mode") == "ro" {
		more["_pragma"] = []string{"busy_timeout(5000)", "query_only(ON)", "cache_size(-1000)"}
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: more.Encode()}).String()
}

// describe gives a database's name without its password, for messages.
func describe(database string) string {
	if parsed, err := url.Parse(database); err == nil && parsed.User != nil {
		return parsed.Redacted()
	}
	return database
}

func openError(database string, err error) error {
	return fmt.Errorf("cannot open the database %s: %w", describe(database), err)
}
