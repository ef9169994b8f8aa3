package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// showDelivery shows the one-time page of a key to the user whom it is for, without
// opening it.
func (s *Server) showDelivery(c echo.Context) error {
	id, err := pathID(c, "id", portal.NounKey)
	if err != nil {
		return err
	}
	delivery, err := s.manage.Delivery(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return s.renderDelivery(c, http.StatusOK, newForm(c, url.Values{}), delivery)
}

func (s *Server) renderDelivery(c echo.Context, status int, form page.Form, delivery manage.Delivery) error {
	view := page.Delivery{
		Form: form, Key: delivery.Key, Uses: delivery.Uses, Graces: manage.Graces, ExpiresAt: delivery.ExpiresAt, Now: s.manage.Now(),
	}
	return s.render(c, status, view.Title(), view.Render())
}

// openDelivery makes the secret and shows it in this very response, the only one that
// ever has it.
func (s *Server) openDelivery(c echo.Context) error {
	id, err := pathID(c, "id", portal.NounKey)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	delivery, err := s.manage.Delivery(ctx, id)
	if err != nil {
		return err
	}
	var grace time.Duration
	if delivery.HasSecret() {
		grace, err = graceOf(c.Request().PostForm)
	}
	var made manage.GeneratedKey
	if err == nil {
		made, err = s.manage.OpenDelivery(ctx, id, grace)
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderDelivery(c, status, withError(newForm(c, nil), err), delivery) })
	}
	closeTo := "/"
	if portal.CanUseKeysOf(portal.ActorFrom(ctx), portal.SeeKey, made.OrganizationID, made.UserID) == nil {
		closeTo = page.KeyPath(made.ID)
	}
	return s.renderSavedKey(c, made, closeTo)
}

// sendDelivery makes a one-time page for a key's user, in place of one that was not
// opened.
func (s *Server) sendDelivery(c echo.Context) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	sent, err := s.manage.SendDelivery(c.Request().Context(), key.ID)
	if err != nil {
		return err
	}
	return s.redirectWith(c, page.KeyPath(key.ID), "A one-time page was sent. "+s.tellOfDelivery(c, sent))
}

// tellOfDelivery mails a key's user that it waits, and says how the user learns of
// it. The key is issued whether the mail goes out or not.
func (s *Server) tellOfDelivery(c echo.Context, key portal.Key) string {
	if err := s.manage.TellOfDelivery(c.Request().Context(), key); err != nil {
		s.Log.Error("an e-mail about a delivered key was not sent", "key", key.ID, "error", err)
		return messageOf(err)
	}
	return key.UserName + " alone can see it, on a one-time page that is linked on the overview."
}

// deliveryEnds tells until when a one-time page can be opened; the zero time when it
// was.
func deliveryEnds(link portal.Link) time.Time {
	if !link.UsedAt.IsZero() {
		return time.Time{}
	}
	return link.ExpiresAt
}
