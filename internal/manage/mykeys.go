package manage

import (
	"context"
	"slices"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// MyKeys lists the keys that are mapped to the actor, in all organizations that they
// are a member of. For everyone who is signed in.
func (m *Manager) MyKeys(ctx context.Context, list portal.List) (portal.Page[portal.Key], error) {
	actor := portal.ActorFrom(ctx)
	if err := signedIn(actor); err != nil || actor.UserID == 0 {
		return portal.Page[portal.Key]{}, err // keys are mapped to people, not to the program
	}
	return m.Store.Keys(ctx, portal.KeyFilter{List: list, UserID: actor.UserID, MembersOnly: true})
}

// KeysMappedToMe lists the keys that somebody else mapped to the actor, in the
// organizations that they are a member of, until they acknowledge it; the latest
// first. A key that waits for them on its one-time page is among Deliveries instead.
func (m *Manager) KeysMappedToMe(ctx context.Context) ([]portal.Key, error) {
	return untoldKeys(ctx, m.Store.Queries)
}

func untoldKeys(ctx context.Context, q store.Queries) ([]portal.Key, error) {
	actor := portal.ActorFrom(ctx)
	if err := signedIn(actor); err != nil {
		return nil, err
	}
	keys, err := q.UntoldKeys(ctx, actor.UserID)
	if err != nil || len(keys) == 0 {
		return keys, err
	}
	waiting, err := q.DeliveriesTo(ctx, actor.UserID)
	announced := func(key portal.Key) bool {
		return !key.HasSecret() && slices.ContainsFunc(waiting, func(one portal.Key) bool { return one.ID == key.ID })
	}
	return slices.DeleteFunc(keys, func(key portal.Key) bool { return !actor.Member(key.OrganizationID) || announced(key) }), err
}

// AcknowledgeKeys notes that the actor knows of some of KeysMappedToMe: of those that
// were mapped by the given instant, the one of the latest that they have seen. What
// came later is told still. For the keys' mapped user; others' keys stay as they are.
func (m *Manager) AcknowledgeKeys(ctx context.Context, ids []int64, until time.Time) error {
	return m.Store.Update(ctx, func(u *store.Update) error {
		keys, err := untoldKeys(ctx, u.Queries)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if key.MappedAt.After(until) || !slices.Contains(ids, key.ID) {
				continue
			}
			if err := u.TellOfKey(ctx, key); err != nil {
				return err
			}
		}
		return nil
	})
}
