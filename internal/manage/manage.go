// Package manage is the control plane: all that people and the command line do
// to the portal's things. Each function asks the policy first, then validates
// what was entered, then makes the change and its revision in one transaction.
//
// The actor comes with the context (portal.WithActor). Errors that a person may
// read are *portal.Error; with CodeInvalid they name the form's fields.
//
// A file per noun; beside them signin.go (the way in and its throttling), mykeys.go
// (what concerns one's own keys), password.go
// (hashes), setup.go (the first start) and sweep.go (what is done now and then).
package manage

import (
	"context"
	"errors"
	"net/url"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// Mailer sends e-mail.
type Mailer interface {
	Send(ctx context.Context, to, subject, text string) error
}

// Sealer seals what must be readable again, under keys outside the database. What
// was sealed opens with the same associated data alone.
type Sealer interface {
	Seal(plaintext, associatedData []byte) ([]byte, error)
	Unseal(sealed, associatedData []byte) ([]byte, error)
}

// Options are what a Manager works with.
type Options struct {
	Store           *store.Store
	Sealer          Sealer        // keeps secrets that may be viewed again
	BaseURL         *url.URL      // where people reach the portal; one-time links begin with it
	Mailer          Mailer        // nil: one-time links are shown to whoever made them
	Brand           string        // stands in front of the prefixes of new credentials
	SessionIdle     time.Duration // a session ends when it is unused for so long
	SessionLifetime time.Duration // and after so long in any case
}

// Manager is the control plane. It is safe for concurrent use.
type Manager struct {
	Options
	passwords *passwords
}

// New makes a Manager.
func New(options Options) *Manager {
	return &Manager{Options: options, passwords: newPasswords()}
}

// Now gives the store's time.
func (m *Manager) Now() time.Time { return m.Store.Now() }

// errUnchanged ends a change that turns out to change nothing.
var errUnchanged = errors.New("manage: nothing to change")

// change runs fn as the context's actor. When fn finds that there is nothing to
// change, nothing is recorded.
func (m *Manager) change(ctx context.Context, fn func(*store.Change) error) error {
	if err := m.Store.Change(ctx, portal.ActorFrom(ctx), fn); !errors.Is(err, errUnchanged) {
		return err
	}
	return nil
}

func (m *Manager) newSecret(prefix secret.Prefix) secret.Value { return secret.New(m.Brand, prefix) }

// linkURL gives the address of a one-time link.
func (m *Manager) linkURL(path string, token secret.Value) string {
	return m.BaseURL.JoinPath(path, token.Reveal()).String()
}

// confirm checks what was typed to confirm something that destroys.
func confirm(typed, name string) error {
	var invalid portal.Invalid
	invalid.Check(portal.Fold(typed) == portal.Fold(name), "confirm", "Type the name “"+name+"” to confirm.")
	return invalid.Err()
}

// taken notes that a name is in use when a look-up by it found something.
func taken(invalid *portal.Invalid, field, message string, err error) error {
	switch portal.CodeOf(err) {
	case portal.CodeNotFound:
		return nil
	case portal.CodeInternal, portal.CodeUnavailable:
		if err != nil {
			return err
		}
	}
	invalid.Add(field, message)
	return nil
}
