package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/web/gateway"
)

// surroundings is a main configuration of nginx that keeps to one folder and
// includes the one that the documentation shows.
const surroundings = `
daemon off;
user root;
worker_processes 2;
pid nginx.pid;
error_log stderr error;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    large_client_header_buffers 4 128k;
    include keyportal.conf;
}
`

// fronted is an API behind nginx, which asks a house.
type fronted struct {
	house
	address  string           // nginx's
	checks   *httptest.Server // the house's
	received chan *http.Request
}

// newFronted starts nginx with the documented configuration, in which further
// texts are replaced as pairs.
func newFronted(t *testing.T, replaced ...string) fronted {
	t.Helper()
	f := fronted{received: make(chan *http.Request, 100), address: freeAddress(t)}
	f.house = newHouse(t, func(o *gateway.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	f.checks = httptest.NewServer(f.house)
	t.Cleanup(f.checks.Close)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		f.received <- r
		fmt.Fprintf(w, "%s %s %d", r.Method, r.RequestURI, len(body))
	}))
	t.Cleanup(api.Close)

	documented, err := os.ReadFile("testdata/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	configuration := string(documented)
	addresses := []string{"listen 127.0.0.1:8000", "listen " + f.address, "server 127.0.0.1:8081", "server " + f.checks.Listener.Addr().String(), "server 127.0.0.1:9000", "server " + api.Listener.Addr().String()}
	for pair := append(addresses, replaced...); len(pair) > 0; pair = pair[2:] {
		if strings.Count(configuration, pair[0]) != 1 {
			t.Fatalf("%q is not once in the configuration", pair[0])
		}
		configuration = strings.Replace(configuration, pair[0], pair[1], 1)
	}
	startNginx(t, f.address, configuration)
	return f
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func startNginx(t *testing.T, address, configuration string) {
	t.Helper()
	program := nginxProgram(t)
	folder := t.TempDir()
	for name, content := range map[string]string{"nginx.conf": surroundings, "keyportal.conf": configuration} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(program, "-p", folder, "-c", "nginx.conf", "-e", "stderr")
	var said logText
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("nginx says:\n%s", said.String())
		}
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
		if len(ended) > 0 || time.Now().After(deadline) {
			t.Fatalf("nginx does not start:\n%s", said.String())
		}
	}
}

func nginxProgram(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Fatal("nginx is not installed: run make test, which installs it")
	return ""
}

// connection is one connection to nginx, on which requests are written byte by
// byte as they are given.
type connection struct {
	t      *testing.T
	conn   net.Conn
	reader *bufio.Reader
}

func (f fronted) connect(t *testing.T) *connection {
	t.Helper()
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &connection{t, conn, bufio.NewReader(conn)}
}

// send sends a request and gives the answer with its body read.
func (c *connection) send(method, uri, body string, headers ...string) (*http.Response, string) {
	c.t.Helper()
	answer, said, err := c.try(method, uri, body, headers...)
	if err != nil {
		c.t.Fatalf("%s %.100s: %v", method, uri, err)
	}
	return answer, said
}

func (c *connection) try(method, uri, body string, headers ...string) (*http.Response, string, error) {
	head := append([]string{method + " " + uri + " HTTP/1.1", "Host: api.example"}, headers...)
	if body != "" {
		head = append(head, "Content-Length: "+strconv.Itoa(len(body)))
	}
	if _, err := io.WriteString(c.conn, strings.Join(head, "\r\n")+"\r\n\r\n"+body); err != nil {
		return nil, "", err
	}
	answer, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	return answer, string(said), err
}

// reaches sends a request on a connection of its own and gives what the API
// received of it.
func (f fronted) reaches(t *testing.T, method, uri string, headers ...string) *http.Request {
	t.Helper()
	answer, said := f.connect(t).send(method, uri, "", headers...)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: got %s %s", method, uri, answer.Status, said)
	}
	return <-f.received
}

// stopped sends a request on a connection of its own that must be refused, and
// not reach the API.
func (f fronted) stopped(t *testing.T, method, uri string, status int, reason string, headers ...string) *http.Response {
	t.Helper()
	answer, said := f.connect(t).send(method, uri, "", headers...)
	if answer.StatusCode != status || answer.Header.Get("X-Deny-Reason") != reason {
		t.Errorf("%s %.100s: got %s %q, want %d %q: %s", method, uri, answer.Status, answer.Header.Get("X-Deny-Reason"), status, reason, said)
	}
	f.reachedNothing(t)
	return answer
}

