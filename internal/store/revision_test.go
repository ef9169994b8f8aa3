package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

var clerk = portal.Actor{UserID: 7, Username: "clerk", Name: "A Clerk", KeyID: 8, KeyName: "Clerk's key", Impersonator: portal.Impersonator{UserID: 9, Name: "An Impersonator"}, Address: "192.0.2.7"}

func wantUsers(t *testing.T, s *store.Store, want int) {
	t.Helper()
	page := must[portal.Page[portal.User]](t)(s.Users(t.Context(), portal.UserFilter{}))
	wantEqual(t, "users", len(page.Rows), want)
}

func wantLines(t *testing.T, s *store.Store, want int64) {
	t.Helper()
	wantEqual(t, "lines of the Revision History", must[portal.Head](t)(s.VerifyChain(t.Context())).Revision, want)
}

func TestARevisionIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		given := portal.Revision{
			OrganizationID: 10, Noun: portal.NounKey, NounID: 11, NounName: "Kéy <&>",
			UserID: 12, Action: "changed", Changes: []portal.ValueChange{{Name: "Name", Before: "\"a\" \u2028", After: "ש"}, {Name: "Enabled", After: "No"}},
		}
		if err := s.Change(t.Context(), clerk, func(c *store.Change) error { return c.Record(t.Context(), given) }); err != nil {
			t.Fatal(err)
		}
		want := given
		want.ImpersonatorID, want.ImpersonatorName = clerk.Impersonator.UserID, clerk.Impersonator.Name
		want.ID, want.At, want.ActorID, want.ActorName, want.KeyID, want.KeyName, want.Address = 1, s.Now(), clerk.UserID, clerk.Name, clerk.KeyID, clerk.KeyName, clerk.Address
		of := revisions(t, s, portal.RevisionFilter{Noun: portal.NounKey, NounID: 11})
		want.MAC = of[0].MAC
		wantFilled(t, want)
		wantEqual(t, "of the thing", of, []portal.Revision{want})
		wantEqual(t, "about the user", revisions(t, s, portal.RevisionFilter{UserID: 12}), []portal.Revision{want})
		wantLines(t, s, 1)
	})
}

// revisions gives all lines of a filter.
func revisions(t *testing.T, s *store.Store, filter portal.RevisionFilter) []portal.Revision {
	t.Helper()
	filter.Limit = 1000
	return must[portal.Page[portal.Revision]](t)(s.Revisions(t.Context(), filter)).Rows
}

// lineIDs gives the numbers of the lines of a filter, gone through in pages of a few.
func lineIDs(t *testing.T, s *store.Store, filter portal.RevisionFilter) []int64 {
	t.Helper()
	list := sortedList[portal.Revision]{id: func(r portal.Revision) int64 { return r.ID }, list: func(ctx context.Context, list portal.List) (portal.Page[portal.Revision], error) {
		filter.List = list
		return s.Revisions(ctx, filter)
	}}
	return list.ids(list.walk(t, portal.List{Limit: 3, Sort: portal.Sort{By: "noun"}}))
}

// record adds a line about nothing in particular.
func record(t *testing.T, s *store.Store, actor portal.Actor, line portal.Revision) {
	t.Helper()
	if err := s.Change(t.Context(), actor, func(c *store.Change) error { return c.Record(t.Context(), line) }); err != nil {
		t.Fatal(err)
	}
}

