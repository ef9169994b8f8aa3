package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Key is an API key: a credential's identity, never a secret.
type Key struct {
	ID              int64     `json:"id" example:"815"`
	Kind            string    `json:"kind" enum:"token,pair,oauth" doc:"token: one API key; pair: Access Key and Security Key; oauth: Client ID (OAuth) and Client Secret, one per license."`
	Name            string    `json:"name" example:"Integration Account" doc:"Unique among the user's keys in the organization that are not revoked."`
	Description     string    `json:"description"`
	OrgID           int64     `json:"orgId" example:"42"`
	OrgName         string    `json:"orgName" example:"Example Inc."`
	UserID          int64     `json:"userId" example:"1732" doc:"The mapped user, whose rights the key carries."`
	Username        string    `json:"username" example:"ada"`
	APISets         []string  `json:"apiSets" nullable:"false" doc:"Slugs of the API sets that were granted. The key reaches those of them that its user's roles allow." example:"[\"billing\"]"`
	LicenseID       int64     `json:"licenseId,omitempty"`
	LicenseNumber   string    `json:"licenseNumber,omitempty"`
	Domain          string    `json:"domain,omitempty"`
	ApplicationID   int64     `json:"applicationId,omitempty"`
	ApplicationName string    `json:"applicationName,omitempty"`
	PublicID        string    `json:"publicId,omitempty" doc:"The Access Key of a pair, or the Client ID (OAuth)."`
	Masked          string    `json:"masked" example:"kp_…aB3d" doc:"Enough of the secret to know it by; empty while it waits on a one-time page."`
	CanImpersonate  bool      `json:"canImpersonate" doc:"It may act as other users of its organization."`
	DataLoader      bool      `json:"dataLoader"`
	AllowedNetworks []string  `json:"allowedNetworks" nullable:"false" doc:"CIDR; empty: from anywhere."`
	RateLimit       rateLimit `json:"rateLimit" doc:"null: none."`
	State           string    `json:"state" enum:"active,expired,disabled,revoked" doc:"The key's own state."`
	RefusedAs       string    `json:"refusedAs,omitempty" example:"USER_LOCKED" doc:"What the check answers because of the key's user, organization or license; not there when they are all right."`
	ExpiresAt       instant   `json:"expiresAt" doc:"null: never."`
	RevokedAt       instant   `json:"revokedAt" doc:"null: it was not."`
	LastUsedAt      instant   `json:"lastUsedAt" doc:"null: never. Written down every few seconds."`
	LastUsedFrom    string    `json:"lastUsedFrom,omitempty" example:"192.0.2.7"`
	CreatedBy       Named     `json:"createdBy" doc:"The ID 0 is the command line."`
	CreatedAt       time.Time `json:"createdAt"`
	UpdatedAt       time.Time `json:"updatedAt"`
}

func (a *API) keyOf(k portal.Key) Key {
	return Key{
		ID: k.ID, Kind: string(k.Kind), Name: k.Name, Description: k.Description, OrgID: k.OrganizationID, OrgName: k.OrganizationName, UserID: k.UserID, Username: k.Username,
		APISets: portal.Slugs(k.APISets), LicenseID: k.LicenseID, LicenseNumber: k.LicenseNumber, Domain: k.Domain, ApplicationID: k.ApplicationID, ApplicationName: k.ApplicationName,
		PublicID: k.PublicID, Masked: k.Masked, CanImpersonate: k.CanImpersonate, DataLoader: k.DataLoader, AllowedNetworks: append([]string{}, k.AllowedNetworks...), RateLimit: rateLimit{k.RateLimit},
		State: string(k.State(a.manage.Now())), RefusedAs: string(k.RefusedAs), ExpiresAt: instant{k.ExpiresAt}, RevokedAt: instant{k.RevokedAt},
		LastUsedAt: instant{k.LastUsedAt}, LastUsedFrom: k.LastUsedFrom, CreatedBy: Named{k.CreatedBy, k.CreatorName}, CreatedAt: k.CreatedAt, UpdatedAt: k.UpdatedAt,
	}
}

