package client

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const impersonateHeader = "Impersonate-User-Id"

// credentialHeaders has the headers in which credentials come, and who they act as.
var credentialHeaders = []string{"X-Api-Key", "Authorization", "accessKey", "secretKey", impersonateHeader}

// identityHeaders has what Key Portal tells the services behind a gateway. Here nobody
// sends it but a client that would have itself taken for another.
var identityHeaders = []string{
	"X-Key-Id", "X-Key-Name", "X-User-Id", "X-User-Name", "X-Org-Id", "X-Org-Name", "X-License", "X-Domain", "X-Application", "X-Api-Sets", "X-Impersonator-Id",
}

// methodHeaders has those in which some services take another method than the one that
// was decided on.
var methodHeaders = []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}

// sent begins a question with what a request's headers have, as the check on /auth reads
// them: X-Api-Key, or Authorization with the scheme Bearer, or both halves of a key pair
// in accessKey and secretKey. What was sent more than once, or differently in two headers,
// is asked about as the list that it amounts to (RFC 9110, section 5.3), which is no
// credential.
func sent(header http.Header) Request {
	return Request{
		Key:               keyIn(header),
		AccessKey:         strings.Join(header.Values("accessKey"), ", "),
		SecretKey:         strings.Join(header.Values("secretKey"), ", "),
		ImpersonateUserID: impersonated(header.Values(impersonateHeader)),
	}
}

func keyIn(header http.Header) string {
	keys := slices.Clone(header.Values("X-Api-Key"))
	authorizations := header.Values("Authorization")
	for _, authorization := range authorizations {
		scheme, token, _ := strings.Cut(authorization, " ")
		if strings.EqualFold(scheme, "Bearer") || len(authorizations) > 1 {
			keys = append(keys, strings.TrimSpace(token))
		}
	}
	if len(keys) == 2 && keys[0] == keys[1] && len(authorizations) == 1 {
		return keys[0]
	}
	return strings.Join(keys, ", ")
}

// impersonated gives the user whom a request names to act as: 0 when it names none, and a
// number that is nobody's when it names several or what is no user's number.
func impersonated(named []string) int64 {
	if len(named) == 0 {
		return 0
	}
	id, err := strconv.ParseInt(named[0], 10, 64)
	if err != nil || id <= 0 || strconv.FormatInt(id, 10) != named[0] || len(named) > 1 {
		return -1
	}
	return id
}

// credentialNames has the parameters in which clients send credentials.
var credentialNames = []string{"api_key", "api-key", "apikey", "x-api-key", "access_token", "accesskey", "secretkey"}

// credentialForm is how Key Portal's credentials look. Their checksum is left to it.
var credentialForm = regexp.MustCompile(`(^|_)kp[aclnost]?_[0-9A-Za-z]{49}$`)

// hasCredential tells whether a query has a credential: queries end up in logs and
// histories. A parameter called "key" counts as one where the headers have none; beside
// one it is the service's own.
func hasCredential(query string, question Request) bool {
	sent := question.Key != "" || question.AccessKey != "" || question.SecretKey != ""
	for parameter := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(parameter, "=")
		name, value = decoded(name), decoded(value)
		lower := strings.ToLower(name)
		if slices.Contains(credentialNames, lower) || lower == "key" && !sent || credentialForm.MatchString(value) || credentialForm.MatchString(name) {
			return true
		}
	}
	return false
}

func decoded(text string) string {
	if clear, err := url.QueryUnescape(text); err == nil {
		return clear
	}
	return text
}

// pathOf gives the path by which handlers choose what to do, as it was sent: unlike
// EscapedPath it encodes nothing that the client did not, so that the check sees a raw
// backslash, say, for what it is. "" is for a request that has none, such as CONNECT.
func pathOf(u *url.URL) string {
	if path, err := url.PathUnescape(u.RawPath); u.RawPath != "" && err == nil && path == u.Path {
		return u.RawPath
	}
	return u.EscapedPath()
}

// plainPath holds for paths that everyone reads alike: of letters, digits and - _ ~ .
// with no dot in front. The check knows more of them; what this does not hold for is left
// to it.
var plainPath = regexp.MustCompile(`^/([\w~-][\w~.-]*/)*([\w~-][\w~.-]*)?$`)

// peer gives the address at the other end of the connection.
func peer(r *http.Request) netip.Addr {
	address, _ := netip.ParseAddrPort(r.RemoteAddr)
	return address.Addr()
}
