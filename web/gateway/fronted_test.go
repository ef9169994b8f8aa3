package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"keyportal/web/gateway"
)

// server is a gateway that is run with the configuration that the documentation
// shows.
type server struct {
	name       string
	documented []string // the files of its configuration in testdata
	main       string   // what surrounds them, in a file of its own of that name
	command    []string // starts it in the folder with these files
	moved      []string // pairs of texts: what is elsewhere here than in the documentation
	denyAs403  bool     // it knows no refusal but 401 and 403
}

// fronted is an API behind a gateway, which asks a house.
type fronted struct {
	house
	server
	address  string           // the gateway's
	checks   *httptest.Server // the house's
	instead  atomic.Pointer[http.HandlerFunc]
	received chan *http.Request
	said     logText  // the gateway's own log
	secrets  []string // what must not be in it
	end      func()   // ends the gateway

	mu     sync.Mutex
	passed map[string]int // how often the check let a request pass
}

// newFronted starts a gateway with its documented configuration, in which further
// texts are replaced as pairs.
func newFronted(t *testing.T, s server, replaced ...string) *fronted {
	t.Helper()
	f := &fronted{server: s, address: freeAddress(t), received: make(chan *http.Request, 1000), passed: map[string]int{}}
	f.house = newHouse(t, func(o *gateway.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	f.secrets = []string{f.key}
	f.open(t, "127.0.0.1:0")
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.received <- r
		size, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%s %s %d", r.Method, r.RequestURI, size)
	}))
	t.Cleanup(api.Close)

	port := func(address string) string { return address[strings.LastIndexByte(address, ':'):] }
	moved := append([]string{":8000", port(f.address), ":8081", port(f.checks.Listener.Addr().String()), ":9000", port(api.Listener.Addr().String())}, s.moved...)
	files := map[string]string{"main": s.main}
	for _, name := range s.documented {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = strings.NewReplacer(moved...).Replace(string(content))
	}
	for pair := range slices.Chunk(replaced, 2) {
		replaceOnce(t, files, pair[0], pair[1])
	}
	folder := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.start(t, folder)
	return f
}

// open has the house answer the gateway's questions at an address.
func (f *fronted) open(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	f.checks = &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(f.check)}}
	f.checks.Start()
	t.Cleanup(f.checks.Close)
}

