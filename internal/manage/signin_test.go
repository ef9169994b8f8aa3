package manage_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// from gives a sign-in of a user from an address with the right password.
func from(address string, user portal.User) manage.SignIn {
	return manage.SignIn{Username: user.Username, Password: password, Address: address, UserAgent: "A browser"}
}

// signIn signs a user in from home and gives the session's token.
func (w *world) signIn(user portal.User) string {
	w.t.Helper()
	return must(w.m.SignIn(w.t.Context(), from(homeAddress, user)))(w.t).Reveal()
}

func (w *world) session(token string) portal.Session {
	w.t.Helper()
	session, _, _, err := w.m.Session(w.t.Context(), token)
	mustDo(w.t, err)
	return session
}

func TestTheRightPasswordMakesASession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		in := from(homeAddress, user)
		in.Username = "  " + strings.ToUpper(user.Username)
		token := must(w.m.SignIn(t.Context(), in))(t)
		if prefix, err := secret.Parse(token.Reveal()); err != nil || prefix != secret.Session {
			t.Errorf("the token begins with %q: %v", prefix, err)
		}

		session, found, actor, err := w.m.Session(t.Context(), token.Reveal())
		mustDo(t, err)
		hash := token.Hash()
		wantEqual(t, "session", session, portal.Session{
			Hash: hash[:], UserID: user.ID, OrganizationID: w.Organization.ID, Organization: w.Organization.Name, Address: homeAddress, UserAgent: "A browser",
			PasswordAt: w.clock.Now(), CreatedAt: w.clock.Now(), SeenAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(lifetime),
		})
		user.LastSignInAt = w.clock.Now()
		wantEqual(t, "user", found, user)
		wantEqual(t, "actor", actor, portal.Actor{
			UserID: user.ID, Username: user.Username, Name: user.Name(), OrganizationID: w.Organization.ID, Grants: must(w.s.Grants(t.Context(), user.ID))(t),
		})
	})
}

func TestWhateverIsWrongIsAnsweredAlikeAfterOneHash(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user, stranger := w.withPassword(w.User), w.withPassword(w.Stranger)
		without := storetest.User(t, w.s)
		disabled := w.withPassword(storetest.User(t, w.s, func(u *portal.User) { u.Enabled = false }))
		locked := w.withPassword(storetest.User(t, w.s, func(u *portal.User) { u.Locked = true }))
		others := storetest.Instance(t, w.s, storetest.License(t, w.s, w.Other))
		_, known := w.m.SignIn(t.Context(), manage.SignIn{Username: "nobody", Password: password, Address: "192.0.2.100"})
		for what, in := range map[string]manage.SignIn{
			"unknown user":                        {Username: "nobody", Password: password},
			"no user":                             {Password: password},
			"wrong password":                      {Username: user.Username, Password: password + "r"},
			"no password":                         {Username: user.Username},
			"10 kB of a password":                 {Username: user.Username, Password: strings.Repeat("0123456789", 1024)},
			"10 kB of a username":                 {Username: strings.Repeat("0123456789", 1024), Password: password},
			"user who has no password":            {Username: without.Username, Password: ""},
			"unknown instance":                    {Username: user.Username, Password: password, Instance: "BE0"},
			"instance of another organization":    {Username: user.Username, Password: password, Instance: others.Name},
			"wrong password at the right place":   {Username: user.Username, Password: "wrong", Instance: w.Instance.Name},
			"stranger at the instance":            {Username: stranger.Username, Password: password, Instance: w.Instance.Name},
			"disabled user with a wrong password": {Username: disabled.Username, Password: "wrong"},
			"locked user with a wrong password":   {Username: locked.Username, Password: "wrong"},
			"disabled user at a wrong instance":   {Username: disabled.Username, Password: password, Instance: "BE0"},
			"bytes that no text has":              {Username: "a\x00\xff", Password: "\x00\xff", Instance: "\xff\x00", UserAgent: "\xff\x00"},
		} {
			w.clock.Advance(time.Hour) // forgets what would slow it
			count := w.m.CountHashes()
			_, err := w.m.SignIn(t.Context(), in)
			if err == nil || !errors.Is(err, known) {
				t.Errorf("%s: the error is %v, want %v", what, err, known)
			}
			wantEqual(t, what+": hashes", count(), 1)
		}
		wantCode(t, "the answer", known, portal.CodeUnauthenticated)
	})
}

