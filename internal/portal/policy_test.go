package portal_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
)

const (
	nowhere   int64 = iota // the installation
	here                   // the organization in which the actors hold something
	elsewhere              // an organization in which they hold nothing
)

const (
	self    int64 = 7 // the actors' own user
	another int64 = 8
)

var (
	billing = portal.APISet{ID: 1, Slug: "billing", Name: "Billing API"}
	dunning = portal.APISet{ID: 2, Slug: "dunning", Name: "Dunning API"}
)

func member(grant portal.Grant) portal.Actor {
	return portal.Actor{UserID: self, Grants: map[int64]portal.Grant{here: grant}}
}

func holding(authorities ...portal.Authority) portal.Actor {
	return member(portal.Grant{Authorities: authorities, APISets: map[string]bool{"billing": true}})
}

// actors has one actor of each kind. Those with something to hold hold the API
// set Billing here.
var actors = map[string]portal.Actor{
	"nobody":       {},
	"outsider":     {UserID: self},
	"member":       holding(),
	"API user":     holding(portal.ManageUserAPIKey, portal.RequestAPIKeys),
	"viewer":       holding(portal.ViewUsers, portal.ViewRoles, portal.ViewAPIKeys, portal.ViewLicenses, portal.ViewHistory),
	"key manager":  holding(portal.APIKeys),
	"user manager": holding(portal.UserManagement),
	"admin":        member(portal.Grant{Authorities: []portal.Authority{portal.Administration}}),
	"all access":   member(portal.Grant{AllAccess: true}),
	"gateway":      member(portal.Grant{Authorities: []portal.Authority{portal.VerifyKeys}}),
	"support":      {UserID: self, Staff: portal.Support},
	"super admin":  {UserID: self, Staff: portal.SuperAdmin},
	"program":      portal.Program("test"),
}

// forEveryActor runs a check on each kind of actor; the expectations must name
// them all.
func forEveryActor[T any](t *testing.T, wants map[string]T, check func(t *testing.T, actor portal.Actor, want T)) {
	t.Helper()
	wantEqual(t, "actors that the table names", slices.Sorted(maps.Keys(wants)), slices.Sorted(maps.Keys(actors)))
	for name, actor := range actors {
		t.Run(name, func(t *testing.T) { check(t, actor, wants[name]) })
	}
}

var (
	administration = []portal.Authority{
		"admin", "admin.users", "admin.users.view", "admin.users.manage", "admin.roles", "admin.roles.view", "admin.roles.manage",
		"admin.keys", "admin.keys.own", "admin.keys.view", "admin.keys.manage", "admin.licenses", "admin.licenses.view", "admin.licenses.secret",
		"admin.licenses.applications", "admin.requests", "admin.requests.create", "admin.settings", "admin.settings.manage", "admin.history", "admin.history.view",
	}
	gateway = []portal.Authority{"gateway", "gateway.check", "gateway.check.verify"}
	system  = []portal.Authority{
		"system", "system.apisets", "system.apisets.manage", "system.organizations", "system.organizations.view", "system.organizations.manage",
		"system.licenses", "system.licenses.manage", "system.staff", "system.staff.manage", "system.requests", "system.requests.decide", "system.keys", "system.keys.issue", "system.keys.impersonation",
	}
	everything = slices.Concat(administration, gateway, system)
	ofSupport  = []portal.Authority{
		"system.organizations.view", "system.licenses", "system.licenses.manage", "system.requests", "system.requests.decide", "system.keys.issue", "system.keys.impersonation",
		"admin.users.view", "admin.roles.view", "admin.keys", "admin.keys.own", "admin.keys.view", "admin.keys.manage",
		"admin.licenses.view", "admin.licenses.applications", "admin.requests", "admin.requests.create", "admin.history", "admin.history.view",
	}
)

// held is what an actor holds by place.
type held struct{ here, elsewhere, nowhere []portal.Authority }

func everywhere(authorities []portal.Authority) held {
	return held{authorities, authorities, authorities}
}

