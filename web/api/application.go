package api

import (
	"context"
	"net/http"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Application is what keys are for.
type Application struct {
	ID          int64     `json:"id" example:"1"`
	OrgID       int64     `json:"orgId,omitempty" example:"42" doc:"The organization whose own it is; not there for the catalogue's."`
	Name        string    `json:"name" example:"Workflow"`
	Description string    `json:"description"`
	Retired     bool      `json:"retired" doc:"No more keys are issued for it."`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

func applicationOf(a portal.Application) Application {
	return Application{ID: a.ID, OrgID: a.OrganizationID, Name: a.Name, Description: a.Description, Retired: a.Retired(), CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
}

// ApplicationPath names an application.
type ApplicationPath struct {
	ApplicationID int64 `path:"applicationId" minimum:"1" example:"1"`
}

func addApplications(a *API) {
	change := needs(portal.ManageApplications, portal.ManageOrganizations)
	add(a, operation{http.MethodGet, "/applications", "listApplications", "application", "list applications",
		"With orgId the catalogue's and the organization's own; without it the catalogue's.", signedIn}, a.listApplications)
	add(a, operation{http.MethodPost, "/applications", "createApplication", "application", "create an application",
		"With orgId one of the organization, for who may Manage Applications there; without it one of the catalogue, for who may Manage Organizations.", change}, a.createApplication)
	add(a, operation{http.MethodGet, "/applications/{applicationId}", "getApplication", "application", "load an application", "For who may edit it.", change}, a.getApplication)
	add(a, operation{http.MethodPatch, "/applications/{applicationId}", "updateApplication", "application", "edit an application", "Changes the fields that are sent.", change}, a.updateApplication)
	add(a, operation{http.MethodPost, "/applications/{applicationId}/retire", "retireApplication", "application", "retire an application",
		"No more keys are issued or requested for it; those that are there go on.", change}, a.retireApplication)
	add(a, operation{http.MethodPost, "/applications/{applicationId}/restore", "restoreApplication", "application", "restore an application", "Takes its retirement back.", change}, a.restoreApplication)
}

type applicationFilter struct {
	OrgID int64 `query:"orgId" minimum:"1" doc:"With this organization's own."`
}

func (a *API) listApplications(ctx context.Context, in *applicationFilter) (*listed[Application], error) {
	applications, err := a.manage.Applications(ctx, in.OrgID)
	if err != nil {
		return nil, err
	}
	return allOf(applications, applicationOf), nil
}

// ApplicationFields is what an application is made of.
type ApplicationFields struct {
	OrgID       int64  `json:"orgId,omitempty" minimum:"1" doc:"The organization whose own it is; without it, it is the catalogue's."`
	Name        string `json:"name" maxLength:"100" example:"Kiosk"`
	Description string `json:"description,omitempty" maxLength:"1000"`
}

type newApplication struct {
	Idempotent
	Body ApplicationFields
}

func (a *API) createApplication(ctx context.Context, in *newApplication) (*made[Application], error) {
	submission, err := in.submission("createApplication", in.Body)
	if err != nil {
		return nil, err
	}
	application, err := a.manage.CreateApplication(ctx, manage.ApplicationInput{
		Submission: submission, OrganizationID: in.Body.OrgID, Name: in.Body.Name, Description: in.Body.Description,
	})
	if err != nil {
		return nil, err
	}
	return &made[Application]{Location: address("applications", application.ID), ETag: etag(application.Version), Body: applicationOf(application)}, nil
}

func (a *API) getApplication(ctx context.Context, in *ApplicationPath) (*found[Application], error) {
	details, err := a.manage.Application(ctx, in.ApplicationID)
	if err != nil {
		return nil, err
	}
	return &found[Application]{ETag: etag(details.Version), Body: applicationOf(details.Application)}, nil
}

// ApplicationChange is what is to be different of an application.
type ApplicationChange struct {
	Name        optional[string] `json:"name,omitempty" maxLength:"100" example:"Kiosk"`
	Description optional[string] `json:"description,omitempty" maxLength:"1000"`
}

// ChangedApplication names an application that is to be changed.
type ChangedApplication struct {
	ApplicationPath
	Conditional
}

type editedApplication struct {
	ChangedApplication
	Body ApplicationChange
}

func (a *API) applicationToChange(ctx context.Context, in ChangedApplication) (portal.Application, error) {
	details, err := a.manage.Application(ctx, in.ApplicationID)
	if err == nil {
		err = in.check(portal.NounApplication, details.Version)
	}
	return details.Application, err
}

func (a *API) updateApplication(ctx context.Context, in *editedApplication) (*found[Application], error) {
	was, err := a.applicationToChange(ctx, in.ChangedApplication)
	if err != nil {
		return nil, err
	}
	err = a.manage.UpdateApplication(ctx, manage.ApplicationInput{
		ID: was.ID, Version: was.Version, Name: in.Body.Name.or(was.Name), Description: in.Body.Description.or(was.Description),
	})
	if err != nil {
		return nil, err
	}
	return a.getApplication(ctx, &in.ApplicationPath)
}

func (a *API) retireApplication(ctx context.Context, in *ChangedApplication) (*found[Application], error) {
	was, err := a.applicationToChange(ctx, *in)
	if err == nil {
		err = a.manage.RetireApplication(ctx, was.ID, was.Version)
	}
	if err != nil {
		return nil, err
	}
	return a.getApplication(ctx, &in.ApplicationPath)
}

func (a *API) restoreApplication(ctx context.Context, in *ChangedApplication) (*found[Application], error) {
	was, err := a.applicationToChange(ctx, *in)
	if err == nil {
		err = a.manage.RestoreApplication(ctx, was.ID, was.Version)
	}
	if err != nil {
		return nil, err
	}
	return a.getApplication(ctx, &in.ApplicationPath)
}
