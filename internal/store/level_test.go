package store_test

import (
	"context"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAClientLevelIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		life[portal.ClientLevel]{
			made:     portal.ClientLevel{Name: "Diamond", Licenses: 10},
			unset:    []string{"Organizations"},
			instants: []string{},
			change:   func(l *portal.ClientLevel) { l.Name, l.Licenses = "Ruby", 20 },
			insert: func(ctx context.Context, c *store.Change, l portal.ClientLevel) (portal.ClientLevel, error) {
				return c.InsertClientLevel(ctx, l)
			},
			read: s.ClientLevel,
			update: func(ctx context.Context, c *store.Change, l portal.ClientLevel) error {
				return c.UpdateClientLevel(ctx, l)
			},
		}.live(t, s)
	})
}

func TestClientLevelsComeWithTheirAllowances(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		want := []portal.ClientLevel{{ID: 1, Name: "Blue", Licenses: 1, Version: 1}, {ID: 2, Name: "Gold", Licenses: 2, Version: 1}, {ID: 3, Name: "Platinum", Licenses: 3, Version: 1}}
		wantEqual(t, "levels", must[[]portal.ClientLevel](t)(s.ClientLevels(t.Context())), want)
		for range 2 {
			storetest.Organization(t, s, func(o *portal.Organization) { o.LevelID = 2 })
		}
		want[1].Organizations = 2
		wantEqual(t, "level", must[portal.ClientLevel](t)(s.ClientLevel(t.Context(), 2)), want[1])
		small := storetest.Insert(t, s, func(c *store.Change) (portal.ClientLevel, error) {
			return c.InsertClientLevel(t.Context(), portal.ClientLevel{Name: "Trial", Licenses: 1})
		})
		wantEqual(t, "the smallest first", must[[]portal.ClientLevel](t)(s.ClientLevels(t.Context())), []portal.ClientLevel{want[0], small, want[1], want[2]})
	})
}

func TestAClientLevelsNameIsUniqueRegardlessOfCase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add := func(name string) error {
			return change(t, s, func(c *store.Change) error {
				_, err := c.InsertClientLevel(t.Context(), portal.ClientLevel{Name: name})
				return err
			})
		}
		wantCode(t, "one that came with the program", add("GOLD"), portal.CodeConflict)
		if err := add("Übergröße"); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "one that was added", add("ÜBERGRÖßE"), portal.CodeConflict)
		blue := must[portal.ClientLevel](t)(s.ClientLevel(t.Context(), 1))
		blue.Name = "übergröße"
		wantCode(t, "renaming", change(t, s, func(c *store.Change) error { return c.UpdateClientLevel(t.Context(), blue) }), portal.CodeConflict)
	})
}

func TestAClientLevelIsNotLoweredBeneathWhatIsInUse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s)
		for range 2 {
			storetest.License(t, s, organization)
		}
		platinum := must[portal.ClientLevel](t)(s.ClientLevel(t.Context(), 3))
		for licenses, possible := range map[int]bool{1: false, 2: true} {
			level := platinum
			level.Licenses = licenses
			err := change(t, s, func(c *store.Change) error { return c.UpdateClientLevel(t.Context(), level) })
			if possible && err != nil {
				t.Error(err)
			}
			if !possible {
				wantCode(t, "beneath", err, portal.CodeConflict)
			}
		}
		organization.LevelID = 1
		wantCode(t, "a level that allows less", change(t, s, func(c *store.Change) error { return c.UpdateOrganization(t.Context(), organization) }), portal.CodeConflict)
	})
}

func TestAClientLevelThatNoOrganizationHasCanBeDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s, func(o *portal.Organization) { o.LevelID = 2 })
		gold := must[portal.ClientLevel](t)(s.ClientLevel(t.Context(), 2))
		remove := func(l portal.ClientLevel) error {
			return change(t, s, func(c *store.Change) error { return c.DeleteClientLevel(t.Context(), l) })
		}
		wantCode(t, "a level that is in use", remove(gold), portal.CodeConflict)
		organization.LevelID = 3
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateOrganization(t.Context(), organization) })
		stale := gold
		stale.Version--
		wantCode(t, "a stale version", remove(stale), portal.CodeConflict)
		if err := remove(gold); err != nil {
			t.Error(err)
		}
		_, err := s.ClientLevel(t.Context(), gold.ID)
		wantCode(t, "reading it", err, portal.CodeNotFound)
		wantCode(t, "deleting it again", remove(gold), portal.CodeConflict)
	})
}

func TestTheOrganizationsAboveANumberOfLicensesAreNamed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		holding := func(name string, level int64, licenses int) portal.Organization {
			organization := storetest.Organization(t, s, func(o *portal.Organization) { o.Name, o.LevelID = name, level })
			for range licenses {
				storetest.License(t, s, organization)
			}
			return organization
		}
		c, a := holding("C", 3, 3), holding("a", 3, 2)
		b := holding("B", 3, 2)
		holding("none", 3, 0)
		holding("few", 3, 1)
		holding("Gold", 2, 2)
		summary := func(o portal.Organization, licenses int) portal.OrganizationSummary {
			return portal.OrganizationSummary{Organization: o, Allowed: 3, Licenses: licenses}
		}
		for _, test := range []struct {
			licenses, most int
			want           []portal.OrganizationSummary
			count          int
		}{
			{1, 10, []portal.OrganizationSummary{summary(a, 2), summary(b, 2), summary(c, 3)}, 3},
			{1, 2, []portal.OrganizationSummary{summary(a, 2), summary(b, 2)}, 3},
			{2, 10, []portal.OrganizationSummary{summary(c, 3)}, 1},
			{3, 10, nil, 0},
		} {
			above, count, err := s.OrganizationsAbove(t.Context(), 3, test.licenses, test.most)
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, "organizations", above, test.want)
			wantEqual(t, "in all", count, test.count)
		}
	})
}
