package store

import (
	"context"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

const linkColumns = `hash, purpose, user_id, key_id, created_by, expires_at, used_at, created_at`

func scanLink(r row) (l portal.Link, err error) {
	return l, r.Scan(&l.Hash, &l.Purpose, referenced{&l.UserID}, referenced{&l.KeyID}, &l.CreatedBy, instant{&l.ExpiresAt}, instant{&l.UsedAt}, instant{&l.CreatedAt})
}

// Link finds a one-time link by its token's hash, used or not.
func (q Queries) Link(ctx context.Context, hash secret.Hash) (portal.Link, error) {
	return one(ctx, q, portal.NounLink, scanLink, `/* link */ SELECT `+linkColumns+` FROM links WHERE hash = $1`, hash[:])
}

// InsertLink adds a one-time link.
func (u *Update) InsertLink(ctx context.Context, l portal.Link) error {
	return u.exec(ctx, `/* insert link */ INSERT INTO links (`+linkColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		l.Hash, l.Purpose, ref(l.UserID), ref(l.KeyID), l.CreatedBy, at(l.ExpiresAt), at(l.UsedAt), at(u.Now()))
}

// UseLink marks a one-time link as used. A link that was used meanwhile is not
// found.
func (u *Update) UseLink(ctx context.Context, hash []byte) error {
	_, err := one(ctx, u.Queries, portal.NounLink, scalar[int64], `/* use link */ UPDATE links SET used_at = $2 WHERE hash = $1 AND used_at IS NULL RETURNING used_at`, hash, at(u.Now()))
	return err
}

// DropLinksOf drops a user's unused links for a purpose; with user 0, those
// that belong to no user.
func (u *Update) DropLinksOf(ctx context.Context, purpose portal.LinkPurpose, user int64) error {
	return u.exec(ctx, `/* drop links of a user */ DELETE FROM links WHERE purpose = $1 AND coalesce(user_id, 0) = $2 AND used_at IS NULL`, purpose, user)
}

// Delivery finds the one-time page that shows a key's first secret, opened or not.
func (q Queries) Delivery(ctx context.Context, key int64) (portal.Link, error) {
	return one(ctx, q, portal.NounLink, scanLink, `/* delivery */ SELECT `+linkColumns+` FROM links WHERE key_id = $1 AND purpose = 'delivery'`, key)
}

// DeliveriesTo lists the keys whose one-time pages wait for a user: neither opened
// nor expired.
func (q Queries) DeliveriesTo(ctx context.Context, user int64) ([]portal.Key, error) {
	return all(ctx, q, scanKey, `/* deliveries to a user */ SELECT `+keyColumns+` FROM `+keyTables+`
		JOIN links d ON d.key_id = k.id AND d.purpose = 'delivery' AND d.user_id = $1 AND d.used_at IS NULL AND d.expires_at > $2
		WHERE k.revoked_at IS NULL ORDER BY k.id`, user, at(q.Now()))
}

// DropDelivery drops a key's one-time page.
func (u *Update) DropDelivery(ctx context.Context, key int64) error {
	return u.exec(ctx, `/* drop delivery */ DELETE FROM links WHERE key_id = $1 AND purpose = 'delivery'`, key)
}

// DropLinksBefore drops the links that expired before an instant.
func (u *Update) DropLinksBefore(ctx context.Context, before time.Time) error {
	return u.exec(ctx, `/* drop old links */ DELETE FROM links WHERE expires_at < $1`, at(before))
}
