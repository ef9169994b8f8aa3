package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"keyportal/internal/store/migrations"
)

// Options are what a store needs beside its database.
type Options struct {
	MAC   MAC              // signs the Revision History; required for changes
	Clock func() time.Time // time.Now when nil
}

// Open opens a database: a file name for SQLite (made when missing), or a URL
// with the scheme postgres or postgresql. It does not touch the schema.
func Open(ctx context.Context, database string, options Options) (*Store, error) {
	engine := engineOf(database)
	if engine == engineSQLite {
		absolute, err := filepath.Abs(database)
		if err != nil {
			return nil, openError(database, err)
		}
		database = absolute
	}
	read, write, err := engine.pools(database)
	if err != nil {
		return nil, openError(database, err)
	}
	if options.Clock == nil {
		options.Clock = time.Now
	}
	now := func() time.Time { return options.Clock().UTC().Truncate(time.Microsecond) }
	store := &Store{Queries: Queries{q: engine.reader(read), engine: engine, now: now}, url: database, read: read, write: write, mac: options.MAC}
	if engine == engineSQLite {
		store.changes = &parsed{pool: write}
	}
	err = store.pingWriter(ctx)
	if err == nil {
		err = read.PingContext(ctx)
	}
	if err != nil {
		return nil, errors.Join(openError(database, explain(err)), store.Close())
	}
	return store, nil
}

const (
	busyFor   = 5 * time.Second // how long a busy SQLite file is asked again
	busyPause = 20 * time.Millisecond
)

// pingWriter makes a SQLite file that the readers then find. While another process
// makes the file or closes it as the last one, its journal can't be chosen, and SQLite
// says so at once in spite of the busy timeout: it is asked again.
func (s *Store) pingWriter(ctx context.Context) error {
	for began := time.Now(); ; {
		err := s.write.PingContext(ctx)
		if !isBusy(err) || time.Since(began) > busyFor {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(busyPause):
		}
	}
}

// Migrate brings the schema up to date. Several processes may do so at once. A
// schema newer than this program knows is refused.
func (s *Store) Migrate(ctx context.Context) error {
	err := s.migrate(ctx)
	// SQLite has no lock for goose. Whoever fails because another process was
	// faster finds one step less to do; there are the versions and their table.
	for range newestVersion + 1 {
		if err == nil || s.engine != engineSQLite || ctx.Err() != nil {
			break
		}
		err = s.migrate(ctx)
	}
	return explain(err)
}

func (s *Store) migrate(ctx context.Context) error {
	provider, err := s.provider()
	if err != nil {
		return err
	}
	current, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if current > newestVersion {
		return fmt.Errorf("the database has schema version %d and this program knows %d at the most: run the newer program", current, newestVersion)
	}
	_, err = provider.Up(ctx)
	return err
}

// Migrated tells whether the schema is the one that this program needs.
func (s *Store) Migrated(ctx context.Context) (bool, error) {
	provider, err := s.provider()
	if err != nil {
		return false, err
	}
	current, err := provider.GetDBVersion(ctx)
	return current == newestVersion, explain(err)
}

// newestVersion is the schema's version that this program needs.
const newestVersion = 10

func (s *Store) provider() (*goose.Provider, error) {
	own, err := s.ownMigrations()
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithGoMigrations(own...)}
	dialect := goose.DialectSQLite3
	if s.engine == enginePostgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return nil, err
		}
		dialect = goose.DialectPostgres
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, s.write, migrations.Files, options...)
}

// ownMigrations gives the migrations that the engine spells in its own way, each
// a file that is named by its version.
func (s *Store) ownMigrations() ([]*goose.Migration, error) {
	files, err := fs.Glob(migrations.Files, string(s.engine)+"/*.sql")
	if err != nil {
		return nil, err
	}
	own := make([]*goose.Migration, len(files))
	for i, file := range files {
		version, err := strconv.ParseInt(strings.TrimSuffix(path.Base(file), ".sql"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the migration %s is not named by its version: %w", file, err)
		}
		own[i] = goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			return execScript(ctx, tx, file)
		}}, nil)
	}
	return own, nil
}

func execScript(ctx context.Context, tx *sql.Tx, file string) error {
	script, err := migrations.Files.ReadFile(file)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, string(script))
	return err
}
