package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// behaviours is what holds behind every gateway, one after another: the last ends
// it.
var behaviours = []struct {
	name string
	hold func(*testing.T, *fronted)
}{
	{"the API learns who comes", theAPILearnsWhoComes},
	{"a key pair passes and stays there", aKeyPairPassesAndStaysThere},
	{"the API learns who acts as whom", theAPILearnsWhoActsAsWhom},
	{"an access token passes until its secret is regenerated", anAccessTokenPassesUntilItsSecretIsRegenerated},
	{"no header that the client sent survives", noHeaderThatTheClientSentSurvives},
	{"a name is only a name", aNameIsOnlyAName},
	{"a refusal says why", aRefusalSaysWhy},
	{"the client learns its rate", theClientLearnsItsRate},
	{"a path is read one way or refused", aPathIsReadOneWayOrRefused},
	{"methods and bodies arrive as they are", methodsAndBodiesArriveAsTheyAre},
	{"a client cannot speak for the gateway", aClientCannotSpeakForTheGateway},
	{"a client cannot choose what the API is told", aClientCannotChooseWhatTheAPIIsTold},
	{"the API learns the client's address from the gateway alone", theAPILearnsTheAddressFromTheGatewayAlone},
	{"large headers are refused or right", largeHeadersAreRefusedOrRight},
	{"requests on one connection stand alone", requestsOnOneConnectionStandAlone},
	{"without Key Portal nothing passes", withoutKeyPortalNothingPasses},
	{"what can be read in two ways is refused or right", whatCanBeReadInTwoWaysIsRefusedOrRight},
}

func behaves(t *testing.T, s server) {
	t.Parallel()
	f := newFronted(t, s)
	for _, behaviour := range behaviours {
		t.Run(behaviour.name, func(t *testing.T) {
			behaviour.hold(t, f)
			f.reachedNothing(t)
		})
	}
}

// needsACertainSet checks a place that needs Billing, whatever is asked for there.
func needsACertainSet(t *testing.T, f *fronted) {
	t.Helper()
	f.tells(t, f.reaches(t, "GET", "/anything?api_set=dunning&unmatched=allow", "X-Api-Key: "+f.key), f.whose())
	_, value := storetest.Key(t, f.store, f.Membership, func(k *portal.Key) { k.APISets = []portal.APISet{f.Dunning} })
	for _, uri := range []string{"/anything", "/dunning/7", "/anything?api_set=dunning", "/anything?unmatched=allow"} {
		f.stopped(t, "GET", uri, "API_SET_NOT_GRANTED", "X-Api-Key: "+value.Reveal())
	}
}

func theAPILearnsWhoComes(t *testing.T, f *fronted) {
	for _, key := range []string{"X-Api-Key: " + f.key, "Authorization: Bearer " + f.key} {
		got := f.reaches(t, "GET", "/billing/7?page=2", key, "Accept: text/plain")
		f.right(t, got)
		if got.RequestURI != "/billing/7?page=2" || got.Header.Get("Accept") != "text/plain" {
			t.Errorf("the API gets %s and %v", got.RequestURI, got.Header)
		}
	}
}

func aKeyPairPassesAndStaysThere(t *testing.T, f *fronted) {
	key, access, security := f.pair(t)
	f.tells(t, f.reaches(t, "GET", "/billing/7", access, security), map[string]string{"X-Key-Id": strconv.FormatInt(key.ID, 10)})
	f.stopped(t, "GET", "/billing/7", "MISSING", access)
	f.stopped(t, "GET", "/billing/7", "MISSING", security)
	f.stopped(t, "GET", "/billing/7", "NOT_FOUND", access, "secretKey: "+secret.New("", secret.SecurityKey).Reveal())
	f.stopped(t, "GET", "/billing/7", "NOT_FOUND", access, access, security)
}

func theAPILearnsWhoActsAsWhom(t *testing.T, f *fronted) {
	_, value, other := f.impersonating(t)
	as := "Impersonate-User-Id: " + strconv.FormatInt(other.ID, 10)
	f.tells(t, f.reaches(t, "GET", "/dunning/7", "X-Api-Key: "+value, as, "X-Impersonator-Id: 1"), map[string]string{
		"X-User-Id": strconv.FormatInt(other.ID, 10), "X-User-Name": other.Username, "X-Impersonator-Id": strconv.FormatInt(f.User.ID, 10), "X-Api-Sets": "dunning",
	})
	f.stopped(t, "GET", "/billing/7", "API_SET_NOT_GRANTED", "X-Api-Key: "+value, as)
	f.stopped(t, "GET", "/dunning/7", "IMPERSONATION_NOT_ALLOWED", "X-Api-Key: "+value, as, as)
}