var holdings = map[string]held{
	"nobody":       {},
	"outsider":     {},
	"member":       {},
	"all access":   {},
	"API user":     {here: []portal.Authority{"admin.keys.own", "admin.requests.create"}},
	"viewer":       {here: []portal.Authority{"admin.users.view", "admin.roles.view", "admin.keys.view", "admin.licenses.view", "admin.history.view"}},
	"key manager":  {here: []portal.Authority{"admin.keys", "admin.keys.own", "admin.keys.view", "admin.keys.manage"}},
	"user manager": {here: []portal.Authority{"admin.users", "admin.users.view", "admin.users.manage"}},
	"admin":        {here: administration},
	"gateway":      {here: []portal.Authority{"gateway.check.verify"}},
	"support":      everywhere(ofSupport),
	"super admin":  everywhere(everything),
	"program":      everywhere(everything),
}

// refusal is the code with which an actor is refused.
func refusal(actor portal.Actor) portal.Code {
	if actor.SignedIn() {
		return portal.CodeForbidden
	}
	return portal.CodeUnauthenticated
}

func TestEachKindOfActorMayWhatItHoldsWhereItHoldsIt(t *testing.T) {
	wantEqual(t, "authorities that the table names", len(everything), len(portal.Authorities()))
	forEveryActor(t, holdings, func(t *testing.T, actor portal.Actor, want held) {
		for place, authorities := range map[int64][]portal.Authority{here: want.here, elsewhere: want.elsewhere, nowhere: want.nowhere} {
			for _, authority := range everything {
				code := refusal(actor)
				if slices.Contains(authorities, authority) {
					code = allowed
				}
				wantCode(t, string(authority), portal.Can(actor, authority, place), code)
			}
		}
	})
}

func TestAWayIsOpenToWhoHoldsOneOfItsAuthoritiesAnywhere(t *testing.T) {
	forEveryActor(t, holdings, func(t *testing.T, actor portal.Actor, want held) {
		for _, authority := range everything {
			code := refusal(actor)
			if slices.Contains(want.here, authority) {
				code = allowed
			}
			wantCode(t, string(authority), portal.CanAnywhere(actor, authority), code)
			if code == allowed {
				wantCode(t, "one of two", portal.CanAnywhere(actor, "nothing", authority), allowed)
			}
		}
		code := allowed
		if !actor.SignedIn() && !actor.IsProgram() {
			code = portal.CodeUnauthenticated
		}
		wantCode(t, "a way that needs no authority", portal.CanAnywhere(actor), code)
	})
}

func TestWhatIsHeldNowhereInParticularIsNotHeld(t *testing.T) {
	actor := portal.Actor{UserID: self, Grants: map[int64]portal.Grant{nowhere: {Authorities: []portal.Authority{portal.Administration}}}}
	for _, place := range []int64{nowhere, here} {
		wantCode(t, "an authority in the installation", portal.Can(actor, portal.ViewUsers, place), portal.CodeForbidden)
	}
}

func TestARefusalNamesTheAuthorityThatIsMissing(t *testing.T) {
	for _, err := range []error{
		portal.Can(actors["member"], portal.ManageUsers, here),
		portal.CanAnywhere(actors["member"], portal.ManageUsers),
	} {
		if !strings.Contains(err.Error(), "Manage Users") {
			t.Error(err)
		}
	}
}

func TestAnOrganizationExistsForItsMembersAndForStaff(t *testing.T) {
	type sees struct{ here, elsewhere bool }
	outside, inside, all := sees{}, sees{here: true}, sees{true, true}
	forEveryActor(t, map[string]sees{
		"nobody": outside, "outsider": outside, "member": inside, "API user": inside, "viewer": inside, "key manager": inside,
		"user manager": inside, "admin": inside, "all access": inside, "gateway": inside, "support": all, "super admin": all, "program": all,
	}, func(t *testing.T, actor portal.Actor, want sees) {
		wantEqual(t, "sees", sees{actor.CanSee(here), actor.CanSee(elsewhere)}, want)
	})
}

func TestLicensesAreSeenByWhoMayViewThemAndByWhoChoosesAmongThem(t *testing.T) {
	const no = portal.CodeForbidden
	forEveryActor(t, map[string]portal.Code{
		"nobody": portal.CodeUnauthenticated, "outsider": no, "member": no, "user manager": no, "all access": no, "gateway": no,
		"API user": allowed, "viewer": allowed, "key manager": allowed, "admin": allowed, "support": allowed, "super admin": allowed, "program": allowed,
	}, func(t *testing.T, actor portal.Actor, want portal.Code) {
		wantCode(t, "here", portal.CanSeeLicenses(actor, here), want)
		if actor.Staff == portal.NotStaff && !actor.IsProgram() {
			want = refusal(actor)
		}
		wantCode(t, "elsewhere", portal.CanSeeLicenses(actor, elsewhere), want)
		wantCode(t, "nowhere", portal.CanSeeLicenses(actor, nowhere), want)
	})
	for _, one := range []portal.Authority{portal.ViewClientSecret, portal.ManageApplications} {
		wantCode(t, "who holds "+one.Name(), portal.CanSeeLicenses(holding(one), here), allowed)
	}
}

