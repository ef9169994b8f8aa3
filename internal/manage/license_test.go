package manage_test

import (
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

func TestLicensesAndInstancesAreMadeByWhoManagesOrganizations(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		license := must(w.m.CreateLicense(ctx, manage.LicenseInput{OrganizationID: w.Organization.ID, Number: " 56789012 ", Domain: "Acme Europe", Database: "ACME_EU"}))(t)
		if license.Number != "56789012" || !license.Active {
			t.Errorf("the license is %+v", license)
		}
		for name, environment := range map[string]portal.Environment{"BE56789012": portal.Production, " tebe56789012a ": portal.Test} {
			instance := must(w.m.CreateInstance(ctx, manage.InstanceInput{Name: name}))(t)
			wantEqual(t, "instance", []any{instance.LicenseID, instance.Environment, instance.Name}, []any{license.ID, environment, strings.ToUpper(strings.TrimSpace(name))})
		}
		_, err := w.m.CreateInstance(ctx, manage.InstanceInput{Name: "TEBE56789012A"})
		wantFields(t, "the same instance", err, "name")
		_, err = w.m.CreateInstance(ctx, manage.InstanceInput{Name: "BE4711"})
		wantCode(t, "an instance of no license", err, portal.CodeNotFound)
		for _, name := range []string{"", "56789012", "XX56789012", "BE56789012\x00"} {
			_, err := w.m.CreateInstance(ctx, manage.InstanceInput{Name: name})
			wantFields(t, name, err, "name")
		}
		for what, in := range map[string]manage.LicenseInput{
			"no number": {Domain: "x", Database: "x"},
			"letters":   {Number: "BE12", Domain: "x", Database: "x"},
			"taken":     {Number: license.Number, Domain: "x", Database: "x"},
			"NUL":       {Number: "12\x00", Domain: "x", Database: "x"},
			"21 digits": {Number: strings.Repeat("1", 21), Domain: "x", Database: "x"},
		} {
			in.OrganizationID = w.Organization.ID
			_, err := w.m.CreateLicense(ctx, in)
			wantFields(t, what, err, "number")
		}
		_, err = w.m.CreateLicense(ctx, manage.LicenseInput{OrganizationID: w.Organization.ID, Number: "1"})
		wantFields(t, "without a domain", err, "database", "domain")
		_, err = w.m.CreateLicense(w.as(w.Admin), manage.LicenseInput{OrganizationID: w.Organization.ID, Number: "2", Domain: "x", Database: "x"})
		wantCode(t, "an admin's license", err, portal.CodeForbidden)
		_, err = w.m.CreateInstance(w.as(w.Admin), manage.InstanceInput{Name: "BE56789012B"})
		wantCode(t, "an admin's instance", err, portal.CodeForbidden)
	})
}

func TestLicensesAreSeenWithTheAuthority(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		viewer := w.holder([]portal.Authority{portal.ViewLicenses})
		wantEqual(t, "licenses", must(w.m.Licenses(w.as(viewer), w.Organization.ID))(t), []portal.License{w.License})
		_, err := w.m.Licenses(w.as(w.User), w.Organization.ID)
		wantCode(t, "without", err, portal.CodeForbidden)
		_, err = w.m.Licenses(w.as(viewer), w.Other.ID)
		wantCode(t, "of another organization", err, portal.CodeForbidden)
	})
}

func TestAnApplicationsNameIsItsOwnInTheOrganizationAndTheCatalogue(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		made := must(w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: w.Organization.ID, Name: " Kiosk ", Description: "In shops."}))(t)
		wantEqual(t, "application", []any{made.OrganizationID, made.Name, made.Description}, []any{w.Organization.ID, "Kiosk", "In shops."})
		for _, name := range []string{"kiosk", "WORKFLOW", "", "a\x00b"} {
			_, err := w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: w.Organization.ID, Name: name})
			wantFields(t, name, err, "name")
		}
		must(w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: w.Other.ID, Name: "Kiosk"}))(t)
	})
}
