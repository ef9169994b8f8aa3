package manage_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// modeledRequest is what a request is expected to be.
type modeledRequest struct {
	id, requester, application, assignee int64
	state                                portal.RequestState
	version                              int64
	messages                             int
	revoked                              bool // its key was, if it has one
}

// requestModel is what the requests for two applications are expected to be, and
// who acts on them.
type requestModel struct {
	w                               *world
	requesters, staff, applications []int64
	users                           map[int64]portal.User
	requests                        []*modeledRequest
}

func newRequestModel(w *world) *requestModel {
	m := &requestModel{w: w, users: map[int64]portal.User{}}
	add := func(user portal.User) int64 {
		m.users[user.ID] = user
		return user.ID
	}
	m.requesters = []int64{add(w.requester()), add(w.requester())}
	m.staff = []int64{add(storetest.Support(w.t, w.s)), add(w.SuperAdmin)}
	m.applications = []int64{w.application().ID, w.application().ID}
	add(w.Admin)
	return m
}

// standing finds the request for an application that is pending or has a live key.
func (m *requestModel) standing(application int64) *modeledRequest {
	for _, r := range m.requests {
		if r.application == application && (r.state.Pending() || r.state == portal.RequestApproved && !r.revoked) {
			return r
		}
	}
	return nil
}

func (m *requestModel) want(t *rapid.T, err error, code portal.Code) {
	if got := codeOf(err); got != code {
		t.Fatalf("the error is %v (%q), want one of code %q", err, got, code)
	}
}

func (m *requestModel) create(t *rapid.T) {
	by := rapid.SampledFrom(slices.Concat(m.requesters, m.staff)).Draw(t, "by")
	application := rapid.SampledFrom(m.applications).Draw(t, "application")
	want := allowed
	switch {
	case slices.Contains(m.staff, by):
		want = portal.CodeForbidden
	case m.standing(application) != nil:
		want = portal.CodeInvalid
	}
	made, err := m.w.m.CreateRequest(m.w.as(m.users[by]), m.w.newRequest(portal.Application{ID: application}))
	m.want(t, err, want)
	if err == nil {
		m.requests = append(m.requests, &modeledRequest{id: made.ID, requester: by, application: application, state: portal.RequestOpen, version: 1})
	}
}

// act does one of the actions with one of the requests, with a form that is fresh,
// stale, or has no version.
func (m *requestModel) act(t *rapid.T) {
	if len(m.requests) == 0 {
		return
	}
	r := rapid.SampledFrom(m.requests).Draw(t, "request")
	by := rapid.SampledFrom(slices.Sorted(maps.Keys(m.users))).Draw(t, "by")
	action := rapid.SampledFrom(slices.Sorted(maps.Keys(requestActions))).Draw(t, "action")
	version := rapid.SampledFrom([]int64{0, r.version, r.version - 1}).Draw(t, "version")
	decides, own := slices.Contains(m.staff, by), by == r.requester
	want := allowed
	switch {
	case !decides && !own && by != m.w.Admin.ID:
		want = portal.CodeNotFound
	case !r.state.Pending():
		want = portal.CodeConflict
	case action == "withdraw":
		if !own && by != m.w.Admin.ID {
			want = portal.CodeForbidden
		}
	case action == "answer" && !own, action != "answer" && !decides:
		want = portal.CodeForbidden
	case action == "take" && r.assignee == by:
	case version != r.version:
		want = portal.CodeConflict
	}
	m.want(t, requestActions[action](m.w, m.w.as(m.users[by]), r.id, version), want)
	if want == allowed {
		r.done(action, by)
	}
}

// done tells the model that an action was done.
func (r *modeledRequest) done(action string, by int64) {
	if action == "take" && r.assignee == by {
		return
	}
	r.version++
	if !byRequesterAlone(action) {
		r.assignee = by
	}
	switch action {
	case "take":
		if r.state == portal.RequestOpen {
			r.state = portal.RequestTaken
		}
	case "ask":
		r.state = portal.RequestAsked
		r.messages++
	case "answer":
		if r.state == portal.RequestAsked {
			r.state = portal.RequestTaken
		}
		r.messages++
	default:
		r.state = map[string]portal.RequestState{"approve": portal.RequestApproved, "decline": portal.RequestDeclined, "withdraw": portal.RequestWithdrawn}[action]
	}
}

func (m *requestModel) revoke(t *rapid.T) {
	for _, r := range m.requests {
		if r.state == portal.RequestApproved && !r.revoked && rapid.Bool().Draw(t, fmt.Sprint("revoke the key of ", r.id)) {
			m.want(t, m.w.m.RevokeKey(m.w.as(m.w.Admin), m.w.requestOf(r.id).KeyID, fmt.Sprint("Key ", r.id)), allowed)
			r.revoked = true
		}
	}
}

func (m *requestModel) check(t *rapid.T) {
	for _, r := range m.requests {
		is := m.w.requestOf(r.id)
		got := modeledRequest{is.ID, is.RequesterID, is.ApplicationID, is.AssigneeID, is.State, is.Version, len(must(m.w.s.RequestMessages(m.w.t.Context(), r.id))(m.w.t)), false}
		if is.KeyID != 0 {
			key := m.w.key(is.KeyID)
			got.revoked = key.Revoked()
			if key.UserID != r.requester || key.ApplicationID != r.application || key.LicenseID != m.w.License.ID || key.Masked != "" {
				t.Fatalf("the key of request %d is %+v", r.id, key)
			}
		}
		if got != *r || (is.KeyID != 0) != (r.state == portal.RequestApproved) || is.DecidedAt.IsZero() != r.state.Pending() {
			t.Fatalf("the request is %+v, want %+v", is, *r)
		}
	}
	for _, application := range m.applications {
		pending := must(m.w.m.PendingRequestFor(m.w.as(m.w.Admin), application, m.w.License.ID))(m.w.t)
		live := must(m.w.m.LiveKeyFor(m.w.as(m.w.Admin), application, m.w.License.ID))(m.w.t)
		standing := m.standing(application)
		if isPending := standing != nil && standing.state.Pending(); isPending != (pending.ID != 0) || isPending && pending.ID != standing.id {
			t.Fatalf("of the application %d the request %d is pending, want %+v", application, pending.ID, standing)
		}
		if hasKey := standing != nil && !standing.state.Pending(); hasKey != (live.ID != 0) {
			t.Fatalf("the application %d has the key %d, want %+v", application, live.ID, standing)
		}
	}
}

func TestWhoeverActsOnRequestsTheyAreInOneStateEach(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rapid.Check(t, func(rt *rapid.T) {
			m := newRequestModel(w)
			rt.Repeat(map[string]func(*rapid.T){"create": m.create, "act": m.act, "act again": m.act, "act once more": m.act, "revoke": m.revoke, "": m.check})
		})
	})
}
