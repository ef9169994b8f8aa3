package manage

import (
	"context"

	"keyportal/internal/portal"
)

const revisionsShown = 50

// KeyHistory lists the last changes of a key, the newest first. For who may see
// the key.
func (m *Manager) KeyHistory(ctx context.Context, id int64) ([]portal.Revision, error) {
	if _, err := m.visibleKey(ctx, id); err != nil {
		return nil, err
	}
	return m.Store.RevisionsOf(ctx, portal.NounKey, id, revisionsShown)
}

// UserHistory lists the last changes of a user's account and memberships, the
// newest first: one's own, or with View Revision History in the organization
// that the actor is working in.
func (m *Manager) UserHistory(ctx context.Context, id int64) ([]portal.Revision, error) {
	actor := portal.ActorFrom(ctx)
	if _, err := m.User(ctx, id); err != nil {
		return nil, err
	}
	if id == actor.UserID || actor.Holds(portal.ViewHistory, 0) {
		return m.Store.RevisionsAbout(ctx, id, 0, revisionsShown)
	}
	if err := portal.Can(actor, portal.ViewHistory, actor.OrganizationID); err != nil {
		return nil, err
	}
	return m.Store.RevisionsAbout(ctx, id, actor.OrganizationID, revisionsShown)
}

// VerifyChain recomputes the Revision History's chain and gives the number of
// its lines. The error is a *store.BrokenChain when it was tampered with. For
// the command line.
func (m *Manager) VerifyChain(ctx context.Context) (int64, error) {
	if err := portal.Can(portal.ActorFrom(ctx), portal.System, 0); err != nil {
		return 0, err
	}
	return m.Store.VerifyChain(ctx)
}
