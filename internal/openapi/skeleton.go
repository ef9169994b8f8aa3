package openapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"keyportal/internal/portal"
)

// skeleton is what routes stand on of a document, as JSON, with references among paths
// followed. The rest is not even looked at: a schema of somebody's decides nothing here,
// and resolving the references of all schemas would take a minute for a document that
// is made for it.
type skeleton struct {
	json  []byte
	paths []string // in the document's order, which JSON objects don't keep
}

// methods are those for which OpenAPI has a field, in the order in which they are listed.
var methods = []string{"get", "head", "options", "post", "put", "patch", "delete", "trace", "query", "connect"}

// maxHops is how many references a path may take until it has its operations.
const maxHops = 10

// bones cuts a document down, and keeps the first fault that it meets.
type bones struct {
	root       *node
	fields     map[*node]map[string]*node // of objects that references lead through
	operations int                        // kept so far
	fault      error
}

func skeletonOf(root *node) (skeleton, error) {
	if err := checkVersion(root); err != nil {
		return skeleton{}, err
	}
	paths := get(root, "paths")
	if isNull(paths) || isObject(paths) && len(paths.Content) == 0 {
		return skeleton{}, refuse("The document has no paths, so there are no routes to import. Choose one that describes an API's paths.")
	}
	b := bones{root: root, fields: map[*node]map[string]*node{}}
	kept := map[string]any{
		"openapi": get(root, "openapi").Value,
		"info":    b.object(get(root, "info"), "info", "title"),
		"servers": b.plain(get(root, "servers")),
		"tags":    b.tags(get(root, "tags")),
		"paths":   b.pathItems(paths),
	}
	if b.fault != nil {
		return skeleton{}, b.fault
	}
	var made skeleton
	for _, f := range fieldsOf(paths) {
		made.paths = append(made.paths, f.key)
	}
	var err error
	made.json, err = json.Marshal(kept)
	return made, err
}

func checkVersion(root *node) error {
	if !isObject(root) {
		return refuse("The document is not OpenAPI: it must be an object that begins with openapi. Check that you chose the right file.")
	}
	if old := get(root, "swagger"); old != nil {
		return refuse("This is Swagger %s. Convert it to OpenAPI 3 first, for example with Swagger Editor's “Convert to OpenAPI 3”, then send that.", clip(old.Value, 20))
	}
	version := get(root, "openapi")
	switch {
	case version == nil:
		return refuse("The document is not OpenAPI: it has no field openapi with the version. Check that you chose the right file.")
	case !isScalar(version) || !strings.HasPrefix(version.Value, "3."):
		return refuse("Only OpenAPI 3 can be read, and this says openapi: %s. Convert it to OpenAPI 3.0 or 3.1, then send that.", clip(version.Value, 20))
	}
	return nil
}

// pathItems keeps of each path its operations.
func (b *bones) pathItems(n *node) map[string]any {
	kept := map[string]any{}
	for _, f := range b.fieldsAt(n, "paths") {
		if b.fault != nil {
			break
		}
		if !strings.HasPrefix(f.key, "x-") {
			kept[f.key] = b.pathItem(f.value, "paths → "+f.key)
		}
	}
	return kept
}

// pathItem keeps a path's own operations, and those of what it refers to.
func (b *bones) pathItem(n *node, where string) map[string]any {
	kept := map[string]any{}
	for hops := 0; ; hops++ {
		for _, f := range b.fieldsAt(n, where) {
			if _, known := kept[f.key]; !known && slices.Contains(methods, f.key) && !isNull(f.value) {
				kept[f.key] = b.operation(f.value, where+" → "+f.key)
				b.count()
			}
		}
		ref := get(n, "$ref")
		switch {
		case isNull(ref) || b.fault != nil:
			return kept
		case hops == maxHops:
			b.fail("%s refers to something in a circle, or too far off", where)
		default:
			n = b.referred(b.text(ref, where+" → $ref"))
		}
		if n == nil {
			b.fail("what %s refers to, %s, is not there", where, ref.Value)
		}
	}
}

