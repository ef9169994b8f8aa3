package api

import (
	"context"
	"net/http"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// License is a master license of an organization. It gives access to one domain.
type License struct {
	ID        int64     `json:"id" example:"11"`
	OrgID     int64     `json:"orgId" example:"42"`
	Number    string    `json:"number" example:"12345678" doc:"The Client ID."`
	Domain    string    `json:"domain" example:"Example Europe" doc:"The domain's name, unique regardless of case."`
	Database  string    `json:"database" example:"EXAMPLE_EU" doc:"The label of the domain's database."`
	Active    bool      `json:"active" doc:"The keys of one that is not are refused."`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

func licenseOf(l portal.License) License {
	return License{ID: l.ID, OrgID: l.OrganizationID, Number: l.Number, Domain: l.Domain, Database: l.Database, Active: l.Active, CreatedAt: l.CreatedAt, UpdatedAt: l.UpdatedAt}
}

// LicensePath names a license.
type LicensePath struct {
	LicenseID int64 `path:"licenseId" minimum:"1" example:"11"`
}

func addLicenses(a *API) {
	change := needs(portal.ManageLicenses)
	add(a, operation{http.MethodGet, "/licenses", "listLicenses", "license", "list an organization's licenses", "For who may see them: View Licenses, and who requests or makes keys for them.", needs(portal.SeeLicenses...)}, a.listLicenses)
	add(a, operation{http.MethodPost, "/licenses", "createLicense", "license", "create a license",
		"Gives an organization one more license, within what its client level allows. For who may Manage Licenses.", change}, a.createLicense)
	add(a, operation{http.MethodGet, "/licenses/{licenseId}", "getLicense", "license", "load a license", "For who may see its organization's licenses.", needs(portal.SeeLicenses...)}, a.getLicense)
	add(a, operation{http.MethodPatch, "/licenses/{licenseId}", "updateLicense", "license", "edit a license", "Changes the fields that are sent; the number stays. For who may Manage Licenses.", change}, a.updateLicense)
	add(a, operation{http.MethodPost, "/licenses/{licenseId}/deactivate", "deactivateLicense", "license", "deactivate a license",
		"Has the check refuse its keys until it is activated again. For who may Manage Licenses.", change}, a.deactivateLicense)
	add(a, operation{http.MethodPost, "/licenses/{licenseId}/activate", "activateLicense", "license", "activate a license", "For who may Manage Licenses.", change}, a.activateLicense)
	add(a, operation{http.MethodDelete, "/licenses/{licenseId}", "deleteLicense", "license", "delete a license",
		"One that was never used: without instances, keys and requests. For who may Manage Licenses.", change}, a.deleteLicense)
}

func (a *API) listLicenses(ctx context.Context, in *inOrganization) (*listed[License], error) {
	organization, err := a.manage.Organization(ctx, in.of(ctx))
	if err != nil {
		return nil, err
	}
	licenses, err := a.manage.Licenses(ctx, organization.ID)
	if err != nil {
		return nil, err
	}
	return allOf(licenses, licenseOf), nil
}

// LicenseFields is what a license is made of.
type LicenseFields struct {
	OrgID    int64  `json:"orgId" minimum:"1" example:"42"`
	Number   string `json:"number" maxLength:"20" doc:"The Client ID: digits." example:"12345678"`
	Domain   string `json:"domain" maxLength:"100" example:"Example Europe"`
	Database string `json:"database" maxLength:"100" example:"EXAMPLE_EU"`
}

type newLicense struct {
	Idempotent
	Body LicenseFields
}

func (a *API) createLicense(ctx context.Context, in *newLicense) (*made[License], error) {
	submission, err := in.submission("createLicense", in.Body)
	if err != nil {
		return nil, err
	}
	license, err := a.manage.CreateLicense(ctx, manage.LicenseInput{
		Submission: submission, OrganizationID: in.Body.OrgID, Number: in.Body.Number, Domain: in.Body.Domain, Database: in.Body.Database,
	})
	if err != nil {
		return nil, err
	}
	return &made[License]{Location: address("licenses", license.ID), ETag: etag(license.Version), Body: licenseOf(license)}, nil
}

func (a *API) getLicense(ctx context.Context, in *LicensePath) (*found[License], error) {
	license, err := a.manage.ChosenLicense(ctx, in.LicenseID)
	if err != nil {
		return nil, err
	}
	return &found[License]{ETag: etag(license.Version), Body: licenseOf(license)}, nil
}

// LicenseChange is what is to be different of a license.
type LicenseChange struct {
	Domain   optional[string] `json:"domain,omitempty" maxLength:"100" example:"Example Europe"`
	Database optional[string] `json:"database,omitempty" maxLength:"100" example:"EXAMPLE_EU"`
}

// ChangedLicense names a license that is to be changed.
type ChangedLicense struct {
	LicensePath
	Conditional
}

type editedLicense struct {
	ChangedLicense
	Body LicenseChange
}

func (a *API) licenseToChange(ctx context.Context, in ChangedLicense) (portal.License, error) {
	license, err := a.manage.ChosenLicense(ctx, in.LicenseID)
	if err == nil {
		err = in.check(portal.NounLicense, license.Version)
	}
	return license, err
}

func (a *API) updateLicense(ctx context.Context, in *editedLicense) (*found[License], error) {
	was, err := a.licenseToChange(ctx, in.ChangedLicense)
	if err != nil {
		return nil, err
	}
	err = a.manage.UpdateLicense(ctx, manage.LicenseInput{ID: was.ID, Version: was.Version, Domain: in.Body.Domain.or(was.Domain), Database: in.Body.Database.or(was.Database)})
	if err != nil {
		return nil, err
	}
	return a.getLicense(ctx, &in.LicensePath)
}

func (a *API) deactivateLicense(ctx context.Context, in *ChangedLicense) (*found[License], error) {
	was, err := a.licenseToChange(ctx, *in)
	if err == nil {
		err = a.manage.DeactivateLicense(ctx, was.ID, was.Number)
	}
	if err != nil {
		return nil, err
	}
	return a.getLicense(ctx, &in.LicensePath)
}

func (a *API) activateLicense(ctx context.Context, in *ChangedLicense) (*found[License], error) {
	was, err := a.licenseToChange(ctx, *in)
	if err == nil {
		err = a.manage.ActivateLicense(ctx, was.ID)
	}
	if err != nil {
		return nil, err
	}
	return a.getLicense(ctx, &in.LicensePath)
}

func (a *API) deleteLicense(ctx context.Context, in *ChangedLicense) (*nothing, error) {
	was, err := a.licenseToChange(ctx, *in)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.manage.DeleteLicense(ctx, was.ID, was.Number)
}
