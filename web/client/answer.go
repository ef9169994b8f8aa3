package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Answer is what Key Portal says. Whose key it is stands there only when it may pass.
// It may be shared with others who asked the same: don't change what APISets has.
type Answer struct {
	Valid        bool         `json:"valid"`        // the request may pass
	Code         Code         `json:"code"`         // CodeValid, or why not
	Message      string       `json:"message"`      // the same as a sentence, for whoever sent the key
	Key          Key          `json:"key"`          // the zero Key in a refusal, like all that follows
	User         User         `json:"user"`         // as whom the request acts
	Impersonator User         `json:"impersonator"` // the key's own user when the request acts as another; else the zero User
	Organization Organization `json:"organization"` // the key's
	License      string       `json:"license"`      // its number; "" for a key without one
	Domain       string       `json:"domain"`       // the name of the license's domain; "" without one
	Application  string       `json:"application"`  // what the key is for; "" where that was not said
	APISets      []string     `json:"api_sets"`     // the slugs of all API sets that the key reaches
	ExpiresAt    time.Time    `json:"expires_at"`   // the key is not accepted from then on; zero: never ends
	RateLimit    *RateLimit   `json:"rate_limit"`   // nil: the key has none
}

// Key is an API key as whoever asks is told of it.
type Key struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"` // "token", "pair" or "oauth"
}

// User is a user as whoever asks is told of them. The zero User is none.
type User struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
}

// Organization is the client whose key it is.
type Organization struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// RateLimit tells how often a key is accepted, and how much of that is left.
type RateLimit struct {
	Quota      int64 `json:"quota"`       // requests in a Window
	Window     int64 `json:"window"`      // seconds
	Remaining  int64 `json:"remaining"`   // requests that may come now
	Reset      int64 `json:"reset"`       // seconds until as many may come at once as at the most
	RetryAfter int64 `json:"retry_after"` // seconds until one more may come; 0: at once
}

// set tells a client of its limit (draft-ietf-httpapi-ratelimit-headers-10).
func (l *RateLimit) set(header http.Header) {
	if l != nil {
		header.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, l.Quota, l.Window))
		header.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%d`, l.Remaining, l.Reset))
	}
}

// counted tells whether the answer is for one use alone, as Key Portal counts them.
func (a Answer) counted() bool { return a.RateLimit != nil || a.Code == CodeRateLimited }

// readAnswer reads an answer, and takes nothing for one that is not whole and in itself
// right.
func readAnswer(body []byte) (a Answer, err error) {
	if err := json.Unmarshal(body, &a); err != nil {
		return Answer{}, fmt.Errorf("the answer is not one of Key Portal's: %w", err)
	}
	nobody := a.Key.ID <= 0 || a.User.ID <= 0 || a.Organization.ID <= 0
	if !a.Code.wellFormed() || a.Valid != (a.Code == CodeValid) || a.Valid && nobody {
		return Answer{}, errors.New("the answer is not one of Key Portal's: it lacks what one has, or contradicts itself")
	}
	return a, nil
}

// wellFormed tells whether a text has the form of a code, which goes into headers.
func (c Code) wellFormed() bool {
	return c != "" && strings.Trim(string(c), "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
}
