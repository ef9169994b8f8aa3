package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Organization is a client of the company that runs the portal.
type Organization struct {
	ID             int64     `json:"id" example:"42"`
	Name           string    `json:"name" example:"Example Inc."`
	LevelID        int64     `json:"levelId" example:"2" doc:"The client level, which says how many licenses it may hold."`
	LevelName      string    `json:"levelName" example:"Gold"`
	Suspended      bool      `json:"suspended" doc:"All of its keys are refused."`
	SecretViewing  bool      `json:"secretViewing" doc:"Secrets of key pairs and OAuth clients can be viewed again in the portal."`
	ExpiryRequired bool      `json:"expiryRequired" doc:"Its keys must have an expiry."`
	ExpiryMaxDays  int       `json:"expiryMaxDays" doc:"How far off an expiry may be; 0 for no bound."`
	CreatedAt      time.Time `json:"createdAt"`
	UpdatedAt      time.Time `json:"updatedAt"`
}

func organizationOf(o portal.Organization) Organization {
	return Organization{
		ID: o.ID, Name: o.Name, LevelID: o.LevelID, LevelName: o.LevelName, Suspended: o.Suspended, SecretViewing: o.SecretViewing,
		ExpiryRequired: o.ExpiryRequired, ExpiryMaxDays: o.ExpiryMaxDays, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt,
	}
}

// OrganizationPath names an organization.
type OrganizationPath struct {
	OrgID int64 `path:"orgId" minimum:"1" example:"42" doc:"The organization's internal ID."`
}

func addOrganizations(a *API) {
	manageThem := needs(portal.ManageOrganizations)
	add(a, operation{http.MethodGet, "/user/org", "listOrganizations", "org", "list organizations",
		"Lists all for staff, and for others those of their memberships.", signedIn}, a.listOrganizations)
	add(a, operation{http.MethodPost, "/user/org", "createOrganization", "org", "create an organization", "For who may Manage Organizations.", manageThem}, a.createOrganization)
	add(a, operation{http.MethodGet, "/user/org/{orgId}", "getOrganization", "org", "load an organization", "Finds one of yours; any for staff.", signedIn}, a.getOrganization)
	add(a, operation{http.MethodPatch, "/user/org/{orgId}", "updateOrganization", "org", "edit an organization",
		"Changes the fields that are sent. A level that allows fewer licenses than are in use is refused. For who may Manage Organizations.", manageThem}, a.updateOrganization)
	add(a, operation{http.MethodPatch, "/user/org/{orgId}/settings", "updateOrganizationSettings", "org", "change an organization's settings",
		"Changes the fields that are sent. For who may Manage Settings there.", needs(portal.ManageSettings)}, a.updateSettings)
	add(a, operation{http.MethodPost, "/user/org/{orgId}/suspend", "suspendOrganization", "org", "suspend an organization",
		"Has the check refuse all of its keys until it is reactivated. For who may Manage Organizations.", manageThem}, a.suspendOrganization)
	add(a, operation{http.MethodPost, "/user/org/{orgId}/reactivate", "reactivateOrganization", "org", "reactivate an organization",
		"Takes a suspension back. For who may Manage Organizations.", manageThem}, a.reactivateOrganization)
}

type organizationFilter struct {
	Paging
	Q    string `query:"q" maxLength:"500" doc:"Words that the name has. For staff."`
	Sort string `query:"sort" enum:"name,-name,level,-level" doc:"By what; with a minus the other way round. For staff."`
}

func (a *API) listOrganizations(ctx context.Context, in *organizationFilter) (*listed[Organization], error) {
	if !portal.ActorFrom(ctx).Holds(portal.ViewOrganizations, 0) {
		mine, err := a.manage.MyOrganizations(ctx, 0)
		return allOf(mine, organizationOf), err
	}
	list := sorted(in.list(), in.Sort, nil)
	list.Search = in.Q
	page, err := a.manage.Organizations(ctx, list)
	if err != nil {
		return nil, err
	}
	return listOf(page, organizationOf), nil
}

// OrganizationFields is what an organization is made of.
type OrganizationFields struct {
	Name    string `json:"name" maxLength:"100" doc:"Unique, regardless of case." example:"Example Inc."`
	LevelID int64  `json:"levelId" minimum:"1" example:"2"`
}

type newOrganization struct {
	Idempotent
	Body OrganizationFields
}

