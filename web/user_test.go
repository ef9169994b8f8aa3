package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// usernames lists the first column of User Management.
func usernames(a answer) []string {
	return a.doc.Find("#users tbody tr .kp-title-link").Map(func(_ int, link *goquery.Selection) string { return link.Text() })
}

// crowd adds members to an organization: crowd00, crowd01, …
func (p *running) crowd(organization portal.Organization, number int) {
	for i := range number {
		user := storetest.User(p.t, p.Store, func(u *portal.User) {
			u.Username, u.FirstName, u.LastName = fmt.Sprintf("crowd%02d", i), "Crowd", fmt.Sprintf("Member %02d", number-i)
		})
		storetest.Member(p.t, p.Store, organization, user)
	}
}

func userAddress(user portal.User) string { return "/users/" + id(user.ID) }

func TestUserManagementShowsTheMembersOfTheOrganizationWithTheirRoles(t *testing.T) {
	p := startPortal(t)
	list := p.as(p.Admin).get("/users").expect(t, http.StatusOK, "User Management", "Username", "First Name", "Last Name", "E-mail", "Roles", "Enabled", "Locked", "Expired")
	if got, want := usernames(list), []string{"clientadmin", "colleague", "member", "nobody", "superadmin"}; !slices.Equal(got, want) {
		t.Fatalf("listed %v, want %v", got, want)
	}
	row := list.doc.Find("#users tbody tr").FilterFunction(func(_ int, row *goquery.Selection) bool { return row.Find(".kp-title-link").Text() == "member" })
	for _, text := range []string{"Member", "Person", p.Role.Name} {
		if !strings.Contains(row.Text(), text) {
			t.Errorf("the member's row does not have %q: %s", text, row.Text())
		}
	}
	if href := row.Find(".kp-title-link").AttrOr("href", ""); href != userAddress(p.Member) {
		t.Errorf("the username leads to %q", href)
	}
}

func TestOnlyWhoSeesEverybodyChoosesTheOrganization(t *testing.T) {
	p := startPortal(t)
	foreign := "/users?organization=" + id(p.Other.ID)
	for _, address := range []string{foreign, "/users?organization=all"} {
		if got := usernames(p.as(p.Admin).get(address).expect(t, http.StatusOK)); slices.Contains(got, "stranger") {
			t.Errorf("%s shows an administrator of another organization %v", address, got)
		}
	}
	support := p.as(p.Support)
	if got := usernames(support.get(foreign).expect(t, http.StatusOK, "in Blue Client")); !slices.Equal(got, []string{"stranger"}) {
		t.Errorf("support sees %v in the other organization", got)
	}
	if got := usernames(support.get("/users?organization=all").expect(t, http.StatusOK)); len(got) != 7 {
		t.Errorf("support sees %v in all organizations", got)
	}
}

