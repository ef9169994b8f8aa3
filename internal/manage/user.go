package manage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// UserRow is a line of the list of users.
type UserRow struct {
	portal.User
	Roles []string // names of the roles, groups and flags held in the listed organization, or in all that the actor may see
}

// Users lists users: with an organization in the filter its members, for who
// may View Users there; without one all users, for staff.
func (m *Manager) Users(ctx context.Context, filter portal.UserFilter) (portal.Page[UserRow], error) {
	actor := portal.ActorFrom(ctx)
	if err := portal.Can(actor, portal.ViewUsers, filter.OrganizationID); err != nil {
		return portal.Page[UserRow]{}, err
	}
	found, err := m.Store.Users(ctx, filter)
	page := portal.Page[UserRow]{Next: found.Next}
	for _, user := range found.Rows {
		memberships, err := m.visibleMemberships(ctx, user.ID)
		if err != nil {
			return page, err
		}
		if filter.OrganizationID != 0 {
			memberships = slices.DeleteFunc(memberships, func(held portal.Membership) bool { return held.OrganizationID != filter.OrganizationID })
		}
		page.Rows = append(page.Rows, UserRow{user, roleNames(user, memberships)})
	}
	return page, err
}

func roleNames(user portal.User, memberships []portal.Membership) []string {
	var names []string
	if staff := user.Staff.Name(); staff != "" {
		names = append(names, staff)
	}
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, membership := range memberships {
		if !membership.Active() {
			continue
		}
		if membership.Admin {
			add("Admin")
		}
		if membership.AllAccess {
			add("All Access")
		}
		for _, role := range membership.Roles {
			add(role.Name)
		}
		for _, group := range membership.Groups {
			add(group.Name)
		}
	}
	return names
}

// UserDetails is a user with the memberships that the actor may see.
type UserDetails struct {
	portal.User
	Memberships []portal.Membership
	Manageable  error // nil when the actor may change the account; else why not
}

// User finds a user: oneself, a member of an organization in which the actor may
// View Users, or anyone for staff. Others are not found.
func (m *Manager) User(ctx context.Context, id int64) (UserDetails, error) {
	var details UserDetails
	actor := portal.ActorFrom(ctx)
	if err := signedIn(actor); err != nil {
		return details, err
	}
	user, err := m.Store.User(ctx, id)
	if err != nil {
		return details, err
	}
	memberships, err := m.visibleMemberships(ctx, id)
	if err != nil {
		return details, err
	}
	if len(memberships) == 0 && id != actor.UserID && !actor.Holds(portal.ViewUsers, 0) {
		return details, portal.NotFound(portal.NounUser)
	}
	held, err := standing(ctx, m.Store.Queries, user)
	if err != nil {
		return details, err
	}
	return UserDetails{user, memberships, portal.CanManageUser(actor, held)}, nil
}

// visibleMemberships lists those of a user's memberships that the actor may see:
// one's own, and those in organizations where the actor may View Users.
func (m *Manager) visibleMemberships(ctx context.Context, user int64) ([]portal.Membership, error) {
	actor := portal.ActorFrom(ctx)
	memberships, err := m.Store.Memberships(ctx, user)
	var visible []portal.Membership
	for _, membership := range memberships {
		if user == actor.UserID && actor.Finds(membership.OrganizationID) || actor.Holds(portal.ViewUsers, membership.OrganizationID) {
			visible = append(visible, membership)
		}
	}
	return visible, err
}

// standing reads what matters of a user to who wants to manage the account.
func standing(ctx context.Context, q store.Queries, user portal.User) (portal.Standing, error) {
	grants, err := q.Grants(ctx, user.ID)
	return portal.Standing{User: user, Grants: grants}, err
}

// NewUser is what Create User asks for.
type NewUser struct {
	Submission                 Submission // the form's own token, so that a form sent twice makes one user
	Username                   string     // the e-mail address when it is empty
	FirstName, LastName, Email string
	Staff                      portal.Staff // for who may Manage Staff
	OrganizationID             int64        // the first membership; 0 for none
	Admin, AllAccess           bool
	RoleIDs, GroupIDs          []int64
}

