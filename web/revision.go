package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/page"
	"keyportal/templates/ui"
)

// listHistory shows the Revision History: of one thing, of the organization that one
// is working in or, for who may see all, of any.
func (s *Server) listHistory(c echo.Context) error {
	ctx := c.Request().Context()
	subject, err := s.historySubject(c)
	if err != nil {
		return err
	}
	if subject.Noun == "" && nowhere(c) {
		return s.renderNoOrganization(c, http.StatusOK, "Revision History")
	}
	filter, err := historyFilter(c, subject)
	view := page.Revisions{Subject: subject, CanVerify: portal.Can(portal.ActorFrom(ctx), portal.System, 0) == nil, Now: s.manage.Now()}
	if problems := portal.FieldsOf(err); len(problems) > 0 {
		view.Problem = problems[0] // one gets here while choosing days, which is no fault
		return s.renderHistory(c, view, filter, "")
	}
	if err != nil {
		return err
	}
	found, err := s.manage.Revisions(ctx, filter)
	if err != nil {
		return err
	}
	var names map[int64]string
	if len(filter.Organizations) != 1 && filter.NounID == 0 { // they are of several
		if names, err = s.organizationNames(ctx); err != nil {
			return err
		}
	}
	view.Rows = historyRows(portal.ActorFrom(ctx), found.Rows, names)
	return s.renderHistory(c, view, filter, found.Next)
}

// renderHistory completes the view with what there is to choose from.
func (s *Server) renderHistory(c echo.Context, view page.Revisions, filter portal.RevisionFilter, next string) error {
	ctx := c.Request().Context()
	view.List = viewList(c, filter.List, next)
	var err error
	if len(filter.Organizations) == 1 {
		if view.Organization, err = s.organizationName(ctx, filter.Organizations[0]); err != nil {
			return err
		}
	}
	if portal.ActorFrom(ctx).Holds(portal.ViewHistory, 0) {
		if view.Organizations, err = s.listedOrganizations(ctx); err != nil {
			return err
		}
		view.Organizations = append(view.Organizations, ui.Option{Value: installationValue, Label: "The installation"})
	}
	return s.render(c, http.StatusOK, view.Title(), view.Render())
}

const installationValue = "installation" // in place of an organization's ID

// nowhere tells whether the viewer has chosen no organization, and none is named.
func nowhere(c echo.Context) bool {
	actor := portal.ActorFrom(c.Request().Context())
	return actor.OrganizationID == 0 && c.QueryParam("organization") == "" && !actor.Holds(portal.ViewHistory, 0)
}

// historySubject reads from the address which one thing the history is of: noun and
// id. Without an id it is of none.
func (s *Server) historySubject(c echo.Context) (page.Subject, error) {
	query, ctx := c.QueryParams(), c.Request().Context()
	subject := page.Subject{Noun: portal.Noun(query.Get("noun")), ID: number(query, "id")}
	if !query.Has("id") {
		return page.Subject{}, nil
	}
	var err error
	switch subject.Noun {
	case portal.NounUser:
		user, failed := s.manage.User(ctx, subject.ID)
		subject.Name, subject.Href, err = user.Name(), page.UserPath(subject.ID), failed
	case portal.NounKey:
		key, failed := s.manage.Key(ctx, subject.ID)
		subject.Name, subject.Href, err = key.Name, page.KeyPath(subject.ID), failed
	case portal.NounLicense:
		license, failed := s.manage.License(ctx, subject.ID)
		subject.Name, subject.Href, err = "license "+license.Number, page.LicensePath(subject.ID), failed
	case portal.NounRequest:
		request, failed := s.manage.Request(ctx, subject.ID)
		subject.Name, subject.Href, err = request.Name(), page.RequestPath(subject.ID), failed
	default:
		err = &portal.Error{Code: portal.CodeNotFound, Message: "There is no history of such a thing by itself. Look for it in the organization's."}
	}
	return subject, err
}

