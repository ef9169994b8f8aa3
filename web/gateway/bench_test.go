package gateway_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyportal/web/gateway"
)

// discard takes an answer as net/http's server does, and keeps its status alone.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

func quiet(o *gateway.Options) { o.Logger = slog.New(slog.DiscardHandler) }

func BenchmarkAuth(b *testing.B) {
	h := newHouse(b, quiet)
	for _, bench := range []struct {
		name, target, key string
		status            int
	}{
		{"valid", "/auth?api_set=billing", h.key, http.StatusOK},
		{"valid by route", "/auth/billing/7", h.key, http.StatusOK},
		{"malformed", "/auth?api_set=billing", h.key[1:], http.StatusUnauthorized},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", bench.target, nil)
			r.Header.Set("X-Api-Key", bench.key)
			b.ReportAllocs()
			for b.Loop() {
				w := discard{header: http.Header{}}
				if h.ServeHTTP(&w, r); w.status != bench.status {
					b.Fatal(w.status)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	s := newService(b, quiet)
	body := `{"key": "` + s.key + `", "api_set": "billing"}`
	r := httptest.NewRequest("POST", "/v1/verify", nil)
	r.Header.Set("X-Api-Key", s.caller)
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(body))
		w := discard{header: http.Header{}}
		if s.ServeHTTP(&w, r); w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}
