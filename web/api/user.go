package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// User is an account of a person or an integration.
type User struct {
	ID              int64     `json:"id" example:"1732" doc:"The internal ID, as in the portal's address bar."`
	Username        string    `json:"username" example:"ada"`
	FirstName       string    `json:"firstName" example:"Ada"`
	LastName        string    `json:"lastName" example:"Lovelace"`
	Email           string    `json:"email" example:"ada@example.com"`
	Staff           string    `json:"staff" enum:",super_admin,support" doc:"The installation-wide role; empty for most users. It can't be changed here."`
	Enabled         bool      `json:"enabled" doc:"A disabled user does not log in, and their keys are refused."`
	Locked          bool      `json:"locked" doc:"Likewise, until they are unlocked."`
	PasswordExpired bool      `json:"passwordExpired" doc:"They must choose a new password first, and their keys are refused until then."`
	LastLogInAt     instant   `json:"lastLogInAt" doc:"null: never."`
	CreatedAt       time.Time `json:"createdAt"`
	UpdatedAt       time.Time `json:"updatedAt"`
}

func userOf(u portal.User) User {
	return User{
		ID: u.ID, Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email, Staff: string(u.Staff),
		Enabled: u.Enabled, Locked: u.Locked, PasswordExpired: u.PasswordExpired, LastLogInAt: instant{u.LastSignInAt}, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

// Named is a thing that something else speaks of.
type Named struct {
	ID   int64  `json:"id" example:"42"`
	Name string `json:"name" example:"Example Inc."`
}

// Me is who asks.
type Me struct {
	User
	CurrentOrg   *Named   `json:"currentOrg,omitempty" doc:"The organization that you work in, or that the API key belongs to; not there when it is none."`
	Authorities  []string `json:"authorities" nullable:"false" doc:"What you may do there. Each includes what begins with it and a dot." example:"[\"admin.users\"]"`
	APISets      []string `json:"apiSets" nullable:"false" doc:"The slugs of the API sets that you can give to keys there." example:"[\"billing\"]"`
	Key          *Named   `json:"key,omitempty" doc:"The API key through which this request came."`
	Impersonator *Named   `json:"impersonator,omitempty" doc:"Who really asks, as the user above."`
}

// UserPath names a user.
type UserPath struct {
	UserID int64 `path:"userId" minimum:"1" example:"1732" doc:"The user's internal ID."`
}

var userSorts = map[string]string{"firstName": "first_name", "lastName": "last_name", "passwordExpired": "expired"}

func addUsers(a *API) {
	add(a, operation{http.MethodGet, "/user/users/me", "getMe", "user", "who am I?",
		"Tells as whom you ask: the user with the organization that you work in, what you may do there, and through which API key.", signedIn}, a.me)
	add(a, operation{http.MethodGet, "/user/users", "listUsers", "user", "list users",
		"Lists the users of an organization for who may View Users there; for staff without orgId those of all.", needs(portal.ViewUsers)}, a.listUsers)
	add(a, operation{http.MethodPost, "/user/users", "createUser", "user", "create a user",
		"Makes a user without a password, and with orgId a member of that organization. For who may Manage Users there.", needs(portal.ManageUsers)}, a.createUser)
	add(a, operation{http.MethodGet, "/user/users/{userId}", "getUser", "user", "load a user",
		"Finds yourself, a user of an organization in which you may View Users, or anybody for staff.", signedIn}, a.getUser)
	add(a, operation{http.MethodPatch, "/user/users/{userId}", "updateUser", "user", "edit a user",
		"Changes the fields that are sent. For who may manage the account.", needs(portal.ManageUsers)}, a.updateUser)
	for _, act := range []struct {
		action               manage.UserAction
		id, summary, explain string
	}{
		{manage.EnableUser, "enableUser", "enable a user", "Lets a disabled user log in again, and their keys work."},
		{manage.DisableUser, "disableUser", "disable a user", "Ends the user's sessions and has their keys refused."},
		{manage.LockUser, "lockUser", "lock a user", "Ends the user's sessions and has their keys refused until they are unlocked."},
		{manage.UnlockUser, "unlockUser", "unlock a user", "Takes a lock back."},
	} {
		add(a, operation{http.MethodPost, "/user/users/{userId}/" + string(act.action), act.id, "user", act.summary, act.explain, needs(portal.ManageUsers)},
			func(ctx context.Context, in *changedUser) (*found[User], error) {
				return a.actOnUser(ctx, in, act.action)
			})
	}
}

func (a *API) me(ctx context.Context, _ *struct{}) (*found[Me], error) {
	actor := portal.ActorFrom(ctx)
	details, err := a.manage.User(ctx, actor.UserID)
	if err != nil {
		return nil, err
	}
	me := Me{User: userOf(details.User), Authorities: []string{}, APISets: []string{}}
	if actor.KeyID != 0 {
		me.Key = &Named{actor.KeyID, actor.KeyName}
	}
	if actor.Impersonator.UserID != 0 {
		me.Impersonator = &Named{actor.Impersonator.UserID, actor.Impersonator.Name}
	}
	for _, info := range portal.Authorities() {
		if actor.Holds(info.Authority, actor.OrganizationID) {
			me.Authorities = append(me.Authorities, string(info.Authority))
		}
	}
	if actor.OrganizationID == 0 {
		return &found[Me]{ETag: etag(details.Version), Body: me}, nil
	}
	organization, err := a.manage.Organization(ctx, actor.OrganizationID)
	if err != nil {
		return nil, err
	}
	me.CurrentOrg = &Named{organization.ID, organization.Name}
	sets, err := a.manage.APISets(ctx)
	for _, set := range sets {
		if !set.Retired() && portal.CanGrant(actor, actor.OrganizationID, nil, []portal.APISet{set}) == nil {
			me.APISets = append(me.APISets, set.Slug)
		}
	}
	return &found[Me]{ETag: etag(details.Version), Body: me}, err
}

type userFilter struct {
	Paging
	Q               string `query:"q" maxLength:"500" doc:"Words that the username, the name or the e-mail address has."`
	OrgID           int64  `query:"orgId" minimum:"1" doc:"Members of this organization alone. Without it: for staff of all, for others of the one that you work in."`
	Enabled         string `query:"enabled" enum:"true,false"`
	Locked          string `query:"locked" enum:"true,false"`
	PasswordExpired string `query:"passwordExpired" enum:"true,false"`
	Sort            string `query:"sort" enum:"username,-username,firstName,-firstName,lastName,-lastName,email,-email,enabled,-enabled,locked,-locked,passwordExpired,-passwordExpired" doc:"By what; with a minus the other way round."`
}

func (a *API) listUsers(ctx context.Context, in *userFilter) (*listed[User], error) {
	filter := portal.UserFilter{
		List: sorted(in.list(), in.Sort, userSorts), OrganizationID: organizationOr(ctx, in.OrgID),
		Enabled: choice(in.Enabled), Locked: choice(in.Locked), Expired: choice(in.PasswordExpired),
	}
	filter.Search = in.Q
	page, err := a.manage.Users(ctx, filter)
	if err != nil {
		return nil, err
	}
	return listOf(page, func(row manage.UserRow) User { return userOf(row.User) }), nil
}

// organizationOr gives the organization that was asked for; for who sees all of them
// otherwise all, for others the one that they work in.
func organizationOr(ctx context.Context, asked int64) int64 {
	actor := portal.ActorFrom(ctx)
	if asked != 0 || actor.Holds(portal.ViewOrganizations, 0) {
		return asked
	}
	return actor.OrganizationID
}

// choice reads true or false; nil for neither.
func choice(text string) *bool {
	if chosen, err := strconv.ParseBool(text); err == nil {
		return &chosen
	}
	return nil
}

// UserFields is what a user is made of.
type UserFields struct {
	Username  string  `json:"username,omitempty" maxLength:"64" doc:"Unique, regardless of case. Without it, the e-mail address." example:"ada"`
	FirstName string  `json:"firstName,omitempty" maxLength:"100" example:"Ada"`
	LastName  string  `json:"lastName,omitempty" maxLength:"100" example:"Lovelace"`
	Email     string  `json:"email" maxLength:"254" example:"ada@example.com"`
	OrgID     int64   `json:"orgId,omitempty" minimum:"1" doc:"The organization whose member the user becomes. Without it none: for super admins."`
	Admin     bool    `json:"admin,omitempty" doc:"May do everything in the organization. For accounts of programs better not, unless their calls need it."`
	AllAccess bool    `json:"allAccess,omitempty" doc:"Reaches every API set. Not through an API key."`
	RoleIDs   []int64 `json:"roleIds,omitempty" nullable:"false" maxItems:"1000" doc:"Roles in the organization."`
	GroupIDs  []int64 `json:"groupIds,omitempty" nullable:"false" maxItems:"1000" doc:"Groups of the organization."`
}

type newUser struct {
	Idempotent
	Body UserFields
}

func (a *API) createUser(ctx context.Context, in *newUser) (*made[User], error) {
	submission, err := in.submission("createUser", in.Body)
	if err != nil {
		return nil, err
	}
	body := in.Body
	user, err := a.manage.CreateUser(ctx, manage.NewUser{
		Submission: submission, Username: body.Username, FirstName: body.FirstName, LastName: body.LastName, Email: body.Email,
		OrganizationID: body.OrgID, Admin: body.Admin, AllAccess: body.AllAccess, RoleIDs: body.RoleIDs, GroupIDs: body.GroupIDs,
	})
	if err != nil {
		return nil, err
	}
	return &made[User]{Location: address("user/users", user.ID), ETag: etag(user.Version), Body: userOf(user)}, nil
}

// address gives where a thing is.
func address(path string, id int64) string {
	return Prefix + "/" + path + "/" + strconv.FormatInt(id, 10)
}

func (a *API) getUser(ctx context.Context, in *UserPath) (*found[User], error) {
	details, err := a.manage.User(ctx, in.UserID)
	if err != nil {
		return nil, err
	}
	return &found[User]{ETag: etag(details.Version), Body: userOf(details.User)}, nil
}

// UserChange is what is to be different of a user.
type UserChange struct {
	Username  optional[string] `json:"username,omitempty" maxLength:"64" example:"ada"`
	FirstName optional[string] `json:"firstName,omitempty" maxLength:"100" example:"Ada"`
	LastName  optional[string] `json:"lastName,omitempty" maxLength:"100" example:"Lovelace"`
	Email     optional[string] `json:"email,omitempty" maxLength:"254" example:"ada@example.com"`
}

type editedUser struct {
	UserPath
	Conditional
	Body UserChange
}

func (a *API) updateUser(ctx context.Context, in *editedUser) (*found[User], error) {
	was, err := a.userToChange(ctx, in.UserID, in.Conditional)
	if err != nil {
		return nil, err
	}
	err = a.manage.UpdateUser(ctx, manage.UserEdit{
		ID: was.ID, Version: was.Version, Username: in.Body.Username.or(was.Username), FirstName: in.Body.FirstName.or(was.FirstName),
		LastName: in.Body.LastName.or(was.LastName), Email: in.Body.Email.or(was.Email), Staff: was.Staff,
	})
	if err != nil {
		return nil, err
	}
	return a.getUser(ctx, &in.UserPath)
}

func (a *API) userToChange(ctx context.Context, id int64, condition Conditional) (portal.User, error) {
	details, err := a.manage.User(ctx, id)
	if err == nil {
		err = condition.check(portal.NounUser, details.Version)
	}
	return details.User, err
}

type changedUser struct {
	UserPath
	Conditional
}

func (a *API) actOnUser(ctx context.Context, in *changedUser, action manage.UserAction) (*found[User], error) {
	if _, err := a.userToChange(ctx, in.UserID, in.Conditional); err != nil {
		return nil, err
	}
	if err := a.manage.ActOnUser(ctx, in.UserID, action); err != nil {
		return nil, err
	}
	return a.getUser(ctx, &in.UserPath)
}