// KeyPath names an API key.
type KeyPath struct {
	KeyID int64 `path:"keyId" minimum:"1" example:"815"`
}

var (
	seeKeys    = signedIn // everyone has their own
	changeKeys = needs(portal.ManageUserAPIKey, portal.ManageAPIKeys, portal.ViewClientSecret)
)

var keySorts = map[string]string{"expiresAt": "expires", "createdAt": "created", "lastUsedAt": "last_used"}

func addKeys(a *API) {
	add(a, operation{http.MethodPost, "/user/apiKey", "createApiKey", "apiKey", "create an api key",
		"Makes an API key that is mapped to a user, and answers with it in clear, this once. For yourself with Manage User API Key, for others with Manage API Keys, an OAuth client with Manage Client Secret. " +
			"The key can be granted what the user's roles allow and you hold yourself. Only support and super admins, logged in to the portal, can set canImpersonate: otherwise it is an error.", changeKeys}, a.createKey)
	add(a, operation{http.MethodGet, "/user/apiKey", "listApiKeys", "apiKey", "list api keys",
		"Lists your own, or with View API Keys all of an organization; for staff without orgId those of all.", seeKeys}, a.listKeys)
	add(a, operation{http.MethodGet, "/user/apiKey/{keyId}", "getApiKey", "apiKey", "load an api key", "Finds one that you may see.", seeKeys}, a.getKey)
	add(a, operation{http.MethodPatch, "/user/apiKey/{keyId}", "updateApiKey", "apiKey", "edit an api key",
		"Changes the fields that are sent; a list replaces the list that is there. It counts from the next check on. Of a Data Loader key only the expiry can be changed.", changeKeys}, a.updateKey)
	add(a, operation{http.MethodPost, "/user/apiKey/{keyId}/disable", "disableApiKey", "apiKey", "disable an api key", "The check refuses it until it is enabled again.", changeKeys}, a.disableKey)
	add(a, operation{http.MethodPost, "/user/apiKey/{keyId}/enable", "enableApiKey", "apiKey", "enable an api key", "For who disabled it, and for who may Manage API Keys.", changeKeys}, a.enableKey)
	add(a, operation{http.MethodPost, "/user/apiKey/{keyId}/revoke", "revokeApiKey", "apiKey", "revoke an api key", "Ends it for good.", changeKeys}, a.revokeKey)
	add(a, operation{http.MethodGet, "/user/apiKey/{keyId}/use", "getApiKeyUse", "apiKey", "load an api key's use", "Its accepted and refused requests on each of the last 30 days, and its last refusals.", seeKeys}, a.keyUse)
}

// KeyFields is what a key is made of.
type KeyFields struct {
	OrgUserID      int64     `json:"orgUserId" minimum:"0" example:"0" doc:"The org membership ID of the user whose rights the key carries: the id that GET /user/org/{orgId}/user/{userId} answers with."`
	Name           string    `json:"name" maxLength:"100" example:"Integration Account" doc:"Unique among the user's keys in the organization."`
	CanImpersonate bool      `json:"canImpersonate,omitempty" example:"false" doc:"The key may act as other users of its organization. Only support and super admins, logged in to the portal, can set it; otherwise it is an error."`
	Kind           string    `json:"kind,omitempty" enum:"token,pair,oauth" default:"token" doc:"token: one API key; pair: Access Key and Security Key; oauth: the OAuth client of licenseId."`
	Description    string    `json:"description,omitempty" maxLength:"1000"`
	APISets        *[]string `json:"apiSets,omitempty" maxItems:"1000" doc:"Slugs of the API sets that the key may reach. Left out: all that the user's roles allow now and you can give, but the Key Portal API, which has to be named."`
	ExpiresAt      instant   `json:"expiresAt,omitzero" doc:"null or left out: never, where the organization allows it."`
	ApplicationID  int64     `json:"applicationId,omitempty" minimum:"1" doc:"What the key is for; with licenseId."`
	LicenseID      int64     `json:"licenseId,omitempty" minimum:"1" doc:"The license that the key is bound to; with applicationId, but for an OAuth client."`
	DataLoader     bool      `json:"dataLoader,omitempty" doc:"A pair for the Data Loader."`
	Deliver        bool      `json:"deliver,omitempty" doc:"The user gets the key on a one-time page in the portal, and nobody else does: this answer has no secret then."`
	NewBounds
}

