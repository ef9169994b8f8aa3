package store

import (
	"context"

	"keyportal/internal/portal"
)

const (
	warnOfHead  = "The Revision History does not end as it was written: the keyset is not the one that belongs to the database, or the database was changed from outside. Keys are checked, but nothing can be changed. Put the right keyset in place and start again; if it is the right one, run “keyportal audit verify”."
	warnOfIndex = "A search in API Keys goes through all keys: PostgreSQL's extension pg_trgm could not be made. Whoever may make extensions in the database does: CREATE EXTENSION pg_trgm; CREATE INDEX CONCURRENTLY keys_search ON keys USING gin (search gin_trgm_ops, user_search gin_trgm_ops);"
)

// Warnings gives sentences on what the operator should mend although the program works.
func (s *Store) Warnings(ctx context.Context) (found []string, err error) {
	end, err := s.sealedHead(ctx)
	if err != nil {
		return nil, err
	}
	if genuine, err := s.genuine(ctx, end, s.mac); err != nil {
		return nil, err
	} else if !genuine {
		found = append(found, warnOfHead)
	}
	if s.engine != enginePostgres {
		return found, nil
	}
	indexed, err := one(ctx, s.Queries, portal.NounInstallation, scalar[bool], `/* is the search indexed */ SELECT to_regclass('keys_search') IS NOT NULL`)
	if err == nil && !indexed {
		found = append(found, warnOfIndex)
	}
	return found, err
}
