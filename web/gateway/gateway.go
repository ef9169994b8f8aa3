// Package gateway is the check's HTTP face, on a listener of its own.
//
//	gateway.go     the routes
//	auth.go        /auth, which gateways ask about each request
//	verify.go      /v1/verify, which services ask
//	credential.go  the credential that a request brings
//	original.go    the request that a gateway asks about
//	answer.go      the answers: status, headers, bodies
package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"keyportal/internal/verify"
)

const (
	bodyLimit    = "64K"
	checkTimeout = 10 * time.Second
)

// Options are what the check's HTTP face works with.
type Options struct {
	Checker        *verify.Checker
	TrustedProxies []netip.Prefix              // whose X-Forwarded-For is believed
	Metrics        prometheus.Gatherer         // what /metrics shows
	Ready          func(context.Context) error // nil when checks can be decided; what /readyz tells
	Logger         *slog.Logger
}

type server struct {
	Options
	echo *echo.Echo
}

// New makes the handler of the check's listener.
func New(options Options) http.Handler {
	s := &server{options, echo.New()}
	s.echo.HTTPErrorHandler = s.answerError
	s.echo.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: s.logPanic}), middleware.ContextTimeout(checkTimeout))
	for _, path := range []string{"/auth", "/auth/*"} {
		s.echo.RouteNotFound(path, s.auth) // any method, unknown ones too
	}
	s.echo.POST("/v1/verify", s.verify, middleware.BodyLimit(bodyLimit))
	s.echo.GET("/healthz", s.healthy)
	s.echo.GET("/readyz", s.ready)
	s.echo.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(options.Metrics, promhttp.HandlerOpts{})))
	return s.echo
}

func (s *server) healthy(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

func (s *server) ready(c echo.Context) error {
	if err := s.Ready(c.Request().Context()); err != nil {
		s.Logger.Warn("Checks can't be decided now.", "error", err)
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ready\n")
}

func (s *server) logPanic(c echo.Context, err error, stack []byte) error {
	s.Logger.Error("panic", "route", c.Path(), "error", err, "stack", string(stack))
	return err
}

// answerError answers what could not be decided. It never lets a request pass.
func (s *server) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status, problem := http.StatusServiceUnavailable, problem{Code: "UNAVAILABLE", Message: "The check can't be decided now. Try again in a moment."}
	if bad, ok := errors.AsType[*badRequest](err); ok {
		status, problem.Code, problem.Message = http.StatusBadRequest, "BAD_REQUEST", bad.message
	} else if of, ok := errors.AsType[*echo.HTTPError](err); ok {
		status, problem.Code, problem.Message = of.Code, "NOT_POSSIBLE", http.StatusText(of.Code)
	} else {
		s.Logger.Error("A check could not be decided.", "route", c.Path(), "error", err)
	}
	if failed := answerJSON(c, status, problem); failed != nil {
		s.Logger.Error("An answer could not be written.", "error", failed)
	}
}

// badRequest is an error of whoever set the gateway up, or sent a credential
// where it does not belong.
type badRequest struct{ message string }

// Error gives the message.
func (b *badRequest) Error() string { return b.message }
