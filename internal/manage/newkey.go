package manage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// NewKey is what New API Key and Issue API Key ask for.
type NewKey struct {
	Submission     Submission  // the form's own token, so that a form sent twice makes one key
	Kind           portal.Kind // TokenKey when empty
	OrganizationID int64
	LicenseID      int64 // the key's license; 0: none
	ApplicationID  int64 // what the key is for; 0: none of the applications, and for a key pair the one whose name it has. It needs a license, but for a pair
	UserID         int64 // the mapped user
	Name           string
	Description    string
	APISets        []string  // slugs
	ExpiresAt      time.Time // zero: never
	DataLoader     bool      // a key pair for the Data Loader
	CanImpersonate bool      // the key may act as other users of the organization; for who may Allow Impersonation
	Deliver        bool      // the mapped user gets the secret by a one-time page, and nobody else does

	// Through a key that is bounded, what is left out of these is as with that one.
	AllowedNetworks []string         // addresses and CIDR; empty: from anywhere
	RateLimit       portal.RateLimit // zero: none
}

// GeneratedKey is a key that was made, with its secret in clear. The secret is
// zero when the same form had made the key before: it is shown once. It is zero too
// when it is to be delivered.
type GeneratedKey struct {
	portal.Key
	Secret   secret.Value
	Viewable bool // the secret can be viewed again
	Again    bool // the same form had made the key before
}

// CreateKey makes a key. For oneself with Manage User API Key; for other members of
// the organization, and for an application and license, with Manage API Keys; an OAuth client
// with Manage Client Secret, mapped to others with Manage API Keys too. The key can be
// granted what the mapped user's roles allow and the actor holds. There is one live
// key for an application and license, and one OAuth client for a license: another is
// refused. A request that is pending for them is approved with the key. A key that can
// impersonate is for who may Allow Impersonation besides, and CodeForbidden for others
// before anything else is looked at.
func (m *Manager) CreateKey(ctx context.Context, in NewKey) (GeneratedKey, error) {
	return m.createKey(ctx, in, "generated")
}

// IssueKey is CreateKey for an application and license, straight away.
func (m *Manager) IssueKey(ctx context.Context, in NewKey) (GeneratedKey, error) {
	if in.ApplicationID == 0 {
		var invalid portal.Invalid
		invalid.Add("application", "Choose the application that the key is for.")
		return GeneratedKey{}, invalid.Err()
	}
	return m.createKey(ctx, in, "issued")
}

func (m *Manager) createKey(ctx context.Context, in NewKey, action string) (GeneratedKey, error) {
	var made GeneratedKey
	if err := canMakeKey(portal.ActorFrom(ctx), in.key(ctx)); err != nil {
		return made, err
	}
	err := m.change(ctx, func(c *store.Change) error {
		c.ReadOnce()
		return once(ctx, c, in.Submission, portal.NounKey, &made, generatedBefore(c), func() (id int64, err error) {
			if made, err = m.insertKey(ctx, c, in, action); err != nil {
				return 0, err
			}
			return made.ID, fulfilRequest(ctx, c, made.Key)
		})
	})
	if err != nil {
		return GeneratedKey{}, err
	}
	return made, nil
}

// generatedBefore finds what a form made that was sent before: its secret was shown
// then.
func generatedBefore(c *store.Change) func(context.Context, int64) (GeneratedKey, error) {
	return func(ctx context.Context, id int64) (GeneratedKey, error) {
		key, err := c.Key(ctx, id)
		return GeneratedKey{Key: key, Again: true}, err
	}
}

// insertKey makes a key with its revision: with its first secret, or with the
// one-time page by which its mapped user gets that.
func (m *Manager) insertKey(ctx context.Context, c *store.Change, in NewKey, action string) (GeneratedKey, error) {
	var made GeneratedKey
	key, err := checkNewKey(ctx, c.Queries, in)
	if err != nil {
		return made, err
	}
	if public, has := publicPrefixes[key.Kind]; has {
		key.PublicID = m.newSecret(public).Reveal()
	}
	if in.Deliver {
		if made.Key, err = c.InsertKey(ctx, key, portal.Secret{}); err == nil {
			err = m.newDelivery(ctx, &c.Update, made.Key)
		}
	} else {
		made.Secret = m.newSecret(secretPrefixes[key.Kind])
		var stored portal.Secret
		if stored, err = m.storedSecret(ctx, c.Queries, key, made.Secret); err == nil {
			made.Viewable = len(stored.Sealed) > 0
			made.Key, err = c.InsertKey(ctx, key, stored)
		}
	}
	if err != nil {
		return made, err
	}
	return made, c.Record(ctx, keyRevision(made.Key, action, portal.Diff(nil, made.Key.Record())))
}

