package verify_test

import (
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

func TestRoutePatternsFindTheSetThatIsNeeded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		both := twoCheckers(t, s)
		at := func(method, uri string) verify.Request {
			return verify.Request{Credential: f.Secret.Reveal(), Method: method, URI: uri}
		}
		expect(t, both, at("GET", "/billing/7?page=2"), "VALID")
		expect(t, both, at("DELETE", "/billing/7"), "VALID")
		expect(t, both, at("GET", "/dunning/7"), "API_SET_NOT_GRANTED")
		expect(t, both, at("GET", "/revenue/7"), "API_SET_NOT_GRANTED")
		expect(t, both, at("GET", "/billing/../dunning/7"), "API_SET_NOT_GRANTED")
		expect(t, both, at("GET", "/elsewhere"), "API_SET_NOT_GRANTED")
		expect(t, both, at("", ""), "API_SET_NOT_GRANTED")
		if got := check(t, both[0], at("GET", "/dunning/7")).APISet; got != "dunning" {
			t.Errorf("the set that was needed is %q", got)
		}

		editSet(t, s, &f.Billing, func(x *portal.APISet) { x.Routes = []string{"GET /elsewhere"} })
		expect(t, both, at("GET", "/billing/7"), "API_SET_NOT_GRANTED")
		expect(t, both, at("GET", "/elsewhere"), "VALID")
		expect(t, both, at("POST", "/elsewhere"), "API_SET_NOT_GRANTED")
		editSet(t, s, &f.Billing, func(x *portal.APISet) { x.RetiredAt = s.Now() })
		expect(t, both, at("GET", "/elsewhere"), "API_SET_NOT_GRANTED")
	})
}

func TestOnlyWhatNoSetClaimsIsLetPassAsUnmatched(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	editSet(t, s, &f.Dunning, func(x *portal.APISet) { x.Routes = []string{"GET /dunning/"} })
	editSet(t, s, &f.Revenue, func(x *portal.APISet) { x.RetiredAt = s.Now() })
	c := verify.New(s, verify.Options{})
	for uri, want := range map[string]verify.Code{
		"/elsewhere":         "VALID",
		"/revenue/7":         "API_SET_NOT_GRANTED", // the set that claims it is retired
		"":                   "VALID",
		"/billing/7":         "VALID",
		"/dunning/7":         "API_SET_NOT_GRANTED",
		"/dunning":           "API_SET_NOT_GRANTED",
		"//dunning/7":        "API_SET_NOT_GRANTED",
		"/x/../dunning/7":    "API_SET_NOT_GRANTED",
		"/x/..%2Fdunning/7":  "API_SET_NOT_GRANTED",
		"/x/%2e%2e/dunning/": "API_SET_NOT_GRANTED",
		"dunning/7":          "API_SET_NOT_GRANTED",
	} {
		for _, method := range []string{"GET", "POST"} {
			r := verify.Request{Credential: f.Secret.Reveal(), Method: method, URI: uri, AllowUnmatched: true}
			if got := check(t, c, r).Code; got != want {
				t.Errorf("%s %q: got %s, want %s", method, uri, got, want)
			}
		}
	}
}

func TestASetThatIsNamedNeedsNoPathButNoUncleanOneEither(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	c := verify.New(s, verify.Options{})
	for uri, want := range map[string]verify.Code{
		"": "VALID", "/anything/at/all": "VALID", "/dunning/7": "VALID",
		"/dunning/..%2Fbilling/7": "API_SET_NOT_GRANTED", "//billing": "API_SET_NOT_GRANTED",
	} {
		r := forBilling(f)
		r.Method, r.URI = "GET", uri
		if got := check(t, c, r).Code; got != want {
			t.Errorf("%q: got %s, want %s", uri, got, want)
		}
	}
	for _, set := range []string{"dunning", "revenue-management", "unknown", "BILLING", " billing", "billing,dunning", "%"} {
		r := forBilling(f)
		r.APISet, r.AllowUnmatched = set, true
		if got := check(t, c, r).Code; got != "API_SET_NOT_GRANTED" {
			t.Errorf("%q: got %s", set, got)
		}
	}
}
