//go:build !race

package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed testdata/axe.min.js
var axe string

const (
	mostBytes        = 150_000 // that a page may take at its first load, compressed
	mostSwaggerBytes = 450_000 // that the page of a section in Swagger UI may, nearly all of it Swagger UI
	phoneWidth       = 360
)

// look is a way in which a page is shown.
type look struct {
	width  int64
	scheme string
}

var looks = []look{{1280, "light"}, {1280, "dark"}, {phoneWidth, "dark"}, {phoneWidth, "light"}}

func (b *tab) takeOn(l look) {
	b.t.Helper()
	height := int64(800)
	if l.width == phoneWidth {
		height = 740
	}
	perform(b, chromedp.EmulateViewport(l.width, height))
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: l.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	b.eventually("coming to rest", func() bool {
		return evaluate[bool](b, `document.getAnimations().every((a) => a.playState === "finished") && matchMedia("(prefers-color-scheme: `+l.scheme+`)").matches`)
	})
}

// inspect checks the page as it is in every look.
func (b *tab) inspect(name string) {
	b.t.Helper()
	evaluate[chromedp.Void](b, axe)
	for _, l := range looks {
		b.takeOn(l)
		b.shot(fmt.Sprintf("%s-%d-%s", name, l.width, l.scheme))
		b.mustPassAxe(l)
		b.mustFit(l)
	}
	b.takeOn(looks[0])
}

// mustFit checks that nothing reaches out of the window, but for what scrolls by
// itself.
func (b *tab) mustFit(l look) {
	b.t.Helper()
	if wide := evaluate[int64](b, `document.documentElement.scrollWidth`); wide > l.width {
		b.t.Errorf("%s at %d px is %d px wide", b.path(), l.width, wide)
	}
	for _, out := range evaluate[[]string](b, `(() => {
		const scrolls = (e) => e && (["auto", "scroll"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
		return [...document.querySelectorAll("body *")].filter((e) => {
			const box = e.getBoundingClientRect();
			return box.width > 1 && (box.right > innerWidth + 1 || box.left < -1) && !scrolls(e);
		}).map((e) => e.outerHTML.slice(0, 200));
	})()`) {
		b.t.Errorf("%s at %d px: this reaches out of the window: %s", b.path(), l.width, out)
	}
}

// mustPassAxe runs axe with its rules for WCAG 2.2 and best practices; in the dark
// those about colors, since nothing else changes.
func (b *tab) mustPassAxe(l look) {
	b.t.Helper()
	type violation struct{ Rule, Target, Why string }
	rules := `{rules: {"target-size": {enabled: true}}, resultTypes: ["violations"]}`
	if l.scheme == "dark" {
		rules = `{runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}, resultTypes: ["violations"]}`
	}
	for _, v := range evaluate[[]violation](b, `axe.run(`+rules+`).then((result) =>
		result.violations.flatMap((v) => v.nodes.map((n) => ({rule: v.id, target: n.target.join(" "), why: n.failureSummary}))))`) {
		b.t.Errorf("%s at %d px, %s: %s at %s: %s", b.path(), l.width, l.scheme, v.Rule, v.Target, v.Why)
	}
}

// mustShowFocus goes through a page with Tab and checks that each stop can be
// seen.
func (b *tab) mustShowFocus() {
	b.t.Helper()
	type stop struct {
		Name  string
		Ring  bool
		Shown bool
		Again bool
	}
	for range farthest {
		b.press(kb.Tab)
		at := evaluate[stop](b, `(() => {
			const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
			const again = e === document.body || "walked" in e;
			e.walked = true;
			return {
				name: e.outerHTML.slice(0, 120), again,
				ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
				shown: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
			};
		})()`)
		if at.Again {
			return
		}
		if !at.Ring || !at.Shown {
			b.t.Errorf("%s: the focus can't be seen (ring %t, on screen %t) on %s", b.path(), at.Ring, at.Shown, at.Name)
		}
	}
}