func TestEachFilterOfTheHistoryLeavesWhatItIsFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user := storetest.User(t, s) // line 1
		by := map[bool]portal.Actor{true: {UserID: user.ID, Name: "By key", KeyID: 5, KeyName: "Integration"}, false: clerk}
		clock := storetest.Of(s).Clock
		began := s.Now()
		var lines []portal.Revision
		for i := range int64(60) {
			clock.Advance(24 * time.Hour)
			line := portal.Revision{Noun: []portal.Noun{portal.NounKey, portal.NounRole}[i%2], NounID: 1 + i%3, UserID: i % 5, OrganizationID: i % 4, Action: "edited"}
			if i == 31 {
				line.Action = portal.ActionDeleted // of role 2
			}
			record(t, s, by[i%7 == 0], line)
			line.ID, line.At, line.ActorID, line.KeyID = 2+i, s.Now(), by[i%7 == 0].UserID, by[i%7 == 0].KeyID
			lines = append(lines, line)
		}
		day := func(n int) time.Time { return began.Add(time.Duration(n) * 24 * time.Hour) }
		for what, test := range map[string]struct {
			filter portal.RevisionFilter
			kept   func(portal.Revision) bool
		}{
			"an organization":            {portal.RevisionFilter{Organizations: []int64{3}}, func(r portal.Revision) bool { return r.OrganizationID == 3 }},
			"organizations":              {portal.RevisionFilter{Organizations: []int64{1, 3}}, func(r portal.Revision) bool { return r.OrganizationID%2 == 1 }},
			"kind, everywhere":           {portal.RevisionFilter{Noun: portal.NounKey}, func(r portal.Revision) bool { return r.Noun == portal.NounKey }},
			"kind in an organization":    {portal.RevisionFilter{Noun: portal.NounKey, Organizations: []int64{2}}, func(r portal.Revision) bool { return r.Noun == portal.NounKey && r.OrganizationID == 2 }},
			"a thing":                    {portal.RevisionFilter{Noun: portal.NounKey, NounID: 2}, func(r portal.Revision) bool { return r.Noun == portal.NounKey && r.NounID == 2 }},
			"a thing with a number anew": {portal.RevisionFilter{Noun: portal.NounRole, NounID: 2}, func(r portal.Revision) bool { return r.Noun == portal.NounRole && r.NounID == 2 && r.ID > 33 }},
			"about a user":               {portal.RevisionFilter{UserID: 4}, func(r portal.Revision) bool { return r.UserID == 4 }},
			"about a user, here":         {portal.RevisionFilter{UserID: 4, Organizations: []int64{0, 1}}, func(r portal.Revision) bool { return r.UserID == 4 && r.OrganizationID <= 1 }},
			"who":                        {portal.RevisionFilter{Actor: strings.ToUpper(user.Username)}, func(r portal.Revision) bool { return r.ActorID == user.ID }},
			"who, and what":              {portal.RevisionFilter{Actor: user.Username, Noun: portal.NounRole}, func(r portal.Revision) bool { return r.ActorID == user.ID && r.Noun == portal.NounRole }},
			"somebody unknown":           {portal.RevisionFilter{Actor: "nobody"}, func(portal.Revision) bool { return false }},
			"through a key":              {portal.RevisionFilter{KeyID: 5}, func(r portal.Revision) bool { return r.KeyID == 5 }},
			"through a key, here":        {portal.RevisionFilter{KeyID: 5, Organizations: []int64{1}}, func(r portal.Revision) bool { return r.KeyID == 5 && r.OrganizationID == 1 }},
			"since":                      {portal.RevisionFilter{Since: day(40)}, func(r portal.Revision) bool { return !r.At.Before(day(40)) }},
			"until":                      {portal.RevisionFilter{Until: day(20)}, func(r portal.Revision) bool { return r.At.Before(day(20)) && r.ID > 1 || r.ID == 1 }},
			"between, of all filters some": {portal.RevisionFilter{Since: day(10), Until: day(50), Organizations: []int64{1}, Noun: portal.NounRole}, func(r portal.Revision) bool {
				return !r.At.Before(day(10)) && r.At.Before(day(50)) && r.OrganizationID == 1
			}},
			"in the future": {portal.RevisionFilter{Since: day(100)}, func(portal.Revision) bool { return false }},
			"before all":    {portal.RevisionFilter{Until: day(-1)}, func(portal.Revision) bool { return false }},
		} {
			var want []int64
			for _, line := range slices.Backward(lines) {
				if test.kept(line) {
					want = append(want, line.ID)
				}
			}
			if what == "until" {
				want = append(want, 1) // the user's
			}
			wantEqual(t, what, lineIDs(t, s, test.filter), want)
		}
	})
}

// The clocks of replicas differ by some seconds.
func TestLinesThatAreOutOfOrderByTheirClocksAreFoundByTheirDates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := storetest.Of(s).Clock
		noon := s.Now()
		for _, offset := range []time.Duration{-50 * time.Minute, 0, -30 * time.Minute, 5 * time.Minute, -time.Second, 40 * time.Minute, time.Second, 3 * time.Hour} {
			clock.Advance(noon.Add(offset).Sub(s.Now()))
			record(t, s, clerk, portal.Revision{Noun: portal.NounKey})
		}
		wantEqual(t, "since noon", lineIDs(t, s, portal.RevisionFilter{Since: noon}), []int64{8, 7, 6, 4, 2})
		wantEqual(t, "until noon", lineIDs(t, s, portal.RevisionFilter{Until: noon}), []int64{5, 3, 1})
		wantEqual(t, "within ten minutes", lineIDs(t, s, portal.RevisionFilter{Since: noon, Until: noon.Add(10 * time.Minute)}), []int64{7, 4, 2})
	})
}

func TestPagesOfTheHistoryHaveNoGapsAndNothingTwiceWhileNewLinesComeIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for range 20 {
			record(t, s, clerk, portal.Revision{Noun: portal.NounKey, OrganizationID: 1})
		}
		var seen []int64
		filter := portal.RevisionFilter{Organizations: []int64{1}, List: portal.List{Limit: 3}}
		for {
			found := must[portal.Page[portal.Revision]](t)(s.Revisions(t.Context(), filter))
			for _, line := range found.Rows {
				seen = append(seen, line.ID)
			}
			record(t, s, clerk, portal.Revision{Noun: portal.NounKey, OrganizationID: 1})
			if filter.After = found.Next; filter.After == "" {
				break
			}
		}
		want := make([]int64, 20)
		for i := range want {
			want[i] = int64(20 - i)
		}
		wantEqual(t, "lines", seen, want)
		filter.After = "junk"
		_, err := s.Revisions(t.Context(), filter)
		wantCode(t, "a page that is not known", err, portal.CodeInvalid)
	})
}

