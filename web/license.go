package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

func (s *Server) showLicense(c echo.Context) error {
	license, err := s.licenseOf(c)
	if err != nil {
		return err
	}
	return s.renderLicense(c, http.StatusOK, newForm(c, nil), license)
}

// renderLicense shows a license, with the form that adds an instance to it.
func (s *Server) renderLicense(c echo.Context, status int, form page.Form, license manage.LicenseDetails) error {
	actor := portal.ActorFrom(c.Request().Context())
	view := page.License{
		Form: form, License: license.License, Organization: license.Organization, Instances: license.Instances, History: page.History(license.History),
		SeesHistory: portal.Can(actor, portal.ViewHistory, license.OrganizationID) == nil,
		SeesKeys:    portal.CanUseKeysOf(actor, portal.SeeKey, license.OrganizationID, 0) == nil,
		CanManage:   portal.Can(actor, portal.ManageLicenses, 0) == nil, Now: s.manage.Now(),
	}
	for _, key := range license.Keys {
		view.Keys = append(view.Keys, page.LicensedKey{Key: key, Visible: portal.CanUseKeysOf(actor, portal.SeeKey, key.OrganizationID, key.UserID) == nil})
	}
	return s.render(c, status, "License "+license.Number, view.Render())
}

// showNewLicense shows the form of a new license, or straight away why there can
// be none.
func (s *Server) showNewLicense(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	full := s.manage.RoomForLicense(c.Request().Context(), organization)
	if full != nil && portal.CodeOf(full) != portal.CodeConflict {
		return full
	}
	return s.renderNewLicense(c, http.StatusOK, newForm(c, nil), organization, full)
}

func (s *Server) createLicense(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	in := licenseInput(c, portal.License{OrganizationID: organization.ID})
	made, err := s.manage.CreateLicense(c.Request().Context(), in)
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderNewLicense(c, status, withError(newForm(c, nil), err), organization, s.manage.RoomForLicense(c.Request().Context(), organization))
		})
	}
	return s.redirectWith(c, page.LicensePath(made.ID), "The license "+made.Number+" was created. Add the instances where people sign in to it.")
}

// renderNewLicense shows the form of a new license; full says why there can be
// none.
func (s *Server) renderNewLicense(c echo.Context, status int, form page.Form, organization portal.Organization, full error) error {
	view := page.LicenseForm{
		Form: form, Organization: organization, Full: messageOf(full),
		CanRaise: portal.Can(portal.ActorFrom(c.Request().Context()), portal.ManageOrganizations, 0) == nil,
	}
	if view.Full != "" {
		view.Form.Message = "" // it says the same
		var err error
		if view.InUse, err = s.manage.Licenses(c.Request().Context(), organization.ID); err != nil {
			return err
		}
	}
	return s.render(c, status, view.Title(), view.Render())
}

func (s *Server) showLicenseEdit(c echo.Context) error {
	license, err := s.licenseOf(c)
	if err != nil {
		return err
	}
	return s.renderLicenseEdit(c, http.StatusOK, newForm(c, url.Values{
		"domain": {license.Domain}, "database": {license.Database}, "version": {strconv.FormatInt(license.Version, 10)},
	}), license)
}

func (s *Server) updateLicense(c echo.Context) error {
	license, err := s.licenseOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.UpdateLicense(c.Request().Context(), licenseInput(c, license.License)); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderLicenseEdit(c, status, withError(newForm(c, nil), err), license)
		})
	}
	return s.redirectWith(c, page.LicensePath(license.ID), "The license was saved.")
}

func (s *Server) renderLicenseEdit(c echo.Context, status int, form page.Form, license manage.LicenseDetails) error {
	view := page.LicenseForm{Form: form, License: license.License, Organization: license.Organization}
	return s.render(c, status, view.Title(), view.Render())
}

func (s *Server) showLicenseDeactivate(c echo.Context) error {
	return s.renderLicenseDeactivate(c, http.StatusOK, nil)
}

func (s *Server) deactivateLicense(c echo.Context) error {
	license, err := s.licenseOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.DeactivateLicense(c.Request().Context(), license.ID, c.Request().PostForm.Get("confirm")); err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderLicenseDeactivate(c, status, err) })
	}
	return s.redirectWith(c, page.LicensePath(license.ID), "The license "+license.Number+" is inactive: its keys are refused from the next check on.")
}

