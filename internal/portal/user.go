package portal

import "time"

// Staff is a user's installation-wide role; most users have none.
type Staff string

// The staff roles.
const (
	NotStaff   Staff = ""
	SuperAdmin Staff = "super_admin" // everything
	Support    Staff = "support"     // every client's licenses, keys and requests; no staff, no passwords
)

// Name gives the staff role as pages show it; empty for NotStaff.
func (s Staff) Name() string {
	switch s {
	case SuperAdmin:
		return "Super admin"
	case Support:
		return "Support"
	}
	return ""
}

// Valid tells whether s is one of the staff roles.
func (s Staff) Valid() bool { return s == NotStaff || s == SuperAdmin || s == Support }

// User is a person or an integration account.
type User struct {
	ID              int64  // shown in the address bar: /users/1732
	Username        string // unique regardless of case; what is typed as User ID
	FirstName       string
	LastName        string
	Email           string
	Staff           Staff
	Enabled         bool // a disabled user neither signs in nor has working keys
	Locked          bool // likewise, until unlocked
	PasswordExpired bool // must set a new password first; keys are refused until then
	HasPassword     bool // read only: whether a password was ever set
	LastSignInAt    time.Time
	Version         int64 // counts changes, for stale forms
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// Name gives first and last name, or the username when there is neither.
func (u User) Name() string { return fullName(u.FirstName, u.LastName, u.Username) }

// Record gives the user's values for the Revision History.
func (u User) Record() Record {
	return Record{
		{"Username", u.Username},
		{"First Name", u.FirstName},
		{"Last Name", u.LastName},
		{"E-mail", u.Email},
		{"Staff", u.Staff.Name()},
		{"Enabled", yesNo(u.Enabled)},
		{"Locked", yesNo(u.Locked)},
		{"Expired", yesNo(u.PasswordExpired)},
	}
}

// UserFilter narrows the list of users. Zero values do not.
type UserFilter struct {
	List
	OrganizationID int64 // members of this organization only
	Enabled        *bool
	Locked         *bool
	Expired        *bool
}
