package verify

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"keyportal/internal/portal"
)

// Quota tells a key with a rate limit what it has left, after the request that it was
// asked for. The zero Quota is that of a key without a limit.
type Quota struct {
	Limit     portal.RateLimit
	Remaining int64         // requests that may come at once
	Restored  time.Duration // until as many may come at once as at the most
	Again     time.Duration // until one more request is accepted; 0: at once
}

// limits hold keys to their rate limits, each process for itself, by the generic cell
// rate algorithm (ITU-T I.371, GCRA): every accepted request fills a bucket that empties
// steadily, and one that would overfill it is refused and fills nothing.
type limits struct {
	mu      sync.Mutex
	buckets map[int64]*bucket // by keys
}

// bucket has the instant at which it will be empty, in nanoseconds since 1970; in GCRA's
// words the theoretical arrival time.
type bucket struct {
	limit   portal.RateLimit
	emptyAt atomic.Int64
}

const dropped = math.MinInt64 // instead of that instant, when the bucket is none any more

func newLimits() *limits { return &limits{buckets: map[int64]*bucket{}} }

// spend takes one request from a key's quota, or refuses it when nothing is left.
func (l *limits) spend(f *facts, d *Decision) {
	if !f.RateLimit.Limited() {
		return
	}
	kept := &f.known.rare.bucket
	for {
		b := kept.Load()
		if b == nil {
			b = l.bucket(f.KeyID, f.RateLimit, f.now)
			kept.Store(b)
		}
		quota, accepted, there := b.take(f.now)
		if !there {
			kept.CompareAndSwap(b, nil)
			continue
		}
		d.Quota = quota
		if !accepted {
			d.Code, d.Message = portal.CheckRateLimited, portal.CheckRateLimited.Message()
		}
		return
	}
}

// bucket gives a key's bucket under its limit. Under a new limit it has as many requests
// in it as under the one before.
func (l *limits) bucket(key int64, limit portal.RateLimit, now time.Time) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.buckets[key]
	if was != nil && was.limit == limit {
		return was
	}
	b := &bucket{limit: limit}
	if was != nil {
		b.pour(was, now)
	}
	l.buckets[key] = b
	return b
}

// pour fills the bucket with the requests of another one, which is dropped.
func (b *bucket) pour(from *bucket, now time.Time) {
	filled, every := from.emptyAt.Swap(dropped)-now.UnixNano(), int64(from.limit.Every())
	if filled <= 0 {
		return
	}
	requests := min((filled+every-1)/every, b.limit.AtOnce())
	b.emptyAt.Store(now.UnixNano() + requests*int64(b.limit.Every()))
}

// take fills the bucket with one more request, if it has room. One that seems to be more
// than full was filled before the clock was set back: it is full.
func (b *bucket) take(now time.Time) (quota Quota, accepted, there bool) {
	every, at := b.limit.Every(), now.UnixNano()
	full := every * time.Duration(b.limit.AtOnce())
	for {
		emptyAt := b.emptyAt.Load()
		if emptyAt == dropped {
			return quota, false, false
		}
		filled := min(time.Duration(max(emptyAt-at, 0)), full)
		accepted := filled+every <= full
		if accepted {
			filled += every
		}
		if next := at + int64(filled); !accepted && next == emptyAt || b.emptyAt.CompareAndSwap(emptyAt, next) {
			return quotaOf(b.limit, filled), accepted, true
		}
	}
}

// quotaOf tells what is left of a bucket that is filled so far.
func quotaOf(limit portal.RateLimit, filled time.Duration) Quota {
	every := limit.Every()
	room := every*time.Duration(limit.AtOnce()) - filled
	return Quota{Limit: limit, Remaining: int64(room / every), Restored: filled, Again: max(every-room, 0)}
}

// drop forgets the buckets that are empty: a new one is like them.
func (l *limits) drop(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, b := range l.buckets {
		if emptyAt := b.emptyAt.Load(); emptyAt <= now.UnixNano() && b.emptyAt.CompareAndSwap(emptyAt, dropped) {
			delete(l.buckets, key)
		}
	}
}
