package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// listImpersonation lists the keys of all organizations that can impersonate, without
// those that were revoked unless they are asked for.
func (s *Server) listImpersonation(c echo.Context) error {
	ctx := c.Request().Context()
	state := portal.KeyState(c.QueryParam("state"))
	filter := portal.KeyFilter{List: listOf(c), CanImpersonate: true, State: state, Live: state != portal.KeyRevoked}
	found, err := s.manage.Keys(ctx, filter)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, page.ImpersonationTitle, page.Impersonation{
		Rows: keyRows(portal.ActorFrom(ctx), found.Rows), List: viewList(c, filter.List, found.Next), Now: s.manage.Now(),
	}.Render())
}

// allowsImpersonation tells whether the actor may let a new key impersonate other users.
func allowsImpersonation(actor portal.Actor) bool {
	return portal.Can(actor, portal.AllowImpersonation, 0) == nil
}
