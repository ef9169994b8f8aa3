package api

import (
	"context"
	"net/http"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Membership is a user in an organization.
type Membership struct {
	ID        int64     `json:"id" example:"815" doc:"The org membership ID: orgUserId where an API key is made."`
	OrgID     int64     `json:"orgId" example:"42"`
	OrgName   string    `json:"orgName" example:"Example Inc."`
	UserID    int64     `json:"userId" example:"1732"`
	Active    bool      `json:"active" doc:"The user is in the organization now. A membership that ended stays, and can be taken up again."`
	Admin     bool      `json:"admin"`
	AllAccess bool      `json:"allAccess"`
	Roles     []Named   `json:"roles" nullable:"false" doc:"Given directly, without those of groups."`
	Groups    []Named   `json:"groups" nullable:"false"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

func membershipOf(m portal.Membership) Membership {
	return Membership{
		ID: m.ID, OrgID: m.OrganizationID, OrgName: m.OrganizationName, UserID: m.UserID, Active: m.Active(), Admin: m.Admin, AllAccess: m.AllAccess,
		Roles:     each(m.Roles, func(r portal.Role) Named { return Named{r.ID, r.Name} }),
		Groups:    each(m.Groups, func(g portal.Group) Named { return Named{g.ID, g.Name} }),
		CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
}

// MembershipPath names a user in an organization.
type MembershipPath struct {
	OrgID  int64 `path:"orgId" minimum:"1" example:"42" doc:"The organization's internal ID."`
	UserID int64 `path:"userId" minimum:"1" example:"1732" doc:"The user's internal ID."`
}

func addMemberships(a *API) {
	add(a, operation{http.MethodGet, "/user/org/{orgId}/user/{userId}", "getMembership", "org", "load a user org membership",
		"Finds a user's membership in an organization, ended or not: your own, or with View Users there.", signedIn}, a.getMembership)
	add(a, operation{http.MethodPut, "/user/org/{orgId}/user/{userId}", "setMembership", "org", "make or change a user org membership",
		"Makes a user a member of an organization, or sets all that the user is given there. What is left out is taken away. For who may Manage Users there; nobody gives, or takes, more than they hold.",
		needs(portal.ManageUsers)}, a.setMembership)
	add(a, operation{http.MethodDelete, "/user/org/{orgId}/user/{userId}", "endMembership", "org", "end a user org membership",
		"Takes a user out of an organization and its groups; the user's keys there are refused. For who may Manage Users there.", needs(portal.ManageUsers)}, a.endMembership)
	add(a, operation{http.MethodGet, "/user/users/{userId}/org", "listMemberships", "user", "list a user's org memberships",
		"Lists those that you may see, ended ones too.", signedIn}, a.listMemberships)
}

func (a *API) getMembership(ctx context.Context, in *MembershipPath) (*found[Membership], error) {
	membership, err := a.manage.Membership(ctx, in.OrgID, in.UserID)
	if err != nil {
		return nil, err
	}
	return &found[Membership]{ETag: etag(membership.Version), Body: membershipOf(membership)}, nil
}

func (a *API) listMemberships(ctx context.Context, in *UserPath) (*listed[Membership], error) {
	details, err := a.manage.User(ctx, in.UserID)
	if err != nil {
		return nil, err
	}
	return allOf(details.Memberships, membershipOf), nil
}

// MembershipFields is what a user is given in an organization.
type MembershipFields struct {
	Admin     bool    `json:"admin,omitempty" doc:"May do everything in the organization. For accounts of programs better not, unless their calls need it."`
	AllAccess bool    `json:"allAccess,omitempty" doc:"Reaches every API set. Not through an API key."`
	RoleIDs   []int64 `json:"roleIds,omitempty" nullable:"false" maxItems:"1000" example:"[3]"`
	GroupIDs  []int64 `json:"groupIds,omitempty" nullable:"false" maxItems:"1000" example:"[7]"`
}

type newMembership struct {
	MembershipPath
	Conditional
	Body MembershipFields
}

func (a *API) setMembership(ctx context.Context, in *newMembership) (*found[Membership], error) {
	version, err := a.membershipVersion(ctx, &in.MembershipPath, in.Conditional)
	if err != nil {
		return nil, err
	}
	err = a.manage.SetMembership(ctx, manage.MembershipInput{
		OrganizationID: in.OrgID, UserID: in.UserID, Version: version, Member: true,
		Admin: in.Body.Admin, AllAccess: in.Body.AllAccess, RoleIDs: in.Body.RoleIDs, GroupIDs: in.Body.GroupIDs,
	})
	if err != nil {
		return nil, err
	}
	return a.getMembership(ctx, &in.MembershipPath)
}

// membershipVersion gives the version of a membership that is to be changed; 0 when
// there is none yet.
func (a *API) membershipVersion(ctx context.Context, in *MembershipPath, condition Conditional) (int64, error) {
	if _, err := a.manage.Organization(ctx, in.OrgID); err != nil {
		return 0, err
	}
	was, err := a.manage.Membership(ctx, in.OrgID, in.UserID)
	if portal.CodeOf(err) == portal.CodeNotFound {
		was, err = portal.Membership{}, nil
	}
	if err == nil {
		err = condition.check(portal.NounMembership, was.Version)
	}
	return was.Version, err
}

type endedMembership struct {
	MembershipPath
	Conditional
}

func (a *API) endMembership(ctx context.Context, in *endedMembership) (*nothing, error) {
	was, err := a.manage.Membership(ctx, in.OrgID, in.UserID)
	if err == nil {
		err = in.check(portal.NounMembership, was.Version)
	}
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.manage.SetMembership(ctx, manage.MembershipInput{OrganizationID: in.OrgID, UserID: in.UserID, Version: was.Version})
}
