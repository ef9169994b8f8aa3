package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// replied is what the API answered.
type replied struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   string
	fields map[string]any
}

// sender puts into a request by what it is known who sends it.
type sender func(*http.Request)

// nobody sends nothing by which anybody could be known.
func nobody(*http.Request) {}

// call sends a request to the API. Whatever is refused must be refused as all problems are.
func (p *running) call(from sender, method, path, body string, edit ...func(*http.Request)) replied {
	p.t.Helper()
	request, err := http.NewRequest(method, p.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	from(request)
	for _, edit := range edit {
		edit(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	got := replied{p.t, method + " " + path, response.StatusCode, response.Header, string(text), nil}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &got.fields); err != nil {
			p.t.Errorf("%s answers no JSON: %v: %.200s", got.what, err, text)
		}
	}
	if got.status >= 400 {
		got.wantProblem()
	}
	return got
}

// wantProblem fails when what was refused is not told as RFC 9457 has it, with a code.
func (r replied) wantProblem() {
	r.t.Helper()
	if kind := r.header.Get("Content-Type"); kind != "application/problem+json" {
		r.t.Errorf("%s is refused as %s", r.what, kind)
	}
	for _, field := range []string{"type", "title", "detail", "code"} {
		if text, _ := r.fields[field].(string); text == "" {
			r.t.Errorf("%s is refused without %s: %s", r.what, field, r.body)
		}
	}
	if r.fields["status"] != float64(r.status) {
		r.t.Errorf("%s is refused with %d as %v", r.what, r.status, r.fields["status"])
	}
}

// want fails unless the status is this one and a problem, where it is one, has the code.
func (r replied) want(status int, code string) replied {
	r.t.Helper()
	if got, _ := r.fields["code"].(string); r.status != status || got != code {
		r.t.Errorf("%s: %d %q, want %d %q: %.400s", r.what, r.status, got, status, code, r.body)
	}
	return r
}

// id gives the ID of the thing that was answered.
func (r replied) id() string {
	r.t.Helper()
	number, ok := r.fields["id"].(float64)
	if !ok {
		r.t.Fatalf("%s has no ID: %.300s", r.what, r.body)
	}
	return id(int64(number))
}

// text gives a field of the answer that is a text.
func (r replied) text(field string) string {
	text, _ := r.fields[field].(string)
	return text
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// session gives who sends requests from a page of the portal, signed in as a user.
func (p *running) session(user portal.User) sender {
	p.t.Helper()
	token := p.as(user).cookie()
	return func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: "keyportal", Value: token})
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
}

// portalSet gives the API set Key Portal API.
func (p *running) portalSet() portal.APISet {
	p.t.Helper()
	if err := p.Manager.EnsurePortalAPI(portal.WithActor(p.t.Context(), portal.Program("test"))); err != nil {
		p.t.Fatal(err)
	}
	return p.apiSetCalled(portal.PortalAPI)
}

// apiKey makes a key of a member of Organization that reaches all API sets and never
// ends, as far as it is not edited.
func (p *running) apiKey(user portal.User, edit ...func(*portal.Key)) (portal.Key, secret.Value) {
	p.t.Helper()
	edit = append([]func(*portal.Key){func(k *portal.Key) {
		k.APISets, k.ExpiresAt = []portal.APISet{p.portalSet(), p.Billing, p.Dunning, p.Revenue}, k.RevokedAt
	}}, edit...)
	return storetest.Key(p.t, p.Store, p.membership(user, p.Organization), edit...)
}

// token gives who sends a token key of a user.
func (p *running) token(user portal.User, edit ...func(*portal.Key)) sender {
	p.t.Helper()
	_, value := p.apiKey(user, edit...)
	return header("X-Api-Key", value.Reveal())
}

// pairOf gives who sends a key pair of a user.
func (p *running) pairOf(user portal.User) sender {
	p.t.Helper()
	key, value := p.apiKey(user, func(k *portal.Key) { k.Kind = portal.PairKey })
	return func(r *http.Request) {
		r.Header.Set("accessKey", key.PublicID)
		r.Header.Set("secretKey", value.Reveal())
	}
}

