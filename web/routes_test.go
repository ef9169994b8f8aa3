package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/static"
	"keyportal/web"
)

// personas are the kinds of people for whom the table below says what each
// route answers, in this order. The thing that a route is about belongs to own.
var personas = []string{"anonymous", "nobody", "own", "colleague", "admin", "stranger", "support", "super"}

func (p *running) persona(name string) *browser {
	switch name {
	case "anonymous":
		return p.visitor()
	case "nobody":
		return p.as(p.Nobody)
	case "own":
		return p.as(p.Member)
	case "colleague":
		return p.as(p.Colleague)
	case "admin":
		return p.as(p.Admin)
	case "stranger":
		return p.as(p.Stranger)
	case "support":
		return p.as(p.Support)
	case "super":
		return p.as(p.SuperAdmin)
	}
	panic(name)
}

// authorization says what each route answers to each persona: 200 a page, 303
// done (or, for anonymous, off to Log In), 401, 403, 404. The form is what a
// page would send.
var authorization = map[string]struct {
	answers string
	form    func(*running) url.Values
}{
	//                                      anon nobody own colleague admin stranger support super
	"GET /setup/:token":     {"404 404 404 404 404 404 404 404", nil},
	"POST /setup/:token":    {"404 404 404 404 404 404 404 404", nil},
	"GET /login":            {"200 303 303 303 303 303 303 303", nil},
	"POST /login":           {"401 401 401 401 401 401 401 401", nil},
	"POST /logout":          {"401 303 303 303 303 303 303 303", nil},
	"GET /password/:token":  {"404 404 404 404 404 404 404 404", nil},
	"POST /password/:token": {"404 404 404 404 404 404 404 404", nil},

	"POST /oauth2/v1/token":                       {"401 401 401 401 401 401 401 401", nil}, // a session is no proof here
	"POST /oauth2/v1/token/introspection":         {"401 401 401 401 401 401 401 401", nil},
	"POST /oauth2/v1/token/revocation":            {"401 401 401 401 401 401 401 401", nil},
	"GET /.well-known/oauth-authorization-server": {"200 200 200 200 200 200 200 200", nil},

	"GET /":                  {"303 200 200 200 200 200 200 200", nil},
	"POST /organization":     {"401 303 303 303 303 404 303 303", func(p *running) url.Values { return url.Values{"organization_id": {id(p.Organization.ID)}} }},
	"GET /profile":           {"303 200 200 200 200 200 200 200", nil},
	"GET /profile/security":  {"303 200 200 200 200 200 200 200", nil},
	"GET /profile/password":  {"303 200 200 200 200 200 200 200", nil},
	"POST /profile/password": {"401 422 422 422 422 422 422 422", func(*running) url.Values { return url.Values{"current": {"wrong"}} }},

	"POST /profile/keys/acknowledge": {"401 303 303 303 303 303 303 303", func(p *running) url.Values {
		return url.Values{"key": {id(p.Key.ID)}, "until": {"2100-01-01T00:00:00Z"}}
	}},
	"POST /profile/sessions/end":        {"401 404 404 404 404 404 404 404", func(p *running) url.Values { return url.Values{"session": {p.sessionOf(p.holder())}} }}, // one's own: see security_test.go
	"POST /profile/sessions/end-others": {"401 303 303 303 303 303 303 303", nil},

	"GET /account/api-key":         {"303 200 200 200 200 200 200 200", nil},
	"GET /account/api-key/new":     {"303 403 403 403 409 409 403 409", nil}, // nobody is signed in to an instance here
	"POST /account/api-key":        {"401 403 403 403 409 409 403 409", nil},
	"POST /account/api-key/secret": {"401 403 403 403 409 409 403 409", nil},
	"POST /account/instance":       {"401 303 303 303 303 404 404 303", func(p *running) url.Values { return url.Values{"instance": {id(p.Instance.ID)}} }},

	"GET /users":                                {"303 403 403 403 200 200 200 200", nil},
	"GET /users/new":                            {"303 403 403 403 200 200 403 200", nil},
	"POST /users":                               {"401 403 403 403 303 403 403 303", newUserForm},
	"GET /users/:id":                            {"303 404 200 404 200 404 200 200", nil},
	"GET /users/:id/edit":                       {"303 403 403 403 200 404 403 200", nil},
	"POST /users/:id":                           {"401 403 403 403 303 404 403 303", userForm},
	"POST /users/:id/act":                       {"401 403 403 403 303 404 403 303", func(*running) url.Values { return url.Values{"action": {"lock"}} }},
	"POST /users/:id/password-link":             {"401 403 403 403 200 404 403 200", nil},
	"GET /users/:id/memberships":                {"303 403 403 403 303 404 403 303", nil},
	"GET /users/:id/memberships/:organization":  {"303 403 403 403 200 404 403 200", nil},
	"POST /users/:id/memberships/:organization": {"401 403 403 403 303 404 403 303", membershipForm},

	"GET /groups":             {"303 403 403 403 200 200 200 200", nil},
	"GET /groups/new":         {"303 403 403 403 200 200 403 200", nil},
	"POST /groups":            {"401 403 403 403 303 303 403 303", func(*running) url.Values { return url.Values{"name": {"Clerks"}} }},
	"GET /groups/:id":         {"303 403 403 403 200 404 200 200", nil},
	"GET /groups/:id/edit":    {"303 403 403 403 200 404 403 200", nil},
	"POST /groups/:id":        {"401 403 403 403 303 404 403 303", groupForm},
	"GET /groups/:id/delete":  {"303 403 403 403 200 404 403 200", nil},
	"POST /groups/:id/delete": {"401 403 403 403 303 404 403 303", groupForm},

	"GET /roles":            {"303 403 403 403 200 200 200 200", nil},
	"GET /roles/new":        {"303 403 403 403 200 200 403 200", nil},
	"POST /roles":           {"401 403 403 403 303 303 403 303", func(*running) url.Values { return url.Values{"name": {"Clerk"}} }},
	"GET /roles/:id":        {"303 403 403 403 200 404 200 200", nil},
	"GET /roles/:id/edit":   {"303 403 403 403 200 404 403 200", nil},
	"POST /roles/:id":       {"401 403 403 403 303 404 403 303", func(p *running) url.Values { return url.Values{"name": {"Clerk"}, "version": {id(p.Role.Version)}} }},
	"GET /roles/:id/delete": {"303 403 403 403 200 404 403 200", nil},
	"POST /roles/:id/delete": {"401 403 403 403 303 404 403 303", func(p *running) url.Values {
		return url.Values{"confirm": {p.Role.Name}, "version": {id(p.Role.Version)}}
	}},

	"GET /api-sets":              {"303 403 403 403 403 403 403 200", nil},
	"GET /api-sets/new":          {"303 403 403 403 403 403 403 200", nil},
	"POST /api-sets":             {"401 403 403 403 403 403 403 303", func(*running) url.Values { return url.Values{"name": {"Usage"}, "slug": {"usage"}} }},
	"GET /api-sets/import":       {"303 403 403 403 403 403 403 200", nil},
	"POST /api-sets/import":      {"401 403 403 403 403 403 403 303", importForm},
	"GET /api-sets/:id":          {"303 403 403 403 403 403 403 200", nil},
	"GET /api-sets/:id/edit":     {"303 403 403 403 403 403 403 200", nil},
	"POST /api-sets/:id":         {"401 403 403 403 403 403 403 303", apiSetForm},
	"GET /api-sets/:id/retire":   {"303 403 403 403 403 403 403 200", nil},
	"POST /api-sets/:id/retire":  {"401 403 403 403 403 403 403 303", retireForm},
	"POST /api-sets/:id/restore": {"401 403 403 403 403 403 403 303", retireForm},

	"GET /organizations":          {"303 403 403 403 403 403 200 200", nil},
	"GET /organizations/new":      {"303 403 403 403 403 403 403 200", nil},
	"POST /organizations":         {"401 403 403 403 403 403 403 303", func(*running) url.Values { return url.Values{"name": {"New Client"}, "level": {"1"}} }},
	"GET /organizations/:id/edit": {"303 403 403 403 403 403 403 200", nil},
	"POST /organizations/:id": {"401 403 403 403 403 403 403 303", func(p *running) url.Values {
		return url.Values{"name": {"Renamed"}, "level": {"3"}, "version": {id(p.Organization.Version)}}
	}},
	"GET /organizations/:id":             {"303 403 403 403 200 404 200 200", nil},
	"GET /organizations/:id/suspend":     {"303 403 403 403 403 403 403 200", nil},
	"POST /organizations/:id/suspend":    {"401 403 403 403 403 403 403 303", func(p *running) url.Values { return url.Values{"confirm": {p.Organization.Name}} }},
	"POST /organizations/:id/reactivate": {"401 403 403 403 403 403 403 303", nil},
	"GET /organizations/:id/settings":    {"303 403 403 403 200 404 403 200", nil},
	"POST /organizations/:id/settings":   {"401 403 403 403 303 404 403 303", settingsForm},

	"GET /levels":             {"303 403 403 403 403 403 403 200", nil},
	"GET /levels/new":         {"303 403 403 403 403 403 403 200", nil},
	"POST /levels":            {"401 403 403 403 403 403 403 303", func(*running) url.Values { return url.Values{"name": {"Diamond"}, "licenses": {"9"}} }},
	"GET /levels/:id/edit":    {"303 403 403 403 403 403 403 200", nil},
	"POST /levels/:id":        {"401 403 403 403 403 403 403 303", func(*running) url.Values { return url.Values{"name": {"Blue"}, "licenses": {"2"}, "version": {"1"}} }},
	"POST /levels/:id/delete": {"401 403 403 403 403 403 403 303", func(*running) url.Values { return url.Values{"version": {"1"}} }},

	"GET /organizations/:id/licenses/new": {"303 403 403 403 403 403 200 200", nil},
	"POST /organizations/:id/licenses":    {"401 403 403 403 403 403 303 303", licenseForm},
	"GET /licenses/:id":                   {"303 403 403 403 200 404 200 200", nil},
	"GET /licenses/:id/edit":              {"303 403 403 403 403 403 200 200", nil},
	"POST /licenses/:id":                  {"401 403 403 403 403 403 303 303", licenseForm},
	"GET /licenses/:id/deactivate":        {"303 403 403 403 403 403 200 200", nil},
	"POST /licenses/:id/deactivate":       {"401 403 403 403 403 403 303 303", func(p *running) url.Values { return url.Values{"confirm": {p.License.Number}} }},
	"GET /licenses/:id/delete":            {"303 403 403 403 403 403 200 200", nil},
	"POST /licenses/:id/delete":           {"401 403 403 403 403 403 409 409", func(p *running) url.Values { return url.Values{"confirm": {p.License.Number}} }}, // it has an instance; see license_test.go
	"POST /licenses/:id/activate":         {"401 403 403 403 403 403 303 303", nil},
	"POST /licenses/:id/instances":        {"401 403 403 403 403 403 303 303", func(p *running) url.Values { return url.Values{"name": {"BE" + p.License.Number}} }},

	"GET /licenses/:id/instances/:instance/remove":  {"303 403 403 403 403 403 200 200", nil},
	"POST /licenses/:id/instances/:instance/remove": {"401 403 403 403 403 403 303 303", nil},

	"GET /applications":                       {"303 403 403 403 403 403 403 200", nil},
	"GET /applications/new":                   {"303 403 403 403 403 403 403 200", nil},
	"POST /applications":                      {"401 403 403 403 403 403 403 303", func(*running) url.Values { return url.Values{"name": {"Kiosk"}} }},
	"GET /applications/:id/edit":              {"303 403 403 403 200 404 200 200", nil},
	"POST /applications/:id":                  {"401 403 403 403 303 404 303 303", applicationForm},
	"POST /applications/:id/retire":           {"401 403 403 403 303 404 303 303", applicationForm},
	"POST /applications/:id/restore":          {"401 403 403 403 303 404 303 303", applicationForm},
	"GET /organizations/:id/applications":     {"303 403 403 403 200 404 200 200", nil},
	"GET /organizations/:id/applications/new": {"303 403 403 403 200 404 200 200", nil},
	"POST /organizations/:id/applications":    {"401 403 403 403 303 404 303 303", func(*running) url.Values { return url.Values{"name": {"Kiosk"}} }},

	"GET /keys":               {"303 403 200 200 200 200 200 200", nil},
	"GET /keys.csv":           {"303 403 200 200 200 200 200 200", nil},
	"GET /keys/new":           {"303 403 200 200 200 200 200 200", nil},
	"POST /keys":              {"401 403 200 403 200 422 200 200", newKeyForm},
	"GET /keys/:id":           {"303 403 200 403 200 404 200 200", nil},
	"GET /keys/:id/edit":      {"303 403 200 403 200 404 200 200", nil},
	"POST /keys/:id":          {"401 403 303 403 303 404 303 303", keyForm},
	"POST /keys/:id/enable":   {"401 403 303 403 303 404 303 303", nil},
	"POST /keys/:id/disable":  {"401 403 303 403 303 404 303 303", nil},
	"GET /keys/:id/revoke":    {"303 403 200 403 200 404 200 200", nil},
	"POST /keys/:id/revoke":   {"401 403 303 403 303 404 303 303", func(p *running) url.Values { return url.Values{"confirm": {p.Key.Name}} }},
	"GET /keys/issue":         {"303 403 403 403 200 200 200 200", nil},
	"POST /keys/issue":        {"401 403 403 403 303 422 303 303", issueForm},
	"GET /keys/:id/delivery":  {"303 404 404 404 404 404 404 404", nil}, // there is none; see delivery_test.go
	"POST /keys/:id/delivery": {"401 404 404 404 404 404 404 404", nil},
	"POST /keys/:id/deliver":  {"401 403 403 403 303 404 303 303", nil},

	"GET /docs":          {"303 200 200 200 200 200 200 200", nil},
	"GET /docs/:section": {"303 200 200 200 200 200 200 200", nil},

	"GET /history":         {"303 403 403 403 200 200 200 200", nil}, // see revision_test.go
	"GET /history.csv":     {"303 403 403 403 200 200 200 200", nil},
	"GET /history/verify":  {"303 403 403 403 403 403 403 200", nil},
	"POST /history/verify": {"401 403 403 403 403 403 403 200", nil},

	"GET /requests":     {"303 403 403 403 200 200 200 200", nil},
	"GET /requests/new": {"303 403 403 403 200 200 303 200", nil}, // support issues instead
	"POST /requests": {"401 403 403 403 303 422 403 303", func(p *running) url.Values {
		return url.Values{"application": {id(p.Application.ID)}, "license": {id(p.License.ID)}, "reason": {"For the shops."}}
	}},
	"GET /requests/:id":           {"303 404 200 404 200 404 200 200", nil},
	"POST /requests/:id/take":     {"401 403 403 403 403 403 303 303", wordForm},
	"POST /requests/:id/ask":      {"401 403 403 403 403 403 303 303", wordForm},
	"POST /requests/:id/answer":   {"401 404 303 404 403 404 403 403", wordForm},
	"GET /requests/:id/approve":   {"303 403 403 403 403 403 200 200", nil},
	"POST /requests/:id/approve":  {"401 403 403 403 403 403 303 303", wordForm},
	"POST /requests/:id/decline":  {"401 403 403 403 403 403 303 303", wordForm},
	"GET /requests/:id/withdraw":  {"303 404 200 404 200 404 403 200", nil},
	"POST /requests/:id/withdraw": {"401 404 303 404 303 404 403 303", nil},

	"POST /keys/:id/secret": {"401 403 409 403 409 404 403 409", nil}, // a token can't be shown; see secret_test.go

	"GET /keys/:id/rotate": {"303 403 200 403 200 404 403 200", nil}, // support sends a one-time page instead
	"POST /keys/:id/rotate": {"401 403 200 403 200 404 403 200", func(p *running) url.Values {
		return url.Values{"confirm": {p.Key.Name}, "grace": {"1h0m0s"}}
	}},
	"GET /keys/:id/retire-old":       {"303 403 303 403 303 404 303 303", nil}, // there is none; see rotation_test.go
	"POST /keys/:id/retire-old":      {"401 403 303 403 303 404 303 303", nil},
	"GET /keys/:id/cancel-rotation":  {"303 403 303 403 303 404 403 303", nil},
	"POST /keys/:id/cancel-rotation": {"401 403 303 403 303 404 403 303", nil},

	"GET /impersonation": {"303 403 403 403 403 403 200 200", nil},

	"GET /system-setup":                      {"303 403 200 200 200 200 200 200", nil},
	"GET /integrations/api-keys":             {"303 403 200 200 200 200 200 200", nil},
	"GET /integrations/api-keys/new":         {"303 403 200 200 200 200 200 200", nil},
	"POST /integrations/api-keys":            {"401 403 200 403 200 422 200 200", newKeyForm},
	"GET /integrations/data-loader-keys":     {"303 403 200 200 200 200 200 200", nil},
	"GET /integrations/data-loader-keys/new": {"303 403 200 200 200 200 200 200", nil},
	"POST /integrations/data-loader-keys":    {"401 403 200 403 200 422 200 200", newKeyForm},
}

