package store_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// addUser makes a change that leaves a user and a line, or neither.
func addUser(ctx context.Context, s *store.Store, name string) error {
	return s.Change(ctx, clerk, func(c *store.Change) error {
		if _, err := c.InsertUser(ctx, portal.User{Username: name}); err != nil {
			return err
		}
		return c.Record(ctx, portal.Revision{Noun: portal.NounUser, NounName: name})
	})
}

// wantUnavailable wants an error that says what to do, in words for people.
func wantUnavailable(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	wantCode(t, what, err, portal.CodeUnavailable)
	fault, ok := errors.AsType[*portal.Error](err)
	for _, word := range words {
		if !ok || !strings.Contains(fault.Message, word) {
			t.Errorf("%s: the message of %v does not say %q", what, err, word)
		}
	}
}

// wantWhole wants as many users as lines, and the store to work.
func wantWhole(t *testing.T, s *store.Store, users int) {
	t.Helper()
	wantUsers(t, s, users)
	wantLines(t, s, int64(users))
	if err := addUser(t.Context(), s, "afterwards"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	wantUsers(t, s, users+1)
}

func TestALockedFileIsUnavailable(t *testing.T) {
	s := storetest.SQLite(t)
	storetest.Exec(t, s.Writer(), `PRAGMA busy_timeout(50)`)
	tx := must[interface{ Rollback() error }](t)(storetest.SQL(t, s).BeginTx(t.Context(), nil))
	wantUnavailable(t, "a change", addUser(t.Context(), s, "a"), "locked", "Nothing was changed", "Try again")
	wantUnavailable(t, "an update", s.Update(t.Context(), func(u *store.Update) error { return nil }), "locked")
	wantUsers(t, s, 0)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, s, 0)
}

func TestAReadOnlyFileIsUnavailable(t *testing.T) {
	s := storetest.SQLite(t)
	storetest.Exec(t, s.Writer(), `PRAGMA query_only(ON)`)
	wantUnavailable(t, "a change", addUser(t.Context(), s, "a"), "cannot be written", "Nothing was changed", "write access")
	storetest.Exec(t, s.Writer(), `PRAGMA query_only(OFF)`)
	wantWhole(t, s, 0)
}

func TestAFullDiskIsUnavailable(t *testing.T) {
	s := storetest.SQLite(t)
	var pages int
	if err := s.Writer().QueryRowContext(t.Context(), `PRAGMA max_page_count(1)`).Scan(&pages); err != nil {
		t.Fatal(err) // SQLite sets it to the pages that there are
	}
	added := 0
	var err error
	for ; err == nil && added < 10_000; added++ {
		err = addUser(t.Context(), s, strings.Repeat("x", 50)+string(rune('a'+added%26))+strings.Repeat("y", added/26))
	}
	added--
	wantUnavailable(t, "a change", err, "full", "Nothing was changed", "Free some space")
	if err := s.Writer().QueryRowContext(t.Context(), `PRAGMA max_page_count(1000000)`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	wantLines(t, s, int64(added))
	wantEqual(t, "users", must[int](t)(count(t, s, `SELECT count(*) FROM users`)), added)
	if err := addUser(t.Context(), s, "afterwards"); err != nil {
		t.Error(err)
	}
}

const terminateOthers = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`

func TestATerminatedConnectionIsReplaced(t *testing.T) {
	s := storetest.Postgres(t)
	for range 5 {
		wantUsers(t, s, 0)
		storetest.Exec(t, storetest.SQL(t, s), terminateOthers)
		_, err := s.AnyUsers(t.Context())
		if err != nil {
			wantUnavailable(t, "the next use", err, "Try again")
		}
		if _, err := s.AnyUsers(t.Context()); err != nil {
			t.Errorf("the use after the next: %v", err)
		}
	}
	wantWhole(t, s, 0)
}

func TestAConnectionThatIsTerminatedInAChangeIsUnavailable(t *testing.T) {
	s := storetest.Postgres(t)
	err := s.Change(t.Context(), clerk, func(c *store.Change) error {
		_, err := c.InsertUser(t.Context(), portal.User{Username: "a"})
		storetest.Exec(t, storetest.SQL(t, s), terminateOthers)
		return errors.Join(err, c.Record(t.Context(), portal.Revision{}))
	})
	wantUnavailable(t, "the rest of the change", err, "Nothing was changed", "Try again")
	wantWhole(t, s, 0)
}

func TestAConnectionThatIsLostWhileItCommitsLeavesTheOutcomeOpen(t *testing.T) {
	s := storetest.Postgres(t)
	err := s.Update(t.Context(), func(u *store.Update) error {
		storetest.Exec(t, storetest.SQL(t, s), terminateOthers)
		return nil
	})
	wantUnavailable(t, "the commit", err, "Check whether")
	wantWhole(t, s, 0)
}

func TestAReadOnlyServerIsUnavailable(t *testing.T) {
	s := storetest.Postgres(t)
	db := storetest.SQL(t, s)
	set := func(value string) {
		t.Helper()
		storetest.Exec(t, db, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = `+value+`', current_database()); END $$`)
	}
	set("on")
	replica := storetest.Open(t, storetest.Of(s).URL)
	wantUnavailable(t, "a change", addUser(t.Context(), replica, "a"), "read-only", "Nothing was changed", "primary")
	wantUsers(t, replica, 0)
	wantWhole(t, s, 0)
}

