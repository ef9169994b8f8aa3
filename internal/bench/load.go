package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// turn is what one turn of load showed.
type turn struct {
	perSecond float64
	p99       time.Duration
}

// request makes the next request of a connection.
type request func(n int) (*http.Request, error)

// load sends requests over some connections, each one after the other, for a
// while. An answer with another status than wanted is an error.
func load(ctx context.Context, connections int, length time.Duration, want int, next request) (turn, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	durations := make([][]time.Duration, connections)
	failures := make(chan error, connections)
	start := time.Now()
	var running sync.WaitGroup
	for i := range connections {
		running.Go(func() {
			for n := i; time.Since(start) < length && ctx.Err() == nil; n += connections {
				took, err := send(ctx, client, want, next, n)
				if err != nil {
					failures <- err
					cancel()
					return
				}
				durations[i] = append(durations[i], took)
			}
		})
	}
	running.Wait()
	elapsed := time.Since(start)
	select {
	case err := <-failures:
		return turn{}, err
	default:
	}
	all := slices.Sorted(slices.Values(slices.Concat(durations...)))
	if len(all) == 0 {
		return turn{}, fmt.Errorf("no request was answered in %s", length)
	}
	return turn{float64(len(all)) / elapsed.Seconds(), all[len(all)*99/100]}, nil
}

func send(ctx context.Context, client *http.Client, want int, next request, n int) (time.Duration, error) {
	request, err := next(n)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	response, err := client.Do(request.WithContext(ctx))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, err
	}
	if response.StatusCode != want {
		return 0, fmt.Errorf("%s was answered with %d, not %d", request.URL.Path, response.StatusCode, want)
	}
	return time.Since(start), nil
}

// inTurns measures two sides in turns, after a warm-up of each, and gives the
// ratios a/b of requests per second and of the 99th percentile, turn by turn.
func inTurns(s settings, a, b func(time.Duration) (turn, error)) (rates, tails []float64, err error) {
	for round := range s.rounds + 1 {
		first, err := a(s.turn)
		if err != nil {
			return nil, nil, err
		}
		second, err := b(s.turn)
		if err != nil {
			return nil, nil, err
		}
		if round == 0 {
			continue // the warm-up
		}
		rates = append(rates, first.perSecond/second.perSecond)
		tails = append(tails, float64(first.p99)/float64(second.p99))
	}
	return rates, tails, nil
}
