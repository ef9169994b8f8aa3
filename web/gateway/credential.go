package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"keyportal/internal/verify"
)

const malformed = "malformed" // stands for a credential that was sent in more than one way

// credentialOf reads the credential from X-Api-Key or Authorization: Bearer (RFC
// 6750, section 2.1). One that is sent twice, in the same or in both headers,
// must be the same each time; else what is checked might not be what is used.
func credentialOf(header http.Header) string {
	sent := slices.Clone(header.Values("X-Api-Key"))
	for _, authorization := range header.Values("Authorization") {
		scheme, value, _ := strings.Cut(authorization, " ")
		if strings.EqualFold(scheme, "Bearer") {
			sent = append(sent, strings.TrimSpace(value))
		}
	}
	sent = slices.Compact(slices.DeleteFunc(sent, func(value string) bool { return value == "" }))
	switch len(sent) {
	case 0:
		return ""
	case 1:
		return sent[0]
	}
	return malformed
}

var credentialParameters = []string{"api_key", "apikey", "api-key", "x-api-key", "access_token", "key"}

// refuseInQuery refuses a credential in a URL: URLs are logged and kept
// everywhere.
func refuseInQuery(query url.Values) error {
	for name, values := range query {
		if slices.Contains(credentialParameters, strings.ToLower(name)) || slices.ContainsFunc(values, verify.IsCredential) {
			return &badRequest{"An API key must not be sent in a URL, where it is logged. Send it in the X-Api-Key header, and revoke this one."}
		}
	}
	return nil
}
