package web_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"keyportal/internal/store/storetest"
)

// What is neither as the document says nor told by the document is refused in its words.
func TestABodyThatTheAPIDoesNotDescribeIsRefused(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t), describedAPI(t), 0)
	const good = `{"name": "Kiosk", "description": "For visitors."}`
	for _, test := range []struct {
		what   string
		target string
		body   io.Reader
		status int
		says   string
	}{
		{"a good one", "/api/v1/applications", strings.NewReader(good), http.StatusCreated, "Kiosk"},
		{"a name in other letters", "/api/v1/applications", strings.NewReader(`{"name": "Stall", "Description": "x"}`), http.StatusUnprocessableEntity, "Description"},
		{"null for what can be left out", "/api/v1/applications", strings.NewReader(`{"name": "Stall", "description": null}`), http.StatusUnprocessableEntity, "description can't be null"},
		{"bytes that are no UTF-8", "/api/v1/applications", strings.NewReader("{\"name\": \"St\xffll\"}"), http.StatusBadRequest, "in UTF-8"},
		{"more than is read", "/api/v1/applications", strings.NewReader(`{"name": "` + strings.Repeat("x", 1_020_000) + `"}`), http.StatusRequestEntityTooLarge, "1 MB"},
		{"less than was to come", "/api/v1/applications", io.MultiReader(strings.NewReader(good[:9]), iotest.ErrReader(io.ErrUnexpectedEOF)), http.StatusBadRequest, "broke off"},
		{"an address with dots", "/api/v1/levels/../applications", strings.NewReader(good), http.StatusNotFound, "nothing at this address"},
		{"the 0 of the example", "/api/v1/user/apiKey", strings.NewReader(`{"orgUserId": 0, "name": "Integration Account", "canImpersonate": false}`), http.StatusUnprocessableEntity, "Replace the 0"},
	} {
		r := httptest.NewRequest(http.MethodPost, test.target, test.body)
		r.ContentLength = -1 // as of a body that is sent in chunks
		r.Header = http.Header{"X-Api-Key": {w.keys[0]}, "Content-Type": {"application/json"}}
		recorder := httptest.NewRecorder()
		w.Handler.ServeHTTP(recorder, r)
		if recorder.Code != test.status || !bytes.Contains(recorder.Body.Bytes(), []byte(test.says)) {
			t.Errorf("%s: %d %s, want %d with %q", test.what, recorder.Code, recorder.Body, test.status, test.says)
		}
	}
}