// CreateUser makes a user without a password, and a member of the organization.
// For who may Manage Users there; without an organization, for who may in the whole
// installation. A form that was sent before gives the user that it made.
func (m *Manager) CreateUser(ctx context.Context, in NewUser) (portal.User, error) {
	actor := portal.ActorFrom(ctx)
	if err := canCreateUser(actor, in); err != nil {
		return portal.User{}, err
	}
	var invalid portal.Invalid
	user := checkNewUser(&invalid, portal.User{Username: in.Username, FirstName: in.FirstName, LastName: in.LastName, Email: in.Email, Staff: in.Staff, Enabled: true})
	if err := invalid.Err(); err != nil {
		return user, err
	}
	err := m.change(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounUser, &user, c.User, func() (id int64, err error) {
			if user, err = insertUser(ctx, c, user); err != nil || in.OrganizationID == 0 {
				return user.ID, err
			}
			membership, err := m.newMembership(ctx, c, user, MembershipInput{
				OrganizationID: in.OrganizationID, Admin: in.Admin, AllAccess: in.AllAccess, RoleIDs: in.RoleIDs, GroupIDs: in.GroupIDs,
			})
			if err != nil {
				return 0, err
			}
			_, err = saveMembership(ctx, c, user, membership)
			return user.ID, err
		})
	})
	return user, err
}

func canCreateUser(actor portal.Actor, in NewUser) error {
	if in.Staff != portal.NotStaff {
		if err := portal.Can(actor, portal.ManageStaff, 0); err != nil {
			return err
		}
	}
	return portal.Can(actor, portal.ManageUsers, in.OrganizationID)
}

func insertUser(ctx context.Context, c *store.Change, user portal.User) (portal.User, error) {
	var invalid portal.Invalid
	message := usernameTaken
	if user.Username == user.Email {
		message = "Somebody has this e-mail address as their username already. Choose another username."
	}
	_, err := c.UserByUsername(ctx, user.Username)
	if err := taken(&invalid, "username", message, err); err != nil {
		return user, err
	}
	if err := invalid.Err(); err != nil {
		return user, err
	}
	if user, err = c.InsertUser(ctx, user); err != nil {
		return user, err
	}
	return user, c.Record(ctx, userRevision(user, "created", portal.Diff(nil, user.Record())))
}

const usernameTaken = "Somebody has this username already. Choose another."

func checkUser(invalid *portal.Invalid, user portal.User) portal.User {
	user.Username = invalid.Username("username", user.Username)
	return checkPerson(invalid, user)
}

// checkNewUser is checkUser for a user who can go without a username: the e-mail
// address is it then.
func checkNewUser(invalid *portal.Invalid, user portal.User) portal.User {
	if strings.TrimSpace(user.Username) != "" {
		return checkUser(invalid, user)
	}
	user = checkPerson(invalid, user)
	var address, username portal.Invalid
	address.Email("email", user.Email)
	user.Username = username.Username("username", user.Email)
	invalid.Check(address.Err() != nil || username.Err() == nil, "username", // what is wrong with the address is said there
		fmt.Sprintf("This e-mail address can't be the username: a username has %d characters at most, letters A–Z, digits and . _ @ + -. Enter one.", portal.MaxUsername))
	return user
}

func checkPerson(invalid *portal.Invalid, user portal.User) portal.User {
	user.FirstName = invalid.OptionalName("first_name", "first name", user.FirstName)
	user.LastName = invalid.OptionalName("last_name", "last name", user.LastName)
	user.Email = invalid.Email("email", user.Email)
	invalid.Check(user.Staff.Valid(), "staff", "Choose one of the staff roles, or none.")
	return user
}

// UserEdit is what can be edited of a user.
type UserEdit struct {
	ID, Version                          int64
	Username, FirstName, LastName, Email string
	Staff                                portal.Staff // for who may Manage Staff; others leave it as it is
}

// UpdateUser edits a user. For who may manage the user; the staff role for who
// may Manage Staff. CodeConflict when somebody else changed the user meanwhile.
func (m *Manager) UpdateUser(ctx context.Context, in UserEdit) error {
	return m.changeUser(ctx, in.ID, func(c *store.Change, was portal.User) error {
		var invalid portal.Invalid
		user := was
		user.Version = in.Version
		user.Username, user.FirstName, user.LastName, user.Email, user.Staff = in.Username, in.FirstName, in.LastName, in.Email, in.Staff
		user = checkUser(&invalid, user)
		if other, err := c.UserByUsername(ctx, user.Username); err != nil || other.ID != user.ID {
			if err := taken(&invalid, "username", usernameTaken, err); err != nil {
				return err
			}
		}
		if err := invalid.Err(); err != nil {
			return err
		}
		if user.Staff != was.Staff {
			if err := portal.Can(portal.ActorFrom(ctx), portal.ManageStaff, 0); err != nil {
				return err
			}
		}
		if user.Email != was.Email { // a link was mailed to where the user is not, or no longer
			if err := c.DropLinksOf(ctx, portal.PasswordLink, user.ID); err != nil {
				return err
			}
		}
		return putUser(ctx, c, was, user, "edited")
	})
}

