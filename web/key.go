package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

func (s *Server) listKeys(c echo.Context) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	if actor.OrganizationID == 0 {
		return s.renderNoOrganization(c, http.StatusOK, "API Keys")
	}
	sets, err := s.manage.APISets(ctx)
	if err != nil {
		return err
	}
	filter, err := keyFilter(c, sets)
	if err != nil {
		return err
	}
	found, err := s.manage.Keys(ctx, filter)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "API Keys", page.Keys{
		Rows: keyRows(actor, found.Rows), List: viewList(c, filter.List, found.Next), APISets: sets, SeesAll: seesAllKeys(actor),
		CanGenerate: portal.CanUseKeysOf(actor, portal.ChangeKey, actor.OrganizationID, actor.UserID) == nil,
		Back:        c.Request().URL.RequestURI(), Now: s.manage.Now(),
	}.Render())
}

// keyFilter reads from a list's address which keys of the actor's organization
// are wanted: besides what listOf reads, state, api_set (a slug) and user (an ID,
// or "me"). Who may not see everybody's keys gets their own.
func keyFilter(c echo.Context, sets []portal.APISet) (portal.KeyFilter, error) {
	actor := portal.ActorFrom(c.Request().Context())
	query := c.QueryParams()
	filter := portal.KeyFilter{List: listOf(c), OrganizationID: actor.OrganizationID, State: portal.KeyState(query.Get("state"))}
	if slug := query.Get("api_set"); slug != "" {
		i := slices.IndexFunc(sets, func(set portal.APISet) bool { return set.Slug == slug })
		if i < 0 {
			return filter, portal.NotFound(portal.NounAPISet)
		}
		filter.APISetID = sets[i].ID
	}
	switch user := query.Get("user"); {
	case user == "me", user == "" && !seesAllKeys(actor):
		filter.UserID = actor.UserID
	case user != "":
		if filter.UserID = number(query, "user"); filter.UserID <= 0 {
			return filter, portal.NotFound(portal.NounUser)
		}
	}
	return filter, nil
}

// seesAllKeys tells whether the actor may see everybody's keys in the
// organization that they are working in.
func seesAllKeys(actor portal.Actor) bool {
	return portal.CanUseKeysOf(actor, portal.SeeKey, actor.OrganizationID, 0) == nil
}

// keyRows makes the lines of a table of keys.
func keyRows(actor portal.Actor, keys []portal.Key) []page.KeyRow {
	rows := make([]page.KeyRow, len(keys))
	for i, key := range keys {
		rows[i] = page.KeyRow{Key: key, Changeable: portal.CanChangeKey(actor, key) == nil}
	}
	return rows
}

func (s *Server) showKey(c echo.Context) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	history, err := s.manage.Revisions(ctx, portal.RevisionFilter{Noun: portal.NounKey, NounID: key.ID})
	if err != nil {
		return err
	}
	actor := portal.ActorFrom(ctx)
	return s.render(c, http.StatusOK, key.Name, page.Key{
		Key: key.Key, APISets: grantedAPISets(key), Refused: whyRefused(key.Key, key.State(s.manage.Now())), History: page.History(history.Rows),
		Own: key.UserID == actor.UserID, CanChange: key.Changeable == nil, CanRotate: key.Rotatable == nil,
		CanSend: portal.CanSendSecret(actor, key.Key) == nil, CanStop: portal.CanChangeSecret(actor, key.Key) == nil,
		Secrets: key.Secrets, DeliveryEnds: deliveryEnds(key.Delivery), SeesLicenses: portal.Can(actor, portal.ViewLicenses, key.OrganizationID) == nil,
		SeesUser:    key.UserID == actor.UserID || portal.Can(actor, portal.ViewUsers, key.OrganizationID) == nil,
		SeesHistory: actor.OrganizationID == key.OrganizationID && portal.Can(actor, portal.ViewHistory, key.OrganizationID) == nil,
		Now:         s.manage.Now(),
	}.Render())
}

// grantedAPISets lists what a key was granted, with why it does not reach some
// of it.
func grantedAPISets(key manage.KeyDetails) []page.GrantedAPISet {
	granted := make([]page.GrantedAPISet, len(key.APISets))
	for i, set := range key.APISets {
		granted[i].APISet = set
		switch ineffective := slices.ContainsFunc(key.Ineffective, func(one portal.APISet) bool { return one.ID == set.ID }); {
		case set.Retired():
			granted[i].Problem = "Not reached: this API set was retired."
		case ineffective:
			granted[i].Problem = "Not reached: the roles of " + key.UserName + " don't allow it."
		}
	}
	return granted
}

