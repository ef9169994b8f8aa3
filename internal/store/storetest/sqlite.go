package storetest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"keyportal/internal/store"
)

func engineOf(url string) string {
	if strings.HasPrefix(url, "postgres") {
		return PostgresEngine
	}
	return SQLiteEngine
}

// emptySQLite names a file that there is not yet: in memory where the system has room for
// it there, for a disk is slow at what the store does for each change, and else on disk.
func emptySQLite(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(inMemory(), "keyportal-sqlite")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "keyportal.db")
}

// inMemory names Linux's directory in memory when 2 GiB are free there, and else the
// empty name, the default's.
var inMemory = sync.OnceValue(func() string {
	const dir, room = "/dev/shm", 2 << 30
	var of syscall.Statfs_t
	if syscall.Statfs(dir, &of) != nil || of.Bavail*uint64(of.Bsize) < room {
		return ""
	}
	return dir
})

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