var notInFileNames = regexp.MustCompile(`[^0-9A-Za-z-]+`)

func fileName(address string) string {
	return strings.Trim(notInFileNames.ReplaceAllString(address, "-"), "-")
}

// visit opens a page as if for the first time and inspects it.
func (b *tab) visit(path string, status int64) {
	b.t.Helper()
	b.open(path)
	b.answered(status)
	b.mu.Lock()
	received := b.received
	b.mu.Unlock()
	if received > mostBytesOf(path) {
		b.t.Errorf("%s takes %d bytes to load", path, received)
	}
	b.inspect(fileName(path))
	b.mustShowFocus()
}

// mostBytesOf tells how much a page may take.
func mostBytesOf(path string) int {
	if strings.HasPrefix(path, "/docs/") {
		return mostSwaggerBytes
	}
	return mostBytes
}

// withoutCache makes each page load like the first one.
func (b *tab) withoutCache() *tab {
	call(b, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	return b
}

// pages are all pages of web/routes.go: a route's path, and the addresses at
// which superadmin finds it in the sample installation. A route without any leads
// elsewhere, or is visited by a test of its own.
var pages = []struct {
	route     string
	addresses []string
}{
	{"/setup/:token", nil},
	{"/login", nil},
	{"/password/:token", nil},
	{"/", []string{"/"}},
	{"/profile", []string{"/profile"}},
	{"/profile/security", []string{"/profile/security"}},
	{"/profile/password", []string{"/profile/password"}},
	{"/account/api-key", []string{"/account/api-key"}}, // of an instance: see TestTheAPIKeyPagesAreAccessible
	{"/account/api-key/new", nil},
	{"/users", []string{"/users", "/users?q=nobody+is+called+so", "/users?organization=all&state=disabled"}},
	{"/users/new", []string{"/users/new"}},
	{"/users/:id", []string{"/users/4", "/users/2", "/users/4?action=disable"}},
	{"/users/:id/edit", []string{"/users/4/edit"}},
	{"/users/:id/memberships", nil},
	{"/users/:id/memberships/:organization", []string{"/users/4/memberships/1", "/users/4/memberships/2", "/users/4/memberships/1?action=end"}},
	{"/groups", []string{"/groups"}},
	{"/groups/new", []string{"/groups/new"}},
	{"/groups/:id", []string{"/groups/1"}},
	{"/groups/:id/edit", []string{"/groups/1/edit"}},
	{"/groups/:id/delete", []string{"/groups/1/delete"}},
	{"/roles", []string{"/roles"}},
	{"/roles/new", []string{"/roles/new"}},
	{"/roles/:id", []string{"/roles/1", "/roles/5"}},
	{"/roles/:id/edit", []string{"/roles/5/edit"}},
	{"/roles/:id/delete", []string{"/roles/5/delete"}},
	{"/api-sets", []string{"/api-sets"}},
	{"/api-sets/new", []string{"/api-sets/new"}},
	{"/api-sets/import", []string{"/api-sets/import"}}, // its steps: see apisetimport_walk_test.go
	{"/api-sets/:id", []string{"/api-sets/1"}},
	{"/api-sets/:id/edit", []string{"/api-sets/1/edit"}},
	{"/api-sets/:id/retire", []string{"/api-sets/1/retire"}},
	{"/organizations", []string{"/organizations"}},
	{"/organizations/new", []string{"/organizations/new"}},
	{"/organizations/:id", []string{"/organizations/1", "/organizations/4"}}, // with licenses and without
	{"/organizations/:id/edit", []string{"/organizations/1/edit"}},
	{"/organizations/:id/suspend", []string{"/organizations/1/suspend"}},
	{"/organizations/:id/settings", []string{"/organizations/1/settings"}},
	{"/levels", []string{"/levels"}},
	{"/levels/new", []string{"/levels/new"}},
	{"/levels/:id/edit", []string{"/levels/2/edit"}},
	{"/organizations/:id/licenses/new", []string{"/organizations/1/licenses/new", "/organizations/4/licenses/new"}}, // used up and not
	{"/licenses/:id", []string{"/licenses/1"}},
	{"/licenses/:id/edit", []string{"/licenses/1/edit"}},
	{"/licenses/:id/deactivate", []string{"/licenses/1/deactivate"}},
	{"/licenses/:id/delete", []string{"/licenses/1/delete"}}, // used; one that is not: see the states below
	{"/licenses/:id/instances/:instance/remove", []string{"/licenses/1/instances/1/remove"}},
	{"/applications", []string{"/applications"}},
	{"/applications/new", []string{"/applications/new"}},
	{"/applications/:id/edit", []string{"/applications/1/edit"}},
	{"/organizations/:id/applications", []string{"/organizations/1/applications", "/organizations/4/applications"}},
	{"/organizations/:id/applications/new", []string{"/organizations/1/applications/new"}},
	{"/keys", []string{"/keys", "/keys?q=nothing+is+called+so", "/keys?user=5"}},
	{"/keys.csv", nil},
	{"/keys/issue", []string{"/keys/issue", "/keys/issue?application=2&license=2&user=4", "/keys/issue?application=1&license=1"}}, // the last has a key already
	{"/keys/new", []string{"/keys/new", "/keys/new?name=A+key&network=10.0.0.0/8&rate_requests=100", "/keys/new?step=api-sets&name=A+key&user=1",
		"/keys/new?step=review&name=A+key&user=1&api_set=billing&can_impersonate=on&network=10.0.0.0/8+2001:db8::/32&rate_requests=100&rate_period=hour"}},
	{"/keys/:id", []string{"/keys/2", "/keys/1", "/keys/5", "/keys/6", "/keys/10", "/keys/4", "/keys/27", "/keys/19", "/keys/29"}}, // active, revoked, expired, refused, expiring, an OAuth client, not delivered yet, a pair that is rotated, one that can impersonate
	{"/keys/:id/edit", []string{"/keys/2/edit", "/keys/21/edit"}},
	{"/keys/:id/revoke", []string{"/keys/2/revoke", "/keys/16/revoke", "/keys/29/revoke"}},
	{"/keys/:id/rotate", []string{"/keys/2/rotate", "/keys/4/rotate"}},
	{"/keys/:id/retire-old", []string{"/keys/19/retire-old"}},
	{"/keys/:id/cancel-rotation", []string{"/keys/19/cancel-rotation"}},
	{"/impersonation", []string{"/impersonation", "/impersonation?q=nothing+is+called+so"}},
	{"/system-setup", []string{"/system-setup"}},
	{"/integrations/api-keys", []string{"/integrations/api-keys", "/integrations/api-keys?q=nothing+is+called+so"}},
	{"/integrations/api-keys/new", []string{"/integrations/api-keys/new"}},
	{"/integrations/data-loader-keys", []string{"/integrations/data-loader-keys"}},
	{"/integrations/data-loader-keys/new", []string{"/integrations/data-loader-keys/new"}},
	{"/keys/:id/delivery", nil},
	{"/docs", nil}, // see TestSwaggerDocsAreAccessible
	{"/docs/:section", nil},
	{"/history", []string{"/history", "/history?organization=all", "/history?organization=all&who=nobody", "/history?noun=user&id=4", "/history?noun=key&id=2"}},
	{"/history.csv", nil},
	{"/history/verify", []string{"/history/verify"}},
	{"/requests", []string{"/requests", "/requests?state=all", "/requests?q=nothing+is+called+so"}},
	{"/requests/new", []string{"/requests/new", "/requests/new?application=1&license=1"}},
	{"/requests/:id", []string{"/requests/1", "/requests/2", "/requests/3", "/requests/4", "/requests/5"}}, // declined, taken, asked, approved, open
	{"/requests/:id/approve", []string{"/requests/5/approve"}},
	{"/requests/:id/withdraw", nil},
}

func TestEveryPageIsInspected(t *testing.T) {
	table, err := os.ReadFile("../../web/routes.go")
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]bool{}
	for _, found := range regexp.MustCompile(`\{get, "([^"]+)"`).FindAllSubmatch(table, -1) {
		routes[string(found[1])] = true
	}
	for _, p := range pages {
		if !routes[p.route] {
			t.Errorf("there is no page %s", p.route)
		}
		delete(routes, p.route)
	}
	for route := range routes {
		t.Errorf("%s is not inspected: add it to pages", route)
	}
}

