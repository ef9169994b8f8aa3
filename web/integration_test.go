package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

const (
	apiKeysTab    = "/integrations/api-keys"
	dataLoaderTab = "/integrations/data-loader-keys"
)

// makePair makes a key pair on a tab of Integrations, and gives its halves as the dialog
// shows them.
func (b *browser) makePair(tab, name string, edit ...func(url.Values)) (access, security string) {
	b.t.Helper()
	form := b.get(tab+"/new").expect(b.t, http.StatusOK, "API Key Name (Application)", "Expires", "Mapped User Account").form(`form[method="post"][action="` + tab + `"]`)
	form.Set("name", name)
	for _, edit := range edit {
		edit(form)
	}
	saved := b.post(tab, form).expect(b.t, http.StatusOK, "Save generated key", "Access Key", "Security Key", "Copy to clipboard", "Download")
	codes := saved.doc.Find("dialog .kp-secret code").Map(func(_ int, s *goquery.Selection) string { return s.Text() })
	if len(codes) != 2 || saved.header.Get("Cache-Control") != "no-store" {
		b.t.Fatalf("%d credentials are shown, with Cache-Control %q", len(codes), saved.header.Get("Cache-Control"))
	}
	if closing := saved.doc.Find("dialog [data-close]").AttrOr("href", ""); closing != tab {
		b.t.Errorf("closing leads to %q", closing)
	}
	if again := b.post(tab, form).expect(b.t, http.StatusSeeOther); strings.Contains(again.body, codes[1]) {
		b.t.Error("the form that is sent again shows the Security Key")
	}
	return codes[0], codes[1]
}

// pairCode gives what the check says of a key pair for Billing.
func (p *running) pairCode(access, security string) verify.Code {
	p.t.Helper()
	decision, err := verify.New(p.Store, verify.Options{}).Check(p.t.Context(), verify.Request{AccessKey: access, SecurityKey: security, APISet: p.Billing.Slug})
	if err != nil {
		p.t.Fatal(err)
	}
	return decision.Code
}

func (p *running) pairNamed(name string) portal.Key {
	p.t.Helper()
	found := p.keysNamed(name)
	if len(found) != 1 {
		p.t.Fatalf("%d keys are named %s", len(found), name)
	}
	return found[0]
}

// menu gives the entries of a row's three dots.
func (a answer) menu(key portal.Key) string {
	return strings.Join(strings.Fields(a.doc.Find("#menu-key-"+id(key.ID)).Text()), " ")
}

