package manage

import (
	"context"
	"fmt"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// Applications lists the catalogue's applications and an organization's own,
// retired ones too. For who may see the organization's licenses, and who may make keys
// there, which are named for applications; the catalogue alone (organization 0) for who
// may Manage Organizations.
func (m *Manager) Applications(ctx context.Context, organization int64) ([]portal.Application, error) {
	actor := portal.ActorFrom(ctx)
	err := portal.CanManageApplications(actor, organization)
	if organization != 0 && err != nil {
		err = portal.CanSeeLicenses(actor, organization)
	}
	if organization != 0 && err != nil && portal.CanUseKeysOf(actor, portal.ChangeKey, organization, actor.UserID) == nil {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return m.Store.Applications(ctx, organization)
}

// ApplicationDetails is an application with the keys that stand on it.
type ApplicationDetails struct {
	portal.Application
	Keys int // that are not revoked
}

// Application finds an application that the actor may edit. Those of other
// organizations are not found.
func (m *Manager) Application(ctx context.Context, id int64) (ApplicationDetails, error) {
	application, err := m.Store.Application(ctx, id)
	if err != nil {
		return ApplicationDetails{}, err
	}
	if err := canChangeApplication(portal.ActorFrom(ctx), application); err != nil {
		return ApplicationDetails{}, err
	}
	keys, err := m.Store.KeysFor(ctx, id)
	return ApplicationDetails{application, keys}, err
}

func canChangeApplication(actor portal.Actor, application portal.Application) error {
	if application.OrganizationID != 0 && actor.SignedIn() && !actor.CanSee(application.OrganizationID) {
		return portal.NotFound(portal.NounApplication)
	}
	return portal.CanManageApplications(actor, application.OrganizationID)
}

// ApplicationInput is what an application is made of.
type ApplicationInput struct {
	ID, Version    int64 // of the application that is edited
	Submission     Submission
	OrganizationID int64 // of a new application; 0: the catalogue's
	Name           string
	Description    string
}

// CreateApplication adds an application of an organization, for who may Manage
// Applications there, or with organization 0 one of the catalogue, for who may
// Manage Organizations.
func (m *Manager) CreateApplication(ctx context.Context, in ApplicationInput) (portal.Application, error) {
	var made portal.Application
	application := portal.Application{OrganizationID: in.OrganizationID}
	if err := canChangeApplication(portal.ActorFrom(ctx), application); err != nil {
		return made, err
	}
	err := m.change(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounApplication, &made, c.Application, func() (int64, error) {
			checked, err := checkApplication(ctx, c, application, in)
			if err != nil {
				return 0, err
			}
			if made, err = c.InsertApplication(ctx, checked); err != nil {
				return 0, err
			}
			return made.ID, c.Record(ctx, applicationRevision(made, "created", portal.Diff(nil, made.Record())))
		})
	})
	return made, err
}

// UpdateApplication edits an application, for who may make one like it. Keys and
// requests for it show the new name.
func (m *Manager) UpdateApplication(ctx context.Context, in ApplicationInput) error {
	return m.changeApplication(ctx, in.ID, func(c *store.Change, was portal.Application) error {
		application, err := checkApplication(ctx, c, was, in)
		if err != nil {
			return err
		}
		application.Version = in.Version
		return putApplication(ctx, c, was, application, "edited")
	})
}

// RetireApplication ends an application: no more keys are issued or requested for
// it, and those that are there go on. For who may edit it.
func (m *Manager) RetireApplication(ctx context.Context, id, version int64) error {
	return m.changeApplication(ctx, id, func(c *store.Change, was portal.Application) error {
		application := was
		application.Version = version
		if !was.Retired() {
			application.RetiredAt = c.Now()
		}
		return putApplication(ctx, c, was, application, "retired")
	})
}

// RestoreApplication takes RetireApplication back.
func (m *Manager) RestoreApplication(ctx context.Context, id, version int64) error {
	return m.changeApplication(ctx, id, func(c *store.Change, was portal.Application) error {
		application := was
		application.Version, application.RetiredAt = version, portal.Application{}.RetiredAt
		return putApplication(ctx, c, was, application, "put back into use")
	})
}

func (m *Manager) changeApplication(ctx context.Context, id int64, fn func(*store.Change, portal.Application) error) error {
	return m.change(ctx, func(c *store.Change) error {
		application, err := c.Application(ctx, id)
		if err != nil {
			return err
		}
		if err := canChangeApplication(portal.ActorFrom(ctx), application); err != nil {
			return err
		}
		return fn(c, application)
	})
}

func putApplication(ctx context.Context, c *store.Change, was, application portal.Application, action string) error {
	changes := portal.Diff(was.Record(), application.Record())
	if len(changes) == 0 && application.Version == was.Version {
		return errUnchanged
	}
	if err := c.UpdateApplication(ctx, application); err != nil {
		return err
	}
	return c.Record(ctx, applicationRevision(application, action, changes))
}

func checkApplication(ctx context.Context, c *store.Change, was portal.Application, in ApplicationInput) (portal.Application, error) {
	var invalid portal.Invalid
	application := was
	application.Name = invalid.Name("name", "name", in.Name)
	application.Description = invalid.Description("description", "description", in.Description)
	if was.ID != 0 && portal.Fold(application.Name) == portal.Fold(was.Name) {
		return application, invalid.Err() // the catalogue may have got one of that name since
	}
	known, err := c.Applications(ctx, was.OrganizationID)
	if err != nil {
		return application, err
	}
	for _, other := range known {
		if other.ID == was.ID || portal.Fold(other.Name) != portal.Fold(application.Name) {
			continue
		}
		message := "There is an application with this name already."
		if other.Retired() {
			message = fmt.Sprintf("There is an application with this name already, which was retired. Put “%s” back into use instead.", other.Name)
		}
		invalid.Add("name", message)
	}
	if was.OrganizationID == 0 {
		if err := checkOwners(ctx, c, &invalid, application.Name); err != nil {
			return application, err
		}
	}
	return application, invalid.Err()
}

const ownersNamed = 3 // in a refusal

// checkOwners finds clients that have an application of their own with a name of the
// catalogue: they would have two of that name, and nobody could tell them apart.
func checkOwners(ctx context.Context, c *store.Change, invalid *portal.Invalid, name string) error {
	owners, err := c.ApplicationOwners(ctx, name, ownersNamed+1)
	switch {
	case len(owners) == 1:
		invalid.Add("name", owners[0]+" has an application of its own with this name. Choose another.")
	case len(owners) > ownersNamed:
		invalid.Add("name", strings.Join(owners[:ownersNamed], ", ")+" and others have applications of their own with this name. Choose another.")
	case len(owners) > 1:
		last := len(owners) - 1
		invalid.Add("name", strings.Join(owners[:last], ", ")+" and "+owners[last]+" have applications of their own with this name. Choose another.")
	}
	return err
}

func applicationRevision(application portal.Application, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{OrganizationID: application.OrganizationID, Noun: portal.NounApplication, NounID: application.ID, NounName: application.Name,
		Action: action, Changes: changes}
}
