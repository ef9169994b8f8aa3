package verify_test

import (
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

// A check whose answer comes after a change was answered has taken it into account,
// however many ask and change at the same time.
func TestNoKeyIsAcceptedOnceItsEndWasAnswered(t *testing.T) {
	pairs := map[string]int{storetest.SQLiteEngine: 10_000, storetest.PostgresEngine: 3_000}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		const keys = 8
		var changers, checkers sync.WaitGroup
		done := make(chan struct{})
		for range keys {
			key, value := storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing} })
			r := forBilling(f)
			r.Credential = value.Reveal()
			checkers.Go(func() { // keeps the key in memory, and loading while it changes
				for {
					select {
					case <-done:
						return
					case <-time.After(50 * time.Microsecond):
					}
					if _, err := c.Check(t.Context(), r); err != nil {
						t.Error(err)
						return
					}
				}
			})
			changers.Go(func() {
				for n := range pairs[storetest.Of(s).Engine] / keys {
					enabled := n%2 == 1
					err := s.Change(t.Context(), portal.Program("test"), func(c *store.Change) (err error) {
						key.Enabled = enabled
						if err := c.UpdateKey(t.Context(), key); err != nil {
							return err
						}
						key.Version++
						return c.Record(t.Context(), portal.Revision{Noun: portal.NounKey, NounID: key.ID})
					})
					if err != nil {
						t.Error(err)
						return
					}
					if d, err := c.Check(t.Context(), r); err != nil || d.Valid() != enabled {
						t.Errorf("after change %d (enabled: %t) the check says %s, %v", n, enabled, d.Code, err)
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
