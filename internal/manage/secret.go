package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

var secretPrefixes = map[portal.Kind]secret.Prefix{portal.TokenKey: secret.Token, portal.PairKey: secret.SecurityKey, portal.OAuthKey: secret.ClientSecret}

// storedSecret gives a key's new secret as it is stored: its hash and, where the
// organization lets secrets be viewed again, a sealed copy.
func (m *Manager) storedSecret(ctx context.Context, q store.Queries, key portal.Key, value secret.Value) (portal.Secret, error) {
	hash := value.Hash()
	stored := portal.Secret{Hash: hash[:], Masked: value.Mask()}
	organization, err := q.Organization(ctx, key.OrganizationID)
	if err != nil || !organization.SecretViewing || key.Kind == portal.TokenKey {
		return stored, err
	}
	stored.Sealed, err = m.Sealer.Seal([]byte(value.Reveal()), sealedPlace(stored.Hash))
	return stored, err
}

// sealedPlace binds a sealed secret to its row: with another one's hash it does not
// open.
func sealedPlace(hash []byte) []byte { return fmt.Appendf(nil, "secret %x", hash) }

// secretsOf lists a key's live secrets for people: without hashes and sealed copies.
func secretsOf(ctx context.Context, q store.Queries, key int64) ([]portal.Secret, error) {
	secrets, err := q.Secrets(ctx, key)
	for i := range secrets {
		secrets[i].Hash, secrets[i].Sealed = nil, nil
	}
	return slices.DeleteFunc(secrets, func(s portal.Secret) bool { return !s.ExpiresAt.IsZero() && !q.Now().Before(s.ExpiresAt) }), err
}

