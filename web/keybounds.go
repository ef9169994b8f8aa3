package web

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"keyportal/internal/portal"
)

// boundsOf reads when a key is to end, from where it may be used and how often. Where the
// form does not ask, it is as at present.
func (s *Server) boundsOf(values url.Values, present portal.Key) (portal.Key, error) {
	var invalid portal.Invalid
	key := present
	expires, err := s.expiryOf(values, present.ExpiresAt)
	key.ExpiresAt = expires
	invalid.Include(err)
	if values.Has("network") {
		key.AllowedNetworks = networksOf(values.Get("network"))
	}
	if values.Has("rate_requests") {
		key.RateLimit = rateLimitOf(&invalid, values)
	}
	return key, invalid.Err()
}

// networksOf reads a list between spaces, commas or lines.
func networksOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' })
}

// rateLimitOf reads a rate limit; none is asked for by an empty number.
func rateLimitOf(invalid *portal.Invalid, values url.Values) portal.RateLimit {
	limit := portal.RateLimit{Requests: count(invalid, values, "rate_requests"), Burst: count(invalid, values, "rate_burst")}
	if limit.Limited() {
		limit.Period = portal.Period(values.Get("rate_period"))
	}
	return limit
}

// count reads one of a rate limit's numbers; 0 for none.
func count(invalid *portal.Invalid, values url.Values, name string) int64 {
	text := strings.TrimSpace(values.Get(name))
	if text == "" {
		return 0
	}
	number, err := strconv.ParseInt(text, 10, 64)
	invalid.Check(err == nil && number > 0, "rate_limit", fmt.Sprintf("Enter whole numbers from 1 to %d, or nothing.", portal.MostRequests))
	return number
}

// countText writes what count reads.
func countText(number int64) string {
	if number == 0 {
		return ""
	}
	return strconv.FormatInt(number, 10)
}
