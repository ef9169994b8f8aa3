package store_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// Whoever closes a SQLite file may go on to do with it what needs it alone.
func TestAClosedStoreHasNoConnectionLeft(t *testing.T) {
	url := filepath.Join(t.TempDir(), "keyportal.db")
	for range 20 {
		s := must[*store.Store](t)(store.Open(t.Context(), url, store.Options{MAC: storetest.MAC{}}))
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		storetest.User(t, s)
		for range 2 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		alone := must[*sql.DB](t)(sql.Open("sqlite", "file:"+url))
		wantEqual(t, "journal", rows(t, alone, `PRAGMA journal_mode = DELETE`), map[string]bool{"delete": true})
		if err := alone.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// SQLite's statements are kept from one transaction to the next.
func TestChangesGoOnAfterSomeWereBrokenOffAnywhere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		actor := portal.Actor{UserID: f.Admin.ID, Name: f.Admin.Username}
		rename := func(ctx context.Context, key portal.Key, name string) error {
			return s.Change(ctx, actor, func(c *store.Change) error {
				key.Name = name
				if err := c.UpdateKey(ctx, key); err != nil {
					return err
				}
				return c.Record(ctx, portal.Revision{Noun: portal.NounKey, NounID: key.ID, NounName: name, Action: "edited"})
			})
		}
		if storetest.Of(s).Engine == storetest.SQLiteEngine {
			for began := time.Now(); s.Parsed() < 5; time.Sleep(time.Millisecond) {
				if time.Since(began) > 10*time.Second {
					t.Fatal("no statements are kept")
				}
			}
		}
		broken := 0
		for after := time.Duration(0); broken < 20 || after < 2*time.Millisecond; after += 50 * time.Microsecond {
			before := must[portal.Key](t)(s.Key(t.Context(), f.Key.ID))
			ctx, cancel := context.WithTimeout(t.Context(), after%(2*time.Millisecond))
			err := rename(ctx, before, before.Name+"x")
			cancel()
			now := must[portal.Key](t)(s.Key(t.Context(), f.Key.ID))
			if err == nil {
				wantEqual(t, "renamed", now.Name, before.Name+"x")
				continue
			}
			broken++
			lines := must[portal.Page[portal.Revision]](t)(s.Revisions(t.Context(), portal.RevisionFilter{Noun: portal.NounKey, NounID: f.Key.ID})).Rows
			if now.Name != f.Key.Name && (len(lines) == 0 || lines[0].NounName != now.Name) {
				t.Fatalf("the key is called %q, and the last line is another's", now.Name)
			}
		}
		last := must[portal.Key](t)(s.Key(t.Context(), f.Key.ID))
		if err := rename(t.Context(), last, "the last"); err != nil {
			t.Error(err)
		}
		wantEqual(t, "renamed", must[portal.Key](t)(s.Key(t.Context(), f.Key.ID)).Name, "the last")
		must[portal.Head](t)(s.VerifyChain(t.Context()))
	})
}
