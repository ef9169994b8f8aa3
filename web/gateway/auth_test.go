package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

func bodyOf(t testing.TB, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// identity is what the documentation says an upstream is told.
var identity = []string{
	"X-Key-Id", "X-Key-Name", "X-User-Id", "X-User-Name", "X-Org-Id", "X-Org-Name",
	"X-License", "X-Domain", "X-Application", "X-Api-Sets", "X-Impersonator-Id",
}

func TestAPassTellsWhoComes(t *testing.T) {
	h := newHouse(t)
	r := h.ask("GET", "/auth?api_set=billing", h.withKey()...)
	passed(t, r)
	if body := bodyOf(t, r); body != "" {
		t.Errorf("the body is %q", body)
	}
	want := map[string]string{
		"X-Key-Id": strconv.FormatInt(h.Key.ID, 10), "X-Key-Name": h.Key.Name,
		"X-User-Id": strconv.FormatInt(h.User.ID, 10), "X-User-Name": h.User.Username,
		"X-Org-Id": strconv.FormatInt(h.Organization.ID, 10), "X-Org-Name": h.Organization.Name,
		"X-License": h.License.Number, "X-Domain": h.License.Domain, "X-Application": h.Application.Name,
		"X-Api-Sets": "billing", "X-Impersonator-Id": "", "Cache-Control": "no-store",
	}
	for name, value := range want {
		if got := r.Header.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if len(want)-1 != len(identity) {
		t.Errorf("%d headers are checked, %d are documented", len(want)-1, len(identity))
	}
}

func TestHeadersWithoutAValueAreSentToo(t *testing.T) {
	h := newHouse(t)
	_, bare := storetest.Key(t, h.store, h.Membership)
	r := h.ask("GET", "/auth?unmatched=allow", "X-Api-Key: "+bare.Reveal())
	passed(t, r)
	for _, name := range identity {
		if _, sent := r.Header[name]; !sent {
			t.Errorf("%s is not sent", name)
		}
	}
	for _, name := range []string{"X-License", "X-Domain", "X-Application", "X-Api-Sets", "X-Impersonator-Id"} {
		if got := r.Header.Get(name); got != "" {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestTextsThatHeadersCannotCarryAreEncoded(t *testing.T) {
	h := newHouse(t)
	for name, want := range map[string]string{
		"50% of it, isn't it?": "50% of it, isn't it?",
		"Größe 日本":             "Gr%C3%B6%C3%9Fe%20%E6%97%A5%E6%9C%AC",
		"50 % ö":               "50%20%25%20%C3%B6",
		"a\r\nX-User-Id: 1":    "a%0D%0AX-User-Id:%201",
		"a\tb\x7f":             "a%09b%7F",
	} {
		h.editKey(t, func(k *portal.Key) { k.Name = name })
		r := h.ask("GET", "/auth?api_set=billing", h.withKey()...)
		if got := r.Header.Values("X-Key-Name"); len(got) != 1 || got[0] != want {
			t.Errorf("%q is sent as %q", name, got)
		}
		if decoded, err := url.PathUnescape(want); strings.Contains(want, "%C3") && (err != nil || decoded != name) {
			t.Errorf("%q is read as %q, %v", want, decoded, err)
		}
	}
}

func TestAnyMethodIsAnswered(t *testing.T) {
	h := newHouse(t)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "get"} {
		passed(t, h.ask(method, "/auth?api_set=billing", h.withKey()...))
		passed(t, h.ask(method, "/auth/billing/7", h.withKey()...))
		if got := h.ask(method, "/auth?api_set=billing"); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a key: %s", method, got.Status)
		}
	}
}

func TestTheCredentialComesInOneOfTwoHeaders(t *testing.T) {
	h := newHouse(t)
	_, other := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) { k.APISets = []portal.APISet{h.Billing} })
	for _, headers := range [][]string{
		{"X-Api-Key: " + h.key},
		{"x-api-key: " + h.key},
		{"Authorization: Bearer " + h.key},
		{"Authorization: bearer  " + h.key},
		{"Authorization: BEARER " + h.key},
		{"X-Api-Key: " + h.key, "Authorization: Bearer " + h.key},
		{"X-Api-Key: " + h.key, "Authorization: Basic dXNlcjpwYXNz"},
	} {
		passed(t, h.ask("GET", "/auth?api_set=billing", headers...))
	}
	for _, headers := range [][]string{
		nil, {"X-Api-Key: "}, {"Authorization: Bearer "}, {"Authorization: Bearer"}, {"Authorization: "}, {"Authorization: Basic " + h.key},
		{"Authorization: " + h.key}, {"Api-Key: " + h.key}, {"Cookie: X-Api-Key=" + h.key},
	} {
		refused(t, h.ask("GET", "/auth?api_set=billing", headers...), http.StatusUnauthorized, "MISSING")
	}
	for _, headers := range [][]string{
		{"X-Api-Key: " + h.key, "X-Api-Key: " + h.key},
		{"X-Api-Key: " + h.key, "X-Api-Key: "},
		{"X-Api-Key: ", "X-Api-Key: " + h.key},
		{"X-Api-Key: " + h.key, "X-Api-Key: " + other.Reveal()},
		{"X-Api-Key: " + h.key + "," + h.key},
		{"X-Api-Key: " + h.key, "Authorization: Bearer " + other.Reveal()},
		{"X-Api-Key: " + h.key, "Authorization: Bearer x"},
		{"Authorization: Bearer " + h.key, "Authorization: Bearer " + h.key},
		{"Authorization: Bearer " + h.key, "Authorization: Basic dXNlcjpwYXNz"},
		{"Authorization: Basic dXNlcjpwYXNz", "Authorization: Bearer " + h.key},
		{"X-Api-Key: " + h.key, "Authorization: Basic " + h.key, "Authorization: Basic " + h.key},
		{"X-Api-Key: " + strings.Repeat("k", 64<<10)},
		{"X-Api-Key: " + h.key + strings.Repeat(" ", 10) + "x"},
		{"X-Api-Key: " + secret.New("", secret.SecurityKey).Reveal()},
	} {
		refused(t, h.ask("GET", "/auth?api_set=billing", headers...), http.StatusUnauthorized, "MALFORMED")
	}
}

func TestTheOriginalRequestIsFound(t *testing.T) {
	h := newHouse(t)
	nginx := func(method, uri string) []string {
		return h.withKey("X-Original-Method: "+method, "X-Original-URI: "+uri)
	}
	traefik := func(method, uri string) []string {
		return h.withKey("X-Forwarded-Method: "+method, "X-Forwarded-Uri: "+uri)
	}
	for _, headers := range [][]string{nginx("GET", "/billing/7?page=2"), nginx("DELETE", "/billing/7"), traefik("POST", "/billing/7/lines"), traefik("GET", "/billing")} {
		passed(t, h.ask("GET", "/auth", headers...))
	}
	passed(t, h.ask("PUT", "/auth/billing/7?page=2", h.withKey()...))
	passed(t, h.ask("GET", "/auth?unmatched=allow", nginx("GET", "/elsewhere")...))
	passed(t, h.ask("GET", "/auth?api_set=billing", nginx("GET", "/elsewhere")...))

	for _, uri := range []string{
		"/dunning/7", "/elsewhere", "/", "/billing/../dunning/7", "//billing/7", "/billing//7", "/billing/..%2Fdunning/7", "/dunning/%2e%2e/billing/7",
		"/billing%2F7", "/billing/..;/dunning", `/billing\7`, "/billing/7%00", "billing/7", "http://example.com/billing/7", "*",
	} {
		for _, headers := range [][]string{nginx("GET", uri), traefik("GET", uri)} {
			refused(t, h.ask("GET", "/auth", headers...), http.StatusForbidden, "API_SET_NOT_GRANTED")
		}
	}
	for _, target := range []string{"/auth", "/auth/", "/auth/dunning/7", "/auth//billing/7", "/auth/billing/../dunning/7", "/auth/dunning/..%2fbilling/7", "/auth/../auth/billing/7"} {
		refused(t, h.ask("GET", target, h.withKey()...), http.StatusForbidden, "API_SET_NOT_GRANTED")
	}
	refused(t, h.ask("GET", "/auth?api_set=billing", nginx("GET", "/dunning/..%2fbilling/7")...), http.StatusForbidden, "API_SET_NOT_GRANTED")
}

func TestTheOriginalRequestIsNamedOnce(t *testing.T) {
	h := newHouse(t)
	for name, headers := range map[string][]string{
		"in two ways":              {"X-Original-Method: GET", "X-Original-URI: /billing/7", "X-Forwarded-Method: GET", "X-Forwarded-Uri: /billing/7"},
		"the same URI twice":       {"X-Original-Method: GET", "X-Original-URI: /billing/7", "X-Original-URI: /billing/7"},
		"two URIs":                 {"X-Forwarded-Method: GET", "X-Forwarded-Uri: /billing/7", "X-Forwarded-Uri: /dunning/7"},
		"two methods":              {"X-Original-Method: GET", "X-Original-Method: POST", "X-Original-URI: /billing/7"},
		"without a method":         {"X-Original-URI: /billing/7"},
		"without a URI":            {"X-Forwarded-Method: GET"},
		"an empty URI":             {"X-Original-Method: GET", "X-Original-URI: "},
		"half of the other":        {"X-Original-Method: GET", "X-Original-URI: /billing/7", "X-Forwarded-Uri: /billing/7"},
		"method and URI of either": {"X-Original-Method: GET", "X-Forwarded-Uri: /billing/7"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, h.ask("GET", "/auth", h.withKey(headers...)...), http.StatusBadRequest, "BAD_REQUEST")
		})
	}
	for _, headers := range [][]string{
		{"X-Original-Method: GET", "X-Original-URI: /billing/7"},
		{"X-Forwarded-Method: GET", "X-Forwarded-Uri: /billing/7"},
	} {
		refused(t, h.ask("GET", "/auth/dunning/7", h.withKey(headers...)...), http.StatusBadRequest, "BAD_REQUEST")
	}
	whole := httptest.NewRequest("GET", "http://portal.example/auth/billing/7", nil)
	whole.Header.Set("X-Api-Key", h.key)
	refused(t, h.send(whole), http.StatusBadRequest, "BAD_REQUEST")
}

