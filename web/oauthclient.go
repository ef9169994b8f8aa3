package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// showOAuthClient shows My Account → API Key: the OAuth client of the license whose
// instance one is signed in to. Who may not have it is told whom to ask.
func (s *Server) showOAuthClient(c echo.Context) error {
	return s.renderOAuthClient(c, http.StatusOK, page.Form{}, "")
}

// viewClientSecret shows the Client Secret in this very response, after the password
// where it was not entered just now.
func (s *Server) viewClientSecret(c echo.Context) error {
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	client, err := s.clientOfSession(c, here)
	if err != nil {
		return err
	}
	value, err := s.revealed(c, client.Key.ID)
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderOAuthClient(c, status, withError(page.Form{}, err), "")
		})
	}
	return s.renderOAuthClient(c, http.StatusOK, page.Form{}, value)
}

// clientOfSession gives the OAuth client of the license that a session is signed in
// to.
func (s *Server) clientOfSession(c echo.Context, here *visit) (manage.OAuthClient, error) {
	if here.session.InstanceID == 0 {
		return manage.OAuthClient{}, portal.Conflict("You are not signed in to an instance. Choose the one whose API key you want first.")
	}
	ctx := c.Request().Context()
	instance, err := s.manage.Instance(ctx, here.session.InstanceID)
	if err != nil {
		return manage.OAuthClient{}, err
	}
	return s.manage.OAuthClient(ctx, instance.LicenseID)
}

func (s *Server) renderOAuthClient(c echo.Context, status int, form page.Form, shown string) error {
	ctx := c.Request().Context()
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	organization := here.session.OrganizationID
	if organization == 0 {
		return s.renderNoOrganization(c, status, page.OAuthClientTitle)
	}
	view := page.OAuthClient{Form: form, Secret: shown, TokenURL: s.tokenURL(), Now: s.manage.Now()}
	if view.Organization, err = s.manage.Organization(ctx, organization); err != nil {
		return err
	}
	if portal.Can(here.actor, portal.ViewClientSecret, organization) != nil {
		return s.renderAskForClient(c, status, view.Organization)
	}
	if view.Licenses, err = s.licenseInstances(ctx, organization, here.session.InstanceID); err != nil {
		return err
	}
	if here.session.InstanceID != 0 {
		client, err := s.clientOfSession(c, here)
		if err != nil {
			return err
		}
		view.License, view.Key, view.Secrets, view.Uses = client.License, client.Key, client.Secrets, client.Uses
		view.CanRotate, view.Viewable, view.NeedsPassword = client.Rotatable == nil, client.Viewable, s.manage.NeedsPassword(here.session)
	}
	view.Member = here.actor.Member(organization)
	view.CanSet = portal.Can(here.actor, portal.ManageSettings, organization) == nil
	return s.render(c, status, page.OAuthClientTitle, view.Render())
}

// renderAskForClient tells somebody who may not have the Client Secret whom to ask.
func (s *Server) renderAskForClient(c echo.Context, status int, organization portal.Organization) error {
	ctx := c.Request().Context()
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	view := page.AskForClient{
		Organization: organization, Member: here.actor.Member(organization.ID), From: here.user.Name(), Address: s.BaseURL.JoinPath(page.OAuthClientPath).String(),
	}
	if view.Keepers, err = s.manage.SecretKeepers(ctx, organization.ID); err != nil {
		return err
	}
	if here.session.InstanceID != 0 {
		instance, err := s.manage.Instance(ctx, here.session.InstanceID)
		if err != nil {
			return err
		}
		view.Instance = instance.Name
	}
	return s.render(c, status, page.OAuthClientTitle, view.Render())
}

// enterInstance moves the session to another instance of the user's clients.
func (s *Server) enterInstance(c echo.Context) error {
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	instance, err := s.manage.EnterInstance(c.Request().Context(), here.session, number(c.Request().PostForm, "instance"))
	if err != nil {
		return err
	}
	return s.redirectWith(c, page.OAuthClientPath, "You are in the instance "+instance.Name+" now.")
}

func (s *Server) showNewOAuthClient(c echo.Context) error {
	return s.renderNewOAuthClient(c, http.StatusOK, newForm(c, nil))
}

// createOAuthClient makes the OAuth client and shows its secret in this very
// response, the only one that has it unless secrets may be viewed again.
func (s *Server) createOAuthClient(c echo.Context) error {
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	client, err := s.clientOfSession(c, here)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	bounds, err := s.boundsOf(values, portal.Key{})
	var made manage.GeneratedKey
	if err == nil {
		made, err = s.manage.CreateKey(c.Request().Context(), manage.NewKey{
			Submission: submissionOf(values), Kind: portal.OAuthKey, OrganizationID: client.License.OrganizationID, LicenseID: client.License.ID,
			UserID: number(values, "user"), Name: "OAuth client " + client.License.Number, APISets: values["api_set"],
			ExpiresAt: bounds.ExpiresAt, AllowedNetworks: bounds.AllowedNetworks, RateLimit: bounds.RateLimit,
		})
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderNewOAuthClient(c, status, withError(newForm(c, nil), err)) })
	}
	if made.Again {
		return s.redirectWith(c, page.OAuthClientPath, "This form was sent before: the API key was made once. If its secret was not saved, regenerate it.")
	}
	return s.renderSavedKey(c, made, page.OAuthClientPath)
}

// renderNewOAuthClient offers the API sets of the mapped user that was chosen, all of
// them selected at first.
func (s *Server) renderNewOAuthClient(c echo.Context, status int, form page.Form) error {
	ctx := c.Request().Context()
	here, _, err := s.visitOf(c)
	if err != nil {
		return err
	}
	client, err := s.clientOfSession(c, here)
	if err != nil {
		return err
	}
	if client.Key.ID != 0 {
		return s.redirectWith(c, page.OAuthClientPath, "There is an API key of "+client.License.Number+" already. Regenerate its secret if that was lost.")
	}
	organization := client.License.OrganizationID
	if number(form.Values, "user") == 0 && here.actor.Member(organization) {
		form.Values.Set("user", strconv.FormatInt(here.user.ID, 10))
	}
	user := number(form.Values, "user")
	of, err := s.manage.Organization(ctx, organization)
	if err != nil {
		return err
	}
	view := page.NewOAuthClient{Form: form, License: client.License, Expiry: s.expiryChoice(of)}
	if view.Users, err = s.mappedUsers(c, organization, form, page.OAuthClientPath+"/new"); err != nil {
		return err
	}
	if view.Offered, err = s.manage.OfferedAPISets(ctx, organization, user); err != nil {
		return err
	}
	if c.Request().Method != http.MethodPost && !form.Values.Has("api_set") {
		form.Values["api_set"] = portal.Slugs(view.Offered)
	}
	return s.render(c, status, page.OAuthClientTitle, view.Render())
}
