package store

import (
	"context"
	"time"

	"keyportal/internal/portal"
)

// Throttle counts the failures in a row under a name.
type Throttle struct {
	Failures int
	FailedAt time.Time
}

func scanThrottle(r row) (t Throttle, err error) {
	return t, r.Scan(&t.Failures, instant{&t.FailedAt})
}

// Fail counts one more failure under a name; the count begins anew when the
// last failure is older than since.
func (u *Update) Fail(ctx context.Context, name string, since time.Time) error {
	return u.exec(ctx, `/* count a failure */ INSERT INTO throttles AS t (name, failures, failed_at) VALUES ($1, 1, $2)
		ON CONFLICT (name) DO UPDATE SET failures = CASE WHEN t.failed_at < $3 THEN 1 ELSE t.failures + 1 END, failed_at = excluded.failed_at`,
		name, at(u.Now()), at(since))
}

// Forgive forgets the failures under a name.
func (u *Update) Forgive(ctx context.Context, name string) error {
	return u.exec(ctx, `/* forgive failures */ DELETE FROM throttles WHERE name = $1`, name)
}

// ForgetFailuresBefore forgets all failures that ended before an instant.
func (u *Update) ForgetFailuresBefore(ctx context.Context, before time.Time) error {
	return u.exec(ctx, `/* forget old failures */ DELETE FROM throttles WHERE failed_at < $1`, at(before))
}

// KnowsAddress tells whether a user has signed in from an address before.
func (q Queries) KnowsAddress(ctx context.Context, user int64, address string) (bool, error) {
	return one(ctx, q, portal.NounUser, scalar[bool], `/* known address */ SELECT EXISTS (SELECT 1 FROM known_addresses WHERE user_id = $1 AND address = $2)`, user, address)
}

// RememberAddress notes that a user signed in from an address.
func (u *Update) RememberAddress(ctx context.Context, user int64, address string) error {
	return u.exec(ctx, `/* remember address */ INSERT INTO known_addresses (user_id, address, seen_at) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, address) DO UPDATE SET seen_at = excluded.seen_at`, user, address, at(u.Now()))
}

// ForgetAddressesBefore forgets where nobody has signed in since an instant.
func (u *Update) ForgetAddressesBefore(ctx context.Context, before time.Time) error {
	return u.exec(ctx, `/* forget old addresses */ DELETE FROM known_addresses WHERE seen_at < $1`, at(before))
}

// TakeThrottle gives what failed under a name, the zero Throttle for nothing, to
// a transaction that is going to count a failure: no other transaction sees or
// changes the count until it ends.
func (u *Update) TakeThrottle(ctx context.Context, name string) (Throttle, error) {
	return one(ctx, u.Queries, portal.NounSession, scanThrottle, `/* take throttle */ INSERT INTO throttles AS t (name, failures, failed_at) VALUES ($1, 0, 0)
		ON CONFLICT (name) DO UPDATE SET failures = t.failures RETURNING failures, nullif(failed_at, 0)`, name)
}

// TakeBackFailure takes back one failure under a name.
func (u *Update) TakeBackFailure(ctx context.Context, name string) error {
	return u.exec(ctx, `/* take back a failure */ UPDATE throttles SET failures = failures - 1 WHERE name = $1 AND failures > 0`, name)
}
