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

// A key that is delivered has no secret until its mapped user opens the one-time
// page: the secret is made then, so that nobody else ever has it.

const deliveryLifetime = 7 * 24 * time.Hour

// newDelivery makes the one-time page on which a key's mapped user gets its first
// secret, in place of an earlier one.
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

// Delivery is a key that waits for its mapped user to get the first secret.
type Delivery struct {
	portal.Key
	ExpiresAt time.Time // of the one-time page
}

// Delivery finds the one-time page of a key. For the user whom it is for, while
// they are in the organization; for others it is not found. CodeConflict when it was
// opened or has expired.
func (m *Manager) Delivery(ctx context.Context, key int64) (Delivery, error) {
	return m.delivery(ctx, m.Store.Queries, key)
}

func (m *Manager) delivery(ctx context.Context, q store.Queries, id int64) (Delivery, error) {
	actor := portal.ActorFrom(ctx)
	link, err := q.Delivery(ctx, id)
	if err == nil && (link.UserID != actor.UserID || actor.UserID == 0) {
		err = portal.NotFound(portal.NounLink)
	}
	if err != nil {
		return Delivery{}, err
	}
	key, err := q.Key(ctx, id)
	if err == nil && !actor.Member(key.OrganizationID) {
		err = portal.NotFound(portal.NounLink)
	}
	if err != nil {
		return Delivery{}, err
	}
	if !link.UsedAt.IsZero() || !q.Now().Before(link.ExpiresAt) || key.Revoked() || key.UserID != link.UserID {
		return Delivery{}, errDeliveryGone
	}
	return Delivery{key, link.ExpiresAt}, nil
}

// OpenDelivery makes a delivered key's first secret and gives it in clear, once.
// For the user whom the one-time page is for. CodeConflict when it was opened or
// has expired.
func (m *Manager) OpenDelivery(ctx context.Context, id int64) (GeneratedKey, error) {
	var made GeneratedKey
	err := m.change(ctx, func(c *store.Change) error {
		delivery, err := m.delivery(ctx, c.Queries, id)
		if err != nil {
			return err
		}
		link, err := c.Delivery(ctx, id)
		if err != nil {
			return err
		}
		if err := c.UseLink(ctx, link.Hash); err != nil {
			return err
		}
		if made.Secret, err = m.putNewSecret(ctx, c, delivery.Key, time.Time{}); err != nil {
			return err
		}
		if made.Key, err = c.Key(ctx, id); err != nil {
			return err
		}
		return c.Record(ctx, keyRevision(made.Key, "opened the one-time page", []portal.ValueChange{{Name: "Secret", After: made.Masked}}))
	})
	if err != nil {
		return GeneratedKey{}, err
	}
	return made, nil
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

// RenewDelivery makes a new one-time page for a key whose secret was not delivered
// yet. For who may change the key.
func (m *Manager) RenewDelivery(ctx context.Context, id int64) (portal.Key, error) {
	var key portal.Key
	err := m.changeKey(ctx, id, func(c *store.Change, found portal.Key) error {
		key = found
		if key.Masked != "" {
			return portal.Conflict("This API key was delivered already. Give it a new secret instead.")
		}
		if err := m.newDelivery(ctx, &c.Update, key); err != nil {
			return err
		}
		return c.Record(ctx, keyRevision(key, "sent a new one-time page", nil))
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
		"the API key “" + key.Name + "” is ready. Log in to see it:\n\n" +
		address + "\n\n" +
		"The page opens once, for you alone, and within 7 days. Have a safe place for the key at hand.\n"
}
