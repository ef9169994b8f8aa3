package store_test

import (
	"context"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestALicenseIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		life[portal.License]{
			made: portal.License{OrganizationID: organization.ID, Number: "12345678", Domain: "Acme", Database: "ACME_EU", Active: true},
			insert: func(ctx context.Context, c *store.Change, l portal.License) (portal.License, error) {
				return c.InsertLicense(ctx, l)
			},
			read: s.License,
		}.live(t, s)
		_, err := s.LicenseByNumber(t.Context(), "87654321")
		wantCode(t, "another number", err, portal.CodeNotFound)
		wantCode(t, "a number that is taken", change(t, s, func(c *store.Change) error {
			_, err := c.InsertLicense(t.Context(), portal.License{OrganizationID: organization.ID, Number: "12345678"})
			return err
		}), portal.CodeConflict)
	})
}

func TestLicensesAreListedByAge(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		first, second := storetest.License(t, s, organization), storetest.License(t, s, organization)
		storetest.License(t, s, storetest.Organization(t, s))
		wantEqual(t, "licenses", must[[]portal.License](t)(s.Licenses(t.Context(), organization.ID)), []portal.License{first, second})
		wantEqual(t, "by number", must[portal.License](t)(s.LicenseByNumber(t.Context(), second.Number)), second)
	})
}

func TestAnInstanceIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		license := storetest.License(t, s, storetest.Organization(t, s))
		life[portal.Instance]{
			made: portal.Instance{LicenseID: license.ID, Name: "TEBE12345678A", Environment: portal.Test},
			insert: func(ctx context.Context, c *store.Change, i portal.Instance) (portal.Instance, error) {
				return c.InsertInstance(ctx, i)
			},
			read:     s.Instance,
			instants: []string{"CreatedAt"},
		}.live(t, s)
		wantEqual(t, "by name", must[portal.Instance](t)(s.InstanceByName(t.Context(), " tebe12345678a")).Name, "TEBE12345678A")
		_, err := s.InstanceByName(t.Context(), "TEBE12345678")
		wantCode(t, "another name", err, portal.CodeNotFound)
	})
}
