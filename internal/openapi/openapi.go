// Package openapi reads what API sets are made of out of an OpenAPI document,
// version 3, written as JSON or YAML: its tags, and its operations with their paths.
//
// The document is a stranger's. Nothing that it refers to is fetched, and it is
// refused before it can take much memory or time: node.go reads JSON and YAML into
// one kind of tree, inspect.go refuses what a tree must not have, skeleton.go cuts it
// down to what routes stand on, and outline.go reads that.
package openapi

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"keyportal/internal/portal"
)

// The greatest size of a document, and of what is read out of it.
const (
	MaxDocument = 5 << 20   // bytes
	maxDepth    = 100       // objects and lists within each other
	maxParts    = 1_000_000 // of which the text consists
	maxExpanded = 20 << 20  // bytes, about, with a copy of its anchor in place of each alias
)

var byteOrderMark = []byte("\uFEFF")

// Read reads a document. For everyone; the error is CodeInvalid and names the field
// document.
func Read(document []byte) (portal.APIOutline, error) {
	if len(document) > MaxDocument {
		return portal.APIOutline{}, TooLarge()
	}
	root, err := parse(bytes.TrimPrefix(document, byteOrderMark))
	if err != nil {
		return portal.APIOutline{}, err
	}
	if err := inspect(root); err != nil {
		return portal.APIOutline{}, err
	}
	bones, err := skeletonOf(root)
	if err != nil {
		return portal.APIOutline{}, err
	}
	doc, err := load(bones)
	if err != nil {
		return portal.APIOutline{}, err
	}
	return outlineOf(doc, bones)
}

// TooLarge is the error of Read for a document that is too large.
func TooLarge() error {
	return refuse("The document has more than %d MB. Take out what routes don't need, such as examples and schemas, or split it.", MaxDocument>>20)
}

// load reads a skeleton. There are no references in it any more; a loader that finds one
// all the same gets nothing.
func load(bones skeleton) (*openapi3.T, error) {
	var doc openapi3.T
	if err := doc.UnmarshalJSON(bones.json); err != nil {
		return nil, malformed(err)
	}
	loader := openapi3.NewLoader()
	loader.ReadFromURIFunc = func(*openapi3.Loader, *url.URL) ([]byte, error) {
		return nil, errors.New("nothing is fetched")
	}
	if err := loader.ResolveRefsIn(&doc, nil); err != nil {
		return nil, malformed(err)
	}
	return &doc, nil
}

func malformed(err error) error {
	return refuse("The document is not OpenAPI as it should be: %s. Correct it, then send it again.", reasonOf(err))
}

// reasonOf gives what a library says of a document in one line, without what only
// programmers understand.
func reasonOf(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	text = strings.NewReplacer("json: ", "", "yaml: ", "", "openapi3.", "").Replace(text)
	return clip(text, 200)
}

// checkText refuses what is no text at all.
func checkText(document []byte) error {
	switch {
	case len(bytes.TrimSpace(document)) == 0:
		return refuse("Choose the file of an OpenAPI document, or paste its text.")
	case !utf8.Valid(document):
		return refuse("The document is not text in UTF-8. Save it as UTF-8, then send it again.")
	case bytes.IndexByte(document, 0) >= 0:
		return refuse("The document contains the character NUL, so it is not text. Choose a file of JSON or YAML.")
	}
	return nil
}

func refuse(format string, args ...any) error {
	var invalid portal.Invalid
	invalid.Add("document", fmt.Sprintf(format, args...))
	return invalid.Err()
}

// clip shortens a text to a number of characters.
func clip(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
