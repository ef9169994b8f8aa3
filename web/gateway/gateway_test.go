package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
	"keyportal/web/gateway"
)

// house is a gateway's handler on a store with a fixture.
type house struct {
	http.Handler
	storetest.Fixture
	store *store.Store
	key   string // passes for billing
	log   *logText
}

func newHouse(t testing.TB, edit ...func(*gateway.Options)) house {
	t.Helper()
	s := storetest.SQLite(t)
	h := house{Fixture: storetest.NewFixture(t, s), store: s, log: &logText{}}
	h.key = h.Secret.Reveal()
	registry := prometheus.NewRegistry()
	logger := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o := gateway.Options{
		Checker: verify.New(s, verify.Options{Registry: registry, Logger: logger}), Metrics: registry, Ready: s.Ping, Logger: logger,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
	}
	for _, edit := range edit {
		edit(&o)
	}
	h.Handler = gateway.New(o)
	return h
}

// ask sends a request with headers given as "Name: value".
func (h house) ask(method, target string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return h.send(r)
}

func (h house) send(r *http.Request) *http.Response {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder.Result()
}

func (h house) withKey(headers ...string) []string { return append(headers, "X-Api-Key: "+h.key) }

// refused checks a refusal: its status, its reason, and that the body says the
// same.
func refused(t testing.TB, r *http.Response, status int, code string) {
	t.Helper()
	var body struct{ Code, Message, Detail string }
	err := json.NewDecoder(r.Body).Decode(&body)
	if r.StatusCode != status || r.Header.Get("X-Deny-Reason") != code || body.Code != code || err != nil {
		t.Errorf("got %s %q %+v %v, want %d %s", r.Status, r.Header.Get("X-Deny-Reason"), body, err, status, code)
	}
	if body.Message == "" && body.Detail == "" {
		t.Errorf("%s says nothing", code)
	}
	if got := r.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s has Cache-Control %q", code, got)
	}
	if r.Header.Get("X-User-Id") != "" {
		t.Errorf("%s names a user", code)
	}
}

func passed(t testing.TB, r *http.Response) {
	t.Helper()
	if r.StatusCode != http.StatusOK || r.Header.Get("X-Deny-Reason") != "" || r.Header.Get("X-Key-Id") == "" {
		t.Errorf("got %s %s", r.Status, r.Header.Get("X-Deny-Reason"))
	}
}

type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestTheProgramTellsHowItIs(t *testing.T) {
	h := newHouse(t)
	passed(t, h.ask("GET", "/auth?api_set=billing", h.withKey()...))
	for path, want := range map[string]string{
		"/healthz": `{"status":"ok"}`, "/readyz": `{"status":"ready"}`, "/metrics": `keyportal_check_decisions_total{code="VALID"} 1`,
	} {
		got := h.ask("GET", path)
		if body := bodyOf(t, got); got.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %s %s", path, got.Status, body)
		}
		if got := h.ask("HEAD", path); got.StatusCode != http.StatusOK {
			t.Errorf("HEAD %s: got %s", path, got.Status)
		}
		post := h.ask("POST", path)
		refused(t, post, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
		if got := post.Header.Get("Allow"); !strings.Contains(got, "GET") {
			t.Errorf("POST %s: Allow is %q", path, got)
		}
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/", "/authx", "/Auth", "//auth", "/v1", "/v1/verify/", "/metrics/x", "/%61uth?api_set=billing"} {
		refused(t, h.ask("GET", path, h.withKey()...), http.StatusNotFound, "NO_SUCH_ROUTE")
	}
	refused(t, h.ask("GET", "/v1/verify", h.withKey()...), http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
}

func TestNotReadyIsSaidWithoutDetails(t *testing.T) {
	h := newHouse(t, func(o *gateway.Options) {
		o.Ready = func(context.Context) error { return errors.New("the detail") }
	})
	r := h.ask("GET", "/readyz")
	if got := r.Header.Get("Retry-After"); got == "" {
		t.Error("it does not say when to try again")
	}
	refused(t, r, http.StatusServiceUnavailable, "NOT_READY")
	if !strings.Contains(h.log.String(), "the detail") {
		t.Errorf("the log has no detail: %s", h.log)
	}
	r = h.ask("GET", "/healthz")
	if r.StatusCode != http.StatusOK {
		t.Errorf("healthz: %s", r.Status)
	}
}

func TestAPanicLetsNothingPass(t *testing.T) {
	h := newHouse(t, func(o *gateway.Options) { o.Checker = nil })
	refused(t, h.ask("GET", "/auth?api_set=billing", h.withKey()...), http.StatusInternalServerError, "INTERNAL")
	if log := h.log.String(); !strings.Contains(log, "panic") || strings.Contains(log, h.key) {
		t.Errorf("the log has %s", log)
	}
}

func TestWithoutADatabaseNothingPasses(t *testing.T) {
	h := newHouse(t)
	refused(t, h.ask("GET", "/auth?api_set=billing", "X-Api-Key: junk"), http.StatusUnauthorized, "MALFORMED")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/auth?api_set=billing", "/auth?unmatched=allow", "/auth?api_set=billing&deny=403", "/auth/billing/7"} {
		r := h.ask("GET", target, h.withKey()...)
		if r.Header.Get("Retry-After") == "" {
			t.Errorf("%s does not say when to try again", target)
		}
		refused(t, r, http.StatusServiceUnavailable, "UNDECIDED")
	}
	refused(t, h.ask("POST", "/v1/verify", h.withKey()...), http.StatusServiceUnavailable, "UNDECIDED")
	refused(t, h.ask("GET", "/readyz"), http.StatusServiceUnavailable, "NOT_READY")
	refused(t, h.ask("GET", "/auth?api_set=billing", "X-Api-Key: junk"), http.StatusUnauthorized, "MALFORMED")
	if !strings.Contains(h.log.String(), "level=ERROR") || strings.Contains(h.log.String(), h.key) {
		t.Errorf("the log has %s", h.log)
	}
}

func TestAClientThatHasGoneIsNoFailureOfOurs(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "/auth?api_set=billing", nil)
	r.Header.Set("X-Api-Key", h.key)
	refused(t, h.send(r), http.StatusServiceUnavailable, "UNDECIDED")
	if strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("the log has %s", h.log)
	}
}

// oauthClient makes an OAuth client that passes for billing, with an access token.
func (h house) oauthClient(t testing.TB) (portal.Key, verify.ClientRequest, string) {
	t.Helper()
	client := verify.ClientRequest{ID: secret.New("", secret.ClientID).Reveal()}
	key, value := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) {
		k.Kind, k.PublicID, k.LicenseID, k.APISets = portal.OAuthKey, client.ID, h.License.ID, []portal.APISet{h.Billing}
	})
	client.Secret = value.Reveal()
	token, decision, err := verify.New(h.store, verify.Options{}).IssueToken(t.Context(), verify.TokenRequest{ClientRequest: client})
	if err != nil || !decision.Valid() {
		t.Fatalf("no token: %s, %v", decision.Code, err)
	}
	return key, client, token.Value.Reveal()
}

// editKey changes the fixture's key.
func (h *house) editKey(t testing.TB, edit func(*portal.Key)) {
	t.Helper()
	storetest.Change(t, h.store, func(c *store.Change) (err error) {
		edit(&h.Key)
		if err = c.UpdateKey(t.Context(), h.Key); err == nil {
			h.Key, err = c.Key(t.Context(), h.Key.ID)
		}
		return err
	})
}
