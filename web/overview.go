package web

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

func (s *Server) showOverview(c echo.Context) error {
	ctx := c.Request().Context()
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	view := page.Overview{Greeting: here.user.FirstName, Now: s.manage.Now()}
	if view.Greeting == "" {
		view.Greeting = here.user.Username
	}
	organization := here.session.OrganizationID
	if organization != 0 {
		if view.Organization, err = s.manage.Organization(ctx, organization); err != nil {
			return err
		}
	} else if view.NoOrganization, err = s.noOrganization(c); err != nil {
		return err
	}
	if view.Deliveries, err = s.manage.Deliveries(ctx); err != nil {
		return err
	}
	view.Decides = portal.Can(here.actor, portal.DecideRequests, 0) == nil
	if view.Decides || organization != 0 {
		if view.Waiting, err = s.manage.RequestsWaiting(ctx, organization); err != nil {
			return err
		}
	}
	if portal.Can(here.actor, portal.ViewLicenses, organization) == nil {
		if view.Licenses, err = s.manage.Licenses(ctx, organization); err != nil {
			return err
		}
	}
	if view.Untold, err = s.manage.KeysMappedToMe(ctx); err != nil {
		return err
	}
	view.CanGenerate = canGenerateOwn(here.actor)
	view.Mine = !seesAllKeys(here.actor)
	if organization != 0 && (!view.Mine || here.actor.Member(organization)) {
		if view.Live, view.Expiring, err = s.manage.KeyCounts(ctx, organization, view.Mine); err != nil {
			return err
		}
		if view.ExpiringKeys, err = s.expiringKeys(ctx, view.Mine); err != nil {
			return err
		}
	}
	return s.render(c, http.StatusOK, "Overview", view.Render())
}

const expiringShown = 5 // on the overview

// expiringKeys lists the keys that expire next in the organization that one is working
// in: one's own, or all.
func (s *Server) expiringKeys(ctx context.Context, mine bool) ([]page.KeyRow, error) {
	actor := portal.ActorFrom(ctx)
	filter := portal.KeyFilter{
		OrganizationID: actor.OrganizationID, ExpiresBefore: s.manage.Now().Add(manage.ExpiringSoon),
		List: portal.List{Sort: portal.Sort{By: "expires"}, Limit: expiringShown},
	}
	if mine {
		filter.UserID = actor.UserID
	}
	found, err := s.manage.Keys(ctx, filter)
	return keyRows(actor, found.Rows), err
}
