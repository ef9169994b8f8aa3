package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
	"keyportal/templates/ui"
)

func (s *Server) listUsers(c echo.Context) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	filter := portal.UserFilter{List: listOf(c), OrganizationID: listedOrganization(c)}
	if narrow, known := userStates[c.QueryParam("state")]; known {
		narrow(&filter)
	}
	found, err := s.manage.Users(ctx, filter)
	if err != nil {
		return err
	}
	view := page.Users{List: viewList(c, filter.List, found.Next), CanCreate: portal.Can(actor, portal.ManageUsers, actor.OrganizationID) == nil}
	for _, row := range found.Rows {
		view.Rows = append(view.Rows, page.UserRow(row))
	}
	if view.Organization, err = s.organizationName(ctx, filter.OrganizationID); err != nil {
		return err
	}
	if actor.Holds(portal.ViewUsers, 0) {
		if view.Organizations, err = s.listedOrganizations(ctx); err != nil {
			return err
		}
	}
	return s.render(c, http.StatusOK, "User Management", view.Render())
}

// organizationName gives the name of an organization of the actor's; empty for
// ID 0.
func (s *Server) organizationName(ctx context.Context, id int64) (string, error) {
	if id == 0 {
		return "", nil
	}
	organization, err := s.manage.Organization(ctx, id)
	return organization.Name, err
}

// userStates narrow User Management by ?state=.
var userStates = map[string]func(*portal.UserFilter){
	"enabled":  func(f *portal.UserFilter) { f.Enabled = new(true) },
	"disabled": func(f *portal.UserFilter) { f.Enabled = new(false) },
	"locked":   func(f *portal.UserFilter) { f.Locked = new(true) },
	"unlocked": func(f *portal.UserFilter) { f.Locked = new(false) },
	"expired":  func(f *portal.UserFilter) { f.Expired = new(true) },
	"current":  func(f *portal.UserFilter) { f.Expired = new(false) },
}

// listedOrganization gives the organization whose members are listed; 0 for
// everybody. Only who sees everybody can choose: others see the members of the
// organization that they are working in.
func listedOrganization(c echo.Context) int64 {
	actor := portal.ActorFrom(c.Request().Context())
	if c.QueryParam("organization") == "" || !actor.Holds(portal.ViewUsers, 0) {
		return actor.OrganizationID
	}
	return number(c.QueryParams(), "organization")
}

// listedOrganizations offers organizations for User Management, the one that the
// actor is working in first.
func (s *Server) listedOrganizations(ctx context.Context) ([]ui.Option, error) {
	options, err := s.organizationOptions(ctx)
	current := strconv.FormatInt(portal.ActorFrom(ctx).OrganizationID, 10)
	everybody := ui.Option{Value: "all", Label: "All organizations"}
	here := slices.IndexFunc(options, func(o ui.Option) bool { return o.Value == current })
	if here < 0 {
		everybody.Value = ""
		return slices.Insert(options, 0, everybody), err
	}
	first := ui.Option{Label: options[here].Label}
	return slices.Insert(slices.Delete(options, here, here+1), 0, first, everybody), err
}

const organizationsOffered = 500 // at the most, in a field

// organizationOptions offers the organizations that the actor can work in.
func (s *Server) organizationOptions(ctx context.Context) ([]ui.Option, error) {
	organizations, err := s.manage.MyOrganizations(ctx, organizationsOffered)
	options := make([]ui.Option, len(organizations))
	for i, organization := range organizations {
		options[i] = ui.Option{Value: strconv.FormatInt(organization.ID, 10), Label: organization.Name}
	}
	return options, err
}

func (s *Server) showNewUser(c echo.Context) error {
	organization := strconv.FormatInt(portal.ActorFrom(c.Request().Context()).OrganizationID, 10)
	return s.renderNewUser(c, http.StatusOK, newForm(c, url.Values{"organization": {organization}}))
}