// accessTokenOf gives who sends an access token, with the scope portal, of an OAuth client of
// a user.
func (p *running) accessTokenOf(user portal.User) sender {
	p.t.Helper()
	client := oauthClient{p: p}
	var value secret.Value
	client.key, value = p.apiKey(user, func(k *portal.Key) {
		k.Kind, k.PublicID, k.LicenseID = portal.OAuthKey, secret.New("", secret.ClientID).Reveal(), p.License.ID
	})
	client.secret = value.Reveal()
	return header("Authorization", "Bearer "+client.token("portal billing dunning revenue-management"))
}

// operations has each operation of the API with what it answers to a member without
// authorities of their own but Manage User API Key, to an admin of the client and to a
// super admin, and what is sent. A key is answered as its user.
var operations = map[string]struct {
	answers string // member admin super
	body    func(*running) string
}{
	"DELETE /instances/{instanceId}":             {"403 403 204", nil},
	"DELETE /levels/{levelId}":                   {"403 403 204", nil},
	"DELETE /licenses/{licenseId}":               {"403 403 204", nil},
	"DELETE /user/group/{groupId}":               {"403 204 204", nil},
	"DELETE /user/org/{orgId}/user/{userId}":     {"403 204 204", nil},
	"DELETE /user/role/{roleId}":                 {"403 204 204", nil},
	"GET /apiSets":                               {"200 200 200", nil},
	"GET /apiSets/{apiSetId}":                    {"403 403 200", nil},
	"GET /applications":                          {"403 403 200", nil},
	"GET /applications/{applicationId}":          {"403 200 200", nil},
	"GET /instances":                             {"200 200 200", nil},
	"GET /instances/{instanceId}":                {"200 200 200", nil},
	"GET /levels":                                {"200 200 200", nil},
	"GET /levels/{levelId}":                      {"403 403 200", nil},
	"GET /licenses":                              {"403 200 200", nil},
	"GET /licenses/{licenseId}":                  {"403 200 200", nil},
	"GET /requests":                              {"200 200 200", nil},
	"GET /requests/{requestId}":                  {"200 200 200", nil},
	"GET /revisions":                             {"403 200 200", nil},
	"GET /user/apiKey":                           {"200 200 200", nil},
	"GET /user/apiKey/{keyId}":                   {"200 200 200", nil},
	"GET /user/apiKey/{keyId}/use":               {"200 200 200", nil},
	"GET /user/apiKey/{keyId}/secrets":           {"200 200 200", nil},
	"GET /user/group/{groupId}":                  {"403 200 200", nil},
	"GET /user/org":                              {"200 200 200", nil},
	"GET /user/org/{orgId}":                      {"200 200 200", nil},
	"GET /user/org/{orgId}/group":                {"403 200 200", nil},
	"GET /user/org/{orgId}/user/{userId}":        {"200 200 200", nil},
	"GET /user/role":                             {"403 200 200", nil},
	"GET /user/role/{roleId}":                    {"403 200 200", nil},
	"GET /user/users":                            {"403 200 200", nil},
	"GET /user/users/me":                         {"200 200 200", nil},
	"GET /user/users/{userId}":                   {"200 200 200", nil},
	"GET /user/users/{userId}/org":               {"200 200 200", nil},
	"PATCH /apiSets/{apiSetId}":                  {"403 403 200", sends(`{"name": "Bills"}`)},
	"PATCH /applications/{applicationId}":        {"403 200 200", sends(`{"description": "In shops."}`)},
	"PATCH /levels/{levelId}":                    {"403 403 200", sends(`{"name": "Azure"}`)},
	"PATCH /licenses/{licenseId}":                {"403 403 200", sends(`{"domain": "Gold Asia"}`)},
	"PATCH /user/apiKey/{keyId}":                 {"200 200 200", sends(`{"description": "For the ERP."}`)},
	"PATCH /user/group/{groupId}":                {"403 200 200", sends(`{"name": "Clerks"}`)},
	"PATCH /user/org/{orgId}":                    {"403 403 200", sends(`{"name": "Golden Client"}`)},
	"PATCH /user/org/{orgId}/settings":           {"403 200 200", sends(`{"expiryRequired": true}`)},
	"PATCH /user/role/{roleId}":                  {"403 200 200", sends(`{"name": "Clerk"}`)},
	"PATCH /user/users/{userId}":                 {"403 200 200", sends(`{"firstName": "Renamed"}`)},
	"POST /apiSets":                              {"403 403 201", sends(`{"slug": "usage", "name": "Usage"}`)},
	"POST /apiSets/{apiSetId}/restore":           {"403 403 200", nil},
	"POST /apiSets/{apiSetId}/retire":            {"403 403 200", nil},
	"POST /applications":                         {"403 201 201", inOrganization(`{"name": "Terminal", "orgId": ORG}`)},
	"POST /applications/{applicationId}/restore": {"403 200 200", nil},
	"POST /applications/{applicationId}/retire":  {"403 200 200", nil},
	"POST /instances":                            {"403 403 201", func(p *running) string { return `{"name": "BE` + p.License.Number + `"}` }},
	"POST /levels":                               {"403 403 201", sends(`{"name": "Silver", "licenses": 5}`)},
	"POST /licenses":                             {"403 403 201", inOrganization(`{"orgId": ORG, "number": "56789012", "domain": "Gold Europe", "database": "GOLD_EU"}`)},
	"POST /licenses/{licenseId}/activate":        {"403 403 200", nil},
	"POST /licenses/{licenseId}/deactivate":      {"403 403 200", nil},
	"POST /requests": {"403 201 201", func(p *running) string {
		return fmt.Sprintf(`{"orgId": %d, "applicationId": %d, "licenseId": %d, "reason": "For the shops."}`, p.Organization.ID, p.Application.ID, p.License.ID)
	}},
	"POST /requests/{requestId}/answer":         {"200 403 403", sends(`{"text": "The shops."}`)},
	"POST /requests/{requestId}/approve":        {"403 403 200", sends(`{"name": "Kiosk", "apiSets": ["billing"]}`)},
	"POST /requests/{requestId}/ask":            {"403 403 200", sends(`{"text": "Who?"}`)},
	"POST /requests/{requestId}/decline":        {"403 403 200", sends(`{"text": "Use the other one."}`)},
	"POST /requests/{requestId}/take":           {"403 403 200", nil},
	"POST /requests/{requestId}/withdraw":       {"200 200 200", nil},
	"POST /user/apiKey":                         {"403 201 201", (*running).newKeyBody},
	"POST /user/apiKey/{keyId}/cancelRotation":  {"409 409 409", nil},
	"POST /user/apiKey/{keyId}/disable":         {"200 200 200", nil},
	"POST /user/apiKey/{keyId}/enable":          {"200 200 200", nil},
	"POST /user/apiKey/{keyId}/retireOldSecret": {"200 200 200", nil},
	"POST /user/apiKey/{keyId}/revoke":          {"200 200 200", nil},
	"POST /user/apiKey/{keyId}/rotate":          {"200 200 200", sends(`{"grace": "1h"}`)},
	"POST /user/org":                            {"403 403 201", sends(`{"name": "Acme", "levelId": 1}`)},
	"POST /user/org/{orgId}/group":              {"403 201 201", sends(`{"name": "Clerks"}`)},
	"POST /user/org/{orgId}/reactivate":         {"403 403 200", nil},
	"POST /user/org/{orgId}/suspend":            {"403 403 200", nil},
	"POST /user/role":                           {"403 201 201", inOrganization(`{"orgId": ORG, "name": "Clerk"}`)},
	"POST /user/users":                          {"403 201 201", inOrganization(`{"email": "fresh@example.com", "orgId": ORG}`)},
	"POST /user/users/{userId}/disable":         {"403 200 200", nil},
	"POST /user/users/{userId}/enable":          {"403 200 200", nil},
	"POST /user/users/{userId}/lock":            {"403 200 200", nil},
	"POST /user/users/{userId}/unlock":          {"403 200 200", nil},
	"PUT /user/org/{orgId}/user/{userId}":       {"403 200 200", sends(`{"admin": false}`)},
}

