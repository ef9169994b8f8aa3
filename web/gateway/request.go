package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const authRoute = "/auth"

// suffixOf gives what stands behind /auth in the request line, with the query;
// "" when there is no path behind it. It is as the client wrote it.
func suffixOf(r *http.Request) (string, error) {
	suffix, ok := strings.CutPrefix(r.RequestURI, authRoute)
	if !ok {
		return "", badRequest("Ask for the path /auth, not for a whole URL.")
	}
	if !strings.HasPrefix(suffix, "/") {
		return "", nil
	}
	return suffix, nil
}

// originals has the headers in which gateways name the original request: nginx
// as its configuration says, Traefik and Caddy by themselves.
var originals = [][2]string{
	{"X-Original-Method", "X-Original-Uri"}, // in canonical form
	{"X-Forwarded-Method", "X-Forwarded-Uri"},
}

// originalOf gives method and URI of the original request, from headers or, as
// Envoy sends it, from the path behind /auth. The URI is "" when there is
// neither. A request that is named twice is refused: one of the two may be the
// client's own word, passed on by a gateway that speaks in the other way.
func originalOf(r *http.Request, suffix string) (method, uri string, err error) {
	names := 0
	if suffix != "" {
		method, uri, names = r.Method, suffix, 1
	}
	for _, pair := range originals {
		methods, uris := r.Header[pair[0]], r.Header[pair[1]]
		switch {
		case len(methods) == 0 && len(uris) == 0:
			continue
		case len(methods) != 1 || len(uris) != 1 || methods[0] == "" || uris[0] == "":
			return "", "", badRequest("The original request must be named once in both " + pair[0] + " and " + pair[1] + ". Set both in the gateway.")
		}
		method, uri, names = methods[0], uris[0], names+1
	}
	if names > 1 {
		return "", "", badRequest("The original request is named in several ways: by X-Original-…, by X-Forwarded-… or by the path behind /auth. Have the gateway use one and remove the others.")
	}
	return method, uri, nil
}

// clientAddress finds where the original request came from: the peer, or behind
// trusted proxies the last one in X-Forwarded-For that is not theirs. The zero
// Addr means that it is not known.
func (g *gateway) clientAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap()
	forwarded := strings.Join(r.Header["X-Forwarded-For"], ",")
	for forwarded != "" && g.trusts(address) {
		last := strings.LastIndexByte(forwarded, ',')
		address = parseHop(forwarded[last+1:])
		forwarded = forwarded[:max(last, 0)]
	}
	return address
}

func (g *gateway) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(g.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

// parseHop reads an address, with a port or without.
func parseHop(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if hop, err := netip.ParseAddrPort(text); err == nil {
		return hop.Addr().Unmap()
	}
	address, _ := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return address.Unmap()
}
