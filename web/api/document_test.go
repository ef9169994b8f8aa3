package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"keyportal/web/api"
)

var update = flag.Bool("update", false, "write openapi.json anew")

func TestTheCommittedDocumentIsThatOfTheCode(t *testing.T) {
	document := documentOf(t, "")
	if *update {
		if err := os.WriteFile("openapi.json", document, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, document) {
		t.Error("openapi.json is not the document of the code: run make generate")
	}
}

// documentOf gives the document of a section, or the whole.
func documentOf(t *testing.T, section string) []byte {
	t.Helper()
	document, err := api.New(api.Options{}).Document(section)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// read reads a document.
func read(t *testing.T, document []byte) *openapi3.T {
	t.Helper()
	read, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestTheDocumentAndEachOfItsSectionsAreValidOpenAPI(t *testing.T) {
	var whole struct {
		Sections []struct{ Slug string } `json:"x-sections"`
	}
	if err := json.Unmarshal(documentOf(t, ""), &whole); err != nil || len(whole.Sections) == 0 {
		t.Fatalf("no sections: %v", err)
	}
	for _, section := range append(whole.Sections, struct{ Slug string }{""}) {
		document := read(t, documentOf(t, section.Slug))
		if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
			t.Errorf("section %q: %v", section.Slug, err)
		}
		if document.OpenAPI != "3.1.0" || document.Paths.Len() == 0 {
			t.Errorf("section %q is of OpenAPI %s with %d paths", section.Slug, document.OpenAPI, document.Paths.Len())
		}
	}
}

// each calls a test with every operation of the document.
func each(t *testing.T, test func(t *testing.T, method, path string, op *openapi3.Operation)) {
	t.Helper()
	for path, item := range read(t, documentOf(t, "")).Paths.Map() {
		for method, op := range item.Operations() {
			t.Run(op.OperationID, func(t *testing.T) { test(t, method, path, op) })
		}
	}
}

func TestEveryOperationSaysWhatItDoesAndWhereItBelongs(t *testing.T) {
	document, ids := read(t, documentOf(t, "")), map[string]bool{}
	each(t, func(t *testing.T, _, _ string, op *openapi3.Operation) {
		if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || op.Description == "" {
			t.Errorf("operationId %q, summary %q, description %q", op.OperationID, op.Summary, op.Description)
		}
		ids[op.OperationID] = true
		if len(op.Tags) != 1 || document.Tags.Get(op.Tags[0]) == nil {
			t.Errorf("its tags are %q, want one of those that are described", op.Tags)
		}
	})
}

func TestEveryOperationAnswersAsItsMethodSays(t *testing.T) {
	each(t, func(t *testing.T, method, path string, op *openapi3.Operation) {
		var successes []string
		for status, response := range op.Responses.Map() {
			types := slices.Collect(maps.Keys(response.Value.Content))
			switch {
			case status[0] == '2':
				successes = append(successes, status)
				if status == "201" && response.Value.Headers["Location"] == nil {
					t.Error("a creation says nowhere what it made")
				}
				if (status == "204") != (len(types) == 0) || len(types) > 0 && !slices.Equal(types, []string{"application/json"}) {
					t.Errorf("%s comes as %q", status, types)
				}
			case !slices.Equal(types, []string{"application/problem+json"}) || response.Value.Content["application/problem+json"].Schema.Ref != "#/components/schemas/Problem":
				t.Errorf("%s comes as %q, want a problem", status, types)
			}
		}
		want := "200"
		switch {
		case method == "DELETE":
			want = "204"
		case method == "POST" && strings.HasPrefix(op.OperationID, "create"):
			want = "201"
		}
		if !slices.Equal(successes, []string{want}) {
			t.Errorf("it ends well with %s, want %s", successes, want)
		}
	})
}

func TestEveryBodyAndPathHasAnExampleThatFits(t *testing.T) {
	compiler := compilerOf(t)
	each(t, func(t *testing.T, method, path string, op *openapi3.Operation) {
		at := "/paths/" + escaped(path) + "/" + strings.ToLower(method)
		for i, parameter := range op.Parameters {
			if parameter.Value.In == "path" {
				schema := parameter.Value.Schema.Value
				if len(schema.Examples) == 0 {
					t.Fatalf("%s has no example", parameter.Value.Name)
				}
				fits(t, compiler, at+"/parameters/"+strconv.Itoa(i)+"/schema", schema.Examples[0])
			}
		}
		if op.RequestBody == nil {
			return
		}
		example, is := op.RequestBody.Value.Content["application/json"].Example.(map[string]any)
		if !is || len(example) == 0 {
			t.Fatalf("the body has no example: %v", example)
		}
		fits(t, compiler, at+"/requestBody/content/application~1json/schema", example)
	})
}

func TestTheBodyOfANewKeyBeginsAsTheInstructionsShowIt(t *testing.T) {
	const want = `"example": {
                "orgUserId": 0,
                "name": "Integration Account",
                "canImpersonate": false
              },`
	if !bytes.Contains(documentOf(t, ""), []byte(want)) {
		t.Errorf("nowhere in the document: %s", want)
	}
}

func TestTheDocumentSaysHowToProveOneself(t *testing.T) {
	document := read(t, documentOf(t, ""))
	schemes := document.Components.SecuritySchemes
	for name, header := range map[string]string{"apiKey": "X-Api-Key", "accessKey": "accessKey", "secretKey": "secretKey"} {
		if scheme := schemes[name].Value; scheme.Type != "apiKey" || scheme.In != "header" || scheme.Name != header {
			t.Errorf("%s: %+v", name, scheme)
		}
	}
	if bearer := schemes["bearer"].Value; bearer.Type != "http" || bearer.Scheme != "bearer" {
		t.Errorf("bearer: %+v", bearer)
	}
	got, err := json.Marshal(document.Security)
	if want := `[{"apiKey":[]},{"bearer":[]},{"accessKey":[],"secretKey":[]},{}]`; err != nil || string(got) != want {
		t.Errorf("security %s, want %s", got, want)
	}
	each(t, func(t *testing.T, _, _ string, op *openapi3.Operation) {
		if op.Security != nil {
			t.Errorf("it has a security of its own: %v", op.Security)
		}
	})
}

// compilerOf gives a compiler of the schemas of the document.
func compilerOf(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(documentOf(t, "")))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", tree); err != nil {
		t.Fatal(err)
	}
	return compiler
}

// escaped writes a path as a part of a JSON pointer.
func escaped(path string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path)
}

// fits fails the test when a value is not as the schema at a place of the document says.
func fits(t *testing.T, compiler *jsonschema.Compiler, at string, value any) {
	t.Helper()
	schema, err := compiler.Compile("openapi.json#" + at)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%v does not fit: %v", value, err)
	}
}
