// Package internal holds the test of the architecture: which package may
// import which, where each library may be used, and what stands on the top
// level. It reads the source, and files of tests are free of its rules.
package internal

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = ".."
	module = "keyportal/"
)

// arrows has every room, a folder with the folders within it that are no rooms
// themselves, and the rooms that its packages may import.
var arrows = map[string][]string{
	"cmd/keyportal":    {"internal/config", "internal/keyset", "internal/mail", "internal/manage", "internal/portal", "internal/secret", "internal/store", "internal/verify", "static", "templates", "web", "web/gateway"},
	"internal/bench":   {"internal/keyset", "internal/manage", "internal/portal", "internal/secret", "internal/store"},
	"internal/config":  {},
	"internal/keyset":  {},
	"internal/mail":    {},
	"internal/manage":  {"internal/portal", "internal/secret", "internal/store"},
	"internal/openapi": {"internal/portal"},
	"internal/portal":  {},
	"internal/secret":  {},
	"internal/store":   {"internal/portal", "internal/secret"},
	"internal/verify":  {"internal/portal", "internal/secret", "internal/store"},
	"static":           {},
	"templates":        {"internal/portal", "static"},
	"web":              {"internal/manage", "internal/openapi", "internal/portal", "internal/verify", "static", "templates", "web/api"},
	"web/api":          {"internal/manage", "internal/portal"},
	"web/client":       {},
	"web/gateway":      {"internal/portal", "internal/verify"},
}

// packages has those that must be there beside the rooms themselves.
var packages = []string{"internal/store/storetest", "templates/layout", "templates/page", "templates/ui", "web/api/apitest"}

// libraries has the rooms that may import a library. The benchmark measures
// against the bare parts.
var libraries = map[string][]string{
	"database/sql":                  {"internal/bench", "internal/store"},
	"github.com/a-h/templ":          {"templates", "web"},
	"github.com/alecthomas/kong":    {"cmd/keyportal"},
	"github.com/danielgtaylor/huma": {"web/api"},
	"github.com/getkin/kin-openapi": {"internal/openapi"},
	"github.com/gorilla/sessions":   {"web"},
	"github.com/jackc/pgx":          {"internal/store"},
	"github.com/labstack":           {"internal/bench", "web", "web/gateway"},
	"github.com/maypok86/otter":     {"internal/verify"},
	"github.com/mileusna":           {"web"},
	"github.com/oapi-codegen":       {"web/api"},
	"github.com/oasdiff/yaml3":      {"internal/openapi"},
	"github.com/pressly/goose":      {"internal/store"},
	"github.com/swaggest/swgui":     {"static"},
	"github.com/tink-crypto":        {"internal/keyset"},
	"github.com/wneessen/go-mail":   {"internal/mail"},
	"modernc.org/sqlite":            {"internal/store"},
}

// standardOnly has the rooms that import no library but those that are theirs by name.
var standardOnly = []string{"internal/portal", "internal/secret", "static", "web/client"}

// forTests has the packages that only files of tests may import.
var forTests = []string{"internal/store/storetest", "web/api/apitest"}

// topLevel is what stands on the top level, beside files whose name begins with
// a dot. A LICENSE may join it.
var topLevel = []string{"Dockerfile", "Makefile", "README.md", "cmd", "go.mod", "go.sum", "internal", "static", "templates", "web"}

// vagueNames has the names that say nothing about what a package is for.
var vagueNames = []string{"base", "common", "helper", "helpers", "misc", "shared", "util", "utils"}

// source is a package: its folder, its name and what it imports.
type source struct {
	folder, name string
	imports      []string
}

func TestPackagesImportOnlyWhatTheArchitectureAllows(t *testing.T) {
	for _, fault := range faults(readSources(t)) {
		t.Error(fault)
	}
}

func TestEveryRoomPackageAndLibraryOfTheRulesIsThere(t *testing.T) {
	sources := readSources(t)
	folders := map[string]bool{}
	var imports []string
	for _, s := range sources {
		folders[s.folder], folders[room(s.folder)] = true, true
		imports = append(imports, s.imports...)
	}
	for _, folder := range slices.Concat(slices.Sorted(maps.Keys(arrows)), packages) {
		if !folders[folder] {
			t.Errorf("%s is not there: the rules about it check nothing", folder)
		}
	}
	for library := range libraries {
		if !slices.ContainsFunc(imports, func(path string) bool { return within(path, library) }) {
			t.Errorf("nothing imports %s: the rule about it checks nothing", library)
		}
	}
}

func TestTheTopLevelStaysAsItIs(t *testing.T) {
	os.Stat(filepath.Join(root, ".git", "index")) // has go test run this again when another file is tracked
	command := exec.Command("git", "-c", "safe.directory=*", "ls-files")
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	tracked := map[string]bool{}
	for file := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(file), "/")
		tracked[top] = true
	}
	for _, name := range topLevel {
		if !tracked[name] {
			t.Errorf("%s is missing on the top level", name)
		}
	}
	for name := range tracked {
		if !slices.Contains(topLevel, name) && !strings.HasPrefix(name, ".") && name != "LICENSE" {
			t.Errorf("%s must not stand on the top level", name)
		}
	}
}

