package verify

import (
	"context"
	"net/netip"
	"slices"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// rule is a reason to refuse.
type rule struct {
	code    Code
	refuses func(*facts) bool
}

// The rules in the order in which they are decided. The first ones look at the
// request alone, so that junk costs no look-up; but for an imported key, of which it
// turns out by the look-up that it is none.
var (
	rulesBeforeLookup = []rule{
		{portal.CheckMissing, missing},
		{portal.CheckMalformed, malformed},
	}
	rulesAfterLookup = []rule{
		{portal.CheckMalformed, notImported},
		{portal.CheckNotFound, notFound},
		{portal.CheckRevoked, revoked},
		{portal.CheckDisabled, disabled},
		{portal.CheckExpired, expired},
		{portal.CheckUserDisabled, userDisabled},
		{portal.CheckUserLocked, userLocked},
		{portal.CheckUserExpired, userExpired},
		{portal.CheckOrgSuspended, organizationSuspended},
		{portal.CheckLicenseInactive, licenseInactive},
		{portal.CheckLicenseMismatch, licenseMismatch},
		{portal.CheckIPNotAllowed, addressNotAllowed},
		{portal.CheckImpersonationNotAllowed, impersonationNotAllowed},
		{portal.CheckAPISetNotGranted, apiSetNotGranted},
	}
	rulesOfProof = []rule{{portal.CheckNotFound, notFound}}
)

// decide goes through the rules. The error is not nil when it could not be decided.
// Junk is refused before anything is looked up.
func (c *Checker) decide(ctx context.Context, r Request) (Decision, error) {
	f := newFacts(r, c.store.Now())
	defer f.free()
	code := firstRefusal(rulesBeforeLookup, f)
	if code == portal.CheckMissing || code == portal.CheckMalformed && !f.isForeign() {
		return f.decision(code), nil
	}
	m, err := c.follower.current(ctx)
	if err != nil {
		return Decision{}, err
	}
	if code == portal.CheckMalformed {
		if f.maybeImported, err = maybeImported(ctx, m); err != nil || !f.maybeImported {
			return f.decision(code), err
		}
	}
	if err := lookUp(ctx, m, f); err != nil {
		return Decision{}, err
	}
	decision := f.decision(firstRefusal(rulesAfterLookup, f))
	if decision.Valid() {
		c.limits.spend(f, &decision)
	}
	return decision, nil
}

func firstRefusal(rules []rule, f *facts) Code {
	for _, rule := range rules {
		if rule.refuses(f) {
			return rule.code
		}
	}
	return portal.CheckValid
}

func missing(f *facts) bool {
	return f.Credential == "" && (f.AccessKey == "" || f.SecurityKey == "")
}

// malformed holds too for the other credentials of Key Portal, which are sent
// elsewhere, and for a key pair beside another credential: which one counts would be
// a guess.
func malformed(f *facts) bool {
	if f.isPair() {
		return f.malformedHalves() == 2
	}
	return f.prefix != secret.Token && f.prefix != secret.AccessToken || f.AccessKey != "" || f.SecurityKey != ""
}

// notImported holds for a text that has not our form and was not imported either.
func notImported(f *facts) bool { return f.maybeImported && f.SecretID == 0 }

// notFound holds for an unknown secret, and for one whose grace is over, with the
// access tokens that it was exchanged for.
func notFound(f *facts) bool { return f.SecretID == 0 || f.isOver(f.SecretExpiresAt) }

func revoked(f *facts) bool { return !f.KeyRevokedAt.IsZero() || !f.TokenRevokedAt.IsZero() }

func disabled(f *facts) bool { return !f.KeyEnabled }

func expired(f *facts) bool { return f.isOver(f.KeyExpiresAt) || f.isOver(f.TokenExpiresAt) }

// userDisabled holds too for a user who has left the key's organization.
func userDisabled(f *facts) bool { return !f.UserEnabled || !f.Member }

func userLocked(f *facts) bool { return f.UserLocked }

func userExpired(f *facts) bool { return f.UserExpired }

func organizationSuspended(f *facts) bool { return f.Suspended }

func licenseInactive(f *facts) bool { return f.LicenseID != 0 && !f.LicenseActive }

// licenseMismatch holds for a key without a license too, wherever a license is
// asked for. Domains, like instances, have their names regardless of case.
func licenseMismatch(f *facts) bool {
	license, domain, instance := f.Request.License, f.Request.Domain, f.Request.Instance
	bound := license != "" || domain != "" || instance != ""
	return bound && f.LicenseID == 0 ||
		license != "" && license != f.LicenseNumber ||
		domain != "" && portal.Fold(domain) != portal.Fold(f.Subject.Domain) ||
		instance != "" && f.instanceLicenseID != f.LicenseID
}

// addressNotAllowed refuses an unknown address where only some are allowed.
func addressNotAllowed(f *facts) bool {
	address := plainAddress(f.ClientIP)
	return len(f.AllowedNetworks) > 0 && !slices.ContainsFunc(f.AllowedNetworks, func(network string) bool {
		prefix, err := netip.ParsePrefix(network)
		return err == nil && prefix.Contains(address)
	})
}

// plainAddress writes an address in one way: IPv4 within IPv6 as IPv4, and no
// zone.
func plainAddress(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

func apiSetNotGranted(f *facts) bool { return !f.open && !slices.Contains(f.APISets, f.needed) }
