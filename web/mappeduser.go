package web

import (
	"github.com/labstack/echo/v4"

	"keyportal/templates/page"
)

// mappedUsers offers the users of an organization whom a key can be mapped to: those
// whom the form searches for, and the one that is chosen in it.
func (s *Server) mappedUsers(c echo.Context, organization int64, form page.Form, address string) (offered page.MappedUsers, err error) {
	offered.Form = address
	offered.Users, offered.More, err = s.manage.KeyUsers(c.Request().Context(), organization, number(form.Values, "user"), form.Get("user_search"))
	return offered, err
}
