package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// Version is that of the API. It grows with what the API can do, and its first number
// when something that worked before does not any more.
const Version = "1.0.0"

// section is a part of the documentation: some tags.
type section struct {
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	Description string `json:"description"`
	tags        []huma.Tag
}

// sections has the parts of the documentation in the order in which they are offered.
var sections = []section{
	{"user", "User", "Who there is and what they may do: users, organizations and memberships, groups, roles, and API keys.", []huma.Tag{
		{Name: "user", Description: "Users: people and integration accounts."},
		{Name: "org", Description: "Organizations (clients) and who is in them."},
		{Name: "apiKey", Description: "API keys of all kinds: made, edited, rotated, disabled, revoked."},
		{Name: "group", Description: "Groups: named members of an organization with roles."},
		{Name: "role", Description: "Roles: what their holders may do, and what their keys may reach."},
	}},
	{"license", "License", "What clients have: licenses with their domains and instances, client levels, applications.", []huma.Tag{
		{Name: "license", Description: "Master licenses, each for one domain."},
		{Name: "instance", Description: "Instances: where people sign in to a license."},
		{Name: "level", Description: "Client levels, and how many licenses each allows."},
		{Name: "application", Description: "What keys are for: the catalogue's applications and clients' own."},
	}},
	{"api-set", "API set", "The parts of the API that keys are granted.", []huma.Tag{
		{Name: "apiSet", Description: "API sets with their route patterns."},
	}},
	{"request", "Request", "What clients ask support for.", []huma.Tag{
		{Name: "request", Description: "Requests for API keys, from the wish to the decision."},
	}},
	{"history", "History", "Who did what to what, and when.", []huma.Tag{
		{Name: "revision", Description: "The Revision History."},
	}},
}

const introduction = `What people do on the pages of Key Portal, for programs.

**Who may.** A browser that is logged in to the portal, from the portal's own pages; or an API key that was granted the API set
*Key Portal API*, in the header ` + "`X-Api-Key`" + ` or as a Bearer token, a key pair in ` + "`accessKey` and `secretKey`" + `, an OAuth client's access token as a
Bearer token. A key does what its mapped user may, and less: it makes, widens and opens no key beyond itself, and touches neither passwords
nor sessions nor staff. A key that can impersonate acts as the user whose ID is in ` + "`impersonate-user-id`" + `.

**Lists** come in pages: ` + "`next`" + ` of one is the ` + "`cursor`" + ` of the next. **Changes** can hang on what was read: send its ` + "`ETag`" + ` as ` + "`If-Match`" + `.
**Creations** can be sent again: with an ` + "`Idempotency-Key`" + ` they make one thing. **Problems** are application/problem+json (RFC 9457) with a code.`

// description is what the document begins with.
func description() *huma.OpenAPI {
	described := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Key Portal API", Version: Version, Description: introduction},
		Servers: []*huma.Server{{URL: Prefix, Description: "This portal"}},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"apiKey":    {Type: "apiKey", In: "header", Name: "X-Api-Key", Description: "An API key (kp_…) with the API set Key Portal API."},
				"bearer":    {Type: "http", Scheme: "bearer", Description: "The same API key, or an OAuth client's access token (kpt_…)."},
				"accessKey": {Type: "apiKey", In: "header", Name: "accessKey", Description: "The Access Key of a key pair; with secretKey."},
				"secretKey": {Type: "apiKey", In: "header", Name: "secretKey", Description: "The Security Key of a key pair; with accessKey."},
			},
		},
		// Without any: the session of a browser that is logged in to the portal.
		Security:       []map[string][]string{{"apiKey": {}}, {"bearer": {}}, {"accessKey": {}, "secretKey": {}}, {}},
		Extensions:     map[string]any{"x-sections": sections},
		OnAddOperation: []huma.AddOpFunc{exemplify},
	}
	for _, section := range sections {
		for _, tag := range section.tags {
			tag.Extensions = map[string]any{"x-section": section.Slug}
			described.Tags = append(described.Tags, &tag)
		}
	}
	return described
}

// exemplify gives the body of an operation as a whole what its fields have as examples,
// so that there is something to begin with where the API is tried out.
func exemplify(document *huma.OpenAPI, op *huma.Operation) {
	if op.RequestBody == nil {
		return
	}
	for _, media := range op.RequestBody.Content {
		media.Example = exampleOf(document.Components.Schemas, media.Schema.Ref)
	}
}

// exampleOf makes the example of an object of its fields' in the order of the code.
func exampleOf(schemas huma.Registry, ref string) json.RawMessage {
	properties := schemas.SchemaFromRef(ref).Properties
	var fields [][]byte
	for _, field := range reflect.VisibleFields(schemas.TypeFromRef(ref)) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if property := properties[name]; property != nil && len(property.Examples) > 0 {
			value, err := json.Marshal(property.Examples[0])
			if err != nil {
				panic(fmt.Sprint("api: an example is made of plain values: ", err))
			}
			fields = append(fields, fmt.Appendf(nil, "%q:%s", name, value))
		}
	}
	return slices.Concat([]byte("{"), bytes.Join(fields, []byte(",")), []byte("}"))
}

// Document gives the OpenAPI 3.1 document as JSON: all of it, or with the slug of a
// section that alone; nil when there is no such section.
func (a *API) Document(slug string) ([]byte, error) {
	document, known := a.documents[slug]
	if !known {
		return nil, nil
	}
	return document()
}

// documentOfEach gives what makes the document of each section, and of all without a slug,
// when it is first asked for.
func (a *API) documentOfEach(sections []section) map[string]func() ([]byte, error) {
	documents := map[string]func() ([]byte, error){"": sync.OnceValues(func() ([]byte, error) { return indented(*a.huma.OpenAPI()) })}
	for _, s := range sections {
		documents[s.Slug] = sync.OnceValues(func() ([]byte, error) { return indented(a.only(s)) })
	}
	return documents
}

// only gives the document with one section's operations.
func (a *API) only(s section) huma.OpenAPI {
	document := *a.huma.OpenAPI()
	has := func(name string) bool {
		return slices.ContainsFunc(s.tags, func(tag huma.Tag) bool { return tag.Name == name })
	}
	document.Tags = slices.DeleteFunc(slices.Clone(document.Tags), func(tag *huma.Tag) bool { return !has(tag.Name) })
	document.Paths = maps.Clone(document.Paths)
	maps.DeleteFunc(document.Paths, func(_ string, item *huma.PathItem) bool { return !has(tagOf(item)) })
	return document
}

// tagOf gives the tag of a path's operations, which all have the same.
func tagOf(item *huma.PathItem) string {
	for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
		if op != nil {
			return op.Tags[0]
		}
	}
	return ""
}

func indented(document huma.OpenAPI) ([]byte, error) {
	text, err := document.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Indent(&out, append(text, '\n'), "", "  ")
	return out.Bytes(), err
}

// serveDocument answers with the document, or with the section that the query names.
func (a *API) serveDocument(w http.ResponseWriter, r *http.Request) {
	text, err := a.Document(r.URL.Query().Get("section"))
	switch {
	case err != nil:
		a.WriteError(w, r, err)
	case text == nil:
		write(w, newProblem(http.StatusNotFound, "There is no such section of the documentation. Leave section out for all of it."))
	default:
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		w.Write(text)
	}
}
