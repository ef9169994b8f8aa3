package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"keyportal/internal/verify"
)

// credentialNames has the parameters in which clients send credentials.
var credentialNames = []string{"api_key", "api-key", "apikey", "x-api-key", "access_token", "accesskey", "secretkey"}

// refuseCredential refuses a query with a credential: queries end up in logs and
// histories. A parameter called "key" counts as one where the question has no
// credential; beside one it is the API's own.
func refuseCredential(query string, question verify.Request) error {
	sent := question.Credential != "" || question.AccessKey != "" || question.SecurityKey != ""
	for parameter := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(parameter, "=")
		name, value = decoded(name), decoded(value)
		lower := strings.ToLower(name)
		if slices.Contains(credentialNames, lower) || lower == "key" && !sent || verify.IsCredential(value) || verify.IsCredential(name) {
			return &refusal{status: http.StatusBadRequest, code: "CREDENTIAL_IN_QUERY",
				message: "The query has a credential. It may be in logs now: have the key revoked, and send the next one in a header: X-Api-Key, or accessKey and secretKey."}
		}
	}
	return nil
}

func decoded(text string) string {
	if clear, err := url.QueryUnescape(text); err == nil {
		return clear
	}
	return text
}

func queryOf(uri string) string {
	_, query, _ := strings.Cut(uri, "?")
	return query
}
