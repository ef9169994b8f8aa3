package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

func (s *Server) showKeyEdit(c echo.Context) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	initial := url.Values{
		"name": {key.Name}, "description": {key.Description}, "user": {strconv.FormatInt(key.UserID, 10)}, "version": {strconv.FormatInt(key.Version, 10)}, "api_set": portal.Slugs(key.APISets),
		"network": {strings.Join(key.AllowedNetworks, "\n")}, "rate_requests": {countText(key.RateLimit.Requests)}, "rate_period": {string(key.RateLimit.Period)}, "rate_burst": {countText(key.RateLimit.Burst)},
	}
	form := newForm(c, initial)
	if key.Revoked() {
		form.Message = "This API key was revoked. That is final: it can't be edited."
	}
	return s.renderKeyEdit(c, http.StatusOK, form, key.Key)
}

func (s *Server) updateKey(c echo.Context) error {
	was, err := s.keyOf(c)
	if err != nil {
		return err
	}
	edit, err := s.keyEdit(c.Request().PostForm, was.Key)
	if err == nil {
		err = s.manage.UpdateKey(c.Request().Context(), edit)
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderRefusedKeyEdit(c, status, withError(newForm(c, nil), err))
		})
	}
	return s.redirectWith(c, page.KeyPath(was.ID), "The API key was saved. The change counts from the next check on.")
}

// keyEdit reads what a key is to be like. Its user stays where the form does not ask for
// one; of a Data Loader key it asks for the expiry alone.
func (s *Server) keyEdit(values url.Values, was portal.Key) (edit manage.KeyEdit, err error) {
	edit = manage.KeyEdit{
		ID: was.ID, Version: number(values, "version"), UserID: was.UserID,
		Name: values.Get("name"), Description: values.Get("description"), APISets: values["api_set"],
	}
	if values.Has("user") {
		edit.UserID = number(values, "user")
	}
	if was.DataLoader {
		edit.Name, edit.Description, edit.APISets = was.Name, was.Description, portal.Slugs(was.APISets)
	}
	bounds, err := s.boundsOf(values, was)
	edit.ExpiresAt, edit.AllowedNetworks, edit.RateLimit = bounds.ExpiresAt, bounds.AllowedNetworks, bounds.RateLimit
	return edit, err
}

// renderRefusedKeyEdit shows the form again with the key as it is now: when
// somebody else has changed it, saving once more goes on from there.
func (s *Server) renderRefusedKeyEdit(c echo.Context, status int, form page.Form) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	return s.renderKeyEdit(c, status, form, key.Key)
}

// renderKeyEdit offers what the key can be granted with the user that is chosen. A form
// that was opened before somebody else changed the key shows what there is now, and goes
// on from there.
func (s *Server) renderKeyEdit(c echo.Context, status int, form page.Form, key portal.Key) error {
	ctx := c.Request().Context()
	view := page.KeyEdit{Form: form, Key: key, Stale: key.Version != number(form.Values, "version") && !key.Revoked()}
	form.Values.Set("version", strconv.FormatInt(key.Version, 10))
	if view.Stale && form.Get("user") == form.Get("mapped") { // nobody chose it here
		form.Values.Set("user", strconv.FormatInt(key.UserID, 10))
	}
	organization, err := s.manage.Organization(ctx, key.OrganizationID)
	if err != nil {
		return err
	}
	view.Expiry = s.expiryChoice(organization)
	view.Expiry.Edited = &key
	if portal.Can(portal.ActorFrom(ctx), portal.ManageAPIKeys, key.OrganizationID) == nil {
		if view.Users, err = s.mappedUsers(c, key.OrganizationID, form, page.KeyPath(key.ID)+"/edit"); err != nil {
			return err
		}
		view.Users.OffersAPISets, view.Users.Edited = true, key
	}
	if key.Kind == portal.PairKey {
		if view.Applications, err = s.applicationNames(c, key.OrganizationID); err != nil {
			return err
		}
	}
	if view.Offered, err = s.offeredTo(ctx, key, cmp.Or(number(form.Values, "user"), key.UserID)); err != nil {
		return err
	}
	return s.render(c, status, "Edit "+key.Name, view.Render())
}

// offeredTo lists what a key can be granted with a user; with the one that it has, what
// it was granted too.
func (s *Server) offeredTo(ctx context.Context, key portal.Key, user int64) ([]portal.APISet, error) {
	offered, err := s.manage.OfferedAPISets(ctx, key.OrganizationID, user)
	if err != nil {
		return nil, err
	}
	for _, set := range key.APISets {
		if user == key.UserID && !portal.HasAPISet(offered, set) {
			offered = append(offered, set)
		}
	}
	slices.SortFunc(offered, func(a, b portal.APISet) int { return cmp.Compare(portal.Fold(a.Name), portal.Fold(b.Name)) })
	return offered, nil
}
