package portal

import (
	"strings"
	"time"
)

// RequestState is how far a request is.
type RequestState string

// The states of a request. The first three are pending.
const (
	RequestOpen      RequestState = "open"      // nobody of support has taken it yet
	RequestTaken     RequestState = "taken"     // somebody is working on it
	RequestAsked     RequestState = "asked"     // support waits for an answer of the requester
	RequestApproved  RequestState = "approved"  // its key was issued
	RequestDeclined  RequestState = "declined"  // with a reason
	RequestWithdrawn RequestState = "withdrawn" // by the requester
)

// RequestStates lists the states in the order in which filters offer them.
var RequestStates = []RequestState{RequestOpen, RequestTaken, RequestAsked, RequestApproved, RequestDeclined, RequestWithdrawn}

// Pending tells whether a request in this state is still to be decided.
func (s RequestState) Pending() bool {
	return s == RequestOpen || s == RequestTaken || s == RequestAsked
}

// Label gives the state as pages show it.
func (s RequestState) Label() string {
	switch s {
	case RequestTaken:
		return "In progress"
	case RequestAsked:
		return "Awaiting answer"
	}
	return strings.ToUpper(string(s[:1])) + string(s[1:])
}

// Request is a client's wish for a key for an application and license.
type Request struct {
	ID               int64
	OrganizationID   int64
	OrganizationName string // read only
	RequesterID      int64
	RequesterName    string // read only
	ApplicationID    int64
	ApplicationName  string // read only
	LicenseID        int64
	LicenseNumber    string // read only, like Domain
	Domain           string
	Reason           string // why, in the requester's words
	State            RequestState
	AssigneeID       int64  // who of support has taken it; 0: nobody
	AssigneeName     string // read only
	Decision         string // the reason of who decided
	KeyID            int64  // the key that was issued; 0: none
	DecidedAt        time.Time
	Version          int64
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// Name says in short what the request is for, for the Revision History.
func (r Request) Name() string { return r.ApplicationName + " for " + r.LicenseNumber }

// Record gives the request's values for the Revision History.
func (r Request) Record() Record {
	return Record{
		{"Application", r.ApplicationName},
		{"License", r.LicenseNumber},
		{"Reason", r.Reason},
		{"State", r.State.Label()},
		{"Taken by", r.AssigneeName},
		{"Decision", r.Decision},
	}
}

// RequestMessage is a question of support about a request, or the answer.
type RequestMessage struct {
	ID        int64
	RequestID int64
	UserID    int64
	UserName  string // read only
	Text      string
	CreatedAt time.Time
}

// RequestFilter narrows the list of requests. Zero values do not.
type RequestFilter struct {
	List
	OrganizationID int64
	RequesterID    int64
	AssigneeID     int64
	State          RequestState
	Pending        bool // only those that are still to be decided
}
