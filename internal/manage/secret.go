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

// What the secrets of keys begin with, and the public halves of those that have two.
var (
	secretPrefixes = map[portal.Kind]secret.Prefix{portal.TokenKey: secret.Token, portal.PairKey: secret.SecurityKey, portal.OAuthKey: secret.ClientSecret}
	publicPrefixes = map[portal.Kind]secret.Prefix{portal.PairKey: secret.AccessKey, portal.OAuthKey: secret.ClientID}
)

// storedSecret gives a key's new secret as it is stored: its hash and, where the
// organization lets secrets be viewed again, a sealed copy.
func (m *Manager) storedSecret(ctx context.Context, q store.Queries, key portal.Key, value secret.Value) (portal.Secret, error) {
	hash := value.Hash()
	if key.Kind == portal.PairKey {
		hash = secret.HashOfPair(key.PublicID, value.Reveal())
	}
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

// secretsInUse lists a key's live secrets for people, and the programs that got access
// tokens with one. What a program did counts as a use of the secret at once; what the
// check saw does when it was written down.
func (m *Manager) secretsInUse(ctx context.Context, key int64) ([]portal.Secret, []portal.ClientUse, error) {
	secrets, err := secretsOf(ctx, m.Store.Queries, key)
	if err != nil {
		return nil, nil, err
	}
	uses, err := m.Store.ClientUses(ctx, key)
	for _, use := range uses {
		for i := range secrets {
			if secrets[i].ID == use.SecretID && use.UsedAt.After(secrets[i].LastUsedAt) {
				secrets[i].LastUsedAt, secrets[i].LastUsedFrom = use.UsedAt, use.Address
			}
		}
	}
	return secrets, uses, err
}

// Graces are how long a secret that is rotated out can go on working.
var Graces = []time.Duration{0, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// Rotation is what is asked for when a key gets a new secret.
type Rotation struct {
	KeyID      int64
	Submission Submission
	Grace      time.Duration // one of Graces
	Confirm    string        // what was typed to confirm; see RotationName
	Secret     int64         // the ID of the secret that is to be replaced; 0: whichever is the current one

	Check func(portal.Key) error // refuses by how the key is then; nil: nothing
}

// RotationName is what must be typed to confirm that a key gets a new secret: an
// OAuth client's license number, else the key's name.
func RotationName(key portal.Key) string {
	if key.Kind == portal.OAuthKey {
		return key.LicenseNumber
	}
	return key.Name
}

// RotateKey gives a key a new secret. The one before works on for the grace, and
// never longer than the key; without grace it stops at once, with its access
// tokens. One that was being rotated out already stops in any case, and a one-time
// page that waits is gone. For who may have the key's secret (portal.CanHaveSecret)
// and map a key to its user. A form that was sent before gives the key without its
// secret. CodeConflict when the secret that is to be replaced is not the current one any
// more.
func (m *Manager) RotateKey(ctx context.Context, in Rotation) (GeneratedKey, error) {
	var made GeneratedKey
	err := m.giveSecret(ctx, in.KeyID, func(c *store.Change, key portal.Key) error {
		return once(ctx, c, in.Submission, portal.NounKey, &made, generatedBefore(c), func() (int64, error) {
			if err := checkRotation(ctx, c.Queries, key, in); err != nil {
				return 0, err
			}
			if err := c.DropDelivery(ctx, key.ID); err != nil {
				return 0, err
			}
			until := graceEnd(c, key, in.Grace)
			var err error
			if made, err = m.putNewSecret(ctx, c, key, until); err != nil {
				return 0, err
			}
			return key.ID, c.Record(ctx, keyRevision(key, "regenerated the secret", rotationChanges(key, made.Key, until)))
		})
	})
	if err != nil {
		return GeneratedKey{}, err
	}
	return made, nil
}

func checkRotation(ctx context.Context, q store.Queries, key portal.Key, in Rotation) error {
	if in.Check != nil {
		if err := in.Check(key); err != nil {
			return err
		}
	}
	secrets, err := q.Secrets(ctx, key.ID)
	switch {
	case err != nil:
		return err
	case in.Secret != 0 && (len(secrets) == 0 || secrets[0].ID != in.Secret):
		return portal.Conflict("Somebody else gave this API key a new secret since you opened the form. Nothing was made: a second new secret would end the one that applications use. Look at the key first.")
	}
	if !key.HasSecret() {
		return portal.Conflict("This API key has no secret yet: its one-time page was not opened. Send a new one-time page instead.")
	}
	var invalid portal.Invalid
	checkGrace(&invalid, in.Grace)
	invalid.Check(portal.Fold(in.Confirm) == portal.Fold(RotationName(key)), "confirm", "Type “"+RotationName(key)+"” to confirm.")
	return invalid.Err()
}

func checkGrace(invalid *portal.Invalid, grace time.Duration) {
	invalid.Check(slices.Contains(Graces, grace), "grace", "Choose how long the present secret goes on working.")
}

// rotatable tells why the actor may not give a key a new secret, which they get to
// see: who may not have the key's secret, or could not give a key its mapped user's
// rights, or let it impersonate.
func rotatable(ctx context.Context, q store.Queries, key portal.Key) (refusal, err error) {
	if refusal := portal.CanHaveSecret(portal.ActorFrom(ctx), key); refusal != nil {
		return refusal, nil
	}
	if refusal := canHaveImpersonatorsSecret(portal.ActorFrom(ctx), key); refusal != nil {
		return refusal, nil
	}
	return canMapKey(ctx, q, key)
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
	if !was.HasSecret() {
		return []portal.ValueChange{{Name: "Secret", After: key.Masked}}
	}
	until := "At once"
	if !end.IsZero() {
		until = end.UTC().Format("2006-01-02 15:04 UTC")
	}
	return []portal.ValueChange{{Name: "Secret", Before: was.Masked, After: key.Masked}, {Name: "Old secret stops", After: until}}
}

// putNewSecret makes a new secret the key's current one; the one before works
// until an end.
func (m *Manager) putNewSecret(ctx context.Context, c *store.Change, key portal.Key, until time.Time) (GeneratedKey, error) {
	made := GeneratedKey{Secret: m.newSecret(secretPrefixes[key.Kind])}
	stored, err := m.storedSecret(ctx, c.Queries, key, made.Secret)
	if err != nil {
		return made, err
	}
	made.Viewable = len(stored.Sealed) > 0
	if err := c.RotateSecret(ctx, key, stored, until); err != nil {
		return made, err
	}
	made.Key, err = c.Key(ctx, key.ID)
	return made, err
}

// RetireOldSecret ends the secret of a key that is being rotated out, with its
// access tokens. What RotationName gives must be typed to confirm. For who may change
// the key's secrets (portal.CanChangeSecret).
func (m *Manager) RetireOldSecret(ctx context.Context, id int64, typed string) error {
	return m.changeSecret(ctx, id, func(c *store.Change, key portal.Key) error {
		old, err := oldSecret(ctx, c.Queries, id)
		if err != nil {
			return err
		}
		if old.ID == 0 {
			return errUnchanged
		}
		if err := confirm(typed, RotationName(key)); err != nil {
			return err
		}
		if err := c.RetirePrevious(ctx, id); err != nil {
			return err
		}
		return c.Record(ctx, keyRevision(key, "retired the old secret", []portal.ValueChange{{Name: "Secret", Before: old.Masked}}))
	})
}

// CancelRotation takes a rotation back: the secret that is being rotated out works on
// as if nothing had happened, and the new one stops at once, with its access tokens.
// The old one can't be viewed again. What RotationName gives must be typed to confirm.
// For who may give the key a new secret, as with RotateKey. CodeConflict when no old
// secret works any more.
func (m *Manager) CancelRotation(ctx context.Context, id int64, typed string) error {
	return m.giveSecret(ctx, id, func(c *store.Change, key portal.Key) error {
		old, err := oldSecret(ctx, c.Queries, id)
		if err != nil {
			return err
		}
		if old.ID == 0 {
			return portal.Conflict("There is no rotation to cancel: the old secret works no more, or the rotation was canceled before.")
		}
		if err := confirm(typed, RotationName(key)); err != nil {
			return err
		}
		if err := c.RestorePrevious(ctx, key, old); err != nil {
			return err
		}
		return c.Record(ctx, keyRevision(key, "canceled the rotation", []portal.ValueChange{{Name: "Secret", Before: key.Masked, After: old.Masked}}))
	})
}

// oldSecret finds the secret of a key that is being rotated out and still works; the
// zero Secret when there is none.
func oldSecret(ctx context.Context, q store.Queries, key int64) (portal.Secret, error) {
	secrets, err := secretsOf(ctx, q, key)
	if old := slices.IndexFunc(secrets, func(s portal.Secret) bool { return s.Previous }); old >= 0 {
		return secrets[old], err
	}
	return portal.Secret{}, err
}

// giveSecret runs fn on a key that is not revoked and that the actor may give a new
// secret.
func (m *Manager) giveSecret(ctx context.Context, id int64, fn func(*store.Change, portal.Key) error) error {
	return m.changeSecret(ctx, id, func(c *store.Change, key portal.Key) error {
		if refusal, err := rotatable(ctx, c.Queries, key); err != nil || refusal != nil {
			return errors.Join(err, refusal)
		}
		return fn(c, key)
	})
}

// changeSecret is changeKey for who may change the key's secrets.
func (m *Manager) changeSecret(ctx context.Context, id int64, fn func(*store.Change, portal.Key) error) error {
	return m.changeKey(ctx, id, func(c *store.Change, key portal.Key) error {
		if err := portal.CanChangeSecret(portal.ActorFrom(ctx), key); err != nil {
			return err
		}
		return fn(c, key)
	})
}

const viewingLasts = 5 * time.Minute // after the password was entered

// ViewSecret gives the current secret of a key in clear, where the organization
// lets secrets be viewed again. For who may give the key a new one, whose password
// was entered within the last five minutes or is right. When it had to be entered,
// the session gets a new token, which replaces the given one's; it is given also when
// the secret can't be shown then. Each viewing is a revision. CodeConflict when there
// is no copy of the secret.
func (m *Manager) ViewSecret(ctx context.Context, session portal.Session, id int64, password string) (value, token secret.Value, err error) {
	if portal.ActorFrom(ctx).UserID != session.UserID || session.UserID == 0 {
		return value, token, portal.Unauthenticated("Log in to go on.")
	}
	if err := portal.InPerson(portal.ActorFrom(ctx)); err != nil {
		return value, token, err
	}
	key, err := m.Key(ctx, id)
	if err != nil {
		return value, token, err
	}
	if key.Rotatable != nil { // before anybody is asked for a password
		return value, token, key.Rotatable
	}
	if m.NeedsPassword(session) {
		if token, err = m.reauthenticate(ctx, session, password); err != nil {
			return value, token, err
		}
	}
	err = m.giveSecret(ctx, id, func(c *store.Change, key portal.Key) error {
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

// NeedsPassword tells whether the password must be entered again before a secret is
// shown in a session.
func (m *Manager) NeedsPassword(session portal.Session) bool {
	return m.Now().Sub(session.PasswordAt) >= viewingLasts
}

// sealedSecret finds the copy of a key's current secret that may be viewed; the zero
// Secret when there is none.
func sealedSecret(ctx context.Context, q store.Queries, key portal.Key) (portal.Secret, error) {
	organization, err := q.Organization(ctx, key.OrganizationID)
	if err != nil || !organization.SecretViewing {
		return portal.Secret{}, err
	}
	secrets, err := q.Secrets(ctx, key.ID)
	if i := slices.IndexFunc(secrets, func(s portal.Secret) bool { return !s.Previous && len(s.Sealed) > 0 }); i >= 0 {
		return secrets[i], err
	}
	return portal.Secret{}, err
}

func (m *Manager) unsealed(ctx context.Context, q store.Queries, key portal.Key) (secret.Value, error) {
	sealed, err := sealedSecret(ctx, q, key)
	if err != nil {
		return secret.Value{}, err
	}
	if sealed.ID == 0 {
		return secret.Value{}, portal.Conflict("This secret can't be viewed: that is not allowed here, or was not when it was made. Where it is allowed, a regenerated secret can be.")
	}
	clear, err := m.Sealer.Unseal(sealed.Sealed, sealedPlace(sealed.Hash))
	if err != nil {
		return secret.Value{}, portal.Unavailable("This secret can't be opened: the keyset is not the one that it was sealed under. Put the right keyset back, or regenerate the secret.", err)
	}
	return secret.Restore(string(clear))
}
