package verify_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// lookUps gives the number of look-ups of keys with an outcome.
func lookUps(t *testing.T, registry *prometheus.Registry, outcome string) float64 {
	t.Helper()
	return counters(t, registry)[`keyportal_cache_lookups_total cache keys outcome `+outcome]
}

func TestWhatIsRememberedNeedsNoStore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		gateway := storetest.Role(t, s, f.Organization, []portal.Authority{portal.VerifyKeys}, f.Billing)
		editMembership(t, s, &f, func(m *portal.Membership) { m.Roles = []portal.Role{gateway} })
		c := verify.New(s, verify.Options{})
		routed, bound, unknown := forBilling(f), forBilling(f), forBilling(f)
		routed.APISet, routed.Method, routed.URI = "", "GET", "/billing/7"
		bound.Instance = f.Instance.Name
		unknown.Credential = secret.New("", secret.Token).Reveal()
		all := func() {
			t.Helper()
			expectCode(t, c, routed, "VALID")
			expectCode(t, c, bound, "VALID")
			expectCode(t, c, unknown, "NOT_FOUND")
			if d, err := c.CheckCaller(t.Context(), forBilling(f)); err != nil || !d.Valid() {
				t.Errorf("the caller: %s, %v", d.Code, err)
			}
		}
		all()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		all()
	})
}

func TestRememberedKeysAreCheckedForAWhileWithoutTheStoreAndThenNot(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	c := verify.New(s, verify.Options{Offline: 200 * time.Millisecond})
	expectCode(t, c, forBilling(f), "VALID")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(250 * time.Millisecond)
	if d, err := c.Check(t.Context(), forBilling(f)); err == nil || d.Code != "" {
		t.Errorf("later: %s, %v", d.Code, err)
	}
	if err := c.Ready(t.Context()); err == nil {
		t.Error("it is ready still")
	}
	expectCode(t, c, verify.Request{Credential: secret.New("", secret.ClientSecret).Reveal()}, "MALFORMED")
}

func TestAMissingKeyIsLookedForOnceUntilThereAreNewKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		registry := prometheus.NewRegistry()
		c := verify.New(s, verify.Options{Registry: registry})
		value := secret.New("", secret.Token)
		r := forBilling(f)
		r.Credential = value.Reveal()
		for range 5 {
			expectCode(t, c, r, "NOT_FOUND")
		}
		if loads, unknown := lookUps(t, registry, "load"), lookUps(t, registry, "unknown"); loads != 1 || unknown != 4 {
			t.Errorf("it was looked for %v times, and known to be missing %v times", loads, unknown)
		}
		change(t, s, portal.Revision{Noun: portal.NounKey, NounID: f.Key.ID + 1}, func(c *store.Change) error {
			_, err := c.InsertKey(t.Context(), portal.Key{Kind: portal.TokenKey, OrganizationID: f.Organization.ID, UserID: f.User.ID, Name: "New", Enabled: true, APISets: []portal.APISet{f.Billing}}, storetest.Secret(value))
			return err
		})
		expectCode(t, c, r, "VALID")
	})
}

func TestManyWhoMissTheSameKeyLoadItOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		registry := prometheus.NewRegistry()
		c := verify.New(s, verify.Options{Registry: registry})
		var clients sync.WaitGroup
		begin := make(chan struct{})
		for range 50 {
			clients.Go(func() {
				<-begin
				if d, err := c.Check(t.Context(), forBilling(f)); err != nil || !d.Valid() {
					t.Errorf("got %s, %v", d.Code, err)
				}
			})
		}
		close(begin)
		clients.Wait()
		if got := lookUps(t, registry, "load"); got != 1 {
			t.Errorf("it was loaded %v times", got)
		}
	})
}