func TestEveryPageIsAccessible(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal).withoutCache()
	b.logIn("superadmin")
	for _, p := range pages {
		for _, address := range p.addresses {
			b.visit(address, http.StatusOK)
		}
	}
}

func TestWhatOthersThanTheSuperAdminSeeIsAccessible(t *testing.T) {
	s := serve(t, "demo")
	browser := chromium(t)
	b := newTab(t, browser, s.portal).withoutCache()
	b.logIn("support")
	for _, address := range []string{"/", "/organizations", "/keys", "/organizations/1", "/organizations/1/licenses/new", "/requests", "/requests/5", "/keys/issue?application=2&license=2&user=4"} {
		b.visit(address, http.StatusOK)
	}
	call(b, network.ClearBrowserCookies, cdp.Empty{})
	b.logIn("clientadmin")
	for _, address := range []string{"/organizations/1", "/licenses/1"} {
		b.visit(address, http.StatusOK)
	}
	call(b, network.ClearBrowserCookies, cdp.Empty{})
	b.logIn("member") // who may request API keys
	for _, address := range []string{"/organizations/1", "/organizations/1/applications"} {
		b.visit(address, http.StatusOK)
	}
	for _, member := range []string{"member", "viewer"} {
		call(b, network.ClearBrowserCookies, cdp.Empty{})
		b.logIn(member)
		for _, address := range []string{"/", "/profile", "/profile/security"} {
			b.visit(address, http.StatusOK)
		}
		b.visit("/organizations", http.StatusForbidden)
		b.visit("/users/999", http.StatusNotFound)
	}
}

