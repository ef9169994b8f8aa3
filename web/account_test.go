package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// has tells whether a page has what a selector names.
func (a answer) has(selector string) bool { return a.doc.Find(selector).Length() > 0 }

func TestUserAccountDetailsSayWhatTheRolesAllow(t *testing.T) {
	p := startPortal(t)
	account := p.as(p.Admin).get(userAddress(p.Member)).expect(t, http.StatusOK,
		"Member Person", "member · "+p.Member.Email+" · ID "+id(p.Member.ID), "Roles in Gold Client", p.Role.Name,
		"Manage User API Key (Action)", p.Billing.Name, p.Dunning.Name, "Integration", "Generate key", "Edit roles")
	if strings.Contains(account.text(), p.Revenue.Name) {
		t.Error("an API set that no role allows is named")
	}
}

func TestWithoutTheAuthorityNoAPIKeysAreOffered(t *testing.T) {
	p := startPortal(t)
	own := p.as(p.Nobody).get(userAddress(p.Nobody)).expect(t, http.StatusOK, "User Account Details", "No API keys yet")
	if strings.Contains(own.text(), "Generate key") {
		t.Errorf("API keys are offered: %s", own.text())
	}
	p.as(p.Member).get(userAddress(p.Member)).expect(t, http.StatusOK, "API Keys", "Generate key", "Integration")
}

func TestWhoCanOnlyLookIsToldWhy(t *testing.T) {
	p := startPortal(t)
	account := p.as(p.Support).get(userAddress(p.Member)).expect(t, http.StatusOK, "You can look at this account, but not change it", "Manage Users")
	if account.has(`a[href="`+userAddress(p.Member)+`/edit"]`) || account.has(`form[action$="/password-link"]`) {
		t.Error("there are buttons that would be refused")
	}
	own := p.as(p.Member).get(userAddress(p.Member)).expect(t, http.StatusOK, "Edit Profile")
	if strings.Contains(own.text(), "You can look at this account") {
		t.Error("one's own account has the note")
	}
}

func TestAnAccountSharedWithAnotherOrganizationIsNotTheAdministratorsToChange(t *testing.T) {
	p := startPortal(t)
	storetest.Member(t, p.Store, p.Other, p.Member)
	b := p.as(p.Admin)
	account := b.get(userAddress(p.Member)).expect(t, http.StatusOK, "belongs to other organizations too", "Edit roles")
	if strings.Contains(account.text(), "Blue Client") {
		t.Error("the other organization is named")
	}
	b.get(userAddress(p.Member)+"/edit").expect(t, http.StatusForbidden, "belongs to other organizations too")
	b.post(userAddress(p.Member)+"/act", url.Values{"action": {"disable"}}).expect(t, http.StatusForbidden)
	b.get(userAddress(p.Member)+"?action=disable").expect(t, http.StatusForbidden)
	b.post(userAddress(p.Member)+"/password-link", nil).expect(t, http.StatusForbidden)
}

func TestDisablingAndLockingAskFirstAndSayWhatStops(t *testing.T) {
	p := startPortal(t)
	b, member := p.as(p.Admin), p.as(p.Member)
	for _, step := range []struct{ stop, undo, note string }{
		{"disable", "enable", "is disabled"}, {"lock", "unlock", "is locked"},
	} {
		account := b.get(userAddress(p.Member))
		if !account.has(`a[href$="?action=`+step.stop+`"]`) || account.has(`form[action$="/act"] [value="`+step.stop+`"]`) {
			t.Errorf("%s does not ask first", step.stop)
		}
		ask := b.get(userAddress(p.Member)+"?action="+step.stop).expect(t, http.StatusOK,
			"1 API key would stop working", "sessions end at once", "refused from the next check on")
		done := b.post(userAddress(p.Member)+"/act", ask.form("main form")).expect(t, http.StatusSeeOther)
		b.get(done.location).expect(t, http.StatusOK, "Member Person "+step.note)
		member.get("/profile").expect(t, http.StatusSeeOther, "/login")
		b.post(userAddress(p.Member)+"/act", url.Values{"action": {step.undo}}).expect(t, http.StatusSeeOther)
		member = p.as(p.Member)
		member.get("/profile").expect(t, http.StatusOK)
	}
}

func TestAnExpiredPasswordIsChangedBeforeAnythingElse(t *testing.T) {
	p := startPortal(t)
	b, member := p.as(p.Admin), p.as(p.Member)
	b.get(userAddress(p.Member)+"?action=expire-password").expect(t, http.StatusOK, "choose a new password")
	b.post(userAddress(p.Member)+"/act", url.Values{"action": {"expire-password"}}).expect(t, http.StatusSeeOther)
	member.get(userAddress(p.Member)).expect(t, http.StatusSeeOther, "/profile/password")
}

