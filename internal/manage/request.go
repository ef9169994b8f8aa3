package manage

import (
	"context"
	"fmt"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// Requests lists requests: all for who decides them; those of an organization with
// the authority Requests there; one's own, through a key those of its organization.
func (m *Manager) Requests(ctx context.Context, filter portal.RequestFilter) (portal.Page[portal.Request], error) {
	actor := portal.ActorFrom(ctx)
	own := filter.RequesterID == actor.UserID && actor.UserID != 0 && actor.Finds(filter.OrganizationID)
	if !own && !actor.Holds(portal.DecideRequests, 0) {
		if err := portal.Can(actor, portal.Requests, filter.OrganizationID); err != nil {
			return portal.Page[portal.Request]{}, err
		}
	}
	return m.Store.Requests(ctx, filter)
}

// RequestsWaiting counts the requests that wait for the actor: for who decides
// those that are not decided yet, for others their own that were asked back about.
// For who is signed in.
func (m *Manager) RequestsWaiting(ctx context.Context, organization int64) (int, error) {
	actor := portal.ActorFrom(ctx)
	if actor.Holds(portal.DecideRequests, 0) {
		return m.Store.OpenRequests(ctx)
	}
	if err := signedIn(actor); err != nil {
		return 0, err
	}
	return m.Store.AskedRequests(ctx, organization, actor.UserID)
}

// RequestDetails is a request with what was said about it.
type RequestDetails struct {
	portal.Request
	Messages []portal.RequestMessage
	History  []portal.Revision
	Decides  bool // the actor may take, ask, approve and decline
	Own      bool // the actor is the requester
	Waiting  bool // its key's one-time page waits for the requester
}

// Request finds a request that the actor may follow. Others are not found.
func (m *Manager) Request(ctx context.Context, id int64) (RequestDetails, error) {
	request, err := m.visibleRequest(ctx, m.Store.Queries, id)
	if err != nil {
		return RequestDetails{}, err
	}
	actor := portal.ActorFrom(ctx)
	details := RequestDetails{Request: request, Decides: actor.Holds(portal.DecideRequests, 0), Own: request.RequesterID == actor.UserID}
	if details.Messages, err = m.Store.RequestMessages(ctx, id); err != nil {
		return details, err
	}
	if request.KeyID != 0 && details.Own && actor.KeyID == 0 {
		_, _, err := openableDelivery(ctx, m.Store.Queries, request.KeyID)
		details.Waiting = err == nil
	}
	details.History, err = m.newest(ctx, portal.NounRequest, id)
	return details, err
}

func (m *Manager) visibleRequest(ctx context.Context, q store.Queries, id int64) (portal.Request, error) {
	request, err := q.Request(ctx, id)
	if err != nil {
		return portal.Request{}, err
	}
	actor := portal.ActorFrom(ctx)
	if err := portal.CanSeeRequest(actor, request); err != nil {
		if actor.SignedIn() {
			err = portal.NotFound(portal.NounRequest)
		}
		return portal.Request{}, err
	}
	return request, nil
}

// shownRequest gives of a request that the actor may not follow no more than who has
// requested a key for which application and license, and how far that is.
func shownRequest(actor portal.Actor, request portal.Request) portal.Request {
	if portal.CanSeeRequest(actor, request) == nil {
		return request
	}
	return portal.Request{
		ID: request.ID, OrganizationID: request.OrganizationID, RequesterName: request.RequesterName, State: request.State,
		ApplicationID: request.ApplicationID, ApplicationName: request.ApplicationName,
		LicenseID: request.LicenseID, LicenseNumber: request.LicenseNumber, Domain: request.Domain,
	}
}

// PendingRequestFor finds the request for an application and license that is still
// to be decided; the zero Request when there is none. For who may see the
// organization's licenses.
func (m *Manager) PendingRequestFor(ctx context.Context, application, license int64) (portal.Request, error) {
	request, err := forLicense(ctx, m, application, license, m.Store.PendingRequest)
	return shownRequest(portal.ActorFrom(ctx), request), err
}

// NewRequest is what a client's user asks support for.
type NewRequest struct {
	Submission               Submission
	OrganizationID           int64
	ApplicationID, LicenseID int64
	Reason                   string
}

// CreateRequest asks support for a key for an application and license, which is to
// be the actor's. For a member who may Request API Keys. While there is a live key
// for them, or another request, it is refused.
func (m *Manager) CreateRequest(ctx context.Context, in NewRequest) (portal.Request, error) {
	var made portal.Request
	actor := portal.ActorFrom(ctx)
	if err := portal.CanRequestKeys(actor, in.OrganizationID); err != nil {
		return made, err
	}
	err := m.change(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounRequest, &made, c.Request, func() (int64, error) {
			request, err := checkRequest(ctx, c, in)
			if err != nil {
				return 0, err
			}
			if made, err = c.InsertRequest(ctx, request); err != nil {
				return 0, err
			}
			return made.ID, c.Record(ctx, requestRevision(made, "created", portal.Diff(nil, made.Record())))
		})
	})
	return made, err
}