func TestBehindAPathTheQueryIsTheClients(t *testing.T) {
	h := newHouse(t)
	for _, query := range []string{"?unmatched=allow", "?api_set=billing", "?api_set=billing&page=2"} {
		refused(t, h.ask("GET", "/auth/dunning/7"+query, h.withKey()...), http.StatusForbidden, "API_SET_NOT_GRANTED")
		refused(t, h.ask("GET", "/auth/elsewhere"+query, h.withKey()...), http.StatusForbidden, "API_SET_NOT_GRANTED")
	}
	for _, query := range []string{"?license=1", "?instance=x", "?deny=403&page=2", "?api_set=dunning", "?%zz"} {
		passed(t, h.ask("GET", "/auth/billing/7"+query, h.withKey()...))
	}
}

func TestTheQueryIsTheGatewaysNotTheClients(t *testing.T) {
	h := newHouse(t)
	sent := func(uri string) []string { return h.withKey("X-Forwarded-Method: GET", "X-Forwarded-Uri: "+uri) }
	for query, uri := range map[string]string{"unmatched=allow": "/elsewhere", "api_set=billing": "/dunning/7", "license=" + h.License.Number: "/billing/7"} {
		refused(t, h.ask("GET", "/auth?"+query, sent(uri+"?"+query)...), http.StatusBadRequest, "BAD_REQUEST")
		refused(t, h.ask("GET", "/auth?deny=403", sent(uri+"?deny=403")...), http.StatusForbidden, "BAD_REQUEST")
		passed(t, h.ask("GET", "/auth?"+query, sent("/billing/7")...))
		passed(t, h.ask("GET", "/auth?"+query, sent("/billing/7?"+query+"&page=2")...))
	}
	passed(t, h.ask("GET", "/auth", sent("/billing/7?api_set=dunning")...))
}