func TestWhatCannotBeDoneToAnAccountIsSaidOnItsPage(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	own := b.get(userAddress(p.SuperAdmin)).expect(t, http.StatusOK)
	if own.has(`a[href$="?action=disable"]`) || own.has(`a[href$="?action=lock"]`) {
		t.Error("disabling or locking oneself is offered")
	}
	b.post(userAddress(p.SuperAdmin)+"/act", url.Values{"action": {"lock"}}).expect(t, http.StatusConflict, "your own account", "User Account Details")
	form := b.get(userAddress(p.SuperAdmin) + "/edit").form("main form")
	form.Set("staff", "")
	b.post(userAddress(p.SuperAdmin), form).expect(t, http.StatusConflict, "only enabled super admin")
	b.post(userAddress(p.Member)+"/act", url.Values{"action": {"explode"}}).expect(t, http.StatusNotFound)
	b.get(userAddress(p.Member)+"?action=explode").expect(t, http.StatusOK, "User Account Details")
}

func TestASessionThatEndedLeadsBackToTheQuestion(t *testing.T) {
	p := startPortal(t)
	refused := p.visitor().post(userAddress(p.Member)+"/act", url.Values{"action": {"disable"}}).expect(t, http.StatusUnauthorized)
	if next := refused.form("form").Get("next"); next != userAddress(p.Member)+"?action=disable" {
		t.Errorf("Log In leads to %q", next)
	}
}

func TestAnAccountIsEditedUnlessSomebodyElseDidMeanwhile(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	edit := b.get(userAddress(p.Member)+"/edit").expect(t, http.StatusOK, "Edit user", "nobody else sets or sees it")
	if edit.has("[type=password]") || edit.has("[name=staff]") {
		t.Error("the form has a password or a staff role")
	}
	form := edit.form("main form")
	form.Set("email", "first@example.com")
	b.post(userAddress(p.Member), form).expect(t, http.StatusSeeOther)
	form.Set("email", "second@example.com")
	stale := b.post(userAddress(p.Member), form).expect(t, http.StatusConflict, "changed by someone else", "Load what is there now")
	if kept := stale.form("main form").Get("email"); kept != "second@example.com" {
		t.Errorf("kept %q", kept)
	}
	b.get(userAddress(p.Member)).expect(t, http.StatusOK, "first@example.com", "History of changes")
	form = b.get(userAddress(p.Member) + "/edit").form("main form")
	form.Set("staff", "super_admin")
	b.post(userAddress(p.Member), form).expect(t, http.StatusForbidden, "Manage Staff")
}

func TestAUsersNameIsTextOnEveryPage(t *testing.T) {
	p := startPortal(t)
	user := storetest.User(t, p.Store, func(u *portal.User) { u.FirstName, u.LastName = `<script>alert(1)</script>`, "عمر" })
	storetest.Member(t, p.Store, p.Organization, user, p.Role)
	b := p.as(p.SuperAdmin)
	for _, address := range []string{
		"/users", userAddress(user), userAddress(user) + "/edit", userAddress(user) + "?action=disable",
		userAddress(user) + "/memberships/" + id(p.Organization.ID), userAddress(user) + "/memberships/" + id(p.Organization.ID) + "?action=end",
	} {
		answer := b.get(address).expect(t, http.StatusOK)
		answer.doc.Find("script").Each(func(_ int, script *goquery.Selection) {
			if strings.Contains(script.Text(), "alert") {
				t.Errorf("%s runs the name", address)
			}
		})
	}
	b.get(userAddress(user)).expect(t, http.StatusOK, "<script>alert(1)</script> عمر")
}

func TestAPasswordLinkIsShownInOneResponseOnly(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	sent := b.post(userAddress(p.Member)+"/password-link", nil).expect(t, http.StatusOK, "One-time password link", "only this person reads", "earlier have stopped working")
	token := strings.TrimPrefix(path(t, linkOn(sent)), "/password/")
	if sent.header.Get("Cache-Control") != "no-store" {
		t.Error("the page may be cached")
	}
	for _, address := range []string{userAddress(p.Member), "/users", "/"} {
		if strings.Contains(b.get(address).body, token) {
			t.Errorf("%s shows the link again", address)
		}
	}
	if strings.Contains(p.Log.String(), token) {
		t.Error("the link is in the log")
	}
	b.post(userAddress(p.Member)+"/act", url.Values{"action": {"disable"}}).expect(t, http.StatusSeeOther)
	b.post(userAddress(p.Member)+"/password-link", nil).expect(t, http.StatusConflict, "Enable the user first")
}