func (f fronted) reachedNothing(t *testing.T) {
	t.Helper()
	select {
	case r := <-f.received:
		t.Errorf("%s %.100s reached the API", r.Method, r.RequestURI)
	default:
	}
}

func TestBehindNginxTheAPILearnsWhoComes(t *testing.T) {
	f := newFronted(t)
	for _, key := range []string{"X-Api-Key: " + f.key, "Authorization: Bearer " + f.key} {
		got := f.reaches(t, "GET", "/billing/7?page=2", key, "Accept: text/plain")
		for name, want := range map[string]string{
			"X-Key-Id": strconv.FormatInt(f.Key.ID, 10), "X-Key-Name": f.Key.Name, "X-User-Id": strconv.FormatInt(f.User.ID, 10), "X-User-Name": f.User.Username,
			"X-Org-Id": strconv.FormatInt(f.Organization.ID, 10), "X-Org-Name": f.Organization.Name, "X-License": f.License.Number, "X-Domain": f.License.Domain,
			"X-Application": f.Application.Name, "X-Api-Sets": "billing", "Accept": "text/plain",
		} {
			if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
				t.Errorf("%s is %q, want %q", name, values, want)
			}
		}
		if got.RequestURI != "/billing/7?page=2" {
			t.Errorf("the URI is %s", got.RequestURI)
		}
		for _, name := range []string{"X-Api-Key", "Authorization", "X-Impersonator-Id", "X-Deny-Reason"} {
			if _, there := got.Header[name]; there {
				t.Errorf("%s reaches the API", name)
			}
		}
	}
}

func TestBehindNginxAKeyPairPassesAndStaysThere(t *testing.T) {
	f := newFronted(t)
	key, access, security := f.pair(t)
	got := f.reaches(t, "GET", "/billing/7", access, security)
	if id := got.Header.Get("X-Key-Id"); id != strconv.FormatInt(key.ID, 10) {
		t.Errorf("X-Key-Id is %q", id)
	}
	for _, name := range []string{"Accesskey", "Secretkey"} {
		if _, there := got.Header[name]; there {
			t.Errorf("%s reaches the API", name)
		}
	}
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "MISSING", access)
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "MISSING", security)
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "NOT_FOUND", access, "secretKey: "+secret.New("", secret.SecurityKey).Reveal())
}

func TestBehindNginxTheAPILearnsWhoActsAsWhom(t *testing.T) {
	f := newFronted(t)
	_, value, other := f.impersonating(t)
	as := "Impersonate-User-Id: " + strconv.FormatInt(other.ID, 10)
	got := f.reaches(t, "GET", "/dunning/7", "X-Api-Key: "+value, as, "X-Impersonator-Id: 1")
	for name, want := range map[string]string{
		"X-User-Id": strconv.FormatInt(other.ID, 10), "X-User-Name": other.Username, "X-Impersonator-Id": strconv.FormatInt(f.User.ID, 10), "X-Api-Sets": "dunning",
	} {
		if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s is %q, want %q", name, values, want)
		}
	}
	if _, there := got.Header["Impersonate-User-Id"]; there {
		t.Error("Impersonate-User-Id reaches the API")
	}
	f.stopped(t, "GET", "/billing/7", http.StatusForbidden, "API_SET_NOT_GRANTED", "X-Api-Key: "+value, as)
	f.stopped(t, "GET", "/dunning/7", http.StatusForbidden, "IMPERSONATION_NOT_ALLOWED", "X-Api-Key: "+value, as, as)
}

func TestBehindNginxNoHeaderThatTheClientSentSurvives(t *testing.T) {
	f := newFronted(t)
	bare, value := storetest.Key(t, f.store, f.Membership, func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing} })
	headers := []string{"X-Api-Key: " + value.Reveal()}
	for _, name := range identity {
		headers = append(headers, name+": forged", strings.ToLower(name)+": forged too", strings.ReplaceAll(name, "-", "_")+": forged still")
	}
	got := f.reaches(t, "GET", "/billing/7", headers...)
	for name, values := range got.Header {
		if strings.Contains(strings.Join(values, " "), "forged") {
			t.Errorf("%s is %q", name, values)
		}
	}
	if id := got.Header.Get("X-Key-Id"); id != strconv.FormatInt(bare.ID, 10) {
		t.Errorf("X-Key-Id is %q", id)
	}
	for _, name := range []string{"X-License", "X-Domain", "X-Application", "X-Impersonator-Id"} {
		if _, there := got.Header[name]; there {
			t.Errorf("%s reaches the API: %q", name, got.Header[name])
		}
	}
}

