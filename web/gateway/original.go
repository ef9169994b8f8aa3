package gateway

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/verify"
)

// The headers in which gateways name the original request, in the order in which
// they are looked for: nginx; Traefik and Caddy.
var originalHeaders = []struct{ method, uri string }{
	{"X-Original-Method", "X-Original-Uri"},
	{"X-Forwarded-Method", "X-Forwarded-Uri"},
}

// original puts the question together that a gateway asks.
func (s *server) original(c echo.Context) (verify.Request, error) {
	r := c.Request()
	asked := verify.Request{
		Credential: credentialOf(r.Header), ClientIP: s.clientAddress(r), Impersonate: r.Header.Values("Impersonate-User-Id"),
		Method: r.Method, URI: suffix(r),
	}
	for _, names := range originalHeaders {
		uri, err := single(r.Header, names.uri)
		if err != nil {
			return asked, err
		}
		method, err := single(r.Header, names.method)
		if err != nil {
			return asked, err
		}
		if uri == "" {
			continue
		}
		if asked.URI = uri; method != "" {
			asked.Method = method
		}
		break
	}
	if _, query, ok := strings.Cut(asked.URI, "?"); ok {
		values, _ := url.ParseQuery(query)
		if err := refuseInQuery(values); err != nil {
			return asked, err
		}
	}
	return asked, bind(&asked, r.URL.RawQuery)
}

// suffix gives what follows /auth in the path as it was sent, which is the
// original path for Envoy.
func suffix(r *http.Request) string { return strings.TrimPrefix(r.URL.EscapedPath(), "/auth") }

// single gives the one value of a header. Two are refused: which one counts would
// be a guess.
func single(header http.Header, name string) (string, error) {
	values := header.Values(name)
	if len(values) > 1 {
		return "", &badRequest{"The header " + name + " was sent more than once. Let the gateway set it, and drop what clients send."}
	}
	return header.Get(name), nil
}

var parameters = []string{"api_set", "unmatched", "license", "domain", "instance", "deny"}

// bind reads the parameters by which a gateway's configuration says what a place
// needs.
func bind(asked *verify.Request, rawQuery string) error {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return &badRequest{"The query of the check can't be read."}
	}
	if err := refuseInQuery(query); err != nil {
		return err
	}
	for name, values := range query {
		if !slices.Contains(parameters, name) || len(values) > 1 {
			return &badRequest{"The check takes these parameters, each once: " + strings.Join(parameters, ", ") + "."}
		}
	}
	if !one(query, "unmatched", "allow") || !one(query, "deny", "403") {
		return &badRequest{"The check takes unmatched=allow and deny=403, or neither."}
	}
	asked.APISet, asked.AllowUnmatched = query.Get("api_set"), query.Has("unmatched")
	asked.License, asked.Domain, asked.Instance = query.Get("license"), query.Get("domain"), query.Get("instance")
	return nil
}

// one tells whether a parameter is left out or has its one value.
func one(query url.Values, name, value string) bool {
	return !query.Has(name) || query.Get(name) == value
}

// clientAddress finds where the original request came from: the peer's address,
// or behind a trusted proxy the last one of X-Forwarded-For that is not a trusted
// proxy's. The zero Addr stands for one that can't be read.
func (s *server) clientAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(address) && strings.TrimSpace(hops[i]) != ""; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return netip.Addr{}
		}
		address = hop.Unmap()
	}
	return address
}

func (s *server) trusted(address netip.Addr) bool {
	return slices.ContainsFunc(s.TrustedProxies, func(proxy netip.Prefix) bool { return proxy.Contains(address) })
}