func TestAChangeAndItsRevisionsCommitTogetherOrNotAtAll(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		insert := func(c *store.Change, name string) error {
			_, err := c.InsertUser(t.Context(), portal.User{Username: name})
			return errors.Join(err, c.Record(t.Context(), portal.Revision{Noun: portal.NounUser, NounName: name}))
		}
		failed := errors.New("failed")
		err := s.Change(t.Context(), clerk, func(c *store.Change) error { return errors.Join(insert(c, "a"), failed) })
		if !errors.Is(err, failed) {
			t.Errorf("the error is %v", err)
		}
		wantUsers(t, s, 0)
		wantLines(t, s, 0)

		err = s.Change(t.Context(), clerk, func(c *store.Change) error {
			_, err := c.InsertUser(t.Context(), portal.User{Username: "b"})
			return err
		})
		if err == nil || portal.CodeOf(err) != portal.CodeInternal {
			t.Errorf("a change without a revision: %v", err)
		}
		wantUsers(t, s, 0)

		func() {
			defer func() { wantEqual(t, "panic", fmt.Sprint(recover()), "a fault") }()
			s.Change(t.Context(), clerk, func(c *store.Change) error {
				if err := insert(c, "c"); err != nil {
					return err
				}
				panic("a fault")
			})
		}()
		wantUsers(t, s, 0)
		wantLines(t, s, 0)

		if err := s.Change(t.Context(), clerk, func(c *store.Change) error { return errors.Join(insert(c, "d"), insert(c, "e")) }); err != nil {
			t.Fatal(err)
		}
		wantUsers(t, s, 2)
		wantLines(t, s, 2)
	})
}

func TestAnUpdateCommitsAsAWholeOrNotAtAll(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		failed := errors.New("failed")
		count := func(u *store.Update) error { return u.Fail(t.Context(), "ada", time.Time{}) }
		if err := s.Update(t.Context(), func(u *store.Update) error { return errors.Join(count(u), failed) }); !errors.Is(err, failed) {
			t.Errorf("the error is %v", err)
		}
		func() {
			defer func() { recover() }()
			s.Update(t.Context(), func(u *store.Update) error { panic(count(u)) })
		}()
		wantThrottle(t, s, "ada", store.Throttle{})
		update(t, s, count)
		wantThrottle(t, s, "ada", store.Throttle{Failures: 1, FailedAt: s.Now()})
	})
}

func TestATransactionHasOneInstant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := storetest.Of(s).Clock
		storetest.Change(t, s, func(c *store.Change) error {
			began := c.Now()
			clock.Advance(time.Hour)
			user, err := c.InsertUser(t.Context(), portal.User{Username: "a"})
			wantEqual(t, "created", user.CreatedAt, began)
			return err
		})
	})
}

func TestAChangeReadsWhatItWroteAndOthersDoNotYet(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		storetest.Change(t, s, func(c *store.Change) error {
			user, err := c.InsertUser(t.Context(), portal.User{Username: "a"})
			if err != nil {
				return err
			}
			must[portal.User](t)(c.User(t.Context(), user.ID))
			_, err = s.User(t.Context(), user.ID)
			wantCode(t, "reading beside the change", err, portal.CodeNotFound)
			return nil
		})
	})
}

func TestChangesHappenOneAfterTheOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		organization := storetest.Organization(t, s, func(o *portal.Organization) { o.ExpiryMaxDays = 0 })
		other := storetest.Open(t, storetest.Of(s).URL) // another replica
		stores := make(chan *store.Store, 40)
		for range 20 {
			stores <- s
			stores <- other
		}
		for _, err := range inParallel(40, func() error {
			s := <-stores
			return change(t, s, func(c *store.Change) error {
				o, err := c.Organization(context.Background(), organization.ID)
				if err != nil {
					return err
				}
				o.ExpiryMaxDays++
				return c.UpdateOrganization(context.Background(), o)
			})
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		wantEqual(t, "changes", must[portal.Organization](t)(s.Organization(t.Context(), organization.ID)).ExpiryMaxDays, 40)
		wantLines(t, s, 41)
	})
}

func TestWhatTheProgramDidIsFoundAsTheCommandLines(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s) // made by the program
		if err := s.Change(t.Context(), portal.Actor{UserID: f.User.ID, Name: "Ada"}, func(c *store.Change) error {
			return c.Record(t.Context(), portal.Revision{Noun: portal.NounRole, Action: "edited"})
		}); err != nil {
			t.Fatal(err)
		}
		all := must[portal.Page[portal.Revision]](t)(s.Revisions(t.Context(), portal.RevisionFilter{})).Rows
		found := must[portal.Page[portal.Revision]](t)(s.Revisions(t.Context(), portal.RevisionFilter{Actor: "Command Line"})).Rows
		if len(found) != len(all)-1 || found[0].ActorID != 0 {
			t.Errorf("of %d lines %d are found, the first by %d", len(all), len(found), found[0].ActorID)
		}
	})
}
