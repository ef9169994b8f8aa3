package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// Fixture is a small installation: one organization with people, roles, API
// sets and a key that passes the check for Billing.
type Fixture struct {
	Organization portal.Organization
	SuperAdmin   portal.User // no member
	Admin        portal.User // Admin of the organization
	User         portal.User // holds Role
	Membership   portal.Membership
	Role         portal.Role   // allows Billing and Dunning
	Billing      portal.APISet // claims GET /billing/{id} and /billing/
	Dunning      portal.APISet // claims /dunning/
	Revenue      portal.APISet // claims /revenue/; no role allows it
	License      portal.License
	Instance     portal.Instance
	Application  portal.Application // the organization's own
	Key          portal.Key         // User's, for Billing and Revenue
	Secret       secret.Value       // Key's
}

// NewFixture puts a Fixture into the store.
func NewFixture(t testing.TB, s *store.Store) Fixture {
	t.Helper()
	return NewFixtureOf(t, s, "")
}

// NewFixtureOf is NewFixture with a prefix for the slugs of the API sets, which
// are unique.
func NewFixtureOf(t testing.TB, s *store.Store, prefix string) Fixture {
	t.Helper()
	f := Fixture{Organization: Organization(t, s), SuperAdmin: SuperAdmin(t, s), User: User(t, s)}
	f.Admin = Admin(t, s, f.Organization)
	f.Billing = APISet(t, s, prefix+"billing", "GET /"+prefix+"billing/{id}", "/"+prefix+"billing/")
	f.Dunning = APISet(t, s, prefix+"dunning", "/"+prefix+"dunning/")
	f.Revenue = APISet(t, s, prefix+"revenue-management", "/"+prefix+"revenue/")
	f.Role = Role(t, s, f.Organization, []portal.Authority{portal.ManageUserAPIKey, portal.ViewHistory}, f.Billing, f.Dunning)
	f.Membership = Member(t, s, f.Organization, f.User, f.Role)
	f.License = License(t, s, f.Organization)
	f.Instance = Instance(t, s, f.License)
	f.Application = Application(t, s, f.Organization)
	f.Key, f.Secret = Key(t, s, f.Membership, func(k *portal.Key) {
		k.LicenseID, k.ApplicationID = f.License.ID, f.Application.ID
		k.APISets = []portal.APISet{f.Billing, f.Revenue}
	})
	return f
}

var count atomic.Int64

// numbered makes names that are unique in the process.
func numbered(format string) string { return fmt.Sprintf(format, count.Add(1)) }

