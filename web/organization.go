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
	found, err := s.manage.Organizations(c.Request().Context(), list)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "Organizations", page.Organizations{
		Rows: found.Rows, List: viewList(c, list, found.Next),
		CanCreate: portal.Can(portal.ActorFrom(c.Request().Context()), portal.ManageOrganizations, 0) == nil,
	}.Render())
}

func (s *Server) showNewOrganization(c echo.Context) error {
	return s.renderOrganizationForm(c, http.StatusOK, newForm(c, nil), 0)
}

func (s *Server) createOrganization(c echo.Context) error {
	made, err := s.manage.CreateOrganization(c.Request().Context(), organizationInput(c, 0))
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderOrganizationForm(c, status, withError(newForm(c, nil), err), 0)
		})
	}
	return s.redirectWith(c, "/organizations", made.Name+" was created.")
}

func (s *Server) showOrganizationEdit(c echo.Context) error {
	id, err := pathID(c, "id", portal.NounOrganization)
	if err != nil {
		return err
	}
	organization, err := s.manage.Organization(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return s.renderOrganizationForm(c, http.StatusOK, newForm(c, url.Values{
		"name": {organization.Name}, "level": {strconv.FormatInt(organization.LevelID, 10)}, "version": {strconv.FormatInt(organization.Version, 10)},
	}), id)
}

func (s *Server) updateOrganization(c echo.Context) error {
	id, err := pathID(c, "id", portal.NounOrganization)
	if err != nil {
		return err
	}
	in := organizationInput(c, id)
	if err := s.manage.UpdateOrganization(c.Request().Context(), in); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderOrganizationForm(c, status, withError(newForm(c, nil), err), id)
		})
	}
	return s.redirectWith(c, "/organizations", in.Name+" was saved.")
}

func (s *Server) renderOrganizationForm(c echo.Context, status int, form page.Form, id int64) error {
	levels, err := s.manage.ClientLevels(c.Request().Context())
	if err != nil {
		return err
	}
	view := page.OrganizationForm{Form: form, ID: id, Levels: levels}
	return s.render(c, status, view.Title(), view.Render())
}

func organizationInput(c echo.Context, id int64) manage.OrganizationInput {
	values := c.Request().PostForm
	return manage.OrganizationInput{
		ID: id, Version: number(values, "version"), Submission: values.Get("submission"),
		Name: values.Get("name"), LevelID: number(values, "level"),
	}
}
