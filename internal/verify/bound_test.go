package verify

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

func TestMemoryForUsesIsBounded(t *testing.T) {
	lost := prometheus.NewCounter(prometheus.CounterOpts{Name: "lost"})
	u := newUses(lost)
	for id := range int64(maxUses + 5) {
		u.addUse(store.Use{SecretID: id, UsedAt: someNow})
		u.addTally(portal.Tally{KeyID: id, Accepted: 1})
		u.addRefusal(portal.Refusal{KeyID: id, Code: "EXPIRED", At: someNow})
	}
	if len(u.secrets) != maxUses || len(u.days) != maxUses || len(u.refusals) != maxUses {
		t.Errorf("%d, %d and %d are kept", len(u.secrets), len(u.days), len(u.refusals))
	}
	var metric dto.Metric
	if err := lost.Write(&metric); err != nil || metric.Counter.GetValue() != 3*5 {
		t.Errorf("%v were lost, %v", metric.Counter.GetValue(), err)
	}
	u.addTally(portal.Tally{KeyID: 1, Accepted: 1, Refused: 2})
	if got := u.days[keyDay{1, 0}]; got.Accepted != 2 || got.Refused != 2 {
		t.Errorf("a known key counts on: %+v", got)
	}
}

func TestUseInMemoryOnlyMovesForward(t *testing.T) {
	u := newUses(prometheus.NewCounter(prometheus.CounterOpts{Name: "lost"}))
	late, early := someNow, someNow.Add(-time.Second)
	u.addUse(store.Use{SecretID: 1, UsedAt: late, UsedFrom: "late"})
	u.addRefusal(portal.Refusal{KeyID: 1, Code: "EXPIRED", At: late, From: "late"})
	u.giveBack(batch{
		uses:     []store.Use{{SecretID: 1, UsedAt: early, UsedFrom: "early"}},
		refusals: []portal.Refusal{{KeyID: 1, Code: "EXPIRED", At: early, From: "early"}},
	})
	if got := u.secrets[1].UsedFrom + " " + u.refusals[keyCode{1, "EXPIRED"}].From; got != "late late" {
		t.Errorf("got %s", got)
	}
}