func TestTheSecurityTabIsAccessibleAndEndsOtherSessions(t *testing.T) {
	s := serve(t, "demo")
	other, err := http.PostForm(s.portal+"/login", url.Values{"username": {"member"}, "password": {samplePassword}})
	if err != nil {
		t.Fatal(err)
	}
	other.Body.Close()
	b := newTab(t, chromium(t), s.portal).withoutCache()
	b.logIn("member")
	b.sees("Carla Adams generated the API key “Accounting” for you, 2 days ago.")
	b.inspect("told")
	b.follow(link("See your API keys"))
	b.sees("generated by Carla Adams", "This session", "Unknown device")
	b.inspect("security")
	b.click(button("Actions for Accounting"))
	b.inspect("security-menu")
	b.press(kb.Escape)
	b.follow(button("End session"))
	b.sees("that browser is logged out")
	b.seesNot("Unknown device")
	b.open("/")
	b.follow(button("Got it"))
	b.seesNot("Carla Adams generated")
}

func TestTheAPIKeyPagesAreAccessible(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal).withoutCache()
	b.logInTo("BE34567890", "clientadmin")
	b.visit("/account/api-key", http.StatusOK) // there is none yet
	b.visit("/account/api-key/new", http.StatusOK)
	b.follow(button("Finish"))
	b.inspect("save-client")
	b.logInTo("TEBE12345678A", "clientadmin")
	b.visit("/account/api-key", http.StatusOK)
	b.visit("/keys/4/rotate", http.StatusOK)
	on[chromedp.Void](b, b.find(button("Regenerate Secret")), `function() { this.form.noValidate = true; this.disabled = false }`)
	b.follow(button("Regenerate Secret"))
	b.inspect("refused-regenerate")
	b.pick(choice("The present secret goes on working"), "For 7 days")
	b.fill(field("Type 12345678 to confirm"), "12345678")
	b.follow(button("Regenerate Secret"))
	b.click(button("Copy to clipboard"))
	b.follow(link("Close"))
	b.inspect("rotating")
	b.visit("/keys/4", http.StatusOK)
	b.visit("/keys/4/retire-old", http.StatusOK)
}

