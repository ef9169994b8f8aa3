package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"keyportal/internal/verify"
)

// rateLimit is what a service is told of a key's rate limit: requests and seconds.
type rateLimit struct {
	Quota      int64 `json:"quota"`
	Window     int64 `json:"window"`
	Remaining  int64 `json:"remaining"`   // requests that may come at once
	Reset      int64 `json:"reset"`       // until as many may come at once as at the most
	RetryAfter int64 `json:"retry_after"` // until one more may come; 0: at once
}

// rateLimitOf gives nil for a key without a limit.
func rateLimitOf(q verify.Quota) *rateLimit {
	if !q.Limit.Limited() {
		return nil
	}
	return &rateLimit{q.Limit.Requests, seconds(q.Limit.Period.Duration()), q.Remaining, seconds(q.Restored), seconds(q.Again)}
}

// setRateLimit tells a client of its limit, and when to come again once nothing is left
// (draft-ietf-httpapi-ratelimit-headers-10).
func setRateLimit(header http.Header, q verify.Quota) {
	limit := rateLimitOf(q)
	if limit == nil {
		return
	}
	header.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, limit.Quota, limit.Window))
	header.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%d`, limit.Remaining, limit.Reset))
}

func setRetryAfter(header http.Header, after time.Duration) {
	header.Set(echo.HeaderRetryAfter, strconv.FormatInt(max(seconds(after), 1), 10))
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