func TestEachRuleFindsWhatBreaksIt(t *testing.T) {
	for _, test := range []struct {
		source source
		want   string
	}{
		{source{"internal/store", "store", []string{module + "internal/manage"}}, "internal/store must not import internal/manage"},
		{source{"internal/store/migrations", "migrations", []string{module + "internal/verify"}}, "internal/store/migrations must not import internal/verify"},
		{source{"web", "web", []string{module + "internal/store"}}, "web must not import internal/store"},
		{source{"web", "web", []string{module + "internal/mail"}}, "web must not import internal/mail"},
		{source{"web/gateway", "gateway", []string{module + "internal/manage"}}, "web/gateway must not import internal/manage"},
		{source{"internal/verify", "verify", []string{module + "web"}}, "internal/verify must not import web"},
		{source{"templates/page", "page", []string{module + "internal/manage"}}, "templates/page must not import internal/manage"},
		{source{"internal/manage", "manage", []string{module + "internal/store/storetest"}}, "only tests may import internal/store/storetest"},
		{source{"internal/manage", "manage", []string{"github.com/labstack/echo/v4"}}, "internal/manage must not import github.com/labstack/echo/v4"},
		{source{"internal/openapi", "openapi", []string{module + "internal/store"}}, "internal/openapi must not import internal/store"},
		{source{"web", "web", []string{"github.com/getkin/kin-openapi/openapi3"}}, "web must not import github.com/getkin/kin-openapi/openapi3"},
		{source{"internal/manage", "manage", []string{"database/sql"}}, "internal/manage must not import database/sql"},
		{source{"cmd/keyportal", "main", []string{"modernc.org/sqlite"}}, "cmd/keyportal must not import modernc.org/sqlite"},
		{source{"web/gateway", "gateway", []string{"github.com/a-h/templ"}}, "web/gateway must not import github.com/a-h/templ"},
		{source{"internal/portal", "portal", []string{"golang.org/x/text/width"}}, "internal/portal must import the standard library only"},
		{source{"static", "static", []string{"golang.org/x/text/width"}}, "static must import the standard library only"},
		{source{"web/client", "client", []string{"github.com/labstack/echo/v4"}}, "web/client must import the standard library only"},
		{source{"web/client", "client", []string{module + "internal/portal"}}, "web/client must not import internal/portal"},
		{source{"web", "web", []string{"github.com/swaggest/swgui/v5/static"}}, "web must not import github.com/swaggest/swgui/v5/static"},
		{source{"internal/cache", "cache", nil}, "internal/cache is in no room"},
		{source{"web/util", "util", nil}, "web/util: the name util says nothing"},
	} {
		got := faults([]source{test.source})
		if len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), test.want) {
			t.Errorf("%+v: got %q, want %q", test.source, got, test.want)
		}
	}
	allowed := source{"web/gateway", "gateway", []string{"net/http", "github.com/labstack/echo/v4", module + "internal/verify"}}
	if got := faults([]source{allowed}); len(got) > 0 {
		t.Errorf("%+v is allowed, but: %q", allowed, got)
	}
}

// faults returns a line for each rule that a package breaks.
func faults(sources []source) []string {
	var found []string
	for _, s := range sources {
		if slices.Contains(vagueNames, s.name) {
			found = append(found, fmt.Sprintf("%s: the name %s says nothing about what it is for", s.folder, s.name))
		}
		if room(s.folder) == "" {
			found = append(found, s.folder+" is in no room of the architecture")
			continue
		}
		for _, imported := range s.imports {
			if fault := importFault(s.folder, imported); fault != "" {
				found = append(found, fault)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// importFault returns what is wrong with an import by the package in folder,
// or nothing.
func importFault(folder, imported string) string {
	from := room(folder)
	if target, ours := strings.CutPrefix(imported, module); ours {
		to := room(target)
		switch {
		case slices.Contains(forTests, target):
			return fmt.Sprintf("only tests may import %s, not %s", target, folder)
		case to != from && !slices.Contains(arrows[from], to):
			return fmt.Sprintf("%s must not import %s", folder, target)
		}
		return ""
	}
	first, _, _ := strings.Cut(imported, "/")
	if slices.Contains(standardOnly, from) && strings.Contains(first, ".") && !isGiven(imported, from) {
		return fmt.Sprintf("%s must import the standard library only, not %s", folder, imported)
	}
	for library, rooms := range libraries {
		if within(imported, library) && !slices.Contains(rooms, from) {
			return fmt.Sprintf("%s must not import %s, which is for %s", folder, imported, strings.Join(rooms, ", "))
		}
	}
	return ""
}

// isGiven tells whether a library is a room's by name.
func isGiven(imported, from string) bool {
	for library, rooms := range libraries {
		if within(imported, library) && slices.Contains(rooms, from) {
			return true
		}
	}
	return false
}

// room returns the room that folder is in: the innermost, or none.
func room(folder string) string {
	for ; folder != "."; folder = path.Dir(folder) {
		if _, is := arrows[folder]; is {
			return folder
		}
	}
	return ""
}

// within tells whether a path is base or lies below it.
func within(path, base string) bool {
	return path == base || strings.HasPrefix(path, base+"/")
}

// readSources reads every package of the module, for whatever system and build
// tag its files are.
func readSources(t *testing.T) []source {
	t.Helper()
	byFolder := map[string]source{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != root && isNoSource(entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		name, imports, err := readFile(file)
		byFolder[folder] = source{folder, name, append(byFolder[folder].imports, imports...)}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(maps.Values(byFolder))
}

// isNoSource tells whether go build passes a folder by.
func isNoSource(name string) bool {
	return name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// readFile returns the package name and the imports of one file.
func readFile(file string) (name string, imports []string, err error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return "", nil, err
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return "", nil, err
		}
		imports = append(imports, imported)
	}
	return parsed.Name.Name, imports, nil
}
