package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
	"keyportal/templates/ui"
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
		CanRequest: actor.Member(actor.OrganizationID) && portal.Can(actor, portal.RequestAPIKeys, actor.OrganizationID) == nil, Now: s.manage.Now(),
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

func (s *Server) showNewRequest(c echo.Context) error {
	return s.renderNewRequest(c, http.StatusOK, newForm(c, nil))
}

func (s *Server) createRequest(c echo.Context) error {
	values := c.Request().PostForm
	made, err := s.manage.CreateRequest(c.Request().Context(), manage.NewRequest{
		Submission: values.Get("submission"), OrganizationID: portal.ActorFrom(c.Request().Context()).OrganizationID,
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

// applicationOptions offers the applications for which a client can have keys.
func (s *Server) applicationOptions(c echo.Context, organization int64) ([]ui.Option, error) {
	applications, err := s.manage.Applications(c.Request().Context(), organization)
	options := []ui.Option{{Value: "", Label: "Choose an application"}}
	for _, application := range applications {
		if !application.Retired() {
			options = append(options, ui.Option{Value: strconv.FormatInt(application.ID, 10), Label: application.Name})
		}
	}
	return options, err
}

func licenseOptions(licenses []portal.License) []ui.Option {
	options := []ui.Option{{Value: "", Label: "Choose a license"}}
	for _, license := range licenses {
		label := license.Number + " · " + license.Domain
		if !license.Active {
			label += " (inactive)"
		}
		options = append(options, ui.Option{Value: strconv.FormatInt(license.ID, 10), Label: label})
	}
	return options
}

// present tells what there is already for an application and license.
func (s *Server) present(c echo.Context, application, license int64) (present page.Present, err error) {
	if application <= 0 || license <= 0 {
		return present, nil
	}
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	if present.Key, err = s.manage.LiveKeyFor(ctx, application, license); err != nil {
		if portal.CodeOf(err) == portal.CodeNotFound { // the license is none, which the form says
			err = nil
		}
		return present, err
	}
	present.SeesKey = portal.CanUseKeysOf(actor, portal.SeeKey, present.Key.OrganizationID, present.Key.UserID) == nil
	present.CanRotate = portal.CanUseKeysOf(actor, portal.ChangeKey, present.Key.OrganizationID, present.Key.UserID) == nil
	present.Request, err = s.manage.PendingRequestFor(ctx, application, license)
	present.SeesRequest = portal.CanSeeRequest(actor, present.Request) == nil
	return present, err
}

func (s *Server) showRequest(c echo.Context) error {
	request, err := s.requestOf(c)
	if err != nil {
		return err
	}
	return s.renderRequest(c, http.StatusOK, page.Form{Values: url.Values{}}, request)
}

func (s *Server) renderRequest(c echo.Context, status int, form page.Form, request manage.RequestDetails) error {
	actor := portal.ActorFrom(c.Request().Context())
	return s.render(c, status, request.Name(), page.Request{
		Form: form, Request: request.Request, Messages: request.Messages, History: page.History(request.History),
		Decides: request.Decides, Own: request.Own, Waiting: request.Waiting, Mine: request.AssigneeID == actor.UserID && actor.UserID != 0,
		SeesKey:      request.KeyID != 0 && portal.CanUseKeysOf(actor, portal.SeeKey, request.OrganizationID, request.RequesterID) == nil,
		SeesLicenses: portal.Can(actor, portal.ViewLicenses, request.OrganizationID) == nil,
		SeesUsers:    portal.Can(actor, portal.ViewUsers, request.OrganizationID) == nil,
		Now:          s.manage.Now(),
	}.Render())
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
	return s.changeRequest(c, "You are working on this request now.", func(request manage.RequestDetails, _ url.Values) error {
		return s.manage.TakeRequest(c.Request().Context(), request.ID)
	})
}

func (s *Server) askRequester(c echo.Context) error {
	return s.changeRequest(c, "Your question was sent to the requester.", func(request manage.RequestDetails, values url.Values) error {
		return s.manage.AskRequester(c.Request().Context(), request.ID, number(values, "version"), values.Get("message"))
	})
}

func (s *Server) answerRequest(c echo.Context) error {
	return s.changeRequest(c, "Your answer was sent to support.", func(request manage.RequestDetails, values url.Values) error {
		return s.manage.AnswerRequest(c.Request().Context(), request.ID, number(values, "version"), values.Get("message"))
	})
}

func (s *Server) declineRequest(c echo.Context) error {
	return s.changeRequest(c, "The request was declined.", func(request manage.RequestDetails, values url.Values) error {
		return s.manage.DeclineRequest(c.Request().Context(), request.ID, number(values, "version"), values.Get("reason"))
	})
}

func (s *Server) withdrawRequest(c echo.Context) error {
	return s.changeRequest(c, "The request was withdrawn.", func(request manage.RequestDetails, _ url.Values) error {
		return s.manage.WithdrawRequest(c.Request().Context(), request.ID)
	})
}

// showRequestWithdraw asks before a request is withdrawn.
func (s *Server) showRequestWithdraw(c echo.Context) error {
	request, err := s.requestOf(c)
	switch {
	case err != nil:
		return err
	case !request.Own:
		return portal.Denied("Only the requester can withdraw a request.")
	case !request.State.Pending():
		return s.redirect(c, page.RequestPath(request.ID))
	}
	path := page.RequestPath(request.ID)
	return s.render(c, http.StatusOK, "Withdraw request", page.Stop{
		Title: "Withdraw the request", Button: "Withdraw request", Red: true,
		Effects: []string{"Support does not work on it any more.", "You can request the key again later."},
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
	expires, err := endOfDay(values.Get("expires"))
	var made portal.Key
	if err == nil {
		made, err = s.manage.ApproveRequest(ctx, manage.Approval{
			ID: request.ID, Version: number(values, "version"), Name: values.Get("name"), Description: values.Get("description"),
			APISets: values["api_set"], ExpiresAt: expires, Note: values.Get("note"),
		})
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderApproval(c, status, withError(newForm(c, nil), err), request)
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
	view := page.Approval{Form: form, Request: request.Request, ExpiryRequired: organization.ExpiryRequired}
	if view.Offered, err = s.manage.OfferedAPISets(ctx, request.OrganizationID, request.RequesterID); err != nil {
		return err
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
