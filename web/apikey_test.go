package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

func TestOnlyStaffInPersonLetAKeyOfTheAPIImpersonate(t *testing.T) {
	p := startPortal(t)
	body := func(name string) string {
		return fmt.Sprintf(`{"orgUserId": %d, "name": %q, "canImpersonate": true}`, p.membership(p.Member, p.Organization).ID, name)
	}
	for what, from := range map[string]sender{
		"its user": p.session(p.Member), "an admin": p.session(p.Admin), "an admin's key": p.token(p.Admin), "a super admin's key": p.token(p.SuperAdmin),
		"a super admin's pair": p.pairOf(p.SuperAdmin), "a super admin's access token": p.accessTokenOf(p.SuperAdmin),
	} {
		before := p.historyLength()
		got := p.call(from, http.MethodPost, "/user/apiKey", body(what)).want(http.StatusForbidden, "forbidden")
		advice := "Ask support"
		if strings.HasPrefix(what, "a super admin's") {
			advice = "Log in to the portal and do it there"
		}
		if !strings.Contains(got.text("detail"), advice) {
			t.Errorf("%s is not told what to do: %s", what, got.text("detail"))
		}
		if p.historyLength() != before {
			t.Errorf("%s made a key", what)
		}
	}
	for what, user := range map[string]portal.User{"support": p.Support, "a super admin": p.SuperAdmin} {
		got := p.call(p.session(user), http.MethodPost, "/user/apiKey", body(what)).want(http.StatusCreated, "")
		if made, _ := got.fields["key"].(map[string]any); made["canImpersonate"] != true || got.text("apiKey") == "" {
			t.Errorf("%s: %s", what, got.body)
		}
	}
}

// clerk gives a member who generates their own keys, which may use the API and reach
// Billing.
func (p *running) clerk() portal.User {
	p.t.Helper()
	user := storetest.User(p.t, p.Store, func(u *portal.User) { u.FirstName, u.LastName = "Carl", "Clerk" })
	storetest.Member(p.t, p.Store, p.Organization, user, storetest.Role(p.t, p.Store, p.Organization, []portal.Authority{portal.ManageUserAPIKey}, p.portalSet(), p.Billing))
	return user
}

func TestAKeyOfTheAPIActsAsTheUserThatARequestNames(t *testing.T) {
	p := startPortal(t)
	clerk := p.clerk()
	key, value := p.apiKey(p.Admin, func(k *portal.Key) { k.Name, k.CanImpersonate = "Service desk", true })
	from, as := header("X-Api-Key", value.Reveal()), header("impersonate-user-id", id(clerk.ID))
	me := p.call(from, http.MethodGet, "/user/users/me", "", as).want(http.StatusOK, "")
	named := func(r map[string]any, field string) string {
		one, _ := r[field].(map[string]any)
		return fmt.Sprint(one["id"], one["name"])
	}
	if me.id() != id(clerk.ID) || named(me.fields, "impersonator") != fmt.Sprint(float64(p.Admin.ID), p.Admin.Name()) || named(me.fields, "key") != fmt.Sprint(float64(key.ID), "Service desk") {
		t.Errorf("me is %s", me.body)
	}
	if sets := fmt.Sprint(me.fields["apiSets"]); !strings.Contains(sets, "billing") || strings.Contains(sets, "dunning") {
		t.Errorf("the API sets are %s", sets)
	}
	p.call(from, http.MethodGet, "/user/users", "", as).want(http.StatusForbidden, "forbidden") // the clerk may not, the admin may
	p.call(from, http.MethodGet, "/user/users", "").want(http.StatusOK, "")

	body := fmt.Sprintf(`{"orgUserId": %d, "name": "Nightly job", "apiSets": ["billing"]}`, p.membership(clerk, p.Organization).ID)
	p.call(from, http.MethodPost, "/user/apiKey", body, as).want(http.StatusForbidden, "forbidden") // it would work on without impersonation
	made := p.call(p.session(clerk), http.MethodPost, "/user/apiKey", body).want(http.StatusCreated, "")
	p.call(from, http.MethodPost, "/user/apiKey/"+made.id()+"/rotate", `{"grace": "1h"}`, as).want(http.StatusForbidden, "forbidden")
	p.call(from, http.MethodPatch, "/user/apiKey/"+made.id(), `{"description": "For the nights."}`, as).want(http.StatusOK, "")
	lines := p.call(p.session(p.Admin), http.MethodGet, "/revisions?noun=key&nounId="+made.id(), "").want(http.StatusOK, "").fields["items"].([]any)
	line := lines[0].(map[string]any)
	got := []string{named(line, "actor"), named(line, "impersonator"), named(line, "key")}
	want := []string{fmt.Sprint(float64(clerk.ID), clerk.Name()), fmt.Sprint(float64(p.Admin.ID), p.Admin.Name()), fmt.Sprint(float64(key.ID), "Service desk")}
	if !slices.Equal(got, want) {
		t.Errorf("the history says %q, want %q", got, want)
	}
	for _, wrong := range []string{id(p.Stranger.ID), "4711", "x", "", id(clerk.ID) + ", " + id(p.Member.ID)} {
		p.call(from, http.MethodGet, "/user/users/me", "", header("impersonate-user-id", wrong)).want(http.StatusForbidden, "IMPERSONATION_NOT_ALLOWED")
	}
}

