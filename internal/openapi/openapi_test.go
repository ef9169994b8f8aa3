package openapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"keyportal/internal/openapi"
	"keyportal/internal/portal"
)

const head = `{"openapi":"3.0.3","info":{"title":"Billing API","version":"1"},`

// read reads a document that must be read.
func read(t *testing.T, document string) portal.APIOutline {
	t.Helper()
	outline, err := openapi.Read([]byte(document))
	if err != nil {
		t.Fatalf("%.300s: %v", document, err)
	}
	return outline
}

// readFrugally reads a document, and checks that the effort is in keeping with its size:
// by the memory that is taken, which is about the same in each run, and by the
// processor's time, which other programs do not count in.
func readFrugally(t *testing.T, what, document string) (portal.APIOutline, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := processorTime(t)
	outline, err := openapi.Read([]byte(document))
	if took := processorTime(t) - began; took > 10*time.Second {
		t.Errorf("%s: %d bytes take the processor %s", what, len(document), took)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(5<<20+100*len(document)) {
		t.Errorf("%s: %d bytes take %d bytes of memory, all in all", what, len(document), took)
	}
	return outline, err
}

// processorTime gives the time for which this program has kept the processors busy.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// wantRefused checks that a document is refused for a reason.
func wantRefused(t *testing.T, what, document, says string) {
	t.Helper()
	_, err := readFrugally(t, what, document)
	fields := portal.FieldsOf(err)
	switch {
	case portal.CodeOf(err) != portal.CodeInvalid || len(fields) != 1 || fields[0].Field != "document":
		t.Errorf("%s: %v", what, err)
	case !strings.Contains(fields[0].Message, says):
		t.Errorf("%s: %q does not say %q", what, fields[0].Message, says)
	case len(fields[0].Message) > 600:
		t.Errorf("%s: the message has %d characters", what, len(fields[0].Message))
	}
}

// operations lists an outline's operations in a line each.
func operations(outline portal.APIOutline) []string {
	var lines []string
	for _, operation := range outline.Operations {
		lines = append(lines, fmt.Sprintf("%s %s %q %s", operation.Method, operation.Path, operation.Summary, strings.Join(operation.Tags, ",")))
	}
	return lines
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n%q, want\n%q", what, got, want)
	}
}

