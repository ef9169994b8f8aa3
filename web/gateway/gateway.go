// Package gateway is the HTTP face of the check, on a listener of its own: what
// gateways and services ask before they let a request pass.
//
//	gateway.go     the routes and what surrounds them
//	auth.go        /auth: is this request all right? Answered in status and headers
//	verify.go      /v1/verify: the same question and answer as JSON
//	request.go     the credential, the original request and the client's address
//	ratelimit.go   what a key with a rate limit has left
//	setting.go     what a gateway's configuration says in the query of /auth
//	credential.go  credentials where they don't belong
//	refusal.go     every answer that is not "pass", with its status
//	health.go      /healthz and /readyz
//
// A credential is never logged, nor is anything else that a client can choose.
package gateway

import (
	"context"
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

// Options are what the handler works with. All of them are required, save that
// TrustedProxies may be empty.
type Options struct {
	Checker        *verify.Checker
	TrustedProxies []netip.Prefix              // whose X-Forwarded-For is believed
	Metrics        prometheus.Gatherer         // served at /metrics
	Ready          func(context.Context) error // tells why no check can be decided now; nil when they can
	Logger         *slog.Logger
}

type gateway struct {
	Options
	places places
}

// New makes the handler for the gateways' listener.
func New(o Options) http.Handler {
	g := &gateway{Options: o}
	e := echo.New()
	e.HTTPErrorHandler = g.answerError
	e.Use(
		g.logRequest,
		middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: g.logPanic}),
	)
	// Any knows a dozen methods; what stands in for "not found" takes every one.
	e.RouteNotFound("/auth", g.auth)
	e.RouteNotFound("/auth/*", g.auth)
	e.POST(verifyRoute, g.verify)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		e.Add(method, "/healthz", g.health)
		e.Add(method, "/readyz", g.ready)
		e.Add(method, "/metrics", echo.WrapHandler(promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{})))
	}
	return e
}

// logRequest notes how a request was answered, at the level debug. It answers
// errors itself, so that their status is known.
func (g *gateway) logRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx := c.Request().Context()
		logged := g.Logger.Enabled(ctx, slog.LevelDebug)
		var start time.Time
		if logged {
			start = time.Now()
		}
		if err := next(c); err != nil {
			c.Error(err)
		}
		if logged {
			g.Logger.DebugContext(ctx, "check request",
				"route", c.Path(), "status", c.Response().Status, "code", c.Response().Header().Get(denyReason), "duration", time.Since(start))
		}
		return nil
	}
}

func (g *gateway) logPanic(c echo.Context, err error, stack []byte) error {
	g.Logger.Error("panic", "route", c.Path(), "error", err, "stack", string(stack))
	return err
}
