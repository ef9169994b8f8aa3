package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

func (s *Server) showSetup(c echo.Context) error {
	if err := s.manage.CheckSetupLink(c.Request().Context(), c.Param("token")); err != nil {
		return err
	}
	return s.renderPlain(c, http.StatusOK, "Set up Key Portal", page.Setup(page.Form{Values: url.Values{}}))
}

func (s *Server) setUp(c echo.Context) error {
	values := c.Request().PostForm
	in := manage.FirstAdmin{
		Username: values.Get("username"), FirstName: values.Get("first_name"), LastName: values.Get("last_name"),
		Email: values.Get("email"), Password: values.Get("password"), Organization: values.Get("organization"),
	}
	err := repeated(values)
	if err == nil {
		_, err = s.manage.SetUp(c.Request().Context(), c.Param("token"), in)
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderPlain(c, status, "Set up Key Portal", page.Setup(withError(page.Form{Values: keepTyped(values)}, err)))
		})
	}
	return s.renderLogin(c, http.StatusOK, loginForm{next: "/", notice: "Key Portal is set up. Log in with the account that you made."})
}

// repeated checks that a new password was typed twice alike.
func repeated(values url.Values) error {
	var invalid portal.Invalid
	invalid.Check(values.Get("password") == values.Get("repeat"), "repeat", "The two passwords differ. Type them again.")
	return invalid.Err()
}
