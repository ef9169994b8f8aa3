package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// onTab makes the handler of a tab of Integrations, which belongs to System setup in the
// navigation.
func onTab(tab page.IntegrationTab, handle func(*Server, echo.Context, page.IntegrationTab) error) handler {
	return func(s *Server, c echo.Context) error {
		standIn(c, page.SystemSetupPath)
		return handle(s, c, tab)
	}
}

// listIntegrations lists the key pairs of a tab, without those that were deleted unless
// they are asked for.
func (s *Server) listIntegrations(c echo.Context, tab page.IntegrationTab) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	if actor.OrganizationID == 0 {
		return s.renderNoOrganization(c, http.StatusOK, page.IntegrationsTitle)
	}
	filter, err := s.keyFilter(c, nil)
	if err != nil {
		return err
	}
	filter.Kind, filter.DataLoader, filter.Live = portal.PairKey, &tab.DataLoader, filter.State != portal.KeyRevoked
	found, err := s.manage.Keys(ctx, filter)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, page.IntegrationsTitle, page.Integrations{
		Tab: tab, Rows: keyRows(actor, found.Rows), List: viewList(c, filter.List, found.Next),
		CanGenerate: canGenerate(actor), Now: s.manage.Now(),
	}.Render())
}

// canGenerate tells whether the actor may make keys for somebody in the organization that
// they are working in.
func canGenerate(actor portal.Actor) bool {
	return portal.CanUseKeysOf(actor, portal.ChangeKey, actor.OrganizationID, actor.UserID) == nil
}

// showNewIntegration begins with oneself as the mapped user, all API sets and, for the
// Data Loader, its name and a year.
func (s *Server) showNewIntegration(c echo.Context, tab page.IntegrationTab) error {
	return s.renderNewIntegration(c, http.StatusOK, newForm(c, nil), tab)
}

// createIntegration makes a key pair and shows its Security Key in this very response,
// the only one that has it unless secrets may be viewed again.
func (s *Server) createIntegration(c echo.Context, tab page.IntegrationTab) error {
	in, err := s.newKey(c)
	in.Kind, in.DataLoader = portal.PairKey, tab.DataLoader
	made, err := s.generate(c, in, err)
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderNewIntegration(c, status, withError(newForm(c, nil), err), tab)
		})
	}
	if made.Again {
		return s.redirectWith(c, page.KeyPath(made.ID), "This form was sent before: the key was made once. If its Security Key was not saved, rotate it.")
	}
	return s.renderSavedKey(c, made, tab.Path)
}

func (s *Server) renderNewIntegration(c echo.Context, status int, form page.Form, tab page.IntegrationTab) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	if actor.OrganizationID == 0 {
		return s.renderNoOrganization(c, status, tab.NewTitle())
	}
	organization, err := s.manage.Organization(ctx, actor.OrganizationID)
	if err != nil {
		return err
	}
	view := page.NewIntegration{
		Tab: tab, Form: form, Expiry: s.expiryChoice(organization), OnlySelf: portal.Can(actor, portal.ManageAPIKeys, organization.ID) != nil,
		AllowsImpersonation: allowsImpersonation(actor),
	}
	s.beginIntegration(actor, view)
	user := number(form.Values, "user")
	if view.Users, err = s.mappedUsers(c, organization.ID, form, tab.Path+"/new"); err != nil {
		return err
	}
	view.Users.OffersAPISets = true
	if view.Offered, err = s.manage.OfferedAPISets(ctx, organization.ID, user); err != nil {
		return err
	}
	if status == http.StatusOK && !form.Values.Has("api_set") {
		form.Values["api_set"] = portal.Slugs(view.Offered)
	}
	if view.Applications, err = s.applicationNames(c, organization.ID); err != nil {
		return err
	}
	return s.render(c, status, tab.NewTitle(), view.Render())
}

// beginIntegration fills in what a form that is opened begins with.
func (s *Server) beginIntegration(actor portal.Actor, view page.NewIntegration) {
	values := view.Form.Values
	if number(values, "user") <= 0 && actor.Member(actor.OrganizationID) {
		values.Set("user", strconv.FormatInt(actor.UserID, 10))
	}
	values.Set("organization", strconv.FormatInt(actor.OrganizationID, 10))
	if view.Tab.DataLoader && !values.Has("name") {
		values.Set("name", portal.DataLoader)
	}
	if view.Tab.DataLoader && !values.Has("expiry") {
		values.Set("expiry", view.Expiry.LongestPreset())
	}
}

// applicationNames gives the names of the applications that are in use.
func (s *Server) applicationNames(c echo.Context, organization int64) (names []string, err error) {
	applications, err := s.manage.Applications(c.Request().Context(), organization)
	for _, application := range applications {
		if !application.Retired() {
			names = append(names, application.Name)
		}
	}
	return names, err
}
