package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// names gives the names in the first column of a page's table.
func names(a answer) []string {
	return a.doc.Find("main tbody tr td:first-child .kp-title-link").Map(func(_ int, link *goquery.Selection) string { return link.Text() })
}

// addKeys gives the admin and the colleague keys beside the member's one.
func (p *running) addKeys() (admins, colleagues portal.Key) {
	of := func(user portal.User) portal.Membership {
		membership, err := p.Store.Membership(p.t.Context(), p.Organization.ID, user.ID)
		if err != nil {
			p.t.Fatal(err)
		}
		return membership
	}
	admins, _ = storetest.Key(p.t, p.Store, of(p.Admin), func(k *portal.Key) {
		k.Name, k.APISets, k.Enabled = "Data Loader", []portal.APISet{p.Dunning, p.Revenue}, false
	})
	colleagues, _ = storetest.Key(p.t, p.Store, of(p.Colleague), func(k *portal.Key) {
		k.Name, k.Description, k.APISets, k.ExpiresAt = "Old ERP", "Partner's sandbox", []portal.APISet{p.Billing}, p.Store.Now().Add(-time.Hour)
	})
	return admins, colleagues
}

func TestTheListOfKeysIsSearchedFilteredAndSortedByItsAddress(t *testing.T) {
	p := startPortal(t)
	p.addKeys()
	b := p.as(p.Admin)
	for query, want := range map[string][]string{
		"":                                {"Data Loader", "Integration", "Old ERP"},
		"?sort=-name":                     {"Old ERP", "Integration", "Data Loader"},
		"?sort=user":                      {"Data Loader", "Old ERP", "Integration"},
		"?q=sandbox":                      {"Old ERP"},
		"?q=COLLEAGUE":                    {"Old ERP"},
		"?q=" + p.Key.Masked[6:]:          {"Integration"},
		"?state=disabled":                 {"Data Loader"},
		"?state=expired":                  {"Old ERP"},
		"?state=active":                   {"Integration"},
		"?state=revoked":                  nil,
		"?api_set=billing":                {"Integration", "Old ERP"},
		"?api_set=billing&state=expired":  {"Old ERP"},
		"?user=me":                        {"Data Loader"},
		"?user=" + id(p.Member.ID):        {"Integration"},
		"?user=me&api_set=dunning&q=load": {"Data Loader"},
	} {
		page := b.get("/keys"+query).expect(t, http.StatusOK, "API Keys")
		if got := names(page); !slices.Equal(got, want) {
			t.Errorf("%s lists %v, want %v", query, got, want)
		}
		if len(want) == 0 && !strings.Contains(page.text(), "Clear filters") {
			t.Errorf("%s finds nothing and does not offer to clear the filters", query)
		}
	}
	b.get("/keys?api_set=nowhere").expect(t, http.StatusNotFound, "API set")
	b.get("/keys?user=nobody").expect(t, http.StatusNotFound, "user")
}

func TestTheListOfKeysIsReadPageByPage(t *testing.T) {
	p := startPortal(t)
	p.manyKeys(portal.PageSize + 5)
	b := p.as(p.Admin)
	first := b.get("/keys?sort=-name&api_set=billing").expect(t, http.StatusOK)
	next, _ := first.doc.Find("a[rel=next]").Attr("href")
	second := b.get(next).expect(t, http.StatusOK)
	seen := map[string]bool{}
	for _, name := range slices.Concat(names(first), names(second)) {
		seen[name] = true
	}
	if len(names(first)) != portal.PageSize || len(seen) != portal.PageSize+6 {
		t.Errorf("%d keys on the first page, %d in all", len(names(first)), len(seen))
	}
	if !strings.Contains(next, "api_set=billing") || !strings.Contains(next, "sort=-name") {
		t.Errorf("the next page is %s", next)
	}
	b.get("/keys?after=junk").expect(t, http.StatusUnprocessableEntity, "Start from its first page")
}

