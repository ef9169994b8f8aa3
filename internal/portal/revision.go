package portal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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

// ActionDeleted is the last that happens to a thing that is gone. On SQLite the next
// one may get its ID.
const ActionDeleted = "deleted"

// RevisionFilter narrows the Revision History. Zero values do not. Its order is
// always the same: the newest line first.
type RevisionFilter struct {
	List
	Organizations []int64 // lines of these alone; 0 stands for the installation's own
	Noun          Noun
	NounID        int64     // with Noun: of this thing, since it has this ID
	UserID        int64     // about this user's account, memberships and links
	Actor         string    // username of who did it
	KeyID         int64     // what came in through this key
	Since, Until  time.Time // the instants Since <= t < Until
}

// Head is the end of the Revision History at some time: the number and the MAC of
// its last line. Who keeps one elsewhere can tell later whether lines were cut off.
type Head struct {
	Revision int64 // 0: there were no lines yet
	MAC      []byte
}

// String spells the head as the command line prints it.
func (h Head) String() string { return strings.TrimSpace(fmt.Sprintf("%d %x", h.Revision, h.MAC)) }

// Contradicts tells whether two heads are of the same line and that is not the same.
func (h Head) Contradicts(other Head) bool {
	return h.Revision == other.Revision && !bytes.Equal(h.MAC, other.MAC)
}

// ParseHeads finds the heads in what the command line printed: each is a line with a
// number and a MAC, with the word "head" before them or without; sentences are passed
// over. The error is CodeInvalid when there is none, or a line is only like one.
func ParseHeads(text string) ([]Head, error) {
	var heads []Head
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) > 0 && words[0] == "head" {
			words = words[1:]
		}
		if len(words) == 0 || len(words) > 2 && words[0][0] > '9' {
			continue
		}
		head, ok := parseHead(words)
		if !ok {
			return nil, &Error{Code: CodeInvalid, Message: fmt.Sprintf("“%.100s” is not a head of the Revision History. Give the number and the signature that “keyportal audit head” printed, on one line.", strings.TrimSpace(line))}
		}
		heads = append(heads, head)
	}
	if len(heads) == 0 {
		return nil, &Error{Code: CodeInvalid, Message: "There is no head of the Revision History here. Give the number and the signature that “keyportal audit head” printed, on one line."}
	}
	return heads, nil
}

func parseHead(words []string) (h Head, ok bool) {
	var err error
	if h.Revision, err = strconv.ParseInt(words[0], 10, 64); err != nil || h.Revision < 0 {
		return h, false
	}
	if len(words) == 1 {
		return h, h.Revision == 0
	}
	h.MAC, err = hex.DecodeString(words[1])
	return h, err == nil && len(words) == 2 && h.Revision > 0
}

// BrokenChain is the error when the Revision History was tampered with.
type BrokenChain struct {
	Revision int64 // the first line that is not as it was written
	Reason   string
}

// Error names the line and the reason.
func (b *BrokenChain) Error() string {
	return fmt.Sprintf("the Revision History was tampered with: line %d %s", b.Revision, b.Reason)
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
