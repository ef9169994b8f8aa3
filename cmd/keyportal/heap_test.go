package main

import "testing"

func TestTheHeapGrowsByTheSameWhateverItsSize(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 12 << 20: 200, 24 << 20: 100, 48 << 20: 50, 1 << 30: 25} {
		if got := gcPercent(live); got != want {
			t.Errorf("with %d bytes it grows by %d %%, want %d %%", live, got, want)
		}
	}
}
