package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

const issueTitle = "Issue API key"

func (s *Server) showIssue(c echo.Context) error {
	return s.renderIssue(c, http.StatusOK, newForm(c, nil))
}

// issueKey issues a key for an application and license: shown in this very response,
// or left on a one-time page for its mapped user.
func (s *Server) issueKey(c echo.Context) error {
	ctx, values := c.Request().Context(), c.Request().PostForm
	license, err := s.manage.License(ctx, number(values, "license"))
	if err != nil {
		return err
	}
	expires, err := endOfDay(values.Get("expires"))
	var made manage.GeneratedKey
	if err == nil {
		made, err = s.manage.CreateKey(ctx, manage.NewKey{
			Submission: values.Get("submission"), OrganizationID: license.OrganizationID, LicenseID: license.ID, ApplicationID: number(values, "application"),
			UserID: number(values, "user"), Name: values.Get("name"), Description: values.Get("description"), APISets: values["api_set"],
			ExpiresAt: expires, Deliver: values.Get("handover") != string(page.ShowNow),
		})
	}
	switch {
	case err != nil:
		return s.answerForm(c, err, func(status int) error { return s.renderIssue(c, status, withError(newForm(c, nil), err)) })
	case !made.Secret.IsZero():
		return s.renderSavedKey(c, made, page.KeyPath(made.ID))
	case !made.Again:
		return s.redirectWith(c, page.KeyPath(made.ID), "The key was issued. "+s.tellOfDelivery(c, made.Key))
	}
	return s.redirectWith(c, page.KeyPath(made.ID), "This form was sent before: the key was issued once and is not shown again. If it was not saved, rotate it.")
}

// renderIssue asks for application and license first, then for the mapped user, whose
// roles tell which API sets there are to choose from.
func (s *Server) renderIssue(c echo.Context, status int, form page.Form) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	view := page.Issue{Form: form}
	organization := actor.OrganizationID
	if id := number(form.Values, "license"); id > 0 {
		license, err := s.manage.License(ctx, id)
		if err != nil {
			return err
		}
		view.License, organization = license.License, license.OrganizationID
	}
	if organization == 0 {
		return s.renderNoOrganization(c, status, issueTitle)
	}
	if err := portal.Can(actor, portal.ManageAPIKeys, organization); err != nil {
		return err
	}
	of, err := s.manage.Organization(ctx, organization)
	if err != nil {
		return err
	}
	view.Organization = of
	if view.Applications, err = s.applicationOptions(c, organization); err != nil {
		return err
	}
	licenses, err := s.manage.Licenses(ctx, organization)
	if err != nil {
		return err
	}
	view.Licenses = licenseOptions(licenses)
	if err := s.fillIssue(c, &view); err != nil {
		return err
	}
	return s.render(c, status, issueTitle, view.Render())
}

// fillIssue puts in what depends on what was chosen.
func (s *Server) fillIssue(c echo.Context, view *page.Issue) (err error) {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	values := view.Form.Values
	if view.Present, err = s.present(c, number(values, "application"), view.License.ID); err != nil || !view.Bound() {
		return err
	}
	if number(values, "user") == 0 && actor.Member(view.Organization.ID) {
		values.Set("user", strconv.FormatInt(actor.UserID, 10))
	}
	user := number(values, "user")
	if view.Users, view.MoreUsers, err = s.manage.KeyUsers(ctx, view.Organization.ID, user); err != nil {
		return err
	}
	if !values.Has("name") {
		values.Set("name", page.ApplicationKeyName(view.Application(), view.License.Domain))
	}
	if !values.Has("handover") {
		values.Set("handover", string(page.ByPage))
		if actor.Member(view.Organization.ID) {
			values.Set("handover", string(page.ShowNow))
		}
	}
	view.Offered, err = s.manage.OfferedAPISets(ctx, view.Organization.ID, user)
	return err
}
