package verify_test

import (
	"sync"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// change makes a change and records what it is about.
func change(t testing.TB, s *store.Store, about portal.Revision, fn func(*store.Change) error) {
	t.Helper()
	err := s.Change(t.Context(), portal.Program("test"), func(c *store.Change) error {
		if err := fn(c); err != nil {
			return err
		}
		about.Action = "changed"
		return c.Record(t.Context(), about)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// expect checks a request with two checkers, the second of which works on a
// store of its own, as another process would.
func expect(t testing.TB, both [2]*verify.Checker, r verify.Request, want verify.Code) {
	t.Helper()
	catchUp(t, both[1])
	for i, c := range both {
		if got := check(t, c, r).Code; got != want {
			t.Errorf("checker %d: got %s, want %s", i+1, got, want)
		}
	}
}

func catchUp(t testing.TB, c *verify.Checker) {
	t.Helper()
	if err := c.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func twoCheckers(t testing.TB, s *store.Store) [2]*verify.Checker {
	other := storetest.Open(t, storetest.Of(s).URL)
	return [2]*verify.Checker{verify.New(s, verify.Options{}), verify.New(other, verify.Options{})}
}

func TestAChangeTakesEffectOnTheNextCheckAndGivingBackRestores(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		both, r := twoCheckers(t, s), forBilling(f)
		plain := storetest.User(t, s)
		storetest.Member(t, s, f.Organization, plain)
		group := storetest.Insert(t, s, func(c *store.Change) (portal.Group, error) {
			return c.InsertGroup(t.Context(), portal.Group{OrganizationID: f.Organization.ID, Name: "Accounting", Roles: []portal.Role{f.Role}})
		})
		key := func(edit func(*portal.Key)) func() { return func() { editKey(t, s, &f, edit) } }
		user := func(edit func(*portal.User)) func() { return func() { editUser(t, s, &f, edit) } }
		role := func(edit func(*portal.Role)) func() { return func() { editRole(t, s, &f, edit) } }
		membership := func(edit func(*portal.Membership)) func() { return func() { editMembership(t, s, &f, edit) } }
		billing := func(edit func(*portal.APISet)) func() { return func() { editSet(t, s, &f.Billing, edit) } }
		organization := func(edit func(*portal.Organization)) func() { return func() { editOrganization(t, s, &f, edit) } }
		for _, step := range []struct {
			name string
			take func()
			want verify.Code
			give func()
		}{
			{
				"key disabled", key(func(k *portal.Key) { k.Enabled = false }),
				"DISABLED", key(func(k *portal.Key) { k.Enabled = true }),
			}, {
				"key narrowed", key(func(k *portal.Key) { k.APISets = nil }),
				"API_SET_NOT_GRANTED", key(func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing} }),
			}, {
				"key mapped to another user", key(func(k *portal.Key) { k.UserID = plain.ID }),
				"API_SET_NOT_GRANTED", key(func(k *portal.Key) { k.UserID = f.User.ID }),
			}, {
				"key bound to a network", key(func(k *portal.Key) { k.AllowedNetworks = []string{"10.0.0.0/8"} }),
				"IP_NOT_ALLOWED", key(func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.7/32"} }),
			}, {
				"user disabled", user(func(u *portal.User) { u.Enabled = false }),
				"USER_DISABLED", user(func(u *portal.User) { u.Enabled = true }),
			}, {
				"user locked", user(func(u *portal.User) { u.Locked = true }),
				"USER_LOCKED", user(func(u *portal.User) { u.Locked = false }),
			}, {
				"user expired", user(func(u *portal.User) { u.PasswordExpired = true }),
				"USER_EXPIRED", user(func(u *portal.User) { u.PasswordExpired = false }),
			}, {
				"membership ended", membership(func(m *portal.Membership) { m.EndedAt = s.Now() }),
				"USER_DISABLED", membership(func(m *portal.Membership) { m.EndedAt = time.Time{} }),
			}, {
				"role taken away", membership(func(m *portal.Membership) { m.Roles = nil }),
				"API_SET_NOT_GRANTED", membership(func(m *portal.Membership) { m.Roles = []portal.Role{f.Role} }),
			}, {
				"taken out of the group that gives the role", func() {
					editMembership(t, s, &f, func(m *portal.Membership) { m.Roles, m.Groups = nil, []portal.Group{group} })
					expect(t, both, r, "VALID")
					change(t, s, portal.Revision{Noun: portal.NounGroup, NounID: group.ID, OrganizationID: f.Organization.ID}, func(c *store.Change) error { return c.TakeOutOfGroup(t.Context(), group, f.User.ID) })
					f.Membership.Version++
				},
				"API_SET_NOT_GRANTED", membership(func(m *portal.Membership) { m.Roles, m.Groups = []portal.Role{f.Role}, nil }),
			}, {
				"role narrowed", role(func(r *portal.Role) { r.APISets = []portal.APISet{f.Dunning} }),
				"API_SET_NOT_GRANTED", role(func(r *portal.Role) { r.APISets = []portal.APISet{f.Billing} }),
			}, {
				"API set renamed", billing(func(a *portal.APISet) { a.Slug = "other" }),
				"API_SET_NOT_GRANTED", billing(func(a *portal.APISet) { a.Slug = "billing" }),
			}, {
				"API set retired", billing(func(a *portal.APISet) { a.RetiredAt = s.Now() }),
				"API_SET_NOT_GRANTED", billing(func(a *portal.APISet) { a.RetiredAt = time.Time{} }),
			}, {
				"organization suspended", organization(func(o *portal.Organization) { o.Suspended = true }),
				"ORG_SUSPENDED", organization(func(o *portal.Organization) { o.Suspended = false }),
			}, {
				"role deleted", func() {
					change(t, s, portal.Revision{Noun: portal.NounRole, NounID: f.Role.ID, OrganizationID: f.Organization.ID}, func(c *store.Change) error { return c.DeleteRole(t.Context(), f.Role) })
				},
				"API_SET_NOT_GRANTED", membership(func(m *portal.Membership) { m.Roles, m.AllAccess = nil, true }),
			},
		} {
			expect(t, both, r, "VALID")
			step.take()
			expect(t, both, r, step.want)
			step.give()
			if t.Failed() {
				t.Fatal(step.name)
			}
		}
		expect(t, both, r, "VALID")
		editKey(t, s, &f, func(k *portal.Key) { k.RevokedAt = s.Now() })
		expect(t, both, r, "REVOKED")
	})
}

func TestChecksAndChangesAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		routed := forBilling(f)
		routed.APISet, routed.Method, routed.URI = "", "GET", "/billing/7"
		var checkers sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			checkers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if _, err := c.Check(t.Context(), routed); err != nil && t.Context().Err() == nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range 25 {
			editKey(t, s, &f, func(k *portal.Key) { k.Enabled = false })
			expectCode(t, c, routed, "DISABLED")
			editKey(t, s, &f, func(k *portal.Key) { k.Enabled = true })
			editSet(t, s, &f.Billing, func(x *portal.APISet) { x.Routes = nil })
			expectCode(t, c, routed, "API_SET_NOT_GRANTED")
			editSet(t, s, &f.Billing, func(x *portal.APISet) { x.Routes = []string{"/billing/"} })
			expectCode(t, c, routed, "VALID")
		}
		close(done)
		checkers.Wait()
	})
}

