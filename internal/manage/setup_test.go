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

func first(username string) manage.FirstAdmin {
	return manage.FirstAdmin{Username: username, FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.com", Password: password, Organization: "Acme"}
}

func TestTheSetUpLinkMakesTheFirstSuperAdminOnce(t *testing.T) {
	eachFresh(t, func(t *testing.T, w *world) {
		link := must(w.m.SetupLink(t.Context()))(t)
		if !strings.HasPrefix(link, "https://keys.example.com/portal/setup/kpl_") {
			t.Fatalf("the link is %s", link)
		}
		token := tokenOf(t, link)
		mustDo(t, w.m.CheckSetupLink(t.Context(), token))

		ctx := portal.WithActor(t.Context(), portal.Actor{Address: homeAddress})
		var made portal.User
		lines := w.lines(func() { made = must(w.m.SetUp(ctx, token, first("ada")))(t) })
		admin := w.user(made.ID)
		if admin.Staff != portal.SuperAdmin || !admin.Enabled || admin.Locked || admin.PasswordExpired || !admin.HasPassword {
			t.Errorf("the first super admin is %+v", admin)
		}
		memberships := must(w.s.Memberships(t.Context(), admin.ID))(t)
		if len(memberships) != 1 || memberships[0].OrganizationName != "Acme" || !memberships[0].Admin || !memberships[0].AllAccess {
			t.Errorf("the first super admin's memberships are %+v", memberships)
		}
		wantEqual(t, "lines", len(lines), 3)
		for _, line := range lines {
			wantEqual(t, "actor", line.ActorName+" from "+line.Address, "set-up from "+homeAddress)
		}
		must(w.m.SignIn(t.Context(), manage.SignIn{Username: "ada", Password: password, Address: homeAddress}))(t)

		_, err := w.m.SetUp(ctx, token, first("eve"))
		wantCode(t, "a second time", err, portal.CodeNotFound)
		wantCode(t, "the used link", w.m.CheckSetupLink(t.Context(), token), portal.CodeNotFound)
		wantEqual(t, "used", must(w.s.Link(t.Context(), secret.HashOf(token)))(t).UsedAt, w.clock.Now())
		wantEqual(t, "a further link", must(w.m.SetupLink(t.Context()))(t), "")
	})
}

func TestOfManySetUpsAtOnceOneMakesASuperAdmin(t *testing.T) {
	eachFresh(t, func(t *testing.T, w *world) {
		token := tokenOf(t, must(w.m.SetupLink(t.Context()))(t))
		outcomes := atOnce(50, func(i int) error {
			_, err := w.m.SetUp(t.Context(), token, manage.FirstAdmin{Username: "ada" + string(rune('A'+i%26)) + string(rune('a'+i/26)), Email: "ada@example.com", Password: password})
			return err
		})
		wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: 1, portal.CodeNotFound: 49})
		users := must(w.s.Users(t.Context(), portal.UserFilter{}))(t)
		wantEqual(t, "users", len(users.Rows), 1)
	})
}

func TestASetUpThatIsRefusedLeavesTheLinkAsItWas(t *testing.T) {
	eachFresh(t, func(t *testing.T, w *world) {
		token := tokenOf(t, must(w.m.SetupLink(t.Context()))(t))
		_, err := w.m.SetUp(t.Context(), token, manage.FirstAdmin{Username: "ada lovelace", FirstName: "A\u202e", Email: "ada", Password: "short", Organization: strings.Repeat("a", 10240)})
		wantFields(t, "bad input", err, "email", "first_name", "organization", "password", "username")
		_, err = w.m.SetUp(t.Context(), token, manage.FirstAdmin{Username: "correct.horse.battery", Email: "ada@example.com", Password: "Correct.Horse.Battery"})
		wantFields(t, "the username as the password", err, "password")
		wantEqual(t, "users", must(w.s.AnyUsers(t.Context()))(t), false)
		must(w.m.SetUp(t.Context(), token, first("ada")))(t)
	})
}

func TestASetUpLinkEndsWithItsDayAndWithANewerOne(t *testing.T) {
	eachFresh(t, func(t *testing.T, w *world) {
		older := tokenOf(t, must(w.m.SetupLink(t.Context()))(t))
		token := tokenOf(t, must(w.m.SetupLink(t.Context()))(t))
		for what, token := range map[string]string{
			"replaced": older, "empty": "", "junk": "kpl_junk", "unknown": secret.New("", secret.Link).Reveal(), "another kind": secret.New("", secret.Session).Reveal(),
		} {
			wantCode(t, what, w.m.CheckSetupLink(t.Context(), token), portal.CodeNotFound)
			_, err := w.m.SetUp(t.Context(), token, first("ada"))
			wantCode(t, what, err, portal.CodeNotFound)
		}
		w.clock.Advance(24*time.Hour - time.Microsecond)
		wantCode(t, "to the last moment", w.m.CheckSetupLink(t.Context(), token), allowed)
		w.clock.Advance(time.Microsecond)
		wantCode(t, "after a day", w.m.CheckSetupLink(t.Context(), token), portal.CodeNotFound)
		_, err := w.m.SetUp(t.Context(), token, first("ada"))
		wantCode(t, "after a day", err, portal.CodeNotFound)
	})
}

func TestASetUpLinkIsWorthlessOnceThereIsAUser(t *testing.T) {
	eachFresh(t, func(t *testing.T, w *world) {
		token := tokenOf(t, must(w.m.SetupLink(t.Context()))(t))
		must(w.m.CreateSuperAdmin(w.program(), first("ada")))(t)
		wantCode(t, "the link", w.m.CheckSetupLink(t.Context(), token), portal.CodeNotFound)
		_, err := w.m.SetUp(t.Context(), token, first("eve"))
		wantCode(t, "set-up", err, portal.CodeNotFound)
		_, err = w.s.UserByUsername(t.Context(), "eve")
		wantCode(t, "eve", err, portal.CodeNotFound)
	})
}

func TestSuperAdminsAreMadeByThoseWhoManageStaff(t *testing.T) {
	eachFresh(t, func(t *testing.T, w *world) {
		support, admin := storetest.Support(t, w.s), storetest.SuperAdmin(t, w.s)
		_, err := w.m.CreateSuperAdmin(t.Context(), first("eve"))
		wantCode(t, "nobody", err, portal.CodeUnauthenticated)
		_, err = w.m.CreateSuperAdmin(w.as(support), first("eve"))
		wantCode(t, "support", err, portal.CodeForbidden)
		made := must(w.m.CreateSuperAdmin(w.as(admin), first("grace")))(t)
		wantEqual(t, "staff", w.user(made.ID).Staff, portal.SuperAdmin)
		_, err = w.m.CreateSuperAdmin(w.program(), first("GRACE"))
		wantFields(t, "the same username", err, "username")
	})
}
