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
		_, err := s.Submission(t.Context(), user.ID, "form")
		wantCode(t, "before it is sent", err, portal.CodeNotFound)

		sent := store.Submission{UserID: user.ID, Token: "form", Fingerprint: []byte("what came with it"), Noun: portal.NounKey, NounID: 42}
		submit := func(sent store.Submission) func(*store.Update) error {
			return func(u *store.Update) error { return u.Submit(t.Context(), sent) }
		}
		update(t, s, submit(sent))
		update(t, s, submit(store.Submission{UserID: other.ID, Token: "form", Noun: portal.NounUser, NounID: 1}))
		wantEqual(t, "what was sent", must[store.Submission](t)(s.Submission(t.Context(), user.ID, "form")), sent)
		wantCode(t, "the second time", s.Update(t.Context(), submit(sent)), portal.CodeConflict)

		at := s.Now()
		update(t, s, func(u *store.Update) error { return u.ForgetSubmissionsBefore(t.Context(), at) })
		must[store.Submission](t)(s.Submission(t.Context(), user.ID, "form"))
		update(t, s, func(u *store.Update) error { return u.ForgetSubmissionsBefore(t.Context(), at.Add(time.Microsecond)) })
		_, err = s.Submission(t.Context(), user.ID, "form")
		wantCode(t, "when it is forgotten", err, portal.CodeNotFound)
	})
}

func TestOfManySubmissionsAtOnceOneIsTaken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		errs := inParallel(50, func() error {
			return change(t, s, func(c *store.Change) error {
				if err := c.Submit(t.Context(), store.Submission{UserID: f.User.ID, Token: "form", Noun: portal.NounApplication, NounID: 1}); err != nil {
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
