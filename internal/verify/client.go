package verify

import (
	"context"
	"crypto/subtle"
	"net/netip"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// ClientRequest is how an OAuth client proves itself (RFC 6749, section 2.3.1).
type ClientRequest struct {
	ID       string // its Client ID (OAuth)
	Secret   string // its Client Secret
	ClientIP netip.Addr
}

// CheckClient decides whether somebody is an OAuth client that may do anything
// now. The rules are those of a key, in the same order; no API set is needed. An
// error means that it could not be decided.
func (c *Checker) CheckClient(ctx context.Context, r ClientRequest) (Decision, error) {
	decision, err := c.decideClient(ctx, r, rulesAfterLookup)
	if err != nil {
		return Decision{}, err
	}
	c.count(decision, r.ClientIP)
	return decision, nil
}

// IdentifyClient tells which OAuth client somebody proves to be with a secret that
// is live, whatever else the client may do now; the zero Subject when they prove
// nothing. An error means that it could not be told.
func (c *Checker) IdentifyClient(ctx context.Context, r ClientRequest) (portal.Subject, error) {
	decision, err := c.decideClient(ctx, r, rulesOfProof)
	if err != nil {
		return portal.Subject{}, err
	}
	c.count(decision, r.ClientIP)
	if !decision.Valid() {
		return portal.Subject{}, nil
	}
	return decision.Subject, nil
}

// decideClient looks a client up by its secret alone: a wrong secret costs the
// same and is answered alike whether there is a client of that ID or not, as is
// the right secret with a wrong ID.
func (c *Checker) decideClient(ctx context.Context, r ClientRequest, rules []rule) (Decision, error) {
	f := newFacts(Request{Credential: r.Secret, ClientIP: r.ClientIP}, c.store.Now())
	defer f.free()
	if f.open = true; f.prefix == secret.ClientSecret {
		m, err := c.follower.current(ctx)
		if err != nil {
			return Decision{}, err
		}
		found, err := find(ctx, m, f.Request, f.prefix)
		if err != nil {
			return Decision{}, err
		}
		if isClient(found.unpack(), r.ID) {
			f.is(found)
		}
	}
	return f.decision(firstRefusal(rules, f)), nil
}

func isClient(s portal.Subject, id string) bool {
	same := subtle.ConstantTimeCompare([]byte(s.PublicID), []byte(id)) == 1
	return same && s.Kind == portal.OAuthKey
}
