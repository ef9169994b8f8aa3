package portal

import "time"

// Tally counts a key's accepted and refused requests of one day.
type Tally struct {
	KeyID    int64
	Day      int64 // days since 1970-01-01, UTC
	Accepted int64
	Refused  int64
}

const secondsOfDay = 24 * 60 * 60

// DayOf gives the day of an instant as tallies number it.
func DayOf(at time.Time) int64 { return at.Unix() / secondsOfDay }

// Date gives the beginning of the tally's day.
func (t Tally) Date() time.Time { return time.Unix(t.Day*secondsOfDay, 0).UTC() }

// Refusal is a key's last refusal with a code.
type Refusal struct {
	KeyID int64
	Code  CheckCode
	At    time.Time
	From  string
}

// Usage is how a key was used of late.
type Usage struct {
	Days     []Tally   // each of the last days, the oldest first, also those without use
	Refusals []Refusal // the last one of each code, the newest first
}

// Total adds the days up.
func (u Usage) Total() (accepted, refused int64) {
	for _, day := range u.Days {
		accepted += day.Accepted
		refused += day.Refused
	}
	return accepted, refused
}