func sends(body string) func(*running) string { return func(*running) string { return body } }

// inOrganization sends a body in which ORG stands for Organization.
func inOrganization(body string) func(*running) string {
	return func(p *running) string { return strings.ReplaceAll(body, "ORG", id(p.Organization.ID)) }
}

// newKeyBody asks for a key of Member for an application and License.
func (p *running) newKeyBody() string {
	return fmt.Sprintf(`{"orgUserId": %d, "name": "Integration Account", "apiSets": ["billing"], "applicationId": %d, "licenseId": %d}`,
		p.membership(p.Member, p.Organization).ID, p.Application.ID, p.License.ID)
}

// operationsOfDocument lists the operations that the document describes.
func (p *running) operationsOfDocument() []string {
	p.t.Helper()
	described := p.call(nobody, http.MethodGet, "/openapi.json", "").want(http.StatusOK, "")
	var found []string
	for path, item := range described.fields["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			found = append(found, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(found)
	return found
}

// operationAddress puts the IDs of the portal's things into an operation's path.
func (p *running) operationAddress(path string) string {
	p.t.Helper()
	things := map[string]func() int64{
		"{userId}": func() int64 { return p.Member.ID }, "{orgId}": func() int64 { return p.Organization.ID }, "{groupId}": func() int64 { return p.accounting().ID },
		"{roleId}": func() int64 { return p.Role.ID }, "{apiSetId}": func() int64 { return p.Billing.ID }, "{levelId}": func() int64 { return 1 },
		"{licenseId}": func() int64 { return storetest.License(p.t, p.Store, p.Organization).ID }, "{instanceId}": func() int64 { return p.Instance.ID },
		"{applicationId}": func() int64 { return storetest.Application(p.t, p.Store, p.Organization).ID }, "{requestId}": func() int64 { return p.pending().ID },
		"{keyId}": func() int64 {
			return p.applicationKey(p.Application, p.License, func(k *portal.Key) { k.Name, k.APISets, k.CanImpersonate = "Bound", []portal.APISet{p.Billing}, false }).ID
		},
	}
	for name, thing := range things {
		if strings.Contains(path, name) {
			path = strings.ReplaceAll(path, name, id(thing()))
		}
	}
	return path
}

// perform sends an operation with its body.
func (p *running) perform(from sender, operation string, edit ...func(*http.Request)) replied {
	p.t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	body := ""
	if of := operations[operation].body; of != nil {
		body = of(p)
	}
	return p.call(from, method, p.operationAddress(path), body, edit...)
}

func TestEachOperationOfTheAPIIsInTheTable(t *testing.T) {
	got, want := slices.Sorted(maps.Keys(operations)), startPortal(t).operationsOfDocument()
	if !slices.Equal(got, want) {
		t.Errorf("the table has\n%q\nand the document\n%q", got, want)
	}
}

// lasting has the operations that give what would outlast an access token.
var lasting = map[string]bool{
	"POST /user/apiKey": true, "POST /requests/{requestId}/approve": true,
	"POST /user/apiKey/{keyId}/rotate": true, "POST /user/apiKey/{keyId}/cancelRotation": true,
}

func TestAnOperationIsDoneForWhoMayHoweverTheyComeIn(t *testing.T) {
	ways := []struct {
		name string
		user func(*running) portal.User
		from func(*running, portal.User) sender
		want int // the column
	}{
		{"a member", func(p *running) portal.User { return p.Member }, (*running).session, 0},
		{"an admin", func(p *running) portal.User { return p.Admin }, (*running).session, 1},
		{"an admin's token", func(p *running) portal.User { return p.Admin }, func(p *running, u portal.User) sender { return p.token(u) }, 1},
		{"a super admin", func(p *running) portal.User { return p.SuperAdmin }, (*running).session, 2},
		{"a super admin's token", func(p *running) portal.User { return p.SuperAdmin }, func(p *running, u portal.User) sender { return p.token(u) }, 2},
		{"a super admin's pair", func(p *running) portal.User { return p.SuperAdmin }, (*running).pairOf, 2},
		{"a super admin's access token", func(p *running) portal.User { return p.SuperAdmin }, (*running).accessTokenOf, 2},
	}
	for operation, expected := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			for _, way := range ways {
				p := startPortal(t)
				got := p.perform(way.from(p, way.user(p)), operation)
				want := strings.Fields(expected.answers)[way.want]
				if way.name == "a super admin's access token" && lasting[operation] {
					want = "403"
				}
				if id(int64(got.status)) != want {
					t.Errorf("%s is answered %d, want %s: %.300s", way.name, got.status, want, got.body)
				}
			}
		})
	}
}

