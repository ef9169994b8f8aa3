//go:build !race

package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// key is the secret that the dialog Save generated key shows.
func (b *tab) key() string {
	b.t.Helper()
	b.sees("Save generated key")
	key := on[string](b, b.find(field("API key")), `function() { return this.textContent }`)
	if !regexp.MustCompile(`^kp_[0-9A-Za-z]+$`).MatchString(key) {
		b.t.Fatalf("%q is not a key", key)
	}
	return key
}

// clipboard reads what was copied.
func (b *tab) clipboard() string {
	b.t.Helper()
	_, err := chromedp.CallBrowser(b.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
	})
	b.must(err)
	return evaluate[string](b, `navigator.clipboard.readText()`)
}

// listsOnce checks that the list of keys has a key once.
func (b *tab) listsOnce(name string) {
	b.t.Helper()
	b.sees("on this page")
	if lines := len(b.all(link(name))); lines != 1 {
		b.t.Errorf("the list has %s %d times", name, lines)
	}
}

// asks has the gateway check whether a key may reach an API set.
func (s *serving) asks(t *testing.T, key, apiSet string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gateway+"/auth?api_set="+apiSet, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Api-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}

// accepts checks that a key may reach an API set, as somebody.
func (s *serving) accepts(t *testing.T, key, apiSet, username string) {
	t.Helper()
	response := s.asks(t, key, apiSet)
	if as := response.Header.Get("X-User-Name"); response.StatusCode != http.StatusOK || as != username {
		t.Errorf("the check for %s answers %d as %q", apiSet, response.StatusCode, as)
	}
}

// refuses checks that a key may not reach an API set, and why.
func (s *serving) refuses(t *testing.T, key, apiSet string, status int, reason string) {
	t.Helper()
	response := s.asks(t, key, apiSet)
	if why := response.Header.Get("X-Deny-Reason"); response.StatusCode != status || why != reason {
		t.Errorf("the check for %s answers %d %s, not %d %s", apiSet, response.StatusCode, why, status, reason)
	}
}

func TestAKeyIsGeneratedSavedCheckedAndRevokedByMouse(t *testing.T) {
	const name = "Walk by mouse"
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)

	b.logIn("clientadmin")
	b.follow(navigation("Users"))
	b.sees("User Management")
	b.follow(link("clientadmin"))
	b.sees("User Account Details", "API Keys")
	b.follow(link("Generate key"))
	b.sees("New API Key", "Required fields are marked with an asterisk.")
	b.fill(field("Name"), name)
	b.fill(field("Description"), "What the manual describes")
	b.click(element{role: "StaticText", name: "Allowed networks and rate limit"})
	b.fill(field("Allowed networks"), "127.0.0.0/8\n2001:db8::/32")
	b.fill(field("Requests"), "1000")
	b.fill(field("At once"), "50")
	b.follow(button("Next"))

	available, selected := listbox("Available API*"), listbox("Selected API*")
	b.click(option("Billing API").in(available))
	b.click(button("Add"))
	b.sees("Selected API (1)")
	b.click(option("Dunning API").in(available))
	b.click(button("Add"))
	b.sees("Selected API (2)")
	b.click(option("Dunning API").in(selected))
	b.click(button("Remove"))
	b.sees("Selected API (1)")
	b.follow(button("Finish"))

	key := b.key()
	b.click(button("Copy to clipboard"))
	b.sees("Copied")
	if copied := b.clipboard(); copied != key {
		t.Errorf("the clipboard has %q", copied)
	}
	b.click(link("Download"))
	if saved := b.saved(name + ".APIKEY"); saved != key {
		t.Errorf("the file has %q", saved)
	}
	b.follow(link("Close"))
	keyPage := b.path()
	b.sees(name, "Active", "What the manual describes", "2001:db8::/32", "1000 per minute, 50 at once")
	b.holdsNot(key)

	s.accepts(t, key, "billing", "clientadmin")
	s.refuses(t, key, "dunning", http.StatusForbidden, "API_SET_NOT_GRANTED")

	b.reload()
	b.holdsNot(key)
	b.back()
	b.holdsNot(key)
	b.follow(navigation("API Keys"))
	b.holdsNot(key)
	b.listsOnce(name)

	b.open(keyPage)
	b.click(button("Actions for " + name))
	b.follow(button("Disable"))
	b.sees(name + " is disabled")
	s.refuses(t, key, "billing", http.StatusUnauthorized, "DISABLED")
	b.click(button("Actions for " + name))
	b.follow(button("Enable"))
	s.accepts(t, key, "billing", "clientadmin")

	b.click(button("Actions for " + name))
	b.follow(link("Revoke"))
	b.click(button("Revoke key")) // which does nothing before the name is typed
	b.fill(field("Type "+name+" to confirm"), name)
	b.follow(button("Revoke key"))
	b.sees(name+" is revoked", "That is final")
	s.refuses(t, key, "billing", http.StatusUnauthorized, "REVOKED")
}

