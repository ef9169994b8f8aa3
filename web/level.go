package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

func (s *Server) listLevels(c echo.Context) error {
	levels, err := s.manage.ClientLevels(c.Request().Context())
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "Client levels", page.Levels(levels))
}

func (s *Server) showNewLevel(c echo.Context) error {
	return s.renderLevelForm(c, http.StatusOK, newForm(c, nil), portal.ClientLevel{})
}

func (s *Server) createLevel(c echo.Context) error {
	made, err := s.manage.CreateClientLevel(c.Request().Context(), levelInput(c, 0))
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderLevelForm(c, status, withError(newForm(c, nil), err), portal.ClientLevel{})
		})
	}
	return s.redirectWith(c, "/levels", "The client level "+made.Name+" was created.")
}

func (s *Server) showLevelEdit(c echo.Context) error {
	level, err := s.levelOf(c)
	if err != nil {
		return err
	}
	return s.renderLevelForm(c, http.StatusOK, newForm(c, levelValues(level)), level)
}

func (s *Server) updateLevel(c echo.Context) error {
	level, err := s.levelOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.UpdateClientLevel(c.Request().Context(), levelInput(c, level.ID)); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderLevelForm(c, status, withError(newForm(c, nil), err), level)
		})
	}
	return s.redirectWith(c, "/levels", "The client level was saved. What it allows counts for all its organizations.")
}

func (s *Server) deleteLevel(c echo.Context) error {
	level, err := s.levelOf(c)
	if err != nil {
		return err
	}
	if err := s.manage.DeleteClientLevel(c.Request().Context(), level.ID, number(c.Request().PostForm, "version")); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderLevelForm(c, status, withError(page.Form{Values: levelValues(level)}, err), level)
		})
	}
	return s.redirectWith(c, "/levels", "The client level "+level.Name+" was deleted.")
}

func (s *Server) renderLevelForm(c echo.Context, status int, form page.Form, level portal.ClientLevel) error {
	view := page.LevelForm{Form: form, Level: level}
	return s.render(c, status, view.Title(), view.Render())
}

func (s *Server) levelOf(c echo.Context) (portal.ClientLevel, error) {
	id, err := pathID(c, "id", portal.NounLevel)
	if err != nil {
		return portal.ClientLevel{}, err
	}
	return s.manage.ClientLevel(c.Request().Context(), id)
}

func levelValues(level portal.ClientLevel) url.Values {
	return url.Values{"name": {level.Name}, "licenses": {strconv.Itoa(level.Licenses)}, "version": {strconv.FormatInt(level.Version, 10)}}
}

func levelInput(c echo.Context, id int64) manage.LevelInput {
	values := c.Request().PostForm
	return manage.LevelInput{
		ID: id, Version: number(values, "version"), Submission: submissionOf(values),
		Name: values.Get("name"), Licenses: values.Get("licenses"),
	}
}
