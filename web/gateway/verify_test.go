package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
	"keyportal/web/gateway"
)

// service is a house with a key of a service that may verify keys.
type service struct {
	house
	caller string
}

func newService(t testing.TB, edit ...func(*gateway.Options)) service {
	h := newHouse(t, edit...)
	role := storetest.Role(t, h.store, h.Organization, []portal.Authority{portal.VerifyKeys})
	_, caller := storetest.Key(t, h.store, storetest.Member(t, h.store, h.Organization, storetest.User(t, h.store), role))
	return service{h, caller.Reveal()}
}

func (s service) post(body string, headers ...string) *http.Response {
	r := httptest.NewRequest("POST", "/v1/verify", strings.NewReader(body))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return s.send(r)
}

// verify asks about a key and gives the answer; more are further fields.
func (s service) verify(t *testing.T, key, more string) map[string]any {
	t.Helper()
	r := s.post(fmt.Sprintf(`{"key": %q%s}`, key, more), "X-Api-Key: "+s.caller)
	body := bodyOf(t, r)
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("got %s %s", r.Status, body)
	}
	if got := r.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
	return answer
}

func TestAServiceIsToldWhoseKeyItIs(t *testing.T) {
	s := newService(t)
	got := s.verify(t, s.key, `, "api_set": "billing"`)
	want := map[string]any{
		"valid": true, "code": "VALID", "message": portal.CheckValid.Message(),
		"key":          map[string]any{"id": float64(s.Key.ID), "name": s.Key.Name, "kind": "token"},
		"user":         map[string]any{"id": float64(s.User.ID), "username": s.User.Username},
		"impersonator": nil, "rate_limit": nil,
		"organization": map[string]any{"id": float64(s.Organization.ID), "name": s.Organization.Name},
		"license":      s.License.Number, "domain": s.License.Domain, "application": s.Application.Name,
		"api_sets": []any{"billing"}, "expires_at": s.Key.ExpiresAt.Format(time.RFC3339Nano),
	}
	same(t, got, want)

	bare, value := storetest.Key(t, s.store, s.Membership, func(k *portal.Key) { k.ExpiresAt = time.Time{} })
	want["key"] = map[string]any{"id": float64(bare.ID), "name": bare.Name, "kind": "token"}
	want["license"], want["domain"], want["application"], want["api_sets"], want["expires_at"] = "", "", "", []any{}, nil
	same(t, s.verify(t, value.Reveal(), ""), want)
}

func TestAServiceIsToldWhoActsAsWhom(t *testing.T) {
	s := newService(t)
	key, value, other := s.impersonating(t)
	got := s.verify(t, value, fmt.Sprintf(`, "api_set": "dunning", "impersonate_user_id": %d`, other.ID))
	want := map[string]any{
		"valid": true, "code": "VALID", "message": portal.CheckValid.Message(),
		"key":          map[string]any{"id": float64(key.ID), "name": key.Name, "kind": "token"},
		"user":         map[string]any{"id": float64(other.ID), "username": other.Username},
		"impersonator": map[string]any{"id": float64(s.User.ID), "username": s.User.Username}, "rate_limit": nil,
		"organization": map[string]any{"id": float64(s.Organization.ID), "name": s.Organization.Name},
		"license":      "", "domain": "", "application": "",
		"api_sets": []any{"dunning"}, "expires_at": key.ExpiresAt.Format(time.RFC3339Nano),
	}
	same(t, got, want)
	want["user"], want["impersonator"], want["api_sets"] = want["impersonator"], nil, []any{"billing", "dunning"}
	same(t, s.verify(t, value, `, "api_set": "dunning"`), want)
	same(t, s.verify(t, value, fmt.Sprintf(`, "impersonate_user_id": %d`, s.User.ID)), want)
	for _, nobody := range []int64{0, -other.ID, s.SuperAdmin.ID, other.ID + 1000} {
		if got := s.verify(t, value, fmt.Sprintf(`, "impersonate_user_id": %d`, nobody)); got["code"] != "IMPERSONATION_NOT_ALLOWED" || got["user"] != nil || got["impersonator"] != nil {
			t.Errorf("%d: got %v", nobody, got)
		}
	}
}

func TestAServiceIsToldWhoseAccessTokenItIs(t *testing.T) {
	s := newService(t)
	key, client, token := s.oauthClient(t)
	got := s.verify(t, token, `, "api_set": "billing"`)
	end, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got["expires_at"]))
	if want := s.store.Now().Add(time.Hour); got["code"] != "VALID" || err != nil || !end.Equal(want) {
		t.Errorf("got %v, want the end %v", got, want)
	}
	same(t, got["key"].(map[string]any), map[string]any{"id": float64(key.ID), "name": key.Name, "kind": "oauth"})
	for _, other := range []string{client.Secret, client.ID} {
		if got := s.verify(t, other, ""); got["code"] != "MALFORMED" {
			t.Errorf("got %v", got)
		}
	}
}

