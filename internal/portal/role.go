package portal

import (
	"strings"
	"time"
)

// Role is a named set of authorities and of API sets.
type Role struct {
	ID             int64
	OrganizationID int64 // 0: for every organization
	Name           string
	Description    string
	BuiltIn        bool // came with the program; cannot be changed
	Authorities    []Authority
	APISets        []APISet
	Members        int // read only: how many memberships hold it, directly or by a group
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Record gives the role's values for the Revision History.
func (r Role) Record() Record {
	names := make([]string, len(r.Authorities))
	for i, authority := range r.Authorities {
		names[i] = authority.Name()
	}
	return Record{
		{"Name", r.Name},
		{"Description", r.Description},
		{"Authorities", strings.Join(names, ", ")},
		{"API sets", apiSetNames(r.APISets)},
	}
}
