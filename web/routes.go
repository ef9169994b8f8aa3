package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/static"
	"keyportal/templates/page"
	"keyportal/web/api"
)

type handler func(*Server, echo.Context) error

// route is a line of the table below.
type route struct {
	method, path string
	access       access
	handler      handler
	form         string // for a form: the page that shows it, to which people return after logging in again
}

const (
	get  = http.MethodGet
	post = http.MethodPost
)

var (
	seeUsers   = needs(portal.ViewUsers)
	seeGroups  = needs(portal.ViewUsers, portal.ManageUsers)
	seeKeys    = needs(portal.ManageUserAPIKey, portal.ViewAPIKeys, portal.ManageAPIKeys)
	changeKeys = needs(portal.ManageUserAPIKey, portal.ManageAPIKeys)
	changeKey  = needs(portal.ManageUserAPIKey, portal.ManageAPIKeys, portal.ViewClientSecret)
	keepSecret = needs(portal.ViewClientSecret)
	issueKeys  = needs(portal.ManageAPIKeys)

	seeRequests    = needs(portal.RequestAPIKeys, portal.Requests, portal.DecideRequests)
	requestKeys    = needs(portal.RequestAPIKeys)
	decideRequests = needs(portal.DecideRequests)

	seeLicenses        = needs(portal.SeeLicenses...)
	changeApplications = needs(portal.ManageApplications, portal.ManageOrganizations)
)

