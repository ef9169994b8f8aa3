package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

var clerk = portal.Actor{UserID: 7, Username: "clerk", Name: "A Clerk", KeyID: 8, KeyName: "Clerk's key", Address: "192.0.2.7"}

func wantUsers(t *testing.T, s *store.Store, want int) {
	t.Helper()
	page := must[portal.Page[portal.User]](t)(s.Users(t.Context(), portal.UserFilter{}))
	wantEqual(t, "users", len(page.Rows), want)
}

func wantLines(t *testing.T, s *store.Store, want int64) {
	t.Helper()
	wantEqual(t, "lines of the Revision History", must[int64](t)(s.VerifyChain(t.Context())), want)
}

func TestARevisionIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		given := portal.Revision{
			ImpersonatorID: 9, ImpersonatorName: "An Impersonator", OrganizationID: 10, Noun: portal.NounKey, NounID: 11, NounName: "Kéy <&>",
			UserID: 12, Action: "changed", Changes: []portal.ValueChange{{Name: "Name", Before: "\"a\" \u2028", After: "ש"}, {Name: "Enabled", After: "No"}},
		}
		if err := s.Change(t.Context(), clerk, func(c *store.Change) error { return c.Record(t.Context(), given) }); err != nil {
			t.Fatal(err)
		}
		want := given
		want.ID, want.At, want.ActorID, want.ActorName, want.KeyID, want.KeyName, want.Address = 1, s.Now(), clerk.UserID, clerk.Name, clerk.KeyID, clerk.KeyName, clerk.Address
		of := must[[]portal.Revision](t)(s.RevisionsOf(t.Context(), portal.NounKey, 11, 10))
		want.MAC = of[0].MAC
		wantFilled(t, want)
		wantEqual(t, "of the thing", of, []portal.Revision{want})
		wantEqual(t, "about the user", must[[]portal.Revision](t)(s.RevisionsAbout(t.Context(), 12, 0, 10)), []portal.Revision{want})
		wantLines(t, s, 1)
	})
}

func TestRevisionsAreListedTheNewestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i := range int64(12) {
			storetest.Change(t, s, func(c *store.Change) error {
				return c.Record(t.Context(), portal.Revision{Noun: []portal.Noun{portal.NounUser, portal.NounKey}[i%2], NounID: i % 3, UserID: i % 3, OrganizationID: i % 4})
			})
		}
		ids := func(revisions []portal.Revision, err error) (ids []int64) {
			t.Helper()
			for _, revision := range must[[]portal.Revision](t)(revisions, err) {
				ids = append(ids, revision.ID)
			}
			return ids
		}
		// Record wrote the odd lines, and storetest.Change the even ones.
		wantEqual(t, "of user 1", ids(s.RevisionsOf(t.Context(), portal.NounUser, 1, 10)), []int64{21, 9})
		wantEqual(t, "the last of user 1", ids(s.RevisionsOf(t.Context(), portal.NounUser, 1, 1)), []int64{21})
		wantEqual(t, "about user 1", ids(s.RevisionsAbout(t.Context(), 1, 0, 10)), []int64{21, 15, 9, 3})
		wantEqual(t, "about user 1 in organization 2 and the installation", ids(s.RevisionsAbout(t.Context(), 1, 2, 10)), []int64{21, 9})
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
