package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The most that is read of an API.
const (
	MaxAPIPath       = 500 // characters of a path
	MaxAPIOperations = 2000
)

// APIOutline is what an OpenAPI document says that API sets can be made of.
type APIOutline struct {
	Title      string         `json:"title,omitempty"`
	Prefix     string         `json:"prefix,omitempty"` // stands before each path: "/v1", or nothing
	Tags       []APITag       `json:"tags,omitempty"`
	Operations []APIOperation `json:"operations"`
}

// APITag is a tag that operations have.
type APITag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// APIOperation is a method on a path of the API.
type APIOperation struct {
	Method  string   `json:"method"`
	Path    string   `json:"path"` // OpenAPI's: "/invoices/{invoice-id}"
	Summary string   `json:"summary,omitempty"`
	Tags    []string `json:"tags,omitempty"`
}

// APIGroup is the operations that have a tag, path by path.
type APIGroup struct {
	Tag      APITag
	Untagged bool // those without a tag
	Paths    []APIPath
}

// APIPath is a path with operations.
type APIPath struct {
	Path       string
	Operations []APIOperation
}

// Size counts a group's operations.
func (g APIGroup) Size() int {
	size := 0
	for _, path := range g.Paths {
		size += len(path.Operations)
	}
	return size
}

// Groups gives a group for each tag, in the tags' order, and one for what has none. An
// operation stands in the group of each of its tags.
func (o APIOutline) Groups() []APIGroup {
	groups := make([]APIGroup, len(o.Tags), len(o.Tags)+1)
	at := map[string]int{}
	for i, tag := range o.Tags {
		groups[i].Tag, at[tag.Name] = tag, i
	}
	untagged := APIGroup{Untagged: true, Tag: APITag{Name: "Untagged"}}
	for _, operation := range o.Operations {
		if len(operation.Tags) == 0 {
			untagged.add(operation)
		}
		for i, tag := range operation.Tags {
			if group, known := at[tag]; known && !slices.Contains(operation.Tags[:i], tag) {
				groups[group].add(operation)
			}
		}
	}
	if len(untagged.Paths) > 0 {
		groups = append(groups, untagged)
	}
	return groups
}

// add adds an operation; those of one path follow each other.
func (g *APIGroup) add(operation APIOperation) {
	if last := len(g.Paths) - 1; last >= 0 && g.Paths[last].Path == operation.Path {
		g.Paths[last].Operations = append(g.Paths[last].Operations, operation)
		return
	}
	g.Paths = append(g.Paths, APIPath{Path: operation.Path, Operations: []APIOperation{operation}})
}

// APIPathChoice is how a form names a path of a group, by the group's place.
func APIPathChoice(group int, path string) string { return strconv.Itoa(group) + " " + path }

// APISetPlan is an API set as an import would make or change it.
type APISetPlan struct {
	Set                  APISet // as it would be; without an ID when it is new
	Added, Kept, Removed []string
	Notes                []string // what differs from the document
	Conflicts            []string // why it can't be done, and what to do
}

// New tells whether there is no such API set yet.
func (p APISetPlan) New() bool { return p.Set.ID == 0 }

// Changed tells whether the import changes an API set that is there.
func (p APISetPlan) Changed() bool { return !p.New() && len(p.Added)+len(p.Removed) > 0 }

// SlugOf makes a slug of a name; empty when the name has no letter from a to z and no
// digit.
func SlugOf(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	slug := strings.Join(words, "-")
	return strings.TrimRight(slug[:min(len(slug), maxSlug)], "-")
}

// APIPrefix checks the path that stands before those of an outline, and gives it
// without a slash at its end.
func (v *Invalid) APIPrefix(field, prefix string) string {
	prefix = strings.TrimRight(strings.TrimSpace(prefix), "/")
	_, _, err := RoutePattern(http.MethodGet, prefix+"/")
	v.Check(err == nil, field, "Enter the path that stands before all paths, such as /v1, or nothing. It begins with a slash, and has no host, no query and no dots for other folders.")
	return prefix
}

