package store_test

import (
	"testing"

	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAFreshSchemaIsUpToDate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		migrated, err := s.Migrated(t.Context())
		if err != nil || !migrated {
			t.Errorf("Migrated() = %v, %v", migrated, err)
		}
	})
}
