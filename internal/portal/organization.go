package portal

import (
	"strconv"
	"time"
)

// ClientLevel says how many master licenses an organization may hold
// (Blue 1, Gold 2, Platinum 3 at first; levels are data).
type ClientLevel struct {
	ID       int64
	Name     string
	Licenses int // how many licenses an organization of this level may hold
}

// Organization is a client of the company that runs the portal.
type Organization struct {
	ID             int64
	Name           string // unique, regardless of case
	LevelID        int64
	LevelName      string // read with the organization, written through LevelID
	Suspended      bool   // its keys are refused while it is
	SecretViewing  bool   // secrets of pair and oauth keys may be viewed again
	ExpiryRequired bool   // its keys must have an expiry
	ExpiryMaxDays  int    // how far off an expiry may be; 0 for no bound
	Version        int64  // counts changes, for stale forms
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Record gives the organization's values for the Revision History.
func (o Organization) Record() Record {
	return Record{
		{"Name", o.Name},
		{"Client level", o.LevelName},
		{"Suspended", yesNo(o.Suspended)},
		{"Secrets can be viewed again", yesNo(o.SecretViewing)},
		{"Expiry required", yesNo(o.ExpiryRequired)},
		{"Longest expiry in days", strconv.Itoa(o.ExpiryMaxDays)},
	}
}
