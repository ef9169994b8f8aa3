package portal

import (
	"strings"
	"time"
)

// Group is named members of an organization with roles, which all of them hold.
type Group struct {
	ID             int64
	OrganizationID int64
	Name           string
	Description    string
	Roles          []Role
	Members        int // read only: how many active memberships are in it
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Record gives the group's values for the Revision History, without its members.
func (g Group) Record() Record {
	return Record{
		{"Name", g.Name},
		{"Description", g.Description},
		{"Roles", roleNames(g.Roles)},
	}
}

func roleNames(roles []Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = role.Name
	}
	return strings.Join(names, ", ")
}

func groupNames(groups []Group) string {
	names := make([]string, len(groups))
	for i, group := range groups {
		names[i] = group.Name
	}
	return strings.Join(names, ", ")
}
