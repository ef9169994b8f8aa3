package verify

import (
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/portal"
)

const (
	maxUses     = 250_000                // of each kind in memory; what would come on top is lost
	shards      = 64                     // by which counting one key doesn't wait for counting another
	usePrecise  = 100 * time.Millisecond // of a last use from the same address
	flushAtOnce = 1_000                  // keys in a transaction, so that changes don't wait long
)

// uses counts in memory who used which secret, until a flush writes it down.
type uses struct {
	shards [shards]shard
	lost   prometheus.Counter
}

// shard has the counts of some keys.
type shard struct {
	mu       sync.Mutex
	meters   map[secretDay]*meter
	refused  map[keyDay]int64
	refusals map[keyCode]portal.Refusal
}

type secretDay struct{ secret, day int64 }

type keyDay struct{ key, day int64 }

type keyCode struct {
	key  int64
	code Code
}

// meter counts the accepted requests with a secret on a day. It takes no lock.
type meter struct {
	of       holdings
	day      int64
	accepted atomic.Int64
	last     atomic.Pointer[lastUse]
}

// holdings tell whose a secret is.
type holdings struct{ secret, key, organization int64 }

type lastUse struct {
	at   time.Time
	from netip.Addr
}

const retired = math.MinInt64 / 2 // in place of a count, when the meter is none any more

func newUses(lost prometheus.Counter) *uses {
	u := &uses{lost: lost}
	for i := range u.shards {
		u.shards[i] = shard{meters: map[secretDay]*meter{}, refused: map[keyDay]int64{}, refusals: map[keyCode]portal.Refusal{}}
	}
	return u
}

func (u *uses) shard(key int64) *shard { return &u.shards[uint64(key)%shards] }

// count notes a decision about a known key. Junk counts for nobody.
func (c *Checker) count(d Decision, from netip.Addr) {
	if d.Subject.KeyID == 0 {
		return
	}
	now, from := c.store.Now(), plainAddress(from)
	if d.Valid() {
		c.uses.accept(d.known, now, from)
	} else {
		c.uses.refuse(d.Subject.KeyID, d.Code, now, from)
	}
}

// accept counts one accepted request. Mostly the meter of the last one still counts.
func (u *uses) accept(k *known, now time.Time, from netip.Addr) {
	day := portal.DayOf(now)
	for {
		m := k.meter.Load()
		if m == nil || m.day != day {
			if m = u.meter(holdings{k.secretID, k.keyID, k.organizationID}, day); m == nil {
				u.lost.Inc()
				return
			}
			k.meter.Store(m)
		}
		if m.use(now, from, 1) {
			return
		}
		k.meter.CompareAndSwap(m, nil)
	}
}

// meter gives that of a secret on a day; nil when there are too many.
func (u *uses) meter(of holdings, day int64) *meter {
	s := u.shard(of.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.meter(of, day)
}

func (s *shard) meter(of holdings, day int64) *meter {
	at := secretDay{of.secret, day}
	m := s.meters[at]
	if m == nil && len(s.meters) < maxUses/shards {
		m = &meter{of: of, day: day}
		s.meters[at] = m
	}
	return m
}

// use adds accepted requests, the last of which was now. It tells whether the meter
// still counts.
func (m *meter) use(now time.Time, from netip.Addr, count int64) bool {
	for last := m.last.Load(); ; last = m.last.Load() {
		if last != nil && (!now.After(last.at) || from == last.from && now.Sub(last.at) < usePrecise) {
			break
		}
		if m.last.CompareAndSwap(last, &lastUse{now, from}) {
			break
		}
	}
	return m.accepted.Add(count) > 0
}

// refuse counts one refused request.
func (u *uses) refuse(key int64, code Code, now time.Time, from netip.Addr) {
	s := u.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addRefusal(u, portal.Refusal{KeyID: key, Code: code, At: now, From: addressText(from)})
	s.addRefused(u, keyDay{key, portal.DayOf(now)}, 1)
}

func (s *shard) addRefusal(u *uses, refusal portal.Refusal) {
	at := keyCode{refusal.KeyID, refusal.Code}
	known, is := s.refusals[at]
	switch {
	case !is && len(s.refusals) >= maxUses/shards:
		u.lost.Inc()
	case !is || known.At.Before(refusal.At):
		s.refusals[at] = refusal
	}
}

func (s *shard) addRefused(u *uses, at keyDay, count int64) {
	if _, is := s.refused[at]; !is && len(s.refused) >= maxUses/shards {
		u.lost.Add(float64(count))
		return
	}
	s.refused[at] += count
}

// addressText writes an address down; "" for one that is not known.
func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return plainAddress(address).String()
}
