package portal

import (
	"encoding/json"
	"time"
)

// Noun is a kind of thing that revisions speak of.
type Noun string

// The nouns.
const (
	NounInstallation Noun = "installation"
	NounOrganization Noun = "organization"
	NounUser         Noun = "user"
	NounMembership   Noun = "membership"
	NounRole         Noun = "role"
	NounGroup        Noun = "group"
	NounAPISet       Noun = "api_set"
	NounApplication  Noun = "application"
	NounLicense      Noun = "license"
	NounInstance     Noun = "instance"
	NounKey          Noun = "key"
	NounRequest      Noun = "request"
	NounLink         Noun = "link"
	NounSession      Noun = "session"
	NounLevel        Noun = "level"
)

// Label gives the noun as sentences use it.
func (n Noun) Label() string {
	switch n {
	case NounAPISet:
		return "API set"
	case NounKey:
		return "API key"
	case NounLevel:
		return "client level"
	}
	return string(n)
}

// Attribute is one value of a thing, named as pages name it.
type Attribute struct{ Name, Value string }

// Record is a thing's values in the order in which pages show them. It never
// holds a secret.
type Record []Attribute

// ValueChange is what one value was before and is after.
type ValueChange struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Diff lists the values that differ. Either side may be nil: nothing before,
// or nothing after.
func Diff(before, after Record) []ValueChange {
	was := map[string]string{}
	for _, attribute := range before {
		was[attribute.Name] = attribute.Value
	}
	var changes []ValueChange
	for _, attribute := range after {
		if old := was[attribute.Name]; old != attribute.Value {
			changes = append(changes, ValueChange{attribute.Name, old, attribute.Value})
		}
		delete(was, attribute.Name)
	}
	for _, attribute := range before {
		if old, gone := was[attribute.Name]; gone && old != "" {
			changes = append(changes, ValueChange{attribute.Name, old, ""})
		}
	}
	return changes
}

// Revision is one line of the Revision History.
type Revision struct {
	ID               int64 // 1, 2, 3 … without a gap
	At               time.Time
	ActorID          int64 // 0: the command line or the program itself
	ActorName        string
	KeyID            int64 // the key through which it came in; 0: none
	KeyName          string
	ImpersonatorID   int64
	ImpersonatorName string
	Address          string
	OrganizationID   int64 // 0: the installation
	Noun             Noun
	NounID           int64
	NounName         string
	UserID           int64  // the user whom it is about; 0: none
	Action           string // "created", "revoked", …
	Changes          []ValueChange
	MAC              []byte // HMAC over this line and its predecessor's MAC
}

// Bytes gives what the revision's MAC covers: all of its values and the MAC of
// its predecessor.
func (r Revision) Bytes(previous []byte) []byte {
	r.MAC = append([]byte{}, previous...) // never nil: it encodes otherwise
	encoded, err := json.Marshal(struct {
		Revision
		At int64
	}{r, r.At.UnixMicro()})
	if err != nil {
		panic("portal: a revision is made of plain values: " + err.Error())
	}
	return encoded
}
