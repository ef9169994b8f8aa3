package store

import (
	"context"
	"database/sql"

	"keyportal/internal/portal"
)

const userColumns = `u.id, u.username, u.first_name, u.last_name, u.email, u.staff, u.enabled, u.locked, u.password_expired,
	u.password_hash IS NOT NULL, u.last_sign_in_at, u.version, u.created_at, u.updated_at`

func scanUser(r row) (u portal.User, err error) {
	return u, r.Scan(&u.ID, &u.Username, &u.FirstName, &u.LastName, &u.Email, &u.Staff, &u.Enabled, &u.Locked, &u.PasswordExpired,
		&u.HasPassword, instant{&u.LastSignInAt}, &u.Version, instant{&u.CreatedAt}, instant{&u.UpdatedAt})
}

// User finds a user.
func (q Queries) User(ctx context.Context, id int64) (portal.User, error) {
	return keep(q, "user", id, func() (portal.User, error) {
		return one(ctx, q, portal.NounUser, scanUser, `/* user */ SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id)
	})
}

// UserByUsername finds a user by username, regardless of case.
func (q Queries) UserByUsername(ctx context.Context, username string) (portal.User, error) {
	folded := portal.Fold(username)
	return keep(q, "user by username", folded, func() (portal.User, error) {
		return one(ctx, q, portal.NounUser, scanUser, `/* user by username */ SELECT `+userColumns+` FROM users u WHERE u.username_folded = $1`, folded)
	})
}

// Users lists users by username, first_name, last_name, email, enabled, locked
// or expired. The search looks at names, username and e-mail.
func (q Queries) Users(ctx context.Context, filter portal.UserFilter) (portal.Page[portal.User], error) {
	l := listing[portal.User]{
		name: "users", columns: userColumns, from: "users u", id: "u.id", scan: scanUser,
		sorts: map[string]string{
			"": "u.username_folded", "username": "u.username_folded", "first_name": "u.first_name_folded", "last_name": "u.last_name_folded", "email": "u.email_folded",
			"enabled": flag("u.enabled"), "locked": flag("u.locked"), "expired": flag("u.password_expired"),
		},
	}
	l.search(filter.Search, "u.search")
	if filter.OrganizationID != 0 {
		l.filter("u.id IN (SELECT m.user_id FROM memberships m WHERE m.organization_id = ? AND m.ended_at IS NULL)", filter.OrganizationID)
	}
	l.flag("u.enabled", filter.Enabled)
	l.flag("u.locked", filter.Locked)
	l.flag("u.password_expired", filter.Expired)
	return page(ctx, q, l, filter.List)
}

// flag keeps the rows whose column is as wanted; nil wants either.
func (l *listing[T]) flag(column string, want *bool) {
	if want != nil {
		l.filter(column+" = ?", *want)
	}
}

// flag is a boolean column as text that sorts.
func flag(column string) string { return "CASE WHEN " + column + " THEN '1' ELSE '0' END" }

// AnyUsers tells whether there are users at all; a fresh installation has none.
func (q Queries) AnyUsers(ctx context.Context) (bool, error) {
	return one(ctx, q, portal.NounUser, scalar[bool], `/* any users */ SELECT EXISTS (SELECT 1 FROM users)`)
}

// EnabledSuperAdmins counts the enabled super admins other than one user.
func (q Queries) EnabledSuperAdmins(ctx context.Context, otherThan int64) (int, error) {
	return one(ctx, q, portal.NounUser, scalar[int], `/* enabled super admins */ SELECT count(*) FROM users WHERE staff = 'super_admin' AND enabled AND id <> $1`, otherThan)
}

// PasswordHash gives a user's encoded password hash; empty when none was set.
func (q Queries) PasswordHash(ctx context.Context, user int64) (string, error) {
	hash, err := one(ctx, q, portal.NounUser, scalar[sql.NullString], `/* password hash */ SELECT password_hash FROM users WHERE id = $1`, user)
	return hash.String, err
}

// InsertUser adds a user without a password and gives it with its ID.
func (c *Change) InsertUser(ctx context.Context, u portal.User) (portal.User, error) {
	id, err := one(ctx, c.Queries, portal.NounUser, scalar[int64], `/* insert user */
		INSERT INTO users (username, username_folded, first_name, first_name_folded, last_name, last_name_folded, email, email_folded,
			search, staff, enabled, locked, password_expired, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $14) RETURNING id`,
		u.Username, portal.Fold(u.Username), u.FirstName, portal.Fold(u.FirstName), u.LastName, portal.Fold(u.LastName), u.Email, portal.Fold(u.Email),
		searchTextOf(u), u.Staff, u.Enabled, u.Locked, u.PasswordExpired, at(c.Now()))
	if err != nil {
		return u, err
	}
	return c.User(ctx, id)
}

// UpdateUser writes a user's values if the user still has the given version;
// else the error is Stale.
func (c *Change) UpdateUser(ctx context.Context, u portal.User) error {
	err := c.execVersion(ctx, portal.NounUser, `/* update user */
		UPDATE users SET username = $3, username_folded = $4, first_name = $5, first_name_folded = $6, last_name = $7, last_name_folded = $8,
			email = $9, email_folded = $10, search = $11, staff = $12, enabled = $13, locked = $14, password_expired = $15,
			version = version + 1, updated_at = $16 WHERE id = $1 AND version = $2`,
		u.ID, u.Version, u.Username, portal.Fold(u.Username), u.FirstName, portal.Fold(u.FirstName), u.LastName, portal.Fold(u.LastName),
		u.Email, portal.Fold(u.Email), searchTextOf(u), u.Staff, u.Enabled, u.Locked, u.PasswordExpired, at(c.Now()))
	if err != nil {
		return err
	}
	return c.exec(ctx, `/* user of keys */ UPDATE keys SET user_search = $2 WHERE user_id = $1 AND user_search <> $2`, u.ID, searchTextOf(u))
}

// SetPassword writes a user's encoded password hash; the password is not
// expired then.
func (c *Change) SetPassword(ctx context.Context, user int64, hash string) error {
	return c.execOne(ctx, portal.NounUser, `/* set password */ UPDATE users SET password_hash = $2, password_expired = FALSE, version = version + 1, updated_at = $3 WHERE id = $1`,
		user, hash, at(c.Now()))
}

// SignedIn notes when a user signed in last.
func (u *Update) SignedIn(ctx context.Context, user int64) error {
	return u.execOne(ctx, portal.NounUser, `/* signed in */ UPDATE users SET last_sign_in_at = $2 WHERE id = $1`, user, at(u.Now()))
}

func searchTextOf(u portal.User) string {
	return portal.Fold(u.Username + " " + u.FirstName + " " + u.LastName + " " + u.Email)
}
