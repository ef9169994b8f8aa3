package verify

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
)

func TestCleanPathsAreReadAlikeByEveryone(t *testing.T) {
	for uri, want := range map[string]string{
		"/":                         "/",
		"/billing/7":                "/billing/7",
		"/billing/":                 "/billing/",
		"/billing/7?a=//&b=/../%2F": "/billing/7",
		"/billing/7?":               "/billing/7",
		"/.well-known/x":            "/.well-known/x",
		"/a...b/...":                "/a...b/...",
		"/caf%C3%A9/a%20b":          "/caf%C3%A9/a%20b",
		"/a,b=c:d@e!$&'()*+~_-":     "/a,b=c:d@e!$&'()*+~_-",
		"/[a]|{b}":                  "/[a]|{b}",
	} {
		if got, clean := cleanPath(uri); !clean || got != want {
			t.Errorf("cleanPath(%q) = %q, %v", uri, got, clean)
		}
	}
}

// unclean has the paths that somebody could read as another one.
var unclean = []string{
	"", "*", "billing/7", "http://example.com/billing/7", "//billing/7", "/billing//7", "/billing/7//",
	"/./billing/7", "/billing/.", "/billing/../dunning/7", "/billing/..", "/..", "/dunning/7/../../billing/7",
	"/billing%2F7", "/billing%2f7", "/billing/..%2Fdunning", "/billing/%2e%2e/dunning", "/billing/.%2E/dunning", "/billing/%2e",
	"/billing/%2e%2e%2fdunning", "/billing/..%5cdunning", `/billing\..\dunning`, "/billing/..;/dunning", "/billing;x=1/7", "/billing/%3B",
	"/billing/%252e%252e/dunning", "/billing%252F7", "/billing/7#/../dunning", "/billing/7%00", "/billing/%0d%0a", "/billing/%7F", "/billing/%1f",
	"/billing/7 /x", "/billing/\t", "/billing/\x00", "/billing/\x7f", "/caf\xc3\xa9", "/billing/%", "/billing/%2", "/billing/%zz", "/billing/%C3%",
}

func TestUncleanPathsAreFound(t *testing.T) {
	for _, uri := range unclean {
		if got, clean := cleanPath(uri); clean {
			t.Errorf("cleanPath(%q) = %q is clean", uri, got)
		}
	}
}

func TestACleanPathIsTheSameHoweverOftenItIsDecodedAndCleaned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"/", "/", ".", "..", "a", "%2F", "%2e", "%5c", `\`, ";", "%25", "2e", "2f", "%41", "%00", "#", "%", "é", " "}), 0, 12).Draw(t, "parts")
		raw, clean := cleanPath("/" + strings.Join(parts, ""))
		if !clean {
			return
		}
		once, err := url.PathUnescape(raw)
		if err != nil {
			t.Fatalf("%q cannot be decoded: %v", raw, err)
		}
		if twice, err := url.PathUnescape(once); err != nil || twice != once {
			t.Fatalf("%q is %q decoded once and %q decoded twice", raw, once, twice)
		}
		if cleaned := path.Clean(once); cleaned != once && cleaned+"/" != once {
			t.Fatalf("%q is %q and cleaned %q", raw, once, cleaned)
		}
		if strings.Count(raw, "/") != strings.Count(once, "/") || strings.ContainsAny(once, "\\;#\x00") {
			t.Fatalf("%q is %q", raw, once)
		}
	})
}

func someRoutes(t *testing.T) *routes {
	sets := []portal.APISet{
		{Name: "Billing", Slug: "billing", Routes: []string{"GET /billing/{id}", "/billing/", "POST /reports"}},
		{Name: "Dunning", Slug: "dunning", Routes: []string{"/dunning/", "GET /reports", "PURGE  /cache/{name}"}},
		{Name: "Exact", Slug: "exact", Routes: []string{"GET /exact/{$}"}},
	}
	router, err := portal.NewRouter(sets)
	if err != nil {
		t.Fatal(err)
	}
	return &routes{1, router, methodsOf(sets)}
}

func TestASetClaimsWhatItsPatternsSay(t *testing.T) {
	routes := someRoutes(t)
	for _, test := range []struct {
		method, path, slug string
		known              bool
	}{
		{"GET", "/billing/7", "billing", true},
		{"HEAD", "/billing/7", "billing", true},
		{"DELETE", "/billing/7/lines", "billing", true},
		{"CONNECT", "/billing/7", "billing", true},
		{"BREW", "/billing/7", "billing", true},
		{"GET", "/billing", "billing", true},
		{"GET", "/%62illing/7", "billing", true},
		{"GET", "/dunning/a%20b", "dunning", true},
		{"GET", "/reports", "dunning", true},
		{"POST", "/reports", "billing", true},
		{"GET", "/exact", "exact", true},
		{"GET", "/exact/", "exact", true},
		{"PUT", "/reports", "", true},
		{"get", "/reports", "", true},
		{"GET", "/cache/a", "", true},
		{"POST", "/exact/", "", true},
		{"GET", "/exact/more", "", false},
		{"GET", "/Billing/7", "", false},
		{"GET", "/billingx", "", false},
		{"GET", "/", "", false},
		{"GET", "/reports/", "", false},
	} {
		if slug, known := routes.claim(test.method, test.path); slug != test.slug || known != test.known {
			t.Errorf("%s %s: got %q, %v", test.method, test.path, slug, known)
		}
	}
}
