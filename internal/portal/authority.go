package portal

import (
	"slices"
	"strings"
)

// Authority is something that a holder may do. Authorities form a tree of three
// levels, told by the dots in their names: application, module, action. An
// authority includes everything below it: "admin.users" includes
// "admin.users.view".
type Authority string

// Level is an authority's level in the tree.
type Level string

// The levels of authorities.
const (
	LevelApplication Level = "Application"
	LevelModule      Level = "Module"
	LevelAction      Level = "Action"
)

// The authorities that roles are made of.
const (
	Administration     Authority = "admin"
	UserManagement     Authority = "admin.users"
	ViewUsers          Authority = "admin.users.view"
	ManageUsers        Authority = "admin.users.manage"
	RoleManagement     Authority = "admin.roles"
	ViewRoles          Authority = "admin.roles.view"
	ManageRoles        Authority = "admin.roles.manage"
	APIKeys            Authority = "admin.keys"
	ManageUserAPIKey   Authority = "admin.keys.own"
	ViewAPIKeys        Authority = "admin.keys.view"
	ManageAPIKeys      Authority = "admin.keys.manage"
	Licensing          Authority = "admin.licenses"
	ViewLicenses       Authority = "admin.licenses.view"
	ViewClientSecret   Authority = "admin.licenses.secret"
	ManageApplications Authority = "admin.licenses.applications"
	Requests           Authority = "admin.requests"
	RequestAPIKeys     Authority = "admin.requests.create"
	Settings           Authority = "admin.settings"
	ManageSettings     Authority = "admin.settings.manage"
	History            Authority = "admin.history"
	ViewHistory        Authority = "admin.history.view"
	Gateway            Authority = "gateway"
	GatewayCheck       Authority = "gateway.check"
	VerifyKeys         Authority = "gateway.check.verify"
)

// The authorities of the installation's staff. No role holds them.
const (
	System              Authority = "system"
	SystemAPISets       Authority = "system.apisets"
	ManageAPISets       Authority = "system.apisets.manage"
	SystemOrganizations Authority = "system.organizations"
	ViewOrganizations   Authority = "system.organizations.view"
	ManageOrganizations Authority = "system.organizations.manage"
	SystemLicenses      Authority = "system.licenses"
	ManageLicenses      Authority = "system.licenses.manage"
	SystemStaff         Authority = "system.staff"
	ManageStaff         Authority = "system.staff.manage"
	SystemRequests      Authority = "system.requests"
	DecideRequests      Authority = "system.requests.decide"
	SystemKeys          Authority = "system.keys"
	IssueAPIKeys        Authority = "system.keys.issue"
	AllowImpersonation  Authority = "system.keys.impersonation"
)

// AuthorityInfo describes an authority for people.
type AuthorityInfo struct {
	Authority   Authority
	Name        string
	Description string
}

var authorities = []AuthorityInfo{
	{Administration, "Administration", "Everything in an organization."},
	{UserManagement, "User Management", "Everything about the organization's users."},
	{ViewUsers, "View Users", "See the organization's users and their details."},
	{ManageUsers, "Manage Users", "Create, edit, enable, lock and expire users, give them roles, send them password links."},
	{RoleManagement, "Roles", "Everything about the organization's roles."},
	{ViewRoles, "View Roles", "See the roles and what they allow."},
	{ManageRoles, "Manage Roles", "Create, edit and delete the organization's own roles."},
	{APIKeys, "API Keys", "Everything about the organization's API keys."},
	{ManageUserAPIKey, "Manage User API Key", "Generate API keys for oneself and manage them."},
	{ViewAPIKeys, "View API Keys", "See all API keys of the organization."},
	{ManageAPIKeys, "Manage API Keys", "Generate and manage API keys for any user of the organization."},
	{Licensing, "Licenses", "Everything that a client may do with its licenses."},
	{ViewLicenses, "View Licenses", "See the organization's licenses, domains and instances."},
	{ViewClientSecret, "Manage Client Secret", "See the Client ID (OAuth) of a license and regenerate its Client Secret."},
	{ManageApplications, "Manage Applications", "Add, edit and retire the organization's own applications."},
	{Requests, "Requests", "Everything that a client may do with requests."},
	{RequestAPIKeys, "Request API Keys", "Ask support for an API key for an application and license."},
	{Settings, "Settings", "Everything about the organization's settings."},
	{ManageSettings, "Manage Settings", "Decide whether secrets of the organization's keys can be viewed again."},
	{History, "Revision History", "Everything about the organization's history."},
	{ViewHistory, "View Revision History", "See who did what to what and when."},
	{Gateway, "Gateway", "What a gateway's own account may do."},
	{GatewayCheck, "Check", "Everything about checking keys."},
	{VerifyKeys, "Verify keys", "Call the verification endpoint of the check, for keys of any organization."},
	{System, "System", "Everything in the installation."},
	{SystemAPISets, "API sets", "Everything about API sets."},
	{ManageAPISets, "Manage API Sets", "Create, edit and retire API sets."},
	{SystemOrganizations, "Organizations", "Everything about organizations."},
	{ViewOrganizations, "View Organizations", "See every organization and switch to it."},
	{ManageOrganizations, "Manage Organizations", "Create, edit and suspend organizations, and decide what client levels allow and which applications the catalogue has."},
	{SystemLicenses, "Licenses of all clients", "Everything about the licenses of all clients."},
	{ManageLicenses, "Manage Licenses", "Give clients licenses within their level, edit and deactivate them, and manage their instances."},
	{SystemStaff, "Staff", "Everything about staff."},
	{ManageStaff, "Manage Staff", "Make users super admins or support staff."},
	{SystemRequests, "Request queue", "Everything about the request queue."},
	{DecideRequests, "Decide Requests", "Approve or decline requests for API keys."},
	{SystemKeys, "API keys of all clients", "Everything about the keys of all clients."},
	{IssueAPIKeys, "Issue API Keys", "Grant keys of any client every API set that their users' roles allow."},
	{AllowImpersonation, "Allow Impersonation", "Let a key impersonate other users."},
}

// Authorities lists all authorities, each before those that it includes.
func Authorities() []AuthorityInfo { return slices.Clone(authorities) }

// AssignableAuthorities lists the authorities that a role can hold, each before
// those that it includes.
func AssignableAuthorities() []AuthorityInfo {
	return slices.DeleteFunc(slices.Clone(authorities), func(info AuthorityInfo) bool { return System.Includes(info.Authority) })
}

// Assignable tells whether a role can hold the authority.
func (a Authority) Assignable() bool { return a.known() && !System.Includes(a) }

// Includes tells whether whoever holds a may also do b.
func (a Authority) Includes(b Authority) bool {
	return a == b || strings.HasPrefix(string(b), string(a)+".")
}

// Level tells the authority's level: application, module or action.
func (a Authority) Level() Level {
	return [...]Level{LevelApplication, LevelModule, LevelAction}[min(strings.Count(string(a), "."), 2)]
}

// Name gives the authority's name as pages show it.
func (a Authority) Name() string {
	if i := slices.IndexFunc(authorities, func(info AuthorityInfo) bool { return info.Authority == a }); i >= 0 {
		return authorities[i].Name
	}
	return string(a)
}

func (a Authority) known() bool {
	return slices.ContainsFunc(authorities, func(info AuthorityInfo) bool { return info.Authority == a })
}

// includedIn tells whether one of the held authorities includes a.
func (a Authority) includedIn(held []Authority) bool {
	return slices.ContainsFunc(held, func(h Authority) bool { return h.Includes(a) })
}
