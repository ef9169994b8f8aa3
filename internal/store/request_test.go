package store_test

import (
	"context"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// addRequest adds a request of the fixture's user for a key for Workflow.
func addRequest(t *testing.T, s *store.Store, f storetest.Fixture, edit func(*portal.Request)) portal.Request {
	t.Helper()
	x := portal.Request{
		OrganizationID: f.Organization.ID, RequesterID: f.User.ID, ApplicationID: 1, LicenseID: f.License.ID, Reason: "To begin.", State: portal.RequestOpen,
	}
	edit(&x)
	return storetest.Insert(t, s, func(c *store.Change) (portal.Request, error) { return c.InsertRequest(t.Context(), x) })
}

func requestIDs(requests []portal.Request) (ids []int64) {
	for _, request := range requests {
		ids = append(ids, request.ID)
	}
	return ids
}

func TestARequestIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		grace := storetest.User(t, s, func(u *portal.User) { u.FirstName, u.LastName, u.Staff = "Grace", "Hopper", portal.Support })
		nameless := storetest.User(t, s, func(u *portal.User) { u.FirstName, u.LastName, u.Staff = "", "", portal.Support })
		life[portal.Request]{
			made: portal.Request{
				OrganizationID: f.Organization.ID, OrganizationName: f.Organization.Name, RequesterID: f.User.ID, RequesterName: "Ada Lovelace",
				ApplicationID: 2, ApplicationName: "Mobile App", LicenseID: f.License.ID, LicenseNumber: f.License.Number, Domain: f.License.Domain,
				Reason: "For\nphones.", State: portal.RequestTaken, AssigneeID: grace.ID, AssigneeName: "Grace Hopper",
				Decision: "Soon.", KeyID: f.Key.ID, DecidedAt: s.Now().Add(-time.Hour),
			},
			change: func(x *portal.Request) {
				x.State, x.AssigneeID, x.AssigneeName = portal.RequestDeclined, nameless.ID, nameless.Username
				x.Decision, x.KeyID, x.DecidedAt = "", 0, time.Time{}
			},
			insert: func(ctx context.Context, c *store.Change, x portal.Request) (portal.Request, error) {
				return c.InsertRequest(ctx, x)
			},
			read:   s.Request,
			update: func(ctx context.Context, c *store.Change, x portal.Request) error { return c.UpdateRequest(ctx, x) },
		}.live(t, s)
		open := addRequest(t, s, f, func(*portal.Request) {})
		wantEqual(t, "who has taken a request that nobody has", open.AssigneeName, "")
	})
}

func TestARequestKeepsWhoAsksForWhatAndWhy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		request := addRequest(t, s, f, func(*portal.Request) {})
		changed := request
		changed.RequesterID, changed.ApplicationID, changed.LicenseID, changed.Reason = f.Admin.ID, 2, storetest.License(t, s, f.Organization).ID, "Another."
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateRequest(t.Context(), changed) })
		request.Version = 2
		wantEqual(t, "request", must[portal.Request](t)(s.Request(t.Context(), request.ID)), request)
	})
}

func TestOneRequestForAnApplicationAndLicenseIsPending(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		request := addRequest(t, s, f, func(*portal.Request) {})
		second := func(c *store.Change) error {
			_, err := c.InsertRequest(t.Context(), portal.Request{
				OrganizationID: f.Organization.ID, RequesterID: f.Admin.ID, ApplicationID: 1, LicenseID: f.License.ID, State: portal.RequestOpen,
			})
			return err
		}
		move := func(state portal.RequestState) {
			request.State = state
			storetest.Change(t, s, func(c *store.Change) error { return c.UpdateRequest(t.Context(), request) })
			request = must[portal.Request](t)(s.Request(t.Context(), request.ID))
		}
		for _, state := range portal.RequestStates {
			move(state)
			found, err := s.PendingRequest(t.Context(), 1, f.License.ID)
			if !state.Pending() {
				wantCode(t, string(state), err, portal.CodeNotFound)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, string(state), found, request)
			wantCode(t, "a second one when the first is "+string(state), change(t, s, second), portal.CodeConflict)
		}
		if err := change(t, s, second); err != nil {
			t.Errorf("a second one after the first: %v", err)
		}
		request.State = portal.RequestOpen
		wantCode(t, "taking the first up again", change(t, s, func(c *store.Change) error { return c.UpdateRequest(t.Context(), request) }), portal.CodeConflict)
		for what, at := range map[string][2]int64{"another application": {2, f.License.ID}, "another license": {1, f.License.ID + 1000}} {
			_, err := s.PendingRequest(t.Context(), at[0], at[1])
			wantCode(t, what, err, portal.CodeNotFound)
		}
	})
}

