package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// APISet is a named part of the vendor's API that a key can be granted.
type APISet struct {
	ID          int64
	Slug        string // unique; what gateways name it by
	Name        string
	Description string
	Routes      []string  // patterns of net/http.ServeMux without a host: "GET /billing/{id}", "/billing/"
	RetiredAt   time.Time // zero: in use
	Version     int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// PortalAPI is the slug of the API set Key Portal API: a key that was granted it, and
// whose user's roles allow it, may use the portal's own API.
const PortalAPI = "portal"

// Retired tells whether no key reaches the API set any more.
func (s APISet) Retired() bool { return !s.RetiredAt.IsZero() }

// HasAPISet tells whether an API set is one of some.
func HasAPISet(sets []APISet, set APISet) bool {
	return slices.ContainsFunc(sets, func(one APISet) bool { return one.ID == set.ID })
}

// WithoutAPISets gives all API sets but those that are gone.
func WithoutAPISets(all, gone []APISet) []APISet {
	return slices.DeleteFunc(slices.Clone(all), func(set APISet) bool { return HasAPISet(gone, set) })
}

// Slugs gives the slugs of API sets.
func Slugs(sets []APISet) []string {
	slugs := make([]string, len(sets))
	for i, set := range sets {
		slugs[i] = set.Slug
	}
	return slugs
}

// Record gives the API set's values for the Revision History.
func (s APISet) Record() Record {
	return Record{
		{"Slug", s.Slug},
		{"Name", s.Name},
		{"Description", s.Description},
		{"Route patterns", strings.Join(s.Routes, "\n")},
		{"Retired", yesNo(s.Retired())},
	}
}

const maxSlug = 64

var slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// ValidSlug tells whether a text can be an API set's slug: lower-case letters,
// digits and single hyphens, 64 at most.
func ValidSlug(slug string) bool { return len(slug) <= maxSlug && slugForm.MatchString(slug) }

// Router finds the API set that claims a request by the sets' route patterns.
type Router struct{ live, retired *http.ServeMux }

type claimed string

func (claimed) ServeHTTP(http.ResponseWriter, *http.Request) {}

// NewRouter puts the route patterns of all sets together; those of retired sets
// count where no other claims a request.
// The error names the first pattern that is malformed or overlaps one of
// another set so that neither is more specific.
func NewRouter(sets []APISet) (*Router, error) {
	router, faults := newRouter(sets)
	if len(faults) > 0 {
		return nil, fmt.Errorf("%q of %s: %w", faults[0].Pattern, faults[0].Set.Name, faults[0].Err)
	}
	return router, nil
}

// RouteFault is a route pattern that can't be used.
type RouteFault struct {
	Set     APISet // whose pattern it is
	Pattern string
	Err     error
	Other   string // the pattern that it overlaps, which was there before; empty: it is malformed
}

// RouteFaults gives all patterns of sets that are malformed or overlap one before them.
func RouteFaults(sets []APISet) []RouteFault {
	_, faults := newRouter(sets)
	return faults
}

func newRouter(sets []APISet) (*Router, []RouteFault) {
	router := &Router{live: http.NewServeMux(), retired: http.NewServeMux()}
	var faults []RouteFault
	for _, set := range sets {
		for _, pattern := range set.Routes {
			if set.Retired() {
				_ = claim(router.retired, pattern, set.Slug) // an overlap closes the path all the same
			} else if err := claim(router.live, pattern, set.Slug); err != nil {
				overlaps, _ := errors.AsType[overlap](err)
				faults = append(faults, RouteFault{Set: set, Pattern: pattern, Err: err, Other: string(overlaps)})
			}
		}
	}
	return router, faults
}

func claim(mux *http.ServeMux, pattern, slug string) (err error) {
	if err := checkPattern(pattern); err != nil {
		return err
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			err = patternFault(fmt.Sprint(panicked))
		}
	}()
	mux.Handle(pattern, claimed(slug))
	return nil
}

// checkPattern refuses what ServeMux takes but no request ever matches.
func checkPattern(pattern string) error {
	method, route, found := strings.Cut(pattern, " ")
	if !found {
		method, route = "", pattern
	}
	switch route = strings.TrimLeft(route, " "); {
	case !utf8.ValidString(pattern) || strings.ContainsFunc(pattern, unprintable):
		return errors.New("it contains characters that do not print")
	case !strings.HasPrefix(route, "/"):
		return errors.New("the path must begin with a slash, after a method and a space if there is one")
	case method != strings.ToUpper(method):
		return errors.New("the method must be in capital letters")
	case strings.ContainsAny(route, "?#"):
		return errors.New("the path ends before a query or fragment")
	case !isClean(route):
		return errors.New("the path must not contain //, /./ or /../")
	}
	return nil
}

// overlap is the pattern with which another can't be.
type overlap string

func (o overlap) Error() string {
	return fmt.Sprintf("it overlaps %q, and neither is more specific", string(o))
}

// patternFault shortens what ServeMux says of a pattern to its reason.
func patternFault(text string) error {
	if _, reason, ok := strings.Cut(text, "conflicts with pattern "); ok {
		other, _, _ := strings.Cut(strings.TrimPrefix(reason, `"`), `"`)
		return overlap(other)
	}
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return errors.New(text)
}

// Find gives the slug of the API set that claims the request; "" when none
// does. What only a retired set claims stays its own, so that retiring a set
// closes its routes instead of leaving them unclaimed. A path that is not clean (//, /../), be it encoded, is claimed by none.
func (r *Router) Find(request *http.Request) string {
	if !isClean(request.URL.Path) {
		return "" // ServeMux sees no encoded dots, and leaves the path of a CONNECT as it is
	}
	for _, mux := range []*http.ServeMux{r.live, r.retired} {
		handler, pattern := mux.Handler(request)
		if slug, ok := handler.(claimed); ok && pattern != "" {
			return string(slug)
		}
	}
	return ""
}

// Example gives a request that a route pattern claims: its method ("GET" where the
// pattern takes any) and its path, percent-encoded, with 123 for each wildcard.
func Example(pattern string) (method, path string) {
	method, route, found := strings.Cut(pattern, " ")
	if !found {
		method, route = http.MethodGet, pattern
	}
	segments := strings.Split(strings.TrimLeft(route, " "), "/")
	for i, segment := range segments {
		switch {
		case segment == "{$}":
			segments[i] = ""
		case strings.HasPrefix(segment, "{"):
			segments[i] = "123"
		default:
			if decoded, err := url.PathUnescape(segment); err == nil {
				segments[i] = url.PathEscape(decoded)
			}
		}
	}
	return method, strings.Join(segments, "/")
}

func isClean(asked string) bool {
	clean := path.Clean("/" + asked)
	return asked == clean || clean != "/" && asked == clean+"/"
}

func apiSetNames(sets []APISet) string {
	names := make([]string, len(sets))
	for i, set := range sets {
		names[i] = set.Name
	}
	return strings.Join(names, ", ")
}