func TestSettingsComeFromTheQuery(t *testing.T) {
	h := newHouse(t)
	for _, query := range []string{
		"api_set=billing", "api_set=billing&deny=403", "unmatched=allow", "api_set=billing&license=" + h.License.Number,
		"api_set=billing&domain=" + url.QueryEscape(h.License.Domain), "api_set=billing&domain=" + url.QueryEscape(strings.ToUpper(h.License.Domain)),
		"api_set=billing&instance=" + h.Instance.Name,
	} {
		passed(t, h.ask("GET", "/auth?"+query, h.withKey()...))
	}
	for query, code := range map[string]string{
		"api_set=dunning": "API_SET_NOT_GRANTED", "api_set=no-such-set": "API_SET_NOT_GRANTED", "api_set=" + url.QueryEscape("a\"b\r\nö"): "API_SET_NOT_GRANTED",
		"api_set=billing&license=1": "LICENSE_MISMATCH", "api_set=billing&domain=x": "LICENSE_MISMATCH", "api_set=billing&instance=x": "LICENSE_MISMATCH",
		"": "API_SET_NOT_GRANTED", "deny=403": "API_SET_NOT_GRANTED",
	} {
		refused(t, h.ask("GET", "/auth?"+query, h.withKey()...), http.StatusForbidden, code)
	}
	for _, query := range []string{
		"apiset=billing", "api_set=", "api_set=billing&api_set=billing", "api_set=billing&page=2", "unmatched=yes", "unmatched=", "unmatched",
		"unmatched=allow&unmatched=allow", "deny=429", "deny", "license=", "instance=&api_set=billing", "API_SET=billing", "api_set=billing&%zz", "api_set=billing;deny=403",
		"api_set=billing&unmatched=allow", "api_set=billing&license=1&domain=x", "license=1&instance=x", "domain=x&instance=x",
	} {
		r := h.ask("GET", "/auth?"+query, h.withKey()...)
		body := bodyOf(t, r)
		if r.StatusCode != http.StatusBadRequest || !strings.Contains(body, "BAD_REQUEST") || !strings.Contains(body, "api_set=SLUG") {
			t.Errorf("%s: got %s %s", query, r.Status, body)
		}
	}
}

