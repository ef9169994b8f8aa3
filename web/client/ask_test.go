package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyportal/internal/secret"
	"keyportal/web/client"
)

const (
	accepted = `{"valid": true, "code": "VALID", "message": "Fine.", "key": {"id": 1, "name": "k", "kind": "token"}, "user": {"id": 2, "username": "u"},
		"impersonator": null, "organization": {"id": 3, "name": "o"}, "license": "", "domain": "", "application": "", "api_sets": [], "expires_at": null, "rate_limit": null}`
	refusal = `{"valid": false, "code": "REVOKED", "message": "No.", "key": null, "user": null, "impersonator": null, "organization": null, "api_sets": [], "expires_at": null}`
)

// saying answers every question with a status and a body.
func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// undecided checks that neither Verify nor the middleware lets a key pass, nor keeps that
// it could not be decided.
func undecided(t *testing.T, name string, c *client.Client) {
	t.Helper()
	answer, err := c.Verify(t.Context(), client.Request{Key: "k"})
	if err == nil || answer.Valid || answer.User.ID != 0 {
		t.Errorf("%s: got %+v, %v", name, answer, err)
	}
	r := httptest.NewRequest("GET", "/billing/7", nil)
	r.Header.Set("X-Api-Key", "k")
	got := through(c, client.Place{}, r)
	if got.passed != nil || got.Code != http.StatusServiceUnavailable || got.Header().Get("X-Deny-Reason") != "UNDECIDED" || got.Header().Get("Retry-After") != "1" {
		t.Errorf("%s: the middleware answers %d %v", name, got.Code, got.Header())
	}
	if c.Kept() != 0 {
		t.Errorf("%s is kept", name)
	}
}

func TestWhateverIsNoAnswerLetsNothingPass(t *testing.T) {
	altered := func(old, new string) string { return strings.Replace(accepted, old, new, 1) }
	for name, answer := range map[string]http.HandlerFunc{
		"no body":                    saying(http.StatusOK, ""),
		"a page":                     saying(http.StatusOK, "<html>Welcome</html>"),
		"null":                       saying(http.StatusOK, "null"),
		"another object":             saying(http.StatusOK, `{"status": "ok"}`),
		"a list":                     saying(http.StatusOK, "["+accepted+"]"),
		"two answers":                saying(http.StatusOK, accepted+accepted),
		"half an answer":             saying(http.StatusOK, accepted[:len(accepted)-1]),
		"valid alone":                saying(http.StatusOK, `{"valid": true}`),
		"a code alone":               saying(http.StatusOK, `{"code": "VALID"}`),
		"valid as text":              saying(http.StatusOK, altered("true", `"true"`)),
		"valid with a refusal":       saying(http.StatusOK, altered("VALID", "REVOKED")),
		"valid without a code":       saying(http.StatusOK, altered(`"code": "VALID", `, "")),
		"valid in another case":      saying(http.StatusOK, altered("VALID", "valid")),
		"refused as valid":           saying(http.StatusOK, altered("true", "false")),
		"a code that is none":        saying(http.StatusOK, strings.Replace(refusal, "REVOKED", "REVOKED\\r\\nX-Key-Id: 1", 1)),
		"no key":                     saying(http.StatusOK, altered(`{"id": 1, "name": "k", "kind": "token"}`, "null")),
		"no user":                    saying(http.StatusOK, altered(`"id": 2, `, "")),
		"no organization":            saying(http.StatusOK, altered(`"id": 3, `, "")),
		"an end that is none":        saying(http.StatusOK, altered(`"expires_at": null`, `"expires_at": "soon"`)),
		"more than an answer can be": saying(http.StatusOK, altered("Fine.", strings.Repeat(".", 64<<10))),
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000")
			io.WriteString(w, accepted)
		},
		"a closed connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		undecided(t, name, newClient(t, client.Options{URL: serve(t, answer), Credential: "own"}))
	}
	for _, status := range []int{201, 202, 204, 206, 301, 302, 307, 400, 401, 403, 404, 405, 413, 429, 500, 502, 503} {
		undecided(t, fmt.Sprint("status ", status), newClient(t, client.Options{URL: serve(t, saying(status, accepted)), Credential: "own"}))
	}
	gone := httptest.NewServer(saying(http.StatusOK, accepted))
	gone.Close()
	undecided(t, "nobody there", newClient(t, client.Options{URL: gone.URL, Credential: "own"}))
	if got := answerTo(t, newClient(t, client.Options{URL: serve(t, saying(http.StatusOK, accepted)), Credential: "own"}), client.Request{Key: "k"}); !got.Valid {
		t.Errorf("the answer that all of these are made of is refused: %+v", got)
	}
}

func TestWithoutADatabaseNothingPasses(t *testing.T) {
	h := newHouse(t)
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	undecided(t, "no database", h.Client)
	if _, err := h.Verify(t.Context(), client.Request{Key: h.key}); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "UNDECIDED") {
		t.Errorf("got %v", err)
	}
}

