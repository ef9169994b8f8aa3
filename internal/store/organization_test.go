package store_test

import (
	"context"
	"testing"
	"time"

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

func TestWhatAnOrganizationHasIsCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, elsewhere := storetest.NewFixture(t, s), storetest.NewFixtureOf(t, s, "elsewhere")
		figures := func(f storetest.Fixture) portal.OrganizationFigures {
			return must[portal.OrganizationFigures](t)(s.OrganizationFigures(t.Context(), f.Organization.ID))
		}
		plain := portal.OrganizationFigures{Instances: 1, Applications: 1, Keys: 1, People: 2}
		wantEqual(t, "at first", figures(f), plain)

		other := storetest.License(t, s, f.Organization)
		storetest.Instance(t, s, other)
		for _, license := range []int64{f.License.ID, other.ID} { // two keys for one application
			storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.LicenseID, k.ApplicationID = license, 1 })
		}
		storetest.Key(t, s, f.Membership)
		gone, _ := storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.LicenseID, k.ApplicationID = f.License.ID, 2 })
		revoke(t, s, gone)
		left := storetest.Member(t, s, f.Organization, storetest.User(t, s))
		left.EndedAt = s.Now()
		storetest.SaveMembership(t, s, left)
		for i, state := range portal.RequestStates {
			addRequest(t, s, f, func(x *portal.Request) { x.ApplicationID, x.State = int64(i%4)+1, state })
		}
		signedIn := storetest.Of(s).Clock.Advance(time.Minute)
		update(t, s, func(u *store.Update) error { return u.SignedIn(t.Context(), f.User.ID) })
		storetest.Of(s).Clock.Advance(time.Minute)
		update(t, s, func(u *store.Update) error { return u.SignedIn(t.Context(), left.UserID) })
		stored := must[[]portal.Secret](t)(s.Secrets(t.Context(), f.Key.ID))[0]
		used := storetest.Of(s).Clock.Advance(time.Minute)
		update(t, s, func(u *store.Update) error {
			return u.AddUses(t.Context(), []store.Use{{SecretID: stored.ID, KeyID: f.Key.ID, OrganizationID: f.Organization.ID, UsedAt: used}}, nil, nil)
		})
		changed := storetest.Of(s).Clock.Advance(time.Minute)
		storetest.Change(t, s, func(c *store.Change) error {
			return c.Record(t.Context(), portal.Revision{OrganizationID: f.Organization.ID, Noun: portal.NounKey})
		})
		got := figures(f)
		wantFilled(t, got)
		wantEqual(t, "after all", got, portal.OrganizationFigures{
			Instances: 2, Applications: 2, Keys: 4, People: 2, Pending: 3, LastSignIn: signedIn, LastUse: used, LastChange: changed,
		})
		wantEqual(t, "elsewhere", figures(elsewhere), plain)
		wantEqual(t, "nowhere", must[portal.OrganizationFigures](t)(s.OrganizationFigures(t.Context(), elsewhere.Organization.ID+1000)), portal.OrganizationFigures{})
	})
}

func TestOrganizationsAreListedWithWhatTheyHave(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		gold := storetest.Organization(t, s, func(o *portal.Organization) { o.Name, o.LevelID = "A", 2 })
		busy := storetest.NewFixture(t, s)
		storetest.License(t, s, busy.Organization)
		changed := storetest.Of(s).Clock.Advance(time.Minute)
		storetest.Change(t, s, func(c *store.Change) error {
			return c.Record(t.Context(), portal.Revision{OrganizationID: busy.Organization.ID, Noun: portal.NounKey})
		})
		want := []portal.OrganizationSummary{
			{Organization: gold, Allowed: 2},
			{Organization: busy.Organization, Allowed: 3, Licenses: 2, LastActivity: changed},
		}
		wantEqual(t, "organizations", must[portal.Page[portal.OrganizationSummary]](t)(s.OrganizationSummaries(t.Context(), portal.List{})).Rows, want)

		stored := must[[]portal.Secret](t)(s.Secrets(t.Context(), busy.Key.ID))[0]
		want[1].LastActivity = changed.Add(time.Hour)
		for _, at := range []time.Duration{time.Hour, time.Minute} {
			update(t, s, func(u *store.Update) error {
				return u.AddUses(t.Context(), []store.Use{{SecretID: stored.ID, KeyID: busy.Key.ID, OrganizationID: busy.Organization.ID, UsedAt: changed.Add(at)}}, nil, nil)
			})
			wantEqual(t, "when a key was used", must[portal.Page[portal.OrganizationSummary]](t)(s.OrganizationSummaries(t.Context(), portal.List{})).Rows, want)
		}
	})
}

func TestTheListOfOrganizationsAndTheirFiguresTellOfTheSameLastActivity(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, member := storetest.NewFixture(t, s), storetest.User(t, s)
		storetest.Member(t, s, f.Organization, member)
		stored := must[[]portal.Secret](t)(s.Secrets(t.Context(), f.Key.ID))[0]
		left := storetest.Member(t, s, f.Organization, storetest.User(t, s))
		left.EndedAt = s.Now()
		storetest.SaveMembership(t, s, left)
		for _, act := range []struct {
			what  string
			does  func()
			older bool // it is no activity of the organization's
		}{
			{what: "a member signed in", does: func() { update(t, s, func(u *store.Update) error { return u.SignedIn(t.Context(), member.ID) }) }},
			{what: "who had left signed in", older: true, does: func() { update(t, s, func(u *store.Update) error { return u.SignedIn(t.Context(), left.UserID) }) }},
			{what: "a key was used", does: func() {
				update(t, s, func(u *store.Update) error {
					return u.AddUses(t.Context(), []store.Use{{SecretID: stored.ID, KeyID: f.Key.ID, OrganizationID: f.Organization.ID, UsedAt: s.Now()}}, nil, nil)
				})
			}},
			{what: "something was changed", does: func() {
				storetest.Change(t, s, func(c *store.Change) error {
					return c.Record(t.Context(), portal.Revision{OrganizationID: f.Organization.ID, Noun: portal.NounKey})
				})
			}},
			{what: "a member signed in again", does: func() { update(t, s, func(u *store.Update) error { return u.SignedIn(t.Context(), member.ID) }) }},
		} {
			now := storetest.Of(s).Clock.Advance(time.Minute)
			act.does()
			listed := must[portal.Page[portal.OrganizationSummary]](t)(s.OrganizationSummaries(t.Context(), portal.List{})).Rows[0].LastActivity
			wantEqual(t, act.what+", by the figures", must[portal.OrganizationFigures](t)(s.OrganizationFigures(t.Context(), f.Organization.ID)).LastActivity(), listed)
			wantEqual(t, act.what, listed.Equal(now), !act.older)
		}
	})
}
