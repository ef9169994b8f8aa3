package api

import (
	"context"
	"net/http"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Request is a client's wish for an API key for an application and license.
type Request struct {
	ID              int64     `json:"id" example:"9"`
	OrgID           int64     `json:"orgId" example:"42"`
	OrgName         string    `json:"orgName" example:"Example Inc."`
	RequesterID     int64     `json:"requesterId" example:"1732" doc:"The user who asked, whose key it will be."`
	RequesterName   string    `json:"requesterName" example:"Ada Lovelace"`
	ApplicationID   int64     `json:"applicationId" example:"1"`
	ApplicationName string    `json:"applicationName" example:"Workflow"`
	LicenseID       int64     `json:"licenseId" example:"11"`
	LicenseNumber   string    `json:"licenseNumber" example:"12345678"`
	Domain          string    `json:"domain" example:"Example Europe"`
	Reason          string    `json:"reason"`
	State           string    `json:"state" enum:"open,taken,asked,approved,declined,withdrawn" doc:"open, taken (support works on it) and asked (support waits for an answer) are pending; the others are final."`
	AssigneeID      int64     `json:"assigneeId,omitempty" doc:"Who of support has taken it."`
	AssigneeName    string    `json:"assigneeName,omitempty"`
	Decision        string    `json:"decision" doc:"The words of who decided."`
	KeyID           int64     `json:"keyId,omitempty" doc:"The API key that was issued."`
	DecidedAt       instant   `json:"decidedAt" doc:"null: not yet."`
	CreatedAt       time.Time `json:"createdAt"`
	UpdatedAt       time.Time `json:"updatedAt"`
}

func requestOf(r portal.Request) Request {
	return Request{
		ID: r.ID, OrgID: r.OrganizationID, OrgName: r.OrganizationName, RequesterID: r.RequesterID, RequesterName: r.RequesterName,
		ApplicationID: r.ApplicationID, ApplicationName: r.ApplicationName, LicenseID: r.LicenseID, LicenseNumber: r.LicenseNumber, Domain: r.Domain,
		Reason: r.Reason, State: string(r.State), AssigneeID: r.AssigneeID, AssigneeName: r.AssigneeName, Decision: r.Decision, KeyID: r.KeyID,
		DecidedAt: instant{r.DecidedAt}, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// RequestMessage is a question of support about a request, or the answer.
type RequestMessage struct {
	UserID    int64     `json:"userId"`
	UserName  string    `json:"userName"`
	Text      string    `json:"text"`
	CreatedAt time.Time `json:"createdAt"`
}

// RequestWithMessages is a request with what was said about it.
type RequestWithMessages struct {
	Request
	Messages []RequestMessage `json:"messages" nullable:"false" doc:"The oldest first."`
}

// RequestPath names a request.
type RequestPath struct {
	RequestID int64 `path:"requestId" minimum:"1" example:"9"`
}

func addRequests(a *API) {
	decide := needs(portal.DecideRequests)
	add(a, operation{http.MethodGet, "/requests", "listRequests", "request", "list requests",
		"All for who decides them; those of an organization with the authority Requests there; your own.", signedIn}, a.listRequests)
	add(a, operation{http.MethodPost, "/requests", "createRequest", "request", "request an API key",
		"Asks support for a key for an application and license, which is to be yours. For members who may Request API Keys.", needs(portal.RequestAPIKeys)}, a.createRequest)
	add(a, operation{http.MethodGet, "/requests/{requestId}", "getRequest", "request", "load a request", "With what was said about it. For who may follow it.", signedIn}, a.getRequest)
	add(a, operation{http.MethodPost, "/requests/{requestId}/take", "takeRequest", "request", "take a request", "You work on it from now on. For who decides requests.", decide}, a.takeRequest)
	add(a, operation{http.MethodPost, "/requests/{requestId}/ask", "askRequester", "request", "ask the requester back", "For who decides requests.", decide}, a.askRequester)
	add(a, operation{http.MethodPost, "/requests/{requestId}/answer", "answerRequest", "request", "answer what support asked", "For the requester.", signedIn}, a.answerRequest)
	add(a, operation{http.MethodPost, "/requests/{requestId}/approve", "approveRequest", "request", "approve a request",
		"Issues the key. Its secret is made when the requester opens the one-time page in the portal; nobody else gets it. For who decides requests.", decide}, a.approveRequest)
	add(a, operation{http.MethodPost, "/requests/{requestId}/decline", "declineRequest", "request", "decline a request", "With a reason. For who decides requests.", decide}, a.declineRequest)
	add(a, operation{http.MethodPost, "/requests/{requestId}/withdraw", "withdrawRequest", "request", "withdraw a request", "For the requester, and for members with the authority Requests.", signedIn}, a.withdrawRequest)
}

type requestFilter struct {
	Paging
	Q           string `query:"q" maxLength:"500" doc:"Words that the client, the requester, the application, the license or the domain has."`
	OrgID       int64  `query:"orgId" minimum:"1" doc:"Of this organization alone. Without it: for who decides of all, for others of the one that they work in."`
	RequesterID int64  `query:"requesterId" minimum:"1"`
	AssigneeID  int64  `query:"assigneeId" minimum:"1"`
	State       string `query:"state" enum:"open,taken,asked,approved,declined,withdrawn"`
	Pending     bool   `query:"pending" doc:"Only those that are still to be decided."`
	Sort        string `query:"sort" enum:"created,-created,client,-client,application,-application" doc:"By what; with a minus the other way round."`
}

func (a *API) listRequests(ctx context.Context, in *requestFilter) (*listed[Request], error) {
	actor := portal.ActorFrom(ctx)
	filter := portal.RequestFilter{
		List: sorted(in.list(), in.Sort, nil), OrganizationID: organizationOr(ctx, in.OrgID), RequesterID: in.RequesterID, AssigneeID: in.AssigneeID,
		State: portal.RequestState(in.State), Pending: in.Pending,
	}
	filter.Search = in.Q
	if filter.RequesterID == 0 && !actor.Holds(portal.DecideRequests, 0) && !actor.Holds(portal.Requests, filter.OrganizationID) {
		filter.RequesterID = actor.UserID
	}
	page, err := a.manage.Requests(ctx, filter)
	if err != nil {
		return nil, err
	}
	return listOf(page, requestOf), nil
}

// RequestFields is what is asked of support.
type RequestFields struct {
	OrgID         int64  `json:"orgId,omitempty" minimum:"1" doc:"Without it, the organization that you work in."`
	ApplicationID int64  `json:"applicationId" minimum:"1" example:"1"`
	LicenseID     int64  `json:"licenseId" minimum:"1" example:"11"`
	Reason        string `json:"reason" maxLength:"1000" doc:"What the key is for and who will use it." example:"For our new warehouse."`
}

type newRequest struct {
	Idempotent
	Body RequestFields
}

func (a *API) createRequest(ctx context.Context, in *newRequest) (*made[Request], error) {
	submission, err := in.submission("createRequest", in.Body)
	if err != nil {
		return nil, err
	}
	request, err := a.manage.CreateRequest(ctx, manage.NewRequest{
		Submission: submission, OrganizationID: inOrganization{in.Body.OrgID}.of(ctx), ApplicationID: in.Body.ApplicationID, LicenseID: in.Body.LicenseID, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &made[Request]{Location: address("requests", request.ID), ETag: etag(request.Version), Body: requestOf(request)}, nil
}

func (a *API) getRequest(ctx context.Context, in *RequestPath) (*found[RequestWithMessages], error) {
	details, err := a.manage.Request(ctx, in.RequestID)
	if err != nil {
		return nil, err
	}
	messages := each(details.Messages, func(m portal.RequestMessage) RequestMessage {
		return RequestMessage{m.UserID, m.UserName, m.Text, m.CreatedAt}
	})
	return &found[RequestWithMessages]{ETag: etag(details.Version), Body: RequestWithMessages{requestOf(details.Request), messages}}, nil
}

// ChangedRequest names a request that is to be changed.
type ChangedRequest struct {
	RequestPath
	Conditional
}

// Message is what is said about a request.
type Message struct {
	Text string `json:"text" maxLength:"1000" example:"Which domain is it for?"`
}

type saidOfRequest struct {
	ChangedRequest
	Body Message
}

// onRequest does something to a request as it is now, or as If-Match says, and answers
// with what it has become.
func (a *API) onRequest(ctx context.Context, in ChangedRequest, do func(id, version int64) error) (*found[RequestWithMessages], error) {
	details, err := a.manage.Request(ctx, in.RequestID)
	if err == nil {
		err = in.check(portal.NounRequest, details.Version)
	}
	if err == nil {
		err = do(details.ID, details.Version)
	}
	if err != nil {
		return nil, err
	}
	return a.getRequest(ctx, &in.RequestPath)
}

func (a *API) takeRequest(ctx context.Context, in *ChangedRequest) (*found[RequestWithMessages], error) {
	return a.onRequest(ctx, *in, func(id, version int64) error { return a.manage.TakeRequest(ctx, id, version) })
}

func (a *API) askRequester(ctx context.Context, in *saidOfRequest) (*found[RequestWithMessages], error) {
	return a.onRequest(ctx, in.ChangedRequest, func(id, version int64) error {
		if err := a.manage.AskRequester(ctx, id, version, in.Body.Text); err != nil {
			return err
		}
		a.warnUnsent(ctx, a.manage.TellRequester(ctx, id))
		return nil
	})
}

func (a *API) answerRequest(ctx context.Context, in *saidOfRequest) (*found[RequestWithMessages], error) {
	return a.onRequest(ctx, in.ChangedRequest, func(id, version int64) error { return a.manage.AnswerRequest(ctx, id, version, in.Body.Text) })
}

func (a *API) declineRequest(ctx context.Context, in *saidOfRequest) (*found[RequestWithMessages], error) {
	return a.onRequest(ctx, in.ChangedRequest, func(id, version int64) error {
		if err := a.manage.DeclineRequest(ctx, id, version, in.Body.Text); err != nil {
			return err
		}
		a.warnUnsent(ctx, a.manage.TellRequester(ctx, id))
		return nil
	})
}

func (a *API) withdrawRequest(ctx context.Context, in *ChangedRequest) (*found[RequestWithMessages], error) {
	return a.onRequest(ctx, *in, func(id, _ int64) error { return a.manage.WithdrawRequest(ctx, id) })
}

// Approval is what support decides when a request is approved.
type Approval struct {
	Name        string   `json:"name" maxLength:"100" doc:"Of the key; unique among the requester's." example:"Warehouse"`
	Description string   `json:"description,omitempty" maxLength:"1000"`
	APISets     []string `json:"apiSets" nullable:"false" maxItems:"1000" doc:"Slugs." example:"[\"billing\"]"`
	ExpiresAt   instant  `json:"expiresAt,omitzero" doc:"null or left out: never."`
	Note        string   `json:"note,omitempty" maxLength:"1000" doc:"For the requester."`
	NewBounds
}

type approvedRequest struct {
	ChangedRequest
	Body Approval
}

func (a *API) approveRequest(ctx context.Context, in *approvedRequest) (*found[RequestWithMessages], error) {
	return a.onRequest(ctx, in.ChangedRequest, func(id, version int64) error {
		key, err := a.manage.ApproveRequest(ctx, manage.Approval{
			ID: id, Version: version, Name: in.Body.Name, Description: in.Body.Description, APISets: in.Body.APISets, ExpiresAt: in.Body.ExpiresAt.Time, Note: in.Body.Note,
			AllowedNetworks: in.Body.AllowedNetworks, RateLimit: in.Body.RateLimit.RateLimit,
		})
		if err == nil {
			a.warnUnsent(ctx, a.manage.TellOfDelivery(ctx, key))
		}
		return err
	})
}

// warnUnsent notes that the mail about a change that was made did not go out: the
// portal tells its user all the same.
func (a *API) warnUnsent(ctx context.Context, err error) {
	if err != nil {
		a.Log.WarnContext(ctx, "A mail about a change could not be sent.", "error", err)
	}
}