func TestUserManagementSearchesFiltersAndSorts(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	b.post(userAddress(p.Nobody)+"/act", url.Values{"action": {"lock"}}).expect(t, http.StatusSeeOther)
	b.post(userAddress(p.Colleague)+"/act", url.Values{"action": {"disable"}}).expect(t, http.StatusSeeOther)
	b.post(userAddress(p.Member)+"/act", url.Values{"action": {"expire-password"}}).expect(t, http.StatusSeeOther)
	for query, want := range map[string][]string{
		"q=COLLEAGUE":           {"colleague"},
		"q=person+mem":          {"member"},
		"state=locked":          {"nobody"},
		"state=disabled":        {"colleague"},
		"state=expired":         {"member"},
		"state=unlocked&q=admi": {"clientadmin", "superadmin"},
		"sort=-username":        {"superadmin", "nobody", "member", "colleague", "clientadmin"},
		"sort=-locked&q=nobody": {"nobody"},
	} {
		if got := usernames(b.get("/users?"+query).expect(t, http.StatusOK)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	for _, column := range []string{"username", "first_name", "last_name", "email", "enabled", "locked", "expired"} {
		up, down := b.get("/users?sort="+column).expect(t, http.StatusOK), b.get("/users?sort=-"+column).expect(t, http.StatusOK)
		reversed := usernames(down)
		slices.Reverse(reversed)
		if !slices.Equal(usernames(up), reversed) {
			t.Errorf("by %s: %v up, %v down", column, usernames(up), usernames(down))
		}
	}
}

func TestASearchThatFindsNobodySaysSoAndCanBeCleared(t *testing.T) {
	p := startPortal(t)
	list := p.as(p.Support).get("/users?q=zzz&state=locked&organization=all").expect(t, http.StatusOK, "No users found", "Clear the search")
	if href := list.doc.Find(".kp-empty a").AttrOr("href", ""); href != "/users?organization=all" {
		t.Errorf("Clear the search leads to %q", href)
	}
}

func TestThePagesOfUserManagementGoThroughEverybodyOnce(t *testing.T) {
	p := startPortal(t)
	p.crowd(p.Other, portal.PageSize+20)
	b := p.as(p.Support)
	var seen []string
	for address := "/users?q=crowd&sort=-last_name&organization=" + id(p.Other.ID); address != ""; {
		list := b.get(address).expect(t, http.StatusOK)
		seen = append(seen, usernames(list)...)
		address = list.doc.Find("a[rel=next]").AttrOr("href", "")
	}
	if len(seen) != portal.PageSize+20 || !slices.IsSorted(seen) {
		t.Fatalf("the pages show %d users: %v", len(seen), seen)
	}
}

func TestCreateUserKeepsWhatWasTypedWhenItIsRefused(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	form := b.get("/users/new").expect(t, http.StatusOK, "Create User", "All Access", "Admin", "Gold Client", p.Role.Name).form("main form")
	form.Set("username", "Member")
	form.Set("first_name", "Second <b>Member</b>")
	form.Set("email", "second@example.com")
	form.Set("all_access", "on")
	form.Set("role", id(p.Role.ID))
	refused := b.post("/users", form).expect(t, http.StatusUnprocessableEntity, "Somebody has this username already")
	if again := refused.form("main form"); again.Encode() != form.Encode() {
		t.Errorf("typed %v, kept %v", form, again)
	}
	for name, wrong := range map[string]string{"username": "two words", "first_name": "a\u202eb", "email": "nobody", "last_name": strings.Repeat("x", 10_000)} {
		form := url.Values{"username": {"fine"}, "email": {"fine@example.com"}, "organization": {id(p.Organization.ID)}, name: {wrong}}
		if found := b.post("/users", form).expect(t, http.StatusUnprocessableEntity).doc.Find("#field-" + name + "-error").Length(); found != 1 {
			t.Errorf("%s: what is wrong is not said at the field", name)
		}
	}
}

func TestWhatComesWithAnAddressDoesNotEmptyTheFormOfAnAccount(t *testing.T) {
	p := startPortal(t)
	form := p.as(p.Admin).get(userAddress(p.Member)+"/edit?utm_source=x&username=other").expect(t, http.StatusOK).form("main form")
	if form.Get("username") != p.Member.Username || form.Get("email") != p.Member.Email || form.Get("version") != id(p.Member.Version) {
		t.Errorf("the form has %v", form)
	}
}

func TestOnlyWhatIsNotCutUnseenHasALengthInTheBrowser(t *testing.T) {
	p := startPortal(t)
	form := p.as(p.Admin).get(userAddress(p.Member)+"/edit").expect(t, http.StatusOK).doc.Find("main form")
	for name, want := range map[string]string{"username": "64", "email": "254", "first_name": "", "last_name": ""} {
		if got := form.Find("input[name="+name+"]").AttrOr("maxlength", ""); got != want {
			t.Errorf("%s: maxlength is %q, want %q", name, got, want)
		}
	}
}

func TestANewUserGetsALinkToChooseThePasswordWith(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	form := b.get("/users/new").form("main form")
	form.Set("username", "fresh")
	form.Set("first_name", "Fresh")
	form.Set("email", "fresh@example.com")
	form.Set("send_link", "on")
	form.Set("role", id(p.Role.ID))
	first := linkOn(b.post("/users", form).expect(t, http.StatusOK, "Fresh was created", "opens once", "Reloading this page makes a new link"))
	second := linkOn(b.post("/users", form).expect(t, http.StatusOK))
	if first == second {
		t.Fatal("sending the form again shows the same link")
	}
	p.visitor().get(path(t, first)).expect(t, http.StatusNotFound)
	visitor := p.visitor()
	visitor.get(path(t, second)).expect(t, http.StatusOK, "fresh")
	visitor.post(path(t, second), url.Values{"password": {password}, "repeat": {password}}).expect(t, http.StatusOK)
	logIn(visitor, "fresh", password).expect(t, http.StatusSeeOther)
	if found := usernames(b.get("/users?q=fresh")); len(found) != 1 {
		t.Errorf("sending the form twice made %v", found)
	}
	for _, link := range []string{first, second} {
		if strings.Contains(p.Log.String(), path(t, link)) {
			t.Error("the link is in the log")
		}
	}
}

// The steps of the vendor's manual, from Create User to the ID in the address bar.
func TestAnAPIUserIsCreatedInTheOrganizationOneWorksIn(t *testing.T) {
	p := startPortal(t)
	for _, creator := range []portal.User{p.Admin, p.SuperAdmin} {
		b := p.as(creator)
		page := b.get("/users/new").expect(t, http.StatusOK, "First Name", "Last Name", "Email", "All Access", "Admin", p.Role.Name,
			"can be seen, edited and deleted", "For security leave it off", "Leave it empty to use the e-mail address")
		if page.has("[name=username][required]") {
			t.Error("a username has to be entered")
		}
		email := "api." + creator.Username + "@example.com"
		form := page.form("main form")
		for name, value := range map[string]string{"first_name": "Integration", "last_name": "Account", "email": email, "all_access": "on"} {
			form.Set(name, value)
		}
		made := b.post("/users", form).expect(t, http.StatusSeeOther)
		user, err := p.Store.UserByUsername(context.Background(), email)
		if err != nil || made.location != userAddress(user) {
			t.Fatalf("%v; one is led to %s", err, made.location)
		}
		b.get(made.location).expect(t, http.StatusOK, "Integration Account was created", email+" · ID "+id(user.ID), "All Access")
		if held := p.membership(user, p.Organization); !held.AllAccess || held.Admin {
			t.Errorf("the membership is %+v", held)
		}
	}
}

func TestWhatIsWrongWithAnAddressForAUsernameIsSaidAtTheUsername(t *testing.T) {
	p := startPortal(t)
	storetest.User(t, p.Store, func(u *portal.User) { u.Username = "taken@example.com" })
	b := p.as(p.Admin)
	for email, says := range map[string]string{"o'brien@example.com": "can't be the username", "taken@example.com": "as their username already"} {
		refused := b.post("/users", url.Values{"email": {email}, "organization": {id(p.Organization.ID)}}).expect(t, http.StatusUnprocessableEntity)
		if text := refused.doc.Find("#field-username-error").Text(); !strings.Contains(text, says) {
			t.Errorf("%s: at the username it says %q", email, text)
		}
	}
}

func TestOnlyWhoMayGiveAllAccessSeesItForANewUser(t *testing.T) {
	p := startPortal(t)
	if !p.as(p.Admin).get("/users/new").has("[name=all_access]") {
		t.Error("an administrator with All Access can't give it")
	}
	officer := p.as(p.officer()).get("/users/new").expect(t, http.StatusOK)
	if officer.has("[name=all_access]") || strings.Contains(officer.text(), "can be seen, edited and deleted") {
		t.Error("who can't give All Access sees it")
	}
}

func TestAUserWithoutALinkIsCreatedToo(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	made := b.post("/users", url.Values{"username": {"loader"}, "email": {"loader@example.com"}, "organization": {id(p.Organization.ID)}}).expect(t, http.StatusSeeOther)
	b.get(made.location).expect(t, http.StatusOK, "loader was created", "Not set yet", "No roles yet")
}

func TestNobodyCreatesMoreThanTheyHold(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	for name, more := range map[string]url.Values{
		"staff":            {"staff": {"super_admin"}, "organization": {id(p.Organization.ID)}},
		"organization":     {"organization": {id(p.Other.ID)}},
		"no organization":  {"organization": {"0"}},
		"organizationless": {},
	} {
		form := url.Values{"username": {"intruder"}, "email": {"intruder@example.com"}}
		for key, values := range more {
			form[key] = values
		}
		if got := b.post("/users", form); got.status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
	if _, err := p.Store.UserByUsername(context.Background(), "intruder"); portal.CodeOf(err) != portal.CodeNotFound {
		t.Errorf("the user was created: %v", err)
	}
}

func TestChoosingAnotherOrganizationShowsItsRolesAndKeepsWhatWasTyped(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	form := b.get("/users/new").expect(t, http.StatusOK, p.Role.Name).form("main form")
	form.Set("username", "typed")
	form.Set("send_link", "on")
	form.Set("organization", id(p.Other.ID))
	other := b.get("/users/new?"+form.Encode()).expect(t, http.StatusOK)
	if strings.Contains(other.text(), p.Role.Name) {
		t.Error("a role of the organization before is offered")
	}
	if kept := other.form("main form"); kept.Get("username") != "typed" || kept.Get("send_link") != "on" || kept.Get("organization") != id(p.Other.ID) {
		t.Errorf("kept %v", kept)
	}
}

func TestASentPasswordLinkIsMailedWhereMailIsSetUp(t *testing.T) {
	p := startPortal(t)
	post := &mailbox{}
	p.Manager.Mailer = post
	b := p.as(p.Admin)
	sent := b.post(userAddress(p.Member)+"/password-link", nil).expect(t, http.StatusOK, "Sent to "+p.Member.Email)
	if strings.Contains(sent.body, "kpl_") || !strings.Contains(post.text, "/password/kpl_") {
		t.Error("the link is on the page, or not in the mail")
	}
	created := b.post("/users", url.Values{"username": {"early"}, "email": {"early@example.com"}, "organization": {id(p.Organization.ID)}, "send_link": {"on"}}).expect(t, http.StatusSeeOther)
	b.get(created.location).expect(t, http.StatusOK, "early was created, and a one-time password link was sent to early@example.com")
	post.err = errors.New("connection refused")
	b.post(userAddress(p.Member)+"/password-link", nil).expect(t, http.StatusServiceUnavailable, "could not be sent", "User Account Details")
	made := b.post("/users", url.Values{"username": {"late"}, "email": {"late@example.com"}, "organization": {id(p.Organization.ID)}, "send_link": {"on"}}).expect(t, http.StatusSeeOther)
	b.get(made.location).expect(t, http.StatusOK, "late was created, but has no password link yet", "could not be sent")
}

// mailbox keeps the last message, or fails.
type mailbox struct {
	text string
	err  error
}

// Send takes a message in.
func (m *mailbox) Send(_ context.Context, _, _, text string) error {
	m.text = text
	return m.err
}

// linkOn gives the one-time link that a page shows.
func linkOn(a answer) string { return a.doc.Find("#field-link").AttrOr("value", "") }

func path(t *testing.T, address string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil || parsed.Path == "" {
		t.Fatalf("%q is not the address of a link", address)
	}
	return parsed.Path
}
