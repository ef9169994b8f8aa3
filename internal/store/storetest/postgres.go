package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"keyportal/internal/store/migrations"
)

const postgresVariable = "KEYPORTAL_TEST_POSTGRES"

func emptyPostgres(t testing.TB) string {
	t.Helper()
	return createPostgres(t, "template1")
}

// migratedPostgres copies a database that was migrated once.
func migratedPostgres(t testing.TB) string {
	t.Helper()
	server(t)
	template, err := migratedTemplate()
	if err != nil {
		t.Fatal(err)
	}
	return createPostgres(t, template)
}

// createPostgres makes a database until the test ends.
func createPostgres(t testing.TB, template string) string {
	t.Helper()
	db := server(t)
	name := "keyportal_test_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return databaseURL(name)
}

func server(t testing.TB) *sql.DB {
	t.Helper()
	if os.Getenv(postgresVariable) == "" {
		t.Fatal("set " + postgresVariable + " or run make test")
	}
	db, err := openServer()
	if err != nil {
		t.Fatal(err)
	}
	return db
}

var openServer = sync.OnceValues(func() (*sql.DB, error) {
	return sql.Open("pgx", os.Getenv(postgresVariable))
})

// databaseURL gives the URL of another database on the server.
func databaseURL(name string) string {
	address, err := url.Parse(os.Getenv(postgresVariable))
	if err != nil {
		panic(err)
	}
	address.Path = "/" + name
	return address.String()
}

// migratedTemplate gives the name of a database to copy. It is named by the
// schema, made by whichever test first needs it, and left for the next ones.
var migratedTemplate = sync.OnceValues(func() (name string, err error) {
	ctx := context.Background()
	db, err := openServer()
	if err != nil {
		return "", err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(hashtext($1))", postgresVariable); err != nil {
		return "", err
	}
	defer conn.ExecContext(ctx, "SELECT pg_advisory_unlock(hashtext($1))", postgresVariable)
	name, err = templateName()
	if err != nil {
		return "", err
	}
	return name, makeTemplate(ctx, conn, name)
})

func makeTemplate(ctx context.Context, conn *sql.Conn, name string) error {
	var made bool
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&made); made || err != nil {
		return err
	}
	raw := name + "_raw"
	if _, err := conn.ExecContext(ctx, "DROP DATABASE IF EXISTS "+raw+" WITH (FORCE)"); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "CREATE DATABASE "+raw); err != nil {
		return err
	}
	if err := migrate(ctx, databaseURL(raw)); err != nil {
		_, dropErr := conn.ExecContext(ctx, "DROP DATABASE "+raw+" WITH (FORCE)")
		return errors.Join(err, dropErr)
	}
	_, err := conn.ExecContext(ctx, "ALTER DATABASE "+raw+" RENAME TO "+name)
	return err
}

func templateName() (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(migrations.Files, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := migrations.Files.ReadFile(file)
		hash.Write(content)
		return err
	})
	return fmt.Sprintf("keyportal_template_%x", hash.Sum(nil)[:8]), err
}
