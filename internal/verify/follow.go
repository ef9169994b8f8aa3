package verify

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

const (
	followEvery  = 500 * time.Millisecond
	followWithin = 2 * time.Second // for one look at what changed
	listenAgain  = time.Second     // after the connection was lost
)

// follower keeps a memory up with the database, which other processes change too: it
// looks at short intervals at what changed, and at once when one of them announces it.
type follower struct {
	store    *store.Store
	mostKeys int
	offline  time.Duration // how long the memory counts while the database can't be asked
	metrics  metrics

	memory atomic.Pointer[memory]
	upTo   atomic.Pointer[time.Time] // when the memory was complete
	looks  singleflight.Group

	mu       sync.Mutex // of who looks
	position store.Position
}

func newFollower(s *store.Store, o Options, m metrics) *follower {
	f := &follower{store: s, mostKeys: o.MostKeys, offline: o.Offline, metrics: m}
	s.OnChange(func(lines []portal.Revision) {
		if memory := f.memory.Load(); memory != nil {
			memory.note(lines)
		}
	})
	return f
}

// current gives the memory. The error tells why what it knows does not count now: the
// database could not be asked for longer than is allowed.
func (f *follower) current(ctx context.Context) (*memory, error) {
	if memory := f.memory.Load(); memory != nil && f.age() <= f.offline {
		return memory, nil
	}
	if err := f.catchUp(ctx); err != nil {
		return nil, err
	}
	return f.memory.Load(), nil
}

// age tells how old the memory may be, by the clock that stands still while the machine
// is suspended or by the one that can be set, whichever says more.
func (f *follower) age() time.Duration {
	upTo, now := *f.upTo.Load(), time.Now()
	return max(now.Sub(upTo), time.Duration(now.UnixNano()-upTo.UnixNano()))
}

// catchUp looks at what changed, once for all who ask for it meanwhile.
func (f *follower) catchUp(ctx context.Context) error {
	look := f.looks.DoChan("", func() (any, error) { return nil, f.look(context.WithoutCancel(ctx)) })
	select {
	case result := <-look:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *follower) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	began := time.Now()
	news, err := f.news(ctx)
	if err != nil {
		f.metrics.followFailures.Inc()
		return err
	}
	if news.Replaced || news.Unknown {
		f.memory.Store(newMemory(f.store, f.mostKeys, news.Revision, f.metrics))
	} else {
		f.apply(f.memory.Load(), news)
	}
	f.position = news.Position
	f.upTo.Store(&began)
	return nil
}

func (f *follower) news(ctx context.Context) (news store.News, err error) {
	if f.memory.Load() == nil { // nothing is remembered that could have changed
		news.Position, err = f.store.Position(ctx)
		news.Unknown = true
		return news, err
	}
	return f.store.News(ctx, f.position)
}

func (f *follower) apply(memory *memory, news store.News) {
	memory.note(news.Revisions)
	for _, revocation := range news.Revoked {
		memory.noteRevoked(revocation)
	}
	memory.reached.Store(news.Revision)
	now := f.store.Now()
	for _, line := range news.Revisions {
		f.metrics.followLag.Observe(now.Sub(line.At).Seconds())
	}
}

// run keeps up until the context ends. What goes wrong is told when it begins, and when
// it is over.
func (f *follower) run(ctx context.Context, tell func(message string, err error)) {
	announced := make(chan struct{}, 1)
	go f.listen(ctx, announced, tell)
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	failing := false
	for ctx.Err() == nil {
		err := f.look(ctx) // not with somebody's who began before the announcement
		if failed := err != nil && ctx.Err() == nil; failed != failing {
			failing = failed
			tell(map[bool]string{
				true:  "The database can't be asked what changed; it is tried again.",
				false: "The database can be asked again what changed.",
			}[failed], err)
		}
		select {
		case <-announced:
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// listen has the others' announcements heard, over a connection that is dialed afresh
// when it was lost. Without it changes are noticed a little later.
func (f *follower) listen(ctx context.Context, announced chan<- struct{}, tell func(string, error)) {
	for ctx.Err() == nil {
		err := f.store.Listen(ctx, func() {
			select {
			case announced <- struct{}{}:
			default:
			}
		})
		if ctx.Err() != nil {
			return
		}
		f.metrics.listenFailures.Inc()
		tell("The connection on which other replicas announce changes was lost; it is dialed again.", err)
		select {
		case <-time.After(listenAgain):
		case <-ctx.Done():
		}
	}
}