// key gives the key as it was asked for, before anything is checked.
func (in NewKey) key(ctx context.Context) portal.Key {
	actor := portal.ActorFrom(ctx)
	networks := in.AllowedNetworks
	if len(networks) == 0 {
		networks = actor.Bounds.Networks
	}
	return portal.Key{
		Kind: cmp.Or(in.Kind, portal.TokenKey), DataLoader: in.DataLoader, CanImpersonate: in.CanImpersonate,
		OrganizationID: in.OrganizationID, UserID: in.UserID, LicenseID: in.LicenseID, ApplicationID: in.ApplicationID, CreatedBy: actor.UserID, CreatorName: actor.Name, Enabled: true, ExpiresAt: in.ExpiresAt,
		MappedBy: actor.UserID, MapperName: actor.Name, MappingTold: actor.UserID == in.UserID,
		AllowedNetworks: networks, RateLimit: cmp.Or(in.RateLimit, actor.Bounds.RateLimit),
	}
}

// canMakeKey answers whether the actor may make a key like this for its mapped user at
// all.
func canMakeKey(actor portal.Actor, key portal.Key) error {
	if err := canLetImpersonate(actor, key); err != nil {
		return err
	}
	switch {
	case key.Kind == portal.OAuthKey:
		if err := portal.Can(actor, portal.ViewClientSecret, key.OrganizationID); err != nil {
			return err
		}
		return canMakeKeysOf(actor, key.OrganizationID, key.UserID)
	case key.ApplicationID != 0 && (key.LicenseID != 0 || key.Kind != portal.PairKey):
		return portal.Can(actor, portal.ManageAPIKeys, key.OrganizationID)
	}
	return portal.CanUseKeysOf(actor, portal.ChangeKey, key.OrganizationID, key.UserID)
}

// CheckNewKey tells what CreateKey would refuse, and makes nothing. For who may
// generate the key.
func (m *Manager) CheckNewKey(ctx context.Context, in NewKey) error {
	if err := canMakeKey(portal.ActorFrom(ctx), in.key(ctx)); err != nil {
		return err
	}
	_, err := checkNewKey(ctx, m.Store.Queries, in)
	return err
}

func checkNewKey(ctx context.Context, q store.Queries, in NewKey) (portal.Key, error) {
	key := in.key(ctx)
	var invalid portal.Invalid
	_, known := secretPrefixes[key.Kind]
	invalid.Check(known, "kind", "Choose the kind of the key: token, pair or oauth.")
	invalid.Check(!key.DataLoader || key.Kind == portal.PairKey, "kind", "A Data Loader key is a key pair.")
	invalid.Check(!key.DataLoader || len(in.APISets) > 0, "api_set", "Select an API set: a Data Loader key can't be given one later.")
	if err := checkMappedUser(ctx, q, &invalid, key); err != nil {
		return key, err
	}
	key, err := checkKey(ctx, q, &invalid, key, key, in.Name, in.Description, in.APISets)
	if err != nil {
		return key, err
	}
	if err := checkExpiry(ctx, q, &invalid, key); err != nil {
		return key, err
	}
	key.AllowedNetworks = invalid.Networks("network", key.AllowedNetworks)
	key.RateLimit.Check(&invalid, "rate_limit")
	if key.ApplicationID == 0 {
		if key, err = withApplicationNamed(ctx, q, key); err != nil {
			return key, err
		}
	}
	if err := checkBond(ctx, q, &invalid, key); err != nil {
		return key, err
	}
	if err := invalid.Err(); err != nil {
		return key, err
	}
	return key, portal.CanPassOn(portal.ActorFrom(ctx), key)
}

// checkBond holds a new key's license and application against what must always
// hold: they are the organization's, and no other live key has them. It looks at
// them whatever else is wrong with the key.
func checkBond(ctx context.Context, q store.Queries, invalid *portal.Invalid, key portal.Key) error {
	var bond portal.Invalid
	defer func() { invalid.Include(bond.Err()) }()
	if key.LicenseID != 0 {
		license, err := q.License(ctx, key.LicenseID)
		if portal.CodeOf(err) != portal.CodeNotFound && err != nil {
			return err
		}
		bond.Check(license.OrganizationID == key.OrganizationID, "license", "Choose one of the organization's licenses.")
	}
	bond.Check(key.LicenseID != 0 || key.Kind == portal.PairKey || key.ApplicationID == 0 && key.Kind != portal.OAuthKey, "license", "Choose the license that the key is for.")
	if bond.Err() != nil {
		return nil
	}
	if key.ApplicationID != 0 {
		if err := checkKeyApplication(ctx, q, &bond, key); err != nil {
			return err
		}
	}
	if key.Kind == portal.OAuthKey {
		other, err := q.OAuthKey(ctx, key.LicenseID)
		return taken(&bond, "license", fmt.Sprintf("There is an OAuth client for the license %s already, with the Client ID %s. Regenerate its secret instead.", other.LicenseNumber, other.PublicID), err)
	}
	return nil
}

