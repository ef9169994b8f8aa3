package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// setUpSystem lets in who may open something of System setup.
var setUpSystem = needs(append(seeKeys.anyOf, portal.ManageSettings)...)

// showSystemSetup leads to what can be set up in the organization that one is working in.
func (s *Server) showSystemSetup(c echo.Context) error {
	ctx := c.Request().Context()
	actor := portal.ActorFrom(ctx)
	if actor.OrganizationID == 0 {
		return s.renderNoOrganization(c, http.StatusOK, page.SystemSetupTitle)
	}
	organization, err := s.manage.Organization(ctx, actor.OrganizationID)
	if err != nil {
		return err
	}
	view := page.SystemSetup{Organization: organization.Name}
	for _, group := range []struct {
		heading string
		entry   page.SetupEntry
		access  access
	}{
		{"Enterprise Features", page.SetupEntry{Icon: "plug", Label: page.IntegrationsTitle, Href: page.APIKeysTab.Path,
			Text: "API Keys and Data Loader Keys: pairs of an Access Key and a Security Key for other applications."}, seeKeys},
		{"Organization", page.SetupEntry{Icon: "settings", Label: "Settings", Href: page.SettingsPath(organization.ID),
			Text: "Whether secrets can be viewed again, and whether API keys must expire."}, needs(portal.ManageSettings)},
	} {
		if group.access.opensTo(actor) {
			view.Groups = append(view.Groups, page.SetupGroup{Heading: group.heading, Entries: []page.SetupEntry{group.entry}})
		}
	}
	return s.render(c, http.StatusOK, page.SystemSetupTitle, view.Render())
}