func TestAnAdministratorMakesEditsAndDeletesAKeyPair(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	b.get("/system-setup").expect(t, http.StatusOK, "Enterprise Features", "Integrations")
	b.get(apiKeysTab).expect(t, http.StatusOK, "No API keys yet", "Data Loader Keys")
	proposed := b.get(apiKeysTab + "/new").doc.Find("datalist option").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("value", "") })
	if !strings.Contains(strings.Join(proposed, ", "), p.Application.Name) {
		t.Errorf("proposed are %q", proposed)
	}
	access, security := b.makePair(apiKeysTab, "Nightly sync")
	if code := p.pairCode(access, security); code != "VALID" {
		t.Fatalf("the check says %s", code)
	}
	key := p.pairNamed("Nightly sync")
	if key.UserID != p.Admin.ID || key.Kind != portal.PairKey || key.DataLoader || len(key.APISets) != 3 {
		t.Errorf("made is %+v", key)
	}
	list := b.get(apiKeysTab).expect(t, http.StatusOK, "Nightly sync", "Clientadmin Person", key.ShortPublicID(), "never", "Active")
	if menu := list.menu(key); menu != "View Edit API Key Delete API Key" {
		t.Errorf("the three dots offer %q", menu)
	}
	b.get(dataLoaderTab).expect(t, http.StatusOK, "No Data Loader keys yet")

	edit := b.get("/keys/"+id(key.ID)+"/edit").expect(t, http.StatusOK, "Edit API Key", "As it is: never").form(`form[method="post"][action="/keys/` + id(key.ID) + `"]`)
	edit.Set("name", p.Application.Name)
	edit.Set("user", id(p.Member.ID))
	b.post("/keys/"+id(key.ID), edit).expect(t, http.StatusUnprocessableEntity, "The roles of the key's user don't allow the API set “revenue-management API”")
	edit["api_set"] = []string{"billing"}
	edit.Set("expiry", "30")
	b.post("/keys/"+id(key.ID), edit).expect(t, http.StatusSeeOther)
	key = p.pairNamed(p.Application.Name)
	if key.UserID != p.Member.ID || key.ApplicationID != p.Application.ID || key.ExpiresAt.Before(storetest.Of(p.Store).Clock.Now().Add(30*24*time.Hour)) {
		t.Errorf("edited it is %+v", key)
	}
	if decision, err := verify.New(p.Store, verify.Options{}).Check(t.Context(), verify.Request{AccessKey: access, SecurityKey: security, APISet: "billing"}); err != nil || decision.Subject.UserID != p.Member.ID {
		t.Errorf("the next check says %+v, %v", decision, err)
	}

	confirm := "/keys/" + id(key.ID) + "/revoke"
	page := b.get(confirm).expect(t, http.StatusOK, "Delete API Key", "Last used", "What will stop", access, p.Application.Name)
	if red := page.doc.Find("main form button.btn-danger").Text(); strings.TrimSpace(red) != "Delete API Key" {
		t.Errorf("the red button says %q", red)
	}
	b.post(confirm, url.Values{"confirm": {"wrong"}}).expect(t, http.StatusUnprocessableEntity, "Delete API Key")
	b.post(confirm, url.Values{"confirm": {key.Name}}).expect(t, http.StatusSeeOther, apiKeysTab)
	if code := p.pairCode(access, security); code != "REVOKED" {
		t.Errorf("deleted, the check says %s", code)
	}
	if gone := b.get(apiKeysTab).expect(t, http.StatusOK, "is deleted: it is refused from the next check on"); strings.Contains(gone.doc.Find("#keys").Text(), key.Name) {
		t.Error("the list has the deleted key still")
	}
	if menu := b.get(apiKeysTab+"?state=revoked").expect(t, http.StatusOK, key.Name).menu(key); menu != "View" {
		t.Errorf("the three dots of a deleted key offer %q", menu)
	}
	b.get("/keys/"+id(key.ID)).expect(t, http.StatusOK, "This key was deleted on")
}

func TestAUserMakesKeyPairsForThemselvesAlone(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	page := b.get(apiKeysTab+"/new").expect(t, http.StatusOK, "Member Person", "You can only make keys for yourself")
	if page.count("select[name=user]") > 0 || strings.Contains(page.text(), "revenue-management") {
		t.Error("others, or API sets that the roles don't allow, are offered")
	}
	access, security := b.makePair(apiKeysTab, "My own")
	if code := p.pairCode(access, security); code != "VALID" {
		t.Errorf("the check says %s", code)
	}
	refused := b.post(apiKeysTab, url.Values{"name": {"For another"}, "user": {id(p.Admin.ID)}})
	refused.expect(t, http.StatusForbidden, "Manage API Keys")
	p.as(p.Admin).makePair(apiKeysTab, "The admin's")
	if list := b.get(apiKeysTab).expect(t, http.StatusOK, "My own"); strings.Contains(list.text(), "The admin's") {
		t.Error("the keys of others are listed")
	}
	p.as(p.Colleague).get("/keys/"+id(p.pairNamed("My own").ID)+"/edit").expect(t, http.StatusForbidden)
	p.as(p.Stranger).get("/keys/"+id(p.pairNamed("My own").ID)).expect(t, http.StatusNotFound)
}

