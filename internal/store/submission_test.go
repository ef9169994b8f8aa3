package store_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAFormMakesOneThing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user, other := storetest.User(t, s), storetest.User(t, s)
		_, err := s.Submitted(t.Context(), user.ID, "form", portal.NounKey)
		wantCode(t, "before it is sent", err, portal.CodeNotFound)

		submit := func(user int64) func(*store.Update) error {
			return func(u *store.Update) error { return u.Submit(t.Context(), user, "form", portal.NounKey, 42) }
		}
		update(t, s, submit(user.ID))
		update(t, s, submit(other.ID))
		wantEqual(t, "what it made", must[int64](t)(s.Submitted(t.Context(), user.ID, "form", portal.NounKey)), 42)
		wantCode(t, "the second time", s.Update(t.Context(), submit(user.ID)), portal.CodeConflict)
		_, err = s.Submitted(t.Context(), user.ID, "form", portal.NounUser)
		wantCode(t, "for another noun", err, portal.CodeNotFound)

		sent := s.Now()
		update(t, s, func(u *store.Update) error { return u.ForgetSubmissionsBefore(t.Context(), sent) })
		must[int64](t)(s.Submitted(t.Context(), user.ID, "form", portal.NounKey))
		update(t, s, func(u *store.Update) error { return u.ForgetSubmissionsBefore(t.Context(), sent.Add(time.Microsecond)) })
		_, err = s.Submitted(t.Context(), user.ID, "form", portal.NounKey)
		wantCode(t, "when it is forgotten", err, portal.CodeNotFound)
	})
}

func TestOfManySubmissionsAtOnceOneIsTaken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		errs := inParallel(50, func() error {
			return change(t, s, func(c *store.Change) error {
				if err := c.Submit(t.Context(), f.User.ID, "form", portal.NounApplication, 1); err != nil {
					return err
				}
				_, err := c.InsertApplication(t.Context(), portal.Application{OrganizationID: f.Organization.ID, Name: "Once"})
				return err
			})
		})
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
			} else {
				wantCode(t, "submission", err, portal.CodeConflict)
			}
		}
		wantEqual(t, "submissions taken", taken, 1)
	})
}