func anAccessTokenPassesUntilItsSecretIsRegenerated(t *testing.T, f *fronted) {
	key, _, token := f.oauthClient(t)
	bearer := "Authorization: Bearer " + token
	f.tells(t, f.reaches(t, "GET", "/billing/7", bearer), map[string]string{"X-Key-Id": strconv.FormatInt(key.ID, 10), "X-License": f.License.Number})
	f.stopped(t, "GET", "/dunning/7", "API_SET_NOT_GRANTED", bearer)
	value := secret.New("", secret.ClientSecret)
	storetest.Change(t, f.store, func(c *store.Change) error {
		return c.RotateSecret(t.Context(), key, storetest.Secret(value), time.Time{})
	})
	f.stopped(t, "GET", "/billing/7", "NOT_FOUND", bearer)
}

// newKey makes a key that reaches Billing.
func (f *fronted) newKey(t *testing.T, edit func(*portal.Key)) (key portal.Key, header string) {
	t.Helper()
	key, value := storetest.Key(t, f.store, f.Membership, func(k *portal.Key) {
		k.APISets = []portal.APISet{f.Billing}
		edit(k)
	})
	return key, "X-Api-Key: " + value.Reveal()
}

func noHeaderThatTheClientSentSurvives(t *testing.T, f *fronted) {
	bare, key := f.newKey(t, func(*portal.Key) {})
	headers := []string{key}
	for _, name := range identity {
		headers = append(headers, name+": forged", strings.ToLower(name)+": forged too", strings.ReplaceAll(name, "-", "_")+": forged still", strings.Replace(strings.ToLower(name), "-", "_", 1)+": forged yet")
	}
	got := f.reaches(t, "GET", "/billing/7", headers...)
	for name, values := range got.Header {
		if strings.Contains(strings.Join(values, " "), "forged") {
			t.Errorf("%s is %q", name, values)
		}
	}
	f.tells(t, got, map[string]string{"X-Key-Id": strconv.FormatInt(bare.ID, 10), "X-License": "", "X-Domain": "", "X-Application": "", "X-Impersonator-Id": ""})
	f.stopped(t, "GET", "/billing/7", "MISSING", "X_Api_Key: "+f.key)
}

func aNameIsOnlyAName(t *testing.T, f *fronted) {
	for _, name := range []string{"{http.request.uri} {env.HOME} {{.Request}}", "$remote_addr ${HOME}", "%[src] %{+Q}o %DOWNSTREAM_REMOTE_ADDRESS%", `"a", \b; c=d`} {
		_, key := f.newKey(t, func(k *portal.Key) { k.Name = name })
		f.tells(t, f.reaches(t, "GET", "/billing/7", key), map[string]string{"X-Key-Name": name})
	}
}

func theAPILearnsTheAddressFromTheGatewayAlone(t *testing.T, f *fronted) {
	got := f.reaches(t, "GET", "/billing/7", "X-Api-Key: "+f.key, "X-Forwarded-For: 198.51.100.9", "X-Forwarded-For: 198.51.100.9", "X-Real-IP: 198.51.100.9",
		"Forwarded: for=198.51.100.9;proto=gopher", "X-Forwarded-Proto: gopher")
	for name, values := range got.Header {
		if said := strings.Join(values, " "); strings.Contains(said, "198.51.100.9") || strings.Contains(said, "gopher") {
			t.Errorf("%s is %q", name, values)
		}
	}
	if address := got.Header.Get("X-Forwarded-For"); address != "127.0.0.2" {
		t.Errorf("the client's address is %q", address)
	}
}

