// Package verify is the data plane: it decides whether a request with a
// credential may pass, and as whom.
//
//	verify.go   the question and the answer: Request, Decision, Checker
//	rule.go     the rules, in the order in which they are decided
//	fact.go     what the rules look at
//	header.go   the credential that a request has in its headers
//	route.go    the API set that a request needs, by the sets' route patterns
//	acting.go   whom a request acts as
//	pair.go     key pairs, whose halves are looked up together
//	imported.go keys that customers had before, which have another form
//	client.go   OAuth clients, which prove themselves with ID and secret
//	token.go    access tokens: issued, introspected, revoked; checked as keys are
//	limit.go    how often a key is accepted at the most
//	use.go      who used which key when, counted in memory
//	flush.go    and written in batches
//	run.go      what goes on beside the checks
//	metric.go   what Prometheus is told
//
// A check asks the store nothing about what it knows already:
//
//	memory.go   what is remembered, and what each of it hangs on
//	known.go    a subject as it is remembered, in little room
//	cache.go    remembers what was read, once for all who ask, as long as it is current
//	stamp.go    when each thing was last changed
//	follow.go   keeps up with what other processes change
//
// What is remembered bears the number of the Revision History's line up to which it was
// read, and each change stamps what it changed with the number of its own line: before the
// change is answered in this process, within a second in others. So the next check reads
// anew what hangs on a thing with a newer stamp, however much that is, and nothing else.
package verify

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// Code is the outcome of a check, such as "VALID" or "REVOKED".
type Code = portal.CheckCode

// Request is the question: what came with a request to the API, and what the
// place that it came to asks for.
type Request struct {
	Credential  string // an API key or access token as it was sent; "" when none was
	AccessKey   string // the halves of a key pair likewise; both are needed, and no Credential
	SecurityKey string
	ClientIP    netip.Addr // where the request came from; the zero Addr when that is not known
	Impersonate []string   // the users that the request names to act as; only one can be
	OnlyItself  bool       // refuse to act as whomever the request names

	Method string // of the original request
	URI    string // its path as it was sent, with or without a query; "" when that is not known

	APISet         string // the slug of the set that is needed; "" has it found by Method and URI
	AllowUnmatched bool   // let pass what no set claims, and a request without a URI

	// The license that the place is bound to, named in one way or several; "" is
	// no bond.
	License  string // the license's number
	Domain   string // the name of its domain
	Instance string // the name of one of its instances
}

// Decision is the answer. A refusal is a decision, not an error.
type Decision struct {
	Code    Code
	Message string         // the outcome as a sentence for whoever sent the credential
	Subject portal.Subject // whose credential it is; the zero Subject when that is not known
	APISet  string         // the slug of the set that was needed, if one was
	Quota   Quota          // of a key with a rate limit, when it was accepted or refused for that
	known   *known
}

// Identity is a user as whoever asks is told of them.
type Identity struct {
	ID       int64
	Username string
}

// User gives the user that a valid request acts as: the key's own, or the one whom it
// impersonates.
func (d *Decision) User() Identity {
	if as := d.Subject.Impersonated; d.Subject.Impersonates() {
		return Identity{as.ID, as.Username}
	}
	return Identity{d.Subject.UserID, d.Subject.Username}
}

// Impersonator gives the key's own user when a valid request acts as another one; else
// the zero Identity.
func (d *Decision) Impersonator() Identity {
	if !d.Subject.Impersonates() {
		return Identity{}
	}
	return Identity{d.Subject.UserID, d.Subject.Username}
}

// Valid tells whether the request may pass.
func (d Decision) Valid() bool { return d.Code == portal.CheckValid }

// ExpiresAt tells when the credential ends: with the key, for a secret that was
// rotated out with its grace, and an access token by itself if not before. The
// zero time is never.
func (d Decision) ExpiresAt() time.Time { return d.Subject.ExpiresAt() }

