// Package web is the portal in a browser: an echo server that renders the pages
// of package templates and does what their forms ask for through package manage.
//
// routes.go is the table of all routes, each with what it needs. A request runs
// through middleware.go (limits, headers, cross-site check, session) to a
// handler in the file of its noun. Handlers return errors; errors.go turns them
// into pages. oauth.go is for programs: clients of OAuth 2.0 get their access
// tokens there, and all answers are JSON. form.go reads forms, render.go writes
// pages, session.go keeps sessions in the database, chrome.go puts the frame around
// a page together.
package web

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/verify"
	"keyportal/web/api"
)

// Options are what a Server works with.
type Options struct {
	Manager        *manage.Manager
	Checker        *verify.Checker // for OAuth clients and their access tokens
	BaseURL        *url.URL        // where people reach the portal; https makes cookies Secure
	TrustedProxies []netip.Prefix  // whose X-Forwarded-For is believed
	Log            *slog.Logger
}

// Server is the portal's HTTP handler.
type Server struct {
	Options
	echo     *echo.Echo
	manage   *manage.Manager
	sessions sessions.Store
	origins  *http.CrossOriginProtection
	api      *api.API
	docs     func() []portal.DocsSection // what Swagger Docs shows of the API
}

// New makes a Server.
func New(options Options) *Server {
	s := &Server{Options: options, echo: echo.New(), manage: options.Manager, origins: trustedOrigins(options)}
	s.sessions = &sessionStore{manager: options.Manager, name: s.cookieName(), secure: s.secure()}
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.HTTPErrorHandler = s.answerError
	s.echo.IPExtractor = clientAddress(options.TrustedProxies)
	s.api = api.New(api.Options{Manager: options.Manager, Log: options.Log})
	s.docs = sync.OnceValue(func() []portal.DocsSection { return docsOf(s.api) })
	s.useMiddleware()
	s.addRoutes()
	return s
}

// trustedOrigins lets in forms from the address that people use, also behind a
// proxy that hands on another Host.
func trustedOrigins(options Options) *http.CrossOriginProtection {
	origins := http.NewCrossOriginProtection()
	own := url.URL{Scheme: options.BaseURL.Scheme, Host: options.BaseURL.Host}
	if err := origins.AddTrustedOrigin(own.String()); err != nil {
		options.Log.Error("The base URL is no origin that forms can come from.", "base_url", own.String(), "error", err)
	}
	return origins
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

func (s *Server) secure() bool { return s.BaseURL.Scheme == "https" }

// cookieName binds the session's cookie to this very host where https makes
// that possible (RFC 6265bis, section 4.1.3.2).
func (s *Server) cookieName() string {
	if s.secure() {
		return "__Host-keyportal"
	}
	return "keyportal"
}
