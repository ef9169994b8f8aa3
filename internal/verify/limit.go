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
	buckets map[limited]*bucket
}

// limited is a key with its limit: under another limit it begins anew.
type limited struct {
	key   int64
	limit portal.RateLimit
}

// bucket has the instant at which it will be empty, in nanoseconds since 1970; in GCRA's
// words the theoretical arrival time.
type bucket struct{ emptyAt atomic.Int64 }

const dropped = math.MinInt64 // instead of that instant, when the bucket is none any more

func newLimits() *limits { return &limits{buckets: map[limited]*bucket{}} }

// spend takes one request from a key's quota, or refuses it when nothing is left.
func (l *limits) spend(f *facts, d *Decision) {
	if !f.RateLimit.Limited() {
		return
	}
	kept := &f.known.rare.bucket
	for {
		b := kept.Load()
		if b == nil {
			b = l.bucket(limited{f.KeyID, f.RateLimit})
			kept.Store(b)
		}
		quota, accepted, there := b.take(f.now, f.RateLimit)
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

func (l *limits) bucket(of limited) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[of]
	if b == nil {
		b = new(bucket)
		l.buckets[of] = b
	}
	return b
}

// take fills the bucket with one more request, if it has room.
func (b *bucket) take(now time.Time, limit portal.RateLimit) (quota Quota, accepted, there bool) {
	every, at := limit.Every(), now.UnixNano()
	full := every * time.Duration(limit.AtOnce())
	for {
		emptyAt := b.emptyAt.Load()
		if emptyAt == dropped {
			return quota, false, false
		}
		filled := time.Duration(max(emptyAt-at, 0))
		if filled+every > full {
			return quotaOf(limit, filled), false, true
		}
		if b.emptyAt.CompareAndSwap(emptyAt, at+int64(filled+every)) {
			return quotaOf(limit, filled+every), true, true
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
	for of, b := range l.buckets {
		if emptyAt := b.emptyAt.Load(); emptyAt <= now.UnixNano() && b.emptyAt.CompareAndSwap(emptyAt, dropped) {
			delete(l.buckets, of)
		}
	}
}
