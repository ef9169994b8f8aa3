package static

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestSwaggerUIIsServedCompressedAndPlain(t *testing.T) {
	for name, part := range map[string]string{"swagger/swagger-ui-bundle.js": "SwaggerUIBundle", "swagger/swagger-ui.css": ".swagger-ui"} {
		for _, encoding := range []string{"gzip", ""} {
			r := httptest.NewRequest(http.MethodGet, URL(name), nil)
			r.Header.Set("Accept-Encoding", encoding)
			rec := httptest.NewRecorder()
			Handler().ServeHTTP(rec, r)
			if rec.Code != http.StatusOK || rec.Header().Get("Content-Encoding") != encoding || !strings.Contains(rec.Header().Get("Cache-Control"), "immutable") {
				t.Errorf("%s, asked for as %q: %d, %v", name, encoding, rec.Code, rec.Header())
			}
			if plain := assets[name].plain(); !strings.Contains(string(plain), part) {
				t.Errorf("%s is not what it is called: %.100s", name, plain)
			}
			checkBody(t, rec, assets[name].plain())
		}
	}
}
