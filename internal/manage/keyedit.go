package manage

import (
	"context"
	"errors"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// KeyEdit is what a key is to be like.
type KeyEdit struct {
	ID, Version int64
	Name        string
	Description string
	UserID      int64     // the mapped user
	APISets     []string  // slugs
	ExpiresAt   time.Time // zero: never

	AllowedNetworks []string         // addresses and CIDR; empty: from anywhere
	RateLimit       portal.RateLimit // zero: none
}

// UpdateKey edits a key, which counts from the next check on. For who may change it; to
// map it to another user, for who may make such a key of that user, and could give them
// all of its API sets; to loosen or remove its rate limit, for who may Manage API Keys.
// Of a Data Loader key only the expiry can be changed. A later expiry renews a key that
// has expired. Whether it can impersonate never changes; one that can is widened and
// mapped to another user by who may Allow Impersonation alone. CodeConflict when it was
// revoked, or changed by somebody else meanwhile.
func (m *Manager) UpdateKey(ctx context.Context, in KeyEdit) error {
	return m.changeKey(ctx, in.ID, func(c *store.Change, was portal.Key) error {
		key, err := editedKey(ctx, c.Queries, was, in)
		if err != nil {
			return err
		}
		if key.UserID != was.UserID {
			if err := c.DropDelivery(ctx, key.ID); err != nil { // it is the other user's
				return err
			}
		}
		if err := putKey(ctx, c, was, key, "edited"); err != nil {
			return err
		}
		return c.EndPrevious(ctx, key)
	})
}

// editedKey gives a key as it would be, if it may be like that.
func editedKey(ctx context.Context, q store.Queries, was portal.Key, in KeyEdit) (portal.Key, error) {
	var invalid portal.Invalid
	key, err := remapped(ctx, q, &invalid, was, in.UserID)
	if err != nil {
		return key, err
	}
	if key, err = checkKey(ctx, q, &invalid, was, key, in.Name, in.Description, in.APISets); err != nil {
		return key, err
	}
	if key.ExpiresAt = in.ExpiresAt; !key.ExpiresAt.Equal(was.ExpiresAt) {
		if err := checkExpiry(ctx, q, &invalid, key); err != nil {
			return key, err
		}
	}
	key = bounded(ctx, &invalid, key, in)
	if key.Name != was.Name {
		if key, err = withApplicationNamed(ctx, q, key); err != nil {
			return key, err
		}
	}
	if err := errors.Join(checkDataLoaderEdit(was, key), invalid.Err()); err != nil {
		return key, err
	}
	key.Version = in.Version
	return key, checkWidening(ctx, q, was, key)
}

// remapped gives a key as it would be with another mapped user.
func remapped(ctx context.Context, q store.Queries, invalid *portal.Invalid, was portal.Key, user int64) (portal.Key, error) {
	key := was
	if key.UserID = user; user == was.UserID {
		return key, nil
	}
	actor := portal.ActorFrom(ctx)
	if err := canMakeKey(actor, key); err != nil {
		return key, err
	}
	if err := checkMappedUser(ctx, q, invalid, key); err != nil || invalid.Err() != nil {
		return was, err // of one who can't have the key nothing else needs to be said
	}
	to, err := q.User(ctx, user)
	key.Username, key.UserName = to.Username, to.Name()
	key.MappedBy, key.MapperName, key.MappedAt, key.MappingTold = actor.UserID, actor.Name, q.Now(), actor.UserID == user
	return key, err
}

// bounded gives a key as it would be with the networks and the rate limit of an edit.
func bounded(ctx context.Context, invalid *portal.Invalid, key portal.Key, in KeyEdit) portal.Key {
	in.RateLimit.Check(invalid, "rate_limit")
	if err := portal.CanLoosen(portal.ActorFrom(ctx), key, in.RateLimit); err != nil {
		invalid.Add("rate_limit", err.Error())
	}
	key.AllowedNetworks, key.RateLimit = invalid.Networks("network", in.AllowedNetworks), in.RateLimit
	return key
}

// checkDataLoaderEdit refuses what can't be changed of a Data Loader key.
func checkDataLoaderEdit(was, key portal.Key) error {
	key.ExpiresAt = was.ExpiresAt
	if was.DataLoader && len(portal.Diff(was.Record(), key.Record())) > 0 {
		return portal.Conflict("Of a Data Loader key only the expiry can be changed. Delete it and make another instead.")
	}
	return nil
}

// checkWidening refuses to have a key do more than it does, or longer, from elsewhere,
// more often, or as somebody else, for who could not map a key to its user, or came in
// through a key that is narrower.
func checkWidening(ctx context.Context, q store.Queries, was, key portal.Key) error {
	later := !was.ExpiresAt.IsZero() && (key.ExpiresAt.IsZero() || key.ExpiresAt.After(was.ExpiresAt))
	within := portal.WithinNetworks(key.AllowedNetworks, was.AllowedNetworks) && key.RateLimit.Within(was.RateLimit)
	if !later && within && key.UserID == was.UserID && len(portal.WithoutAPISets(key.APISets, was.APISets)) == 0 {
		return nil
	}
	return canWiden(ctx, q, key)
}

// canWiden answers whether the actor may have a key do more than it does, longer, or
// again.
func canWiden(ctx context.Context, q store.Queries, key portal.Key) error {
	if err := canLetImpersonate(portal.ActorFrom(ctx), key); err != nil {
		return err
	}
	refusal, err := canMapKey(ctx, q, key)
	return errors.Join(err, refusal, portal.CanPassOn(portal.ActorFrom(ctx), key))
}

// checkKey validates what was entered of a key, notes what is wrong with it, and gives
// the key as it would be. API sets that are added must be allowed by the mapped user's
// roles and be the actor's to give; those that the key has may stay with the user that
// it has.
func checkKey(ctx context.Context, q store.Queries, invalid *portal.Invalid, was, key portal.Key, name, description string, slugs []string) (portal.Key, error) {
	key.Name = invalid.Name("name", "name", name)
	key.Description = invalid.Description("description", "description", description)
	if err := checkKeyName(ctx, q, invalid, key); err != nil {
		return key, err
	}
	var err error
	if key.APISets, err = chooseAPISets(ctx, q, invalid, slugs, was.APISets); err != nil {
		return key, err
	}
	added := portal.WithoutAPISets(key.APISets, was.APISets)
	if key.UserID != was.UserID {
		added = key.APISets
	}
	return key, checkGranted(ctx, q, invalid, key, added)
}

// checkGranted notes the API sets that a key's user or the actor does not hold.
func checkGranted(ctx context.Context, q store.Queries, invalid *portal.Invalid, key portal.Key, sets []portal.APISet) error {
	grants, err := q.Grants(ctx, key.UserID)
	if err != nil {
		return err
	}
	for _, set := range sets {
		if set.Slug == portal.PortalAPI {
			refusal, err := canMapKey(ctx, q, key)
			if err != nil {
				return err
			}
			if refusal != nil {
				invalid.Add("api_set", refusal.Error())
			}
		}
		if !reaches(grants, key.OrganizationID, set) {
			invalid.Add("api_set", "The roles of the key's user don't allow the API set “"+set.Name+"”. Remove it, or ask an administrator for a role that includes it.")
		}
		if err := portal.CanGrant(portal.ActorFrom(ctx), key.OrganizationID, nil, []portal.APISet{set}); err != nil {
			invalid.Add("api_set", "You can't grant the API set “"+set.Name+"”: your own roles don't allow it.")
		}
	}
	return nil
}

// checkKeyName finds another live key of the user with the key's name. A name
// that can't be taken anyhow is not looked up: the database may not take it.
func checkKeyName(ctx context.Context, q store.Queries, invalid *portal.Invalid, key portal.Key) error {
	if invalid.Err() != nil {
		return nil
	}
	other, err := q.LiveKeyNamed(ctx, key.OrganizationID, key.UserID, key.Name)
	if err == nil && other.ID == key.ID {
		return nil
	}
	return taken(invalid, "name", "This user has an API key with this name already. Choose another.", err)
}