// KeyMade is a key that was made, with its secret in clear, this once. A request that
// was sent before is answered without it.
type KeyMade struct {
	ID           int64  `json:"id" example:"815"`
	APIKey       string `json:"apiKey,omitempty" example:"kp_…" doc:"Of a token: what to send as X-Api-Key. It can't be retrieved again."`
	AccessKey    string `json:"accessKey,omitempty" example:"kpa_…" doc:"Of a pair."`
	SecurityKey  string `json:"securityKey,omitempty" example:"kps_…" doc:"Of a pair: what to send as secretKey. It can't be retrieved again through the API."`
	ClientID     string `json:"clientId,omitempty" example:"kpc_…" doc:"Of an OAuth client."`
	ClientSecret string `json:"clientSecret,omitempty" example:"kpo_…" doc:"Of an OAuth client. It can't be retrieved again through the API."`
	Key          Key    `json:"key" doc:"The key as it is."`
}

func (a *API) keyMade(generated manage.GeneratedKey) KeyMade {
	out := KeyMade{ID: generated.ID, Key: a.keyOf(generated.Key)}
	secret := ""
	if !generated.Secret.IsZero() {
		secret = generated.Secret.Reveal()
	}
	switch generated.Kind {
	case portal.PairKey:
		out.AccessKey, out.SecurityKey = generated.PublicID, secret
	case portal.OAuthKey:
		out.ClientID, out.ClientSecret = generated.PublicID, secret
	default:
		out.APIKey = secret
	}
	return out
}

type newKey struct {
	Idempotent
	Body KeyFields
}

func (a *API) createKey(ctx context.Context, in *newKey) (*made[KeyMade], error) {
	submission, err := in.submission("createApiKey", in.Body)
	if err != nil {
		return nil, err
	}
	membership, err := a.mappedMembership(ctx, in.Body.OrgUserID)
	if err != nil {
		return nil, err
	}
	wanted := manage.NewKey{
		Submission: submission, Kind: portal.Kind(in.Body.Kind), OrganizationID: membership.OrganizationID, UserID: membership.UserID,
		LicenseID: in.Body.LicenseID, ApplicationID: in.Body.ApplicationID, Name: in.Body.Name, Description: in.Body.Description,
		ExpiresAt: in.Body.ExpiresAt.Time, DataLoader: in.Body.DataLoader, Deliver: in.Body.Deliver, CanImpersonate: in.Body.CanImpersonate,
		AllowedNetworks: in.Body.AllowedNetworks, RateLimit: in.Body.RateLimit.RateLimit,
	}
	if wanted.APISets, err = a.grantedSets(ctx, membership, in.Body.APISets); err != nil {
		return nil, err
	}
	generated, err := a.manage.CreateKey(ctx, wanted)
	if err != nil {
		return nil, inOrgUser(err)
	}
	if wanted.Deliver && !generated.Again {
		a.warnUnsent(ctx, a.manage.TellOfDelivery(ctx, generated.Key))
	}
	return &made[KeyMade]{Location: address("user/apiKey", generated.ID), ETag: etag(generated.Version), Body: a.keyMade(generated)}, nil
}

// mappedMembership gives the membership that a new key is for. The 0 of the example is
// allowed by the schema, so that the example is a body that can be filled in.
func (a *API) mappedMembership(ctx context.Context, id int64) (portal.Membership, error) {
	message := "There is no such membership, or you may not see it. Send the id that GET /user/org/{orgId}/user/{userId} answers with."
	if id == 0 {
		message = "Replace the 0 of the example with the user's org membership ID: the id that GET /user/org/{orgId}/user/{userId} answers with."
	} else if membership, err := a.manage.MembershipByID(ctx, id); portal.CodeOf(err) != portal.CodeNotFound || err == nil {
		return membership, err
	}
	return portal.Membership{}, newProblem(http.StatusUnprocessableEntity, message, Fault{"body.orgUserId", message})
}

