package verify

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"keyportal/internal/portal"
)

// routes are the route patterns of the API sets at one line of the Revision History.
type routes struct {
	number  int64
	router  *portal.Router
	methods []string // those that patterns name, and "" for the patterns that name none
}

func (m *memory) loadRoutes(ctx context.Context, _ struct{}) (*routes, error) {
	number := m.reached.Load()
	sets, err := m.store.APISets(ctx)
	if err != nil {
		return nil, err
	}
	router, err := portal.NewRouter(sets)
	if err != nil {
		return nil, fmt.Errorf("the API sets' route patterns: %w", err)
	}
	return &routes{number, router, methodsOf(sets)}, nil
}

func methodsOf(sets []portal.APISet) []string {
	var methods []string
	for _, set := range sets {
		for _, pattern := range set.Routes {
			method, _, _ := strings.Cut(pattern, "/")
			methods = append(methods, strings.TrimSpace(method))
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// claim finds the API set that claims a clean path. known tells whether a set
// claims the path at all, be it with other methods only: who lists the methods of
// a path means the others to be closed.
func (r *routes) claim(method, path string) (slug string, known bool) {
	if slug = r.find(method, path); slug != "" {
		return slug, true
	}
	return "", slices.ContainsFunc(r.methods, func(other string) bool { return r.find(other, path) != "" })
}

// find looks a path up, and if there is nothing, with a slash behind it: the root
// of a subtree ("/billing" of "/billing/") belongs to the subtree.
func (r *routes) find(method, path string) string {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return ""
	}
	slug := r.router.Find(&http.Request{Method: method, URL: &url.URL{Path: decoded}})
	if slug == "" && !strings.HasSuffix(path, "/") {
		return r.find(method, path+"/")
	}
	return slug
}

// cleanPath takes the path out of a request's URI and tells whether everyone
// reads it alike. It is not clean when it does not begin with a slash, has an
// empty, "." or ".." segment, or has anything that some server cuts off, decodes
// twice or takes for a separator: a backslash, semicolon, fragment or space, a
// byte that is not printable ASCII, or an encoded dot, separator, percent sign or
// control character.
func cleanPath(uri string) (path string, clean bool) {
	path, _, _ = strings.Cut(uri, "?")
	inner, rooted := strings.CutPrefix(path, "/")
	if !rooted || strings.Contains(path, "//") {
		return path, false
	}
	for segment := range strings.SplitSeq(inner, "/") {
		if segment == "." || segment == ".." {
			return path, false
		}
	}
	return path, hasOnlyPlainBytes(path)
}

func hasOnlyPlainBytes(path string) bool {
	for i := 0; i < len(path); i++ {
		b := path[i]
		if b != '%' {
			if !isPlain(b) {
				return false
			}
			continue
		}
		decoded, err := url.PathUnescape(path[i:min(i+3, len(path))])
		if err != nil || !isPlainEncoded(decoded[0]) {
			return false
		}
		i += 2
	}
	return true
}

func isPlain(b byte) bool { return b > ' ' && b < 0x7f && !strings.ContainsRune(`\;#`, rune(b)) }

func isPlainEncoded(b byte) bool {
	return b >= ' ' && b != 0x7f && !strings.ContainsRune(`./\;%`, rune(b))
}
