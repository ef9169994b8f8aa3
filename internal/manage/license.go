package manage

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// LicenseInput is what a license is made of.
type LicenseInput struct {
	OrganizationID int64
	Number         string // the Client ID: digits
	Domain         string
	Database       string
}

var licenseNumberForm = regexp.MustCompile(`^[0-9]{1,20}$`)

// CreateLicense gives an organization one more license, within what its level
// allows. For who may Manage Organizations.
func (m *Manager) CreateLicense(ctx context.Context, in LicenseInput) (portal.License, error) {
	var made portal.License
	err := m.changeOrganizations(ctx, func(c *store.Change) error {
		organization, err := c.Organization(ctx, in.OrganizationID)
		if err != nil {
			return err
		}
		if err := roomForLicense(ctx, c, organization); err != nil {
			return err
		}
		var invalid portal.Invalid
		license := portal.License{OrganizationID: organization.ID, Number: portal.Storable(strings.TrimSpace(in.Number)), Active: true}
		license.Domain = invalid.Name("domain", "domain", in.Domain)
		license.Database = invalid.Name("database", "database's label", in.Database)
		invalid.Check(licenseNumberForm.MatchString(license.Number), "number", "The number is made of digits, 20 at most, like 12345678.")
		_, err = c.LicenseByNumber(ctx, license.Number)
		if err := taken(&invalid, "number", "There is a license with this number already.", err); err != nil {
			return err
		}
		if err := invalid.Err(); err != nil {
			return err
		}
		if made, err = c.InsertLicense(ctx, license); err != nil {
			return err
		}
		return c.Record(ctx, licenseRevision(made, "created", portal.Diff(nil, made.Record())))
	})
	return made, err
}

// Licenses lists an organization's licenses. For who may View Licenses there.
func (m *Manager) Licenses(ctx context.Context, organization int64) ([]portal.License, error) {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ViewLicenses, organization); err != nil {
		return nil, err
	}
	return m.Store.Licenses(ctx, organization)
}

func roomForLicense(ctx context.Context, c *store.Change, organization portal.Organization) error {
	level, err := c.ClientLevel(ctx, organization.LevelID)
	if err != nil {
		return err
	}
	licenses, err := c.Licenses(ctx, organization.ID)
	if err != nil {
		return err
	}
	if len(licenses) < level.Licenses {
		return nil
	}
	return portal.Conflict(fmt.Sprintf("%s is a %s client: %d of %d licenses are in use (%s). Give it a higher client level first.",
		organization.Name, level.Name, len(licenses), level.Licenses, licenseNumbers(licenses)))
}

func licenseNumbers(licenses []portal.License) string {
	numbers := make([]string, len(licenses))
	for i, license := range licenses {
		numbers[i] = license.Number
	}
	return strings.Join(numbers, ", ")
}

// CreateInstance adds an instance, such as TEBE12345678A, to the license whose
// number its name contains. For who may Manage Organizations.
func (m *Manager) CreateInstance(ctx context.Context, name string) (portal.Instance, error) {
	var made portal.Instance
	err := m.changeOrganizations(ctx, func(c *store.Change) error {
		var invalid portal.Invalid
		name = strings.ToUpper(strings.TrimSpace(name))
		environment, number, ok := portal.ParseInstance(name)
		invalid.Check(ok, "name", "An instance is named like BE12345678 (production) or TEBE12345678A (test).")
		_, err := c.InstanceByName(ctx, name)
		if err := taken(&invalid, "name", "There is an instance with this name already.", err); err != nil {
			return err
		}
		if err := invalid.Err(); err != nil {
			return err
		}
		license, err := c.LicenseByNumber(ctx, number)
		if err != nil {
			return err
		}
		if made, err = c.InsertInstance(ctx, portal.Instance{LicenseID: license.ID, Name: name, Environment: environment}); err != nil {
			return err
		}
		return c.Record(ctx, licenseRevision(license, "added the instance "+made.Name, nil))
	})
	return made, err
}

func licenseRevision(license portal.License, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{OrganizationID: license.OrganizationID, Noun: portal.NounLicense, NounID: license.ID, NounName: license.Number, Action: action, Changes: changes}
}
