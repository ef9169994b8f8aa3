package manage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// A secret that is delivered is not made until the key's mapped user opens the
// one-time page, so that nobody else ever has it: the first one of a key that was
// issued so, and a new one of a key that has one.

const deliveryLifetime = 7 * 24 * time.Hour

// newDelivery makes the one-time page on which a key's mapped user gets a secret, in
// place of an earlier one.
func (m *Manager) newDelivery(ctx context.Context, u *store.Update, key portal.Key) error {
	if err := u.DropDelivery(ctx, key.ID); err != nil {
		return err
	}
	hash := secret.New("", secret.Link).Hash() // of a token that nobody gets: the page is found by its key
	return u.InsertLink(ctx, portal.Link{
		Hash: hash[:], Purpose: portal.DeliveryLink, UserID: key.UserID, KeyID: key.ID,
		CreatedBy: portal.ActorFrom(ctx).UserID, ExpiresAt: u.Now().Add(deliveryLifetime),
	})
}

var errDeliveryGone = portal.Conflict("This one-time page was opened already, or has expired. Ask support for a new one.")

// Delivery is a key that waits for its mapped user to get a secret.
type Delivery struct {
	portal.Key
	Uses      []portal.ClientUse // programs that got access tokens with the secret that it has
	ExpiresAt time.Time          // of the one-time page
}

// Delivery finds the one-time page of a key. For the user whom it is for, while
// they are in the organization; for others it is not found. CodeConflict when it was
// opened or has expired.
func (m *Manager) Delivery(ctx context.Context, key int64) (Delivery, error) {
	found, link, err := openableDelivery(ctx, m.Store.Queries, key)
	if err != nil {
		return Delivery{}, err
	}
	delivery := Delivery{Key: found, ExpiresAt: link.ExpiresAt}
	delivery.Uses, err = m.Store.ClientUses(ctx, key)
	return delivery, err
}

// openableDelivery finds a one-time page that the actor can open, with its key.
func openableDelivery(ctx context.Context, q store.Queries, id int64) (portal.Key, portal.Link, error) {
	actor := portal.ActorFrom(ctx)
	if err := portal.InPerson(actor); err != nil {
		return portal.Key{}, portal.Link{}, err
	}
	link, err := q.Delivery(ctx, id)
	if err == nil && (link.UserID != actor.UserID || actor.UserID == 0) {
		err = portal.NotFound(portal.NounLink)
	}
	if err != nil {
		return portal.Key{}, link, err
	}
	key, err := q.Key(ctx, id)
	if err == nil && !actor.Member(key.OrganizationID) {
		err = portal.NotFound(portal.NounLink)
	}
	if err != nil {
		return portal.Key{}, link, err
	}
	if !link.UsedAt.IsZero() || !q.Now().Before(link.ExpiresAt) || key.Revoked() || key.UserID != link.UserID {
		return portal.Key{}, link, errDeliveryGone
	}
	return key, link, nil
}

// OpenDelivery makes the secret that a key's one-time page is for and gives it in
// clear, once. A secret that the key had works on for the grace, as with RotateKey.
// For the user whom the one-time page is for. CodeConflict when it was opened or has
// expired.
func (m *Manager) OpenDelivery(ctx context.Context, id int64, grace time.Duration) (GeneratedKey, error) {
	var made GeneratedKey
	err := m.change(ctx, func(c *store.Change) error {
		key, link, err := openableDelivery(ctx, c.Queries, id)
		if err != nil {
			return err
		}
		if err := c.UseLink(ctx, link.Hash); err != nil {
			return err
		}
		if err := c.TellOfKey(ctx, key); err != nil { // who opens the page knows of the key
			return err
		}
		until, err := deliveryGrace(c, key, grace)
		if err != nil {
			return err
		}
		if made, err = m.putNewSecret(ctx, c, key, until); err != nil {
			return err
		}
		return c.Record(ctx, keyRevision(made.Key, "opened the one-time page", rotationChanges(key, made.Key, until)))
	})
	if err != nil {
		return GeneratedKey{}, err
	}
	return made, nil
}

// deliveryGrace tells when the secret stops that a key has before a delivery; the zero
// time is at once, or that it has none.
func deliveryGrace(c *store.Change, key portal.Key, grace time.Duration) (time.Time, error) {
	if !key.HasSecret() {
		return time.Time{}, nil
	}
	var invalid portal.Invalid
	checkGrace(&invalid, grace)
	return graceEnd(c, key, grace), invalid.Err()
}

// Deliveries lists the keys of the actor that wait on their one-time pages.
func (m *Manager) Deliveries(ctx context.Context) ([]portal.Key, error) {
	actor := portal.ActorFrom(ctx)
	if err := signedIn(actor); err != nil {
		return nil, err
	}
	keys, err := m.Store.DeliveriesTo(ctx, actor.UserID)
	return slices.DeleteFunc(keys, func(key portal.Key) bool { return !actor.Member(key.OrganizationID) }), err
}

// SendDelivery makes a one-time page on which a key's mapped user gets a new secret,
// in place of one that was not opened. For who may send the key's secret
// (portal.CanSendSecret).
func (m *Manager) SendDelivery(ctx context.Context, id int64) (portal.Key, error) {
	var key portal.Key
	err := m.changeKey(ctx, id, func(c *store.Change, found portal.Key) error {
		key = found
		if err := portal.CanSendSecret(portal.ActorFrom(ctx), key); err != nil {
			return err
		}
		if err := m.newDelivery(ctx, &c.Update, key); err != nil {
			return err
		}
		return c.Record(ctx, keyRevision(key, "sent a one-time page", nil))
	})
	return key, err
}

// TellOfDelivery mails a delivered key's mapped user where the one-time page is.
// Without mail set up nothing is sent: the page is announced in the portal. The
// error says that the mail did not go out.
func (m *Manager) TellOfDelivery(ctx context.Context, key portal.Key) error {
	if m.Mailer == nil {
		return nil
	}
	user, err := m.Store.User(ctx, key.UserID)
	if err != nil {
		return err
	}
	address := m.BaseURL.JoinPath("keys", fmt.Sprint(key.ID), "delivery").String()
	if err := m.Mailer.Send(ctx, user.Email, "Your API key is ready", deliveryMail(user, key, address)); err != nil {
		return portal.Unavailable("The e-mail about it could not be sent: tell "+user.Name()+" that the key waits in the portal.", err)
	}
	return nil
}

func deliveryMail(user portal.User, key portal.Key, address string) string {
	return "Hello " + user.Name() + ",\n\n" +
		deliveredThing(key) + " is ready. Log in to see it:\n\n" +
		address + "\n\n" +
		"The page opens once, for you alone, and within 7 days. Have a safe place for the key at hand.\n"
}

func deliveredThing(key portal.Key) string {
	if !key.HasSecret() {
		return "the API key “" + key.Name + "”"
	}
	return "a new secret of the API key “" + key.Name + "”"
}
