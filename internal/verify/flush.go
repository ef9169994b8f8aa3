package verify

import (
	"context"
	"errors"
	"maps"
	"slices"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

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
		last[i] = store.Use{SecretID: t.secret, KeyID: t.key, OrganizationID: t.organization, UsedAt: t.last.at, UsedFrom: addressText(t.last.from), Accepted: t.accepted}
	}
	return last
}

// Flush writes down what was used since the last flush. What can't be written stays in
// memory for the next one, unless it never can be, or may have been written all the same.
func (c *Checker) Flush(ctx context.Context) error {
	var failed error
	for _, b := range c.uses.take() {
		if failed != nil && !isHopeless(failed) {
			c.uses.giveBack(b)
			continue
		}
		if err := c.write(ctx, b); err != nil {
			failed = err
			c.metrics.flushFailures.Inc()
		}
	}
	if failed == nil {
		c.metrics.flushed.SetToCurrentTime()
	}
	return failed
}

func (c *Checker) write(ctx context.Context, b batch) error {
	err := c.store.Update(ctx, func(u *store.Update) error { return u.AddUses(ctx, b.lastUses(), b.tallies(), b.refusals) })
	switch {
	case err == nil:
	case isHopeless(err), errors.Is(err, store.ErrMaybeCommitted): // better lost than counted twice
		c.uses.lose(b)
	default:
		c.uses.giveBack(b)
	}
	return err
}

// isHopeless tells whether a batch can never be written: it counts keys that the database
// doesn't have any more, since it went back to an earlier state.
func isHopeless(err error) bool { return portal.CodeOf(err) == portal.CodeConflict }

// lose gives a batch up.
func (u *uses) lose(b batch) {
	for _, tally := range b.tallies() {
		u.lost.Add(float64(tally.Accepted + tally.Refused))
	}
}