func TestBehindNginxARefusalSaysWhy(t *testing.T) {
	f := newFronted(t)
	right := "X-Api-Key: " + f.key
	unauthorized := f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "MISSING")
	if got := unauthorized.Header.Get("WWW-Authenticate"); got != `Bearer realm="Key Portal"` {
		t.Errorf("the challenge is %s", got)
	}
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "MALFORMED", "X-Api-Key: x")
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "MALFORMED", right, right)
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "NOT_FOUND", "X-Api-Key: "+secret.New("", secret.Token).Reveal())
	f.stopped(t, "GET", "/dunning/7", http.StatusForbidden, "API_SET_NOT_GRANTED", right)
	f.stopped(t, "GET", "/elsewhere", http.StatusForbidden, "API_SET_NOT_GRANTED", right)
	f.stopped(t, "GET", "/billing/7", http.StatusForbidden, "IMPERSONATION_NOT_ALLOWED", right, "impersonate-user-id: 1")
	f.stopped(t, "GET", "/billing/7?api_key="+f.key, http.StatusForbidden, "CREDENTIAL_IN_QUERY", right)
	f.stopped(t, "GET", "/_keyportal", http.StatusNotFound, "", right)
	f.editKey(t, func(k *portal.Key) { k.Enabled = false })
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "DISABLED", right)
	f.editKey(t, func(k *portal.Key) { k.Enabled = true })
	f.reaches(t, "GET", "/billing/7", right)
	f.checks.Close()
	f.stopped(t, "GET", "/billing/7", http.StatusInternalServerError, "", right)
}

func TestBehindNginxAPathIsReadOneWayOrRefused(t *testing.T) {
	f := newFronted(t)
	right := "X-Api-Key: " + f.key
	for _, uri := range []string{"/billing/7", "/billing/a%20b", "/billing/7?next=/../..//x%2F", "/%62illing/7"} {
		if got := f.reaches(t, "GET", uri, right); got.RequestURI != uri {
			t.Errorf("%s reaches the API as %s", uri, got.RequestURI)
		}
	}
	for _, uri := range []string{
		"//billing/7", "/billing//7", "/./billing/7", "/billing/../dunning/7", "/dunning/../billing/7", "/billing/..%2Fdunning/7", "/dunning/..%2fbilling/7",
		"/billing/%2e%2e/dunning/7", "/dunning/%2e%2e/billing/7", "/billing%2F7", "/billing/..%5Cdunning", "/billing;/7", "/billing/7%252F", "/dunning/7#/../../billing/7", "/Billing/7",
	} {
		f.stopped(t, "GET", uri, http.StatusForbidden, "API_SET_NOT_GRANTED", right)
	}
	f.stopped(t, "GET", "/../billing/7", http.StatusBadRequest, "", right)
	f.stopped(t, "GET", "/billing/%zz", http.StatusBadRequest, "", right)
	f.stopped(t, "GET", "/billing/7%00", http.StatusBadRequest, "", right)
}

func TestBehindNginxMethodsAndBodiesArriveAsTheyAre(t *testing.T) {
	f := newFronted(t)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
		answer, said := f.connect(t).send(method, "/billing/7", strings.Repeat("x", 100_000), "X-Api-Key: "+f.key)
		if want := method + " /billing/7 100000"; answer.StatusCode != http.StatusOK || method != "HEAD" && said != want {
			t.Errorf("%s: got %s %s", method, answer.Status, said)
		}
		<-f.received
		f.stopped(t, method, "/dunning/7", http.StatusForbidden, "API_SET_NOT_GRANTED", "X-Api-Key: "+f.key)
	}
}

