package portal

import "time"

// ExpiryPresets are the lifetimes that forms offer for a key, in days, the shortest
// first.
var ExpiryPresets = []int{30, 90, 180, 365}

// EndOfDay gives the last second of the day that is so many days after an instant, where
// the instant's location is.
func EndOfDay(at time.Time, days int) time.Time {
	year, month, day := at.Date()
	return time.Date(year, month, day+days+1, 0, 0, 0, 0, at.Location()).Add(-time.Second)
}