func checkRequest(ctx context.Context, c *store.Change, in NewRequest) (portal.Request, error) {
	request := portal.Request{
		OrganizationID: in.OrganizationID, RequesterID: portal.ActorFrom(ctx).UserID, ApplicationID: in.ApplicationID, LicenseID: in.LicenseID, State: portal.RequestOpen,
	}
	var invalid portal.Invalid
	request.Reason = invalid.Description("reason", "reason", in.Reason)
	invalid.Check(portal.Fold(request.Reason) != "", "reason", "Say what the key is for and who will use it: support decides by that.")
	invalid.Check(in.ApplicationID != 0, "application", "Choose the application that the key is for.")
	invalid.Check(in.LicenseID != 0, "license", "Choose the license that the key is for.")
	if err := checkBond(ctx, c.Queries, &invalid, portal.Key{Kind: portal.TokenKey, OrganizationID: in.OrganizationID, ApplicationID: in.ApplicationID, LicenseID: in.LicenseID}); err != nil {
		return request, err
	}
	if invalid.Err() == nil {
		license, err := c.License(ctx, in.LicenseID)
		if err != nil {
			return request, err
		}
		organization, err := c.Organization(ctx, in.OrganizationID)
		if err != nil {
			return request, err
		}
		invalid.Check(!organization.Suspended, "license", organization.Name+" is suspended, so that its keys are refused. Ask support first.")
		invalid.Check(license.Active, "license", "This license is not active, so that its keys are refused. Ask support to activate it first.")
		other, err := c.PendingRequest(ctx, in.ApplicationID, in.LicenseID)
		message := fmt.Sprintf("%s has requested a key for %s and the license %s already. Follow that request instead.", other.RequesterName, other.ApplicationName, other.LicenseNumber)
		if err := taken(&invalid, "application", message, err); err != nil {
			return request, err
		}
	}
	return request, invalid.Err()
}

// TakeRequest makes the actor the one of support who works on a request; it can be
// taken over. For who decides requests.
func (m *Manager) TakeRequest(ctx context.Context, id, version int64) error {
	return m.changeRequest(ctx, id, func(c *store.Change, was portal.Request) error {
		actor := portal.ActorFrom(ctx)
		if err := portal.Can(actor, portal.DecideRequests, 0); err != nil {
			return err
		}
		if was.AssigneeID == actor.UserID {
			return errUnchanged
		}
		if err := fresh(was, version); err != nil {
			return err
		}
		request := was
		takeRequest(ctx, &request)
		return putRequest(ctx, c, was, request, "took")
	})
}

// takeRequest notes that the actor works on a request from now on.
func takeRequest(ctx context.Context, request *portal.Request) {
	actor := portal.ActorFrom(ctx)
	request.AssigneeID, request.AssigneeName = actor.UserID, actor.Name
	if request.State == portal.RequestOpen {
		request.State = portal.RequestTaken
	}
}

