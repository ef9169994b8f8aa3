package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func ifMatch(tags string) func(*http.Request) { return header("If-Match", tags) }

// parametersOf gives the names of an operation's parameters as the document has them.
func (p *running) parametersOf(operation string) []string {
	p.t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	described := p.call(nobody, http.MethodGet, "/openapi.json", "").fields["paths"].(map[string]any)[path].(map[string]any)[strings.ToLower(method)].(map[string]any)
	var names []string
	parameters, _ := described["parameters"].([]any)
	for _, parameter := range parameters {
		names = append(names, parameter.(map[string]any)["name"].(string))
	}
	return names
}

func TestAChangeIsMadeToWhatWasReadAlone(t *testing.T) {
	p := startPortal(t)
	super, path := p.session(p.SuperAdmin), "/user/users/"+id(p.Member.ID)
	read := p.call(super, http.MethodGet, path, "").want(http.StatusOK, "")
	old := read.header.Get("ETag")
	rename := func(name, tags string) replied {
		return p.call(super, http.MethodPatch, path, `{"firstName": "`+name+`"}`, ifMatch(tags))
	}
	now := rename("Once", old).want(http.StatusOK, "").header.Get("ETag")
	if now == old {
		t.Errorf("the ETag stays %s", now)
	}
	for what, tags := range map[string]string{"a stale one": old, "a weak one": "W/" + now, "one without quotes": strings.Trim(now, `"`), "stale ones": old + `, "4711"`} {
		got := rename("Never", tags).want(http.StatusPreconditionFailed, "changed")
		if !strings.Contains(got.text("detail"), "read it again") {
			t.Errorf("%s: %s", what, got.text("detail"))
		}
	}
	now = rename("Twice", old+" , "+now).want(http.StatusOK, "").header.Get("ETag")
	rename("Thrice", "*").want(http.StatusOK, "")
	rename("Never", now).want(http.StatusPreconditionFailed, "changed")
	if name := p.call(super, http.MethodPatch, path, `{}`).want(http.StatusOK, "").text("firstName"); name != "Thrice" {
		t.Errorf("the name is %s", name)
	}
}

func TestEachChangeOfAThingHangsOnItsVersionWhereThatIsSent(t *testing.T) {
	without := []string{"DELETE /instances/{instanceId}"} // an instance never changes
	p := startPortal(t)
	super, count := p.session(p.SuperAdmin), 0
	for operation := range operations {
		conditional := slices.Contains(p.parametersOf(operation), "If-Match")
		creates := slices.Contains([]string{"POST /user/org/{orgId}/group"}, operation) || strings.HasPrefix(operation, "POST") && !strings.Contains(operation, "{")
		if reads := strings.HasPrefix(operation, "GET"); conditional == (reads || creates || slices.Contains(without, operation)) {
			t.Errorf("%s takes If-Match: %v", operation, conditional)
		}
		if !conditional {
			continue
		}
		count++
		t.Run(operation, func(t *testing.T) {
			p := startPortal(t)
			super := p.session(p.SuperAdmin)
			method, path, _ := strings.Cut(operation, " ")
			body, address := "", p.operationAddress(path)
			if of := operations[operation].body; of != nil {
				body = of(p)
			}
			before := p.historyLength()
			p.call(super, method, address, body, ifMatch(`"4711"`)).want(http.StatusPreconditionFailed, "changed")
			if p.historyLength() != before {
				t.Error("something was done")
			}
		})
	}
	if count < 30 {
		t.Errorf("only %d operations take If-Match", count)
	}
	p.call(super, http.MethodPut, fmt.Sprintf("/user/org/%d/user/%d", p.Organization.ID, p.Support.ID), `{}`, ifMatch("*")).want(http.StatusPreconditionFailed, "changed")
}

