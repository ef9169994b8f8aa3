package store_test

import (
	"testing"

	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestSubject(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		subject, err := s.Subject(t.Context(), f.Secret.Hash())
		if err != nil || len(subject.APISets) != 1 || subject.APISets[0] != "billing" {
			t.Fatal(err, subject)
		}
		if _, err := s.VerifyChain(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
