package manage

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"

	"golang.org/x/crypto/argon2"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// The parameters of argon2id (OWASP Password Storage Cheat Sheet: 19 MiB, two
// passes, one lane).
const (
	argonMemory  = 19456 // KiB
	argonPasses  = 2
	argonLanes   = 1
	argonKeySize = 32
	saltSize     = 16
)

// passwords hashes and compares passwords, a few at a time: each hash takes
// argonMemory.
type passwords struct {
	slots chan struct{}
	dummy string // compared with when there is no hash, so that time tells nothing
}

func newPasswords() *passwords {
	p := &passwords{slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	p.dummy = encodeHash(make([]byte, saltSize), make([]byte, argonKeySize))
	return p
}

// hash gives the encoded hash of a password (PHC string format). The error is
// the context's.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	key, err := p.derive(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return encodeHash(salt, key), nil
}

// matches tells whether a password is the one of an encoded hash. An empty hash
// matches nothing and takes the same time. The error is the context's, or about
// a hash that cannot be read.
func (p *passwords) matches(ctx context.Context, encoded, password string) (bool, error) {
	known := encoded != ""
	if !known {
		encoded = p.dummy
	}
	salt, want, err := decodeHash(encoded)
	if err != nil {
		return false, err
	}
	key, err := p.derive(ctx, password, salt)
	return err == nil && known && subtle.ConstantTimeCompare(key, want) == 1, err
}

func (p *passwords) derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonKeySize), nil
}

const hashForm = "$argon2id$v=%d$m=%d,t=%d,p=%d$"

func encodeHash(salt, key []byte) string {
	base := base64.RawStdEncoding
	return fmt.Sprintf(hashForm, argon2.Version, argonMemory, argonPasses, argonLanes) + base.EncodeToString(salt) + "$" + base.EncodeToString(key)
}

func decodeHash(encoded string) (salt, key []byte, err error) {
	head := fmt.Sprintf(hashForm, argon2.Version, argonMemory, argonPasses, argonLanes)
	base := base64.RawStdEncoding
	saltLength, keyLength := base.EncodedLen(saltSize), base.EncodedLen(argonKeySize)
	if len(encoded) != len(head)+saltLength+1+keyLength || encoded[:len(head)] != head {
		return nil, nil, fmt.Errorf("a password hash has another form than %s…", head)
	}
	rest := encoded[len(head):]
	if salt, err = base.DecodeString(rest[:saltLength]); err != nil {
		return nil, nil, err
	}
	key, err = base.DecodeString(rest[saltLength+1:])
	return salt, key, err
}

// SetPassword sets the password of the user whom a one-time link was made for.
// The link is used up, and the user's sessions end.
func (m *Manager) SetPassword(ctx context.Context, token, password string) (portal.User, error) {
	user, err := m.PasswordLinkUser(ctx, token)
	if err != nil {
		return user, err
	}
	var invalid portal.Invalid
	invalid.Password("password", user.Username, password)
	if err := invalid.Err(); err != nil {
		return user, err
	}
	hash, err := m.passwords.hash(ctx, password)
	if err != nil {
		return user, err
	}
	actor := portal.Actor{UserID: user.ID, Username: user.Username, Name: user.Name(), Address: portal.ActorFrom(ctx).Address}
	err = m.Store.Change(ctx, actor, func(c *store.Change) error {
		link, err := m.openLink(ctx, c.Queries, portal.PasswordLink, token)
		if err != nil {
			return err
		}
		if err := c.UseLink(ctx, link.Hash); err != nil {
			return err
		}
		return putPassword(ctx, c, user, hash, "set the password by a one-time link")
	})
	return user, err
}

// putPassword sets a user's password, and ends the sessions and the links that
// stand on the one before.
func putPassword(ctx context.Context, c *store.Change, user portal.User, hash, action string) error {
	if err := c.SetPassword(ctx, user.ID, hash); err != nil {
		return err
	}
	if err := c.EndSessionsOf(ctx, user.ID, nil); err != nil {
		return err
	}
	if err := c.DropLinksOf(ctx, portal.PasswordLink, user.ID); err != nil {
		return err
	}
	return c.Record(ctx, userRevision(user, action, nil))
}

// ChangePassword changes the actor's own password and gives the token of a new
// session in place of the given one; all others end. A wrong current password
// counts as a failed sign-in. Not through a key.
func (m *Manager) ChangePassword(ctx context.Context, session portal.Session, current, password string) (secret.Value, error) {
	if err := portal.InPerson(portal.ActorFrom(ctx)); err != nil {
		return secret.Value{}, err
	}
	user, err := m.Store.User(ctx, session.UserID)
	if err != nil {
		return secret.Value{}, err
	}
	if err := m.confirmPassword(ctx, user, session.Address, current); err != nil {
		return secret.Value{}, err
	}
	var invalid portal.Invalid
	invalid.Password("password", user.Username, password)
	invalid.Check(password != current, "password", "The new password is the current one. Choose another.")
	if err := invalid.Err(); err != nil {
		return secret.Value{}, err
	}
	hash, err := m.passwords.hash(ctx, password)
	if err != nil {
		return secret.Value{}, err
	}
	token := secret.New("", secret.Session)
	err = m.change(ctx, func(c *store.Change) error {
		if err := putPassword(ctx, c, user, hash, "changed the password"); err != nil {
			return err
		}
		return m.insertSession(ctx, &c.Update, session, token)
	})
	return token, err
}

// reauthenticate checks the current password of a session's user and gives the
// token of a new session in place of the given one (NIST SP 800-63B, section 7.1).
// A wrong password counts as a failed sign-in.
func (m *Manager) reauthenticate(ctx context.Context, session portal.Session, password string) (secret.Value, error) {
	user, err := m.Store.User(ctx, session.UserID)
	if err != nil {
		return secret.Value{}, err
	}
	if err := m.confirmPassword(ctx, user, session.Address, password); err != nil {
		return secret.Value{}, err
	}
	token := secret.New("", secret.Session)
	return token, m.Store.Update(ctx, func(u *store.Update) error {
		if err := u.EndSession(ctx, session.Hash); err != nil {
			return err
		}
		return m.insertSession(ctx, u, session, token)
	})
}

// confirmPassword checks the current password of somebody who is signed in,
// under the same throttling as a sign-in.
func (m *Manager) confirmPassword(ctx context.Context, user portal.User, address, password string) error {
	attempt, err := m.admit(ctx, user, SignIn{Username: user.Username, Address: address})
	if err != nil {
		return err
	}
	hash, err := m.Store.PasswordHash(ctx, user.ID)
	if err != nil {
		return err
	}
	right, err := m.passwords.matches(ctx, hash, password)
	if err != nil {
		return err
	}
	var invalid portal.Invalid
	invalid.Check(right, "current", "This is not your current password.")
	if err := invalid.Err(); err != nil {
		return err
	}
	return m.Store.Update(ctx, func(u *store.Update) error { return attempt.succeed(ctx, u, user.ID, address) })
}
