package ui

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"keyportal/internal/portal"
)

// barsShare is the share of a day's place in a chart that its bar takes.
const barsShare = 0.7

// least is the percentage of a chart's height that what is not zero takes, so that
// one refusal among thousands of requests can be seen.
const least = 2.5

// chart is where in a chart things are, in percent of its width and height.
type chart struct {
	days []portal.Tally
	top  int64 // the count at the upper edge
}

func newChart(days []portal.Tally) chart {
	most := 0.0
	for _, day := range days {
		most = max(most, requests(day))
	}
	return chart{days, roundUp(most)}
}

// requests counts all of a day, in a way that does not overflow.
func requests(day portal.Tally) float64 { return float64(day.Accepted) + float64(day.Refused) }

// roundUp gives the least even number of one digit and zeros that is not below a
// count: half of it is a whole number too.
func roundUp(count float64) int64 {
	for power := 1.0; ; power *= 10 {
		for _, digit := range []float64{2, 4, 6, 8, 10} {
			if top := digit * power; top >= math.MaxInt64 {
				return math.MaxInt64
			} else if top >= count {
				return int64(top)
			}
		}
	}
}

// bar is a day's place in a chart: the accepted requests stand on its lower edge,
// and the refused ones on them.
type bar struct {
	left, width       float64
	slot, slotWidth   float64 // with the space around it
	accepted, refused float64 // heights
}

func (c chart) bar(i int) bar {
	slot := 100 / float64(len(c.days))
	b := bar{slot: slot * float64(i), slotWidth: slot, width: slot * barsShare}
	b.left = b.slot + (slot-b.width)/2
	b.accepted, b.refused = c.height(c.days[i].Accepted), c.height(c.days[i].Refused)
	if over := b.accepted + b.refused - 100; over > 0 {
		if b.accepted > b.refused {
			b.accepted -= over
		} else {
			b.refused -= over
		}
	}
	return b
}

func (c chart) height(count int64) float64 {
	if count <= 0 {
		return 0
	}
	return min(max(float64(count)/float64(c.top)*100, least), 100)
}

// percent writes a length down.
func percent(length float64) string {
	return strconv.FormatFloat(math.Round(length*100)/100, 'f', -1, 64) + "%"
}

// summary tells what a chart shows.
func (c chart) summary() string {
	accepted, refused := portal.Usage{Days: c.days}.Total()
	text := fmt.Sprintf("Requests per day in the last %d days: %s accepted, %s refused", len(c.days), Number(accepted), Number(refused))
	if busiest := c.busiest(); requests(busiest) > 0 {
		text += fmt.Sprintf("; most on %s (%s)", longDay(busiest), dayCounts(busiest))
	}
	return text + "."
}

func (c chart) busiest() (busiest portal.Tally) {
	for _, day := range c.days {
		if requests(day) > requests(busiest) {
			busiest = day
		}
	}
	return busiest
}

func dayCounts(day portal.Tally) string {
	return Number(day.Accepted) + " accepted, " + Number(day.Refused) + " refused"
}

func longDay(day portal.Tally) string  { return day.Date().Format("2 January 2006") }
func shortDay(day portal.Tally) string { return day.Date().Format("2 Jan") }

// dayAndWeekday names a day in a table.
func dayAndWeekday(day portal.Tally) string { return day.Date().Format("Mon, 2 January 2006") }

func dateAttribute(day portal.Tally) string { return day.Date().Format(time.DateOnly) }

// Number writes a count with a comma before every third digit from the end: "1,234".
func Number(count int64) string {
	digits := strconv.FormatInt(count, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
