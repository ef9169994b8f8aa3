package manage

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// LicenseInput is what a license is made of.
type LicenseInput struct {
	ID, Version    int64 // of the license that is edited
	Submission     Submission
	OrganizationID int64  // of a new license
	Number         string // of a new license: the Client ID, digits
	Domain         string
	Database       string
}

var licenseNumberForm = regexp.MustCompile(`^[0-9]{1,20}$`)

// CreateLicense gives an organization one more license, within what its level
// allows. For who may Manage Licenses. A form that was sent before gives the
// license that it made.
func (m *Manager) CreateLicense(ctx context.Context, in LicenseInput) (portal.License, error) {
	var made portal.License
	err := m.changeLicenses(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounLicense, &made, c.License, func() (int64, error) {
			license, err := checkNewLicense(ctx, c, in)
			if err != nil {
				return 0, err
			}
			if made, err = c.InsertLicense(ctx, license); err != nil {
				return 0, err
			}
			return made.ID, c.Record(ctx, licenseRevision(made, "created", portal.Diff(nil, made.Record())))
		})
	})
	return made, err
}

func (m *Manager) changeLicenses(ctx context.Context, fn func(*store.Change) error) error {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageLicenses, 0); err != nil {
		return err
	}
	return m.change(ctx, fn)
}

func checkNewLicense(ctx context.Context, c *store.Change, in LicenseInput) (portal.License, error) {
	license := portal.License{OrganizationID: in.OrganizationID, Number: portal.Storable(strings.TrimSpace(in.Number)), Active: true}
	organization, err := c.Organization(ctx, in.OrganizationID)
	if err != nil {
		return license, err
	}
	if err := roomForLicense(ctx, c.Queries, organization); err != nil {
		return license, err
	}
	var invalid portal.Invalid
	if license, err = checkLicense(ctx, c, &invalid, license, in); err != nil {
		return license, err
	}
	invalid.Check(licenseNumberForm.MatchString(license.Number), "number", "The number is made of digits, 20 at most, like 12345678.")
	_, err = c.LicenseByNumber(ctx, license.Number)
	if err := taken(&invalid, "number", "There is a license with this number already.", err); err != nil {
		return license, err
	}
	return license, invalid.Err()
}

// checkLicense validates what can be edited of a license. A domain is one license's
// alone.
func checkLicense(ctx context.Context, c *store.Change, invalid *portal.Invalid, license portal.License, in LicenseInput) (portal.License, error) {
	license.Domain = invalid.Name("domain", "domain", in.Domain)
	license.Database = invalid.Name("database", "database's label", in.Database)
	if invalid.Err() != nil {
		return license, nil
	}
	other, err := c.LicenseByDomain(ctx, license.Domain)
	if err == nil && other.ID == license.ID {
		return license, nil
	}
	return license, taken(invalid, "domain", "Another license gives access to a domain with this name. Choose another.", err)
}

// RoomForLicense tells why an organization can have no more licenses: its level's
// allowance is in use (CodeConflict). For who may Manage Licenses.
func (m *Manager) RoomForLicense(ctx context.Context, organization portal.Organization) error {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageLicenses, 0); err != nil {
		return err
	}
	return roomForLicense(ctx, m.Store.Queries, organization)
}

// UpdateLicense edits a license's domain; its number stays. For who may Manage
// Licenses.
func (m *Manager) UpdateLicense(ctx context.Context, in LicenseInput) error {
	return m.changeLicense(ctx, in.ID, func(c *store.Change, was portal.License) error {
		var invalid portal.Invalid
		license, err := checkLicense(ctx, c, &invalid, was, in)
		if err == nil {
			err = invalid.Err()
		}
		if err != nil {
			return err
		}
		license.Version = in.Version
		return putLicense(ctx, c, was, license, "edited")
	})
}

