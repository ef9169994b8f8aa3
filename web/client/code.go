package client

import "net/http"

// Code is the outcome of a check. A later Key Portal may have more of them, all of which
// refuse.
type Code string

// The outcomes, in the order in which they are decided.
const (
	CodeMissing                 Code = "MISSING"   // no key, or half of a pair
	CodeMalformed               Code = "MALFORMED" // not a key
	CodeNotFound                Code = "NOT_FOUND" // a key that is not known
	CodeRevoked                 Code = "REVOKED"
	CodeDisabled                Code = "DISABLED"
	CodeExpired                 Code = "EXPIRED"
	CodeUserDisabled            Code = "USER_DISABLED" // the key's user is disabled, or no longer in the organization
	CodeUserLocked              Code = "USER_LOCKED"
	CodeUserExpired             Code = "USER_EXPIRED" // the key's user must choose a new password first
	CodeOrgSuspended            Code = "ORG_SUSPENDED"
	CodeLicenseInactive         Code = "LICENSE_INACTIVE"
	CodeLicenseMismatch         Code = "LICENSE_MISMATCH" // the key is of another license than the place
	CodeIPNotAllowed            Code = "IP_NOT_ALLOWED"
	CodeImpersonationNotAllowed Code = "IMPERSONATION_NOT_ALLOWED" // the key can't act as that user
	CodeAPISetNotGranted        Code = "API_SET_NOT_GRANTED"       // the key does not reach the API set, or no set claims the path
	CodeRateLimited             Code = "RATE_LIMITED"
	CodeValid                   Code = "VALID" // the only one that lets pass
)

// Status gives the HTTP status of an outcome, as Key Portal answers gateways: 401 when
// another key is needed, 403 when this one does not reach so far, 429 when it was used too
// often, and 200 for CodeValid alone.
func (c Code) Status() int {
	switch c {
	case CodeValid:
		return http.StatusOK
	case CodeMissing, CodeMalformed, CodeNotFound, CodeRevoked, CodeDisabled, CodeExpired, CodeUserDisabled, CodeUserLocked, CodeUserExpired:
		return http.StatusUnauthorized
	case CodeRateLimited:
		return http.StatusTooManyRequests
	}
	return http.StatusForbidden
}
