package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// refusal is any answer of the middleware but "pass".
type refusal struct {
	status     int
	code       Code
	message    string // what is wrong and what to do
	apiSet     string // the API set that was needed; "" where that is not known
	retryAfter int64  // seconds; 0: it is not said
}

// What is refused without an answer of Key Portal's.
var (
	credentialInQuery = &refusal{status: http.StatusBadRequest, code: "CREDENTIAL_IN_QUERY",
		message: "The query has a credential. It may be in logs now: have the key revoked, and send the next one in a header: X-Api-Key, or accessKey and secretKey."}
	noPath    = &refusal{status: http.StatusBadRequest, code: "BAD_REQUEST", message: "The request has no path. Send one that begins with a slash."}
	tooLarge  = &refusal{status: http.StatusRequestHeaderFieldsTooLarge, code: "TOO_LARGE", message: "The key can't be checked: the path and what was sent as the key are too long together."}
	undecided = &refusal{status: http.StatusServiceUnavailable, code: "UNDECIDED", message: "The key could not be checked now. Try again in a moment.", retryAfter: 1}
)

func refusalOf(a Answer, question Request) *refusal {
	r := &refusal{status: a.Code.Status(), code: a.Code, message: a.Message}
	if question.Path == "" { // else the path may be what is refused
		r.apiSet = question.APISet
	}
	if r.status == http.StatusTooManyRequests {
		r.retryAfter = 1
		if a.RateLimit != nil {
			r.retryAfter = max(1, a.RateLimit.RetryAfter)
		}
	}
	return r
}

func (r *refusal) write(w http.ResponseWriter) {
	header := w.Header()
	header.Set("X-Deny-Reason", string(r.code))
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json")
	if challenge := r.challenge(); challenge != "" {
		header.Set("WWW-Authenticate", challenge)
	}
	if r.retryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(r.retryAfter, 10))
	}
	w.WriteHeader(r.status)
	json.NewEncoder(w).Encode(struct { // a client that has gone reads no answer
		Code    Code   `json:"code"`
		Message string `json:"message"`
	}{r.code, r.message})
}

// challenge tells a client how to authenticate (RFC 6750, section 3). It says
// insufficient_scope only where another token of the same client may help.
func (r *refusal) challenge() string {
	const scheme = `Bearer realm="Key Portal"`
	switch {
	case r.code == CodeMissing:
		return scheme
	case r.code == CodeAPISetNotGranted && r.apiSet != "":
		return scheme + fmt.Sprintf(`, error="insufficient_scope", scope=%+q`, r.apiSet)
	case r.code == CodeAPISetNotGranted:
		return scheme + `, error="insufficient_scope"`
	case r.status == http.StatusUnauthorized:
		return scheme + `, error="invalid_token"`
	case r.status == http.StatusBadRequest:
		return scheme + `, error="invalid_request"`
	case r.status == http.StatusForbidden, r.status == http.StatusTooManyRequests:
		return scheme
	}
	return ""
}
