package web

import (
	"context"
	"net/http"
	"slices"

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
	filter, err := s.keyFilter(c, sets)
	if err != nil {
		return err
	}
	found, err := s.manage.Keys(ctx, filter)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "API Keys", page.Keys{
		Rows: keyRows(actor, found.Rows), List: viewList(c, filter.List, found.Next), APISets: sets, SeesAll: seesAllKeys(actor),
		CanGenerate: canGenerate(actor),
		Back:        c.Request().URL.RequestURI(), Now: s.manage.Now(),
	}.Render())
}

// keyFilter reads from a list's address which keys of the actor's organization
// are wanted: besides what listOf reads, state (or "expiring"), api_set (a slug) and
// user (an ID, or "me"). Who may not see everybody's keys gets their own.
func (s *Server) keyFilter(c echo.Context, sets []portal.APISet) (portal.KeyFilter, error) {
	actor := portal.ActorFrom(c.Request().Context())
	query := c.QueryParams()
	filter := portal.KeyFilter{List: listOf(c), OrganizationID: actor.OrganizationID, State: portal.KeyState(query.Get("state"))}
	if filter.State == page.Expiring {
		filter.State, filter.ExpiresBefore = "", s.manage.Now().Add(manage.ExpiringSoon)
	}
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
	return s.renderKey(c, http.StatusOK, key, page.Form{}, "")
}

// viewSecret shows the secret of a key on its page, in this very response, after the
// password where it was not entered just now.
func (s *Server) viewSecret(c echo.Context) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	value, err := s.revealed(c, key.ID)
	if err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderKey(c, status, key, withError(page.Form{}, err), "") })
	}
	return s.renderKey(c, http.StatusOK, key, page.Form{}, value)
}

// revealed gives a key's secret in clear. When the password had to be entered, the
// browser gets a new session.
func (s *Server) revealed(c echo.Context, key int64) (string, error) {
	here, _, err := s.visitOf(c)
	if err != nil {
		return "", err
	}
	value, token, err := s.manage.ViewSecret(c.Request().Context(), here.session, key, c.Request().PostForm.Get("current"))
	if !token.IsZero() {
		if err := s.startSession(c, token.Reveal()); err != nil {
			return "", err
		}
	}
	return value.Reveal(), err
}

// renderKey shows a key's page; shown is its secret in clear, if it is to be shown.
func (s *Server) renderKey(c echo.Context, status int, key manage.KeyDetails, form page.Form, shown string) error {
	ctx := c.Request().Context()
	sets, err := s.manage.APISets(ctx)
	if err != nil {
		return err
	}
	view := s.keyView(portal.ActorFrom(ctx), key, sets)
	if view.Usage, err = s.manage.KeyUse(ctx, key.ID); err != nil {
		return err
	}
	history, err := s.manage.Revisions(ctx, portal.RevisionFilter{Noun: portal.NounKey, NounID: key.ID})
	if err != nil {
		return err
	}
	view.History = page.History(history.Rows)
	if view.Credentials, err = s.credentialsOf(c, key, form, shown); err != nil {
		return err
	}
	return s.render(c, status, key.Name, view.Render())
}

// credentialsOf gives the halves of a key as the actor may see them.
func (s *Server) credentialsOf(c echo.Context, key manage.KeyDetails, form page.Form, shown string) (page.Credentials, error) {
	ctx := c.Request().Context()
	here, _, err := s.visitOf(c)
	if err != nil {
		return page.Credentials{}, err
	}
	organization, err := s.manage.Organization(ctx, key.OrganizationID)
	return page.Credentials{
		Key: key.Key, Organization: organization, Form: form, Shown: shown, Keeps: key.Rotatable == nil, Viewable: key.Viewable,
		NeedsPassword: s.manage.NeedsPassword(here.session), CanSet: portal.Can(here.actor, portal.ManageSettings, organization.ID) == nil,
		Action: page.KeyPath(key.ID) + "/secret",
	}, err
}

// keyView is a key's page for the actor, but for its use and history; sets are all API
// sets with their routes.
func (s *Server) keyView(actor portal.Actor, key manage.KeyDetails, sets []portal.APISet) page.Key {
	may := func(need portal.Authority) bool { return portal.Can(actor, need, key.OrganizationID) == nil }
	view := page.Key{
		Key: key.Key, APISets: grantedAPISets(key), Secrets: key.Secrets, DeliveryEnds: deliveryEnds(key.Delivery),
		Example: page.Example{Key: key.Key, APISet: exampleAPISet(key, sets), TokenURL: s.tokenURL()},
		Own:     key.UserID == actor.UserID, Lists: portal.CanAnywhere(actor, seeKeys.anyOf...) == nil, CanChange: key.Changeable == nil, CanRotate: key.Rotatable == nil,
		CanSend: portal.CanSendSecret(actor, key.Key) == nil, CanStop: portal.CanChangeSecret(actor, key.Key) == nil,
		SeesLicenses: may(portal.ViewLicenses), SeesUser: key.UserID == actor.UserID || may(portal.ViewUsers), Now: s.manage.Now(),
	}
	view.Unreached = rolesAdvice(key, may(portal.ManageUsers))
	if key.State(view.Now) == portal.KeyActive {
		view.Refused = refusedAdvice(key, may, view.SeesUser)
	}
	return view
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
	if key.Kind == portal.PairKey {
		return s.redirectWith(c, page.KeyListPath(key.Key), key.Name+" is deleted: it is refused from the next check on.")
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
	return s.render(c, status, view.Title(), view.Render())
}

func (s *Server) keyOf(c echo.Context) (manage.KeyDetails, error) {
	id, err := pathID(c, "id", portal.NounKey)
	if err != nil {
		return manage.KeyDetails{}, err
	}
	key, err := s.manage.Key(c.Request().Context(), id)
	if key.Kind == portal.PairKey && setUpSystem.opensTo(portal.ActorFrom(c.Request().Context())) {
		standIn(c, page.SystemSetupPath) // whose tabs list it
	}
	return key, err
}
