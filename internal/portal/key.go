package portal

import (
	"strings"
	"time"
)

// Kind is the kind of a key.
type Kind string

// The kinds of keys.
const (
	TokenKey Kind = "token" // one API key
	PairKey  Kind = "pair"  // Access Key and Security Key
	OAuthKey Kind = "oauth" // Client ID (OAuth) and Client Secret, one per license
)

// Label gives the kind as pages name it.
func (k Kind) Label() string {
	switch k {
	case TokenKey:
		return "API key"
	case PairKey:
		return "Access Key and Security Key"
	case OAuthKey:
		return "OAuth client"
	}
	return string(k)
}

// Key is a credential's identity.
type Key struct {
	ID               int64
	Kind             Kind
	OrganizationID   int64
	OrganizationName string // read only
	Name             string // unique among a user's live keys in an organization
	Description      string
	UserID           int64  // the mapped user
	Username         string // read only, like UserName
	UserName         string
	CreatedBy        int64  // 0: the command line
	CreatorName      string // read only
	MappedBy         int64  // who mapped the key to its user, at first its creator; 0: the command line
	MapperName       string
	MappedAt         time.Time // when; of a new key its creation
	MappingTold      bool      // the mapped user knows of it
	LicenseID        int64     // 0: bound to none
	LicenseNumber    string    // read only, like Domain
	Domain           string
	ApplicationID    int64  // 0: for none in particular
	ApplicationName  string // read only
	PublicID         string // the Access Key or Client ID; empty for tokens
	CanImpersonate   bool
	DataLoader       bool
	AllowedNetworks  []string // CIDR; empty: from anywhere
	RateLimit        RateLimit
	Enabled          bool
	DisabledBy       int64     // the user who disabled it; 0: nobody, or the command line
	RevokedAt        time.Time // final
	ExpiresAt        time.Time // zero: never
	APISets          []APISet  // granted, whether effective or not
	Masked           string    // read only: the current secret's mask, "kp_…aB3d"; empty before it was delivered
	RefusedAs        CheckCode // read only: what the check answers because of its user, organization or license; empty when they are all right
	LastUsedAt       time.Time // read only, like LastUsedFrom
	LastUsedFrom     string
	Version          int64
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// KeyState is a key's own state in one word.
type KeyState string

// The states of a key, the later ones outweighing the earlier.
const (
	KeyActive   KeyState = "active"
	KeyExpired  KeyState = "expired"
	KeyDisabled KeyState = "disabled"
	KeyRevoked  KeyState = "revoked"
)

// KeyStates lists the states in the order in which filters offer them.
var KeyStates = []KeyState{KeyActive, KeyExpired, KeyDisabled, KeyRevoked}

// Label gives the state as pages show it.
func (s KeyState) Label() string { return strings.ToUpper(string(s[:1])) + string(s[1:]) }

// State tells the key's own state at an instant. Its user's, organization's and
// license's states come on top of it in the check.
func (k Key) State(now time.Time) KeyState {
	switch {
	case k.Revoked():
		return KeyRevoked
	case !k.Enabled:
		return KeyDisabled
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return KeyExpired
	}
	return KeyActive
}

const shownOfPublicID = 4 // characters at either end

// ShortPublicID gives enough of the Access Key or Client ID to tell it from others in a
// list ("kpa_rQ13…9AsP"); it is no secret.
func (k Key) ShortPublicID() string {
	begin := strings.LastIndexByte(k.PublicID, '_') + 1 + shownOfPublicID
	if end := len(k.PublicID) - shownOfPublicID; begin < end {
		return k.PublicID[:begin] + "…" + k.PublicID[end:]
	}
	return k.PublicID
}

// Revoked tells whether the key has ended for good.
func (k Key) Revoked() bool { return !k.RevokedAt.IsZero() }

// MappedByOther tells whether somebody else than the key's user mapped it to them.
func (k Key) MappedByOther() bool { return k.MappedBy != k.UserID }

// HasSecret tells whether the key can be used at all: one that is to be delivered has
// no secret before its mapped user opens the one-time page.
func (k Key) HasSecret() bool { return k.Masked != "" }

// Record gives the key's values for the Revision History; never a secret.
func (k Key) Record() Record {
	return Record{
		{"Name", k.Name},
		{"Description", k.Description},
		{"Kind", k.Kind.Label()},
		{"Mapped user", k.Username},
		{"Application", k.ApplicationName},
		{"License", k.LicenseNumber},
		{"API sets", apiSetNames(k.APISets)},
		{"Expires", dateTime(k.ExpiresAt)},
		{"Allowed networks", strings.Join(k.AllowedNetworks, ", ")},
		{"Rate limit", k.RateLimit.String()},
		{"Can impersonate", yesNo(k.CanImpersonate)},
		{"Enabled", yesNo(k.Enabled)},
		{"Revoked", yesNo(k.Revoked())},
	}
}

// Secret is one secret of a key as it is stored: its hash and its mask.
type Secret struct {
	ID        int64
	KeyID     int64
	Hash      []byte // SHA-256, 32 bytes
	Masked    string
	Sealed    []byte    // AEAD ciphertext where it may be viewed again, else empty
	Previous  bool      // being rotated out: works until ExpiresAt
	ExpiresAt time.Time // the end of its grace; zero for the current secret
	RetiredAt time.Time // zero: live
	Imported  bool      // a text of another form than ours, which the customer had before: only its hash is known
	CreatedAt time.Time

	LastUsedAt   time.Time // read only, like what follows: of the secret or a token that it was exchanged for
	LastUsedFrom string
	Accepted     int64 // requests until now
}

// KeyFilter narrows the list of keys. Zero values do not.
type KeyFilter struct {
	List
	OrganizationID int64
	UserID         int64
	MembersOnly    bool // without the keys whose users have left the organization
	APISetID       int64
	LicenseID      int64
	State          KeyState
	Kind           Kind
	DataLoader     *bool     // Data Loader keys only, or none of them
	Live           bool      // only those that are not revoked
	CanImpersonate bool      // only those that can
	ExpiresBefore  time.Time // live ones that expire from now on and before this instant
}