func aRefusalSaysWhy(t *testing.T, f *fronted) {
	right := "X-Api-Key: " + f.key
	unauthorized := f.stopped(t, "GET", "/billing/7", "MISSING")
	if got := unauthorized.Header.Get("WWW-Authenticate"); got != `Bearer realm="Key Portal"` {
		t.Errorf("the challenge is %s", got)
	}
	f.stopped(t, "GET", "/billing/7", "MALFORMED", "X-Api-Key: x")
	f.stopped(t, "GET", "/billing/7", "MALFORMED", right, right)
	f.refused(t, "GET", "/billing/7", right, "X-Api-Key: ")
	f.refused(t, "GET", "/billing/7", "Authorization: Bearer "+f.key, "Authorization: Bearer "+f.key)
	f.refused(t, "GET", "/billing/7", right, "Authorization: Bearer "+secret.New("", secret.Token).Reveal())
	f.stopped(t, "GET", "/billing/7", "NOT_FOUND", "X-Api-Key: "+secret.New("", secret.Token).Reveal())
	f.stopped(t, "GET", "/dunning/7", "API_SET_NOT_GRANTED", right)
	f.stopped(t, "GET", "/elsewhere", "API_SET_NOT_GRANTED", right)
	f.stopped(t, "GET", "/billing/7", "IMPERSONATION_NOT_ALLOWED", right, "impersonate-user-id: 1")
	f.stopped(t, "GET", "/billing/7?api_key="+f.key, "CREDENTIAL_IN_QUERY", right)
	_, disabled := f.newKey(t, func(k *portal.Key) { k.Enabled = false })
	f.stopped(t, "GET", "/billing/7", "DISABLED", disabled)
}