// whyRefused says why the check refuses a key that is active itself.
func whyRefused(key portal.Key, state portal.KeyState) string {
	if state != portal.KeyActive {
		return ""
	}
	switch key.RefusedAs {
	case portal.CheckUserDisabled:
		return "This key is refused at present: the account of " + key.UserName + " is disabled, or no longer in " + key.OrganizationName + "."
	case portal.CheckUserLocked:
		return "This key is refused at present: the account of " + key.UserName + " is locked."
	case portal.CheckUserExpired:
		return "This key is refused at present: " + key.UserName + " has to choose a new password first."
	case portal.CheckOrgSuspended:
		return "This key is refused at present: " + key.OrganizationName + " is suspended."
	case portal.CheckLicenseInactive:
		return "This key is refused at present: its license is not active."
	}
	return ""
}

func (s *Server) showKeyEdit(c echo.Context) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	initial := url.Values{"name": {key.Name}, "description": {key.Description}, "version": {strconv.FormatInt(key.Version, 10)}}
	for _, set := range key.APISets {
		initial.Add("api_set", set.Slug)
	}
	form := newForm(c, initial)
	if key.Revoked() {
		form.Message = "This API key was revoked. That is final: it can't be edited."
	}
	return s.renderKeyEdit(c, http.StatusOK, form, page.KeyEdit{Key: key.Key})
}

func (s *Server) updateKey(c echo.Context) error {
	was, err := s.keyOf(c)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	err = s.manage.UpdateKey(c.Request().Context(), manage.KeyEdit{
		ID: was.ID, Version: number(values, "version"),
		Name: values.Get("name"), Description: values.Get("description"), APISets: values["api_set"],
	})
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderRefusedKeyEdit(c, status, withError(newForm(c, nil), err))
		})
	}
	return s.redirectWith(c, page.KeyPath(was.ID), "The API key was saved. What it reaches counts from the next check on.")
}

// renderRefusedKeyEdit shows the form again with the key as it is now: when
// somebody else has changed it, saving once more goes on from there.
func (s *Server) renderRefusedKeyEdit(c echo.Context, status int, form page.Form) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	stale := key.Version != number(form.Values, "version") && !key.Revoked()
	form.Values.Set("version", strconv.FormatInt(key.Version, 10))
	return s.renderKeyEdit(c, status, form, page.KeyEdit{Key: key.Key, Stale: stale})
}

// renderKeyEdit offers what the key can be granted and what it has already.
func (s *Server) renderKeyEdit(c echo.Context, status int, form page.Form, view page.KeyEdit) error {
	offered, err := s.manage.OfferedAPISets(c.Request().Context(), view.Key.OrganizationID, view.Key.UserID)
	if err != nil {
		return err
	}
	for _, set := range view.Key.APISets {
		if !slices.ContainsFunc(offered, func(one portal.APISet) bool { return one.ID == set.ID }) {
			offered = append(offered, set)
		}
	}
	slices.SortFunc(offered, func(a, b portal.APISet) int { return cmp.Compare(portal.Fold(a.Name), portal.Fold(b.Name)) })
	view.Form, view.Offered = form, offered
	return s.render(c, status, "Edit "+view.Key.Name, view.Render())
}

func (s *Server) enableKey(c echo.Context) error {
	return s.switchKey(c, s.manage.EnableKey, "is enabled: it is accepted from the next check on.")
}

func (s *Server) disableKey(c echo.Context) error {
	return s.switchKey(c, s.manage.DisableKey, "is disabled: it is refused from the next check on. Enabling it again undoes that.")
}

// switchKey enables or disables a key and returns to the page where that was
// chosen.
func (s *Server) switchKey(c echo.Context, act func(context.Context, int64) error, done string) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	if err := act(c.Request().Context(), key.ID); err != nil {
		return err
	}
	back := localPath(c.Request().PostForm.Get("back"))
	if back == "/" {
		back = page.KeyPath(key.ID)
	}
	return s.redirectWith(c, back, key.Name+" "+done)
}

func (s *Server) showKeyRevoke(c echo.Context) error {
	return s.renderKeyRevoke(c, http.StatusOK, nil)
}

func (s *Server) revokeKey(c echo.Context) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.RevokeKey(c.Request().Context(), key.ID, c.Request().PostForm.Get("confirm")); err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderKeyRevoke(c, status, err) })
	}
	return s.redirectWith(c, page.KeyPath(key.ID), key.Name+" is revoked: it is refused from the next check on.")
}

// renderKeyRevoke asks before a key is revoked. A key that was revoked already
// is shown as it is.
func (s *Server) renderKeyRevoke(c echo.Context, status int, refusal error) error {
	key, err := s.keyOf(c)
	switch {
	case err != nil:
		return err
	case key.Changeable != nil:
		return key.Changeable
	case key.Revoked():
		return s.redirect(c, page.KeyPath(key.ID))
	}
	view := page.KeyRevoke{Form: withError(page.Form{}, refusal), Key: key.Key, Now: s.manage.Now()}
	return s.render(c, status, "Revoke "+key.Name, view.Render())
}

func (s *Server) keyOf(c echo.Context) (manage.KeyDetails, error) {
	id, err := pathID(c, "id", portal.NounKey)
	if err != nil {
		return manage.KeyDetails{}, err
	}
	return s.manage.Key(c.Request().Context(), id)
}
