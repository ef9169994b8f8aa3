package store_test

import (
	"context"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAnApplicationIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		life[portal.Application]{
			made: portal.Application{OrganizationID: organization.ID, Name: "Reports", Description: "For reports."},
			insert: func(ctx context.Context, c *store.Change, a portal.Application) (portal.Application, error) {
				return c.InsertApplication(ctx, a)
			},
			read:     s.Application,
			instants: []string{"CreatedAt"},
		}.live(t, s)
	})
}

func TestAnOrganizationSeesTheCatalogueAndItsOwnApplications(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		storetest.Insert(t, s, func(c *store.Change) (portal.Application, error) {
			return c.InsertApplication(t.Context(), portal.Application{OrganizationID: organization.ID, Name: "Invoices"})
		})
		storetest.Application(t, s, storetest.Organization(t, s))
		var names []string
		for _, application := range must[[]portal.Application](t)(s.Applications(t.Context(), organization.ID)) {
			names = append(names, application.Name)
		}
		wantEqual(t, "names", names, []string{"Data Loader", "ERP (XSS)", "Invoices", "Mobile App", "Workflow"})
	})
}