func TestADocumentsTagsAndOperationsAreReadInTheirOrder(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("testdata", "billing.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	outline := read(t, string(document))
	wantEqual(t, "title and prefix", []string{outline.Title, outline.Prefix}, []string{"Billing and Revenue API", "/v2"})
	wantEqual(t, "operations", len(outline.Operations), 43)
	wantEqual(t, "the first ones", operations(outline)[:3], []string{
		`GET /accounts "List accounts" Accounts`, `POST /accounts "Create an account" Accounts`, `GET /accounts/{account-id} "Show an account" Accounts`,
	})
	var tags []string
	for _, tag := range outline.Tags {
		tags = append(tags, tag.Name)
	}
	wantEqual(t, "tags", tags, []string{"Accounts", "Invoices", "Payments", "Dunning API", "Revenue Recognition", "Reports", "Webhooks"})
	wantEqual(t, "a description", outline.Tags[0].Description, "Who is billed, and where.")
}

func TestBothVersionsAreReadAsJSONAndAsYAML(t *testing.T) {
	for what, document := range map[string]string{
		"3.0":                                 head + `"paths":{"/a/{b}":{"$ref":"#/paths/~1q"},"/q":{"get":{"summary":"S","tags":["T"]}}}}`,
		"3.0 with tabs and a byte order mark": "\uFEFF{\n\t\"openapi\": \"3.0.0\",\n\t\"paths\": {\"/a/{b}\": {\"$ref\": \"#/paths/~1q\"}, \"/q\": {\"get\": {\"summary\": \"S\", \"tags\": [\"T\"]}}}\n}",
		"3.1": `{"openapi":"3.1.0","info":{"title":"x","summary":"s"},"jsonSchemaDialect":"https://spec.openapis.org/oas/3.1/dialect/base",
			"webhooks":{"paid":{"post":{"responses":{"200":{"description":"x"}}}}},
			"paths":{"/a/{b}":{"$ref":"#/components/pathItems/P"},"/q":{"$ref":"#/components/pathItems/P"}},
			"components":{"pathItems":{"P":{"get":{"tags":["T"],"summary":"S","parameters":[{"name":"b","in":"path","schema":{"type":["string","null"],"const":1,"$defs":{"A":true}}}]}}}}}`,
		"over several":       head + `"x-p":{"q r":{"$ref":"#/x-p/s~0~1"},"s~/":{"get":{"summary":"S","tags":["T"]}}},"paths":{"/a/{b}":{"$ref":"#/x-p/q%20r"},"/q":{"$ref":"#/paths/~1a~1%7Bb%7D"}}}`,
		"beside its own":     head + `"x-p":{"get":{"summary":"other"}},"paths":{"/a/{b}":{"$ref":"#/x-p","get":{"summary":"S","tags":["T"]}},"/q":{"$ref":"#/paths/~1a~1{b}"}}}`,
		"YAML":               "openapi: 3.1.0\npaths:\n  /a/{b}: &p\n    get: {summary: S, tags: [T]}\n  /q: *p\n",
		"YAML's merge key":   "openapi: 3.0.0\nx-p: &p {get: {summary: S, tags: [T]}}\npaths:\n  /a/{b}:\n    <<: *p\n  /q:\n    <<: [*p]\n",
		"version as number":  "openapi: 3.1\npaths: {'/a/{b}': {get: {summary: S, tags: [T]}}, /q: {get: {summary: S, tags: [T]}}}",
		"faults of schemas":  head + `"components":{"schemas":{"A":{"properties":[]},"B":{"$ref":"#/nowhere"}}},"paths":{"/a/{b}":{"get":{"summary":"S","tags":["T"]}},"/q":{"get":{"summary":"S","tags":["T"]}}}}`,
		"extensions, nulls":  head + `"x-a":{"b":1},"tags":null,"paths":{"x-b":{"c":1},"/a/{b}":{"get":{"summary":"S","tags":["T"]},"post":null},"/q":{"x-d":[],"get":{"summary":"S","tags":["T"]}},"/n":null}}`,
		"a summary in lines": head + `"paths":{"/a/{b}":{"get":{"summary":"S","tags":["T"]}},"/q":{"get":{"summary":"\n S\u202e\u0007 ","tags":["T"]}}}}`,
	} {
		wantEqual(t, what, operations(read(t, document)), []string{`GET /a/{b} "S" T`, `GET /q "S" T`})
	}
}

func TestEveryMethodOfOpenAPIIsRead(t *testing.T) {
	var paths, want []string
	for _, method := range []string{"get", "head", "options", "post", "put", "patch", "delete", "trace", "query"} {
		paths, want = append(paths, `"`+method+`":{}`), append(want, strings.ToUpper(method)+` /x "" `)
	}
	wantEqual(t, "operations", operations(read(t, head+`"paths":{"/x":{`+strings.Join(paths, ",")+`,"parameters":[],"brew":{}}}}`)), want)
}

func TestThePrefixIsThePathOfTheFirstServer(t *testing.T) {
	for servers, want := range map[string]string{
		``:                                     "",
		`"servers":[],`:                        "",
		`"servers":[{"url":"/"}],`:             "",
		`"servers":[{"url":"/v1/"}],`:          "/v1",
		`"servers":[{"url":"v1"}],`:            "/v1",
		`"servers":[{"url":"./v1"}],`:          "/v1",
		`"servers":[{"url":"//host/v1/x?a"}],`: "/v1/x",
		`"servers":[{"url":"https://api.example.com"},{"url":"/v2"}],`:                                                             "",
		`"servers":[{"url":"https://api.example.com:8443/billing/v1#x"}],`:                                                         "/billing/v1",
		`"servers":[{"url":"https://{host}:{port}/{base}/x","variables":{"port":{"default":8443},"base":{"default":"billing"}}}],`: "/billing/x",
		`"servers":[{"url":"https://api.example.com/{tenant}"}],`:                                                                  "/{tenant}",
	} {
		wantEqual(t, servers, read(t, head+servers+`"paths":{"/x":{"get":{}}}}`).Prefix, want)
	}
}

func TestTagsThatAreNotDescribedFollowThoseThatAre(t *testing.T) {
	outline := read(t, head+`"tags":[{"name":"B","description":"`+strings.Repeat("x", 3000)+`"},{"name":"Unused"},{"name":"B"}],"paths":{"/x":{"get":{"tags":["C","B"]},"post":{}}}}`)
	wantEqual(t, "tags", []string{outline.Tags[0].Name, outline.Tags[1].Name}, []string{"B", "C"})
	wantEqual(t, "number of tags", len(outline.Tags), 2)
	wantEqual(t, "length of the description", len([]rune(outline.Tags[0].Description)), portal.MaxDescription)
}

func TestWhatIsNoOpenAPIDocumentIsRefusedWithWhatToDo(t *testing.T) {
	for what, test := range map[string]struct{ document, says string }{
		"nothing":              {"", "Choose the file"},
		"space":                {" \n\t", "Choose the file"},
		"a comment":            {"# nothing\n", "Choose the file"},
		"a text":               {"Hello, this is a text.", "not OpenAPI"},
		"half of JSON":         {`{"openapi": "3.0.0",`, "too early"},
		"JSON with a comma":    {"{\"openapi\": \"3.0.0\",\n\n}", "line 3"},
		"JSON and more":        {head + `"paths":{"/x":{"get":{}}}} {}`, "after its end"},
		"half of YAML":         {"openapi: [", "neither JSON nor YAML"},
		"YAML with tabs":       {"openapi: 3.0.0\npaths:\n\t/x:\n", "line 3"},
		"a list":               {`[]`, "not OpenAPI"},
		"other JSON":           {`{"name": "x"}`, "right file"},
		"Swagger":              {`{"swagger": "2.0", "paths": {"/x": {"get": {}}}}`, "Convert it to OpenAPI 3 first"},
		"OpenAPI 4":            {`{"openapi": "4.0.0", "paths": {"/x": {"get": {}}}}`, "openapi: 4.0.0"},
		"a version of its own": {`{"openapi": {}, "paths": {"/x": {"get": {}}}}`, "Only OpenAPI 3"},
		"no paths":             {`{"openapi": "3.1.0", "webhooks": {"x": {"post": {}}}}`, "no paths"},
		"empty paths":          {`{"openapi": "3.1.0", "paths": {}}`, "no paths"},
		"paths without any":    {`{"openapi": "3.1.0", "paths": {"/x": {"summary": "s"}}}`, "no operations"},
		"a list of paths":      {`{"openapi": "3.1.0", "paths": ["/x"]}`, "paths must be an object"},
		"a path that is text":  {"openapi: 3.1.0\npaths:\n  /x: get\n", "paths → /x must be an object (line 3)"},
		"an operation as text": {`{"openapi": "3.1.0", "paths": {"/x": {"get": "no"}}}`, "paths → /x → get must be an object"},
		"tags that are text":   {`{"openapi": "3.1.0", "paths": {"/x": {"get": {"tags": "T"}}}}`, "must be a list"},
		"a tag that is a list": {`{"openapi": "3.1.0", "paths": {"/x": {"get": {"tags": [[]]}}}}`, "must be a text"},
		"tags as an object":    {`{"openapi": "3.1.0", "tags": {"T": {}}, "paths": {"/x": {"get": {}}}}`, "tags must be a list"},
		"a summary as a list":  {`{"openapi": "3.1.0", "paths": {"/x": {"get": {"summary": []}}}}`, "summary must be a text"},
		"info as a list":       {`{"openapi": "3.1.0", "info": [], "paths": {"/x": {"get": {}}}}`, "info must be an object"},
		"servers as text":      {`{"openapi": "3.1.0", "servers": "/v1", "paths": {"/x": {"get": {}}}}`, "not OpenAPI as it should be"},
		"a reference to none":  {`{"openapi": "3.1.0", "paths": {"/x": {"$ref": "#/components/pathItems/No"}}}`, "No"},
		"a key twice":          {head + `"paths":{"/x":{"get":{},"get":{}}}}`, "“get” is there twice"},
		"a key twice in YAML":  {"openapi: 3.0.0\npaths:\n  /x: {get: {}}\n  /x: {post: {}}\n", "“/x” is there twice (line 4)"},
		"a list as a key":      {"openapi: 3.0.0\n? [a]\n: b\n", "Keys are texts"},
		"several documents":    {"openapi: 3.0.0\n---\nopenapi: 3.0.0\n", "one by one"},
		"Latin-1":              {"openapi: 3.0.0\ninfo: {title: B\xfccher}\n", "UTF-8"},
		"UTF-16":               {"\xff\xfeo\x00p\x00", "UTF-8"},
		"NUL":                  {"openapi: 3.0.0\x00", "NUL"},
		"deep JSON":            {strings.Repeat(`{"a":`, 200_000), "within each other"},
		"deep lists":           {strings.Repeat(`[`, 500_000), "within each other"},
		"deep YAML":            {"a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "within each other"},
		"deeper YAML":          {"a: " + strings.Repeat("[", 300_000), ""},
		"many parts":           {"[" + strings.Repeat("0,", 1_500_000) + "0]", "million parts"},
		"many operations":      {head + `"paths":{` + manyPaths(2001) + `}}`, "more than 2000 operations"},
		"many by reference":    {head + `"components":{"pathItems":{"P":{"get":{},"put":{},"post":{}}}},"paths":{` + strings.TrimSuffix(repeat(700, `"/p%d":{"$ref":"#/components/pathItems/P"},`), ",") + `}}`, "more than 2000 operations"},
		"as many as fit":       {head + `"paths":{` + manyPaths(100_000) + `}}`, "more than 2000 operations"},
		"a chain of paths":     {head + `"paths":{` + repeat(50_000, `"/p%d":{"$ref":"#/paths/~1p%[1]d0"},`) + `"/x":{"get":{}}}}`, "not there"},
		"a long chain":         {head + `"paths":{` + chain(40_000) + `}}`, "in a circle, or too far off"},
		"a circle":             {head + `"paths":{"/x":{"get":{}},"/y":{"$ref":"#/paths/~1z"},"/z":{"$ref":"#/paths/~1y"}}}`, "in a circle"},
		"itself":               {head + `"paths":{"/x":{"get":{},"$ref":"#/paths/~1x"}}}`, "in a circle"},
		"a bad pointer":        {head + `"paths":{"/x":{"$ref":"#/%zz"}}}`, "not there"},
		"an anchor":            {head + `"paths":{"/x":{"$ref":"#x"}}}`, "not there"},
		"a list's part":        {head + `"tags":[{}],"paths":{"/x":{"$ref":"#/tags/0"}}}`, "not there"},
		"a reference to text":  {head + `"paths":{"/x":{"$ref":"#/info/title"}}}`, "must be an object"},
		"long tags":            {head + `"paths":{"/x":{"get":{"tags":["` + strings.Repeat("x", 2<<20) + `"]}}}}`, "can't be shown"},
	} {
		wantRefused(t, what, test.document, test.says)
	}
}

// chain gives paths of which each refers to the next.
func chain(count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, `"/p%d":{"$ref":"#/paths/~1p%d"},`, i, i+1)
	}
	return text.String() + fmt.Sprintf(`"/p%d":{"get":{}}`, count)
}

