package portal_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
)

func TestAPathOfOpenAPIBecomesARoutePattern(t *testing.T) {
	for path, want := range map[string]string{
		"/invoices":                       "/invoices",
		"/invoices/{id}":                  "/invoices/{id}",
		"/invoices/{invoice-id}":          "/invoices/{invoice_id}",
		"/{a.b}/{a-b}/{a_b}/{a_b_2}":      "/{a_b}/{a_b_2}/{a_b_3}/{a_b_2_2}",
		"/{1}/{größe}/{$}/{x...}":         "/{_1}/{größe}/{_}/{x___}",
		"/invoices/{id}.pdf":              "/invoices/{id}",
		"/v{version}/{from}-{to}/x":       "/{version}/{from}/x",
		"/recognition/periods/{y}:close":  "/recognition/periods/{y}",
		"/invoices/":                      "/invoices/{$}",
		"/{a}/":                           "/{a}/{$}",
		"/":                               "/{$}",
		"/a b/c":                          "/a%20b/c",
		"/a%20b/größe/%7Bid%7D":           "/a%20b/größe/%7Bid%7D",
		"/invoices.json/..x/x.../~me/@me": "/invoices.json/..x/x.../~me/@me",
		"/invoices:search/a,b;c=1":        "/invoices:search/a,b;c=1",
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "QUERY"} {
			pattern, note, err := portal.RoutePattern(method, path)
			if err != nil || pattern != method+" "+want {
				t.Errorf("%s becomes %q: %v", path, pattern, err)
			}
			wider := strings.ContainsAny(path, "{") && slices.ContainsFunc(strings.Split(path, "/"), func(segment string) bool {
				return strings.Contains(segment, "{") && (segment[0] != '{' || segment[len(segment)-1] != '}')
			})
			if wider != (note != "") {
				t.Errorf("%s: the note is %q", path, note)
			}
			if _, err := portal.NewRouter([]portal.APISet{routed("a", pattern)}); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestAPathThatNoRequestHasBecomesNoRoutePattern(t *testing.T) {
	for path, says := range map[string]string{
		"":                             "slash",
		"invoices":                     "slash",
		"https://example.com/x":        "slash",
		"/x?a={b}":                     "query",
		"/x#a":                         "fragment",
		"/a/../b":                      "/../",
		"/a/./b":                       "/../",
		"/..":                          "/../",
		"/a//b":                        "//",
		"//":                           "//",
		"/a/%2e%2e/b":                  "/../",
		"/a/%2E/b":                     "/../",
		"/a%2fb":                       "encoded slash",
		"/a%5Cb":                       "encoded slash",
		"/a\\b":                        "encoded slash",
		"/a%00b":                       "does not print",
		"/a%0Ab":                       "does not print",
		"/a\u202eb":                    "does not print",
		"/a%zz":                        "percent",
		"/{a":                          "braces",
		"/a}":                          "braces",
		"/a}{b}":                       "braces",
		"/{{a}}":                       "braces",
		"/{a}{":                        "braces",
		"/{a/b}":                       "braces",
		"/{}":                          "no name",
		"/x{}":                         "no name",
		"/" + strings.Repeat("x", 1e4): "too long",
	} {
		pattern, _, err := portal.RoutePattern(http.MethodGet, path)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.50q becomes %q: %v", path, pattern, err)
		}
	}
	for _, method := range []string{"", "get", "BREW", "GET POST", "GET\n"} {
		if pattern, _, err := portal.RoutePattern(method, "/x"); err == nil {
			t.Errorf("the method %q makes %q", method, pattern)
		}
	}
}

func TestEveryRoutePatternThatIsMadeCanBeUsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + rapid.StringMatching(`([a-c%20.{}/$*+ -]|\{[a-z0-9.-]{1,3}\}|é){0,12}`).Draw(t, "path")
		pattern, _, err := portal.RoutePattern(http.MethodGet, path)
		if err != nil {
			return
		}
		router, err := portal.NewRouter([]portal.APISet{routed("a", pattern)})
		if err != nil {
			t.Fatalf("%q becomes %q: %v", path, pattern, err)
		}
		method, example := portal.Example(pattern)
		if got := router.Find(request(method, example)); got != "a" {
			t.Fatalf("%q becomes %q, which does not claim %s", path, pattern, example)
		}
		if got := router.Find(request(method, example+"/below")); got != "" {
			t.Fatalf("%q becomes %q, which claims all below", path, pattern)
		}
	})
}

