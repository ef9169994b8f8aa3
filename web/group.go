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

func (s *Server) listGroups(c echo.Context) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	if actor.OrganizationID == 0 {
		return s.renderNoOrganization(c, http.StatusOK, "Groups")
	}
	groups, err := s.manage.Groups(ctx, actor.OrganizationID)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "Groups", page.Groups{
		Rows: groups, CanCreate: portal.Can(actor, portal.ManageUsers, actor.OrganizationID) == nil,
	}.Render())
}

func (s *Server) showGroup(c echo.Context) error {
	group, err := s.groupOf(c)
	if err != nil {
		return err
	}
	may := func(need portal.Authority) bool {
		return portal.Can(portal.ActorFrom(c.Request().Context()), need, group.OrganizationID) == nil
	}
	return s.render(c, http.StatusOK, group.Name, page.Group{
		Group: group.Group, Members: group.Members,
		CanChange: may(portal.ManageUsers), SeesRoles: may(portal.ViewRoles), SeesUsers: may(portal.ViewUsers),
	}.Render())
}

func (s *Server) showNewGroup(c echo.Context) error {
	return s.renderGroupForm(c, http.StatusOK, newForm(c, nil), newGroup(c))
}

func (s *Server) createGroup(c echo.Context) error {
	group := newGroup(c)
	made, err := s.manage.CreateGroup(c.Request().Context(), groupInput(c, group))
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderGroupForm(c, status, withError(newForm(c, nil), err), group)
		})
	}
	return s.redirectWith(c, page.GroupPath(made.ID), "The group "+made.Name+" was created.")
}

func (s *Server) showGroupEdit(c echo.Context) error {
	group, err := s.groupOf(c)
	if err != nil {
		return err
	}
	initial := url.Values{"name": {group.Name}, "description": {group.Description}, "version": {strconv.FormatInt(group.Version, 10)}}
	for _, role := range group.Roles {
		initial.Add("role", strconv.FormatInt(role.ID, 10))
	}
	for _, user := range group.Members {
		initial.Add("member", strconv.FormatInt(user.ID, 10))
	}
	return s.renderGroupForm(c, http.StatusOK, newForm(c, initial), group)
}

func (s *Server) updateGroup(c echo.Context) error {
	group, err := s.groupOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.UpdateGroup(c.Request().Context(), groupInput(c, group)); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderGroupForm(c, status, withError(newForm(c, nil), err), group)
		})
	}
	return s.redirectWith(c, page.GroupPath(group.ID), "The group was saved. Its members have what it gives now.")
}

func (s *Server) showGroupDelete(c echo.Context) error {
	return s.renderGroupDelete(c, http.StatusOK, nil)
}

func (s *Server) deleteGroup(c echo.Context) error {
	group, err := s.groupOf(c)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	if err := s.manage.DeleteGroup(c.Request().Context(), group.ID, number(values, "version"), values.Get("confirm")); err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderGroupDelete(c, status, err) })
	}
	return s.redirectWith(c, page.GroupsPath, "The group "+group.Name+" was deleted.")
}

func (s *Server) renderGroupDelete(c echo.Context, status int, refusal error) error {
	group, err := s.groupOf(c)
	if err != nil {
		return err
	}
	actor := portal.ActorFrom(c.Request().Context())
	if err := portal.Can(actor, portal.ManageUsers, group.OrganizationID); err != nil {
		return err
	}
	view := page.GroupDelete{
		Form:  withError(newForm(c, url.Values{"version": {strconv.FormatInt(group.Version, 10)}}), refusal),
		Group: group.Group, Refusal: messageOf(portal.CanMove(actor, group.Group, group.Members...)),
	}
	return s.render(c, status, "Delete "+group.Name, view.Render())
}

// renderGroupForm offers the roles that the viewer can give, and the organization's
// users: of many, those whom the form searches for.
func (s *Server) renderGroupForm(c echo.Context, status int, form page.Form, group manage.GroupDetails) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	if group.OrganizationID == 0 {
		return s.renderNoOrganization(c, status, "Create group")
	}
	view := page.GroupForm{Form: form, Group: group.Group, Members: group.Members}
	var err error
	if view.Candidates, view.More, err = s.manage.GroupCandidates(ctx, group.OrganizationID, numbers(form.Values, "member"), form.Get("member_search")); err != nil {
		return err
	}
	if view.Roles, err = s.roleOffers(ctx, group.OrganizationID); err != nil {
		return err
	}
	view.Fixed = messageOf(portal.CanGrantRoles(actor, group.OrganizationID, group.Roles...))
	return s.render(c, status, view.Title(), view.Render())
}

// newGroup gives the group that a form begins with.
func newGroup(c echo.Context) manage.GroupDetails {
	return manage.GroupDetails{Group: portal.Group{OrganizationID: portal.ActorFrom(c.Request().Context()).OrganizationID}}
}

func (s *Server) groupOf(c echo.Context) (manage.GroupDetails, error) {
	id, err := pathID(c, "id", portal.NounGroup)
	if err != nil {
		return manage.GroupDetails{}, err
	}
	return s.manage.Group(c.Request().Context(), id)
}

func groupInput(c echo.Context, group manage.GroupDetails) manage.GroupInput {
	values := c.Request().PostForm
	return manage.GroupInput{
		ID: group.ID, Version: number(values, "version"), Submission: submissionOf(values), OrganizationID: group.OrganizationID,
		Name: values.Get("name"), Description: values.Get("description"), RoleIDs: numbers(values, "role"), MemberIDs: numbers(values, "member"),
	}
}