func TestADataLoaderKeyIsForAYearAndOnlyItsExpiryCanBeChanged(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	form := b.get(dataLoaderTab + "/new").form(`form[method="post"][action="` + dataLoaderTab + `"]`)
	if form.Get("name") != portal.DataLoader || form.Get("expiry") != "365" {
		t.Errorf("the form begins with %v", form)
	}
	access, security := b.makePair(dataLoaderTab, "Loads at night")
	key := p.pairNamed("Loads at night")
	if year := key.ExpiresAt.Sub(storetest.Of(p.Store).Clock.Now()); !key.DataLoader || year < 365*24*time.Hour || year > 366*24*time.Hour {
		t.Errorf("made is %+v, which lives for %s", key, year)
	}
	if list := b.get(apiKeysTab); strings.Contains(list.text(), key.Name) {
		t.Error("the key is on the other tab too")
	}
	b.get(dataLoaderTab).expect(t, http.StatusOK, key.Name, portal.DataLoader)
	path := "/keys/" + id(key.ID)
	edit := b.get(path+"/edit").expect(t, http.StatusOK, "only the expiry can be changed").form(`form[method="post"][action="` + path + `"]`)
	if edit.Has("name") || edit.Has("user") || edit.Has("api_set") {
		t.Errorf("the form asks for more than the expiry: %v", edit)
	}
	edit.Set("expiry", "never")
	b.post(path, edit).expect(t, http.StatusSeeOther)
	now := p.pairNamed("Loads at night")
	if !now.ExpiresAt.IsZero() || len(now.APISets) != len(key.APISets) || now.UserID != key.UserID || p.pairCode(access, security) != "VALID" {
		t.Errorf("edited it is %+v", now)
	}
	edit.Set("version", id(now.Version))
	edit.Set("user", id(p.Member.ID))
	b.post(path, edit).expect(t, http.StatusConflict, "only the expiry can be changed")
}

func TestAnExpiredKeyIsRenewedByWhoMayEditIt(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	access, security := b.makePair(apiKeysTab, "Runs out", func(form url.Values) { form.Set("expiry", "30") })
	key := p.pairNamed("Runs out")
	if early := b.get("/").expect(t, http.StatusOK); strings.Contains(early.text(), "Expires soon") {
		t.Error("a key that has more than 30 days left expires soon")
	}
	clock := storetest.Of(p.Store).Clock
	clock.Advance(2 * 24 * time.Hour)
	b = p.as(p.Member)
	b.get("/").expect(t, http.StatusOK, "Expires soon", "Runs out", "Renew")
	if soon := b.get("/keys?state=expiring").expect(t, http.StatusOK, "Runs out"); strings.Contains(soon.doc.Find("#keys").Text(), p.Key.Name) {
		t.Error("what does not expire soon is listed")
	}
	clock.Advance(key.ExpiresAt.Sub(clock.Now()))
	b = p.as(p.Member)
	if code := p.pairCode(access, security); code != "EXPIRED" {
		t.Fatalf("the check says %s", code)
	}
	path := "/keys/" + id(key.ID)
	edit := b.get(path+"/edit").expect(t, http.StatusOK, "As it is: expired on").form(`form[method="post"][action="` + path + `"]`)
	edit.Set("name", "Ran out")
	b.post(path, edit).expect(t, http.StatusSeeOther)
	if code := p.pairCode(access, security); code != "EXPIRED" {
		t.Errorf("renamed, the check says %s", code)
	}
	edit = b.get(path + "/edit").form(`form[method="post"][action="` + path + `"]`)
	edit.Set("expiry", "90")
	b.post(path, edit).expect(t, http.StatusSeeOther)
	if code := p.pairCode(access, security); code != "VALID" {
		t.Errorf("renewed, the check says %s", code)
	}
}

