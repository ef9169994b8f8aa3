package store

import (
	"context"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

const sessionColumns = `hash, user_id, organization_id, instance_id, address, user_agent, flash, password_at, created_at, seen_at, expires_at`

func scanSession(r row) (s portal.Session, err error) {
	return s, r.Scan(&s.Hash, &s.UserID, referenced{&s.OrganizationID}, referenced{&s.InstanceID}, &s.Address, &s.UserAgent, &s.Flash,
		instant{&s.PasswordAt}, instant{&s.CreatedAt}, instant{&s.SeenAt}, instant{&s.ExpiresAt})
}

// Session finds a session by its token's hash, whatever its age.
func (q Queries) Session(ctx context.Context, hash secret.Hash) (portal.Session, error) {
	return one(ctx, q, portal.NounSession, scanSession, `/* session */ SELECT `+sessionColumns+` FROM sessions WHERE hash = $1`, hash[:])
}

// InsertSession adds a session.
func (u *Update) InsertSession(ctx context.Context, s portal.Session) error {
	return u.exec(ctx, `/* insert session */ INSERT INTO sessions (`+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		s.Hash, s.UserID, ref(s.OrganizationID), ref(s.InstanceID), s.Address, s.UserAgent, s.Flash, at(s.PasswordAt), at(s.CreatedAt), at(s.SeenAt), at(s.ExpiresAt))
}

// UpdateSession writes what can change of a session.
func (u *Update) UpdateSession(ctx context.Context, s portal.Session) error {
	return u.exec(ctx, `/* update session */ UPDATE sessions SET organization_id = $2, instance_id = $3, flash = $4, password_at = $5, seen_at = $6 WHERE hash = $1`,
		s.Hash, ref(s.OrganizationID), ref(s.InstanceID), s.Flash, at(s.PasswordAt), at(s.SeenAt))
}

// EndSession ends a session.
func (u *Update) EndSession(ctx context.Context, hash []byte) error {
	return u.exec(ctx, `/* end session */ DELETE FROM sessions WHERE hash = $1`, hash)
}

// EndSessionsOf ends a user's sessions but for one, which may be nil.
func (u *Update) EndSessionsOf(ctx context.Context, user int64, but []byte) error {
	if but == nil {
		but = []byte{}
	}
	return u.exec(ctx, `/* end sessions of a user */ DELETE FROM sessions WHERE user_id = $1 AND hash <> $2`, user, but)
}

// EndSessionsBefore ends the sessions that were over, or not used since, the
// given instants.
func (u *Update) EndSessionsBefore(ctx context.Context, over, unused time.Time) error {
	return u.exec(ctx, `/* end old sessions */ DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2`, at(over), at(unused))
}
