package verify

import (
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"keyportal/internal/portal"
)

func (u *uses) all() batch {
	all := batch{refused: map[keyDay]int64{}}
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
	if got := all.refusals[0]; got.From != from.String() || all.refused[keyDay{1, portal.DayOf(late)}] != 2 {
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
