package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// counted writes down what the check counted of a key.
func (p *running) counted(tallies []portal.Tally, refusals []portal.Refusal) {
	p.t.Helper()
	if err := p.Store.Update(p.t.Context(), func(u *store.Update) error { return u.AddUses(p.t.Context(), nil, tallies, refusals) }); err != nil {
		p.t.Fatal(err)
	}
}

// keyOf gives Member a key that reaches Billing, and its secret.
func (p *running) keyOf(edit func(*portal.Key)) (portal.Key, secret.Value) {
	p.t.Helper()
	return storetest.Key(p.t, p.Store, p.membership(p.Member, p.Organization), func(k *portal.Key) { k.APISets = []portal.APISet{p.Billing} }, edit)
}

// examples gives the commands that a key's page shows to copy.
func (a answer) examples() []string {
	return a.doc.Find(".kp-copy pre").Map(func(_ int, pre *goquery.Selection) string { return pre.Text() })
}

func TestAKeysPageShowsItsUseAndItsLastRefusals(t *testing.T) {
	p := startPortal(t)
	b, path := p.as(p.Member), "/keys/"+id(p.Key.ID)
	unused := b.get(path).expect(t, http.StatusOK, "Not used in the last 30 days")
	if unused.count("main svg[role=img]")+unused.count("main table") > 0 {
		t.Error("a key that was not used has a chart or a table")
	}

	now := p.Store.Now()
	p.counted([]portal.Tally{{KeyID: p.Key.ID, Day: portal.DayOf(now), Accepted: 1234, Refused: 5}, {KeyID: p.Key.ID, Day: portal.DayOf(now) - 40, Accepted: 9999}},
		[]portal.Refusal{{KeyID: p.Key.ID, Code: portal.CheckAPISetNotGranted, At: now.Add(-2 * time.Hour), From: "192.0.2.7"}, {KeyID: p.Key.ID, Code: portal.CheckIPNotAllowed, At: now.Add(-3 * time.Hour)}})
	page := b.get(path).expect(t, http.StatusOK, "Last refusals", "API_SET_NOT_GRANTED", portal.CheckAPISetNotGranted.Message(), "192.0.2.7", "2 hours ago", "IP_NOT_ALLOWED", "not known", "As a table")
	if got := page.doc.Find("main svg[role=img]").AttrOr("aria-label", ""); !strings.Contains(got, "1,234 accepted, 5 refused") {
		t.Errorf("the chart says %q", got)
	}
	if got := page.count("main details tbody tr"); got != 30 {
		t.Errorf("the table has %d days", got)
	}
	if page.count("main [style]") > 0 {
		t.Error("the page has inline styles, which its policy forbids")
	}
}

