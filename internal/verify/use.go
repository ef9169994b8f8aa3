package verify

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

const (
	maxUses    = 100_000         // of each kind in memory; what would come on top is lost
	finalFlush = 5 * time.Second // how long flushing may go on after the end
)

// uses counts in memory who used which secret, until a flush writes it down.
type uses struct {
	mu       sync.Mutex
	secrets  map[int64]store.Use
	days     map[keyDay]portal.Tally
	refusals map[keyCode]portal.Refusal
	lost     prometheus.Counter
}

type keyDay struct{ key, day int64 }

type keyCode struct {
	key  int64
	code Code
}

func newUses(lost prometheus.Counter) *uses {
	u := &uses{lost: lost}
	u.clear()
	return u
}

func (u *uses) clear() {
	u.secrets, u.days, u.refusals = map[int64]store.Use{}, map[keyDay]portal.Tally{}, map[keyCode]portal.Refusal{}
}

// count notes a decision about a known key. Junk counts for nobody.
func (c *Checker) count(d Decision, from netip.Addr) {
	if d.Subject.KeyID == 0 {
		return
	}
	now, address := c.store.Now(), addressText(from)
	tally := portal.Tally{KeyID: d.Subject.KeyID, Day: portal.DayOf(now)}
	c.uses.mu.Lock()
	defer c.uses.mu.Unlock()
	if d.Valid() {
		tally.Accepted = 1
		c.uses.addUse(store.Use{SecretID: d.Subject.SecretID, KeyID: d.Subject.KeyID, OrganizationID: d.Subject.OrganizationID, UsedAt: now, UsedFrom: address})
	} else {
		tally.Refused = 1
		c.uses.addRefusal(portal.Refusal{KeyID: d.Subject.KeyID, Code: d.Code, At: now, From: address})
	}
	c.uses.addTally(tally)
}

// addressText writes an address down; "" for one that is not known.
func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return plainAddress(address).String()
}

func (u *uses) addUse(use store.Use) {
	if known, ok := u.secrets[use.SecretID]; !ok || known.UsedAt.Before(use.UsedAt) {
		put(u, u.secrets, use.SecretID, use)
	}
}

func (u *uses) addRefusal(refusal portal.Refusal) {
	at := keyCode{refusal.KeyID, refusal.Code}
	if known, ok := u.refusals[at]; !ok || known.At.Before(refusal.At) {
		put(u, u.refusals, at, refusal)
	}
}

func (u *uses) addTally(tally portal.Tally) {
	at := keyDay{tally.KeyID, tally.Day}
	known := u.days[at]
	tally.Accepted += known.Accepted
	tally.Refused += known.Refused
	put(u, u.days, at, tally)
}

// put writes an entry, unless it is one too many.
func put[K comparable, V any](u *uses, entries map[K]V, at K, entry V) {
	if _, known := entries[at]; !known && len(entries) >= maxUses {
		u.lost.Inc()
		return
	}
	entries[at] = entry
}

// batch is what a flush writes.
type batch struct {
	uses     []store.Use
	tallies  []portal.Tally
	refusals []portal.Refusal
}

// take empties the counts into a batch.
func (u *uses) take() batch {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer u.clear()
	return batch{slices.Collect(maps.Values(u.secrets)), slices.Collect(maps.Values(u.days)), slices.Collect(maps.Values(u.refusals))}
}

// giveBack adds a batch that could not be written to what came since.
func (u *uses) giveBack(b batch) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range b.uses {
		u.addUse(use)
	}
	for _, tally := range b.tallies {
		u.addTally(tally)
	}
	for _, refusal := range b.refusals {
		u.addRefusal(refusal)
	}
}

// Flush writes down what was used since the last flush. When it fails, the
// counts stay in memory for the next one.
func (c *Checker) Flush(ctx context.Context) error {
	b := c.uses.take()
	if len(b.tallies) == 0 {
		return nil
	}
	err := c.store.Update(ctx, func(u *store.Update) error { return u.AddUses(ctx, b.uses, b.tallies, b.refusals) })
	if err != nil {
		c.uses.giveBack(b)
		c.metrics.flushFailures.Inc()
	}
	return err
}

// Run flushes every few seconds until the context is done, and then once more. It
// notices imported keys as often. End it after the last check. The error is that of
// the last flush.
//
// The end cuts no flush off: one that was cut off while it commits may have been
// written all the same, and the next would count it twice.
func (c *Checker) Run(ctx context.Context) error {
	flushing, cancel := outliving(ctx, finalFlush)
	defer cancel()
	ticker := time.NewTicker(c.flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if _, err := c.imported.refresh(ctx, c.store); err != nil && ctx.Err() == nil {
				c.log.WarnContext(ctx, "It could not be found out whether keys were imported; it is tried again.", "error", err)
			}
			if err := c.Flush(flushing); err != nil {
				c.log.WarnContext(ctx, "The use of keys could not be written down; it stays in memory and is tried again.", "error", err)
			}
		case <-ctx.Done():
			return c.Flush(flushing)
		}
	}
}

// outliving gives a context that ends a while after another.
func outliving(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(while, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}