func TestADayEndsInTheTimeZoneThatTheFormWasFilledInFor(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	for i, test := range []struct{ zone, want string }{
		{"Asia/Tokyo", "2099-01-31T14:59:59Z"}, {"America/New_York", "2099-02-01T04:59:59Z"}, {"", "2099-01-31T23:59:59Z"},
		{"Nowhere/Land", "2099-01-31T23:59:59Z"}, {"Local", "2099-01-31T23:59:59Z"}, {"../../etc/passwd", "2099-01-31T23:59:59Z"},
	} {
		name := "zonetest" + string(rune('A'+i))
		b.makePair(apiKeysTab, name, func(form url.Values) {
			form.Set("expiry", "date")
			form.Set("expires", "2099-01-31")
			form.Set("zone", test.zone)
		})
		if got := p.pairNamed(name).ExpiresAt.Format(time.RFC3339); got != test.want {
			t.Errorf("in %q it ends at %s, want %s", test.zone, got, test.want)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+apiKeysTab+"/new", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.AddCookie(&http.Cookie{Name: "zone", Value: "Asia%2FTokyo"})
	b.send(request).expect(t, http.StatusOK, "The key works to the end of that day (Asia/Tokyo)")
	form := b.get(apiKeysTab + "/new").form(`form[method="post"][action="` + apiKeysTab + `"]`)
	form.Set("name", "No date")
	for _, test := range []struct{ expiry, expires, says string }{
		{"date", "", "Enter a date like 2027-01-31"}, {"date", "31.1.2099", "Enter a date like 2027-01-31"}, {"date", "2001-01-31", "must be in the future"},
		{"0", "", "Choose when the key expires"}, {"-5", "", "Choose when the key expires"}, {"soon", "", "Choose when the key expires"}, {"99999999999999999999", "", "Choose when the key expires"},
	} {
		form.Set("expiry", test.expiry)
		form.Set("expires", test.expires)
		b.post(apiKeysTab, form).expect(t, http.StatusUnprocessableEntity, test.says)
	}
}

func TestTheSecurityKeyIsShownAgainWhereTheOrganizationAllowsIt(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	storetest.Change(t, p.Store, func(c *store.Change) error {
		shut := p.Organization
		shut.SecretViewing = false
		return c.UpdateOrganization(t.Context(), shut)
	})
	b := p.visitor()
	b.post("/login", url.Values{"username": {p.Member.Username}, "password": {password}}).expect(t, http.StatusSeeOther)
	_, hidden := b.makePair(apiKeysTab, "Hidden")
	path := func(name string) string { return "/keys/" + id(p.pairNamed(name).ID) }
	page := b.get(path("Hidden")).expect(t, http.StatusOK, "Access Key", p.pairNamed("Hidden").PublicID, "can't be shown again")
	if strings.Contains(page.body, hidden) || page.count(`form[action$="/secret"]`) > 0 {
		t.Error("the Security Key is shown, or offered")
	}
	b.post(path("Hidden")+"/secret", url.Values{"current": {password}}).expect(t, http.StatusConflict, "can't be viewed")

	storetest.Change(t, p.Store, func(c *store.Change) error {
		open, err := c.Organization(t.Context(), p.Organization.ID)
		open.SecretViewing = true
		if err != nil {
			return err
		}
		return c.UpdateOrganization(t.Context(), open)
	})
	_, security := b.makePair(apiKeysTab, "Kept")
	if page := b.get(path("Kept")).expect(t, http.StatusOK, "Show Security Key"); strings.Contains(page.body, security) {
		t.Error("the page shows the Security Key by itself")
	}
	if shown := b.post(path("Kept")+"/secret", nil).expect(t, http.StatusOK, "This viewing is in the history"); !strings.Contains(shown.body, security) || shown.header.Get("Cache-Control") != "no-store" {
		t.Error("the Security Key is not shown, or may be stored")
	}
	storetest.Of(p.Store).Clock.Advance(5 * time.Minute)
	if refused := b.post(path("Kept")+"/secret", url.Values{"current": {"wrong"}}).expect(t, http.StatusUnprocessableEntity, "not your current password"); strings.Contains(refused.body, security) {
		t.Error("it is shown without the password")
	}
	if shown := b.post(path("Kept")+"/secret", url.Values{"current": {password}}).expect(t, http.StatusOK, "viewed the secret"); !strings.Contains(shown.body, security) {
		t.Error("it is not shown after the password")
	}
	for what, other := range map[string]portal.User{"a colleague": p.Colleague, "support": p.Support} {
		if got := p.as(other).post(path("Kept")+"/secret", nil); got.status != http.StatusForbidden || strings.Contains(got.body, security) {
			t.Errorf("%s: status %d", what, got.status)
		}
	}
	if strings.Contains(p.Log.String(), security) {
		t.Error("the Security Key is in the log")
	}
}

func TestARotationIsCanceled(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	made := b.post(rotation(p), url.Values{"grace": {"24h0m0s"}, "confirm": {p.Key.Name}}).expect(t, http.StatusOK).doc.Find(".kp-secret code").Text()
	path := "/keys/" + id(p.Key.ID) + "/cancel-rotation"
	form := b.get(path).expect(t, http.StatusOK, "Cancel the rotation", "New secret", "Old secret", "Type "+p.Key.Name).form("form[data-confirm]")
	b.post(path, form).expect(t, http.StatusUnprocessableEntity, "Cancel the rotation")
	b.post(path, url.Values{"confirm": {p.Key.Name}}).expect(t, http.StatusConflict, "changed by someone else")
	if !p.works(made) {
		t.Error("the new secret stops without its key's name")
	}
	b.post(path, with(form, "confirm", p.Key.Name)).expect(t, http.StatusSeeOther)
	storetest.Of(p.Store).Clock.Advance(48 * time.Hour)
	if p.works(made) || !p.works(p.Secret.Reveal()) {
		t.Error("the new secret works on, or the old one has stopped")
	}
	b = p.as(p.Member)
	b.post(path, url.Values{"confirm": {p.Key.Name}}).expect(t, http.StatusSeeOther)
	b.get("/keys/"+id(p.Key.ID)).expect(t, http.StatusOK, "There is no rotation to cancel")
}

func TestAFormAboutARotationEndsNoOtherSecretThanItShowed(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	opened := b.get(rotation(p)).expect(t, http.StatusOK).form("form[data-confirm]")
	opened.Set("grace", "1h0m0s")
	opened.Set("confirm", p.Key.Name)
	again := b.get(rotation(p)).form("form[data-confirm]")
	again.Set("grace", "1h0m0s")
	again.Set("confirm", p.Key.Name)
	second := b.post(rotation(p), opened).expect(t, http.StatusOK, "Save generated key").doc.Find(".kp-secret code").Text()
	b.post(rotation(p), again).expect(t, http.StatusConflict, "Somebody else gave this API key a new secret")
	again.Del("secret")
	b.post(rotation(p), again).expect(t, http.StatusConflict, "changed by someone else")
	if !p.works(p.Secret.Reveal()) || !p.works(second) {
		t.Fatal("a stale form ended a secret")
	}
	ends := map[string]url.Values{}
	for _, end := range []string{"retire-old", "cancel-rotation"} {
		ends[end] = with(b.get("/keys/"+id(p.Key.ID)+"/"+end).form("form[data-confirm]"), "confirm", p.Key.Name)
	}
	latest := b.get(rotation(p)).form("form[data-confirm]")
	latest.Set("grace", "1h0m0s")
	third := b.post(rotation(p), with(latest, "confirm", p.Key.Name)).expect(t, http.StatusOK).doc.Find(".kp-secret code").Text()
	for end, form := range ends {
		b.post("/keys/"+id(p.Key.ID)+"/"+end, form).expect(t, http.StatusConflict, "changed by someone else")
	}
	if !p.works(second) || !p.works(third) {
		t.Error("a form that saw other secrets ended one")
	}
}

func TestAStaleEditTakesNoRemappingBack(t *testing.T) {
	p := startPortal(t)
	b, path := p.as(p.Admin), "/keys/"+id(p.Key.ID)
	edit := func() url.Values {
		return b.get(path+"/edit").expect(t, http.StatusOK).form(`form[method="post"][action="` + path + `"]`)
	}
	stale, remap := edit(), edit()
	remap.Set("user", id(p.Colleague.ID))
	remap.Set("expiry", "30")
	b.post(path, remap).expect(t, http.StatusSeeOther)
	stale.Set("name", "Renamed")
	shown := b.post(path, stale).expect(t, http.StatusConflict, "What is there now", "Mapped user", "Colleague Person", "Expires")
	again := shown.form(`form[method="post"][action="` + path + `"]`)
	b.post(path, again).expect(t, http.StatusSeeOther)
	if now := p.pairNamed("Renamed"); now.UserID != p.Colleague.ID || now.ExpiresAt.After(p.Key.ExpiresAt) {
		t.Errorf("after saving again it is %+v", now)
	}
}

func TestAKeyOfAUserWhoHasLeftIsEditedWithoutRemappingIt(t *testing.T) {
	p := startPortal(t)
	b, path := p.as(p.Admin), "/keys/"+id(p.Key.ID)
	address := membershipAddress(p.Member, p.Organization)
	b.post(address, b.get(address+"?action=end").form("form[action$='"+address+"']")).expect(t, http.StatusSeeOther)
	edit := b.get(path+"/edit").expect(t, http.StatusOK).form(`form[method="post"][action="` + path + `"]`)
	if edit.Get("user") != id(p.Member.ID) {
		t.Fatalf("the form begins with user %q", edit.Get("user"))
	}
	edit.Set("description", "Renewed when the user is back")
	b.post(path, edit).expect(t, http.StatusSeeOther)
	b.get(path).expect(t, http.StatusOK, "Renewed when the user is back", "is no longer a member of Gold Client")
}

func TestAnotherSitesLinkFillsInNoForm(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/keys/"+id(p.Key.ID)+"/edit?version="+id(p.Key.Version)+"&user="+id(p.Colleague.ID)+"&name=Lured", nil)
	if err != nil {
		t.Fatal(err)
	}
	filled := func() url.Values {
		return b.send(request.Clone(t.Context())).expect(t, http.StatusOK).form("main form[method=post]")
	}
	if got := filled(); got.Get("name") != "Lured" {
		t.Fatalf("the portal's own address fills in %v", got)
	}
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := filled(); got.Get("name") != p.Key.Name || got.Get("user") != id(p.Member.ID) {
		t.Errorf("another site's link fills in %v", got)
	}
}

func TestADataLoaderKeyNeedsAnAPISet(t *testing.T) {
	p := startPortal(t)
	p.as(p.Admin).post(dataLoaderTab, url.Values{"name": {"Bare"}, "user": {id(p.Member.ID)}, "expiry": {"365"}}).expect(t, http.StatusUnprocessableEntity, "Select an API set")
}

func TestWhoMayOnlySeeTheirKeysIsLedToTheirSecurityTab(t *testing.T) {
	p := startPortal(t)
	storetest.Key(t, p.Store, portal.Membership{OrganizationID: p.Organization.ID, UserID: p.Nobody.ID}, func(k *portal.Key) { k.ExpiresAt = p.Store.Now().Add(24 * time.Hour) })
	b := p.as(p.Nobody)
	b.get("/").expect(t, http.StatusOK, "Expires soon").doc.Find("main a[href]").Each(func(_ int, a *goquery.Selection) {
		if got := b.get(a.AttrOr("href", "")); got.status != http.StatusOK {
			t.Errorf("the overview leads to %s, which is answered %d", a.AttrOr("href", ""), got.status)
		}
	})
}

func TestAnOrganizationDemandsAnExpiryInItsSettings(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	path := "/organizations/" + id(p.Organization.ID) + "/settings"
	form := b.get(path).expect(t, http.StatusOK, "API keys must expire", "Longest lifetime in days").form(`form[method="post"][action="` + path + `"]`)
	form.Set("expiry_max_days", "45")
	b.post(path, form).expect(t, http.StatusUnprocessableEntity, "A limit needs every API key to expire")
	form.Set("expiry_required", "on")
	for _, wrong := range []string{"-1", "0", "many", "1.5", "4000"} {
		form.Set("expiry_max_days", wrong)
		if kept := b.post(path, form).expect(t, http.StatusUnprocessableEntity, "Enter a whole number of days"); kept.form(`form[method="post"][action="`+path+`"]`).Get("expiry_max_days") != wrong {
			t.Errorf("%q is not kept", wrong)
		}
	}
	form.Set("expiry_max_days", "45")
	b.post(path, form).expect(t, http.StatusSeeOther)
	choice := b.get(apiKeysTab + "/new").doc.Find("select[name=expiry] option").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("value", "") })
	if strings.Join(choice, " ") != "30 45 date" {
		t.Errorf("to choose from are %q", choice)
	}
	b.makePair(apiKeysTab, "To the last day")
	b.post(apiKeysTab, url.Values{"name": {"For good"}, "user": {id(p.Admin.ID)}, "expiry": {"never"}}).expect(t, http.StatusUnprocessableEntity, "demands an expiry")
	b.post(apiKeysTab, url.Values{"name": {"For long"}, "user": {id(p.Admin.ID)}, "expiry": {"47"}}).expect(t, http.StatusUnprocessableEntity, "45 days at most")
}