// Graces are how long a secret that is rotated out can go on working.
var Graces = []time.Duration{0, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// Rotation is what is asked for when a key gets a new secret.
type Rotation struct {
	KeyID      int64
	Submission string
	Grace      time.Duration // one of Graces
	Confirm    string        // what was typed to confirm; see RotationName
}

// RotationName is what must be typed to confirm that a key gets a new secret: an
// OAuth client's license number, else the key's name.
func RotationName(key portal.Key) string {
	if key.Kind == portal.OAuthKey {
		return key.LicenseNumber
	}
	return key.Name
}

// canRotateKey answers whether the actor may give a key a new secret, which they
// get to see: a client's administrators alone for an OAuth client, else who may
// change the key.
func canRotateKey(actor portal.Actor, key portal.Key) error {
	if key.Kind == portal.OAuthKey {
		return portal.Can(actor, portal.ViewClientSecret, key.OrganizationID)
	}
	return portal.CanUseKeysOf(actor, portal.ChangeKey, key.OrganizationID, key.UserID)
}

// RotateKey gives a key a new secret. The one before works on for the grace, and
// never longer than the key; without grace it stops at once, with its access
// tokens. One that was being rotated out already stops in any case. For who may
// change the key; of an OAuth client, for who may Manage Client Secret. A form that
// was sent before gives the key without its secret.
func (m *Manager) RotateKey(ctx context.Context, in Rotation) (GeneratedKey, error) {
	var made GeneratedKey
	err := m.rotatableKey(ctx, in.KeyID, func(c *store.Change, key portal.Key) error {
		_, again, err := submitted(ctx, c, in.Submission, portal.NounKey)
		if err != nil {
			return err
		}
		if again {
			made.Key = key
			return errUnchanged
		}
		if err := checkRotation(key, in); err != nil {
			return err
		}
		if made.Secret, err = m.putNewSecret(ctx, c, key, graceEnd(c, key, in.Grace)); err != nil {
			return err
		}
		if made.Key, err = c.Key(ctx, key.ID); err != nil {
			return err
		}
		if err := c.Record(ctx, keyRevision(key, "regenerated the secret", rotationChanges(key, made.Key, graceEnd(c, key, in.Grace)))); err != nil {
			return err
		}
		return submit(ctx, c, in.Submission, portal.NounKey, key.ID)
	})
	if err != nil {
		return GeneratedKey{}, err
	}
	return made, nil
}

func checkRotation(key portal.Key, in Rotation) error {
	if key.Masked == "" {
		return portal.Conflict("This API key has no secret yet: its one-time page was not opened. Send a new one-time page instead.")
	}
	var invalid portal.Invalid
	invalid.Check(slices.Contains(Graces, in.Grace), "grace", "Choose how long the old secret goes on working.")
	invalid.Check(portal.Fold(in.Confirm) == portal.Fold(RotationName(key)), "confirm", "Type “"+RotationName(key)+"” to confirm.")
	return invalid.Err()
}

// rotatable tells why the actor may not give a key a new secret, which they get to
// see: who may not change the key, could not give one its mapped user's rights, or
// could not grant what it was granted.
func rotatable(ctx context.Context, q store.Queries, key portal.Key) (refusal, err error) {
	actor := portal.ActorFrom(ctx)
	if refusal := canRotateKey(actor, key); refusal != nil {
		return refusal, nil
	}
	if refusal := canHoldSecret(actor, key); refusal != nil {
		return refusal, nil
	}
	return canMapKey(ctx, q, key)
}

// canHoldSecret answers whether the actor may get a key's secret: of somebody else's
// key only who could grant what it was granted. An OAuth client's is for who may
// Manage Client Secret.
func canHoldSecret(actor portal.Actor, key portal.Key) error {
	if key.Kind == portal.OAuthKey || key.UserID == actor.UserID && actor.UserID != 0 {
		return nil
	}
	return portal.CanGrant(actor, key.OrganizationID, nil, key.APISets)
}

// canViewSecret answers whether the actor may see a secret that is in use. Support
// can give a client's key a new one, which its users notice, but not look at theirs.
func canViewSecret(actor portal.Actor, key portal.Key) error {
	if actor.Staff == portal.Support && key.UserID != actor.UserID {
		return portal.Denied("Support can't view the secrets of clients. Ask an administrator of " + key.OrganizationName + ".")
	}
	return nil
}

// graceEnd tells when a secret that is rotated out stops; the zero time is now.
func graceEnd(c *store.Change, key portal.Key, grace time.Duration) time.Time {
	if grace == 0 {
		return time.Time{}
	}
	end := c.Now().Add(grace)
	if !key.ExpiresAt.IsZero() && key.ExpiresAt.Before(end) {
		return key.ExpiresAt
	}
	return end
}

func rotationChanges(was, key portal.Key, end time.Time) []portal.ValueChange {
	until := "At once"
	if !end.IsZero() {
		until = end.UTC().Format("2006-01-02 15:04 UTC")
	}
	return []portal.ValueChange{{Name: "Secret", Before: was.Masked, After: key.Masked}, {Name: "Old secret stops", After: until}}
}

// putNewSecret makes a new secret the key's current one; the one before works
// until an end.
func (m *Manager) putNewSecret(ctx context.Context, c *store.Change, key portal.Key, until time.Time) (secret.Value, error) {
	value := m.newSecret(secretPrefixes[key.Kind])
	stored, err := m.storedSecret(ctx, c.Queries, key, value)
	if err != nil {
		return value, err
	}
	return value, c.RotateSecret(ctx, key, stored, until)
}

// RetireOldSecret ends the secret of a key that is being rotated out, with its
// access tokens. For who may give the key a new secret.
func (m *Manager) RetireOldSecret(ctx context.Context, id int64) error {
	return m.rotatableKey(ctx, id, func(c *store.Change, key portal.Key) error {
		secrets, err := secretsOf(ctx, c.Queries, id)
		if err != nil {
			return err
		}
		old := slices.IndexFunc(secrets, func(s portal.Secret) bool { return s.Previous })
		if old < 0 {
			return errUnchanged
		}
		if err := c.RetirePrevious(ctx, id); err != nil {
			return err
		}
		return c.Record(ctx, keyRevision(key, "retired the old secret", []portal.ValueChange{{Name: "Secret", Before: secrets[old].Masked}}))
	})
}

// rotatableKey runs fn on a key that is not revoked and that the actor may give a
// new secret.
func (m *Manager) rotatableKey(ctx context.Context, id int64, fn func(*store.Change, portal.Key) error) error {
	return m.change(ctx, func(c *store.Change) error {
		key, err := c.Key(ctx, id)
		if err != nil {
			return err
		}
		actor := portal.ActorFrom(ctx)
		if actor.SignedIn() && !actor.CanSee(key.OrganizationID) {
			return portal.NotFound(portal.NounKey)
		}
		if refusal, err := rotatable(ctx, c.Queries, key); err != nil || refusal != nil {
			return errors.Join(err, refusal)
		}
		if key.Revoked() {
			return errRevoked
		}
		return fn(c, key)
	})
}

const viewingLasts = 5 * time.Minute // after the password was entered

// ViewSecret gives the current secret of a key in clear, where the organization
// lets secrets be viewed again. For who may give the key a new one, but support,
// whose password was entered within the last five minutes or is right. When it had
// to be entered, the session gets a new token, which replaces the given one's; it is
// given also when the secret can't be shown then. Each viewing is a revision.
// CodeConflict when there is no copy of the secret.
func (m *Manager) ViewSecret(ctx context.Context, session portal.Session, id int64, password string) (value, token secret.Value, err error) {
	if portal.ActorFrom(ctx).UserID != session.UserID || session.UserID == 0 {
		return value, token, portal.Unauthenticated("Log in to go on.")
	}
	if err := m.mayView(ctx, id); err != nil {
		return value, token, err
	}
	if m.NeedsPassword(session) {
		if token, err = m.reauthenticate(ctx, session, password); err != nil {
			return value, token, err
		}
	}
	err = m.rotatableKey(ctx, id, func(c *store.Change, key portal.Key) error {
		if err := canViewSecret(portal.ActorFrom(ctx), key); err != nil {
			return err
		}
		if value, err = m.unsealed(ctx, c.Queries, key); err != nil {
			return err
		}
		return c.Record(ctx, keyRevision(key, "viewed the secret", nil))
	})
	if err != nil {
		value = secret.Value{}
	}
	return value, token, err
}

// mayView refuses who may not view a key's secret before anybody is asked for a
// password.
func (m *Manager) mayView(ctx context.Context, id int64) error {
	key, err := m.Key(ctx, id)
	if err != nil {
		return err
	}
	if key.Rotatable != nil {
		return key.Rotatable
	}
	return canViewSecret(portal.ActorFrom(ctx), key.Key)
}

// NeedsPassword tells whether the password must be entered again before a secret is
// shown in a session.
func (m *Manager) NeedsPassword(session portal.Session) bool {
	return m.Now().Sub(session.PasswordAt) >= viewingLasts
}

func (m *Manager) unsealed(ctx context.Context, q store.Queries, key portal.Key) (secret.Value, error) {
	gone := portal.Conflict("This secret can't be viewed: it was made while that was not allowed here. Regenerate it to get one that can.")
	organization, err := q.Organization(ctx, key.OrganizationID)
	if err != nil {
		return secret.Value{}, err
	}
	secrets, err := q.Secrets(ctx, key.ID)
	if err != nil {
		return secret.Value{}, err
	}
	current := slices.IndexFunc(secrets, func(s portal.Secret) bool { return !s.Previous && len(s.Sealed) > 0 })
	if !organization.SecretViewing || current < 0 {
		return secret.Value{}, gone
	}
	clear, err := m.Sealer.Unseal(secrets[current].Sealed, sealedPlace(secrets[current].Hash))
	if err != nil {
		return secret.Value{}, portal.Unavailable("This secret can't be opened: the keyset is not the one that it was sealed under. Put the right keyset back, or regenerate the secret.", err)
	}
	return secret.Restore(string(clear))
}
