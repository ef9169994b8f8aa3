package client_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
	"keyportal/web/client"
)

// outcome is what the middleware made of a request.
type outcome struct {
	*httptest.ResponseRecorder
	passed *http.Request // as the service saw it; nil when it did not
}

func through(c *client.Client, place client.Place, r *http.Request) outcome {
	o := outcome{ResponseRecorder: httptest.NewRecorder()}
	c.Middleware(place)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { o.passed = r })).ServeHTTP(o, r)
	return o
}

// request makes a request with headers given as "Name: value".
func request(method, target string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func (h *house) withKey(headers ...string) []string { return append(headers, "X-Api-Key: "+h.key) }

// The gateways' own route says for each request what is right.
func TestTheMiddlewareAnswersAsAGatewayWouldBeAnswered(t *testing.T) {
	h := newHouse(t)
	access, security := h.pair(t)
	able, other := h.impersonating(t)
	_, bound := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) {
		k.AllowedNetworks, k.APISets = []string{"198.51.100.0/24"}, []portal.APISet{h.Billing}
	})
	key, pair := "X-Api-Key: "+h.key, []string{"accessKey: " + access, "secretKey: " + security}
	impersonate := func(who any) []string {
		return []string{"X-Api-Key: " + able, fmt.Sprint("Impersonate-User-Id: ", who)}
	}
	passed, refused := 0, map[string]bool{}
	same := func(target string, place client.Place, headers ...string) {
		t.Helper()
		method, uri, _ := strings.Cut(target, " ")
		asked := request("GET", "/auth?"+settings(place), append(slices.Clone(headers), "X-Original-Method: "+method, "X-Original-URI: "+uri)...)
		want := httptest.NewRecorder()
		h.handler.ServeHTTP(want, asked)
		got := through(h.Client, place, request(method, uri, headers...))
		if (got.passed != nil) != (want.Code == http.StatusOK) || got.Code != want.Code {
			t.Errorf("%s %v %+v: got %d, want %d %s", target, headers, place, got.Code, want.Code, want.Body)
		}
		if want.Code == http.StatusOK {
			passed++
			return
		}
		refused[want.Header().Get("X-Deny-Reason")] = true
		if place.APISet == "" { // an answer does not say which set was needed
			challenge, _, _ := strings.Cut(want.Header().Get("WWW-Authenticate"), ", scope=")
			want.Header().Set("WWW-Authenticate", challenge)
		}
		if got.Body.String() != want.Body.String() || !maps.EqualFunc(got.Header(), want.Header(), slices.Equal) {
			t.Errorf("%s %v %+v: got %v %s, want %v %s", target, headers, place, got.Header(), got.Body, want.Header(), want.Body)
		}
	}
	for _, headers := range [][]string{
		nil, {key}, {"Authorization: Bearer " + h.key}, {"Authorization: bearer  " + h.key}, {"authorization: BEARER " + h.key, key}, {"Authorization: Basic dXNlcjpwYXNz", key},
		{"Authorization: " + h.key}, {"Authorization: Basic " + h.key}, {"Authorization: Bearer"}, {"X-Api-Key: "}, {"X-Api-Key: " + h.key[1:]}, {key, key},
		{key, "Authorization: Bearer " + able}, {"Authorization: Bearer " + h.key, "Authorization: Bearer " + h.key}, {key, "Authorization: Bearer " + h.key, "Authorization: Basic x"},
		{"Authorization: Bearer " + h.key, "Authorization: Basic x"},
		{"X-Api-Key: " + secret.New("", secret.Token).Reveal()}, {"X-Api-Key: " + bound.Reveal()}, {"X-Api-Key: " + security}, {"X-Api-Key: \xff"},
		pair, pair[:1], pair[1:], {pair[0], pair[0], pair[1]}, {pair[0], pair[1], pair[1]}, {pair[0], pair[1], key}, {pair[0], key}, {"accessKey: a", "secretKey: b"}, {pair[0], "secretKey: b"},
		impersonate(other.ID), impersonate(h.User.ID), impersonate(0), impersonate(-other.ID), impersonate(fmt.Sprint("0", other.ID)), impersonate(fmt.Sprint("+", other.ID)), impersonate(""), impersonate("x"),
		append(impersonate(other.ID), fmt.Sprint("Impersonate-User-Id: ", other.ID)), {key, fmt.Sprint("Impersonate-User-Id: ", other.ID)},
	} {
		same("GET /billing/7", client.Place{APISet: "billing"}, headers...)
		same("GET /billing/7", client.Place{}, headers...)
	}
	for _, place := range []client.Place{
		{APISet: "dunning"}, {APISet: "none"}, {License: h.License.Number}, {Domain: h.License.Domain}, {Instance: h.Instance.Name}, {License: "1"}, {Domain: "x"}, {Instance: "BE0"},
		{APISet: "billing", License: h.License.Number}, {APISet: "billing", License: "1"},
	} {
		same("GET /billing/7", place, key)
	}
	for _, target := range []string{
		"GET /", "POST /billing/7", "DELETE /billing", "GET /billing/", "GET /dunning/7", "GET /elsewhere", "GET /billing//7", "GET //billing/7", "GET /billing/../dunning/7", "GET /billing/./7", "GET /billing/.7",
		"GET /billing/..", "GET /billing/7..", "GET /billing/%2e%2e/7", "GET /billing/%2F7", "GET /billing/7%5C", `GET /billing/7\`, "GET /billing/7;a=b", "GET /billing/7%3B", "GET /billing/7#a", "GET /billing/ä", "GET /billing/%C3%A4",
		"GET /billing/%7E7", "GET /billing/7%25", "GET /billing/7%00", "GET /billing/7!$&'()*+,:=@7", "GET *", "OPTIONS *",
		"GET /billing/7?page=2", "GET /billing/7?", "GET /billing/7?a=%zz", "GET /billing/7?key=x", "GET /billing/7?KEY=x",
		"GET /billing/7?api_key=x", "GET /billing/7?api-key=x", "GET /billing/7?apikey", "GET /billing/7?X-API-Key=", "GET /billing/7?a=b&access_token=x", "GET /billing/7?a=b;accessKey=x", "GET /billing/7?secretkey=x", "GET /billing/7?api%5Fkey=x",
	} {
		for _, place := range []client.Place{{}, {APISet: "billing"}} {
			same(target, place, key)
			same(target, place)
		}
	}
	for _, prefix := range []secret.Prefix{secret.Token, secret.SecurityKey, secret.AccessKey, secret.ClientSecret, secret.ClientID, secret.AccessToken, secret.Link, secret.Session} {
		for _, brand := range []string{"", "acme"} {
			credential := secret.New(brand, prefix).Reveal()
			same("GET /billing/7?a="+credential, client.Place{}, key)
			same("GET /billing/7?"+credential+"=a", client.Place{}, key)
			same("GET /billing/7?a="+strings.Replace(credential, "_", "%5F", 1), client.Place{}, key)
		}
	}
	want := []string{"API_SET_NOT_GRANTED", "CREDENTIAL_IN_QUERY", "IMPERSONATION_NOT_ALLOWED", "IP_NOT_ALLOWED", "LICENSE_MISMATCH", "MALFORMED", "MISSING", "NOT_FOUND"}
	if got := slices.Sorted(maps.Keys(refused)); passed < 20 || !slices.Equal(got, want) {
		t.Errorf("%d passed, and refused were %v", passed, got)
	}
}

// settings writes a place as a gateway's configuration does.
func settings(p client.Place) string {
	query := url.Values{}
	for name, value := range map[string]string{"api_set": p.APISet, "license": p.License, "domain": p.Domain, "instance": p.Instance} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query.Encode()
}

func TestWithoutADatabaseTheMiddlewareAnswersAsAGatewayWouldBeAnswered(t *testing.T) {
	h := newHouse(t)
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	want := httptest.NewRecorder()
	h.handler.ServeHTTP(want, request("GET", "/auth?api_set=billing", h.withKey()...))
	got := through(h.Client, client.Place{APISet: "billing"}, request("GET", "/billing/7", h.withKey()...))
	if got.Code != want.Code || got.Body.String() != want.Body.String() || !maps.EqualFunc(got.Header(), want.Header(), slices.Equal) {
		t.Errorf("got %d %v %s, want %d %v %s", got.Code, got.Header(), got.Body, want.Code, want.Header(), want.Body)
	}
}

func TestAServiceSeesWhoAsksAndNeitherTheKeyNorWhatAClientClaims(t *testing.T) {
	h := newHouse(t)
	access, security := h.pair(t)
	gateways := httptest.NewRecorder()
	h.handler.ServeHTTP(gateways, request("GET", "/auth?api_set=billing", h.withKey()...))
	for _, credential := range [][]string{{"X-Api-Key: " + h.key}, {"Authorization: Bearer " + h.key}, {"accessKey: " + access, "secretKey: " + security, "Authorization: Basic dXNlcjpwYXNz"}} {
		r := request("GET", "/billing/7?page=2", append(credential, "Accept: text/plain")...)
		for name := range gateways.Header() {
			if strings.HasPrefix(name, "X-") {
				r.Header.Set(name, "1")
			}
		}
		for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
			r.Header.Set(name, "DELETE")
		}
		before := len(r.Header)
		got := through(h.Client, client.Place{APISet: "billing"}, r).passed
		if got == nil {
			t.Fatal("it does not pass")
		}
		if answer, ok := client.From(got.Context()); !ok || answer.User.ID != h.User.ID {
			t.Errorf("the service is told %+v, %v", answer, ok)
		}
		if len(got.Header) != 1 || got.Header.Get("Accept") == "" || got.URL.RequestURI() != "/billing/7?page=2" {
			t.Errorf("the service sees %s %v", got.URL, got.Header)
		}
		if before < 12 || len(r.Header) != before {
			t.Errorf("the request itself has %v", r.Header)
		}
	}
	if answer, ok := client.From(t.Context()); ok || answer.Valid {
		t.Errorf("without the middleware: %+v", answer)
	}
}

func TestTheUserToActAsIsNotPassedOnAsAHeader(t *testing.T) {
	h := newHouse(t)
	key, other := h.impersonating(t)
	got := through(h.Client, client.Place{}, request("GET", "/billing/7", "X-Api-Key: "+key, fmt.Sprint("Impersonate-User-Id: ", other.ID))).passed
	if got == nil || len(got.Header) != 0 {
		t.Fatalf("got %+v", got)
	}
	if answer, _ := client.From(got.Context()); answer.User.ID != other.ID || answer.Impersonator.ID != h.User.ID {
		t.Errorf("got %+v", answer)
	}
}

// What stands outside may have changed the path: what handlers go by is asked about.
func TestThePathIsTheOneByWhichHandlersChoose(t *testing.T) {
	h := newHouse(t)
	var passed bool
	inner := h.Middleware(client.Place{})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true }))
	stale := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/dunning/7" // and RawPath still has what was sent
		inner.ServeHTTP(w, r)
	})
	for _, test := range []struct {
		handler http.Handler
		uri     string
		want    bool
	}{
		{inner, "/billing/7", true}, {inner, "/api/billing/7", false}, {http.StripPrefix("/api", inner), "/api/billing/7", true}, {http.StripPrefix("/billing", inner), "/billing/dunning/7", false},
		{inner, "/billing/%7E", true}, {stale, "/billing/%7E", false}, {stale, "/billing/7", false},
	} {
		passed = false
		w := httptest.NewRecorder()
		test.handler.ServeHTTP(w, request("GET", test.uri, h.withKey()...))
		if passed != test.want {
			t.Errorf("%s: passed %v, %d %s", test.uri, passed, w.Code, w.Body)
		}
	}
}

// Without a path only the key itself would be asked about.
func TestARequestWithoutAPathIsRefused(t *testing.T) {
	h := newHouse(t)
	server := httptest.NewServer(h.Middleware(client.Place{})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it passes") })))
	defer server.Close()
	for _, line := range []string{"CONNECT example.com:443 HTTP/1.1", "GET http://example.com HTTP/1.1"} {
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "%s\r\nHost: example.com\r\nX-Api-Key: %s\r\n\r\n", line, h.key)
		r, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != http.StatusBadRequest || r.Header.Get("X-Deny-Reason") != "BAD_REQUEST" {
			t.Errorf("%s: got %s", line, r.Status)
		}
	}
}

func TestWhereTheAPISetIsNamedAKeyIsAskedAboutOnceForAllPlainPaths(t *testing.T) {
	h := newHouse(t)
	plain := []string{"/", "/billing/7", "/billing/8/", "/a/b-c/d_e/~f/g.h..", "/billing/7?page=2"}
	for _, uri := range plain {
		for _, method := range []string{"GET", "POST"} {
			if got := through(h.Client, client.Place{APISet: "billing"}, request(method, uri, h.withKey()...)); got.passed == nil {
				t.Errorf("%s %s: %d %s", method, uri, got.Code, got.Body)
			}
		}
	}
	if asked := h.asked.Load(); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestAKeyThatIsBoundToNetworksIsCheckedWithTheClientsAddress(t *testing.T) {
	forwarded := func(r *http.Request) netip.Addr {
		address, _ := netip.ParseAddr(r.Header.Get("X-Forwarded-For"))
		return address
	}
	h := newHouse(t)
	_, bound := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) {
		k.AllowedNetworks, k.APISets = []string{"192.0.2.0/24"}, []portal.APISet{h.Billing}
	})
	for _, test := range []struct {
		read         func(*http.Request) netip.Addr
		peer, header string
		want         int
	}{
		{nil, "192.0.2.7:4711", "", 200}, {nil, "[::ffff:192.0.2.7]:4711", "", 200}, {nil, "198.51.100.7:4711", "192.0.2.7", 403}, {nil, "@", "", 403}, {nil, "", "192.0.2.7", 403},
		{forwarded, "198.51.100.7:4711", "192.0.2.7", 200}, {forwarded, "192.0.2.7:4711", "198.51.100.7", 403}, {forwarded, "192.0.2.7:4711", "", 403},
	} {
		c := newClient(t, client.Options{URL: h.url, Credential: h.caller, ClientIP: test.read})
		r := request("GET", "/billing/7", "X-Api-Key: "+bound.Reveal(), "X-Forwarded-For: "+test.header)
		r.RemoteAddr = test.peer
		if got := through(c, client.Place{}, r); got.Code != test.want {
			t.Errorf("%+v: got %d %s", test, got.Code, got.Body)
		}
	}
}

func TestAClientIsToldOfItsRateLimit(t *testing.T) {
	with := func(answer, limit string) string {
		return strings.TrimSuffix(answer, "}") + `, "rate_limit": ` + limit + "}"
	}
	limited := strings.Replace(refusal, "REVOKED", "RATE_LIMITED", 1)
	for _, test := range []struct {
		answer               string
		status               int
		policy, limit, retry string
	}{
		{accepted, 200, "", "", ""},
		{with(accepted, `{"quota": 100, "window": 60, "remaining": 57, "reset": 12}`), 200, `"default";q=100;w=60`, `"default";r=57;t=12`, ""},
		{with(limited, `{"quota": 100, "window": 60, "remaining": 0, "reset": 12, "retry_after": 3}`), 429, `"default";q=100;w=60`, `"default";r=0;t=12`, "3"},
		{with(limited, `{"quota": 100, "window": 60, "remaining": 0, "reset": 0}`), 429, `"default";q=100;w=60`, `"default";r=0;t=0`, "1"},
		{with(limited, "null"), 429, "", "", "1"},
		{refusal, 401, "", "", ""},
	} {
		c := newClient(t, client.Options{URL: serve(t, saying(http.StatusOK, test.answer)), Credential: "own"})
		got := through(c, client.Place{}, request("GET", "/billing/7", "X-Api-Key: k"))
		header := got.Header()
		if got.Code != test.status || header.Get("RateLimit-Policy") != test.policy || header.Get("RateLimit") != test.limit || header.Get("Retry-After") != test.retry {
			t.Errorf("%s: got %d %v", test.answer, got.Code, header)
		}
		if challenged := header.Get("WWW-Authenticate") != ""; challenged != (test.status != 200) {
			t.Errorf("%s: the challenge is %q", test.answer, header.Get("WWW-Authenticate"))
		}
	}
}

func TestEveryOutcomeHasItsStatus(t *testing.T) {
	want := map[client.Code]int{}
	for status, codes := range map[int]string{
		401: "MISSING MALFORMED NOT_FOUND REVOKED DISABLED EXPIRED USER_DISABLED USER_LOCKED USER_EXPIRED",
		403: "ORG_SUSPENDED LICENSE_INACTIVE LICENSE_MISMATCH IP_NOT_ALLOWED IMPERSONATION_NOT_ALLOWED API_SET_NOT_GRANTED",
		429: "RATE_LIMITED",
		200: "VALID",
	} {
		for code := range strings.FieldsSeq(codes) {
			want[client.Code(code)] = status
		}
	}
	for _, code := range portal.CheckCodes {
		if got := client.Code(code).Status(); got != want[client.Code(code)] {
			t.Errorf("%s is answered %d", code, got)
		}
	}
	c := newClient(t, client.Options{URL: serve(t, saying(http.StatusOK, strings.Replace(refusal, "REVOKED", "A_LATER_REASON", 1))), Credential: "own"})
	got := through(c, client.Place{}, request("GET", "/billing/7", "X-Api-Key: k"))
	if got.passed != nil || got.Code != http.StatusForbidden || got.Header().Get("X-Deny-Reason") != "A_LATER_REASON" || got.Header().Get("WWW-Authenticate") != `Bearer realm="Key Portal"` {
		t.Errorf("a reason that is not known yet: %d %v", got.Code, got.Header())
	}
}

func TestTheOperatorLearnsWhyNothingPassesAndNoKey(t *testing.T) {
	h := newHouse(t)
	var log strings.Builder
	c := newClient(t, client.Options{URL: h.url, Credential: h.key, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if got := through(c, client.Place{}, request("GET", "/billing/7", h.withKey()...)); got.passed != nil || got.Code != http.StatusServiceUnavailable || strings.Contains(got.Body.String(), "Verify") {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	if said := log.String(); !strings.Contains(said, "level=ERROR") || !strings.Contains(said, "key of this service") || strings.Contains(said, h.key) {
		t.Errorf("the log has %s", said)
	}
	log.Reset()
	gone, leave := context.WithCancel(t.Context())
	leave()
	if got := through(c, client.Place{}, request("GET", "/billing/8", h.withKey()...).WithContext(gone)); got.passed != nil || log.Len() > 0 {
		t.Errorf("a client that has gone is logged: %s", log.String())
	}
}
