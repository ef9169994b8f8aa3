package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"keyportal/internal/portal"
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

func sqliteDSN(file string, more url.Values) string {
	more["_pragma"] = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"}
	if more.Get("mode") == "ro" {
		more["_pragma"] = []string{"busy_timeout(5000)", "query_only(ON)"}
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: more.Encode()}).String()
}

// explain turns what a driver says into the errors that people may read. Errors
// that have a code already pass through.
func (e engine) explain(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*portal.Error](err); ok {
		return err
	}
	if fault, ok := errors.AsType[*sqlite.Error](err); ok {
		return explainSQLite(fault)
	}
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		return explainPostgres(fault)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return portal.Unavailable("The database cannot be reached. Nothing was changed. Try again in a moment.", err)
	}
	return err
}

const constraintMessage = "This is not possible: it would break a rule that always holds, or somebody else was faster. Nothing was changed. Check what is there now, then try again."

func explainSQLite(fault *sqlite.Error) error {
	switch fault.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT:
		return &portal.Error{Code: portal.CodeConflict, Message: constraintMessage, Cause: fault}
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return portal.Unavailable("The database is locked by another program. Nothing was changed. Try again in a moment; if it stays so, end the program that holds the database file.", fault)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return portal.Unavailable("The database cannot be written. Nothing was changed. Give Key Portal write access to the database file and its directory.", fault)
	case sqlite3.SQLITE_FULL:
		return portal.Unavailable("The disk of the database is full. Nothing was changed. Free some space, then try again.", fault)
	case sqlite3.SQLITE_IOERR:
		return portal.Unavailable("The database's disk does not answer as it should. Nothing was changed. Check the disk, then try again.", fault)
	}
	return fault
}

func explainPostgres(fault *pgconn.PgError) error {
	switch class := fault.Code[:min(2, len(fault.Code))]; {
	case class == "23":
		return &portal.Error{Code: portal.CodeConflict, Message: constraintMessage, Cause: fault}
	case class == "53":
		return portal.Unavailable("The database has no room left (disk, memory or connections). Nothing was changed. Free some, then try again.", fault)
	case fault.Code == "25006":
		return portal.Unavailable("The database is read-only. Nothing was changed. Point Key Portal at the primary server.", fault)
	case class == "57" || class == "08" || class == "40" || class == "55":
		return portal.Unavailable("The database cannot take this now. Nothing was changed. Try again in a moment.", fault)
	}
	return fault
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
