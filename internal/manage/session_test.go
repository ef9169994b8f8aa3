package manage_test

import (
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// wantOver fails unless a session has ended.
func (w *world) wantOver(what, token string) {
	w.t.Helper()
	_, _, _, err := w.m.Session(w.t.Context(), token)
	wantCode(w.t, what, err, portal.CodeUnauthenticated)
}

func TestASessionEndsAndStaysEnded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		act := func(id int64, actions ...manage.UserAction) {
			t.Helper()
			for _, action := range actions {
				mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), id, action))
			}
		}
		for what, end := range map[string]func(token string){
			"signed out":            func(token string) { mustDo(t, w.m.SignOut(t.Context(), token)) },
			"disabled":              func(string) { act(user.ID, manage.DisableUser) },
			"disabled for a moment": func(string) { act(user.ID, manage.DisableUser, manage.EnableUser) },
			"locked":                func(string) { act(user.ID, manage.LockUser) },
			"locked for a moment":   func(string) { act(user.ID, manage.LockUser, manage.UnlockUser) },
			"unused":                func(string) { w.clock.Advance(idle) },
			"not refreshed":         func(string) { w.clock.Advance(lifetime) },
		} {
			token, other := w.signIn(user), w.signIn(user)
			w.session(token)
			end(token)
			w.wantOver(what, token)
			if what == "signed out" {
				w.session(other)
			} else {
				w.wantOver(what+": the user's other session", other)
			}
			act(user.ID, manage.EnableUser, manage.UnlockUser)
			w.wantOver(what+" and allowed again", token)
		}
	})
}

func TestUseKeepsASessionButNotBeyondItsLife(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(w.withPassword(w.User))
		w.clock.Advance(idle - time.Microsecond)
		w.session(token)
		w.clock.Advance(idle - time.Microsecond)
		wantEqual(t, "last use", w.session(token).SeenAt, w.clock.Now())
		w.clock.Advance(59 * time.Second)
		wantEqual(t, "last use, to the minute", w.session(token).SeenAt, w.clock.Now().Add(-59*time.Second))
		for range 11 {
			w.clock.Advance(idle - time.Minute)
			if w.clock.Now().Before(w.signedInAt(token).Add(lifetime)) {
				w.session(token)
			}
		}
		w.wantOver("used all the time", token)
	})
}

func TestASessionIsGoodWhileTheDatabaseCannotBeWritten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(w.withPassword(w.User))
		w.clock.Advance(2 * time.Minute)
		lock := must(w.db.BeginTx(t.Context(), nil))(t) // on SQLite, this alone keeps others from writing
		if storetest.Of(w.s).Engine == storetest.PostgresEngine {
			must(lock.ExecContext(t.Context(), "LOCK TABLE sessions IN EXCLUSIVE MODE"))(t)
		}
		w.session(token)
		mustDo(t, lock.Rollback())
		w.session(token)
		wantEqual(t, "last use, when it can be written", w.session(token).SeenAt, w.clock.Now())
	})
}

// signedInAt tells when a session began.
func (w *world) signedInAt(token string) time.Time {
	w.t.Helper()
	return must(w.s.Session(w.t.Context(), secret.HashOf(token)))(w.t).CreatedAt
}

func TestASessionLivesToTheLastMomentOfItsLife(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(w.withPassword(w.User))
		end := w.clock.Now().Add(lifetime)
		for w.clock.Now().Add(idle / 2).Before(end) {
			w.clock.Advance(idle / 2)
			w.session(token)
		}
		w.clock.Advance(end.Sub(w.clock.Now()) - time.Microsecond)
		w.session(token)
		w.clock.Advance(time.Microsecond)
		w.wantOver("at its end", token)
	})
}

func TestWhatIsNoSessionsTokenOpensNone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, token := range map[string]string{
			"nothing": "", "junk": "kpn_junk", "unknown": secret.New("", secret.Session).Reveal(), "a key": w.Secret.Reveal(), "a link": secret.New("", secret.Link).Reveal(),
		} {
			w.wantOver(what, token)
		}
	})
}

func TestASessionShowsWhatItsUserHoldsNow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(w.withPassword(w.User))
		actor := func() portal.Actor {
			t.Helper()
			_, _, actor, err := w.m.Session(t.Context(), token)
			mustDo(t, err)
			return actor
		}
		wantEqual(t, "may generate keys", actor().Holds(portal.ManageUserAPIKey, w.Organization.ID), true)
		membership := w.membership(w.User)
		change := manage.MembershipInput{UserID: w.User.ID, OrganizationID: w.Organization.ID, Version: membership.Version, Member: true}
		mustDo(t, w.m.SetMembership(w.as(w.SuperAdmin), change))
		wantEqual(t, "may generate keys without the role", actor().Holds(portal.ManageUserAPIKey, w.Organization.ID), false)
		wantEqual(t, "works in", actor().OrganizationID, w.Organization.ID)
	})
}

func TestASessionLosesAnOrganizationThatItsUserHasLeft(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := from(homeAddress, w.withPassword(w.User))
		in.Instance = w.Instance.Name
		token := must(w.m.SignIn(t.Context(), in))(t).Reveal()
		leave := manage.MembershipInput{UserID: w.User.ID, OrganizationID: w.Organization.ID, Version: w.membership(w.User).Version}
		mustDo(t, w.m.SetMembership(w.as(w.SuperAdmin), leave))
		session, _, actor, err := w.m.Session(t.Context(), token)
		mustDo(t, err)
		wantEqual(t, "session", [2]int64{session.OrganizationID, session.InstanceID}, [2]int64{})
		wantEqual(t, "actor", [2]any{actor.OrganizationID, len(actor.Grants)}, [2]any{int64(0), 0})
	})
}