// historyFilter reads from the address which lines are wanted: besides after, of which
// kind of thing (noun) and organization (an ID, "all" or "installation"), by whom (who,
// a username), through which key, and from which day to which. The error is
// CodeInvalid when the days can't be taken.
func historyFilter(c echo.Context, subject page.Subject) (portal.RevisionFilter, error) {
	query := c.QueryParams()
	filter := portal.RevisionFilter{
		List: portal.List{After: query.Get("after")}, Noun: portal.Noun(portal.Storable(query.Get("noun"))),
		Actor: strings.TrimSpace(portal.Storable(query.Get("who"))), KeyID: number(query, "key"),
	}
	switch subject.Noun {
	case "":
		filter.Organizations = historyOrganizations(c)
	case portal.NounUser:
		filter.Noun, filter.UserID = "", subject.ID
	default:
		filter.NounID = subject.ID
	}
	var invalid portal.Invalid
	zone := ui.Zone(c.Request().Context())
	from, err := readDay("from", query.Get("from"))
	invalid.Include(err)
	to, err := readDay("to", query.Get("to"))
	invalid.Include(err)
	if !from.IsZero() {
		filter.Since = portal.StartOfDay(from, 0, zone)
	}
	if !to.IsZero() {
		filter.Until = portal.StartOfDay(to, 1, zone)
		invalid.Check(!to.Before(from), "to", "The last day is before the first one. Put them the other way round, or leave one empty.")
	}
	return filter, invalid.Err()
}

// historyOrganizations gives the organizations that the address names; without any
// that in which one is working. None are all of them.
func historyOrganizations(c echo.Context) []int64 {
	actor := portal.ActorFrom(c.Request().Context())
	switch named := c.QueryParam("organization"); {
	case named == "all":
		return nil
	case named == installationValue:
		return []int64{0}
	case named != "":
		organization := number(c.QueryParams(), "organization")
		if organization <= 0 {
			organization = -1 // there is none such; 0 would be the installation
		}
		return []int64{organization}
	case actor.OrganizationID == 0:
		return nil
	}
	return []int64{actor.OrganizationID}
}

// organizationNames names the organizations that the actor can work in, by ID.
func (s *Server) organizationNames(ctx context.Context) (map[int64]string, error) {
	mine, err := s.manage.MyOrganizations(ctx, organizationsOffered)
	names := make(map[int64]string, len(mine))
	for _, organization := range mine {
		names[organization.ID] = organization.Name
	}
	return names, err
}

// historyRows makes the lines of the Revision History. What is deleted further up has
// no page any more, and on SQLite the next thing may have its address.
func historyRows(actor portal.Actor, lines []portal.Revision, names map[int64]string) []page.RevisionRow {
	type thing struct {
		noun portal.Noun
		id   int64
	}
	gone := map[thing]bool{}
	rows := make([]page.RevisionRow, len(lines))
	for i, line := range lines {
		about := thing{line.Noun, line.NounID}
		gone[about] = gone[about] || line.Action == portal.ActionDeleted
		rows[i] = page.RevisionRow{Revision: line, Organization: names[line.OrganizationID]}
		if !gone[about] {
			rows[i].Href = pageOf(actor, line)
		}
	}
	return rows
}

// pageOf gives the address of the page of what a line is about; empty when the actor
// may not open it.
func pageOf(actor portal.Actor, line portal.Revision) string {
	may := func(need portal.Authority) bool { return portal.Can(actor, need, line.OrganizationID) == nil }
	own := line.UserID == actor.UserID && actor.UserID != 0
	switch {
	case line.Noun == portal.NounKey && (portal.CanUseKeysOf(actor, portal.SeeKey, line.OrganizationID, line.UserID) == nil):
		return page.KeyPath(line.NounID)
	case (line.Noun == portal.NounUser || line.Noun == portal.NounMembership) && (own || may(portal.ViewUsers)):
		return page.UserPath(line.UserID)
	case line.Noun == portal.NounGroup && portal.CanSeeGroups(actor, line.OrganizationID) == nil:
		return page.GroupPath(line.NounID)
	case line.Noun == portal.NounRole && may(portal.ViewRoles):
		return page.RolePath(line.NounID)
	case line.Noun == portal.NounLicense && may(portal.ViewLicenses):
		return page.LicensePath(line.NounID)
	case line.Noun == portal.NounOrganization && portal.CanSeeLicenses(actor, line.NounID) == nil:
		return page.OrganizationPath(line.NounID)
	case line.Noun == portal.NounRequest && (may(portal.Requests) || may(portal.DecideRequests)):
		return page.RequestPath(line.NounID)
	case line.Noun == portal.NounAPISet && may(portal.ManageAPISets):
		return page.APISetPath(line.NounID)
	}
	return ""
}

