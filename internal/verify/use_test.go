package verify_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// written is what the store knows of a key's use.
type written struct {
	usedAt   time.Time
	usedFrom string
	tallies  []portal.Tally
	refusals []portal.Refusal
}

func readUse(t *testing.T, s *store.Store, key int64) written {
	t.Helper()
	k, err := s.Key(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	tallies, err := s.Tallies(t.Context(), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	refusals, err := s.Refusals(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return written{k.LastUsedAt, k.LastUsedFrom, tallies, refusals}
}

func flush(t *testing.T, c *verify.Checker) {
	t.Helper()
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestUseIsCountedAndWrittenDown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c, clock := verify.New(s, verify.Options{}), storetest.Of(s).Clock
		start := clock.Now()
		today := start.Unix() / 86400

		r := forBilling(f)
		r.ClientIP = netip.MustParseAddr("::ffff:192.0.2.1")
		expectCode(t, c, r, "VALID")
		r.ClientIP = netip.MustParseAddr("fe80::1%eth0")
		usedAt := clock.Advance(time.Microsecond)
		expectCode(t, c, r, "VALID")
		r.APISet = "dunning"
		expectCode(t, c, r, "API_SET_NOT_GRANTED")
		r.ClientIP = netip.Addr{}
		refusedAt := clock.Advance(time.Microsecond)
		expectCode(t, c, r, "API_SET_NOT_GRANTED")
		r.License = "1"
		expectCode(t, c, r, "LICENSE_MISMATCH")
		if got := readUse(t, s, f.Key.ID); !got.usedAt.IsZero() || got.tallies != nil || got.refusals != nil {
			t.Errorf("before the flush: %+v", got)
		}

		flush(t, c)
		got := readUse(t, s, f.Key.ID)
		if !got.usedAt.Equal(usedAt) || got.usedFrom != "fe80::1" {
			t.Errorf("last used %v from %q", got.usedAt, got.usedFrom)
		}
		if want := (portal.Tally{KeyID: f.Key.ID, Day: today, Accepted: 2, Refused: 3}); len(got.tallies) != 1 || got.tallies[0] != want {
			t.Errorf("got %+v, want %+v", got.tallies, want)
		}
		for i, want := range []portal.Refusal{
			{KeyID: f.Key.ID, Code: "API_SET_NOT_GRANTED", At: refusedAt},
			{KeyID: f.Key.ID, Code: "LICENSE_MISMATCH", At: refusedAt},
		} {
			if len(got.refusals) != 2 || got.refusals[i] != want {
				t.Errorf("got %+v, want %+v", got.refusals, want)
			}
		}

		clock.Advance(24 * time.Hour)
		expectCode(t, c, forBilling(f), "VALID")
		flush(t, c)
		flush(t, c)
		got = readUse(t, s, f.Key.ID)
		if len(got.tallies) != 2 || got.tallies[1] != (portal.Tally{KeyID: f.Key.ID, Day: today + 1, Accepted: 1}) {
			t.Errorf("on the next day: %+v", got.tallies)
		}
	})
}

func TestCallersAreCountedToo(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	c := verify.New(s, verify.Options{})
	if _, err := c.CheckCaller(t.Context(), forBilling(f)); err != nil {
		t.Fatal(err)
	}
	flush(t, c)
	got := readUse(t, s, f.Key.ID)
	if len(got.refusals) != 1 || got.refusals[0].Code != "API_SET_NOT_GRANTED" || !got.usedAt.IsZero() {
		t.Errorf("got %+v", got)
	}
}

func TestJunkCountsForNobody(t *testing.T) {
	s := storetest.SQLite(t)
	storetest.NewFixture(t, s)
	c := verify.New(s, verify.Options{})
	for _, credential := range []string{"", "junk", secret.New("", secret.Token).Reveal()} {
		check(t, c, verify.Request{Credential: credential, ClientIP: client})
	}
	flush(t, c)
	for _, table := range []string{"secret_uses", "key_days", "key_refusals"} {
		var rows int
		if err := storetest.SQL(t, s).QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil || rows != 0 {
			t.Errorf("%s has %d rows, %v", table, rows, err)
		}
	}
}

func TestASecretInGraceIsStillKnownWhenItIsOver(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	c := verify.New(s, verify.Options{})
	if _, err := storetest.SQL(t, s).ExecContext(t.Context(), `UPDATE secrets SET previous = TRUE, expires_at = 1`); err != nil {
		t.Fatal(err)
	}
	expectCode(t, c, forBilling(f), "NOT_FOUND")
	flush(t, c)
	if got := readUse(t, s, f.Key.ID).refusals; len(got) != 1 || got[0].Code != "NOT_FOUND" {
		t.Errorf("got %+v", got)
	}
}

// breakUses makes flushes fail until it is mended.
func breakUses(t *testing.T, s *store.Store) (mend func()) {
	t.Helper()
	rename := func(from, to string) {
		if _, err := storetest.SQL(t, s).ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("key_refusals", "broken")
	return func() { rename("broken", "key_refusals") }
}

func TestAFlushThatFailsLosesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		registry := prometheus.NewRegistry()
		c, clock := verify.New(s, verify.Options{Registry: registry}), storetest.Of(s).Clock
		refused := forBilling(f)
		refused.APISet = "dunning"
		expectCode(t, c, forBilling(f), "VALID")
		expectCode(t, c, refused, "API_SET_NOT_GRANTED")

		mend := breakUses(t, s)
		if err := c.Flush(t.Context()); err == nil {
			t.Fatal("the flush did not fail")
		}
		if got := readUseOfSecret(t, s); got != 0 {
			t.Fatalf("half of a flush was written: %d rows", got)
		}
		last := clock.Advance(time.Second)
		expectCode(t, c, forBilling(f), "VALID")
		mend()
		flush(t, c)
		got := readUse(t, s, f.Key.ID)
		if len(got.tallies) != 1 || got.tallies[0].Accepted != 2 || got.tallies[0].Refused != 1 || len(got.refusals) != 1 || !got.usedAt.Equal(last) {
			t.Errorf("got %+v", got)
		}
		if failures := counters(t, registry)["keyportal_use_flush_failures_total"]; failures != 1 {
			t.Errorf("%v failures were counted", failures)
		}
	})
}

