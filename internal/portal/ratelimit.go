package portal

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Period is the time for which a rate limit counts.
type Period string

// The periods.
const (
	PerSecond Period = "second"
	PerMinute Period = "minute"
	PerHour   Period = "hour"
	PerDay    Period = "day"
)

// Periods lists the periods in the order in which forms offer them.
var Periods = []Period{PerSecond, PerMinute, PerHour, PerDay}

// Duration gives the period's length; 0 for what is no period.
func (p Period) Duration() time.Duration {
	return map[Period]time.Duration{PerSecond: time.Second, PerMinute: time.Minute, PerHour: time.Hour, PerDay: 24 * time.Hour}[p]
}

// RateLimit says how often a key is accepted at the most. Each replica counts for
// itself. The zero RateLimit is none.
type RateLimit struct {
	Requests int64  // in a Period; 0: no limit
	Period   Period // "" without a limit
	Burst    int64  // how many may come at once; 0: all Requests of a Period
}

// MostRequests is the highest rate limit, and the highest burst.
const MostRequests = 1_000_000

// longestPause is how long it may take until as many requests may come at once as at the
// most.
const longestPause = 366 * 24 * time.Hour

// Limited tells whether there is a limit.
func (l RateLimit) Limited() bool { return l.Requests > 0 }

// AtOnce tells how many requests may come at once.
func (l RateLimit) AtOnce() int64 {
	if l.Burst > 0 {
		return l.Burst
	}
	return l.Requests
}

// Every gives the time after which one more request may come, on the average; 0
// without a limit.
func (l RateLimit) Every() time.Duration {
	if !l.Limited() {
		return 0
	}
	return l.Period.Duration() / time.Duration(l.Requests)
}

// Within tells whether whoever keeps to this limit keeps to the other one too.
func (l RateLimit) Within(other RateLimit) bool {
	if !other.Limited() {
		return true
	}
	return l.Limited() && l.Every() >= other.Every() && l.AtOnce() <= other.AtOnce()
}

// String writes the limit as pages show it: "100 per minute, 20 at once"; "" for none.
func (l RateLimit) String() string {
	switch {
	case !l.Limited():
		return ""
	case l.Burst == 0:
		return fmt.Sprintf("%d per %s", l.Requests, l.Period)
	}
	return fmt.Sprintf("%d per %s, %d at once", l.Requests, l.Period, l.Burst)
}

// ParseRateLimit reads a limit as the command line takes it: "100/minute", or
// "100/minute,20" with the burst. The error is CodeInvalid.
func ParseRateLimit(text string) (RateLimit, error) {
	rate, burst, hasBurst := strings.Cut(text, ",")
	requests, period, _ := strings.Cut(rate, "/")
	l := RateLimit{Period: Period(strings.TrimSpace(period))}
	var err error
	if l.Requests, err = strconv.ParseInt(strings.TrimSpace(requests), 10, 64); err == nil && hasBurst {
		l.Burst, err = strconv.ParseInt(strings.TrimSpace(burst), 10, 64)
	}
	var invalid Invalid
	l.Check(&invalid, "rate_limit")
	if err != nil || l.Requests == 0 || hasBurst && l.Burst == 0 || invalid.Err() != nil {
		return RateLimit{}, &Error{Code: CodeInvalid, Message: fmt.Sprintf("“%.50s” is not a rate limit: write it as 100/minute, or 100/minute,20 with how many may come at once. The periods are second, minute, hour and day; the numbers are from 1 to %d.", text, MostRequests)}
	}
	return l, nil
}

// Check notes what is wrong with a limit under the name of its field.
func (l RateLimit) Check(invalid *Invalid, field string) {
	invalid.Check(l.Requests >= 0 && l.Requests <= MostRequests, field, fmt.Sprintf("A rate limit is a number from 1 to %d, or nothing for no limit.", MostRequests))
	invalid.Check(!l.Limited() || l.Period.Duration() > 0, field, "Choose for how long the rate limit counts: a second, a minute, an hour or a day.")
	invalid.Check(l.Burst >= 0 && l.Burst <= MostRequests, field, fmt.Sprintf("The number of requests at once is from 1 to %d, or nothing for all of the rate limit.", MostRequests))
	invalid.Check(l.Burst == 0 || l.Limited(), field, "The number of requests at once needs a rate limit.")
	invalid.Check(l.Every() == 0 || l.AtOnce() <= int64(longestPause/l.Every()), field, "So many requests at once would take more than a year to come back. Let fewer come at once, or raise the rate limit.")
}
