package verify_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

func named(user portal.User) []string { return []string{strconv.FormatInt(user.ID, 10)} }

// impersonating lets the fixture's key impersonate, with all API sets, and adds a user
// whose roles allow Dunning and Revenue, and asks to act as that one.
func impersonating(t testing.TB, s *store.Store, f *storetest.Fixture) (other portal.Membership, r verify.Request) {
	t.Helper()
	editKey(t, s, f, func(k *portal.Key) {
		k.CanImpersonate, k.APISets = true, []portal.APISet{f.Billing, f.Dunning, f.Revenue}
	})
	user := storetest.User(t, s)
	other = storetest.Member(t, s, f.Organization, user, storetest.Role(t, s, f.Organization, nil, f.Dunning, f.Revenue))
	return other, verify.Request{Credential: f.Secret.Reveal(), ClientIP: client, APISet: "dunning", Impersonate: named(user)}
}

func TestAKeyActsAsAnotherUserAndTellsBoth(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other, r := impersonating(t, s, &f)
		c := verify.New(s, verify.Options{})
		name := func(id int64) verify.Identity {
			user, err := s.User(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return verify.Identity{ID: id, Username: user.Username}
		}
		own, nobody := name(f.User.ID), verify.Identity{}
		for _, test := range []struct {
			as                 []string
			user, impersonator verify.Identity
			reaches            []string
		}{
			{nil, own, nobody, []string{"billing", "dunning"}},
			{r.Impersonate, name(other.UserID), own, []string{"dunning", "revenue-management"}},
			{named(f.User), own, nobody, []string{"billing", "dunning"}},
		} {
			r.Impersonate = test.as
			got := check(t, c, r)
			if got.Code != "VALID" || got.User() != test.user || got.Impersonator() != test.impersonator || !slices.Equal(got.Subject.APISets, test.reaches) || got.Subject.UserID != f.User.ID {
				t.Errorf("as %v: got %s, %+v by %+v, %v", test.as, got.Code, got.User(), got.Impersonator(), got.Subject.APISets)
			}
		}
	})
}

func TestWhoeverMayNotBeImpersonatedIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other, r := impersonating(t, s, &f)
		c := verify.New(s, verify.Options{})
		member := func(edit func(*portal.User), end ...func(*portal.Membership)) []string {
			user := storetest.User(t, s, edit)
			m := storetest.Member(t, s, f.Organization, user)
			m.AllAccess = true
			for _, end := range end {
				end(&m)
			}
			storetest.SaveMembership(t, s, m)
			return named(user)
		}
		elsewhere := storetest.User(t, s)
		storetest.Member(t, s, storetest.Organization(t, s), elsewhere)
		right := r.Impersonate[0]
		for what, as := range map[string][]string{
			"several users":               {right, right},
			"a user and an empty value":   {right, ""},
			"an empty value":              {""},
			"a list":                      {right + "," + right},
			"a username":                  {f.Admin.Username},
			"a number that is none's":     {"987654321"},
			"a number with a sign":        {"+" + right},
			"a number with a zero before": {"0" + right},
			"no whole number":             {right + ".0"},
			"more than a number can be":   {"99999999999999999999"},
			"zero":                        {"0"},
			"a negative number":           {"-" + right},
			"a user of no organization":   named(storetest.User(t, s)),
			"another organization's user": named(elsewhere),
			"a super admin of none":       named(f.SuperAdmin),
			"a member who is super admin": member(func(u *portal.User) { u.Staff = portal.SuperAdmin }),
			"a member who is support":     member(func(u *portal.User) { u.Staff = portal.Support }),
			"a disabled user":             member(func(u *portal.User) { u.Enabled = false }),
			"a locked user":               member(func(u *portal.User) { u.Locked = true }),
			"a user with an old password": member(func(u *portal.User) { u.PasswordExpired = true }),
			"a user who has left":         member(func(*portal.User) {}, func(m *portal.Membership) { m.EndedAt = s.Now() }),
		} {
			r.Impersonate = as
			for _, open := range []bool{false, true} {
				r.APISet, r.AllowUnmatched = "dunning", open
				if open {
					r.APISet = ""
				}
				if got := check(t, c, r).Code; got != "IMPERSONATION_NOT_ALLOWED" {
					t.Errorf("%s: got %s", what, got)
				}
			}
		}
		r.APISet, r.AllowUnmatched = "dunning", false
		for _, as := range [][]string{{right}, named(f.User), member(func(*portal.User) {})} {
			r.Impersonate = as
			expectCode(t, c, r, "VALID")
		}
		editKey(t, s, &f, func(k *portal.Key) { k.CanImpersonate = false })
		for _, user := range []int64{other.UserID, f.User.ID} {
			r.Impersonate = []string{strconv.FormatInt(user, 10)}
			expectCode(t, c, r, "IMPERSONATION_NOT_ALLOWED")
		}
		r.Impersonate = nil
		expectCode(t, c, r, "VALID")
	})
}

