package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func position(t *testing.T, s *store.Store) store.Position {
	t.Helper()
	return must[store.Position](t)(s.Position(t.Context()))
}

func news(t *testing.T, s *store.Store, since store.Position) store.News {
	t.Helper()
	return must[store.News](t)(s.News(t.Context(), since))
}

func recordLines(t *testing.T, s *store.Store, lines ...portal.Revision) {
	t.Helper()
	err := s.Change(t.Context(), portal.Program("test"), func(c *store.Change) error {
		for _, line := range lines {
			if err := c.Record(t.Context(), line); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNewsAreTheLinesAndRevocationsSinceAPosition(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		since := position(t, s)
		wantEqual(t, "at the beginning", since, store.Position{Head: portal.Head{MAC: since.MAC}})
		key, value := sealedKey(t, s, storetest.NewFixture(t, s))
		_, first := accessToken(t, s, value, "billing")
		_, second := accessToken(t, s, value, "billing")
		wantEqual(t, "the lines since the beginning", int64(len(news(t, s, since).Revisions)), position(t, s).Revision)

		since = position(t, s)
		wantEqual(t, "when nothing changed", news(t, s, since), store.News{Position: since})
		for _, hash := range []secret.Hash{second, first} {
			must[int64](t)(s.RevokeToken(t.Context(), hash, key.ID))
		}
		line := portal.Revision{OrganizationID: 3, Noun: portal.NounUser, NounID: 7, UserID: 8, Action: "seen", NounName: "ada"}
		recordLines(t, s, line, line)
		got := news(t, s, since)
		wantEqual(t, "revoked", got.Revoked, []store.TokenRevocation{{Number: since.Revocation + 1, Token: second}, {Number: since.Revocation + 2, Token: first}})
		wantEqual(t, "lines", len(got.Revisions), 2)
		for i, read := range got.Revisions {
			want := portal.Revision{ID: since.Revision + int64(i) + 1, At: s.Now(), OrganizationID: 3, Noun: portal.NounUser, NounID: 7, UserID: 8, Action: "seen", MAC: read.MAC}
			wantEqual(t, "line", read, want)
		}
		wantEqual(t, "position", got.Position, position(t, s))
		wantEqual(t, "nothing is unknown or replaced", got.Unknown || got.Replaced, false)
		wantEqual(t, "since then", news(t, s, got.Position), store.News{Position: got.Position})
		wantEqual(t, "since the first of the two", len(news(t, s, store.Position{Head: portal.Head{Revision: got.Revision - 1, MAC: got.Revisions[0].MAC}, Revocation: got.Revocation}).Revisions), 1)
	})
}

// A backup that was put in place, or a standby that had not got everything, goes on from
// an earlier line, or has another one in its place.
func TestADatabaseThatWentBackIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		recordLines(t, s, portal.Revision{Noun: portal.NounUser}, portal.Revision{Noun: portal.NounUser})
		now := position(t, s)
		other := []byte("the MAC of another line")
		for what, since := range map[string]store.Position{
			"a line that is to come":             {Head: portal.Head{Revision: now.Revision + 1, MAC: now.MAC}},
			"another line of the same number":    {Head: portal.Head{Revision: now.Revision, MAC: other}},
			"another line of an earlier number":  {Head: portal.Head{Revision: now.Revision - 1, MAC: other}},
			"a revocation that has not happened": {Head: now.Head, Revocation: now.Revocation + 1},
		} {
			got := news(t, s, since)
			wantEqual(t, what, got.Replaced, true)
			wantEqual(t, what+": position", got.Position, now)
		}
	})
}

func TestTooManyNewsAreNotListed(t *testing.T) {
	s := storetest.SQLite(t)
	line := portal.Revision{Noun: portal.NounUser}
	recordLines(t, s, line)
	since := position(t, s)
	recordLines(t, s, slices.Repeat([]portal.Revision{line}, 10_000)...)
	got := news(t, s, since)
	wantEqual(t, "10,000", len(got.Revisions), 10_000)
	recordLines(t, s, line)
	got = news(t, s, since)
	wantEqual(t, "10,001", got.Unknown && len(got.Revisions) == 0, true)
}