// manyKeys gives the member keys for Billing.
func (p *running) manyKeys(count int) {
	p.t.Helper()
	storetest.Change(p.t, p.Store, func(c *store.Change) error {
		for i := range count {
			key := p.Key
			key.Name = fmt.Sprintf("Key %04d", i)
			if _, err := c.InsertKey(p.t.Context(), key, portal.Secret{Hash: fmt.Appendf(nil, "%032d", i), Masked: "kp_…"}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestWhoManagesOnlyTheirOwnKeysSeesNoOthers(t *testing.T) {
	p := startPortal(t)
	admins, colleagues := p.addKeys()
	b := p.as(p.Member)
	page := b.get("/keys").expect(t, http.StatusOK)
	if got := names(page); !slices.Equal(got, []string{"Integration"}) {
		t.Errorf("listed are %v", got)
	}
	if page.doc.Find("select[name=user]").Length() != 0 {
		t.Error("a filter by user is offered")
	}
	b.get("/keys?user="+id(p.Admin.ID)).expect(t, http.StatusForbidden, "View API Keys")
	for _, key := range []portal.Key{admins, colleagues} {
		for _, path := range []string{"", "/edit", "/revoke"} {
			b.get("/keys/"+id(key.ID)+path).expect(t, http.StatusForbidden)
		}
	}
}

func TestALookerOnSeesKeysAndChangesNone(t *testing.T) {
	p := startPortal(t)
	viewer := storetest.Role(t, p.Store, p.Organization, []portal.Authority{portal.ViewAPIKeys})
	reader := storetest.User(t, p.Store)
	storetest.Member(t, p.Store, p.Organization, reader, viewer)
	b := p.as(reader)
	page := b.get("/keys").expect(t, http.StatusOK, "Integration", "View")
	for _, change := range []string{"table form", "table a[href$='/edit']", "table a[href$='/revoke']", "a[href^='/keys/new']"} {
		if page.doc.Find(change).Length() != 0 {
			t.Errorf("%s is offered", change)
		}
	}
	key := b.get("/keys/"+id(p.Key.ID)).expect(t, http.StatusOK, p.Key.Masked)
	if key.doc.Find("main form").Length() != 0 {
		t.Error("the key's page offers to change it")
	}
	b.post("/keys/"+id(p.Key.ID)+"/disable", nil).expect(t, http.StatusForbidden)
}

func TestAListWithoutKeysOffersToGenerateOne(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Colleague)
	page := b.get("/keys").expect(t, http.StatusOK, "No API keys yet")
	if got := page.doc.Find("main .btn-primary").Length(); got != 1 {
		t.Errorf("%d primary buttons", got)
	}
	p.as(p.Admin).get("/keys?q=zzz").expect(t, http.StatusOK, "No API key found", "Clear filters")
}

func TestStaffInNoOrganizationChooseOneFirst(t *testing.T) {
	p := startPortal(t)
	p.Organization.ID = 0
	b := p.as(p.Support)
	for _, path := range []string{"/keys", "/keys/new", "/keys/new?name=X&step=review"} {
		if page := b.get(path); !strings.Contains(page.text(), "Choose an organization") {
			t.Errorf("%s says %.300s", path, page.text())
		}
	}
	b.post("/keys", url.Values{"name": {"X"}})
	b.get("/keys.csv").expect(t, http.StatusConflict)
	if count := len(p.keysNamed("")); count != 1 {
		t.Errorf("%d keys are there", count)
	}
}

func TestWhileThereIsNoOrganizationPagesTellHowToGetOne(t *testing.T) {
	p := startEmptyPortal(t, storetest.SQLite(t))
	person := func(name string, staff portal.Staff) portal.User {
		return storetest.User(t, p.Store, func(u *portal.User) { u.Username, u.Staff, u.PasswordExpired, u.Locked = name, staff, false, false })
	}
	for name, test := range map[string]struct {
		user  portal.User
		title string
		ways  int // to create an organization
		paths []string
	}{
		"a super admin": {person("root", portal.SuperAdmin), "There is no organization yet", 1, []string{"/", "/keys", "/keys/new", "/keys/issue", "/account/api-key"}},
		"support":       {person("support", portal.Support), "There is no organization yet", 0, []string{"/", "/keys", "/account/api-key"}},
		"somebody else": {person("member", portal.NotStaff), "You are in no organization", 0, []string{"/", "/account/api-key"}},
	} {
		b := p.as(test.user)
		for _, path := range test.paths {
			page := b.get(path).expect(t, http.StatusOK, test.title)
			if strings.Contains(page.text(), "at the top of the page") {
				t.Errorf("%s is sent to the top of the page %s, where there is nothing", name, path)
			}
			if got := page.doc.Find("main a.btn-primary[href='/organizations/new']").Length(); got != test.ways {
				t.Errorf("%s is offered %d ways to create an organization on %s, want %d", name, got, path, test.ways)
			}
		}
	}
}

func TestTheOverviewAsksStaffToChooseAnOrganization(t *testing.T) {
	p := startPortal(t)
	p.Organization.ID = 0
	for _, path := range []string{"/", "/account/api-key"} {
		p.as(p.Support).get(path).expect(t, http.StatusOK, "Choose an organization", "at the top of the page")
	}
}

func TestAKeysPageSaysWhatItReachesAndWhyNot(t *testing.T) {
	p := startPortal(t)
	granted, err := p.Store.Key(t.Context(), p.Key.ID)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Change(t, p.Store, func(c *store.Change) error {
		granted.APISets = []portal.APISet{p.Billing, p.Dunning, p.Revenue}
		if err := c.UpdateKey(t.Context(), granted); err != nil {
			return err
		}
		p.Dunning.RetiredAt = c.Now()
		return c.UpdateAPISet(t.Context(), p.Dunning)
	})
	b := p.as(p.Member)
	b.get("/keys/"+id(p.Key.ID)).expect(t, http.StatusOK, "Integration", p.Key.Masked, "Active", "billing API", "never",
		"Not reached: this API set was retired.", "Not reached: no role of Member Person allows it.", "a role with the API set, or All Access", "History")

	storetest.Change(t, p.Store, func(c *store.Change) error {
		user, err := c.User(t.Context(), p.Member.ID)
		if err != nil {
			return err
		}
		user.Locked = true
		return c.UpdateUser(t.Context(), user)
	})
	p.as(p.Admin).get("/keys/"+id(p.Key.ID)).expect(t, http.StatusOK, "This key is refused at present: the account of Member Person is locked. An administrator can unlock it.")
}

func TestAKeyIsEdited(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	path := "/keys/" + id(p.Key.ID)
	form := b.get(path+"/edit").expect(t, http.StatusOK, "Edit API Key").form("main form")
	if form.Get("name") != "Integration" || form.Get("api_set") != "billing" {
		t.Fatalf("the form begins with %v", form)
	}
	form.Set("name", "Ledger sync")
	form["api_set"] = []string{"dunning"}
	if saved := b.post(path, form).expect(t, http.StatusSeeOther); saved.location != path {
		t.Errorf("led to %s", saved.location)
	}
	b.get(path).expect(t, http.StatusOK, "Ledger sync", "dunning API", "The API key was saved", "edited")

	form.Set("version", id(p.Key.Version+1))
	form.Set("name", "")
	b.post(path, form).expect(t, http.StatusUnprocessableEntity, "Enter a name.")
	form.Set("name", "Fine")
	form["api_set"] = []string{"dunning", "revenue-management"}
	b.post(path, form).expect(t, http.StatusUnprocessableEntity, "don't allow the API set “revenue-management API”")
}

func TestAnAPISetThatIsNoLongerOfferedStaysWithItsKey(t *testing.T) {
	p := startPortal(t)
	storetest.Change(t, p.Store, func(c *store.Change) error {
		p.Billing.RetiredAt = c.Now()
		return c.UpdateAPISet(t.Context(), p.Billing)
	})
	b := p.as(p.Member)
	path := "/keys/" + id(p.Key.ID)
	form := b.get(path+"/edit").expect(t, http.StatusOK, "billing API (retired)").form("main form")
	form.Set("description", "Another text")
	b.post(path, form).expect(t, http.StatusSeeOther)
	if key, err := p.Store.Key(t.Context(), p.Key.ID); err != nil || len(key.APISets) != 1 {
		t.Errorf("the key has %v, %v", key.APISets, err)
	}
}

func TestAStaleFormIsRefusedWithWhatIsThereNow(t *testing.T) {
	p := startPortal(t)
	member, admin := p.as(p.Member), p.as(p.Admin)
	path := "/keys/" + id(p.Key.ID)
	stale := member.get(path + "/edit").form("main form")
	fresh := admin.get(path + "/edit").form("main form")
	fresh.Set("description", "The admin's text")
	admin.post(path, fresh).expect(t, http.StatusSeeOther)

	stale.Set("description", "The member's text")
	refused := member.post(path, stale).expect(t, http.StatusConflict, "changed by someone else", "What is there now", "The admin's text")
	again := refused.form("main form")
	if again.Get("description") != "The member's text" {
		t.Errorf("the description is %q again", again.Get("description"))
	}
	member.post(path, again).expect(t, http.StatusSeeOther)
}

func TestAFormThatIsOpenWhileItsKeyIsRevokedChangesNothing(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	path := "/keys/" + id(p.Key.ID)
	form := b.get(path + "/edit").form("main form")
	b.post(path+"/revoke", url.Values{"confirm": {"Integration"}}).expect(t, http.StatusSeeOther)
	form.Set("description", "Typed meanwhile")
	refused := b.post(path, form).expect(t, http.StatusConflict, "This API key was revoked. That is final: nothing was saved.")
	if got := refused.form("main form").Get("description"); got != "Typed meanwhile" {
		t.Errorf("the description is %q again", got)
	}
	if refused.doc.Find("main form button[type=submit]").Length() != 0 {
		t.Error("a revoked key can be saved")
	}
	for _, action := range []string{"/enable", "/disable"} {
		b.post(path+action, nil).expect(t, http.StatusConflict, "revoked")
	}
	b.post(path+"/revoke", url.Values{"confirm": {"Integration"}}).expect(t, http.StatusSeeOther)
}

func TestAKeyIsDisabledAndEnabledAgain(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	path := "/keys/" + id(p.Key.ID)
	if done := b.post(path+"/disable", url.Values{"back": {"/keys?state=active"}}).expect(t, http.StatusSeeOther); done.location != "/keys?state=active" {
		t.Errorf("led to %s", done.location)
	}
	b.get(path).expect(t, http.StatusOK, "Integration is disabled: it is refused from the next check on.", "Disabled", "Enable")
	if done := b.post(path+"/enable", url.Values{"back": {"//evil.example/"}}).expect(t, http.StatusSeeOther); done.location != path {
		t.Errorf("led to %s", done.location)
	}
	b.get(path).expect(t, http.StatusOK, "Integration is enabled", "Active")
}

func TestAKeyIsRevokedForGood(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	path := "/keys/" + id(p.Key.ID)
	b.get(path+"/revoke").expect(t, http.StatusOK, "Revoking is final", "Last used", "never", "401 Unauthorized", "Type Integration to confirm")
	b.post(path+"/revoke", url.Values{"confirm": {"Something"}}).expect(t, http.StatusUnprocessableEntity, "Type the name “Integration” to confirm.")
	if key, _ := p.Store.Key(t.Context(), p.Key.ID); key.Revoked() {
		t.Fatal("a wrong name revoked the key")
	}
	b.post(path+"/revoke", url.Values{"confirm": {"integration "}}).expect(t, http.StatusSeeOther)
	page := b.get(path).expect(t, http.StatusOK, "Revoked", "That is final", "revoked")
	if page.doc.Find("main form").Length() != 0 {
		t.Error("the page of a revoked key offers to change it")
	}
	b.get(path+"/revoke").expect(t, http.StatusSeeOther)
	b.get(path+"/edit").expect(t, http.StatusOK, "it can't be edited")
}

func TestAKeyForAStaffAccountIsMadeByThatUserOrASuperAdminAlone(t *testing.T) {
	p := startPortal(t)
	form := func(name string) url.Values {
		return url.Values{"name": {name}, "api_set": {"billing"}, "user": {id(p.SuperAdmin.ID)}}
	}
	p.as(p.Admin).post("/keys", form("By the client's admin")).expect(t, http.StatusUnprocessableEntity, "is staff")
	p.as(p.SuperAdmin).post("/keys", form("By themselves")).expect(t, http.StatusOK, "Save generated key")
	if page := p.as(p.Admin).get("/users/"+id(p.SuperAdmin.ID)).expect(t, http.StatusOK); strings.Contains(page.body, "/keys/new?user=") {
		t.Error("Generate key is offered for a staff account")
	}
}

func TestTheListSaysThatAnActiveKeyIsRefusedBecauseOfItsUser(t *testing.T) {
	p := startPortal(t)
	admin := p.as(p.Admin)
	admin.get("/keys").expect(t, http.StatusOK, "Active")
	admin.post("/users/"+id(p.Member.ID)+"/act", url.Values{"action": {"lock"}}).expect(t, http.StatusSeeOther)
	admin.get("/keys").expect(t, http.StatusOK, "refused: user locked")
	if csv := admin.get("/keys.csv"); !strings.Contains(csv.body, "USER_LOCKED") {
		t.Errorf("the CSV does not say so: %s", csv.body)
	}
}

func TestTheOverviewTellsOfOneKeyThatExpiresSoon(t *testing.T) {
	p := startPortal(t)
	storetest.Key(t, p.Store, p.membership(p.Member, p.Organization), func(k *portal.Key) { k.ExpiresAt = p.Store.Now().Add(24 * time.Hour) })
	p.as(p.Member).get("/").expect(t, http.StatusOK, "1 expires within 30 days")
	storetest.Key(t, p.Store, p.membership(p.Member, p.Organization), func(k *portal.Key) { k.ExpiresAt = p.Store.Now().Add(24 * time.Hour) })
	p.as(p.Member).get("/").expect(t, http.StatusOK, "2 expire within 30 days")
}