func TestPendingRequestsAreListedByAgeAndCountedByWhoHasToAct(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, elsewhere := storetest.NewFixture(t, s), storetest.NewFixtureOf(t, s, "elsewhere")
		of := func(f storetest.Fixture, application, requester int64, state portal.RequestState) portal.Request {
			return addRequest(t, s, f, func(x *portal.Request) { x.ApplicationID, x.RequesterID, x.State = application, requester, state })
		}
		open := of(f, 1, f.User.ID, portal.RequestOpen)
		for _, state := range portal.RequestStates[3:] {
			of(f, 2, f.User.ID, state)
		}
		asked := of(f, 3, f.User.ID, portal.RequestAsked)
		taken := of(f, 4, f.Admin.ID, portal.RequestTaken)
		of(f, f.Application.ID, f.Admin.ID, portal.RequestAsked)
		of(elsewhere, 1, f.User.ID, portal.RequestAsked)
		of(elsewhere, 2, f.User.ID, portal.RequestOpen)
		pending := must[[]portal.Request](t)(s.PendingRequests(t.Context(), f.Organization.ID))
		wantEqual(t, "the first three", pending[:3], []portal.Request{open, asked, taken})
		wantEqual(t, "pending", len(pending), 4)
		wantEqual(t, "for support", must[int](t)(s.OpenRequests(t.Context())), 3)
		wantEqual(t, "for their requester", must[int](t)(s.AskedRequests(t.Context(), f.Organization.ID, f.User.ID)), 1)
		wantEqual(t, "for nobody", must[int](t)(s.AskedRequests(t.Context(), elsewhere.Organization.ID, elsewhere.User.ID)), 0)
	})
}

func TestTheMessagesOfARequestAreListedByAge(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		nameless := storetest.User(t, s, func(u *portal.User) { u.FirstName, u.LastName = "", "" })
		request := addRequest(t, s, f, func(*portal.Request) {})
		other := addRequest(t, s, f, func(x *portal.Request) { x.ApplicationID = 2 })
		want := []portal.RequestMessage{
			{RequestID: request.ID, UserID: nameless.ID, UserName: nameless.Username, Text: "What for?\n– Support"},
			{RequestID: request.ID, UserID: f.User.ID, UserName: "Ada Lovelace", Text: "For phones."},
		}
		storetest.Change(t, s, func(c *store.Change) error {
			return c.InsertRequestMessage(t.Context(), portal.RequestMessage{RequestID: other.ID, UserID: f.User.ID, Text: "Another."})
		})
		for i := range want {
			want[i].CreatedAt = storetest.Of(s).Clock.Advance(time.Minute)
			storetest.Change(t, s, func(c *store.Change) error { return c.InsertRequestMessage(t.Context(), want[i]) })
		}
		got := must[[]portal.RequestMessage](t)(s.RequestMessages(t.Context(), request.ID))
		for i := range got {
			wantFilled(t, got[i])
			want[i].ID = got[i].ID
		}
		wantEqual(t, "messages", got, want)
		wantEqual(t, "of no request", len(must[[]portal.RequestMessage](t)(s.RequestMessages(t.Context(), other.ID+1000))), 0)
	})
}
