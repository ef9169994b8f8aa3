package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	readyTimeout = 2 * time.Second
	notReady     = "NOT_READY"
)

// health tells that the process answers.
func (g *gateway) health(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// ready tells whether checks can be decided.
func (g *gateway) ready(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), readyTimeout)
	defer cancel()
	if err := g.Ready(ctx); err != nil {
		return &refusal{status: http.StatusServiceUnavailable, code: notReady, message: "Checks can't be decided now. The log says why.", cause: err}
	}
	return c.JSON(http.StatusOK, map[string]string{"status": "ready"})
}
