package portal

import "time"

// Membership is a user in an organization. Its ID is the org membership ID
// (orgUserId). A membership that ended stays, so that the keys mapped to it are
// refused but not lost; it can be taken up again.
type Membership struct {
	ID               int64
	OrganizationID   int64
	OrganizationName string // read only
	UserID           int64
	Admin            bool   // may do everything in the organization
	AllAccess        bool   // every API set
	Roles            []Role // given directly, without those of groups
	Groups           []Group
	EndedAt          time.Time
	Version          int64
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// Active tells whether the user is in the organization now.
func (m Membership) Active() bool { return m.EndedAt.IsZero() }

// Record gives the membership's values for the Revision History.
func (m Membership) Record() Record {
	return Record{
		{"Organization", m.OrganizationName},
		{"Member", yesNo(m.Active())},
		{"Admin", yesNo(m.Admin)},
		{"All Access", yesNo(m.AllAccess)},
		{"Roles", roleNames(m.Roles)},
		{"Groups", groupNames(m.Groups)},
	}
}
