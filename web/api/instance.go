package api

import (
	"context"
	"net/http"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Instance is where people sign in to a license.
type Instance struct {
	ID          int64     `json:"id" example:"5"`
	LicenseID   int64     `json:"licenseId" example:"11"`
	Name        string    `json:"name" example:"TEBE12345678A"`
	Environment string    `json:"environment" enum:"production,test"`
	CreatedAt   time.Time `json:"createdAt"`
}

func instanceOf(i portal.Instance) Instance {
	return Instance{ID: i.ID, LicenseID: i.LicenseID, Name: i.Name, Environment: string(i.Environment), CreatedAt: i.CreatedAt}
}

func addInstances(a *API) {
	add(a, operation{http.MethodGet, "/instances", "listInstances", "instance", "list an organization's instances", "For its members and for staff.", signedIn}, a.listInstances)
	add(a, operation{http.MethodPost, "/instances", "createInstance", "instance", "create an instance",
		"Adds an instance to the license whose number its name contains. For who may Manage Licenses.", needs(portal.ManageLicenses)}, a.createInstance)
	add(a, operation{http.MethodGet, "/instances/{instanceId}", "getInstance", "instance", "load an instance", "For members of its organization and for staff.", signedIn}, a.getInstance)
	add(a, operation{http.MethodDelete, "/instances/{instanceId}", "removeInstance", "instance", "remove an instance", "Nobody signs in there any more. For who may Manage Licenses.", needs(portal.ManageLicenses)}, a.removeInstance)
}

type instancePath struct {
	InstanceID int64 `path:"instanceId" minimum:"1" example:"5"`
}

func (a *API) listInstances(ctx context.Context, in *inOrganization) (*listed[Instance], error) {
	instances, err := a.manage.Instances(ctx, in.of(ctx))
	if err != nil {
		return nil, err
	}
	return allOf(instances, instanceOf), nil
}

// InstanceFields is what an instance is made of.
type InstanceFields struct {
	Name string `json:"name" maxLength:"100" doc:"BE and the license's number for production, TEBE and the number for a test, with a letter behind it or not." example:"TEBE12345678A"`
}

type newInstance struct {
	Idempotent
	Body InstanceFields
}

func (a *API) createInstance(ctx context.Context, in *newInstance) (*made[Instance], error) {
	submission, err := in.submission("createInstance", in.Body)
	if err != nil {
		return nil, err
	}
	instance, err := a.manage.CreateInstance(ctx, manage.InstanceInput{Submission: submission, Name: in.Body.Name})
	if err != nil {
		return nil, err
	}
	return &made[Instance]{Location: address("instances", instance.ID), ETag: etag(1), Body: instanceOf(instance)}, nil
}

func (a *API) getInstance(ctx context.Context, in *instancePath) (*found[Instance], error) {
	instance, err := a.manage.Instance(ctx, in.InstanceID)
	if err != nil {
		return nil, err
	}
	return &found[Instance]{ETag: etag(1), Body: instanceOf(instance)}, nil
}

func (a *API) removeInstance(ctx context.Context, in *instancePath) (*nothing, error) {
	instance, err := a.manage.Instance(ctx, in.InstanceID)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.manage.RemoveInstance(ctx, instance.LicenseID, instance.ID)
}
