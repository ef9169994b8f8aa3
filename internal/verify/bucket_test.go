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
		b, now, every := &bucket{limit: limit}, someNow, limit.Every()
		var accepted []time.Time
		for range 100 {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*every)).Draw(t, "pause")))
			quota, ok, _ := b.take(now)
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

// Whatever limit is taken, it can be reckoned with: one is accepted after the other until
// it is used up, and all may come again after a pause.
func TestEveryLimitThatIsTakenCanBeUsedUp(t *testing.T) {
	taken := rapid.Custom(func(t *rapid.T) portal.RateLimit {
		return portal.RateLimit{
			Requests: rapid.Int64Range(1, portal.MostRequests).Draw(t, "requests"), Burst: rapid.Int64Range(0, portal.MostRequests).Draw(t, "burst"),
			Period: rapid.SampledFrom(portal.Periods).Draw(t, "period"),
		}
	}).Filter(func(limit portal.RateLimit) bool {
		var invalid portal.Invalid
		limit.Check(&invalid, "rate_limit")
		return invalid.Err() == nil
	})
	rapid.Check(t, func(t *rapid.T) {
		limit := taken.Draw(t, "limit")
		b := &bucket{limit: limit}
		b.emptyAt.Store(someNow.UnixNano() + (limit.AtOnce()-1)*int64(limit.Every()))
		if quota, ok, _ := b.take(someNow); !ok || quota.Remaining != 0 || quota.Restored <= 0 {
			t.Fatalf("the last one under %q: %t, %+v", limit, ok, quota)
		}
		quota, ok, _ := b.take(someNow)
		if ok || quota.Remaining != 0 || quota.Again != limit.Every() {
			t.Fatalf("one more under %q: %t, %+v", limit, ok, quota)
		}
		if quota, ok, _ = b.take(someNow.Add(quota.Restored)); !ok || quota.Remaining != limit.AtOnce()-1 {
			t.Fatalf("after the pause under %q: %t, %+v", limit, ok, quota)
		}
	})
}

func TestAClockThatIsSetBackRefusesForNoLongerThanAFullBucket(t *testing.T) {
	limit := portal.RateLimit{Requests: 10, Period: portal.PerSecond}
	b, now := &bucket{limit: limit}, someNow
	for range 10 {
		b.take(now)
	}
	now = now.Add(-time.Hour)
	if quota, ok, _ := b.take(now); ok || quota.Remaining != 0 || quota.Again != limit.Every() || quota.Restored != time.Second {
		t.Errorf("an hour before: %t, %+v", ok, quota)
	}
	if quota, ok, _ := b.take(now.Add(time.Second)); !ok || quota.Remaining != 9 {
		t.Errorf("a second later: %t, %+v", ok, quota)
	}
}

func TestUnderANewLimitWhatWasUsedStaysUsed(t *testing.T) {
	limit := func(requests int64) portal.RateLimit {
		return portal.RateLimit{Requests: requests, Period: portal.PerDay}
	}
	l := newLimits()
	left := func(limit portal.RateLimit) int64 {
		quota, ok, there := l.bucket(1, limit, someNow).take(someNow)
		if !there {
			t.Fatal("a dropped bucket is given")
		}
		if !ok {
			return -1
		}
		return quota.Remaining
	}
	for _, step := range []struct{ requests, left int64 }{{10, 9}, {10, 8}, {7, 4}, {7, 3}, {3, -1}, {3, -1}, {1000, 996}} {
		if got := left(limit(step.requests)); got != step.left {
			t.Errorf("of %d a day %d are left, not %d", step.requests, got, step.left)
		}
	}
	if l.buckets[2] != nil || len(l.buckets) != 1 {
		t.Errorf("a key has %d buckets", len(l.buckets))
	}
}

func TestAnEmptyBucketIsDroppedAndAFullOneIsNot(t *testing.T) {
	l, limit := newLimits(), portal.RateLimit{Requests: 1, Period: portal.PerMinute}
	bucketOf := func() *bucket { return l.bucket(1, limit, someNow) }
	b := bucketOf()
	b.take(someNow)
	if l.drop(someNow.Add(time.Minute - 1)); bucketOf() != b {
		t.Error("a bucket that is not empty is dropped")
	}
	l.drop(someNow.Add(time.Minute))
	if bucketOf() == b {
		t.Error("an empty bucket is kept")
	}
	if _, _, there := b.take(someNow.Add(time.Minute)); there {
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