func TestAnAnswerThatDoesNotEndIsNotReadToTheEnd(t *testing.T) {
	whole := make(chan bool, 1)
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for range 1024 {
			if _, err = w.Write(make([]byte, 64<<10)); err != nil {
				break
			}
		}
		whole <- err == nil
	})
	if _, err := newClient(t, client.Options{URL: url, Credential: "own"}).Verify(t.Context(), client.Request{Key: "k"}); err == nil || <-whole {
		t.Errorf("64 MiB were read, with the error %v", err)
	}
}

func TestAPortalThatHangsIsNotWaitedFor(t *testing.T) {
	for _, test := range []struct{ timeout, own, want time.Duration }{
		{0, time.Hour, 2 * time.Second}, {time.Minute, time.Hour, time.Minute}, {0, time.Second, time.Second}, {time.Millisecond, time.Second, time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := (&desk{answer: accepted, takes: time.Hour}).client(t, func(o *client.Options) { o.Timeout = test.timeout })
			ctx, cancel := context.WithTimeout(t.Context(), test.own)
			defer cancel()
			start := time.Now()
			_, err := c.Verify(ctx, question)
			if waited := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || waited != test.want {
				t.Errorf("%+v: waited %v for %v", test, waited, err)
			}
			time.Sleep(time.Hour)
		})
	}
}

func TestTheKeysAreNotCarriedToWhereARedirectPoints(t *testing.T) {
	var reached atomic.Bool
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reached.Store(true)
		saying(http.StatusOK, accepted)(w, r)
	})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	follows := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	for _, c := range []*http.Client{nil, follows} {
		undecided(t, "a redirect", newClient(t, client.Options{URL: url, Credential: "own", HTTPClient: c}))
	}
	if reached.Load() {
		t.Error("the redirect was followed")
	}
	if follows.CheckRedirect(nil, nil) != nil {
		t.Error("the service's own HTTP client was changed")
	}
}

func TestAServiceThatIsRefusedItselfIsToldSo(t *testing.T) {
	h := newHouse(t)
	for own, want := range map[string]client.CallerError{
		secret.New("", secret.Token).Reveal(): {Status: 401, Code: "NOT_FOUND"},
		h.key:                                 {Status: 403, Code: "API_SET_NOT_GRANTED"},
	} {
		_, err := newClient(t, client.Options{URL: h.url, Credential: own}).Verify(t.Context(), client.Request{Key: h.key})
		got, ok := errors.AsType[*client.CallerError](err)
		if !ok || got.Status != want.Status || got.Code != want.Code || got.Message == "" {
			t.Errorf("got %v, want %+v", err, want)
			continue
		}
		if said := err.Error(); !strings.Contains(said, "key of this service") || !strings.Contains(said, want.Code) || strings.Contains(said, own) {
			t.Errorf("it says %s", said)
		}
	}
	limited := newClient(t, client.Options{URL: serve(t, saying(429, "")), Credential: "own"})
	if _, err := limited.Verify(t.Context(), client.Request{}); !errors.As(err, new(*client.CallerError)) {
		t.Errorf("got %v", err)
	}
	other := newClient(t, client.Options{URL: serve(t, saying(404, "")), Credential: "own"})
	if _, err := other.Verify(t.Context(), client.Request{}); errors.As(err, new(*client.CallerError)) {
		t.Errorf("got %v", err)
	}
}

func TestAQuestionThatIsTooLargeIsNotAsked(t *testing.T) {
	h := newHouse(t)
	if _, err := h.Verify(t.Context(), client.Request{Key: strings.Repeat("k", 64<<10)}); !errors.Is(err, client.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	r := httptest.NewRequest("GET", "/billing/"+strings.Repeat("7", 64<<10), nil)
	r.Header.Set("X-Api-Key", h.key)
	if got := through(h.Client, client.Place{}, r); got.passed != nil || got.Code != http.StatusRequestHeaderFieldsTooLarge || got.Header().Get("X-Deny-Reason") != "TOO_LARGE" {
		t.Errorf("got %d %v", got.Code, got.Header())
	}
	if asked := h.asked.Load(); asked != 0 {
		t.Errorf("%d questions were asked", asked)
	}
	longest := client.Request{Key: strings.Repeat("k", 64<<10-len(`{"key":""}`))}
	if got := answerTo(t, h.Client, longest); got.Code != client.CodeMalformed {
		t.Errorf("the longest question that Key Portal takes: got %+v", got)
	}
}

// Key Portal may close an idle connection just as a question is sent there.
func TestAConnectionThatWasClosedMeanwhileIsNoFailure(t *testing.T) {
	var asked atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		if len(r.Header["Idempotency-Key"]) > 0 {
			t.Error("a key was sent that Key Portal does not know")
		}
		saying(http.StatusOK, accepted)(w, r)
	})
	c := newClient(t, client.Options{URL: url, Credential: "own", CacheFor: -1})
	for range 2 {
		answerTo(t, c, client.Request{Key: "k"})
	}
	if got := asked.Load(); got != 3 {
		t.Errorf("%d questions", got)
	}
}
