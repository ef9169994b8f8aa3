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

func (s *Server) listRoles(c echo.Context) error {
	actor := portal.ActorFrom(c.Request().Context())
	roles, err := s.manage.Roles(c.Request().Context(), actor.OrganizationID)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "Roles", page.Roles{
		Rows: roles, CanCreate: portal.Can(actor, portal.ManageRoles, actor.OrganizationID) == nil,
	}.Render())
}

func (s *Server) showRole(c echo.Context) error {
	role, err := s.roleOf(c)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, role.Name, page.Role{Role: role, CanChange: s.canChangeRole(c, role)}.Render())
}

func (s *Server) canChangeRole(c echo.Context, role portal.Role) bool {
	actor := portal.ActorFrom(c.Request().Context())
	need := portal.ManageRoles
	if role.OrganizationID == 0 {
		need = portal.ManageOrganizations
	}
	return !role.BuiltIn && portal.Can(actor, need, role.OrganizationID) == nil
}

func (s *Server) showNewRole(c echo.Context) error {
	return s.renderRoleForm(c, http.StatusOK, newForm(c, nil), portal.Role{OrganizationID: portal.ActorFrom(c.Request().Context()).OrganizationID})
}

func (s *Server) createRole(c echo.Context) error {
	role := portal.Role{OrganizationID: portal.ActorFrom(c.Request().Context()).OrganizationID}
	all := c.Request().PostForm.Get("scope") == "all"
	if role.OrganizationID == 0 && !all {
		refusal := portal.Conflict("You are working in no organization, so the role would be for every organization: tick that, or choose an organization at the top of the page first.")
		return s.renderRoleForm(c, http.StatusConflict, withError(newForm(c, nil), refusal), role)
	}
	if all {
		role.OrganizationID = 0
	}
	made, err := s.manage.CreateRole(c.Request().Context(), roleInput(c, role))
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderRoleForm(c, status, withError(newForm(c, nil), err), role)
		})
	}
	return s.redirectWith(c, page.RolePath(made.ID), "The role "+made.Name+" was created.")
}

func (s *Server) showRoleEdit(c echo.Context) error {
	role, err := s.roleOf(c)
	if err != nil {
		return err
	}
	initial := url.Values{"name": {role.Name}, "description": {role.Description}, "version": {strconv.FormatInt(role.Version, 10)}, "api_set": portal.Slugs(role.APISets)}
	for _, authority := range role.Authorities {
		initial.Add("authority", string(authority))
	}
	return s.renderRoleForm(c, http.StatusOK, newForm(c, initial), role)
}

func (s *Server) updateRole(c echo.Context) error {
	role, err := s.roleOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.UpdateRole(c.Request().Context(), roleInput(c, role)); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderRoleForm(c, status, withError(newForm(c, nil), err), role)
		})
	}
	return s.redirectWith(c, page.RolePath(role.ID), "The role was saved. Its holders have what it allows now.")
}

func (s *Server) showRoleDelete(c echo.Context) error {
	return s.renderRoleDelete(c, http.StatusOK, nil)
}

func (s *Server) deleteRole(c echo.Context) error {
	role, err := s.roleOf(c)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	if err := s.manage.DeleteRole(c.Request().Context(), role.ID, number(values, "version"), values.Get("confirm")); err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderRoleDelete(c, status, err) })
	}
	return s.redirectWith(c, "/roles", "The role "+role.Name+" was deleted.")
}

func (s *Server) renderRoleDelete(c echo.Context, status int, refusal error) error {
	role, err := s.roleOf(c)
	if err != nil {
		return err
	}
	form := withError(newForm(c, url.Values{"version": {strconv.FormatInt(role.Version, 10)}}), refusal)
	return s.render(c, status, "Delete "+role.Name, page.RoleDelete{Form: form, Role: role}.Render())
}

// renderRoleForm offers the authorities and API sets that the viewer holds, and
// those that the role has already.
func (s *Server) renderRoleForm(c echo.Context, status int, form page.Form, role portal.Role) error {
	actor := portal.ActorFrom(c.Request().Context())
	sets, err := s.manage.APISets(c.Request().Context())
	if err != nil {
		return err
	}
	view := page.RoleForm{Form: form, Role: role, Authorities: portal.AssignableAuthorities(),
		CanShare: role.ID == 0 && portal.Can(actor, portal.ManageOrganizations, 0) == nil,
		Grantable: func(authority portal.Authority) bool {
			return portal.CanGrant(actor, role.OrganizationID, []portal.Authority{authority}, nil) == nil
		},
	}
	for _, set := range sets {
		if form.Has("api_set", set.Slug) || !set.Retired() && portal.CanGrant(actor, role.OrganizationID, nil, []portal.APISet{set}) == nil {
			view.APISets = append(view.APISets, set)
		}
	}
	return s.render(c, status, view.Title(), view.Render())
}

func (s *Server) roleOf(c echo.Context) (portal.Role, error) {
	id, err := pathID(c, "id", portal.NounRole)
	if err != nil {
		return portal.Role{}, err
	}
	return s.manage.Role(c.Request().Context(), id)
}

func roleInput(c echo.Context, role portal.Role) manage.RoleInput {
	values := c.Request().PostForm
	in := manage.RoleInput{
		ID: role.ID, Version: number(values, "version"), Submission: submissionOf(values), OrganizationID: role.OrganizationID,
		Name: values.Get("name"), Description: values.Get("description"), APISets: values["api_set"],
	}
	for _, authority := range values["authority"] {
		in.Authorities = append(in.Authorities, portal.Authority(authority))
	}
	return in
}
