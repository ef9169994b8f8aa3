package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
)

func routed(slug string, routes ...string) portal.APISet {
	return portal.APISet{Slug: slug, Name: slug + " API", Routes: routes}
}

func newRouter(t *testing.T, sets ...portal.APISet) *portal.Router {
	t.Helper()
	router, err := portal.NewRouter(sets)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// request makes a request for a path as it is sent, encoded or not.
func request(method, path string) *http.Request {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		decoded = path
	}
	return &http.Request{Method: method, URL: &url.URL{Path: decoded, RawPath: path}}
}

func TestTheMostSpecificPatternClaimsARequest(t *testing.T) {
	router := newRouter(t,
		routed("billing", "/billing/", "GET /billing/{id}", "/invoices/{id}/lines/{line...}", "/exact/{$}"),
		routed("reports", "GET /billing/reports", "POST /billing/reports/{year}", "/billing/reports/archive/"),
		routed("writes", "POST /billing/{id}"),
		routed("unicode", "/größe/{x}"),
	)
	for sent, want := range map[string]string{
		"GET /billing/":                  "billing",
		"GET /billing/7":                 "billing",
		"GET /billing/a/b/c":             "billing",
		"DELETE /billing/7":              "billing",
		"POST /billing/7":                "writes",
		"POST /billing/7/lines":          "billing",
		"GET /billing/reports":           "reports",
		"HEAD /billing/reports":          "reports",
		"PUT /billing/reports":           "billing",
		"POST /billing/reports/2026":     "reports",
		"GET /billing/reports/2026":      "billing",
		"GET /billing/reports/archive/x": "reports",
		"GET /invoices/7/lines/":         "billing",
		"GET /invoices/7/lines/1/2":      "billing",
		"GET /invoices/7":                "",
		"GET /exact/":                    "billing",
		"GET /exact/more":                "",
		"GET /gr%C3%B6%C3%9Fe/1":         "unicode",
		"GET /billing/a%20b":             "billing",
		"GET /":                          "",
		"GET /bill":                      "",
		"GET /BILLING/7":                 "",
		"GET /other/billing/7":           "",
		"BREW /billing/7":                "billing",
	} {
		method, path, _ := strings.Cut(sent, " ")
		wantEqual(t, sent, router.Find(request(method, path)), want)
	}
}

func TestAPathThatIsNotCleanIsClaimedByNoAPISet(t *testing.T) {
	router := newRouter(t, routed("billing", "/billing/", "/{x}"), routed("root", "/"))
	for _, method := range []string{http.MethodGet, http.MethodConnect} {
		for _, path := range []string{
			"", "//", "//billing/", "/billing//", "/billing//7", "/billing/../admin", "/billing/./7", "/billing/..", "/billing/.", "/..", "/.", "billing/",
			"/billing/%2e%2e/admin", "/billing/%2E%2E", "/billing/%2e/7", "/billing/..%2fadmin", "/billing%2f%2f7", "*",
		} {
			wantEqual(t, method+" "+path, router.Find(request(method, path)), "")
		}
	}
}

func TestTheDomainNameOfARequestDoesNotMatter(t *testing.T) {
	router := newRouter(t, routed("billing", "GET /billing/"))
	asked := request(http.MethodGet, "/billing/7")
	asked.Host = "api.example.com:8443"
	wantEqual(t, "API set", router.Find(asked), "billing")
}

func TestARetiredAPISetKeepsWhatNoOtherClaims(t *testing.T) {
	retired := routed("old", "/billing/", "/{", "/other/")
	retired.RetiredAt = time.Now()
	router := newRouter(t, retired, routed("billing", "/billing/"))
	wantEqual(t, "taken over", router.Find(request(http.MethodGet, "/billing/7")), "billing")
	wantEqual(t, "kept closed", router.Find(request(http.MethodGet, "/other/7")), "old")
	wantEqual(t, "never claimed", router.Find(request(http.MethodGet, "/else/7")), "")
}

func TestPatternsThatOverlapAreNamed(t *testing.T) {
	for _, test := range []struct{ one, other string }{
		{"/billing/", "/billing/"},
		{"GET /billing/{id}", "GET /billing/{name}"},
		{"/{area}/reports", "/billing/{id}"},
		{"GET /billing/", "/billing/{id}"},
	} {
		_, err := portal.NewRouter([]portal.APISet{routed("one", test.one), routed("other", test.other)})
		if err == nil {
			t.Errorf("%q and %q go together", test.one, test.other)
			continue
		}
		for _, part := range []string{`"` + test.one + `"`, `"` + test.other + `"`, "other API", "neither is more specific"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not say %s", err, part)
			}
		}
	}
}

