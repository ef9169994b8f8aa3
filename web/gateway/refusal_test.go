package gateway

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/verify"
)

func TestEveryOutcomeHasItsStatus(t *testing.T) {
	want := map[verify.Code]int{}
	for status, codes := range map[int]string{
		401: "MISSING MALFORMED NOT_FOUND REVOKED DISABLED EXPIRED USER_DISABLED USER_LOCKED USER_EXPIRED",
		403: "ORG_SUSPENDED LICENSE_INACTIVE LICENSE_MISMATCH IP_NOT_ALLOWED IMPERSONATION_NOT_ALLOWED API_SET_NOT_GRANTED",
		429: "RATE_LIMITED",
		200: "VALID",
	} {
		for code := range strings.FieldsSeq(codes) {
			want[verify.Code(code)] = status
		}
	}
	for _, code := range portal.CheckCodes {
		if statuses[code] != want[code] || want[code] == 0 {
			t.Errorf("%s is answered %d, want %d", code, statuses[code], want[code])
		}
	}
	if len(statuses) != len(portal.CheckCodes) {
		t.Errorf("%d statuses for %d outcomes", len(statuses), len(portal.CheckCodes))
	}
}

// challengeForm is a challenge of RFC 6750, section 3.
var challengeForm = regexp.MustCompile(`^Bearer realm="Key Portal"(, error="[a-z_]+"(, scope="[\x21\x23-\x5b\x5d-\x7e]+")?)?$`)

func TestChallengesSayWhatIsWrongWithTheToken(t *testing.T) {
	for _, code := range portal.CheckCodes[:len(portal.CheckCodes)-1] {
		r, ok := errors.AsType[*refusal](refusalOf(verify.Decision{Code: code, Message: code.Message()}, nil))
		if !ok || r.code != string(code) || r.message != code.Message() {
			t.Fatalf("%s is refused as %+v", code, r)
		}
		want := `realm="Key Portal"`
		switch {
		case code == portal.CheckAPISetNotGranted:
			want = `error="insufficient_scope"`
		case r.status == http.StatusUnauthorized && code != portal.CheckMissing:
			want = `error="invalid_token"`
		}
		if got := r.challenge(); !challengeForm.MatchString(got) || !strings.HasSuffix(got, want) {
			t.Errorf("%s has the challenge %s", code, got)
		}
	}
	for _, other := range []string{"LICENSE_MISMATCH", "ORG_SUSPENDED", "RATE_LIMITED", "BAD_REQUEST"} {
		r := &refusal{status: http.StatusForbidden, code: other, apiSet: "billing"}
		if got := r.challenge(); got != `Bearer realm="Key Portal"` {
			t.Errorf("%s with 403 sends for another token: %s", other, got)
		}
	}
	scoped := &refusal{status: http.StatusForbidden, code: "API_SET_NOT_GRANTED", apiSet: "billing"}
	if got := scoped.challenge(); got != `Bearer realm="Key Portal", error="insufficient_scope", scope="billing"` {
		t.Errorf("got %s", got)
	}
	scoped.apiSet = "a\"b\r\nö"
	if got := scoped.challenge(); regexp.MustCompile(`[^ -~]`).MatchString(got) {
		t.Errorf("got %q", got)
	}
	if got := (&refusal{status: http.StatusServiceUnavailable}).challenge(); got != "" {
		t.Errorf("503 has the challenge %s", got)
	}
}

func TestTooManyRequestsAreForbiddenToAGatewayThatKnowsNoOther(t *testing.T) {
	limited := refusalOf(verify.Decision{Code: portal.CheckRateLimited}, nil)
	for place, want := range map[settings]int{{}: http.StatusTooManyRequests, {denyAs403: true}: http.StatusForbidden} {
		r, _ := errors.AsType[*refusal](place.soften(limited))
		if r.status != want || r.code != "RATE_LIMITED" {
			t.Errorf("%+v: got %d %s, want %d", place, r.status, r.code, want)
		}
	}
}