// withApplicationNamed gives a key pair the application whose name it has, or none: it
// is named for the application that uses it. Data Loader keys are for the application
// of that name, and a pair that is bound to a license stays with its own.
func withApplicationNamed(ctx context.Context, q store.Queries, key portal.Key) (portal.Key, error) {
	if key.Kind != portal.PairKey || key.LicenseID != 0 {
		return key, nil
	}
	name := key.Name
	if key.DataLoader {
		name = portal.DataLoader
	}
	applications, err := q.Applications(ctx, key.OrganizationID)
	named := slices.IndexFunc(applications, func(a portal.Application) bool {
		return !a.Retired() && portal.Fold(a.Name) == portal.Fold(name)
	})
	switch {
	case err != nil:
	case named >= 0:
		key.ApplicationID, key.ApplicationName = applications[named].ID, applications[named].Name
	default:
		key.ApplicationID, key.ApplicationName = 0, ""
	}
	return key, err
}

func checkKeyApplication(ctx context.Context, q store.Queries, invalid *portal.Invalid, key portal.Key) error {
	application, err := q.Application(ctx, key.ApplicationID)
	if portal.CodeOf(err) != portal.CodeNotFound && err != nil {
		return err
	}
	own := application.ID != 0 && (application.OrganizationID == 0 || application.OrganizationID == key.OrganizationID)
	invalid.Check(own && !application.Retired(), "application", "Choose an application of the catalogue or of the organization, one that was not retired.")
	other, err := q.LiveKeyFor(ctx, key.ApplicationID, key.LicenseID)
	return taken(invalid, "application", onlyOneKey(portal.ActorFrom(ctx), other), err)
}

// onlyOneKey says that there is a key for an application and license already, and what
// the actor can do.
func onlyOneKey(actor portal.Actor, key portal.Key) string {
	there := fmt.Sprintf("There is a key for %s and the license %s already", key.ApplicationName, key.LicenseNumber)
	if canSeeKey(actor, key) != nil {
		return there + ". If it was lost, ask an administrator to give it a new secret."
	}
	return there + fmt.Sprintf(": “%s”. Rotate it instead of issuing a second one.", key.Name)
}

// checkMappedUser finds that a key's user is not in its organization, or not one
// whom the actor may give keys.
func checkMappedUser(ctx context.Context, q store.Queries, invalid *portal.Invalid, key portal.Key) error {
	member, err := q.IsMember(ctx, key.OrganizationID, key.UserID)
	if err != nil {
		return err
	}
	if !member {
		invalid.Add("user", "Choose a user of this organization: a key acts for a user of its own organization.")
		return nil
	}
	refusal, err := canMapKey(ctx, q, key)
	if refusal != nil {
		invalid.Add("user", refusal.Error())
	}
	return err
}

// canMapKey asks the policy whether the actor may give a key its user's rights.
func canMapKey(ctx context.Context, q store.Queries, key portal.Key) (refusal, err error) {
	user, err := q.User(ctx, key.UserID)
	if err != nil {
		return nil, err
	}
	held, err := standing(ctx, q, user)
	return portal.CanMapKeyTo(portal.ActorFrom(ctx), held, key.OrganizationID, key.APISets), err
}

const clocksBack = 2 * time.Hour // by which clocks are put back at the most

// checkExpiry holds an expiry that was chosen for a key against the organization's
// rules.
func checkExpiry(ctx context.Context, q store.Queries, invalid *portal.Invalid, key portal.Key) error {
	organization, err := q.Organization(ctx, key.OrganizationID)
	if err != nil {
		return err
	}
	never := key.ExpiresAt.IsZero()
	invalid.Check(never || key.ExpiresAt.After(q.Now()), "expires", "The expiry must be in the future.")
	invalid.Check(never || key.ExpiresAt.Before(q.Now().AddDate(100, 0, 0)), "expires", "The expiry may be 100 years off at most.")
	invalid.Check(!never || !organization.ExpiryRequired, "expires", organization.Name+" demands an expiry. Set one.")
	if most := organization.ExpiryMaxDays; most > 0 {
		// To the end of that day, wherever it ends, also when clocks are put back meanwhile.
		invalid.Check(key.ExpiresAt.Before(q.Now().AddDate(0, 0, most+1).Add(clocksBack)), "expires", fmt.Sprintf("%s allows an expiry of %s at most.", organization.Name, portal.Counted(most, "day")))
	}
	return nil
}