// choose presses Tab until an element has the focus, and then a key on it.
func (b *tab) choose(e element, key string) {
	b.t.Helper()
	b.tabTo(e)
	b.press(key)
}

// enter is choose for what opens another page.
func (b *tab) enter(e element) {
	b.t.Helper()
	b.tabTo(e)
	b.loads(func() { b.press(kb.Enter) })
}

func TestAKeyIsGeneratedSavedCheckedAndRevokedByKeyboard(t *testing.T) {
	const name = "Walk by keyboard"
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)

	b.open("/")
	b.eventually("the first field having the focus", func() bool { return evaluate[bool](b, `document.activeElement.name === "username"`) })
	b.press("clientadmin")
	b.press(kb.Tab)
	b.press("keyportal-demo")
	b.loads(func() { b.press(kb.Enter) })
	b.enter(navigation("Users"))
	b.enter(link("clientadmin"))
	b.enter(link("Generate key"))
	b.choose(field("Name"), name)
	b.enter(button("Next"))

	available, selected := listbox("Available API*"), listbox("Selected API*")
	b.choose(available, kb.Home)
	b.choose(button("Add"), kb.Enter)
	b.sees("Selected API (1)")
	b.choose(button("Add all"), " ")
	b.sees("Available API (0)")
	b.choose(selected, kb.End)
	b.tabTo(button("Remove"), chromedp.ModifierShift)
	b.press(" ")
	b.sees("Available API (1)")
	b.tabTo(available, chromedp.ModifierShift)
	b.press(kb.Home)
	b.press(kb.Enter) // moves, and sends nothing
	b.sees("Available API (0)")
	b.enter(button("Finish"))

	key := b.key()
	b.press(kb.Escape)
	b.sees("You have neither copied nor downloaded the key.")
	b.press(kb.Enter) // on Go back
	b.seesNot("You have neither copied nor downloaded the key.")
	b.choose(link("Close"), kb.Enter)
	b.sees("You have neither copied nor downloaded the key.")
	b.choose(button("Go back"), " ")
	b.choose(button("Copy to clipboard"), kb.Enter)
	b.sees("Copied")
	if copied := b.clipboard(); copied != key {
		t.Errorf("the clipboard has %q", copied)
	}
	b.loads(func() { b.press(kb.Escape) })
	b.sees(name, "Active")
	b.holdsNot(key)
	s.accepts(t, key, "revenue-management", "clientadmin")

	b.choose(button("Actions for "+name), kb.Enter)
	b.press(kb.Escape)
	b.press(kb.Enter)
	b.enter(button("Disable"))
	b.sees(name + " is disabled")
	s.refuses(t, key, "billing", http.StatusUnauthorized, "DISABLED")

	b.choose(button("Actions for "+name), " ")
	b.enter(link("Revoke"))
	b.choose(field("Type "+name+" to confirm"), name)
	b.enter(button("Revoke key"))
	b.sees(name+" is revoked", "That is final")
	s.refuses(t, key, "billing", http.StatusUnauthorized, "REVOKED")

	b.choose(button("Carla Adams My Account"), kb.Enter)
	b.enter(button("Log Out"))
	b.sees("User ID")
}

func TestAKeyIsGeneratedAndSavedWithoutJavaScript(t *testing.T) {
	const name = "Walk without JavaScript"
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})

	b.logIn("member")
	b.follow(navigation("API Keys"))
	b.follow(link("Generate key"))
	b.fill(field("Name"), name)
	b.follow(button("Next"))
	if b.has(checkbox("Revenue Management API")) {
		t.Error("an API set is offered that the roles do not allow")
	}
	b.click(checkbox("Dunning API"))
	b.follow(button("Finish"))

	key := b.key()
	b.click(link("Download"))
	if saved := b.saved(name + ".APIKEY"); saved != key {
		t.Errorf("the file has %q", saved)
	}
	s.accepts(t, key, "dunning", "member")
	b.reload() // sends the form again
	b.sees("This form was sent before")
	b.holdsNot(key)

	b.click(button("Actions for " + name))
	b.follow(button("Disable"))
	b.sees(name + " is disabled")
	s.refuses(t, key, "dunning", http.StatusUnauthorized, "DISABLED")
	b.follow(navigation("API Keys"))
	b.listsOnce(name)
	b.fill(element{role: "searchbox", name: "Search API keys"}, "without")
	b.follow(button("Search"))
	b.sees(name)
	b.seesNot("Mobile App")

	b.click(button("Mia Berger My Account"))
	b.follow(button("Log Out"))
	b.sees("User ID")
}

