package store

import (
	"context"
	"strings"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// InsertToken adds an access token.
func (u *Update) InsertToken(ctx context.Context, t portal.AccessToken) error {
	return u.exec(ctx, `/* insert access token */ INSERT INTO access_tokens (hash, key_id, secret_id, scope, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		t.Hash, t.KeyID, t.SecretID, strings.Join(t.Scope, " "), at(t.ExpiresAt), at(u.Now()))
}

// RevokeToken ends an access token of a key, and gives the number of the revocation.
// The error is CodeNotFound when there is no such token that was not revoked before.
func (s *Store) RevokeToken(ctx context.Context, hash secret.Hash, key int64) (number int64, err error) {
	return number, s.Update(ctx, func(u *Update) error {
		if number, err = one(ctx, u.Queries, portal.NounInstallation, scalar[int64], `/* take token revocation */ UPDATE token_revocations SET number = number + 1 WHERE id = 1 RETURNING number`); err != nil {
			return err
		}
		return u.execOne(ctx, portal.NounKey, `/* revoke access token */ UPDATE access_tokens SET revoked_at = $3, revocation = $4
			WHERE hash = $1 AND key_id = $2 AND revoked_at IS NULL`+s.engine.announcing(), hash[:], key, at(u.Now()), number)
	})
}

// DropTokensBefore drops the access tokens that expired before an instant.
func (u *Update) DropTokensBefore(ctx context.Context, before time.Time) error {
	return u.exec(ctx, `/* drop old access tokens */ DELETE FROM access_tokens WHERE expires_at < $1`, at(before))
}

const clientUsesKept = 100 // of a key

// PutClientUse notes which program got an access token, and forgets the oldest of
// many.
func (u *Update) PutClientUse(ctx context.Context, use portal.ClientUse) error {
	if err := u.exec(ctx, `/* put use by a program */ INSERT INTO client_uses AS t (key_id, secret_id, agent, address, used_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (key_id, secret_id, agent, address) DO UPDATE SET used_at = excluded.used_at WHERE t.used_at < excluded.used_at`,
		use.KeyID, use.SecretID, use.Agent, use.Address, at(u.Now())); err != nil {
		return err
	}
	return u.exec(ctx, `/* forget old uses by programs */ DELETE FROM client_uses WHERE key_id = $1 AND (secret_id, agent, address) NOT IN
		(SELECT x.secret_id, x.agent, x.address FROM client_uses x WHERE x.key_id = $1 ORDER BY x.used_at DESC, x.secret_id DESC, x.agent, x.address LIMIT $2)`, use.KeyID, clientUsesKept)
}

// ClientUses lists the programs that got access tokens with a key's live secrets,
// the latest first.
func (q Queries) ClientUses(ctx context.Context, key int64) ([]portal.ClientUse, error) {
	return all(ctx, q, scanClientUse, `/* uses by programs */ SELECT t.key_id, t.secret_id, t.agent, t.address, t.used_at, s.previous
		FROM client_uses t JOIN secrets s ON s.id = t.secret_id WHERE t.key_id = $1 AND s.retired_at IS NULL ORDER BY t.used_at DESC, t.agent, t.address`, key)
}

func scanClientUse(r row) (c portal.ClientUse, err error) {
	return c, r.Scan(&c.KeyID, &c.SecretID, &c.Agent, &c.Address, instant{&c.UsedAt}, &c.Previous)
}
