package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// limited gives a key that is accepted twice, and once more each second.
func (h house) limited(t *testing.T) string {
	t.Helper()
	_, value := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) {
		k.APISets = []portal.APISet{h.Billing}
		k.RateLimit = portal.RateLimit{Requests: 60, Period: portal.PerMinute, Burst: 2}
	})
	return value.Reveal()
}

func TestAKeyWithARateLimitIsToldWhatItHasLeft(t *testing.T) {
	h := newHouse(t)
	key := "X-Api-Key: " + h.limited(t)
	wants := func(r *http.Response, status int, policy, left, again string) {
		t.Helper()
		for name, want := range map[string]string{"RateLimit-Policy": policy, "RateLimit": left, "Retry-After": again} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if r.StatusCode != status {
			t.Errorf("got %s, want %d", r.Status, status)
		}
	}
	const policy = `"default";q=60;w=60`
	ask := func() *http.Response { return h.ask("GET", "/auth?api_set=billing", key) }
	wants(ask(), 200, policy, `"default";r=1;t=1`, "")
	wants(ask(), 200, policy, `"default";r=0;t=2`, "")
	r := ask()
	wants(r, 429, policy, `"default";r=0;t=2`, "1")
	refused(t, r, http.StatusTooManyRequests, "RATE_LIMITED")
	wants(h.ask("GET", "/auth?api_set=billing&deny=403", key), 403, policy, `"default";r=0;t=2`, "1")
	storetest.Of(h.store).Clock.Advance(100 * time.Millisecond)
	wants(ask(), 429, policy, `"default";r=0;t=2`, "1")
	storetest.Of(h.store).Clock.Advance(time.Second)
	wants(ask(), 200, policy, `"default";r=0;t=2`, "")
	wants(h.ask("GET", "/auth?api_set=billing", "X-Api-Key: "+h.key), 200, "", "", "")
}

func TestAServiceIsToldWhatAKeyHasLeft(t *testing.T) {
	s := newService(t)
	key := s.limited(t)
	for _, want := range []map[string]any{
		{"quota": 60.0, "window": 60.0, "remaining": 1.0, "reset": 1.0, "retry_after": 0.0},
		{"quota": 60.0, "window": 60.0, "remaining": 0.0, "reset": 2.0, "retry_after": 1.0},
		{"quota": 60.0, "window": 60.0, "remaining": 0.0, "reset": 2.0, "retry_after": 1.0},
	} {
		got, _ := s.verify(t, key, `, "api_set": "billing"`)["rate_limit"].(map[string]any)
		same(t, got, want)
	}
	if got := s.verify(t, key, `, "api_set": "billing"`); got["valid"] != false || got["code"] != "RATE_LIMITED" || got["key"] != nil {
		t.Errorf("got %v", got)
	}
}
