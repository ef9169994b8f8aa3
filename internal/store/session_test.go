package store_test

import (
	"bytes"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// session adds a session of a user, told by its token's hash.
func session(t *testing.T, s *store.Store, user int64, edit ...func(*portal.Session)) portal.Session {
	t.Helper()
	now, hash := s.Now(), secret.New("", secret.Session).Hash()
	added := portal.Session{
		Hash: hash[:], UserID: user, Address: "192.0.2.1", UserAgent: "A browser", Flash: "Saved.",
		PasswordAt: now.Add(-time.Minute), CreatedAt: now.Add(-time.Hour), SeenAt: now, ExpiresAt: now.Add(time.Hour),
	}
	for _, edit := range edit {
		edit(&added)
	}
	update(t, s, func(u *store.Update) error { return u.InsertSession(t.Context(), added) })
	return added
}

func TestASessionIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		want := session(t, s, f.User.ID, func(s *portal.Session) {
			s.OrganizationID, s.Organization, s.InstanceID, s.Instance = f.Organization.ID, f.Organization.Name, f.Instance.ID, f.Instance.Name
		})
		wantFilled(t, want)
		wantEqual(t, "session", must[portal.Session](t)(s.Session(t.Context(), secret.Hash(want.Hash))), want)

		want.InstanceID, want.Instance = 0, ""
		update(t, s, func(u *store.Update) error { return u.MoveSession(t.Context(), want.Hash, f.Organization.ID, 0) })
		want.Flash = "Another."
		update(t, s, func(u *store.Update) error { return u.PutFlash(t.Context(), want.Hash, "Another.") })
		update(t, s, func(u *store.Update) error { return u.TakeFlash(t.Context(), want.Hash, "The one before.") })
		want.SeenAt = storetest.Of(s).Clock.Advance(time.Minute)
		update(t, s, func(u *store.Update) error { return u.TouchSession(t.Context(), want.Hash) })
		storetest.Of(s).Clock.Advance(-time.Second)
		update(t, s, func(u *store.Update) error { return u.TouchSession(t.Context(), want.Hash) })
		wantEqual(t, "moved, with a message, touched", must[portal.Session](t)(s.Session(t.Context(), secret.Hash(want.Hash))), want)
		want.Flash = ""
		update(t, s, func(u *store.Update) error { return u.TakeFlash(t.Context(), want.Hash, "Another.") })
		wantEqual(t, "without the message", must[portal.Session](t)(s.Session(t.Context(), secret.Hash(want.Hash))), want)
		_, err := s.Session(t.Context(), secret.HashOf("another"))
		wantCode(t, "another", err, portal.CodeNotFound)
	})
}

func TestAnEndedSessionStaysEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ended := session(t, s, storetest.User(t, s).ID)
		update(t, s, func(u *store.Update) error { return u.EndSession(t.Context(), ended.Hash) })
		update(t, s, func(u *store.Update) error { return u.TouchSession(t.Context(), ended.Hash) })
		wantSessions(t, s, map[string]portal.Session{"ended": ended}, map[string]bool{})
	})
}

func TestSessionsOfAUserEndButForOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user, other := storetest.User(t, s), storetest.User(t, s)
		sessions := map[string]portal.Session{"this": session(t, s, user.ID), "that": session(t, s, user.ID), "other user's": session(t, s, other.ID)}
		update(t, s, func(u *store.Update) error { return u.EndSessionsOf(t.Context(), user.ID, sessions["this"].Hash) })
		wantSessions(t, s, sessions, map[string]bool{"this": true, "other user's": true})
		update(t, s, func(u *store.Update) error { return u.EndSessionsOf(t.Context(), user.ID, nil) })
		wantSessions(t, s, sessions, map[string]bool{"other user's": true})
	})
}

func TestTheSessionsOfAUserAreListedTheLastUsedFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		at := func(seen time.Duration, edit ...func(*portal.Session)) portal.Session {
			return session(t, s, f.User.ID, append(edit, func(x *portal.Session) { x.SeenAt = s.Now().Add(seen) })...)
		}
		second := at(-time.Minute)
		first := at(0, func(x *portal.Session) {
			x.OrganizationID, x.Organization, x.InstanceID, x.Instance = f.Organization.ID, f.Organization.Name, f.Instance.ID, f.Instance.Name
		})
		over := at(-time.Hour, func(x *portal.Session) { x.ExpiresAt = s.Now() })
		session(t, s, f.Admin.ID)
		wantEqual(t, "sessions", must[[]portal.Session](t)(s.Sessions(t.Context(), f.User.ID)), []portal.Session{first, second, over})
		wantEqual(t, "of who has none", len(must[[]portal.Session](t)(s.Sessions(t.Context(), f.SuperAdmin.ID))), 0)
	})
}

func TestSessionsEndWithTheirTimeAndWithoutUse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user, now := storetest.User(t, s), s.Now()
		at := func(expires, seen time.Duration) portal.Session {
			return session(t, s, user.ID, func(s *portal.Session) { s.ExpiresAt, s.SeenAt = now.Add(expires), now.Add(seen) })
		}
		sessions := map[string]portal.Session{
			"over": at(0, 0), "unused": at(time.Hour, -time.Hour), "just over": at(time.Microsecond, 0), "just used": at(time.Hour, -time.Hour+time.Microsecond),
		}
		update(t, s, func(u *store.Update) error { return u.EndSessionsBefore(t.Context(), now, now.Add(-time.Hour)) })
		wantSessions(t, s, sessions, map[string]bool{"just over": true, "just used": true})
	})
}

func wantSessions(t *testing.T, s *store.Store, sessions map[string]portal.Session, want map[string]bool) {
	t.Helper()
	got := map[string]bool{}
	for name, session := range sessions {
		if found, err := s.Session(t.Context(), secret.Hash(session.Hash)); err == nil && bytes.Equal(found.Hash, session.Hash) {
			got[name] = true
		}
	}
	wantEqual(t, "sessions", got, want)
}
