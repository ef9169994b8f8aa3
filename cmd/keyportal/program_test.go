package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"keyportal/internal/config"
	"keyportal/internal/keyset"
	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// asProgram is the variable with which a test starts its own binary as the
// program.
const asProgram = "KEYPORTAL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	os.Setenv("KEYPORTAL_DRAIN_DELAY", "0s")
	if os.Getenv(asProgram) != "" {
		main()
	}
	status := m.Run()
	for _, end := range atTheEnd {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// atTheEnd ends what the tests share.
var atTheEnd []func() error

// place is where an installation keeps its data.
type place struct{ engine, db, keyset string }

// flags gives a command line for the place.
func (p place) flags(command ...string) []string {
	return append(command, "--db="+p.db, "--keyset="+p.keyset)
}

func (p place) data() config.Data {
	return config.Data{DB: config.SecretURL(p.db), Keyset: p.keyset}
}

// eachEmpty runs a test on both engines with a place where nothing is yet.
func eachEmpty(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	for engine, db := range storetest.Databases(t) {
		t.Run(engine, func(t *testing.T) {
			test(t, place{engine, db, filepath.Join(t.TempDir(), "keyset")})
		})
	}
}

// eachSample runs a test on both engines with a sample installation and
// member's key.
func eachSample(t *testing.T, test func(t *testing.T, p place, key string)) {
	t.Helper()
	eachEmpty(t, func(t *testing.T, p place) {
		keys, err := makeSample(t.Context(), p.data())
		if err != nil {
			t.Fatal(err)
		}
		test(t, p, keys.member.Reveal())
	})
}

// emptySQLite gives a place for an SQLite file where nothing is yet.
func emptySQLite(t *testing.T) place {
	t.Helper()
	directory := t.TempDir()
	return place{storetest.SQLiteEngine, filepath.Join(directory, "keyportal.db"), filepath.Join(directory, "keyportal.keyset")}
}

// outcome is how a command ended and what it wrote.
type outcome struct {
	status         int
	stdout, stderr string
}

// command runs a command to its end.
func command(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), args, environment{strings.NewReader(stdin), &stdout, &stderr})
	return outcome{status, stdout.String(), stderr.String()}
}

// succeed runs a command that must end well and gives what it printed.
func succeed(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	got := command(t, stdin, args...)
	if got.status != done || got.stderr != "" {
		t.Fatalf("%q: status %d, stderr %q", args, got.status, got.stderr)
	}
	return got.stdout
}

// refuse runs a command that must fail with a status and one line that says
// what to do.
func refuse(t *testing.T, status int, message, stdin string, args ...string) {
	t.Helper()
	got := command(t, stdin, args...)
	if got.status != status || !strings.Contains(got.stderr, message) {
		t.Errorf("%q: status %d, want %d; stderr %q, want %q", args, got.status, status, got.stderr, message)
	}
	if !strings.HasPrefix(got.stderr, "keyportal: ") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("%q: stderr is not one line of ours: %q", args, got.stderr)
	}
}

// transcript is what a running program wrote.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *transcript) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits until the pattern is there and gives its first group.
func (o *transcript) await(t *testing.T, pattern string) string {
	t.Helper()
	expression := regexp.MustCompile("(?m)" + pattern)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if found := expression.FindStringSubmatch(o.String()); found != nil {
			return found[1]
		}
	}
	t.Fatalf("nothing like %s in %q", pattern, o)
	return ""
}

const (
	portalLine  = `^Portal: +(http://\S+)$`
	gatewayLine = `^Gateway: +(http://\S+)$`
	setUpLine   = `^ +(http://\S+/setup/\S+)$`
)

// serving is a program that runs in this process.
type serving struct {
	portal, gateway string
	stdout, stderr  *transcript
	end             func() int // asks the program to end and gives its exit status
}

// serve runs a server on free ports until the test ends.
func serve(t *testing.T, args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &serving{stdout: &transcript{}, stderr: &transcript{}}
	ended := make(chan int, 1)
	go func() {
		args := append(args, "--addr=127.0.0.1:0", "--gateway-addr=127.0.0.1:0")
		ended <- run(ctx, args, environment{strings.NewReader(""), s.stdout, s.stderr})
	}()
	s.end = sync.OnceValue(func() int {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if status := s.end(); status != done {
			t.Errorf("%q ended with status %d: %s", args, status, s.stderr)
		}
	})
	s.portal, s.gateway = s.stdout.await(t, portalLine), s.stdout.await(t, gatewayLine)
	return s
}

// check asks the gateway about a key and gives the status and the reason.
func check(t *testing.T, gateway, key string) (status int, reason string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway+"/auth?api_set=billing", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Api-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header.Get("X-Deny-Reason")
}

// around changes something around the program, and waits until a server knows that
// something changed.
func (s *serving) around(t *testing.T, p place, statement string, args ...any) {
	t.Helper()
	if _, err := rawSQL(t, p).ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
	keys, err := keyset.Load(p.keyset)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := store.Open(t.Context(), p.db, store.Options{MAC: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	before := s.followed(t)
	err = opened.Change(t.Context(), portal.Program("test"), func(c *store.Change) error {
		return c.Record(t.Context(), portal.Revision{Noun: portal.NounInstallation, Action: "changed"})
	})
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); s.followed(t) == before; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the server does not notice that something changed")
		}
	}
}

// followed gives the number of changes that a server has noticed, as it spells it.
func (s *serving) followed(t *testing.T) string {
	t.Helper()
	response, err := http.Get(s.gateway + "/metrics")
	_, measured := answer(t, response, err)
	return regexp.MustCompile(`(?m)^keyportal_invalidation_lag_seconds_count .*`).FindString(measured)
}

// wantCheck asks until the answer is the wanted one or a second is over: so
// long may another process's change take.
func wantCheck(t *testing.T, gateway, key string, want int) {
	t.Helper()
	got, reason := check(t, gateway, key)
	for deadline := time.Now().Add(time.Second); got != want && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		got, reason = check(t, gateway, key)
	}
	if got != want {
		t.Errorf("the check answers %d %s, want %d", got, reason, want)
	}
}

// browse gives a client that keeps cookies and follows no redirect.
func browse(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is a status and a body.
func answer(t *testing.T, response *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// wantLogIn logs in and opens the first page.
func wantLogIn(t *testing.T, portal, username, password string) {
	t.Helper()
	client := browse(t)
	response, err := client.PostForm(portal+"/login", url.Values{"username": {username}, "password": {password}})
	if status, body := answer(t, response, err); status != http.StatusSeeOther {
		t.Fatalf("logging in as %s: %d %s", username, status, body)
	}
	response, err = client.Get(portal + "/")
	if status, body := answer(t, response, err); status != http.StatusOK {
		t.Errorf("the first page of %s: %d %s", username, status, body)
	}
}
