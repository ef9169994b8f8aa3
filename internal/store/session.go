package store

import (
	"context"
	"database/sql"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

const sessionColumns = `s.hash, s.user_id, s.organization_id, o.name, s.instance_id, i.name, s.address, s.user_agent, s.flash, s.password_at, s.created_at, s.seen_at, s.expires_at`

const sessionTables = `sessions s LEFT JOIN organizations o ON o.id = s.organization_id LEFT JOIN instances i ON i.id = s.instance_id`

func scanSession(r row) (s portal.Session, err error) {
	var organization, instance sql.NullString
	err = r.Scan(&s.Hash, &s.UserID, referenced{&s.OrganizationID}, &organization, referenced{&s.InstanceID}, &instance, &s.Address, &s.UserAgent, &s.Flash,
		instant{&s.PasswordAt}, instant{&s.CreatedAt}, instant{&s.SeenAt}, instant{&s.ExpiresAt})
	s.Organization, s.Instance = organization.String, instance.String
	return s, err
}

// Session finds a session by its token's hash, whatever its age.
func (q Queries) Session(ctx context.Context, hash secret.Hash) (portal.Session, error) {
	return one(ctx, q, portal.NounSession, scanSession, `/* session */ SELECT `+sessionColumns+` FROM `+sessionTables+` WHERE s.hash = $1`, hash[:])
}

// Sessions lists a user's sessions, whatever their age, the last used first.
func (q Queries) Sessions(ctx context.Context, user int64) ([]portal.Session, error) {
	return all(ctx, q, scanSession, `/* sessions of a user */ SELECT `+sessionColumns+` FROM `+sessionTables+` WHERE s.user_id = $1 ORDER BY s.seen_at DESC, s.created_at DESC, s.hash`, user)
}

// InsertSession adds a session.
func (u *Update) InsertSession(ctx context.Context, s portal.Session) error {
	return u.exec(ctx, `/* insert session */ 
		INSERT INTO sessions (hash, user_id, organization_id, instance_id, address, user_agent, flash, password_at, created_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		s.Hash, s.UserID, ref(s.OrganizationID), ref(s.InstanceID), s.Address, s.UserAgent, s.Flash, at(s.PasswordAt), at(s.CreatedAt), at(s.SeenAt), at(s.ExpiresAt))
}

// MoveSession changes the organization and the instance that a session works in.
func (u *Update) MoveSession(ctx context.Context, hash []byte, organization, instance int64) error {
	return u.exec(ctx, `/* move session */ UPDATE sessions SET organization_id = $2, instance_id = $3 WHERE hash = $1`, hash, ref(organization), ref(instance))
}

// TouchSession notes that a session was used, which only ever moves forward.
func (u *Update) TouchSession(ctx context.Context, hash []byte) error {
	return u.exec(ctx, `/* touch session */ UPDATE sessions SET seen_at = $2 WHERE hash = $1 AND seen_at < $2`, hash, at(u.Now()))
}

// PutFlash leaves a message in a session.
func (u *Update) PutFlash(ctx context.Context, hash []byte, message string) error {
	return u.exec(ctx, `/* put flash */ UPDATE sessions SET flash = $2 WHERE hash = $1`, hash, message)
}

// TakeFlash removes a message from a session, unless another has taken its
// place.
func (u *Update) TakeFlash(ctx context.Context, hash []byte, message string) error {
	return u.exec(ctx, `/* take flash */ UPDATE sessions SET flash = '' WHERE hash = $1 AND flash = $2`, hash, message)
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
