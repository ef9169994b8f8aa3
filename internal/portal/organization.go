package portal

import (
	"strconv"
	"time"
)

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
		{"API keys must expire", yesNo(o.ExpiryRequired)},
		{"Longest lifetime in days", unlessZero(o.ExpiryMaxDays)},
	}
}

// unlessZero gives a number, and nothing for zero.
func unlessZero(number int) string {
	if number == 0 {
		return ""
	}
	return strconv.Itoa(number)
}

// OrganizationSummary is an organization with what it has.
type OrganizationSummary struct {
	Organization
	Allowed      int       // licenses that its level allows
	Licenses     int       // that it holds, each of which gives access to one domain
	LastActivity time.Time // as OrganizationFigures.LastActivity tells it
}

// OrganizationFigures counts what an organization has.
type OrganizationFigures struct {
	Instances    int
	Applications int       // that have a key which is not revoked
	Keys         int       // that are not revoked
	People       int       // members
	Pending      int       // requests that are not decided
	LastSignIn   time.Time // of a member; zero: never
	LastUse      time.Time // of a key; zero: never
	LastChange   time.Time // of something in the organization; zero: never
}

// LastActivity is the latest of what was last done in the organization; zero: nothing
// yet.
func (f OrganizationFigures) LastActivity() time.Time {
	latest := f.LastSignIn
	for _, at := range []time.Time{f.LastUse, f.LastChange} {
		if at.After(latest) {
			latest = at
		}
	}
	return latest
}