// pick chooses an option of a closed select by typing how it begins.
func (b *tab) pick(e element, beginning string) {
	b.t.Helper()
	on[chromedp.Void](b, b.find(e), `function() { this.focus() }`)
	b.press(beginning)
}

func TestAnEmptyDatabaseLeadsToTheKeyOfANewUser(t *testing.T) {
	s := serve(t, emptySQLite(t).flags("serve")...)
	setUp := strings.TrimPrefix(s.stdout.await(t, setUpLine), s.portal)
	browser := chromium(t)
	b := newTab(t, browser, s.portal)

	b.open(setUp)
	b.sees("Set up Key Portal")
	b.fill(field("Username"), "root")
	b.fill(field("First Name"), "Rosa")
	b.fill(field("E-mail"), "rosa@example.com")
	b.fill(field("Password"), "too short")
	b.fill(field("Password again"), "not the same")
	b.follow(button("Finish"))
	b.answered(http.StatusUnprocessableEntity)
	b.sees("Please correct")
	if kept := b.value(field("E-mail")); kept != "rosa@example.com" {
		t.Errorf("the refused form comes back with %q", kept)
	}
	b.fill(field("Password"), "a few words in a row")
	b.fill(field("Password again"), "a few words in a row")
	b.follow(button("Finish"))
	b.sees("Key Portal is set up")
	b.fill(field("User ID"), "root")
	b.fill(field("Password"), "a few words in a row")
	b.follow(button("Log In"))
	b.sees("Hello, Rosa")

	b.follow(navigation("API sets"))
	b.follow(link("Create API set"))
	b.fill(field("Name"), "Ordering API")
	b.fill(field("Slug"), "ordering")
	b.fill(field("Route patterns"), "GET /orders/{id}")
	b.follow(button("Save"))
	b.sees("Ordering API")

	b.follow(navigation("Organizations"))
	b.follow(link("Create organization"))
	b.fill(field("Name"), "First Client")
	b.pick(choice("Client level"), "Gold")
	b.follow(button("Save"))
	b.sees("First Client")
	b.click(button("Choose an organization*"))
	b.follow(button("First Client"))

	b.follow(navigation("Roles"))
	b.follow(link("Create role"))
	b.fill(field("Name"), "Orders")
	b.click(checkbox("Manage User API Key (Action)"))
	b.click(option("Ordering API"))
	b.click(button("Add"))
	b.follow(button("Save"))
	b.sees("Orders")

	b.follow(navigation("Users"))
	b.follow(link("Create User"))
	b.fill(field("First Name"), "Nora")
	b.fill(field("Email"), "nora@example.com")
	b.fill(field("Username"), "nora")
	b.click(checkbox("Orders"))
	b.click(checkbox("Send a one-time password link"))
	b.follow(button("Create"))
	b.sees("Nora was created")
	passwordLink := b.value(field("Link"))

	nora := newTab(t, chromium(t), s.portal)
	nora.open(strings.TrimPrefix(passwordLink, s.portal))
	nora.sees("Set your password", "nora")
	nora.fill(field("New password"), "four words make one")
	nora.fill(field("New password again"), "four words make one")
	nora.follow(button("Set password"))
	nora.sees("Your password is set")
	nora.fill(field("User ID"), "nora")
	nora.fill(field("Password"), "four words make one")
	nora.follow(button("Log In"))
	nora.sees("Hello, Nora")
	nora.follow(link("Generate key"))
	nora.fill(field("Name"), "First key")
	nora.follow(button("Next"))
	nora.click(option("Ordering API"))
	nora.click(button("Add"))
	nora.follow(button("Finish"))
	s.accepts(t, nora.key(), "ordering", "nora")

	b.open(setUp)
	b.seesNot("Set up Key Portal")
}

func TestWhoMayNotManageKeysIsOfferedNoWayToThem(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("member")
	b.follow(navigation("API Keys"))
	b.sees("Accounting", "Year-end closing")
	b.seesNot("Partner sandbox")
	b.open("/keys/1") // somebody else's
	b.answered(http.StatusForbidden)
	b.click(button("Mia Berger My Account"))
	b.follow(button("Log Out"))

	b.logIn("viewer")
	b.sees("API keys are not for your roles")
	b.follow(navigation("Users"))
	b.follow(link("viewer"))
	b.sees("User Account Details", "No API keys yet")
	for _, name := range []string{"API Keys", "Generate key"} {
		if b.has(link(name)) {
			t.Errorf("viewer is offered %s", name)
		}
	}
	b.open("/profile/security")
	b.sees("No API keys yet", "ask an administrator of Gold Client")
	for _, path := range []string{"/keys", "/keys/new", "/keys/1", "/keys/1/edit", "/keys/1/revoke"} {
		b.open(path)
		b.answered(http.StatusForbidden)
		b.sees("You may not do this")
	}
}

