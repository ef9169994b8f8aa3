package manage

import (
	"context"
	"slices"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// Keys lists keys: those of one user in an organization for who may see them
// (one's own with Manage User API Key), or all of an organization for who may
// View API Keys. Without an organization, all keys for staff.
func (m *Manager) Keys(ctx context.Context, filter portal.KeyFilter) (portal.Page[portal.Key], error) {
	actor := portal.ActorFrom(ctx)
	if err := portal.CanUseKeysOf(actor, portal.SeeKey, filter.OrganizationID, filter.UserID); err != nil {
		return portal.Page[portal.Key]{}, err
	}
	return m.Store.Keys(ctx, filter)
}

// ExpiringSoon is how long before its end a key is said to expire soon.
const ExpiringSoon = 30 * 24 * time.Hour

// KeyCounts counts the keys in an organization that are not revoked, and those
// of them that expire within 30 days: the actor's own, or all for who may see
// them.
func (m *Manager) KeyCounts(ctx context.Context, organization int64, mine bool) (live, expiring int, err error) {
	actor := portal.ActorFrom(ctx)
	user := int64(0)
	if mine {
		user = actor.UserID
	}
	if err := portal.CanUseKeysOf(actor, portal.SeeKey, organization, user); err != nil {
		return 0, 0, err
	}
	return m.Store.KeyCounts(ctx, organization, user, m.Now().Add(ExpiringSoon))
}

// KeyDetails is a key with what the actor may do with it and what it reaches.
type KeyDetails struct {
	portal.Key
	Ineffective []portal.APISet    // granted, but retired or not allowed by the mapped user's roles now
	Member      bool               // the mapped user is in the organization now
	Secrets     []portal.Secret    // live, the current one first; without their hashes and sealed copies
	Delivery    portal.Link        // the one-time page that shows a new secret, opened or not; zero: none
	Uses        []portal.ClientUse // programs that got access tokens with a live secret, the latest first
	Viewable    bool               // the actor can be shown the current secret again
	Rotatable   error              // nil when the actor may give the key a new secret; else why not
	Changeable  error              // nil when the actor may change the key; else why not
}

// Key finds a key that the actor may see. Others are not found.
func (m *Manager) Key(ctx context.Context, id int64) (KeyDetails, error) {
	key, err := m.visibleKey(ctx, id)
	if err != nil {
		return KeyDetails{}, err
	}
	details := KeyDetails{Key: key, Changeable: portal.CanChangeKey(portal.ActorFrom(ctx), key)}
	if details.Rotatable, err = rotatable(ctx, m.Store.Queries, key); err != nil {
		return details, err
	}
	sealed, err := sealedSecret(ctx, m.Store.Queries, key)
	if err != nil {
		return details, err
	}
	details.Viewable = details.Rotatable == nil && sealed.ID != 0
	if details.Secrets, details.Uses, err = m.secretsInUse(ctx, id); err != nil {
		return details, err
	}
	if details.Delivery, err = m.Store.Delivery(ctx, id); err != nil && portal.CodeOf(err) != portal.CodeNotFound {
		return details, err
	}
	grants, err := m.Store.Grants(ctx, key.UserID)
	if err != nil {
		return details, err
	}
	_, details.Member = grants[key.OrganizationID]
	for _, set := range key.APISets {
		if set.Retired() || !reaches(grants, key.OrganizationID, set) {
			details.Ineffective = append(details.Ineffective, set)
		}
	}
	return details, nil
}

// visibleKey finds a key that the actor may see. Others are not found, or refused;
// see canSeeKey.
func (m *Manager) visibleKey(ctx context.Context, id int64) (portal.Key, error) {
	key, err := m.Store.Key(ctx, id)
	if err == nil {
		err = canSeeKey(portal.ActorFrom(ctx), key)
	}
	if err != nil {
		return portal.Key{}, err
	}
	return key, nil
}

// canSeeKey answers whether the actor may see a key; an OAuth client also who may
// Manage Client Secret. It answers with CodeForbidden for a key in the actor's own
// organization, and with CodeNotFound for any other: it must not show that
// there is one.
func canSeeKey(actor portal.Actor, key portal.Key) error {
	if key.Kind == portal.OAuthKey && actor.Holds(portal.ViewClientSecret, key.OrganizationID) {
		return nil
	}
	err := portal.CanUseKeysOf(actor, portal.SeeKey, key.OrganizationID, key.UserID)
	if err != nil && actor.SignedIn() && !actor.CanSee(key.OrganizationID) {
		return portal.NotFound(portal.NounKey)
	}
	return err
}

// shownKey gives of a key that the actor may not see no more than that there is one
// for its application and license.
func shownKey(actor portal.Actor, key portal.Key) portal.Key {
	if canSeeKey(actor, key) == nil {
		return key
	}
	return portal.Key{
		ID: key.ID, OrganizationID: key.OrganizationID, ApplicationID: key.ApplicationID, ApplicationName: key.ApplicationName,
		LicenseID: key.LicenseID, LicenseNumber: key.LicenseNumber, Domain: key.Domain,
	}
}

// LiveKeyFor finds the key for an application and license that is not revoked; the
// zero Key when there is none. For who may see the organization's licenses.
func (m *Manager) LiveKeyFor(ctx context.Context, application, license int64) (portal.Key, error) {
	key, err := forLicense(ctx, m, application, license, m.Store.LiveKeyFor)
	return shownKey(portal.ActorFrom(ctx), key), err
}

// reaches tells whether a user's grants in an organization allow an API set.
func reaches(grants map[int64]portal.Grant, organization int64, set portal.APISet) bool {
	grant, member := grants[organization]
	return member && (grant.AllAccess || grant.APISets[set.Slug])
}

// OfferedAPISets lists the API sets that a key of a user in an organization can
// be granted: in use, allowed by the user's roles, and the actor's to give. For who
// may make a key of that user.
func (m *Manager) OfferedAPISets(ctx context.Context, organization, user int64) ([]portal.APISet, error) {
	actor := portal.ActorFrom(ctx)
	if err := canMakeKeysOf(actor, organization, user); err != nil {
		return nil, err
	}
	of, err := m.Store.User(ctx, user)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return nil, nil // nobody is chosen yet
	}
	if err != nil {
		return nil, err
	}
	held, err := standing(ctx, m.Store.Queries, of)
	if err != nil {
		return nil, err
	}
	sets, err := m.Store.APISets(ctx)
	return slices.DeleteFunc(sets, func(set portal.APISet) bool {
		one := []portal.APISet{set}
		return set.Retired() || !reaches(held.Grants, organization, set) ||
			portal.CanGrant(actor, organization, nil, one) != nil || portal.CanMapKeyTo(actor, held, organization, one) != nil
	}), err
}