func replaceOnce(t *testing.T, files map[string]string, before, after string) {
	t.Helper()
	count := 0
	for name, content := range files {
		count += strings.Count(content, before)
		files[name] = strings.Replace(content, before, after, 1)
	}
	if count != 1 {
		t.Fatalf("%q is not once in the configuration", before)
	}
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

func (f *fronted) start(t *testing.T, folder string) {
	t.Helper()
	running, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(running, f.program(t), f.command[1:]...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	command.Dir, command.Env = folder, []string{"HOME=" + folder, "PATH=" + os.Getenv("PATH")}
	command.Stdout, command.Stderr = &f.said, &f.said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	f.end = sync.OnceFunc(func() {
		stop()
		<-ended
	})
	t.Cleanup(func() {
		f.end()
		for _, secret := range f.secrets {
			if strings.Contains(f.said.String(), secret) {
				t.Errorf("%s logs a credential", f.name)
			}
		}
		if t.Failed() {
			t.Logf("%s says:\n%s", f.name, f.said.String())
		}
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", f.address); err == nil {
			conn.Close()
			return
		}
		if len(ended) > 0 || time.Now().After(deadline) {
			t.Fatalf("%s does not start:\n%s", f.name, f.said.String())
		}
	}
}

func (f *fronted) program(t *testing.T) string {
	t.Helper()
	for _, folder := range []string{"", "/usr/sbin/"} {
		if program, err := exec.LookPath(folder + f.command[0]); err == nil {
			return program
		}
	}
	t.Fatalf("%s is not installed: run make test, which installs it", f.name)
	return ""
}

// check answers as the house does, and notes what it lets pass.
func (f *fronted) check(w http.ResponseWriter, r *http.Request) {
	if instead := f.instead.Load(); instead != nil {
		(*instead)(w, r)
		return
	}
	answer := httptest.NewRecorder()
	f.house.ServeHTTP(answer, r)
	if answer.Code == http.StatusOK {
		f.mu.Lock()
		f.passed[r.Header.Get("X-Original-Method")+r.Header.Get("X-Forwarded-Method")+" "+r.Header.Get("X-Original-Uri")+r.Header.Get("X-Forwarded-Uri")]++
		f.mu.Unlock()
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// answering has the gateway's questions answered by something else than the house.
func (f *fronted) answering(t *testing.T, instead http.HandlerFunc) {
	f.instead.Store(&instead)
	t.Cleanup(func() { f.instead.Store(nil) })
}

// connection is one connection to the gateway, on which requests are written byte
// by byte as they are given.
type connection struct {
	t      *testing.T
	conn   net.Conn
	reader *bufio.Reader
}

// connect comes from another address than the gateway's.
func (f *fronted) connect(t *testing.T) *connection {
	t.Helper()
	client := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := client.Dial("tcp", f.address)
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
	// A gateway that refuses a request need not read all of it.
	_, failure := io.WriteString(c.conn, strings.Join(head, "\r\n")+"\r\n\r\n"+body)
	answer, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return nil, "", errors.Join(failure, err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	return answer, string(said), err
}

// reaches sends a request on a connection of its own and gives what the API
// received of it.
func (f *fronted) reaches(t *testing.T, method, uri string, headers ...string) *http.Request {
	t.Helper()
	answer, said := f.connect(t).send(method, uri, "", headers...)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: got %s %s", method, uri, answer.Status, said)
	}
	return f.arrived(t)
}

// arrived gives what the API received, which the check must have let pass.
func (f *fronted) arrived(t *testing.T) *http.Request {
	t.Helper()
	select {
	case r := <-f.received:
		f.wasPassed(t, r)
		return r
	default:
		t.Fatal("nothing reached the API")
		return nil
	}
}

func (f *fronted) wasPassed(t *testing.T, r *http.Request) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := r.Method + " " + r.RequestURI
	if f.passed[asked]--; f.passed[asked] < 0 {
		t.Errorf("%.200s reached the API, but was not let pass", asked)
	}
}

// refusals has the status of refusals other than 403.
var refusals = map[string]int{
	"MISSING": http.StatusUnauthorized, "MALFORMED": http.StatusUnauthorized, "NOT_FOUND": http.StatusUnauthorized, "DISABLED": http.StatusUnauthorized,
	"CREDENTIAL_IN_QUERY": http.StatusBadRequest, "RATE_LIMITED": http.StatusTooManyRequests,
}

// stopped sends a request on a connection of its own that must be refused for a
// reason, and not reach the API.
func (f *fronted) stopped(t *testing.T, method, uri string, reason string, headers ...string) *http.Response {
	t.Helper()
	answer, said := f.connect(t).send(method, uri, "", headers...)
	status, listed := refusals[reason]
	if !listed || f.denyAs403 && status != http.StatusUnauthorized {
		status = http.StatusForbidden
	}
	if answer.StatusCode != status || answer.Header.Get("X-Deny-Reason") != reason {
		t.Errorf("%s %.100s: got %s %q, want %d %q: %s", method, uri, answer.Status, answer.Header.Get("X-Deny-Reason"), status, reason, said)
	}
	f.reachedNothing(t)
	return answer
}

// refused sends a request on a connection of its own that must be refused, be it by
// the gateway itself, and not reach the API.
func (f *fronted) refused(t *testing.T, method, uri string, headers ...string) {
	t.Helper()
	if answer, said := f.connect(t).send(method, uri, "", headers...); answer.StatusCode < 400 {
		t.Errorf("%s %.100s: got %s: %s", method, uri, answer.Status, said)
	}
	f.reachedNothing(t)
}

// refusedOrRight sends a request on a connection of its own that must be refused,
// or reach the API as what was checked.
func (f *fronted) refusedOrRight(t *testing.T, method, uri string, headers ...string) {
	t.Helper()
	if answer, _ := f.connect(t).send(method, uri, "", headers...); answer.StatusCode >= 400 {
		f.reachedNothing(t)
		return
	}
	f.right(t, f.arrived(t))
}

func (f *fronted) reachedNothing(t *testing.T) {
	t.Helper()
	select {
	case r := <-f.received:
		t.Errorf("%s %.100s reached the API", r.Method, r.RequestURI)
	default:
	}
}

// right checks what the API received: it knows nothing but the truth of whose the
// house's key is, does not learn the credential, and reads the path as Billing's.
func (f *fronted) right(t *testing.T, r *http.Request) {
	t.Helper()
	f.tells(t, r, f.whose())
	if r.URL.Path != "/billing" && !strings.HasPrefix(r.URL.Path, "/billing/") || filepath.Clean(r.URL.Path) != strings.TrimSuffix(r.URL.Path, "/") {
		t.Errorf("%s %.200s reached the API", r.Method, r.RequestURI)
	}
}

// whose is what the API is to be told of the house's key.
func (h house) whose() map[string]string {
	return map[string]string{
		"X-Key-Id": strconv.FormatInt(h.Key.ID, 10), "X-Key-Name": h.Key.Name, "X-User-Id": strconv.FormatInt(h.User.ID, 10), "X-User-Name": h.User.Username,
		"X-Org-Id": strconv.FormatInt(h.Organization.ID, 10), "X-Org-Name": h.Organization.Name, "X-License": h.License.Number, "X-Domain": h.License.Domain,
		"X-Application": h.Application.Name, "X-Api-Sets": "billing", "X-Impersonator-Id": "",
	}
}

// credentials is what only the gateway is told.
var credentials = []string{"X-Api-Key", "Authorization", "Accesskey", "Secretkey", "Impersonate-User-Id"}

// otherMethods has the headers in which some APIs take another method.
var otherMethods = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// tells checks that the API is told these of the identity, once each, and none of
// what only the gateway is told, nor another method.
func (f *fronted) tells(t *testing.T, r *http.Request, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := r.Header.Values(name); strings.Join(got, "") != value || len(got) > 1 {
			t.Errorf("%s %.100s: %s is %q, want %q", r.Method, r.RequestURI, name, got, value)
		}
	}
	for name, values := range r.Header {
		alike := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		if alike != name && slices.Contains(identity, alike) {
			t.Errorf("%s %.100s: %s is %q", r.Method, r.RequestURI, name, values)
		}
		if slices.Contains(credentials, alike) || slices.Contains(otherMethods, alike) || alike == "X-Deny-Reason" || alike == "Upgrade" {
			t.Errorf("%s reaches the API", name)
		}
	}
	if connection := strings.Join(r.Header.Values("Connection"), ","); strings.Contains(strings.ToLower(connection), "x-") {
		t.Errorf("the API is told to forget %s", connection)
	}
}