func TestAfterTheRightPasswordAnAccountsStateIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			edit func(*portal.User)
			want portal.Code
			says string
		}{
			"disabled": {func(u *portal.User) { u.Enabled = false }, portal.CodeForbidden, "disabled"},
			"locked":   {func(u *portal.User) { u.Locked = true }, portal.CodeForbidden, "locked"},
		} {
			user := w.withPassword(storetest.User(t, w.s, test.edit))
			_, err := w.m.SignIn(t.Context(), from(homeAddress, user))
			wantCode(t, what, err, test.want)
			wantSays(t, what, err, test.says)
		}
		user := w.withPassword(w.User)
		mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), user.ID, manage.ExpirePassword))
		_, found, _, err := w.m.Session(t.Context(), w.signIn(user))
		wantCode(t, "expired: signs in, to set a new password", err, allowed)
		wantEqual(t, "expired", found.PasswordExpired, true)
	})
}

func TestASessionBeginsAtTheInstanceOrInTheFirstOrganization(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user, support := w.withPassword(w.User), w.withPassword(storetest.Support(t, w.s))
		nobody := w.withPassword(storetest.User(t, w.s))
		storetest.Member(t, w.s, w.Other, user)
		elsewhere := storetest.Instance(t, w.s, storetest.License(t, w.s, w.Other))
		byName := storetest.Organization(t, w.s, func(o *portal.Organization) { o.Name = "Aardvark" })
		left := w.withPassword(storetest.User(t, w.s))
		storetest.SaveMembership(t, w.s, portal.Membership{OrganizationID: w.Organization.ID, UserID: left.ID, EndedAt: w.clock.Now()})
		storetest.Member(t, w.s, w.Other, left)
		for what, test := range map[string]struct {
			user     portal.User
			instance string
			want     [2]int64 // organization and instance
		}{
			"without an instance":               {user, "", [2]int64{w.Organization.ID, 0}},
			"space for an instance":             {user, "  ", [2]int64{w.Organization.ID, 0}},
			"the first organization's instance": {user, w.Instance.Name, [2]int64{w.Organization.ID, w.Instance.ID}},
			"the other organization's instance": {user, " " + strings.ToLower(elsewhere.Name), [2]int64{w.Other.ID, elsewhere.ID}},
			"a member of the other one by now":  {left, "", [2]int64{w.Other.ID, 0}},
			"in no organization":                {nobody, "", [2]int64{0, 0}},
			"staff, who see every organization": {support, "", [2]int64{byName.ID, 0}},
		} {
			in := from("192.0.2."+what, test.user)
			in.Instance = test.instance
			token := must(w.m.SignIn(t.Context(), in))(t)
			session := must(w.s.Session(t.Context(), token.Hash()))(t)
			wantEqual(t, what, [2]int64{session.OrganizationID, session.InstanceID}, test.want)
		}
		in := from(homeAddress, left)
		in.Instance = w.Instance.Name
		_, err := w.m.SignIn(t.Context(), in)
		wantCode(t, "an instance of an organization that one has left", err, portal.CodeUnauthenticated)
	})
}

func TestWhatABrowserCallsItselfIsKeptAsTextAndInPart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := from(homeAddress, w.withPassword(w.User))
		in.UserAgent = "\xff\x00" + strings.Repeat("é", 10_000)
		kept := w.session(must(w.m.SignIn(t.Context(), in))(t).Reveal()).UserAgent
		if !utf8.ValidString(kept) || utf8.RuneCountInString(kept) != 300 {
			t.Errorf("what is kept has %d characters: %.20q", utf8.RuneCountInString(kept), kept)
		}
	})
}

func TestASignInIsRefusedWhileTheDatabaseIsAway(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		m := newManager(s)
		mustDo(t, s.Close())
		_, err := m.SignIn(t.Context(), manage.SignIn{Username: "ada", Password: password})
		if code := portal.CodeOf(err); code != portal.CodeUnavailable && code != portal.CodeInternal {
			t.Errorf("the error is %v", err)
		}
	})
}