// grantedSets gives the API sets that were asked for, and otherwise all that can be
// granted to a key of a membership, but the portal's own.
func (a *API) grantedSets(ctx context.Context, membership portal.Membership, asked *[]string) ([]string, error) {
	if asked != nil {
		return *asked, nil
	}
	offered, err := a.manage.OfferedAPISets(ctx, membership.OrganizationID, membership.UserID)
	return portal.Slugs(slices.DeleteFunc(offered, func(set portal.APISet) bool { return set.Slug == portal.PortalAPI })), err
}

// inOrgUser says of a fault of the user that it is where the user was named.
func inOrgUser(err error) error {
	known, ok := errors.AsType[*portal.Error](err)
	if !ok {
		return err
	}
	problem := problemOfKnown(known)
	for i := range problem.Errors {
		if problem.Errors[i].Location == "body.userId" {
			problem.Errors[i].Location = "body.orgUserId"
		}
	}
	return problem
}

type keyFilter struct {
	Paging
	Q              string `query:"q" maxLength:"500" doc:"Words that the name, the user or the mask has."`
	OrgID          int64  `query:"orgId" minimum:"1" doc:"Of this organization alone. Without it: for staff of all, for others of the one that they work in."`
	UserID         int64  `query:"userId" minimum:"1" doc:"Mapped to this user. Who may not see the others' keys gets their own."`
	APISetID       int64  `query:"apiSetId" minimum:"1" doc:"That were granted this API set."`
	LicenseID      int64  `query:"licenseId" minimum:"1"`
	State          string `query:"state" enum:"active,expired,disabled,revoked"`
	Kind           string `query:"kind" enum:"token,pair,oauth"`
	CanImpersonate bool   `query:"canImpersonate" doc:"Only those that can impersonate."`
	Sort           string `query:"sort" enum:"name,-name,user,-user,expiresAt,-expiresAt,createdAt,-createdAt,lastUsedAt,-lastUsedAt" doc:"By what; with a minus the other way round."`
}

func (a *API) listKeys(ctx context.Context, in *keyFilter) (*listed[Key], error) {
	actor := portal.ActorFrom(ctx)
	filter := portal.KeyFilter{
		List: sorted(in.list(), in.Sort, keySorts), OrganizationID: organizationOr(ctx, in.OrgID), UserID: in.UserID, APISetID: in.APISetID, LicenseID: in.LicenseID,
		State: portal.KeyState(in.State), Kind: portal.Kind(in.Kind), CanImpersonate: in.CanImpersonate,
	}
	filter.Search = in.Q
	if filter.UserID == 0 && portal.CanUseKeysOf(actor, portal.SeeKey, filter.OrganizationID, 0) != nil {
		filter.UserID = actor.UserID
	}
	page, err := a.manage.Keys(ctx, filter)
	if err != nil {
		return nil, err
	}
	return listOf(page, a.keyOf), nil
}

func (a *API) getKey(ctx context.Context, in *KeyPath) (*found[Key], error) {
	details, err := a.manage.Key(ctx, in.KeyID)
	if err != nil {
		return nil, err
	}
	return &found[Key]{ETag: etag(details.Version), Body: a.keyOf(details.Key)}, nil
}

// KeyChange is what is to be different of a key.
type KeyChange struct {
	Name        optional[string]   `json:"name,omitempty" maxLength:"100" example:"Integration Account"`
	Description optional[string]   `json:"description,omitempty" maxLength:"1000"`
	UserID      optional[int64]    `json:"userId,omitempty" minimum:"1" doc:"The internal ID of the user whose rights the key is to carry."`
	APISets     optional[[]string] `json:"apiSets,omitempty" nullable:"false" maxItems:"1000" doc:"Slugs." example:"[\"billing\"]"`
	ExpiresAt   optional[instant]  `json:"expiresAt,omitempty" doc:"null: never, where the organization allows it. A later expiry renews a key that has expired."`

	AllowedNetworks optional[[]string]  `json:"allowedNetworks,omitempty" nullable:"false" maxItems:"50" doc:"Addresses and CIDR, such as 192.0.2.7, 10.0.0.0/8 and 2001:db8::/32. Empty: from anywhere."`
	RateLimit       optional[rateLimit] `json:"rateLimit,omitempty" doc:"null: none. It takes Manage API Keys to loosen or remove one."`
}

