package main

import (
	"context"
	"net/http"
	"time"
)

const firstAsked = 1000 // keys in a round

// pair is how long keys took that were asked for the first time, and again.
type pair struct{ first, again time.Duration } // p99

// measureFirst measures the check of keys that nobody asked about since the program's
// start, over one connection, and of the same ones again.
func (b *bench) measureFirst(ctx context.Context, p *prepared) error {
	program, err := b.startProgram(ctx, p)
	if err != nil {
		return err
	}
	defer program.stop()
	c, err := dial(ctx, program.address)
	if err != nil {
		return err
	}
	defer c.close()
	inRound := min(firstAsked, len(p.keys)/(b.rounds+1))
	requests := authRequests(program.address, p.keys)
	turns, err := inTurns(b.rounds, func() (pair, error) {
		fresh := requests[:inRound]
		requests = requests[inRound:]
		return askTwice(c, fresh)
	})
	if err != nil {
		return err
	}
	var to goal
	if p.engine == sqlite {
		to = atMost(1)
	}
	b.report(p, "a key asked for the first time: p99", to, "ms", each(turns[0], func(t pair) float64 { return milliseconds(t.first) }))
	b.report(p, "a key asked for the first time: p99 ÷ again", goal{}, "", each(turns[0], func(t pair) float64 { return float64(t.first) / float64(t.again) }))
	return nil
}

// askTwice sends each request twice, one after the other.
func askTwice(c *connection, requests [][]byte) (pair, error) {
	var first, again []time.Duration
	for _, request := range requests {
		for _, durations := range []*[]time.Duration{&first, &again} {
			took, err := timed(func() error { return c.ask(request, http.StatusOK) })
			if err != nil {
				return pair{}, err
			}
			*durations = append(*durations, took)
		}
	}
	return pair{percentile(first, 99), percentile(again, 99)}, nil
}