// A database that went back to an earlier state doesn't have all keys any more.
func TestUsesOfKeysThatAreGoneHoldNoOthersUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		registry := prometheus.NewRegistry()
		c := verify.New(s, verify.Options{Registry: registry})
		gone, value := storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing} })
		r := forBilling(f)
		r.Credential = value.Reveal()
		expectCode(t, c, r, "VALID")
		expectCode(t, c, r, "VALID")
		for _, rows := range []string{"key_api_sets WHERE key_id", "secrets WHERE key_id", "keys WHERE id"} {
			storetest.Exec(t, storetest.SQL(t, s), `DELETE FROM `+rows+` = $1`, gone.ID)
		}
		if err := c.Flush(t.Context()); portal.CodeOf(err) != portal.CodeConflict {
			t.Errorf("the flush says %v", err)
		}
		expectCode(t, c, forBilling(f), "VALID")
		flush(t, c)
		if got := accepted(t, s, f.Key); got != 1 {
			t.Errorf("%d uses of the other key were written down", got)
		}
		if lost := counters(t, registry)["keyportal_uses_lost_total"]; lost != 2 {
			t.Errorf("%v uses were lost", lost)
		}
	})
}

// Whether a flush was written whose connection broke with the commit, nobody can tell.
func TestAFlushThatMayHaveBeenWrittenIsNotWrittenAgain(t *testing.T) {
	s := storetest.Postgres(t)
	f := storetest.NewFixture(t, s)
	registry := prometheus.NewRegistry()
	c, db := verify.New(s, verify.Options{Registry: registry}), storetest.SQL(t, s)
	expectCode(t, c, forBilling(f), "VALID")
	storetest.Exec(t, db, `CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'`)
	storetest.Exec(t, db, `CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON key_days DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()`)
	if err := c.Flush(t.Context()); !errors.Is(err, store.ErrMaybeCommitted) {
		t.Fatalf("the flush says %v", err)
	}
	storetest.Exec(t, db, `DROP TRIGGER cut ON key_days`)
	flush(t, c)
	if got, lost := accepted(t, s, f.Key), counters(t, registry)["keyportal_uses_lost_total"]; got != 0 || lost != 1 {
		t.Errorf("%d uses were written down, and %v lost", got, lost)
	}
}

