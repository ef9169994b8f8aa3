package gateway_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTraefiksConfigurationLeavesNothingToTheClient(t *testing.T) {
	var c struct {
		HTTP struct {
			Routers struct {
				API struct{ Middlewares []string } `yaml:"api"`
			}
			Middlewares struct {
				KeyPortal struct {
					ForwardAuth struct {
						Address            string
						TrustForwardHeader *bool    `yaml:"trustForwardHeader"`
						RequestHeaders     []string `yaml:"authRequestHeaders"`
						ResponseHeaders    []string `yaml:"authResponseHeaders"`
						Stripped           string   `yaml:"authResponseHeadersRegex"`
					} `yaml:"forwardAuth"`
				} `yaml:"keyportal"`
				WithoutCredentials struct {
					Headers struct {
						Request map[string]string `yaml:"customRequestHeaders"`
					}
				} `yaml:"without-credentials"`
			}
		} `yaml:"http"`
	}
	parse(t, "traefik.yml", &c)
	if got := c.HTTP.Routers.API.Middlewares; !slices.Equal(got, []string{"keyportal", "without-credentials"}) {
		t.Errorf("the middlewares are %v", got)
	}
	auth := c.HTTP.Middlewares.KeyPortal.ForwardAuth
	if auth.Address != "http://127.0.0.1:8081/auth" || auth.TrustForwardHeader == nil || *auth.TrustForwardHeader {
		t.Errorf("it asks as %+v", auth)
	}
	names(t, "authRequestHeaders", auth.RequestHeaders, credentials)
	names(t, "authResponseHeaders", auth.ResponseHeaders, identity)
	for _, name := range identity {
		if stripped := regexp.MustCompile(auth.Stripped); stripped.MatchString(name) || !stripped.MatchString(strings.Replace(name, "-", "_", 1)) {
			t.Errorf("authResponseHeadersRegex is wrong for %s", name)
		}
	}
	removed := c.HTTP.Middlewares.WithoutCredentials.Headers.Request
	names(t, "customRequestHeaders", slices.Collect(maps.Keys(removed)), slices.Concat([]string{"Upgrade"}, credentials, otherMethods))
	for name, value := range removed {
		if value != "" {
			t.Errorf("%s is set to %q", name, value)
		}
	}
}

// asTraefik gives the question that Traefik 3.7.9 asks about a client's request,
// with the headers that authRequestHeaders let pass, as its middleware sends it
// (pkg/middlewares/auth/forward.go).
func asTraefik(method, uri, client string, passed ...string) string {
	return strings.Join(slices.Concat([]string{"GET /auth HTTP/1.1", "Host: 127.0.0.1:8081", "User-Agent: Go-http-client/1.1"}, passed, []string{
		"X-Forwarded-For: " + client, "X-Forwarded-Host: api.example", "X-Forwarded-Method: " + method, "X-Forwarded-Port: 80", "X-Forwarded-Proto: http",
		"X-Forwarded-Uri: " + uri, "Accept-Encoding: gzip", "", "",
	}), "\n")
}

func TestWhatTraefikAsksIsAnsweredRight(t *testing.T) {
	replay(t, []question{
		{"a key", asTraefik("GET", "/billing/7?page=2", "198.51.100.9", "X-Api-Key: KEY"), ""},
		{"a bearer", asTraefik("POST", "/billing/7", "2001:db8::7", "Authorization: Bearer KEY"), ""},
		{"an unknown method", asTraefik("BREW", "/billing/7", "198.51.100.9", "X-Api-Key: KEY"), ""},
		{"a path that was cleaned", asTraefik("GET", "/billing/a%20b", "198.51.100.9", "X-Api-Key: KEY"), ""},
		{"a key from elsewhere", asTraefik("GET", "/billing/7", "203.0.113.9", "X-Api-Key: KEY"), "IP_NOT_ALLOWED"},
		{"no key", asTraefik("GET", "/billing/7", "198.51.100.9"), "MISSING"},
		{"another set", asTraefik("GET", "/dunning/7", "198.51.100.9", "X-Api-Key: KEY"), "API_SET_NOT_GRANTED"},
		{"a setting in the client's query", asTraefik("GET", "/dunning/7?api_set=billing&unmatched=allow", "198.51.100.9", "X-Api-Key: KEY"), "API_SET_NOT_GRANTED"},
		{"a key in the query", asTraefik("GET", "/billing/7?api_key=KEY", "198.51.100.9", "X-Api-Key: KEY"), "CREDENTIAL_IN_QUERY"},
		{"two keys", asTraefik("GET", "/billing/7", "198.51.100.9", "X-Api-Key: KEY", "X-Api-Key: KEY"), "MALFORMED"},
		{"two bearers", asTraefik("GET", "/billing/7", "198.51.100.9", "Authorization: Bearer KEY", "Authorization: Bearer KEY"), "MALFORMED"},
		{"a large key", asTraefik("GET", "/billing/7", "198.51.100.9", "X-Api-Key: KEY"+strings.Repeat("x", 64<<10)), "MALFORMED"},
		{"two to act as", asTraefik("GET", "/billing/7", "198.51.100.9", "Impersonate-User-Id: 5", "Impersonate-User-Id: 6", "X-Api-Key: KEY"), "IMPERSONATION_NOT_ALLOWED"},
		{"two slashes", asTraefik("GET", "//billing/7", "198.51.100.9", "X-Api-Key: KEY"), "API_SET_NOT_GRANTED"},
		{"an encoded slash", asTraefik("GET", "/%2Fbilling/7", "198.51.100.9", "X-Api-Key: KEY"), "API_SET_NOT_GRANTED"},
		{"encoded dots", asTraefik("GET", "/dunning/..%2fbilling/7?a=1;b", "198.51.100.9", "X-Api-Key: KEY"), "API_SET_NOT_GRANTED"},
		{"no path", asTraefik("OPTIONS", "*", "198.51.100.9", "X-Api-Key: KEY"), "API_SET_NOT_GRANTED"},
		{"a tunnel", asTraefik("CONNECT", "api:443", "198.51.100.9", "X-Api-Key: KEY"), "API_SET_NOT_GRANTED"},
	})
}
