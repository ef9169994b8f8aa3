package client

import (
	"context"
	"errors"
	"net/http"
)

// Place is what a part of a service asks for. The zero Place has the API set found by
// method and path, from the route patterns that Key Portal has of the sets; a path that
// no set claims is refused.
type Place struct {
	APISet string // the slug of the API set that is needed

	// The license that the place is bound to, named in one way or several; "" is no
	// bond. A key of another license is refused.
	License  string // the license's number
	Domain   string // the name of its domain
	Instance string // the name of one of its instances
}

type contextKey struct{}

// From gives the answer by which a request passed the middleware: whose key it came with,
// and as whom it acts. false means that it did not come through the middleware.
func From(ctx context.Context) (Answer, bool) {
	answer, ok := ctx.Value(contextKey{}).(Answer)
	return answer, ok
}

// Middleware lets pass what has a key that Key Portal accepts at a place, and answers
// everything else as Key Portal answers a gateway: with the status, X-Deny-Reason,
// WWW-Authenticate and a JSON body that say why, and with 503 what could not be decided.
//
// The credential is read from X-Api-Key, Authorization: Bearer, or accessKey and
// secretKey; one in the query is refused with 400. The path is the one in r.URL, by which
// handlers choose: put the middleware outside of what changes it, such as
// [http.StripPrefix], where the API sets' route patterns have the whole path.
//
// What passes has its [Answer] in the context, and no longer has the headers with the
// credential, those being all of Authorization and Impersonate-User-Id too, nor those by
// which a gateway tells who it is (X-Key-Id, X-User-Id and so on), which only a client can
// have sent here. Preflight requests of browsers (CORS) have no key: answer them before.
func (c *Client) Middleware(place Place) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer, refused := c.decide(r, place)
			answer.RateLimit.set(w.Header())
			if refused != nil {
				refused.write(w)
				return
			}
			next.ServeHTTP(w, admitted(r, answer))
		})
	}
}

// decide asks about a request; the refusal is nil when it may pass.
func (c *Client) decide(r *http.Request, place Place) (Answer, *refusal) {
	question := sent(r.Header)
	if hasCredential(r.URL.RawQuery, question) {
		return Answer{}, credentialInQuery
	}
	path := pathOf(r.URL)
	if path == "" { // without one, only the key itself would be asked about
		return Answer{}, noPath
	}
	if place.APISet == "" || !plainPath.MatchString(path) {
		question.Method, question.Path = r.Method, path
	}
	question.APISet, question.License, question.Domain, question.Instance = place.APISet, place.License, place.Domain, place.Instance
	question.ClientIP = c.clientIP(r)
	answer, err := c.Verify(r.Context(), question)
	switch {
	case errors.Is(err, ErrTooLarge):
		return Answer{}, tooLarge
	case err != nil:
		c.logFailure(r.Context(), err)
		return Answer{}, undecided
	case !answer.Valid:
		return answer, refusalOf(answer, question)
	}
	return answer, nil
}

// logFailure notes why nothing could be decided; a client that has gone is no reason.
func (c *Client) logFailure(ctx context.Context, err error) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		c.log.ErrorContext(ctx, "a key could not be checked", "error", err)
	}
}

// admitted gives a request as the service sees it.
func admitted(r *http.Request, answer Answer) *http.Request {
	clone := r.Clone(context.WithValue(r.Context(), contextKey{}, answer))
	for _, names := range [][]string{credentialHeaders, identityHeaders, methodHeaders} {
		for _, name := range names {
			clone.Header.Del(name)
		}
	}
	return clone
}
