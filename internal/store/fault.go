package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"keyportal/internal/portal"
)

// What people read when the database refuses. All but commitMessage stand for a
// transaction that is rolled back.
const (
	constraintMessage = "This is not possible: it would break a rule that always holds, or somebody else was faster. Nothing was changed. Check what is there now, then try again."
	textMessage       = "The database cannot keep this text: it is too long, or has characters that no text has. Nothing was changed. Type it again."
	lockedMessage     = "The database is locked by another program. Nothing was changed. Try again in a moment; if it stays so, end the program that holds the database file."
	unwritableMessage = "The database cannot be written. Nothing was changed. Give Key Portal write access to the database file and its directory."
	fullMessage       = "The disk of the database is full. Nothing was changed. Free some space, then try again."
	diskMessage       = "The database's disk does not answer as it should. Nothing was changed. Check the disk, then try again."
	damagedMessage    = "The database file is damaged, or is no database. Nothing was changed. Restore a backup of it."
	roomMessage       = "The database has no room left (disk, memory or connections). Nothing was changed. Free some, then try again."
	readOnlyMessage   = "The database is read-only. Nothing was changed. Point Key Portal at the primary server."
	busyMessage       = "The database cannot take this now. Nothing was changed. Try again in a moment."
	slowMessage       = "The database took too long. Nothing was changed. Try again in a moment."
	unreachedMessage  = "The database cannot be reached. Nothing was changed. Try again in a moment."
	commitMessage     = "The database went away while it saved. Check whether the change is there before you try again."
)

// explain turns what a driver says into the errors that people may read. Errors
// that have a code already, and a context that was canceled, pass through.
func explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if _, ok := errors.AsType[*portal.Error](err); ok {
		return err
	}
	if fault, ok := errors.AsType[*sqlite.Error](err); ok {
		return explainSQLite(fault)
	}
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		return explainPostgres(fault, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return portal.Unavailable(slowMessage, err)
	}
	if lost(err) {
		return portal.Unavailable(unreachedMessage, oneLine{err})
	}
	return err
}

// oneLine is an error whose text is one line: the driver's lists every address
// that it tried.
type oneLine struct{ error }

// Error gives the text.
func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

// Unwrap gives the error as it was.
func (e oneLine) Unwrap() error { return e.error }

// ErrMaybeCommitted is within the error of a transaction that may have happened all the
// same.
var ErrMaybeCommitted = errors.New("it may be committed")

// explainCommit is explain for a commit, which may have happened when the
// connection is lost before the answer.
func explainCommit(err error) error {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	if lost(err) || ok && fault.Severity == "FATAL" {
		return portal.Unavailable(commitMessage, fmt.Errorf("%w: %w", ErrMaybeCommitted, oneLine{err}))
	}
	return explain(err)
}

// lost tells whether an error comes from the connection to the server.
func lost(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
	}
	for _, closed := range []error{driver.ErrBadConn, sql.ErrConnDone, pgconn.ErrConnClosed, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, closed) {
			return true
		}
	}
	return false
}

// isBusy tells whether SQLite refused because another connection has the file.
func isBusy(err error) bool {
	fault, ok := errors.AsType[*sqlite.Error](err)
	return ok && fault.Code()&0xff == sqlite3.SQLITE_BUSY
}

func explainSQLite(fault *sqlite.Error) error {
	switch fault.Code() & 0xff {
	case sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%w: %w", context.Canceled, fault)
	case sqlite3.SQLITE_CONSTRAINT:
		return &portal.Error{Code: portal.CodeConflict, Message: constraintMessage, Cause: fault}
	case sqlite3.SQLITE_TOOBIG:
		return &portal.Error{Code: portal.CodeInvalid, Message: textMessage, Cause: fault}
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return portal.Unavailable(lockedMessage, fault)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return portal.Unavailable(unwritableMessage, fault)
	case sqlite3.SQLITE_FULL:
		return portal.Unavailable(fullMessage, fault)
	case sqlite3.SQLITE_IOERR:
		return portal.Unavailable(diskMessage, fault)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return portal.Unavailable(damagedMessage, fault)
	}
	return fault
}

// explainPostgres goes by the classes of SQLSTATE (PostgreSQL's manual,
// appendix A).
func explainPostgres(fault *pgconn.PgError, err error) error {
	class := fault.Code[:min(2, len(fault.Code))]
	switch {
	case class == "22" || class == "54":
		return &portal.Error{Code: portal.CodeInvalid, Message: textMessage, Cause: err}
	case class == "23":
		return &portal.Error{Code: portal.CodeConflict, Message: constraintMessage, Cause: err}
	case class == "53":
		return portal.Unavailable(roomMessage, err)
	case fault.Code == "25006":
		return portal.Unavailable(readOnlyMessage, err)
	case class == "57" || class == "08" || class == "40" || class == "55":
		return portal.Unavailable(busyMessage, err)
	case lost(err):
		return portal.Unavailable(unreachedMessage, oneLine{err})
	}
	return err
}
