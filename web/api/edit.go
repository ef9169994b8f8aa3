package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Conditional makes a change hang on the version that it was decided by (RFC 9110,
// section 13.1.1).
type Conditional struct {
	IfMatch string `header:"If-Match" maxLength:"1000" doc:"The ETag that was read: when the thing has changed since, nothing is done, and the answer is 412. Without it, the change is made to what is there now." example:"\"3\""`
}

// check refuses when the version is not one of those that If-Match names. What is not
// there yet, with the version 0, is none of any.
func (c Conditional) check(noun portal.Noun, version int64) error {
	if strings.TrimSpace(c.IfMatch) == "" {
		return nil
	}
	for tag := range strings.SplitSeq(c.IfMatch, ",") {
		if tag = strings.TrimSpace(tag); version != 0 && (tag == etag(version) || tag == "*") {
			return nil
		}
	}
	return newProblem(http.StatusPreconditionFailed, "This "+noun.Label()+" is not as it was when you read it. Nothing was done: read it again, and decide by what is there now.")
}

func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// Idempotent makes a request that is sent again do nothing more.
type Idempotent struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"Any text that is new with each thing that is to be made, such as a UUID. The same request with the same text makes nothing more within a week, and answers with what the first one made, without the secret. With another request it is refused." example:"8e03978e-40d5-43e8-bc93-6894a57f9324"`
}

// submission gives by what the request is known when it comes again: what it asks for
// is the operation with its body.
func (i Idempotent) submission(operation string, body any) (manage.Submission, error) {
	if i.IdempotencyKey == "" {
		return manage.Submission{}, nil
	}
	text, err := json.Marshal([]any{operation, body})
	if err != nil {
		return manage.Submission{}, err
	}
	key, fingerprint := sha256.Sum256([]byte(i.IdempotencyKey)), sha256.Sum256(text)
	return manage.Submission{Token: "api " + base64.RawURLEncoding.EncodeToString(key[:]), Fingerprint: fingerprint[:]}, nil
}

// optional is a field of a change: left out, or with a value.
type optional[T any] struct {
	set   bool
	value T
}

// UnmarshalJSON reads a value.
func (o *optional[T]) UnmarshalJSON(text []byte) error {
	o.set = true
	return json.Unmarshal(text, &o.value)
}

// MarshalJSON writes the value.
func (o optional[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.value) }

// Schema is that of the value.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// or gives the value, and otherwise what is there.
func (o optional[T]) or(there T) T {
	if o.set {
		return o.value
	}
	return there
}

// instant is a point in time that may be none: null in both directions.
type instant struct{ time.Time }

// UnmarshalJSON reads an instant (RFC 3339), or null.
func (i *instant) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("null")) {
		i.Time = time.Time{}
		return nil
	}
	if err := i.Time.UnmarshalJSON(text); err != nil {
		return err
	}
	if i.IsZero() { // which would stand for null
		return errors.New("this instant is too long ago")
	}
	return nil
}

// MarshalJSON writes an instant, or null.
func (i instant) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return i.UTC().MarshalJSON()
}

// Schema is that of an instant, or null.
func (i instant) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}
