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
	Accepted       int64 // requests
}

// AddUses writes down what the check saw. Last use and last refusal only ever
// move forward, in whatever order replicas write. All replicas take rows in the
// same order, so that none waits for another in a circle.
func (u *Update) AddUses(ctx context.Context, uses []Use, tallies []portal.Tally, refusals []portal.Refusal) error {
	uses = latest(uses, func(use Use) int64 { return use.SecretID })
	err := u.insertRows(ctx, `/* put last uses */ INSERT INTO secret_uses AS t (secret_id, key_id, used_at, used_from, accepted) VALUES`,
		`ON CONFLICT (secret_id) DO UPDATE SET accepted = t.accepted + excluded.accepted,
			used_at = CASE WHEN t.used_at < excluded.used_at THEN excluded.used_at ELSE t.used_at END,
			used_from = CASE WHEN t.used_at < excluded.used_at THEN excluded.used_from ELSE t.used_from END`,
		rowsOf(uses, func(use Use) []any {
			return []any{use.SecretID, use.KeyID, at(use.UsedAt), use.UsedFrom, use.Accepted}
		}))
	if err != nil {
		return err
	}
	err = u.insertRows(ctx, `/* put last uses in organizations */ INSERT INTO organization_uses AS t (organization_id, used_at) VALUES`,
		`ON CONFLICT (organization_id) DO UPDATE SET used_at = excluded.used_at WHERE t.used_at < excluded.used_at`,
		rowsOf(latest(uses, func(use Use) int64 { return use.OrganizationID }), func(use Use) []any { return []any{use.OrganizationID, at(use.UsedAt)} }))
	if err != nil {
		return err
	}
	tallies = slices.SortedFunc(slices.Values(tallies), func(a, b portal.Tally) int {
		return cmp.Or(cmp.Compare(a.KeyID, b.KeyID), cmp.Compare(a.Day, b.Day))
	})
	err = u.insertRows(ctx, `/* add to keys' days */ INSERT INTO key_days AS t (key_id, day, accepted, refused) VALUES`,
		`ON CONFLICT (key_id, day) DO UPDATE SET accepted = t.accepted + excluded.accepted, refused = t.refused + excluded.refused`,
		rowsOf(tallies, func(tally portal.Tally) []any { return []any{tally.KeyID, tally.Day, tally.Accepted, tally.Refused} }))
	if err != nil {
		return err
	}
	refusals = slices.SortedFunc(slices.Values(refusals), func(a, b portal.Refusal) int {
		return cmp.Or(cmp.Compare(a.KeyID, b.KeyID), cmp.Compare(a.Code, b.Code))
	})
	return u.insertRows(ctx, `/* put last refusals */ INSERT INTO key_refusals AS t (key_id, code, refused_at, refused_from) VALUES`,
		`ON CONFLICT (key_id, code) DO UPDATE SET refused_at = excluded.refused_at, refused_from = excluded.refused_from WHERE t.refused_at < excluded.refused_at`,
		rowsOf(refusals, func(refusal portal.Refusal) []any {
			return []any{refusal.KeyID, refusal.Code, at(refusal.At), refusal.From}
		}))
}

// latest gives the last use of each, with all their requests, in their order.
func latest(uses []Use, of func(Use) int64) []Use {
	last := map[int64]Use{}
	for _, use := range uses {
		known, is := last[of(use)]
		accepted := known.Accepted + use.Accepted
		if is && !known.UsedAt.Before(use.UsedAt) {
			use = known
		}
		use.Accepted = accepted
		last[of(use)] = use
	}
	return slices.SortedFunc(maps.Values(last), func(a, b Use) int { return cmp.Compare(of(a), of(b)) })
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