func TestAPatchChangesWhatIsSentAlone(t *testing.T) {
	p := startPortal(t)
	admin := p.session(p.Admin)
	for _, test := range []struct{ path, body, field string }{
		{"/user/users/" + id(p.Member.ID), `{"lastName": "Byron"}`, "lastName"},
		{"/user/role/" + id(p.Role.ID), `{"description": "For clerks."}`, "description"},
		{"/user/group/" + id(p.accounting().ID), `{"description": "For clerks."}`, "description"},
		{"/user/apiKey/" + id(p.Key.ID), `{"description": "For clerks."}`, "description"},
		{"/user/org/" + id(p.Organization.ID) + "/settings", `{"expiryRequired": true}`, "expiryRequired"},
		{"/applications/" + id(p.Application.ID), `{"description": "For clerks."}`, "description"},
	} {
		before := p.call(admin, http.MethodGet, strings.TrimSuffix(test.path, "/settings"), "").want(http.StatusOK, "").fields
		after := p.call(admin, http.MethodPatch, test.path, test.body).want(http.StatusOK, "").fields
		for name, value := range after {
			same := fmt.Sprint(value) == fmt.Sprint(before[name])
			if same == (name == test.field) && name != "updatedAt" {
				t.Errorf("%s: %s was %v and is %v", test.path, name, before[name], value)
			}
		}
		length := p.historyLength()
		p.call(admin, http.MethodPatch, test.path, `{}`).want(http.StatusOK, "")
		p.call(admin, http.MethodPatch, test.path, test.body).want(http.StatusOK, "")
		if p.historyLength() != length {
			t.Errorf("%s: what changes nothing is recorded", test.path)
		}
	}
}

func TestAListThatIsSentReplacesTheListThatIsThere(t *testing.T) {
	p := startPortal(t)
	path := "/user/apiKey/" + id(p.Key.ID)
	got := p.call(p.session(p.Admin), http.MethodPatch, path, `{"apiSets": ["dunning"]}`).want(http.StatusOK, "")
	if fmt.Sprint(got.fields["apiSets"]) != "[dunning]" {
		t.Error(got.body)
	}
	got = p.call(p.session(p.Admin), http.MethodPatch, path, `{"apiSets": []}`).want(http.StatusOK, "")
	if fmt.Sprint(got.fields["apiSets"]) != "[]" {
		t.Error(got.body)
	}
}

func TestAnExpiryIsSentAsAnInstantAndNullForNever(t *testing.T) {
	p := startPortal(t)
	member, path := p.session(p.Member), "/user/apiKey/"+id(p.Key.ID)
	expiry := func(body string) any {
		return p.call(member, http.MethodPatch, path, body).want(http.StatusOK, "").fields["expiresAt"]
	}
	at := p.Manager.Now().AddDate(0, 0, 10).UTC().Truncate(time.Second).Format(time.RFC3339)
	if got := expiry(`{"expiresAt": "` + at + `"}`); got != at {
		t.Errorf("%v, want %s", got, at)
	}
	if got := expiry(`{"name": "Renamed"}`); got != at {
		t.Errorf("left out: %v, want %s", got, at)
	}
	if got := expiry(`{"expiresAt": null}`); got != nil {
		t.Errorf("null: %v", got)
	}
	for _, wrong := range []string{`""`, `"tomorrow"`, `4711`, `"2020-01-01T00:00:00Z"`, `"0001-01-01T00:00:00Z"`} {
		p.call(member, http.MethodPatch, path, `{"expiresAt": `+wrong+`}`).want(http.StatusUnprocessableEntity, "invalid")
	}
	p.call(member, http.MethodPatch, path, `{"name": null}`).want(http.StatusUnprocessableEntity, "invalid")
}

// changed gives a body in which something else is asked for.
func changed(t *testing.T, body string) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"name", "domain", "reason", "email"} {
		if text, ok := fields[name].(string); ok {
			fields[name] = "A" + text
			text, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
	t.Fatalf("nothing can be changed of %s", body)
	return ""
}

// secretFields are those of an answer that show a secret.
var secretFields = []string{"apiKey", "securityKey", "clientSecret"}

func TestACreationThatIsSentAgainMakesNothingMore(t *testing.T) {
	described, count := startPortal(t), 0
	for operation, of := range operations {
		if !slices.Contains(described.parametersOf(operation), "Idempotency-Key") {
			if strings.HasPrefix(operation, http.MethodPost) && strings.HasSuffix(of.answers, "201") {
				t.Errorf("%s takes no Idempotency-Key", operation)
			}
			continue
		}
		count++
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			sentAgain(t, startPortal(t), operation)
		})
	}
	if count != 12 {
		t.Errorf("%d operations take an Idempotency-Key", count)
	}
}