// Numbers are given in the order in which transactions commit: whoever is at a position
// has missed nothing before it.
func TestWhoFollowsMissesNothingWhileManyChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const writers, each = 8, 25
		key, value := sealedKey(t, s, storetest.NewFixture(t, s))
		since := position(t, s)
		var tokens [writers * each]secret.Hash
		for i := range tokens {
			_, tokens[i] = accessToken(t, s, value, "billing")
		}
		done := make(chan []error)
		go func() {
			var next = make(chan secret.Hash, len(tokens))
			for _, token := range tokens {
				next <- token
			}
			done <- inParallel(writers, func() error {
				for range each {
					if _, err := s.RevokeToken(t.Context(), <-next, key.ID); err != nil {
						return err
					}
					if err := s.Change(t.Context(), portal.Program("test"), func(c *store.Change) error {
						return c.Record(t.Context(), portal.Revision{Noun: portal.NounUser, NounID: 1})
					}); err != nil {
						return err
					}
				}
				return nil
			})
		}()
		lines, revoked, errs := 0, 0, []error(nil)
		for ended := false; !ended; {
			select {
			case errs = <-done:
				ended = true
			default:
			}
			got := news(t, s, since)
			for i, line := range got.Revisions {
				wantEqual(t, "the next line", line.ID, since.Revision+int64(i)+1)
			}
			lines, revoked, since = lines+len(got.Revisions), revoked+len(got.Revoked), got.Position
		}
		wantEqual(t, "errors", slices.DeleteFunc(errs, func(err error) bool { return err == nil }), []error{})
		wantEqual(t, "lines", lines, writers*each)
		wantEqual(t, "revocations", revoked, writers*each)
	})
}

func TestAChangeIsToldOnceItIsCommittedAndNeverElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var told [][]portal.Revision
		s.OnChange(func(lines []portal.Revision) {
			wantEqual(t, "committed", position(t, s).Revision, lines[len(lines)-1].ID)
			told = append(told, lines)
		})
		line := portal.Revision{Noun: portal.NounUser, NounID: 7, UserID: 7, OrganizationID: 3}
		recordLines(t, s, line, line)
		wantEqual(t, "told", len(told) == 1 && len(told[0]) == 2, true)
		wantEqual(t, "of what", told[0][0].NounID == 7 && told[0][1].OrganizationID == 3 && told[0][0].ID+1 == told[0][1].ID, true)
		_ = s.Change(t.Context(), portal.Program("test"), func(c *store.Change) error {
			return portal.Conflict("It is rolled back.")
		})
		_ = s.Change(t.Context(), portal.Program("test"), func(c *store.Change) error { return nil })
		wantEqual(t, "told of what was rolled back", len(told), 1)
	})
}

func TestChangesAreHeardOfByWhoListens(t *testing.T) {
	s := storetest.Postgres(t)
	key, value := sealedKey(t, s, storetest.NewFixture(t, s))
	_, token := accessToken(t, s, value, "billing")
	other := storetest.Open(t, storetest.Of(s).URL)
	heard, ended := make(chan struct{}, 100), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- other.Listen(ctx, func() { heard <- struct{}{} }) }()
	await := func(what string) {
		t.Helper()
		select {
		case <-heard:
		case <-time.After(10 * time.Second):
			t.Fatalf("nothing is heard of %s", what)
		}
	}
	await("the beginning")
	recordLines(t, s, portal.Revision{Noun: portal.NounUser})
	await("a change")
	must[int64](t)(s.RevokeToken(t.Context(), token, key.ID))
	await("a revocation")
	storetest.Exec(t, storetest.SQL(t, s), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
	if err := <-ended; portal.CodeOf(err) != portal.CodeUnavailable {
		t.Errorf("when the connection is cut: %v", err)
	}
	cancel()
	if err := other.Listen(ctx, func() { t.Error("it hears after its end") }); err == nil {
		t.Error("it listens after its end")
	}
}

func TestOnSQLiteNothingIsAnnounced(t *testing.T) {
	s := storetest.SQLite(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Listen(ctx, func() { t.Error("something is heard") }); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}
