package portal

import (
	"fmt"
	"slices"
	"time"
)

// Bounds are what a key itself may be used for. Nothing that comes in through it makes,
// widens or opens a key beyond them.
type Bounds struct {
	APISets   map[string]bool // by slug: what the key reaches now
	ExpiresAt time.Time       // of the credential that was sent; zero: never
	Passing   bool            // it is an access token, or a secret that is being rotated out
	LicenseID int64           // 0: bound to none
	Networks  []string        // CIDR; empty: from anywhere
	RateLimit RateLimit
}

// Person gives the user behind a key: as that user one may take something away,
// which makes nothing wider.
func (a Actor) Person() Actor {
	a.KeyID, a.Bounds = 0, Bounds{}
	return a
}

// beyondKeys has the authorities that nobody has through a key, whoever its user is.
var beyondKeys = []Authority{SystemStaff, AllowImpersonation}

// barred tells whether the actor came in through a key and an authority is, or
// includes, one that nobody has through keys.
func (a Actor) barred(need Authority) bool {
	return a.KeyID != 0 && slices.ContainsFunc(beyondKeys, func(one Authority) bool { return one.Includes(need) || need.Includes(one) })
}

var notThroughKeys = Denied("This can't be done with an API key, whoever its user is. Log in to the portal and do it there.")

// superAdminOnly refuses what is a super admin's to do, to one who came in through a key
// too.
func superAdminOnly(actor Actor, message string) error {
	if actor.Staff == SuperAdmin {
		return notThroughKeys
	}
	return Denied(message)
}

// InPerson answers whether somebody is there in person, and not through a key: only
// then are passwords, sessions and what is shown once theirs to touch.
func InPerson(actor Actor) error {
	if actor.KeyID != 0 {
		return notThroughKeys
	}
	return nil
}

// CanPassOn answers whether the actor may make a key, widen one until it is like this,
// or get its secret, as far as the key goes through which the actor came in: that one
// must reach as much. Who is there in person may as far as this rule goes.
func CanPassOn(actor Actor, key Key) error {
	if actor.KeyID == 0 {
		return nil
	}
	bounds := actor.Bounds
	beyond := slices.IndexFunc(key.APISets, func(set APISet) bool { return !bounds.APISets[set.Slug] })
	switch {
	case key.CanImpersonate:
		return notThroughKeys
	case actor.Impersonator.UserID != 0:
		return Denied("Whoever acts as another user makes no API keys for them, and gets no secrets of theirs: these would work on without impersonation.")
	case beyond >= 0:
		return Denied(fmt.Sprintf("An API key gives no other key more than it has, and this one does not reach the API set “%s”.", key.APISets[beyond].Name))
	case !bounds.ExpiresAt.IsZero() && (key.ExpiresAt.IsZero() || key.ExpiresAt.After(bounds.ExpiresAt)):
		return Denied(fmt.Sprintf("An API key gives no other key more than it has, and this one ends at %s. Choose an expiry that is not later.", bounds.ExpiresAt.UTC().Format(time.RFC3339)))
	case bounds.LicenseID != 0 && key.LicenseID != bounds.LicenseID:
		return Denied("An API key gives no other key more than it has, and this one is bound to its license.")
	case !WithinNetworks(key.AllowedNetworks, bounds.Networks):
		return Denied("An API key gives no other key more than it has, and this one may be used from some networks only.")
	case !key.RateLimit.Within(bounds.RateLimit):
		return Denied(fmt.Sprintf("An API key gives no other key more than it has, and this one has the rate limit %s.", bounds.RateLimit))
	}
	return nil
}

// CanReshape answers whether the actor may change what an API set is: its slug, its
// routes, and whether it is in use. Through a key nobody may of what that was granted: it
// would reach something else than before.
func CanReshape(actor Actor, granted []APISet, set APISet) error {
	if actor.KeyID == 0 || !HasAPISet(granted, set) {
		return nil
	}
	return Denied(fmt.Sprintf("The API key that you use was granted the API set “%s”, so it can't change what that reaches. Use a key without it, or log in to the portal.", set.Name))
}
