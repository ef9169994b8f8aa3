package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

func (s *Server) listAPISets(c echo.Context) error {
	sets, err := s.manage.APISets(c.Request().Context())
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "API sets", page.APISets(sets))
}

func (s *Server) showAPISet(c echo.Context) error {
	set, err := s.apiSetOf(c)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, set.Name, page.APISet(set.APISet, set.Roles, set.KeyCount))
}

func (s *Server) showNewAPISet(c echo.Context) error {
	return s.renderAPISetForm(c, http.StatusOK, newForm(c, nil), 0)
}

func (s *Server) createAPISet(c echo.Context) error {
	made, err := s.manage.CreateAPISet(c.Request().Context(), apiSetInput(c, 0))
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderAPISetForm(c, status, withError(newForm(c, nil), err), 0)
		})
	}
	return s.redirectWith(c, page.APISetPath(made.ID), "The API set "+made.Name+" was created. Put it into roles, so that keys can be granted it.")
}

func (s *Server) showAPISetEdit(c echo.Context) error {
	set, err := s.apiSetOf(c)
	if err != nil {
		return err
	}
	return s.renderAPISetForm(c, http.StatusOK, newForm(c, url.Values{
		"slug": {set.Slug}, "name": {set.Name}, "description": {set.Description},
		"routes": {strings.Join(set.Routes, "\n")}, "version": {strconv.FormatInt(set.Version, 10)},
	}), set.ID)
}

func (s *Server) updateAPISet(c echo.Context) error {
	id, err := pathID(c, "id", portal.NounAPISet)
	if err != nil {
		return err
	}
	if err := s.manage.UpdateAPISet(c.Request().Context(), apiSetInput(c, id)); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderAPISetForm(c, status, withError(newForm(c, nil), err), id)
		})
	}
	return s.redirectWith(c, page.APISetPath(id), "The API set was saved.")
}

func (s *Server) showAPISetRetire(c echo.Context) error {
	return s.renderAPISetRetire(c, http.StatusOK, nil)
}

func (s *Server) retireAPISet(c echo.Context) error {
	set, err := s.apiSetOf(c)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	if err := s.manage.RetireAPISet(c.Request().Context(), set.ID, number(values, "version"), values.Get("confirm")); err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderAPISetRetire(c, status, err) })
	}
	return s.redirectWith(c, page.APISetPath(set.ID), "The API set "+set.Name+" is retired: no key reaches it any more.")
}

func (s *Server) renderAPISetRetire(c echo.Context, status int, refusal error) error {
	set, err := s.apiSetOf(c)
	if err != nil {
		return err
	}
	form := withError(newForm(c, url.Values{"version": {strconv.FormatInt(set.Version, 10)}}), refusal)
	return s.render(c, status, "Retire "+set.Name, page.APISetRetire{
		Form: form, Set: set.APISet, Keys: set.Keys, KeyCount: set.KeyCount, Now: s.manage.Now(),
	}.Render())
}

func (s *Server) restoreAPISet(c echo.Context) error {
	set, err := s.apiSetOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.RestoreAPISet(c.Request().Context(), set.ID, number(c.Request().PostForm, "version")); err != nil {
		return err
	}
	return s.redirectWith(c, page.APISetPath(set.ID), "The API set "+set.Name+" is in use again.")
}

func (s *Server) renderAPISetForm(c echo.Context, status int, form page.Form, id int64) error {
	view := page.APISetForm{Form: form, ID: id}
	return s.render(c, status, view.Title(), view.Render())
}

func (s *Server) apiSetOf(c echo.Context) (manage.APISetDetails, error) {
	id, err := pathID(c, "id", portal.NounAPISet)
	if err != nil {
		return manage.APISetDetails{}, err
	}
	return s.manage.APISet(c.Request().Context(), id)
}

func apiSetInput(c echo.Context, id int64) manage.APISetInput {
	values := c.Request().PostForm
	return manage.APISetInput{
		ID: id, Version: number(values, "version"), Submission: submissionOf(values),
		Slug: values.Get("slug"), Name: values.Get("name"), Description: values.Get("description"), Routes: values.Get("routes"),
	}
}
