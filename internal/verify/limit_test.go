package verify_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// limit gives the fixture's key a rate limit.
func limit(t testing.TB, s *store.Store, f *storetest.Fixture, l portal.RateLimit) {
	t.Helper()
	editKey(t, s, f, func(k *portal.Key) { k.RateLimit = l })
}

func TestAKeyIsAcceptedAsOftenAsItsRateLimitSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c, r, clock := verify.New(s, verify.Options{}), forBilling(f), storetest.Of(s).Clock
		if got := check(t, c, r).Quota; got != (verify.Quota{}) {
			t.Errorf("without a limit: %+v", got)
		}
		l := portal.RateLimit{Requests: 60, Period: portal.PerMinute, Burst: 3}
		limit(t, s, &f, l)
		wants := func(code verify.Code, quota verify.Quota) {
			t.Helper()
			quota.Limit = l
			if got := check(t, c, r); got.Code != code || got.Quota != quota {
				t.Errorf("got %s, %+v, want %s, %+v", got.Code, got.Quota, code, quota)
			}
		}
		wants("VALID", verify.Quota{Remaining: 2, Restored: time.Second})
		wants("VALID", verify.Quota{Remaining: 1, Restored: 2 * time.Second})
		wants("VALID", verify.Quota{Remaining: 0, Restored: 3 * time.Second, Again: time.Second})
		for range 3 { // a refusal costs nothing
			wants("RATE_LIMITED", verify.Quota{Remaining: 0, Restored: 3 * time.Second, Again: time.Second})
		}
		clock.Advance(time.Second - time.Microsecond)
		wants("RATE_LIMITED", verify.Quota{Remaining: 0, Restored: 2*time.Second + time.Microsecond, Again: time.Microsecond})
		clock.Advance(time.Microsecond)
		wants("VALID", verify.Quota{Remaining: 0, Restored: 3 * time.Second, Again: time.Second})
		clock.Advance(time.Hour)
		wants("VALID", verify.Quota{Remaining: 2, Restored: time.Second})
	})
}

func TestOnlyWhatWouldPassIsCountedAgainstTheLimit(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	c, r := verify.New(s, verify.Options{}), forBilling(f)
	limit(t, s, &f, portal.RateLimit{Requests: 1, Period: portal.PerDay})
	elsewhere := r
	elsewhere.APISet = "dunning"
	for range 3 {
		expectCode(t, c, elsewhere, "API_SET_NOT_GRANTED")
	}
	expectCode(t, c, r, "VALID")
	expectCode(t, c, elsewhere, "API_SET_NOT_GRANTED")
	expectCode(t, c, r, "RATE_LIMITED")
	if d, err := c.CheckCaller(t.Context(), verify.Request{Credential: r.Credential, ClientIP: client}); err != nil || d.Code != "RATE_LIMITED" {
		t.Errorf("who asks for a verification has the same limit: %s, %v", d.Code, err)
	}
	flush(t, c)
	refusals := map[portal.CheckCode]bool{}
	for _, refusal := range readUse(t, s, f.Key.ID).refusals {
		refusals[refusal.Code] = true
	}
	if !refusals["RATE_LIMITED"] || !refusals["API_SET_NOT_GRANTED"] {
		t.Errorf("the refusals are %v", refusals)
	}
}

func TestALimitIsOneForAllThatAKeySends(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		r := withClient(t, s, &f)
		limit(t, s, &f, portal.RateLimit{Requests: 2, Period: portal.PerDay})
		first, second := tokenFor(t, c, r), tokenFor(t, c, r)
		wantToken(t, c, withToken(first, "billing"), "VALID")
		wantToken(t, c, withToken(second, "billing"), "VALID")
		wantToken(t, c, withToken(first, "billing"), "RATE_LIMITED")
		tokenFor(t, c, r) // getting a token is no use of the API
		storetest.Change(t, s, func(*store.Change) error { return nil })
		wantToken(t, c, withToken(second, "billing"), "RATE_LIMITED") // it is read anew, and counts on
		limit(t, s, &f, portal.RateLimit{Requests: 3, Period: portal.PerDay})
		wantToken(t, c, withToken(first, "billing"), "VALID") // one more under a new limit
		wantToken(t, c, withToken(first, "billing"), "RATE_LIMITED")
		limit(t, s, &f, portal.RateLimit{})
		for range 5 {
			wantToken(t, c, withToken(first, "billing"), "VALID")
		}
	})
}

func TestALimitHoldsHoweverManyAskAtOnce(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	c, r := verify.New(s, verify.Options{}), forBilling(f)
	limit(t, s, &f, portal.RateLimit{Requests: 100, Period: portal.PerDay})
	var accepted atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 50 {
				d, err := c.Check(t.Context(), r)
				if err != nil {
					t.Error(err)
				}
				if d.Valid() {
					accepted.Add(1)
				}
			}
		})
	}
	clients.Wait()
	if got := accepted.Load(); got != 100 {
		t.Errorf("%d are accepted", got)
	}
}
