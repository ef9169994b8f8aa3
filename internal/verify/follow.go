package verify

import (
	"context"
	"log/slog"
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

	seen  atomic.Pointer[view] // nil until the first look
	looks singleflight.Group

	mu       sync.Mutex // of who looks
	position store.Position
}

// view is a memory, and when it was complete.
type view struct {
	*memory
	upTo time.Time
}

func newFollower(s *store.Store, o Options, m metrics) *follower {
	f := &follower{store: s, mostKeys: o.MostKeys, offline: o.Offline, metrics: m}
	s.OnChange(func(lines []portal.Revision) {
		if seen := f.seen.Load(); seen != nil {
			seen.note(lines)
		}
	})
	return f
}

// current gives the memory. The error tells why what it knows does not count now: the
// database could not be asked for longer than is allowed.
func (f *follower) current(ctx context.Context) (*memory, error) {
	if seen := f.seen.Load(); seen != nil && seen.age() <= f.offline {
		return seen.memory, nil
	}
	if err := f.catchUp(ctx); err != nil {
		return nil, err
	}
	return f.seen.Load().memory, nil
}

// age tells how old the memory may be, by the clock that stands still while the machine
// is suspended or by the one that can be set, whichever says more.
func (v *view) age() time.Duration {
	now := time.Now()
	return max(now.Sub(v.upTo), time.Duration(now.UnixNano()-v.upTo.UnixNano()))
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
	now := &view{upTo: began}
	if news.Replaced || news.Unknown {
		now.memory = newMemory(f.store, f.mostKeys, news.Revision, f.metrics)
	} else {
		now.memory = f.seen.Load().memory
		f.apply(now.memory, news)
	}
	f.position = news.Position
	f.seen.Store(now)
	return nil
}

func (f *follower) news(ctx context.Context) (news store.News, err error) {
	if f.seen.Load() == nil { // nothing is remembered that could have changed
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
	memory.reach(0, news.Revision)
	now := f.store.Now()
	for _, line := range news.Revisions {
		f.metrics.followLag.Observe(now.Sub(line.At).Seconds())
	}
}

// run keeps up until the context ends. What goes wrong is told when it begins, and when
// it is over.
func (f *follower) run(ctx context.Context, log *slog.Logger) {
	announced, listening := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(listening)
		f.listen(ctx, announced, log)
	}()
	defer func() { <-listening }()
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	failing := false
	for ctx.Err() == nil {
		err := f.look(ctx) // not with somebody's who began before the announcement
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			failing = true
			log.WarnContext(ctx, "The database can't be asked what changed; it is tried again.", "error", err)
		case err == nil && failing:
			failing = false
			log.InfoContext(ctx, "The database can be asked again what changed.")
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
func (f *follower) listen(ctx context.Context, announced chan<- struct{}, log *slog.Logger) {
	failing := false
	for ctx.Err() == nil {
		err := f.store.Listen(ctx, func() {
			if failing {
				failing = false
				log.InfoContext(ctx, "Announcements of other replicas are heard again.")
			}
			select {
			case announced <- struct{}{}:
			default:
			}
		})
		if ctx.Err() != nil {
			return
		}
		f.metrics.listenFailures.Inc()
		if !failing {
			failing = true
			log.WarnContext(ctx, "The connection on which other replicas announce changes was lost; it is dialed again.", "error", err)
		}
		select {
		case <-time.After(listenAgain):
		case <-ctx.Done():
		}
	}
}
