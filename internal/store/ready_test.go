package store_test

import (
	"strings"
	"testing"

	"keyportal/internal/store/storetest"
)

func TestOnlyACurrentSchemaIsReady(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		s := storetest.Open(t, url)
		if err := s.Ready(t.Context()); err == nil {
			t.Error("a database without a schema is ready")
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := storetest.SQL(t, s).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, $1)`, true); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "schema version 99") {
			t.Errorf("a newer schema is ready: %v", err)
		}
	})
}