func same(t *testing.T, got, want map[string]any) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("got the fields %v", got)
	}
	for name := range want {
		g, _ := json.Marshal(got[name])
		w, _ := json.Marshal(want[name])
		if !bytes.Equal(g, w) {
			t.Errorf("%s is %s, want %s", name, g, w)
		}
	}
}

func TestARefusalIsADecisionAndTellsNothingElse(t *testing.T) {
	s := newService(t)
	for more, code := range map[string]string{
		`, "api_set": "dunning"`:                               "API_SET_NOT_GRANTED",
		`, "method": "GET", "path": "/dunning/7"`:              "API_SET_NOT_GRANTED",
		`, "method": "GET", "path": "/billing/../dunning/7"`:   "API_SET_NOT_GRANTED",
		`, "method": "GET", "path": "/elsewhere"`:              "API_SET_NOT_GRANTED",
		`, "license": "1"`:                                     "LICENSE_MISMATCH",
		`, "domain": "x"`:                                      "LICENSE_MISMATCH",
		`, "instance": "BE0"`:                                  "LICENSE_MISMATCH",
		`, "impersonate_user_id": 1732`:                        "IMPERSONATION_NOT_ALLOWED",
		`, "impersonate_user_id": 0`:                           "IMPERSONATION_NOT_ALLOWED",
		`, "api_set": "billing", "method": "GET", "path": "*"`: "API_SET_NOT_GRANTED",
	} {
		same(t, s.verify(t, s.key, more), map[string]any{
			"valid": false, "code": code, "message": portal.CheckCode(code).Message(), "key": nil, "user": nil, "impersonator": nil, "organization": nil, "rate_limit": nil,
			"license": "", "domain": "", "application": "", "api_sets": []any{}, "expires_at": nil,
		})
	}
	for key, code := range map[string]string{"x": "MALFORMED", secret.New("", secret.Token).Reveal(): "NOT_FOUND"} {
		if got := s.verify(t, key, ""); got["valid"] != false || got["code"] != code {
			t.Errorf("got %v, want %s", got, code)
		}
	}
	r := s.post(`{}`, "X-Api-Key: "+s.caller)
	if body := bodyOf(t, r); r.StatusCode != http.StatusOK || !strings.Contains(body, `"MISSING"`) {
		t.Errorf("without a key: %s %s", r.Status, body)
	}
}