// ChangedKey names an API key that is to be changed.
type ChangedKey struct {
	KeyPath
	Conditional
}

type editedKey struct {
	ChangedKey
	Body KeyChange
}

func (a *API) keyToChange(ctx context.Context, in ChangedKey) (portal.Key, error) {
	details, err := a.manage.Key(ctx, in.KeyID)
	if err == nil {
		err = in.check(portal.NounKey, details.Version)
	}
	return details.Key, err
}

func (a *API) updateKey(ctx context.Context, in *editedKey) (*found[Key], error) {
	was, err := a.keyToChange(ctx, in.ChangedKey)
	if err != nil {
		return nil, err
	}
	err = a.manage.UpdateKey(ctx, manage.KeyEdit{
		ID: was.ID, Version: was.Version, Name: in.Body.Name.or(was.Name), Description: in.Body.Description.or(was.Description),
		UserID: in.Body.UserID.or(was.UserID), APISets: in.Body.APISets.or(portal.Slugs(was.APISets)), ExpiresAt: in.Body.ExpiresAt.or(instant{was.ExpiresAt}).Time,
		AllowedNetworks: in.Body.AllowedNetworks.or(was.AllowedNetworks), RateLimit: in.Body.RateLimit.or(rateLimit{was.RateLimit}).RateLimit,
	})
	if err != nil {
		return nil, err
	}
	return a.getKey(ctx, &in.KeyPath)
}

// onKey does something to a key as it is now, or as If-Match says, and answers with what
// it has become.
func (a *API) onKey(ctx context.Context, in ChangedKey, do func(portal.Key) error) (*found[Key], error) {
	was, err := a.keyToChange(ctx, in)
	if err == nil {
		err = do(was)
	}
	if err != nil {
		return nil, err
	}
	return a.getKey(ctx, &in.KeyPath)
}

func (a *API) disableKey(ctx context.Context, in *ChangedKey) (*found[Key], error) {
	return a.onKey(ctx, *in, func(key portal.Key) error { return a.manage.DisableKey(ctx, key.ID) })
}

func (a *API) enableKey(ctx context.Context, in *ChangedKey) (*found[Key], error) {
	return a.onKey(ctx, *in, func(key portal.Key) error { return a.manage.EnableKey(ctx, key.ID) })
}

func (a *API) revokeKey(ctx context.Context, in *ChangedKey) (*found[Key], error) {
	return a.onKey(ctx, *in, func(key portal.Key) error { return a.manage.RevokeKey(ctx, key.ID, key.Name) })
}

// KeyUse is how a key was used of late.
type KeyUse struct {
	Days     []KeyDay     `json:"days" nullable:"false" doc:"Each of the last 30 days (UTC), the oldest first."`
	Refusals []KeyRefusal `json:"refusals" nullable:"false" doc:"The last one of each code, the newest first."`
}

// KeyDay is how often a key was used on a day.
type KeyDay struct {
	Date     string `json:"date" format:"date" example:"2026-11-28"`
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"`
}

// KeyRefusal is how a key was refused.
type KeyRefusal struct {
	Code string    `json:"code" example:"API_SET_NOT_GRANTED"`
	At   time.Time `json:"at"`
	From string    `json:"from" example:"192.0.2.7"`
}

type foundUse struct{ Body KeyUse }

func (a *API) keyUse(ctx context.Context, in *KeyPath) (*foundUse, error) {
	use, err := a.manage.KeyUse(ctx, in.KeyID)
	if err != nil {
		return nil, err
	}
	return &foundUse{KeyUse{
		Days:     each(use.Days, func(t portal.Tally) KeyDay { return KeyDay{t.Date().Format(time.DateOnly), t.Accepted, t.Refused} }),
		Refusals: each(use.Refusals, func(r portal.Refusal) KeyRefusal { return KeyRefusal{string(r.Code), r.At, r.From} }),
	}}, nil
}