func TestThePagesOfARequesterAreAccessible(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal).withoutCache()
	b.logInTo("BE12345678", "member")
	for _, address := range []string{"/", "/account/api-key", "/requests", "/requests/3", "/requests/3/withdraw", "/requests/4", "/requests/new?application=4&license=2",
		"/organizations/1/applications", "/keys/27/delivery"} {
		b.visit(address, http.StatusOK)
	}
	b.follow(button("Show the API key"))
	b.inspect("save-delivered")
	b.click(button("Copy to clipboard"))
	b.follow(link("Close"))
	b.visit("/keys/27/delivery", http.StatusConflict)

	b.as("support")
	b.open("/keys/27")
	b.click(button("Actions for*"))
	b.follow(button("Send its user a new secret"))
	b.inspect("sent")
	b.as("member")
	b.inspect("new-secret-waits")
	b.visit("/keys/27/delivery", http.StatusOK)
}

func TestPagesForWhoIsNotLoggedInAreAccessible(t *testing.T) {
	s := serve(t, emptySQLite(t).flags("serve")...)
	setUp := strings.TrimPrefix(s.stdout.await(t, setUpLine), s.portal)
	b := newTab(t, chromium(t), s.portal).withoutCache()
	b.visit(setUp, http.StatusOK)
	b.visit("/setup/wrong", http.StatusNotFound)
	b.visit("/password/wrong", http.StatusNotFound)
	b.visit("/login", http.StatusOK)
	b.visit("/nothing", http.StatusNotFound)
	b.open("/login")
	b.fill(field("User ID"), "nobody")
	b.fill(field("Password"), "wrong")
	b.follow(button("Log In"))
	b.inspect("login-refused")
	b.open(setUp)
	b.fill(field("Username"), "not a username")
	b.fill(field("E-mail"), "root@example.com")
	b.fill(field("Password"), "short")
	b.fill(field("Password again"), "other")
	b.follow(button("Finish"))
	b.inspect("setup-refused")
}