func TestRefusalsAreToldAsTheGatewayCanTakeThem(t *testing.T) {
	h := newHouse(t)
	twice := h.withKey("X-Original-URI: /billing/7", "X-Original-URI: /billing/7")
	refused(t, h.ask("GET", "/auth?api_set=billing&deny=403", twice...), http.StatusForbidden, "BAD_REQUEST")
	inQuery := h.withKey("X-Original-Method: GET", "X-Original-URI: /billing/7?api_key=x")
	refused(t, h.ask("GET", "/auth?api_set=billing&deny=403", inQuery...), http.StatusForbidden, "CREDENTIAL_IN_QUERY")
	refused(t, h.ask("GET", "/auth?api_set=billing&deny=403", "X-Api-Key: x"), http.StatusUnauthorized, "MALFORMED")
	refused(t, h.ask("GET", "/auth?deny=403&page=2", h.withKey()...), http.StatusBadRequest, "BAD_REQUEST")
}

func TestACredentialInTheQueryIsRefusedAndNotLogged(t *testing.T) {
	h := newHouse(t)
	own := []string{
		"api_key=x", "apikey=x", "API_KEY=x", "access_token=x", "x-api-key=x", "X-Api-Key=", "api-key=x", "accessKey=x", "secretKey=x", "api%5Fkey=x", "api_set=billing;api_key=x",
		"api_set=" + h.key, "q=" + h.key, "q=" + url.QueryEscape(h.key) + "&api_set=billing", h.key, "q=%6b" + h.key[1:],
		"token=" + secret.New("acme", secret.SecurityKey).Reveal(),
	}
	for _, query := range append(own, "key=x") {
		refused(t, h.ask("GET", "/auth?"+query), http.StatusBadRequest, "CREDENTIAL_IN_QUERY")
	}
	for _, query := range own {
		refused(t, h.ask("GET", "/auth", h.withKey("X-Original-Method: GET", "X-Original-URI: /billing/7?"+query)...), http.StatusBadRequest, "CREDENTIAL_IN_QUERY")
		refused(t, h.ask("GET", "/auth", h.withKey("X-Forwarded-Method: GET", "X-Forwarded-Uri: /billing/7?"+query)...), http.StatusBadRequest, "CREDENTIAL_IN_QUERY")
		refused(t, h.ask("GET", "/auth/billing/7?"+query, h.withKey()...), http.StatusBadRequest, "CREDENTIAL_IN_QUERY")
		refused(t, h.ask("POST", "/v1/verify?"+query, h.withKey()...), http.StatusBadRequest, "CREDENTIAL_IN_QUERY")
	}
	passed(t, h.ask("GET", "/auth/billing/7?key=color&token=2&q=100%", h.withKey()...))
	refused(t, h.ask("GET", "/auth/billing/7?key=color"), http.StatusBadRequest, "CREDENTIAL_IN_QUERY")
	for _, part := range []string{h.key, h.key[10:40]} {
		if strings.Contains(h.log.String(), part) {
			t.Error("the log has a credential")
		}
	}
	if !strings.Contains(h.log.String(), "route=/auth/* status=400 code=CREDENTIAL_IN_QUERY") {
		t.Errorf("the log has no line for a request: %s", h.log)
	}
}

