package manage

import (
	"context"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// CreateApplication adds an application of an organization, or with
// organization 0 one of the catalogue. For who may Manage Organizations.
func (m *Manager) CreateApplication(ctx context.Context, organization int64, name, description string) (portal.Application, error) {
	var made portal.Application
	err := m.changeOrganizations(ctx, func(c *store.Change) error {
		var invalid portal.Invalid
		application := portal.Application{OrganizationID: organization}
		application.Name = invalid.Name("name", "name", name)
		application.Description = invalid.Description("description", "description", description)
		known, err := c.Applications(ctx, organization)
		if err != nil {
			return err
		}
		for _, other := range known {
			invalid.Check(portal.Fold(other.Name) != portal.Fold(application.Name), "name", "There is an application with this name already.")
		}
		if err := invalid.Err(); err != nil {
			return err
		}
		if made, err = c.InsertApplication(ctx, application); err != nil {
			return err
		}
		return c.Record(ctx, portal.Revision{OrganizationID: organization, Noun: portal.NounApplication, NounID: made.ID, NounName: made.Name,
			Action: "created", Changes: portal.Diff(nil, made.Record())})
	})
	return made, err
}