// referred finds a part of the document by a reference like #/paths/~1invoices (RFC
// 6901, section 6); nil when there is none.
func (b *bones) referred(ref string) *node {
	pointer, err := url.PathUnescape(strings.TrimPrefix(ref, "#"))
	if err != nil || pointer != "" && pointer[0] != '/' {
		return nil
	}
	n := b.root
	for _, key := range strings.Split(pointer, "/")[1:] {
		if n = b.index(n)[strings.NewReplacer("~1", "/", "~0", "~").Replace(key)]; n == nil {
			return nil
		}
	}
	return n
}

func (b *bones) index(n *node) map[string]*node {
	known, ok := b.fields[n]
	if !ok && isObject(n) {
		known = map[string]*node{}
		for _, f := range fieldsOf(n) {
			known[f.key] = f.value
		}
		b.fields[n] = known
	}
	return known
}

func (b *bones) operation(n *node, where string) map[string]any {
	kept := b.object(n, where, "summary")
	if tags := get(n, "tags"); !isNull(tags) {
		names := []string{}
		for _, tag := range b.items(tags, where+" → tags") {
			names = append(names, b.text(tag, where+" → tags"))
		}
		kept["tags"] = names
	}
	return kept
}

// count refuses one operation too many as soon as it is met: all of those that fit into
// a document take seconds to load.
func (b *bones) count() {
	if b.operations++; b.operations > portal.MaxAPIOperations && b.fault == nil {
		b.fault = refuse("The document has more than %d operations. Split it, and import the parts one by one.", portal.MaxAPIOperations)
	}
}

func (b *bones) tags(n *node) []any {
	kept := []any{}
	for _, tag := range b.items(n, "tags") {
		kept = append(kept, b.object(tag, "tags", "name", "description"))
	}
	return kept
}

// object keeps some texts of an object.
func (b *bones) object(n *node, where string, names ...string) map[string]any {
	kept := map[string]any{}
	b.fieldsAt(n, where)
	for _, name := range names {
		if value := get(n, name); !isNull(value) {
			kept[name] = b.text(value, where+" → "+name)
		}
	}
	return kept
}

// plain keeps all of a part. Numbers become texts, which is what they are meant to be
// in the parts that are kept.
func (b *bones) plain(n *node) any {
	switch {
	case isNull(n):
		return nil
	case isList(n):
		kept := make([]any, len(n.Content))
		for i, item := range n.Content {
			kept[i] = b.plain(target(item))
		}
		return kept
	case isObject(n):
		kept := map[string]any{}
		for _, f := range fieldsOf(n) {
			kept[f.key] = b.plain(f.value)
		}
		return kept
	}
	return n.Value
}

func (b *bones) fieldsAt(n *node, where string) []field {
	if isNull(n) {
		return nil
	}
	if !isObject(n) {
		b.fail("%s must be an object%s", clip(where, 200), atLine(n))
		return nil
	}
	return fieldsOf(n)
}

func (b *bones) items(n *node, where string) []*node {
	if isNull(n) {
		return nil
	}
	if !isList(n) {
		b.fail("%s must be a list%s", clip(where, 200), atLine(n))
		return nil
	}
	items := make([]*node, len(n.Content))
	for i, item := range n.Content {
		items[i] = target(item)
	}
	return items
}

func (b *bones) text(n *node, where string) string {
	if !isScalar(n) {
		b.fail("%s must be a text%s", clip(where, 200), atLine(n))
		return ""
	}
	return n.Value
}

func (b *bones) fail(format string, args ...any) {
	if b.fault == nil {
		b.fault = malformed(fmt.Errorf(format, args...))
	}
}

// atLine tells where a part stands, if that is known: JSON's parser doesn't tell.
func atLine(n *node) string {
	if n.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" (line %d)", n.Line)
}
