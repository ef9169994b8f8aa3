package main

import (
	_ "embed"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/verify"
	"keyportal/web"
)

//go:embed testdata/openapi.json
var openAPI string

// serveDocs serves the sample installation's portal with an API beside it that has the
// endpoints of testdata/openapi.json and answers what it was asked.
func serveDocs(t *testing.T) (address string) {
	t.Helper()
	settings := demoCommand{}.config(filepath.Join(t.TempDir(), "keyportal.db"))
	if _, err := makeSample(t.Context(), settings.Data); err != nil {
		t.Fatal(err)
	}
	opened, keys, err := prepareStore(t.Context(), settings.Data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	sections, err := portal.ReadDocs([]byte(openAPI))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	base := &url.URL{Scheme: "http", Host: server.Listener.Addr().String()}
	mux := http.NewServeMux()
	mux.Handle("/", web.New(web.Options{
		Manager: manage.New(manage.Options{Store: opened, Sealer: keys, BaseURL: base, SessionIdle: settings.SessionIdle, SessionLifetime: settings.SessionLifetime}),
		Checker: verify.New(opened, verify.Options{}), BaseURL: base, Docs: sections, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}))
	mux.HandleFunc("GET /api/v1/openapi.json", answerDocument)
	mux.HandleFunc("/api/v1/", echoRequest)
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// answerDocument gives a section of the document: its tags, and the endpoints that have
// them.
func answerDocument(w http.ResponseWriter, r *http.Request) {
	var document map[string]any
	if err := json.Unmarshal([]byte(openAPI), &document); err != nil {
		panic(err)
	}
	var tags []any
	for _, tag := range document["tags"].([]any) {
		if tag.(map[string]any)["x-section"] == r.URL.Query().Get("section") {
			tags = append(tags, tag)
		}
	}
	document["tags"] = tags
	for path := range document["paths"].(map[string]any) {
		if r.URL.Query().Get("section") == "user" != strings.HasPrefix(path, "/user/") {
			delete(document["paths"].(map[string]any), path)
		}
	}
	writeJSON(w, document)
}

// echoRequest answers with what was asked, and by what the caller proved itself.
func echoRequest(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	_, err = r.Cookie("keyportal")
	writeJSON(w, map[string]any{"asked": r.Method + " " + r.URL.Path, "body": string(body), "session": err == nil,
		"key": r.Header.Get("X-Api-Key"), "currentOrg": map[string]any{"id": 1, "name": "Gold Client"}})
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(err)
	}
}

// TestAnAPIKeyIsCreatedInSwaggerDocs follows the vendor's old manual, from who one is to
// the key.
func TestAnAPIKeyIsCreatedInSwaggerDocs(t *testing.T) {
	b := newTab(t, chromium(t), serveDocs(t))
	b.logIn("superadmin")
	b.click(button("People and tools"))
	b.follow(link("Swagger Docs"))
	b.sees("Organizations", "5 endpoints")
	b.fill(searchbox("Search the API"), "user")
	b.sees("6 endpoints in 2 sections")
	b.seesNot("The clients")
	section := b.opens(link("User (opens in a new tab)"))
	section.sees("Requests run as Sofia Anders in Gold Client", "who am I?")
	section.seesNot("create an api key")

	section.click(button("GET /user /users /me who am I?"))
	section.tries("GET /api/v1/user/users/me")
	section.sees(`"session": true`, `"key": ""`, "Request duration")
	section.click(button("GET /user /users /me who am I?"))

	section.click(button("Expand operation*").in(element{role: "heading", name: "org*"}))
	section.click(button("GET /user /org /{orgId} /user /{userId} load a user org membership"))
	section.fill(field("orgId"), "1")
	section.fill(field("userId"), "4")
	section.tries("GET /api/v1/user/org/1/user/4")
	section.click(button("GET /user /org /{orgId} /user /{userId} load a user org membership"))

	section.click(button("Expand operation*").in(element{role: "heading", name: "apiKey*"}))
	section.click(button("POST /user /apiKey create an api key"))
	body := section.value(field("Request body"))
	if !json.Valid([]byte(body)) || !strings.Contains(body, `"orgUserId": 0`) {
		t.Errorf("the body begins as %q, which is not the example", body)
	}
	section.click(button("Authorize"))
	section.fill(field("Value:"), "kp_something")
	section.press(kb.Enter)
	section.click(button("Close the dialog"))
	section.fill(field("Request body"), `{"orgUserId": 17, "name": "Integration Account"}`)
	section.tries("POST /api/v1/user/apiKey")
	section.sees("Integration Account", `"key": "kp_something"`)
}

// tries clicks Try it out! of the only endpoint that is open.
func (b *tab) tries(request string) {
	b.t.Helper()
	b.click(button("Try it out!"))
	b.sees("Response body", `"asked": "`+request+`"`)
}

func TestAnEndpointIsOpenedFromTheSearchInSwaggerDocs(t *testing.T) {
	b := newTab(t, chromium(t), serveDocs(t))
	b.logIn("viewer")
	b.open("/docs?q=rotate")
	section := b.opens(link("POST /keys/{id}/rotate (opens in a new tab)"))
	section.sees("Requests run as", "rotate an API key", "Try it out!")
	section.seesNot("Cancel")
	section.follow(link("Swagger Docs"))
	section.sees("The REST API, to read and to try out.")
}

func TestSwaggerDocsAreAccessible(t *testing.T) {
	b := newTab(t, chromium(t), serveDocs(t)).withoutCache()
	b.logIn("superadmin")
	for _, address := range []string{"/docs", "/docs?q=user", "/docs?q=unicorn", "/docs/user", "/docs/user?#/org/saveMembership", "/docs/user?body#/apiKey/createApiKey"} {
		b.visit(address, http.StatusOK)
	}
	b.click(button("Try it out!"))
	b.sees("Response body")
	b.inspect("docs-tried")
	b.click(button("Authorize"))
	b.sees("Available authorizations")
	b.inspect("docs-authorize")
	b.visit("/docs/unicorns", http.StatusNotFound)
}