func (s *Server) createUser(c echo.Context) error {
	ctx, values := c.Request().Context(), c.Request().PostForm
	made, err := s.manage.CreateUser(ctx, manage.NewUser{
		Submission: submissionOf(values),
		Username:   values.Get("username"), FirstName: values.Get("first_name"), LastName: values.Get("last_name"), Email: values.Get("email"),
		Staff: portal.Staff(values.Get("staff")), OrganizationID: number(values, "organization"),
		Admin: checked(values, "admin"), AllAccess: checked(values, "all_access"), RoleIDs: numbers(values, "role"), GroupIDs: numbers(values, "group"),
	})
	if err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderNewUser(c, status, withError(newForm(c, nil), err)) })
	}
	if !checked(values, "send_link") {
		return s.redirectWith(c, page.UserPath(made.ID), made.Name()+" was created.")
	}
	sent, err := s.manage.SendPasswordLink(ctx, made.ID)
	if err != nil {
		return s.answerForm(c, err, func(int) error {
			return s.redirectWith(c, page.UserPath(made.ID), made.Name()+" was created, but has no password link yet. "+messageOf(err))
		})
	}
	if sent.MailedTo != "" {
		return s.redirectWith(c, page.UserPath(made.ID), made.Name()+" was created, and a one-time password link was sent to "+sent.MailedTo+".")
	}
	return s.renderSentLink(c, sent, true)
}

// renderNewUser shows Create User with the roles and groups of the organization that
// the form names.
func (s *Server) renderNewUser(c echo.Context, status int, form page.Form) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	organization := number(form.Values, "organization")
	if err := portal.Can(actor, portal.ManageUsers, organization); err != nil {
		return err
	}
	view := page.NewUser{Form: form, CanStaff: portal.Can(actor, portal.ManageStaff, 0) == nil}
	var err error
	if actor.Holds(portal.ManageUsers, 0) {
		if view.Organizations, err = s.organizationOptions(ctx); err != nil {
			return err
		}
		view.Organizations = append(view.Organizations, ui.Option{Value: "0", Label: "None"})
	}
	if organization != 0 {
		if view.Organization, err = s.manage.Organization(ctx, organization); err != nil {
			return err
		}
		if view.Offer, err = s.membershipOffer(ctx, organization); err != nil {
			return err
		}
	}
	return s.render(c, status, "Create User", view.Render())
}

func (s *Server) showUser(c echo.Context) error {
	if action, known := page.AccountActions[c.QueryParam("action")]; known {
		return s.askUserAction(c, action)
	}
	return s.renderUser(c, http.StatusOK, "")
}

// renderUser shows User Account Details; problem says why what was asked for was
// not done.
func (s *Server) renderUser(c echo.Context, status int, problem string) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	view := page.Account{
		User: user.User, Memberships: accountMemberships(actor, user),
		SeesUsers: portal.Can(actor, portal.ViewUsers, actor.OrganizationID) == nil,
		Self:      user.ID == actor.UserID, CanManage: user.Manageable == nil, Refusal: messageOf(user.Manageable),
		Problem: problem, Now: s.manage.Now(),
	}
	if view.Keys, err = s.accountKeys(ctx, user, actor.OrganizationID); err != nil {
		return err
	}
	if view.Organizations, err = s.joinable(ctx, user); err != nil {
		return err
	}
	history, err := s.manage.Revisions(ctx, portal.RevisionFilter{UserID: user.ID})
	view.History, view.SeesHistory = history.Rows, err == nil
	if err != nil && portal.CodeOf(err) != portal.CodeForbidden {
		return err
	}
	return s.render(c, status, user.Name(), view.Render())
}

// accountKeys gives the keys that act as a user in an organization; nil when the
// actor may not see them.
func (s *Server) accountKeys(ctx context.Context, user manage.UserDetails, organization int64) (*page.AccountKeys, error) {
	actor := portal.ActorFrom(ctx)
	if portal.CanUseKeysOf(actor, portal.SeeKey, organization, user.ID) != nil {
		return nil, nil
	}
	found, err := s.manage.Keys(ctx, portal.KeyFilter{OrganizationID: organization, UserID: user.ID})
	if err != nil {
		return nil, err
	}
	changeable := portal.CanUseKeysOf(actor, portal.ChangeKey, organization, user.ID) == nil
	keys := &page.AccountKeys{More: found.Next != "", Member: activeMember(user, organization)}
	keys.CanGenerate = keys.Member && changeable && portal.CanMapKeyTo(actor, portal.Standing{User: user.User}, organization, nil) == nil
	for _, key := range found.Rows {
		keys.Rows = append(keys.Rows, page.KeyRow{Key: key, Changeable: changeable})
	}
	keys.Organization, err = s.organizationName(ctx, organization)
	return keys, err
}

