package manage_test

import (
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

const newPassword = "an entirely different battery"

func TestChangingThePasswordEndsAllSessionsAndBeginsANewOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		token, other := w.signIn(user), w.signIn(user)
		others := w.signIn(w.withPassword(w.Admin))
		link := must(w.m.SendPasswordLink(w.as(w.Admin), user.ID))(t)
		mustDo(t, w.m.ActOnUser(w.as(w.Admin), user.ID, manage.ExpirePassword))

		var renewed secret.Value
		actions := w.actions(func() {
			renewed = must(w.m.ChangePassword(w.as(user), w.session(token), password, newPassword))(t)
		})
		wantEqual(t, "history", actions, []string{"user changed the password"})
		w.wantOver("the session itself", token)
		w.wantOver("the other session", other)
		w.session(others)
		session := w.session(renewed.Reveal())
		wantEqual(t, "new session", [2]any{session.UserID, session.OrganizationID}, [2]any{user.ID, w.Organization.ID})
		wantEqual(t, "expired", w.user(user.ID).PasswordExpired, false)
		_, err := w.m.PasswordLinkUser(t.Context(), link.Link.Reveal())
		wantCode(t, "a link from before", err, portal.CodeNotFound)

		_, err = w.m.SignIn(t.Context(), from(homeAddress, user))
		wantCode(t, "the old password", err, portal.CodeUnauthenticated)
		must(w.m.SignIn(t.Context(), manage.SignIn{Username: user.Username, Password: newPassword, Address: homeAddress}))(t)
	})
}

func TestAPasswordThatIsRefusedChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(storetest.User(t, w.s, func(u *portal.User) { u.Username = "Ada.Lovelace.1815" }))
		token := w.signIn(user)
		for what, test := range map[string]struct{ current, password, field string }{
			"wrong current password": {"wrong", newPassword, "current"},
			"no current password":    {"", newPassword, "current"},
			"the same again":         {password, password, "password"},
			"too short":              {password, "elevenchars", "password"},
			"too long":               {password, strings.Repeat("a", 10240), "password"},
			"the username":           {password, "ADA.lovelace.1815", "password"},
		} {
			lines := w.lines(func() {
				_, err := w.m.ChangePassword(w.as(user), w.session(token), test.current, test.password)
				wantFields(t, what, err, test.field)
			})
			wantEqual(t, what+": history", len(lines), 0)
		}
		w.session(token)
		w.signIn(user)
	})
}

func TestGuessingTheCurrentPasswordSlowsDownAsSigningInDoes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		token := w.signIn(user)
		guess := func() error {
			_, err := w.m.ChangePassword(w.as(user), w.session(token), "wrong", newPassword)
			return err
		}
		for range 5 {
			wantCode(t, "a guess", guess(), portal.CodeInvalid)
		}
		wantCode(t, "the sixth", guess(), portal.CodeTooMany)
		_, err := w.m.SignIn(t.Context(), from(homeAddress, user))
		wantCode(t, "signing in there", err, portal.CodeTooMany)
	})
}
