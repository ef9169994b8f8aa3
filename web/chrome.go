package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/layout"
	"keyportal/templates/page"
	"keyportal/templates/ui"
)

// chrome puts the frame around a page together: where the viewer is, and what
// of the portal the policy opens to them.
func (s *Server) chrome(c echo.Context, title string) (layout.Chrome, error) {
	ctx := c.Request().Context()
	here, _, err := s.visitOf(c)
	if err != nil {
		return layout.Chrome{}, err
	}
	chrome := layout.Chrome{
		Title: title, Groups: navigation(here.actor, placeOf(c)), Places: places(here.actor, placeOf(c)), UserName: here.user.Name(), Path: c.Request().URL.RequestURI(),
	}
	if err := s.badgeRequests(ctx, chrome.Groups, here.session.OrganizationID); err != nil {
		return chrome, err
	}
	if c.Request().Method == http.MethodPost {
		chrome.Path = "/"
	}
	if chrome.Organizations, chrome.MoreOrganizations, err = s.otherOrganizations(ctx, here.actor); err != nil {
		return chrome, err
	}
	organization, err := s.manage.Organization(ctx, here.session.OrganizationID)
	if err != nil && portal.CodeOf(err) != portal.CodeNotFound { // it is none, or none of the viewer's any more
		return chrome, err
	}
	chrome.Organization, chrome.Level = organization.Name, organization.LevelName
	if here.session.InstanceID != 0 {
		instance, err := s.manage.Instance(ctx, here.session.InstanceID)
		if err != nil {
			return chrome, err
		}
		chrome.Instance, chrome.Environment = instance.Name, string(instance.Environment)
	}
	if message := s.takeFlash(c, here); message != "" {
		chrome.Flash = &ui.Flash{Tone: ui.OK, Text: message}
	}
	return chrome, nil
}

const organizationsInMenu = 20 // of staff, who find the others in the list

// otherOrganizations offers the organizations to switch to, and tells whether
// there are more in the list of organizations.
func (s *Server) otherOrganizations(ctx context.Context, actor portal.Actor) (options []ui.Option, more bool, err error) {
	organizations, err := s.manage.MyOrganizations(ctx, organizationsInMenu+1)
	if len(organizations) > organizationsInMenu && actor.Holds(portal.ViewOrganizations, 0) {
		organizations, more = organizations[:organizationsInMenu], true
	}
	for _, organization := range organizations {
		options = append(options, ui.Option{Value: strconv.FormatInt(organization.ID, 10), Label: organization.Name})
	}
	return options, more, err
}

const placeValue = "place"

// standIn says where in the navigation a page belongs when its own address does
// not tell.
func standIn(c echo.Context, path string) { c.Set(placeValue, path) }

// placeOf gives the path by which a page is found in the navigation.
func placeOf(c echo.Context) string {
	if path, ok := c.Get(placeValue).(string); ok {
		return path
	}
	return c.Request().URL.Path
}

// people are the entries of those whom one works with.
var people = []entry{
	{"Users", "/users", "users", seeUsers},
	{"Groups", page.GroupsPath, "users-group", seeGroups},
	{"Roles", "/roles", "shield", needs(portal.ViewRoles)},
}

// navigation lists what the actor may open in the organization that they are
// working in.
func navigation(actor portal.Actor, path string) []layout.NavGroup {
	return openGroups(actor, path, []entryGroup{
		{"", append([]entry{
			{"Overview", "/", "home", signedIn},
			{"API Keys", "/keys", "key", seeKeys},
		}, append(entriesOf(actor.OrganizationID), entry{"Requests", requestsPath, "inbox", seeRequests})...)},
		{"People", people},
		{"Clients", []entry{
			{"Organizations", "/organizations", "building", needs(portal.ViewOrganizations)},
			{"Impersonation", page.ImpersonationPath, "user-share", needs(portal.AllowImpersonation)},
		}},
		{"System Settings", []entry{
			{page.SystemSetupTitle, page.SystemSetupPath, "settings", setUpSystem},
			{"Revision History", page.HistoryPath, "history", needs(portal.ViewHistory)},
		}},
		{"Installation", []entry{
			{"API sets", "/api-sets", "stack", needs(portal.ManageAPISets)},
			{"Client levels", "/levels", "medal", needs(portal.ManageOrganizations)},
			{"Application catalogue", "/applications", "category", needs(portal.ManageOrganizations)},
		}},
	})
}

// places lists what the menu in the top bar leads to.
func places(actor portal.Actor, path string) []layout.NavGroup {
	return openGroups(actor, path, []entryGroup{
		{"People", people},
		{"Tools", []entry{{page.DocsTitle, page.DocsPath, "code", signedIn}}},
	})
}

// openGroups gives the entries that the actor may open, and marks the one that a page is
// within.
func openGroups(actor portal.Actor, path string, all []entryGroup) []layout.NavGroup {
	var groups []layout.NavGroup
	for _, group := range all {
		var items []layout.Nav
		for _, entry := range group.entries {
			if entry.access.opensTo(actor) {
				items = append(items, layout.Nav{Label: entry.label, Href: entry.href, Icon: entry.icon})
			}
		}
		groups = append(groups, layout.NavGroup{Heading: group.heading, Items: items})
	}
	markCurrent(groups, path)
	return groups
}

// entriesOf are the entries of the organization that one is working in.
func entriesOf(organization int64) []entry {
	if organization == 0 {
		return nil
	}
	return []entry{
		{"Applications", page.ApplicationsPath(organization), "apps", seeLicenses},
		{"Licenses", page.OrganizationPath(organization), "license", needs(portal.ViewLicenses)},
	}
}

const requestsPath = "/requests"

// badgeRequests says in the navigation how many requests wait for the viewer.
func (s *Server) badgeRequests(ctx context.Context, groups []layout.NavGroup, organization int64) error {
	for _, group := range groups {
		for i := range group.Items {
			if group.Items[i].Href != requestsPath {
				continue
			}
			waiting, err := s.manage.RequestsWaiting(ctx, organization)
			if err != nil {
				return err
			}
			group.Items[i].Badge = waiting
		}
	}
	return nil
}

// markCurrent marks the entry that a page is within; of several, the nearest.
func markCurrent(groups []layout.NavGroup, path string) {
	var nearest *layout.Nav
	for _, group := range groups {
		for i := range group.Items {
			item := &group.Items[i]
			if within(path, item.Href) && (nearest == nil || len(item.Href) > len(nearest.Href)) {
				nearest = item
			}
		}
	}
	if nearest != nil {
		nearest.Current = true
	}
}

// entry is a line of the navigation with what the page behind it needs.
type entry struct {
	label, href, icon string
	access            access
}

// entryGroup is some entries under a heading.
type entryGroup struct {
	heading string
	entries []entry
}

func within(path, href string) bool {
	return path == href || href != "/" && strings.HasPrefix(path, href+"/")
}