func TestApplicationsAreManagedInTheirOrganizationAndTheCatalogueByWhoManagesOrganizations(t *testing.T) {
	const no, out = portal.CodeForbidden, portal.CodeUnauthenticated
	type manages struct{ here, elsewhere, catalogue portal.Code }
	nothing := manages{no, no, no}
	wants := map[string]manages{
		"nobody": {out, out, out}, "outsider": nothing, "member": nothing, "API user": nothing, "viewer": nothing, "key manager": nothing,
		"user manager": nothing, "all access": nothing, "gateway": nothing,
		"admin": {allowed, no, no}, "support": {allowed, allowed, no}, "super admin": {}, "program": {},
	}
	answers := func(actor portal.Actor) manages {
		code := func(organization int64) portal.Code { return codeOf(portal.CanManageApplications(actor, organization)) }
		return manages{code(here), code(elsewhere), code(nowhere)}
	}
	forEveryActor(t, wants, func(t *testing.T, actor portal.Actor, want manages) { wantEqual(t, "manages", answers(actor), want) })
	wantEqual(t, "who holds that alone", answers(holding(portal.ManageApplications)), manages{allowed, no, no})
}

func TestARequestIsFollowedByItsRequesterByWhoSeesAllOfTheOrganizationAndByWhoDecides(t *testing.T) {
	const no, out = portal.CodeForbidden, portal.CodeUnauthenticated
	type follows struct{ own, others, elsewhere portal.Code }
	own := follows{allowed, no, no}
	wants := map[string]follows{
		"nobody": {out, out, out}, "outsider": {no, no, no}, "member": own, "API user": own, "viewer": own, "key manager": own, "user manager": own, "all access": own, "gateway": own,
		"admin": {allowed, allowed, no}, "support": {}, "super admin": {}, "program": {},
	}
	answers := func(actor portal.Actor) follows {
		code := func(requester, organization int64) portal.Code {
			return codeOf(portal.CanSeeRequest(actor, portal.Request{RequesterID: requester, OrganizationID: organization}))
		}
		return follows{code(actor.UserID, here), code(another, here), code(another, elsewhere)}
	}
	forEveryActor(t, wants, func(t *testing.T, actor portal.Actor, want follows) { wantEqual(t, "follows", answers(actor), want) })
	wantEqual(t, "who holds Requests alone", answers(holding(portal.Requests)), follows{allowed, allowed, no})
}

func TestARequestIsWithdrawnByItsRequesterAndByWhoSeesAllOfTheOwnOrganization(t *testing.T) {
	const no = portal.CodeForbidden
	type withdraws struct{ own, others, elsewhere portal.Code }
	own := withdraws{allowed, no, no}
	wants := map[string]withdraws{
		"nobody": {no, no, no}, "outsider": {no, no, no}, "member": own, "API user": own, "viewer": own, "key manager": own, "user manager": own, "all access": own, "gateway": own,
		"admin": {allowed, allowed, no}, "support": {no, no, no}, "super admin": {no, no, no}, "program": {no, no, no},
	}
	answers := func(actor portal.Actor) withdraws {
		code := func(requester, organization int64) portal.Code {
			return codeOf(portal.CanWithdrawRequest(actor, portal.Request{RequesterID: requester, OrganizationID: organization}))
		}
		return withdraws{code(actor.UserID, here), code(another, here), code(another, elsewhere)}
	}
	forEveryActor(t, wants, func(t *testing.T, actor portal.Actor, want withdraws) {
		wantEqual(t, "withdraws", answers(actor), want)
	})
}

