package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"keyportal/templates/page"
)

func (s *Server) showPasswordLink(c echo.Context) error {
	return s.renderPasswordLink(c, http.StatusOK, page.Form{Values: url.Values{}})
}

func (s *Server) renderPasswordLink(c echo.Context, status int, form page.Form) error {
	user, err := s.manage.PasswordLinkUser(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	return s.renderPlain(c, status, "Set your password", page.PasswordLink(form, user.Username))
}

func (s *Server) setPassword(c echo.Context) error {
	values := c.Request().PostForm
	err := repeated(values)
	if err == nil {
		_, err = s.manage.SetPassword(c.Request().Context(), c.Param("token"), values.Get("password"))
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderPasswordLink(c, status, withError(page.Form{Values: url.Values{}}, err))
		})
	}
	return s.renderLogin(c, http.StatusOK, loginForm{next: "/", notice: "Your password is set. Log in with it."})
}

func (s *Server) showPasswordChange(c echo.Context) error {
	return s.renderPasswordChange(c, http.StatusOK, nextForm(c.QueryParam("next")))
}

// nextForm is a form without what was typed, which leads on to an address.
func nextForm(next string) page.Form { return page.Form{Values: url.Values{"next": {next}}} }

func (s *Server) renderPasswordChange(c echo.Context, status int, form page.Form) error {
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	return s.render(c, status, "Change password", page.PasswordChange(form, here.user.PasswordExpired))
}

func (s *Server) changePassword(c echo.Context) error {
	values := c.Request().PostForm
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	form := nextForm(values.Get("next"))
	if err := repeated(values); err != nil {
		return s.renderPasswordChange(c, http.StatusUnprocessableEntity, withError(form, err))
	}
	session := here.session
	session.Flash = "Your password is changed. Your other sessions have ended."
	token, err := s.manage.ChangePassword(c.Request().Context(), session, values.Get("current"), values.Get("password"))
	if err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderPasswordChange(c, status, withError(form, err)) })
	}
	if err := s.startSession(c, token.Reveal()); err != nil {
		return err
	}
	if next := values.Get("next"); next != "" {
		return s.redirect(c, localPath(next))
	}
	return s.redirect(c, securityPath)
}
