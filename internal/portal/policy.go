package portal

import (
	"fmt"
	"slices"
)

// The authorities of staff, in every organization.
var staffAuthorities = map[Staff][]Authority{
	SuperAdmin: {System, Administration, Gateway},
	Support: {
		ViewOrganizations, SystemLicenses, SystemRequests, IssueAPIKeys, AllowImpersonation,
		ViewUsers, ViewRoles, APIKeys, ViewLicenses, ManageApplications, Requests, History,
	},
}

// Holds tells whether the actor has the authority in an organization; with
// organization 0, in the whole installation.
func (a Actor) Holds(need Authority, organization int64) bool {
	if a.program {
		return true
	}
	if a.barred(need) {
		return false
	}
	if need.includedIn(staffAuthorities[a.Staff]) {
		return true
	}
	return organization != 0 && need.includedIn(a.Grants[organization].Authorities)
}

// Can answers "may they?" for an authority in an organization: nil, or an error
// that says which authority is missing (CodeForbidden), or that nobody is
// signed in (CodeUnauthenticated).
func Can(actor Actor, need Authority, organization int64) error {
	switch {
	case actor.Holds(need, organization):
		return nil
	case !actor.SignedIn():
		return Unauthenticated("Log in to go on.")
	case actor.barred(need):
		return notThroughKeys
	}
	return Forbidden(need)
}

// CanAnywhere answers whether the actor holds one of the authorities in the
// installation or in any organization; with none, whether somebody is signed
// in. It guards the way to a page; what the page is about is decided with Can.
func CanAnywhere(actor Actor, anyOf ...Authority) error {
	switch {
	case actor.IsProgram():
		return nil
	case !actor.SignedIn():
		return Unauthenticated("Log in to go on.")
	}
	for _, need := range anyOf {
		if actor.Holds(need, 0) {
			return nil
		}
		for organization := range actor.Grants {
			if actor.Holds(need, organization) {
				return nil
			}
		}
	}
	if len(anyOf) == 0 {
		return nil
	}
	return Can(actor, anyOf[0], 0)
}

// CanSee answers whether an organization's things exist for the actor at all.
// They do for its members and for staff; for others they are not found.
func (a Actor) CanSee(organization int64) bool {
	return a.Member(organization) || a.Holds(ViewOrganizations, 0)
}

// Finds tells whether what is the actor's own in an organization is there for them:
// through a key only in an organization that exists for it, whatever its user has
// elsewhere.
func (a Actor) Finds(organization int64) bool { return a.KeyID == 0 || a.CanSee(organization) }

// SeeLicenses are the authorities that each let their holder see an organization's
// licenses: View Licenses, and those to request keys for them, to make them, to look
// after their OAuth clients and after the applications that stand beside them.
var SeeLicenses = []Authority{ViewLicenses, RequestAPIKeys, ManageAPIKeys, ViewClientSecret, ManageApplications}

// CanSeeLicenses answers whether the actor may see an organization's licenses and
// which applications have a key for them: who holds one of SeeLicenses there.
func CanSeeLicenses(actor Actor, organization int64) error {
	if slices.ContainsFunc(SeeLicenses, func(one Authority) bool { return actor.Holds(one, organization) }) {
		return nil
	}
	return Can(actor, ViewLicenses, organization)
}

// CanManageApplications answers whether the actor may add, edit and retire the
// applications of an organization or, with organization 0, of the catalogue.
func CanManageApplications(actor Actor, organization int64) error {
	if organization == 0 {
		return Can(actor, ManageOrganizations, 0)
	}
	return Can(actor, ManageApplications, organization)
}

// CanRequestKeys answers whether the actor may ask support for keys of an
// organization: its members who hold Request API Keys. Staff issue them.
func CanRequestKeys(actor Actor, organization int64) error {
	if err := Can(actor, RequestAPIKeys, organization); err != nil || actor.Member(organization) {
		return err
	}
	return Denied("Requests come from a client's own users. You can issue the key straight away instead.")
}

// CanAnswerRequest answers whether the actor may add something to a request, or
// answer what support asked: its requester.
func CanAnswerRequest(actor Actor, request Request) error {
	if actor.requested(request) {
		return nil
	}
	return Denied("Only the requester can answer.")
}

