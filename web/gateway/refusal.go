package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/internal/verify"
)

// statuses has the HTTP status of every outcome of a check.
var statuses = map[verify.Code]int{
	portal.CheckMissing:                 http.StatusUnauthorized,
	portal.CheckMalformed:               http.StatusUnauthorized,
	portal.CheckNotFound:                http.StatusUnauthorized,
	portal.CheckRevoked:                 http.StatusUnauthorized,
	portal.CheckDisabled:                http.StatusUnauthorized,
	portal.CheckExpired:                 http.StatusUnauthorized,
	portal.CheckUserDisabled:            http.StatusUnauthorized,
	portal.CheckUserLocked:              http.StatusUnauthorized,
	portal.CheckUserExpired:             http.StatusUnauthorized,
	portal.CheckOrgSuspended:            http.StatusForbidden,
	portal.CheckLicenseInactive:         http.StatusForbidden,
	portal.CheckLicenseMismatch:         http.StatusForbidden,
	portal.CheckIPNotAllowed:            http.StatusForbidden,
	portal.CheckImpersonationNotAllowed: http.StatusForbidden,
	portal.CheckAPISetNotGranted:        http.StatusForbidden,
	portal.CheckRateLimited:             http.StatusTooManyRequests,
	portal.CheckValid:                   http.StatusOK,
}

const denyReason = "X-Deny-Reason"

// refusal is any answer but "pass". It is an error so that handlers can return
// it; answerError writes it.
type refusal struct {
	status  int
	code    string // the outcome, or what else keeps the request from being answered
	message string // what is wrong and what to do
	apiSet  string // the API set that was needed, if one was
	quota   verify.Quota
	cause   error // for the log
}

// Error gives the code with the cause.
func (r *refusal) Error() string { return fmt.Sprintf("%s: %v", r.code, r.cause) }

// Unwrap gives the cause.
func (r *refusal) Unwrap() error { return r.cause }

// refusalOf gives what keeps a request from passing, or nil when nothing does.
func refusalOf(d verify.Decision, err error) error {
	switch {
	case err != nil:
		return &refusal{status: http.StatusServiceUnavailable, code: "UNDECIDED", message: "The key could not be checked now. Try again in a moment.", cause: err}
	case d.Valid():
		return nil
	}
	return &refusal{status: statuses[d.Code], code: string(d.Code), message: d.Message, apiSet: d.APISet, quota: d.Quota}
}

// badRequest refuses what was not asked as it must be.
func badRequest(message string) error {
	return &refusal{status: http.StatusBadRequest, code: "BAD_REQUEST", message: message}
}

// answerError writes the answer to a request that ended with an error. It is the
// only place that does.
func (g *gateway) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	r := explain(err)
	g.logFailure(c, r)
	header := c.Response().Header()
	header.Set(denyReason, r.code)
	header.Set(echo.HeaderCacheControl, "no-store")
	if challenge := r.challenge(); challenge != "" {
		header.Set(echo.HeaderWWWAuthenticate, challenge)
	}
	setRateLimit(header, r.quota)
	if r.status == http.StatusServiceUnavailable || r.code == string(portal.CheckRateLimited) {
		setRetryAfter(header, r.quota.Again)
	}
	if err := r.write(c); err != nil {
		g.Logger.Debug("an answer could not be written", "error", err)
	}
}

func explain(err error) *refusal {
	if known, ok := errors.AsType[*refusal](err); ok {
		return known
	}
	if of, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch of.Code {
		case http.StatusNotFound:
			return &refusal{status: of.Code, code: "NO_SUCH_ROUTE", message: "There is nothing here. Gateways ask /auth, services POST to /v1/verify; /healthz, /readyz and /metrics tell how the program is."}
		case http.StatusMethodNotAllowed:
			return &refusal{status: of.Code, code: "METHOD_NOT_ALLOWED", message: "This route does not take that method. The header Allow names those that it takes."}
		}
	}
	return &refusal{status: http.StatusInternalServerError, code: "INTERNAL", message: "This is a fault of Key Portal. The operator finds it in the log.", cause: err}
}

// logFailure notes what the operator should look after; a client that has gone
// is not that.
func (g *gateway) logFailure(c echo.Context, r *refusal) {
	if r.status < http.StatusInternalServerError || errors.Is(c.Request().Context().Err(), context.Canceled) {
		return
	}
	if r.code == notReady { // which is as it should be while the program ends
		g.Logger.Warn("requests should go elsewhere", "error", r.cause)
	} else {
		g.Logger.Error("a request could not be answered", "route", c.Path(), "code", r.code, "error", r.cause)
	}
}

// challenge tells a client how to authenticate (RFC 6750, section 3). It says
// insufficient_scope only where another token of the same client may help: who is
// refused for the license, say, would fetch the same token again for ever.
func (r *refusal) challenge() string {
	const scheme = `Bearer realm="Key Portal"`
	switch {
	case r.code == string(portal.CheckMissing):
		return scheme
	case r.code == string(portal.CheckAPISetNotGranted) && r.apiSet != "":
		return scheme + fmt.Sprintf(`, error="insufficient_scope", scope=%+q`, r.apiSet)
	case r.code == string(portal.CheckAPISetNotGranted):
		return scheme + `, error="insufficient_scope"`
	case r.status == http.StatusUnauthorized:
		return scheme + `, error="invalid_token"`
	case r.status == http.StatusBadRequest:
		return scheme + `, error="invalid_request"`
	case r.status == http.StatusForbidden, r.status == http.StatusTooManyRequests:
		return scheme
	}
	return ""
}

// write writes the body: a problem (RFC 9457) to services, code and message to
// everyone else.
func (r *refusal) write(c echo.Context) error {
	if c.Path() != verifyRoute {
		return c.JSON(r.status, struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		}{r.code, r.message})
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	return c.JSON(r.status, struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{"about:blank", http.StatusText(r.status), r.status, r.message, r.code})
}
