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

// chooseMembership leads from a choice of organization to the user's membership
// in it.
func (s *Server) chooseMembership(c echo.Context) error {
	user, err := s.userOf(c)
	if err != nil {
		return err
	}
	return s.redirect(c, page.MembershipPath(user.ID, number(c.QueryParams(), "organization")))
}

func (s *Server) showMembership(c echo.Context) error {
	user, organization, err := s.membershipOf(c)
	if err != nil {
		return err
	}
	held := membershipIn(user, organization.ID)
	if c.QueryParam("action") == "end" && held.ID != 0 {
		return s.askMembershipEnd(c, user, organization)
	}
	initial := url.Values{"version": {strconv.FormatInt(held.Version, 10)}}
	if held.Active() {
		if held.Admin {
			initial.Set("admin", "on")
		}
		if held.AllAccess {
			initial.Set("all_access", "on")
		}
		for _, role := range held.Roles {
			initial.Add("role", strconv.FormatInt(role.ID, 10))
		}
		for _, group := range held.Groups {
			initial.Add("group", strconv.FormatInt(group.ID, 10))
		}
	}
	return s.renderMembership(c, http.StatusOK, user, organization, newForm(c, initial))
}

func (s *Server) saveMembership(c echo.Context) error {
	user, organization, err := s.membershipOf(c)
	if err != nil {
		return err
	}
	values := c.Request().PostForm
	in := manage.MembershipInput{
		UserID: user.ID, OrganizationID: organization.ID, Version: number(values, "version"), Member: values.Get("action") != "end",
		Admin: checked(values, "admin"), AllAccess: checked(values, "all_access"), RoleIDs: numbers(values, "role"), GroupIDs: numbers(values, "group"),
	}
	if err := s.manage.SetMembership(c.Request().Context(), in); err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderMembership(c, status, user, organization, withError(newForm(c, nil), err))
		})
	}
	done := " has these roles in " + organization.Name + " from now on."
	if !in.Member {
		done = " has left " + organization.Name + ": API keys there are refused."
	}
	return s.redirectWith(c, page.UserPath(user.ID), user.Name()+done)
}

func (s *Server) renderMembership(c echo.Context, status int, user manage.UserDetails, organization portal.Organization, form page.Form) error {
	ctx := c.Request().Context()
	view := page.Membership{Form: form, User: user.User, Organization: organization, Held: membershipIn(user, organization.ID)}
	var err error
	if view.Offer, err = s.membershipOffer(ctx, organization.ID); err != nil {
		return err
	}
	view.Refusal = membershipRefusal(portal.ActorFrom(ctx), user.User, view.Held, view.Offer)
	return s.render(c, status, view.Title(), view.Render())
}

// askMembershipEnd asks before a membership is ended, with what stops by it.
func (s *Server) askMembershipEnd(c echo.Context, user manage.UserDetails, organization portal.Organization) error {
	keys, err := s.accountKeys(c.Request().Context(), user, organization.ID)
	if err != nil {
		return err
	}
	path := page.MembershipPath(user.ID, organization.ID)
	version := strconv.FormatInt(membershipIn(user, organization.ID).Version, 10)
	return s.render(c, http.StatusOK, "End membership", page.Stop{
		Title: user.Name() + " leaves " + organization.Name, Button: "End membership", Red: true,
		Effects: []string{
			"The user's API keys in " + organization.Name + " are refused from the next check on.",
			"The user's roles and groups there are gone; the account and other memberships stay.",
			"Adding the user again later makes the keys work as far as the new roles allow.",
		},
		Action: path, Hidden: []ui.Hidden{{Name: "action", Value: "end"}, {Name: "version", Value: version}},
		BackLabel: "Roles in " + organization.Name, CancelHref: path, Keys: keys, Now: s.manage.Now(),
	}.Render())
}

// membershipOf gives the user and the organization of the path, if the actor may
// manage users there.
func (s *Server) membershipOf(c echo.Context) (manage.UserDetails, portal.Organization, error) {
	ctx := c.Request().Context()
	user, err := s.userOf(c)
	if err != nil {
		return user, portal.Organization{}, err
	}
	id, err := pathID(c, "organization", portal.NounOrganization)
	if err != nil {
		return user, portal.Organization{}, err
	}
	organization, err := s.manage.Organization(ctx, id)
	if err != nil {
		return user, organization, err
	}
	return user, organization, portal.Can(portal.ActorFrom(ctx), portal.ManageUsers, id)
}

