package ui

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/portal"
)

// daysUntilNow gives 30 days, those that are counted last.
func daysUntilNow(counted ...portal.Tally) []portal.Tally {
	days := make([]portal.Tally, 30)
	copy(days[30-len(counted):], counted)
	for i := range days {
		days[i].Day = portal.DayOf(now) - 29 + int64(i)
	}
	return days
}

func TestTheScaleOfAChartEndsWithARoundNumber(t *testing.T) {
	for count, want := range map[float64]int64{0: 2, 1: 2, 2: 2, 3: 4, 9: 10, 10: 10, 11: 20, 41: 60, 60: 60, 999: 1000, 1001: 2000, math.MaxInt64: math.MaxInt64, 2 * math.MaxInt64: math.MaxInt64} {
		if got := roundUp(count); got != want {
			t.Errorf("%.0f: the scale ends with %d, want %d", count, got, want)
		}
	}
}

func TestBarsAreAsHighAsTheirCounts(t *testing.T) {
	for what, test := range map[string]struct {
		day, other        portal.Tally
		accepted, refused float64
	}{
		"nothing":                {portal.Tally{}, portal.Tally{}, 0, 0},
		"nothing beside much":    {portal.Tally{}, portal.Tally{Accepted: 1000}, 0, 0},
		"half and half":          {portal.Tally{Accepted: 10, Refused: 10}, portal.Tally{}, 50, 50},
		"half of the scale":      {portal.Tally{Accepted: 20}, portal.Tally{Accepted: 40}, 50, 0},
		"one beside a huge one":  {portal.Tally{Accepted: 1}, portal.Tally{Accepted: math.MaxInt64}, least, 0},
		"the huge one":           {portal.Tally{Accepted: math.MaxInt64}, portal.Tally{}, 100, 0},
		"one refused of many":    {portal.Tally{Accepted: 9999, Refused: 1}, portal.Tally{}, 100 - least, least},
		"one accepted of many":   {portal.Tally{Accepted: 1, Refused: 9999}, portal.Tally{}, least, 100 - least},
		"refused and nothing is": {portal.Tally{Refused: 3}, portal.Tally{}, 0, 75},
	} {
		got := newChart(daysUntilNow(test.other, test.day)).bar(29)
		if math.Abs(got.accepted-test.accepted) > .01 || math.Abs(got.refused-test.refused) > .01 {
			t.Errorf("%s: the bar is %.2f and %.2f high, want %.2f and %.2f", what, got.accepted, got.refused, test.accepted, test.refused)
		}
	}
}

func TestBarsStandSideBySide(t *testing.T) {
	c := newChart(daysUntilNow())
	end := 0.0
	for i := range c.days {
		b := c.bar(i)
		if b.left < end || b.slot > b.left || b.left+b.width > b.slot+b.slotWidth {
			t.Errorf("bar %d from %.2f to %.2f is not in its place", i, b.left, b.left+b.width)
		}
		end = b.left + b.width
	}
	if end > 100 {
		t.Errorf("the last bar ends at %.2f", end)
	}
}

func TestAChartSaysWhatItShows(t *testing.T) {
	days := daysUntilNow(portal.Tally{Accepted: 1200, Refused: 3}, portal.Tally{}, portal.Tally{Accepted: 34})
	doc := document(t, context.Background(), UseChart("use", days))
	wantAttribute(t, doc, "svg[role=img]", "aria-label", "Requests per day in the last 30 days: 1,234 accepted, 3 refused; most on 21 November 2026 (1,200 accepted, 3 refused).")
	titles := doc.Find("title").Map(func(_ int, title *goquery.Selection) string { return title.Text() })
	if len(titles) != 30 || titles[27] != "21 November 2026: 1,200 accepted, 3 refused" || titles[29] != "23 November 2026: 34 accepted, 0 refused" {
		t.Errorf("the bars say %q", titles)
	}
	if hatched := doc.Find(`[fill="url(#use-hatch)"]`).Length(); hatched != 2 { // the legend's, and one day's
		t.Errorf("%d things are hatched", hatched)
	}
	if doc.Find("[style], script").Length() > 0 {
		t.Error("the page's policy does not allow inline styles and scripts")
	}
	wantAttribute(t, document(t, context.Background(), UseChart("use", daysUntilNow())), "svg[role=img]", "aria-label", "Requests per day in the last 30 days: 0 accepted, 0 refused.")
	document(t, context.Background(), UseChart("use", nil))
}

func TestTheTableOfDaysBeginsWithTheLastOne(t *testing.T) {
	doc := document(t, context.Background(), DayTable("Requests per day", daysUntilNow(portal.Tally{Accepted: 1}, portal.Tally{Accepted: 1234, Refused: 5})))
	cells := doc.Find("tbody td").Map(func(_ int, cell *goquery.Selection) string { return strings.TrimSpace(cell.Text()) })
	if want := []string{"Mon, 23 November 2026", "1,234", "5", "Sun, 22 November 2026", "1", "0"}; len(cells) != 90 || !slices.Equal(cells[:6], want) {
		t.Errorf("the table begins with %q", cells[:6])
	}
}

func TestNumbersAreGroupedByThrees(t *testing.T) {
	for number, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -123: "-123", -1234: "-1,234", math.MaxInt64: "9,223,372,036,854,775,807"} {
		if got := Number(number); got != want {
			t.Errorf("%d is written %s, want %s", number, got, want)
		}
	}
}
