package store_test

import (
	"context"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAnApplicationIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		life[portal.Application]{
			made:  portal.Application{OrganizationID: organization.ID, Name: "Reports", Description: "For reports."},
			unset: []string{"RetiredAt"},
			change: func(a *portal.Application) {
				a.Name, a.Description, a.RetiredAt = "Statements", "", s.Now().Add(-time.Hour)
			},
			insert: func(ctx context.Context, c *store.Change, a portal.Application) (portal.Application, error) {
				return c.InsertApplication(ctx, a)
			},
			read: s.Application,
			update: func(ctx context.Context, c *store.Change, a portal.Application) error {
				return c.UpdateApplication(ctx, a)
			},
		}.live(t, s)
	})
}

func TestAnOrganizationSeesTheCatalogueAndItsOwnApplications(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		invoices := storetest.Insert(t, s, func(c *store.Change) (portal.Application, error) {
			return c.InsertApplication(t.Context(), portal.Application{OrganizationID: organization.ID, Name: "Invoices"})
		})
		invoices.RetiredAt = s.Now()
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateApplication(t.Context(), invoices) })
		storetest.Application(t, s, storetest.Organization(t, s))
		var names []string
		for _, application := range must[[]portal.Application](t)(s.Applications(t.Context(), organization.ID)) {
			names = append(names, application.Name)
		}
		wantEqual(t, "names", names, []string{"Data Loader", "ERP (XSS)", "Invoices", "Mobile App", "Workflow"})
		wantEqual(t, "of the catalogue", len(must[[]portal.Application](t)(s.Applications(t.Context(), 0))), 4)
	})
}

func TestTheOwnersOfAnApplicationAreFoundRegardlessOfCase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, name := range []string{"Beta", "alpha", "Gamma"} {
			organization := storetest.Organization(t, s, func(o *portal.Organization) { o.Name = name })
			storetest.Insert(t, s, func(c *store.Change) (portal.Application, error) {
				return c.InsertApplication(t.Context(), portal.Application{OrganizationID: organization.ID, Name: "Kiosk of " + name[:1]})
			})
			storetest.Insert(t, s, func(c *store.Change) (portal.Application, error) {
				return c.InsertApplication(t.Context(), portal.Application{OrganizationID: organization.ID, Name: "Größe"})
			})
		}
		owners := func(name string, most int) []string {
			return must[[]string](t)(s.ApplicationOwners(t.Context(), name, most))
		}
		wantEqual(t, "of all", owners(" GRÖßE", 9), []string{"alpha", "Beta", "Gamma"})
		wantEqual(t, "the first", owners("größe", 2), []string{"alpha", "Beta"})
		wantEqual(t, "of one", owners("kiosk of b", 9), []string{"Beta"})
		wantEqual(t, "the catalogue is nobody's", len(owners("Workflow", 9)), 0)
	})
}

func TestAnApplicationsNameIsUniqueInItsOrganizationAndInTheCatalogue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mine, other := storetest.Organization(t, s), storetest.Organization(t, s)
		add := func(organization int64, name string) error {
			return change(t, s, func(c *store.Change) error {
				_, err := c.InsertApplication(t.Context(), portal.Application{OrganizationID: organization, Name: name})
				return err
			})
		}
		for _, organization := range []int64{0, mine.ID, other.ID} {
			if err := add(organization, "Größe"); err != nil {
				t.Fatal(err)
			}
			wantCode(t, "again", add(organization, "GRÖßE "), portal.CodeConflict)
		}
		own := storetest.Application(t, s, mine)
		own.Name = "größe"
		wantCode(t, "renaming", change(t, s, func(c *store.Change) error { return c.UpdateApplication(t.Context(), own) }), portal.CodeConflict)
	})
}
