package store_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func wantThrottle(t *testing.T, s *store.Store, name string, want store.Throttle) {
	t.Helper()
	update(t, s, func(u *store.Update) error {
		throttle, err := u.TakeThrottle(t.Context(), name)
		wantEqual(t, "throttle", throttle, want)
		return err
	})
}

func TestFailuresInARowAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := storetest.Of(s).Clock
		fail := func(name string) {
			t.Helper()
			update(t, s, func(u *store.Update) error { return u.Fail(t.Context(), name, s.Now().Add(-time.Hour)) })
		}
		wantThrottle(t, s, "ada", store.Throttle{})
		fail("ada")
		fail("ada")
		fail("grace")
		first := s.Now()
		wantThrottle(t, s, "ada", store.Throttle{Failures: 2, FailedAt: first})
		wantThrottle(t, s, "grace", store.Throttle{Failures: 1, FailedAt: first})

		clock.Advance(time.Hour)
		fail("ada")
		wantThrottle(t, s, "ada", store.Throttle{Failures: 3, FailedAt: s.Now()})
		clock.Advance(time.Hour + time.Microsecond)
		fail("ada")
		wantThrottle(t, s, "ada", store.Throttle{Failures: 1, FailedAt: s.Now()})

		update(t, s, func(u *store.Update) error { return u.ForgetFailuresBefore(t.Context(), s.Now()) })
		wantThrottle(t, s, "grace", store.Throttle{})
		wantThrottle(t, s, "ada", store.Throttle{Failures: 1, FailedAt: s.Now()})
		update(t, s, func(u *store.Update) error { return u.Forgive(t.Context(), "ada") })
		wantThrottle(t, s, "ada", store.Throttle{})
	})
}

func TestAFailureCanBeTakenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		update(t, s, func(u *store.Update) error { return u.Fail(t.Context(), "ada", time.Time{}) })
		for range 2 {
			update(t, s, func(u *store.Update) error { return u.TakeBackFailure(t.Context(), "ada") })
			wantThrottle(t, s, "ada", store.Throttle{FailedAt: s.Now()})
		}
	})
}

func TestOfManyAttemptsAtOnceOnlySoManyPass(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		refused := portal.Denied("enough")
		errs := inParallel(30, func() error {
			return s.Update(t.Context(), func(u *store.Update) error {
				throttle, err := u.TakeThrottle(t.Context(), "ada")
				if err != nil {
					return err
				}
				if throttle.Failures >= 5 {
					return refused
				}
				return u.Fail(t.Context(), "ada", s.Now().Add(-time.Hour))
			})
		})
		passed := 0
		for _, err := range errs {
			if err == nil {
				passed++
			} else {
				wantCode(t, "attempt", err, portal.CodeForbidden)
			}
		}
		wantEqual(t, "attempts that passed", passed, 5)
		wantThrottle(t, s, "ada", store.Throttle{Failures: 5, FailedAt: s.Now()})
	})
}

func TestTakingAThrottleThatIsNotThereGivesTheZeroThrottle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for range 2 {
			update(t, s, func(u *store.Update) error {
				throttle, err := u.TakeThrottle(t.Context(), "ada")
				wantEqual(t, "throttle", throttle, store.Throttle{})
				return err
			})
		}
	})
}

func TestAddressesAreRememberedByUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ada, grace := storetest.User(t, s), storetest.User(t, s)
		for range 2 {
			update(t, s, func(u *store.Update) error { return u.RememberAddress(t.Context(), ada.ID, "192.0.2.1") })
		}
		for _, test := range []struct {
			user    int64
			address string
			want    bool
		}{{ada.ID, "192.0.2.1", true}, {ada.ID, "192.0.2.2", false}, {grace.ID, "192.0.2.1", false}} {
			wantEqual(t, test.address, must[bool](t)(s.KnowsAddress(t.Context(), test.user, test.address)), test.want)
		}
		first := s.Now()
		storetest.Of(s).Clock.Advance(time.Microsecond)
		update(t, s, func(u *store.Update) error { return u.RememberAddress(t.Context(), grace.ID, "192.0.2.1") })
		update(t, s, func(u *store.Update) error { return u.ForgetAddressesBefore(t.Context(), first.Add(time.Microsecond)) })
		wantEqual(t, "ada's of before", must[bool](t)(s.KnowsAddress(t.Context(), ada.ID, "192.0.2.1")), false)
		wantEqual(t, "grace's of since", must[bool](t)(s.KnowsAddress(t.Context(), grace.ID, "192.0.2.1")), true)
	})
}
