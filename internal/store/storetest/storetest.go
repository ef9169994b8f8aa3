// Package storetest gives tests a store to work with, on both engines: fresh
// databases (sqlite.go, postgres.go) and things to put into them (fixture.go).
// With it the tests of package store hold both engines to the same behavior.
//
// The PostgreSQL server is the one that the environment variable
// KEYPORTAL_TEST_POSTGRES names; "make test" starts one.
package storetest

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"keyportal/internal/store"
)

// The engines, as subtests and Databases name them.
const (
	SQLiteEngine   = "sqlite"
	PostgresEngine = "postgres"
)

var engines = []string{SQLiteEngine, PostgresEngine}

// Database is what a test may need to know of a store's database.
type Database struct {
	Engine string // SQLiteEngine or PostgresEngine
	URL    string // a file name or a URL, as store.Open takes it
	Clock  *Clock // the store's
	sql    *sql.DB
}

var databases sync.Map // *store.Store → Database

// Each runs a test on both engines, in parallel subtests with a migrated
// database each.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, migrated(t, engine)))
		})
	}
}

// EachEmpty runs a test on both engines, in parallel subtests with the URL of a
// database each that has no schema yet.
func EachEmpty(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, empty(t, engine))
		})
	}
}

// SQLite gives a store on a migrated SQLite file of the test's own.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, migrated(t, SQLiteEngine))
}

// Postgres gives a store on a migrated PostgreSQL database of the test's own.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, migrated(t, PostgresEngine))
}

// Databases gives the URLs of fresh databases without a schema, by engine, for
// tests that start the program itself.
func Databases(t testing.TB) map[string]string {
	t.Helper()
	urls := map[string]string{}
	for _, engine := range engines {
		urls[engine] = empty(t, engine)
	}
	return urls
}

func migrated(t testing.TB, engine string) string {
	t.Helper()
	if engine == PostgresEngine {
		return migratedPostgres(t)
	}
	return migratedSQLite(t)
}

func empty(t testing.TB, engine string) string {
	t.Helper()
	if engine == PostgresEngine {
		return emptyPostgres(t)
	}
	return emptySQLite(t)
}

// Open opens a database until the test ends, with MAC and a Clock of its own.
func Open(t testing.TB, url string) *store.Store {
	t.Helper()
	clock := NewClock()
	s, err := store.Open(t.Context(), url, store.Options{MAC: MAC{}, Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	around, err := openSQL(url)
	if err != nil {
		t.Fatal(err)
	}
	databases.Store(s, Database{Engine: engineOf(url), URL: url, Clock: clock, sql: around})
	t.Cleanup(func() {
		databases.Delete(s)
		if err := errors.Join(s.Close(), around.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Of tells what a store of this package works on.
func Of(s *store.Store) Database {
	database, _ := databases.Load(s)
	return database.(Database)
}

// SQL gives a second way into a store's database, around the store.
func SQL(t testing.TB, s *store.Store) *sql.DB {
	t.Helper()
	return Of(s).sql
}

func openSQL(url string) (*sql.DB, error) {
	if engineOf(url) == PostgresEngine {
		return sql.Open("pgx", url)
	}
	return sql.Open("sqlite", "file:"+url+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=foreign_keys(ON)")
}

// Exec runs a statement that must succeed.
func Exec(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// Clock is a clock that stands still until it is moved. It is safe for
// concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock gives a clock that stands at the present.
func NewClock() *Clock { return &Clock{now: time.Now().UTC().Truncate(time.Microsecond)} }

// Now gives the instant at which the clock stands, in microseconds and UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock and gives the instant at which it stands then.
func (c *Clock) Advance(by time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
	return c.now
}

// MAC signs with HMAC-SHA256 under a key that everybody knows.
type MAC struct{}

// MAC signs data.
func (MAC) MAC(data []byte) ([]byte, error) {
	mac := hmac.New(sha256.New, []byte("a key for tests alone"))
	mac.Write(data)
	return mac.Sum(nil), nil
}

// VerifyMAC tells whether MAC gave mac for data.
func (m MAC) VerifyMAC(mac, data []byte) error {
	if want, _ := m.MAC(data); !hmac.Equal(mac, want) {
		return errors.New("storetest: the MAC is wrong")
	}
	return nil
}