// AskRequester asks a requester back about a request. For who decides requests.
func (m *Manager) AskRequester(ctx context.Context, id, version int64, question string) error {
	return m.decideRequest(ctx, id, version, func(c *store.Change, was portal.Request) error {
		request := was
		takeRequest(ctx, &request)
		request.State = portal.RequestAsked
		return putMessage(ctx, c, was, request, question, "question", "asked back")
	})
}

// AnswerRequest answers what support asked about a request. For the requester.
func (m *Manager) AnswerRequest(ctx context.Context, id, version int64, answer string) error {
	return m.changeRequest(ctx, id, func(c *store.Change, was portal.Request) error {
		if err := portal.CanAnswerRequest(portal.ActorFrom(ctx), was); err != nil {
			return err
		}
		if err := fresh(was, version); err != nil {
			return err
		}
		request := was
		if was.State == portal.RequestAsked {
			request.State = portal.RequestTaken
		}
		return putMessage(ctx, c, was, request, answer, "answer", "answered")
	})
}

// putMessage adds what was said about a request.
func putMessage(ctx context.Context, c *store.Change, was, request portal.Request, text, label, action string) error {
	var invalid portal.Invalid
	text = invalid.Description("message", label, text)
	invalid.Check(portal.Fold(text) != "", "message", "Enter your "+label+".")
	if err := invalid.Err(); err != nil {
		return err
	}
	if err := c.InsertRequestMessage(ctx, portal.RequestMessage{RequestID: was.ID, UserID: portal.ActorFrom(ctx).UserID, Text: text}); err != nil {
		return err
	}
	return putRequest(ctx, c, was, request, action)
}

// Approval is what support decides when a request is approved.
type Approval struct {
	ID, Version int64
	Name        string
	Description string
	APISets     []string  // slugs
	ExpiresAt   time.Time // zero: never
	Note        string    // for the requester; may be empty

	AllowedNetworks []string         // addresses and CIDR; empty: from anywhere
	RateLimit       portal.RateLimit // zero: none
}

// ApproveRequest issues the key that was asked for, mapped to the requester, who
// gets its secret by a one-time page; nobody else sees it. For who decides
// requests.
func (m *Manager) ApproveRequest(ctx context.Context, in Approval) (portal.Key, error) {
	var made portal.Key
	err := m.decideRequest(ctx, in.ID, in.Version, func(c *store.Change, was portal.Request) error {
		var invalid portal.Invalid
		request := was
		request.Decision = invalid.Description("note", "note", in.Note)
		if err := invalid.Err(); err != nil {
			return err
		}
		issued, err := m.insertKey(ctx, c, NewKey{
			OrganizationID: was.OrganizationID, LicenseID: was.LicenseID, ApplicationID: was.ApplicationID, UserID: was.RequesterID,
			Name: in.Name, Description: in.Description, APISets: in.APISets, ExpiresAt: in.ExpiresAt, Deliver: true,
			AllowedNetworks: in.AllowedNetworks, RateLimit: in.RateLimit,
		}, "issued")
		if err != nil {
			return err
		}
		made = issued.Key
		takeRequest(ctx, &request)
		request.State, request.KeyID, request.DecidedAt = portal.RequestApproved, made.ID, c.Now()
		return putRequest(ctx, c, was, request, "approved")
	})
	return made, err
}

// DeclineRequest declines a request with a reason. For who decides requests.
func (m *Manager) DeclineRequest(ctx context.Context, id, version int64, reason string) error {
	return m.decideRequest(ctx, id, version, func(c *store.Change, was portal.Request) error {
		var invalid portal.Invalid
		request := was
		request.Decision = invalid.Description("reason", "reason", reason)
		invalid.Check(portal.Fold(request.Decision) != "", "reason", "Enter the reason: the requester reads it.")
		if err := invalid.Err(); err != nil {
			return err
		}
		takeRequest(ctx, &request)
		request.State, request.DecidedAt = portal.RequestDeclined, c.Now()
		return putRequest(ctx, c, was, request, "declined")
	})
}

