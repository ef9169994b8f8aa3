package manage_test

import (
	"context"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

var swept = []string{"sessions", "links", "throttles", "submissions", "known_addresses", "access_tokens"}

// litter puts one of everything that ends into the store, as it would have been
// put there so long ago, and names it.
func (w *world) litter(name string, ago time.Duration, edit func(*portal.Session)) {
	w.t.Helper()
	w.clock.Advance(-ago)
	defer w.clock.Advance(ago)
	secrets, err := w.s.Secrets(w.t.Context(), w.Key.ID)
	mustDo(w.t, err)
	mustDo(w.t, w.s.Update(w.t.Context(), func(u *store.Update) error {
		hash, link, token := secret.New("", secret.Session).Hash(), secret.New("", secret.Link).Hash(), secret.New("", secret.AccessToken).Hash()
		session := portal.Session{Hash: hash[:], UserID: w.User.ID, UserAgent: name, PasswordAt: u.Now(), CreatedAt: u.Now(), SeenAt: u.Now(), ExpiresAt: u.Now().Add(lifetime)}
		edit(&session)
		for _, err := range []error{
			u.InsertSession(w.t.Context(), session),
			u.InsertLink(w.t.Context(), portal.Link{Hash: link[:], Purpose: portal.PasswordLink, UserID: w.User.ID, ExpiresAt: u.Now().Add(24 * time.Hour)}),
			u.Fail(w.t.Context(), name, u.Now()),
			u.RememberAddress(w.t.Context(), w.User.ID, name),
			u.Submit(w.t.Context(), store.Submission{UserID: w.User.ID, Token: name, Noun: portal.NounKey, NounID: w.Key.ID}),
			u.InsertToken(w.t.Context(), portal.AccessToken{Hash: token[:], KeyID: w.Key.ID, SecretID: secrets[0].ID, ExpiresAt: u.Now().Add(6 * 24 * time.Hour)}),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// left tells how many rows the swept tables have.
func (w *world) left() map[string]int {
	w.t.Helper()
	left := map[string]int{}
	for _, table := range swept {
		left[table] = len(w.query("SELECT * FROM " + table))
	}
	return left
}

func TestTheSweepRemovesWhatHasEndedAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		as := func(*portal.Session) {}
		w.litter("fresh", 0, as)
		w.litter("a moment before it is unused for too long", idle-time.Microsecond, as)
		w.litter("unused for too long", idle, as)
		w.litter("failed long ago, and used since", 16*time.Minute, func(s *portal.Session) { s.SeenAt = s.SeenAt.Add(16 * time.Minute) })
		w.litter("over, and in use until then", lifetime, func(s *portal.Session) { s.SeenAt = s.ExpiresAt })
		w.litter("a week old", 7*24*time.Hour, as)
		w.litter("a moment older", 7*24*time.Hour+time.Microsecond, as)
		w.litter("eight days and a moment old", 8*24*time.Hour+time.Microsecond, as)
		w.litter("ninety days old", 90*24*time.Hour, as)
		w.litter("ninety days and a moment old", 90*24*time.Hour+time.Microsecond, as)
		kept := w.dump(swept...)

		mustDo(t, w.m.SweepOnce(t.Context()))
		wantEqual(t, "left", w.left(), map[string]int{"sessions": 3, "links": 7, "throttles": 1, "submissions": 6, "known_addresses": 9, "access_tokens": 6})
		w.wantSame("all the rest", kept, swept...)
		mustDo(t, w.m.SweepOnce(t.Context()))
		wantEqual(t, "left", w.left(), map[string]int{"sessions": 3, "links": 7, "throttles": 1, "submissions": 6, "known_addresses": 9, "access_tokens": 6})
	})
}

func TestTheSweepRunsAtOnceUntilItIsEndedAndReportsWhatGoesWrong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.litter("old", 30*24*time.Hour, func(*portal.Session) {})
		ctx, end := context.WithCancel(t.Context())
		ended, reported := make(chan struct{}), make(chan error, 1)
		sweep := func() {
			defer close(ended)
			w.m.Sweep(ctx, func(err error) { reported <- err })
		}
		go sweep()
		for deadline := time.Now().Add(10 * time.Second); w.left()["sessions"] > 0; {
			if time.Now().After(deadline) {
				t.Fatal("nothing is swept")
			}
		}
		end()
		<-ended

		mustDo(t, w.s.Close())
		ctx, end = context.WithCancel(t.Context())
		ended = make(chan struct{})
		go sweep()
		if err := <-reported; err == nil {
			t.Error("nothing is reported")
		}
		end()
		<-ended
	})
}