// sentAgain sends an operation again, as it was and then otherwise, with one Idempotency-Key.
func sentAgain(t *testing.T, p *running, operation string) {
	method, path, _ := strings.Cut(operation, " ")
	super, address, body, other := p.session(p.SuperAdmin), p.operationAddress(path), operations[operation].body(p), `{"grace": "24h"}`
	if !strings.HasSuffix(path, "/rotate") {
		other = changed(t, body)
	}
	key := header("Idempotency-Key", "one thing")
	first := p.call(super, method, address, body, key)
	if first.status/100 != 2 {
		t.Fatalf("%d %s", first.status, first.body)
	}
	before := p.historyLength()
	again := p.call(super, method, address, body, key).want(first.status, "")
	if again.id() != first.id() || again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("%s was made, and then %s", first.body, again.body)
	}
	for _, field := range secretFields {
		if again.text(field) != "" {
			t.Errorf("a secret is shown again: %s", field)
		}
	}
	refused := p.call(super, method, address, other, key).want(http.StatusUnprocessableEntity, "invalid")
	if !strings.Contains(refused.text("detail"), "Idempotency-Key") {
		t.Errorf("it is not told why: %s", refused.body)
	}
	if p.historyLength() != before {
		t.Error("something more was done")
	}
}

func TestAnIdempotencyKeyIsOnesOwn(t *testing.T) {
	p := startPortal(t)
	key := header("Idempotency-Key", "one")
	first := p.call(p.session(p.SuperAdmin), http.MethodPost, "/levels", `{"name": "Silver", "licenses": 5}`, key).want(http.StatusCreated, "")
	other := p.holder() // and nothing that a stranger sends finds it
	p.call(p.session(other), http.MethodPost, "/levels", `{"name": "Silver", "licenses": 5}`, key).want(http.StatusForbidden, "forbidden")
	second := storetest.User(t, p.Store, func(u *portal.User) { u.Staff = portal.SuperAdmin })
	made := p.call(p.session(second), http.MethodPost, "/levels", `{"name": "Bronze", "licenses": 1}`, key).want(http.StatusCreated, "")
	if made.id() == first.id() {
		t.Error("another's is found")
	}
}

// idsOf gives the IDs of a page of a list, and the cursor of the next.
func (r replied) idsOf() (ids []string, next string) {
	r.t.Helper()
	items, _ := r.fields["items"].([]any)
	for _, item := range items {
		ids = append(ids, fmt.Sprint(item.(map[string]any)["id"]))
	}
	return ids, r.text("next")
}

// walk gives the IDs of a list, page by page, and how many pages that were.
func (p *running) walk(from sender, path string, query url.Values) (all []string, pages int) {
	p.t.Helper()
	for pages < 100 {
		ids, next := p.call(from, http.MethodGet, path+"?"+query.Encode(), "").want(http.StatusOK, "").idsOf()
		all, pages = append(all, ids...), pages+1
		if next == "" {
			return all, pages
		}
		query.Set("cursor", next)
	}
	p.t.Fatalf("%s has no end", path)
	return nil, 0
}

func TestListsComeInPagesAndBothWaysRound(t *testing.T) {
	p := startPortal(t)
	p.addKeys()
	for _, license := range []portal.License{storetest.License(t, p.Store, p.Organization), storetest.License(t, p.Store, p.Organization), p.License} {
		for range 2 {
			p.request(p.Member, storetest.Application(t, p.Store, p.Organization), license)
		}
	}
	for range 4 {
		storetest.Organization(t, p.Store)
		storetest.Key(t, p.Store, p.membership(p.Member, p.Organization))
	}
	super := p.session(p.SuperAdmin)
	for path, sorts := range map[string][]string{
		"/user/users":  {"username", "firstName", "lastName", "email", "enabled", "locked", "passwordExpired"},
		"/user/apiKey": {"name", "user", "expiresAt", "createdAt", "lastUsedAt"},
		"/user/org":    {"name", "level"},
		"/requests":    {"created", "client", "application"},
		"/revisions":   {""},
	} {
		for _, by := range sorts {
			query := func(by, limit string) url.Values {
				values := url.Values{"limit": {limit}}
				if by != "" {
					values.Set("sort", by)
				}
				return values
			}
			whole, one := p.walk(super, path, query(by, "500"))
			paged, pages := p.walk(super, path, query(by, "2"))
			if one != 1 || pages < 3 || !slices.Equal(paged, whole) || len(slices.Compact(slices.Sorted(slices.Values(whole)))) != len(whole) {
				t.Errorf("%s by %q: in %d pages %v, in %d %v", path, by, pages, paged, one, whole)
			}
			if by == "" {
				continue
			}
			_, next := p.call(super, http.MethodGet, path+"?"+query(by, "2").Encode(), "").idsOf()
			p.call(super, http.MethodGet, path+"?sort=-"+by+"&cursor="+next, "").want(http.StatusUnprocessableEntity, "invalid") // it is of another order
			back, _ := p.walk(super, path, query("-"+by, "2"))
			if slices.Equal(back, whole) && len(whole) > 1 {
				t.Errorf("%s by -%s is as by %s", path, by, by)
			}
			if slices.Reverse(back); !slices.Equal(back, whole) {
				t.Errorf("%s by -%s is %v the other way round, not %v", path, by, back, whole)
			}
		}
		for _, wrong := range []string{"limit=0", "limit=501", "limit=many", "sort=nothing", "nothing=1"} {
			p.call(super, http.MethodGet, path+"?"+wrong, "").want(http.StatusUnprocessableEntity, "invalid")
		}
		p.call(super, http.MethodGet, path+"?cursor=junk", "").want(http.StatusUnprocessableEntity, "invalid")
	}
}

