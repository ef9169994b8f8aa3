package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

const impersonationSwitch = "input[name=can_impersonate]"

// impersonator adds a key of Member that can impersonate.
func (p *running) impersonator(edit ...func(*portal.Key)) portal.Key {
	p.t.Helper()
	edit = append([]func(*portal.Key){func(k *portal.Key) { k.Name, k.CanImpersonate = "Service desk", true }}, edit...)
	key, _ := storetest.Key(p.t, p.Store, p.membership(p.Member, p.Organization), edit...)
	return key
}

func TestTheSwitchToImpersonateIsThereForWhoMayAllowIt(t *testing.T) {
	p := startPortal(t)
	member := "user=" + id(p.Member.ID)
	for _, path := range []string{
		"/keys/new", "/keys/issue?application=" + id(p.Application.ID) + "&license=" + id(p.License.ID) + "&" + member,
		"/integrations/api-keys/new", "/integrations/data-loader-keys/new",
	} {
		for _, test := range []struct {
			user portal.User
			want int
		}{{p.Support, 1}, {p.SuperAdmin, 1}, {p.Admin, 0}} {
			page := p.as(test.user).get(path).expect(t, http.StatusOK)
			if got := page.count(impersonationSwitch); got != test.want || page.count(impersonationSwitch+"[checked]") != 0 {
				t.Errorf("%s has %d switches for %s", path, got, test.user.Username)
			}
		}
	}
	for _, path := range []string{keyAddress(p.Key) + "/edit", "/requests/" + id(p.pending().ID) + "/approve"} {
		if p.as(p.SuperAdmin).get(path).expect(t, http.StatusOK).count(impersonationSwitch) != 0 {
			t.Errorf("%s has the switch", path)
		}
	}
}

func TestSupportMakesKeysThatCanImpersonate(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Support)
	details := b.get("/keys/new?user="+id(p.Member.ID)).expect(t, http.StatusOK, "Whoever has this key can act as any user of its organization")
	form := details.form("main form")
	form.Set("name", "By steps")
	form.Set("can_impersonate", "on")
	form.Set("step", "api-sets")
	sets := b.get("/keys/new?"+form.Encode()).expect(t, http.StatusOK)
	if back := b.step(sets, "details").expect(t, http.StatusOK); back.count(impersonationSwitch+"[checked]") != 1 {
		t.Error("going back forgets the switch")
	}
	review := b.step(sets, "review").expect(t, http.StatusOK, "Can impersonate", "It can act as any user")
	b.finish(review, "review").expect(t, http.StatusOK, "Save generated key", "Can impersonate")

	pair := url.Values{"name": {"A pair"}, "user": {id(p.Member.ID)}, "can_impersonate": {"on"}, "expiry": {"never"}, "api_set": {"billing"}}
	b.post("/integrations/api-keys", pair).expect(t, http.StatusOK, "Save generated key")
	pair.Set("name", "A loader")
	b.post("/integrations/data-loader-keys", pair).expect(t, http.StatusOK, "Save generated key")
	issued := issueForm(p)
	issued.Set("can_impersonate", "on")
	b.post("/keys/issue", issued).expect(t, http.StatusSeeOther)
	for _, name := range []string{"By steps", "A pair", "A loader", "Kiosk"} {
		if made := p.keysNamed(name); len(made) != 1 || !made[0].CanImpersonate {
			t.Errorf("%s: %+v", name, made)
		}
	}
	without := b.get("/keys/new?name=Without&step=api-sets&user="+id(p.Member.ID)).expect(t, http.StatusOK)
	b.finish(without, "api-sets").expect(t, http.StatusOK, "Save generated key")
	if made := p.keysNamed("Without"); len(made) != 1 || made[0].CanImpersonate {
		t.Errorf("without the switch: %+v", made)
	}
}

