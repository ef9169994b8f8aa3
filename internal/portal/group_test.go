package portal_test

import (
	"testing"

	"keyportal/internal/portal"
)

func TestOnlyWhoHoldsWhatAGroupGivesMovesItsMembers(t *testing.T) {
	group := portal.Group{OrganizationID: 1, Roles: []portal.Role{
		{Authorities: []portal.Authority{portal.ViewUsers}}, {Authorities: []portal.Authority{portal.ViewHistory}, APISets: []portal.APISet{{Slug: "billing"}}},
	}}
	holder := func(sets map[string]bool, authorities ...portal.Authority) portal.Actor {
		return portal.Actor{UserID: 7, Grants: map[int64]portal.Grant{1: {Authorities: authorities, APISets: sets}}}
	}
	billing := map[string]bool{"billing": true}
	member, staff := portal.User{ID: 8}, portal.User{ID: 9, Staff: portal.Support}
	for what, test := range map[string]struct {
		actor portal.Actor
		users []portal.User
		want  portal.Code
	}{
		"all of it":                    {holder(billing, portal.ViewUsers, portal.ViewHistory), []portal.User{member}, allowed},
		"one role alone":               {holder(billing, portal.ViewUsers), []portal.User{member}, portal.CodeForbidden},
		"not the API set":              {holder(nil, portal.Administration), []portal.User{member}, portal.CodeForbidden},
		"nobody is moved":              {holder(nil), nil, allowed},
		"staff, by an admin":           {holder(billing, portal.Administration), []portal.User{member, staff}, portal.CodeForbidden},
		"staff, by a super admin":      {portal.Actor{UserID: 7, Staff: portal.SuperAdmin}, []portal.User{staff}, allowed},
		"in another organization":      {portal.Actor{UserID: 7, Grants: map[int64]portal.Grant{2: {Authorities: []portal.Authority{portal.Administration}, AllAccess: true}}}, []portal.User{member}, portal.CodeForbidden},
		"support, who manages no user": {portal.Actor{UserID: 7, Staff: portal.Support}, []portal.User{staff}, portal.CodeForbidden},
	} {
		wantCode(t, what, portal.CanMove(test.actor, group, test.users...), test.want)
	}
}

func TestGroupsAreSeenWithEitherAuthorityAboutUsers(t *testing.T) {
	for authority, want := range map[portal.Authority]portal.Code{portal.ViewUsers: allowed, portal.ManageUsers: allowed, portal.ViewRoles: portal.CodeForbidden} {
		actor := portal.Actor{UserID: 7, Grants: map[int64]portal.Grant{1: {Authorities: []portal.Authority{authority}}}}
		wantCode(t, string(authority), portal.CanSeeGroups(actor, 1), want)
		wantCode(t, string(authority)+" elsewhere", portal.CanSeeGroups(actor, 2), portal.CodeForbidden)
	}
}