func manyPaths(count int) string {
	return strings.TrimSuffix(repeat(count, `"/p%d":{"get":{"summary":"One"}},`), ",")
}

func repeat(count int, format string) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, format, i)
	}
	return text.String()
}

func TestADocumentThatIsTooLargeIsRefusedBeforeItIsParsed(t *testing.T) {
	small := head + `"paths":{"/x":{"get":{}}}}`
	if got := read(t, small+strings.Repeat(" ", openapi.MaxDocument-len(small))); len(got.Operations) != 1 {
		t.Errorf("one of just the size has %d operations", len(got.Operations))
	}
	document := []byte(small + strings.Repeat(" ", 20<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := openapi.Read(document)
	runtime.ReadMemStats(&after)
	if portal.CodeOf(err) != portal.CodeInvalid || !strings.Contains(err.Error(), "more than 5 MB") {
		t.Errorf("the error is %v", err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
		t.Errorf("refusing it takes %d bytes", taken)
	}
}

func TestNothingOutsideOfTheDocumentIsFetchedOrRead(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, `{"get":{"summary":"FETCHED"}}`)
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "item.json")
	if err := os.WriteFile(file, []byte(`{"get":{"summary":"READ"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(file))
	for _, ref := range []string{server.URL, server.URL + "/x#/get", "//" + server.Listener.Addr().String(), file, "file://" + file, "item.json", "./item.json#/get", "item.json#", "/etc/passwd", "", " #/paths/~1q"} {
		for where, document := range map[string]string{
			"a path":       head + `"paths":{"/q":{"get":{}},"/x":{"$ref":"` + ref + `"}}}`,
			"pathItems":    `{"openapi":"3.1.0","components":{"pathItems":{"P":{"$ref":"` + ref + `"}}},"paths":{"/q":{"get":{}}}}`,
			"a schema":     head + `"components":{"schemas":{"A":{"properties":{"b":{"$ref":"` + ref + `"}}}}},"paths":{"/q":{"get":{}}}}`,
			"an alias":     "openapi: 3.0.0\nx: &x '" + ref + "'\npaths: {/q: {get: {}}, /x: {$ref: *x}}\n",
			"a merge":      "openapi: 3.0.0\nx: &x {$ref: '" + ref + "'}\npaths: {/q: {get: {}}, /x: {<<: *x}}\n",
			"a quoted key": "openapi: 3.0.0\npaths: {/q: {get: {}}, /x: {\"\\u0024ref\": '" + ref + "'}}\n",
		} {
			wantRefused(t, where+" with "+ref, document, "nothing outside of it is fetched")
		}
	}
	for what, document := range map[string]string{
		"a data's own $ref": head + `"components":{"schemas":{"A":{"properties":{"$ref":{"type":"string"}}}}},"paths":{"/x":{"get":{}}}}`,
		"other addresses":   head + `"externalDocs":{"url":"` + server.URL + `"},"servers":[{"url":"` + server.URL + `"}],"paths":{"/x":{"get":{"responses":{"200":{"content":{"a/b":{"examples":{"e":{"externalValue":"` + server.URL + `"}}}}}}}}}}`,
	} {
		wantEqual(t, what, operations(read(t, document)), []string{`GET /x "" `})
	}
	if asked.Load() > 0 {
		t.Errorf("the server was asked %d times", asked.Load())
	}
}

func TestAliasesAreCountedBeforeTheyAreExpanded(t *testing.T) {
	laughs := func(item, list string) string {
		text := "openapi: 3.0.0\npaths: {/x: {get: {}}}\nx-a0: &a0 " + item + "\n"
		for i := range 40 {
			text += fmt.Sprintf("x-a%d: &a%d ", i+1, i+1) + strings.ReplaceAll(list, "*", fmt.Sprintf("*a%d", i)) + "\n"
		}
		return text
	}
	for what, document := range map[string]string{
		"lists":            laughs("[lol]", "[*, *, *, *, *, *, *, *, *]"),
		"two each":         laughs("lol", "[*, *]"),
		"objects":          laughs("{a: b}", "{a: *, b: *, c: *}"),
		"merges":           laughs("{a: b}", "{<<: [*, *, *, *]}"),
		"a long text":      "openapi: 3.0.0\npaths: {/x: {get: {}}}\nx-a: &a " + strings.Repeat("a", 1<<20) + "\nx-b: [" + strings.Repeat("*a, ", 1000) + "]\n",
		"a text of a path": "openapi: 3.0.0\nx-a: &a " + strings.Repeat("a", 100_000) + "\npaths:\n" + repeat(1500, "  /x%d: {get: {summary: *a}}\n"),
	} {
		wantRefused(t, what, document, "repeat so much")
	}
	wantRefused(t, "one within itself", "openapi: 3.0.0\npaths: &a {/x: *a}\n", "never ends")
	wantRefused(t, "one within itself as a key", "openapi: 3.0.0\npaths: &a\n  ? *a\n  : b\n", "")
	wantRefused(t, "one under the other", func() string {
		text := "openapi: 3.0.0\npaths: {/x: {get: {}}}\nx-a0: &a0 [x]\n"
		for i := range 150 {
			text += fmt.Sprintf("x-a%d: &a%d [*a%d]\n", i+1, i+1, i)
		}
		return text
	}(), "within each other")
	many := "openapi: 3.0.0\nx-a: &a {responses: {'200': {description: Done}}}\npaths:\n" + repeat(1500, "  /x%d: {get: *a}\n")
	wantEqual(t, "operations of a harmless one", len(read(t, many).Operations), 1500)
}

func TestALargeDocumentOfUsualKindIsRead(t *testing.T) {
	var schemas []string
	for i := range 150 {
		schemas = append(schemas, fmt.Sprintf(`"S%d":{"type":"object","properties":{%s}}`, i, strings.TrimSuffix(repeat(150, `"p%[1]d":{"$ref":"#/components/schemas/S%[1]d"},`), ",")))
	}
	outline, err := readFrugally(t, "2,000 operations", head+`"paths":{`+manyPaths(2000)+`},"components":{"schemas":{`+strings.Join(schemas, ",")+`}}}`)
	if err != nil || len(outline.Operations) != 2000 {
		t.Errorf("%d operations are read: %v", len(outline.Operations), err)
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	billing, err := os.ReadFile(filepath.Join("testdata", "billing.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(billing[:2000]), head + `"paths":{"/a/{b}":{"$ref":"#/paths/~1q"},"/q":{"get":{"tags":["T"]}}}}`, "openapi: 3.1.0\npaths:\n  ? &a\n  : *a\n",
		"openapi: 3.0.0\npaths: {/x: {<<: [{get: {}}, 1], $ref: '#/paths/~1x'}}\nservers: [{url: '{a}', variables: {a: {default: 1}}}]\ntags: [{name: !!binary aaa=}]\n",
		`{"openapi":"3.0.0","paths":{"/x":{"$ref":"#/"},"":{"$ref":"#"},"/y":{"$ref":"#/paths/~1x/get"}}}`, "%YAML 1.1\n---\n!!map {? openapi : 3.0.0, paths: !!set {? /x}}\n", "[", "{", "&a *a", "- - -", "?", "\x00", "{\"a\":1}{",
		`{"openapi":"3.0.0","servers":[null,1],"tags":[null],"paths":{"/x":{"get":{"tags":[null]}}},"webhooks":{"w":{"$ref":"#/components/pathItems/p"}},"components":{"pathItems":{"p":null}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		outline, err := readFrugally(t, "it", string(document))
		if err != nil && len(portal.FieldsOf(err)) != 1 || err == nil && len(outline.Operations) == 0 {
			t.Errorf("the outline is %+v: %v", outline, err)
		}
	})
}