// WithdrawRequest takes a request back, whatever was said about it meanwhile. For the
// requester, and for members with the authority Requests.
func (m *Manager) WithdrawRequest(ctx context.Context, id int64) error {
	return m.changeRequest(ctx, id, func(c *store.Change, was portal.Request) error {
		if err := portal.CanWithdrawRequest(portal.ActorFrom(ctx), was); err != nil {
			return err
		}
		request := was
		request.State, request.DecidedAt = portal.RequestWithdrawn, c.Now()
		return putRequest(ctx, c, was, request, "withdrew")
	})
}

// fulfilRequest approves the request that a key fulfils which was issued straight
// away: nobody has to decide it any more.
func fulfilRequest(ctx context.Context, c *store.Change, key portal.Key) error {
	if key.ApplicationID == 0 {
		return nil
	}
	was, err := c.PendingRequest(ctx, key.ApplicationID, key.LicenseID)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	request := was
	takeRequest(ctx, &request)
	request.State, request.KeyID, request.DecidedAt = portal.RequestApproved, key.ID, c.Now()
	request.Decision = "The key was issued straight away, for " + key.UserName + "."
	return putRequest(ctx, c, was, request, "approved")
}

// TellRequester mails a requester that support has a question, or has declined a
// request, and where to read it. Without mail set up nothing is sent: the portal's
// pages say it. The error says that the mail did not go out.
func (m *Manager) TellRequester(ctx context.Context, id int64) error {
	request, err := m.visibleRequest(ctx, m.Store.Queries, id)
	if err != nil || m.Mailer == nil {
		return err
	}
	requester, err := m.Store.User(ctx, request.RequesterID)
	if err != nil {
		return err
	}
	news := "support has a question about your request"
	if request.State == portal.RequestDeclined {
		news = "support has declined your request"
	}
	text := "Hello " + requester.Name() + ",\n\n" +
		news + " for an API key (" + request.Name() + "). Log in to read it:\n\n" +
		m.BaseURL.JoinPath("requests", fmt.Sprint(id)).String() + "\n"
	return m.Mailer.Send(ctx, requester.Email, "Your request for an API key", text)
}

// decideRequest is changeRequest for who decides requests and saw the one of a
// version.
func (m *Manager) decideRequest(ctx context.Context, id, version int64, fn func(*store.Change, portal.Request) error) error {
	return m.changeRequest(ctx, id, func(c *store.Change, request portal.Request) error {
		if err := portal.Can(portal.ActorFrom(ctx), portal.DecideRequests, 0); err != nil {
			return err
		}
		if err := fresh(request, version); err != nil {
			return err
		}
		return fn(c, request)
	})
}

// fresh refuses what was decided by looking at an older version of a request.
func fresh(request portal.Request, version int64) error {
	if version != request.Version {
		return portal.Stale(portal.NounRequest)
	}
	return nil
}

// changeRequest runs fn on a request that the actor may follow and that is still to
// be decided.
func (m *Manager) changeRequest(ctx context.Context, id int64, fn func(*store.Change, portal.Request) error) error {
	return m.change(ctx, func(c *store.Change) error {
		request, err := m.visibleRequest(ctx, c.Queries, id)
		if err != nil {
			return err
		}
		if !request.State.Pending() {
			return portal.Conflict("This request was decided already: " + request.State.Label() + ". Nothing was changed.")
		}
		return fn(c, request)
	})
}

func putRequest(ctx context.Context, c *store.Change, was, request portal.Request, action string) error {
	if err := c.UpdateRequest(ctx, request); err != nil {
		return err
	}
	return c.Record(ctx, requestRevision(request, action, portal.Diff(was.Record(), request.Record())))
}

func requestRevision(request portal.Request, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{
		OrganizationID: request.OrganizationID, Noun: portal.NounRequest, NounID: request.ID, NounName: request.Name(),
		UserID: request.RequesterID, Action: action, Changes: changes,
	}
}