// keysEverywhere gives the keys that act as a user in all of the user's
// organizations that the actor may see; nil when there is none.
func (s *Server) keysEverywhere(ctx context.Context, user manage.UserDetails) (*page.AccountKeys, error) {
	var all *page.AccountKeys
	for _, membership := range user.Memberships {
		keys, err := s.accountKeys(ctx, user, membership.OrganizationID)
		if err != nil {
			return nil, err
		}
		if keys == nil {
			continue
		}
		if all == nil {
			all = &page.AccountKeys{}
		}
		all.Rows, all.More = append(all.Rows, keys.Rows...), all.More || keys.More
	}
	return all, nil
}

// askUserAction asks before an action on an account, with what stops by it.
func (s *Server) askUserAction(c echo.Context, action page.AccountAction) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	if user.Manageable != nil {
		return user.Manageable
	}
	keys, err := s.keysEverywhere(c.Request().Context(), user)
	if err != nil {
		return err
	}
	title := action.Label + " " + user.Name()
	return s.render(c, http.StatusOK, title, page.Stop{
		Title: title, Effects: action.Effects, Button: action.Label, Red: action.Stops,
		Action: page.UserPath(user.ID) + "/act", Hidden: []ui.Hidden{{Name: "action", Value: action.Name}},
		BackLabel: user.Name(), CancelHref: page.UserPath(user.ID), Keys: keys, Now: s.manage.Now(),
	}.Render())
}

func (s *Server) actOnUser(c echo.Context) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	action := c.Request().PostForm.Get("action")
	if err := s.manage.ActOnUser(c.Request().Context(), user.ID, manage.UserAction(action)); err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderUser(c, status, messageOf(err)) })
	}
	return s.redirectWith(c, page.UserPath(user.ID), user.Name()+" "+page.AccountActions[action].Done)
}

func (s *Server) sendPasswordLink(c echo.Context) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	sent, err := s.manage.SendPasswordLink(c.Request().Context(), user.ID)
	if err != nil {
		return s.answerForm(c, err, func(status int) error { return s.renderUser(c, status, messageOf(err)) })
	}
	return s.renderSentLink(c, sent, false)
}

// renderSentLink shows a one-time link in the response to making it: it is
// never to be had again.
func (s *Server) renderSentLink(c echo.Context, sent manage.SentLink, created bool) error {
	return s.render(c, http.StatusOK, "One-time password link", page.PasswordLinkSent{
		User: sent.User, Created: created, MailedTo: sent.MailedTo, Address: sent.URL,
	}.Render())
}

func (s *Server) showUserEdit(c echo.Context) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	return s.renderUserEdit(c, http.StatusOK, user, newForm(c, url.Values{
		"username": {user.Username}, "first_name": {user.FirstName}, "last_name": {user.LastName}, "email": {user.Email},
		"staff": {string(user.Staff)}, "version": {strconv.FormatInt(user.Version, 10)},
	}))
}

func (s *Server) updateUser(c echo.Context) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	edit := manage.UserEdit{
		ID: user.ID, Version: number(values, "version"), Staff: user.Staff,
		Username: values.Get("username"), FirstName: values.Get("first_name"), LastName: values.Get("last_name"), Email: values.Get("email"),
	}
	if values.Has("staff") {
		edit.Staff = portal.Staff(values.Get("staff"))
	}
	if err := s.manage.UpdateUser(c.Request().Context(), edit); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderUserEdit(c, status, user, withError(newForm(c, nil), err))
		})
	}
	return s.redirectWith(c, page.UserPath(user.ID), "The account was saved.")
}

func (s *Server) renderUserEdit(c echo.Context, status int, user manage.UserDetails, form page.Form) error {
	if user.Manageable != nil {
		return user.Manageable
	}
	actor := portal.ActorFrom(c.Request().Context())
	return s.render(c, status, "Edit "+user.Name(), page.UserEdit{
		Form: form, User: user.User, CanStaff: portal.Can(actor, portal.ManageStaff, 0) == nil,
	}.Render())
}

func (s *Server) userOf(c echo.Context) (manage.UserDetails, error) {
	id, err := pathID(c, "id", portal.NounUser)
	if err != nil {
		return manage.UserDetails{}, err
	}
	return s.manage.User(c.Request().Context(), id)
}
