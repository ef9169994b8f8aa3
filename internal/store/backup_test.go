package store_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func rowsOf(t *testing.T, b store.Backup, table string) int64 {
	t.Helper()
	for _, rows := range b.Rows {
		if rows.Table == table {
			return rows.Count
		}
	}
	t.Fatalf("nothing is said about %s", table)
	return 0
}

func backup(t *testing.T, s *store.Store) (store.Backup, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "copy")
	made, err := s.Backup(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return made, file
}

func TestABackupIsReadBackAndForItsOwnerAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		made, file := backup(t, s)
		head, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for table, want := range map[string]int64{"users": 3, "organizations": 1, "keys": 1, "secrets": 1, "api_sets": 3, "revisions": head.Revision} {
			if got := rowsOf(t, made, table); got != want {
				t.Errorf("%d rows of %s, want %d", got, table, want)
			}
		}
		if made.Broken != nil {
			t.Error(made.Broken)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		content, err := os.ReadFile(file)
		if err != nil || bytes.Contains(content, []byte(f.Secret.Reveal())) {
			t.Errorf("the secret is in the backup (%v)", err)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}

func TestABackupNeverReplacesAFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		file := filepath.Join(t.TempDir(), "copy")
		if err := os.WriteFile(file, []byte("dear"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Backup(t.Context(), file); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("got %v", err)
		}
		if content, _ := os.ReadFile(file); string(content) != "dear" {
			t.Errorf("the file is now %q", content)
		}
	})
}

func TestABackupWhoseFolderIsNotThereSaysSo(t *testing.T) {
	_, err := storetest.SQLite(t).Backup(t.Context(), filepath.Join(t.TempDir(), "none", "copy"))
	if err == nil || !strings.Contains(err.Error(), "name a file in a directory that can be written to") {
		t.Errorf("got %v", err)
	}
}

func TestABackupOfATamperedHistoryIsKeptAndTells(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		storetest.NewFixture(t, s)
		if _, err := storetest.SQL(t, s).Exec(`UPDATE revision_head SET revision_id = revision_id - 1`); err != nil {
			t.Fatal(err)
		}
		made, file := backup(t, s)
		if made.Broken == nil {
			t.Error("the chain is said to be whole")
		}
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	})
}

func TestASQLiteBackupIsADatabase(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	_, file := backup(t, s)
	key, _, err := storetest.Open(t, file).KeyByHash(t.Context(), f.Secret.Hash())
	if err != nil || key.ID != f.Key.ID {
		t.Errorf("got key %d, %v", key.ID, err)
	}
}

func TestAPostgresBackupCanBeRestored(t *testing.T) {
	s := storetest.Postgres(t)
	f := storetest.NewFixture(t, s)
	_, file := backup(t, s)
	empty := storetest.Databases(t)[storetest.PostgresEngine]
	if out, err := exec.Command("pg_restore", "--no-owner", "--dbname="+empty, file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	restored := storetest.Open(t, empty)
	key, _, err := restored.KeyByHash(t.Context(), f.Secret.Hash())
	if err != nil || key.ID != f.Key.ID {
		t.Errorf("got key %d, %v", key.ID, err)
	}
	if _, err := restored.VerifyChain(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWithoutPgDumpTheBackupSaysWhatToInstall(t *testing.T) {
	s := storetest.Postgres(t)
	t.Setenv("PATH", t.TempDir())
	_, err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "copy"))
	if err == nil || !strings.Contains(err.Error(), "pg_dump is not installed: install PostgreSQL's client programs") {
		t.Errorf("got %v", err)
	}
}

func TestOtherUsersOfTheMachineCanNotSeeThePassword(t *testing.T) {
	address, err := url.Parse(storetest.Databases(t)[storetest.PostgresEngine])
	if err != nil {
		t.Fatal(err)
	}
	password, set := address.User.Password()
	if !set {
		password = "hunter2"
		address.User = url.UserPassword(address.User.Username(), password)
	}
	s := storetest.Open(t, address.String())
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	pgDump, err := exec.LookPath("pg_dump")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	spy := fmt.Sprintf("#!/bin/sh\necho \"$@\" >%[1]s/arguments\necho \"$PGPASSWORD\" >%[1]s/password\nexec %[2]s \"$@\"\n", folder, pgDump)
	if err := os.WriteFile(filepath.Join(folder, "pg_dump"), []byte(spy), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(filepath.ListSeparator)+os.Getenv("PATH"))
	backup(t, s)
	arguments, err := os.ReadFile(filepath.Join(folder, "arguments"))
	if err != nil || len(arguments) == 0 || bytes.Contains(arguments, []byte(password)) {
		t.Errorf("pg_dump was given %q, %v", arguments, err)
	}
	if given, err := os.ReadFile(filepath.Join(folder, "password")); string(given) != password+"\n" {
		t.Errorf("pg_dump has another password, %v", err)
	}
}
