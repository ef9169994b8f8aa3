package verify

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

const (
	defaultLifetime = time.Hour
	maxAgent        = 200 // characters that are kept of how a program names itself
)

// TokenRequest is an OAuth client's wish for an access token (RFC 6749, section
// 4.4.2).
type TokenRequest struct {
	ClientRequest
	Scope []string // slugs of API sets; none: all that the key reaches
	Agent string   // how the program names itself; "" when it does not
}

// Token is an access token that was issued.
type Token struct {
	Value    secret.Value
	Scope    []string // slugs of API sets, by name
	Lifetime time.Duration
}

// IssueToken gives an OAuth client an access token, if the decision is valid. It
// ends after a while, and no later than the key and the secret that it was
// exchanged for. A scope that the key does not reach whole, and a key that reaches
// nothing, are API_SET_NOT_GRANTED. An error means that no token was issued,
// because it could not be decided or written down.
func (c *Checker) IssueToken(ctx context.Context, r TokenRequest) (Token, Decision, error) {
	token, decision, err := c.issueToken(ctx, r)
	c.metrics.tokenAsked(decision.Code, err)
	if err != nil {
		return Token{}, Decision{}, err
	}
	c.count(decision, r.ClientIP)
	return token, decision, nil
}

func (c *Checker) issueToken(ctx context.Context, r TokenRequest) (Token, Decision, error) {
	client, err := c.decideClient(ctx, r.ClientRequest, rulesAfterLookup)
	if err != nil || !client.Valid() {
		return Token{}, client, err
	}
	scope, granted := scopeOf(r.Scope, client.Subject.APISets)
	if !granted {
		client.Code, client.Message = portal.CheckAPISetNotGranted, portal.CheckAPISetNotGranted.Message()
		return Token{}, client, nil
	}
	now := c.store.Now()
	end := now.Add(c.tokenLifetime)
	if last := client.ExpiresAt(); !last.IsZero() && last.Before(end) {
		end = last
	}
	token := Token{Value: secret.New(c.brand, secret.AccessToken), Scope: scope, Lifetime: end.Sub(now)}
	return token, client, c.putToken(ctx, client.Subject, token, end, r)
}

// scopeOf tells what of the reached sets a token is for. It is never for none:
// such a token would be good for nothing, and its holder would find out late.
func scopeOf(asked, reached []string) (scope []string, granted bool) {
	if len(asked) == 0 {
		return reached, len(reached) > 0
	}
	for _, slug := range asked {
		if !slices.Contains(reached, slug) {
			return nil, false
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(asked))), true
}

// putToken writes a token down together with who got it. Should the secret be
// retired meanwhile, the token is stored and works no more than the secret does.
func (c *Checker) putToken(ctx context.Context, client portal.Subject, token Token, end time.Time, r TokenRequest) error {
	hash := token.Value.Hash()
	use := portal.ClientUse{KeyID: client.KeyID, SecretID: client.SecretID, Agent: clip(portal.Storable(r.Agent), maxAgent), Address: addressText(r.ClientIP)}
	return c.store.Update(ctx, func(u *store.Update) error {
		err := u.InsertToken(ctx, portal.AccessToken{Hash: hash[:], KeyID: client.KeyID, SecretID: client.SecretID, Scope: token.Scope, ExpiresAt: end})
		if err != nil {
			return err
		}
		return u.PutClientUse(ctx, use)
	})
}

// clip gives the first characters of a text.
func clip(text string, most int) string {
	count := 0
	for at := range text {
		if count == most {
			return text[:at]
		}
		count++
	}
	return text
}

// TokenQuestion is what somebody wants to know of an access token (RFC 7662,
// section 2.1).
type TokenQuestion struct {
	Token    string
	UsedFrom netip.Addr // where the token came from; the zero Addr when that is not told
	Caller   Decision   // who asks: CheckClient's decision, or Check's about an API key or access token
	CallerIP netip.Addr
}

// Introspect tells whose an access token is, if the check would let it pass where
// no API set is needed. A client sees the tokens of its own key, and a caller
// whose user holds Verify keys sees all. Anything else is NOT_FOUND, so that
// nobody learns why. It counts as no use of the token.
func (c *Checker) Introspect(ctx context.Context, q TokenQuestion) (Decision, error) {
	unseen := Decision{Code: portal.CheckNotFound, Message: portal.CheckNotFound.Message()}
	if !q.Caller.Valid() || !isAccessToken(q.Token) {
		return unseen, nil
	}
	request := Request{Credential: q.Token, ClientIP: q.UsedFrom}
	m, err := c.follower.current(ctx)
	if err != nil {
		return Decision{}, err
	}
	found, err := find(ctx, m, request, secret.AccessToken)
	if err != nil {
		return Decision{}, err
	}
	f := newFacts(request, c.store.Now())
	defer f.free()
	f.is(found)
	f.open = true
	own := found.keyID == q.Caller.Subject.KeyID
	if own && !f.ClientIP.IsValid() {
		f.ClientIP = q.CallerIP // who asks about its own token is who uses it
	}
	decision := f.decision(firstRefusal(rulesAfterLookup, f))
	if decision.Valid() && !own {
		caller := q.Caller
		if err := c.requireVerifyKeys(ctx, &caller); err != nil {
			return Decision{}, err
		}
		if !caller.Valid() {
			return unseen, nil
		}
	}
	if !decision.Valid() {
		return unseen, nil
	}
	return decision, nil
}

// RevokeToken ends an access token of a client that IdentifyClient found. What is
// no access token, or not the client's, is left alone.
func (c *Checker) RevokeToken(ctx context.Context, client portal.Subject, token string) error {
	if !isAccessToken(token) {
		return nil
	}
	revoked := store.TokenRevocation{Token: secret.HashOf(token)}
	var err error
	if revoked.Number, err = c.store.RevokeToken(ctx, revoked.Token, client.KeyID); portal.CodeOf(err) == portal.CodeNotFound {
		return nil
	}
	if seen := c.follower.seen.Load(); err == nil && seen != nil {
		seen.noteRevoked(revoked)
	}
	return err
}

// IsRevocable tells whether RevokeToken could end what was presented: not so for
// a credential of Key Portal of another kind. A text that is no credential counts
// as an access token that is not known.
func IsRevocable(text string) bool {
	prefix := prefixOf(text)
	return prefix == "" || prefix == secret.AccessToken
}

func isAccessToken(text string) bool { return prefixOf(text) == secret.AccessToken }

// prefixOf tells what a credential is; "" for what is none.
func prefixOf(text string) secret.Prefix {
	prefix, _ := secret.Parse(text)
	return prefix
}

// tokenMessages stand in place of what is said of an API key.
var tokenMessages = map[Code]string{
	portal.CheckNotFound: "This access token is not known. It may have ended with the Client Secret that it was exchanged for. Get a new one.",
	portal.CheckRevoked:  "This access token was revoked. Get a new one.",
	portal.CheckExpired:  "This access token has expired. Get a new one.",
}

// tokenMessage says the outcome to whoever sent an access token: of one that has ended
// by itself, that a new one helps.
func (f *facts) tokenMessage(code Code) string {
	keyEnded := code == portal.CheckRevoked && !f.KeyRevokedAt.IsZero() || code == portal.CheckExpired && f.isOver(f.KeyExpiresAt)
	if keyEnded {
		return ""
	}
	return tokenMessages[code]
}
