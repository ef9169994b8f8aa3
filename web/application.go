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

// listApplications shows the catalogue.
func (s *Server) listApplications(c echo.Context) error {
	applications, err := s.manage.Applications(c.Request().Context(), 0)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "Application catalogue", page.Applications(applications))
}

func (s *Server) showNewApplication(c echo.Context) error {
	return s.renderApplicationForm(c, http.StatusOK, newForm(c, nil), manage.ApplicationDetails{})
}

func (s *Server) createApplication(c echo.Context) error {
	return s.addApplication(c, portal.Application{})
}

// showNewClientApplication shows the form of an application of a client's own.
func (s *Server) showNewClientApplication(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	if err := portal.CanManageApplications(portal.ActorFrom(c.Request().Context()), organization.ID); err != nil {
		return err
	}
	return s.renderApplicationForm(c, http.StatusOK, newForm(c, nil), manage.ApplicationDetails{Application: portal.Application{OrganizationID: organization.ID}})
}

func (s *Server) createClientApplication(c echo.Context) error {
	organization, err := s.organizationOf(c)
	if err != nil {
		return err
	}
	return s.addApplication(c, portal.Application{OrganizationID: organization.ID})
}

// addApplication makes an application of a client or of the catalogue.
func (s *Server) addApplication(c echo.Context, application portal.Application) error {
	made, err := s.manage.CreateApplication(c.Request().Context(), applicationInput(c, application))
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderApplicationForm(c, status, withError(newForm(c, nil), err), manage.ApplicationDetails{Application: application})
		})
	}
	return s.redirectWith(c, page.ApplicationsPath(made.OrganizationID), "The application "+made.Name+" was added.")
}

func (s *Server) showApplicationEdit(c echo.Context) error {
	application, err := s.applicationOf(c)
	if err != nil {
		return err
	}
	return s.renderApplicationForm(c, http.StatusOK, newForm(c, url.Values{
		"name": {application.Name}, "description": {application.Description}, "version": {strconv.FormatInt(application.Version, 10)},
	}), application)
}

func (s *Server) updateApplication(c echo.Context) error {
	application, err := s.applicationOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.UpdateApplication(c.Request().Context(), applicationInput(c, application.Application)); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderApplicationForm(c, status, withError(newForm(c, nil), err), application)
		})
	}
	return s.redirectWith(c, page.ApplicationsPath(application.OrganizationID), "The application was saved.")
}

func (s *Server) retireApplication(c echo.Context) error {
	return s.switchApplication(c, s.manage.RetireApplication, func(a manage.ApplicationDetails) string {
		return a.Name + " is retired: no more API keys are issued or requested for it. " + page.KeysGoOn(a.Keys)
	})
}

func (s *Server) restoreApplication(c echo.Context) error {
	return s.switchApplication(c, s.manage.RestoreApplication, func(a manage.ApplicationDetails) string {
		return a.Name + " is in use again: API keys can be issued and requested for it."
	})
}

// switchApplication retires an application or takes that back.
func (s *Server) switchApplication(c echo.Context, act func(ctx context.Context, id, version int64) error, done func(manage.ApplicationDetails) string) error {
	application, err := s.applicationOf(c)
	if err != nil {
		return err
	}
	if err := act(c.Request().Context(), application.ID, number(c.Request().PostForm, "version")); err != nil {
		return err
	}
	return s.redirectWith(c, page.ApplicationsPath(application.OrganizationID), done(application))
}

func (s *Server) renderApplicationForm(c echo.Context, status int, form page.Form, application manage.ApplicationDetails) error {
	view := page.ApplicationForm{Form: form, Application: application.Application, Keys: application.Keys}
	if application.OrganizationID != 0 {
		organization, err := s.manage.Organization(c.Request().Context(), application.OrganizationID)
		if err != nil {
			return err
		}
		view.Organization = organization
	}
	return s.render(c, status, view.Title(), view.Render())
}

// applicationOf finds the application of the address. Its pages belong to its
// client's or the catalogue's in the navigation.
func (s *Server) applicationOf(c echo.Context) (manage.ApplicationDetails, error) {
	id, err := pathID(c, "id", portal.NounApplication)
	if err != nil {
		return manage.ApplicationDetails{}, err
	}
	application, err := s.manage.Application(c.Request().Context(), id)
	if err == nil {
		standIn(c, page.ApplicationsPath(application.OrganizationID))
	}
	return application, err
}

func applicationInput(c echo.Context, application portal.Application) manage.ApplicationInput {
	values := c.Request().PostForm
	return manage.ApplicationInput{
		ID: application.ID, Version: number(values, "version"), Submission: submissionOf(values), OrganizationID: application.OrganizationID,
		Name: values.Get("name"), Description: values.Get("description"),
	}
}
