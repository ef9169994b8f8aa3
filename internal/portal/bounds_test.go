package portal_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
)

const itself int64 = 4711 // the key through which actors come in

// through gives an actor who comes in through a key with these bounds.
func through(actor portal.Actor, bounds portal.Bounds) portal.Actor {
	actor.KeyID, actor.Bounds = itself, bounds
	return actor
}

// reaching gives the bounds of a key that reaches some API sets and is bound by nothing else.
func reaching(slugs ...string) portal.Bounds {
	bounds := portal.Bounds{APISets: map[string]bool{}}
	for _, slug := range slugs {
		bounds.APISets[slug] = true
	}
	return bounds
}

func TestThroughAKeyNobodyManagesStaffNorHoldsTheWholeSystemNorLetsKeysImpersonate(t *testing.T) {
	never := []portal.Authority{portal.System, portal.SystemStaff, portal.ManageStaff, portal.SystemKeys, portal.AllowImpersonation}
	for name, actor := range actors {
		if !actor.SignedIn() {
			continue
		}
		key := through(actor, reaching("billing", "dunning", portal.PortalAPI))
		for _, place := range []int64{here, elsewhere, nowhere} {
			for _, authority := range everything {
				want := codeOf(portal.Can(actor, authority, place))
				if slices.Contains(never, authority) {
					want = portal.CodeForbidden
				}
				wantCode(t, name+": "+string(authority), portal.Can(key, authority, place), want)
				wantEqual(t, name+" holds "+string(authority), key.Holds(authority, place), want == allowed)
			}
		}
		for _, authority := range never {
			err := portal.CanAnywhere(key, authority)
			wantCode(t, name+" anywhere: "+string(authority), err, portal.CodeForbidden)
			if !strings.Contains(err.Error(), "API key") || !strings.Contains(err.Error(), "Log in to the portal") {
				t.Errorf("%v does not say what to do", err)
			}
		}
	}
}

func TestAStaffAccountIsNotManagedThroughAKeyEvenASuperAdmins(t *testing.T) {
	key := through(actors["super admin"], reaching("billing", "dunning"))
	for staff, want := range map[portal.Staff]portal.Code{portal.NotStaff: allowed, portal.Support: portal.CodeForbidden, portal.SuperAdmin: portal.CodeForbidden} {
		target := portal.Standing{User: portal.User{ID: another, Staff: staff}, Grants: map[int64]portal.Grant{here: {}}}
		wantCode(t, "manages "+string(staff), portal.CanManageUser(key, target), want)
		wantCode(t, "makes keys of "+string(staff), portal.CanMapKeyTo(key, target, here, nil), want)
		wantCode(t, "moves "+string(staff), portal.CanMove(key, portal.Group{OrganizationID: here}, target.User), want)
	}
}

func TestOnlyWhoIsThereThroughAKeyIsNotThereInPerson(t *testing.T) {
	for name, actor := range actors {
		wantCode(t, name, portal.InPerson(actor), allowed)
		key := through(actor, reaching())
		wantCode(t, name+" through a key", portal.InPerson(key), portal.CodeForbidden)
		wantEqual(t, name+" behind the key", key.Person(), actor)
	}
}

func TestThroughAKeyOnesOwnThingsAreThereWhereTheOrganizationIs(t *testing.T) {
	for name, actor := range actors {
		for _, place := range []int64{here, elsewhere} {
			wantEqual(t, name+" in person", actor.Finds(place), true)
			wantEqual(t, name+" through a key", through(actor, reaching()).Finds(place), actor.CanSee(place))
		}
	}
}

func TestThroughAKeyOneGrantsWhatTheKeyReaches(t *testing.T) {
	for name, actor := range actors {
		key := through(actor, reaching("billing"))
		for _, set := range []portal.APISet{billing, dunning} {
			want := codeOf(portal.CanGrant(actor, here, nil, []portal.APISet{set}))
			if set.Slug == dunning.Slug {
				want = portal.CodeForbidden
			}
			wantCode(t, name+": "+set.Slug, portal.CanGrant(key, here, nil, []portal.APISet{set}), want)
			wantCode(t, name+", in a role: "+set.Slug, portal.CanGrantRoles(key, here, portal.Role{APISets: []portal.APISet{set}}), want)
		}
		wantCode(t, name+": All Access", portal.CanGrantAllAccess(key, here), portal.CodeForbidden)
	}
}

