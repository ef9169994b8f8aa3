package verify

import (
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"keyportal/internal/portal"
)

func (u *uses) all() (all batch) {
	for i := range u.shards {
		u.shards[i].take(&all)
	}
	return all
}

func TestMemoryForUsesIsBounded(t *testing.T) {
	lost := prometheus.NewCounter(prometheus.CounterOpts{Name: "lost"})
	u := newUses(lost)
	for id := range int64(maxUses/shards*shards + shards) {
		key := known{secretID: id, keyID: id}
		u.accept(&key, someNow, netip.Addr{})
		u.refuse(id, "EXPIRED", someNow, netip.Addr{})
	}
	first := known{secretID: 1, keyID: 1}
	u.accept(&first, someNow, netip.Addr{})
	u.refuse(1, "EXPIRED", someNow, netip.Addr{})
	all := u.all()
	if most := maxUses / shards * shards; len(all.uses) != most || len(all.refused) != most || len(all.refusals) != most {
		t.Errorf("%d, %d and %d are kept", len(all.uses), len(all.refused), len(all.refusals))
	}
	var metric dto.Metric
	if err := lost.Write(&metric); err != nil || metric.Counter.GetValue() != 3*shards {
		t.Errorf("%v were lost, %v", metric.Counter.GetValue(), err)
	}
	for _, tally := range all.tallies() {
		if tally.KeyID == 1 && (tally.Accepted != 2 || tally.Refused != 2) {
			t.Errorf("a known key counts on: %+v", tally)
		}
	}
}

func TestUseInMemoryOnlyMovesForward(t *testing.T) {
	u := newUses(prometheus.NewCounter(prometheus.CounterOpts{Name: "lost"}))
	late, early := someNow, someNow.Add(-time.Second)
	from, before := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.1")
	key := known{secretID: 1, keyID: 1}
	u.accept(&key, early, before)
	u.refuse(1, "EXPIRED", early, before)
	unwritten := u.all()
	u.accept(&key, late, from)
	u.accept(&key, early, before)
	u.refuse(1, "EXPIRED", late, from)
	u.giveBack(unwritten)
	all := u.all()
	if got := all.lastUses()[0]; got.UsedFrom != from.String() || !got.UsedAt.Equal(late) || all.uses[0].accepted != 3 {
		t.Errorf("used: %+v", got)
	}
	if got := all.refusals[0]; got.From != from.String() || all.refused[0] != (refusedOn{keyDay{1, portal.DayOf(late)}, 2}) {
		t.Errorf("refused: %+v, %v", got, all.refused)
	}
}

// A meter that was dropped counts no more: what would be added to it goes to a new one.
func TestNoUseIsLostWhenItsMeterIsDropped(t *testing.T) {
	u := newUses(prometheus.NewCounter(prometheus.CounterOpts{Name: "lost"}))
	key := known{secretID: 1, keyID: 1}
	for n := range 3 {
		u.accept(&key, someNow.Add(time.Duration(n)*time.Second), netip.Addr{})
		if all := u.all(); len(all.uses) != 1 || all.uses[0].accepted != 1 {
			t.Errorf("use %d: %+v", n, all.uses)
		}
		if all := u.all(); len(all.uses) != 0 {
			t.Errorf("without a use: %+v", all.uses)
		}
	}
}

func TestAFlushIsCutIntoBatchesOfNeighbours(t *testing.T) {
	u := newUses(prometheus.NewCounter(prometheus.CounterOpts{Name: "lost"}))
	for id := range int64(2*flushAtOnce + 1) {
		key := known{secretID: 10 * id, keyID: id}
		if u.accept(&key, someNow, netip.Addr{}); id%3 == 0 {
			u.refuse(id, "EXPIRED", someNow, netip.Addr{})
			u.refuse(id, "DISABLED", someNow, netip.Addr{})
		}
	}
	batches := u.take()
	if len(batches) != 3 || len(batches[0].uses) != flushAtOnce || len(batches[1].uses) != flushAtOnce || len(batches[2].uses) != 1 {
		t.Fatalf("%d batches", len(batches))
	}
	next, refused, refusals := int64(0), 0, 0
	for _, b := range batches {
		least := next
		for _, use := range b.uses {
			if use.key != next {
				t.Fatalf("%d comes in the place of %d", use.key, next)
			}
			next++
		}
		refused, refusals = refused+len(b.refused), refusals+len(b.refusals)
		for _, r := range b.refused {
			if r.key < least || r.key >= next {
				t.Errorf("%d is refused in a batch of %d to %d", r.key, least, next)
			}
		}
		for _, r := range b.refusals {
			if r.KeyID < least || r.KeyID >= next {
				t.Errorf("%d is refused in a batch of %d to %d", r.KeyID, least, next)
			}
		}
	}
	if want := 2*flushAtOnce/3 + 1; next != 2*flushAtOnce+1 || refused != want || refusals != 2*want {
		t.Errorf("there are %d keys, %d refused, %d refusals", next, refused, refusals)
	}
	if again := u.take(); len(again) != 0 {
		t.Errorf("%d batches of nothing", len(again))
	}
}

func TestFlushingTakesATenthOfTheTimeUnlessThatIsTooRare(t *testing.T) {
	c := Checker{flushEvery: 5 * time.Second}
	for took, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 500 * time.Millisecond: 5 * time.Second, time.Second: 9 * time.Second, 10 * time.Second: time.Minute,
	} {
		if got := c.pauseAfter(took); got != want {
			t.Errorf("after %s the next one comes in %s, not %s", took, got, want)
		}
	}
}
