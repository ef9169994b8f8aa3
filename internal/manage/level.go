package manage

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

const (
	mostLicenses       = 1000 // that a level can allow
	organizationsNamed = 5    // in a refusal
)

// ClientLevels lists the client levels, the smallest first. For everybody who is
// signed in.
func (m *Manager) ClientLevels(ctx context.Context) ([]portal.ClientLevel, error) {
	if err := signedIn(portal.ActorFrom(ctx)); err != nil {
		return nil, err
	}
	return m.Store.ClientLevels(ctx)
}

// ClientLevel finds a client level. For who may Manage Organizations.
func (m *Manager) ClientLevel(ctx context.Context, id int64) (portal.ClientLevel, error) {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageOrganizations, 0); err != nil {
		return portal.ClientLevel{}, err
	}
	return m.Store.ClientLevel(ctx, id)
}

// LevelInput is what a client level is made of.
type LevelInput struct {
	ID, Version int64 // of the level that is edited
	Submission  Submission
	Name        string
	Licenses    string // how many an organization of this level may hold, as it was typed
}

// CreateClientLevel makes a client level. For who may Manage Organizations.
func (m *Manager) CreateClientLevel(ctx context.Context, in LevelInput) (portal.ClientLevel, error) {
	var made portal.ClientLevel
	err := m.changeOrganizations(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounLevel, &made, c.ClientLevel, func() (int64, error) {
			level, err := checkLevel(ctx, c, portal.ClientLevel{}, in)
			if err != nil {
				return 0, err
			}
			if made, err = c.InsertClientLevel(ctx, level); err != nil {
				return 0, err
			}
			return made.ID, c.Record(ctx, levelRevision(made, "created", portal.Diff(nil, made.Record())))
		})
	})
	return made, err
}

// UpdateClientLevel edits a client level. For who may Manage Organizations. An
// allowance under what is in use is refused, with who holds more.
func (m *Manager) UpdateClientLevel(ctx context.Context, in LevelInput) error {
	return m.changeLevel(ctx, in.ID, func(c *store.Change, was portal.ClientLevel) error {
		level, err := checkLevel(ctx, c, was, in)
		if err != nil {
			return err
		}
		level.Version = in.Version
		changes := portal.Diff(was.Record(), level.Record())
		if len(changes) == 0 && in.Version == was.Version {
			return errUnchanged
		}
		if err := c.UpdateClientLevel(ctx, level); err != nil {
			return err
		}
		return c.Record(ctx, levelRevision(level, "edited", changes))
	})
}

// DeleteClientLevel removes a client level that no organization has. For who may
// Manage Organizations.
func (m *Manager) DeleteClientLevel(ctx context.Context, id, version int64) error {
	return m.changeLevel(ctx, id, func(c *store.Change, level portal.ClientLevel) error {
		if level.Organizations > 0 {
			return portal.Conflict(stillHad(level))
		}
		level.Version = version
		if err := c.DeleteClientLevel(ctx, level); err != nil {
			return err
		}
		return c.Record(ctx, levelRevision(level, portal.ActionDeleted, portal.Diff(level.Record(), nil)))
	})
}

// stillHad says that a client level is in use and what to do.
func stillHad(level portal.ClientLevel) string {
	if level.Organizations == 1 {
		return "1 organization has the client level " + level.Name + ". Give it another level first."
	}
	return fmt.Sprintf("%d organizations have the client level %s. Give them another level first.", level.Organizations, level.Name)
}

func (m *Manager) changeLevel(ctx context.Context, id int64, fn func(*store.Change, portal.ClientLevel) error) error {
	return m.changeOrganizations(ctx, func(c *store.Change) error {
		level, err := c.ClientLevel(ctx, id)
		if err != nil {
			return err
		}
		return fn(c, level)
	})
}

func checkLevel(ctx context.Context, c *store.Change, was portal.ClientLevel, in LevelInput) (portal.ClientLevel, error) {
	var invalid portal.Invalid
	level := was
	level.Name = invalid.Name("name", "name", in.Name)
	number, err := strconv.Atoi(strings.TrimSpace(in.Licenses))
	invalid.Check(err == nil && number >= 0 && number <= mostLicenses, "licenses", fmt.Sprintf("Enter how many master licenses the level allows: a whole number from 0 to %d.", mostLicenses))
	level.Licenses = number
	levels, err := c.ClientLevels(ctx)
	if err != nil {
		return level, err
	}
	for _, other := range levels {
		invalid.Check(other.ID == was.ID || portal.Fold(other.Name) != portal.Fold(level.Name), "name", "There is a client level with this name already. Choose another.")
	}
	if err := invalid.Err(); err != nil {
		return level, err
	}
	above, count, err := c.OrganizationsAbove(ctx, was.ID, level.Licenses, organizationsNamed)
	if err != nil {
		return level, err
	}
	invalid.Check(count == 0, "licenses", "In use is more than that: "+inUse(above, count)+". Give these organizations another level first, or delete licenses that were never used.")
	return level, invalid.Err()
}

// inUse lists organizations with how many licenses they hold.
func inUse(organizations []portal.OrganizationSummary, count int) string {
	texts := make([]string, len(organizations))
	for i, organization := range organizations {
		texts[i] = fmt.Sprintf("%s holds %d", organization.Name, organization.Licenses)
	}
	if more := count - len(organizations); more > 0 {
		texts = append(texts, "and "+portal.Counted(more, "more organization"))
	}
	return strings.Join(texts, ", ")
}

func levelRevision(level portal.ClientLevel, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{Noun: portal.NounLevel, NounID: level.ID, NounName: level.Name, Action: action, Changes: changes}
}
