package client_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"keyportal/web/client"
)

func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	question := client.Request{Key: h.key, APISet: "billing", Method: "GET", Path: "/billing/7", ClientIP: netip.MustParseAddr("192.0.2.7")}
	for name, keep := range map[string]time.Duration{"cached": time.Hour, "asked": -1} {
		b.Run(name, func(b *testing.B) {
			c := newClient(b, client.Options{URL: h.url, Credential: h.caller, CacheFor: keep})
			b.ReportAllocs()
			for b.Loop() {
				if answer := answerTo(b, c, question); !answer.Valid {
					b.Fatal(answer)
				}
			}
		})
	}
}

func BenchmarkMiddleware(b *testing.B) {
	h := newHouse(b, func(o *client.Options) { o.CacheFor = time.Hour })
	passes := h.Middleware(client.Place{APISet: "billing"})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r, w := request("GET", "/billing/7", h.withKey()...), httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		if passes.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