// routeMethods are those of OpenAPI.
var routeMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodTrace, http.MethodConnect, "QUERY",
}

// RoutePattern gives the route pattern of a method on a path as OpenAPI writes it. The
// note says what the pattern takes beyond that; the error why there is none.
func RoutePattern(method, path string) (pattern, note string, err error) {
	switch {
	case !slices.Contains(routeMethods, method):
		return "", "", errors.New("its method is none of OpenAPI's")
	case !strings.HasPrefix(path, "/"):
		return "", "", errors.New("its path does not begin with a slash")
	case len(path) > 2*MaxAPIPath:
		return "", "", errors.New("its path is too long")
	case strings.ContainsAny(path, "?#"):
		return "", "", errors.New("its path has a query or a fragment, which gateways leave aside")
	}
	segments := strings.Split(path[1:], "/")
	var names []string
	wider := false
	for i, segment := range segments {
		parameter, whole, err := parameterOf(segment)
		switch {
		case err != nil:
			return "", "", err
		case parameter != "":
			name := identifier(parameter, names)
			names = append(names, name)
			segments[i] = "{" + name + "}"
			wider = wider || !whole
		default:
			if segments[i], err = literal(segment, i == len(segments)-1); err != nil {
				return "", "", err
			}
		}
	}
	pattern = method + " /" + strings.Join(segments, "/")
	if err := checkPattern(pattern); err != nil {
		return "", "", err
	}
	if wider {
		note = "takes more than the document says: a pattern can't match a part of a segment"
	}
	return pattern, note, nil
}

// parameterOf gives the name of a segment's first parameter, if it has any, and
// whether the segment is nothing else.
func parameterOf(segment string) (name string, whole bool, err error) {
	before, rest, found := strings.Cut(segment, "{")
	name, after, closed := strings.Cut(rest, "}")
	if found && !closed || strings.ContainsAny(name, "{") || strings.Contains(before, "}") || strings.Count(after, "{") != strings.Count(after, "}") {
		return "", false, errors.New("the braces in its path are not in pairs")
	}
	if found && name == "" {
		return "", false, errors.New("a parameter in its path has no name")
	}
	return name, before == "" && after == "", nil
}

// literal gives a segment without parameters as a pattern has it.
func literal(segment string, last bool) (string, error) {
	if segment == "" && last {
		return "{$}", nil // else the pattern would claim all below it
	}
	decoded, err := url.PathUnescape(segment)
	switch {
	case err != nil:
		return "", errors.New("its path has a percent sign that encodes nothing")
	case segment == "" || decoded == "." || decoded == "..":
		return "", errors.New("its path has //, /./ or /../")
	case strings.ContainsAny(decoded, "/\\") || strings.ContainsFunc(decoded, unprintable):
		return "", errors.New("its path has an encoded slash, or what does not print")
	}
	return strings.ReplaceAll(segment, " ", "%20"), nil
}

// identifier makes a name that a wildcard can have, and that no other has.
func identifier(parameter string, taken []string) string {
	name := strings.Map(func(r rune) rune {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return '_'
		}
		return r
	}, parameter)
	if first := []rune(name)[0]; unicode.IsDigit(first) {
		name = "_" + name
	}
	unique := name
	for i := 2; slices.Contains(taken, unique); i++ {
		unique = fmt.Sprintf("%s_%d", name, i)
	}
	return unique
}

// RouteShape gives what is the same of patterns that match the same requests: the
// names of wildcards don't count, nor how characters are encoded.
func RouteShape(pattern string) string {
	method, route, found := strings.Cut(pattern, " ")
	if !found {
		method, route = "", pattern
	}
	segments := strings.Split(strings.TrimLeft(route, " "), "/")
	for i, segment := range segments {
		switch {
		case segment == "{$}":
		case strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "...}"):
			segments[i] = ""
		case strings.HasPrefix(segment, "{"):
			segments[i] = "{}"
		default:
			if decoded, err := url.PathUnescape(segment); err == nil {
				segments[i] = url.PathEscape(decoded)
			}
		}
	}
	return method + " " + strings.Join(segments, "/")
}