func TestDialogsMenusAndRefusedFormsAreAccessible(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("superadmin")

	b.open("/keys/new?step=api-sets&name=Inspected&user=1")
	b.follow(button("Finish"))
	b.inspect("save-key")
	b.press(kb.Escape)
	b.sees("You have neither copied nor downloaded")
	b.inspect("save-key-asks")
	b.follow(button("Close without saving"))
	b.click(button("Actions for Inspected"))
	b.inspect("key-menu")
	b.follow(button("Disable"))
	b.inspect("key-disabled")

	b.open("/keys/2")
	evaluate[chromedp.Void](b, `document.querySelector("main details").open = true`)
	b.inspect("key-use-table")

	b.click(button("Sofia Anders My Account"))
	b.inspect("account-menu")
	b.press(kb.Escape)
	b.click(button("People and tools"))
	b.inspect("places-menu")
	b.press(kb.Escape)
	b.click(button("Gold Client Switch organization"))
	b.inspect("organization-menu")
	b.takeOn(look{phoneWidth, "light"})
	b.press(kb.Escape)
	b.click(button("Menu"))
	b.mustPassAxe(look{phoneWidth, "light"})
	b.shot("phone-navigation")
	b.takeOn(looks[0])

	for _, form := range []struct {
		address, submit string
		typed           map[string]string
	}{
		{"/users/new", "Create", map[string]string{"Username": "member", "Email": "nobody@example.com"}},
		{"/groups/new", "Save", map[string]string{"Name": "Accounting"}},
		{"/groups/1/delete", "Delete group", map[string]string{"Type*": "wrong"}},
		{"/roles/new", "Save", map[string]string{"Name": "Finance"}},
		{"/api-sets/new", "Save", map[string]string{"Name": "Billing", "Slug": "not a slug", "Route patterns": "GET"}},
		{"/organizations/new", "Save", map[string]string{"Name": "Gold Client"}},
		{"/organizations/1/suspend", "Suspend client", map[string]string{"Type*": "wrong"}},
		{"/levels/new", "Save", map[string]string{"Name": "Gold", "Master licenses": "many"}},
		{"/organizations/4/licenses/new", "Save", map[string]string{"Number (Client ID)": "12345678", "Domain": "Gold Main"}},
		{"/licenses/1", "Add instance", map[string]string{"Instance Name": "BE4711"}},
		{"/licenses/1/deactivate", "Deactivate license", map[string]string{"Type*": "wrong"}},
		{"/applications/new", "Save", map[string]string{"Name": "Workflow"}},
		{"/requests/new", "Send request", nil},
		{"/requests/5", "Decline request", nil},
		{"/requests/5/approve", "Approve and issue", map[string]string{"Name": ""}},
		{"/keys/issue?application=2&license=2&user=4", "Issue key", map[string]string{"Name": ""}},
		{"/keys/2/rotate", "Rotate API key", nil},
		{"/profile/password", "Change password", map[string]string{"Current password": "wrong", "New password": "short", "New password again": "other"}},
		{"/keys/new", "Next", map[string]string{"Name": "Inspected"}},
		{"/users/4/memberships/1?action=end", "End membership", nil},
		{"/history/verify", "Verify", map[string]string{"Earlier heads": "nothing of the kind"}},
		{"/keys/2/revoke", "Revoke key", map[string]string{"Type*": "wrong"}},
	} {
		b.open(form.address)
		for name, text := range form.typed {
			b.fill(field(name), text)
		}
		on[chromedp.Void](b, b.find(button(form.submit)), `function() { this.form.noValidate = true; this.disabled = false }`)
		b.follow(button(form.submit))
		b.inspect("refused-" + fileName(form.address))
	}

	b.visit("/history?from=2027-02-01&to=2027-01-01", http.StatusOK)
	b.open("/history/verify")
	b.fill(field("Earlier heads"), "4711 abcd")
	b.follow(button("Verify"))
	b.inspect("history-cut-off")
	b.open("/history/verify")
	b.follow(button("Verify"))
	b.inspect("history-verified")

	v := &visitor{t: t, portal: s.portal, client: browse(t)}
	v.post("/login", url.Values{"username": {"superadmin"}, "password": {samplePassword}})
	v.post("/organizations/1/suspend", url.Values{"confirm": {"Gold Client"}})
	v.post("/licenses/2/deactivate", url.Values{"confirm": {"34567890"}})
	v.post("/applications/1/retire", url.Values{"version": {"1"}})
	v.post("/applications/5/retire", url.Values{"version": {"1"}})
	b.open("/keys/10") // whose user's membership was ended above
	b.sees("Not reached: Mia Berger is no longer a member of Gold Client.", "Roles of Mia Berger")
	b.inspect("not-reached")
	for _, address := range []string{"/organizations/1", "/organizations/1/applications", "/licenses/2", "/applications/1/edit"} {
		b.open(address)
		b.inspect("stopped-" + fileName(address))
	}

	v.post("/organizations/4/licenses", url.Values{"number": {"7"}, "domain": {"Mistyped"}, "database": {"MISTYPED"}})
	b.open("/licenses/7/delete")
	b.fill(field("Type*"), "wrong")
	on[chromedp.Void](b, b.find(button("Delete license")), `function() { this.form.noValidate = true; this.disabled = false }`)
	b.follow(button("Delete license"))
	b.inspect("refused-licenses-7-delete")

	b.open("/users/4")
	b.click(button("Actions for Mia Berger"))
	b.follow(button("Send password link"))
	b.inspect("password-link")
	passwordLink := b.value(field("Link"))
	b.visit(strings.TrimPrefix(passwordLink, s.portal), http.StatusOK)
}

