package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// listRequests shows the queue of all clients' requests to who decides them, those of
// the organization to who may see them, and others their own.
func (s *Server) listRequests(c echo.Context) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	decides := actor.Holds(portal.DecideRequests, 0)
	if actor.OrganizationID == 0 && !decides {
		return s.renderNoOrganization(c, http.StatusOK, "Requests")
	}
	filter := requestFilter(c)
	found, err := s.manage.Requests(ctx, filter)
	if err != nil {
		return err
	}
	view := page.Requests{
		Rows: found.Rows, List: viewList(c, filter.List, found.Next), Decides: decides, Mine: filter.RequesterID != 0,
		CanRequest: portal.CanRequestKeys(actor, actor.OrganizationID) == nil, Now: s.manage.Now(),
	}
	if decides {
		if view.Organizations, err = s.organizationOptions(ctx); err != nil {
			return err
		}
	}
	return s.render(c, http.StatusOK, "Requests", view.Render())
}

// requestFilter reads from a list's address which requests are wanted: besides what
// listOf reads, state ("" for those that are still to be decided, "all", or a state)
// and, for who decides, organization and taken ("me").
func requestFilter(c echo.Context) portal.RequestFilter {
	actor := portal.ActorFrom(c.Request().Context())
	query := c.QueryParams()
	filter := portal.RequestFilter{List: listOf(c), OrganizationID: actor.OrganizationID}
	switch state := query.Get("state"); state {
	case "":
		filter.Pending = actor.Holds(portal.DecideRequests, 0)
	case "all":
	default:
		filter.State = portal.RequestState(state)
	}
	switch {
	case actor.Holds(portal.DecideRequests, 0):
		filter.OrganizationID = number(query, "organization")
		if query.Get("taken") == "me" {
			filter.AssigneeID = actor.UserID
		}
	case !actor.Holds(portal.Requests, actor.OrganizationID):
		filter.RequesterID = actor.UserID
	}
	return filter
}

// showNewRequest leads staff to issuing: requests come from a client's own users.
func (s *Server) showNewRequest(c echo.Context) error {
	actor, query := portal.ActorFrom(c.Request().Context()), c.QueryParams()
	if organization := actor.OrganizationID; organization != 0 && !actor.Member(organization) {
		return s.redirect(c, "/keys/issue?"+url.Values{"application": query["application"], "license": query["license"]}.Encode())
	}
	return s.renderNewRequest(c, http.StatusOK, newForm(c, nil))
}

func (s *Server) createRequest(c echo.Context) error {
	values := c.Request().PostForm
	made, err := s.manage.CreateRequest(c.Request().Context(), manage.NewRequest{
		Submission: submissionOf(values), OrganizationID: portal.ActorFrom(c.Request().Context()).OrganizationID,
		ApplicationID: number(values, "application"), LicenseID: number(values, "license"), Reason: values.Get("reason"),
	})
	if err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderNewRequest(c, status, withError(newForm(c, nil), err)) })
	}
	return s.redirectWith(c, page.RequestPath(made.ID), "Your request was sent. You see here what becomes of it.")
}

func (s *Server) renderNewRequest(c echo.Context, status int, form page.Form) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	if actor.OrganizationID == 0 {
		return s.renderNoOrganization(c, status, "Request an API key")
	}
	view := page.NewRequest{Form: form}
	var err error
	if view.Organization, err = s.manage.Organization(ctx, actor.OrganizationID); err != nil {
		return err
	}
	if view.Applications, err = s.applicationOptions(c, actor.OrganizationID); err != nil {
		return err
	}
	licenses, err := s.manage.Licenses(ctx, actor.OrganizationID)
	if err != nil {
		return err
	}
	view.Licenses = licenseOptions(licenses)
	if view.Present, err = s.present(c, number(form.Values, "application"), number(form.Values, "license")); err != nil {
		return err
	}
	return s.render(c, status, "Request an API key", view.Render())
}

func (s *Server) showRequest(c echo.Context) error {
	request, err := s.requestOf(c)
	if err != nil {
		return err
	}
	return s.renderRequest(c, http.StatusOK, newForm(c, url.Values{}), request)
}

func (s *Server) renderRequest(c echo.Context, status int, form page.Form, request manage.RequestDetails) error {
	actor := portal.ActorFrom(c.Request().Context())
	return s.render(c, status, request.Name(), page.Request{
		Form: form, Request: request.Request, Messages: request.Messages, History: page.History(request.History),
		Decides: request.Decides, Own: request.Own, CanWithdraw: portal.CanWithdrawRequest(actor, request.Request) == nil, Waiting: request.Waiting, Mine: request.AssigneeID == actor.UserID && actor.UserID != 0,
		SeesKey:      request.KeyID != 0 && s.seesKey(c.Request().Context(), request.KeyID),
		SeesLicenses: portal.Can(actor, portal.ViewLicenses, request.OrganizationID) == nil,
		SeesUsers:    portal.Can(actor, portal.ViewUsers, request.OrganizationID) == nil,
		Now:          s.manage.Now(),
	}.Render())
}

// seesKey tells whether a key's page opens to the actor: the key that a request led to
// may be mapped to somebody else than the requester.
func (s *Server) seesKey(ctx context.Context, id int64) bool {
	_, err := s.manage.Key(ctx, id)
	return err == nil
}

// changeRequest does something to the request of the address and shows it anew; with
// what was typed when it was refused.
func (s *Server) changeRequest(c echo.Context, done string, act func(request manage.RequestDetails, values url.Values) error) error {
	request, err := s.requestOf(c)
	if err != nil {
		return err
	}
	if err := act(request, c.Request().PostForm); err != nil {
		return s.answerForm(c, err, func(status int) error {
			now, again := s.requestOf(c)
			if again != nil {
				return again
			}
			return s.renderRequest(c, status, withError(newForm(c, nil), err), now)
		})
	}
	return s.redirectWith(c, page.RequestPath(request.ID), done)
}

