package gateway_test

import (
	"slices"
	"strings"
	"testing"
)

// envoyFilter has what the test needs of the filters of HTTP.
type envoyFilter struct {
	Name   string
	Config struct {
		// header_mutation
		Mutations struct {
			Request []struct{ Remove string } `yaml:"request_mutations"`
		}
		// ext_authz
		FailureModeAllow bool      `yaml:"failure_mode_allow"`
		AllowedHeaders   envoyList `yaml:"allowed_headers"`
		Service          struct {
			PathPrefix string `yaml:"path_prefix"`
			Request    struct {
				Add []struct{ Key, Value string } `yaml:"headers_to_add"`
			} `yaml:"authorization_request"`
			Response struct {
				Upstream envoyList `yaml:"allowed_upstream_headers"`
				Client   envoyList `yaml:"allowed_client_headers"`
				Success  envoyList `yaml:"allowed_client_headers_on_success"`
			} `yaml:"authorization_response"`
		} `yaml:"http_service"`
	} `yaml:"typed_config"`
}

type envoyList struct{ Patterns []struct{ Exact string } }

func (l envoyList) names() []string {
	var names []string
	for _, pattern := range l.Patterns {
		names = append(names, pattern.Exact)
	}
	return names
}

func TestEnvoysConfigurationLeavesNothingToTheClient(t *testing.T) {
	var c struct {
		Static struct {
			Listeners []struct {
				Chains []struct {
					Filters []struct {
						Config struct {
							UseRemoteAddress bool `yaml:"use_remote_address"`
							Protocol         struct {
								Underscores string `yaml:"headers_with_underscores_action"`
							} `yaml:"common_http_protocol_options"`
							Filters []envoyFilter `yaml:"http_filters"`
							Routes  struct {
								Removed []string `yaml:"request_headers_to_remove"`
							} `yaml:"route_config"`
						} `yaml:"typed_config"`
					}
				} `yaml:"filter_chains"`
			}
		} `yaml:"static_resources"`
	}
	parse(t, "envoy.yaml", &c)
	manager := c.Static.Listeners[0].Chains[0].Filters[0].Config
	if !manager.UseRemoteAddress || manager.Protocol.Underscores != "REJECT_REQUEST" {
		t.Errorf("it reads requests as %+v", manager)
	}
	if len(manager.Filters) != 3 || manager.Filters[0].Name != "envoy.filters.http.header_mutation" || manager.Filters[1].Name != "envoy.filters.http.ext_authz" || manager.Filters[2].Name != "envoy.filters.http.router" {
		t.Fatalf("the filters are %+v", manager.Filters)
	}
	var removed []string
	for _, mutation := range manager.Filters[0].Config.Mutations.Request {
		removed = append(removed, mutation.Remove)
	}
	names(t, "request_mutations", removed, identity)
	auth := manager.Filters[1].Config
	if auth.FailureModeAllow || auth.Service.PathPrefix != "/auth" {
		t.Errorf("it asks as %+v", auth)
	}
	names(t, "allowed_headers", auth.AllowedHeaders.names(), credentials)
	if add := auth.Service.Request.Add; len(add) != 1 || add[0].Key != "x-forwarded-for" || add[0].Value != "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" {
		t.Errorf("headers_to_add is %v", add)
	}
	names(t, "allowed_upstream_headers", auth.Service.Response.Upstream.names(), identity)
	names(t, "allowed_client_headers", auth.Service.Response.Client.names(), nil)
	names(t, "allowed_client_headers_on_success", auth.Service.Response.Success.names(), []string{"RateLimit", "RateLimit-Policy"})
	names(t, "request_headers_to_remove", manager.Routes.Removed, slices.Concat(credentials, otherMethods))
}

