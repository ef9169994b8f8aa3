package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/oasdiff/yaml3"
)

// Both languages are read into YAML's kind of tree, in which aliases are still
// unexpanded and keys that are there twice are both there.
type node = yaml.Node

// separators has at least one character for each part of a text.
const separators = ",:-[]{}?\n"

// parse reads the text of a document into a tree.
func parse(document []byte) (*node, error) {
	if err := checkText(document); err != nil {
		return nil, err
	}
	if partsOf(document) > maxParts {
		return nil, refuse("The document has more than a million parts. Take out what routes don't need, such as examples and schemas.")
	}
	if first := bytes.TrimSpace(document)[0]; first == '{' || first == '[' {
		return parseJSON(document)
	}
	return parseYAML(document)
}

// partsOf counts what may be parts, before each takes a hundred bytes and more.
func partsOf(document []byte) int {
	count := 0
	for _, b := range document {
		if strings.IndexByte(separators, b) >= 0 {
			count++
		}
	}
	return count
}

func parseYAML(document []byte) (root *node, err error) {
	defer func() {
		if recover() != nil { // the parser's fault, but the document's cause
			err = refuse("The document can't be read as YAML. Check it with another program, or send it as JSON.")
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(document))
	var first, second node
	if err := decoder.Decode(&first); errors.Is(err, io.EOF) {
		return nil, refuse("The document is empty. Choose the file of an OpenAPI document, or paste its text.")
	} else if err != nil {
		return nil, refuse("The document is neither JSON nor YAML: %s. Correct it, then send it again.", reasonOf(err))
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, refuse("There is more than one YAML document in the text (---). Send them one by one.")
	}
	return first.Content[0], nil
}

func parseJSON(document []byte) (*node, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	root, err := readJSON(decoder, 0)
	if err == nil {
		if _, after := decoder.Token(); !errors.Is(after, io.EOF) {
			err = errors.New("there is something after its end")
		}
	}
	switch {
	case errors.Is(err, errDepth):
		return nil, refuseDepth()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("it ends too early")
	}
	if err != nil {
		line := 1 + bytes.Count(document[:min(int(decoder.InputOffset()), len(document))], []byte("\n"))
		return nil, refuse("The document begins like JSON and can't be read as such, at line %d: %s. Correct it, then send it again.", line, reasonOf(err))
	}
	return root, nil
}

var errDepth = errors.New("too deep")

func readJSON(decoder *json.Decoder, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		n := &node{Kind: yaml.SequenceNode}
		if token == '{' {
			n.Kind = yaml.MappingNode
		}
		for decoder.More() {
			// A key is read like a value: the decoder refuses one that is no string.
			child, err := readJSON(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		_, err := decoder.Token()
		return n, err
	case string:
		return &node{Kind: yaml.ScalarNode, Tag: stringTag, Value: token}, nil
	case json.Number:
		return &node{Kind: yaml.ScalarNode, Tag: "!!float", Value: token.String()}, nil
	case bool:
		return &node{Kind: yaml.ScalarNode, Tag: "!!bool"}, nil
	}
	return &node{Kind: yaml.ScalarNode, Tag: nullTag}, nil
}

const (
	stringTag = "!!str"
	nullTag   = "!!null"
	mergeTag  = "!!merge"
)

// target gives what an alias stands for, and any other node itself.
func target(n *node) *node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isObject(n *node) bool { return n != nil && n.Kind == yaml.MappingNode }
func isList(n *node) bool   { return n != nil && n.Kind == yaml.SequenceNode }
func isScalar(n *node) bool { return n != nil && n.Kind == yaml.ScalarNode }
func isNull(n *node) bool   { return n == nil || isScalar(n) && n.ShortTag() == nullTag }

// field is a key of an object with its value.
type field struct {
	key   string
	value *node
}

// fieldsOf lists an object's fields in their order, then those that YAML's merge key
// brings in from elsewhere and that it has not itself.
func fieldsOf(n *node) []field {
	var fields []field
	var merged []*node
	known := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], target(n.Content[i+1])
		if key.ShortTag() == mergeTag {
			merged = append(merged, value)
			continue
		}
		known[target(key).Value] = true
		fields = append(fields, field{target(key).Value, value})
	}
	for _, from := range merged {
		sources := []*node{from}
		if isList(from) {
			sources = from.Content
		}
		for _, source := range sources {
			if !isObject(target(source)) {
				continue
			}
			for _, f := range fieldsOf(target(source)) {
				if !known[f.key] {
					known[f.key] = true
					fields = append(fields, f)
				}
			}
		}
	}
	return fields
}

// get finds a field of an object; nil when there is none.
func get(n *node, key string) *node {
	if !isObject(n) {
		return nil
	}
	for _, f := range fieldsOf(n) {
		if f.key == key {
			return f.value
		}
	}
	return nil
}