// The key's own user must be all right whomever the key acts as.
func TestImpersonationIsDecidedAfterTheKeyAndBeforeItsAPISets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fixture := storetest.NewFixture(t, s)
		for _, fault := range steps {
			if slices.Contains([]verify.Code{"IMPERSONATION_NOT_ALLOWED", "API_SET_NOT_GRANTED"}, fault.code) {
				continue
			}
			f := anotherClient(t, s, fixture)
			_, r := impersonating(t, s, &f)
			c := verify.New(s, verify.Options{})
			expectCode(t, c, r, "VALID")
			fault.step(t, s, &f, &r)
			expectCode(t, c, r, fault.code)
			r.Impersonate = named(fixture.SuperAdmin)
			expectCode(t, c, r, fault.code)
		}
		_, r := impersonating(t, s, &fixture)
		r.APISet = "billing"
		expectCode(t, verify.New(s, verify.Options{}), r, "API_SET_NOT_GRANTED")
		r.Impersonate = named(fixture.SuperAdmin)
		expectCode(t, verify.New(s, verify.Options{}), r, "IMPERSONATION_NOT_ALLOWED")
	})
}

func TestWhatChangesOfTheImpersonatedUserCountsOnTheNextCheck(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other, r := impersonating(t, s, &f)
		both := twoCheckers(t, s)
		theirs := storetest.Fixture{Membership: other, Role: other.Roles[0]}
		var err error
		if theirs.User, err = s.User(t.Context(), other.UserID); err != nil {
			t.Fatal(err)
		}
		if theirs.Role, err = s.Role(t.Context(), theirs.Role.ID); err != nil {
			t.Fatal(err)
		}
		user := func(edit func(*portal.User)) func() { return func() { editUser(t, s, &theirs, edit) } }
		membership := func(edit func(*portal.Membership)) func() {
			return func() { editMembership(t, s, &theirs, edit) }
		}
		role := func(sets ...portal.APISet) func() {
			return func() { editRole(t, s, &theirs, func(x *portal.Role) { x.APISets = sets }) }
		}
		key := func(edit func(*portal.Key)) func() { return func() { editKey(t, s, &f, edit) } }
		set := func(edit func(*portal.APISet)) func() { return func() { editSet(t, s, &f.Dunning, edit) } }
		held := slices.Clone(theirs.Membership.Roles)
		for what, step := range map[string]struct {
			take func()
			want verify.Code
			give func()
		}{
			"disabled":        {user(func(u *portal.User) { u.Enabled = false }), "IMPERSONATION_NOT_ALLOWED", user(func(u *portal.User) { u.Enabled = true })},
			"locked":          {user(func(u *portal.User) { u.Locked = true }), "IMPERSONATION_NOT_ALLOWED", user(func(u *portal.User) { u.Locked = false })},
			"expired":         {user(func(u *portal.User) { u.PasswordExpired = true }), "IMPERSONATION_NOT_ALLOWED", user(func(u *portal.User) { u.PasswordExpired = false })},
			"made support":    {user(func(u *portal.User) { u.Staff = portal.Support }), "IMPERSONATION_NOT_ALLOWED", user(func(u *portal.User) { u.Staff = portal.NotStaff })},
			"gone":            {membership(func(m *portal.Membership) { m.EndedAt = s.Now() }), "IMPERSONATION_NOT_ALLOWED", membership(func(m *portal.Membership) { m.EndedAt = time.Time{} })},
			"without roles":   {membership(func(m *portal.Membership) { m.Roles = nil }), "API_SET_NOT_GRANTED", membership(func(m *portal.Membership) { m.Roles = held })},
			"role narrowed":   {role(f.Billing), "API_SET_NOT_GRANTED", role(f.Dunning)},
			"key narrowed":    {key(func(k *portal.Key) { k.APISets = nil }), "API_SET_NOT_GRANTED", key(func(k *portal.Key) { k.APISets = []portal.APISet{f.Dunning} })},
			"set retired":     {set(func(x *portal.APISet) { x.RetiredAt = s.Now() }), "API_SET_NOT_GRANTED", set(func(x *portal.APISet) { x.RetiredAt = time.Time{} })},
			"key's user gone": {func() { editMembership(t, s, &f, func(m *portal.Membership) { m.EndedAt = s.Now() }) }, "USER_DISABLED", func() { editMembership(t, s, &f, func(m *portal.Membership) { m.EndedAt = time.Time{} }) }},
		} {
			expect(t, both, r, "VALID")
			step.take()
			expect(t, both, r, step.want)
			step.give()
			if t.Failed() {
				t.Fatal(what)
			}
		}
		membership(func(m *portal.Membership) { m.Roles, m.AllAccess = nil, true })()
		expect(t, both, r, "VALID")
		r.APISet = "billing"
		expect(t, both, r, "API_SET_NOT_GRANTED") // All Access, but the key was not granted it
	})
}

