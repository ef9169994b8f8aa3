package store_test

import (
	"database/sql"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAFreshSchemaIsUpToDate(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		wantEqual(t, "migrated before", must[bool](t)(s.Migrated(t.Context())), false)
		for range 2 {
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantEqual(t, "migrated", must[bool](t)(s.Migrated(t.Context())), true)
		}
		storetest.NewFixture(t, s)
	})
}

func TestProcessesCanMigrateAtOnce(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		for _, err := range inParallel(3, func() error {
			s, err := store.Open(t.Context(), url, store.Options{MAC: storetest.MAC{}})
			if err != nil {
				return err
			}
			defer s.Close()
			return s.Migrate(t.Context())
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		s := storetest.Open(t, url)
		wantEqual(t, "migrated", must[bool](t)(s.Migrated(t.Context())), true)
		wantEqual(t, "levels", len(must[[]portal.ClientLevel](t)(s.ClientLevels(t.Context()))), 3)
		wantEqual(t, "versions", must[int](t)(count(t, s, `SELECT count(*) FROM goose_db_version`)), 5)
	})
}

func TestANewerSchemaIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		storetest.Exec(t, storetest.SQL(t, s), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, $1)`, true)
		err := s.Migrate(t.Context())
		if err == nil || !strings.Contains(err.Error(), "version 99") || !strings.Contains(err.Error(), "run the newer program") {
			t.Errorf("Migrate says %v", err)
		}
		wantEqual(t, "migrated", must[bool](t)(s.Migrated(t.Context())), false)
	})
}

func TestWhatIsNoDatabaseIsNotOpened(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, database := range map[string]string{
		"another kind of file":             other,
		"a directory":                      t.TempDir(),
		"a file in a directory that isn't": filepath.Join(t.TempDir(), "none", "keyportal.db"),
		"a server that isn't":              "postgres://keyportal:sesame@127.0.0.1:1/keyportal",
	} {
		s, err := store.Open(t.Context(), database, store.Options{})
		if err == nil {
			s.Close()
			t.Errorf("%s is opened", what)
			continue
		}
		wantCode(t, what, err, portal.CodeUnavailable)
		if !strings.Contains(err.Error(), "cannot open the database") || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %q", what, err)
		}
	}
}

func TestAFileNameIsTakenAsItIs(t *testing.T) {
	for _, name := range []string{"a b.db", "50%.db", "a?mode=ro.db", "a#b.db", "größe.db", "file:x.db", "%2e.db", "a&b=c.db"} {
		file := filepath.Join(t.TempDir(), name)
		s, err := store.Open(t.Context(), file, store.Options{MAC: storetest.MAC{}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantEqual(t, name, must[bool](t)(s.AnyUsers(t.Context())), false)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
		wantEqual(t, "files", found, []string{file})
	}
}

func count(t *testing.T, s *store.Store, query string) (n int, err error) {
	t.Helper()
	return n, storetest.SQL(t, s).QueryRowContext(t.Context(), query).Scan(&n)
}

func TestBothEnginesHaveTheSameTablesColumnsAndIndices(t *testing.T) {
	sqlite, postgres := storetest.SQLite(t), storetest.Postgres(t)
	wantSame := func(what, ofSQLite, ofPostgres string) {
		t.Helper()
		got, want := rows(t, storetest.SQL(t, sqlite), ofSQLite), rows(t, storetest.SQL(t, postgres), ofPostgres)
		if len(got) == 0 {
			t.Errorf("there are no %s", what)
		}
		for _, row := range slices.Sorted(maps.Keys(got)) {
			if !want[row] {
				t.Errorf("of the %s, only SQLite has %s", what, row)
			}
		}
		for _, row := range slices.Sorted(maps.Keys(want)) {
			if !got[row] {
				t.Errorf("of the %s, only PostgreSQL has %s", what, row)
			}
		}
	}
	wantSame("columns", `
		SELECT m.name || '.' || c.name || CASE WHEN c."notnull" OR c.pk THEN ' not null ' ELSE ' ' END || CASE lower(c.type)
			WHEN 'integer' THEN 'bigint' WHEN 'bytea' THEN 'bytea' ELSE lower(c.type) END
		FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT IN ('sqlite_sequence', 'goose_db_version')`, `
		SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN ' not null ' ELSE ' ' END || data_type
		FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'`)
	wantSame("indices", `
		SELECT name || CASE WHEN sql LIKE 'CREATE UNIQUE%' THEN ' unique' ELSE '' END || CASE WHEN sql LIKE '% WHERE %' THEN ' partial' ELSE '' END
		FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`, `
		SELECT c.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END || CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u'))`)
}

func rows(t *testing.T, db *sql.DB, query string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	rows := must[*sql.Rows](t)(db.QueryContext(t.Context(), query))
	defer rows.Close()
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		found[row] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