func TestARequestIsMadeAndAnsweredByMembers(t *testing.T) {
	const no, out = portal.CodeForbidden, portal.CodeUnauthenticated
	type asks struct{ makes, answersOwn, answersOthers portal.Code }
	nothing, answers := asks{no, no, no}, asks{no, allowed, no}
	forEveryActor(t, map[string]asks{
		"nobody": {out, no, no}, "outsider": nothing, "member": answers, "viewer": answers, "key manager": answers, "user manager": answers, "all access": answers, "gateway": answers,
		"API user": {allowed, allowed, no}, "admin": {allowed, allowed, no}, "support": nothing, "super admin": nothing, "program": nothing,
	}, func(t *testing.T, actor portal.Actor, want asks) {
		answer := func(requester int64) portal.Code {
			return codeOf(portal.CanAnswerRequest(actor, portal.Request{RequesterID: requester, OrganizationID: here}))
		}
		wantEqual(t, "asks", asks{codeOf(portal.CanRequestKeys(actor, here)), answer(actor.UserID), answer(another)}, want)
	})
}

func TestAnOAuthClientIsChangedByItsKeepersAndByStaffWhoIssueKeys(t *testing.T) {
	const no, out = portal.CodeForbidden, portal.CodeUnauthenticated
	forEveryActor(t, map[string]portal.Code{
		"nobody": out, "outsider": no, "member": no, "viewer": no, "key manager": no, "user manager": no, "all access": no, "gateway": no, "API user": no,
		"admin": allowed, "support": allowed, "super admin": allowed, "program": allowed,
	}, func(t *testing.T, actor portal.Actor, want portal.Code) {
		for _, user := range []int64{another, actor.UserID} {
			wantCode(t, "changes it", portal.CanChangeKey(actor, portal.Key{Kind: portal.OAuthKey, OrganizationID: here, UserID: user}), want)
		}
	})
	wantCode(t, "who looks after it", portal.CanChangeKey(holding(portal.ViewClientSecret), portal.Key{Kind: portal.OAuthKey, OrganizationID: here, UserID: another}), allowed)
	wantCode(t, "another key", portal.CanChangeKey(holding(portal.ViewClientSecret), portal.Key{Kind: portal.TokenKey, OrganizationID: here, UserID: another}), no)
}

func TestARateLimitIsLoosenedByWhoManagesAPIKeysAndMadeStricterByAll(t *testing.T) {
	const no = portal.CodeForbidden
	limit := portal.RateLimit{Requests: 60, Period: portal.PerMinute, Burst: 10}
	key := func(user int64) portal.Key { return portal.Key{OrganizationID: here, UserID: user, RateLimit: limit} }
	forEveryActor(t, map[string]portal.Code{
		"nobody": no, "outsider": no, "member": no, "API user": no, "viewer": no, "user manager": no, "all access": no, "gateway": no,
		"key manager": allowed, "admin": allowed, "support": allowed, "super admin": allowed, "program": allowed,
	}, func(t *testing.T, actor portal.Actor, want portal.Code) {
		for _, user := range []int64{another, self} {
			for what, looser := range map[string]portal.RateLimit{
				"more often": {Requests: 61, Period: portal.PerMinute, Burst: 10}, "more at once": {Requests: 60, Period: portal.PerMinute, Burst: 11}, "no limit": {},
			} {
				wantCode(t, what, portal.CanLoosen(actor, key(user), looser), want)
			}
			for what, within := range map[string]portal.RateLimit{"as it is": limit, "stricter": {Requests: 1, Period: portal.PerMinute}} {
				wantCode(t, what, portal.CanLoosen(actor, key(user), within), allowed)
			}
			wantCode(t, "a first one", portal.CanLoosen(actor, portal.Key{OrganizationID: here, UserID: user}, limit), allowed)
		}
	})
	wantCode(t, "elsewhere", portal.CanLoosen(actors["key manager"], portal.Key{OrganizationID: elsewhere, RateLimit: limit}, portal.RateLimit{}), no)
}

// secretUses are the answers on the secrets of a key that reaches Billing.
type secretUses struct{ change, have, send portal.Code }

func secretUsesOf(actor portal.Actor, kind portal.Kind, user int64) secretUses {
	key := portal.Key{Kind: kind, OrganizationID: here, UserID: user, APISets: []portal.APISet{{Slug: "billing"}}}
	return secretUses{codeOf(portal.CanChangeSecret(actor, key)), codeOf(portal.CanHaveSecret(actor, key)), codeOf(portal.CanSendSecret(actor, key))}
}

