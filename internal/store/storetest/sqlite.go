package storetest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"keyportal/internal/store"
)

func engineOf(url string) string {
	if strings.HasPrefix(url, "postgres") {
		return PostgresEngine
	}
	return SQLiteEngine
}

func emptySQLite(t testing.TB) string { return filepath.Join(t.TempDir(), "keyportal.db") }

// migratedSQLite copies a file that was migrated once.
func migratedSQLite(t testing.TB) string {
	t.Helper()
	content, err := migratedFile()
	if err != nil {
		t.Fatal(err)
	}
	file := emptySQLite(t)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "storetest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "keyportal.db")
	if err := migrate(context.Background(), file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

func migrate(ctx context.Context, url string) error {
	s, err := store.Open(ctx, url, store.Options{MAC: MAC{}})
	if err != nil {
		return err
	}
	if err := s.Migrate(ctx); err != nil {
		s.Close()
		return err
	}
	return s.Close()
}