func TestPatternsOfOneShapeMatchTheSameRequests(t *testing.T) {
	for _, same := range [][2]string{{"GET /a/{x}", "GET  /a/{y}"}, {"GET /a%20b/{x}", "GET /a b/{y}"}, {"/a/", "/a/{rest...}"}, {"/x/{$}", "/x/{$}"}, {"/größe", "/gr%C3%B6%C3%9Fe"}} {
		if got, want := portal.RouteShape(same[0]), portal.RouteShape(same[1]); got != want {
			t.Errorf("%q is %q, %q is %q", same[0], got, same[1], want)
		}
		if faults := portal.RouteFaults([]portal.APISet{routed("a", same[0]), routed("b", same[1])}); len(faults) != 1 || faults[0].Set.Slug != "b" || faults[0].Other != same[0] {
			t.Errorf("%q: %+v", same, faults)
		}
	}
	for _, other := range [][2]string{{"GET /a/{x}", "/a/{x}"}, {"GET /a/{x}", "PUT /a/{x}"}, {"/a/{x}", "/a/{x...}"}, {"/a/{x}", "/a/x"}, {"/a/", "/a/{$}"}, {"/a/%7Bx%7D", "/a/{x}"}, {"/a", "/a/"}} {
		if portal.RouteShape(other[0]) == portal.RouteShape(other[1]) {
			t.Errorf("%q are one", other)
		}
	}
}

func TestAllRoutesThatCannotBeUsedAreNamed(t *testing.T) {
	faults := portal.RouteFaults([]portal.APISet{routed("a", "/a/{x}/b", "/fine"), routed("b", "/a/c/{y}", "bad", "/fine/too", "/fine")})
	var got []string
	for _, fault := range faults {
		got = append(got, fault.Set.Slug+" "+fault.Pattern+" "+fault.Other)
	}
	wantEqual(t, "faults", strings.Join(got, "; "), "b /a/c/{y} /a/{x}/b; b bad ; b /fine /fine")
}

func TestASlugIsMadeOfAName(t *testing.T) {
	for name, want := range map[string]string{
		"Billing": "billing", " Revenue  Recognition (v2) ": "revenue-recognition-v2", "a/b_c": "a-b-c", "": "", "发票": "", "Gebühren": "geb-hren",
		strings.Repeat("ab ", 100): strings.TrimRight(strings.Repeat("ab-", 100)[:64], "-"),
	} {
		wantEqual(t, name, portal.SlugOf(name), want)
		if want != "" && !portal.ValidSlug(want) {
			t.Errorf("%q is no slug", want)
		}
	}
}

func TestOperationsStandUnderEachOfTheirTags(t *testing.T) {
	outline := portal.APIOutline{
		Tags: []portal.APITag{{Name: "A"}, {Name: "B"}},
		Operations: []portal.APIOperation{
			{Method: "GET", Path: "/x", Tags: []string{"A", "B", "A"}}, {Method: "PUT", Path: "/x", Tags: []string{"A"}}, {Method: "GET", Path: "/y"}, {Method: "GET", Path: "/z", Tags: []string{"B", "unknown"}},
		},
	}
	var got []string
	for _, group := range outline.Groups() {
		line := group.Tag.Name
		for _, path := range group.Paths {
			for _, operation := range path.Operations {
				line += " " + operation.Method + path.Path
			}
		}
		got = append(got, line)
	}
	wantEqual(t, "groups", strings.Join(got, "; "), "A GET/x PUT/x; B GET/x GET/z; Untagged GET/y")
}
