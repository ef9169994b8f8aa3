package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
)

// access is what a route needs. The strictest is the default: a route without
// one does not compile.
type access struct {
	public bool
	anyOf  []portal.Authority // one of these, in any organization; none: being signed in is enough
}

var (
	public   = access{public: true}
	signedIn = access{}
)

// needs lets in who holds one of the authorities somewhere. Whether they hold it
// for the thing that the request is about is decided by package manage.
func needs(anyOf ...portal.Authority) access { return access{anyOf: anyOf} }

// opensTo tells whether the actor holds what is needed in the organization that they are
// working in.
func (a access) opensTo(actor portal.Actor) bool {
	holds := func(need portal.Authority) bool { return actor.Holds(need, actor.OrganizationID) }
	return len(a.anyOf) == 0 || slices.ContainsFunc(a.anyOf, holds)
}

// guard lets a request through to its handler when the route's access allows,
// with the actor in its context.
func (s *Server) guard(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		here, reason, err := s.visitOf(c)
		if err != nil {
			return err
		}
		actor := portal.Actor{}
		if here != nil {
			actor = here.actor
		}
		actor.Address = c.RealIP()
		c.SetRequest(c.Request().WithContext(portal.WithActor(c.Request().Context(), actor)))
		if r.access.public {
			return r.handler(s, c)
		}
		if here == nil {
			return s.askToLogIn(c, r, reason)
		}
		if err := portal.CanAnywhere(actor, r.access.anyOf...); err != nil {
			return err
		}
		if here.user.PasswordExpired && !strings.HasPrefix(r.path, "/profile/password") && r.path != "/logout" {
			return s.askForPassword(c, r)
		}
		return r.handler(s, c)
	}
}

// askToLogIn shows the Log In page in place of a page that needs it. What was
// typed into a form that was sent meanwhile comes back with the form's page
// afterwards, except passwords.
func (s *Server) askToLogIn(c echo.Context, r route, reason string) error {
	if c.Request().Method != http.MethodPost {
		return s.goBy(c, "/login")
	}
	if reason == "" {
		reason = "Log in to go on."
	}
	if r.form != "" && !readsOwnForm(c) {
		reason += " What you typed is kept: nothing was sent yet."
	}
	return s.renderLogin(c, http.StatusUnauthorized, loginForm{next: formAgain(c, r), notice: reason})
}

// askForPassword lets somebody whose password has expired choose a new one in
// place of the page that was asked for, which comes back afterwards as in
// askToLogIn.
func (s *Server) askForPassword(c echo.Context, r route) error {
	if c.Request().Method != http.MethodPost {
		return s.goBy(c, "/profile/password")
	}
	return s.renderPasswordChange(c, http.StatusForbidden, nextForm(formAgain(c, r)))
}

// goBy leads to the page that was asked for by way of another one.
func (s *Server) goBy(c echo.Context, path string) error {
	back := localPath(c.Request().URL.RequestURI())
	address := path + "?" + url.Values{"next": {back}}.Encode()
	if c.Request().Header.Get("HX-Request") != "" {
		c.Response().Header().Set("HX-Redirect", address)
		return c.NoContent(http.StatusUnauthorized)
	}
	return s.redirect(c, address)
}

// formAgain gives the address of the page of a form that was sent, with what was
// typed into it; "/" when it has none.
func formAgain(c echo.Context, r route) string {
	switch {
	case r.form == "":
		return "/"
	case readsOwnForm(c):
		return r.form // what was sent is too large for an address, and was not read
	}
	return fillPath(c, r.form) + "?" + keepTyped(c.Request().PostForm).Encode()
}

func keepTyped(form url.Values) url.Values {
	kept := url.Values{}
	for name, values := range form {
		switch name {
		case "password", "repeat", "current", "confirm":
		default:
			kept[name] = values
		}
	}
	return kept
}

// fillPath puts the request's path parameters into another route's path.
func fillPath(c echo.Context, path string) string {
	for _, name := range c.ParamNames() {
		path = strings.ReplaceAll(path, ":"+name, url.PathEscape(c.Param(name)))
	}
	return path
}

// localPath gives an address of this portal as it is, and "/" for any other: a
// Log In page must not send people elsewhere.
func localPath(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.IsAbs() || parsed.Host != "" || !strings.HasPrefix(parsed.Path, "/") ||
		strings.HasPrefix(parsed.Path, "//") || strings.ContainsAny(address, "\\\r\n\t") {
		return "/"
	}
	return address
}