// renderLicenseDeactivate asks before a license is deactivated. One that is
// inactive already is shown as it is.
func (s *Server) renderLicenseDeactivate(c echo.Context, status int, refusal error) error {
	license, err := s.licenseOf(c)
	switch {
	case err != nil:
		return err
	case !license.Active:
		return s.redirect(c, page.LicensePath(license.ID))
	}
	view := page.LicenseDeactivate{Form: withError(page.Form{}, refusal), License: license.License, Keys: license.Keys, Now: s.manage.Now()}
	return s.render(c, status, "Deactivate "+license.Number, view.Render())
}

func (s *Server) activateLicense(c echo.Context) error {
	license, err := s.licenseOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.ActivateLicense(c.Request().Context(), license.ID); err != nil {
		return err
	}
	return s.redirectWith(c, page.LicensePath(license.ID), "The license "+license.Number+" is active: its keys are accepted from the next check on.")
}

func (s *Server) showLicenseDelete(c echo.Context) error {
	return s.renderLicenseDelete(c, http.StatusOK, nil)
}

func (s *Server) deleteLicense(c echo.Context) error {
	license, err := s.licenseOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.DeleteLicense(c.Request().Context(), license.ID, c.Request().PostForm.Get("confirm")); err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderLicenseDelete(c, status, err) })
	}
	return s.redirectWith(c, page.OrganizationPath(license.OrganizationID), "The license "+license.Number+" was deleted: its number and its domain can be used again.")
}

// renderLicenseDelete asks before a license is deleted, or says straight away why it
// can't be.
func (s *Server) renderLicenseDelete(c echo.Context, status int, refusal error) error {
	license, err := s.licenseOf(c)
	if err != nil {
		return err
	}
	used := s.manage.UnusedLicense(c.Request().Context(), license.License)
	if used != nil && portal.CodeOf(used) != portal.CodeConflict {
		return used
	}
	view := page.LicenseDelete{Form: withError(page.Form{}, refusal), License: license.License, Organization: license.Organization, Used: messageOf(used)}
	if view.Used != "" {
		view.Form.Message = "" // it says the same
	}
	return s.render(c, status, "Delete "+license.Number, view.Render())
}

// licenseInstances lists an organization's licenses with their instances; here is the
// instance that one is signed in to.
func (s *Server) licenseInstances(ctx context.Context, organization, here int64) ([]page.LicenseInstances, error) {
	licenses, err := s.manage.Licenses(ctx, organization)
	if err != nil {
		return nil, err
	}
	instances, err := s.manage.Instances(ctx, organization)
	return withInstances(licenses, instances, here), err
}

// withInstances puts licenses and their instances together.
func withInstances(licenses []portal.License, instances []portal.Instance, here int64) []page.LicenseInstances {
	rows := make([]page.LicenseInstances, len(licenses))
	for i, license := range licenses {
		rows[i].License = license
		for _, instance := range instances {
			if instance.LicenseID == license.ID {
				rows[i].Instances = append(rows[i].Instances, instance)
				rows[i].Here = rows[i].Here || instance.ID == here
			}
		}
	}
	return rows
}

// licenseOf finds the license of the address. Its pages belong to its client's in
// the navigation.
func (s *Server) licenseOf(c echo.Context) (manage.LicenseDetails, error) {
	id, err := pathID(c, "id", portal.NounLicense)
	if err != nil {
		return manage.LicenseDetails{}, err
	}
	license, err := s.manage.License(c.Request().Context(), id)
	if err == nil {
		standIn(c, page.OrganizationPath(license.OrganizationID))
	}
	return license, err
}

func licenseInput(c echo.Context, license portal.License) manage.LicenseInput {
	values := c.Request().PostForm
	return manage.LicenseInput{
		ID: license.ID, Version: number(values, "version"), Submission: submissionOf(values), OrganizationID: license.OrganizationID,
		Number: values.Get("number"), Domain: values.Get("domain"), Database: values.Get("database"),
	}
}