// A change costs the same however many keys hang on it, and those that don't are not read
// anew.
func TestAChangeHasThoseKeysReadAnewThatHangOnIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const many = 50
		f := storetest.NewFixture(t, s)
		other := storetest.NewFixtureOf(t, s, "other-")
		requests := make([]verify.Request, many)
		for i := range requests {
			_, value := storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing} })
			requests[i] = forBilling(f)
			requests[i].Credential = value.Reveal()
		}
		elsewhere := forBilling(other)
		elsewhere.APISet = "other-billing"
		registry := prometheus.NewRegistry()
		c := verify.New(s, verify.Options{Registry: registry})
		all := func(want verify.Code) (loads float64) {
			t.Helper()
			before := lookUps(t, registry, "load")
			for _, r := range requests {
				expectCode(t, c, r, want)
			}
			expectCode(t, c, elsewhere, "VALID")
			return lookUps(t, registry, "load") - before
		}
		if got := all("VALID"); got != many+1 {
			t.Errorf("at first %v are read", got)
		}
		if got := all("VALID"); got != 0 {
			t.Errorf("then %v are read", got)
		}
		storetest.Exec(t, storetest.SQL(t, s), `DELETE FROM role_api_sets WHERE role_id = $1 AND api_set_id = $2`, f.Role.ID, f.Billing.ID)
		err := s.Change(t.Context(), portal.Program("test"), func(c *store.Change) error {
			return c.Record(t.Context(), portal.Revision{Noun: portal.NounRole, NounID: f.Role.ID, OrganizationID: f.Organization.ID})
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := all("API_SET_NOT_GRANTED"); got != many {
			t.Errorf("after the role's change %v are read", got)
		}
		if got := all("API_SET_NOT_GRANTED"); got != 0 {
			t.Errorf("and then %v", got)
		}
	})
}

// Where the number of a thing's line is not known to belong to it, everything is read
// anew.
func TestALineAboutNothingInParticularIsAboutEverything(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	c := verify.New(s, verify.Options{})
	for i, noun := range []portal.Noun{
		portal.NounInstallation, portal.NounOrganization, portal.NounUser, portal.NounMembership, portal.NounRole, portal.NounGroup,
		portal.NounAPISet, portal.NounApplication, portal.NounLicense, portal.NounInstance, portal.NounKey, portal.NounLink, portal.NounSession,
	} {
		enabled := i%2 == 1
		expectCode(t, c, forBilling(f), map[bool]verify.Code{true: "DISABLED", false: "VALID"}[enabled])
		storetest.Exec(t, storetest.SQL(t, s), `UPDATE keys SET enabled = $1`, enabled)
		change(t, s, portal.Revision{Noun: noun}, func(*store.Change) error { return nil })
		expectCode(t, c, forBilling(f), map[bool]verify.Code{false: "DISABLED", true: "VALID"}[enabled])
	}
}

// swing is a change of what a key hangs on, that is taken back with the next one. It gives
// what the next check says of the request, which it may alter.
type swing func(t *testing.T, s *store.Store, f *storetest.Fixture, r *verify.Request, on bool) verify.Code

var swings = map[string]swing{
	"key disabled": func(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request, on bool) verify.Code {
		editKey(t, s, f, func(k *portal.Key) { k.Enabled = on })
		return "DISABLED"
	},
	"key narrowed": func(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request, on bool) verify.Code {
		sets := map[bool][]portal.APISet{true: {f.Billing}}
		editKey(t, s, f, func(k *portal.Key) { k.APISets = sets[on] })
		return "API_SET_NOT_GRANTED"
	},
	"user locked": func(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request, on bool) verify.Code {
		editUser(t, s, f, func(u *portal.User) { u.Locked = !on })
		return "USER_LOCKED"
	},
	"role taken away": func(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request, on bool) verify.Code {
		roles := map[bool][]portal.Role{true: {f.Role}}
		editMembership(t, s, f, func(m *portal.Membership) { m.Roles = roles[on] })
		return "API_SET_NOT_GRANTED"
	},
	"role narrowed": func(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request, on bool) verify.Code {
		sets := map[bool][]portal.APISet{true: {f.Billing}}
		editRole(t, s, f, func(r *portal.Role) { r.APISets = sets[on] })
		return "API_SET_NOT_GRANTED"
	},
	"organization suspended": func(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request, on bool) verify.Code {
		editOrganization(t, s, f, func(o *portal.Organization) { o.Suspended = !on })
		return "ORG_SUSPENDED"
	},
	"license deactivated": func(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request, on bool) verify.Code {
		change(t, s, portal.Revision{Noun: portal.NounLicense, NounID: f.License.ID, OrganizationID: f.Organization.ID}, func(c *store.Change) error {
			f.License.Active = on
			err := c.UpdateLicense(t.Context(), f.License)
			f.License.Version++
			return err
		})
		return "LICENSE_INACTIVE"
	},
	"secret rotated": func(t *testing.T, s *store.Store, f *storetest.Fixture, r *verify.Request, on bool) verify.Code {
		if on {
			r.Credential = f.Secret.Reveal()
			return ""
		}
		f.Secret = secret.New("", secret.Token)
		change(t, s, portal.Revision{Noun: portal.NounKey, NounID: f.Key.ID, OrganizationID: f.Organization.ID}, func(c *store.Change) error {
			err := c.RotateSecret(t.Context(), f.Key, storetest.Secret(f.Secret), time.Time{})
			f.Key.Version++
			return err
		})
		return "NOT_FOUND"
	},
}

