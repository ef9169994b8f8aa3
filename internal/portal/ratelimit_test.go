package portal_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
)

func TestARateLimitIsReadAsItIsWrittenOnTheCommandLine(t *testing.T) {
	for text, want := range map[string]string{
		"100/minute":        "100 per minute",
		" 100 / minute, 20": "100 per minute, 20 at once",
		"1/second,1000000":  "1 per second, 1000000 at once",
		"1000000/day":       "1000000 per day",
	} {
		limit, err := portal.ParseRateLimit(text)
		if err != nil || limit.String() != want {
			t.Errorf("%q is read as %q, %v; want %q", text, limit, err, want)
		}
	}
	for _, text := range []string{"", "100", "/minute", "100/week", "0/minute", "-1/minute", "1000001/day", "1/minute,0", "1/minute,", "1/minute,-2", "1/minute,1000001", "x/minute", "9223372036854775808/day"} {
		if limit, err := portal.ParseRateLimit(text); portal.CodeOf(err) != portal.CodeInvalid || limit != (portal.RateLimit{}) {
			t.Errorf("%q is read as %q, %v; want a refusal", text, limit, err)
		}
	}
}

func TestWithoutABurstAllRequestsOfAPeriodMayComeAtOnce(t *testing.T) {
	limit := portal.RateLimit{Requests: 60, Period: portal.PerMinute}
	if limit.AtOnce() != 60 || limit.Every() != time.Second {
		t.Errorf("got %d at once and one every %s", limit.AtOnce(), limit.Every())
	}
	if limit.Burst = 5; limit.AtOnce() != 5 {
		t.Errorf("got %d at once, want the burst", limit.AtOnce())
	}
	if none := (portal.RateLimit{}); none.Limited() || none.Every() != 0 || none.String() != "" {
		t.Error("the zero limit limits")
	}
}

func TestALimitIsWithinOneThatAllowsNoLess(t *testing.T) {
	minute := portal.RateLimit{Requests: 60, Period: portal.PerMinute, Burst: 10}
	for _, test := range []struct {
		limit, other portal.RateLimit
		want         bool
	}{
		{minute, minute, true},
		{minute, portal.RateLimit{}, true},
		{portal.RateLimit{}, minute, false},
		{portal.RateLimit{}, portal.RateLimit{}, true},
		{portal.RateLimit{Requests: 1, Period: portal.PerSecond, Burst: 10}, minute, true},
		{portal.RateLimit{Requests: 2, Period: portal.PerSecond, Burst: 10}, minute, false},
		{portal.RateLimit{Requests: 60, Period: portal.PerMinute, Burst: 11}, minute, false},
		{portal.RateLimit{Requests: 60, Period: portal.PerMinute}, minute, false}, // all 60 at once
	} {
		if got := test.limit.Within(test.other); got != test.want {
			t.Errorf("%q within %q: got %v", test.limit, test.other, got)
		}
	}
}