func readUseOfSecret(t *testing.T, s *store.Store) (rows int) {
	t.Helper()
	if err := storetest.SQL(t, s).QueryRowContext(t.Context(), "SELECT count(*) FROM secret_uses").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestRunFlushesEveryFewSecondsAndAtTheEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{FlushEvery: 10 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		expectCode(t, c, forBilling(f), "VALID")
		waitFor(t, func() bool { return accepted(t, s, f.Key) == 1 })
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}

		slow := verify.New(s, verify.Options{FlushEvery: time.Hour})
		ctx, cancel = context.WithCancel(t.Context())
		go func() { ended <- slow.Run(ctx) }()
		expectCode(t, slow, forBilling(f), "VALID")
		cancel()
		if err := <-ended; err != nil || accepted(t, s, f.Key) != 2 {
			t.Errorf("after the end: %v, %d", err, accepted(t, s, f.Key))
		}
	})
}

// On PostgreSQL, which tells that a flush waits.
func TestTheEndCutsNoFlushOff(t *testing.T) {
	s := storetest.Postgres(t)
	f := storetest.NewFixture(t, s)
	registry := prometheus.NewRegistry()
	c := verify.New(s, verify.Options{FlushEvery: 5 * time.Millisecond, Registry: registry})
	expectCode(t, c, forBilling(f), "VALID")

	db := storetest.SQL(t, s)
	locking, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer locking.Rollback()
	if _, err := locking.ExecContext(t.Context(), "LOCK TABLE secret_uses"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	waitFor(t, func() (waits bool) {
		err := db.QueryRowContext(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waits)
		return err == nil && waits
	})
	cancel()
	if err := locking.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil || accepted(t, s, f.Key) != 1 {
		t.Errorf("after the end: %v, %d", err, accepted(t, s, f.Key))
	}
	if failures := counters(t, registry)["keyportal_use_flush_failures_total"]; failures != 0 {
		t.Errorf("%v flushes were cut off", failures)
	}
}

func TestRunSaysWhenItCannotFlushAndTriesAgain(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	var log lockedText
	c := verify.New(s, verify.Options{FlushEvery: 5 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	mend := breakUses(t, s)
	refused := forBilling(f)
	refused.APISet = "dunning"
	expectCode(t, c, refused, "API_SET_NOT_GRANTED")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	waitFor(t, func() bool { return strings.Contains(log.String(), "could not be written down") })
	mend()
	waitFor(t, func() bool { return len(readUse(t, s, f.Key.ID).tallies) == 1 })
	breakUses(t, s)
	expectCode(t, c, refused, "API_SET_NOT_GRANTED")
	cancel()
	if err := <-ended; err == nil {
		t.Error("the last flush failed and Run did not say so")
	}
	if strings.Contains(log.String(), f.Secret.Reveal()) {
		t.Error("the log has the secret")
	}
}

func accepted(t *testing.T, s *store.Store, key portal.Key) (sum int64) {
	t.Helper()
	for _, tally := range readUse(t, s, key.ID).tallies {
		sum += tally.Accepted
	}
	return sum
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
	}
}

// lockedText is a text that several may write to.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