func TestTheSecretsOfAnothersKeyAreHadByWhoCouldGrantIt(t *testing.T) {
	const no, out = portal.CodeForbidden, portal.CodeUnauthenticated
	nothing, full := secretUses{no, no, no}, secretUses{}
	forEveryActor(t, map[string]secretUses{
		"nobody": {out, out, out}, "outsider": nothing, "member": nothing, "API user": nothing, "viewer": nothing, "user manager": nothing, "all access": nothing, "gateway": nothing,
		"key manager": full, "admin": {allowed, no, allowed}, "support": {allowed, no, allowed}, "super admin": full, "program": full,
	}, func(t *testing.T, actor portal.Actor, want secretUses) {
		wantEqual(t, "another's", secretUsesOf(actor, portal.TokenKey, another), want)
	})
	lacking := member(portal.Grant{Authorities: []portal.Authority{portal.ManageAPIKeys}})
	wantEqual(t, "who manages keys and holds nothing", secretUsesOf(lacking, portal.TokenKey, another), secretUses{allowed, no, allowed})
}

func TestTheSecretsOfOnesOwnKeyAreHadByWhoManagesTheirOwn(t *testing.T) {
	const no = portal.CodeForbidden
	wantEqual(t, "one's own", secretUsesOf(holding(portal.ManageUserAPIKey), portal.TokenKey, self), secretUses{allowed, allowed, no})
	wantEqual(t, "one's own, without", secretUsesOf(holding(portal.RequestAPIKeys), portal.TokenKey, self), secretUses{no, no, no})
	support := actors["support"]
	wantEqual(t, "support's own", secretUsesOf(support, portal.TokenKey, support.UserID), secretUses{})
}

func TestTheSecretOfAnOAuthClientIsHadByItsKeepersAndSentToNobody(t *testing.T) {
	const no, out = portal.CodeForbidden, portal.CodeUnauthenticated
	nothing, keeper := secretUses{no, no, no}, secretUses{allowed, allowed, no}
	forEveryActor(t, map[string]secretUses{
		"nobody": {out, out, no}, "outsider": nothing, "member": nothing, "API user": nothing, "viewer": nothing, "user manager": nothing, "all access": nothing, "gateway": nothing,
		"key manager": nothing, "admin": keeper, "support": nothing, "super admin": keeper, "program": keeper,
	}, func(t *testing.T, actor portal.Actor, want secretUses) {
		wantEqual(t, "a client's", secretUsesOf(actor, portal.OAuthKey, another), want)
	})
}

// uses are the answers on one's own and another user's keys.
type uses struct{ seeOwn, changeOwn, seeOthers, changeOthers portal.Code }

func TestKeysAreSeenByTheirUsersAndChangedByThoseWhoMayAndByTheirManagers(t *testing.T) {
	const no, out = portal.CodeForbidden, portal.CodeUnauthenticated
	nothing, look, signedOut, full := uses{no, no, no, no}, uses{allowed, no, no, no}, uses{out, out, out, out}, uses{}
	forEveryActor(t, map[string]uses{
		"nobody": signedOut, "outsider": nothing, "member": look, "user manager": look, "all access": look, "gateway": look,
		"API user": {allowed, allowed, no, no}, "viewer": {allowed, no, allowed, no},
		"key manager": full, "admin": full, "support": full, "super admin": full, "program": full,
	}, func(t *testing.T, actor portal.Actor, want uses) {
		wantUses(t, "here", actor, here, want)
		if actor.Staff == portal.NotStaff && !actor.IsProgram() {
			code := refusal(actor)
			want = uses{code, code, code, code}
		}
		wantUses(t, "elsewhere", actor, elsewhere, want)
		wantUses(t, "nowhere", actor, nowhere, want)
	})
}

func wantUses(t *testing.T, where string, actor portal.Actor, organization int64, want uses) {
	t.Helper()
	own := actor.UserID
	wantCode(t, where+": see own", portal.CanUseKeysOf(actor, portal.SeeKey, organization, own), want.seeOwn)
	wantCode(t, where+": change own", portal.CanUseKeysOf(actor, portal.ChangeKey, organization, own), want.changeOwn)
	wantCode(t, where+": see another's", portal.CanUseKeysOf(actor, portal.SeeKey, organization, another), want.seeOthers)
	wantCode(t, where+": change another's", portal.CanUseKeysOf(actor, portal.ChangeKey, organization, another), want.changeOthers)
}

