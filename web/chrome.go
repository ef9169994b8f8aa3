package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/layout"
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
		Title: title, Groups: navigation(here.actor, c.Request().URL.Path), UserName: here.user.Name(), Path: c.Request().URL.RequestURI(),
	}
	if c.Request().Method == http.MethodPost {
		chrome.Path = "/"
	}
	organizations, err := s.manage.MyOrganizations(ctx)
	if err != nil {
		return chrome, err
	}
	for _, organization := range organizations {
		chrome.Organizations = append(chrome.Organizations, ui.Option{Value: strconv.FormatInt(organization.ID, 10), Label: organization.Name})
		if organization.ID == here.session.OrganizationID {
			chrome.Organization, chrome.Level = organization.Name, organization.LevelName
		}
	}
	if here.session.InstanceID != 0 {
		instance, err := s.manage.Instance(ctx, here.session.InstanceID)
		if err != nil {
			return chrome, err
		}
		chrome.Instance, chrome.Environment = instance.Name, string(instance.Environment)
	}
	message, err := s.takeFlash(c, here)
	if message != "" {
		chrome.Flash = &ui.Flash{Tone: ui.OK, Text: message}
	}
	return chrome, err
}

// navigation lists what the actor may open in the organization that they are
// working in.
func navigation(actor portal.Actor, path string) []layout.NavGroup {
	var groups []layout.NavGroup
	for _, group := range []struct {
		heading string
		entries []entry
	}{
		{"", []entry{
			{"Overview", "/", "home", signedIn},
			{"API Keys", "/keys", "key", seeKeys},
		}},
		{"Admin", []entry{
			{"Users", "/users", "users", seeUsers},
			{"Roles", "/roles", "shield", needs(portal.ViewRoles)},
		}},
		{"Clients", []entry{
			{"Organizations", "/organizations", "building", needs(portal.ViewOrganizations)},
		}},
		{"System", []entry{
			{"API sets", "/api-sets", "stack", needs(portal.ManageAPISets)},
		}},
	} {
		var items []layout.Nav
		for _, entry := range group.entries {
			if entry.opensTo(actor) {
				items = append(items, layout.Nav{Label: entry.label, Href: entry.href, Icon: entry.icon, Current: within(path, entry.href)})
			}
		}
		groups = append(groups, layout.NavGroup{Heading: group.heading, Items: items})
	}
	return groups
}

// entry is a line of the navigation with what the page behind it needs.
type entry struct {
	label, href, icon string
	access            access
}

func (e entry) opensTo(actor portal.Actor) bool {
	holds := func(need portal.Authority) bool { return actor.Holds(need, actor.OrganizationID) }
	return len(e.access.anyOf) == 0 || slices.ContainsFunc(e.access.anyOf, holds)
}

func within(path, href string) bool {
	return path == href || href != "/" && strings.HasPrefix(path, href+"/")
}