// proxy stands between a store and its server and can be cut.
type proxy struct {
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	p := &proxy{listener: must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))}
	t.Cleanup(p.cut)
	go func() {
		for {
			near, err := p.listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", target)
			if err != nil {
				near.Close()
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, near, far)
			p.mu.Unlock()
			go io.Copy(near, far)
			go io.Copy(far, near)
		}
	}()
	return p
}

func (p *proxy) cut() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		conn.Close()
	}
}

func TestAServerThatIsGoneIsUnavailable(t *testing.T) {
	direct := storetest.Postgres(t)
	address := must[*url.URL](t)(url.Parse(storetest.Of(direct).URL))
	p := newProxy(t, address.Host)
	address.Host = p.listener.Addr().String()
	s := storetest.Open(t, address.String())
	if err := addUser(t.Context(), s, "a"); err != nil {
		t.Fatal(err)
	}
	err := s.Change(t.Context(), clerk, func(c *store.Change) error {
		_, err := c.InsertUser(t.Context(), portal.User{Username: "b"})
		p.cut()
		return errors.Join(err, c.Record(t.Context(), portal.Revision{}))
	})
	wantUnavailable(t, "a change that was under way", err, "cannot be reached", "Nothing was changed")
	_, err = s.AnyUsers(t.Context())
	wantUnavailable(t, "a read", err, "cannot be reached", "Try again")
	wantUnavailable(t, "a change", addUser(t.Context(), s, "c"), "cannot be reached", "Nothing was changed")
	wantUnavailable(t, "a ping", s.Ping(t.Context()), "cannot be reached")
	wantWhole(t, direct, 1)
}

func TestTextThatNoDatabaseKeepsIsInvalid(t *testing.T) {
	s := storetest.Postgres(t)
	long := make([]byte, 20_000) // an index has no room for
	rand.Read(long)
	for _, name := range []string{"nul\x00", "not UTF-8 \xff", hex.EncodeToString(long)} {
		wantCode(t, name[:3], addUser(t.Context(), s, name), portal.CodeInvalid)
	}
	wantWhole(t, s, 0)
}

func TestACanceledContextIsNotTurnedIntoAnythingElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		wantCanceled := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, context.Canceled) || portal.CodeOf(err) != portal.CodeInternal {
				t.Errorf("%s: the error is %v (%s)", what, err, portal.CodeOf(err))
			}
		}
		wantCanceled("a change", addUser(canceled, s, "a"))
		_, err := s.Users(canceled, portal.UserFilter{})
		wantCanceled("a list", err)
		_, err = s.User(canceled, 1)
		wantCanceled("a read", err)
		_, err = s.VerifyChain(canceled)
		wantCanceled("verifying", err)
		wantCanceled("migrating", s.Migrate(canceled))
		wantCanceled("a ping", s.Ping(canceled))

		within, cancelWithin := context.WithCancel(t.Context())
		wantCanceled("a change that was under way", s.Change(within, clerk, func(c *store.Change) error {
			_, err := c.InsertUser(within, portal.User{Username: "b"})
			cancelWithin()
			return errors.Join(err, c.Record(within, portal.Revision{}))
		}))
		wantWhole(t, s, 0)
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		held, release := make(chan struct{}), make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			err := s.Change(t.Context(), clerk, func(c *store.Change) error {
				close(held)
				<-release
				_, err := c.InsertUser(t.Context(), portal.User{Username: "first"})
				return errors.Join(err, c.Record(t.Context(), portal.Revision{}))
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-held
		canceled, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, nil)
		defer cancel()
		err := addUser(canceled, s, "second")
		wantUnavailable(t, "a change that waits for another", err, "too long", "Nothing was changed")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		aborted, abort := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, abort)
		if err := addUser(aborted, s, "third"); !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
		close(release)
		group.Wait()
		wantWhole(t, s, 1)
	})
}