func theClientLearnsItsRate(t *testing.T, f *fronted) {
	policy, left := `"key";q=10;w=60`, `"key";r=9;t=42`
	answer := func(status int, reason string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("RateLimit", left)
			w.Header().Set("RateLimit-Policy", policy)
			if status != http.StatusOK {
				w.Header().Set("X-Deny-Reason", reason)
				w.Header().Set("Retry-After", "42")
			}
			for _, name := range identity {
				w.Header().Set(name, "")
			}
			w.WriteHeader(status)
		}
	}
	hasRate := func(r *http.Response) {
		t.Helper()
		if r.Header.Get("RateLimit") != left || r.Header.Get("RateLimit-Policy") != policy {
			t.Errorf("the client is told %v", r.Header)
		}
	}
	right := "X-Api-Key: " + f.key
	f.answering(t, answer(http.StatusOK, ""))
	passed, _ := f.connect(t).send("GET", "/billing/7", "", right)
	hasRate(passed)
	<-f.received
	status := http.StatusTooManyRequests
	if f.denyAs403 {
		status = http.StatusForbidden
	}
	f.answering(t, answer(status, "RATE_LIMITED"))
	limited := f.stopped(t, "GET", "/billing/7", "RATE_LIMITED", right)
	hasRate(limited)
	if got := limited.Header.Get("Retry-After"); got != "42" {
		t.Errorf("it is told to come back after %q", got)
	}
	f.instead.Store(nil)
	unlimited, _ := f.connect(t).send("GET", "/billing/7", "", right)
	<-f.received
	for _, name := range []string{"RateLimit", "RateLimit-Policy", "Retry-After", "X-Deny-Reason"} {
		if got, there := unlimited.Header[http.CanonicalHeaderKey(name)]; there {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func aPathIsReadOneWayOrRefused(t *testing.T, f *fronted) {
	right := "X-Api-Key: " + f.key
	for _, uri := range []string{"/billing/7", "/billing/a%20b", "/billing/7?next=/../..//x%2F", "/%62illing/7"} {
		if got := f.reaches(t, "GET", uri, right); got.RequestURI != uri {
			t.Errorf("%s reaches the API as %s", uri, got.RequestURI)
		}
	}
	for _, uri := range []string{
		"//billing/7", "/billing//7", "/./billing/7", "/billing/../dunning/7", "/dunning/../billing/7", "/billing/..%2Fdunning/7", "/dunning/..%2fbilling/7",
		"/billing/%2e%2e/dunning/7", "/dunning/%2e%2e/billing/7", "/billing%2F7", "/%2F", "/%2Fbilling/7", "/%2fdunning/7", "/billing/..%2f", "/billing/..%5Cdunning", `/billing\..\dunning`,
		"/billing;/7", "/billing/..;/dunning/7", "/billing/7%252F", "/dunning/7#/../../billing/7", "/Billing/7", "/../billing/7", "/billing/%zz", "/billing/7%00", "/billing/7%0d%0aX-User-Id:%201",
		"*", "billing/7", "?api_set=billing", "/?unmatched=allow", "/elsewhere?unmatched=allow", "/dunning/7?api_set=billing", "/auth?unmatched=allow", "/_keyportal",
	} {
		f.refused(t, "GET", uri, right)
	}
}

func methodsAndBodiesArriveAsTheyAre(t *testing.T, f *fronted) {
	key := "X-Api-Key: " + f.key
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "BREW"} {
		answer, said := f.connect(t).send(method, "/billing/7", strings.Repeat("x", 100_000), key)
		if want := method + " /billing/7 100000"; answer.StatusCode != http.StatusOK || method != "HEAD" && said != want {
			t.Errorf("%s: got %s %s", method, answer.Status, said)
			continue
		}
		f.right(t, f.arrived(t))
		f.stopped(t, method, "/dunning/7", "API_SET_NOT_GRANTED", key)
	}
	got := f.reaches(t, "GET", "/billing/7", key, "X-HTTP-Method-Override: DELETE", "x-http-method: DELETE", "X-Method-Override: DELETE")
	f.right(t, got)
	if got.Method != "GET" {
		t.Errorf("GET arrives as %s", got.Method)
	}
	for _, method := range []string{"CONNECT", "TRACE", "get", "PRI"} {
		f.refusedOrRight(t, method, "/billing/7", key)
		f.refused(t, method, "/dunning/7", key)
	}
}

func aClientCannotSpeakForTheGateway(t *testing.T, f *fronted) {
	right := "X-Api-Key: " + f.key
	for _, forged := range [][]string{
		{right, "X-Original-Method: GET", "X-Original-URI: /billing/7"},
		{right, "X-Forwarded-Method: GET", "X-Forwarded-Uri: /billing/7"},
		{right, "X-Original-Uri: /billing/7", "X-Original-Uri: /billing/7"},
		{right, "X-Original_Uri: /billing/7", "X_Forwarded_Uri: /billing/7"},
	} {
		f.stopped(t, "GET", "/dunning/7", "API_SET_NOT_GRANTED", forged...)
		f.right(t, f.reaches(t, "GET", "/billing/7", append(forged, "X-Original-URI: /dunning/7", "X-Forwarded-Uri: /dunning/7")...))
	}
	_, elsewhere := f.newKey(t, func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.0/24"} })
	_, here := f.newKey(t, func(k *portal.Key) { k.AllowedNetworks = []string{"127.0.0.2/32"} })
	for _, forged := range []string{"X-Forwarded-For: 192.0.2.7", "X-Forwarded-For: 192.0.2.7, 127.0.0.1", "X_Forwarded_For: 192.0.2.7", "Forwarded: for=192.0.2.7", "X-Real-Ip: 192.0.2.7"} {
		f.stopped(t, "GET", "/billing/7", "IP_NOT_ALLOWED", elsewhere, forged)
		f.stopped(t, "GET", "/billing/7", "IP_NOT_ALLOWED", elsewhere, forged, forged, "Connection: X-Forwarded-For")
		f.reaches(t, "GET", "/billing/7", here, forged, forged)
	}
}

func aClientCannotChooseWhatTheAPIIsTold(t *testing.T, f *fronted) {
	right := "X-Api-Key: " + f.key
	for _, headers := range [][]string{
		{"Connection: " + strings.Join(identity, ", ")},
		{"Connection: close, x-user-id", "Connection: X-Org-Id"},
		{"Connection: X-Api-Key, X-Original-Uri, X-Forwarded-Uri, X-Forwarded-Method, X-Forwarded-For"},
		{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"},
		{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="},
		{"Keep-Alive: X-User-Id", "Proxy-Connection: X-User-Id", "TE: trailers", "Trailer: X-User-Id"},
	} {
		f.refusedOrRight(t, "GET", "/billing/7", append(headers, right)...)
		f.refused(t, "GET", "/dunning/7", append(headers, right)...)
	}
}

func largeHeadersAreRefusedOrRight(t *testing.T, f *fronted) {
	right, large := "X-Api-Key: "+f.key, strings.Repeat("x", 64<<10)
	f.refusedOrRight(t, "GET", "/billing/7", right, "Cookie: "+large)
	f.refusedOrRight(t, "GET", "/billing/7", right, "Cookie: "+large+large+large)
	f.refusedOrRight(t, "GET", "/billing/7", append(slices64k("X-Filler"), right)...)
	f.refusedOrRight(t, "GET", "/billing/7", append(slices64k("X-User-Id"), right)...)
	f.refused(t, "GET", "/billing/7", append(slices64k("X-Api-Key"), right)...)
	f.refused(t, "GET", "/billing/7", "X-Api-Key: "+large)
	f.refused(t, "GET", "/billing/7", right+large)
	f.refused(t, "GET", "/billing/7", "Authorization: Bearer "+large, right)
	f.refused(t, "GET", "/dunning/"+large, right)
	for size := 14 << 10; size < 18<<10; size += 256 { // where a buffer of 16 kB ends
		f.refusedOrRight(t, "GET", "/billing/7", right, "Cookie: "+large[:size])
		f.refused(t, "GET", "/billing/7", "Cookie: "+large[:size])
		f.refused(t, "GET", "/dunning/"+large[:size], right)
	}
}

// slices64k gives 64 kB of headers of one name.
func slices64k(name string) []string {
	var headers []string
	for i := range 64 {
		headers = append(headers, fmt.Sprintf("%s: %01000d", name, i))
	}
	return headers
}

func requestsOnOneConnectionStandAlone(t *testing.T, f *fronted) {
	second, value := storetest.Key(t, f.store, f.Membership, func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing, f.Dunning} })
	var clients sync.WaitGroup
	for range 4 {
		c := f.connect(t)
		clients.Go(func() {
			for range 25 {
				for _, step := range []struct {
					uri    string
					header string
					status int
				}{
					{"/billing/7?by=" + strconv.FormatInt(f.Key.ID, 10), "X-Api-Key: " + f.key, http.StatusOK},
					{"/billing/7", "X-None: ", http.StatusUnauthorized},
					{"/dunning/7?by=" + strconv.FormatInt(second.ID, 10), "X-Api-Key: " + value.Reveal(), http.StatusOK},
					{"/dunning/7", "X-Api-Key: " + f.key, http.StatusForbidden},
				} {
					answer, _, err := c.try("GET", step.uri, "", step.header)
					if err != nil || answer.StatusCode != step.status || answer.Close {
						t.Errorf("%s: got %+v, %v", step.uri, answer, err)
						return
					}
				}
			}
		})
	}
	clients.Wait()
	count := len(f.received)
	for range count {
		r := f.arrived(t)
		if r.URL.Query().Get("by") != r.Header.Get("X-Key-Id") {
			t.Errorf("%s arrives as key %s", r.RequestURI, r.Header.Get("X-Key-Id"))
		}
	}
	if count != 4*25*2 {
		t.Errorf("%d requests reached the API", count)
	}
}

func withoutKeyPortalNothingPasses(t *testing.T, f *fronted) {
	right := "X-Api-Key: " + f.key
	for _, status := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusNotFound} {
		f.answering(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) })
		f.refused(t, "GET", "/billing/7", right)
	}
	_, access, security := f.pair(t)
	f.secrets = append(f.secrets, strings.TrimPrefix(access, "accessKey: "), strings.TrimPrefix(security, "secretKey: "))
	f.answering(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	f.refused(t, "GET", "/billing/7", right)
	f.refused(t, "GET", "/billing/7", "Authorization: Bearer "+f.key)
	f.refused(t, "GET", "/billing/7", access, security)
	f.instead.Store(nil)
	f.right(t, f.reaches(t, "GET", "/billing/7", right))
	address := f.checks.Listener.Addr().String()
	f.checks.Close()
	f.refused(t, "GET", "/billing/7", right)
	f.open(t, address)
	f.right(t, f.reaches(t, "GET", "/billing/7", right))
}

