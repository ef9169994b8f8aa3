package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"keyportal/internal/portal"
	"keyportal/static"
)

const (
	bodyLimit      = "1M"
	requestTimeout = 30 * time.Second
)

// contentPolicy lets a page load what the portal itself serves, and nothing
// else. The nonce is the response's own: htmx obeys only what carries it.
const contentPolicy = "default-src 'none'; script-src 'self' 'nonce-%s'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (s *Server) useMiddleware() {
	s.echo.Use(
		dropRequestID,
		middleware.RequestID(),
		middleware.ContextTimeout(requestTimeout), // before what answers errors, so that an error's page still has a context to read with
		s.logRequests(),
		middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: s.logPanic}),
		s.setHeaders,
		showInZone,
		middleware.GzipWithConfig(middleware.GzipConfig{Skipper: leaveUncompressed}),
		middleware.BodyLimitWithConfig(middleware.BodyLimitConfig{Limit: bodyLimit, Skipper: limitsItself}),
		s.refuseCrossSite,
		s.readForm,
	)
}

// dropRequestID takes a client's own request ID away: the one in the log and on
// an error's page is always the portal's.
func dropRequestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Request().Header.Del(echo.HeaderXRequestID)
		return next(c)
	}
}

// leaveUncompressed keeps the answers to forms uncompressed: they may show a secret
// beside what was typed, and their length would tell of both. Static files are
// compressed already.
func leaveUncompressed(c echo.Context) bool {
	return c.Request().Method == http.MethodPost || strings.HasPrefix(c.Request().URL.Path, static.Prefix)
}

// logRequests writes a line for each request. It names the route and not the
// path, which may hold the token of a one-time link.
func (s *Server) logRequests() echo.MiddlewareFunc {
	return middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
		LogMethod: true, LogStatus: true, LogLatency: true, LogRequestID: true, LogRemoteIP: true, LogError: true, LogRoutePath: true, HandleError: true,
		LogValuesFunc: func(c echo.Context, v middleware.RequestLoggerValues) error {
			attributes := []any{"method", v.Method, "route", v.RoutePath, "status", v.Status, "duration", v.Latency, "request_id", v.RequestID, "address", v.RemoteIP}
			if v.Status >= http.StatusInternalServerError {
				s.Log.Error("request failed", append(attributes, "error", v.Error)...)
				return nil
			}
			s.Log.Debug("request", attributes...)
			return nil
		},
	})
}

func (s *Server) logPanic(c echo.Context, err error, stack []byte) error {
	s.Log.Error("panic", "route", c.Path(), "error", err, "stack", string(stack))
	return err
}

func (s *Server) setHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		nonce := rand.Text()
		c.SetRequest(c.Request().WithContext(templ.WithNonce(c.Request().Context(), nonce)))
		header.Set("Content-Security-Policy", fmt.Sprintf(contentPolicy, nonce))
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), clipboard-write=(self)")
		header.Set("Cache-Control", "no-store")
		if s.secure() {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}

// refuseCrossSite refuses forms that another site sent.
func (s *Server) refuseCrossSite(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := s.origins.Check(c.Request()); err != nil {
			s.Log.Warn("A form from another site was refused.", "origin", c.Request().Header.Get("Origin"), "host", c.Request().Host, "base_url", s.BaseURL.String())
			return &portal.Error{Code: portal.CodeForbidden, Cause: err,
				Message: "This form was sent from another site, so nothing was done. Open the page here and send it again."}
		}
		return next(c)
	}
}

// readForm reads a form's body once, so that one which cannot be read is
// answered before any handler runs.
func (s *Server) readForm(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Method != http.MethodPost || readsOwnForm(c) || isAPI(c.Request()) {
			return next(c)
		}
		err := c.Request().ParseForm()
		if tooLarge, ok := errors.AsType[*echo.HTTPError](err); ok {
			return tooLarge
		}
		if err != nil {
			return &portal.Error{Code: portal.CodeInvalid, Cause: err, Message: "The form could not be read. Go back, and send it again."}
		}
		return next(c)
	}
}

// limitsItself tells whether the handler of a request bounds what it reads.
func limitsItself(c echo.Context) bool { return readsOwnForm(c) || isAPI(c.Request()) }

// clientAddress finds the address that a request came from: the peer's, or,
// behind trusted proxies, the last one in X-Forwarded-For that is not theirs.
func clientAddress(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, proxy := range proxies {
		trust = append(trust, echo.TrustIPRange(&net.IPNet{
			IP: proxy.Addr().AsSlice(), Mask: net.CIDRMask(proxy.Bits(), proxy.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
