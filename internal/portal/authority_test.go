package portal_test

import (
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
)

func TestAnAuthorityIncludesItselfAndWhatStandsBelowIt(t *testing.T) {
	for _, test := range []struct {
		holder, asked portal.Authority
		want          bool
	}{
		{portal.UserManagement, portal.UserManagement, true},
		{portal.UserManagement, portal.ViewUsers, true},
		{portal.Administration, portal.ViewUsers, true},
		{portal.ViewUsers, portal.UserManagement, false},
		{portal.ViewUsers, portal.ManageUsers, false},
		{portal.UserManagement, portal.ViewRoles, false},
		{portal.Administration, portal.System, false},
		{portal.Administration, portal.VerifyKeys, false},
		{portal.Administration, portal.ManageSettings, true},
		{portal.Settings, portal.ManageSettings, true},
		{portal.Licensing, portal.ManageApplications, true},
		{portal.Licensing, portal.ManageLicenses, false},
		{portal.Administration, portal.ManageLicenses, false},
		{portal.SystemLicenses, portal.ManageLicenses, true},
		{portal.SystemLicenses, portal.ManageApplications, false},
		{portal.System, portal.Administration, false},
		{"admin.users", "admin.users2", false},
		{"admin.users", "admin.usersx.view", false},
		{"", portal.ViewUsers, false},
	} {
		if got := test.holder.Includes(test.asked); got != test.want {
			t.Errorf("%q includes %q: %v", test.holder, test.asked, got)
		}
	}
}

func TestEveryAuthorityHasADescriptionAndAPlaceInTheTree(t *testing.T) {
	seen := map[portal.Authority]bool{}
	for _, info := range portal.Authorities() {
		authority := info.Authority
		if seen[authority] || info.Name == "" || info.Description == "" {
			t.Errorf("%q is listed twice or not described", authority)
		}
		seen[authority] = true
		if parent, _, below := cutLast(authority); below && !seen[parent] {
			t.Errorf("%q stands before what includes it", authority)
		}
		wantEqual(t, "name", authority.Name(), info.Name)
	}
}

func cutLast(authority portal.Authority) (parent portal.Authority, last string, ok bool) {
	i := strings.LastIndexByte(string(authority), '.')
	if i < 0 {
		return "", string(authority), false
	}
	return authority[:i], string(authority[i+1:]), true
}

func TestAnAuthoritysLevelIsToldByItsDepth(t *testing.T) {
	for authority, want := range map[portal.Authority]portal.Level{
		portal.Administration: "Application", portal.APIKeys: "Module", portal.ManageUserAPIKey: "Action", portal.System: "Application",
	} {
		wantEqual(t, string(authority), authority.Level(), want)
	}
}

func TestRolesHoldWhatIsKnownAndNotOfStaff(t *testing.T) {
	var assignable []portal.Authority
	for _, info := range portal.AssignableAuthorities() {
		assignable = append(assignable, info.Authority)
	}
	for _, info := range portal.Authorities() {
		want := !strings.HasPrefix(string(info.Authority), "system")
		if info.Authority.Assignable() != want || slices.Contains(assignable, info.Authority) != want {
			t.Errorf("%q: a role can hold it: %v", info.Authority, !want)
		}
	}
	for _, unknown := range []portal.Authority{"", "admin.users.delete", "Admin", "nothing"} {
		if unknown.Assignable() {
			t.Errorf("a role can hold %q", unknown)
		}
		wantEqual(t, "name", unknown.Name(), string(unknown))
	}
}
