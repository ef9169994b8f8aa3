package verify

import (
	"strings"
	"sync/atomic"
	"time"
	"unique"

	"keyportal/internal/portal"
)

// known is a subject as it is remembered: in as little room as can be, as there may be
// hundreds of thousands. What many have in common they share.
type known struct {
	revision                                           atomic.Int64 // the line at which it was read
	revocation                                         int64
	secretID, keyID, userID, organizationID, licenseID int64
	secretExpires, keyExpires, keyRevoked              int64 // microseconds since 1970; 0: not set
	as                                                 int64 // the user whom the request names to act as
	token                                              int64 // of an access token, what stands for it among the stamps
	keyName                                            string
	apiSets                                            []string // not to be changed
	holder                                             unique.Handle[holder]
	rare                                               *rare // nil: nothing of it
	meter                                              atomic.Pointer[meter]
	verifies                                           atomic.Int32 // whether its user may Verify keys
	keyEnabled, canImpersonate, member                 bool
	userEnabled, userLocked, userExpired               bool
	suspended, licenseActive                           bool
}

// holder is what the keys of a user for a license have in common.
type holder struct {
	kind                                      portal.Kind
	username                                  string
	staff                                     portal.Staff
	organization, number, domain, application string
}

// rare is what most keys don't have.
type rare struct {
	publicID                             string
	networks                             []string
	limit                                portal.RateLimit
	bucket                               atomic.Pointer[bucket]
	tokenIssued, tokenExpires, tokenEnds time.Time
	impersonated                         portal.Impersonated
}

// whether its user may Verify keys, as far as it was asked.
const (
	notAsked int32 = iota
	mayVerify
	mayNotVerify
)

// nobody is whose credential is not known.
var nobody = pack(portal.Subject{}, sent{}, nil)

func pack(s portal.Subject, by sent, apiSets []string) *known {
	k := &known{
		revocation: s.Revocation,
		secretID:   s.SecretID, keyID: s.KeyID, userID: s.UserID, organizationID: s.OrganizationID, licenseID: s.LicenseID,
		secretExpires: micro(s.SecretExpiresAt), keyExpires: micro(s.KeyExpiresAt), keyRevoked: micro(s.KeyRevokedAt),
		as: by.as, keyName: s.KeyName, apiSets: apiSets,
		holder:     unique.Make(holder{s.Kind, s.Username, s.UserStaff, s.OrganizationName, s.LicenseNumber, s.Domain, s.Application}),
		keyEnabled: s.KeyEnabled, canImpersonate: s.CanImpersonate, member: s.Member,
		userEnabled: s.UserEnabled, userLocked: s.UserLocked, userExpired: s.UserExpired,
		suspended: s.Suspended, licenseActive: s.LicenseActive,
	}
	k.revision.Store(s.Revision)
	if by.form == accessToken {
		k.token = theToken(by.hash).id
	}
	if s.PublicID != "" || len(s.AllowedNetworks) > 0 || s.RateLimit.Limited() || by.form == accessToken || by.as != 0 {
		k.rare = &rare{
			publicID: s.PublicID, networks: s.AllowedNetworks, limit: s.RateLimit,
			tokenIssued: s.TokenIssuedAt, tokenExpires: s.TokenExpiresAt, tokenEnds: s.TokenRevokedAt, impersonated: s.Impersonated,
		}
	}
	return k
}

// unpack gives the subject.
func (k *known) unpack() portal.Subject {
	h := k.holder.Value()
	s := portal.Subject{
		Revision: k.revision.Load(), Revocation: k.revocation,
		SecretID: k.secretID, SecretExpiresAt: instant(k.secretExpires),
		KeyID: k.keyID, KeyName: k.keyName, Kind: h.kind, KeyEnabled: k.keyEnabled, KeyRevokedAt: instant(k.keyRevoked), KeyExpiresAt: instant(k.keyExpires), CanImpersonate: k.canImpersonate,
		UserID: k.userID, Username: h.username, UserEnabled: k.userEnabled, UserLocked: k.userLocked, UserExpired: k.userExpired, UserStaff: h.staff, Member: k.member,
		OrganizationID: k.organizationID, OrganizationName: h.organization, Suspended: k.suspended,
		LicenseID: k.licenseID, LicenseNumber: h.number, LicenseActive: k.licenseActive, Domain: h.domain, Application: h.application,
		APISets: k.apiSets,
	}
	if r := k.rare; r != nil {
		s.PublicID, s.AllowedNetworks, s.RateLimit, s.Impersonated = r.publicID, r.networks, r.limit, r.impersonated
		s.TokenIssuedAt, s.TokenExpiresAt, s.TokenRevokedAt = r.tokenIssued, r.tokenExpires, r.tokenEnds
	}
	return s
}

func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(micro int64) time.Time {
	if micro == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micro).UTC()
}

// sharedSets gives one list for all who have the same API sets.
func (m *memory) sharedSets(slugs []string) []string {
	shared, _ := m.sets.SetIfAbsent(strings.Join(slugs, " "), slugs[:len(slugs):len(slugs)])
	return shared
}
