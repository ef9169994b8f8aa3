package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"keyportal/internal/config"
	"keyportal/internal/keyset"
	"keyportal/internal/manage"
	"keyportal/internal/store"
)

// openInstallation opens a database that is there and up to date, for commands
// that must not make one by mistake. Whoever calls it closes the store.
func openInstallation(ctx context.Context, data config.Data) (*manage.Manager, error) {
	if !databaseExists(data) {
		return nil, fmt.Errorf("there is no database %s: name the right one with --db, or make it with keyportal migrate", data.DB)
	}
	keys, err := keyset.Load(data.KeysetPath())
	if err != nil {
		return nil, err
	}
	opened, err := store.Open(ctx, data.DB.Reveal(), store.Options{MAC: keys})
	if err != nil {
		return nil, err
	}
	migrated, err := opened.Migrated(ctx)
	if err == nil && !migrated {
		err = fmt.Errorf("the database %s does not have the schema that this program needs: run keyportal migrate", data.DB)
	}
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return manage.New(manage.Options{Store: opened, Sealer: keys}), nil
}

// prepareStore opens a database and brings it up to date. The database and its
// keyset are made where there are none. Whoever calls it closes the store.
func prepareStore(ctx context.Context, data config.Data) (*store.Store, *keyset.Keyset, error) {
	keys, err := prepareKeyset(ctx, data)
	if err != nil {
		return nil, nil, err
	}
	opened, err := openMigrated(ctx, data, store.Options{MAC: keys})
	return opened, keys, err
}

// prepareKeyset makes a keyset for a database without users only: another
// one's history can't go on under a new keyset.
func prepareKeyset(ctx context.Context, data config.Data) (*keyset.Keyset, error) {
	keys, err := keyset.Load(data.KeysetPath())
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	inUse, err := hasUsers(ctx, data)
	if err != nil {
		return nil, err
	}
	if inUse {
		return nil, fmt.Errorf("the keyset %s is not there, but the database %s is in use: restore the keyset from its backup, or name it with --keyset", data.KeysetPath(), data.DB)
	}
	return keyset.Open(data.KeysetPath())
}

func hasUsers(ctx context.Context, data config.Data) (bool, error) {
	if !databaseExists(data) {
		return false, nil
	}
	opened, err := openMigrated(ctx, data, store.Options{})
	if err != nil {
		return false, err
	}
	defer opened.Close()
	return opened.AnyUsers(ctx)
}

func openMigrated(ctx context.Context, data config.Data, options store.Options) (*store.Store, error) {
	if err := makeDatabaseFile(data); err != nil {
		return nil, err
	}
	opened, err := store.Open(ctx, data.DB.Reveal(), options)
	if err != nil {
		return nil, err
	}
	err = opened.OwnsConnections(ctx)
	if err == nil {
		err = opened.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

// makeDatabaseFile makes an SQLite file where there is none. Only its owner may
// read it, and the files that SQLite puts beside it.
func makeDatabaseFile(data config.Data) error {
	if data.Postgres() {
		return nil
	}
	made, err := os.OpenFile(data.DB.Reveal(), os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the database can't be made: %w: name a file in a directory that can be written to with --db", err)
	}
	return made.Close()
}

// databaseExists tells whether an SQLite file is there. Whether a PostgreSQL
// server is there turns out when it is asked.
func databaseExists(data config.Data) bool {
	if data.Postgres() {
		return true
	}
	_, err := os.Stat(data.DB.Reveal())
	return !errors.Is(err, fs.ErrNotExist)
}
