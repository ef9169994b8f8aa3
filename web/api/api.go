// Package api is the portal as a REST API under /api/v1, described by an OpenAPI 3.1
// document that is made from this code.
//
//	api.go        the API as a handler, its sections and tags
//	operation.go  how an operation is added: what it needs, what it can answer
//	problem.go    errors as application/problem+json (RFC 9457)
//	list.go       lists: cursor, filters, order
//	body.go       how bodies are read
//	edit.go       ETag and If-Match, Idempotency-Key, fields that can be left out
//	document.go   the OpenAPI document, whole and by sections
//
// and a file per noun with its operations. Whoever calls has been authenticated
// before: the actor comes with the request's context (portal.WithActor). What an
// operation does goes through package manage, as the pages do, so that the two never
// differ in what they allow.
package api

import (
	"log/slog"
	"net/http"
	"path"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"keyportal/internal/manage"
)

// Prefix is what the addresses of the API begin with.
const Prefix = "/api/v1"

// Options are what an API works with.
type Options struct {
	Manager *manage.Manager
	Log     *slog.Logger
}

// API is the HTTP handler of everything under Prefix.
type API struct {
	Options
	manage *manage.Manager
	mux    *http.ServeMux
	huma   huma.API

	documents map[string]func() ([]byte, error) // by the slug of a section; all of it without one
}

// New makes the API with all of its operations.
func New(options Options) *API {
	a := &API{Options: options, manage: options.Manager, mux: http.NewServeMux()}
	a.huma = humago.NewWithPrefix(a.mux, Prefix, huma.Config{
		OpenAPI: description(), Formats: map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}, DefaultFormat: "application/json", RejectUnknownQueryParameters: true,
	})
	for _, add := range []func(*API){
		addUsers, addOrganizations, addMemberships, addGroups, addRoles, addKeys, addRotations,
		addLevels, addLicenses, addInstances, addApplications, addAPISets, addRequests, addRevisions,
	} {
		add(a)
	}
	a.documents = a.documentOfEach(sections)
	a.mux.HandleFunc("GET "+Prefix+"/openapi.json", a.serveDocument)
	return a
}

// ServeHTTP answers a request. An address or a method that there is not is answered as
// all errors are: also one that the multiplexer would redirect to what it takes it for.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, pattern := a.mux.Handler(r)
	if pattern != "" && r.URL.Path == r.URL.EscapedPath() && r.URL.Path == path.Clean(r.URL.Path) {
		a.mux.ServeHTTP(w, r)
		return
	}
	told := &statusOnly{header: http.Header{}}
	handler.ServeHTTP(told, r)
	if told.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", told.header.Get("Allow"))
		write(w, newProblem(told.status, "This address does not take that method. The header Allow names those that it takes."))
		return
	}
	write(w, newProblem(http.StatusNotFound, "There is nothing at this address. "+Prefix+"/openapi.json describes what there is."))
}

// statusOnly is the answer of a handler of which no more is wanted than how it ended.
type statusOnly struct {
	header http.Header
	status int
}

// Header gives what was set so far.
func (s *statusOnly) Header() http.Header { return s.header }

// Write passes over the body.
func (s *statusOnly) Write(body []byte) (int, error) { return len(body), nil }

// WriteHeader keeps the status.
func (s *statusOnly) WriteHeader(status int) { s.status = status }