func TestASessionMovesToOrganizationsThatItsUserSees(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user, support := w.withPassword(w.User), w.withPassword(storetest.Support(t, w.s))
		for what, test := range map[string]struct {
			user portal.User
			to   portal.Organization
			want portal.Code
		}{
			"one's own":                  {user, w.Organization, allowed},
			"none":                       {user, portal.Organization{}, allowed},
			"another":                    {user, w.Other, portal.CodeNotFound},
			"another, for support staff": {support, w.Other, allowed},
			"one that is not there":      {user, portal.Organization{ID: 4711}, portal.CodeNotFound},
		} {
			token := w.signIn(test.user)
			before := w.session(token)
			err := w.m.MoveSession(w.as(test.user), before, test.to.ID)
			wantCode(t, what, err, test.want)
			if moved := w.session(token); err == nil && moved.OrganizationID != test.to.ID || err != nil && moved.OrganizationID != before.OrganizationID {
				t.Errorf("%s: the session is %+v then", what, moved)
			}
		}
	})
}

func TestAPageThatIsReadMeanwhileDoesNotUndoASwitchOfOrganization(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		support := w.withPassword(storetest.Support(t, w.s))
		token := w.signIn(support)
		mustDo(t, w.m.PutFlash(w.as(support), w.session(token), "Saved."))
		before := w.session(token)
		mustDo(t, w.m.MoveSession(w.as(support), before, w.Other.ID))
		mustDo(t, w.m.TakeFlash(w.as(support), before))
		after := w.session(token)
		wantEqual(t, "session", [2]any{after.OrganizationID, after.Flash}, [2]any{w.Other.ID, ""})
	})
}

// sessionIDs names the sessions that a user sees.
func (w *world) sessionIDs(user portal.User) []string {
	w.t.Helper()
	ids := []string{}
	for _, session := range must(w.m.Sessions(w.as(user)))(w.t) {
		ids = append(ids, session.ID())
	}
	return ids
}

func TestOneSeesOnesOwnSessionsThatHaveNotEnded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		w.signIn(user) // unused from now on
		w.clock.Advance(idle / 2)
		in := from(othersAddress, user)
		in.Instance = w.Instance.Name
		elsewhere := w.session(must(w.m.SignIn(t.Context(), in))(t).Reveal())
		w.clock.Advance(idle / 2)
		here := w.session(w.signIn(user))
		w.signIn(w.withPassword(w.Admin))

		wantEqual(t, "sessions, the last used first", must(w.m.Sessions(w.as(user)))(t), []portal.Session{here, elsewhere})
		wantEqual(t, "where they work", []string{elsewhere.Organization, elsewhere.Instance, here.Instance}, []string{w.Organization.Name, w.Instance.Name, ""})
		w.set(w.User, func(in *manage.MembershipInput) { in.Member = false })
		wantEqual(t, "after leaving", must(w.m.Sessions(w.as(user)))(t), []portal.Session{here.Nowhere(), elsewhere.Nowhere()})
		w.clock.Advance(idle)
		wantEqual(t, "all over", w.sessionIDs(user), []string{})
	})
}

func TestOneEndsOnesOwnOtherSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user, admin := w.withPassword(w.User), w.withPassword(w.Admin)
		tokens := []string{w.signIn(user), w.signIn(user), w.signIn(user)}
		present, other := w.session(tokens[0]), w.session(tokens[1])
		foreign := w.signIn(admin)
		ctx := w.as(user)

		wantCode(t, "the present one", w.m.EndSession(ctx, present, present.ID()), portal.CodeConflict)
		for what, id := range map[string]string{
			"another user's": w.session(foreign).ID(), "one that is not there": "0123456789abcdef", "none": "", "a token": tokens[1], "part of an ID": other.ID()[:8],
		} {
			wantCode(t, what, w.m.EndSession(ctx, present, id), portal.CodeNotFound)
		}
		wantCode(t, "nobody's", w.m.EndSession(t.Context(), present, other.ID()), portal.CodeUnauthenticated)
		wantCode(t, "nobody's, all", w.m.EndOtherSessions(t.Context(), present), portal.CodeUnauthenticated)
		for _, token := range append(tokens, foreign) {
			w.session(token)
		}

		mustDo(t, w.m.EndSession(ctx, present, other.ID()))
		w.wantOver("the one that was ended", tokens[1])
		wantCode(t, "ending it again", w.m.EndSession(ctx, present, other.ID()), portal.CodeNotFound)
		w.session(tokens[2])
		mustDo(t, w.m.EndOtherSessions(ctx, present))
		w.wantOver("the others", tokens[2])
		w.session(tokens[0])
		w.session(foreign)
	})
}

func TestASessionsIDOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(w.withPassword(w.User))
		id := w.session(token).ID()
		if len(id) != 16 || strings.Contains(token, id) {
			t.Errorf("the ID is %q of %q", id, token)
		}
		w.wantOver("the ID", id)
	})
}