// unsaid is in what is sent where nothing may be repeated.
const unsaid = "kp_ThisIsNotToBeRepeated"

// refusedAlike sends each operation, and fails unless all are refused so and repeat nothing.
func (p *running) refusedAlike(what string, from sender, status int, code string, edit ...func(*http.Request)) {
	p.t.Helper()
	for operation := range operations {
		method, path, _ := strings.Cut(operation, " ")
		body := ""
		if method != http.MethodGet && method != http.MethodDelete {
			body = `{"name": "` + unsaid + `"}`
		}
		path = strings.NewReplacer("{userId}", id(p.Member.ID), "{orgId}", id(p.Organization.ID), "{keyId}", id(p.Key.ID), "{licenseId}", id(p.License.ID)).Replace(path)
		path = anyThing.ReplaceAllString(path, "1")
		got := p.call(from, method, path, body, edit...)
		if got.status != status || got.text("code") != code {
			p.t.Errorf("%s, %s: %d %s, want %d %s", what, operation, got.status, got.text("code"), status, code)
		}
		if strings.Contains(got.body, unsaid) {
			p.t.Errorf("%s, %s: what was sent is repeated: %s", what, operation, got.body)
		}
	}
}

var anyThing = regexp.MustCompile(`\{\w+\}`)

func TestEachOperationIsRefusedToWhoCanNotUseTheAPI(t *testing.T) {
	p := startPortal(t)
	_, value := storetest.Key(t, p.Store, p.membership(p.SuperAdmin, p.Organization), func(k *portal.Key) { k.APISets = []portal.APISet{p.Billing} })
	revoked := p.token(p.SuperAdmin, func(k *portal.Key) { k.RevokedAt = p.Manager.Now() })
	expired := p.token(p.SuperAdmin, func(k *portal.Key) { k.ExpiresAt = p.Manager.Now().Add(-time.Second) })
	disabled := p.token(p.SuperAdmin, func(k *portal.Key) { k.Enabled = false })
	elsewhere := p.token(p.SuperAdmin, func(k *portal.Key) { k.AllowedNetworks = []string{"198.51.100.0/24"} })
	members := p.token(p.Member) // whose roles do not allow it
	super, locked, pair := p.session(p.SuperAdmin), p.token(p.Admin), p.pairOf(p.SuperAdmin)
	leave := func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") }
	before := p.historyLength()

	p.refusedAlike("nobody", nobody, http.StatusUnauthorized, "unauthenticated")
	p.refusedAlike("a session that is none", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "keyportal", Value: "kps_" + unsaid}) }, http.StatusUnauthorized, "unauthenticated")
	p.refusedAlike("from another site", super, http.StatusForbidden, "forbidden", header("Sec-Fetch-Site", "cross-site"))
	p.refusedAlike("from a neighboring site", super, http.StatusForbidden, "forbidden", header("Sec-Fetch-Site", "same-site"))
	p.refusedAlike("a key that is none", header("X-Api-Key", unsaid), http.StatusUnauthorized, "MALFORMED")
	p.refusedAlike("an unknown key", header("X-Api-Key", secret.New("", secret.Token).Reveal()), http.StatusUnauthorized, "NOT_FOUND")
	p.refusedAlike("a key without the API set", header("X-Api-Key", value.Reveal()), http.StatusForbidden, "API_SET_NOT_GRANTED")
	p.refusedAlike("a key whose user's roles don't allow it", members, http.StatusForbidden, "API_SET_NOT_GRANTED")
	p.refusedAlike("a key beside a session", super, http.StatusForbidden, "API_SET_NOT_GRANTED", header("X-Api-Key", value.Reveal()))
	p.refusedAlike("a revoked key", revoked, http.StatusUnauthorized, "REVOKED")
	p.refusedAlike("an expired key", expired, http.StatusUnauthorized, "EXPIRED")
	p.refusedAlike("a disabled key", disabled, http.StatusUnauthorized, "DISABLED")
	p.refusedAlike("a key from another network", elsewhere, http.StatusForbidden, "IP_NOT_ALLOWED")
	p.refusedAlike("half of a pair", pair, http.StatusUnauthorized, "MISSING", func(r *http.Request) { r.Header.Del("secretKey") })
	p.refusedAlike("a key as somebody else that can't", p.token(p.SuperAdmin), http.StatusForbidden, "IMPERSONATION_NOT_ALLOWED", header("impersonate-user-id", id(p.Admin.ID)))
	storetest.Change(t, p.Store, func(c *store.Change) error {
		admin, super := p.Admin, p.SuperAdmin
		admin.Locked, super.PasswordExpired = true, true
		return errors.Join(c.UpdateUser(t.Context(), admin), c.UpdateUser(t.Context(), super))
	})
	p.refusedAlike("a key of who is locked", locked, http.StatusUnauthorized, "USER_LOCKED")
	p.refusedAlike("a session whose password has expired", super, http.StatusForbidden, "forbidden")
	p.refusedAlike("the same without fetch metadata", super, http.StatusForbidden, "forbidden", leave)
	if now := p.historyLength(); now != before+2 { // the fixture's, and a key's that was made for the test
		t.Errorf("%d lines were recorded", now-before)
	}
}

