package manage_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// outbox keeps what is mailed, or fails.
type outbox struct {
	to, subject, text string
	err               error
}

func (o *outbox) Send(_ context.Context, to, subject, text string) error {
	if o.err == nil {
		o.to, o.subject, o.text = to, subject, text
	}
	return o.err
}

// link sends a user a password link and gives its token.
func (w *world) link(user portal.User) string {
	w.t.Helper()
	return must(w.m.SendPasswordLink(w.as(w.SuperAdmin), user.ID))(w.t).Link.Reveal()
}

func TestAPasswordLinkSetsThePasswordOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		session := w.signIn(user)
		mustDo(t, w.m.ActOnUser(w.as(w.Admin), user.ID, manage.ExpirePassword))
		sent := must(w.m.SendPasswordLink(w.as(w.Admin), user.ID))(t)
		token := sent.Link.Reveal()
		wantEqual(t, "address", sent.URL, "https://keys.example.com/portal/password/"+token)
		wantEqual(t, "user of the link", must(w.m.PasswordLinkUser(t.Context(), token))(t).ID, user.ID)

		_, err := w.m.SetPassword(t.Context(), token, "short")
		wantFields(t, "a bad password", err, "password")
		lines := w.lines(func() { must(w.m.SetPassword(t.Context(), token, newPassword))(t) })
		wantEqual(t, "lines", len(lines), 1)
		wantEqual(t, "who did it", lines[0].ActorID, user.ID)
		wantEqual(t, "expired", w.user(user.ID).PasswordExpired, false)
		w.wantOver("a session from before", session)
		must(w.m.SignIn(t.Context(), manage.SignIn{Username: user.Username, Password: newPassword, Address: homeAddress}))(t)

		wantEqual(t, "used", must(w.s.Link(t.Context(), secret.HashOf(token)))(t).UsedAt, w.clock.Now())
		_, err = w.m.PasswordLinkUser(t.Context(), token)
		wantCode(t, "looked at again", err, portal.CodeNotFound)
		_, err = w.m.SetPassword(t.Context(), token, "yet another battery")
		wantCode(t, "used again", err, portal.CodeNotFound)
	})
}

func TestOfManyUsesOfALinkAtOnceOneSetsThePassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link(w.User)
		lines := w.lines(func() {
			outcomes := atOnce(50, func(int) error {
				_, err := w.m.SetPassword(t.Context(), token, newPassword)
				return err
			})
			wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: 1, portal.CodeNotFound: 49})
		})
		wantEqual(t, "lines", len(lines), 1)
	})
}

func TestALinkEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, end := range map[string]func(){
			"with its day":              func() { w.clock.Advance(24 * time.Hour) },
			"with a newer one":          func() { w.link(w.User) },
			"with another address":      func() { w.edit(w.User.ID, func(e *manage.UserEdit) { e.Email = "elsewhere@example.com" }) },
			"with a password meanwhile": func() { must(w.m.SetPassword(t.Context(), w.link(w.User), newPassword))(t) },
		} {
			token := w.link(w.User)
			must(w.m.PasswordLinkUser(t.Context(), token))(t)
			end()
			_, err := w.m.PasswordLinkUser(t.Context(), token)
			wantCode(t, what, err, portal.CodeNotFound)
			_, err = w.m.SetPassword(t.Context(), token, newPassword)
			wantCode(t, what, err, portal.CodeNotFound)
		}
		token, others := w.link(w.User), w.link(w.Admin)
		w.edit(w.User.ID, func(e *manage.UserEdit) { e.FirstName = "Grace" })
		w.clock.Advance(24*time.Hour - time.Microsecond)
		for _, token := range []string{token, others} {
			must(w.m.PasswordLinkUser(t.Context(), token))(t)
		}
	})
}

func TestWhatIsNoPasswordLinkSetsNoPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		fresh := storetest.SQLite(t)
		setUp := tokenOf(t, must(newManager(fresh).SetupLink(t.Context()))(t))
		for what, token := range map[string]string{
			"nothing": "", "junk": "kpl_junk", "unknown": secret.New("", secret.Link).Reveal(), "a key": w.Secret.Reveal(),
		} {
			_, err := w.m.SetPassword(t.Context(), token, newPassword)
			wantCode(t, what, err, portal.CodeNotFound)
		}
		_, err := newManager(fresh).SetPassword(t.Context(), setUp, newPassword)
		wantCode(t, "a set-up link", err, portal.CodeNotFound)
		wantSays(t, "a set-up link", err, "This link")
		_, err = w.m.SetUp(t.Context(), w.link(w.User), first("eve"))
		wantCode(t, "a password link for the set-up", err, portal.CodeNotFound)
	})
}

func TestAMailedLinkIsSeenByItsReceiverAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mail := &outbox{}
		w.m.Mailer = mail
		lines := w.lines(func() {
			sent := must(w.m.SendPasswordLink(w.as(w.Admin), w.User.ID))(t)
			wantEqual(t, "sent", sent, manage.SentLink{User: w.User, MailedTo: w.User.Email})
		})
		wantEqual(t, "to", mail.to, w.User.Email)
		for _, part := range []string{w.User.Name(), w.User.Username, "https://keys.example.com/portal/password/kpl_"} {
			if !strings.Contains(mail.text, part) {
				t.Errorf("the mail does not have %q:\n%s", part, mail.text)
			}
		}
		_, rest, _ := strings.Cut(mail.text, "/password/")
		token, _, _ := strings.Cut(rest, "\n")
		must(w.m.SetPassword(t.Context(), token, newPassword))(t)
		if len(lines) != 1 || lines[0].ActorID != w.Admin.ID || lines[0].UserID != w.User.ID || lines[0].Changes != nil {
			t.Errorf("the history has %+v", lines)
		}

		mail.err = errors.New("no route to host")
		_, err := w.m.SendPasswordLink(w.as(w.Admin), w.User.ID)
		wantCode(t, "without a mail server", err, portal.CodeUnavailable)
	})
}

func TestLinksAreSentByWhoManagesTheUserWhileTheUserIsEnabled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			actor, target portal.User
			want          portal.Code
		}{
			"admin to member":            {w.Admin, w.User, allowed},
			"user manager to admin":      {w.userManager(), w.Admin, portal.CodeForbidden},
			"member to oneself":          {w.User, w.User, portal.CodeForbidden},
			"stranger to member":         {w.Stranger, w.User, portal.CodeNotFound},
			"support to member":          {storetest.Support(t, w.s), w.User, portal.CodeForbidden},
			"admin to staff":             {w.Admin, w.SuperAdmin, portal.CodeNotFound},
			"super admin to super admin": {w.SuperAdmin, w.SuperAdmin, allowed},
		} {
			sent, err := w.m.SendPasswordLink(w.as(test.actor), test.target.ID)
			wantCode(t, what, err, test.want)
			wantEqual(t, what+": there is a link", !sent.Link.IsZero(), test.want == allowed)
		}
		mustDo(t, w.m.ActOnUser(w.as(w.Admin), w.User.ID, manage.DisableUser))
		_, err := w.m.SendPasswordLink(w.as(w.Admin), w.User.ID)
		wantCode(t, "to a disabled user", err, portal.CodeConflict)
	})
}
