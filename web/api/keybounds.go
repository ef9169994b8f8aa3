package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"keyportal/internal/portal"
)

// NewBounds are from where a new key may be used, and how often.
type NewBounds struct {
	AllowedNetworks []string  `json:"allowedNetworks,omitempty" nullable:"false" maxItems:"50" doc:"Addresses and CIDR from which the key may be used, such as 192.0.2.7, 10.0.0.0/8 and 2001:db8::/32. Empty or left out: from anywhere; through a key, from where that may be used."`
	RateLimit       rateLimit `json:"rateLimit,omitzero" doc:"null or left out: none; through a key, that one's."`
}

// rateLimit is how often a key is accepted at the most: null in both directions for no
// limit.
type rateLimit struct{ portal.RateLimit }

// limitFields is a rate limit that there is.
type limitFields struct {
	Requests int64  `json:"requests" minimum:"1" maximum:"1000000" example:"100" doc:"How many requests are accepted in a period."`
	Period   string `json:"period" enum:"second,minute,hour,day"`
	Burst    int64  `json:"burst,omitempty" minimum:"1" maximum:"1000000" example:"20" doc:"How many of them may come at once. Left out: all."`
}

// UnmarshalJSON reads a rate limit, or null.
func (l *rateLimit) UnmarshalJSON(text []byte) error {
	var fields limitFields // as it is for null
	err := readStrictly(text, &fields)
	l.RateLimit = portal.RateLimit{Requests: fields.Requests, Period: portal.Period(fields.Period), Burst: fields.Burst}
	return err
}

// MarshalJSON writes a rate limit, or null.
func (l rateLimit) MarshalJSON() ([]byte, error) {
	if !l.Limited() {
		return []byte("null"), nil
	}
	return json.Marshal(limitFields{l.Requests, string(l.Period), l.Burst})
}

// Schema is that of a rate limit, or null.
func (rateLimit) Schema(r huma.Registry) *huma.Schema {
	schema := huma.SchemaFromType(r, reflect.TypeFor[limitFields]())
	schema.Nullable = true
	return schema
}
