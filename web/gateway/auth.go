package gateway

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// auth answers whether a request may pass, and as whom: 200 with an empty body,
// or a refusal. It takes any method and any path behind /auth.
func (s *server) auth(c echo.Context) error {
	asked, err := s.original(c)
	if err != nil {
		return err
	}
	decision, err := s.Checker.Check(c.Request().Context(), asked)
	if err != nil {
		return err
	}
	if !decision.Valid() {
		status := statuses[decision.Code]
		if status == http.StatusTooManyRequests && c.QueryParam("deny") == "403" {
			status = http.StatusForbidden
		}
		return refuse(c, decision, status)
	}
	identify(c.Response().Header(), decision.Subject)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.NoContent(http.StatusOK)
}