// CanSeeRequest answers whether the actor may follow a request: one's own while
// one is in the organization, all of an organization with the authority Requests
// there, and any for who decides.
func CanSeeRequest(actor Actor, request Request) error {
	if actor.requested(request) || actor.Holds(DecideRequests, 0) {
		return nil
	}
	return Can(actor, Requests, request.OrganizationID)
}

// CanWithdrawRequest answers whether the actor may take a request back: its
// requester, and in the organization also who holds the authority Requests.
func CanWithdrawRequest(actor Actor, request Request) error {
	if actor.requested(request) || actor.Member(request.OrganizationID) && actor.Holds(Requests, request.OrganizationID) {
		return nil
	}
	return Denied("Only the requester, or an administrator of " + request.OrganizationName + ", can withdraw a request.")
}

// requested tells whether a request is the actor's own, who is still in the
// organization.
func (a Actor) requested(request Request) bool {
	return a.UserID == request.RequesterID && a.Member(request.OrganizationID)
}

// KeyUse is what somebody wants with a key.
type KeyUse int

// The uses of keys.
const (
	SeeKey KeyUse = iota
	ChangeKey
)

// CanUseKeysOf answers whether the actor may see or change the keys that are
// mapped to a user in an organization: one's own are seen by every member, since
// what they do is recorded under their name, and changed with Manage User API Key;
// anyone's with Manage API Keys, and anyone's to look at with View API Keys.
func CanUseKeysOf(actor Actor, use KeyUse, organization, user int64) error {
	own := actor.UserID == user && actor.UserID != 0
	switch {
	case actor.Holds(ManageAPIKeys, organization):
		return nil
	case use == SeeKey && actor.Holds(ViewAPIKeys, organization):
		return nil
	case use == SeeKey && own && actor.Member(organization):
		return nil
	case own:
		return Can(actor, ManageUserAPIKey, organization)
	case use == SeeKey:
		return Can(actor, ViewAPIKeys, organization)
	}
	return Can(actor, ManageAPIKeys, organization)
}

// CanChangeKey answers whether the actor may edit, disable, enable or revoke a key: who
// may change its mapped user's keys, but an OAuth client, which all instances of a
// license share, only who looks after it, and staff who issue keys.
func CanChangeKey(actor Actor, key Key) error {
	if key.Kind == OAuthKey && !actor.Holds(IssueAPIKeys, 0) {
		return Can(actor, ViewClientSecret, key.OrganizationID)
	}
	return CanUseKeysOf(actor, ChangeKey, key.OrganizationID, key.UserID)
}

// CanLoosen answers whether the actor may give a key another rate limit, as far as that
// lets the key be used more than the present one: who may Manage API Keys in its
// organization. The limit protects the API from whoever has the key, so others who may
// change the key can only make it stricter.
func CanLoosen(actor Actor, key Key, limit RateLimit) error {
	if limit.Within(key.RateLimit) || actor.Holds(ManageAPIKeys, key.OrganizationID) {
		return nil
	}
	return Denied(fmt.Sprintf("This key's rate limit is %s. You can make it stricter; to loosen or remove it needs the authority “%s”: ask an administrator.", key.RateLimit, ManageAPIKeys.Name()))
}

// CanChangeSecret answers whether the actor may end a secret of a key, which shows
// them none: a client's administrators alone for an OAuth client, else who may
// change the key.
func CanChangeSecret(actor Actor, key Key) error {
	if key.Kind == OAuthKey {
		return Can(actor, ViewClientSecret, key.OrganizationID)
	}
	return CanUseKeysOf(actor, ChangeKey, key.OrganizationID, key.UserID)
}