func TestAServiceAsksForAsMuchAsItLikes(t *testing.T) {
	s := newService(t)
	for _, more := range []string{
		"", `, "api_set": "billing"`, `, "method": "GET", "path": "/billing/7?page=2"`, `, "api_set": "billing", "method": "GET", "path": "/elsewhere"`,
		`, "client_ip": "192.0.2.7"`, `, "client_ip": "2001:db8::7"`,
		`, "license": "` + s.License.Number + `", "domain": "` + s.License.Domain + `", "instance": "` + s.Instance.Name + `"`,
		`, "domain": "` + strings.ToUpper(s.License.Domain) + `", "instance": "` + strings.ToLower(s.Instance.Name) + `"`,
	} {
		if got := s.verify(t, s.key, more); got["code"] != "VALID" {
			t.Errorf("%s: got %v", more, got)
		}
	}
	s.editKey(t, func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.0/24"} })
	for more, code := range map[string]string{
		`, "client_ip": "192.0.2.7"`: "VALID", `, "client_ip": "::ffff:192.0.2.7"`: "VALID", `, "client_ip": "192.0.3.7"`: "IP_NOT_ALLOWED", "": "IP_NOT_ALLOWED",
	} {
		if got := s.verify(t, s.key, more); got["code"] != code {
			t.Errorf("%s: got %v, want %s", more, got, code)
		}
	}
}

func TestAQuestionThatIsNotUnderstoodIsRefused(t *testing.T) {
	s := newService(t)
	for body, says := range map[string]string{
		``:                             "one JSON object",
		`x`:                            "one JSON object",
		`"` + s.key + `"`:              "one JSON object",
		`[]`:                           "one JSON object",
		`{"key": "x"`:                  "one JSON object",
		`{"key": "x"} {"key": "x"}`:    "one JSON object",
		`{"key": "x"} x`:               "one JSON object",
		`{"key": "x",}`:                "one JSON object",
		`{"key": "x" "method": "GET"}`: "one JSON object",
		`{"key"}`:                      "one JSON object",
		`{"key": }`:                    "one JSON object",
		`{key: "x"}`:                   "one JSON object",
		`{5: "x"}`:                     "one JSON object",
		`null`:                         "one JSON object",
		"{\"key\": \"x\", \"method\": \"GET\", \"path\": \"/\xff\"}": "in UTF-8",
		`{"key": "a\ud800"}`:              "in UTF-8",
		`{"key": "x", "apiSet": "x"}`:     "The fields are",
		`{"` + s.key + `": "x"}`:          "The fields are",
		`{"key": 5}`:                      "field key has the wrong type",
		`{"key": ["x"]}`:                  "field key has the wrong type",
		`{"impersonate_user_id": "5"}`:    "field impersonate_user_id has the wrong type",
		`{"impersonate_user_id": 1.5}`:    "field impersonate_user_id has the wrong type",
		`{"key": ""}`:                     "field key is empty",
		`{"key": "x", "api_set": ""}`:     "field api_set is empty",
		`{"method": "GET", "path": ""}`:   "field path is empty",
		`{"license": ""}`:                 "field license is empty",
		`{"path": "/billing/7"}`:          "belong together",
		`{"method": "GET"}`:               "belong together",
		`{"client_ip": ""}`:               "field client_ip is empty or null",
		`{"client_ip": "192.0.2.7:80"}`:   "not an IP address",
		`{"client_ip": "192.0.2.7, ::1"}`: "not an IP address",
	} {
		r := s.post(body, "X-Api-Key: "+s.caller)
		said := bodyOf(t, r)
		if r.StatusCode != http.StatusBadRequest || !strings.Contains(said, says) || strings.Contains(said, s.key) {
			t.Errorf("%s: got %s %s", body, r.Status, said)
		}
		if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: Content-Type is %q", body, got)
		}
	}
	problem(t, s.post(`{"method": "GET", "path": "/billing/7?api_key=x"}`, "X-Api-Key: "+s.caller), http.StatusBadRequest, "CREDENTIAL_IN_QUERY")
	large := `{"key": "` + strings.Repeat("x", 64<<10) + `"}`
	problem(t, s.post(large, "X-Api-Key: "+s.caller), http.StatusRequestEntityTooLarge, "TOO_LARGE")
	inQuery := httptest.NewRequest("POST", "/v1/verify?api_set=billing", strings.NewReader(`{}`))
	inQuery.Header.Set("X-Api-Key", s.caller)
	problem(t, s.send(inQuery), http.StatusBadRequest, "BAD_REQUEST")
}

// Each of these would be VALID if a reader passed over what is wrong with it.
func TestAFieldThatWouldAskForLessThanItSaysIsRefused(t *testing.T) {
	s := newService(t)
	refused := func(more, says string) {
		t.Helper()
		r := s.post(fmt.Sprintf(`{"key": %q%s}`, s.key, more), "X-Api-Key: "+s.caller)
		if said := bodyOf(t, r); r.StatusCode != http.StatusBadRequest || !strings.Contains(said, says) || strings.Contains(said, s.key) {
			t.Errorf("%s: got %s %s", more, r.Status, said)
		}
	}
	for name, value := range map[string]string{
		"api_set": `"billing"`, "method": `"GET"`, "path": `"/billing/7"`, "client_ip": `"192.0.2.7"`,
		"license": `"` + s.License.Number + `"`, "domain": `"` + s.License.Domain + `"`, "instance": `"` + s.Instance.Name + `"`,
	} {
		refused(fmt.Sprintf(`, %q: null`, name), "field "+name+" is empty or null")
		refused(fmt.Sprintf(`, %q: null, %[1]q: %s`, name, value), "field "+name+" is empty or null")
		refused(fmt.Sprintf(`, %q: %s, %[1]q: null`, name, value), "field "+name+" is there more than once")
		refused(fmt.Sprintf(`, %q: "x", %[1]q: %s`, name, value), "field "+name+" is there more than once")
		refused(fmt.Sprintf(`, %q: %s`, strings.ToUpper(name[:1])+name[1:], value), "The fields are")
	}
	refused(`, "impersonate_user_id": null`, "field impersonate_user_id is empty or null")
	refused(`, "impersonate_user_id": 0, "impersonate_user_id": 0`, "field impersonate_user_id is there more than once")
	refused(fmt.Sprintf(`, "key": %q`, s.key), "field key is there more than once")
	refused(fmt.Sprintf(`, "k\u0065y": %q`, s.key), "field key is there more than once")
	r := s.post(`{"key": null}`, "X-Api-Key: "+s.caller)
	if said := bodyOf(t, r); r.StatusCode != http.StatusBadRequest || !strings.Contains(said, "field key is empty") {
		t.Errorf("got %s %s", r.Status, said)
	}
}

