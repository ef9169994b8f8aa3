package web

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

func (s *Server) createInstance(c echo.Context) error {
	license, err := s.licenseOf(c)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	in := manage.InstanceInput{Submission: submissionOf(values), LicenseID: license.ID, Name: values.Get("name")}
	made, err := s.manage.CreateInstance(c.Request().Context(), in)
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderLicense(c, status, withError(newForm(c, nil), err), license)
		})
	}
	return s.redirectWith(c, page.LicensePath(license.ID), "The instance "+made.Name+" was added: people can sign in there.")
}

// showInstanceRemove asks before an instance is removed.
func (s *Server) showInstanceRemove(c echo.Context) error {
	license, instance, err := s.instanceOf(c)
	if err != nil {
		return err
	}
	view := page.InstanceRemove{License: license.License, Instance: instance, Last: len(license.Instances) == 1}
	return s.render(c, http.StatusOK, "Remove "+instance.Name, view.Render())
}

func (s *Server) removeInstance(c echo.Context) error {
	license, instance, err := s.instanceOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.RemoveInstance(c.Request().Context(), license.ID, instance.ID); err != nil {
		return err
	}
	return s.redirectWith(c, page.LicensePath(license.ID), "The instance "+instance.Name+" was removed: nobody can sign in there any more.")
}

// instanceOf finds the instance of the address and its license.
func (s *Server) instanceOf(c echo.Context) (manage.LicenseDetails, portal.Instance, error) {
	license, err := s.licenseOf(c)
	if err != nil {
		return license, portal.Instance{}, err
	}
	id, err := pathID(c, "instance", portal.NounInstance)
	i := slices.IndexFunc(license.Instances, func(one portal.Instance) bool { return one.ID == id })
	if err == nil && i < 0 {
		err = portal.NotFound(portal.NounInstance)
	}
	if err != nil {
		return license, portal.Instance{}, err
	}
	return license, license.Instances[i], nil
}
