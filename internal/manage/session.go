package manage

import (
	"bytes"
	"context"
	"slices"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// Sessions lists the actor's own sessions that have not ended, the last used first.
// One that works in an organization which the actor has left works nowhere.
func (m *Manager) Sessions(ctx context.Context) ([]portal.Session, error) {
	actor := portal.ActorFrom(ctx)
	if err := signedInPerson(actor); err != nil {
		return nil, err
	}
	sessions, err := m.Store.Sessions(ctx, actor.UserID)
	sessions = slices.DeleteFunc(sessions, func(s portal.Session) bool { return s.Over(m.Now(), m.SessionIdle) })
	for i, session := range sessions {
		if !actor.CanSee(session.OrganizationID) {
			sessions[i] = session.Nowhere()
		}
	}
	return sessions, err
}

// EndSession ends one of the actor's other sessions, which is named by its ID: from
// its next request on it is signed out. Those of other users are not found; for the
// present one there is SignOut (CodeConflict).
func (m *Manager) EndSession(ctx context.Context, present portal.Session, id string) error {
	sessions, err := m.Sessions(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sessions, func(s portal.Session) bool { return s.ID() == id })
	switch {
	case i < 0:
		return portal.NotFound(portal.NounSession)
	case bytes.Equal(sessions[i].Hash, present.Hash):
		return portal.Conflict("This is the session that you are using now. Log out to end it.")
	}
	return m.Store.Update(ctx, func(u *store.Update) error { return u.EndSession(ctx, sessions[i].Hash) })
}

// EndOtherSessions ends all of the actor's sessions but the present one.
func (m *Manager) EndOtherSessions(ctx context.Context, present portal.Session) error {
	actor := portal.ActorFrom(ctx)
	if err := signedInPerson(actor); err != nil {
		return err
	}
	return m.Store.Update(ctx, func(u *store.Update) error { return u.EndSessionsOf(ctx, actor.UserID, present.Hash) })
}

func signedInPerson(actor portal.Actor) error {
	if err := signedIn(actor); err != nil {
		return err
	}
	return portal.InPerson(actor)
}