// UserAction is something that is done to a user's account with one click.
type UserAction string

// The actions on accounts.
const (
	EnableUser     UserAction = "enable"
	DisableUser    UserAction = "disable"
	LockUser       UserAction = "lock"
	UnlockUser     UserAction = "unlock"
	ExpirePassword UserAction = "expire-password"
)

var userActions = map[UserAction]struct {
	done  string
	apply func(*portal.User)
}{
	EnableUser:     {"enabled", func(u *portal.User) { u.Enabled = true }},
	DisableUser:    {"disabled", func(u *portal.User) { u.Enabled = false }},
	LockUser:       {"locked", func(u *portal.User) { u.Locked = true }},
	UnlockUser:     {"unlocked", func(u *portal.User) { u.Locked = false }},
	ExpirePassword: {"expired the password", func(u *portal.User) { u.PasswordExpired = true }},
}

// ActOnUser does one of the actions. For who may manage the user. Disabling or
// locking ends the user's sessions, and the user's keys are refused from the
// next check on. The last enabled super admin stays one, and nobody disables or
// locks themselves (CodeConflict).
func (m *Manager) ActOnUser(ctx context.Context, id int64, action UserAction) error {
	act, ok := userActions[action]
	if !ok {
		return portal.NotFound(portal.NounUser)
	}
	return m.changeUser(ctx, id, func(c *store.Change, was portal.User) error {
		if action == ExpirePassword {
			if err := portal.InPerson(portal.ActorFrom(ctx)); err != nil {
				return err
			}
		}
		user := was
		act.apply(&user)
		if user == was {
			return errUnchanged
		}
		if id == portal.ActorFrom(ctx).UserID && (!user.Enabled || user.Locked) {
			return portal.Conflict("You can't disable or lock your own account. Ask another administrator.")
		}
		if err := putUser(ctx, c, was, user, act.done); err != nil {
			return err
		}
		if user.Enabled && !user.Locked {
			return nil
		}
		return c.EndSessionsOf(ctx, id, nil)
	})
}

// changeUser runs fn on a user whom the actor may manage.
func (m *Manager) changeUser(ctx context.Context, id int64, fn func(*store.Change, portal.User) error) error {
	if _, err := m.User(ctx, id); err != nil {
		return err
	}
	return m.change(ctx, func(c *store.Change) error {
		user, err := c.User(ctx, id)
		if err != nil {
			return err
		}
		held, err := standing(ctx, c.Queries, user)
		if err != nil {
			return err
		}
		if err := portal.CanManageUser(portal.ActorFrom(ctx), held); err != nil {
			return err
		}
		return fn(c, user)
	})
}

// putUser writes a user's new values, unless there would be no enabled super
// admin left.
func putUser(ctx context.Context, c *store.Change, was, user portal.User, action string) error {
	if was.Staff == portal.SuperAdmin && was.Enabled && (user.Staff != portal.SuperAdmin || !user.Enabled) {
		others, err := c.EnabledSuperAdmins(ctx, user.ID)
		if err != nil {
			return err
		}
		if others == 0 {
			return portal.Conflict("This is the only enabled super admin. Make another user super admin first.")
		}
	}
	changes := portal.Diff(was.Record(), user.Record())
	if len(changes) == 0 && user.Version == was.Version {
		return errUnchanged
	}
	if err := c.UpdateUser(ctx, user); err != nil {
		return err
	}
	return c.Record(ctx, userRevision(user, action, changes))
}

func userRevision(user portal.User, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{Noun: portal.NounUser, NounID: user.ID, NounName: user.Username, UserID: user.ID, Action: action, Changes: changes}
}

func signedIn(actor portal.Actor) error {
	if actor.SignedIn() || actor.IsProgram() {
		return nil
	}
	return portal.Unauthenticated("Log in to go on.")
}

func unchanged(err error) error {
	if err != nil {
		return err
	}
	return errUnchanged
}
