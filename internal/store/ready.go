package store

import (
	"context"
	"fmt"

	"keyportal/internal/portal"
)

// Ready tells in its error why the database can't be worked with now: it does
// not answer, or its schema is not the one that this program needs. Unlike
// Migrated it takes no lock, so it can be asked as often as one likes.
func (s *Store) Ready(ctx context.Context) error {
	version, err := s.schemaVersion(ctx)
	if err == nil && version != newestVersion {
		return fmt.Errorf("the database has schema version %d and this program needs %d", version, newestVersion)
	}
	return err
}

func (q Queries) schemaVersion(ctx context.Context) (int64, error) {
	return one(ctx, q, portal.NounInstallation, scalar[int64], `/* schema version */ SELECT max(version_id) FROM goose_db_version WHERE is_applied`)
}
