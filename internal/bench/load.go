package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// target is what is asked of a server.
type target struct {
	address  string
	requests [][]byte // as they are sent, in turn
	want     int      // status of the answers
	asked    atomic.Int64
}

// next gives the next request in the rotation, which goes on from turn to turn.
func (t *target) next() []byte {
	return t.requests[int(t.asked.Add(1)-1)%len(t.requests)]
}

// during gives requests in the rotation for a while from now.
func (t *target) during(length time.Duration) func() []byte {
	start := time.Now()
	return func() []byte {
		if time.Since(start) >= length {
			return nil
		}
		return t.next()
	}
}

// turn is what one turn of load showed.
type turn struct {
	requests  int
	perSecond float64
	p99       time.Duration
	work      time.Duration // of a core, that the server had
}

// workForEach gives the microseconds of a core for each request.
func (t turn) workForEach() float64 { return float64(t.work.Microseconds()) / float64(t.requests) }

// load sends requests over some connections, each one after the other, for a
// while. An answer with another status than wanted is an error.
func load(ctx context.Context, connections int, length time.Duration, t *target) (turn, error) {
	start := time.Now()
	durations, err := drive(ctx, connections, t, t.during(length))
	if err != nil {
		return turn{}, err
	}
	return turn{requests: len(durations), perSecond: float64(len(durations)) / time.Since(start).Seconds(), p99: percentile(durations, 99)}, nil
}

// askForAll sends each request once.
func askForAll(ctx context.Context, connections int, t *target) error {
	var asked atomic.Int64
	_, err := drive(ctx, connections, t, func() []byte {
		if n := int(asked.Add(1)); n <= len(t.requests) {
			return t.requests[n-1]
		}
		return nil
	})
	return err
}

// drive sends the requests that next gives until it gives none, and tells how long
// each took.
func drive(ctx context.Context, connections int, t *target, next func() []byte) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	durations := make([][]time.Duration, connections)
	var running sync.WaitGroup
	for i := range connections {
		running.Go(func() {
			var err error
			if durations[i], err = driveOne(ctx, t, next); err != nil {
				cancel(err) // ends the others; the first one's error is the cause
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	all := slices.Concat(durations...)
	if len(all) == 0 {
		return nil, fmt.Errorf("no request was sent to %s", t.address)
	}
	return all, nil
}

func driveOne(ctx context.Context, t *target, next func() []byte) (durations []time.Duration, err error) {
	c, err := dial(ctx, t.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for request := next(); request != nil; request = next() {
		took, err := timed(func() error { return c.ask(request, t.want) })
		if err != nil {
			return nil, err
		}
		durations = append(durations, took)
	}
	return durations, nil
}

// timed tells how long something takes.
func timed(do func() error) (time.Duration, error) {
	start := time.Now()
	err := do()
	return time.Since(start), err
}

// percentile gives the duration that so many percent are not above.
func percentile(durations []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[(len(sorted)*percent-1)/100]
}

// inTurns has sides measured in turns, so that whatever else the machine does falls
// on all of them. The first round is a warm-up, and dropped. It gives each side's
// turns.
func inTurns[T any](rounds int, sides ...func() (T, error)) ([][]T, error) {
	turns := make([][]T, len(sides))
	for round := range rounds + 1 {
		for i, side := range sides {
			turn, err := side()
			if err != nil {
				return nil, err
			}
			if round > 0 {
				turns[i] = append(turns[i], turn)
			}
		}
	}
	return turns, nil
}

// each gives one number of every turn.
func each[T any](turns []T, number func(T) float64) []float64 {
	numbers := make([]float64, len(turns))
	for i, turn := range turns {
		numbers[i] = number(turn)
	}
	return numbers
}

// ratios gives a/b of every round.
func ratios[T any](a, b []T, number func(T) float64) []float64 {
	above, below := each(a, number), each(b, number)
	for i := range above {
		above[i] /= below[i]
	}
	return above
}