// asEnvoy gives the question that Envoy asks about a client's request, with the
// headers that allowed_headers let pass: ext_authz_http_impl.cc puts the prefix
// before the path and leaves the method as it is, check_request_utils.cc joins what
// comes repeatedly with commas, and async_client_impl.cc adds the machine's own
// address and what begins with x-envoy.
func asEnvoy(method, path, client string, passed ...string) string {
	return strings.Join(slices.Concat([]string{method + " /auth" + path + " HTTP/1.1", "host: api.example", "content-length: 0"}, passed, []string{
		"x-forwarded-for: " + client + ",10.0.0.5", "x-envoy-internal: true", "x-envoy-expected-rq-timeout-ms: 5000", "", "",
	}), "\n")
}

func TestWhatEnvoyAsksIsAnsweredRight(t *testing.T) {
	replay(t, []question{
		{"a key", asEnvoy("GET", "/billing/7?page=2", "198.51.100.9", "x-api-key: KEY"), ""},
		{"a bearer", asEnvoy("POST", "/billing/7", "2001:db8::7", "authorization: Bearer KEY"), ""},
		{"an unknown method", asEnvoy("BREW", "/billing/7", "198.51.100.9", "x-api-key: KEY"), ""},
		{"a setting of the place's in the client's query", asEnvoy("GET", "/billing/7?license=1&deny=403", "198.51.100.9", "x-api-key: KEY"), ""},
		{"a key from elsewhere", asEnvoy("GET", "/billing/7", "203.0.113.9", "x-api-key: KEY"), "IP_NOT_ALLOWED"},
		{"no key", asEnvoy("GET", "/billing/7", "198.51.100.9"), "MISSING"},
		{"another set", asEnvoy("GET", "/dunning/7", "198.51.100.9", "x-api-key: KEY"), "API_SET_NOT_GRANTED"},
		{"another set in the client's query", asEnvoy("GET", "/dunning/7?api_set=billing", "198.51.100.9", "x-api-key: KEY"), "API_SET_NOT_GRANTED"},
		{"no set in the client's query", asEnvoy("GET", "/?unmatched=allow", "198.51.100.9", "x-api-key: KEY"), "API_SET_NOT_GRANTED"},
		{"a key in the query", asEnvoy("GET", "/billing/7?api_key=KEY", "198.51.100.9", "x-api-key: KEY"), "CREDENTIAL_IN_QUERY"},
		{"two keys", asEnvoy("GET", "/billing/7", "198.51.100.9", "x-api-key: KEY,KEY"), "MALFORMED"},
		{"two bearers", asEnvoy("GET", "/billing/7", "198.51.100.9", "authorization: Bearer KEY,Bearer KEY"), "MALFORMED"},
		{"a large key", asEnvoy("GET", "/billing/7", "198.51.100.9", "x-api-key: KEY"+strings.Repeat("x", 60<<10)), "MALFORMED"},
		{"two to act as", asEnvoy("GET", "/billing/7", "198.51.100.9", "impersonate-user-id: 5,6", "x-api-key: KEY"), "IMPERSONATION_NOT_ALLOWED"},
		{"two slashes", asEnvoy("GET", "//billing/7", "198.51.100.9", "x-api-key: KEY"), "API_SET_NOT_GRANTED"},
		{"an encoded slash", asEnvoy("GET", "/%2Fbilling/7", "198.51.100.9", "x-api-key: KEY"), "API_SET_NOT_GRANTED"},
		{"encoded dots", asEnvoy("GET", "/dunning/..%2fbilling/7", "198.51.100.9", "x-api-key: KEY"), "API_SET_NOT_GRANTED"},
		{"a way out of /auth", asEnvoy("GET", "/../healthz", "198.51.100.9", "x-api-key: KEY"), "API_SET_NOT_GRANTED"},
		{"an encoded way out of /auth", asEnvoy("GET", "/%2e%2e/healthz", "198.51.100.9", "x-api-key: KEY"), "API_SET_NOT_GRANTED"},
		{"another encoded way out of /auth", asEnvoy("GET", "/..%2f..%2fhealthz", "198.51.100.9"), "MISSING"},
	})
}
