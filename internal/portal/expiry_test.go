package portal_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
)

func TestADayEndsWhereItsPlaceSays(t *testing.T) {
	for zone, want := range map[string]string{
		"UTC":              "2026-03-29T23:59:59Z",
		"Europe/Berlin":    "2026-03-29T21:59:59Z", // the day has 23 hours there
		"Asia/Kolkata":     "2026-03-29T18:29:59Z",
		"America/New_York": "2026-03-29T03:59:59Z", // it is still the evening of the 28th
	} {
		place, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := portal.EndOfDay(time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC).In(place), 0).UTC().Format(time.RFC3339); got != want {
			t.Errorf("in %s the day ends at %s, want %s", zone, got, want)
		}
	}
	leap := portal.EndOfDay(time.Date(2028, 1, 31, 12, 0, 0, 0, time.UTC), 30)
	if want := time.Date(2028, 3, 1, 23, 59, 59, 0, time.UTC); !leap.Equal(want) {
		t.Errorf("30 days later ends at %s, want %s", leap, want)
	}
}
