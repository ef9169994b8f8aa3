package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/internal/verify"
	"keyportal/web/api"
)

// isAPI tells whether a request is for the REST API.
func isAPI(r *http.Request) bool {
	return r.URL.Path == api.Prefix || strings.HasPrefix(r.URL.Path, api.Prefix+"/")
}

// serveAPI answers a request to the REST API, as whoever the request comes from: who
// sends a key, or the session of a browser.
func (s *Server) serveAPI(c echo.Context) error {
	actor, err := s.apiActor(c)
	if err != nil {
		return err
	}
	actor.Address = c.RealIP()
	c.SetRequest(c.Request().WithContext(portal.WithActor(c.Request().Context(), actor)))
	s.api.ServeHTTP(c.Response(), c.Request())
	return nil
}

func (s *Server) apiActor(c echo.Context) (portal.Actor, error) {
	question := verify.Sent(c.Request().Header)
	if question.Credential != "" || question.AccessKey != "" || question.SecurityKey != "" {
		return s.keyActor(c, question)
	}
	return s.sessionActor(c)
}

// keyActor gives who acts through a key that may use the API.
func (s *Server) keyActor(c echo.Context, question verify.Request) (portal.Actor, error) {
	ctx := c.Request().Context()
	question.APISet, question.ClientIP, question.Impersonate = portal.PortalAPI, addressOf(c), c.Request().Header.Values(verify.ImpersonateHeader)
	decision, err := s.Checker.Check(ctx, question)
	if err != nil {
		return portal.Actor{}, portal.Unavailable("The key could not be checked now. Try again in a moment.", err)
	}
	if !decision.Valid() {
		return portal.Actor{}, api.Refusal(decision.Code, decision.Message)
	}
	return s.manage.KeyActor(ctx, decision.Subject)
}

// sessionActor gives who is signed in to the portal in the browser that asks; nobody
// when none is. The API opens to pages of the portal's own alone: a cookie comes along
// with what other sites ask for too.
func (s *Server) sessionActor(c echo.Context) (portal.Actor, error) {
	here, reason, err := s.visitOf(c)
	if err != nil {
		return portal.Actor{}, err
	}
	if here == nil {
		if reason != "" {
			return portal.Actor{}, portal.Unauthenticated(reason)
		}
		return portal.Actor{}, nil
	}
	if site := c.Request().Header.Get("Sec-Fetch-Site"); !slices.Contains([]string{"", "none", "same-origin"}, site) {
		return portal.Actor{}, portal.Denied("Another site asked for this with the session of your browser. Use an API key outside the portal.")
	}
	if here.user.PasswordExpired {
		return portal.Actor{}, portal.Denied("Your password has expired. Log in to the portal and choose a new one first.")
	}
	return here.actor, nil
}
