package manage_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/verify"
)

// modeledSecret is one secret of a key, with an access token that it was exchanged
// for.
type modeledSecret struct {
	value, token secret.Value
	until        time.Time // the end of its grace; zero: it is not being rotated out
	tokenEnds    time.Time
	dead         bool
	viewable     bool
}

// over tells whether a secret stopped, whatever its key is like.
func (s *modeledSecret) over(now time.Time) bool {
	return s.dead || !s.until.IsZero() && !now.Before(s.until)
}

// modeledKey is what a key is expected to be, with all secrets that it ever had.
type modeledKey struct {
	portal.Key                       // as it was made
	user              *modeledUser   // whom it is mapped to now
	current, previous *modeledSecret // previous: nil when there is none
	gone              []*modeledSecret
	expires           time.Time
	disabled, revoked bool
}

// modeledUser is a user whose own role allows Billing, or does not.
type modeledUser struct {
	portal.User
	role            portal.Role
	disabled, lacks bool
}

// secretModel is the keys that an admin manages for two users.
type secretModel struct {
	w     *world
	users [2]*modeledUser
	keys  []*modeledKey
}

func newSecretModel(w *world) *secretModel {
	m := &secretModel{w: w}
	for i := range m.users {
		user := w.holder(nil, w.Billing)
		m.users[i] = &modeledUser{User: user, role: w.membership(user).Roles[0]}
	}
	return m
}

func (m *secretModel) now() time.Time { return m.w.clock.Now() }

// made notes a new current secret of a key.
func (m *secretModel) made(key *modeledKey, value secret.Value) {
	key.current = &modeledSecret{
		value: value, token: m.w.token(m.w.checked(key.Key, value).Subject), tokenEnds: m.now().Add(time.Hour), viewable: key.Kind == portal.PairKey,
	}
}

// end notes that a secret is gone for good.
func (key *modeledKey) end(s *modeledSecret) {
	s.dead = true
	key.gone = append(key.gone, s)
}

// endPrevious has an old secret end no later than its key.
func (key *modeledKey) endPrevious() {
	if key.previous != nil && !key.expires.IsZero() && key.expires.Before(key.previous.until) {
		key.previous.until = key.expires
	}
}

// rotating tells whether there is an old secret that still works beside the current one.
func (m *secretModel) rotating(key *modeledKey) bool {
	return key.previous != nil && !key.previous.over(m.now())
}

func (m *secretModel) want(t *rapid.T, err error, code portal.Code) {
	if got := codeOf(err); got != code {
		t.Fatalf("the error is %v (%q), want one of code %q", err, got, code)
	}
}

// drawExpiry gives an end within two days, or none.
func (m *secretModel) drawExpiry(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "expires") {
		return m.now().Add(time.Duration(rapid.Int64Range(1, int64(48*time.Hour/time.Microsecond)).Draw(t, "life")) * time.Microsecond)
	}
	return time.Time{}
}

func (m *secretModel) create(t *rapid.T) {
	if len(m.keys) == 3 {
		return
	}
	user, want := rapid.SampledFrom(m.users[:]).Draw(t, "user"), allowed
	if user.lacks {
		want = portal.CodeInvalid
	}
	in := m.w.newKey(func(in *manage.NewKey) {
		in.Kind, in.Name = rapid.SampledFrom([]portal.Kind{portal.TokenKey, portal.PairKey}).Draw(t, "kind"), fmt.Sprint("Key ", len(m.keys))
		in.UserID, in.ExpiresAt = user.ID, m.drawExpiry(t)
	})
	made, err := m.w.m.CreateKey(m.w.as(m.w.Admin), in)
	m.want(t, err, want)
	if err == nil {
		key := &modeledKey{Key: made.Key, user: user, expires: in.ExpiresAt}
		m.made(key, made.Secret)
		m.keys = append(m.keys, key)
	}
}

// pick does something to one of the keys; all is refused when it was revoked.
func (m *secretModel) pick(t *rapid.T, do func(key *modeledKey) (want portal.Code, err error)) {
	if len(m.keys) == 0 {
		return
	}
	key := rapid.SampledFrom(m.keys).Draw(t, "key")
	final := key.revoked
	want, err := do(key)
	if final {
		want = portal.CodeConflict
	}
	m.want(t, err, want)
}

func (m *secretModel) rotate(t *rapid.T) {
	grace := rapid.SampledFrom(manage.Graces).Draw(t, "grace")
	m.pick(t, func(key *modeledKey) (portal.Code, error) {
		made, err := m.w.m.RotateKey(m.w.as(m.w.Admin), manage.Rotation{KeyID: key.ID, Grace: grace, Confirm: key.Name})
		if err != nil {
			return allowed, err
		}
		if key.previous != nil {
			key.end(key.previous)
		}
		key.previous = key.current
		key.previous.until, key.previous.viewable = m.now().Add(grace), false
		key.endPrevious()
		if grace == 0 {
			key.end(key.previous)
			key.previous = nil
		}
		m.made(key, made.Secret)
		return allowed, nil
	})
}

func (m *secretModel) retire(t *rapid.T) {
	m.pick(t, func(key *modeledKey) (portal.Code, error) {
		err := m.w.m.RetireOldSecret(m.w.as(m.w.Admin), key.ID, key.Name)
		if err == nil && m.rotating(key) {
			key.end(key.previous)
			key.previous = nil
		}
		return allowed, err
	})
}

func (m *secretModel) cancel(t *rapid.T) {
	m.pick(t, func(key *modeledKey) (portal.Code, error) {
		err := m.w.m.CancelRotation(m.w.as(m.w.Admin), key.ID, key.Name)
		if !m.rotating(key) {
			return portal.CodeConflict, err
		}
		if err == nil {
			key.end(key.current)
			key.current, key.previous = key.previous, nil
			key.current.until = time.Time{}
		}
		return allowed, err
	})
}

