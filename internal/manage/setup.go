package manage

import (
	"context"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// SetupLink makes the one-time link with which the first super admin is made.
// It is empty when there are users already. For the program's start.
func (m *Manager) SetupLink(ctx context.Context) (string, error) {
	if any, err := m.Store.AnyUsers(ctx); err != nil || any {
		return "", err
	}
	var address string
	err := m.Store.Update(ctx, func(u *store.Update) error {
		token, err := m.newLink(ctx, u, portal.SetUpLink, 0)
		address = m.linkURL("setup", token)
		return err
	})
	return address, err
}

// CheckSetupLink tells whether a set-up link can still be used; if not, as once
// there are users, the error is CodeNotFound.
func (m *Manager) CheckSetupLink(ctx context.Context, token string) error {
	any, err := m.Store.AnyUsers(ctx)
	if err != nil {
		return err
	}
	if any {
		return errLinkGone
	}
	_, err = m.openLink(ctx, m.Store.Queries, portal.SetUpLink, token)
	return err
}

// FirstAdmin is who sets the installation up.
type FirstAdmin struct {
	Username, FirstName, LastName, Email, Password string
	Organization                                   string // the first organization; may be empty
}

// SetUp makes the first super admin, and an organization that the super admin
// belongs to when one is named, for whoever holds a set-up link.
func (m *Manager) SetUp(ctx context.Context, token string, in FirstAdmin) (portal.User, error) {
	if err := m.CheckSetupLink(ctx, token); err != nil {
		return portal.User{}, err
	}
	address := portal.ActorFrom(ctx).Address
	actor := portal.Program("set-up")
	actor.Address = address
	return m.createSuperAdmin(portal.WithActor(ctx, actor), in, func(c *store.Change) error {
		link, err := m.openLink(ctx, c.Queries, portal.SetUpLink, token)
		if err != nil {
			return err
		}
		if any, err := c.AnyUsers(ctx); err != nil || any {
			return portal.Conflict("This installation was set up already. Log in instead.")
		}
		return c.UseLink(ctx, link.Hash)
	})
}

// CreateSuperAdmin makes a super admin with a password. For the command line.
func (m *Manager) CreateSuperAdmin(ctx context.Context, in FirstAdmin) (portal.User, error) {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageStaff, 0); err != nil {
		return portal.User{}, err
	}
	return m.createSuperAdmin(ctx, in, func(*store.Change) error { return nil })
}

func (m *Manager) createSuperAdmin(ctx context.Context, in FirstAdmin, admit func(*store.Change) error) (portal.User, error) {
	var invalid portal.Invalid
	user := checkUser(&invalid, portal.User{
		Username: in.Username, FirstName: in.FirstName, LastName: in.LastName, Email: in.Email, Staff: portal.SuperAdmin, Enabled: true,
	})
	invalid.Password("password", user.Username, in.Password)
	organization := portal.Organization{Name: invalid.OptionalName("organization", "organization's name", in.Organization), LevelID: 1}
	if err := invalid.Err(); err != nil {
		return user, err
	}
	hash, err := m.passwords.hash(ctx, in.Password)
	if err != nil {
		return user, err
	}
	err = m.change(ctx, func(c *store.Change) error {
		if err := admit(c); err != nil {
			return err
		}
		if user, err = insertUser(ctx, c, user); err != nil {
			return err
		}
		if err := c.SetPassword(ctx, user.ID, hash); err != nil {
			return err
		}
		if organization.Name == "" {
			return nil
		}
		if organization, err = insertOrganization(ctx, c, organization); err != nil {
			return err
		}
		_, err = saveMembership(ctx, c, user, portal.Membership{
			OrganizationID: organization.ID, OrganizationName: organization.Name, UserID: user.ID, Admin: true, AllAccess: true,
		})
		return err
	})
	return user, err
}
