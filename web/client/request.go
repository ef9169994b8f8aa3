package client

import (
	"encoding/json"
	"errors"
	"net/netip"
)

const largest = 64 << 10 // bytes of a question, and of an answer

// ErrTooLarge is why a question of more than 64 KiB is not asked: Key Portal takes none.
var ErrTooLarge = errors.New("the key can't be checked: the question has more than 64 KiB")

const bothMessage = "An API key or access token was sent beside a key pair. Send one of them."

// Request is the question: what came with a request to the service, and what the place
// that it came to asks for. The zero value of a field leaves it out. Without APISet, and
// without Method and Path, the question is whether the key is valid at all.
//
// It has a credential in clear: never log it.
type Request struct {
	Key       string `json:"key,omitempty"`        // an API key or access token, as it was sent
	AccessKey string `json:"access_key,omitempty"` // the halves of a key pair; both are needed, and no Key
	SecretKey string `json:"secret_key,omitempty"`

	APISet string `json:"api_set,omitempty"` // the slug of the API set that is needed; "" has it found by Method and Path
	Method string `json:"method,omitempty"`  // goes with Path
	Path   string `json:"path,omitempty"`    // as it was sent, with or without a query; never cleaned up, as the check refuses what is read in two ways

	ClientIP netip.Addr `json:"client_ip,omitzero"` // where the request came from

	License  string `json:"license,omitempty"`  // the number of the license that the place is bound to
	Domain   string `json:"domain,omitempty"`   // the name of that license's domain
	Instance string `json:"instance,omitempty"` // the name of one of its instances

	ImpersonateUserID int64 `json:"impersonate_user_id,omitempty"` // the user to act as; a negative number is nobody's, and refused
}

// encode writes the question as Key Portal reads it. The error is ErrTooLarge.
func (r Request) encode() ([]byte, error) {
	question, err := json.Marshal(r)
	if err == nil && len(question) > largest {
		err = ErrTooLarge
	}
	return question, err
}
