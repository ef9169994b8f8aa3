package verify

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
)

// However requests come, no stretch of time sees more of them accepted than may come at
// once and what the rate adds meanwhile; and after the time for one more, one is accepted.
func TestNoStretchOfTimeSeesMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := portal.RateLimit{
			Requests: rapid.Int64Range(1, 1000).Draw(t, "requests"), Burst: rapid.Int64Range(0, 10).Draw(t, "burst"),
			Period: rapid.SampledFrom(portal.Periods).Draw(t, "period"),
		}
		b, now, every := new(bucket), someNow, limit.Every()
		var accepted []time.Time
		for range 100 {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*every)).Draw(t, "pause")))
			quota, ok, _ := b.take(now, limit)
			if quota.Remaining < 0 || quota.Remaining >= limit.AtOnce() || (quota.Remaining == 0) != (quota.Again > 0) {
				t.Fatalf("of %q is left %+v", limit, quota)
			}
			if !ok {
				if waited := now.Sub(accepted[len(accepted)-1]); waited >= every || quota.Again > every {
					t.Fatalf("%s after the last one, another is refused under %q, with %+v", waited, limit, quota)
				}
				continue
			}
			accepted = append(accepted, now)
			for i, first := range accepted {
				if got, most := int64(len(accepted)-i), limit.AtOnce()+int64(now.Sub(first)/every); got > most {
					t.Fatalf("%d were accepted within %s under %q", got, now.Sub(first), limit)
				}
			}
		}
	})
}

func TestAnEmptyBucketIsDroppedAndAFullOneIsNot(t *testing.T) {
	l, limit := newLimits(), portal.RateLimit{Requests: 1, Period: portal.PerMinute}
	of := limited{1, limit}
	b := l.bucket(of)
	b.take(someNow, limit)
	if l.drop(someNow.Add(time.Minute - 1)); l.bucket(of) != b {
		t.Error("a bucket that is not empty is dropped")
	}
	l.drop(someNow.Add(time.Minute))
	if l.bucket(of) == b {
		t.Error("an empty bucket is kept")
	}
	if _, _, there := b.take(someNow.Add(time.Minute), limit); there {
		t.Error("a bucket that was dropped still counts")
	}
	f, d := &facts{now: someNow.Add(time.Minute)}, Decision{}
	f.is(pack(portal.Subject{KeyID: 1, RateLimit: limit}, sent{}, nil))
	f.known.rare.bucket.Store(b)
	if l.spend(f, &d); d.Code != "" || f.known.rare.bucket.Load() == b {
		t.Errorf("with a dropped bucket: %+v", d)
	}
	if l.spend(f, &d); d.Code != portal.CheckRateLimited {
		t.Errorf("the next one is %q", d.Code)
	}
}
