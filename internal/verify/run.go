package verify

import (
	"context"
	"time"
)

const (
	finalFlush  = 5 * time.Second // how long flushing may go on after the end
	flushShare  = 10              // flushing takes one part in so many of the time at the most
	rarestFlush = time.Minute     // but comes as often as that
)

// Run flushes every few seconds until the context is done, and then once more. It keeps
// up with what other processes change. End it after the last check. The error is that of
// the last flush.
//
// The end cuts no flush off: one that was cut off while it commits may have been
// written all the same, and the next would count it twice.
func (c *Checker) Run(ctx context.Context) error {
	following := make(chan struct{})
	go func() {
		defer close(following)
		c.follower.run(ctx, c.log)
	}()
	defer func() { <-following }()
	flushing, cancel := outliving(ctx, finalFlush)
	defer cancel()
	next := time.NewTimer(c.flushEvery)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			began := time.Now()
			c.limits.drop(c.store.Now())
			if err := c.Flush(flushing); err != nil {
				c.log.WarnContext(ctx, "The use of keys could not be written down. What still can be stays in memory and is tried again.", "error", err)
			}
			next.Reset(c.pauseAfter(time.Since(began)))
		case <-ctx.Done():
			return c.Flush(flushing)
		}
	}
}

// pauseAfter gives the time from a flush that took so long until the next one.
func (c *Checker) pauseAfter(took time.Duration) time.Duration {
	return max(c.flushEvery, min((flushShare-1)*took, rarestFlush))
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