func TestATokenImpersonatesWithinItsScope(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		whole := withClient(t, s, &f)
		other, _ := impersonating(t, s, &f)
		c := verify.New(s, verify.Options{})
		as := func(token, set string) verify.Request {
			r := withToken(token, set)
			r.Impersonate = []string{strconv.FormatInt(other.UserID, 10)}
			return r
		}
		token := tokenFor(t, c, whole)
		got, err := c.Check(t.Context(), as(token, "dunning"))
		if err != nil || got.Code != "VALID" || got.User().ID != other.UserID || got.Impersonator().ID != f.User.ID || !slices.Equal(got.Subject.APISets, []string{"dunning"}) {
			t.Errorf("got %+v, %v", got, err)
		}
		wantToken(t, c, as(token, "revenue-management"), "API_SET_NOT_GRANTED") // it was issued for what the client's own user reaches
		wantToken(t, c, as(token, "billing"), "API_SET_NOT_GRANTED")
		wantToken(t, c, as(tokenFor(t, c, whole, "billing"), "dunning"), "API_SET_NOT_GRANTED")
		caller := checkClient(t, c, whole)
		if d, err := c.Introspect(t.Context(), verify.TokenQuestion{Token: token, Caller: caller}); err != nil || d.User().ID != f.User.ID || d.Impersonator().ID != 0 {
			t.Errorf("introspected: %+v, %v", d, err)
		}
		editKey(t, s, &f, func(k *portal.Key) { k.CanImpersonate = false })
		wantToken(t, c, as(token, "dunning"), "IMPERSONATION_NOT_ALLOWED")
	})
}

func TestAKeyPairImpersonatesToo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		f.Key, f.Secret = storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.Kind, k.PublicID = portal.PairKey, secret.New("", secret.AccessKey).Reveal() })
		_, r := impersonating(t, s, &f)
		r.Credential, r.AccessKey, r.SecurityKey = "", f.Key.PublicID, f.Secret.Reveal()
		expectCode(t, verify.New(s, verify.Options{}), r, "VALID")
	})
}

func TestWhatIsDoneAsAnotherCountsForTheKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		_, r := impersonating(t, s, &f)
		c, clock := verify.New(s, verify.Options{}), storetest.Of(s).Clock
		usedAt := clock.Advance(time.Second)
		expectCode(t, c, r, "VALID")
		r.Impersonate = named(f.SuperAdmin)
		expectCode(t, c, r, "IMPERSONATION_NOT_ALLOWED")
		flush(t, c)
		got := readUse(t, s, f.Key.ID)
		if !got.usedAt.Equal(usedAt) || len(got.tallies) != 1 || got.tallies[0].Accepted != 1 || got.tallies[0].Refused != 1 || len(got.refusals) != 1 || got.refusals[0].Code != "IMPERSONATION_NOT_ALLOWED" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestWhoAsksAboutOthersKeysActsAsNobodyElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		editRole(t, s, &f, func(r *portal.Role) { r.Authorities = append(r.Authorities, portal.VerifyKeys) })
		_, r := impersonating(t, s, &f)
		c := verify.New(s, verify.Options{})
		for _, as := range [][]string{r.Impersonate, named(f.User), {""}} {
			r.Impersonate = as
			if got, err := c.CheckCaller(t.Context(), r); err != nil || got.Code != "IMPERSONATION_NOT_ALLOWED" {
				t.Errorf("as %v: got %s, %v", as, got.Code, err)
			}
		}
		r.Impersonate = nil
		if got, err := c.CheckCaller(t.Context(), r); err != nil || got.Code != "VALID" {
			t.Errorf("as itself: got %s, %v", got.Code, err)
		}
	})
}

// Whenever the key can impersonate, the other user holds nothing, and the other way
// round: no check ever has one from before a change and one from after it.
func TestACheckAsAnotherNeverSeesHalfAChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other, r := impersonating(t, s, &f)
		c := verify.New(s, verify.Options{})
		theirs := storetest.Fixture{Membership: other}
		editKey(t, s, &f, func(k *portal.Key) { k.CanImpersonate, k.APISets = false, []portal.APISet{f.Dunning} })
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
					if got, err := c.Check(t.Context(), r); err != nil || got.Valid() {
						t.Errorf("got %s, %v", got.Code, err)
						return
					}
				}
			})
		}
		swap := func(impersonates bool, roles []portal.Role) {
			change(t, s, portal.Revision{Noun: portal.NounKey}, func(c *store.Change) (err error) {
				f.Key.CanImpersonate, theirs.Membership.Roles = impersonates, roles
				if err = c.UpdateKey(t.Context(), f.Key); err != nil {
					return err
				}
				if f.Key, err = c.Key(t.Context(), f.Key.ID); err == nil {
					theirs.Membership, err = c.SaveMembership(t.Context(), theirs.Membership)
				}
				return err
			})
		}
		for range 50 {
			swap(true, nil)
			swap(false, other.Roles)
		}
		close(done)
		checkers.Wait()
	})
}