func TestAKeyPassesOnNoMoreThanItHas(t *testing.T) {
	soon := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	later := soon.Add(time.Microsecond)
	const no = portal.CodeForbidden
	sets := func(some ...portal.APISet) portal.Key { return portal.Key{APISets: some} }
	networks := func(some ...string) portal.Bounds { return portal.Bounds{Networks: some} }
	from := func(some ...string) portal.Key { return portal.Key{AllowedNetworks: some} }
	minute := portal.RateLimit{Requests: 60, Period: portal.PerMinute, Burst: 10}
	limited := portal.Bounds{RateLimit: minute}
	for what, test := range map[string]struct {
		bounds portal.Bounds
		key    portal.Key
		want   portal.Code
	}{
		"an API set that it reaches":            {reaching("billing"), sets(billing), allowed},
		"no API set":                            {reaching(), sets(), allowed},
		"an API set that it does not reach":     {reaching("billing"), sets(dunning), no},
		"one that it reaches and one not":       {reaching("billing"), sets(billing, dunning), no},
		"an expiry, having none":                {portal.Bounds{}, portal.Key{ExpiresAt: later}, allowed},
		"no expiry, having none":                {portal.Bounds{}, portal.Key{}, allowed},
		"the same expiry":                       {portal.Bounds{ExpiresAt: soon}, portal.Key{ExpiresAt: soon}, allowed},
		"an earlier expiry":                     {portal.Bounds{ExpiresAt: later}, portal.Key{ExpiresAt: soon}, allowed},
		"a later expiry":                        {portal.Bounds{ExpiresAt: soon}, portal.Key{ExpiresAt: later}, no},
		"no expiry, having one":                 {portal.Bounds{ExpiresAt: soon}, portal.Key{}, no},
		"a license, bound to none":              {portal.Bounds{}, portal.Key{LicenseID: 5}, allowed},
		"the same license":                      {portal.Bounds{LicenseID: 5}, portal.Key{LicenseID: 5}, allowed},
		"another license":                       {portal.Bounds{LicenseID: 5}, portal.Key{LicenseID: 6}, no},
		"no license, bound to one":              {portal.Bounds{LicenseID: 5}, portal.Key{}, no},
		"from a network, itself from anywhere":  {networks(), from("192.0.2.0/24"), allowed},
		"from the same network":                 {networks("192.0.2.0/24"), from("192.0.2.0/24"), allowed},
		"from a part of the network":            {networks("192.0.2.0/24"), from("192.0.2.128/25"), allowed},
		"from one address of the network":       {networks("192.0.2.0/24"), from("192.0.2.7/32"), allowed},
		"from parts of two networks":            {networks("192.0.2.0/24", "2001:db8::/32"), from("2001:db8:1::/48", "192.0.2.7/32"), allowed},
		"from an IPv6 network within":           {networks("2001:db8::/32"), from("2001:db8:1::/48"), allowed},
		"from an IPv6 network around":           {networks("2001:db8:1::/48"), from("2001:db8::/32"), no},
		"from another IPv6 network":             {networks("2001:db8::/32"), from("2001:db9::/32"), no},
		"from all of IPv6, itself from IPv4":    {networks("0.0.0.0/0"), from("::/0"), no},
		"from a network around":                 {networks("192.0.2.0/25"), from("192.0.2.0/24"), no},
		"from another network":                  {networks("192.0.2.0/24"), from("198.51.100.0/24"), no},
		"from one network within and one not":   {networks("192.0.2.0/24"), from("192.0.2.0/25", "198.51.100.0/24"), no},
		"from anywhere, itself from a network":  {networks("192.0.2.0/24"), from(), no},
		"from what is no network":               {networks("192.0.2.0/24"), from("192.0.2.0/240"), no},
		"with a rate limit, having none":        {portal.Bounds{}, portal.Key{RateLimit: minute}, allowed},
		"with the same rate limit":              {limited, portal.Key{RateLimit: minute}, allowed},
		"with a stricter rate limit":            {limited, portal.Key{RateLimit: portal.RateLimit{Requests: 1, Period: portal.PerHour}}, allowed},
		"with a higher rate limit":              {limited, portal.Key{RateLimit: portal.RateLimit{Requests: 61, Period: portal.PerMinute, Burst: 10}}, no},
		"with more at once":                     {limited, portal.Key{RateLimit: portal.RateLimit{Requests: 60, Period: portal.PerMinute}}, no},
		"without a rate limit, having one":      {limited, portal.Key{}, no},
		"that it impersonates":                  {portal.Bounds{}, portal.Key{CanImpersonate: true}, no},
		"that it impersonates, and all else so": {reaching("billing"), portal.Key{CanImpersonate: true, APISets: []portal.APISet{billing}}, no},
	} {
		err := portal.CanPassOn(through(actors["super admin"], test.bounds), test.key)
		wantCode(t, what, err, test.want)
		if err != nil && !strings.Contains(err.Error(), "API key") {
			t.Errorf("%s: %v does not tell why", what, err)
		}
		wantCode(t, what+", in person", portal.CanPassOn(actors["member"], test.key), allowed)
	}
}

func TestThroughAKeyOneHasItsOwnSecretAndThoseOfKeysThatAreNotBeyondIt(t *testing.T) {
	key := through(holding(portal.APIKeys), reaching())
	for what, test := range map[string]struct {
		of   portal.Key
		want portal.Code
	}{
		"its own, whatever it was granted": {portal.Key{ID: itself, UserID: self, APISets: []portal.APISet{billing}}, allowed},
		"its user's other one within":      {portal.Key{ID: 1, UserID: self}, allowed},
		"its user's other one beyond":      {portal.Key{ID: 1, UserID: self, APISets: []portal.APISet{billing}}, portal.CodeForbidden},
		"another user's within":            {portal.Key{ID: 1, UserID: another}, allowed},
		"another user's beyond":            {portal.Key{ID: 1, UserID: another, APISets: []portal.APISet{billing}}, portal.CodeForbidden},
	} {
		test.of.OrganizationID = here
		wantCode(t, what, portal.CanHaveSecret(key, test.of), test.want)
		wantCode(t, what+", in person", portal.CanHaveSecret(key.Person(), test.of), allowed)
	}
}
