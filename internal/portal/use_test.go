package portal_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
)

func TestADayBeginsAtMidnightUTC(t *testing.T) {
	last := time.Date(2026, 7, 1, 23, 59, 59, 0, time.FixedZone("UTC-8", -8*60*60)) // 2 July, 07:59:59 UTC
	day := portal.DayOf(last)
	if got, want := (portal.Tally{Day: day}).Date(), time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC); got != want {
		t.Errorf("the day begins at %s, want %s", got, want)
	}
	for after, want := range map[time.Duration]int64{-8 * time.Hour: day - 1, 16 * time.Hour: day, 16*time.Hour + time.Second: day + 1} {
		if got := portal.DayOf(last.Add(after)); got != want {
			t.Errorf("%s later it is day %d, want %d", after, got, want)
		}
	}
}

func TestAUsageAddsItsDaysUp(t *testing.T) {
	usage := portal.Usage{Days: []portal.Tally{{Accepted: 3, Refused: 1}, {}, {Accepted: 4}}}
	if accepted, refused := usage.Total(); accepted != 7 || refused != 1 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}
}
