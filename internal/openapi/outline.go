package openapi

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"

	"keyportal/internal/portal"
)

const (
	maxSummary = 120
	maxOutline = 1 << 20 // bytes, as it travels in a form
)

// outlineOf reads the outline of a document whose references are resolved.
func outlineOf(doc *openapi3.T, bones skeleton) (portal.APIOutline, error) {
	outline := portal.APIOutline{Prefix: prefixOf(doc.Servers)}
	if doc.Info != nil {
		outline.Title = line(doc.Info.Title, portal.MaxName)
	}
	for _, path := range bones.paths {
		item := doc.Paths.Value(path)
		if item == nil {
			continue
		}
		operations := item.Operations()
		for _, method := range methods {
			method = strings.ToUpper(method)
			if operation := operations[method]; operation != nil {
				outline.Operations = append(outline.Operations, portal.APIOperation{
					Method: method, Path: path, Summary: line(operation.Summary, maxSummary), Tags: operation.Tags,
				})
			}
		}
	}
	if len(outline.Operations) == 0 {
		return outline, refuse("The document's paths have no operations, such as get or post, so there are no routes to import.")
	}
	outline.Tags = tagsOf(doc, outline.Operations)
	if text, err := json.Marshal(outline); err != nil || len(text) > maxOutline {
		return outline, refuse("The document has so many long paths, tags and descriptions that they can't be shown. Split it, and import the parts one by one.")
	}
	return outline, nil
}

// tagsOf lists the tags that operations have: those that the document describes in its
// order, then the others.
func tagsOf(doc *openapi3.T, operations []portal.APIOperation) []portal.APITag {
	used := map[string]bool{}
	var names []string
	for _, operation := range operations {
		for _, name := range operation.Tags {
			if !used[name] {
				names = append(names, name)
			}
			used[name] = true
		}
	}
	var tags []portal.APITag
	described := map[string]bool{}
	for _, tag := range doc.Tags {
		if tag != nil && used[tag.Name] && !described[tag.Name] {
			tags = append(tags, portal.APITag{Name: tag.Name, Description: paragraph(tag.Description, portal.MaxDescription)})
			described[tag.Name] = true
		}
	}
	for _, name := range names {
		if !described[name] {
			tags = append(tags, portal.APITag{Name: name})
		}
	}
	return slices.Clip(tags)
}

// prefixOf gives the path of the first server's URL, with the defaults of its
// variables. A variable without one stays, as a parameter.
func prefixOf(servers openapi3.Servers) string {
	if len(servers) == 0 || servers[0] == nil {
		return ""
	}
	address := servers[0].URL
	for name, variable := range servers[0].Variables {
		if variable != nil && variable.Default != "" {
			address = strings.ReplaceAll(address, "{"+name+"}", variable.Default)
		}
	}
	if scheme, after, found := strings.Cut(address, "//"); found && (scheme == "" || strings.HasSuffix(scheme, ":")) {
		_, path, _ := strings.Cut(after, "/")
		address = "/" + path
	}
	address, _, _ = strings.Cut(address, "#")
	address, _, _ = strings.Cut(address, "?")
	address = strings.Trim(strings.TrimPrefix(address, "."), "/")
	if address == "" {
		return ""
	}
	return "/" + line(address, portal.MaxAPIPath)
}

// line makes one line of a text, and leaves out what does not print.
func line(text string, most int) string {
	return clip(strings.Join(strings.Fields(printing(text)), " "), most)
}

func paragraph(text string, most int) string { return clip(strings.TrimSpace(printing(text)), most) }

func printing(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, text)
}
