package verify

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// order is the order in which the documentation has the outcomes decided.
var order = []Code{
	"MISSING", "MALFORMED", "NOT_FOUND", "REVOKED", "DISABLED", "EXPIRED", "USER_DISABLED", "USER_LOCKED", "USER_EXPIRED",
	"ORG_SUSPENDED", "LICENSE_INACTIVE", "LICENSE_MISMATCH", "IP_NOT_ALLOWED", "IMPERSONATION_NOT_ALLOWED", "API_SET_NOT_GRANTED",
	"RATE_LIMITED", "VALID",
}

func TestTheRulesStandInTheDocumentedOrder(t *testing.T) {
	var got []Code
	for _, rule := range slices.Concat(rulesBeforeLookup, rulesAfterLookup) {
		got = append(got, rule.code)
	}
	got = slices.Compact(got) // MALFORMED is decided before and after the look-up
	want := slices.DeleteFunc(slices.Clone(order), func(c Code) bool { return c == "RATE_LIMITED" || c == "VALID" })
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !slices.Equal(portal.CheckCodes, order) {
		t.Errorf("the vocabulary has %v", portal.CheckCodes)
	}
}

var (
	someToken = secret.New("", secret.Token).Reveal()
	someNow   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// passing gives facts that no rule refuses, with every bond and restriction in
// use.
func passing() *facts {
	return &facts{
		Request: Request{
			Credential: someToken, ClientIP: netip.MustParseAddr("192.0.2.7"),
			License: "12345678", Domain: "Acme Europe", Instance: "BE12345678", Impersonate: []string{"1732"},
		},
		Subject: portal.Subject{
			SecretID: 1, SecretExpiresAt: someNow.Add(1), KeyID: 2, KeyEnabled: true, KeyExpiresAt: someNow.Add(1),
			AllowedNetworks: []string{"2001:db8::/32", "192.0.2.0/24"},
			UserID:          3, UserEnabled: true, Member: true, OrganizationID: 4,
			LicenseID: 5, LicenseNumber: "12345678", LicenseActive: true, Domain: "Acme Europe",
			APISets:        []string{"billing", "dunning"},
			CanImpersonate: true, Impersonated: portal.Impersonated{ID: 1732, Enabled: true, Member: true},
		},
		now: someNow, instanceLicenseID: 5, needed: "billing",
	}
}

// breaking has what brings about each outcome.
var breaking = map[Code][]func(*facts){
	"MISSING": {func(f *facts) { f.Credential = "" }},
	"MALFORMED": {
		func(f *facts) { f.Credential = "hello" },
		func(f *facts) { f.Credential += "x" },
		func(f *facts) { f.Credential += ", " + someToken },
		func(f *facts) { f.Credential = secret.New("", secret.ClientSecret).Reveal() },
		func(f *facts) { f.Credential = secret.New("", secret.ClientID).Reveal() },
		func(f *facts) { f.Credential = secret.New("", secret.SecurityKey).Reveal() },
		func(f *facts) { f.Credential = secret.New("", secret.AccessKey).Reveal() },
		func(f *facts) { f.Credential = secret.New("", secret.Session).Reveal() },
		func(f *facts) { f.Credential = secret.New("", secret.AccessToken).Reveal() + "x" },
	},
	"NOT_FOUND": {
		func(f *facts) { f.SecretID = 0 },
		func(f *facts) { f.SecretExpiresAt = someNow },
		func(f *facts) { f.SecretExpiresAt = someNow.Add(-time.Hour) },
	},
	"REVOKED": {
		func(f *facts) { f.KeyRevokedAt = someNow.Add(-1) },
		func(f *facts) { f.KeyRevokedAt = someNow.Add(time.Hour) },
		func(f *facts) { f.TokenRevokedAt = someNow.Add(-1) },
	},
	"DISABLED": {func(f *facts) { f.KeyEnabled = false }},
	"EXPIRED": {
		func(f *facts) { f.KeyExpiresAt = someNow },
		func(f *facts) { f.KeyExpiresAt = someNow.Add(-time.Hour) },
		func(f *facts) { f.TokenExpiresAt = someNow },
	},
	"USER_DISABLED":    {func(f *facts) { f.UserEnabled = false }, func(f *facts) { f.Member = false }},
	"USER_LOCKED":      {func(f *facts) { f.UserLocked = true }},
	"USER_EXPIRED":     {func(f *facts) { f.UserExpired = true }},
	"ORG_SUSPENDED":    {func(f *facts) { f.Suspended = true }},
	"LICENSE_INACTIVE": {func(f *facts) { f.LicenseActive = false }},
	"LICENSE_MISMATCH": {
		func(f *facts) { f.License = "12345679" },
		func(f *facts) { f.Request.Domain = "Acme Asia" },
		func(f *facts) { f.instanceLicenseID = 6 },
		func(f *facts) { f.instanceLicenseID = 0 },
	},
	"IP_NOT_ALLOWED": {
		func(f *facts) { f.ClientIP = netip.MustParseAddr("192.0.3.7") },
		func(f *facts) { f.ClientIP = netip.MustParseAddr("2001:db9::1") },
		func(f *facts) { f.ClientIP = netip.Addr{} },
		func(f *facts) { f.AllowedNetworks = []string{"not a network"} },
		func(f *facts) { f.AllowedNetworks = []string{"192.0.2.8/32"} },
	},
	"IMPERSONATION_NOT_ALLOWED": {
		func(f *facts) { f.CanImpersonate = false },
		func(f *facts) { f.OnlyItself = true },
		func(f *facts) { f.Impersonate = []string{""} },
		func(f *facts) { f.Impersonate = []string{"1732", "1732"} },
		func(f *facts) { f.Impersonate = []string{"1732", ""} },
		func(f *facts) { f.Impersonate = []string{"1732,1732"} },
		func(f *facts) { f.Impersonate = []string{"+1732"} },
		func(f *facts) { f.Impersonate = []string{"01732"} },
		func(f *facts) { f.Impersonate = []string{"1732.0"} },
		func(f *facts) { f.Impersonate = []string{"ada"} },
		func(f *facts) { f.Impersonate = []string{"1733"} },
		func(f *facts) { f.Impersonated = portal.Impersonated{} },
		func(f *facts) { f.Impersonated.Member = false },
		func(f *facts) { f.Impersonated.Enabled = false },
		func(f *facts) { f.Impersonated.Locked = true },
		func(f *facts) { f.Impersonated.Expired = true },
		func(f *facts) { f.Impersonated.Staff = portal.SuperAdmin },
		func(f *facts) { f.Impersonated.Staff = portal.Support },
	},
	"API_SET_NOT_GRANTED": {
		func(f *facts) { f.needed = "revenue-management" },
		func(f *facts) { f.needed = "" },
		func(f *facts) { f.APISets = nil },
		func(f *facts) { f.APISets = []string{"billing-2", "bill", "BILLING"} },
	},
}

func outcome(f *facts) Code {
	f.prefix = prefixOf(f.Credential)
	if code := firstRefusal(rulesBeforeLookup, f); code != portal.CheckValid {
		return code
	}
	return firstRefusal(rulesAfterLookup, f)
}

func TestEachOutcomeIsReachedInEachWay(t *testing.T) {
	if got := outcome(passing()); got != "VALID" {
		t.Fatalf("without a fault: %s", got)
	}
	for _, code := range order[:len(order)-2] {
		if len(breaking[code]) == 0 {
			t.Errorf("nothing brings about %s", code)
		}
		for way, bring := range breaking[code] {
			f := passing()
			bring(f)
			if got := outcome(f); got != code {
				t.Errorf("%s in way %d: got %s", code, way, got)
			}
		}
	}
}

func TestTheFirstOfSeveralFaultsIsTheOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, want := passing(), Code("VALID")
		for _, code := range slices.Backward(order[:len(order)-2]) {
			if way := rapid.IntRange(-3, len(breaking[code])-1).Draw(t, string(code)); way >= 0 {
				breaking[code][way](f)
				want = code
			}
		}
		if got := outcome(f); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

func TestWhatIsNotRestrictedPasses(t *testing.T) {
	for name, loosen := range map[string]func(*facts){
		"a key that never expires": func(f *facts) { f.KeyExpiresAt, f.SecretExpiresAt = time.Time{}, time.Time{} },
		"an access token": func(f *facts) {
			f.Credential, f.TokenExpiresAt = secret.New("acme", secret.AccessToken).Reveal(), someNow.Add(1)
		},
		"from anywhere":                func(f *facts) { f.AllowedNetworks, f.ClientIP = nil, netip.Addr{} },
		"IPv4 within IPv6":             func(f *facts) { f.ClientIP = netip.MustParseAddr("::ffff:192.0.2.9") },
		"IPv6 with a zone":             func(f *facts) { f.ClientIP = netip.MustParseAddr("2001:db8::1%eth0") },
		"where no API set is needed":   func(f *facts) { f.needed, f.open, f.APISets = "", true, nil },
		"at a domain in upper case":    func(f *facts) { f.Request.Domain = "ACME EUROPE" },
		"a key that can't impersonate": func(f *facts) { f.CanImpersonate, f.Impersonate, f.Impersonated = false, nil, portal.Impersonated{} },
		"a key that names its own user": func(f *facts) {
			f.Impersonate, f.Impersonated = []string{"3"}, portal.Impersonated{ID: 3, Enabled: true, Member: true, Staff: portal.SuperAdmin}
		},
		"without a license where none is asked for": func(f *facts) {
			f.Subject.LicenseID, f.LicenseActive, f.Request = 0, false, Request{Credential: someToken, ClientIP: f.ClientIP}
		},
	} {
		f := passing()
		loosen(f)
		if got := outcome(f); got != "VALID" {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestAKeyWithoutALicenseFitsNoBond(t *testing.T) {
	for name, bound := range map[string]Request{
		"license":          {License: "12345678"},
		"domain":           {Domain: "Acme Europe"},
		"instance":         {Instance: "BE12345678"},
		"unknown instance": {Instance: "BE1"},
	} {
		f := passing()
		f.Subject.LicenseID, f.LicenseNumber, f.Subject.Domain, f.LicenseActive = 0, "", "", false
		f.License, f.Request.Domain, f.Instance, f.instanceLicenseID = bound.License, bound.Domain, bound.Instance, 0
		if got := outcome(f); got != "LICENSE_MISMATCH" {
			t.Errorf("bound to a %s: got %s", name, got)
		}
	}
}

func TestADecisionEndsWithWhateverEndsFirst(t *testing.T) {
	early, late, never := someNow, someNow.Add(time.Hour), time.Time{}
	for _, test := range []struct{ key, grace, token, want time.Time }{
		{never, never, never, never}, {early, never, never, early}, {never, early, never, early}, {early, late, never, early}, {late, early, never, early},
		{never, never, early, early}, {late, late, early, early}, {early, late, late, early}, {late, early, late, early}, {late, never, early, early},
	} {
		d := Decision{Subject: portal.Subject{KeyExpiresAt: test.key, SecretExpiresAt: test.grace, TokenExpiresAt: test.token}}
		if got := d.ExpiresAt(); !got.Equal(test.want) {
			t.Errorf("key %v, grace %v, token %v: got %v", test.key, test.grace, test.token, got)
		}
	}
}
