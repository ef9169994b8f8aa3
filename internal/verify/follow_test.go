package verify_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// running has a checker run until the test ends.
func running(t *testing.T, c *verify.Checker) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// within waits until a request has an outcome: on an idle machine half a second.
func within(t *testing.T, c *verify.Checker, r verify.Request, want verify.Code) {
	t.Helper()
	for began := time.Now(); check(t, c, r).Code != want; time.Sleep(time.Millisecond) {
		if time.Since(began) > 5*time.Second {
			t.Fatalf("it is not %s after %s", want, time.Since(began))
		}
	}
}

func TestAnotherProcessNoticesChangesByItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		both, r := twoCheckers(t, s), forBilling(f)
		both[1] = verify.New(storetest.Open(t, storetest.Of(s).URL), verify.Options{Offline: time.Hour}) // no check has it look
		running(t, both[1])
		for _, c := range both {
			expectCode(t, c, r, "VALID")
		}
		for range 3 {
			editKey(t, s, &f, func(k *portal.Key) { k.Enabled = false })
			within(t, both[1], r, "DISABLED")
			editKey(t, s, &f, func(k *portal.Key) { k.Enabled = true })
			within(t, both[1], r, "VALID")
		}
		client := withClient(t, s, &f)
		token := tokenFor(t, both[0], client)
		wantToken(t, both[1], withToken(token, "billing"), "VALID")
		if err := both[0].RevokeToken(t.Context(), identify(t, both[0], client), token); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); ; time.Sleep(time.Millisecond) {
			if d, err := both[1].Check(t.Context(), withToken(token, "billing")); err != nil || time.Since(began) > 20*time.Second {
				t.Fatalf("the token is %s, %v", d.Code, err)
			} else if d.Code == "REVOKED" {
				break
			}
		}
	})
}

func TestWithoutTheChannelChangesAreNoticedALittleLater(t *testing.T) {
	s := storetest.Postgres(t)
	f := storetest.NewFixture(t, s)
	registry := prometheus.NewRegistry()
	var log lockedText
	other := verify.New(storetest.Open(t, storetest.Of(s).URL), verify.Options{Registry: registry, Offline: time.Hour, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	running(t, other)
	expectCode(t, other, forBilling(f), "VALID")
	for range 2 {
		for began := time.Now(); ; time.Sleep(time.Millisecond) { // until it listens, and no more
			var cut int
			err := storetest.SQL(t, s).QueryRowContext(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`).Scan(&cut)
			if err != nil || time.Since(began) > 20*time.Second {
				t.Fatalf("it does not listen: %v", err)
			}
			if cut > 0 {
				break
			}
		}
		editKey(t, s, &f, func(k *portal.Key) { k.Enabled = !k.Enabled })
		within(t, other, forBilling(f), map[bool]verify.Code{true: "VALID", false: "DISABLED"}[f.Key.Enabled])
	}
	if got := counters(t, registry)["keyportal_listen_failures_total"]; got == 0 || !strings.Contains(log.String(), "is dialed again") {
		t.Errorf("%v losses are counted, and the log has %s", got, log.String())
	}
}

// A database that went back to an earlier state, as by a backup, has nothing in common with
// what is remembered.
func TestNothingIsRememberedOfADatabaseThatWentBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		expectCode(t, c, forBilling(f), "VALID")
		db := storetest.SQL(t, s)
		storetest.Exec(t, db, `UPDATE revision_head SET revision_id = revision_id - 1`)
		storetest.Exec(t, db, `UPDATE keys SET enabled = FALSE`)
		expectCode(t, c, forBilling(f), "VALID")
		catchUp(t, c)
		expectCode(t, c, forBilling(f), "DISABLED")
	})
}

func TestNothingIsRememberedWhenTooMuchChanged(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	both := twoCheckers(t, s)
	expect(t, both, forBilling(f), "VALID")
	storetest.Exec(t, storetest.SQL(t, s), `UPDATE keys SET enabled = FALSE`)
	err := s.Change(t.Context(), portal.Program("test"), func(c *store.Change) error {
		for range 10_001 {
			if err := c.Record(t.Context(), portal.Revision{Noun: portal.NounRequest, NounID: 1}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	catchUp(t, both[1])
	expectCode(t, both[1], forBilling(f), "DISABLED")
}

func TestRunTellsWhenTheDatabaseCannotBeAskedAndWhenItCan(t *testing.T) {
	s := storetest.SQLite(t)
	storetest.NewFixture(t, s)
	var log lockedText
	c := verify.New(s, verify.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	catchUp(t, c)
	db := storetest.SQL(t, s)
	storetest.Exec(t, db, `ALTER TABLE token_revocations RENAME TO gone`)
	running(t, c)
	waitFor(t, func() bool { return strings.Contains(log.String(), "can't be asked what changed") })
	storetest.Exec(t, db, `ALTER TABLE gone RENAME TO token_revocations`)
	waitFor(t, func() bool { return strings.Contains(log.String(), "can be asked again") })
	if got := strings.Count(log.String(), "can't be asked"); got != 1 {
		t.Errorf("it is told %d times", got)
	}
}

func TestACredentialThatIsMadeWhileItIsLookedForIsFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		for range 20 {
			value := secret.New("", secret.Token)
			r := forBilling(f)
			r.Credential = value.Reveal()
			made, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for {
					select {
					case <-made:
						return
					default:
						c.Check(t.Context(), r)
					}
				}
			}()
			change(t, s, portal.Revision{Noun: portal.NounKey, NounID: f.Key.ID + 1}, func(ch *store.Change) error {
				_, err := ch.InsertKey(t.Context(), portal.Key{Kind: portal.TokenKey, OrganizationID: f.Organization.ID, UserID: f.User.ID, Name: value.Mask(), Enabled: true, APISets: []portal.APISet{f.Billing}}, storetest.Secret(value))
				return err
			})
			expectCode(t, c, r, "VALID")
			close(made)
			<-done
		}
	})
}
