package store_test

import (
	"context"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAUserIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		life[portal.User]{
			made: portal.User{
				Username: "Ada.Lovelace", FirstName: "Ada", LastName: "Lovelace", Email: "Ada@example.com", Staff: portal.Support,
				Enabled: true, Locked: true, PasswordExpired: true,
			},
			unset: []string{"HasPassword", "LastSignInAt"},
			change: func(u *portal.User) {
				*u = portal.User{ID: u.ID, Version: u.Version, CreatedAt: u.CreatedAt, Username: "augusta", FirstName: "Augusta", LastName: "King", Email: "a@example.org"}
			},
			insert: func(ctx context.Context, c *store.Change, u portal.User) (portal.User, error) {
				return c.InsertUser(ctx, u)
			},
			read:   s.User,
			update: func(ctx context.Context, c *store.Change, u portal.User) error { return c.UpdateUser(ctx, u) },
		}.live(t, s)
	})
}

func TestAUserIsFoundByUsernameRegardlessOfCase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		want := storetest.User(t, s, func(u *portal.User) { u.Username = "Grace.Hopper" })
		wantEqual(t, "found", must[portal.User](t)(s.UserByUsername(t.Context(), "gRACE.hOPPER")), want)
		_, err := s.UserByUsername(t.Context(), "grace")
		wantCode(t, "a part of it", err, portal.CodeNotFound)
		wantCode(t, "a second one of the name", change(t, s, func(c *store.Change) error {
			_, err := c.InsertUser(t.Context(), portal.User{Username: "GRACE.HOPPER"})
			return err
		}), portal.CodeConflict)
	})
}

func TestAPasswordIsKeptApartFromTheUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user := storetest.User(t, s, func(u *portal.User) { u.PasswordExpired = true })
		wantEqual(t, "no password", must[string](t)(s.PasswordHash(t.Context(), user.ID)), "")
		now := storetest.Of(s).Clock.Advance(time.Minute)
		storetest.Change(t, s, func(c *store.Change) error { return c.SetPassword(t.Context(), user.ID, "$argon2id$…") })
		wantEqual(t, "password", must[string](t)(s.PasswordHash(t.Context(), user.ID)), "$argon2id$…")
		user.HasPassword, user.PasswordExpired, user.Version, user.UpdatedAt = true, false, 2, now
		wantEqual(t, "user", must[portal.User](t)(s.User(t.Context(), user.ID)), user)

		_, err := s.PasswordHash(t.Context(), user.ID+1)
		wantCode(t, "nobody's password", err, portal.CodeNotFound)
		wantCode(t, "a password for nobody", change(t, s, func(c *store.Change) error { return c.SetPassword(t.Context(), user.ID+1, "x") }), portal.CodeNotFound)
	})
}

func TestSigningInIsNoted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user := storetest.User(t, s)
		user.LastSignInAt = storetest.Of(s).Clock.Advance(time.Minute)
		update(t, s, func(u *store.Update) error { return u.SignedIn(t.Context(), user.ID) })
		wantEqual(t, "user", must[portal.User](t)(s.User(t.Context(), user.ID)), user)
	})
}

func TestEnabledSuperAdminsAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		wantEqual(t, "any users", must[bool](t)(s.AnyUsers(t.Context())), false)
		first, second := storetest.SuperAdmin(t, s), storetest.SuperAdmin(t, s)
		storetest.User(t, s, func(u *portal.User) { u.Staff, u.Enabled = portal.SuperAdmin, false })
		storetest.Support(t, s)
		wantEqual(t, "any users", must[bool](t)(s.AnyUsers(t.Context())), true)
		wantEqual(t, "in all", must[int](t)(s.EnabledSuperAdmins(t.Context(), 0)), 2)
		wantEqual(t, "beside the first", must[int](t)(s.EnabledSuperAdmins(t.Context(), first.ID)), 1)
		first.Enabled = false
		storetest.Change(t, s, func(c *store.Change) error { return c.UpdateUser(t.Context(), first) })
		wantEqual(t, "beside the last", must[int](t)(s.EnabledSuperAdmins(t.Context(), second.ID)), 0)
	})
}
