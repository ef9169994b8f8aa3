package portal

import "time"

// Session is a browser's signed-in session. It lives in the database; the
// browser holds a random token, and the database the token's hash.
type Session struct {
	Hash           []byte // SHA-256 of the token
	UserID         int64
	OrganizationID int64 // the organization that the user is working in; 0: none
	InstanceID     int64 // the instance signed in to; 0: none
	Address        string
	UserAgent      string
	Flash          string    // a message for the next page; never a secret
	PasswordAt     time.Time // when the password was last entered
	CreatedAt      time.Time
	SeenAt         time.Time
	ExpiresAt      time.Time // the absolute end, whatever the use
}
