package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// switchOrganization changes the organization that the user is working in, and
// goes back to where they were.
func (s *Server) switchOrganization(c echo.Context) error {
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	organization, err := s.manage.Organization(c.Request().Context(), number(values, "organization_id"))
	if err != nil {
		return err
	}
	if err := s.manage.MoveSession(c.Request().Context(), here.session, organization.ID); err != nil {
		return err
	}
	return s.redirectWith(c, localPath(values.Get("return")), "You are working in "+organization.Name+" now.")
}

func (s *Server) listOrganizations(c echo.Context) error {
	list := listOf(c)
	found, err := s.manage.OrganizationSummaries(c.Request().Context(), list)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "Organizations", page.Organizations{
		Rows: found.Rows, List: viewList(c, list, found.Next),
		CanManage: portal.Can(portal.ActorFrom(c.Request().Context()), portal.ManageOrganizations, 0) == nil, Now: s.manage.Now(),
	}.Render())
}

// showOrganization shows a client at a glance, with its licenses.
func (s *Server) showOrganization(c echo.Context) error {
	id, err := pathID(c, "id", portal.NounOrganization)
	if err != nil {
		return err
	}
	client, err := s.manage.OrganizationDetails(c.Request().Context(), id)
	if err != nil {
		return err
	}
	actor := portal.ActorFrom(c.Request().Context())
	may := func(need portal.Authority) bool { return portal.Can(actor, need, id) == nil }
	return s.render(c, http.StatusOK, client.Name, page.Organization{
		Organization: client.Organization, Allowed: client.Allowed, Figures: client.Figures, Licenses: withInstances(client.Licenses, client.Instances, 0), Here: actor.OrganizationID == id,
		SeesLicenses: may(portal.ViewLicenses), SeesUsers: may(portal.ViewUsers), SeesRequests: may(portal.Requests) || may(portal.DecideRequests),
		SeesKeys: portal.CanUseKeysOf(actor, portal.SeeKey, id, 0) == nil, SeesHistory: may(portal.ViewHistory), SeesOthers: may(portal.ViewOrganizations),
		CanManage: may(portal.ManageOrganizations), CanLicense: may(portal.ManageLicenses), CanSet: may(portal.ManageSettings), Now: s.manage.Now(),
	}.Render())
}

func (s *Server) showNewOrganization(c echo.Context) error {
	return s.renderOrganizationForm(c, http.StatusOK, newForm(c, nil), portal.Organization{})
}

func (s *Server) createOrganization(c echo.Context) error {
	made, err := s.manage.CreateOrganization(c.Request().Context(), organizationInput(c, 0))
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderOrganizationForm(c, status, withError(newForm(c, nil), err), portal.Organization{})
		})
	}
	return s.redirectWith(c, page.OrganizationPath(made.ID), made.Name+" was created. Add its licenses, then its users.")
}

func (s *Server) showOrganizationEdit(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	return s.renderOrganizationForm(c, http.StatusOK, newForm(c, url.Values{
		"name": {organization.Name}, "level": {strconv.FormatInt(organization.LevelID, 10)}, "version": {strconv.FormatInt(organization.Version, 10)},
	}), organization)
}

func (s *Server) updateOrganization(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	in := organizationInput(c, organization.ID)
	if err := s.manage.UpdateOrganization(c.Request().Context(), in); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderOrganizationForm(c, status, withError(newForm(c, nil), err), organization)
		})
	}
	return s.redirectWith(c, page.OrganizationPath(organization.ID), in.Name+" was saved.")
}

func (s *Server) renderOrganizationForm(c echo.Context, status int, form page.Form, organization portal.Organization) error {
	levels, err := s.manage.ClientLevels(c.Request().Context())
	if err != nil {
		return err
	}
	view := page.OrganizationForm{Form: form, Organization: organization, Levels: levels}
	return s.render(c, status, view.Title(), view.Render())
}

func (s *Server) showOrganizationSuspend(c echo.Context) error {
	return s.renderOrganizationSuspend(c, http.StatusOK, nil)
}

