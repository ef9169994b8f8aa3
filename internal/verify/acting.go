package verify

import (
	"strconv"

	"keyportal/internal/portal"
)

// impersonated gives the user whom a request names to act as; 0 when it names nobody,
// several, or what is no user's number.
func (r Request) impersonated() int64 {
	if len(r.Impersonate) != 1 {
		return 0
	}
	id, err := strconv.ParseInt(r.Impersonate[0], 10, 64)
	if err != nil || id <= 0 || strconv.FormatInt(id, 10) != r.Impersonate[0] {
		return 0
	}
	return id
}

// impersonationNotAllowed holds for whoever is named but a user of the key's
// organization about whom all is right, and who is no staff: else support's key could
// become a super admin. A key that can impersonate may name its own user, of whom the
// rules before this one have decided.
func impersonationNotAllowed(f *facts) bool {
	as := f.Impersonated
	switch {
	case len(f.Impersonate) == 0:
		return false
	case f.OnlyItself || !f.CanImpersonate || as.ID != f.impersonated():
		return true
	case as.ID == f.UserID:
		return false
	}
	return !as.Enabled || as.Locked || as.Expired || !as.Member || as.Staff != portal.NotStaff
}
