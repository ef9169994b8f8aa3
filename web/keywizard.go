package web

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// showNewKey shows a step of New API Key. A step beyond the first is reached
// only with what can be taken of the steps before it.
func (s *Server) showNewKey(c echo.Context) error {
	form := newForm(c, nil)
	if form.Get("step") == "" || form.Get("step") == string(page.DetailsStep) {
		return s.renderKeyWizard(c, http.StatusOK, form, page.DetailsStep)
	}
	in, err := s.newKey(c)
	if err == nil {
		err = s.manage.CheckNewKey(c.Request().Context(), in)
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderRefusedKeyWizard(c, status, err) })
	}
	return s.renderKeyWizard(c, http.StatusOK, form, page.KeyStep(form.Get("step")))
}

// createKey generates the key and shows its secret in this very response, the
// only one that ever has it.
func (s *Server) createKey(c echo.Context) error {
	in, err := s.newKey(c)
	made, err := s.generate(c, in, err)
	if err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderRefusedKeyWizard(c, status, err) })
	}
	if made.Secret.IsZero() {
		return s.redirectWith(c, page.KeyPath(made.ID), "This form was sent before: the key was generated once and is not shown again. If it was not saved, revoke it and generate another.")
	}
	return s.renderSavedKey(c, made, page.KeyPath(made.ID))
}

// generate makes a key of what was entered, unless that could not be read.
func (s *Server) generate(c echo.Context, in manage.NewKey, unread error) (manage.GeneratedKey, error) {
	if unread != nil {
		return manage.GeneratedKey{}, unread
	}
	return s.manage.CreateKey(c.Request().Context(), in)
}

// renderSavedKey shows a new secret; closing leads on to an address. It is stored
// already and can't be shown again, so the page comes without its frame when that
// can't be made.
func (s *Server) renderSavedKey(c echo.Context, made manage.GeneratedKey, closeTo string) error {
	const title = "Save generated key"
	saved := page.SavedKey{Key: made.Key, Secret: made.Secret.Reveal(), Viewable: made.Viewable, Close: closeTo, Now: s.manage.Now()}
	err := s.render(c, http.StatusOK, title, saved.Render())
	if err == nil || c.Response().Committed {
		return err
	}
	s.Log.Error("a new key is shown without the frame", "key", made.ID, "error", err)
	return s.renderPlain(c, http.StatusOK, title, saved.Render())
}

// newKey reads what was entered into New API Key: of the step's address, or of
// the form that was sent. Without a user the key is for the actor.
func (s *Server) newKey(c echo.Context) (manage.NewKey, error) {
	actor := portal.ActorFrom(c.Request().Context())
	values := typed(c)
	in := manage.NewKey{
		Submission: submissionOf(values), OrganizationID: actor.OrganizationID, UserID: number(values, "user"),
		Name: values.Get("name"), Description: values.Get("description"), APISets: values["api_set"],
		CanImpersonate: checked(values, "can_impersonate"),
	}
	if values.Get("user") == "" && actor.Member(actor.OrganizationID) {
		in.UserID = actor.UserID
	}
	if began := number(values, "organization"); began != 0 && began != actor.OrganizationID {
		return in, portal.Conflict("You are working in another organization than when you began, so nothing was generated. Check what is entered, then go on.")
	}
	if values.Get("user") != "" && in.UserID <= 0 {
		var invalid portal.Invalid
		invalid.Add("user", "Choose a user of this organization.")
		return in, invalid.Err()
	}
	bounds, err := s.boundsOf(values, portal.Key{})
	in.ExpiresAt, in.AllowedNetworks, in.RateLimit = bounds.ExpiresAt, bounds.AllowedNetworks, bounds.RateLimit
	return in, err
}

// renderRefusedKeyWizard shows the step that has the first field which can't be
// taken, with everything that was entered; or, if it is no field, the step at
// which it was sent.
func (s *Server) renderRefusedKeyWizard(c echo.Context, status int, refusal error) error {
	form := withError(newForm(c, nil), refusal)
	ofAPISets := func(field portal.FieldError) bool { return field.Field == "api_set" }
	details := slices.DeleteFunc(slices.Clone(form.Errors), ofAPISets)
	switch {
	case len(details) > 0:
		form.Errors = details
		return s.renderKeyWizard(c, status, form, page.DetailsStep)
	case len(form.Errors) > 0:
		return s.renderKeyWizard(c, status, form, page.APISetsStep)
	}
	return s.renderKeyWizard(c, status, form, page.KeyStep(form.Get("step")))
}

// renderKeyWizard shows a step of New API Key; one that is none is the first.
func (s *Server) renderKeyWizard(c echo.Context, status int, form page.Form, step page.KeyStep) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	if actor.OrganizationID == 0 {
		return s.renderNoOrganization(c, status, page.NewKeyTitle)
	}
	if number(form.Values, "user") <= 0 && actor.Member(actor.OrganizationID) {
		form.Values.Set("user", strconv.FormatInt(actor.UserID, 10))
	}
	form.Values.Set("organization", strconv.FormatInt(actor.OrganizationID, 10))
	organization, err := s.manage.Organization(ctx, actor.OrganizationID)
	if err != nil {
		return err
	}
	view := page.KeyWizard{
		Form: form, Step: step, Expiry: s.expiryChoice(organization),
		OnlySelf:            portal.Can(actor, portal.ManageAPIKeys, actor.OrganizationID) != nil,
		AllowsImpersonation: allowsImpersonation(actor),
	}
	view.Entered, _ = s.boundsOf(form.Values, portal.Key{}) // what can't be taken is not reviewed
	view.Entered.AllowedNetworks = new(portal.Invalid).Networks("network", view.Entered.AllowedNetworks)
	user := number(form.Values, "user")
	if view.Users, err = s.mappedUsers(c, actor.OrganizationID, form, "/keys/new"); err != nil {
		return err
	}
	if view.Offered, err = s.manage.OfferedAPISets(ctx, actor.OrganizationID, user); err != nil {
		return err
	}
	return s.render(c, status, page.NewKeyTitle, view.Render())
}
