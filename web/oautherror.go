package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/internal/verify"
)

// oauthError is an answer other than what was asked for (RFC 6749, section 5.2).
// It is an error so that handlers can return it; answerOAuthError writes it.
type oauthError struct {
	status      int
	code        string // what programs read
	description string // what their developers read: printable ASCII without " and \
	challenge   string // how to authenticate; with 401 alone
	cause       error  // for the log
}

// Error gives the code with the cause.
func (e *oauthError) Error() string { return fmt.Sprintf("%s: %v", e.code, e.cause) }

// Unwrap gives the cause.
func (e *oauthError) Unwrap() error { return e.cause }

const (
	basicChallenge  = `Basic realm="Key Portal", charset="UTF-8"`
	bearerChallenge = `Bearer realm="Key Portal", error="invalid_token"`
)

var (
	missingToken         = invalidRequest("The parameter token is missing. Send the access token in it.")
	unsupportedGrantType = &oauthError{
		status: http.StatusBadRequest, code: "unsupported_grant_type",
		description: "Only the grant type client_credentials is known. Send grant_type=client_credentials.",
	}
	unsupportedTokenType = &oauthError{
		status: http.StatusBadRequest, code: "unsupported_token_type",
		description: "Only access tokens are revoked here. Revoke an API key or regenerate a Client Secret in the portal.",
	}
)

func invalidRequest(description string) *oauthError {
	return &oauthError{status: http.StatusBadRequest, code: "invalid_request", description: description}
}

func invalidClient(description string) *oauthError {
	return &oauthError{status: http.StatusUnauthorized, code: "invalid_client", description: description, challenge: basicChallenge}
}

// invalidToken refuses who authenticates with an API key or access token (RFC
// 6750, section 3.1, as RFC 7662, section 2.3, has it).
func invalidToken(description string) *oauthError {
	return &oauthError{status: http.StatusUnauthorized, code: "invalid_token", description: description, challenge: bearerChallenge}
}

func unavailable(cause error) *oauthError {
	return &oauthError{
		status: http.StatusServiceUnavailable, code: "temporarily_unavailable", cause: cause,
		description: "This could not be done now. Try again in a moment.",
	}
}

// clientRefusals say what to do about an OAuth client that is refused.
var clientRefusals = map[verify.Code]string{
	portal.CheckNotFound:        "The client is not known, or its secret is wrong or has been regenerated. Copy the Client ID (OAuth) and the Client Secret from the portal again.",
	portal.CheckRevoked:         "The client was revoked. Ask an administrator for a new one.",
	portal.CheckDisabled:        "The client is disabled. Ask an administrator to enable it.",
	portal.CheckExpired:         "The client has expired. Ask an administrator to let it last longer, or for a new one.",
	portal.CheckUserDisabled:    "The user of the client is disabled, or has left the organization. Ask an administrator.",
	portal.CheckUserLocked:      "The user of the client is locked. Ask an administrator to unlock them.",
	portal.CheckUserExpired:     "The password of the user of the client has expired. They must set a new one in the portal first.",
	portal.CheckOrgSuspended:    "The organization of the client is suspended. Ask the support of the API.",
	portal.CheckLicenseInactive: "The license of the client is not active. Ask the support of the API.",
	portal.CheckIPNotAllowed:    "The client may not be used from this address. Use it from an allowed network, or have this one allowed.",
}

// refusedClient answers a client that is not admitted: invalid_client where the
// check answers 401, and where it answers 403 unauthorized_client, as the client
// did prove who it is.
func refusedClient(code verify.Code) *oauthError {
	description := clientRefusals[code]
	switch code {
	case portal.CheckOrgSuspended, portal.CheckLicenseInactive, portal.CheckIPNotAllowed:
		return &oauthError{status: http.StatusBadRequest, code: "unauthorized_client", description: description}
	}
	return invalidClient(description)
}

// refusedToken answers a client that gets no token for the scope that it asked
// for.
func refusedToken(code verify.Code, asked []string) *oauthError {
	if code != portal.CheckAPISetNotGranted {
		return refusedClient(code)
	}
	description := "The client does not reach all of the API sets that scope names. Separate their slugs by single spaces, and leave out what it was not granted, or leave scope out."
	if len(asked) == 0 {
		description = "The client reaches no API set now. Ask an administrator to grant it some that the roles of its user allow."
	}
	return &oauthError{status: http.StatusBadRequest, code: "invalid_scope", description: description}
}

// answerOAuthError writes an error as JSON, whatever part of the portal it comes
// from.
func (s *Server) answerOAuthError(err error, c echo.Context) {
	e := oauthErrorOf(err)
	forbidCaching(c)
	if e.challenge != "" {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, e.challenge)
	}
	if e.status == http.StatusServiceUnavailable {
		c.Response().Header().Set(echo.HeaderRetryAfter, "1")
	}
	failed := c.JSON(e.status, struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}{e.code, e.description})
	if failed != nil {
		s.Log.Debug("an answer could not be written", "error", failed)
	}
}

func oauthErrorOf(err error) *oauthError {
	if known, ok := errors.AsType[*oauthError](err); ok {
		return known
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return unavailable(err)
	}
	switch statusOf(err) {
	case http.StatusUnprocessableEntity:
		return invalidRequest("The body cannot be read. Encode the parameters as application/x-www-form-urlencoded.")
	case http.StatusForbidden:
		return withStatus(http.StatusForbidden, "This request was sent by a page of another site, so nothing was done. Ask from a server, never from a browser.")
	case http.StatusNotFound:
		return withStatus(http.StatusNotFound, "There is nothing at this address. The addresses are listed at "+metadataPath+".")
	case http.StatusMethodNotAllowed:
		return withStatus(http.StatusMethodNotAllowed, "This address does not take that method. The header Allow names those that it takes.")
	case http.StatusRequestEntityTooLarge:
		return withStatus(http.StatusRequestEntityTooLarge, "The body is too large. Send only the parameters that are needed.")
	case http.StatusServiceUnavailable:
		return unavailable(err)
	}
	return &oauthError{
		status: http.StatusInternalServerError, code: "server_error", cause: err,
		description: "This is a fault of the portal. The operator finds it in the log.",
	}
}

func withStatus(status int, description string) *oauthError {
	e := invalidRequest(description)
	e.status = status
	return e
}

// statusOf gives the status of an error that comes from before the handlers.
func statusOf(err error) int {
	if known, ok := errors.AsType[*portal.Error](err); ok {
		return statuses[known.Code]
	}
	if of, ok := errors.AsType[*echo.HTTPError](err); ok {
		return of.Code
	}
	return http.StatusInternalServerError
}
