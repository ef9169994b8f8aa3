package verify

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
)

const (
	loadWithin = 3 * time.Second // for one reading of the store
	attempts   = 3               // to remember what keeps changing
)

// cache remembers what was read from the store. It gives only what is current: nothing
// that it hangs on has changed since it was read. What several ask for at once is read
// once. How much is remembered is bounded; what is asked for least is forgotten first.
type cache[K comparable, V any] struct {
	entries *otter.Cache[K, *V]
	loader  otter.Loader[K, *V]
	current func(*V) bool
	metrics *cacheMetrics
}

func newCache[K comparable, V any](most int, load func(context.Context, K) (*V, error), current func(*V) bool, m *cacheMetrics) *cache[K, V] {
	return &cache[K, V]{
		entries: otter.Must(&otter.Options[K, *V]{MaximumSize: most}),
		loader: otter.LoaderFunc[K, *V](func(ctx context.Context, key K) (*V, error) {
			ctx, cancel := context.WithTimeout(ctx, loadWithin)
			defer cancel()
			began := time.Now()
			value, err := load(ctx, key)
			m.loaded(time.Since(began), err)
			return value, err
		}),
		current: current, metrics: m,
	}
}

// find gives what is remembered and current.
func (c *cache[K, V]) find(key K) (*V, bool) {
	value, known := c.entries.GetIfPresent(key)
	if !known || !c.current(value) {
		return nil, false
	}
	c.metrics.hits.Inc()
	return value, true
}

// get gives what is remembered and current, or else reads it. What changes while it is
// read is read again; in the end it counts as it was after get had been called.
func (c *cache[K, V]) get(ctx context.Context, key K) (*V, error) {
	for range attempts {
		if value, known := c.find(key); known {
			return value, nil
		}
		c.forgetStale(key)
		value, err := c.entries.Get(ctx, key, c.loader)
		if err != nil || c.current(value) {
			return value, err
		}
	}
	return c.loader.Load(ctx, key)
}

func (c *cache[K, V]) forgetStale(key K) {
	c.entries.ComputeIfPresent(key, func(value *V) (*V, otter.ComputeOp) {
		if c.current(value) {
			return value, otter.CancelOp
		}
		c.metrics.stale.Inc()
		return nil, otter.InvalidateOp
	})
}
