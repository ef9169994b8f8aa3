package portal

import "time"

// AccessToken is what an OAuth client exchanges its Client Secret for (RFC 6749,
// section 1.4), as it is stored. It works as long as its secret and its key do,
// and no longer than until it expires.
type AccessToken struct {
	Hash      []byte // SHA-256 of the token
	KeyID     int64
	SecretID  int64    // the secret that it was exchanged for
	Scope     []string // slugs of API sets
	ExpiresAt time.Time
	RevokedAt time.Time // zero: it was not
	CreatedAt time.Time
}

// ClientUse is a program that got access tokens with a secret.
type ClientUse struct {
	KeyID    int64
	SecretID int64
	Agent    string // as the program names itself (User-Agent); empty when it does not
	Address  string
	UsedAt   time.Time
	Previous bool // read only: the secret is the one that is being rotated out
}
