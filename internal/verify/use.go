package verify

import (
	"context"
	"maps"
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/portal"
	"keyportal/internal/store"
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

// batch is what a flush writes in one transaction.
type batch struct {
	uses     []taken
	refused  map[keyDay]int64
	refusals []portal.Refusal
}

// taken is what a meter counted.
type taken struct {
	holdings
	day, accepted int64
	last          *lastUse
}

// take empties all counts into batches that are written one after the other.
func (u *uses) take() []batch {
	var batches []batch
	last := batch{refused: map[keyDay]int64{}}
	for i := range u.shards {
		if u.shards[i].take(&last); last.size() >= flushAtOnce {
			batches = append(batches, last)
			last = batch{refused: map[keyDay]int64{}}
		}
	}
	if last.size() > 0 {
		batches = append(batches, last)
	}
	return batches
}

func (b batch) size() int { return len(b.uses) + len(b.refused) }

// take empties a shard into a batch. A meter that counted nothing since the last time is
// dropped.
func (s *shard) take(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, m := range s.meters {
		if m.accepted.CompareAndSwap(0, retired) {
			delete(s.meters, at)
			continue
		}
		b.uses = append(b.uses, taken{holdings: m.of, day: m.day, accepted: m.accepted.Swap(0), last: m.last.Load()})
	}
	maps.Copy(b.refused, s.refused)
	b.refusals = slices.AppendSeq(b.refusals, maps.Values(s.refusals))
	clear(s.refused)
	clear(s.refusals)
}

// giveBack adds a batch that could not be written to what came since.
func (u *uses) giveBack(b batch) {
	for _, t := range b.uses {
		s := u.shard(t.key)
		s.mu.Lock()
		if m := s.meter(t.holdings, t.day); m != nil {
			m.use(t.last.at, t.last.from, t.accepted)
		} else {
			u.lost.Add(float64(t.accepted))
		}
		s.mu.Unlock()
	}
	for at, count := range b.refused {
		s := u.shard(at.key)
		s.mu.Lock()
		s.addRefused(u, at, count)
		s.mu.Unlock()
	}
	for _, refusal := range b.refusals {
		s := u.shard(refusal.KeyID)
		s.mu.Lock()
		s.addRefusal(u, refusal)
		s.mu.Unlock()
	}
}

// tallies adds up what the batch counts for each key and day.
func (b batch) tallies() []portal.Tally {
	days := map[keyDay]portal.Tally{}
	add := func(at keyDay, accepted, refused int64) {
		known := days[at]
		days[at] = portal.Tally{KeyID: at.key, Day: at.day, Accepted: known.Accepted + accepted, Refused: known.Refused + refused}
	}
	for _, t := range b.uses {
		add(keyDay{t.key, t.day}, t.accepted, 0)
	}
	for at, count := range b.refused {
		add(at, 0, count)
	}
	return slices.Collect(maps.Values(days))
}

func (b batch) lastUses() []store.Use {
	last := make([]store.Use, len(b.uses))
	for i, t := range b.uses {
		last[i] = store.Use{SecretID: t.secret, KeyID: t.key, OrganizationID: t.organization, UsedAt: t.last.at, UsedFrom: addressText(t.last.from)}
	}
	return last
}

// Flush writes down what was used since the last flush. What can't be written stays in
// memory for the next one.
func (c *Checker) Flush(ctx context.Context) error {
	batches := c.uses.take()
	for i, b := range batches {
		err := c.store.Update(ctx, func(u *store.Update) error { return u.AddUses(ctx, b.lastUses(), b.tallies(), b.refusals) })
		if err != nil {
			for _, unwritten := range batches[i:] {
				c.uses.giveBack(unwritten)
			}
			c.metrics.flushFailures.Inc()
			return err
		}
	}
	c.metrics.flushed.SetToCurrentTime()
	return nil
}
