package api

import (
	"context"
	"net/http"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Group is named members of an organization with roles.
type Group struct {
	ID          int64     `json:"id" example:"7"`
	OrgID       int64     `json:"orgId" example:"42"`
	Name        string    `json:"name" example:"Accounting"`
	Description string    `json:"description"`
	Roles       []Named   `json:"roles" nullable:"false"`
	MemberCount int       `json:"memberCount" doc:"How many users are in it."`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

func groupOf(g portal.Group) Group {
	return Group{
		ID: g.ID, OrgID: g.OrganizationID, Name: g.Name, Description: g.Description, MemberCount: g.Members, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt,
		Roles: each(g.Roles, func(r portal.Role) Named { return Named{r.ID, r.Name} }),
	}
}

// GroupWithMembers is a group with who is in it.
type GroupWithMembers struct {
	Group
	Members []Named `json:"members" nullable:"false" doc:"Users with their internal IDs."`
}

// GroupPath names a group.
type GroupPath struct {
	GroupID int64 `path:"groupId" minimum:"1" example:"7"`
}

func addGroups(a *API) {
	change := needs(portal.ManageUsers)
	see := needs(portal.ViewUsers, portal.ManageUsers)
	add(a, operation{http.MethodGet, "/user/org/{orgId}/group", "listGroups", "group", "list an organization's groups", "For who may View Users there.", see}, a.listGroups)
	add(a, operation{http.MethodPost, "/user/org/{orgId}/group", "createGroup", "group", "create a group",
		"For who may Manage Users there; nobody gives by a group what they do not hold.", change}, a.createGroup)
	add(a, operation{http.MethodGet, "/user/group/{groupId}", "getGroup", "group", "load a group", "With its members. For who may View Users in its organization.", see}, a.getGroup)
	add(a, operation{http.MethodPatch, "/user/group/{groupId}", "updateGroup", "group", "edit a group",
		"Changes the fields that are sent; a list replaces the list that is there. For who may Manage Users in its organization and holds what is given or taken.", change}, a.updateGroup)
	add(a, operation{http.MethodDelete, "/user/group/{groupId}", "deleteGroup", "group", "delete a group",
		"Takes it away from its members for good. For who may Manage Users in its organization and holds all that it gives.", change}, a.deleteGroup)
}

func (a *API) listGroups(ctx context.Context, in *OrganizationPath) (*listed[Group], error) {
	groups, err := a.manage.Groups(ctx, in.OrgID)
	if err != nil {
		return nil, err
	}
	return allOf(groups, groupOf), nil
}

// GroupFields is what a group is made of.
type GroupFields struct {
	Name        string  `json:"name" maxLength:"100" doc:"Unique in the organization, regardless of case." example:"Accounting"`
	Description string  `json:"description,omitempty" maxLength:"1000"`
	RoleIDs     []int64 `json:"roleIds,omitempty" nullable:"false" maxItems:"1000"`
	MemberIDs   []int64 `json:"memberIds,omitempty" nullable:"false" maxItems:"10000" doc:"Internal IDs of users who are in the organization."`
}

type newGroup struct {
	OrganizationPath
	Idempotent
	Body GroupFields
}

func (a *API) createGroup(ctx context.Context, in *newGroup) (*made[Group], error) {
	submission, err := in.submission(address("user/org", in.OrgID)+"/group", in.Body)
	if err != nil {
		return nil, err
	}
	group, err := a.manage.CreateGroup(ctx, manage.GroupInput{
		Submission: submission, OrganizationID: in.OrgID, Name: in.Body.Name, Description: in.Body.Description, RoleIDs: in.Body.RoleIDs, MemberIDs: in.Body.MemberIDs,
	})
	if err != nil {
		return nil, err
	}
	return &made[Group]{Location: address("user/group", group.ID), ETag: etag(group.Version), Body: groupOf(group)}, nil
}

func (a *API) getGroup(ctx context.Context, in *GroupPath) (*found[GroupWithMembers], error) {
	details, err := a.manage.Group(ctx, in.GroupID)
	if err != nil {
		return nil, err
	}
	members := each(details.Members, func(u portal.User) Named { return Named{u.ID, u.Username} })
	return &found[GroupWithMembers]{ETag: etag(details.Version), Body: GroupWithMembers{groupOf(details.Group), members}}, nil
}

// GroupChange is what is to be different of a group.
type GroupChange struct {
	Name        optional[string]  `json:"name,omitempty" maxLength:"100" example:"Accounting"`
	Description optional[string]  `json:"description,omitempty" maxLength:"1000"`
	RoleIDs     optional[[]int64] `json:"roleIds,omitempty" nullable:"false" maxItems:"1000"`
	MemberIDs   optional[[]int64] `json:"memberIds,omitempty" nullable:"false" maxItems:"10000"`
}

// ChangedGroup names a group that is to be changed.
type ChangedGroup struct {
	GroupPath
	Conditional
}

type editedGroup struct {
	ChangedGroup
	Body GroupChange
}

func (a *API) groupToChange(ctx context.Context, in ChangedGroup) (manage.GroupDetails, error) {
	group, err := a.manage.Group(ctx, in.GroupID)
	if err == nil {
		err = in.check(portal.NounGroup, group.Version)
	}
	return group, err
}

func (a *API) updateGroup(ctx context.Context, in *editedGroup) (*found[GroupWithMembers], error) {
	was, err := a.groupToChange(ctx, in.ChangedGroup)
	if err != nil {
		return nil, err
	}
	err = a.manage.UpdateGroup(ctx, manage.GroupInput{
		ID: was.ID, Version: was.Version, Name: in.Body.Name.or(was.Name), Description: in.Body.Description.or(was.Description),
		RoleIDs:   in.Body.RoleIDs.or(each(was.Roles, func(r portal.Role) int64 { return r.ID })),
		MemberIDs: in.Body.MemberIDs.or(each(was.Members, func(u portal.User) int64 { return u.ID })),
	})
	if err != nil {
		return nil, err
	}
	return a.getGroup(ctx, &in.GroupPath)
}

func (a *API) deleteGroup(ctx context.Context, in *ChangedGroup) (*nothing, error) {
	was, err := a.groupToChange(ctx, *in)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.manage.DeleteGroup(ctx, was.ID, was.Version, was.Name)
}
