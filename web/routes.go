package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/static"
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
	seeKeys    = needs(portal.ManageUserAPIKey, portal.ViewAPIKeys, portal.ManageAPIKeys)
	changeKeys = needs(portal.ManageUserAPIKey, portal.ManageAPIKeys)
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
	{get, "/profile/password", signedIn, (*Server).showPasswordChange, ""},
	{post, "/profile/password", signedIn, (*Server).changePassword, "/profile/password"},

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
	{get, "/api-sets/:id", needs(portal.ManageAPISets), (*Server).showAPISet, ""},
	{get, "/api-sets/:id/edit", needs(portal.ManageAPISets), (*Server).showAPISetEdit, ""},
	{post, "/api-sets/:id", needs(portal.ManageAPISets), (*Server).updateAPISet, "/api-sets/:id/edit"},
	{get, "/api-sets/:id/retire", needs(portal.ManageAPISets), (*Server).showAPISetRetire, ""},
	{post, "/api-sets/:id/retire", needs(portal.ManageAPISets), (*Server).retireAPISet, "/api-sets/:id/retire"},
	{post, "/api-sets/:id/restore", needs(portal.ManageAPISets), (*Server).restoreAPISet, "/api-sets/:id"},

	{get, "/organizations", needs(portal.ViewOrganizations), (*Server).listOrganizations, ""},
	{get, "/organizations/new", needs(portal.ManageOrganizations), (*Server).showNewOrganization, ""},
	{post, "/organizations", needs(portal.ManageOrganizations), (*Server).createOrganization, "/organizations/new"},
	{get, "/organizations/:id/edit", needs(portal.ManageOrganizations), (*Server).showOrganizationEdit, ""},
	{post, "/organizations/:id", needs(portal.ManageOrganizations), (*Server).updateOrganization, "/organizations/:id/edit"},

	{get, "/keys", seeKeys, (*Server).listKeys, ""},
	{get, "/keys.csv", seeKeys, (*Server).exportKeys, ""},
	{get, "/keys/new", changeKeys, (*Server).showNewKey, ""},
	{post, "/keys", changeKeys, (*Server).createKey, "/keys/new"},
	{get, "/keys/:id", seeKeys, (*Server).showKey, ""},
	{get, "/keys/:id/edit", changeKeys, (*Server).showKeyEdit, ""},
	{post, "/keys/:id", changeKeys, (*Server).updateKey, "/keys/:id/edit"},
	{post, "/keys/:id/enable", changeKeys, (*Server).enableKey, "/keys/:id"},
	{post, "/keys/:id/disable", changeKeys, (*Server).disableKey, "/keys/:id"},
	{get, "/keys/:id/revoke", changeKeys, (*Server).showKeyRevoke, ""},
	{post, "/keys/:id/revoke", changeKeys, (*Server).revokeKey, "/keys/:id/revoke"},
}

func (s *Server) addRoutes() {
	for _, r := range routes {
		s.add(r.method, r.path, s.guard(r))
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
