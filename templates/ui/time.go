package ui

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"keyportal/internal/portal"
)

// fullTime is how a title spells a moment out.
const fullTime = "2 January 2006, 15:04:05 MST"

// spelledTime is how a page itself spells a moment out.
const spelledTime = "2 January 2006, 15:04 MST"

const day = 24 * time.Hour

// soon is how long before its end an expiry is a warning.
const soon = 30 * day

// Ago tells a moment in words relative to now, to one unit, rounded down: "just
// now", "5 minutes ago", "yesterday", "3 months ago". A moment that is ahead
// reads like Until.
func Ago(at, now time.Time) string {
	switch since := now.Sub(at); {
	case since < -time.Minute:
		return Until(at, now)
	case since < time.Minute:
		return "just now"
	case since >= day && since < 2*day:
		return "yesterday"
	default:
		return span(since) + " ago"
	}
}

// Until tells a moment ahead in words relative to now: "in 5 hours", "in 212
// days", "in 2 years"; one that has passed is "expired".
func Until(at, now time.Time) string {
	left := at.Sub(now)
	if left <= 0 {
		return "expired"
	}
	if left < time.Minute {
		return "in less than a minute"
	}
	return "in " + span(left+time.Minute) // what was made for 7 days just now ends in 7 days
}

func expiryTone(at, now time.Time) Tone {
	switch left := at.Sub(now); {
	case left <= 0:
		return Danger
	case left <= soon:
		return Warn
	}
	return OK
}

// span is a duration of a minute or more in its largest whole unit; days are
// used up to a year, since "in 212 days" is easier to plan with than "7 months".
func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return portal.Counted(int(d/time.Minute), "minute")
	case d < day:
		return portal.Counted(int(d/time.Hour), "hour")
	case d < 365*day:
		return portal.Counted(int(d/day), "day")
	}
	return portal.Counted(int(d/(365*day)), "year")
}

// Initials are the first letters of the first and the last word of a name, for
// an avatar; "?" if it has none.
func Initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return "?"
	}
	initials := first(words[0])
	if len(words) > 1 {
		initials += first(words[len(words)-1])
	}
	return strings.ToUpper(initials)
}

func first(word string) string {
	r, _ := utf8.DecodeRuneInString(word)
	return string(r)
}
