package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/internal/verify"
)

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

// problem is the body of a refusal.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// refuse answers a refusal.
func refuse(c echo.Context, decision verify.Decision, status int) error {
	header := c.Response().Header()
	header.Set("X-Deny-Reason", string(decision.Code))
	if challenge := challengeOf(decision.Code, status); challenge != "" {
		header.Set("WWW-Authenticate", challenge)
	}
	return answerJSON(c, status, problem{string(decision.Code), decision.Message})
}

// challengeOf gives the challenge of a refusal (RFC 6750, section 3.1): no error
// when no credential was sent, invalid_token for one that does not count, and
// insufficient_scope for one that does not reach this.
func challengeOf(code verify.Code, status int) string {
	const realm = `Bearer realm="Key Portal"`
	switch {
	case code == portal.CheckMissing:
		return realm
	case status == http.StatusUnauthorized:
		return realm + `, error="invalid_token"`
	case code == portal.CheckAPISetNotGranted:
		return realm + `, error="insufficient_scope"`
	}
	return ""
}

// identify tells in headers whose request passes. Each header is there, also when
// it is empty, so that a gateway replaces what the client sent.
func identify(header http.Header, subject portal.Subject) {
	for name, value := range map[string]string{
		"X-Key-Id":          strconv.FormatInt(subject.KeyID, 10),
		"X-Key-Name":        subject.KeyName,
		"X-User-Id":         strconv.FormatInt(subject.UserID, 10),
		"X-User-Name":       subject.Username,
		"X-Org-Id":          strconv.FormatInt(subject.OrganizationID, 10),
		"X-Org-Name":        subject.OrganizationName,
		"X-License":         subject.LicenseNumber,
		"X-Domain":          subject.Domain,
		"X-Application":     subject.Application,
		"X-Api-Sets":        strings.Join(subject.APISets, ","),
		"X-Impersonator-Id": "",
	} {
		header.Set(name, headerValue(value))
	}
}

// headerValue percent-encodes a value that is not printable ASCII, as UTF-8, and
// one with a percent sign, so that decoding gives the value in any case.
func headerValue(value string) string {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' || value[i] == '%' {
			return url.PathEscape(value)
		}
	}
	return value
}

func answerJSON(c echo.Context, status int, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSONBlob(status, encoded)
}
