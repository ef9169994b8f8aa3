package verify

import (
	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// isPair tells whether a request has a key pair or half of one, and nothing beside it.
func (r Request) isPair() bool {
	return r.Credential == "" && (r.AccessKey != "" || r.SecurityKey != "")
}

// malformedHalves counts the halves of a key pair that can't be such halves.
func (r Request) malformedHalves() (count int) {
	if prefixOf(r.AccessKey) != secret.AccessKey {
		count++
	}
	if prefixOf(r.SecurityKey) != secret.SecurityKey {
		count++
	}
	return count
}

const (
	bothMessage = "An API key or access token was sent beside a key pair. Send one of them."
	halfMessage = "This is half of a key pair, not an API key. Send both the Access Key in the accessKey header and the Security Key in the secretKey header."
)

// misplaced says that a key pair was sent in the wrong way; "" where it was not.
func (r Request) misplaced() string {
	prefix := prefixOf(r.Credential)
	switch {
	case r.Credential != "" && (r.AccessKey != "" || r.SecurityKey != ""):
		return bothMessage
	case prefix == secret.AccessKey || prefix == secret.SecurityKey:
		return halfMessage
	}
	return ""
}

// pairMessages stand in place of what is said of an API key.
var pairMessages = map[Code]string{
	portal.CheckMissing:   "Half of a key pair is missing. Send both the Access Key in the accessKey header and the Security Key in the secretKey header.",
	portal.CheckMalformed: "These are not an Access Key and a Security Key: their form or checksum is wrong. Check that both were copied whole, each into its own header.",
	portal.CheckNotFound:  "This Access Key and Security Key are not known together. Check that both were copied whole and belong to the same API key.",
}
