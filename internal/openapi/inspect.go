package openapi

import (
	"strings"

	"github.com/oasdiff/yaml3"
)

// inspection goes through a tree once, aliases unexpanded, and knows of each part how
// much it would take and how deep it would be with them expanded.
type inspection struct {
	sizes map[*node]size
	open  map[*node]bool // anchors that are being gone through: their own parts can't be their aliases
}

type size struct{ bytes, depth int }

// inspect refuses a tree that refers to anything outside, has a key twice, or grows
// beyond measure.
func inspect(root *node) error {
	_, err := (&inspection{sizes: map[*node]size{}, open: map[*node]bool{}}).visit(root, 0)
	return err
}

func (i *inspection) visit(n *node, depth int) (size, error) {
	if n.Kind == yaml.AliasNode {
		return i.visitAlias(n, depth)
	}
	if depth > maxDepth {
		return size{}, refuseDepth()
	}
	i.open[n] = true
	defer delete(i.open, n)
	if isObject(n) {
		if err := checkKeys(n); err != nil {
			return size{}, err
		}
	}
	whole := size{bytes: len(n.Value) + 1}
	for _, child := range n.Content {
		part, err := i.visit(child, depth+1)
		if err != nil {
			return size{}, err
		}
		whole.bytes += part.bytes
		whole.depth = max(whole.depth, part.depth+1)
		if whole.bytes > maxExpanded {
			return size{}, refuse("The document's YAML aliases (*) repeat so much that it would not fit in memory. Write it without them, or send it as JSON.")
		}
	}
	if n.Anchor != "" {
		i.sizes[n] = whole
	}
	return whole, nil
}

func (i *inspection) visitAlias(n *node, depth int) (size, error) {
	if n.Alias == nil || i.open[n.Alias] {
		return size{}, refuse("The YAML alias *%s, at line %d, stands within what it repeats, so it never ends. Write it without the alias.", clip(n.Value, 50), n.Line)
	}
	repeated := i.sizes[n.Alias]
	if depth+repeated.depth > maxDepth {
		return size{}, refuseDepth()
	}
	return repeated, nil
}

// checkKeys refuses an object with a key twice, or with a reference to outside.
func checkKeys(n *node) error {
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := target(n.Content[i]), target(n.Content[i+1])
		switch {
		case !isScalar(key):
			return refuse("A key, at line %d, is a list or an object. Keys are texts: correct it, then send it again.", key.Line)
		case seen[key.Value]:
			return refuse("The key “%s” is there twice%s. Take one of the two out, then send it again.", clip(key.Value, 100), atLine(key))
		case key.Value == "$ref" && isScalar(value) && !strings.HasPrefix(value.Value, "#"):
			return refuse("The document refers to “%s”, and nothing outside of it is fetched. Put all parts into one file (tools call this bundling), then send that.", clip(value.Value, 100))
		}
		seen[key.Value] = true
	}
	return nil
}

func refuseDepth() error {
	return refuse("The document has more than %d objects and lists within each other. Take out what is so deep, then send it again.", maxDepth)
}
