package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

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
	return s.render(c, http.StatusOK, "Your API key is ready", page.Delivery{Key: delivery.Key, ExpiresAt: delivery.ExpiresAt, Now: s.manage.Now()}.Render())
}

// openDelivery makes the secret and shows it in this very response, the only one that
// ever has it.
func (s *Server) openDelivery(c echo.Context) error {
	id, err := pathID(c, "id", portal.NounKey)
	if err != nil {
		return err
	}
	made, err := s.manage.OpenDelivery(c.Request().Context(), id)
	if err != nil {
		return err
	}
	closeTo := "/"
	if portal.CanUseKeysOf(portal.ActorFrom(c.Request().Context()), portal.SeeKey, made.OrganizationID, made.UserID) == nil {
		closeTo = page.KeyPath(made.ID)
	}
	return s.renderSavedKey(c, made, closeTo)
}

// renewDelivery makes a new one-time page in place of one that has expired.
func (s *Server) renewDelivery(c echo.Context) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	renewed, err := s.manage.RenewDelivery(c.Request().Context(), key.ID)
	if err != nil {
		return err
	}
	return s.redirectWith(c, page.KeyPath(key.ID), "There is a new one-time page. "+s.tellOfDelivery(c, renewed))
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