// A key that goes back and forth between a user who may do everything and one who
// may do nothing never reaches what neither of them with it may.
func TestACheckNeverSeesHalfAChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c, r := verify.New(s, verify.Options{}), forBilling(f)
		nobody := storetest.User(t, s)
		storetest.Member(t, s, f.Organization, nobody)
		editMembership(t, s, &f, func(m *portal.Membership) { m.AllAccess = true })
		editKey(t, s, &f, func(k *portal.Key) { k.APISets = nil })
		var checkers sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			checkers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if got, err := c.Check(t.Context(), r); err != nil || got.Code != "API_SET_NOT_GRANTED" {
						t.Errorf("got %s, %v", got.Code, err)
						return
					}
				}
			})
		}
		for range 100 {
			editKey(t, s, &f, func(k *portal.Key) { k.UserID, k.APISets = nobody.ID, []portal.APISet{f.Billing} })
			editKey(t, s, &f, func(k *portal.Key) { k.UserID, k.APISets = f.User.ID, nil })
		}
		close(done)
		checkers.Wait()
	})
}

func expectCode(t *testing.T, c *verify.Checker, r verify.Request, want verify.Code) {
	t.Helper()
	if got := check(t, c, r).Code; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
func editKey(t testing.TB, s *store.Store, f *storetest.Fixture, edit func(*portal.Key)) {
	t.Helper()
	change(t, s, portal.Revision{Noun: portal.NounKey, NounID: f.Key.ID, OrganizationID: f.Key.OrganizationID}, func(c *store.Change) (err error) {
		edit(&f.Key)
		if err = c.UpdateKey(t.Context(), f.Key); err == nil {
			f.Key, err = c.Key(t.Context(), f.Key.ID)
		}
		return err
	})
}

func editUser(t testing.TB, s *store.Store, f *storetest.Fixture, edit func(*portal.User)) {
	t.Helper()
	change(t, s, portal.Revision{Noun: portal.NounUser, NounID: f.User.ID, UserID: f.User.ID}, func(c *store.Change) (err error) {
		edit(&f.User)
		if err = c.UpdateUser(t.Context(), f.User); err == nil {
			f.User, err = c.User(t.Context(), f.User.ID)
		}
		return err
	})
}

func editRole(t testing.TB, s *store.Store, f *storetest.Fixture, edit func(*portal.Role)) {
	t.Helper()
	change(t, s, portal.Revision{Noun: portal.NounRole, NounID: f.Role.ID, OrganizationID: f.Role.OrganizationID}, func(c *store.Change) (err error) {
		edit(&f.Role)
		if err = c.UpdateRole(t.Context(), f.Role); err == nil {
			f.Role, err = c.Role(t.Context(), f.Role.ID)
		}
		return err
	})
}

func editMembership(t testing.TB, s *store.Store, f *storetest.Fixture, edit func(*portal.Membership)) {
	t.Helper()
	change(t, s, portal.Revision{Noun: portal.NounMembership, NounID: f.Membership.ID, UserID: f.Membership.UserID, OrganizationID: f.Membership.OrganizationID}, func(c *store.Change) (err error) {
		edit(&f.Membership)
		f.Membership, err = c.SaveMembership(t.Context(), f.Membership)
		return err
	})
}

func editSet(t testing.TB, s *store.Store, set *portal.APISet, edit func(*portal.APISet)) {
	t.Helper()
	change(t, s, portal.Revision{Noun: portal.NounAPISet, NounID: set.ID}, func(c *store.Change) (err error) {
		edit(set)
		if err = c.UpdateAPISet(t.Context(), *set); err == nil {
			*set, err = c.APISet(t.Context(), set.ID)
		}
		return err
	})
}

func editOrganization(t testing.TB, s *store.Store, f *storetest.Fixture, edit func(*portal.Organization)) {
	t.Helper()
	change(t, s, portal.Revision{Noun: portal.NounOrganization, NounID: f.Organization.ID, OrganizationID: f.Organization.ID}, func(c *store.Change) (err error) {
		edit(&f.Organization)
		if err = c.UpdateOrganization(t.Context(), f.Organization); err == nil {
			f.Organization, err = c.Organization(t.Context(), f.Organization.ID)
		}
		return err
	})
}
