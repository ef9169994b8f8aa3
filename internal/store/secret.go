package store

import (
	"context"
	"database/sql"
	"time"

	"keyportal/internal/portal"
)

const secretColumns = `s.id, s.key_id, s.hash, s.masked, s.sealed, s.previous, s.expires_at, s.retired_at, s.imported, s.created_at, t.used_at, t.used_from, t.accepted`

const secretTables = `secrets s LEFT JOIN secret_uses t ON t.secret_id = s.id`

func scanSecret(r row) (s portal.Secret, err error) {
	var from sql.NullString
	var accepted sql.NullInt64
	err = r.Scan(&s.ID, &s.KeyID, &s.Hash, &s.Masked, &s.Sealed, &s.Previous, instant{&s.ExpiresAt}, instant{&s.RetiredAt}, &s.Imported, instant{&s.CreatedAt}, instant{&s.LastUsedAt}, &from, &accepted)
	s.LastUsedFrom, s.Accepted = from.String, accepted.Int64
	return s, err
}

// Secrets lists a key's secrets that are not retired, the current one first.
func (q Queries) Secrets(ctx context.Context, key int64) ([]portal.Secret, error) {
	return all(ctx, q, scanSecret, `/* live secrets of a key */ SELECT `+secretColumns+` FROM `+secretTables+`
		WHERE s.key_id = $1 AND s.retired_at IS NULL ORDER BY s.previous, s.id`, key)
}

// AnyImported tells whether a secret that was imported is live, be its key revoked or
// not.
func (q Queries) AnyImported(ctx context.Context) (bool, error) {
	return one(ctx, q, portal.NounKey, scalar[bool], `/* any imported secrets */ SELECT EXISTS (SELECT 1 FROM secrets WHERE imported AND retired_at IS NULL)`)
}

func (c *Change) insertSecret(ctx context.Context, s portal.Secret) error {
	return c.exec(ctx, `/* insert secret */ INSERT INTO secrets (key_id, hash, masked, sealed, previous, expires_at, imported, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		s.KeyID, s.Hash, s.Masked, s.Sealed, s.Previous, at(s.ExpiresAt), s.Imported, at(c.Now()))
}

// RotateSecret gives a key a new current secret. The one before works on until an
// end; with the zero time it is retired. One that was being rotated out already is
// retired in any case. A key that has no secret yet gets its first. CodeConflict
// when the key is not as it was read.
func (c *Change) RotateSecret(ctx context.Context, k portal.Key, s portal.Secret, until time.Time) error {
	if err := c.RetirePrevious(ctx, k.ID); err != nil {
		return err
	}
	step := `/* retire secret */ UPDATE secrets SET retired_at = $2, sealed = NULL WHERE key_id = $1 AND retired_at IS NULL`
	args := []any{k.ID, at(c.Now())}
	if !until.IsZero() {
		step = `/* rotate secret out */ UPDATE secrets SET previous = TRUE, expires_at = $2, sealed = NULL WHERE key_id = $1 AND retired_at IS NULL`
		args[1] = at(until)
	}
	if err := c.exec(ctx, step, args...); err != nil {
		return err
	}
	s.KeyID = k.ID
	if err := c.insertSecret(ctx, s); err != nil {
		return err
	}
	return c.touchKey(ctx, k, s.Masked)
}

// RetirePrevious ends the secret of a key that is being rotated out, if there is
// one.
func (c *Change) RetirePrevious(ctx context.Context, key int64) error {
	return c.exec(ctx, `/* retire previous secret */ UPDATE secrets SET retired_at = $2, sealed = NULL WHERE key_id = $1 AND previous AND retired_at IS NULL`, key, at(c.Now()))
}

// EndPrevious has the secret of a key that is being rotated out end no later than the
// key.
func (c *Change) EndPrevious(ctx context.Context, k portal.Key) error {
	return c.exec(ctx, `/* end previous secret with its key */ UPDATE secrets SET expires_at = $2 WHERE key_id = $1 AND previous AND retired_at IS NULL AND expires_at > $2`, k.ID, at(k.ExpiresAt))
}

// RestorePrevious makes the secret of a key that is being rotated out the current one
// again, for good; the one that took its place is retired. CodeConflict when the key
// is not as it was read.
func (c *Change) RestorePrevious(ctx context.Context, k portal.Key, previous portal.Secret) error {
	if err := c.exec(ctx, `/* retire current secret */ UPDATE secrets SET retired_at = $2, sealed = NULL WHERE key_id = $1 AND NOT previous AND retired_at IS NULL`, k.ID, at(c.Now())); err != nil {
		return err
	}
	if err := c.exec(ctx, `/* restore previous secret */ UPDATE secrets SET previous = FALSE, expires_at = NULL WHERE id = $1 AND previous AND retired_at IS NULL`, previous.ID); err != nil {
		return err
	}
	return c.touchKey(ctx, k, previous.Masked)
}

// touchKey notes that a key has another current secret, by whose mask it is found.
func (c *Change) touchKey(ctx context.Context, k portal.Key, masked string) error {
	return c.execVersion(ctx, portal.NounKey, `/* touch key */ UPDATE keys SET search = $3, version = version + 1, updated_at = $4 WHERE id = $1 AND version = $2 AND revoked_at IS NULL`,
		k.ID, k.Version, keySearchText(k, masked), at(c.Now()))
}

// ForgetSealedOf forgets the sealed copies of a key's secrets.
func (c *Change) ForgetSealedOf(ctx context.Context, key int64) error {
	return c.exec(ctx, `/* forget sealed secrets of a key */ UPDATE secrets SET sealed = NULL WHERE key_id = $1 AND sealed IS NOT NULL`, key)
}

// ForgetSealed forgets the sealed copies of all secrets of an organization, so that
// none can be viewed again.
func (c *Change) ForgetSealed(ctx context.Context, organization int64) error {
	return c.exec(ctx, `/* forget sealed secrets */ UPDATE secrets SET sealed = NULL WHERE sealed IS NOT NULL AND key_id IN (SELECT k.id FROM keys k WHERE k.organization_id = $1)`, organization)
}