// CanHaveSecret answers whether the actor may get to see a secret of a key, one that
// is made for it or the present one: who may change its secrets, and of somebody
// else's key could grant what it was granted. Support does not see what clients use:
// it sends a one-time page. Through a key one gets that key's own, but not with what ends
// before the key does, and those of keys that are not beyond it.
func CanHaveSecret(actor Actor, key Key) error {
	if err := CanChangeSecret(actor, key); err != nil {
		return err
	}
	switch {
	case key.ID != actor.KeyID:
		if err := CanPassOn(actor, key); err != nil {
			return err
		}
	case actor.Bounds.Passing:
		return Denied("The secret of a key is not for an access token, nor for a secret that is being rotated out. Use the key's current secret, or log in to the portal.")
	}
	switch {
	case key.Kind == OAuthKey, // who looks after it is trusted with it, whatever it reaches
		actor.UserID == key.UserID && actor.UserID != 0:
		return nil
	case actor.Staff == Support:
		return Denied("Support does not get to see the secret of a client's key. Send " + key.UserName + " a new one instead, on a one-time page.")
	}
	return CanGrant(actor, key.OrganizationID, nil, key.APISets)
}

// CanSendSecret answers whether the actor may have a secret made that the key's
// mapped user alone gets to see, on a one-time page. The secret of an OAuth client is
// for who may Manage Client Secret, and not its mapped user's to get.
func CanSendSecret(actor Actor, key Key) error {
	if key.Kind == OAuthKey {
		return Denied("The secret of an OAuth client is regenerated by who may “" + ViewClientSecret.Name() + "”; it is not sent.")
	}
	return Can(actor, ManageAPIKeys, key.OrganizationID)
}

// CanImportKeys answers whether the actor may take over keys that customers had
// before: the command line, and nobody who signed in. Whoever hands in hashes decides
// which texts pass the check.
func CanImportKeys(actor Actor) error {
	switch {
	case actor.IsProgram():
		return nil
	case !actor.SignedIn():
		return Unauthenticated("Log in to go on.")
	}
	return Denied("API keys are imported on the command line of the machine that runs this portal, and nowhere else.")
}

// CanMapKeyTo answers whether the actor may generate, widen or enable a key of an
// organization that carries a user's rights. Staff hold more than their
// organization gives, and some users hold what the check itself obeys (Verify
// keys): their keys are their own to make, or made by who holds as much. So is a key
// with the API set Key Portal API, which does in the portal what its user may.
func CanMapKeyTo(actor Actor, target Standing, organization int64, apiSets []APISet) error {
	if actor.UserID == target.User.ID && actor.UserID != 0 {
		return nil
	}
	if target.User.Staff != NotStaff && !actor.Holds(ManageStaff, 0) {
		return superAdminOnly(actor, target.User.Name()+" is staff: only they themselves or a super admin can generate keys for them.")
	}
	for _, authority := range target.Grants[organization].Authorities {
		if Gateway.Includes(authority) && !actor.Holds(authority, organization) {
			return Denied(fmt.Sprintf("%s holds “%s”, which you don't: only they themselves or a super admin can generate keys for them.", target.User.Name(), authority.Name()))
		}
		if i := slices.IndexFunc(apiSets, func(set APISet) bool { return set.Slug == PortalAPI }); i >= 0 && !actor.Holds(authority, organization) {
			return Denied(fmt.Sprintf("%s holds “%s”, which you don't, and a key with the API set “%s” does what its user may: only they themselves or a super admin can give it to their keys.", target.User.Name(), authority.Name(), apiSets[i].Name))
		}
	}
	return nil
}

// CanSeeMembership answers whether the actor may see what a user is given in an
// organization: one's own, in an organization that exists for the actor, and others with
// View Users or Manage API Keys there. Others are not found.
func CanSeeMembership(actor Actor, membership Membership) error {
	organization := membership.OrganizationID
	own := actor.UserID == membership.UserID && actor.CanSee(organization)
	switch {
	case own, actor.Holds(ViewUsers, organization), actor.Holds(ManageAPIKeys, organization):
		return nil
	case !actor.SignedIn():
		return Unauthenticated("Log in to go on.")
	}
	return NotFound(NounMembership)
}

// CanGrant answers whether the actor may hand out authorities and API sets in
// an organization: nobody grants what they do not hold.
func CanGrant(actor Actor, organization int64, authorities []Authority, apiSets []APISet) error {
	for _, authority := range authorities {
		if !actor.Holds(authority, organization) {
			if actor.barred(authority) {
				return notThroughKeys
			}
			return Denied(fmt.Sprintf("You can't grant “%s”: you don't hold it yourself.", authority.Name()))
		}
	}
	for _, set := range apiSets {
		switch {
		case actor.KeyID != 0 && !actor.Bounds.APISets[set.Slug]:
			return Denied(fmt.Sprintf("You can't grant the API set “%s” with this API key, which does not reach it.", set.Name))
		case !actor.hasAPISet(set.Slug, organization):
			return Denied(fmt.Sprintf("You can't grant the API set “%s”: your own roles don't allow it.", set.Name))
		}
	}
	return nil
}

