package verify

import (
	"net/http"
	"slices"
	"strings"
)

// ImpersonateHeader names the user whom a request acts as, by ID.
const ImpersonateHeader = "Impersonate-User-Id"

// Sent begins a question with the credential of a request: X-Api-Key, or
// Authorization with the scheme Bearer, or both halves of a key pair in accessKey and
// secretKey. What was sent more than once, or differently in two headers, is given as
// the list that it amounts to (RFC 9110, section 5.3), which is no credential.
func Sent(header http.Header) Request {
	return Request{
		Credential:  keyIn(header),
		AccessKey:   strings.Join(header["Accesskey"], ", "), // in canonical form
		SecurityKey: strings.Join(header["Secretkey"], ", "),
	}
}

func keyIn(header http.Header) string {
	sent, authorizations := header["X-Api-Key"], header["Authorization"]
	if len(sent) == 1 && len(authorizations) == 0 {
		return sent[0]
	}
	sent = slices.Clone(sent)
	for _, authorization := range authorizations {
		scheme, token, _ := strings.Cut(authorization, " ")
		if strings.EqualFold(scheme, "Bearer") || len(authorizations) > 1 {
			sent = append(sent, strings.TrimSpace(token))
		}
	}
	if len(sent) == 2 && sent[0] == sent[1] && len(authorizations) == 1 {
		return sent[0]
	}
	return strings.Join(sent, ", ")
}
