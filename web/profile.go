package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"keyportal/templates/page"
)

func (s *Server) showProfile(c echo.Context) error {
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	user, err := s.manage.User(c.Request().Context(), here.user.ID)
	if err != nil {
		return err
	}
	view := page.Profile{User: user.User, Memberships: user.Memberships, Now: s.manage.Now()}
	return s.render(c, http.StatusOK, "Edit Profile", view.Render())
}
