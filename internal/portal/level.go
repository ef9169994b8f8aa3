package portal

import "strconv"

// ClientLevel says how many master licenses an organization may hold
// (Blue 1, Gold 2, Platinum 3 at first; levels are data).
type ClientLevel struct {
	ID            int64
	Name          string // unique, regardless of case
	Licenses      int    // how many licenses an organization of this level may hold
	Organizations int    // read only: how many have this level
	Version       int64  // counts changes, for stale forms
}

// Record gives the level's values for the Revision History.
func (l ClientLevel) Record() Record {
	return Record{{"Name", l.Name}, {"Master licenses", strconv.Itoa(l.Licenses)}}
}