func TestASessionActsAsNobodyElse(t *testing.T) {
	p := startPortal(t)
	got := p.call(p.session(p.SuperAdmin), http.MethodGet, "/user/users/me", "", header("impersonate-user-id", id(p.Member.ID)))
	if got.want(http.StatusOK, "").id() != id(p.SuperAdmin.ID) {
		t.Errorf("a session acts as %s", got.body)
	}
}

func TestAKeyIsGrantedAllThatItsUserReachesButThePortalsOwnAPIUnlessItIsSaid(t *testing.T) {
	p := startPortal(t)
	clerk := p.clerk()
	create := func(from sender, user portal.User, more string) []any {
		body := fmt.Sprintf(`{"orgUserId": %d, "name": "Key %d"%s}`, p.membership(user, p.Organization).ID, p.historyLength(), more)
		return p.call(from, http.MethodPost, "/user/apiKey", body).want(http.StatusCreated, "").fields["key"].(map[string]any)["apiSets"].([]any)
	}
	for _, test := range []struct {
		what string
		got  []any
		want string
	}{
		{"one's own", create(p.session(clerk), clerk, ""), "[billing]"},
		{"one's own, with All Access", create(p.session(p.Admin), p.Admin, ""), "[billing dunning revenue-management]"},
		{"a member's", create(p.session(p.Admin), p.Member, ""), "[billing dunning]"},
		{"through a key", create(p.token(p.Admin, func(k *portal.Key) { k.APISets = []portal.APISet{p.portalSet(), p.Dunning} }), p.Member, ""), "[dunning]"},
		{"none", create(p.session(clerk), clerk, `, "apiSets": []`), "[]"},
		{"the API itself, named", create(p.session(clerk), clerk, `, "apiSets": ["portal"]`), "[portal]"},
	} {
		if got := fmt.Sprint(test.got); got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
}

func TestWhatEndsBeforeItsKeyGetsNothingThatLastsLonger(t *testing.T) {
	p := startPortal(t)
	clerk := p.clerk()
	newKey := fmt.Sprintf(`{"orgUserId": %d, "name": "For good", "apiSets": ["billing"]}`, p.membership(clerk, p.Organization).ID)
	mine := fmt.Sprintf(`{"orgUserId": %d, "name": "Mine", "apiSets": ["portal", "billing"]}`, p.membership(clerk, p.Organization).ID)
	made := p.call(p.session(clerk), http.MethodPost, "/user/apiKey", mine).want(http.StatusCreated, "")
	old, path := header("X-Api-Key", made.text("apiKey")), "/user/apiKey/"+made.id()
	current := header("X-Api-Key", p.call(old, http.MethodPost, path+"/rotate", `{"grace": "1h"}`).want(http.StatusOK, "").text("apiKey"))
	client, value := p.apiKey(p.Admin, func(k *portal.Key) {
		k.Kind, k.PublicID, k.LicenseID = portal.OAuthKey, secret.New("", secret.ClientID).Reveal(), p.License.ID
	})
	token := header("Authorization", "Bearer "+oauthClient{p: p, key: client, secret: value.Reveal()}.token("portal"))
	before := p.historyLength()
	for action, body := range map[string]string{"rotate": `{"grace": "0s"}`, "cancelRotation": ""} {
		got := p.call(old, http.MethodPost, path+"/"+action, body).want(http.StatusForbidden, "forbidden")
		if !strings.Contains(got.text("detail"), "Use the key's current secret") {
			t.Errorf("%s: %q", action, got.text("detail"))
		}
	}
	p.call(old, http.MethodPost, "/user/apiKey", newKey).want(http.StatusForbidden, "forbidden")
	p.call(token, http.MethodPost, "/user/apiKey/"+id(client.ID)+"/rotate", `{"grace": "1h"}`).want(http.StatusForbidden, "forbidden")
	if p.historyLength() != before {
		t.Error("something was done")
	}
	p.call(current, http.MethodPost, "/user/apiKey", newKey).want(http.StatusCreated, "")
	p.call(current, http.MethodPost, path+"/cancelRotation", "").want(http.StatusOK, "")
}

func TestAKeyDoesNotChangeWhatItsOwnAPISetsReach(t *testing.T) {
	p := startPortal(t)
	key := p.token(p.SuperAdmin, func(k *portal.Key) { k.APISets = []portal.APISet{p.portalSet(), p.Dunning} })
	at := func(set portal.APISet) string { return "/apiSets/" + id(set.ID) }
	before := p.historyLength()
	for _, body := range []string{`{"slug": "other"}`, `{"routes": ["/dunning/", "/payments/"]}`} {
		p.call(key, http.MethodPatch, at(p.Dunning), body).want(http.StatusForbidden, "forbidden")
	}
	p.call(key, http.MethodPatch, at(p.portalSet()), `{"routes": ["/payments/"]}`).want(http.StatusForbidden, "forbidden")
	if p.historyLength() != before {
		t.Error("something was done")
	}
	p.call(key, http.MethodPatch, at(p.Dunning), `{"name": "Reminders"}`).want(http.StatusOK, "")
	p.call(key, http.MethodPatch, at(p.Billing), `{"routes": ["/billing/", "/payments/"]}`).want(http.StatusOK, "")
	p.call(key, http.MethodPost, at(p.Dunning)+"/retire", "").want(http.StatusOK, "")
	p.call(key, http.MethodPost, at(p.Dunning)+"/restore", "").want(http.StatusForbidden, "forbidden")
	p.call(p.session(p.SuperAdmin), http.MethodPost, at(p.Dunning)+"/restore", "").want(http.StatusOK, "")
}

func TestARotationHangsOnTheVersionAndIsDoneOnceWhenItComesAgain(t *testing.T) {
	p := startPortal(t)
	super := p.session(p.SuperAdmin)
	path := "/user/apiKey/" + id(p.Key.ID)
	etag := p.call(super, http.MethodGet, path, "").want(http.StatusOK, "").header.Get("ETag")
	rotate := func(version, once string) replied {
		return p.call(super, http.MethodPost, path+"/rotate", `{"grace": "1h"}`, header("If-Match", version), header("Idempotency-Key", once))
	}
	before := p.historyLength()
	rotate(`"999"`, "stale").want(http.StatusPreconditionFailed, "changed")
	if p.historyLength() != before {
		t.Error("it was rotated")
	}
	if first := rotate(etag, "once").want(http.StatusOK, ""); first.text("apiKey") == "" {
		t.Error("there is no new secret")
	}
	if again := rotate(etag, "once").want(http.StatusOK, ""); again.text("apiKey") != "" || p.historyLength() != before+1 {
		t.Error("it was rotated again")
	}
}

func TestWhereTheKeyIsWhatLimitsTheRefusalSaysSo(t *testing.T) {
	p := startPortal(t)
	key := p.token(p.SuperAdmin, func(k *portal.Key) { k.APISets = []portal.APISet{p.portalSet()} })
	membership := p.membership(p.SuperAdmin, p.Organization)
	for _, test := range []struct{ method, path, body, says string }{
		{http.MethodPut, "/user/org/" + id(p.Organization.ID) + "/user/" + id(p.Nobody.ID), fmt.Sprintf(`{"roleIds": [%d]}`, p.Role.ID), "with this API key, which does not reach it"},
		{http.MethodPost, "/user/users/" + id(p.Support.ID) + "/disable", "", "can't be done with an API key"},
		{http.MethodPost, "/user/apiKey", fmt.Sprintf(`{"orgUserId": %d, "name": "As others", "canImpersonate": true}`, membership.ID), "can't be done with an API key"},
	} {
		got := p.call(key, test.method, test.path, test.body).want(http.StatusForbidden, "forbidden")
		if !strings.Contains(got.text("detail"), test.says) {
			t.Errorf("%s %s: %q", test.method, test.path, got.text("detail"))
		}
	}
	if got := p.call(nobody, http.MethodGet, "/user/users/me", ""); !strings.Contains(got.text("detail"), "Send an API key") {
		t.Errorf("nobody is told %q", got.text("detail"))
	}
}

func TestTheSecretOfAKeyIsShownOnceAndWorksForTheAPI(t *testing.T) {
	p := startPortal(t)
	clerk := p.clerk()
	body := fmt.Sprintf(`{"orgUserId": %d, "name": "Mine", "apiSets": ["portal", "billing"]}`, p.membership(clerk, p.Organization).ID)
	made := p.call(p.session(clerk), http.MethodPost, "/user/apiKey", body).want(http.StatusCreated, "")
	from, path := header("X-Api-Key", made.text("apiKey")), "/user/apiKey/"+made.id()
	if made.header.Get("Location") != "/api/v1"+path || made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the headers are %v", made.header)
	}
	secrets := func(key string) (current []any) {
		for _, item := range p.call(header("X-Api-Key", key), http.MethodGet, path+"/secrets", "").want(http.StatusOK, "").fields["items"].([]any) {
			of := item.(map[string]any)
			if of["current"] != (of["endsAt"] == nil) {
				t.Errorf("the one that is rotated out, and it alone, has an end: %v", of)
			}
			current = append(current, of["current"])
		}
		return current
	}
	p.call(from, http.MethodPost, path+"/rotate", `{}`).want(http.StatusUnprocessableEntity, "invalid") // the grace has to be chosen
	if got := secrets(made.text("apiKey")); !slices.Equal(got, []any{true}) {
		t.Errorf("before the rotation the secrets are %v", got)
	}
	rotated := p.call(from, http.MethodPost, path+"/rotate", `{"grace": "1h"}`).want(http.StatusOK, "")
	if got := secrets(made.text("apiKey")); !slices.Equal(got, []any{true, false}) {
		t.Errorf("after the rotation the secrets are %v", got)
	}
	for _, key := range []string{made.text("apiKey"), rotated.text("apiKey")} {
		read := p.call(header("Authorization", "Bearer "+key), http.MethodGet, path, "").want(http.StatusOK, "")
		for _, hidden := range []string{made.text("apiKey"), rotated.text("apiKey")} {
			if hidden == "" || strings.Contains(read.body, hidden) {
				t.Error("a secret is shown again, or there is none")
			}
		}
		if strings.Contains(p.Log.String(), key) {
			t.Error("a secret is in the log")
		}
	}
	p.call(from, http.MethodPost, path+"/retireOldSecret", "").want(http.StatusOK, "") // the old one, by itself
	p.call(from, http.MethodGet, path, "").want(http.StatusUnauthorized, "NOT_FOUND")
	p.call(header("X-Api-Key", rotated.text("apiKey")), http.MethodGet, path, "").want(http.StatusOK, "")
	if got := secrets(rotated.text("apiKey")); !slices.Equal(got, []any{true}) {
		t.Errorf("in the end the secrets are %v", got)
	}
}