// mappable keeps the users whose rights the actor may give a key of an organization.
func (m *Manager) mappable(ctx context.Context, organization int64, users []portal.User) (kept []portal.User, err error) {
	for _, user := range users {
		held, err := standing(ctx, m.Store.Queries, user)
		if err != nil {
			return nil, err
		}
		if portal.CanMapKeyTo(portal.ActorFrom(ctx), held, organization, nil) == nil {
			kept = append(kept, user)
		}
	}
	return kept, nil
}

// canMakeKeysOf answers whether the actor may make keys of any kind that are mapped
// to a user: besides who may change the user's keys, for themselves also who makes
// OAuth clients.
func canMakeKeysOf(actor portal.Actor, organization, user int64) error {
	if actor.UserID == user && actor.Holds(portal.ViewClientSecret, organization) {
		return nil
	}
	return portal.CanUseKeysOf(actor, portal.ChangeKey, organization, user)
}

const keyUsersListed = 50

// KeyUsers lists the users of an organization for whom the actor may generate
// keys, by username: oneself with Manage User API Key, all with Manage API Keys, of
// these only the ones whom a search finds. Of many, the first 50 are listed (more is
// true then), and besides them the wanted one, if that is a user of the organization.
func (m *Manager) KeyUsers(ctx context.Context, organization, wanted int64, search string) (users []portal.User, more bool, err error) {
	actor := portal.ActorFrom(ctx)
	if actor.Holds(portal.ManageAPIKeys, organization) {
		found, err := m.Store.Users(ctx, portal.UserFilter{OrganizationID: organization, List: portal.List{Search: search, Limit: keyUsersListed}})
		if err != nil {
			return nil, false, err
		}
		if users, err = m.mappable(ctx, organization, found.Rows); err != nil {
			return nil, false, err
		}
		more = found.Next != ""
	} else if err := canMakeKeysOf(actor, organization, wanted); err != nil {
		return nil, false, err
	}
	if slices.ContainsFunc(users, func(user portal.User) bool { return user.ID == wanted }) {
		return users, more, nil
	}
	if member, err := m.Store.IsMember(ctx, organization, wanted); err != nil || !member {
		return users, more, err
	}
	user, err := m.Store.User(ctx, wanted)
	if err != nil || portal.CanMapKeyTo(actor, portal.Standing{User: user}, organization, nil) != nil {
		return users, more, err
	}
	return append(users, user), more, nil
}