// A check whose answer comes after a change was answered has taken it into account,
// however many ask and change at the same time.
func TestNoKeyIsAcceptedOnceItsEndWasAnswered(t *testing.T) {
	pairs := map[string]int{storetest.SQLiteEngine: 2_000, storetest.PostgresEngine: 2_000}
	if racing { // the detector slows the checkers down too
		pairs = map[string]int{storetest.SQLiteEngine: 10_000, storetest.PostgresEngine: 3_000}
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := verify.New(s, verify.Options{})
		var changers, checkers sync.WaitGroup
		done := make(chan struct{})
		for name, take := range swings {
			f := storetest.NewFixtureOf(t, s, strings.ReplaceAll(name, " ", "-")+"-")
			r := verify.Request{Credential: f.Secret.Reveal(), ClientIP: client, APISet: f.Billing.Slug}
			asked := r
			checkers.Go(func() { // keeps the key in memory, and loading while it changes
				for {
					select {
					case <-done:
						return
					case <-time.After(50 * time.Microsecond):
					}
					if _, err := c.Check(t.Context(), asked); err != nil {
						t.Error(err)
						return
					}
				}
			})
			changers.Go(func() {
				for n := range pairs[storetest.Of(s).Engine] / len(swings) {
					on := n%2 == 1
					want := take(t, s, &f, &r, on)
					if on {
						want = "VALID"
					}
					if d, err := c.Check(t.Context(), r); err != nil || d.Code != want {
						t.Errorf("%s: after change %d the check says %s, %v", name, n, d.Code, err)
						return
					}
				}
			})
		}
		changers.Wait()
		close(done)
		checkers.Wait()
	})
}

// The same holds for an access token that its client revokes.
func TestNoAccessTokenIsAcceptedOnceItsEndWasAnswered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		r := withClient(t, s, &f)
		identity := identify(t, c, r)
		for range 200 {
			token := tokenFor(t, c, r)
			var asking sync.WaitGroup
			for range 2 {
				asking.Go(func() { c.Check(t.Context(), withToken(token, "billing")) })
			}
			if err := c.RevokeToken(t.Context(), identity, token); err != nil {
				t.Fatal(err)
			}
			wantToken(t, c, withToken(token, "billing"), "REVOKED")
			asking.Wait()
		}
	})
}

// What is read after a change of this process is remembered at once, not only when it
// was looked at what changed.
func TestWhatIsReadAfterAChangeIsRemembered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		registry := prometheus.NewRegistry()
		c := verify.New(s, verify.Options{Registry: registry})
		routed, bound, unknown, foreign := forBilling(f), forBilling(f), forBilling(f), forBilling(f)
		routed.APISet, routed.Method, routed.URI = "", "GET", "/billing/7"
		bound.Instance = f.Instance.Name
		unknown.Credential = secret.New("", secret.Token).Reveal()
		foreign.Credential = "not of our form"
		loads := func() (sum float64) {
			t.Helper()
			expectCode(t, c, routed, "VALID")
			expectCode(t, c, bound, "VALID")
			expectCode(t, c, unknown, "NOT_FOUND")
			expectCode(t, c, foreign, "MALFORMED")
			for _, cache := range []string{"keys", "routes", "instances", "imported"} {
				sum += counters(t, registry)["keyportal_cache_lookups_total cache "+cache+" outcome load"]
			}
			return sum
		}
		first := loads()
		for n := range 3 {
			editSet(t, s, &f.Dunning, func(a *portal.APISet) { a.Description = fmt.Sprint("Changed ", n) })
			editKey(t, s, &f, func(k *portal.Key) { k.Description = fmt.Sprint("Changed ", n) })
			then := loads()
			if again := loads(); again != then {
				t.Errorf("after change %d %v are read, and then %v once more", n, then-first, again-then)
			}
		}
	})
}

// Whom a key can't act as is not looked for.
func TestOnlyAKeyThatCanImpersonateHasOthersLookedFor(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	registry := prometheus.NewRegistry()
	c := verify.New(s, verify.Options{Registry: registry})
	r := forBilling(f)
	for id := range 20 {
		r.Impersonate = []string{fmt.Sprint(id + 1)}
		expectCode(t, c, r, "IMPERSONATION_NOT_ALLOWED")
	}
	if got := lookUps(t, registry, "load"); got != 1 {
		t.Errorf("%v keys were read", got)
	}
}