// historyLength tells how many lines the Revision History has.
func (p *running) historyLength() int64 {
	p.t.Helper()
	head, err := p.Store.Head(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return head.Revision
}

func TestWhatAnotherOriginPostsWithASessionIsRefused(t *testing.T) {
	p := startPortal(t)
	super := p.session(p.SuperAdmin)
	for what, edit := range map[string]func(*http.Request){
		"its origin alone": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") },
		"by its metadata":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"both": func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Origin", "https://evil.example")
		},
		"an opaque origin": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "null") },
		"a form's own type": func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Content-Type", "text/plain")
		},
	} {
		got := p.call(super, http.MethodPost, "/user/org", `{"name": "Acme", "levelId": 1}`, edit)
		if got.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	p.call(super, http.MethodPost, "/user/org", `{"name": "Acme", "levelId": 1}`, header("Origin", p.URL)).want(http.StatusCreated, "")
}

func TestTheDocumentIsThereForEverybody(t *testing.T) {
	p := startPortal(t)
	for what, from := range map[string]sender{"nobody": nobody, "a member": p.session(p.Member), "a super admin's key": p.token(p.SuperAdmin)} {
		got := p.call(from, http.MethodGet, "/openapi.json", "")
		if got.status != http.StatusOK || got.text("openapi") != "3.1.0" {
			t.Errorf("%s: %d %.200s", what, got.status, got.body)
		}
	}
}