// DisableKey makes the check refuse a key until it is enabled again. For who may
// change the key.
func (m *Manager) DisableKey(ctx context.Context, id int64) error {
	return m.changeKey(ctx, id, func(c *store.Change, was portal.Key) error {
		if !was.Enabled {
			return errUnchanged
		}
		key := was
		key.Enabled, key.DisabledBy = false, portal.ActorFrom(ctx).UserID
		return putKey(ctx, c, was, key, "disabled")
	})
}

// EnableKey takes DisableKey back: for who disabled the key, and for who may
// Manage API Keys; one that can impersonate only for who may Allow Impersonation.
func (m *Manager) EnableKey(ctx context.Context, id int64) error {
	return m.changeKey(ctx, id, func(c *store.Change, was portal.Key) error {
		actor := portal.ActorFrom(ctx)
		if was.Enabled {
			return errUnchanged
		}
		if was.DisabledBy != actor.UserID && !actor.Holds(portal.ManageAPIKeys, was.OrganizationID) {
			return portal.Denied("An administrator disabled this API key. Ask one to enable it.")
		}
		if err := canWiden(ctx, c.Queries, was); err != nil {
			return err
		}
		key := was
		key.Enabled, key.DisabledBy = true, 0
		return putKey(ctx, c, was, key, "enabled")
	})
}

// RevokeKey ends a key for good, with its one-time page and the sealed copies of its
// secrets. Its name must be typed to confirm. For who may change the key.
func (m *Manager) RevokeKey(ctx context.Context, id int64, typed string) error {
	return m.changeKey(ctx, id, func(c *store.Change, was portal.Key) error {
		if err := confirm(typed, was.Name); err != nil {
			return err
		}
		if err := c.ForgetSealedOf(ctx, id); err != nil {
			return err
		}
		if err := c.DropDelivery(ctx, id); err != nil {
			return err
		}
		key := was
		key.RevokedAt = c.Now()
		return putKey(ctx, c, was, key, "revoked")
	})
}

var errRevoked = portal.Conflict("This API key was revoked. That is final: nothing was saved. Generate a new key instead.")

// changeKey runs fn on a key that the actor may change and that is not revoked.
func (m *Manager) changeKey(ctx context.Context, id int64, fn func(*store.Change, portal.Key) error) error {
	return m.change(ctx, func(c *store.Change) error {
		key, err := c.Key(ctx, id)
		if err != nil {
			return err
		}
		actor := portal.ActorFrom(ctx)
		if err := canSeeKey(actor, key); err != nil {
			return err
		}
		if err := portal.CanChangeKey(actor, key); err != nil {
			return err
		}
		if key.Revoked() {
			return errRevoked
		}
		return fn(c, key)
	})
}

func putKey(ctx context.Context, c *store.Change, was, key portal.Key, action string) error {
	changes := portal.Diff(was.Record(), key.Record())
	sameExpiry := key.ExpiresAt.Equal(was.ExpiresAt) // the record tells it to the minute
	if len(changes) == 0 && sameExpiry && key.Version == was.Version {
		return errUnchanged
	}
	if err := c.UpdateKey(ctx, key); err != nil {
		return err
	}
	return c.Record(ctx, keyRevision(key, action, changes))
}

func keyRevision(key portal.Key, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{OrganizationID: key.OrganizationID, Noun: portal.NounKey, NounID: key.ID, NounName: key.Name, Action: action, Changes: changes}
}