func TestBehindNginxAClientCannotSpeakForTheGateway(t *testing.T) {
	f := newFronted(t)
	right := "X-Api-Key: " + f.key
	for _, forged := range [][]string{
		{right, "X-Original-Method: GET", "X-Original-URI: /billing/7"},
		{right, "X-Forwarded-Method: GET", "X-Forwarded-Uri: /billing/7"},
		{right, "X-Original-Uri: /billing/7", "X-Original-Uri: /billing/7"},
	} {
		f.stopped(t, "GET", "/dunning/7", http.StatusForbidden, "API_SET_NOT_GRANTED", forged...)
		f.reaches(t, "GET", "/billing/7", append(forged, "X-Original-URI: /dunning/7")...)
	}
	f.editKey(t, func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.0/24"} })
	f.stopped(t, "GET", "/billing/7", http.StatusForbidden, "IP_NOT_ALLOWED", right, "X-Forwarded-For: 192.0.2.7")
	f.editKey(t, func(k *portal.Key) { k.AllowedNetworks = []string{"127.0.0.1/32"} })
	f.reaches(t, "GET", "/billing/7", right, "X-Forwarded-For: 192.0.2.7")
}

func TestBehindNginxLargeHeadersAreRefusedOrRight(t *testing.T) {
	f := newFronted(t)
	large := strings.Repeat("x", 64<<10)
	f.reaches(t, "GET", "/billing/7", "X-Api-Key: "+f.key, "Cookie: "+large)
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "MALFORMED", "X-Api-Key: "+large)
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "MALFORMED", "X-Api-Key: "+f.key+large)
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "MALFORMED", "Authorization: Bearer "+large, "X-Api-Key: "+f.key)
	f.stopped(t, "GET", "/dunning/"+large, http.StatusForbidden, "API_SET_NOT_GRANTED", "X-Api-Key: "+f.key)
	f.stopped(t, "GET", "/billing/7", http.StatusBadRequest, "", "X-Api-Key: "+f.key, "Cookie: "+large+large+large)
}

func TestBehindNginxRequestsOnOneConnectionStandAlone(t *testing.T) {
	f := newFronted(t)
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
	go func() {
		clients.Wait()
		close(f.received)
	}()
	count := 0
	for r := range f.received {
		count++
		if r.URL.Query().Get("by") != r.Header.Get("X-Key-Id") {
			t.Errorf("%s arrives as key %s", r.RequestURI, r.Header.Get("X-Key-Id"))
		}
	}
	if count != 4*25*2 {
		t.Errorf("%d requests reached the API", count)
	}
}

func TestBehindNginxALocationCanNeedACertainSet(t *testing.T) {
	f := newFronted(t, "/auth?deny=403", "/auth?api_set=billing&license=12345678&deny=403")
	f.stopped(t, "GET", "/anything", http.StatusForbidden, "LICENSE_MISMATCH", "X-Api-Key: "+f.key)
	f = newFronted(t, "/auth?deny=403", "/auth?api_set=billing&deny=403")
	f.reaches(t, "GET", "/anything?api_set=dunning&unmatched=allow", "X-Api-Key: "+f.key)
	_, value := storetest.Key(t, f.store, f.Membership, func(k *portal.Key) { k.APISets = []portal.APISet{f.Dunning} })
	f.stopped(t, "GET", "/anything", http.StatusForbidden, "API_SET_NOT_GRANTED", "X-Api-Key: "+value.Reveal())
	f = newFronted(t, "/auth?deny=403", "/auth?apiset=billing&deny=403")
	f.stopped(t, "GET", "/billing/7", http.StatusInternalServerError, "BAD_REQUEST", "X-Api-Key: "+f.key)
}

func TestBehindNginxAnAccessTokenPassesUntilItsSecretIsRegenerated(t *testing.T) {
	f := newFronted(t)
	key, _, token := f.oauthClient(t)
	bearer := "Authorization: Bearer " + token
	got := f.reaches(t, "GET", "/billing/7", bearer)
	if got.Header.Get("X-Key-Id") != strconv.FormatInt(key.ID, 10) || got.Header.Get("X-License") != f.License.Number || got.Header.Get("Authorization") != "" {
		t.Errorf("the API is told %v", got.Header)
	}
	f.stopped(t, "GET", "/dunning/7", http.StatusForbidden, "API_SET_NOT_GRANTED", bearer)
	value := secret.New("", secret.ClientSecret)
	storetest.Change(t, f.store, func(c *store.Change) error {
		return c.RotateSecret(t.Context(), key, storetest.Secret(value), time.Time{})
	})
	f.stopped(t, "GET", "/billing/7", http.StatusUnauthorized, "NOT_FOUND", bearer)
}