// problem checks a refusal that is told as RFC 9457 has it.
func problem(t *testing.T, r *http.Response, status int, code string) {
	t.Helper()
	body := bodyOf(t, r)
	var got struct {
		Type, Title, Detail, Code string
		Status                    int
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Errorf("%s: %v", body, err)
	}
	if r.StatusCode != status || got.Status != status || got.Code != code || got.Type != "about:blank" || got.Title != http.StatusText(status) || got.Detail == "" {
		t.Errorf("got %s %s, want %d %s", r.Status, body, status, code)
	}
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type is %q", got)
	}
}

func TestACallerProvesItself(t *testing.T) {
	s := newService(t)
	question := `{"key": "` + s.key + `"}`
	for _, test := range []struct {
		header    string
		status    int
		code      string
		challenge string
	}{
		{"X-None: ", http.StatusUnauthorized, "MISSING", `Bearer realm="Key Portal"`},
		{"X-Api-Key: x", http.StatusUnauthorized, "MALFORMED", `Bearer realm="Key Portal", error="invalid_token"`},
		{"X-Api-Key: " + secret.New("", secret.Token).Reveal(), http.StatusUnauthorized, "NOT_FOUND", `Bearer realm="Key Portal", error="invalid_token"`},
		{"X-Api-Key: " + s.key, http.StatusForbidden, "API_SET_NOT_GRANTED", `Bearer realm="Key Portal", error="insufficient_scope"`},
	} {
		for _, body := range []string{question, "no JSON"} {
			r := s.post(body, test.header)
			if got := r.Header.Get("WWW-Authenticate"); got != test.challenge {
				t.Errorf("%s: the challenge is %s", test.code, got)
			}
			problem(t, r, test.status, test.code)
		}
	}
	if said := bodyOf(t, s.post(question, "X-Api-Key: "+s.key)); !strings.Contains(said, "Verify keys") {
		t.Errorf("it does not say what is missing: %s", said)
	}
	if r := s.post(question, "Authorization: Bearer "+s.caller); r.StatusCode != http.StatusOK {
		t.Errorf("as Bearer: %s", r.Status)
	}
	problem(t, s.post(question, "X-Api-Key: "+s.caller, "Impersonate-User-Id: 1"), http.StatusForbidden, "IMPERSONATION_NOT_ALLOWED")
}

// Else who may impersonate a gateway's user could ask about other people's keys.
func TestACallerActsAsNobodyElse(t *testing.T) {
	s := newService(t)
	role := storetest.Role(t, s.store, s.Organization, []portal.Authority{portal.VerifyKeys})
	own := storetest.Member(t, s.store, s.Organization, storetest.User(t, s.store), role)
	_, value := storetest.Key(t, s.store, own, func(k *portal.Key) { k.CanImpersonate = true })
	proof := "X-Api-Key: " + value.Reveal()
	if r := s.post(`{}`, proof); r.StatusCode != http.StatusOK {
		t.Errorf("as itself: %s", r.Status)
	}
	for _, user := range []int64{s.User.ID, own.UserID} {
		problem(t, s.post(`{}`, proof, fmt.Sprint("Impersonate-User-Id: ", user)), http.StatusForbidden, "IMPERSONATION_NOT_ALLOWED")
	}
}

func TestACallerIsBoundToItsNetworksToo(t *testing.T) {
	s := newService(t)
	role := storetest.Role(t, s.store, s.Organization, []portal.Authority{portal.VerifyKeys})
	_, bound := storetest.Key(t, s.store, storetest.Member(t, s.store, s.Organization, storetest.User(t, s.store), role), func(k *portal.Key) {
		k.AllowedNetworks = []string{"203.0.113.0/24"}
	})
	problem(t, s.post(`{}`, "X-Api-Key: "+bound.Reveal()), http.StatusForbidden, "IP_NOT_ALLOWED")
	r := httptest.NewRequest("POST", "/v1/verify", strings.NewReader(`{}`))
	r.RemoteAddr = "203.0.113.9:4711"
	r.Header.Set("X-Api-Key", bound.Reveal())
	if got := s.send(r); got.StatusCode != http.StatusOK {
		t.Errorf("from its network: %s", got.Status)
	}
}