var historyColumns = []string{"Line", "When", "Who", "Via key", "Impersonated by", "From address", "Organization", "Action", "What", "Name", "Before and after"}

// exportHistory writes the Revision History as it is narrowed, all pages of it, as
// CSV.
func (s *Server) exportHistory(c echo.Context) error {
	subject, err := s.historySubject(c)
	if err != nil {
		return err
	}
	if subject.Noun == "" && nowhere(c) {
		return portal.Conflict("The Revision History belongs to organizations. Choose the one that you want to work in first.")
	}
	filter, err := historyFilter(c, subject)
	if err != nil {
		return err
	}
	names, err := s.organizationNames(c.Request().Context())
	if err != nil {
		return err
	}
	return export(s, c, "revision-history", historyColumns, func(line portal.Revision) []string { return revisionRecord(line, names) },
		func(ctx context.Context, after string) (portal.Page[portal.Revision], error) {
			filter.After, filter.Limit = after, exportPage
			return s.manage.Revisions(ctx, filter)
		})
}

func revisionRecord(line portal.Revision, names map[int64]string) []string {
	changes := make([]string, len(line.Changes))
	for i, change := range line.Changes {
		changes[i] = change.Name + ": " + change.Before + " → " + change.After
	}
	organization := names[line.OrganizationID]
	if organization == "" && line.OrganizationID != 0 {
		organization = strconv.FormatInt(line.OrganizationID, 10)
	}
	return []string{
		strconv.FormatInt(line.ID, 10), instantCell(line.At), line.ActorName, line.KeyName, line.ImpersonatorName, line.Address, organization,
		line.Action, line.Noun.Label(), line.NounName, strings.Join(changes, "; "),
	}
}

func (s *Server) showVerification(c echo.Context) error {
	return s.renderVerification(c, http.StatusOK, page.Verification{Form: page.Form{Values: url.Values{}}})
}

// verificationTimeout leaves time to say that verifying takes longer than a page may.
const verificationTimeout = requestTimeout - 5*time.Second

// verifyHistory verifies the chain, which changes nothing but takes a while.
func (s *Server) verifyHistory(c echo.Context) error {
	view := page.Verification{Form: newForm(c, nil)}
	var kept []portal.Head
	if text := view.Form.Get("heads"); strings.TrimSpace(text) != "" {
		var err error
		if kept, err = portal.ParseHeads(text); err != nil {
			view.Form.Errors = []portal.FieldError{{Field: "heads", Message: messageOf(err)}}
			return s.renderVerification(c, http.StatusUnprocessableEntity, view)
		}
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), verificationTimeout)
	defer cancel()
	head, err := s.manage.VerifyChain(ctx, kept...)
	broken, isBroken := errors.AsType[*portal.BrokenChain](err)
	switch {
	case isBroken:
		view.Broken = strings.ToUpper(broken.Error()[:1]) + broken.Error()[1:] + "."
	case ctx.Err() != nil:
		view.TooLong = true
	case err != nil:
		return err
	default:
		view.Whole, view.Head = true, head
	}
	return s.renderVerification(c, http.StatusOK, view)
}

// renderVerification shows the page with the head as it was verified or, before that,
// as it is recorded.
func (s *Server) renderVerification(c echo.Context, status int, view page.Verification) error {
	if !view.Whole && view.Broken == "" {
		head, err := s.manage.Head(c.Request().Context())
		if err != nil && portal.CodeOf(err) != portal.CodeNotFound { // verifying tells that it is missing
			return err
		}
		view.Head = head
	}
	return s.render(c, status, "Verify the Revision History", view.Render())
}