func TestWhatWasTypedIsKeptWhenTheSessionEnds(t *testing.T) {
	const name = "Walk through a lost session"
	s := serve(t, "demo")
	browser := chromium(t)
	b := newTab(t, browser, s.portal)
	b.logIn("member")
	b.open("/keys/new")
	b.fill(field("Name"), name)
	b.fill(field("Description"), "typed before")
	b.follow(button("Next"))
	b.click(option("Dunning API"))
	b.click(button("Add"))

	other := newTab(t, browser, s.portal)
	other.open("/")
	other.click(button("Mia Berger My Account"))
	other.follow(button("Log Out"))

	b.follow(button("Finish"))
	b.answered(http.StatusUnauthorized)
	b.sees("What you typed is kept")
	other.logIn("member")
	other.open("/keys")
	other.seesNot(name)

	b.fill(field("User ID"), "member")
	b.fill(field("Password"), samplePassword)
	b.follow(button("Log In"))
	b.sees("New API Key", "Selected API (1)")
	b.follow(button("Finish"))
	s.accepts(t, b.key(), "dunning", "member")

	other.reload()
	other.listsOnce(name)
	other.follow(link(name))
	other.sees("typed before")
}

func TestAFormThatIsSentTwiceMakesOneKey(t *testing.T) {
	s := serve(t, "demo")
	for _, script := range []struct{ disabled bool }{{false}, {true}} {
		name := fmt.Sprintf("Sent twice, JavaScript off: %t", script.disabled)
		t.Run(name, func(t *testing.T) {
			b := newTab(t, chromium(t), s.portal)
			call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: script.disabled})
			b.logIn("clientadmin")
			b.open("/keys/new")
			b.fill(field("Name"), name)
			b.follow(button("Next"))
			other := newTab(t, b.ctx, s.portal)
			other.open(b.path())
			b.loads(func() { b.clickTimes(button("Finish"), 2) })
			b.eventually("an answer to the second click", func() bool {
				text := b.text()
				return strings.Contains(text, "Save generated key") || strings.Contains(text, "This form was sent before")
			})
			other.follow(button("Finish"))
			other.sees("This form was sent before")
			other.seesNot("Save generated key")
			other.back()
			other.seesNot("Save generated key")
			b.open("/keys")
			b.listsOnce(name)
		})
	}
}

func TestAClientGetsALicenseAndIsSuspendedAndReactivated(t *testing.T) {
	s := serve(t, "demo")
	key := s.stdout.await(t, `X-Api-Key: (kp_\w+)' '\S+billing'$`)
	b := newTab(t, chromium(t), s.portal)
	b.logIn("superadmin")

	b.follow(navigation("Organizations"))
	b.follow(link("API Operations"))
	b.sees("0 of 1", "No licenses yet")
	b.follow(link("Add license"))
	b.fill(field("Number (Client ID)"), "77777777")
	b.fill(field("Domain"), "Operations")
	b.fill(field("Database"), "OPS")
	b.follow(button("Save"))
	b.sees("License 77777777", "No instances yet")
	b.fill(field("Instance Name"), "TEBE77777777A")
	b.press(kb.Enter)
	b.sees("The instance TEBE77777777A was added")
	b.follow(link("API Operations").in(element{role: "navigation", name: "Breadcrumb"}))
	b.follow(link("Applications").in(element{role: "navigation", name: "Of this client"}))
	if !b.has(link("Issue a key of Workflow for Operations")) {
		t.Errorf("no key can be issued: %s", b.text())
	}
	b.open("/organizations/4/licenses/new")
	b.sees("1 of 1 licenses are in use (77777777)")

	b.follow(navigation("Organizations"))
	b.follow(link("Gold Client"))
	b.click(button("Actions for Gold Client"))
	b.follow(link("Suspend"))
	b.fill(field("Type*"), "Gold Client")
	b.follow(button("Suspend client"))
	b.sees("Gold Client is suspended")
	s.refuses(t, key, "billing", http.StatusForbidden, "ORG_SUSPENDED")
	b.follow(button("Reactivate"))
	b.sees("Gold Client is active again")
	s.accepts(t, key, "billing", "member")
}
