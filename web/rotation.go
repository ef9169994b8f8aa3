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

func (s *Server) showKeyRotation(c echo.Context) error {
	key, err := s.rotatableKeyOf(c)
	if err != nil {
		return err
	}
	return s.renderKeyRotation(c, http.StatusOK, newForm(c, url.Values{}), key)
}

// rotateKey gives the key a new secret and shows it in this very response, the only
// one that ever has it.
func (s *Server) rotateKey(c echo.Context) error {
	key, err := s.rotatableKeyOf(c)
	if err != nil {
		return err
	}
	home, err := s.homeOf(c, key.Key) // known before there is a secret that an error would lose
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	grace, err := graceOf(values)
	if err == nil {
		err = sawSecret(key, number(values, "secret"))
	}
	var made manage.GeneratedKey
	if err == nil {
		made, err = s.manage.RotateKey(c.Request().Context(), manage.Rotation{
			KeyID: key.ID, Submission: submissionOf(values), Grace: grace, Confirm: values.Get("confirm"), Secret: number(values, "secret"),
		})
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderKeyRotation(c, status, withError(newForm(c, nil), err), key)
		})
	}
	if made.Again {
		return s.redirectWith(c, home, "This form was sent before: the secret was made once and is not shown again. If it was not saved, make another.")
	}
	return s.renderSavedKey(c, made, home)
}

// sawSecret refuses a form that does not say which secret it saw as the current one while
// a key is being rotated: what it ends may be in use.
func sawSecret(key manage.KeyDetails, seen int64) error {
	if seen == 0 && len(key.Secrets) > 1 {
		return portal.Stale(portal.NounKey)
	}
	return nil
}

// sawBothSecrets refuses a form that saw other secrets than there are now.
func sawBothSecrets(key manage.KeyDetails, seen int64) error {
	if seen != 0 && len(key.Secrets) > 1 && key.Secrets[0].ID != seen {
		return portal.Stale(portal.NounKey)
	}
	return sawSecret(key, seen)
}

// graceOf reads how long the old secret goes on working.
func graceOf(values url.Values) (time.Duration, error) {
	grace, err := time.ParseDuration(values.Get("grace"))
	if err != nil {
		var invalid portal.Invalid
		invalid.Add("grace", "Choose how long the present secret goes on working.")
		return 0, invalid.Err()
	}
	return grace, nil
}

func (s *Server) renderKeyRotation(c echo.Context, status int, form page.Form, key manage.KeyDetails) error {
	home, err := s.homeOf(c, key.Key)
	if err != nil {
		return err
	}
	view := page.KeyRotation{
		Form: form, Key: key.Key, Secrets: key.Secrets, Uses: key.Uses, Graces: manage.Graces, Confirm: manage.RotationName(key.Key),
		Back: home, Now: s.manage.Now(),
	}
	return s.render(c, status, view.Title(), view.Render())
}

// ending makes the handler of a way to end a rotation.
func ending(end page.RotationEnd, handle func(*Server, echo.Context, page.RotationEnd) error) handler {
	return func(s *Server, c echo.Context) error { return handle(s, c, end) }
}

// showRotationEnd asks before a rotation is ended.
func (s *Server) showRotationEnd(c echo.Context, end page.RotationEnd) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	return s.renderRotationEnd(c, http.StatusOK, newForm(c, url.Values{}), key, end)
}

// endRotation retires the old secret, or cancels the rotation.
func (s *Server) endRotation(c echo.Context, end page.RotationEnd) error {
	key, err := s.keyOf(c)
	if err != nil {
		return err
	}
	act := s.manage.RetireOldSecret
	if end.Name == page.CancelRotation.Name {
		act = s.manage.CancelRotation
	}
	if err = sawBothSecrets(key, number(c.Request().PostForm, "secret")); err == nil {
		err = act(c.Request().Context(), key.ID, c.Request().PostForm.Get("confirm"))
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderRotationEnd(c, status, withError(newForm(c, nil), err), key, end)
		})
	}
	home, err := s.homeOf(c, key.Key)
	if err != nil {
		return err
	}
	return s.redirectWith(c, home, key.Name+end.Done)
}

// renderRotationEnd shows where one comes from instead when there is no old secret any
// more, with what was wrong with that if something was.
func (s *Server) renderRotationEnd(c echo.Context, status int, form page.Form, key manage.KeyDetails, end page.RotationEnd) error {
	refusal := portal.CanChangeSecret(portal.ActorFrom(c.Request().Context()), key.Key)
	if end.Name == page.CancelRotation.Name {
		refusal = key.Rotatable
	}
	if refusal != nil {
		return refusal
	}
	home, err := s.homeOf(c, key.Key)
	if err != nil {
		return err
	}
	if len(key.Secrets) < 2 && form.Message != "" {
		return s.redirectWith(c, home, form.Message)
	}
	if len(key.Secrets) < 2 {
		return s.redirect(c, home)
	}
	return s.render(c, status, end.Title, page.RotationEnding{
		End: end, Form: form, Key: key.Key, Secrets: key.Secrets, Uses: key.Uses, Confirm: manage.RotationName(key.Key), Back: home, Now: s.manage.Now(),
	}.Render())
}

// rotatableKeyOf finds a key that the actor may give a new secret.
func (s *Server) rotatableKeyOf(c echo.Context) (manage.KeyDetails, error) {
	key, err := s.keyOf(c)
	switch {
	case err != nil:
		return key, err
	case key.Rotatable != nil:
		return key, key.Rotatable
	case key.Revoked():
		return key, portal.Conflict("This API key was revoked. That is final: it gets no new secret.")
	case !key.HasSecret():
		return key, portal.Conflict("This API key has no secret yet: " + key.UserName + " gets the first one on a one-time page.")
	}
	return key, nil
}

// homeOf gives the address of the page on which a key's secret is looked after: for
// the OAuth client of the instance that one is signed in to, My Account → API Key.
func (s *Server) homeOf(c echo.Context, key portal.Key) (string, error) {
	here, _, err := s.visitOf(c)
	if err != nil || key.Kind != portal.OAuthKey || here.session.InstanceID == 0 {
		return page.KeyPath(key.ID), err
	}
	instance, err := s.manage.Instance(c.Request().Context(), here.session.InstanceID)
	if err == nil && instance.LicenseID == key.LicenseID {
		return page.OAuthClientPath, nil
	}
	return page.KeyPath(key.ID), err
}