func id(number int64) string { return strconv.FormatInt(number, 10) }

func newUserForm(p *running) url.Values {
	return url.Values{"username": {"fresh"}, "first_name": {"Fresh"}, "email": {"fresh@example.com"}, "organization": {id(p.Organization.ID)}}
}

func userForm(p *running) url.Values {
	return url.Values{"username": {"member"}, "first_name": {"Renamed"}, "email": {"member@example.com"}, "version": {id(p.Member.Version)}}
}

func membershipForm(p *running) url.Values {
	return url.Values{"role": {id(p.Role.ID)}, "version": {"1"}}
}

func groupForm(p *running) url.Values {
	group := p.accounting()
	return url.Values{"name": {"Clerks"}, "confirm": {group.Name}, "version": {id(group.Version)}}
}

// accounting gives a group of Organization that gives Role to Member; it is made when it
// is first asked for.
func (p *running) accounting() portal.Group {
	p.t.Helper()
	groups, err := p.Store.Groups(p.t.Context(), p.Organization.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(groups) > 0 {
		return groups[0]
	}
	group := storetest.Insert(p.t, p.Store, func(c *store.Change) (portal.Group, error) {
		return c.InsertGroup(p.t.Context(), portal.Group{OrganizationID: p.Organization.ID, Name: "Accounting", Description: "Those who count.", Roles: []portal.Role{p.Role}})
	})
	storetest.Change(p.t, p.Store, func(c *store.Change) error { return c.PutIntoGroup(p.t.Context(), group, p.Member.ID) })
	return group
}

func apiSetForm(p *running) url.Values {
	return url.Values{"name": {"Billing"}, "slug": {"billing"}, "version": {id(p.Billing.Version)}}
}

func importForm(p *running) url.Values {
	seen, err := p.Store.APISetsVersion(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return url.Values{"step": {"import"}, "outline": {`{"operations":[{"method":"GET","path":"/usage"}]}`}, "tag": {"0"}, "seen": {id(seen)}}
}

func retireForm(p *running) url.Values {
	return url.Values{"confirm": {p.Billing.Name}, "version": {id(p.Billing.Version)}}
}

func settingsForm(p *running) url.Values {
	return url.Values{"secret_viewing": {"on"}, "version": {id(p.Organization.Version)}}
}

func licenseForm(p *running) url.Values {
	return url.Values{"number": {"56789012"}, "domain": {"Gold Europe"}, "database": {"GOLD_EU"}, "version": {id(p.License.Version)}}
}

func applicationForm(p *running) url.Values {
	return url.Values{"name": {"Kiosk"}, "version": {id(p.Application.Version)}}
}

func newKeyForm(p *running) url.Values {
	return url.Values{"name": {"Nightly"}, "api_set": {"billing"}, "user": {id(p.Member.ID)}}
}

func keyForm(p *running) url.Values {
	return url.Values{"name": {"Renamed"}, "api_set": {"billing"}, "version": {id(p.Key.Version)}}
}

func issueForm(p *running) url.Values {
	return url.Values{"name": {"Kiosk"}, "application": {id(p.Application.ID)}, "license": {id(p.License.ID)}, "user": {id(p.Member.ID)}}
}

// wordForm has what the forms about a request ask for.
func wordForm(p *running) url.Values {
	return url.Values{"version": {id(p.pending().Version)}, "message": {"Who will use it?"}, "reason": {"Not this one."}, "name": {"Kiosk"}}
}

// pending gives Member's request for a key, which is still to be decided; it is made
// when it is first asked for.
func (p *running) pending() portal.Request {
	p.t.Helper()
	found, err := p.Store.PendingRequests(p.t.Context(), p.Organization.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(found) > 0 {
		return found[0]
	}
	return p.request(p.Member, p.Application, p.License)
}

// address fills a route's path in with what the fixture has.
func (p *running) address(path string) string {
	noun, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	ids := map[string]int64{"users": p.Member.ID, "roles": p.Role.ID, "api-sets": p.Billing.ID, "organizations": p.Organization.ID, "keys": p.Key.ID,
		"levels": 1, "licenses": p.License.ID, "applications": p.Application.ID}
	if strings.HasPrefix(path, "/requests/:id") {
		ids["requests"] = p.pending().ID
	}
	if strings.HasPrefix(path, "/groups/:id") {
		ids["groups"] = p.accounting().ID
	}
	return strings.NewReplacer(":id", id(ids[noun]), ":organization", id(p.Organization.ID), ":instance", id(p.Instance.ID), ":token", "kpl_unknown", ":section", "user").Replace(path)
}

func TestEachRouteAnswersEachPersonaAsTheTableSays(t *testing.T) {
	seen := map[string]bool{}
	for _, route := range web.Routes() {
		name := route.Method + " " + route.Path
		seen[name] = true
		t.Run(strings.ReplaceAll(name, "/", "|"), func(t *testing.T) {
			t.Parallel()
			row, known := authorization[name]
			if !known {
				t.Fatalf("the route %s is not in the authorization table: say who may use it", name)
			}
			for i, want := range strings.Fields(row.answers) {
				p := startPortal(t)
				form := url.Values{}
				if row.form != nil {
					form = row.form(p)
				}
				got := p.ask(personas[i], route, form)
				if strconv.Itoa(got.status) != want {
					t.Errorf("%s for %s: %d, want %s: %.300s", name, personas[i], got.status, want, got.text())
				}
			}
		})
	}
	for name := range authorization {
		if !seen[name] {
			t.Errorf("the authorization table has %s, which is no route", name)
		}
	}
}

func (p *running) ask(persona string, route web.Route, form url.Values) answer {
	b := p.persona(persona)
	if route.Method == http.MethodGet {
		return b.get(p.address(route.Path))
	}
	return b.post(p.address(route.Path), form)
}

func TestHEADIsAnsweredAsGETWithoutTheBody(t *testing.T) {
	p := startPortal(t)
	for _, b := range []*browser{p.as(p.SuperAdmin), p.as(p.Nobody), p.visitor()} {
		for _, route := range web.Routes() {
			if route.Method != http.MethodGet {
				continue
			}
			b.wantSameHead(t, p.address(route.Path))
		}
		b.wantSameHead(t, static.URL("app.css"))
	}
}

func (b *browser) wantSameHead(t *testing.T, path string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodHead, b.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	head, got := b.send(request), b.get(path)
	if head.status != got.status || head.location != got.location || head.header.Get("Content-Type") != got.header.Get("Content-Type") || head.body != "" {
		t.Errorf("HEAD %s: %d to %q with %d bytes, GET: %d to %q", path, head.status, head.location, len(head.body), got.status, got.location)
	}
}

func TestTheRequestIDIsThePortalsOwn(t *testing.T) {
	p := startPortal(t)
	request, err := http.NewRequest(http.MethodGet, p.URL+"/nowhere", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Request-Id", "chosen-by-the-client")
	got := p.visitor().send(request).expect(t, http.StatusNotFound)
	if id := got.header.Get("X-Request-Id"); id == "" || id == "chosen-by-the-client" {
		t.Errorf("the request's ID is %q", id)
	}
	if strings.Contains(got.body+p.Log.String(), "chosen-by-the-client") {
		t.Error("the client's ID is in the page or the log")
	}
}

func TestTheNavigationShowsWhatOpensInTheOrganizationOneIsWorkingIn(t *testing.T) {
	p := startPortal(t)
	storetest.Member(t, p.Store, p.Other, p.Member)
	b := p.as(p.Member)
	entries := func() int { return b.get("/").expect(t, http.StatusOK).doc.Find("nav a[href='/keys']").Length() }
	if entries() != 1 {
		t.Error("API Keys is not there where one has keys")
	}
	b.post("/organization", url.Values{"organization_id": {id(p.Other.ID)}}).expect(t, http.StatusSeeOther)
	if entries() != 0 {
		t.Error("API Keys is there where one holds nothing")
	}
}

func TestTheNavigationMarksWhereAPageBelongs(t *testing.T) {
	p := startPortal(t)
	other := storetest.License(t, p.Store, p.Other)
	matrix := organizationAddress(p.Organization) + "/applications"
	for path, want := range map[string]string{
		"/": "/", "/users/new": "/users", "/groups/new": "/groups", "/organizations": "/organizations", "/levels/1/edit": "/levels", "/applications/1/edit": "/applications",
		matrix: matrix, matrix + "/new": matrix, applicationAddress(p.Application) + "/edit": matrix,
		organizationAddress(p.Organization): organizationAddress(p.Organization), licenseAddress(p.License): organizationAddress(p.Organization),
		organizationAddress(p.Other): "/organizations", licenseAddress(other) + "/edit": "/organizations", licenseAddress(portal.License{ID: 4711}): "",
	} {
		current := p.as(p.SuperAdmin).get(path).doc.Find("nav[aria-label=Main] a[aria-current=page]")
		if current.Length() > 1 || current.AttrOr("href", "") != want {
			t.Errorf("at %s %d entries are current, the first leads to %q, want %q", path, current.Length(), current.AttrOr("href", ""), want)
		}
	}
	entries := func(user portal.User) string {
		return strings.Join(p.as(user).get("/").doc.Find("nav[aria-label=Main] .kp-nav-item").Map(func(_ int, s *goquery.Selection) string { return strings.TrimSpace(s.Text()) }), ", ")
	}
	for _, test := range []struct {
		user portal.User
		want string
	}{
		{p.holder(portal.ViewLicenses), "Overview, Applications, Licenses"},
		{p.holder(portal.RequestAPIKeys), "Overview, Applications, Requests"},
		{p.holder(portal.ManageUsers), "Overview, Groups"},
		{p.Nobody, "Overview"},
		{p.SuperAdmin, "Overview, API Keys, Applications, Licenses, Requests, Users, Groups, Roles, Organizations, Impersonation, System setup, Revision History, API sets, Client levels, Application catalogue"},
	} {
		if got := entries(test.user); got != test.want {
			t.Errorf("%s is offered %s; want %s", test.user.Username, got, test.want)
		}
	}
	if headings := p.as(p.Admin).get("/").doc.Find("nav[aria-label=Main] h2").Map(func(_ int, s *goquery.Selection) string { return s.Text() }); !slices.Contains(headings, "People") {
		t.Errorf("users are not in the section People, of %v", headings)
	}
}

func TestAFormFromAnotherSiteIsRefusedOnEveryRoute(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	for _, route := range web.Routes() {
		if route.Method != http.MethodPost {
			continue
		}
		for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
			request, err := http.NewRequest(http.MethodPost, p.URL+p.address(route.Path), strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set(header[0], header[1])
			b.send(request).expect(t, http.StatusForbidden, "another site")
		}
	}
	if key, err := p.Store.Key(t.Context(), p.Key.ID); err != nil || key.State(p.Manager.Now()) != portal.KeyActive {
		t.Fatalf("the key is %v, %v after forms from another site", key.State(p.Manager.Now()), err)
	}
}

func TestAFormFromTheBaseURLIsTakenBehindAProxyWithAnotherHost(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	request, err := http.NewRequest(http.MethodPost, p.URL+"/keys/"+id(p.Key.ID)+"/disable", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "upstream.internal"
	request.Header.Set("Origin", p.URL)
	request.Header.Set("Cookie", "keyportal="+b.cookie())
	b.send(request).expect(t, http.StatusSeeOther)
}

func TestNoPageChangesAnythingWhenItIsRead(t *testing.T) {
	p := startPortal(t)
	p.pending()
	p.accounting()
	before, err := p.Store.VerifyChain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := p.as(p.SuperAdmin)
	for _, route := range web.Routes() {
		if route.Method == http.MethodGet {
			b.get(p.address(route.Path))
		}
	}
	if after, err := p.Store.VerifyChain(t.Context()); err != nil || after.Revision != before.Revision {
		t.Fatalf("the history ended with %s, now with %s, %v", before, after, err)
	}
}

func TestUnknownAddressesAndMethodsAreAnsweredWithAPage(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	b.get("/nowhere").expect(t, http.StatusNotFound, "There is no such page")
	for _, path := range []string{"/keys/0", "/keys/-1", "/keys/abc", "/keys/99999999999999999999", "/users/424242", fmt.Sprintf("/roles/%d", 424242)} {
		b.get(path).expect(t, http.StatusNotFound)
	}
	request, err := http.NewRequest(http.MethodDelete, p.URL+"/keys", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.send(request).expect(t, http.StatusMethodNotAllowed)
}