func TestOthersAreToldWhoLetsAKeyImpersonate(t *testing.T) {
	p := startPortal(t)
	const says = "Only support can let an API key impersonate other users. Ask support for such a key"
	for _, user := range []portal.User{p.Member, p.Admin} {
		b, form := p.as(user), newKeyForm(p)
		form.Set("can_impersonate", "on")
		b.get("/keys/new?step=api-sets&"+form.Encode()).expect(t, http.StatusForbidden, says)
		b.post("/keys", form).expect(t, http.StatusForbidden, says)
		b.post("/integrations/api-keys", form).expect(t, http.StatusForbidden, says)
	}
	issued := issueForm(p)
	issued.Set("can_impersonate", "on")
	p.as(p.Admin).post("/keys/issue", issued).expect(t, http.StatusForbidden, says)
	if len(p.keysNamed("Nightly"))+len(p.keysNamed("Kiosk")) != 0 {
		t.Error("a key was made")
	}
}

func TestAKeyThatCanImpersonateIsMarkedWhereKeysAreShown(t *testing.T) {
	p := startPortal(t)
	key := p.impersonator(func(k *portal.Key) { k.ApplicationID, k.LicenseID = p.Application.ID, p.License.ID })
	pair := p.impersonator(func(k *portal.Key) {
		k.Kind, k.Name, k.PublicID = portal.PairKey, "A pair", secret.New("", secret.AccessKey).Reveal()
	})
	marks := func(b *browser, path string) int {
		return strings.Count(b.get(path).expect(t, http.StatusOK).text(), "Can impersonate")
	}
	admin := p.as(p.Admin)
	for path, want := range map[string]int{
		keyAddress(key): 1, keyAddress(pair): 1, keyAddress(p.Key): 0, "/keys": 2, "/integrations/api-keys": 1,
		organizationAddress(p.Organization) + "/applications": 1, licenseAddress(p.License): 1,
	} {
		if got := marks(admin, path); got != want {
			t.Errorf("%s has %d marks, want %d", path, got, want)
		}
	}
	if got := marks(p.as(p.Member), "/profile/security"); got != 2 {
		t.Errorf("the Security tab has %d marks", got)
	}
	const warns = "This key can impersonate other users of Gold Client: what applications do as these users stops too."
	admin.get(keyAddress(key)+"/revoke").expect(t, http.StatusOK, warns)
	if strings.Contains(admin.get(keyAddress(p.Key)+"/revoke").text(), "impersonate") {
		t.Error("a key that can't impersonate is said to")
	}
}

func TestAllKeysThatCanImpersonateAreListedForStaff(t *testing.T) {
	p := startPortal(t)
	for _, staff := range []portal.User{p.Support, p.SuperAdmin} {
		p.as(staff).get("/impersonation").expect(t, http.StatusOK, "No key can impersonate")
	}
	here := p.impersonator()
	there, _ := storetest.Key(t, p.Store, p.membership(p.Stranger, p.Other), func(k *portal.Key) { k.Name, k.CanImpersonate, k.Enabled = "Elsewhere", true, false })
	revoked := p.impersonator(func(k *portal.Key) { k.Name, k.RevokedAt = "Over", p.Manager.Now() })
	b := p.as(p.Support)
	list := b.get("/impersonation").expect(t, http.StatusOK, "Keys that can impersonate", "Elsewhere", "Blue Client", "Stranger Person", "Disabled", "Service desk", "Gold Client", "Member Person", "Active")
	for key, want := range map[int64]int{here.ID: 1, there.ID: 1, revoked.ID: 0, p.Key.ID: 0} {
		if got := list.count("td a[href='/keys/" + id(key) + "']"); got != want {
			t.Errorf("key %d is listed %d times", key, got)
		}
	}
	b.get("/impersonation?state=revoked").expect(t, http.StatusOK, "Over", "Revoked")
	found := b.get("/impersonation?q=elsewhere").expect(t, http.StatusOK, "Elsewhere")
	if strings.Contains(found.text(), "Service desk") {
		t.Error("the search finds everything")
	}
	b.get("/impersonation?q=nothing+is+called+so").expect(t, http.StatusOK, "No key found", "Clear filters")
	if b.get("/").count("nav a[href='/impersonation']") != 1 || p.as(p.Admin).get("/").count("nav a[href='/impersonation']") != 0 {
		t.Error("the navigation leads there for others than staff, or not for staff")
	}
	p.as(p.Admin).get("/impersonation").expect(t, http.StatusForbidden)
}