// Change makes a change as the program and records it.
func Change(t testing.TB, s *store.Store, fn func(*store.Change) error) {
	t.Helper()
	err := s.Change(t.Context(), portal.Program("storetest"), func(c *store.Change) error {
		if err := fn(c); err != nil {
			return err
		}
		return c.Record(t.Context(), portal.Revision{Noun: portal.NounInstallation, NounName: "fixture", Action: "prepared"})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Insert makes a change that adds one thing, and gives the thing.
func Insert[T any](t testing.TB, s *store.Store, add func(*store.Change) (T, error)) (added T) {
	t.Helper()
	Change(t, s, func(c *store.Change) (err error) {
		added, err = add(c)
		return err
	})
	return added
}

// Organization adds an organization of the level Platinum.
func Organization(t testing.TB, s *store.Store, edit ...func(*portal.Organization)) portal.Organization {
	t.Helper()
	o := portal.Organization{Name: numbered("Client %d"), LevelID: 3, SecretViewing: true}
	for _, edit := range edit {
		edit(&o)
	}
	return Insert(t, s, func(c *store.Change) (portal.Organization, error) { return c.InsertOrganization(t.Context(), o) })
}

// User adds an enabled user who is in no organization and has no password.
func User(t testing.TB, s *store.Store, edit ...func(*portal.User)) portal.User {
	t.Helper()
	username := numbered("User.%d")
	u := portal.User{Username: username, FirstName: "Ada", LastName: "Lovelace", Email: username + "@example.com", Enabled: true}
	for _, edit := range edit {
		edit(&u)
	}
	return Insert(t, s, func(c *store.Change) (portal.User, error) { return c.InsertUser(t.Context(), u) })
}

// SuperAdmin adds a super admin who is in no organization.
func SuperAdmin(t testing.TB, s *store.Store) portal.User {
	t.Helper()
	return User(t, s, func(u *portal.User) { u.Staff = portal.SuperAdmin })
}

// Support adds a member of the support staff who is in no organization.
func Support(t testing.TB, s *store.Store) portal.User {
	t.Helper()
	return User(t, s, func(u *portal.User) { u.Staff = portal.Support })
}

// Admin adds a user whose membership carries the flags Admin and All Access.
func Admin(t testing.TB, s *store.Store, organization portal.Organization) portal.User {
	t.Helper()
	user := User(t, s)
	SaveMembership(t, s, portal.Membership{OrganizationID: organization.ID, UserID: user.ID, Admin: true, AllAccess: true})
	return user
}

// Member makes a user a member with roles and without flags.
func Member(t testing.TB, s *store.Store, organization portal.Organization, user portal.User, roles ...portal.Role) portal.Membership {
	t.Helper()
	return SaveMembership(t, s, portal.Membership{OrganizationID: organization.ID, UserID: user.ID, Roles: roles})
}

// SaveMembership adds or changes a membership.
func SaveMembership(t testing.TB, s *store.Store, m portal.Membership) portal.Membership {
	t.Helper()
	return Insert(t, s, func(c *store.Change) (portal.Membership, error) { return c.SaveMembership(t.Context(), m) })
}

// APISet adds an API set; an empty slug becomes a unique one.
func APISet(t testing.TB, s *store.Store, slug string, routes ...string) portal.APISet {
	t.Helper()
	if slug == "" {
		slug = numbered("set-%d")
	}
	set := portal.APISet{Slug: slug, Name: slug + " API", Description: "What " + slug + " is for.", Routes: routes}
	return Insert(t, s, func(c *store.Change) (portal.APISet, error) { return c.InsertAPISet(t.Context(), set) })
}

// Role adds a role of an organization; the zero organization makes it one for
// every organization.
func Role(t testing.TB, s *store.Store, organization portal.Organization, authorities []portal.Authority, sets ...portal.APISet) portal.Role {
	t.Helper()
	role := portal.Role{OrganizationID: organization.ID, Name: numbered("Role %d"), Description: "A role.", Authorities: authorities, APISets: sets}
	return Insert(t, s, func(c *store.Change) (portal.Role, error) { return c.InsertRole(t.Context(), role) })
}

// License adds an active license.
func License(t testing.TB, s *store.Store, organization portal.Organization) portal.License {
	t.Helper()
	number := numbered("1234%04d")
	l := portal.License{OrganizationID: organization.ID, Number: number, Domain: "Domain " + number, Database: "DB_" + number, Active: true}
	return Insert(t, s, func(c *store.Change) (portal.License, error) { return c.InsertLicense(t.Context(), l) })
}

// Instance adds a test instance to a license.
func Instance(t testing.TB, s *store.Store, license portal.License) portal.Instance {
	t.Helper()
	i := portal.Instance{LicenseID: license.ID, Name: "TEBE" + license.Number + "A", Environment: portal.Test}
	return Insert(t, s, func(c *store.Change) (portal.Instance, error) { return c.InsertInstance(t.Context(), i) })
}

// Application adds an organization's own application; the zero organization
// makes it one of the catalogue.
func Application(t testing.TB, s *store.Store, organization portal.Organization) portal.Application {
	t.Helper()
	a := portal.Application{OrganizationID: organization.ID, Name: numbered("Application %d"), Description: "What a key is for."}
	return Insert(t, s, func(c *store.Change) (portal.Application, error) { return c.InsertApplication(t.Context(), a) })
}

// Key adds an enabled token key of a member, by default one that reaches no API
// set and expires in 90 days, and gives it with its secret in clear.
func Key(t testing.TB, s *store.Store, membership portal.Membership, edit ...func(*portal.Key)) (portal.Key, secret.Value) {
	t.Helper()
	k := portal.Key{
		Kind: portal.TokenKey, OrganizationID: membership.OrganizationID, Name: numbered("Key %d"), Description: "A key for tests.",
		UserID: membership.UserID, CreatedBy: membership.UserID, CreatorName: "Ada Lovelace", Enabled: true,
		MappedBy: membership.UserID, MapperName: "Ada Lovelace", MappingTold: true,
		ExpiresAt: s.Now().Add(90 * 24 * time.Hour),
	}
	for _, edit := range edit {
		edit(&k)
	}
	if k.Kind == portal.PairKey && k.PublicID == "" {
		k.PublicID = secret.New("", secret.AccessKey).Reveal()
	}
	value := secret.New("", prefixes[k.Kind])
	added := Insert(t, s, func(c *store.Change) (portal.Key, error) { return c.InsertKey(t.Context(), k, SecretOf(k, value)) })
	return added, value
}

var prefixes = map[portal.Kind]secret.Prefix{portal.TokenKey: secret.Token, portal.PairKey: secret.SecurityKey, portal.OAuthKey: secret.ClientSecret}

// SecretOf gives the form in the store of a key's secret, which for a pair covers its
// Access Key.
func SecretOf(k portal.Key, value secret.Value) portal.Secret {
	stored := Secret(value)
	if k.Kind == portal.PairKey {
		hash := secret.HashOfPair(k.PublicID, value.Reveal())
		stored.Hash = hash[:]
	}
	return stored
}

// Secret gives a credential's form in the store.
func Secret(value secret.Value) portal.Secret {
	hash := value.Hash()
	return portal.Secret{Hash: hash[:], Masked: value.Mask()}
}

// Group adds a group with its members and roles, by SQL around the store, and
// gives its ID.
func Group(t testing.TB, s *store.Store, organization portal.Organization, members []portal.Membership, roles ...portal.Role) (id int64) {
	t.Helper()
	db := SQL(t, s)
	name := numbered("group %d")
	err := db.QueryRowContext(t.Context(), `INSERT INTO groups (organization_id, name, name_folded, description, version, created_at, updated_at)
		VALUES ($1, $2, $2, 'A group.', 1, $3, $3) RETURNING id`, organization.ID, name, s.Now().UnixMicro()).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range members {
		Exec(t, db, `INSERT INTO group_members (group_id, membership_id) VALUES ($1, $2)`, id, member.ID)
	}
	for _, role := range roles {
		Exec(t, db, `INSERT INTO group_roles (group_id, role_id) VALUES ($1, $2)`, id, role.ID)
	}
	return id
}

// DeleteGroup deletes a group, by SQL around the store.
func DeleteGroup(t testing.TB, s *store.Store, id int64) {
	t.Helper()
	Exec(t, SQL(t, s), `UPDATE groups SET deleted_at = $2 WHERE id = $1`, id, s.Now().UnixMicro())
}
