package manage

import (
	"context"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// Instance finds an instance of an organization of the actor's; any for staff.
func (m *Manager) Instance(ctx context.Context, id int64) (portal.Instance, error) {
	instance, err := m.Store.Instance(ctx, id)
	if err != nil {
		return portal.Instance{}, err
	}
	license, err := m.Store.License(ctx, instance.LicenseID)
	if err == nil && !portal.ActorFrom(ctx).CanSee(license.OrganizationID) {
		err = portal.NotFound(portal.NounInstance)
	}
	if err != nil {
		return portal.Instance{}, err
	}
	return instance, nil
}

// Instances lists the instances of all licenses of an organization by name. For its
// members and for staff.
func (m *Manager) Instances(ctx context.Context, organization int64) ([]portal.Instance, error) {
	if _, err := m.Organization(ctx, organization); err != nil {
		return nil, err
	}
	return m.Store.InstancesOf(ctx, organization)
}

// InstanceInput is what an instance is made of.
type InstanceInput struct {
	Submission Submission
	LicenseID  int64 // 0: the license whose number the name contains
	Name       string
}

// CreateInstance adds an instance, such as TEBE12345678A, to the license whose
// number its name contains. For who may Manage Licenses. A form that was sent before
// gives the instance that it made.
func (m *Manager) CreateInstance(ctx context.Context, in InstanceInput) (portal.Instance, error) {
	var made portal.Instance
	err := m.changeLicenses(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounInstance, &made, c.Instance, func() (int64, error) {
			instance, license, err := checkInstance(ctx, c, in)
			if err != nil {
				return 0, err
			}
			if made, err = c.InsertInstance(ctx, instance); err != nil {
				return 0, err
			}
			return made.ID, c.Record(ctx, licenseRevision(license, "added the instance "+made.Name, nil))
		})
	})
	return made, err
}

func checkInstance(ctx context.Context, c *store.Change, in InstanceInput) (instance portal.Instance, license portal.License, err error) {
	var invalid portal.Invalid
	name := strings.ToUpper(strings.TrimSpace(in.Name))
	environment, number, ok := portal.ParseInstance(name)
	invalid.Check(ok, "name", "An instance is named like BE12345678 (production) or TEBE12345678A (test).")
	_, err = c.InstanceByName(ctx, name)
	if err := taken(&invalid, "name", "There is an instance with this name already.", err); err != nil {
		return instance, license, err
	}
	if err := invalid.Err(); err != nil {
		return instance, license, err
	}
	if in.LicenseID == 0 {
		license, err = c.LicenseByNumber(ctx, number)
	} else if license, err = c.License(ctx, in.LicenseID); err == nil {
		invalid.Check(license.Number == number, "name", "The number in the name must be the license's: "+license.Number+".")
	}
	if err == nil {
		err = invalid.Err()
	}
	return portal.Instance{LicenseID: license.ID, Name: name, Environment: environment}, license, err
}

// RemoveInstance removes an instance of a license: nobody signs in there any more.
// For who may Manage Licenses.
func (m *Manager) RemoveInstance(ctx context.Context, license, id int64) error {
	return m.changeLicenses(ctx, func(c *store.Change) error {
		instance, err := c.Instance(ctx, id)
		if err == nil && instance.LicenseID != license {
			err = portal.NotFound(portal.NounInstance)
		}
		if err != nil {
			return err
		}
		of, err := c.License(ctx, license)
		if err != nil {
			return err
		}
		if err := c.DeleteInstance(ctx, id); err != nil {
			return err
		}
		return c.Record(ctx, licenseRevision(of, "removed the instance "+instance.Name, nil))
	})
}

// EnterInstance moves a session to an instance, as signing in with its name does:
// for a member of the instance's organization (CodeNotFound for others).
func (m *Manager) EnterInstance(ctx context.Context, session portal.Session, id int64) (portal.Instance, error) {
	instance, err := m.Store.Instance(ctx, id)
	if err != nil {
		return instance, err
	}
	license, err := m.Store.License(ctx, instance.LicenseID)
	if err == nil && !portal.ActorFrom(ctx).Member(license.OrganizationID) {
		err = portal.NotFound(portal.NounInstance)
	}
	if err != nil {
		return portal.Instance{}, err
	}
	return instance, m.Store.Update(ctx, func(u *store.Update) error { return u.MoveSession(ctx, session.Hash, license.OrganizationID, id) })
}
