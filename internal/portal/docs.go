package portal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DocsSection is a part of the REST API that Swagger Docs shows on a page of its
// own, such as User: what has to do with users, memberships and their API keys.
type DocsSection struct {
	Slug        string // in addresses: "user"
	Name        string // "User"
	Description string // one sentence
	Operations  []DocsOperation
}

// DocsOperation is an endpoint of the REST API.
type DocsOperation struct {
	ID          string // of OpenAPI: "getMe"
	Method      string // "GET"
	Path        string // below the API's own path: "/user/users/me"
	Summary     string // "who am I?"
	Description string // may be empty
	Tag         string // the resource, which Swagger UI lists it under: "user"
}

// openAPI is what Swagger Docs needs of an OpenAPI document. A tag names its section in
// x-section.
type openAPI struct {
	Paths map[string]map[string]json.RawMessage
	Tags  []struct {
		Name    string
		Section string `json:"x-section"`
	}
	Sections []DocsSection `json:"x-sections"`
}

var docsMethods = []string{"get", "post", "put", "patch", "delete", "head", "options", "trace"}

// ReadDocs reads the sections of the API from its OpenAPI document, each with its
// endpoints in the order of the tags, then of the paths. The error says what the document
// does not tell: an endpoint without an operationId or a section, a tag of an unknown
// section, a section without endpoints.
func ReadDocs(document []byte) ([]DocsSection, error) {
	var read openAPI
	if err := json.Unmarshal(document, &read); err != nil {
		return nil, fmt.Errorf("the OpenAPI document can't be read: %w", err)
	}
	byTag, err := read.operations()
	if err != nil {
		return nil, err
	}
	sections := slices.Clone(read.Sections)
	for _, tag := range read.Tags {
		at := slices.IndexFunc(sections, func(s DocsSection) bool { return s.Slug == tag.Section })
		if at < 0 {
			return nil, fmt.Errorf("the tag %q of the OpenAPI document is in the section %q, which is not among its x-sections", tag.Name, tag.Section)
		}
		sections[at].Operations = append(sections[at].Operations, byTag[tag.Name]...)
		delete(byTag, tag.Name)
	}
	for tag, operations := range byTag {
		return nil, fmt.Errorf("the endpoint %s %s of the OpenAPI document has the tag %q, which is not among its tags", operations[0].Method, operations[0].Path, tag)
	}
	for _, section := range sections {
		if len(section.Operations) == 0 {
			return nil, fmt.Errorf("the section %q of the OpenAPI document has no endpoint", section.Slug)
		}
	}
	return sections, nil
}

// operations gives the document's endpoints by their first tag, under which they are
// found.
func (d openAPI) operations() (map[string][]DocsOperation, error) {
	byTag := map[string][]DocsOperation{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range docsMethods {
			raw, is := d.Paths[path][method]
			if !is {
				continue
			}
			var read struct {
				OperationID, Summary, Description string
				Tags                              []string
			}
			if err := json.Unmarshal(raw, &read); err != nil {
				return nil, fmt.Errorf("the endpoint %s %s of the OpenAPI document can't be read: %w", strings.ToUpper(method), path, err)
			}
			if read.OperationID == "" || len(read.Tags) == 0 {
				return nil, fmt.Errorf("the endpoint %s %s of the OpenAPI document needs an operationId and a tag", strings.ToUpper(method), path)
			}
			tag := read.Tags[0]
			byTag[tag] = append(byTag[tag], DocsOperation{
				ID: read.OperationID, Method: strings.ToUpper(method), Path: path, Summary: read.Summary, Description: read.Description, Tag: tag,
			})
		}
	}
	return byTag, nil
}

// How much it counts where a word of a search is found.
const (
	foundInText  = 1   // somewhere in a description
	foundInPath  = 10  // in the path, the tag or the operationId
	foundAsWord  = 20  // at the beginning of a word of the summary
	foundInTitle = 50  // in the section's name
	foundAsTitle = 100 // it is the section's name
)

// FindDocs gives the sections in which something has to do with all words of a search,
// the nearest first, each with the endpoints that do. Of a section that is itself what is
// looked for these are all. An empty search gives everything as it is.
func FindDocs(sections []DocsSection, search string) []DocsSection {
	words := docsWords(search)
	if len(words) == 0 {
		return sections
	}
	type ranked struct {
		DocsSection
		score int
	}
	var found []ranked
	for _, section := range sections {
		operations, nearest := section.find(words)
		if len(operations) > 0 {
			section.Operations = operations
			found = append(found, ranked{section, nearest})
		}
	}
	slices.SortStableFunc(found, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
	var nearestFirst []DocsSection
	for _, f := range found {
		nearestFirst = append(nearestFirst, f.DocsSection)
	}
	return nearestFirst
}

// docsWords gives the words of a search, in the singular, so that "licenses" finds what
// is about one.
func docsWords(search string) []string {
	words := strings.Fields(strings.ToLower(search))
	for i, word := range words {
		if len(word) > 3 {
			words[i] = strings.TrimSuffix(word, "s")
		}
	}
	return words
}

// find gives the section's endpoints that have to do with all words, the nearest first,
// and how near the nearest is.
func (s DocsSection) find(words []string) (found []DocsOperation, nearest int) {
	scores := map[string]int{}
	for _, operation := range s.Operations {
		total := 0
		for _, word := range words {
			score := s.score(word) + operation.score(word)
			if score == 0 {
				total = 0
				break
			}
			total += score
		}
		if total > 0 {
			found = append(found, operation)
			scores[operation.ID] = total
			nearest = max(nearest, total)
		}
	}
	slices.SortStableFunc(found, func(a, b DocsOperation) int { return cmp.Compare(scores[b.ID], scores[a.ID]) })
	return found, nearest
}

func (s DocsSection) score(word string) int {
	name := strings.ToLower(s.Name)
	switch {
	case strings.TrimSuffix(name, "s") == word || s.Slug == word:
		return foundAsTitle
	case strings.Contains(name, word):
		return foundInTitle
	}
	return 0
}

func (o DocsOperation) score(word string) int {
	score := 0
	if strings.Contains(strings.ToLower(o.Description), word) {
		score += foundInText
	}
	if strings.Contains(strings.ToLower(o.Path+" "+o.Tag+" "+o.ID+" "+o.Method), word) {
		score += foundInPath
	}
	for _, written := range strings.Fields(strings.ToLower(o.Summary)) {
		if strings.HasPrefix(strings.TrimLeft(written, `"'“‘([`), word) {
			score += foundAsWord
			break
		}
	}
	return score
}
