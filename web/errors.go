package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/page"
)

var statuses = map[portal.Code]int{
	portal.CodeInvalid:         http.StatusUnprocessableEntity,
	portal.CodeUnauthenticated: http.StatusUnauthorized,
	portal.CodeForbidden:       http.StatusForbidden,
	portal.CodeNotFound:        http.StatusNotFound,
	portal.CodeConflict:        http.StatusConflict,
	portal.CodeTooMany:         http.StatusTooManyRequests,
	portal.CodeTooLarge:        http.StatusRequestEntityTooLarge,
	portal.CodeUnavailable:     http.StatusServiceUnavailable,
	portal.CodeInternal:        http.StatusInternalServerError,
}

var titles = map[int]string{
	http.StatusUnprocessableEntity:   "This can't be taken as it is",
	http.StatusUnauthorized:          "Log in first",
	http.StatusForbidden:             "You may not do this",
	http.StatusNotFound:              "Not found",
	http.StatusMethodNotAllowed:      "Not possible here",
	http.StatusConflict:              "This can't be done now",
	http.StatusTooManyRequests:       "Slow down",
	http.StatusRequestEntityTooLarge: "Too large",
	http.StatusServiceUnavailable:    "Not available now",
	http.StatusInternalServerError:   "Something went wrong",
}

// answerError turns an error into a page, or into JSON where programs ask. It is
// the only place that does.
func (s *Server) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if isOAuth(c.Request()) {
		s.answerOAuthError(err, c)
		return
	}
	if isAPI(c.Request()) {
		s.api.WriteError(c.Response(), c.Request(), err)
		return
	}
	status, message := s.explain(err)
	s.setRetryAfter(c, err)
	view := page.Error{Title: titles[status], Message: message, RequestID: c.Response().Header().Get(echo.HeaderXRequestID)}
	if failed := s.renderError(c, status, view); failed != nil {
		s.Log.Error("the error page failed", "error", failed)
	}
}

func (s *Server) setRetryAfter(c echo.Context, err error) {
	if tooMany, ok := errors.AsType[*portal.Error](err); ok && tooMany.Retry > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(int(tooMany.Retry.Seconds())))
	}
}

// explain gives an error's status and what people may read of it.
func (s *Server) explain(err error) (status int, message string) {
	if known, ok := errors.AsType[*portal.Error](err); ok {
		return statuses[known.Code], known.Message
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return http.StatusServiceUnavailable, "This took too long and was given up. Try again in a moment."
	}
	if of, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch of.Code {
		case http.StatusNotFound:
			return of.Code, "There is no such page. Check the address, or start from the overview."
		case http.StatusMethodNotAllowed:
			return of.Code, "This address can't be used like that. Start from the overview."
		case http.StatusRequestEntityTooLarge:
			return of.Code, "More was sent than the portal reads (1 MB). Shorten it, then send it again."
		}
	}
	return http.StatusInternalServerError, "This is a fault of the portal, not yours. Nothing more is known here; the operator finds it in the log under the request's ID."
}

func messageOf(err error) string {
	if known, ok := errors.AsType[*portal.Error](err); ok {
		return known.Message
	}
	return ""
}

// refused tells whether an error is about what was entered or about the thing's
// state, so that the form is shown again with what was typed.
func refused(err error) bool {
	switch portal.CodeOf(err) {
	case portal.CodeInvalid, portal.CodeConflict, portal.CodeUnavailable, portal.CodeForbidden, portal.CodeTooMany:
		return true
	}
	return false
}