func TestAKeysPageShowsARequestForItsKind(t *testing.T) {
	p := startPortal(t)
	pair, pairSecret := p.keyOf(func(k *portal.Key) { k.Kind, k.PublicID = portal.PairKey, "kpa_public" })
	client, clientSecret := p.keyOf(func(k *portal.Key) { k.Kind, k.PublicID, k.LicenseID = portal.OAuthKey, "kpc_public", p.License.ID })
	to := `'https://api.example.com/billing/'`
	for name, test := range map[string]struct {
		key    portal.Key
		secret secret.Value
		says   string
		want   []string
	}{
		"token": {p.Key, p.Secret, "Authorization: Bearer", []string{`curl -H "X-Api-Key: $API_KEY"` + " \\\n  " + to}},
		"pair":  {pair, pairSecret, "both are needed", []string{`curl -H "accessKey: kpa_public"` + " \\\n  " + `-H "secretKey: $SECURITY_KEY"` + " \\\n  " + to}},
		"oauth": {client, clientSecret, "access token", []string{
			`curl -u "kpc_public:$CLIENT_SECRET"` + " \\\n  -d grant_type=client_credentials \\\n  -d scope=billing \\\n  " + p.URL + "/oauth2/v1/token",
			`curl -H "Authorization: Bearer $ACCESS_TOKEN"` + " \\\n  " + to}},
	} {
		page := p.as(p.Admin).get("/keys/"+id(test.key.ID)).expect(t, http.StatusOK, "Use it", test.says, "Replace https://api.example.com", test.key.PublicID)
		if got := page.examples(); strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("%s: the examples are\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
		if strings.Contains(page.body, test.secret.Reveal()) {
			t.Errorf("%s: the secret is on the page", name)
		}
	}
}

func TestTheExampleIsARequestToWhatTheKeyReaches(t *testing.T) {
	p := startPortal(t)
	posts := storetest.APISet(t, p.Store, "payments", "POST /payments/{id}/refund")
	for what, test := range map[string]struct {
		sets []portal.APISet
		want string
		says string
	}{
		"a set that roles don't allow": {[]portal.APISet{p.Revenue}, "'https://api.example.com/'", "reaches no part of it at present"},
		"no set":                       {nil, "'https://api.example.com/'", "reaches no part of it at present"},
		"one that is reached of two":   {[]portal.APISet{p.Revenue, p.Dunning}, "'https://api.example.com/dunning/'", "dunning API"},
	} {
		key, _ := p.keyOf(func(k *portal.Key) { k.APISets = test.sets })
		page := p.as(p.Admin).get("/keys/"+id(key.ID)).expect(t, http.StatusOK, test.says)
		if got := page.examples()[0]; !strings.HasSuffix(got, test.want) {
			t.Errorf("%s: the example is %s", what, got)
		}
	}
	key, _ := storetest.Key(t, p.Store, p.membership(p.Admin, p.Organization), func(k *portal.Key) { k.APISets = []portal.APISet{posts} })
	if got := p.as(p.Admin).get("/keys/" + id(key.ID)).examples()[0]; !strings.Contains(got, "-X POST") || !strings.HasSuffix(got, "/payments/123/refund'") {
		t.Errorf("the example is %s", got)
	}
}

func TestAKeyThatCannotBeUsedHasNoExample(t *testing.T) {
	p := startPortal(t)
	revoked, _ := p.keyOf(func(k *portal.Key) { k.RevokedAt = p.Store.Now() })
	waiting := storetest.Insert(t, p.Store, func(c *store.Change) (portal.Key, error) {
		key := p.Key
		key.Name = "Waiting"
		return c.InsertKey(t.Context(), key, portal.Secret{})
	})
	for _, key := range []portal.Key{revoked, waiting} {
		if page := p.as(p.Member).get("/keys/"+id(key.ID)).expect(t, http.StatusOK); len(page.examples()) > 0 {
			t.Errorf("%s has the example %s", key.Name, page.examples()[0])
		}
	}
}

func TestTheHeadOfAKeysPageTellsOfItsEndWhenThatIsNear(t *testing.T) {
	p := startPortal(t)
	for want, until := range map[string]time.Duration{"expires in 12 days": 12 * 24 * time.Hour, "expired 3 days ago": -3 * 24 * time.Hour, "": 31 * 24 * time.Hour} {
		key, _ := p.keyOf(func(k *portal.Key) { k.ExpiresAt = p.Store.Now().Add(until) })
		head := p.as(p.Member).get("/keys/"+id(key.ID)).expect(t, http.StatusOK).doc.Find(".kp-head .kp-key-line time").Text()
		if got := strings.Join(strings.Fields(head), " "); got != want {
			t.Errorf("%s before its end, the head says %q, want %q", until, got, want)
		}
	}
}

func TestWhatHelpsAKeyThatReachesNothingIsForWhoCanDoIt(t *testing.T) {
	p := startPortal(t)
	key, _ := p.keyOf(func(k *portal.Key) { k.APISets = []portal.APISet{p.Revenue} })
	path, roles := "/keys/"+id(key.ID), "main a[href='/users/"+id(p.Member.ID)+"/memberships/"+id(p.Organization.ID)+"']"
	says := []string{"Not reached: no role of Member Person allows it.", "An administrator can give Member Person a role with the API set, or All Access"}
	if page := p.as(p.Admin).get(path).expect(t, http.StatusOK, says...); page.count(roles) != 1 {
		t.Error("an administrator is not led to the user's roles")
	}
	if page := p.as(p.Member).get(path).expect(t, http.StatusOK, says...); page.count(roles) != 0 {
		t.Error("the user is led to roles that are not theirs to give")
	}
	reached := p.as(p.Admin).get("/keys/"+id(p.Key.ID)).expect(t, http.StatusOK)
	if strings.Contains(reached.text(), "Not reached") || strings.Contains(reached.text(), "All Access") {
		t.Error("a key that reaches all is told what would help")
	}

	admin := p.as(p.Admin)
	membership := p.membership(p.Member, p.Organization)
	membership.EndedAt = p.Store.Now()
	storetest.SaveMembership(t, p.Store, membership)
	left := admin.get(path).expect(t, http.StatusOK, "Not reached: Member Person is no longer a member of Gold Client.", "can add Member Person to Gold Client again",
		"This key is refused at present: Member Person is no longer a member of Gold Client.")
	if left.count(roles) != 1 {
		t.Error("an administrator is not led to the user's membership")
	}
	admin.get(left.doc.Find(roles).AttrOr("href", "")).expect(t, http.StatusOK)
	admin.get(left.doc.Find(".kp-notice.kp-warn a").AttrOr("href", "")).expect(t, http.StatusOK)
}

func TestARefusedKeyLeadsToWhatHelps(t *testing.T) {
	p := startPortal(t)
	super := p.as(p.SuperAdmin)
	key, _ := p.keyOf(func(k *portal.Key) { k.ApplicationID, k.LicenseID = p.Application.ID, p.License.ID })
	path := "/keys/" + id(key.ID)
	act := func(action string) func() {
		return func() {
			super.post("/users/"+id(p.Member.ID)+"/act", url.Values{"action": {action}}).expect(t, http.StatusSeeOther)
		}
	}
	license, organization := "/licenses/"+id(p.License.ID), "/organizations/"+id(p.Organization.ID)
	for _, step := range []struct {
		stop func()
		says string
		link string
		undo func()
	}{
		{act("disable"), "the account of Member Person is disabled. An administrator can enable it.", "/users/" + id(p.Member.ID), act("enable")},
		{act("lock"), "the account of Member Person is locked. An administrator can unlock it.", "/users/" + id(p.Member.ID), act("unlock")},
		{func() {
			super.post(license+"/deactivate", url.Values{"confirm": {p.License.Number}}).expect(t, http.StatusSeeOther)
		}, "its license is not active. Support can activate the license.", license, func() { super.post(license+"/activate", nil).expect(t, http.StatusSeeOther) }},
		{func() {
			super.post(organization+"/suspend", url.Values{"confirm": {p.Organization.Name}}).expect(t, http.StatusSeeOther)
		}, "Gold Client is suspended. A super admin can reactivate it.", organization, func() { super.post(organization+"/reactivate", nil).expect(t, http.StatusSeeOther) }},
		{act("expire-password"), "Member Person has to choose a new password first. The portal asks for it at the next log-in", "/users/" + id(p.Member.ID), func() {}},
	} {
		step.stop()
		page := super.get(path).expect(t, http.StatusOK, "This key is refused at present: "+step.says)
		if got := page.doc.Find(".kp-notice.kp-warn a").AttrOr("href", ""); got != step.link {
			t.Errorf("%q leads to %q", step.says, got)
		}
		super.get(step.link).expect(t, http.StatusOK)
		step.undo()
	}
}
