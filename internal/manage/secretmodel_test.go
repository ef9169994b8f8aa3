package manage_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// modeledSecret is one secret of a key, with an access token that it was exchanged
// for, and until when it works.
type modeledSecret struct {
	value, token secret.Value
	until        time.Time // zero: until it is rotated out
	dead         bool
}

// rotatedKey is a key and all secrets that it ever had, the current one last.
type rotatedKey struct {
	portal.Key
	secrets []*modeledSecret
	revoked bool
}

type secretModel struct {
	w    *world
	user portal.User
	keys []*rotatedKey
}

func (m *secretModel) add(key *rotatedKey, value secret.Value) {
	key.secrets = append(key.secrets, &modeledSecret{value: value, token: m.w.token(value)})
}

func (m *secretModel) create(t *rapid.T) {
	if len(m.keys) == 3 {
		return
	}
	in := manage.NewKey{OrganizationID: m.w.Organization.ID, UserID: m.user.ID, Name: fmt.Sprint("Key ", len(m.keys))}
	if rapid.Bool().Draw(t, "expires") {
		in.ExpiresAt = m.w.clock.Now().Add(48 * time.Hour)
	}
	made := must(m.w.m.CreateKey(m.w.as(m.user), in))(m.w.t)
	m.keys = append(m.keys, &rotatedKey{Key: made.Key})
	m.add(m.keys[len(m.keys)-1], made.Secret)
}

// pick does something to one of the keys; all is refused when it was revoked.
func (m *secretModel) pick(t *rapid.T, do func(key *rotatedKey) error) {
	if len(m.keys) == 0 {
		return
	}
	key := rapid.SampledFrom(m.keys).Draw(t, "key")
	want := allowed
	if key.revoked {
		want = portal.CodeConflict
	}
	if err := do(key); codeOf(err) != want {
		t.Fatalf("the error is %v, want one of code %q", err, want)
	}
}

func (m *secretModel) rotate(t *rapid.T) {
	grace := rapid.SampledFrom(manage.Graces).Draw(t, "grace")
	m.pick(t, func(key *rotatedKey) error {
		made, err := m.w.m.RotateKey(m.w.as(m.user), manage.Rotation{KeyID: key.ID, Grace: grace, Confirm: key.Name})
		if err != nil {
			return err
		}
		current := len(key.secrets) - 1
		for _, older := range key.secrets[:current] {
			older.dead = true
		}
		key.secrets[current].dead = grace == 0
		key.secrets[current].until = m.w.clock.Now().Add(grace)
		if !key.ExpiresAt.IsZero() && key.ExpiresAt.Before(key.secrets[current].until) {
			key.secrets[current].until = key.ExpiresAt
		}
		m.add(key, made.Secret)
		return nil
	})
}

func (m *secretModel) retire(t *rapid.T) {
	m.pick(t, func(key *rotatedKey) error {
		err := m.w.m.RetireOldSecret(m.w.as(m.user), key.ID, key.Name)
		if err == nil {
			for _, older := range key.secrets[:len(key.secrets)-1] {
				// One that is over already is left as it is: it is no secret any more.
				older.dead = older.dead || m.w.clock.Now().Before(older.until)
			}
		}
		return err
	})
}

func (m *secretModel) revoke(t *rapid.T) {
	m.pick(t, func(key *rotatedKey) error {
		err := m.w.m.RevokeKey(m.w.as(m.user), key.ID, key.Name)
		key.revoked = true
		return err
	})
}

func (m *secretModel) advance(t *rapid.T) {
	m.w.clock.Advance(time.Duration(rapid.Int64Range(1, int64(48*time.Hour)).Draw(t, "time")))
}

func (m *secretModel) check(t *rapid.T) {
	now := m.w.clock.Now()
	for _, key := range m.keys {
		live := 0
		for i, s := range key.secrets {
			want := !s.dead && !key.revoked && (s.until.IsZero() || now.Before(s.until))
			if got := m.w.works(s.value); got != want {
				t.Fatalf("secret %d of %q works: %v, want %v", i, key.Name, got, want)
			}
			if want {
				live++
			}
			_, err := m.w.s.TokenSubject(m.w.t.Context(), s.token.Hash())
			if found := err == nil; found == s.dead {
				t.Fatalf("the token of secret %d of %q is found: %v", i, key.Name, found)
			}
		}
		shown := len(must(m.w.m.Key(m.w.as(m.user), key.ID))(m.w.t).Secrets)
		if live > 2 || !key.revoked && shown != live {
			t.Fatalf("%q has %d live secrets, and %d are shown", key.Name, live, shown)
		}
	}
}

func TestHoweverKeysAreRotatedTheRightSecretsWork(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rapid.Check(t, func(rt *rapid.T) {
			m := &secretModel{w: w, user: w.holder([]portal.Authority{portal.ManageUserAPIKey})}
			m.create(rt)
			rt.Repeat(map[string]func(*rapid.T){"create": m.create, "rotate": m.rotate, "rotate again": m.rotate, "retire": m.retire, "revoke": m.revoke, "advance": m.advance, "": m.check})
		})
	})
}
