package portal

import "time"

// Subject is all that the check needs to know of a secret, read in one go: its
// key and what the key's user, organization and license allow now.
type Subject struct {
	Revision   int64 // up to which changes had been made when it was read
	Revocation int64 // up to which access tokens had been revoked then

	SecretID         int64
	SecretExpiresAt  time.Time // the end of a rotation's grace; zero: none
	KeyID            int64
	KeyName          string
	Kind             Kind
	KeyEnabled       bool
	KeyRevokedAt     time.Time
	KeyExpiresAt     time.Time
	CanImpersonate   bool
	AllowedNetworks  []string // CIDR; empty: from anywhere
	RateLimit        RateLimit
	UserID           int64
	Username         string
	UserEnabled      bool
	UserLocked       bool
	UserExpired      bool
	UserStaff        Staff
	Member           bool // the user is in the organization
	OrganizationID   int64
	OrganizationName string
	Suspended        bool
	LicenseID        int64 // 0: none, and then the next three say nothing
	LicenseNumber    string
	LicenseActive    bool
	Domain           string
	Application      string
	APISets          []string // slugs that the key reaches: granted and allowed by the roles of whom the request acts as, by name; of an access token, those within its scope
	PublicID         string   // the Client ID (OAuth) or Access Key; empty for tokens

	// Of an access token; zero for a key's own secret.
	TokenIssuedAt  time.Time
	TokenExpiresAt time.Time
	TokenRevokedAt time.Time

	// Whom the request names to act as, whether the key may or not; zero when it names
	// nobody, or nobody who ever was in the organization.
	Impersonated Impersonated
}

// ExpiresAt tells when the credential ends: with the key, a secret that is being rotated
// out with its grace, and an access token by itself if not before. The zero time is never.
func (s Subject) ExpiresAt() (first time.Time) {
	for _, end := range []time.Time{s.KeyExpiresAt, s.SecretExpiresAt, s.TokenExpiresAt} {
		if first.IsZero() || !end.IsZero() && end.Before(first) {
			first = end
		}
	}
	return first
}

// Passing tells whether the credential ends before its key does: an access token, or a
// secret that is being rotated out.
func (s Subject) Passing() bool { return !s.TokenIssuedAt.IsZero() || !s.SecretExpiresAt.IsZero() }

// Impersonated is the user whom a request names to act as.
type Impersonated struct {
	ID       int64
	Username string
	Enabled  bool
	Locked   bool
	Expired  bool
	Staff    Staff
	Member   bool // of the key's organization
}

// Impersonates tells whether the request names another user than the key's own to act
// as.
func (s Subject) Impersonates() bool { return s.Impersonated.ID != 0 && s.Impersonated.ID != s.UserID }

// CheckCode is the outcome of checking a key, in the order in which outcomes
// are decided. Outcomes are values, not errors.
type CheckCode string

// The outcomes of a check.
const (
	CheckMissing                 CheckCode = "MISSING"
	CheckMalformed               CheckCode = "MALFORMED"
	CheckNotFound                CheckCode = "NOT_FOUND"
	CheckRevoked                 CheckCode = "REVOKED"
	CheckDisabled                CheckCode = "DISABLED"
	CheckExpired                 CheckCode = "EXPIRED"
	CheckUserDisabled            CheckCode = "USER_DISABLED"
	CheckUserLocked              CheckCode = "USER_LOCKED"
	CheckUserExpired             CheckCode = "USER_EXPIRED"
	CheckOrgSuspended            CheckCode = "ORG_SUSPENDED"
	CheckLicenseInactive         CheckCode = "LICENSE_INACTIVE"
	CheckLicenseMismatch         CheckCode = "LICENSE_MISMATCH"
	CheckIPNotAllowed            CheckCode = "IP_NOT_ALLOWED"
	CheckImpersonationNotAllowed CheckCode = "IMPERSONATION_NOT_ALLOWED"
	CheckAPISetNotGranted        CheckCode = "API_SET_NOT_GRANTED"
	CheckRateLimited             CheckCode = "RATE_LIMITED"
	CheckValid                   CheckCode = "VALID"
)

// CheckCodes lists all outcomes in the order in which they are decided.
var CheckCodes = []CheckCode{
	CheckMissing, CheckMalformed, CheckNotFound, CheckRevoked, CheckDisabled, CheckExpired,
	CheckUserDisabled, CheckUserLocked, CheckUserExpired, CheckOrgSuspended, CheckLicenseInactive,
	CheckLicenseMismatch, CheckIPNotAllowed, CheckImpersonationNotAllowed, CheckAPISetNotGranted,
	CheckRateLimited, CheckValid,
}

var checkMessages = map[CheckCode]string{
	CheckMissing:                 "No API key was sent. Send it in the X-Api-Key header or as Authorization: Bearer, and a key pair in the headers accessKey and secretKey.",
	CheckMalformed:               "This is not an API key: its form or checksum is wrong. Check that it was copied whole.",
	CheckNotFound:                "This API key is not known.",
	CheckRevoked:                 "This API key was revoked.",
	CheckDisabled:                "This API key is disabled.",
	CheckExpired:                 "This API key has expired.",
	CheckUserDisabled:            "The user of this API key is disabled.",
	CheckUserLocked:              "The user of this API key is locked.",
	CheckUserExpired:             "The password of this API key's user has expired; it must be set anew first.",
	CheckOrgSuspended:            "The organization of this API key is suspended.",
	CheckLicenseInactive:         "The license of this API key is not active.",
	CheckLicenseMismatch:         "What was sent does not belong to the license that is asked for here. Use a key or an access token of that license.",
	CheckIPNotAllowed:            "This API key may not be used from this address.",
	CheckImpersonationNotAllowed: "This API key may not act as that user.",
	CheckAPISetNotGranted:        "This API key does not reach this part of the API.",
	CheckRateLimited:             "This API key is used too often. Try again later.",
	CheckValid:                   "The API key is valid.",
}

// Message gives the outcome as a sentence for whoever sent the key.
func (c CheckCode) Message() string { return checkMessages[c] }
