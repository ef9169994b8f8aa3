package ui

import (
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestAgo(t *testing.T) {
	for since, want := range map[time.Duration]string{
		0:                     "just now",
		59 * time.Second:      "just now",
		-30 * time.Second:     "just now", // clocks that differ a little
		time.Minute:           "1 minute ago",
		59 * time.Minute:      "59 minutes ago",
		3 * time.Hour:         "3 hours ago",
		24 * time.Hour:        "yesterday",
		47 * time.Hour:        "yesterday",
		48 * time.Hour:        "2 days ago",
		94 * 24 * time.Hour:   "94 days ago",
		365 * 24 * time.Hour:  "1 year ago",
		-2 * 24 * time.Hour:   "in 2 days",
		1000 * 24 * time.Hour: "2 years ago",
	} {
		if got := Ago(now.Add(-since), now); got != want {
			t.Errorf("%v: %q, want %q", since, got, want)
		}
	}
}

func TestUntil(t *testing.T) {
	for left, want := range map[time.Duration]string{
		-time.Hour:           "expired",
		0:                    "expired",
		time.Second:          "in less than a minute",
		90 * time.Minute:     "in 1 hour",
		time.Hour - 1:        "in 1 hour",
		7*day - time.Minute:  "in 7 days",
		7*day - time.Hour:    "in 6 days",
		12 * 24 * time.Hour:  "in 12 days",
		212 * 24 * time.Hour: "in 212 days",
		800 * 24 * time.Hour: "in 2 years",
	} {
		if got := Until(now.Add(left), now); got != want {
			t.Errorf("%v: %q, want %q", left, got, want)
		}
	}
}

func TestExpiryTone(t *testing.T) {
	for left, want := range map[time.Duration]Tone{
		-time.Second:              Danger,
		0:                         Danger,
		time.Second:               Warn,
		30 * 24 * time.Hour:       Warn,
		30*24*time.Hour + 1:       OK,
		10 * 365 * 24 * time.Hour: OK,
	} {
		if got := expiryTone(now.Add(left), now); got != want {
			t.Errorf("%v: %q, want %q", left, got, want)
		}
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{
		"Super Admin":             "SA",
		"Anna Maria von Droste":   "AD",
		"clientadmin":             "C",
		"  élodie   ":             "É",
		"李 小龙":                    "李小",
		"...":                     "?",
		"":                        "?",
		"\u202ebob (integration)": "BI",
	} {
		if got := Initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