// DeactivateLicense has the check refuse all keys of a license until it is
// activated again. Its number must be typed to confirm. For who may Manage
// Licenses.
func (m *Manager) DeactivateLicense(ctx context.Context, id int64, typed string) error {
	return m.changeLicense(ctx, id, func(c *store.Change, was portal.License) error {
		if err := confirm(typed, was.Number); err != nil {
			return err
		}
		license := was
		license.Active = false
		return putLicense(ctx, c, was, license, "deactivated")
	})
}

// ActivateLicense takes DeactivateLicense back. For who may Manage Licenses.
func (m *Manager) ActivateLicense(ctx context.Context, id int64) error {
	return m.changeLicense(ctx, id, func(c *store.Change, was portal.License) error {
		license := was
		license.Active = true
		return putLicense(ctx, c, was, license, "activated")
	})
}

// DeleteLicense removes a license that was never used for good: its number, its
// domain and its place within the level's allowance are free again. One with an
// instance, a key or a request stays, and the refusal names them (CodeConflict). Its
// number must be typed to confirm. For who may Manage Licenses.
func (m *Manager) DeleteLicense(ctx context.Context, id int64, typed string) error {
	return m.changeLicense(ctx, id, func(c *store.Change, license portal.License) error {
		if err := unusedLicense(ctx, c.Queries, license); err != nil {
			return err
		}
		if err := confirm(typed, license.Number); err != nil {
			return err
		}
		if err := c.DeleteLicense(ctx, id); err != nil {
			return err
		}
		return c.Record(ctx, licenseRevision(license, portal.ActionDeleted, portal.Diff(license.Record(), nil)))
	})
}

// UnusedLicense tells why a license can't be deleted: it was used (CodeConflict). For
// who may Manage Licenses.
func (m *Manager) UnusedLicense(ctx context.Context, license portal.License) error {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageLicenses, 0); err != nil {
		return err
	}
	return unusedLicense(ctx, m.Store.Queries, license)
}

func unusedLicense(ctx context.Context, q store.Queries, license portal.License) error {
	uses, err := q.LicenseUses(ctx, license)
	if err != nil || uses == (portal.LicenseUses{}) {
		return err
	}
	return portal.Conflict(stillUsed(license, uses))
}

// stillUsed says what stands on a license and what to do.
func stillUsed(license portal.License, uses portal.LicenseUses) string {
	var standing []string
	for _, kind := range []struct {
		count int
		word  string
	}{{uses.Instances, "instance"}, {uses.Keys, "API key"}, {uses.Requests, "request"}} {
		if kind.count > 0 {
			standing = append(standing, portal.Counted(kind.count, kind.word))
		}
	}
	text := standing[len(standing)-1]
	if before := standing[:len(standing)-1]; len(before) > 0 {
		text = strings.Join(before, ", ") + " and " + text
	}
	text = "The license " + license.Number + " has " + text + ". "
	switch {
	case uses.Keys == 0 && uses.Requests == 0 && uses.Instances == 1:
		return text + "Remove the instance first."
	case uses.Keys == 0 && uses.Requests == 0:
		return text + "Remove the instances first."
	case license.Active:
		return text + "API keys and requests keep their history, revoked and decided ones too, so that the license stays. Deactivate it instead."
	}
	return text + "API keys and requests keep their history, revoked and decided ones too, so that the license stays. It is inactive already: its keys are refused."
}

func (m *Manager) changeLicense(ctx context.Context, id int64, fn func(*store.Change, portal.License) error) error {
	return m.changeLicenses(ctx, func(c *store.Change) error {
		license, err := c.License(ctx, id)
		if err != nil {
			return err
		}
		return fn(c, license)
	})
}

func putLicense(ctx context.Context, c *store.Change, was, license portal.License, action string) error {
	changes := portal.Diff(was.Record(), license.Record())
	if len(changes) == 0 && license.Version == was.Version {
		return errUnchanged
	}
	if err := c.UpdateLicense(ctx, license); err != nil {
		return err
	}
	return c.Record(ctx, licenseRevision(license, action, changes))
}

