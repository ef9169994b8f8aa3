// Package verify is the data plane: it decides whether a request with a
// credential may pass, and as whom.
//
//	verify.go   the question and the answer: Request, Decision, Checker
//	rule.go     the rules, in the order in which they are decided
//	fact.go     what the rules look at, read from the store
//	header.go   the credential that a request has in its headers
//	route.go    the API set that a request needs, by the sets' route patterns
//	acting.go   whom a request acts as
//	pair.go     key pairs, whose halves are looked up together
//	imported.go keys that customers had before, which have another form
//	client.go   OAuth clients, which prove themselves with ID and secret
//	token.go    access tokens: issued, introspected, revoked; checked as keys are
//	use.go      who used which key when, counted in memory and written in batches
//	metric.go   what Prometheus is told
//
// Every check reads the subject anew, so a change takes effect on the next
// check of every process. Only the route patterns are kept, until the API sets
// change, and for some seconds whether there are imported keys at all.
package verify

import (
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
}

// Identity is a user as whoever asks is told of them.
type Identity struct {
	ID       int64
	Username string
}

// User gives the user that a valid request acts as: the key's own, or the one whom it
// impersonates.
func (d Decision) User() Identity {
	if as := d.Subject.Impersonated; d.Subject.Impersonates() {
		return Identity{as.ID, as.Username}
	}
	return Identity{d.Subject.UserID, d.Subject.Username}
}

// Impersonator gives the key's own user when a valid request acts as another one; else
// the zero Identity.
func (d Decision) Impersonator() Identity {
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
	FlushEvery    time.Duration         // how often Run writes down what was used, and looks for imported keys; 5 s when 0
	Brand         string                // what access tokens begin with, before their prefix
	TokenLifetime time.Duration         // how long an access token lasts at the most; 1 h when 0
}

// Checker checks credentials. It is safe for concurrent use.
type Checker struct {
	store         *store.Store
	routes        routeCache
	imported      importedCache
	uses          *uses
	metrics       metrics
	log           *slog.Logger
	flushEvery    time.Duration
	brand         string
	tokenLifetime time.Duration
}

// New makes a checker on an open store. Run must run beside it for uses to be
// written down, and for the first import of keys to be noticed.
func New(s *store.Store, o Options) *Checker {
	m := newMetrics(o.Registry)
	c := &Checker{
		store: s, uses: newUses(m.usesLost), metrics: m, log: o.Logger, flushEvery: o.FlushEvery, brand: o.Brand, tokenLifetime: o.TokenLifetime,
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	if c.flushEvery <= 0 {
		c.flushEvery = 5 * time.Second
	}
	if c.tokenLifetime <= 0 {
		c.tokenLifetime = defaultLifetime
	}
	return c
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
	grants, err := c.store.Grants(ctx, d.Subject.UserID)
	if err != nil {
		return err
	}
	caller := portal.Actor{UserID: d.Subject.UserID, Staff: d.Subject.UserStaff, Grants: grants}
	if missing := portal.Can(caller, portal.VerifyKeys, d.Subject.OrganizationID); missing != nil {
		d.Code, d.Message = portal.CheckAPISetNotGranted, missing.Error()
	}
	return nil
}

// IsCredential tells whether a text is a credential of Key Portal, of any kind,
// by its form and checksum. Keys that were imported have neither.
func IsCredential(text string) bool {
	_, err := secret.Parse(text)
	return err == nil
}
