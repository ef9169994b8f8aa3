package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"keyportal/internal/portal"
)

// Use is what the check saw of a secret since it last wrote it down.
type Use struct {
	SecretID       int64
	KeyID          int64
	OrganizationID int64
	UsedAt         time.Time // when it was last accepted
	UsedFrom       string
}

// AddUses writes down what the check saw. Last use and last refusal only ever
// move forward, in whatever order replicas write. All replicas take rows in the
// same order, so that none waits for another in a circle.
func (u *Update) AddUses(ctx context.Context, uses []Use, tallies []portal.Tally, refusals []portal.Refusal) error {
	uses = slices.SortedFunc(slices.Values(uses), func(a, b Use) int { return cmp.Compare(a.SecretID, b.SecretID) })
	tallies = slices.SortedFunc(slices.Values(tallies), func(a, b portal.Tally) int {
		return cmp.Or(cmp.Compare(a.KeyID, b.KeyID), cmp.Compare(a.Day, b.Day))
	})
	refusals = slices.SortedFunc(slices.Values(refusals), func(a, b portal.Refusal) int {
		return cmp.Or(cmp.Compare(a.KeyID, b.KeyID), cmp.Compare(a.Code, b.Code))
	})
	for _, use := range uses {
		if err := u.exec(ctx, `/* put last use */ INSERT INTO secret_uses AS t (secret_id, key_id, used_at, used_from) VALUES ($1, $2, $3, $4)
			ON CONFLICT (secret_id) DO UPDATE SET used_at = excluded.used_at, used_from = excluded.used_from WHERE t.used_at < excluded.used_at`,
			use.SecretID, use.KeyID, at(use.UsedAt), use.UsedFrom); err != nil {
			return err
		}
	}
	latest := lastUses(uses)
	for _, organization := range slices.Sorted(maps.Keys(latest)) {
		if err := u.exec(ctx, `/* put last use in an organization */ INSERT INTO organization_uses AS t (organization_id, used_at) VALUES ($1, $2)
			ON CONFLICT (organization_id) DO UPDATE SET used_at = excluded.used_at WHERE t.used_at < excluded.used_at`, organization, at(latest[organization])); err != nil {
			return err
		}
	}
	for _, tally := range tallies {
		if err := u.exec(ctx, `/* add to a key's day */ INSERT INTO key_days AS t (key_id, day, accepted, refused) VALUES ($1, $2, $3, $4)
			ON CONFLICT (key_id, day) DO UPDATE SET accepted = t.accepted + excluded.accepted, refused = t.refused + excluded.refused`,
			tally.KeyID, tally.Day, tally.Accepted, tally.Refused); err != nil {
			return err
		}
	}
	for _, refusal := range refusals {
		if err := u.exec(ctx, `/* put last refusal */ INSERT INTO key_refusals AS t (key_id, code, refused_at, refused_from) VALUES ($1, $2, $3, $4)
			ON CONFLICT (key_id, code) DO UPDATE SET refused_at = excluded.refused_at, refused_from = excluded.refused_from WHERE t.refused_at < excluded.refused_at`,
			refusal.KeyID, refusal.Code, at(refusal.At), refusal.From); err != nil {
			return err
		}
	}
	return nil
}

// lastUses gives the latest use in each organization, by the organizations' IDs.
func lastUses(uses []Use) map[int64]time.Time {
	latest := map[int64]time.Time{}
	for _, use := range uses {
		if latest[use.OrganizationID].Before(use.UsedAt) {
			latest[use.OrganizationID] = use.UsedAt
		}
	}
	return latest
}

// Tallies lists a key's days since one, the oldest first.
func (q Queries) Tallies(ctx context.Context, key, since int64) ([]portal.Tally, error) {
	return all(ctx, q, scanTally, `/* days of a key */ SELECT key_id, day, accepted, refused FROM key_days WHERE key_id = $1 AND day >= $2 ORDER BY day`, key, since)
}

func scanTally(r row) (t portal.Tally, err error) {
	return t, r.Scan(&t.KeyID, &t.Day, &t.Accepted, &t.Refused)
}

// Refusals lists a key's last refusal of each code, the newest first.
func (q Queries) Refusals(ctx context.Context, key int64) ([]portal.Refusal, error) {
	return all(ctx, q, scanRefusal, `/* refusals of a key */ SELECT key_id, code, refused_at, refused_from FROM key_refusals WHERE key_id = $1 ORDER BY refused_at DESC, code`, key)
}

func scanRefusal(r row) (f portal.Refusal, err error) {
	return f, r.Scan(&f.KeyID, &f.Code, instant{&f.At}, &f.From)
}