// Licenses lists an organization's licenses. For who may see them.
func (m *Manager) Licenses(ctx context.Context, organization int64) ([]portal.License, error) {
	if err := portal.CanSeeLicenses(portal.ActorFrom(ctx), organization); err != nil {
		return nil, err
	}
	return m.Store.Licenses(ctx, organization)
}

// LicenseDetails is a license with what belongs to it.
type LicenseDetails struct {
	portal.License
	Organization portal.Organization
	Instances    []portal.Instance
	Keys         []portal.Key // that are not revoked and that the actor may see, without their API sets
	History      []portal.Revision
}

// License finds a license with what belongs to it. For who may View Licenses in its
// organization; in others it is not found.
func (m *Manager) License(ctx context.Context, id int64) (LicenseDetails, error) {
	license, err := m.visibleLicense(ctx, id)
	if err != nil {
		return LicenseDetails{}, err
	}
	details := LicenseDetails{License: license}
	actor := portal.ActorFrom(ctx)
	if err := portal.Can(actor, portal.ViewLicenses, license.OrganizationID); err != nil {
		return LicenseDetails{}, err
	}
	if details.Organization, err = m.Store.Organization(ctx, license.OrganizationID); err != nil {
		return details, err
	}
	if details.Instances, err = m.Store.Instances(ctx, id); err != nil {
		return details, err
	}
	keys, err := m.Store.LicensedKeys(ctx, license.OrganizationID)
	if err != nil {
		return details, err
	}
	details.Keys = slices.DeleteFunc(keys, func(key portal.Key) bool { return key.LicenseID != id || canSeeKey(actor, key) != nil })
	details.History, err = m.newest(ctx, portal.NounLicense, id)
	return details, err
}

// visibleLicense finds a license of an organization that the actor can see.
func (m *Manager) visibleLicense(ctx context.Context, id int64) (portal.License, error) {
	license, err := m.Store.License(ctx, id)
	if err == nil && !portal.ActorFrom(ctx).CanSee(license.OrganizationID) {
		err = portal.NotFound(portal.NounLicense)
	}
	if err != nil {
		return portal.License{}, err
	}
	return license, nil
}

// ChosenLicense finds a license that is chosen for a key, without what belongs to it.
// For who may see the organization's licenses; in others it is not found.
func (m *Manager) ChosenLicense(ctx context.Context, id int64) (portal.License, error) {
	license, err := m.visibleLicense(ctx, id)
	if err == nil {
		err = portal.CanSeeLicenses(portal.ActorFrom(ctx), license.OrganizationID)
	}
	if err != nil {
		return portal.License{}, err
	}
	return license, nil
}

// forLicense finds what there is for an application and a license; the zero value when
// there is nothing. For who may see the organization's licenses; in others the license
// is not found.
func forLicense[T any](ctx context.Context, m *Manager, application, license int64, find func(ctx context.Context, application, license int64) (T, error)) (T, error) {
	var nothing T
	if _, err := m.ChosenLicense(ctx, license); err != nil {
		return nothing, err
	}
	found, err := find(ctx, application, license)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return nothing, nil
	}
	return found, err
}

func roomForLicense(ctx context.Context, q store.Queries, organization portal.Organization) error {
	level, err := q.ClientLevel(ctx, organization.LevelID)
	if err != nil {
		return err
	}
	licenses, err := q.Licenses(ctx, organization.ID)
	if err != nil {
		return err
	}
	if len(licenses) < level.Licenses {
		return nil
	}
	return portal.Conflict(fmt.Sprintf("%s is a %s client: %d of %d licenses are in use (%s). Give it a higher client level first, or delete a license that was never used.",
		organization.Name, level.Name, len(licenses), level.Licenses, licenseNumbers(licenses)))
}

func licenseNumbers(licenses []portal.License) string {
	numbers := make([]string, len(licenses))
	for i, license := range licenses {
		numbers[i] = license.Number
	}
	return strings.Join(numbers, ", ")
}

func licenseRevision(license portal.License, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{OrganizationID: license.OrganizationID, Noun: portal.NounLicense, NounID: license.ID, NounName: license.Number, Action: action, Changes: changes}
}
