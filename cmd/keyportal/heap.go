package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	headroom   = 24 << 20 // bytes by which the heap grows between two collections
	heapEvery  = time.Second
	leastRatio = 25 // percent by which it grows at least, so that a large heap isn't collected all the time
	mostRatio  = 400
)

// keepHeadroom has the heap grow by about the same between two collections, whatever its
// size, until the context ends. By itself Go lets it double: a small one would be collected
// at each turn, and a large one would take twice the room of what is remembered. Whoever
// sets GOGC decides instead.
func keepHeadroom(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := 100
	before := debug.SetGCPercent(percent)
	defer debug.SetGCPercent(before)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	ticker := time.NewTicker(heapEvery)
	defer ticker.Stop()
	for {
		metrics.Read(live)
		if next := gcPercent(live[0].Value.Uint64()); next != percent { // setting it stops the world
			percent = next
			debug.SetGCPercent(percent)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// gcPercent gives the growth for a live heap of so many bytes.
func gcPercent(live uint64) int {
	if live == 0 {
		return mostRatio
	}
	return int(min(max(headroom*100/live, leastRatio), mostRatio))
}
