package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func BenchmarkAuth(b *testing.B) {
	h := newHouse(b)
	for _, bench := range []struct {
		name, key string
		status    int
	}{
		{"valid", h.key, http.StatusOK},
		{"malformed", h.key[1:], http.StatusUnauthorized},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", "/auth?api_set=billing", nil)
				r.Header.Set("X-Api-Key", bench.key)
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); w.Code != bench.status {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
