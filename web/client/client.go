// Package client asks Key Portal for services that have no gateway in front: whose API
// key came with a request, and may it pass? It needs nothing but the standard library,
// so a service can require this module or copy the folder.
//
//	client.go      Options, New and Verify: one question, one answer
//	request.go     the question
//	answer.go      the answer
//	code.go        the outcomes and their HTTP status
//	ask.go         asking over HTTP, and what counts as an answer
//	cache.go       answers that are believed for a while, and questions asked once for many
//	middleware.go  what stands before a service's handlers
//	sent.go        what a request has: the credential, the user to act as, the path
//	refusal.go     every answer of the middleware that is not "pass"
//
// A service puts the middleware before its handlers, and learns there who asks:
//
//	portal, err := client.New(client.Options{URL: "http://127.0.0.1:8081", Credential: os.Getenv("GATEWAY_KEY")})
//	…
//	http.Handle("/billing/", portal.Middleware(client.Place{APISet: "billing"})(billing))
//	…
//	caller, ok := client.From(r.Context()) // in billing; not ok: the middleware is missing
//
// # What to know before
//
// Nothing passes without an answer. Where Key Portal does not answer, or not as it
// should, [Client.Verify] gives an error and the middleware answers 503.
//
// An answer is believed for [Options.CacheFor], one second unless it is set otherwise,
// from when the question was sent. So long at the most a key still passes here after it
// was revoked, disabled or narrowed, on top of the second that a change takes to reach
// all replicas of Key Portal. No answer is believed past the end of its key. A longer
// time saves questions, and has a revocation noticed later; a negative one has each use
// asked about.
//
// An answer is kept for its whole question: another path or client address is another
// question. Where [Place] names the API set, plain paths are left out of the question,
// and a key is asked about once for all of them: name the set where there is one.
//
// Key Portal counts what it is asked as uses of the key, not what is answered here. A
// key with a rate limit is asked about at each use, since each must be counted.
//
// The service's own key, and the keys that it asks about, go over the network as they
// are: on any network but your own use https.
package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	defaultTime = time.Second     // for which an answer is believed
	defaultWait = 2 * time.Second // for an answer
	defaultMost = 10_000          // answers that are kept
)

// Options are what a Client works with. URL is required, and either Credential or both
// AccessKey and SecretKey.
type Options struct {
	// URL is where Key Portal's listener for gateways answers, such as
	// "http://127.0.0.1:8081": http or https, and nothing behind the path.
	URL string

	// The service's own API key, or both halves of its key pair. Its user must hold the
	// authority Verify keys.
	Credential           string
	AccessKey, SecretKey string

	// HTTPClient asks; nil: one of its own. Redirects are not followed, whatever it says
	// of them, as they would carry the keys elsewhere.
	HTTPClient *http.Client

	// Timeout is how long one question may take; 0: two seconds.
	Timeout time.Duration

	// CacheFor is how long an accepting answer is believed, and so how late a revocation
	// is noticed; 0: one second; negative: not at all, so that each use is asked about.
	CacheFor time.Duration

	// RefusalFor is how long a refusal is believed, and so how late a key begins to pass
	// that was enabled, widened or made; 0: one second, or CacheFor where that is less;
	// negative: not at all.
	RefusalFor time.Duration

	// MaxCached is how many answers are kept at the most, of some 600 bytes each; 0:
	// 10,000.
	MaxCached int

	// ClientIP tells the middleware where a request came from: the zero Addr when that is
	// not known, and a key that is bound to networks is refused then. nil: the peer. Where
	// a proxy stands before the service this must read what that proxy says, and from no
	// one else.
	ClientIP func(*http.Request) netip.Addr

	// Logger is told why the middleware could not have a key checked; nil:
	// slog.Default(). It is told no credential.
	Logger *slog.Logger
}

// Client asks Key Portal about keys, and keeps the answers for a moment. It is safe for
// concurrent use. A service needs one of it.
type Client struct {
	url      string
	prove    func(http.Header) // puts the service's own credential there: a func prints no secret
	http     http.Client
	timeout  time.Duration
	answers  *cache
	clientIP func(*http.Request) netip.Addr
	log      *slog.Logger
}

// New makes a Client. It asks nothing yet. The error says which option can't be used.
func New(o Options) (*Client, error) {
	address, err := verifyURL(o.URL)
	if err != nil {
		return nil, err
	}
	prove, err := o.proof()
	if err != nil {
		return nil, err
	}
	if o.Timeout < 0 || o.MaxCached < 0 {
		return nil, errors.New("the options Timeout and MaxCached can't be negative")
	}
	c := &Client{url: address, prove: prove, timeout: cmp.Or(o.Timeout, defaultWait), clientIP: o.ClientIP, log: o.Logger}
	accepted := cmp.Or(o.CacheFor, defaultTime)
	c.answers = newCache(accepted, cmp.Or(o.RefusalFor, min(defaultTime, accepted)), cmp.Or(o.MaxCached, defaultMost))
	c.http = http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute,
	}}
	if o.HTTPClient != nil {
		c.http = *o.HTTPClient
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.clientIP == nil {
		c.clientIP = peer
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	return c, nil
}

// verifyURL gives the address of the check. It says nothing of an address with a
// password in it but that.
func verifyURL(base string) (string, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "", errors.New(`the option URL must be where Key Portal answers gateways, such as "http://127.0.0.1:8081"`)
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return "", errors.New("the option URL can't have a user name, a query or a fragment in it")
	}
	return u.JoinPath("v1/verify").String(), nil
}

// proof gives what puts the service's own credential into a header.
func (o Options) proof() (func(http.Header), error) {
	pair := o.AccessKey != "" && o.SecretKey != ""
	half := o.AccessKey != "" || o.SecretKey != ""
	for _, credential := range []string{o.Credential, o.AccessKey, o.SecretKey} {
		if strings.ContainsFunc(credential, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, errors.New("the service's own key has a space, a line break or another character in it that no key has: was it read from a file whole?")
		}
	}
	switch {
	case o.Credential != "" && !half:
		return func(h http.Header) { h.Set("X-Api-Key", o.Credential) }, nil
	case o.Credential == "" && pair:
		return func(h http.Header) { h.Set("accessKey", o.AccessKey); h.Set("secretKey", o.SecretKey) }, nil
	}
	return nil, errors.New("the service needs a key of its own: set the option Credential, or AccessKey and SecretKey, and not all of them")
}

// Verify asks whether a request may pass, or takes the answer from when that was asked a
// moment ago. A refusal is an answer. An error means that it could not be decided, and
// the request must not pass then: a [*CallerError] when Key Portal refuses the service
// itself, [ErrTooLarge] for what is not asked, ctx's error when ctx ended first.
func (c *Client) Verify(ctx context.Context, r Request) (Answer, error) {
	if r.Key != "" && (r.AccessKey != "" || r.SecretKey != "") {
		return Answer{Code: CodeMalformed, Message: bothMessage}, nil // the check on /auth says so too; /v1/verify takes no such question
	}
	question, err := r.encode()
	if err != nil {
		return Answer{}, err
	}
	key := digestOf(question)
	f, first := c.answers.join(key)
	if first {
		// Whoever waits beside the first one must not fail because that one went away.
		go func() {
			answer, err := c.ask(context.WithoutCancel(ctx), question)
			c.answers.finish(key, f, answer, err)
		}()
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("the key could not be checked in time: %w", ctx.Err())
	}
	if !first && f.answer.counted() {
		return c.ask(ctx, question)
	}
	return f.answer, f.err
}
