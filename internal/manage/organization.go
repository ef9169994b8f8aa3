package manage

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// MyOrganizations lists the organizations that the actor can work in: for staff
// all, but of many only the first ones by name, else those of the actor's
// memberships.
func (m *Manager) MyOrganizations(ctx context.Context, most int) (mine []portal.Organization, err error) {
	actor := portal.ActorFrom(ctx)
	if actor.Holds(portal.ViewOrganizations, 0) {
		page, err := m.Store.Organizations(ctx, portal.List{Limit: most})
		return page.Rows, err
	}
	memberships, err := m.Store.Memberships(ctx, actor.UserID)
	for _, membership := range memberships {
		if !membership.Active() || !actor.Finds(membership.OrganizationID) {
			continue
		}
		organization, err := m.Store.Organization(ctx, membership.OrganizationID)
		if err != nil {
			return nil, err
		}
		mine = append(mine, organization)
	}
	return mine, err
}

// Organizations lists organizations. For who may View Organizations.
func (m *Manager) Organizations(ctx context.Context, list portal.List) (portal.Page[portal.Organization], error) {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ViewOrganizations, 0); err != nil {
		return portal.Page[portal.Organization]{}, err
	}
	return m.Store.Organizations(ctx, list)
}

// OrganizationSummaries lists organizations with what they have. For who may View
// Organizations.
func (m *Manager) OrganizationSummaries(ctx context.Context, list portal.List) (portal.Page[portal.OrganizationSummary], error) {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ViewOrganizations, 0); err != nil {
		return portal.Page[portal.OrganizationSummary]{}, err
	}
	return m.Store.OrganizationSummaries(ctx, list)
}

// Organization finds an organization of the actor's; any for staff.
func (m *Manager) Organization(ctx context.Context, id int64) (portal.Organization, error) {
	if !portal.ActorFrom(ctx).CanSee(id) {
		return portal.Organization{}, portal.NotFound(portal.NounOrganization)
	}
	return m.Store.Organization(ctx, id)
}

// OrganizationDetails is an organization with what it has.
type OrganizationDetails struct {
	portal.Organization
	Allowed   int                        // licenses that its level allows
	Figures   portal.OrganizationFigures // without the number of keys and of people for who may not see them
	Licenses  []portal.License
	Instances []portal.Instance
}

// OrganizationDetails finds an organization with what it has. For who may see its
// licenses.
func (m *Manager) OrganizationDetails(ctx context.Context, id int64) (OrganizationDetails, error) {
	var details OrganizationDetails
	var err error
	if details.Organization, err = m.Organization(ctx, id); err != nil {
		return details, err
	}
	actor := portal.ActorFrom(ctx)
	if err := portal.CanSeeLicenses(actor, id); err != nil {
		return details, err
	}
	level, err := m.Store.ClientLevel(ctx, details.LevelID)
	if err != nil {
		return details, err
	}
	details.Allowed = level.Licenses
	if details.Figures, err = m.Store.OrganizationFigures(ctx, id); err != nil {
		return details, err
	}
	if portal.CanUseKeysOf(actor, portal.SeeKey, id, 0) != nil {
		details.Figures.Keys = 0
	}
	if portal.Can(actor, portal.ViewUsers, id) != nil {
		details.Figures.People = 0
	}
	if details.Licenses, err = m.Store.Licenses(ctx, id); err != nil {
		return details, err
	}
	details.Instances, err = m.Store.InstancesOf(ctx, id)
	return details, err
}

// OrganizationInput is what an organization is made of.
type OrganizationInput struct {
	ID, Version int64 // of the organization that is edited
	Submission  Submission
	Name        string
	LevelID     int64
}

// CreateOrganization makes an organization. For who may Manage Organizations.
func (m *Manager) CreateOrganization(ctx context.Context, in OrganizationInput) (portal.Organization, error) {
	var made portal.Organization
	err := m.changeOrganizations(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounOrganization, &made, c.Organization, func() (int64, error) {
			organization, err := checkOrganization(ctx, c, portal.Organization{}, in)
			if err != nil {
				return 0, err
			}
			made, err = insertOrganization(ctx, c, organization)
			return made.ID, err
		})
	})
	return made, err
}

// UpdateOrganization edits an organization. For who may Manage Organizations. A
// level that allows fewer licenses than are in use is refused.
func (m *Manager) UpdateOrganization(ctx context.Context, in OrganizationInput) error {
	return m.changeOrganizations(ctx, func(c *store.Change) error {
		was, err := c.Organization(ctx, in.ID)
		if err != nil {
			return err
		}
		organization, err := checkOrganization(ctx, c, was, in)
		if err != nil {
			return err
		}
		organization.Version = in.Version
		return putOrganization(ctx, c, was, organization, "edited")
	})
}

// SuspendOrganization has the check refuse all keys of an organization until it is
// reactivated. Its name must be typed to confirm. For who may Manage Organizations.
func (m *Manager) SuspendOrganization(ctx context.Context, id int64, typed string) error {
	return m.setSuspended(ctx, id, true, "suspended", func(o portal.Organization) error { return confirm(typed, o.Name) })
}

// ReactivateOrganization takes SuspendOrganization back. For who may Manage
// Organizations.
func (m *Manager) ReactivateOrganization(ctx context.Context, id int64) error {
	return m.setSuspended(ctx, id, false, "reactivated", func(portal.Organization) error { return nil })
}