// membershipOffer lists what a member of an organization can be given, and what
// of it the actor can't give.
func (s *Server) membershipOffer(ctx context.Context, organization int64) (page.MembershipOffer, error) {
	actor := portal.ActorFrom(ctx)
	offer := page.MembershipOffer{
		AllAccess: messageOf(portal.CanGrantAllAccess(actor, organization)),
		Admin:     messageOf(portal.CanGrant(actor, organization, []portal.Authority{portal.Administration}, nil)),
	}
	var err error
	if offer.Roles, err = s.roleOffers(ctx, organization); err != nil {
		return offer, err
	}
	groups, err := s.manage.Groups(ctx, organization)
	for _, group := range groups {
		refusal := messageOf(portal.CanGrantRoles(actor, organization, group.Roles...))
		offer.Groups = append(offer.Groups, page.GroupOffer{Group: group, Refusal: refusal})
	}
	return offer, err
}

// roleOffers lists the roles that an organization can use, with why the actor can't give
// some of them.
func (s *Server) roleOffers(ctx context.Context, organization int64) ([]page.RoleOffer, error) {
	roles, err := s.manage.Roles(ctx, organization)
	offers := make([]page.RoleOffer, len(roles))
	for i, role := range roles {
		offers[i] = page.RoleOffer{Role: role, Refusal: messageOf(portal.CanGrantRoles(portal.ActorFrom(ctx), organization, role))}
	}
	return offers, err
}

// membershipRefusal says why the actor may not change a membership: nobody
// takes away what they could not give, and staff are managed by who may.
func membershipRefusal(actor portal.Actor, user portal.User, held portal.Membership, offer page.MembershipOffer) string {
	if err := portal.Can(actor, portal.ManageStaff, 0); user.Staff != portal.NotStaff && err != nil {
		return messageOf(err)
	}
	if held.Admin && offer.Admin != "" {
		return offer.Admin
	}
	if held.AllAccess && offer.AllAccess != "" {
		return offer.AllAccess
	}
	for _, role := range offer.Roles {
		if role.Refusal != "" && slices.ContainsFunc(held.Roles, func(one portal.Role) bool { return one.ID == role.ID }) {
			return role.Refusal
		}
	}
	for _, group := range offer.Groups {
		if group.Refusal != "" && slices.ContainsFunc(held.Groups, func(one portal.Group) bool { return one.ID == group.ID }) {
			return group.Refusal
		}
	}
	return ""
}

// membershipIn finds a user's membership in an organization, ended or not; the
// zero one when there is none that the actor may see.
func membershipIn(user manage.UserDetails, organization int64) portal.Membership {
	for _, membership := range user.Memberships {
		if membership.OrganizationID == organization {
			return membership
		}
	}
	return portal.Membership{}
}

func activeMember(user manage.UserDetails, organization int64) bool {
	held := membershipIn(user, organization)
	return held.ID != 0 && held.Active()
}

// accountMemberships tells which of a user's memberships the actor may change,
// and of which the roles and groups can be opened.
func accountMemberships(actor portal.Actor, user manage.UserDetails) []page.AccountMembership {
	may := func(need portal.Authority, organization int64) bool {
		return portal.Can(actor, need, organization) == nil
	}
	memberships := make([]page.AccountMembership, len(user.Memberships))
	for i, membership := range user.Memberships {
		memberships[i] = page.AccountMembership{
			Membership: membership,
			CanManage:  may(portal.ManageUsers, membership.OrganizationID) && (user.Staff == portal.NotStaff || may(portal.ManageStaff, 0)),
			SeesRoles:  may(portal.ViewRoles, membership.OrganizationID) && may(portal.ViewRoles, actor.OrganizationID),
			SeesGroups: portal.CanSeeGroups(actor, membership.OrganizationID) == nil,
		}
	}
	return memberships
}

// joinable offers the organizations that a user can be added to, for who manages
// the users of all.
func (s *Server) joinable(ctx context.Context, user manage.UserDetails) ([]ui.Option, error) {
	if !portal.ActorFrom(ctx).Holds(portal.ManageUsers, 0) {
		return nil, nil
	}
	options, err := s.organizationOptions(ctx)
	return slices.DeleteFunc(options, func(option ui.Option) bool {
		return slices.ContainsFunc(user.Memberships, func(m portal.Membership) bool {
			return strconv.FormatInt(m.OrganizationID, 10) == option.Value
		})
	}), err
}