// Options are what a Checker needs beside the store. None of them is required.
type Options struct {
	Registry      prometheus.Registerer // gets the metrics; nil: nobody does
	Logger        *slog.Logger          // slog.Default when nil
	FlushEvery    time.Duration         // how often Run writes down what was used; 5 s when 0
	MostKeys      int                   // how many credentials are remembered; 200,000 when 0
	Offline       time.Duration         // how long remembered keys are checked while the database can't be asked; 5 s when 0
	Brand         string                // what access tokens begin with, before their prefix
	TokenLifetime time.Duration         // how long an access token lasts at the most; 1 h when 0
}

// Checker checks credentials. It is safe for concurrent use.
type Checker struct {
	store         *store.Store
	follower      *follower
	limits        *limits
	uses          *uses
	metrics       metrics
	log           *slog.Logger
	flushEvery    time.Duration
	brand         string
	tokenLifetime time.Duration
}

const (
	defaultFlushEvery = 5 * time.Second
	defaultMostKeys   = 200_000
	defaultOffline    = 5 * time.Second
)

// New makes a checker on an open store. Run must run beside it for uses to be
// written down, and for other processes' changes to be noticed in time.
func New(s *store.Store, o Options) *Checker {
	o.FlushEvery = cmp.Or(o.FlushEvery, defaultFlushEvery)
	o.MostKeys = cmp.Or(o.MostKeys, defaultMostKeys)
	o.Offline = cmp.Or(o.Offline, defaultOffline)
	m := newMetrics(o.Registry)
	return &Checker{
		store: s, follower: newFollower(s, o, m), limits: newLimits(), uses: newUses(m.usesLost), metrics: m,
		log: cmp.Or(o.Logger, slog.Default()), flushEvery: o.FlushEvery, brand: o.Brand, tokenLifetime: cmp.Or(o.TokenLifetime, defaultLifetime),
	}
}

// Check decides whether a request may pass. An error means that it could not be
// decided: the request must not pass then.
func (c *Checker) Check(ctx context.Context, r Request) (Decision, error) {
	start := time.Now()
	decision, err := c.decide(ctx, r)
	c.metrics.checked(decision.Code, err, time.Since(start))
	if err == nil {
		c.count(decision, r.ClientIP)
	}
	return decision, err
}

// CheckCaller decides whether somebody may ask for checks of other people's
// keys: the credential must be valid, and its mapped user must hold Verify keys
// in the key's organization or as staff. Nobody may do so as another user. Of the
// request, the credential, ClientIP and Impersonate count. An error means that it could not be decided.
func (c *Checker) CheckCaller(ctx context.Context, r Request) (Decision, error) {
	decision, err := c.decide(ctx, Request{
		Credential: r.Credential, AccessKey: r.AccessKey, SecurityKey: r.SecurityKey, ClientIP: r.ClientIP,
		Impersonate: r.Impersonate, OnlyItself: true, AllowUnmatched: true,
	})
	if err == nil && decision.Valid() {
		err = c.requireVerifyKeys(ctx, &decision)
	}
	c.metrics.calledBy(decision.Code, err)
	if err != nil {
		return Decision{}, err
	}
	c.count(decision, r.ClientIP)
	return decision, nil
}

func (c *Checker) requireVerifyKeys(ctx context.Context, d *Decision) error {
	m, err := c.follower.current(ctx)
	if err != nil {
		return err
	}
	may, err := m.mayVerify(ctx, d.known)
	if err == nil && !may {
		d.Code, d.Message = portal.CheckAPISetNotGranted, portal.Can(portal.Actor{UserID: d.Subject.UserID}, portal.VerifyKeys, d.Subject.OrganizationID).Error()
	}
	return err
}

// Ready tells in its error why no check can be decided now.
func (c *Checker) Ready(ctx context.Context) error {
	_, err := c.follower.current(ctx)
	return err
}

// IsCredential tells whether a text is a credential of Key Portal, of any kind,
// by its form and checksum. Keys that were imported have neither.
func IsCredential(text string) bool {
	_, err := secret.Parse(text)
	return err == nil
}
