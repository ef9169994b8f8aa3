package manage

import (
	"context"
	"net/netip"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// SignIn is what somebody enters to sign in, and where from.
type SignIn struct {
	Instance  string // Instance Name; may be empty
	Username  string // User ID
	Password  string
	Address   string
	UserAgent string
}

var errWrongSignIn = portal.Unauthenticated("The Instance Name, User ID or password is not right. Check them and try again.")

// SignIn makes a session for whoever enters the right password and gives its
// token. A wrong user, instance or password are answered alike, in the same
// time. Errors: CodeUnauthenticated, CodeForbidden for a disabled or locked
// account (only after the right password), CodeTooMany.
func (m *Manager) SignIn(ctx context.Context, in SignIn) (secret.Value, error) {
	user, err := m.Store.UserByUsername(ctx, in.Username)
	if err != nil && portal.CodeOf(err) != portal.CodeNotFound {
		return secret.Value{}, err
	}
	attempt, err := m.admit(ctx, user, in)
	if err != nil {
		return secret.Value{}, err
	}
	session, err := m.authenticate(ctx, user, in)
	if err != nil {
		return secret.Value{}, err
	}
	token := secret.New("", secret.Session)
	err = m.Store.Update(ctx, func(u *store.Update) error {
		if err := attempt.succeed(ctx, u, user.ID, in.Address); err != nil {
			return err
		}
		if err := u.SignedIn(ctx, user.ID); err != nil {
			return err
		}
		return m.insertSession(ctx, u, session, token)
	})
	if err != nil {
		return secret.Value{}, err
	}
	return token, nil
}

// authenticate compares the password and then decides whether the user may come
// in, and where to.
func (m *Manager) authenticate(ctx context.Context, user portal.User, in SignIn) (portal.Session, error) {
	session := portal.Session{UserID: user.ID, Address: in.Address, UserAgent: clip(in.UserAgent, 300)}
	hash := ""
	if user.ID != 0 {
		var err error
		if hash, err = m.Store.PasswordHash(ctx, user.ID); err != nil {
			return session, err
		}
	}
	right, err := m.passwords.matches(ctx, hash, in.Password)
	if err != nil {
		return session, err
	}
	if session.OrganizationID, session.InstanceID, err = m.whereTo(ctx, user, in.Instance); err != nil {
		return session, err
	}
	switch {
	case !right, portal.Fold(in.Instance) != "" && session.InstanceID == 0:
		return session, errWrongSignIn
	case !user.Enabled:
		return session, portal.Denied("This account is disabled. Ask an administrator to enable it.")
	case user.Locked:
		return session, portal.Denied("This account is locked. Ask an administrator to unlock it.")
	}
	return session, nil
}

// whereTo finds the organization in which a session begins: the one of the
// instance, if the user is a member there, or else the user's first. An
// instance that is not the user's is answered with no instance.
func (m *Manager) whereTo(ctx context.Context, user portal.User, instance string) (organization, instanceID int64, err error) {
	memberships, err := m.Store.Memberships(ctx, user.ID)
	if err != nil {
		return 0, 0, err
	}
	if portal.Fold(instance) != "" {
		return m.instanceOf(ctx, memberships, instance)
	}
	for _, membership := range memberships {
		if membership.Active() {
			return membership.OrganizationID, 0, nil
		}
	}
	if user.Staff == portal.NotStaff {
		return 0, 0, nil
	}
	first, err := m.Store.Organizations(ctx, portal.List{Limit: 1})
	if err != nil || len(first.Rows) == 0 {
		return 0, 0, err
	}
	return first.Rows[0].ID, 0, nil
}

func (m *Manager) instanceOf(ctx context.Context, memberships []portal.Membership, name string) (organization, instanceID int64, err error) {
	instance, err := m.Store.InstanceByName(ctx, name)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	license, err := m.Store.License(ctx, instance.LicenseID)
	if err != nil {
		return 0, 0, err
	}
	for _, membership := range memberships {
		if membership.Active() && membership.OrganizationID == license.OrganizationID {
			return license.OrganizationID, instance.ID, nil
		}
	}
	return 0, 0, nil
}

func (m *Manager) insertSession(ctx context.Context, u *store.Update, session portal.Session, token secret.Value) error {
	hash := token.Hash()
	session.Hash = hash[:]
	session.PasswordAt, session.CreatedAt, session.SeenAt = u.Now(), u.Now(), u.Now()
	session.ExpiresAt = u.Now().Add(m.SessionLifetime)
	return u.InsertSession(ctx, session)
}

const (
	seenEvery    = time.Minute // how exactly a session's last use is kept
	touchTimeout = time.Second
)

// Session gives the session of a token with its user and actor, whose context
// organization is the session's. A session that is unknown, over, unused for
// too long, or whose user is disabled or locked is answered with
// CodeUnauthenticated.
func (m *Manager) Session(ctx context.Context, token string) (portal.Session, portal.User, portal.Actor, error) {
	session, err := m.liveSession(ctx, token)
	if err != nil {
		return session, portal.User{}, portal.Actor{}, err
	}
	user, err := m.Store.User(ctx, session.UserID)
	if err != nil {
		return session, user, portal.Actor{}, err
	}
	if !user.Enabled || user.Locked {
		return session, user, portal.Actor{}, portal.Unauthenticated("Your account was disabled or locked. Ask an administrator.")
	}
	actor, err := m.actorOf(ctx, user)
	if err != nil {
		return session, user, actor, err
	}
	if !actor.CanSee(session.OrganizationID) {
		session = session.Nowhere()
	}
	actor.OrganizationID = session.OrganizationID
	if m.Now().Sub(session.SeenAt) >= seenEvery {
		session.SeenAt = m.Now()
		m.touch(ctx, session)
	}
	return session, user, actor, nil
}

// touch notes that a session was used. Pages can be read while the database
// can't be written, so that this fails is no reason to refuse one.
func (m *Manager) touch(ctx context.Context, session portal.Session) {
	ctx, cancel := context.WithTimeout(ctx, touchTimeout)
	defer cancel()
	_ = m.Store.Update(ctx, func(u *store.Update) error { return u.TouchSession(ctx, session.Hash) })
}

func (m *Manager) liveSession(ctx context.Context, token string) (portal.Session, error) {
	over := portal.Unauthenticated("Your session has ended. Log in again to go on.")
	if prefix, err := secret.Parse(token); err != nil || prefix != secret.Session {
		return portal.Session{}, over
	}
	session, err := m.Store.Session(ctx, secret.HashOf(token))
	if portal.CodeOf(err) == portal.CodeNotFound {
		return session, over
	}
	if err != nil {
		return session, err
	}
	if session.Over(m.Now(), m.SessionIdle) {
		return session, over
	}
	return session, nil
}

func (m *Manager) actorOf(ctx context.Context, user portal.User) (portal.Actor, error) {
	grants, err := m.Store.Grants(ctx, user.ID)
	return portal.Actor{UserID: user.ID, Username: user.Username, Name: user.Name(), Staff: user.Staff, Grants: grants}, err
}

// SignOut ends the session of a token.
func (m *Manager) SignOut(ctx context.Context, token string) error {
	hash := secret.HashOf(token)
	return m.Store.Update(ctx, func(u *store.Update) error { return u.EndSession(ctx, hash[:]) })
}

// MoveSession changes the organization that a session works in; 0 is none. For
// the session's own user, who must see the organization (CodeNotFound).
func (m *Manager) MoveSession(ctx context.Context, session portal.Session, organization int64) error {
	if organization != 0 {
		if _, err := m.Organization(ctx, organization); err != nil {
			return err
		}
	}
	return m.Store.Update(ctx, func(u *store.Update) error { return u.MoveSession(ctx, session.Hash, organization, 0) })
}

// PutFlash leaves a message for the next page of a session. It must not hold a
// secret.
func (m *Manager) PutFlash(ctx context.Context, session portal.Session, message string) error {
	return m.Store.Update(ctx, func(u *store.Update) error { return u.PutFlash(ctx, session.Hash, message) })
}

// TakeFlash removes the message that a session was read with.
func (m *Manager) TakeFlash(ctx context.Context, session portal.Session) error {
	return m.Store.Update(ctx, func(u *store.Update) error { return u.TakeFlash(ctx, session.Hash, session.Flash) })
}

// clip gives the first characters of a text that is kept as it came.
func clip(text string, most int) string {
	text = portal.Storable(text)
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}

// The throttling of sign-ins: after some free failures each further one doubles
// the wait, up to throttleMost; it never locks anyone out. Where a user has
// signed in before, only failures from that same address slow that account.
const (
	freeFailuresOfAccount = 5
	freeFailuresOfAddress = 20
	throttleMost          = 30 * time.Second
	throttleWindow        = 15 * time.Minute // failures older than this are forgotten
)

// attempt is a sign-in that was counted as failed before its password was
// looked at, so that many at once gain nothing. Success takes it back.
type attempt struct{ account, address string }

// admit counts an attempt, or refuses it with CodeTooMany.
func (m *Manager) admit(ctx context.Context, user portal.User, in SignIn) (attempt, error) {
	address := networkOf(in.Address)
	a := attempt{account: "account " + clip(portal.Fold(in.Username), portal.MaxUsername), address: "address " + address}
	known, err := m.Store.KnowsAddress(ctx, user.ID, address)
	if err != nil {
		return a, err
	}
	if known {
		a.account = "known address " + address + " of " + a.account
	}
	return a, m.Store.Update(ctx, func(u *store.Update) error {
		for _, limit := range []struct {
			name string
			free int
		}{{a.address, freeFailuresOfAddress}, {a.account, freeFailuresOfAccount}} {
			if err := count(ctx, u, limit.name, limit.free); err != nil {
				return err
			}
		}
		return nil
	})
}

func count(ctx context.Context, u *store.Update, name string, free int) error {
	throttle, err := u.TakeThrottle(ctx, name)
	if err != nil {
		return err
	}
	since := u.Now().Add(-throttleWindow)
	if throttle.FailedAt.After(since) {
		if wait := throttle.FailedAt.Add(throttleDelay(throttle.Failures - free)).Sub(u.Now()); wait > 0 {
			seconds := (wait + time.Second - 1).Truncate(time.Second)
			return &portal.Error{Code: portal.CodeTooMany, Retry: seconds,
				Message: "Too many attempts to log in. Wait " + portal.Counted(int(seconds.Seconds()), "second") + ", then try again."}
		}
	}
	return u.Fail(ctx, name, since)
}

// throttleDelay gives the wait after a number of failures beyond the free ones.
func throttleDelay(beyond int) time.Duration {
	if beyond < 0 {
		return 0
	}
	return min(time.Second<<min(beyond, 10), throttleMost)
}

// succeed takes the attempt back: the account's failures are forgiven, the
// address keeps those of other attempts.
func (a attempt) succeed(ctx context.Context, u *store.Update, user int64, address string) error {
	// In the order of admit, so that two of them never wait for each other.
	if err := u.TakeBackFailure(ctx, a.address); err != nil {
		return err
	}
	if err := u.Forgive(ctx, a.account); err != nil {
		return err
	}
	return u.RememberAddress(ctx, user, networkOf(address))
}

// networkOf gives the part of an address that stands for one place: an IPv4
// address whole, of an IPv6 address the first 64 bits, since whoever has one has
// them all.
func networkOf(address string) string {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if parsed = parsed.Unmap().WithZone(""); parsed.Is4() {
		return parsed.String()
	}
	return netip.PrefixFrom(parsed, 64).Masked().String()
}