func (s *Server) takeRequest(c echo.Context) error {
	return s.changeRequest(c, "You are working on this request now.", func(request manage.RequestDetails, values url.Values) error {
		return s.manage.TakeRequest(c.Request().Context(), request.ID, number(values, "version"))
	})
}

func (s *Server) askRequester(c echo.Context) error {
	return s.changeRequest(c, "Your question was sent to the requester.", func(request manage.RequestDetails, values url.Values) error {
		if err := s.manage.AskRequester(c.Request().Context(), request.ID, number(values, "version"), values.Get("message")); err != nil {
			return err
		}
		s.tellRequester(c, request.ID)
		return nil
	})
}

func (s *Server) answerRequest(c echo.Context) error {
	return s.changeRequest(c, "Your answer was sent to support.", func(request manage.RequestDetails, values url.Values) error {
		return s.manage.AnswerRequest(c.Request().Context(), request.ID, number(values, "version"), values.Get("message"))
	})
}

func (s *Server) declineRequest(c echo.Context) error {
	return s.changeRequest(c, "The request was declined.", func(request manage.RequestDetails, values url.Values) error {
		if err := s.manage.DeclineRequest(c.Request().Context(), request.ID, number(values, "version"), values.Get("reason")); err != nil {
			return err
		}
		s.tellRequester(c, request.ID)
		return nil
	})
}

// tellRequester mails the news about a request, which is changed whether the mail goes
// out or not.
func (s *Server) tellRequester(c echo.Context, request int64) {
	if err := s.manage.TellRequester(c.Request().Context(), request); err != nil {
		s.Log.Error("an e-mail about a request was not sent", "request", request, "error", err)
	}
}

func (s *Server) withdrawRequest(c echo.Context) error {
	return s.changeRequest(c, "The request was withdrawn.", func(request manage.RequestDetails, _ url.Values) error {
		return s.manage.WithdrawRequest(c.Request().Context(), request.ID)
	})
}

// showRequestWithdraw asks before a request is withdrawn.
func (s *Server) showRequestWithdraw(c echo.Context) error {
	request, err := s.requestOf(c)
	if err == nil {
		err = portal.CanWithdrawRequest(portal.ActorFrom(c.Request().Context()), request.Request)
	}
	switch {
	case err != nil:
		return err
	case !request.State.Pending():
		return s.redirect(c, page.RequestPath(request.ID))
	}
	path := page.RequestPath(request.ID)
	return s.render(c, http.StatusOK, "Withdraw request", page.Stop{
		Title: "Withdraw the request", Button: "Withdraw request", Red: true,
		Effects: []string{"Support does not work on it any more.", "The key can be requested again later."},
		Action:  path + "/withdraw", BackLabel: request.Name(), CancelHref: path, Now: s.manage.Now(),
	}.Render())
}

func (s *Server) showApproval(c echo.Context) error {
	request, err := s.requestOf(c)
	if err != nil {
		return err
	}
	if !request.State.Pending() {
		return s.redirect(c, page.RequestPath(request.ID))
	}
	return s.renderApproval(c, http.StatusOK, newForm(c, url.Values{
		"version": {strconv.FormatInt(request.Version, 10)}, "name": {page.ApplicationKeyName(request.ApplicationName, request.Domain)},
	}), request)
}

// approveRequest issues the key, whose secret the requester alone gets to see.
func (s *Server) approveRequest(c echo.Context) error {
	request, err := s.requestOf(c)
	if err != nil {
		return err
	}
	ctx, values := c.Request().Context(), c.Request().PostForm
	bounds, err := s.boundsOf(values, portal.Key{})
	var made portal.Key
	if err == nil {
		made, err = s.manage.ApproveRequest(ctx, manage.Approval{
			ID: request.ID, Version: number(values, "version"), Name: values.Get("name"), Description: values.Get("description"),
			APISets: values["api_set"], ExpiresAt: bounds.ExpiresAt, AllowedNetworks: bounds.AllowedNetworks, RateLimit: bounds.RateLimit, Note: values.Get("note"),
		})
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			now, again := s.requestOf(c)
			if again != nil {
				return again
			}
			form := withError(newForm(c, nil), err)
			form.Values.Set("version", strconv.FormatInt(now.Version, 10)) // the page shows what there is now
			return s.renderApproval(c, status, form, now)
		})
	}
	return s.redirectWith(c, page.RequestPath(request.ID), "The key was issued. "+s.tellOfDelivery(c, made))
}

func (s *Server) renderApproval(c echo.Context, status int, form page.Form, request manage.RequestDetails) error {
	ctx := c.Request().Context()
	organization, err := s.manage.Organization(ctx, request.OrganizationID)
	if err != nil {
		return err
	}
	view := page.Approval{
		Form: form, Request: request.Request, Messages: request.Messages, Expiry: s.expiryChoice(organization), Now: s.manage.Now(),
	}
	if view.Offered, err = s.manage.OfferedAPISets(ctx, request.OrganizationID, request.RequesterID); err != nil {
		return err
	}
	if status == http.StatusOK && !form.Values.Has("api_set") {
		form.Values["api_set"] = portal.Slugs(view.Offered)
	}
	if view.Present, err = s.present(c, request.ApplicationID, request.LicenseID); err != nil {
		return err
	}
	return s.render(c, status, "Approve request", view.Render())
}

func (s *Server) requestOf(c echo.Context) (manage.RequestDetails, error) {
	id, err := pathID(c, "id", portal.NounRequest)
	if err != nil {
		return manage.RequestDetails{}, err
	}
	return s.manage.Request(c.Request().Context(), id)
}