func (a *API) createOrganization(ctx context.Context, in *newOrganization) (*made[Organization], error) {
	submission, err := in.submission("createOrganization", in.Body)
	if err != nil {
		return nil, err
	}
	organization, err := a.manage.CreateOrganization(ctx, manage.OrganizationInput{Submission: submission, Name: in.Body.Name, LevelID: in.Body.LevelID})
	if err != nil {
		return nil, err
	}
	return &made[Organization]{Location: address("user/org", organization.ID), ETag: etag(organization.Version), Body: organizationOf(organization)}, nil
}

func (a *API) getOrganization(ctx context.Context, in *OrganizationPath) (*found[Organization], error) {
	organization, err := a.manage.Organization(ctx, in.OrgID)
	if err != nil {
		return nil, err
	}
	return &found[Organization]{ETag: etag(organization.Version), Body: organizationOf(organization)}, nil
}

// OrganizationChange is what is to be different of an organization.
type OrganizationChange struct {
	Name    optional[string] `json:"name,omitempty" maxLength:"100" example:"Example Inc."`
	LevelID optional[int64]  `json:"levelId,omitempty" minimum:"1" example:"2"`
}

// ChangedOrganization names an organization that is to be changed.
type ChangedOrganization struct {
	OrganizationPath
	Conditional
}

func (a *API) organizationToChange(ctx context.Context, in ChangedOrganization) (portal.Organization, error) {
	organization, err := a.manage.Organization(ctx, in.OrgID)
	if err == nil {
		err = in.check(portal.NounOrganization, organization.Version)
	}
	return organization, err
}

type editedOrganization struct {
	ChangedOrganization
	Body OrganizationChange
}

func (a *API) updateOrganization(ctx context.Context, in *editedOrganization) (*found[Organization], error) {
	was, err := a.organizationToChange(ctx, in.ChangedOrganization)
	if err != nil {
		return nil, err
	}
	err = a.manage.UpdateOrganization(ctx, manage.OrganizationInput{
		ID: was.ID, Version: was.Version, Name: in.Body.Name.or(was.Name), LevelID: in.Body.LevelID.or(was.LevelID),
	})
	if err != nil {
		return nil, err
	}
	return a.getOrganization(ctx, &in.OrganizationPath)
}

// SettingsChange is what an organization decides for itself.
type SettingsChange struct {
	SecretViewing  optional[bool] `json:"secretViewing,omitempty" example:"false" doc:"Secrets of key pairs and OAuth clients can be viewed again in the portal. Switched off, the copies are gone for good."`
	ExpiryRequired optional[bool] `json:"expiryRequired,omitempty" example:"true" doc:"New keys must have an expiry."`
	ExpiryMaxDays  optional[int]  `json:"expiryMaxDays,omitempty" minimum:"0" maximum:"3650" example:"365" doc:"How far off it may be; 0 for no bound. Needs expiryRequired."`
}

type editedSettings struct {
	ChangedOrganization
	Body SettingsChange
}

func (a *API) updateSettings(ctx context.Context, in *editedSettings) (*found[Organization], error) {
	was, err := a.organizationToChange(ctx, in.ChangedOrganization)
	if err != nil {
		return nil, err
	}
	settings := manage.SettingsInput{
		OrganizationID: was.ID, Version: was.Version,
		SecretViewing: in.Body.SecretViewing.or(was.SecretViewing), ExpiryRequired: in.Body.ExpiryRequired.or(was.ExpiryRequired),
	}
	if days := in.Body.ExpiryMaxDays.or(was.ExpiryMaxDays); days > 0 {
		settings.ExpiryMaxDays = strconv.Itoa(days)
	}
	if err := a.manage.UpdateSettings(ctx, settings); err != nil {
		return nil, err
	}
	return a.getOrganization(ctx, &in.OrganizationPath)
}

func (a *API) suspendOrganization(ctx context.Context, in *ChangedOrganization) (*found[Organization], error) {
	was, err := a.organizationToChange(ctx, *in)
	if err == nil {
		err = a.manage.SuspendOrganization(ctx, was.ID, was.Name)
	}
	if err != nil {
		return nil, err
	}
	return a.getOrganization(ctx, &in.OrganizationPath)
}

func (a *API) reactivateOrganization(ctx context.Context, in *ChangedOrganization) (*found[Organization], error) {
	was, err := a.organizationToChange(ctx, *in)
	if err == nil {
		err = a.manage.ReactivateOrganization(ctx, was.ID)
	}
	if err != nil {
		return nil, err
	}
	return a.getOrganization(ctx, &in.OrganizationPath)
}