func TestARequestToActAsSomebodyElseIsRefused(t *testing.T) {
	h := newHouse(t)
	for _, header := range []string{"impersonate-user-id: 1732", "Impersonate-User-Id: " + strconv.FormatInt(h.User.ID, 10), "impersonate-user-id: "} {
		refused(t, h.ask("GET", "/auth?api_set=billing", h.withKey(header)...), http.StatusForbidden, "IMPERSONATION_NOT_ALLOWED")
	}
}

// impersonating adds a key of the fixture's user that can impersonate, for Billing and
// Dunning, and another user, whose roles allow Dunning and Revenue.
func (h house) impersonating(t testing.TB) (key portal.Key, value string, other portal.User) {
	t.Helper()
	other = storetest.User(t, h.store)
	storetest.Member(t, h.store, h.Organization, other, storetest.Role(t, h.store, h.Organization, nil, h.Dunning, h.Revenue))
	key, secretValue := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) {
		k.CanImpersonate, k.APISets = true, []portal.APISet{h.Billing, h.Dunning}
	})
	return key, secretValue.Reveal(), other
}

func TestAPassTellsWhoActsAsWhom(t *testing.T) {
	h := newHouse(t)
	key, value, other := h.impersonating(t)
	own, named := strconv.FormatInt(h.User.ID, 10), strconv.FormatInt(other.ID, 10)
	for _, test := range []struct {
		headers []string
		want    map[string]string
	}{
		{nil, map[string]string{"X-User-Id": own, "X-User-Name": h.User.Username, "X-Impersonator-Id": "", "X-Api-Sets": "billing,dunning"}},
		{[]string{"impersonate-user-id: " + named}, map[string]string{"X-User-Id": named, "X-User-Name": other.Username, "X-Impersonator-Id": own, "X-Api-Sets": "dunning"}},
		{[]string{"Impersonate-User-Id: " + own}, map[string]string{"X-User-Id": own, "X-User-Name": h.User.Username, "X-Impersonator-Id": "", "X-Api-Sets": "billing,dunning"}},
	} {
		r := h.ask("GET", "/auth?api_set=dunning", append(test.headers, "X-Api-Key: "+value)...)
		passed(t, r)
		test.want["X-Key-Id"], test.want["X-Org-Id"] = strconv.FormatInt(key.ID, 10), strconv.FormatInt(h.Organization.ID, 10)
		for name, want := range test.want {
			if got := r.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%v: %s is %q, want %q", test.headers, name, got, want)
			}
		}
	}
	as := "Impersonate-User-Id: " + named
	refused(t, h.ask("GET", "/auth?api_set=billing", as, "X-Api-Key: "+value), http.StatusForbidden, "API_SET_NOT_GRANTED")
	refused(t, h.ask("GET", "/auth?api_set=revenue-management", as, "X-Api-Key: "+value), http.StatusForbidden, "API_SET_NOT_GRANTED")
	for _, headers := range [][]string{{as, as}, {as, "Impersonate-User-Id: "}, {as + "," + named}, {as + " 7"}, {"Impersonate-User-Id: " + other.Username}} {
		refused(t, h.ask("GET", "/auth?api_set=dunning", append(headers, "X-Api-Key: "+value)...), http.StatusForbidden, "IMPERSONATION_NOT_ALLOWED")
	}
}

