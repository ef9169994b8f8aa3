package manage_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// waitFor gives the wait that an error asks for.
func waitFor(err error) time.Duration {
	if e, ok := errors.AsType[*portal.Error](err); ok && e.Code == portal.CodeTooMany {
		return e.Retry
	}
	return 0
}

// fails fails to sign in as a user from an address, and gives the wait that was
// asked for when the password was not looked at.
func (w *world) fails(username, address string) time.Duration {
	w.t.Helper()
	_, err := w.m.SignIn(w.t.Context(), manage.SignIn{Username: username, Password: "wrong", Address: address})
	if wait := waitFor(err); wait != 0 {
		return wait
	}
	wantCode(w.t, "the wrong password", err, portal.CodeUnauthenticated)
	return 0
}

func TestAnAccountSlowsDownAfterFiveFailuresAndNeverByMoreThanHalfAMinute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		for i := range 5 {
			wantEqual(t, fmt.Sprintf("wait at failure %d", i+1), w.fails(user.Username, othersAddress), 0)
		}
		for _, seconds := range []int{1, 2, 4, 8, 16, 30, 30, 30} {
			wait := time.Duration(seconds) * time.Second
			wantEqual(t, "wait", w.fails(user.Username, othersAddress), wait)
			w.clock.Advance(wait - time.Microsecond)
			wantEqual(t, "wait at its end: a refused attempt does not extend it", w.fails(user.Username, othersAddress), time.Second)
			w.clock.Advance(time.Microsecond)
			wantEqual(t, "wait when it is over", w.fails(user.Username, othersAddress), 0)
		}
		in := from(othersAddress, user)
		count := w.m.CountHashes()
		_, err := w.m.SignIn(t.Context(), in)
		wantEqual(t, "hashes while it waits", count(), 0)
		wantEqual(t, "the right password has to wait too", waitFor(err), 30*time.Second)
		w.clock.Advance(30 * time.Second)
		must(w.m.SignIn(t.Context(), in))(t)
		wantEqual(t, "wait after a success, where the user is not known", w.fails(user.Username, "203.0.113.3"), 0)
	})
}

func TestFailuresAreForgottenAfterAQuarterOfAnHour(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 5 {
			w.fails("nobody", othersAddress)
		}
		w.clock.Advance(15*time.Minute + time.Microsecond)
		for range 5 {
			wantEqual(t, "wait", w.fails("nobody", othersAddress), 0)
		}
		wantEqual(t, "wait", w.fails("nobody", othersAddress), time.Second)
	})
}

func TestAnAddressSlowsDownAfterTwentyFailuresWhateverTheUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 20 {
			wantEqual(t, "wait", w.fails(fmt.Sprintf("user%d", i), othersAddress), 0)
		}
		wantEqual(t, "wait of a further user", w.fails("further", othersAddress), time.Second)
		wantEqual(t, "wait at another address", w.fails("further", homeAddress), 0)
	})
}

func TestAnIPv6AddressIsSlowedWithItsWholeNetwork(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 20 {
			wantEqual(t, "wait", w.fails(fmt.Sprintf("user%d", i), fmt.Sprintf("2001:db8:0:1::%x", i+1)), 0)
		}
		wantEqual(t, "wait elsewhere in the network", w.fails("further", "2001:db8:0:1:ffff::1"), time.Second)
		wantEqual(t, "wait in another network", w.fails("further", "2001:db8:0:2::1"), 0)
	})
}

func TestAnIPv4AddressIsTheSameWithinIPv6(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 20 {
			wantEqual(t, "wait", w.fails(fmt.Sprintf("user%d", i), "::ffff:"+othersAddress), 0)
		}
		wantEqual(t, "wait of the address itself", w.fails("further", othersAddress), time.Second)
		wantEqual(t, "wait of its neighbor", w.fails("further", homeAddress), 0)
	})
}

func TestSuccessesDoNotCountAgainstTheirAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		for i := range 3 {
			w.fails(fmt.Sprintf("user%d", i), homeAddress)
			w.signIn(user)
			wantEqual(t, "failures of the address", w.query("SELECT failures FROM throttles WHERE name = 'address "+homeAddress+"'"), [][]string{{fmt.Sprint(i + 1)}})
		}
	})
}

func TestWhoeverSignedInFromAnAddressBeforeIsNotSlowedByOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		w.signIn(user)
		for i, username := range []string{
			user.Username, user.Username + " from " + homeAddress, "known address " + homeAddress + " of account " + user.Username, "account " + user.Username,
		} {
			for range 7 {
				w.fails(username, fmt.Sprintf("198.51.100.%d", i))
			}
		}
		if wait := w.fails(user.Username, othersAddress); wait == 0 {
			t.Error("the account is not slowed at an address that it does not know")
		}
		w.signIn(user)

		for range 5 {
			wantEqual(t, "wait at home", w.fails(user.Username, homeAddress), 0)
		}
		wantEqual(t, "wait at home after failures there", w.fails(user.Username, homeAddress), time.Second)
	})
}

func TestOfManyAttemptsAtOnceOnlyTheFreeOnesAreLookedAt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		outcomes := atOnce(100, func(i int) error {
			_, err := w.m.SignIn(t.Context(), manage.SignIn{Username: w.User.Username, Password: fmt.Sprintf("guess %d", i), Address: fmt.Sprintf("192.0.2.%d", i)})
			return err
		})
		wantEqual(t, "outcomes", outcomes, map[portal.Code]int{portal.CodeUnauthenticated: 5, portal.CodeTooMany: 95})
	})
}

// On PostgreSQL, two transactions that take the same rows in different orders
// end each other.
func TestSignInsAtOnceDoNotGetInEachOthersWay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		for range 6 {
			outcomes := atOnce(5, func(int) error {
				_, err := w.m.SignIn(t.Context(), from(homeAddress, user))
				return err
			})
			wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: 5})
		}
	})
}

func TestUnknownUsersAreThrottledAsKnownOnesAre(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		known, unknown := storetest.User(t, w.s).Username, "nobody"
		for range 7 {
			wantEqual(t, "wait", w.fails(unknown, othersAddress), w.fails(known, othersAddress))
		}
	})
}
