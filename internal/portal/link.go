package portal

import "time"

// LinkPurpose tells what a one-time link is for.
type LinkPurpose string

// The purposes of one-time links.
const (
	SetUpLink    LinkPurpose = "setup"    // makes the first super admin
	PasswordLink LinkPurpose = "password" // lets a user set a password
	DeliveryLink LinkPurpose = "delivery" // shows a key's first secret to the user whom it is for
)

// Link is a one-time link as it is stored. It opens once and expires.
type Link struct {
	Hash      []byte // SHA-256 of the token in the URL
	Purpose   LinkPurpose
	UserID    int64 // 0 for SetUpLink
	KeyID     int64 // of a DeliveryLink, else 0
	CreatedBy int64 // 0: the command line or the program itself
	ExpiresAt time.Time
	UsedAt    time.Time // zero: unused
	CreatedAt time.Time
}