func TestWhatIsSentWronglyIsRefusedByItsKind(t *testing.T) {
	p := startPortal(t)
	super, before := p.session(p.SuperAdmin), p.historyLength()
	post := func(body string, edit ...func(*http.Request)) replied {
		return p.call(super, http.MethodPost, "/user/org", body, edit...)
	}
	const organization = `{"name": "Acme", "levelId": 1}`
	unknown := post(`{"name": "Acme", "levelId": 1, "suspended": true}`).want(http.StatusUnprocessableEntity, "invalid")
	if !strings.Contains(unknown.body, "body.suspended") {
		t.Errorf("it is not said what is unknown: %s", unknown.body)
	}
	p.call(super, http.MethodPost, "/user/org?dryRun=true", organization).want(http.StatusUnprocessableEntity, "invalid")
	for _, malformed := range []string{`{"name": "` + unsaid, `{`, `nothing`, `{"name": "Acme", "levelId": 1}}`, "\xff\xfe"} {
		if got := post(malformed).want(http.StatusBadRequest, "malformed"); strings.Contains(got.body, unsaid) {
			t.Errorf("what was sent is repeated: %s", got.body)
		}
	}
	for _, wrong := range []string{`[]`, `"text"`, `null`, `{"name": "Acme"}`, `{"name": 1, "levelId": 1}`, `{"name": "` + strings.Repeat("a", 101) + `", "levelId": 1}`, `{"name": "Acme", "levelId": 0}`} {
		post(wrong).want(http.StatusUnprocessableEntity, "invalid")
	}
	if got := post(`{"name": "Acme", "levelId": "`+unsaid+`"}`).want(http.StatusUnprocessableEntity, "invalid"); strings.Contains(got.body, unsaid) {
		t.Errorf("what was sent is repeated: %s", got.body)
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data"} {
		post(organization, header("Content-Type", kind)).want(http.StatusUnsupportedMediaType, "unsupported_media_type")
	}
	large := strings.Repeat(" ", 1_000_001-len(organization)) + organization
	post(large).want(http.StatusRequestEntityTooLarge, "too_large")
	post(large, func(r *http.Request) { r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader(large)) }).want(http.StatusRequestEntityTooLarge, "too_large")
	if p.historyLength() != before {
		t.Error("something was done")
	}
	post(large[1:]).want(http.StatusCreated, "")
}

func TestAnAddressOrAMethodThatThereIsNotIsAProblemToo(t *testing.T) {
	p := startPortal(t)
	super := p.session(p.SuperAdmin)
	for _, path := range []string{"", "/", "/nothing", "/user", "/user/users/", "/user/users/me/more", "//user/users", "/user/../levels", "/openapi.yaml", "/user/users%2Fme"} {
		for _, from := range []sender{super, nobody} {
			p.call(from, http.MethodGet, path, "").want(http.StatusNotFound, "not_found")
		}
	}
	got := p.call(super, http.MethodDelete, "/user/users", "").want(http.StatusMethodNotAllowed, "method_not_allowed")
	for _, method := range []string{"GET", "POST"} {
		if !strings.Contains(got.header.Get("Allow"), method) {
			t.Errorf("Allow is %q", got.header.Get("Allow"))
		}
	}
	for _, method := range []string{"FOO", "PROPFIND", http.MethodOptions, http.MethodTrace} {
		p.call(super, method, "/user/users", "").want(http.StatusMethodNotAllowed, "method_not_allowed")
	}
	p.call(super, "FOO", "", "").want(http.StatusNotFound, "not_found")
	p.call(super, http.MethodPost, "/openapi.json", "{}").want(http.StatusMethodNotAllowed, "method_not_allowed")
	for _, wrong := range []string{"0", "-1", "x", "1.5", "99999999999999999999"} {
		p.call(super, http.MethodGet, "/user/users/"+wrong, "").want(http.StatusUnprocessableEntity, "invalid")
	}
	p.call(super, http.MethodGet, "/user/users/4711", "").want(http.StatusNotFound, "not_found")
}
