package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/templates/page"
)

// loginForm is how the Log In page begins.
type loginForm struct {
	form   page.Form
	next   string // where to go afterwards
	notice string // why it is shown
}

func (s *Server) showLogin(c echo.Context) error {
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	next := localPath(c.QueryParam("next"))
	if here != nil {
		return s.redirect(c, next)
	}
	return s.renderLogin(c, http.StatusOK, loginForm{next: next})
}

func (s *Server) renderLogin(c echo.Context, status int, l loginForm) error {
	if l.form.Values == nil {
		l.form.Values = url.Values{}
	}
	return s.renderPlain(c, status, "Log In", page.Login(l.form, l.next, l.notice))
}

func (s *Server) logIn(c echo.Context) error {
	values := c.Request().PostForm
	token, err := s.manage.SignIn(c.Request().Context(), manage.SignIn{
		Instance: values.Get("instance"), Username: values.Get("username"), Password: values.Get("password"),
		Address: c.RealIP(), UserAgent: c.Request().UserAgent(),
	})
	next := localPath(values.Get("next"))
	if err != nil {
		status, message := s.explain(err)
		if status == http.StatusInternalServerError {
			return err
		}
		s.setRetryAfter(c, err)
		values.Del("password")
		return s.renderLogin(c, status, loginForm{form: page.Form{Values: values, Message: message}, next: next})
	}
	if err := s.endEarlierSession(c); err != nil {
		return err
	}
	if err := s.startSession(c, token.Reveal()); err != nil {
		return err
	}
	return s.redirect(c, next)
}

// endEarlierSession ends the session that the browser still has when it gets
// another.
func (s *Server) endEarlierSession(c echo.Context) error {
	session, err := s.sessions.Get(c.Request(), s.cookieName())
	if err != nil || session.IsNew {
		return err
	}
	return s.manage.SignOut(c.Request().Context(), session.ID)
}

func (s *Server) logOut(c echo.Context) error {
	if err := s.endSession(c); err != nil {
		return err
	}
	return s.redirect(c, "/login")
}