// ambiguous has what different servers read differently: where a request ends, what
// is a header, and what is asked for. In each, KEY is the credential, and what is
// smuggled in asks for Dunning, or says that somebody else comes.
var ambiguous = []string{
	// Where a request ends.
	"POST /billing/1 HTTP/1.1\nHost: a\nKEY\nContent-Length: 59\nTransfer-Encoding: chunked\n\n0\n\nGET /dunning/1 HTTP/1.1\nHost: a\nX-User-Id: 1\n\n",
	"POST /billing/2 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: chunked\nContent-Length: 5\n\n0\n\nGET /dunning/2 HTTP/1.1\nHost: a\n\n",
	"POST /billing/3 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: xchunked\nContent-Length: 5\n\n0\n\nGET /dunning/3 HTTP/1.1\nHost: a\n\n",
	"POST /billing/4 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding : chunked\nContent-Length: 5\n\n0\n\nGET /dunning/4 HTTP/1.1\nHost: a\n\n",
	"POST /billing/5 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: chunked\nTransfer-Encoding: identity\n\n0\n\nGET /dunning/5 HTTP/1.1\nHost: a\n\n",
	"POST /billing/6 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: identity, chunked\n\n0\n\nGET /dunning/6 HTTP/1.1\nHost: a\n\n",
	"POST /billing/7 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: \vchunked\nContent-Length: 5\n\n0\n\nGET /dunning/7 HTTP/1.1\nHost: a\n\n",
	"POST /billing/8 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding:\n chunked\nContent-Length: 5\n\n0\n\nGET /dunning/8 HTTP/1.1\nHost: a\n\n",
	"POST /billing/9 HTTP/1.1\nHost: a\nKEY\nTransfer_Encoding: chunked\nContent-Length: 5\n\n0\n\nGET /dunning/9 HTTP/1.1\nHost: a\n\n",
	"POST /billing/10 HTTP/1.0\nHost: a\nKEY\nTransfer-Encoding: chunked\nConnection: keep-alive\n\n0\n\nGET /dunning/10 HTTP/1.1\nHost: a\n\n",
	"POST /billing/11 HTTP/1.1\nHost: a\nKEY\nContent-Length: 0\nContent-Length: 44\n\nGET /dunning/11 HTTP/1.1\nHost: a\nX-User-Id: 1\n\n",
	"POST /billing/12 HTTP/1.1\nHost: a\nKEY\nContent-Length: 0, 44\n\nGET /dunning/12 HTTP/1.1\nHost: a\n\n",
	"POST /billing/13 HTTP/1.1\nHost: a\nKEY\nContent-Length: 0\nContent-Length: 0\n\nGET /dunning/13 HTTP/1.1\nHost: a\n\n",
	"POST /billing/14 HTTP/1.1\nHost: a\nKEY\nContent-Length: +0\n\nGET /dunning/14 HTTP/1.1\nHost: a\n\n",
	"POST /billing/15 HTTP/1.1\nHost: a\nKEY\nContent-Length: -1\n\nGET /dunning/15 HTTP/1.1\nHost: a\n\n",
	"POST /billing/16 HTTP/1.1\nHost: a\nKEY\nContent-Length: 0x0\n\nGET /dunning/16 HTTP/1.1\nHost: a\n\n",
	"POST /billing/17 HTTP/1.1\nHost: a\nKEY\nContent-Length: 18446744073709551616\n\nGET /dunning/17 HTTP/1.1\nHost: a\n\n",
	"POST /billing/18 HTTP/1.1\nHost: a\nKEY\nContent-Length : 44\n\nGET /dunning/18 HTTP/1.1\nHost: a\n\n",
	"POST /billing/19 HTTP/1.1\nHost: a\nKEY\nContent-Length:\n\nGET /dunning/19 HTTP/1.1\nHost: a\n\n",
	"POST /billing/20 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: chunked\n\n0x0\n\nGET /dunning/20 HTTP/1.1\nHost: a\n\n",
	"POST /billing/21 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: chunked\n\n1;a\nx\n0\n\nGET /dunning/21 HTTP/1.1\nHost: a\n\n",
	"POST /billing/22 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: chunked\n\n100000000000000000\nx\n0\n\nGET /dunning/22 HTTP/1.1\nHost: a\n\n",
	"POST /billing/23 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: chunked\n\n2\nxGET /dunning/23 HTTP/1.1\nHost: a\n\n",
	"POST /billing/24 HTTP/1.1\nHost: a\nKEY\nTransfer-Encoding: chunked\nTrailer: X-User-Id\n\n0\nX-User-Id: 1\nX-Api-Sets: all\n\n",
	"GET /billing/25 HTTP/1.1\nHost: a\nKEY\n\nGET /dunning/25 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET /billing/26 HTTP/1.1\nHost: a\nKEY\nExpect: 100-continue\nContent-Length: 44\n\nGET /dunning/26 HTTP/1.1\nHost: a\nX-User-Id: 1\n\n",
	// What is a header.
	"GET /billing/30 HTTP/1.1\nHost: a\nKEY\nX-None: a\n X-User-Id: 1\n\n",
	"GET /billing/31 HTTP/1.1\nHost: a\nKEY\nX-User-Id:\n 1\n\n",
	"GET /billing/32 HTTP/1.1\n X-User-Id: 1\nHost: a\nKEY\n\n",
	"GET /billing/33 HTTP/1.1\nHost: a\nKEY\nX-User-Id : 1\n\n",
	"GET /billing/34 HTTP/1.1\nHost: a\nKEY\nX-User-Id\t: 1\n\n",
	"GET /billing/35 HTTP/1.1\nHost: a\nKEY\nX-User-Id\n\n",
	"GET /billing/36 HTTP/1.1\nHost: a\nKEY\n: X-User-Id: 1\n\n",
	"GET /billing/37 HTTP/1.1\nHost: a\nKEY\nX-None: a\x00X-User-Id: 1\n\n",
	"GET /billing/38 HTTP/1.1\nHost: a\nKEY\nX-None: a\rX-User-Id: 1\n\n",
	"GET /billing/39 HTTP/1.1\nHost: a\nKEY\nX-User-Id\x00: 1\n\n",
	"GET /billing/40 HTTP/1.1\nHost: a\nKEY\nX-User-Id\r: 1\n\n",
	"GET /billing/41 HTTP/1.1\nHost: a\nKEY\nX\xc2\xadUser-Id: 1\n\n",
	"GET /billing/42 HTTP/1.1\nHost: a\nKEY\nX.User.Id: 1\n\n",
	"GET /billing/43 HTTP/1.1\nHost: a\nHost: b\nKEY\n\n",
	"GET /billing/44 HTTP/1.1\nKEY\n\n",
	// What is asked for.
	"GET  /billing/50 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET /billing/51 /dunning/51 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET\t/billing/52\tHTTP/1.1\nHost: a\nKEY\n\n",
	"GET /billing/53\nHost: a\nKEY\n\n",
	"GET /billing/54 HTTP/0.9\nHost: a\nKEY\n\n",
	"GET /billing/55 HTTP/1.2\nHost: a\nKEY\n\n",
	"GET /billing/56 HTTP/2.0\nHost: a\nKEY\n\n",
	"GET /billing/57 http/1.1\nHost: a\nKEY\n\n",
	"GET /billing/58 HTTP/1.0\nKEY\n\n",
	"GET http://a/billing/59 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET http://b/dunning/60 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET http://b?/billing/61 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET //b/billing/62 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET http:billing/63 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET file:///billing/64 HTTP/1.1\nHost: a\nKEY\n\n",
	"CONNECT api:443 HTTP/1.1\nHost: a\nKEY\n\n",
	"OPTIONS * HTTP/1.1\nHost: a\nKEY\n\n",
	"G\xffT /billing/67 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET /billing/\xff68 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET /billing/\x0169 HTTP/1.1\nHost: a\nKEY\n\n",
	"GET /dunning/70\x00/billing HTTP/1.1\nHost: a\nKEY\n\n",
	"PRI * HTTP/2.0\n\nSM\n\n",
}

func whatCanBeReadInTwoWaysIsRefusedOrRight(t *testing.T, f *fronted) {
	end := "GET /billing/end HTTP/1.1\nHost: a\nConnection: close\n\n"
	proper := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	var clients sync.WaitGroup
	throw := func(message string) {
		c := f.connect(t)
		clients.Go(func() {
			defer c.conn.Close()
			c.conn.SetDeadline(time.Now().Add(time.Second)) // it may wait for more of a body
			io.WriteString(c.conn, strings.Replace(message, "KEY", "X-Api-Key: "+f.key, 1))
			io.Copy(io.Discard, c.conn)
		})
	}
	for _, message := range ambiguous {
		throw(proper(message + end))
		throw(message + end)
		throw(strings.Replace(proper(message+end), "\r\n\r\n", "\n\n", 1))
		throw(strings.Replace(proper(message+end), "\r\n\r\n", "\r\n\n", 1))
		throw(strings.Replace(proper(message+end), "\r\n", "\n", 1))
		throw("\r\n" + proper(message+end))
	}
	clients.Wait()
	f.end() // so that nothing arrives any more
	for range len(f.received) {
		f.right(t, f.arrived(t))
	}
}