func TestKeysAreImportedByTheProgramAlone(t *testing.T) {
	for name, actor := range actors {
		want := portal.CodeForbidden
		if name == "nobody" {
			want = portal.CodeUnauthenticated
		}
		if err := portal.CanImportKeys(actor); name == "program" && err != nil || name != "program" && portal.CodeOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysAreMappedToStaffByThemselvesAndByWhoManagesStaff(t *testing.T) {
	forEveryActor(t, map[string]portal.Code{
		"nobody": portal.CodeForbidden, "outsider": portal.CodeForbidden, "member": portal.CodeForbidden, "API user": portal.CodeForbidden,
		"viewer": portal.CodeForbidden, "key manager": portal.CodeForbidden, "user manager": portal.CodeForbidden, "admin": portal.CodeForbidden,
		"all access": portal.CodeForbidden, "gateway": portal.CodeForbidden, "support": portal.CodeForbidden, "super admin": allowed, "program": allowed,
	}, func(t *testing.T, actor portal.Actor, want portal.Code) {
		wantCode(t, "support", portal.CanMapKeyTo(actor, portal.Standing{User: portal.User{ID: another, Staff: portal.Support}}, here, nil), want)
		wantCode(t, "super admin", portal.CanMapKeyTo(actor, portal.Standing{User: portal.User{ID: another, Staff: portal.SuperAdmin}}, here, nil), want)
		wantCode(t, "anyone else", portal.CanMapKeyTo(actor, portal.Standing{User: portal.User{ID: another}}, here, nil), allowed)
		if actor.SignedIn() {
			wantCode(t, "oneself", portal.CanMapKeyTo(actor, portal.Standing{User: portal.User{ID: self, Staff: portal.Support}}, here, nil), allowed)
		}
	})
}

func TestNobodyGrantsWhatTheyDoNotHold(t *testing.T) {
	// grants are the answers to granting Manage User API Key, all of Administration, Billing, Dunning and All Access.
	type grants struct{ own, admin, billing, dunning, allAccess portal.Code }
	const no = portal.CodeForbidden
	nothing, onlyBilling := grants{no, no, no, no, no}, grants{no, no, allowed, no, no}
	forEveryActor(t, map[string]grants{
		"nobody": nothing, "outsider": nothing, "gateway": nothing,
		"member": onlyBilling, "viewer": onlyBilling, "user manager": onlyBilling,
		"API user": {allowed, no, allowed, no, no}, "key manager": {allowed, no, allowed, no, no},
		"admin":       {allowed, allowed, no, no, no},
		"all access":  {no, no, allowed, allowed, allowed},
		"support":     {allowed, no, allowed, allowed, allowed},
		"super admin": {}, "program": {},
	}, func(t *testing.T, actor portal.Actor, want grants) {
		grant := func(organization int64) grants {
			authority := func(a portal.Authority) portal.Code {
				return codeOf(portal.CanGrant(actor, organization, []portal.Authority{a}, nil))
			}
			set := func(s portal.APISet) portal.Code {
				return codeOf(portal.CanGrant(actor, organization, nil, []portal.APISet{s}))
			}
			return grants{authority(portal.ManageUserAPIKey), authority(portal.Administration), set(billing), set(dunning), codeOf(portal.CanGrantAllAccess(actor, organization))}
		}
		wantEqual(t, "here", grant(here), want)
		if actor.Staff == portal.NotStaff && !actor.IsProgram() {
			want = nothing
		}
		wantEqual(t, "elsewhere", grant(elsewhere), want)
		wantEqual(t, "nowhere", grant(nowhere), want)
	})
}

func codeOf(err error) portal.Code {
	if err == nil {
		return allowed
	}
	return portal.CodeOf(err)
}

func TestOneGrantBeyondTheActorRefusesThemAll(t *testing.T) {
	actor := holding(portal.APIKeys)
	err := portal.CanGrant(actor, here, []portal.Authority{portal.ManageUserAPIKey, portal.ViewUsers}, nil)
	wantCode(t, "authorities", err, portal.CodeForbidden)
	if !strings.Contains(err.Error(), "View Users") {
		t.Errorf("%v does not name what is missing", err)
	}
	err = portal.CanGrant(actor, here, nil, []portal.APISet{billing, dunning})
	wantCode(t, "API sets", err, portal.CodeForbidden)
	if !strings.Contains(err.Error(), "Dunning API") {
		t.Errorf("%v does not name what is missing", err)
	}
}

func TestAccountsAreManagedByWhoIsAboveThemEverywhere(t *testing.T) {
	standing := func(staff portal.Staff, grants map[int64]portal.Grant) portal.Standing {
		return portal.Standing{User: portal.User{ID: another, Staff: staff}, Grants: grants}
	}
	plain := portal.Grant{}
	admin := portal.Grant{Authorities: []portal.Authority{portal.Administration}}
	targets := map[string]portal.Standing{
		"member here":               standing(portal.NotStaff, map[int64]portal.Grant{here: plain}),
		"user manager here":         standing(portal.NotStaff, map[int64]portal.Grant{here: {Authorities: []portal.Authority{portal.UserManagement}}}),
		"admin here":                standing(portal.NotStaff, map[int64]portal.Grant{here: admin}),
		"member elsewhere":          standing(portal.NotStaff, map[int64]portal.Grant{elsewhere: plain}),
		"member here and elsewhere": standing(portal.NotStaff, map[int64]portal.Grant{here: plain, elsewhere: plain}),
		"in no organization":        standing(portal.NotStaff, nil),
		"support, member here":      standing(portal.Support, map[int64]portal.Grant{here: plain}),
		"super admin, member here":  standing(portal.SuperAdmin, map[int64]portal.Grant{here: plain}),
	}
	all := slices.Sorted(maps.Keys(targets))
	forEveryActor(t, map[string][]string{
		"nobody": nil, "outsider": nil, "member": nil, "API user": nil, "viewer": nil, "key manager": nil, "all access": nil, "gateway": nil, "support": nil,
		"user manager": {"member here", "user manager here"},
		"admin":        {"admin here", "member here", "user manager here"},
		"super admin":  all, "program": all,
	}, func(t *testing.T, actor portal.Actor, want []string) {
		var managed []string
		for _, name := range all {
			if portal.CanManageUser(actor, targets[name]) == nil {
				managed = append(managed, name)
			}
		}
		wantEqual(t, "manages", managed, want)
	})
}

func TestAccountsThatReachMoreAreManagedByWhoReachesAsMuch(t *testing.T) {
	reaching := func(all bool, slugs ...string) portal.Grant {
		grant := portal.Grant{Authorities: []portal.Authority{portal.UserManagement}, AllAccess: all, APISets: map[string]bool{}}
		for _, slug := range slugs {
			grant.APISets[slug] = true
		}
		return grant
	}
	grants := map[string]portal.Grant{"nothing": reaching(false), "billing": reaching(false, "billing"), "both": reaching(false, "billing", "dunning"), "all": reaching(true)}
	for actor, manages := range map[string][]string{
		"nothing": {"nothing"}, "billing": {"billing", "nothing"}, "both": {"billing", "both", "nothing"}, "all": {"all", "billing", "both", "nothing"},
	} {
		for target, grant := range grants {
			want := portal.CodeForbidden
			if slices.Contains(manages, target) {
				want = allowed
			}
			err := portal.CanManageUser(member(grants[actor]), portal.Standing{User: portal.User{ID: another}, Grants: map[int64]portal.Grant{here: grant}})
			wantCode(t, "who reaches "+actor+", one who reaches "+target, err, want)
		}
	}
}

func TestKeysThatTheCheckObeysAreMadeByWhoHoldsAsMuch(t *testing.T) {
	for _, authority := range []portal.Authority{portal.Gateway, portal.GatewayCheck, portal.VerifyKeys} {
		target := portal.Standing{User: portal.User{ID: another}, Grants: map[int64]portal.Grant{here: {Authorities: []portal.Authority{portal.ViewUsers, authority}}}}
		for actor, want := range map[string]portal.Code{"key manager": portal.CodeForbidden, "admin": portal.CodeForbidden, "support": portal.CodeForbidden, "super admin": allowed, "program": allowed} {
			wantCode(t, actor, portal.CanMapKeyTo(actors[actor], target, here, nil), want)
			wantCode(t, actor+", elsewhere", portal.CanMapKeyTo(actors[actor], target, elsewhere, nil), allowed)
		}
	}
	wantCode(t, "oneself", portal.CanMapKeyTo(actors["gateway"], portal.Standing{User: portal.User{ID: self}, Grants: actors["gateway"].Grants}, here, nil), allowed)
}

func TestAnAdminOfTwoOrganizationsManagesWhoIsInBoth(t *testing.T) {
	admin := portal.Grant{Authorities: []portal.Authority{portal.Administration}}
	target := portal.Standing{User: portal.User{ID: another}, Grants: map[int64]portal.Grant{here: {}, elsewhere: {}}}
	both := portal.Actor{UserID: self, Grants: map[int64]portal.Grant{here: admin, elsewhere: admin}}
	wantCode(t, "admin of both", portal.CanManageUser(both, target), allowed)
	one := portal.Actor{UserID: self, Grants: map[int64]portal.Grant{here: admin, elsewhere: {}}}
	wantCode(t, "admin of one, member of the other", portal.CanManageUser(one, target), portal.CodeForbidden)
}

func TestAContextCarriesTheActorAndIsNobodysWithoutOne(t *testing.T) {
	wantEqual(t, "actor", portal.ActorFrom(portal.WithActor(t.Context(), actors["admin"])), actors["admin"])
	wantEqual(t, "no actor", portal.ActorFrom(context.Background()), portal.Actor{})
}

func TestAKeyForThePortalsAPIIsMadeByWhoMayAllThatItsUserMay(t *testing.T) {
	ofPortal := []portal.APISet{billing, {ID: 3, Slug: portal.PortalAPI, Name: "Key Portal API"}}
	admin := portal.Standing{User: portal.User{ID: another}, Grants: map[int64]portal.Grant{here: {Authorities: []portal.Authority{portal.Administration}}}}
	manager := portal.Standing{User: portal.User{ID: another}, Grants: map[int64]portal.Grant{here: {Authorities: []portal.Authority{portal.ManageUserAPIKey, portal.ViewAPIKeys}}}}
	const no = portal.CodeForbidden
	type made struct{ admins, managers portal.Code }
	forEveryActor(t, map[string]made{
		"nobody": {no, no}, "outsider": {no, no}, "member": {no, no}, "API user": {no, no}, "viewer": {no, no}, "user manager": {no, no}, "all access": {no, no}, "gateway": {no, no},
		"key manager": {no, allowed}, "support": {no, allowed}, "admin": {}, "super admin": {}, "program": {},
	}, func(t *testing.T, actor portal.Actor, want made) {
		for _, target := range []portal.Standing{admin, manager} {
			wantCode(t, "without it", portal.CanMapKeyTo(actor, target, here, []portal.APISet{billing}), allowed)
			wantCode(t, "elsewhere", portal.CanMapKeyTo(actor, target, elsewhere, ofPortal), allowed)
		}
		wantEqual(t, "with it", made{codeOf(portal.CanMapKeyTo(actor, admin, here, ofPortal)), codeOf(portal.CanMapKeyTo(actor, manager, here, ofPortal))}, want)
	})
	own := portal.Standing{User: portal.User{ID: self}, Grants: admin.Grants}
	wantCode(t, "one's own", portal.CanMapKeyTo(actors["member"], own, here, ofPortal), allowed)
	err := portal.CanMapKeyTo(actors["key manager"], admin, here, ofPortal)
	for _, says := range []string{"Administration", "Key Portal API"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not name %s", err, says)
		}
	}
}

func TestAMembershipIsSeenByItsUserAndByWhoSeesUsersOrMakesKeysForThem(t *testing.T) {
	const gone, out = portal.CodeNotFound, portal.CodeUnauthenticated
	type sees struct{ own, others, elsewhere portal.Code }
	own, full := sees{allowed, gone, gone}, sees{allowed, allowed, gone}
	forEveryActor(t, map[string]sees{
		"nobody": {out, out, out}, "outsider": {gone, gone, gone}, "member": own, "API user": own, "all access": own, "gateway": own,
		"viewer": full, "key manager": full, "user manager": full, "admin": full, "support": {}, "super admin": {}, "program": {},
	}, func(t *testing.T, actor portal.Actor, want sees) {
		code := func(user, organization int64) portal.Code {
			return codeOf(portal.CanSeeMembership(actor, portal.Membership{UserID: user, OrganizationID: organization}))
		}
		wantEqual(t, "sees", sees{code(self, here), code(another, here), code(another, elsewhere)}, want)
	})
}
