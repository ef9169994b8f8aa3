package verify

import (
	"cmp"
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
	refused  []refusedOn
	refusals []portal.Refusal
}

// taken is what a meter counted.
type taken struct {
	holdings
	day, accepted int64
	last          *lastUse
}

// refusedOn is how many requests of a key were refused on a day.
type refusedOn struct {
	keyDay
	count int64
}

// take empties all counts into batches that are written one after the other.
func (u *uses) take() []batch {
	var all batch
	for i := range u.shards {
		u.shards[i].take(&all)
	}
	return all.split()
}

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
	for at, count := range s.refused {
		b.refused = append(b.refused, refusedOn{at, count})
	}
	b.refusals = slices.AppendSeq(b.refusals, maps.Values(s.refusals))
	clear(s.refused)
	clear(s.refusals)
}

// split makes batches of some keys each: neighbours, which lie beside each other in the
// database too.
func (b batch) split() []batch {
	used, refused, refusal := func(t taken) int64 { return t.key }, func(r refusedOn) int64 { return r.key }, func(r portal.Refusal) int64 { return r.KeyID }
	keys := slices.Concat(sortBy(b.uses, used), sortBy(b.refused, refused), sortBy(b.refusals, refusal))
	slices.Sort(keys)
	var batches []batch
	for some := range slices.Chunk(slices.Compact(keys), flushAtOnce) {
		var next batch
		last := some[len(some)-1]
		next.uses, b.uses = cutAfter(b.uses, last, used)
		next.refused, b.refused = cutAfter(b.refused, last, refused)
		next.refusals, b.refusals = cutAfter(b.refusals, last, refusal)
		batches = append(batches, next)
	}
	return batches
}

// sortBy sorts things by their keys, and gives those.
func sortBy[T any](things []T, key func(T) int64) []int64 {
	slices.SortFunc(things, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	keys := make([]int64, len(things))
	for i, thing := range things {
		keys[i] = key(thing)
	}
	return keys
}

// cutAfter cuts sorted things behind those of a key.
func cutAfter[T any](things []T, last int64, key func(T) int64) (until, rest []T) {
	i, _ := slices.BinarySearchFunc(things, last+1, func(thing T, next int64) int { return cmp.Compare(key(thing), next) })
	return things[:i], things[i:]
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
	for _, r := range b.refused {
		s := u.shard(r.key)
		s.mu.Lock()
		s.addRefused(u, r.keyDay, r.count)
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
	for _, r := range b.refused {
		add(r.keyDay, 0, r.count)
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