func (s *Server) suspendOrganization(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.SuspendOrganization(c.Request().Context(), organization.ID, c.Request().PostForm.Get("confirm")); err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderOrganizationSuspend(c, status, err) })
	}
	return s.redirectWith(c, page.OrganizationPath(organization.ID), organization.Name+" is suspended: its keys are refused from the next check on.")
}

// renderOrganizationSuspend asks before a client is suspended. One that is
// suspended already is shown as it is.
func (s *Server) renderOrganizationSuspend(c echo.Context, status int, refusal error) error {
	id, err := pathID(c, "id", portal.NounOrganization)
	if err != nil {
		return err
	}
	client, err := s.manage.OrganizationDetails(c.Request().Context(), id)
	switch {
	case err != nil:
		return err
	case client.Suspended:
		return s.redirect(c, page.OrganizationPath(id))
	}
	view := page.OrganizationSuspend{Form: withError(page.Form{}, refusal), Organization: client.Organization, Figures: client.Figures, Licenses: client.Licenses, Now: s.manage.Now()}
	return s.render(c, status, "Suspend "+client.Name, view.Render())
}

func (s *Server) reactivateOrganization(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.ReactivateOrganization(c.Request().Context(), organization.ID); err != nil {
		return err
	}
	return s.redirectWith(c, page.OrganizationPath(organization.ID), organization.Name+" is active again: its keys are accepted from the next check on.")
}

func (s *Server) showSettings(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	values := url.Values{"version": {strconv.FormatInt(organization.Version, 10)}}
	if organization.SecretViewing {
		values.Set("secret_viewing", "on")
	}
	if organization.ExpiryRequired {
		values.Set("expiry_required", "on")
	}
	if organization.ExpiryMaxDays > 0 {
		values.Set("expiry_max_days", strconv.Itoa(organization.ExpiryMaxDays))
	}
	return s.renderSettings(c, http.StatusOK, newForm(c, values), organization)
}

func (s *Server) updateSettings(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	in := manage.SettingsInput{
		OrganizationID: organization.ID, Version: number(values, "version"), SecretViewing: checked(values, "secret_viewing"),
		ExpiryRequired: checked(values, "expiry_required"), ExpiryMaxDays: values.Get("expiry_max_days"),
	}
	if err := s.manage.UpdateSettings(c.Request().Context(), in); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderSettings(c, status, withError(newForm(c, nil), err), organization)
		})
	}
	return s.redirectWith(c, page.SettingsPath(organization.ID), "The settings were saved.")
}

func (s *Server) renderSettings(c echo.Context, status int, form page.Form, organization portal.Organization) error {
	actor := portal.ActorFrom(c.Request().Context())
	if err := portal.Can(actor, portal.ManageSettings, organization.ID); err != nil {
		return err
	}
	view := page.OrganizationSettings{Form: form, Organization: organization, SeesOrganization: portal.CanSeeLicenses(actor, organization.ID) == nil}
	return s.render(c, status, "Settings", view.Render())
}

func (s *Server) organizationOf(c echo.Context) (portal.Organization, error) {
	id, err := pathID(c, "id", portal.NounOrganization)
	if err != nil {
		return portal.Organization{}, err
	}
	return s.manage.Organization(c.Request().Context(), id)
}

func organizationInput(c echo.Context, id int64) manage.OrganizationInput {
	values := c.Request().PostForm
	return manage.OrganizationInput{
		ID: id, Version: number(values, "version"), Submission: submissionOf(values),
		Name: values.Get("name"), LevelID: number(values, "level"),
	}
}

// renderNoOrganization shows the way into an organization in place of a page that
// needs one.
func (s *Server) renderNoOrganization(c echo.Context, status int, title string) error {
	view, err := s.noOrganization(c)
	if err != nil {
		return err
	}
	view.Title = title
	return s.render(c, status, title, view.Render())
}

func (s *Server) noOrganization(c echo.Context) (page.NoOrganization, error) {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	mine, err := s.manage.MyOrganizations(ctx, 1)
	return page.NoOrganization{
		Choice:  len(mine) > 0,
		SeesAll: portal.Can(actor, portal.ViewOrganizations, 0) == nil, CanCreate: portal.Can(actor, portal.ManageOrganizations, 0) == nil,
	}, err
}
