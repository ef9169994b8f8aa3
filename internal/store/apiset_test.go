package store_test

import (
	"context"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAnAPISetIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		life[portal.APISet]{
			made:  portal.APISet{Slug: "billing", Name: "Billing", Description: "Bills.", Routes: []string{"/z/", "GET /billing/{id}", "/a/"}},
			unset: []string{"RetiredAt"},
			change: func(a *portal.APISet) {
				a.Slug, a.Name, a.Description, a.Routes, a.RetiredAt = "bills", "Bills", "Other.", []string{"/bills/"}, s.Now().Add(-time.Hour)
			},
			insert: func(ctx context.Context, c *store.Change, a portal.APISet) (portal.APISet, error) {
				return c.InsertAPISet(ctx, a)
			},
			read:   s.APISet,
			update: func(ctx context.Context, c *store.Change, a portal.APISet) error { return c.UpdateAPISet(ctx, a) },
		}.live(t, s)
	})
}

func TestAPISetsAreListedByNameTheRetiredOnesLast(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := storetest.APISet(t, s, "c", "/c/", "/cc/")
		b := storetest.APISet(t, s, "b")
		a := storetest.APISet(t, s, "a", "/a/")
		a = retire(t, s, a)
		wantEqual(t, "sets", must[[]portal.APISet](t)(s.APISets(t.Context())), []portal.APISet{b, c, a})
	})
}

func TestAnAPISetsSlugAndNameAreUnique(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		taken := storetest.APISet(t, s, "billing")
		for _, set := range []portal.APISet{{Slug: taken.Slug, Name: "Another"}, {Slug: "another", Name: "BILLING api"}} {
			wantCode(t, set.Name, change(t, s, func(c *store.Change) error {
				_, err := c.InsertAPISet(t.Context(), set)
				return err
			}), portal.CodeConflict)
		}
	})
}

func TestTheVersionOfAPISetsGrowsWithEachOfTheirChanges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		wantEqual(t, "at first", must[int64](t)(s.APISetsVersion(t.Context())), 0)
		var last int64
		for range 3 {
			storetest.Change(t, s, func(c *store.Change) error { return c.Record(t.Context(), portal.Revision{Noun: portal.NounAPISet}) })
			version := must[int64](t)(s.APISetsVersion(t.Context()))
			if version <= last {
				t.Errorf("the version is %d after %d", version, last)
			}
			last = version
			storetest.User(t, s)
			wantEqual(t, "after a change of something else", must[int64](t)(s.APISetsVersion(t.Context())), last)
		}
	})
}

// retire retires an API set and gives it as it is then.
func retire(t *testing.T, s *store.Store, set portal.APISet) portal.APISet {
	t.Helper()
	set.RetiredAt = s.Now()
	storetest.Change(t, s, func(c *store.Change) error { return c.UpdateAPISet(t.Context(), set) })
	return must[portal.APISet](t)(s.APISet(t.Context(), set.ID))
}