// CanGrantRoles answers whether the actor may hand out, or take back, all that roles
// give in an organization.
func CanGrantRoles(actor Actor, organization int64, roles ...Role) error {
	for _, role := range roles {
		if err := CanGrant(actor, organization, role.Authorities, role.APISets); err != nil {
			return err
		}
	}
	return nil
}

// CanSeeGroups answers whether the actor may see an organization's groups and who is
// in them: who may View Users or Manage Users there.
func CanSeeGroups(actor Actor, organization int64) error {
	if actor.Holds(ManageUsers, organization) {
		return nil
	}
	return Can(actor, ViewUsers, organization)
}

// CanMove answers whether the actor may put users into a group or take them out of it:
// who can grant all of its roles, and of staff only who may Manage Staff.
func CanMove(actor Actor, group Group, users ...User) error {
	for _, user := range users {
		if user.Staff != NotStaff && !actor.Holds(ManageStaff, 0) {
			return superAdminOnly(actor, user.Name()+" is staff: only a super admin can put them into a group or take them out of one.")
		}
	}
	if len(users) == 0 {
		return nil
	}
	return CanGrantRoles(actor, group.OrganizationID, group.Roles...)
}

func (a Actor) hasAPISet(slug string, organization int64) bool {
	return a.hasAllAccess(organization) || a.Grants[organization].APISets[slug]
}

func (a Actor) hasAllAccess(organization int64) bool {
	return a.Holds(IssueAPIKeys, 0) || a.Grants[organization].AllAccess
}

// CanGrantAllAccess answers whether the actor may give All Access in an
// organization. Through a key nobody may: it reaches some API sets, and not those to
// come.
func CanGrantAllAccess(actor Actor, organization int64) error {
	switch {
	case actor.KeyID != 0:
		return notThroughKeys
	case actor.hasAllAccess(organization):
		return nil
	}
	return Denied("You can't grant All Access: you don't have it yourself.")
}

// Standing is what matters of a user when somebody wants to manage the account.
type Standing struct {
	User   User
	Grants map[int64]Grant // the user's own, by organization
}

// CanManageUser answers whether the actor may change a user's account: its
// details, whether it is enabled, its password's expiry. An account belongs to
// its user in every organization, so Manage Users is needed in each of them,
// and nothing that the user holds may be beyond the actor. Staff are
// managed by who may Manage Staff.
func CanManageUser(actor Actor, target Standing) error {
	if actor.Holds(ManageStaff, 0) {
		return nil
	}
	if target.User.Staff != NotStaff {
		return superAdminOnly(actor, "This is a staff account: only a super admin can change it.")
	}
	if len(target.Grants) == 0 && !actor.Holds(ManageUsers, 0) {
		return Denied("This user belongs to no organization; a super admin can manage the account.")
	}
	for organization, grant := range target.Grants {
		if !actor.Member(organization) && !actor.Holds(ViewOrganizations, 0) {
			return Denied("This user belongs to other organizations too. You can change the roles here; the account itself is a super admin's to change.")
		}
		if err := Can(actor, ManageUsers, organization); err != nil {
			return err
		}
		if missing := slices.IndexFunc(grant.Authorities, func(a Authority) bool { return !actor.Holds(a, organization) }); missing >= 0 {
			return Denied(fmt.Sprintf("This user holds “%s”, which you don't. Ask an administrator.", grant.Authorities[missing].Name()))
		}
		if grant.AllAccess && !actor.hasAllAccess(organization) {
			return Denied("This user has All Access, which you don't. Ask an administrator.")
		}
		for slug := range grant.APISets {
			if !actor.hasAPISet(slug, organization) {
				return Denied(fmt.Sprintf("This user's keys reach the API set “%s”, which yours don't. Ask an administrator.", slug))
			}
		}
	}
	return nil
}
