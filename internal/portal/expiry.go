package portal

import "time"

// ExpiryPresets are the lifetimes that forms offer for a key, in days, the shortest
// first.
var ExpiryPresets = []int{30, 90, 180, 365}

// StartOfDay gives the first instant in a time zone of the day that is so many days after
// a date. Of the date its own year, month and day count, whatever its zone.
func StartOfDay(date time.Time, days int, zone *time.Location) time.Time {
	year, month, day := date.Date()
	wanted := time.Date(year, month, day+days, 0, 0, 0, 0, time.UTC)
	const step = 15 * time.Minute // by which clocks are changed at the least
	start := time.Date(year, month, day+days, 0, 0, 0, 0, zone)
	for dateOf(start).Before(wanted) { // there is no midnight: clocks are put forward then
		start = start.Add(step)
	}
	for !dateOf(start.Add(-step)).Before(wanted) { // midnight comes twice: clocks are put back after it
		start = start.Add(-step)
	}
	return start
}

func dateOf(at time.Time) time.Time {
	year, month, day := at.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// EndOfDay gives the last second of such a day.
func EndOfDay(date time.Time, days int, zone *time.Location) time.Time {
	return StartOfDay(date, days+1, zone).Add(-time.Second)
}
