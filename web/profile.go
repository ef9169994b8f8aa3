package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
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
	return s.render(c, http.StatusOK, "Edit Profile", page.Profile{
		User: user.User, Memberships: user.Memberships, Now: s.manage.Now(),
		CanSeeKeys: portal.CanUseKeysOf(here.actor, portal.SeeKey, here.session.OrganizationID, here.user.ID) == nil,
	}.Render())
}