// Names as people type them: long ones without a place to break, and from right
// to left.
const (
	longName  = "Wirtschaftsprüfungsgesellschaftsbuchhaltungsschnittstellenzugangsberechtigung"
	rightName = "مفتاح الفوترة לחשבוניות (2)"
)

func TestLongAndRightToLeftNamesFitAPhone(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("superadmin")
	v := &visitor{t: t, portal: s.portal, client: browse(t)}
	v.post("/login", url.Values{"username": {"superadmin"}, "password": {samplePassword}})
	v.post("/levels", url.Values{"name": {longName}, "licenses": {"2"}})
	for slug, name := range map[string]string{strings.Repeat("long", 12): longName, strings.Repeat("right", 10): rightName} {
		v.post("/organizations", url.Values{"name": {name}, "level": {"4"}})
		v.post("/organizations/4/applications", url.Values{"name": {name}, "description": {name}})
		v.post("/api-sets", url.Values{"name": {name}, "slug": {slug}, "description": {name}, "routes": {"GET /" + slug + "/{id}"}})
		v.post("/roles", url.Values{"name": {name}, "description": {name}, "authority": {"admin.keys"}, "api_set": {slug}})
		v.post("/groups", url.Values{"name": {name}, "description": {name}, "role": {"1"}, "member": {"1", "4"}})
		v.post("/users", url.Values{"username": {slug}, "first_name": {name}, "last_name": {name}, "email": {slug + "@example.com"},
			"organization": {"1"}, "all_access": {"on"}})
		v.post("/keys", url.Values{"name": {name}, "description": {name}, "user": {"1"}, "api_set": {"billing", slug}})
	}
	v.post("/organizations/4", url.Values{"name": {"API Operations"}, "level": {"4"}, "version": {"1"}})
	v.post("/organizations/4/licenses", url.Values{"number": {strings.Repeat("7", 20)}, "domain": {longName}, "database": {longName}})
	v.post("/organizations/4/licenses", url.Values{"number": {"7"}, "domain": {rightName}, "database": {rightName}})
	v.post("/licenses/7/instances", url.Values{"name": {"TEBE" + strings.Repeat("7", 20) + "A"}})
	b.takeOn(look{phoneWidth, "light"})
	for _, address := range append(namedPages(b), "/organizations/4", "/organizations/4/applications", "/organizations/4/licenses/new", "/organizations/5/suspend",
		"/licenses/7", "/licenses/7/deactivate", "/licenses/7/delete", "/licenses/8/delete", "/licenses/7/instances/9/remove", "/levels", "/organizations/5/settings") {
		b.open(address)
		b.mustFit(look{width: phoneWidth})
		b.shot(fileName(address))
	}
}

// namedPages gives the addresses of lists and of what in them has one of the
// names.
func namedPages(b *tab) []string {
	b.t.Helper()
	var addresses []string
	for _, list := range []string{"/users", "/groups", "/roles", "/api-sets", "/organizations", "/keys"} {
		b.open(list)
		addresses = append(addresses, list)
		found := evaluate[[]string](b, `[...document.querySelectorAll("td a")].filter((a) => /Wirtschaft|مفتاح|longlong|rightright/.test(a.closest("tr").textContent))
			.map((a) => a.getAttribute("href")).filter((href) => /\d/.test(href))`)
		if len(found) < 2 {
			b.t.Errorf("%s lists what was made %d times", list, len(found))
		}
		addresses = append(addresses, found...)
	}
	return addresses
}