// routes is the table of all routes.
var routes = []route{
	{get, "/setup/:token", public, (*Server).showSetup, ""},
	{post, "/setup/:token", public, (*Server).setUp, ""},
	{get, "/login", public, (*Server).showLogin, ""},
	{post, "/login", public, (*Server).logIn, ""},
	{post, "/logout", signedIn, (*Server).logOut, ""},
	{get, "/password/:token", public, (*Server).showPasswordLink, ""},
	{post, "/password/:token", public, (*Server).setPassword, ""},

	{post, tokenPath, public, (*Server).issueToken, ""},
	{post, introspectionPath, public, (*Server).introspectToken, ""},
	{post, revocationPath, public, (*Server).revokeToken, ""},
	{get, metadataPath, public, (*Server).showMetadata, ""},

	{get, "/", signedIn, (*Server).showOverview, ""},
	{post, "/organization", signedIn, (*Server).switchOrganization, "/"},
	{get, "/profile", signedIn, (*Server).showProfile, ""},
	{get, "/profile/security", signedIn, (*Server).showSecurity, ""},
	{post, "/profile/keys/acknowledge", signedIn, (*Server).acknowledgeKeys, "/"},
	{post, "/profile/sessions/end", signedIn, (*Server).endOneSession, "/profile/security"},
	{post, "/profile/sessions/end-others", signedIn, (*Server).endOtherSessions, "/profile/security"},
	{get, "/profile/password", signedIn, (*Server).showPasswordChange, ""},
	{post, "/profile/password", signedIn, (*Server).changePassword, "/profile/password"},

	{get, "/account/api-key", signedIn, (*Server).showOAuthClient, ""},
	{get, "/account/api-key/new", keepSecret, (*Server).showNewOAuthClient, ""},
	{post, "/account/api-key", keepSecret, (*Server).createOAuthClient, "/account/api-key/new"},
	{post, "/account/api-key/secret", keepSecret, (*Server).viewClientSecret, "/account/api-key"},
	{post, "/account/instance", signedIn, (*Server).enterInstance, "/account/api-key"},

	{get, "/users", seeUsers, (*Server).listUsers, ""},
	{get, "/users/new", needs(portal.ManageUsers), (*Server).showNewUser, ""},
	{post, "/users", needs(portal.ManageUsers), (*Server).createUser, "/users/new"},
	{get, "/users/:id", signedIn, (*Server).showUser, ""},
	{get, "/users/:id/edit", needs(portal.ManageUsers), (*Server).showUserEdit, ""},
	{post, "/users/:id", needs(portal.ManageUsers), (*Server).updateUser, "/users/:id/edit"},
	{post, "/users/:id/act", needs(portal.ManageUsers), (*Server).actOnUser, "/users/:id"},
	{post, "/users/:id/password-link", needs(portal.ManageUsers), (*Server).sendPasswordLink, "/users/:id"},
	{get, "/users/:id/memberships", needs(portal.ManageUsers), (*Server).chooseMembership, ""},
	{get, "/users/:id/memberships/:organization", needs(portal.ManageUsers), (*Server).showMembership, ""},
	{post, "/users/:id/memberships/:organization", needs(portal.ManageUsers), (*Server).saveMembership, "/users/:id/memberships/:organization"},

	{get, "/groups", seeGroups, (*Server).listGroups, ""},
	{get, "/groups/new", needs(portal.ManageUsers), (*Server).showNewGroup, ""},
	{post, "/groups", needs(portal.ManageUsers), (*Server).createGroup, "/groups/new"},
	{get, "/groups/:id", seeGroups, (*Server).showGroup, ""},
	{get, "/groups/:id/edit", needs(portal.ManageUsers), (*Server).showGroupEdit, ""},
	{post, "/groups/:id", needs(portal.ManageUsers), (*Server).updateGroup, "/groups/:id/edit"},
	{get, "/groups/:id/delete", needs(portal.ManageUsers), (*Server).showGroupDelete, ""},
	{post, "/groups/:id/delete", needs(portal.ManageUsers), (*Server).deleteGroup, "/groups/:id/delete"},

	{get, "/roles", needs(portal.ViewRoles), (*Server).listRoles, ""},
	{get, "/roles/new", needs(portal.ManageRoles), (*Server).showNewRole, ""},
	{post, "/roles", needs(portal.ManageRoles), (*Server).createRole, "/roles/new"},
	{get, "/roles/:id", needs(portal.ViewRoles), (*Server).showRole, ""},
	{get, "/roles/:id/edit", needs(portal.ManageRoles), (*Server).showRoleEdit, ""},
	{post, "/roles/:id", needs(portal.ManageRoles), (*Server).updateRole, "/roles/:id/edit"},
	{get, "/roles/:id/delete", needs(portal.ManageRoles), (*Server).showRoleDelete, ""},
	{post, "/roles/:id/delete", needs(portal.ManageRoles), (*Server).deleteRole, "/roles/:id/delete"},

	{get, "/api-sets", needs(portal.ManageAPISets), (*Server).listAPISets, ""},
	{get, "/api-sets/new", needs(portal.ManageAPISets), (*Server).showNewAPISet, ""},
	{post, "/api-sets", needs(portal.ManageAPISets), (*Server).createAPISet, "/api-sets/new"},
	{get, "/api-sets/import", needs(portal.ManageAPISets), (*Server).showAPISetImport, ""},
	{post, "/api-sets/import", needs(portal.ManageAPISets), (*Server).importAPISets, "/api-sets/import"},
	{get, "/api-sets/:id", needs(portal.ManageAPISets), (*Server).showAPISet, ""},
	{get, "/api-sets/:id/edit", needs(portal.ManageAPISets), (*Server).showAPISetEdit, ""},
	{post, "/api-sets/:id", needs(portal.ManageAPISets), (*Server).updateAPISet, "/api-sets/:id/edit"},
	{get, "/api-sets/:id/retire", needs(portal.ManageAPISets), (*Server).showAPISetRetire, ""},
	{post, "/api-sets/:id/retire", needs(portal.ManageAPISets), (*Server).retireAPISet, "/api-sets/:id/retire"},
	{post, "/api-sets/:id/restore", needs(portal.ManageAPISets), (*Server).restoreAPISet, "/api-sets/:id"},

	{get, "/organizations", needs(portal.ViewOrganizations), (*Server).listOrganizations, ""},
	{get, "/organizations/new", needs(portal.ManageOrganizations), (*Server).showNewOrganization, ""},
	{post, "/organizations", needs(portal.ManageOrganizations), (*Server).createOrganization, "/organizations/new"},
	{get, "/organizations/:id", seeLicenses, (*Server).showOrganization, ""},
	{get, "/organizations/:id/edit", needs(portal.ManageOrganizations), (*Server).showOrganizationEdit, ""},
	{post, "/organizations/:id", needs(portal.ManageOrganizations), (*Server).updateOrganization, "/organizations/:id/edit"},
	{get, "/organizations/:id/suspend", needs(portal.ManageOrganizations), (*Server).showOrganizationSuspend, ""},
	{post, "/organizations/:id/suspend", needs(portal.ManageOrganizations), (*Server).suspendOrganization, "/organizations/:id/suspend"},
	{post, "/organizations/:id/reactivate", needs(portal.ManageOrganizations), (*Server).reactivateOrganization, "/organizations/:id"},
	{get, "/organizations/:id/settings", needs(portal.ManageSettings), (*Server).showSettings, ""},
	{post, "/organizations/:id/settings", needs(portal.ManageSettings), (*Server).updateSettings, "/organizations/:id/settings"},

	{get, "/levels", needs(portal.ManageOrganizations), (*Server).listLevels, ""},
	{get, "/levels/new", needs(portal.ManageOrganizations), (*Server).showNewLevel, ""},
	{post, "/levels", needs(portal.ManageOrganizations), (*Server).createLevel, "/levels/new"},
	{get, "/levels/:id/edit", needs(portal.ManageOrganizations), (*Server).showLevelEdit, ""},
	{post, "/levels/:id", needs(portal.ManageOrganizations), (*Server).updateLevel, "/levels/:id/edit"},
	{post, "/levels/:id/delete", needs(portal.ManageOrganizations), (*Server).deleteLevel, "/levels/:id/edit"},

	{get, "/organizations/:id/licenses/new", needs(portal.ManageLicenses), (*Server).showNewLicense, ""},
	{post, "/organizations/:id/licenses", needs(portal.ManageLicenses), (*Server).createLicense, "/organizations/:id/licenses/new"},
	{get, "/licenses/:id", needs(portal.ViewLicenses), (*Server).showLicense, ""},
	{get, "/licenses/:id/edit", needs(portal.ManageLicenses), (*Server).showLicenseEdit, ""},
	{post, "/licenses/:id", needs(portal.ManageLicenses), (*Server).updateLicense, "/licenses/:id/edit"},
	{get, "/licenses/:id/deactivate", needs(portal.ManageLicenses), (*Server).showLicenseDeactivate, ""},
	{post, "/licenses/:id/deactivate", needs(portal.ManageLicenses), (*Server).deactivateLicense, "/licenses/:id/deactivate"},
	{get, "/licenses/:id/delete", needs(portal.ManageLicenses), (*Server).showLicenseDelete, ""},
	{post, "/licenses/:id/delete", needs(portal.ManageLicenses), (*Server).deleteLicense, "/licenses/:id/delete"},
	{post, "/licenses/:id/activate", needs(portal.ManageLicenses), (*Server).activateLicense, "/licenses/:id"},
	{post, "/licenses/:id/instances", needs(portal.ManageLicenses), (*Server).createInstance, "/licenses/:id"},
	{get, "/licenses/:id/instances/:instance/remove", needs(portal.ManageLicenses), (*Server).showInstanceRemove, ""},
	{post, "/licenses/:id/instances/:instance/remove", needs(portal.ManageLicenses), (*Server).removeInstance, "/licenses/:id/instances/:instance/remove"},

	{get, "/applications", needs(portal.ManageOrganizations), (*Server).listApplications, ""},
	{get, "/applications/new", needs(portal.ManageOrganizations), (*Server).showNewApplication, ""},
	{post, "/applications", needs(portal.ManageOrganizations), (*Server).createApplication, "/applications/new"},
	{get, "/applications/:id/edit", changeApplications, (*Server).showApplicationEdit, ""},
	{post, "/applications/:id", changeApplications, (*Server).updateApplication, "/applications/:id/edit"},
	{post, "/applications/:id/retire", changeApplications, (*Server).retireApplication, "/applications/:id/edit"},
	{post, "/applications/:id/restore", changeApplications, (*Server).restoreApplication, "/applications/:id/edit"},
	{get, "/organizations/:id/applications", seeLicenses, (*Server).showMatrix, ""},
	{get, "/organizations/:id/applications/new", needs(portal.ManageApplications), (*Server).showNewClientApplication, ""},
	{post, "/organizations/:id/applications", needs(portal.ManageApplications), (*Server).createClientApplication, "/organizations/:id/applications/new"},

	{get, "/keys", seeKeys, (*Server).listKeys, ""},
	{get, "/keys.csv", seeKeys, (*Server).exportKeys, ""},
	{get, "/keys/issue", issueKeys, (*Server).showIssue, ""},
	{post, "/keys/issue", issueKeys, (*Server).issueKey, "/keys/issue"},
	{get, "/keys/new", changeKeys, (*Server).showNewKey, ""},
	{post, "/keys", changeKeys, (*Server).createKey, "/keys/new"},
	{get, "/keys/:id", signedIn, (*Server).showKey, ""}, // everyone has their own
	{get, "/keys/:id/edit", changeKey, (*Server).showKeyEdit, ""},
	{post, "/keys/:id", changeKey, (*Server).updateKey, "/keys/:id/edit"},
	{post, "/keys/:id/enable", changeKey, (*Server).enableKey, "/keys/:id"},
	{post, "/keys/:id/disable", changeKey, (*Server).disableKey, "/keys/:id"},
	{get, "/keys/:id/revoke", changeKey, (*Server).showKeyRevoke, ""},
	{post, "/keys/:id/revoke", changeKey, (*Server).revokeKey, "/keys/:id/revoke"},
	{get, "/keys/:id/delivery", signedIn, (*Server).showDelivery, ""},
	{post, "/keys/:id/delivery", signedIn, (*Server).openDelivery, "/keys/:id/delivery"},
	{post, "/keys/:id/deliver", issueKeys, (*Server).sendDelivery, "/keys/:id"},
	{post, "/keys/:id/secret", changeKey, (*Server).viewSecret, "/keys/:id"},
	{get, "/keys/:id/rotate", changeKey, (*Server).showKeyRotation, ""},
	{post, "/keys/:id/rotate", changeKey, (*Server).rotateKey, "/keys/:id/rotate"},
	{get, "/keys/:id/retire-old", changeKey, ending(page.RetireOldSecret, (*Server).showRotationEnd), ""},
	{post, "/keys/:id/retire-old", changeKey, ending(page.RetireOldSecret, (*Server).endRotation), "/keys/:id/retire-old"},
	{get, "/keys/:id/cancel-rotation", changeKey, ending(page.CancelRotation, (*Server).showRotationEnd), ""},
	{post, "/keys/:id/cancel-rotation", changeKey, ending(page.CancelRotation, (*Server).endRotation), "/keys/:id/cancel-rotation"},

	{get, "/impersonation", needs(portal.AllowImpersonation), (*Server).listImpersonation, ""},

	{get, "/system-setup", setUpSystem, (*Server).showSystemSetup, ""},
	{get, "/integrations/api-keys", seeKeys, onTab(page.APIKeysTab, (*Server).listIntegrations), ""},
	{get, "/integrations/api-keys/new", changeKeys, onTab(page.APIKeysTab, (*Server).showNewIntegration), ""},
	{post, "/integrations/api-keys", changeKeys, onTab(page.APIKeysTab, (*Server).createIntegration), "/integrations/api-keys/new"},
	{get, "/integrations/data-loader-keys", seeKeys, onTab(page.DataLoaderTab, (*Server).listIntegrations), ""},
	{get, "/integrations/data-loader-keys/new", changeKeys, onTab(page.DataLoaderTab, (*Server).showNewIntegration), ""},
	{post, "/integrations/data-loader-keys", changeKeys, onTab(page.DataLoaderTab, (*Server).createIntegration), "/integrations/data-loader-keys/new"},

	{get, "/history", signedIn, (*Server).listHistory, ""},
	{get, "/history.csv", signedIn, (*Server).exportHistory, ""},
	{get, "/history/verify", needs(portal.System), (*Server).showVerification, ""},
	{post, "/history/verify", needs(portal.System), (*Server).verifyHistory, "/history/verify"},

	{get, "/docs", signedIn, (*Server).listDocs, ""},
	{get, "/docs/:section", signedIn, (*Server).showDocs, ""},

	{get, "/requests", seeRequests, (*Server).listRequests, ""},
	{get, "/requests/new", requestKeys, (*Server).showNewRequest, ""},
	{post, "/requests", requestKeys, (*Server).createRequest, "/requests/new"},
	{get, "/requests/:id", signedIn, (*Server).showRequest, ""},
	{post, "/requests/:id/take", decideRequests, (*Server).takeRequest, "/requests/:id"},
	{post, "/requests/:id/ask", decideRequests, (*Server).askRequester, "/requests/:id"},
	{post, "/requests/:id/answer", signedIn, (*Server).answerRequest, "/requests/:id"},
	{get, "/requests/:id/approve", decideRequests, (*Server).showApproval, ""},
	{post, "/requests/:id/approve", decideRequests, (*Server).approveRequest, "/requests/:id/approve"},
	{post, "/requests/:id/decline", decideRequests, (*Server).declineRequest, "/requests/:id"},
	{get, "/requests/:id/withdraw", signedIn, (*Server).showRequestWithdraw, ""},
	{post, "/requests/:id/withdraw", signedIn, (*Server).withdrawRequest, "/requests/:id/withdraw"},
}

func (s *Server) addRoutes() {
	for _, r := range routes {
		s.add(r.method, r.path, s.guard(r))
	}
	for _, path := range []string{api.Prefix, api.Prefix + "/*"} {
		s.echo.Any(path, s.serveAPI)
		s.echo.RouteNotFound(path, s.serveAPI) // methods that echo does not know
	}
	s.add(get, static.Prefix+"*", echo.WrapHandler(static.Handler()))
}

// add adds a route; what answers GET answers HEAD alike, without the body.
func (s *Server) add(method, path string, handler echo.HandlerFunc) {
	s.echo.Add(method, path, handler)
	if method == get {
		s.echo.Add(http.MethodHead, path, handler)
	}
}
