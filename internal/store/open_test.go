package store_test

import (
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
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
		wantEqual(t, "versions", must[int](t)(count(t, s, `SELECT count(*) FROM goose_db_version`)), 11)
	})
}

// What was there before there were requests is kept, with values for what came
// since.
func TestADatabaseOfTheVersionBeforeIsBroughtUpToDateWithoutLoss(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		if err := s.MigrateTo(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		made, hash := s.Now().Add(-time.Hour), secret.New("", secret.Token).Hash()
		for _, insert := range []statement{
			{`INSERT INTO client_levels (id, name, licenses) VALUES (4, 'Diamond', 1)`, nil},
			{`INSERT INTO organizations (id, name, name_folded, level_id, suspended, secret_viewing, expiry_required, expiry_max_days, version, created_at, updated_at)
				VALUES (10, 'Acme', 'acme', 4, FALSE, FALSE, FALSE, 0, 5, $1, $1)`, []any{made.UnixMicro()}},
			{`INSERT INTO users (id, username, username_folded, first_name, first_name_folded, last_name, last_name_folded, email, email_folded, search, staff, enabled, locked, password_expired, version, created_at, updated_at)
				VALUES (11, 'ada', 'ada', '', '', '', '', '', '', 'ada', '', TRUE, FALSE, FALSE, 1, $1, $1)`, []any{made.UnixMicro()}},
			{`INSERT INTO memberships (id, organization_id, user_id, admin, all_access, version, created_at, updated_at) VALUES (12, 10, 11, FALSE, FALSE, 1, $1, $1)`, []any{made.UnixMicro()}},
			{`INSERT INTO applications (id, organization_id, name, name_folded, description, created_at) VALUES (13, 10, 'Reports', 'reports', 'For reports.', $1)`, []any{made.UnixMicro()}},
			{`INSERT INTO licenses (id, organization_id, number, domain, database_label, active, version, created_at, updated_at) VALUES (14, 10, '12345678', 'Acme', 'ACME_EU', TRUE, 6, $1, $1)`, []any{made.UnixMicro()}},
			{insertKey, rawKey{kind: portal.TokenKey, organization: 10, user: 11, name: "erp", license: 14, application: 13}.args()},
			{`INSERT INTO secrets (key_id, hash, masked, previous, created_at) VALUES (1, $1, 'kp_…aB3d', FALSE, 0)`, []any{hash[:]}},
		} {
			storetest.Exec(t, storetest.SQL(t, s), insert.query, insert.args...)
		}
		for range 2 {
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		wantEqual(t, "migrated", must[bool](t)(s.Migrated(t.Context())), true)
		wantEqual(t, "application", must[portal.Application](t)(s.Application(t.Context(), 13)),
			portal.Application{ID: 13, OrganizationID: 10, Name: "Reports", Description: "For reports.", Version: 1, CreatedAt: made, UpdatedAt: made})
		wantEqual(t, "level", must[portal.ClientLevel](t)(s.ClientLevel(t.Context(), 4)), portal.ClientLevel{ID: 4, Name: "Diamond", Licenses: 1, Organizations: 1, Version: 1})
		wantEqual(t, "license", must[portal.License](t)(s.License(t.Context(), 14)),
			portal.License{ID: 14, OrganizationID: 10, Number: "12345678", Domain: "Acme", Database: "ACME_EU", Active: true, Version: 6, CreatedAt: made, UpdatedAt: made})
		key, _, err := s.KeyByHash(t.Context(), hash)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "key", []string{key.Name, key.LicenseNumber, key.ApplicationName, key.Username, key.Masked}, []string{"erp", "12345678", "Reports", "ada", "kp_…aB3d"})
		wantEqual(t, "keys of the user", keyIDs(must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), portal.KeyFilter{List: portal.List{Search: "ada"}})).Rows), []int64{key.ID})
		wantRefused(t, s, "a level of the same name", `INSERT INTO client_levels (name, name_folded, licenses) VALUES ('DIAMOND', 'diamond', 1)`)
		wantRefused(t, s, "a license beyond the level", insertLicense, 10, "2")
	})
}

// Who may not make extensions does without the index of trigrams.
func TestPostgresIsMigratedAlsoByWhoMayMakeNoExtensions(t *testing.T) {
	urls := storetest.Databases(t)
	admin := must[*sql.DB](t)(sql.Open("pgx", urls[storetest.PostgresEngine]))
	defer admin.Close()
	role := fmt.Sprintf("limited_%d", time.Now().UnixNano())
	storetest.Exec(t, admin, `CREATE ROLE `+role+` LOGIN PASSWORD 'sesame'`)
	storetest.Exec(t, admin, `GRANT CREATE ON SCHEMA public TO `+role)
	defer func() {
		storetest.Exec(t, admin, `DROP OWNED BY `+role)
		storetest.Exec(t, admin, `DROP ROLE `+role)
	}()
	limited := must[*url.URL](t)(url.Parse(urls[storetest.PostgresEngine]))
	limited.User = url.UserPassword(role, "sesame")
	s := must[*store.Store](t)(store.Open(t.Context(), limited.String(), store.Options{MAC: storetest.MAC{}}))
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := storetest.NewFixture(t, s)
	page := must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), portal.KeyFilter{List: portal.List{Search: f.User.Username}}))
	wantEqual(t, "found", keyIDs(page.Rows), []int64{f.Key.ID})
	warnings := must[[]string](t)(s.Warnings(t.Context()))
	if len(warnings) != 1 || !strings.Contains(warnings[0], "CREATE EXTENSION pg_trgm") {
		t.Errorf("it warns of %q", warnings)
	}
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
		FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT IN ('sqlite_sequence', 'goose_db_version') AND m.name NOT LIKE 'key_search%'`, `
		SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN ' not null ' ELSE ' ' END || data_type
		FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'`)
	wantSame("indices", `
		SELECT name || CASE WHEN sql LIKE 'CREATE UNIQUE%' THEN ' unique' ELSE '' END || CASE WHEN sql LIKE '% WHERE %' THEN ' partial' ELSE '' END
		FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`, `
		SELECT c.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END || CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relname <> 'keys_search' AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u'))`)
}

// The order of a list, and what counts as the same name, must not depend on the
// server's locale.
func TestPostgresComparesTextsByteByByte(t *testing.T) {
	s := storetest.Postgres(t)
	others := rows(t, storetest.SQL(t, s), `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name <> 'goose_db_version' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`)
	wantEqual(t, "columns that are compared otherwise", others, map[string]bool{})
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
