package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
	"keyportal/templates/ui"
)

const issueTitle = "Issue API key"

func (s *Server) showIssue(c echo.Context) error {
	return s.renderIssue(c, http.StatusOK, newForm(c, nil))
}

// issueKey issues a key for an application and license: shown in this very response,
// or left on a one-time page for its mapped user.
func (s *Server) issueKey(c echo.Context) error {
	ctx, values := c.Request().Context(), c.Request().PostForm
	license, err := s.chosenLicense(c, values)
	if err != nil {
		return err
	}
	bounds, err := s.boundsOf(values, portal.Key{})
	var made manage.GeneratedKey
	if err == nil {
		made, err = s.manage.IssueKey(ctx, manage.NewKey{
			Submission: submissionOf(values), OrganizationID: license.OrganizationID, LicenseID: license.ID, ApplicationID: number(values, "application"),
			UserID: number(values, "user"), Name: values.Get("name"), Description: values.Get("description"), APISets: values["api_set"],
			ExpiresAt: bounds.ExpiresAt, AllowedNetworks: bounds.AllowedNetworks, RateLimit: bounds.RateLimit,
			CanImpersonate: checked(values, "can_impersonate"), Deliver: values.Get("handover") != string(page.ShowNow),
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

// chosenLicense finds the license that was chosen. When it is none, only the
// organization is known: the one that the actor is working in.
func (s *Server) chosenLicense(c echo.Context, values url.Values) (portal.License, error) {
	ctx := c.Request().Context()
	license, err := s.manage.ChosenLicense(ctx, number(values, "license"))
	if portal.CodeOf(err) == portal.CodeNotFound {
		return portal.License{OrganizationID: portal.ActorFrom(ctx).OrganizationID}, nil
	}
	return license, err
}

// renderIssue asks for application and license first, then for the mapped user, whose
// roles tell which API sets there are to choose from.
func (s *Server) renderIssue(c echo.Context, status int, form page.Form) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	license, err := s.chosenLicense(c, form.Values)
	if err != nil {
		return err
	}
	view := page.Issue{Form: form, Refused: status != http.StatusOK, License: license, AllowsImpersonation: allowsImpersonation(actor)}
	organization := license.OrganizationID
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
	view.Organization, view.Expiry = of, s.expiryChoice(of)
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
	if view.Users, err = s.mappedUsers(c, view.Organization.ID, view.Form, "/keys/issue"); err != nil {
		return err
	}
	if !values.Has("name") {
		values.Set("name", page.ApplicationKeyName(view.Application(), view.License.Domain))
	}
	if !values.Has("handover") {
		values.Set("handover", string(page.ByPage))
		if user == actor.UserID {
			values.Set("handover", string(page.ShowNow))
		}
	}
	if view.Offered, err = s.manage.OfferedAPISets(ctx, view.Organization.ID, user); err != nil {
		return err
	}
	if !view.Refused && !values.Has("api_set") {
		values["api_set"] = portal.Slugs(view.Offered)
	}
	return nil
}

// applicationOptions offers the applications for which a client can have keys.
func (s *Server) applicationOptions(c echo.Context, organization int64) ([]ui.Option, error) {
	applications, err := s.manage.Applications(c.Request().Context(), organization)
	options := []ui.Option{{Value: "", Label: "Choose an application"}}
	for _, application := range applications {
		if !application.Retired() {
			options = append(options, ui.Option{Value: strconv.FormatInt(application.ID, 10), Label: application.Name})
		}
	}
	return options, err
}

func licenseOptions(licenses []portal.License) []ui.Option {
	options := []ui.Option{{Value: "", Label: "Choose a license"}}
	for _, license := range licenses {
		options = append(options, ui.Option{Value: strconv.FormatInt(license.ID, 10), Label: licenseLabel(license)})
	}
	return options
}

func licenseLabel(license portal.License) string {
	label := license.Number + " · " + license.Domain
	if !license.Active {
		label += " (inactive)"
	}
	return label
}

// present tells what there is already for an application and license.
func (s *Server) present(c echo.Context, application, license int64) (present page.Present, err error) {
	if application <= 0 || license <= 0 {
		return present, nil
	}
	ctx := c.Request().Context()
	if present.Key, err = s.manage.LiveKeyFor(ctx, application, license); err != nil {
		if portal.CodeOf(err) == portal.CodeNotFound { // the license is none, which the form says
			err = nil
		}
		return present, err
	}
	if present.Key.ID != 0 {
		return present, s.presentKey(c, &present)
	}
	present.Request, err = s.manage.PendingRequestFor(ctx, application, license)
	actor := portal.ActorFrom(ctx)
	present.SeesRequest = portal.CanSeeRequest(actor, present.Request) == nil
	present.CanIssue = portal.Can(actor, portal.ManageAPIKeys, present.Request.OrganizationID) == nil
	return present, err
}

// presentKey tells what the actor can do with the key that there is already.
func (s *Server) presentKey(c echo.Context, present *page.Present) error {
	key, err := s.manage.Key(c.Request().Context(), present.Key.ID)
	switch portal.CodeOf(err) {
	case portal.CodeForbidden, portal.CodeNotFound:
		return nil
	}
	present.SeesKey, present.CanRotate = err == nil, key.Rotatable == nil
	present.CanSend = portal.CanSendSecret(portal.ActorFrom(c.Request().Context()), key.Key) == nil
	return err
}