func TestTheClientsAddressIsTheLastThatNoTrustedProxyHas(t *testing.T) {
	h := newHouse(t)
	h.editKey(t, func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.7/32", "2001:db8::7/128"} })
	for _, test := range []struct {
		peer      string
		forwarded []string
		passes    bool
	}{
		{"192.0.2.7:1234", nil, true},
		{"[2001:db8::7]:1234", nil, true},
		{"[::ffff:192.0.2.7]:1234", nil, true},
		{"192.0.2.7:1234", []string{"198.51.100.1"}, true},
		{"198.51.100.1:1234", []string{"192.0.2.7"}, false},
		{"10.0.0.1:1234", nil, false},
		{"10.0.0.1:1234", []string{"192.0.2.7"}, true},
		{"[::ffff:10.0.0.1]:1234", []string{"192.0.2.7"}, true},
		{"[fd00::1]:1234", []string{"2001:db8::7"}, true},
		{"10.0.0.1:1234", []string{" 192.0.2.7:4711 "}, true},
		{"10.0.0.1:1234", []string{"[2001:db8::7]:4711"}, true},
		{"10.0.0.1:1234", []string{"[2001:db8::7]"}, true},
		{"10.0.0.1:1234", []string{"192.0.2.7, 10.0.0.2,10.0.0.3"}, true},
		{"10.0.0.1:1234", []string{"192.0.2.7", "10.0.0.2"}, true},
		{"10.0.0.1:1234", []string{"192.0.2.7, ::ffff:10.0.0.2, [::ffff:10.0.0.3]:80"}, true},
		{"10.0.0.1:1234", []string{"198.51.100.1, 192.0.2.7"}, true},
		{"10.0.0.1:1234", []string{"192.0.2.7, 198.51.100.1"}, false},
		{"10.0.0.1:1234", []string{"192.0.2.7", "198.51.100.1"}, false},
		{"10.0.0.1:1234", []string{"192.0.2.7, unknown"}, false},
		{"10.0.0.1:1234", []string{"192.0.2.7, "}, false},
		{"10.0.0.1:1234", []string{"192.0.2.7,, 10.0.0.2"}, false},
		{"10.0.0.1:1234", []string{""}, false},
		{"10.0.0.1:1234", []string{"10.0.0.2, 10.0.0.3"}, false},
		{"@", []string{"192.0.2.7"}, false},
	} {
		r := httptest.NewRequest("GET", "/auth?api_set=billing", nil)
		r.RemoteAddr = test.peer
		r.Header["X-Forwarded-For"] = test.forwarded
		r.Header.Set("X-Api-Key", h.key)
		got := h.send(r)
		if test.passes {
			passed(t, got)
		} else {
			refused(t, got, http.StatusForbidden, "IP_NOT_ALLOWED")
		}
		if t.Failed() {
			t.Fatalf("%s %q", test.peer, test.forwarded)
		}
	}
}

func TestAnAccessTokenIsACredentialAndAClientSecretIsNot(t *testing.T) {
	h := newHouse(t)
	key, client, token := h.oauthClient(t)
	for _, header := range []string{"Authorization: Bearer " + token, "X-Api-Key: " + token} {
		r := h.ask("GET", "/auth?api_set=billing&license="+h.License.Number, header)
		passed(t, r)
		if got := r.Header.Get("X-Key-Id"); got != strconv.FormatInt(key.ID, 10) || r.Header.Get("X-Api-Sets") != "billing" {
			t.Errorf("the gateway is told %v", r.Header)
		}
		r = h.ask("GET", "/auth?api_set=dunning", header)
		if challenge := r.Header.Get("WWW-Authenticate"); challenge != `Bearer realm="Key Portal", error="insufficient_scope", scope="dunning"` {
			t.Errorf("the challenge is %q", challenge)
		}
		refused(t, r, http.StatusForbidden, "API_SET_NOT_GRANTED")
	}
	for _, other := range []string{client.Secret, client.ID, secret.New("", secret.SecurityKey).Reveal(), secret.New("", secret.AccessKey).Reveal()} {
		refused(t, h.ask("GET", "/auth?api_set=billing", "Authorization: Bearer "+other), http.StatusUnauthorized, "MALFORMED")
	}
	refused(t, h.ask("GET", "/auth?api_set=billing&access_token="+token), http.StatusBadRequest, "CREDENTIAL_IN_QUERY")
	unknown := h.ask("GET", "/auth?api_set=billing", "Authorization: Bearer "+secret.New("", secret.AccessToken).Reveal())
	if challenge := unknown.Header.Get("WWW-Authenticate"); challenge != `Bearer realm="Key Portal", error="invalid_token"` {
		t.Errorf("the challenge is %q", challenge)
	}
	refused(t, unknown, http.StatusUnauthorized, "NOT_FOUND")
	if strings.Contains(h.log.String(), token[10:40]) {
		t.Error("the log has the token")
	}
}
