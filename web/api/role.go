package api

import (
	"context"
	"net/http"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Role is a named set of authorities and of API sets.
type Role struct {
	ID          int64     `json:"id" example:"3"`
	OrgID       int64     `json:"orgId,omitempty" example:"42" doc:"The organization whose role it is; not there for a role for every organization."`
	Name        string    `json:"name" example:"Billing clerk"`
	Description string    `json:"description"`
	BuiltIn     bool      `json:"builtIn" doc:"It came with the program and can't be changed."`
	Authorities []string  `json:"authorities" nullable:"false" doc:"What its holder may do in the portal." example:"[\"admin.keys.own\"]"`
	APISets     []string  `json:"apiSets" nullable:"false" doc:"Slugs of what its holder's keys may reach." example:"[\"billing\"]"`
	MemberCount int       `json:"memberCount" doc:"How many memberships hold it."`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

func roleOf(r portal.Role) Role {
	return Role{
		ID: r.ID, OrgID: r.OrganizationID, Name: r.Name, Description: r.Description, BuiltIn: r.BuiltIn, MemberCount: r.Members, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		Authorities: authorityNames(r.Authorities), APISets: portal.Slugs(r.APISets),
	}
}

func authorityNames(authorities []portal.Authority) []string {
	return each(authorities, func(a portal.Authority) string { return string(a) })
}

func authoritiesOf(names []string) []portal.Authority {
	return each(names, func(name string) portal.Authority { return portal.Authority(name) })
}

// RolePath names a role.
type RolePath struct {
	RoleID int64 `path:"roleId" minimum:"1" example:"3"`
}

func addRoles(a *API) {
	change, see := needs(portal.ManageRoles), needs(portal.ViewRoles)
	add(a, operation{http.MethodGet, "/user/role", "listRoles", "role", "list the roles that an organization can use",
		"Lists its own, those for every organization, and the built-in ones. For who may View Roles or Manage Users there.", needs(portal.ViewRoles, portal.ManageUsers)}, a.listRoles)
	add(a, operation{http.MethodPost, "/user/role", "createRole", "role", "create a role",
		"With orgId for who may Manage Roles there, without it for every organization and for who may Manage Organizations. Nobody puts into a role what they do not hold.", change}, a.createRole)
	add(a, operation{http.MethodGet, "/user/role/{roleId}", "getRole", "role", "load a role", "For who may View Roles in its organization.", see}, a.getRole)
	add(a, operation{http.MethodPatch, "/user/role/{roleId}", "updateRole", "role", "edit a role",
		"Changes the fields that are sent; a list replaces the list that is there. It counts for its holders at once. Built-in roles stay as they are.", change}, a.updateRole)
	add(a, operation{http.MethodDelete, "/user/role/{roleId}", "deleteRole", "role", "delete a role", "Takes it away from all its holders for good. For who holds all of it.", change}, a.deleteRole)
}

func (a *API) listRoles(ctx context.Context, in *inOrganization) (*listed[Role], error) {
	roles, err := a.manage.Roles(ctx, in.of(ctx))
	if err != nil {
		return nil, err
	}
	return allOf(roles, roleOf), nil
}

// RoleFields is what a role is made of.
type RoleFields struct {
	OrgID       int64    `json:"orgId,omitempty" minimum:"1" doc:"The organization whose role it is; without it, it is for every organization."`
	Name        string   `json:"name" maxLength:"100" example:"Billing clerk"`
	Description string   `json:"description,omitempty" maxLength:"1000"`
	Authorities []string `json:"authorities,omitempty" nullable:"false" maxItems:"100" example:"[\"admin.keys.own\"]"`
	APISets     []string `json:"apiSets,omitempty" nullable:"false" maxItems:"1000" doc:"Slugs." example:"[\"billing\"]"`
}

type newRole struct {
	Idempotent
	Body RoleFields
}

func (a *API) createRole(ctx context.Context, in *newRole) (*made[Role], error) {
	submission, err := in.submission("createRole", in.Body)
	if err != nil {
		return nil, err
	}
	role, err := a.manage.CreateRole(ctx, manage.RoleInput{
		Submission: submission, OrganizationID: in.Body.OrgID, Name: in.Body.Name, Description: in.Body.Description,
		Authorities: authoritiesOf(in.Body.Authorities), APISets: in.Body.APISets,
	})
	if err != nil {
		return nil, err
	}
	return &made[Role]{Location: address("user/role", role.ID), ETag: etag(role.Version), Body: roleOf(role)}, nil
}

func (a *API) getRole(ctx context.Context, in *RolePath) (*found[Role], error) {
	role, err := a.manage.Role(ctx, in.RoleID)
	if err != nil {
		return nil, err
	}
	return &found[Role]{ETag: etag(role.Version), Body: roleOf(role)}, nil
}

// RoleChange is what is to be different of a role.
type RoleChange struct {
	Name        optional[string]   `json:"name,omitempty" maxLength:"100" example:"Billing clerk"`
	Description optional[string]   `json:"description,omitempty" maxLength:"1000"`
	Authorities optional[[]string] `json:"authorities,omitempty" nullable:"false" maxItems:"100" example:"[\"admin.keys.own\"]"`
	APISets     optional[[]string] `json:"apiSets,omitempty" nullable:"false" maxItems:"1000" example:"[\"billing\"]"`
}

// ChangedRole names a role that is to be changed.
type ChangedRole struct {
	RolePath
	Conditional
}

type editedRole struct {
	ChangedRole
	Body RoleChange
}

func (a *API) roleToChange(ctx context.Context, in ChangedRole) (portal.Role, error) {
	role, err := a.manage.Role(ctx, in.RoleID)
	if err == nil {
		err = in.check(portal.NounRole, role.Version)
	}
	return role, err
}

func (a *API) updateRole(ctx context.Context, in *editedRole) (*found[Role], error) {
	was, err := a.roleToChange(ctx, in.ChangedRole)
	if err != nil {
		return nil, err
	}
	err = a.manage.UpdateRole(ctx, manage.RoleInput{
		ID: was.ID, Version: was.Version, Name: in.Body.Name.or(was.Name), Description: in.Body.Description.or(was.Description),
		Authorities: authoritiesOf(in.Body.Authorities.or(authorityNames(was.Authorities))), APISets: in.Body.APISets.or(portal.Slugs(was.APISets)),
	})
	if err != nil {
		return nil, err
	}
	return a.getRole(ctx, &in.RolePath)
}

func (a *API) deleteRole(ctx context.Context, in *ChangedRole) (*nothing, error) {
	was, err := a.roleToChange(ctx, *in)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.manage.DeleteRole(ctx, was.ID, was.Version, was.Name)
}
