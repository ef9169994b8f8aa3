package web

import (
	"bytes"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/mileusna/useragent"

	"keyportal/internal/portal"
	"keyportal/templates/page"
)

const securityPath = "/profile/security"

func (s *Server) showSecurity(c echo.Context) error {
	ctx := c.Request().Context()
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	list := portal.List{After: c.QueryParam("after")}
	found, err := s.manage.MyKeys(ctx, list)
	if err != nil {
		return err
	}
	sessions, err := s.manage.Sessions(ctx)
	if err != nil {
		return err
	}
	actor := here.actor
	view := page.Security{
		Rows: myKeyRows(actor, found.Rows), List: viewList(c, list, found.Next), Back: c.Request().URL.RequestURI(), CanGenerate: canGenerateOwn(actor),
		CanRequest: portal.CanRequestKeys(actor, actor.OrganizationID) == nil, Sessions: sessionRows(sessions, here.session), Now: s.manage.Now(),
	}
	if actor.Member(actor.OrganizationID) {
		if view.Ask, err = s.organizationName(ctx, actor.OrganizationID); err != nil {
			return err
		}
	}
	return s.render(c, http.StatusOK, "Edit Profile", view.Render())
}

// canGenerateOwn tells whether the actor may generate keys for themselves where they
// are working.
func canGenerateOwn(actor portal.Actor) bool {
	return actor.Member(actor.OrganizationID) && portal.CanUseKeysOf(actor, portal.ChangeKey, actor.OrganizationID, actor.UserID) == nil
}

// myKeyRows makes the lines of the actor's own keys, which name their organizations
// when there are several.
func myKeyRows(actor portal.Actor, keys []portal.Key) []page.KeyRow {
	rows := keyRows(actor, keys)
	for i := range rows {
		rows[i].Own = true
		if len(actor.Grants) > 1 {
			rows[i].Where = rows[i].OrganizationName
		}
	}
	return rows
}

func sessionRows(sessions []portal.Session, present portal.Session) []page.SessionRow {
	rows := make([]page.SessionRow, len(sessions))
	for i, session := range sessions {
		rows[i] = page.SessionRow{Session: session, Device: deviceOf(session.UserAgent), Present: bytes.Equal(session.Hash, present.Hash)}
	}
	return rows
}

// deviceOf says in words which browser sent a User-Agent, and on what; empty when it
// can't be told.
func deviceOf(userAgent string) string {
	parsed := useragent.Parse(userAgent)
	switch {
	case parsed.IsUnknown():
		return ""
	case parsed.OS == "":
		return parsed.Name
	}
	return parsed.Name + " on " + parsed.OS
}

// endOneSession ends another of the viewer's own sessions.
func (s *Server) endOneSession(c echo.Context) error {
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.EndSession(c.Request().Context(), here.session, c.Request().PostForm.Get("session")); err != nil {
		return err
	}
	return s.redirectWith(c, securityPath, "The session has ended: that browser is logged out.")
}

func (s *Server) endOtherSessions(c echo.Context) error {
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.EndOtherSessions(c.Request().Context(), here.session); err != nil {
		return err
	}
	return s.redirectWith(c, securityPath, "All your other sessions have ended. This one goes on.")
}

// acknowledgeKeys takes the notice of keys that others made away. Its form says which
// keys the notice named, and when the latest of them was mapped.
func (s *Server) acknowledgeKeys(c echo.Context) error {
	values := c.Request().PostForm
	until, err := time.Parse(time.RFC3339Nano, values.Get("until"))
	if err != nil { // nothing that the notice sent: nothing was seen
		return s.redirect(c, "/")
	}
	if err := s.manage.AcknowledgeKeys(c.Request().Context(), numbers(values, "key"), until); err != nil {
		return err
	}
	return s.redirect(c, "/")
}
