package store_test

import (
	"fmt"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestUseOnlyMovesForward(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		secretID := must[[]portal.Secret](t)(s.Secrets(t.Context(), f.Key.ID))[0].ID
		now := s.Now()
		for _, step := range []struct {
			at, want         time.Time
			from, wantedFrom string
		}{
			{now, now, "192.0.2.1", "192.0.2.1"},
			{now.Add(-time.Second), now, "192.0.2.2", "192.0.2.1"},
			{now.Add(time.Second), now.Add(time.Second), "192.0.2.3", "192.0.2.3"},
		} {
			update(t, s, func(u *store.Update) error {
				return u.AddUses(t.Context(),
					[]store.Use{{SecretID: secretID, KeyID: f.Key.ID, OrganizationID: f.Organization.ID, UsedAt: step.at, UsedFrom: step.from}}, nil,
					[]portal.Refusal{{KeyID: f.Key.ID, Code: portal.CheckIPNotAllowed, At: step.at, From: step.from}})
			})
			key := must[portal.Key](t)(s.Key(t.Context(), f.Key.ID))
			wantEqual(t, "last used", key.LastUsedAt, step.want)
			wantEqual(t, "last used from", key.LastUsedFrom, step.wantedFrom)
			refusals := must[[]portal.Refusal](t)(s.Refusals(t.Context(), f.Key.ID))
			wantEqual(t, "refusals", refusals, []portal.Refusal{{KeyID: f.Key.ID, Code: portal.CheckIPNotAllowed, At: step.want, From: step.wantedFrom}})
		}
	})
}

func TestRefusalsAreListedTheNewestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		refusal := func(code portal.CheckCode, after time.Duration) portal.Refusal {
			return portal.Refusal{KeyID: f.Key.ID, Code: code, At: s.Now().Add(after), From: "192.0.2.1"}
		}
		b, a, c := refusal(portal.CheckExpired, 0), refusal(portal.CheckDisabled, 0), refusal(portal.CheckRevoked, time.Second)
		update(t, s, func(u *store.Update) error { return u.AddUses(t.Context(), nil, nil, []portal.Refusal{b, a, c}) })
		wantEqual(t, "refusals", must[[]portal.Refusal](t)(s.Refusals(t.Context(), f.Key.ID)), []portal.Refusal{c, a, b})
	})
}

func TestTalliesOfReplicasAddUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other, _ := storetest.Key(t, s, f.Membership)
		errs := inParallel(20, func() error {
			return s.Update(t.Context(), func(u *store.Update) error {
				return u.AddUses(t.Context(), nil, []portal.Tally{
					{KeyID: f.Key.ID, Day: 100, Accepted: 3, Refused: 1}, {KeyID: f.Key.ID, Day: 101, Accepted: 1}, {KeyID: other.ID, Day: 101, Refused: 1},
				}, nil)
			})
		})
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		wantEqual(t, "all", must[[]portal.Tally](t)(s.Tallies(t.Context(), f.Key.ID, 0)),
			[]portal.Tally{{KeyID: f.Key.ID, Day: 100, Accepted: 60, Refused: 20}, {KeyID: f.Key.ID, Day: 101, Accepted: 20}})
		wantEqual(t, "since a day", must[[]portal.Tally](t)(s.Tallies(t.Context(), other.ID, 101)), []portal.Tally{{KeyID: other.ID, Day: 101, Refused: 20}})
	})
}

// Replicas count the same keys in different orders at the same time.
func TestUsesInAnyOrderDoNotLockEachOtherOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		var tallies []portal.Tally
		for day := range int64(20) {
			tallies = append(tallies, portal.Tally{KeyID: f.Key.ID, Day: day, Accepted: 1})
		}
		backwards := make([]portal.Tally, len(tallies))
		for i, tally := range tallies {
			backwards[len(tallies)-1-i] = tally
		}
		orders := make(chan []portal.Tally, 20)
		for range 10 {
			orders <- tallies
			orders <- backwards
		}
		for _, err := range inParallel(20, func() error {
			return s.Update(t.Context(), func(u *store.Update) error { return u.AddUses(t.Context(), nil, <-orders, nil) })
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		for _, tally := range must[[]portal.Tally](t)(s.Tallies(t.Context(), f.Key.ID, 0)) {
			wantEqual(t, "accepted", tally.Accepted, 20)
		}
	})
}

func TestAnOrganizationsLastUseIsTheLatestOfItsKeysAndOnlyMovesForward(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, elsewhere := storetest.NewFixture(t, s), storetest.NewFixtureOf(t, s, "elsewhere")
		second, _ := storetest.Key(t, s, f.Membership)
		now := s.Now()
		of := func(key portal.Key, after time.Duration) store.Use {
			secret := must[[]portal.Secret](t)(s.Secrets(t.Context(), key.ID))[0]
			return store.Use{SecretID: secret.ID, KeyID: key.ID, OrganizationID: key.OrganizationID, UsedAt: now.Add(after), UsedFrom: "192.0.2.1"}
		}
		lastUse := func(f storetest.Fixture) time.Time {
			return must[portal.OrganizationFigures](t)(s.OrganizationFigures(t.Context(), f.Organization.ID)).LastUse
		}
		for what, step := range []struct {
			uses            []store.Use
			here, elsewhere time.Time
		}{
			{nil, time.Time{}, time.Time{}},
			{[]store.Use{of(second, time.Second), of(f.Key, 0)}, now.Add(time.Second), time.Time{}},
			{[]store.Use{of(f.Key, -time.Hour), of(elsewhere.Key, -time.Hour)}, now.Add(time.Second), now.Add(-time.Hour)},
			{[]store.Use{of(f.Key, 2*time.Second), of(second, time.Second)}, now.Add(2 * time.Second), now.Add(-time.Hour)},
		} {
			update(t, s, func(u *store.Update) error { return u.AddUses(t.Context(), step.uses, nil, nil) })
			wantEqual(t, fmt.Sprint("last use after step ", what), [2]time.Time{lastUse(f), lastUse(elsewhere)}, [2]time.Time{step.here, step.elsewhere})
		}
	})
}
