package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Data says where an installation keeps what it knows.
type Data struct {
	DB     SecretURL `name:"db" env:"KEYPORTAL_DB" default:"keyportal.db" help:"Database: an SQLite file, or postgres://user:password@host/name for several replicas."`
	Keyset string    `placeholder:"FILE" env:"KEYPORTAL_KEYSET" help:"File of the keys that seal secrets and sign the history, made at first start. Default: keyportal.keyset beside the SQLite file, or in the working directory."`
}

// Validate returns the first setting that can't be used, in one line that says
// what to do about it.
func (d Data) Validate() error {
	db := d.DB.Reveal()
	switch {
	case db == "":
		return errors.New("--db is empty: name an SQLite file or a postgres:// URL")
	case d.Postgres():
		return checkPostgresURL(db)
	case strings.Contains(db, "://"):
		return fmt.Errorf("--db %s must be the name of an SQLite file or a postgres:// URL", d.DB)
	}
	return nil
}

// Postgres reports whether the database is a PostgreSQL server, not an SQLite
// file.
func (d Data) Postgres() bool {
	db := d.DB.Reveal()
	return strings.HasPrefix(db, "postgres://") || strings.HasPrefix(db, "postgresql://")
}

// KeysetPath is the file of the keyset: the one that was set, else one beside
// the SQLite file, else, for PostgreSQL, one in the working directory.
func (d Data) KeysetPath() string {
	const name = "keyportal.keyset"
	switch {
	case d.Keyset != "":
		return d.Keyset
	case d.Postgres():
		return name
	}
	return filepath.Join(filepath.Dir(d.DB.Reveal()), name)
}

// checkPostgresURL leaves out what net/url says is wrong: it would repeat the
// password.
func checkPostgresURL(db string) error {
	if _, err := url.Parse(db); err != nil {
		return errors.New("--db is not a valid URL: percent-encode the special characters of its password")
	}
	return nil
}
