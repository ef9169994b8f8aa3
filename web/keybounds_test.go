package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// bound fills networks and a rate limit into a form.
func bound(form url.Values) url.Values {
	form.Set("network", "192.0.2.9/24, 10.0.0.0/8\r\n2001:db8::7 192.0.2.0/24")
	form.Set("rate_requests", "100")
	form.Set("rate_period", "hour")
	form.Set("rate_burst", " 20 ")
	return form
}

// key gives a key as it is now.
func (p *running) key(id int64) portal.Key {
	p.t.Helper()
	key, err := p.Store.Key(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	return key
}

// wantBound fails unless a key is bound as bound asks.
func (p *running) wantBound(what string, key portal.Key) {
	p.t.Helper()
	if !slices.Equal(key.AllowedNetworks, []string{"192.0.2.0/24", "10.0.0.0/8", "2001:db8::7/128"}) || key.RateLimit != (portal.RateLimit{Requests: 100, Period: portal.PerHour, Burst: 20}) {
		p.t.Errorf("%s is bound to %q and %q", what, key.AllowedNetworks, key.RateLimit)
	}
}

func TestEachFormThatMakesAKeyBindsItToNetworksAndARateLimit(t *testing.T) {
	p := startPortal(t)
	admin := p.asIn(p.Admin, p.Instance)
	admin.post("/keys", bound(url.Values{"name": {"Made step by step"}})).expect(t, http.StatusOK, "Save generated key", "100 per hour, 20 at once")
	admin.makePair(apiKeysTab, "Made as a pair", func(form url.Values) { bound(form) })
	admin.post(clientPath, bound(admin.get(clientPath+"/new").form(`main form[method="post"]`))).expect(t, http.StatusOK, "Save generated key")
	admin.post("/keys/issue", bound(with(with(p.pair(), "name", "Made by issuing"), "user", id(p.Admin.ID)))).expect(t, http.StatusSeeOther)
	another := with(p.pair(), "application", id(storetest.Application(t, p.Store, p.Organization).ID))
	request := p.requester().post("/requests", with(another, "reason", "For us.")).expect(t, http.StatusSeeOther).location
	support := p.as(p.Support)
	approval := support.get(request+"/approve").expect(t, http.StatusOK, "Allowed networks").form(`main form[method="post"]`)
	support.post(request+"/approve", bound(with(approval, "name", "Made by approving"))).expect(t, http.StatusSeeOther)
	for _, name := range []string{"Made step by step", "Made as a pair", "OAuth client", "Made by issuing", "Made by approving"} {
		made := p.keysNamed(name)
		if len(made) != 1 {
			t.Fatalf("%d keys are named %q", len(made), name)
		}
		p.wantBound(name, made[0])
	}
	admin.get(clientPath).expect(t, http.StatusOK, "2001:db8::7/128", "100 per hour, 20 at once")
	head, rows := readCSV(t, admin.get("/keys.csv?q=issuing").expect(t, http.StatusOK))
	for column, want := range map[string]string{"Allowed networks": "192.0.2.0/24, 10.0.0.0/8, 2001:db8::7/128", "Rate limit": "100 per hour, 20 at once"} {
		if got := rows[0][slices.Index(head, column)]; got != want {
			t.Errorf("%s is exported as %q", column, got)
		}
	}
}

func TestTheStepsOfTheWizardKeepTheBoundsAndReviewThemAsTheyWillBe(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	details := b.get("/keys/new").expect(t, http.StatusOK, "Allowed networks and rate limit")
	if details.count("details[open]") != 0 {
		t.Error("the section is open although there is nothing in it")
	}
	form := bound(with(details.form("main form"), "name", "Bounded"))
	sets := b.get("/keys/new?"+with(form, "step", "api-sets").Encode()).expect(t, http.StatusOK, "Selected API")
	review := b.step(sets, "review").expect(t, http.StatusOK, "192.0.2.0/24", "2001:db8::7/128", "100 per hour, 20 at once")
	back := b.step(review, "details")
	if back.count("details[open]") != 1 {
		t.Error("the section is closed although there is something in it")
	}
	for name, values := range bound(url.Values{}) {
		if got := back.form("main form").Get(name); got != strings.ReplaceAll(values[0], "\r", "") {
			t.Errorf("%s is %q on the first step", name, got)
		}
	}
	b.finish(review, "review").expect(t, http.StatusOK, "Save generated key")
	p.wantBound("the key", p.keysNamed("bounded")[0])
	unbound := b.get("/keys/new?name=Free&step=review").expect(t, http.StatusOK, "From anywhere")
	b.finish(unbound, "review").expect(t, http.StatusOK, "From anywhere")
}

func TestAnEditOfAKeyBeginsWithItsBoundsAndTakesThemAway(t *testing.T) {
	p := startPortal(t)
	b, path := p.as(p.Admin), "/keys/"+id(p.Key.ID)
	edit := func() answer { return b.get(path+"/edit").expect(t, http.StatusOK, "Allowed networks and rate limit") }
	if edit().count("details[open]") != 0 {
		t.Error("the section is open although there is nothing in it")
	}
	b.post(path, bound(edit().form("main form"))).expect(t, http.StatusSeeOther)
	p.wantBound("the key", p.key(p.Key.ID))
	b.get(path).expect(t, http.StatusOK, "Allowed networks", "192.0.2.0/24", "Rate limit", "100 per hour, 20 at once")

	again := edit()
	form := again.form("main form")
	if again.count("details[open]") != 1 || form.Get("network") != "192.0.2.0/24\n10.0.0.0/8\n2001:db8::7/128" || form.Get("rate_requests") != "100" || form.Get("rate_period") != "hour" || form.Get("rate_burst") != "20" {
		t.Errorf("the form begins with %v", form)
	}
	b.post(path, with(form, "description", "Edited")).expect(t, http.StatusSeeOther)
	p.wantBound("the key whose description was edited", p.key(p.Key.ID))
	b.post(path, url.Values{"version": {id(p.key(p.Key.ID).Version)}, "name": {p.Key.Name}, "expiry": {"keep"}}).expect(t, http.StatusSeeOther)
	p.wantBound("the key of a form that asks for no bounds", p.key(p.Key.ID))
	form = edit().form("main form")
	for _, name := range []string{"network", "rate_requests", "rate_burst"} {
		form.Set(name, "")
	}
	b.post(path, form).expect(t, http.StatusSeeOther)
	if key := p.key(p.Key.ID); len(key.AllowedNetworks) != 0 || key.RateLimit != (portal.RateLimit{}) {
		t.Errorf("the key is bound to %q and %+v", key.AllowedNetworks, key.RateLimit)
	}
	b.get(path).expect(t, http.StatusOK, "From anywhere")
}

func TestBoundsThatCannotBeTakenAreKeptWhereTheyWereTyped(t *testing.T) {
	p := startPortal(t)
	b, path := p.as(p.Member), "/keys/"+id(p.Key.ID)
	for _, test := range []struct{ field, value, target, says string }{
		{"network", "10.0.0.0/8\r\nthe office", "#field-network", "“the” is no network"},
		{"network", "10.0.0.0/33", "#field-network", "“10.0.0.0/33” is no network"},
		{"rate_requests", "many", "#field-rate_limit", "whole numbers from 1 to 1000000"},
		{"rate_requests", "0", "#field-rate_limit", "whole numbers from 1 to 1000000"},
		{"rate_requests", "-1", "#field-rate_limit", "whole numbers from 1 to 1000000"},
		{"rate_requests", "1000001", "#field-rate_limit", "a number from 1 to 1000000"},
		{"rate_requests", "", "#field-rate_limit", "needs a rate limit"},
		{"rate_burst", "1.5", "#field-rate_limit", "whole numbers from 1 to 1000000"},
		{"rate_period", "week", "#field-rate_limit", "Choose for how long"},
	} {
		what := test.field + " " + test.value
		form := with(bound(url.Values{"name": {"Kept"}}), test.field, test.value)
		edit := bound(b.get(path + "/edit").form("main form"))
		for how, refused := range map[string]answer{
			"made": b.post("/keys", form), "made as a pair": b.post(apiKeysTab, form), "edited": b.post(path, with(edit, test.field, test.value)),
		} {
			refused.expect(t, http.StatusUnprocessableEntity, test.says)
			if refused.count("details[open] "+test.target) != 1 || refused.doc.Find("[data-error-summary] a").AttrOr("href", "") != test.target {
				t.Errorf("%s, %s: the error does not lead to %s", what, how, test.target)
			}
			kept := refused.form(`main form:has([name="network"])`)
			for _, name := range []string{"network", "rate_requests", "rate_burst"} {
				if strings.ReplaceAll(kept.Get(name), "\r", "") != strings.ReplaceAll(form.Get(name), "\r", "") {
					t.Errorf("%s, %s: %s is %q again", what, how, name, kept.Get(name))
				}
			}
		}
	}
	if count := len(p.keysNamed("kept")); count != 0 || p.key(p.Key.ID).Version != p.Key.Version {
		t.Errorf("%d keys were made, or one was edited", count)
	}
	both := with(bound(url.Values{"name": {"Kept"}}), "rate_requests", "many")
	b.post("/keys", with(both, "expires", "tomorrow")).expect(t, http.StatusUnprocessableEntity, "whole numbers", "Enter a date like")
}

func TestOnlyWhoManagesAPIKeysLoosensARateLimitOnItsPage(t *testing.T) {
	p := startPortal(t)
	own, path := p.as(p.Member), "/keys/"+id(p.Key.ID)
	edit := func(b *browser) url.Values { return b.get(path + "/edit").form("main form") }
	own.post(path, bound(edit(own))).expect(t, http.StatusSeeOther)
	own.post(path, with(edit(own), "rate_burst", "10")).expect(t, http.StatusSeeOther)
	refused := own.post(path, with(edit(own), "rate_requests", "101")).expect(t, http.StatusUnprocessableEntity, "needs the authority “Manage API Keys”")
	if kept := refused.form("main form").Get("rate_requests"); kept != "101" || p.key(p.Key.ID).RateLimit.Requests != 100 {
		t.Errorf("the form has %q again", kept)
	}
	admin := p.as(p.Admin)
	admin.post(path, with(edit(admin), "rate_requests", "101")).expect(t, http.StatusSeeOther)
	if limit := p.key(p.Key.ID).RateLimit; limit.Requests != 101 {
		t.Errorf("the rate limit is %q", limit)
	}
}

func TestTheAPIBindsKeysToNetworksAndARateLimit(t *testing.T) {
	p := startPortal(t)
	admin, clerk := p.session(p.Admin), p.clerk()
	body := func(name, more string) string {
		return fmt.Sprintf(`{"orgUserId": %d, "name": %q, "apiSets": ["billing"]%s}`, p.membership(clerk, p.Organization).ID, name, more)
	}
	const more = `, "allowedNetworks": ["192.0.2.9/24", "2001:db8::7"], "rateLimit": {"requests": 100, "period": "minute", "burst": 20}`
	wantBounds := func(what string, key map[string]any, want string) {
		t.Helper()
		if got := fmt.Sprint(key["allowedNetworks"], key["rateLimit"]); got != want {
			t.Errorf("%s is bound to %s, want %s", what, got, want)
		}
	}
	made := p.call(admin, http.MethodPost, "/user/apiKey", body("Bound", more)).want(http.StatusCreated, "")
	wantBounds("a new key", made.fields["key"].(map[string]any), "[192.0.2.0/24 2001:db8::7/128] map[burst:20 period:minute requests:100]")
	path := "/user/apiKey/" + made.id()
	for _, test := range []struct{ change, want string }{
		{`{"description": "Edited."}`, "[192.0.2.0/24 2001:db8::7/128] map[burst:20 period:minute requests:100]"},
		{`{"allowedNetworks": ["10.0.0.0/8"]}`, "[10.0.0.0/8] map[burst:20 period:minute requests:100]"},
		{`{"rateLimit": {"requests": 5, "period": "day"}}`, "[10.0.0.0/8] map[period:day requests:5]"},
		{`{"allowedNetworks": [], "rateLimit": null}`, "[] <nil>"},
	} {
		wantBounds(test.change, p.call(admin, http.MethodPatch, path, test.change).want(http.StatusOK, "").fields, test.want)
		wantBounds("read after "+test.change, p.call(admin, http.MethodGet, path, "").want(http.StatusOK, "").fields, test.want)
	}
	for _, bounds := range []string{`"rateLimit": null`, `"allowedNetworks": [], "rateLimit": null`} {
		free := p.call(admin, http.MethodPost, "/user/apiKey", body("Free with "+bounds, ", "+bounds)).want(http.StatusCreated, "")
		wantBounds("a key with "+bounds, free.fields["key"].(map[string]any), "[] <nil>")
	}
	another := with(p.pair(), "application", id(storetest.Application(t, p.Store, p.Organization).ID))
	request := strings.TrimPrefix(p.requester().post("/requests", with(another, "reason", "For us.")).expect(t, http.StatusSeeOther).location, "/requests/")
	approved := p.call(p.session(p.Support), http.MethodPost, "/requests/"+request+"/approve", `{"name": "Approved", "apiSets": []`+more+`}`).want(http.StatusOK, "")
	key := p.call(admin, http.MethodGet, fmt.Sprintf("/user/apiKey/%.0f", approved.fields["keyId"]), "").want(http.StatusOK, "").fields
	wantBounds("an approved key", key, "[192.0.2.0/24 2001:db8::7/128] map[burst:20 period:minute requests:100]")
}

func TestTheAPISaysWhereBoundsCannotBeTaken(t *testing.T) {
	p := startPortal(t)
	path := "/user/apiKey/" + id(p.Key.ID)
	for _, test := range []struct{ change, location string }{
		{`{"allowedNetworks": ["10.0.0.0/8", "the office"]}`, "body.allowedNetworks"},
		{`{"allowedNetworks": [""]}`, "body.allowedNetworks"},
		{`{"rateLimit": {"requests": 0, "period": "minute"}}`, "body.rateLimit.requests"},
		{`{"rateLimit": {"requests": 1000001, "period": "minute"}}`, "body.rateLimit.requests"},
		{`{"rateLimit": {"requests": 1, "period": "week"}}`, "body.rateLimit.period"},
		{`{"rateLimit": {"requests": 1}}`, "body.rateLimit"},
		{`{"rateLimit": {"requests": 1, "period": "day", "burst": 0}}`, "body.rateLimit.burst"},
		{`{"rateLimit": {}}`, "body.rateLimit"},
		{`{"rateLimit": {"requests": 1, "period": "day", "burst": null}}`, "body"},
		{`{"rateLimit": {"requests": 1, "Period": "day"}}`, "body.rateLimit"},
		{`{"rateLimit": "1/day"}`, "body.rateLimit"},
		{`{"allowedNetworks": null}`, "body"},
	} {
		refused := p.call(p.session(p.Admin), http.MethodPatch, path, test.change).want(http.StatusUnprocessableEntity, "invalid")
		if faults := fmt.Sprint(refused.fields["errors"]); !strings.Contains(faults, "location:"+test.location+" ") {
			t.Errorf("%s: %s", test.change, faults)
		}
	}
	p.call(p.session(p.Member), http.MethodPatch, path, `{"rateLimit": {"requests": 1, "period": "hour"}}`).want(http.StatusOK, "")
	refused := p.call(p.session(p.Member), http.MethodPatch, path, `{"rateLimit": null}`).want(http.StatusUnprocessableEntity, "invalid")
	if faults := fmt.Sprint(refused.fields["errors"]); !strings.Contains(faults, "location:body.rateLimit ") {
		t.Errorf("a rate limit that is removed by its user: %s", faults)
	}
}

func TestThroughABoundKeyTheAPIMakesKeysThatAreBoundAlike(t *testing.T) {
	p := startPortal(t)
	from := p.token(p.Admin, func(k *portal.Key) {
		k.AllowedNetworks, k.RateLimit, k.ExpiresAt = []string{"127.0.0.0/8", "::1/128", "192.0.2.0/24"}, portal.RateLimit{Requests: 100, Period: portal.PerMinute}, time.Time{}
	})
	create := func(name, more string) replied {
		body := fmt.Sprintf(`{"orgUserId": %d, "name": %q, "apiSets": ["billing"]%s}`, p.membership(p.Member, p.Organization).ID, name, more)
		return p.call(from, http.MethodPost, "/user/apiKey", body)
	}
	made := create("Alike", "").want(http.StatusCreated, "").fields["key"].(map[string]any)
	if got := fmt.Sprint(made["allowedNetworks"], made["rateLimit"]); got != "[127.0.0.0/8 ::1/128 192.0.2.0/24] map[period:minute requests:100]" {
		t.Errorf("it is bound to %s", got)
	}
	create("Elsewhere", `, "allowedNetworks": ["198.51.100.7"]`).want(http.StatusForbidden, "forbidden")
	create("More", `, "rateLimit": {"requests": 101, "period": "minute"}`).want(http.StatusForbidden, "forbidden")
	create("Less", `, "allowedNetworks": ["192.0.2.7"], "rateLimit": {"requests": 1, "period": "hour"}`).want(http.StatusCreated, "")
}
