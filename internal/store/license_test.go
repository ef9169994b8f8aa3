package store_test

import (
	"context"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
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
			change: func(l *portal.License) { l.Domain, l.Database, l.Active = "Other", "OTHER", false },
			read:   s.License,
			update: func(ctx context.Context, c *store.Change, l portal.License) error { return c.UpdateLicense(ctx, l) },
		}.live(t, s)
		_, err := s.LicenseByNumber(t.Context(), "87654321")
		wantCode(t, "another number", err, portal.CodeNotFound)
		wantCode(t, "a number that is taken", change(t, s, func(c *store.Change) error {
			_, err := c.InsertLicense(t.Context(), portal.License{OrganizationID: organization.ID, Number: "12345678"})
			return err
		}), portal.CodeConflict)
		wantCode(t, "a domain that is taken", change(t, s, func(c *store.Change) error {
			_, err := c.InsertLicense(t.Context(), portal.License{OrganizationID: organization.ID, Number: "87654321", Domain: "other"})
			return err
		}), portal.CodeConflict)
		wantEqual(t, "by domain", must[portal.License](t)(s.LicenseByDomain(t.Context(), " OTHER")).Number, "12345678")
		_, err = s.LicenseByDomain(t.Context(), "Another")
		wantCode(t, "another domain", err, portal.CodeNotFound)
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

func TestALicenseKeepsItsNumberAndItsOrganization(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		license := storetest.License(t, s, storetest.Organization(t, s))
		moved := license
		moved.Number, moved.OrganizationID, moved.Domain = "99999999", storetest.Organization(t, s).ID, "Moved"
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateLicense(t.Context(), moved) })
		license.Domain, license.Version = "Moved", 2
		wantEqual(t, "license", must[portal.License](t)(s.License(t.Context(), license.ID)), license)
	})
}

func TestALicenseBeyondTheLevelIsAConflict(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		blue := storetest.Organization(t, s, func(o *portal.Organization) { o.LevelID = 1 })
		storetest.License(t, s, blue)
		wantCode(t, "a second license", change(t, s, func(c *store.Change) error {
			_, err := c.InsertLicense(t.Context(), portal.License{OrganizationID: blue.ID, Number: "2"})
			return err
		}), portal.CodeConflict)
		wantEqual(t, "licenses", len(must[[]portal.License](t)(s.Licenses(t.Context(), blue.ID))), 1)
	})
}

func TestALicenseOnWhichNothingStandsIsDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, other := storetest.NewFixture(t, s), storetest.NewFixtureOf(t, s, "other")
		license := storetest.License(t, s, f.Organization)
		remove := func() error {
			return change(t, s, func(c *store.Change) error { return c.DeleteLicense(t.Context(), license.ID) })
		}
		uses := func() portal.LicenseUses { return must[portal.LicenseUses](t)(s.LicenseUses(t.Context(), license)) }
		wantEqual(t, "uses", uses(), portal.LicenseUses{})
		instance := storetest.Instance(t, s, license)
		wantCode(t, "with an instance", remove(), portal.CodeConflict)
		for range 2 {
			storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.LicenseID, k.RevokedAt = license.ID, s.Now() })
		}
		addRequest(t, s, f, func(x *portal.Request) {
			x.LicenseID, x.State, x.DecidedAt = license.ID, portal.RequestDeclined, s.Now()
		})
		addRequest(t, s, f, func(x *portal.Request) { x.LicenseID = license.ID })
		addRequest(t, s, f, func(x *portal.Request) { x.LicenseID, x.ApplicationID = license.ID, 2 })
		addRequest(t, s, other, func(*portal.Request) {})
		wantEqual(t, "uses", uses(), portal.LicenseUses{Instances: 1, Keys: 2, Requests: 3})
		storetest.Change(t, s, func(c *store.Change) error { return c.DeleteInstance(t.Context(), instance.ID) })
		wantCode(t, "with keys and requests", remove(), portal.CodeConflict)
		wantEqual(t, "license", must[portal.License](t)(s.License(t.Context(), license.ID)), license)
	})
}

func TestTheFormOfADeletedLicenseIsForgottenWithIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		license := storetest.License(t, s, f.Organization)
		remove := func(c *store.Change) error { return c.DeleteLicense(t.Context(), license.ID) }
		storetest.Change(t, s, func(c *store.Change) error {
			for form, made := range map[string]struct {
				noun portal.Noun
				id   int64
			}{"its": {portal.NounLicense, license.ID}, "another's": {portal.NounLicense, f.License.ID}, "an instance's": {portal.NounInstance, license.ID}} {
				if err := c.Submit(t.Context(), store.Submission{UserID: f.User.ID, Token: form, Noun: made.noun, NounID: made.id}); err != nil {
					return err
				}
			}
			return remove(c)
		})
		_, err := s.License(t.Context(), license.ID)
		wantCode(t, "license", err, portal.CodeNotFound)
		_, err = s.Submission(t.Context(), f.User.ID, "its")
		wantCode(t, "its form", err, portal.CodeNotFound)
		wantEqual(t, "another's form", must[store.Submission](t)(s.Submission(t.Context(), f.User.ID, "another's")).NounID, f.License.ID)
		wantEqual(t, "an instance's form", must[store.Submission](t)(s.Submission(t.Context(), f.User.ID, "an instance's")).NounID, license.ID)
		wantCode(t, "deleting it again", change(t, s, remove), portal.CodeNotFound)
	})
}

func TestInstancesAreListedByName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		one, other := storetest.License(t, s, organization), storetest.License(t, s, organization)
		add := func(license portal.License, name string) portal.Instance {
			return storetest.Insert(t, s, func(c *store.Change) (portal.Instance, error) {
				return c.InsertInstance(t.Context(), portal.Instance{LicenseID: license.ID, Name: name, Environment: portal.Production})
			})
		}
		d, b, c := add(one, "BE4"), add(one, "BE2"), add(other, "BE3")
		storetest.Instance(t, s, storetest.License(t, s, storetest.Organization(t, s)))
		wantEqual(t, "of a license", must[[]portal.Instance](t)(s.Instances(t.Context(), one.ID)), []portal.Instance{b, d})
		wantEqual(t, "of an organization", must[[]portal.Instance](t)(s.InstancesOf(t.Context(), organization.ID)), []portal.Instance{b, c, d})
	})
}

func TestSessionsStayWhenTheirInstanceIsDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other := storetest.Instance(t, s, storetest.License(t, s, f.Organization))
		at := func(instance portal.Instance) portal.Session {
			return session(t, s, f.User.ID, func(s *portal.Session) {
				s.OrganizationID, s.Organization, s.InstanceID, s.Instance = f.Organization.ID, f.Organization.Name, instance.ID, instance.Name
			})
		}
		here, there := at(f.Instance), at(other)
		remove := func(c *store.Change) error { return c.DeleteInstance(t.Context(), f.Instance.ID) }
		storetest.Change(t, s, remove)
		_, err := s.Instance(t.Context(), f.Instance.ID)
		wantCode(t, "instance", err, portal.CodeNotFound)
		here.InstanceID, here.Instance = 0, ""
		for _, want := range []portal.Session{here, there} {
			wantEqual(t, "session", must[portal.Session](t)(s.Session(t.Context(), secret.Hash(want.Hash))), want)
		}
		wantCode(t, "deleting it again", change(t, s, remove), portal.CodeNotFound)
	})
}
