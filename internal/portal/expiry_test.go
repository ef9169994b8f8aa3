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
		if got := portal.EndOfDay(time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC).In(place), 0, place).UTC().Format(time.RFC3339); got != want {
			t.Errorf("in %s the day ends at %s, want %s", zone, got, want)
		}
	}
	leap := portal.EndOfDay(time.Date(2028, 1, 31, 12, 0, 0, 0, time.UTC), 30, time.UTC)
	if want := time.Date(2028, 3, 1, 23, 59, 59, 0, time.UTC); !leap.Equal(want) {
		t.Errorf("30 days later ends at %s, want %s", leap, want)
	}
}

func TestADayWithoutMidnightOrWithTwoBeginsOnce(t *testing.T) {
	for _, test := range []struct {
		zone  string
		date  time.Time
		begin string
		hours float64
	}{
		{"America/Santiago", time.Date(2026, 9, 6, 0, 0, 0, 0, time.UTC), "2026-09-06T01:00:00-03:00", 23}, // put forward at midnight
		{"America/Havana", time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC), "2026-03-08T01:00:00-04:00", 23},
		{"America/Havana", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "2026-11-01T00:00:00-04:00", 25},  // put back to midnight
		{"America/Santiago", time.Date(2026, 4, 4, 0, 0, 0, 0, time.UTC), "2026-04-04T00:00:00-03:00", 25}, // put back at midnight
		{"Pacific/Apia", time.Date(2011, 12, 29, 0, 0, 0, 0, time.UTC), "2011-12-29T00:00:00-10:00", 24},   // there was no next day
	} {
		place, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		begin, end := portal.StartOfDay(test.date, 0, place), portal.EndOfDay(test.date, 0, place)
		if got := begin.Format(time.RFC3339); got != test.begin || end.Sub(begin)+time.Second != time.Duration(test.hours*float64(time.Hour)) {
			t.Errorf("in %s the day is from %s to %s, want %s and %v hours", test.zone, got, end, test.begin, test.hours)
		}
		if end.Day() != test.date.Day() || begin.Add(-time.Second).Day() == test.date.Day() {
			t.Errorf("in %s the day is from %s to %s", test.zone, begin, end)
		}
	}
}
