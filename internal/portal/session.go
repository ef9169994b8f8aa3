package portal

import (
	"encoding/hex"
	"time"
)

// Session is a browser's signed-in session. It lives in the database; the
// browser holds a random token, and the database the token's hash.
type Session struct {
	Hash           []byte // SHA-256 of the token
	UserID         int64
	OrganizationID int64  // the organization that the user is working in; 0: none
	Organization   string // its name; read only, like Instance
	InstanceID     int64  // the instance signed in to; 0: none
	Instance       string
	Address        string
	UserAgent      string
	Flash          string    // a message for the next page; never a secret
	PasswordAt     time.Time // when the password was last entered
	CreatedAt      time.Time
	SeenAt         time.Time
	ExpiresAt      time.Time // the absolute end, whatever the use
}

const sessionIDLength = 8 // bytes; enough to tell the sessions of one user apart

// ID names a session among those of its user. It is derived from the hash, so that it
// opens nothing.
func (s Session) ID() string { return hex.EncodeToString(s.Hash[:min(len(s.Hash), sessionIDLength)]) }

// Over tells whether the session has ended by itself: at its absolute end, or unused
// for as long as idle.
func (s Session) Over(now time.Time, idle time.Duration) bool {
	return !now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) >= idle
}

// Nowhere gives the session as one that works in no organization.
func (s Session) Nowhere() Session {
	s.OrganizationID, s.Organization, s.InstanceID, s.Instance = 0, "", 0, ""
	return s
}