func TestBadPatternsAreRefusedWithTheirReason(t *testing.T) {
	for pattern, reason := range map[string]string{
		"":                "must begin with a slash",
		"billing":         "must begin with a slash",
		"GET":             "must begin with a slash",
		"GET billing/":    "must begin with a slash",
		"example.com/x":   "must begin with a slash",
		"GET http://x/y":  "must begin with a slash",
		"OPTIONS *":       "must begin with a slash",
		"G€T /billing/":   "invalid method",
		"get /billing/":   "capital letters",
		"/billing/{":      "must end with '}'",
		"/billing/{id":    "must end with '}'",
		"/billing/a{id}":  "must start with '{'",
		"/billing/{}":     "empty wildcard",
		"/billing/{...}":  "empty wildcard",
		"/{1}":            "bad wildcard name",
		"/{id}/{id}":      "duplicate wildcard name",
		"/{rest...}/x":    "not at end",
		"/{$}/x":          "not at end",
		"//":              "must not contain //",
		"/billing//x":     "must not contain //",
		"POST /a/../b":    "must not contain //",
		"/a/.":            "must not contain //",
		"/billing?page=1": "before a query",
		"/billing#top":    "before a query",
		"/bill\x00ing":    "do not print",
		"/bill\ning":      "do not print",
		"/\u202egnillib":  "do not print",
		"/bill\xffing":    "do not print",
		"GET\t/billing/":  "do not print",
	} {
		_, err := portal.NewRouter([]portal.APISet{routed("billing", "/fine", pattern)})
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v, want %q", pattern, err, reason)
		}
	}
}

func TestNoPatternAndNoRequestBringsTheRouterDown(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"/", "/", "{", "}", "{id}", "{id...}", "{$}", "...", ".", "..", "GET ", "POST ", " ", "billing", "é", "%", "%2f", "%2e", "\x00", "\xff", "\u202e", "?", "#", "*", ";"})
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(pieces, 0, 8).Draw(t, "pieces"), "") })
	rapid.Check(t, func(t *rapid.T) {
		sets := []portal.APISet{routed("one", rapid.SliceOfN(text, 0, 3).Draw(t, "one")...), routed("other", text.Draw(t, "other"))}
		router, err := portal.NewRouter(sets)
		if err != nil {
			if message := err.Error(); strings.Contains(message, "runtime error") || strings.HasSuffix(message, ": ") {
				t.Fatalf("the reason is %q", message)
			}
			return
		}
		path := text.Draw(t, "path")
		slug := router.Find(request("GET", path))
		decoded, _ := url.PathUnescape(path)
		for segment := range strings.SplitSeq(decoded, "/") {
			if slug != "" && (segment == "." || segment == "..") {
				t.Fatalf("%q is claimed by %s", path, slug)
			}
		}
	})
}

func TestSlugsAreLowerCaseWordsWithHyphens(t *testing.T) {
	for _, slug := range []string{"billing", "revenue-management", "v2", "a", strings.Repeat("a", 64)} {
		if !portal.ValidSlug(slug) {
			t.Errorf("%q is refused", slug)
		}
	}
	for _, slug := range []string{"", "Billing", "revenue management", "-a", "a-", "a--b", "a_b", "é", "a\n", "a/b", strings.Repeat("a", 65)} {
		if portal.ValidSlug(slug) {
			t.Errorf("%q is taken", slug)
		}
	}
}

func TestAnExampleIsClaimedByItsPattern(t *testing.T) {
	for pattern, want := range map[string]string{
		"GET /billing/{id}":                      "GET /billing/123",
		"/billing/":                              "GET /billing/",
		"POST /billing/invoices":                 "POST /billing/invoices",
		"GET  /revenue/{year}/{month}/{rest...}": "GET /revenue/123/123/123",
		"DELETE /{$}":                            "DELETE /",
		"PUT /it's $5 & more/{id}":               "PUT /it%27s%20$5%20&%20more/123",
		"/größe/100%25":                          "GET /gr%C3%B6%C3%9Fe/100%25",
	} {
		method, path := portal.Example(pattern)
		if got := method + " " + path; got != want {
			t.Errorf("%q: the example is %q, want %q", pattern, got, want)
		}
		if slug := newRouter(t, routed("billing", pattern)).Find(request(method, path)); slug != "billing" {
			t.Errorf("%q does not claim %s", pattern, path)
		}
	}
}
