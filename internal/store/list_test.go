package store_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// sortedList is a list with what each of its sorts goes by.
type sortedList[T any] struct {
	list  func(context.Context, portal.List) (portal.Page[T], error)
	id    func(T) int64
	sorts map[string]func(T) string
}

// wantSorted walks the list in every order and with pages of several sizes,
// and compares it with all rows put in order here.
func (l sortedList[T]) wantSorted(t *testing.T, rows []T) {
	t.Helper()
	for by, text := range l.sorts {
		for _, desc := range []bool{false, true} {
			want := slices.SortedFunc(slices.Values(rows), func(a, b T) int {
				order := cmp.Or(strings.Compare(text(a), text(b)), cmp.Compare(l.id(a), l.id(b)))
				if desc {
					return -order
				}
				return order
			})
			for _, limit := range []int{1, 7, len(rows) - 1, len(rows), 0} {
				got := l.walk(t, portal.List{Sort: portal.Sort{By: by, Desc: desc}, Limit: limit})
				wantEqual(t, fmt.Sprintf("by %q, descending %v, %d a page", by, desc, limit), l.ids(got), l.ids(want))
			}
		}
	}
}

func (l sortedList[T]) walk(t *testing.T, list portal.List) (rows []T) {
	t.Helper()
	limit := cmp.Or(list.Limit, portal.PageSize)
	for len(rows) < 1000 {
		page := must[portal.Page[T]](t)(l.list(t.Context(), list))
		rows = append(rows, page.Rows...)
		if page.Next == "" {
			return rows
		}
		if len(page.Rows) != limit {
			t.Fatalf("a page that is not the last has %d rows, want %d", len(page.Rows), limit)
		}
		list.After = page.Next
	}
	t.Fatal("the pages have no end")
	return nil
}

func (l sortedList[T]) ids(rows []T) (ids []int64) {
	for _, row := range rows {
		ids = append(ids, l.id(row))
	}
	return ids
}

var manyNames = []string{"", "ada", "Ada", "ÁDA", "ádb", "Zoë", "zoe", "Ōta", "שרה", "_", "%"}

func TestUsersAreListedInEveryOrderPageByPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var users []portal.User
		storetest.Change(t, s, func(c *store.Change) error {
			for i := range 60 {
				name := func(step int) string { return manyNames[i*step%len(manyNames)] }
				user, err := c.InsertUser(t.Context(), portal.User{
					Username: fmt.Sprintf("%c%d", "aBcD"[i%4], i), FirstName: name(1), LastName: name(3), Email: name(5),
					Enabled: i%2 == 0, Locked: i%3 == 0, PasswordExpired: i%5 == 0,
				})
				if err != nil {
					return err
				}
				users = append(users, user)
			}
			return nil
		})
		list := sortedList[portal.User]{
			list: func(ctx context.Context, list portal.List) (portal.Page[portal.User], error) {
				return s.Users(ctx, portal.UserFilter{List: list})
			},
			id: func(u portal.User) int64 { return u.ID },
			sorts: map[string]func(portal.User) string{
				"":                 func(u portal.User) string { return portal.Fold(u.Username) },
				"username":         func(u portal.User) string { return portal.Fold(u.Username) },
				"first_name":       func(u portal.User) string { return portal.Fold(u.FirstName) },
				"last_name":        func(u portal.User) string { return portal.Fold(u.LastName) },
				"email":            func(u portal.User) string { return portal.Fold(u.Email) },
				"enabled":          func(u portal.User) string { return fmt.Sprint(u.Enabled) },
				"locked":           func(u portal.User) string { return fmt.Sprint(u.Locked) },
				"expired":          func(u portal.User) string { return fmt.Sprint(u.PasswordExpired) },
				"id; DROP TABLE x": func(u portal.User) string { return portal.Fold(u.Username) },
			},
		}
		list.wantSorted(t, users)
	})
}