func (m *secretModel) able(t *rapid.T) {
	m.pick(t, func(key *modeledKey) (portal.Code, error) {
		act := m.w.m.DisableKey
		if key.disabled {
			act = m.w.m.EnableKey
		}
		err := act(m.w.as(m.w.Admin), key.ID)
		key.disabled = key.disabled != (err == nil)
		return allowed, err
	})
}

// expire gives a key another end, which renews it when it was over.
func (m *secretModel) expire(t *rapid.T) {
	expires := m.drawExpiry(t)
	m.pick(t, func(key *modeledKey) (portal.Code, error) {
		err := m.w.edited(m.w.Admin, key.ID, expireAt(expires))
		if err == nil {
			key.expires = expires
			key.endPrevious()
		}
		return allowed, err
	})
}

func (m *secretModel) remap(t *rapid.T) {
	user := rapid.SampledFrom(m.users[:]).Draw(t, "user")
	m.pick(t, func(key *modeledKey) (portal.Code, error) {
		err := m.w.edited(m.w.Admin, key.ID, mapTo(user.User, "billing"))
		if user.lacks && user != key.user {
			return portal.CodeInvalid, err
		}
		if err == nil {
			key.user = user
		}
		return allowed, err
	})
}

func (m *secretModel) revoke(t *rapid.T) {
	m.pick(t, func(key *modeledKey) (portal.Code, error) {
		err := m.w.m.RevokeKey(m.w.as(m.w.Admin), key.ID, key.Name)
		key.revoked = true
		return allowed, err
	})
}

func (m *secretModel) changeUser(t *rapid.T) {
	user := rapid.SampledFrom(m.users[:]).Draw(t, "user")
	act := manage.DisableUser
	if user.disabled {
		act = manage.EnableUser
	}
	m.want(t, m.w.m.ActOnUser(m.w.as(m.w.Admin), user.ID, act), allowed)
	user.disabled = !user.disabled
}

func (m *secretModel) changeRole(t *rapid.T) {
	user := rapid.SampledFrom(m.users[:]).Draw(t, "user")
	in := m.w.roleOf(user.role.ID)
	if in.APISets = []string{"billing"}; !user.lacks {
		in.APISets = nil
	}
	m.want(t, m.w.m.UpdateRole(m.w.as(m.w.Admin), in), allowed)
	user.lacks = !user.lacks
}

func (m *secretModel) advance(t *rapid.T) {
	m.w.clock.Advance(time.Duration(rapid.Int64Range(1, int64(36*time.Hour/time.Microsecond)).Draw(t, "time")) * time.Microsecond)
}

// outcome gives what the check is to say of a secret of a key, or of its access token.
func (m *secretModel) outcome(key *modeledKey, s *modeledSecret, tokenEnds time.Time) verify.Code {
	over := func(end time.Time) bool { return !end.IsZero() && !m.now().Before(end) }
	switch {
	case s.over(m.now()):
		return portal.CheckNotFound
	case key.revoked:
		return portal.CheckRevoked
	case key.disabled:
		return portal.CheckDisabled
	case over(key.expires) || over(tokenEnds):
		return portal.CheckExpired
	case key.user.disabled:
		return portal.CheckUserDisabled
	case key.user.lacks:
		return portal.CheckAPISetNotGranted
	}
	return portal.CheckValid
}

func (m *secretModel) check(t *rapid.T) {
	for _, key := range m.keys {
		// What is gone stays so: of many, the latest are looked at.
		secrets := append([]*modeledSecret{key.current}, key.gone[max(0, len(key.gone)-2):]...)
		if key.previous != nil {
			secrets = append(secrets, key.previous)
		}
		live := 0
		for _, s := range secrets {
			if !s.over(m.now()) {
				live++
			}
			got, want := m.w.checked(key.Key, s.value), m.outcome(key, s, time.Time{})
			if got.Code != want || want != portal.CheckNotFound && got.Subject.UserID != key.user.ID {
				t.Fatalf("a secret of %q is %s for user %d, want %s for %d", key.Name, got.Code, got.Subject.UserID, want, key.user.ID)
			}
			if got, want := m.w.checked(portal.Key{}, s.token).Code, m.outcome(key, s, s.tokenEnds); got != want {
				t.Fatalf("an access token of %q is %s, want %s", key.Name, got, want)
			}
		}
		details := must(m.w.m.Key(m.w.as(m.w.Admin), key.ID))(m.w.t)
		if live > 2 || len(details.Secrets) != live {
			t.Fatalf("%q has %d live secrets, and %d are shown", key.Name, live, len(details.Secrets))
		}
		if want := key.current.viewable && !key.revoked; details.Viewable != want {
			t.Fatalf("the secret of %q can be viewed: %v, want %v", key.Name, details.Viewable, want)
		}
	}
}

func TestWhateverIsDoneToKeysTheRightSecretsPassTheCheck(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rapid.Check(t, func(rt *rapid.T) {
			m := newSecretModel(w)
			m.create(rt)
			rt.Repeat(map[string]func(*rapid.T){
				"create": m.create, "rotate": m.rotate, "rotate again": m.rotate, "retire": m.retire, "cancel": m.cancel, "disable or enable": m.able,
				"change the expiry": m.expire, "remap": m.remap, "revoke": m.revoke, "disable or enable a user": m.changeUser, "change a role": m.changeRole,
				"advance": m.advance, "": m.check,
			})
		})
	})
}
