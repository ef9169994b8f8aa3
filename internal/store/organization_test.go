package store_test

import (
	"context"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAnOrganizationIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		life[portal.Organization]{
			made: portal.Organization{Name: "Älpha  Ltd", LevelID: 2, LevelName: "Gold", Suspended: true, SecretViewing: true, ExpiryRequired: true, ExpiryMaxDays: 90},
			change: func(o *portal.Organization) {
				*o = portal.Organization{ID: o.ID, Version: o.Version, CreatedAt: o.CreatedAt, Name: "Omega", LevelID: 3, LevelName: "Platinum"}
			},
			insert: func(ctx context.Context, c *store.Change, o portal.Organization) (portal.Organization, error) {
				return c.InsertOrganization(ctx, o)
			},
			read: s.Organization,
			update: func(ctx context.Context, c *store.Change, o portal.Organization) error {
				return c.UpdateOrganization(ctx, o)
			},
		}.live(t, s)
	})
}

func TestAnOrganizationIsFoundByNameRegardlessOfCaseAndSpace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		want := storetest.Organization(t, s, func(o *portal.Organization) { o.Name = "Örtliche Werke" })
		wantEqual(t, "found", must[portal.Organization](t)(s.OrganizationByName(t.Context(), " öRTLICHE   werke")), want)
		_, err := s.OrganizationByName(t.Context(), "Oertliche Werke")
		wantCode(t, "another name", err, portal.CodeNotFound)
		wantCode(t, "a second one of the name", change(t, s, func(c *store.Change) error {
			_, err := c.InsertOrganization(t.Context(), portal.Organization{Name: "ÖRTLICHE WERKE", LevelID: 1})
			return err
		}), portal.CodeConflict)
	})
}
