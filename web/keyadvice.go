package web

import (
	"slices"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// exampleAPISet gives the API set that a key's example is a request to: of all, one
// that the key reaches, with routes if there is one; the zero APISet if it reaches
// none.
func exampleAPISet(key manage.KeyDetails, all []portal.APISet) (found portal.APISet) {
	for _, set := range all {
		if portal.HasAPISet(key.APISets, set) && !portal.HasAPISet(key.Ineffective, set) && (found.ID == 0 || len(found.Routes) == 0 && len(set.Routes) > 0) {
			found = set
		}
	}
	return found
}

// grantedAPISets lists what a key was granted, with why it does not reach some
// of it.
func grantedAPISets(key manage.KeyDetails) []page.GrantedAPISet {
	granted := make([]page.GrantedAPISet, len(key.APISets))
	for i, set := range key.APISets {
		granted[i].APISet = set
		switch {
		case set.Retired():
			granted[i].Problem = "Not reached: this API set was retired. No key reaches it unless a super admin puts it back into use."
		case !key.Member:
			granted[i].Problem = "Not reached: " + key.UserName + " is no longer a member of " + key.OrganizationName + "."
		case portal.HasAPISet(key.Ineffective, set):
			granted[i].Problem = "Not reached: no role of " + key.UserName + " allows it."
		}
	}
	return granted
}

// rolesAdvice says what helps when the key was granted more than its user's roles
// allow; nothing when it was not.
func rolesAdvice(key manage.KeyDetails, canManage bool) (advice page.Advice) {
	if !slices.ContainsFunc(key.Ineffective, func(set portal.APISet) bool { return !set.Retired() }) {
		return advice
	}
	advice.Text = "What the mapped user can't reach, the key can't. An administrator can give " + key.UserName + " a role with the API set, or All Access; it counts from the next check on."
	if !key.Member {
		advice.Text = "What the mapped user can't reach, the key can't. An administrator can add " + key.UserName + " to " + key.OrganizationName + " again."
	}
	if canManage {
		advice.Link, advice.Href = "Roles of "+key.UserName, page.MembershipPath(key.UserID, key.OrganizationID)
	}
	return advice
}

// refusedAdvice says why the check refuses a key that is active itself, and what
// helps; nothing when it accepts the key.
func refusedAdvice(key manage.KeyDetails, may func(portal.Authority) bool, seesUser bool) (advice page.Advice) {
	reason, help := whyRefused(key)
	if reason == "" {
		return advice
	}
	advice.Text = "This key is refused at present: " + reason + ". " + help
	switch key.RefusedAs {
	case portal.CheckOrgSuspended:
		if may(portal.ViewOrganizations) {
			advice.Link, advice.Href = key.OrganizationName, page.OrganizationPath(key.OrganizationID)
		}
	case portal.CheckLicenseInactive:
		if may(portal.ViewLicenses) {
			advice.Link, advice.Href = "License "+key.LicenseNumber, page.LicensePath(key.LicenseID)
		}
	default:
		if seesUser {
			advice.Link, advice.Href = "Account of "+key.UserName, page.UserPath(key.UserID)
		}
	}
	return advice
}

func whyRefused(key manage.KeyDetails) (reason, help string) {
	switch key.RefusedAs {
	case portal.CheckUserDisabled:
		if !key.Member {
			return key.UserName + " is no longer a member of " + key.OrganizationName, "An administrator can add the user again."
		}
		return "the account of " + key.UserName + " is disabled", "An administrator can enable it."
	case portal.CheckUserLocked:
		return "the account of " + key.UserName + " is locked", "An administrator can unlock it."
	case portal.CheckUserExpired:
		return key.UserName + " has to choose a new password first", "The portal asks for it at the next log-in; an administrator can send a password link."
	case portal.CheckOrgSuspended:
		return key.OrganizationName + " is suspended", "A super admin can reactivate it."
	case portal.CheckLicenseInactive:
		return "its license is not active", "Support can activate the license."
	}
	return "", ""
}