func TestOrganizationsAreListedInEveryOrderPageByPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var organizations []portal.OrganizationSummary
		for i := range 20 {
			organizations = append(organizations, portal.OrganizationSummary{Organization: storetest.Organization(t, s, func(o *portal.Organization) {
				o.Name, o.LevelID = fmt.Sprintf("%s %d", manyNames[i%len(manyNames)], i), int64(i%3)+1
			})})
		}
		list := sortedList[portal.OrganizationSummary]{
			list: s.OrganizationSummaries,
			id:   func(o portal.OrganizationSummary) int64 { return o.ID },
			sorts: map[string]func(portal.OrganizationSummary) string{
				"":      func(o portal.OrganizationSummary) string { return portal.Fold(o.Name) },
				"name":  func(o portal.OrganizationSummary) string { return portal.Fold(o.Name) },
				"level": func(o portal.OrganizationSummary) string { return o.LevelName },
			},
		}
		list.wantSorted(t, organizations)
		for search, want := range map[string]int{"": 20, "ÁD": 4, "zo 6": 2, "%": 1, "_": 1, `\`: 0, "שרה": 2} {
			got := list.walk(t, portal.List{Search: search, Limit: 3})
			wantEqual(t, "found by "+search, len(got), want)
		}
	})
}

func TestKeysAreListedInEveryOrderPageByPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		members := []portal.Membership{f.Membership, storetest.Member(t, s, f.Organization, storetest.User(t, s))}
		elsewhere := storetest.Member(t, s, storetest.Organization(t, s), f.User)
		clock := storetest.Of(s).Clock
		for i := range 30 {
			storetest.Key(t, s, members[i%2], func(k *portal.Key) {
				k.Name = fmt.Sprintf("%s %d", manyNames[i/2%len(manyNames)], i/2) // of both users
				k.ExpiresAt = []time.Time{{}, s.Now(), s.Now().Add(time.Hour)}[i%3]
				k.RevokedAt = []time.Time{{}, s.Now()}[i/22]
			})
			if i%4 == 0 {
				clock.Advance(time.Microsecond)
			}
		}
		storetest.Key(t, s, elsewhere)
		use(t, s, f.Organization.ID)

		list := sortedList[portal.Key]{
			list: func(ctx context.Context, list portal.List) (portal.Page[portal.Key], error) {
				return s.Keys(ctx, portal.KeyFilter{List: list, OrganizationID: f.Organization.ID})
			},
			id: func(k portal.Key) int64 { return k.ID },
			sorts: map[string]func(portal.Key) string{
				"":          func(k portal.Key) string { return portal.Fold(k.Name) },
				"name":      func(k portal.Key) string { return portal.Fold(k.Name) },
				"user":      func(k portal.Key) string { return portal.Fold(k.Username) },
				"expires":   func(k portal.Key) string { return sortable(k.ExpiresAt) },
				"created":   func(k portal.Key) string { return sortable(k.CreatedAt) },
				"last_used": func(k portal.Key) string { return sortable(k.LastUsedAt) },
			},
		}
		var keys []portal.Key
		for id := f.Key.ID; id < f.Key.ID+31; id++ {
			keys = append(keys, must[portal.Key](t)(s.Key(t.Context(), id)))
		}
		list.wantSorted(t, keys)
		page := must[portal.Page[portal.Key]](t)(list.list(t.Context(), portal.List{Limit: 31}))
		for _, key := range page.Rows {
			wantEqual(t, "a key in the list", key, keys[key.ID-f.Key.ID])
		}
	})
}

func sortable(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return fmt.Sprint(at.UnixMicro())
}

// use uses every third key of an organization.
func use(t *testing.T, s *store.Store, organization int64) {
	t.Helper()
	page := must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), portal.KeyFilter{OrganizationID: organization}))
	var uses []store.Use
	for i, key := range page.Rows {
		if i%3 == 0 {
			secret := must[[]portal.Secret](t)(s.Secrets(t.Context(), key.ID))[0]
			uses = append(uses, store.Use{SecretID: secret.ID, KeyID: key.ID, OrganizationID: key.OrganizationID, UsedAt: s.Now().Add(time.Duration(i%2) * time.Minute), UsedFrom: "192.0.2.1"})
		}
	}
	update(t, s, func(u *store.Update) error { return u.AddUses(t.Context(), uses, nil, nil) })
}

func TestKeysAreFilteredByWhoseTheyAreWhatTheyReachAndTheirState(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s) // Key is active and granted Billing and Revenue
		now := s.Now()
		add := func(m portal.Membership, edit func(*portal.Key)) int64 {
			key, _ := storetest.Key(t, s, m, edit)
			return key.ID
		}
		grace := storetest.Member(t, s, f.Organization, storetest.User(t, s))
		elsewhere := storetest.Member(t, s, storetest.Organization(t, s), f.User)
		disabled := add(f.Membership, func(k *portal.Key) { k.Enabled, k.ExpiresAt = false, now.Add(-time.Hour) })
		expired := add(f.Membership, func(k *portal.Key) { k.ExpiresAt = now })
		revoked := add(f.Membership, func(k *portal.Key) { k.RevokedAt, k.Enabled = now, false })
		forever := add(grace, func(k *portal.Key) { k.ExpiresAt, k.APISets = time.Time{}, []portal.APISet{f.Dunning} })
		foreign := add(elsewhere, func(k *portal.Key) { k.APISets = []portal.APISet{f.Dunning} })
		elsewhere.EndedAt = now
		storetest.SaveMembership(t, s, elsewhere)
		impersonates := func(edit func(*portal.Key)) func(*portal.Key) {
			return func(k *portal.Key) { k.CanImpersonate, k.APISets = true, nil; edit(k) }
		}
		acting := add(elsewhere, impersonates(func(k *portal.Key) { k.Enabled = false }))
		acted := add(grace, impersonates(func(k *portal.Key) { k.RevokedAt = now }))

		for _, test := range []struct {
			filter portal.KeyFilter
			want   []int64
		}{
			{portal.KeyFilter{}, []int64{f.Key.ID, disabled, expired, revoked, forever, foreign, acting, acted}},
			{portal.KeyFilter{OrganizationID: f.Organization.ID}, []int64{f.Key.ID, disabled, expired, revoked, forever, acted}},
			{portal.KeyFilter{CanImpersonate: true}, []int64{acting, acted}},
			{portal.KeyFilter{CanImpersonate: true, Live: true}, []int64{acting}},
			{portal.KeyFilter{CanImpersonate: true, OrganizationID: f.Organization.ID}, []int64{acted}},
			{portal.KeyFilter{UserID: f.User.ID}, []int64{f.Key.ID, disabled, expired, revoked, foreign, acting}},
			{portal.KeyFilter{UserID: f.User.ID, MembersOnly: true}, []int64{f.Key.ID, disabled, expired, revoked}},
			{portal.KeyFilter{OrganizationID: f.Organization.ID, UserID: grace.UserID}, []int64{forever, acted}},
			{portal.KeyFilter{APISetID: f.Dunning.ID}, []int64{forever, foreign}},
			{portal.KeyFilter{APISetID: f.Revenue.ID}, []int64{f.Key.ID}},
			{portal.KeyFilter{State: portal.KeyActive}, []int64{f.Key.ID, forever, foreign}},
			{portal.KeyFilter{State: portal.KeyExpired}, []int64{expired}},
			{portal.KeyFilter{State: portal.KeyDisabled}, []int64{disabled, acting}},
			{portal.KeyFilter{State: portal.KeyRevoked}, []int64{revoked, acted}},
			{portal.KeyFilter{State: portal.KeyActive, OrganizationID: f.Organization.ID, APISetID: f.Dunning.ID}, []int64{forever}},
		} {
			test.filter.Sort.By = "created"
			page := must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), test.filter))
			wantEqual(t, fmt.Sprintf("%+v", test.filter), keyIDs(page.Rows), test.want)
			for _, key := range page.Rows {
				if test.filter.State != "" && key.State(now) != test.filter.State {
					t.Errorf("key %d is %s in the list of %s", key.ID, key.State(now), test.filter.State)
				}
			}
		}
	})
}

func TestUsersAreFilteredByStateAndOrganization(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		off := storetest.User(t, s, func(u *portal.User) { u.Enabled, u.Locked, u.PasswordExpired = false, true, true })
		left := storetest.Member(t, s, f.Organization, off)
		left.EndedAt = s.Now()
		storetest.SaveMembership(t, s, left)
		yes, no := true, false
		for _, test := range []struct {
			filter portal.UserFilter
			want   []int64
		}{
			{portal.UserFilter{}, []int64{f.SuperAdmin.ID, f.User.ID, f.Admin.ID, off.ID}},
			{portal.UserFilter{OrganizationID: f.Organization.ID}, []int64{f.User.ID, f.Admin.ID}},
			{portal.UserFilter{Enabled: &no}, []int64{off.ID}},
			{portal.UserFilter{Locked: &yes}, []int64{off.ID}},
			{portal.UserFilter{Expired: &yes, Enabled: &no}, []int64{off.ID}},
			{portal.UserFilter{Expired: &yes, Enabled: &yes}, nil},
			{portal.UserFilter{Locked: &no, OrganizationID: f.Organization.ID}, []int64{f.User.ID, f.Admin.ID}},
		} {
			var got []int64
			for _, user := range must[portal.Page[portal.User]](t)(s.Users(t.Context(), test.filter)).Rows {
				got = append(got, user.ID)
			}
			slices.Sort(got)
			wantEqual(t, fmt.Sprintf("%+v", test.filter), got, test.want)
		}
	})
}

func TestAPageThatIsNotKnownIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		storetest.User(t, s)
		for _, after := range []string{"x", "!", "e30", "WyIiLCJ4Il0", "bnVsbA=="} {
			_, err := s.Users(t.Context(), portal.UserFilter{List: portal.List{After: after}})
			wantCode(t, after, err, portal.CodeInvalid)
		}
		_, err := s.Users(t.Context(), portal.UserFilter{List: portal.List{After: "WyJcdTAwMDAiLDFd"}})
		if err != nil && portal.CodeOf(err) != portal.CodeInvalid {
			t.Errorf("a place that no text has: %v", err)
		}
	})
}

func TestRequestsAreListedInEveryOrderPageByPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		worlds := []storetest.Fixture{storetest.NewFixtureOf(t, s, "b"), storetest.NewFixtureOf(t, s, "a")}
		var requests []portal.Request
		for i := range 30 {
			f := worlds[i%2]
			state := portal.RequestStates[3+i%3]
			if i < 8 {
				state = portal.RequestStates[i%3]
			}
			requests = append(requests, addRequest(t, s, f, func(x *portal.Request) { x.ApplicationID, x.State = int64(i/2%4)+1, state }))
			if i%4 == 0 {
				storetest.Of(s).Clock.Advance(time.Microsecond)
			}
		}
		list := sortedList[portal.Request]{
			list: func(ctx context.Context, list portal.List) (portal.Page[portal.Request], error) {
				return s.Requests(ctx, portal.RequestFilter{List: list})
			},
			id: func(x portal.Request) int64 { return x.ID },
			sorts: map[string]func(portal.Request) string{
				"":            func(x portal.Request) string { return sortable(x.CreatedAt) },
				"created":     func(x portal.Request) string { return sortable(x.CreatedAt) },
				"client":      func(x portal.Request) string { return portal.Fold(x.OrganizationName) },
				"application": func(x portal.Request) string { return portal.Fold(x.ApplicationName) },
			},
		}
		list.wantSorted(t, requests)
		page := must[portal.Page[portal.Request]](t)(list.list(t.Context(), portal.List{Limit: 30}))
		for i, request := range page.Rows {
			wantEqual(t, "a request in the list", request, requests[i])
		}
		pending := list
		pending.list = func(ctx context.Context, list portal.List) (portal.Page[portal.Request], error) {
			return s.Requests(ctx, portal.RequestFilter{List: list, Pending: true})
		}
		pending.wantSorted(t, requests[:8])
	})
}

func TestRequestsAreFilteredByWhoseTheyAreWhoHasThemAndTheirState(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, elsewhere := storetest.NewFixture(t, s), storetest.NewFixtureOf(t, s, "elsewhere")
		support := storetest.Support(t, s)
		add := func(f storetest.Fixture, state portal.RequestState, edit func(*portal.Request)) int64 {
			return addRequest(t, s, f, func(x *portal.Request) {
				x.State = state
				edit(x)
			}).ID
		}
		plain := func(*portal.Request) {}
		open := add(f, portal.RequestOpen, plain)
		taken := add(f, portal.RequestTaken, func(x *portal.Request) { x.ApplicationID, x.AssigneeID = 2, support.ID })
		asked := add(f, portal.RequestAsked, func(x *portal.Request) { x.ApplicationID, x.RequesterID = 3, f.Admin.ID })
		approved := add(f, portal.RequestApproved, func(x *portal.Request) { x.AssigneeID = support.ID })
		declined := add(f, portal.RequestDeclined, plain)
		withdrawn := add(f, portal.RequestWithdrawn, plain)
		foreign := add(elsewhere, portal.RequestOpen, func(x *portal.Request) { x.RequesterID = f.User.ID })
		for _, test := range []struct {
			filter portal.RequestFilter
			want   []int64
		}{
			{portal.RequestFilter{}, []int64{open, taken, asked, approved, declined, withdrawn, foreign}},
			{portal.RequestFilter{OrganizationID: f.Organization.ID}, []int64{open, taken, asked, approved, declined, withdrawn}},
			{portal.RequestFilter{RequesterID: f.User.ID}, []int64{open, taken, approved, declined, withdrawn, foreign}},
			{portal.RequestFilter{OrganizationID: f.Organization.ID, RequesterID: f.Admin.ID}, []int64{asked}},
			{portal.RequestFilter{AssigneeID: support.ID}, []int64{taken, approved}},
			{portal.RequestFilter{AssigneeID: support.ID, Pending: true}, []int64{taken}},
			{portal.RequestFilter{Pending: true}, []int64{open, taken, asked, foreign}},
			{portal.RequestFilter{State: portal.RequestOpen}, []int64{open, foreign}},
			{portal.RequestFilter{State: portal.RequestTaken}, []int64{taken}},
			{portal.RequestFilter{State: portal.RequestAsked}, []int64{asked}},
			{portal.RequestFilter{State: portal.RequestApproved}, []int64{approved}},
			{portal.RequestFilter{State: portal.RequestDeclined}, []int64{declined}},
			{portal.RequestFilter{State: portal.RequestWithdrawn}, []int64{withdrawn}},
			{portal.RequestFilter{State: portal.RequestWithdrawn, Pending: true}, nil},
		} {
			page := must[portal.Page[portal.Request]](t)(s.Requests(t.Context(), test.filter))
			wantEqual(t, fmt.Sprintf("%+v", test.filter), requestIDs(page.Rows), test.want)
		}
	})
}

func TestRequestsAreFoundByClientRequesterApplicationAndLicense(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		client := storetest.Organization(t, s, func(o *portal.Organization) { o.Name = "Äpfel & Co" })
		grace := storetest.User(t, s, func(u *portal.User) { u.FirstName, u.Email = "Grace", "grace@navy.example" })
		storetest.Member(t, s, client, grace)
		license := storetest.License(t, s, client)
		addRequest(t, s, f, func(*portal.Request) {})
		found := addRequest(t, s, f, func(x *portal.Request) {
			x.OrganizationID, x.RequesterID, x.LicenseID, x.ApplicationID = client.ID, grace.ID, license.ID, 2
		})
		for _, search := range []string{"ÄPFEL", "grace", "@NAVY", grace.Username, "mobile app", license.Number, license.Number[4:] + " mobile äpfel"} {
			page := must[portal.Page[portal.Request]](t)(s.Requests(t.Context(), portal.RequestFilter{List: portal.List{Search: search}}))
			wantEqual(t, search, requestIDs(page.Rows), []int64{found.ID})
		}
		page := must[portal.Page[portal.Request]](t)(s.Requests(t.Context(), portal.RequestFilter{List: portal.List{Search: "to begin"}}))
		wantEqual(t, "by its reason", len(page.Rows), 0)
	})
}