func (m *Manager) setSuspended(ctx context.Context, id int64, suspended bool, action string, admit func(portal.Organization) error) error {
	return m.changeOrganizations(ctx, func(c *store.Change) error {
		was, err := c.Organization(ctx, id)
		if err != nil {
			return err
		}
		if was.Suspended == suspended {
			return errUnchanged
		}
		if err := admit(was); err != nil {
			return err
		}
		organization := was
		organization.Suspended = suspended
		return putOrganization(ctx, c, was, organization, action)
	})
}

// SettingsInput is what an organization decides for itself.
type SettingsInput struct {
	OrganizationID, Version int64
	SecretViewing           bool   // secrets of key pairs and OAuth clients may be viewed again
	ExpiryRequired          bool   // new keys must have an expiry
	ExpiryMaxDays           string // how far off it may be, as it was typed; empty for no bound
}

// UpdateSettings changes an organization's settings. For who may Manage Settings
// there. What is said of expiries counts for keys that are made, and expiries that are
// changed, from now on. Once secrets may not be viewed again any more, their sealed copies are
// gone for good.
func (m *Manager) UpdateSettings(ctx context.Context, in SettingsInput) error {
	if _, err := m.Organization(ctx, in.OrganizationID); err != nil {
		return err
	}
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageSettings, in.OrganizationID); err != nil {
		return err
	}
	var invalid portal.Invalid
	days := lifetimeOf(&invalid, in.ExpiryMaxDays)
	invalid.Check(in.ExpiryRequired || days == 0, "expiry_max_days", "A limit needs every API key to expire: switch that on too, or leave the limit empty.")
	if err := invalid.Err(); err != nil {
		return err
	}
	return m.change(ctx, func(c *store.Change) error {
		was, err := c.Organization(ctx, in.OrganizationID)
		if err != nil {
			return err
		}
		organization := was
		organization.SecretViewing, organization.Version = in.SecretViewing, in.Version
		organization.ExpiryRequired, organization.ExpiryMaxDays = in.ExpiryRequired, days
		if !organization.SecretViewing {
			if err := c.ForgetSealed(ctx, organization.ID); err != nil {
				return err
			}
		}
		return putOrganization(ctx, c, was, organization, "changed the settings")
	})
}

const longestLifetime = 3650 // days that can be set as the bound

// lifetimeOf reads the longest lifetime of keys in days; 0 is no bound.
func lifetimeOf(invalid *portal.Invalid, typed string) int {
	if typed = strings.TrimSpace(typed); typed == "" {
		return 0
	}
	days, err := strconv.Atoi(typed)
	invalid.Check(err == nil && days > 0 && days <= longestLifetime, "expiry_max_days", fmt.Sprintf("Enter a whole number of days from 1 to %d, or leave it empty for no limit.", longestLifetime))
	return days
}

// putOrganization writes an organization's new values with the revision.
func putOrganization(ctx context.Context, c *store.Change, was, organization portal.Organization, action string) error {
	changes := portal.Diff(was.Record(), organization.Record())
	if len(changes) == 0 && organization.Version == was.Version {
		return errUnchanged
	}
	if err := c.UpdateOrganization(ctx, organization); err != nil {
		return err
	}
	return c.Record(ctx, organizationRevision(organization, action, changes))
}

func (m *Manager) changeOrganizations(ctx context.Context, fn func(*store.Change) error) error {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageOrganizations, 0); err != nil {
		return err
	}
	return m.change(ctx, fn)
}

func checkOrganization(ctx context.Context, c *store.Change, was portal.Organization, in OrganizationInput) (portal.Organization, error) {
	var invalid portal.Invalid
	organization := was
	organization.Name = invalid.Name("name", "name", in.Name)
	organization.LevelID = in.LevelID
	other, err := c.OrganizationByName(ctx, organization.Name)
	if err != nil || other.ID != was.ID {
		if err := taken(&invalid, "name", "There is an organization with this name already. Choose another.", err); err != nil {
			return organization, err
		}
	}
	level, err := c.ClientLevel(ctx, in.LevelID)
	switch {
	case portal.CodeOf(err) == portal.CodeNotFound:
		invalid.Add("level", "Choose one of the client levels.")
	case err != nil:
		return organization, err
	}
	organization.LevelName = level.Name
	licenses, err := c.Licenses(ctx, was.ID)
	if err != nil {
		return organization, err
	}
	if was.ID != 0 && len(licenses) > level.Licenses {
		invalid.Add("level", fmt.Sprintf("%s allows %d and %d are in use: %s. A license that was never used can be deleted.", level.Name, level.Licenses, len(licenses), licenseNumbers(licenses)))
	}
	return organization, invalid.Err()
}

func insertOrganization(ctx context.Context, c *store.Change, organization portal.Organization) (portal.Organization, error) {
	made, err := c.InsertOrganization(ctx, organization)
	if err != nil {
		return made, err
	}
	return made, c.Record(ctx, organizationRevision(made, "created", portal.Diff(nil, made.Record())))
}

func organizationRevision(organization portal.Organization, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{OrganizationID: organization.ID, Noun: portal.NounOrganization, NounID: organization.ID, NounName: organization.Name, Action: action, Changes: changes}
}
