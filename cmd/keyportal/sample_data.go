package main

import (
	"cmp"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// samplePassword is the password of everyone in samplePeople who can log in.
const samplePassword = "keyportal-demo"

var sampleAPISets = []manage.APISetInput{
	{Slug: "billing", Name: "Billing API", Description: "Accounts, invoices and payments.",
		Routes: "GET /billing/{id}\nPOST /billing/invoices\n/billing/"},
	{Slug: "dunning", Name: "Dunning API", Description: "Reminders and collection of overdue invoices.",
		Routes: "GET /dunning/{id}\nPOST /dunning/runs\n/dunning/"},
	{Slug: "revenue-management", Name: "Revenue Management API", Description: "Contracts, recognition and reports.",
		Routes: "GET /revenue/{id}\nGET /revenue/reports/{year}/{month}\n/revenue/"},
	manage.PortalAPI,
}

// The organizations of the sample installation.
const (
	gold       = "Gold Client"
	platinum   = "Platinum Client"
	blue       = "Blue Client"
	operations = "API Operations" // the vendor's own
)

type sampleOrganization struct {
	name, level  string
	licenses     []manage.LicenseInput
	instances    []string
	applications []string // of its own
}

// The licenses and instances are those of both scenarios of an installation
// with several Client IDs.
var sampleOrganizations = []sampleOrganization{
	{name: gold, level: "Gold",
		licenses: []manage.LicenseInput{
			{Number: "12345678", Domain: "Gold Main", Database: "GOLD_MAIN"},
			{Number: "34567890", Domain: "Gold Wholesale", Database: "GOLD_WHOLESALE"},
		},
		instances:    []string{"BE12345678", "TEBE12345678", "TEBE12345678A", "BE34567890"},
		applications: []string{"Partner Portal"}},
	{name: platinum, level: "Platinum",
		licenses: []manage.LicenseInput{
			{Number: "56789012", Domain: "Platinum Europe", Database: "PLATINUM_EU"},
			{Number: "67890123", Domain: "Platinum Americas", Database: "PLATINUM_US"},
			{Number: "78901234", Domain: "Platinum Asia", Database: "PLATINUM_ASIA"},
		},
		instances: []string{"TEBE56789012A", "BE67890123", "BE78901234"}},
	{name: blue, level: "Blue",
		licenses:  []manage.LicenseInput{{Number: "912345", Domain: "Blue", Database: "BLUE"}},
		instances: []string{"TEBE912345"}},
	{name: operations, level: "Blue"},
}

// The roles of the sample installation, beside the built-in ones.
const (
	apiUser           = "API User" // built in, like the next two
	viewer            = "Viewer"
	gatewayRole       = "Gateway"
	billingAndDunning = "Billing and Dunning"
	finance           = "Finance"
	keyManager        = "Key Manager"
	directory         = "Directory"
)

var sampleRoles = []manage.RoleInput{
	{Name: billingAndDunning, Description: "Reaches invoices, payments and reminders.", APISets: []string{"billing", "dunning"}},
	{Name: finance, Description: "Reaches everything about money.", APISets: []string{"billing", "dunning", "revenue-management"}},
	{Name: keyManager, Description: "Generates and manages the API keys of all users.", Authorities: []portal.Authority{portal.ViewUsers, portal.ViewRoles, portal.APIKeys}},
	{Name: directory, Description: "Sees users and roles, but no API keys.", Authorities: []portal.Authority{portal.ViewUsers, portal.ViewRoles}},
}

type samplePerson struct {
	username, first, last string
	staff                 portal.Staff
	organization          string
	administers           bool // Admin and All Access
	roles                 []string
	logsIn                bool
	fate                  manage.UserAction // what happened to the account
}

var samplePeople = []samplePerson{
	{username: "superadmin", first: "Sofia", last: "Anders", staff: portal.SuperAdmin, organization: gold, administers: true, logsIn: true},
	{username: "support", first: "Sam", last: "Porter", staff: portal.Support, logsIn: true},
	{username: "clientadmin", first: "Carla", last: "Adams", organization: gold, administers: true, logsIn: true},
	{username: "member", first: "Mia", last: "Berger", organization: gold, roles: []string{apiUser, billingAndDunning}, logsIn: true},
	{username: "viewer", first: "Victor", last: "Holm", organization: gold, roles: []string{directory}, logsIn: true},
	{username: "alex.kim", first: "Alex", last: "Kim", organization: gold, roles: []string{apiUser, finance}},
	{username: "dana.ortiz", first: "Dana", last: "Ortiz", organization: gold, roles: []string{apiUser, billingAndDunning}, fate: manage.LockUser},
	{username: "erik.lund", first: "Erik", last: "Lund", organization: gold, roles: []string{apiUser, finance}, fate: manage.DisableUser},
	{username: "fatima.noor", first: "Fatima", last: "Noor", organization: gold, roles: []string{apiUser, billingAndDunning}, fate: manage.ExpirePassword},
	{username: "erp-xss", first: "ERP", last: "(XSS)", organization: gold, roles: []string{finance}},
	{username: "priya.raman", first: "Priya", last: "Raman", organization: platinum, administers: true},
	{username: "paul.meyer", first: "Paul", last: "Meyer", organization: platinum, roles: []string{keyManager, finance}},
	{username: "yuki.tanaka", first: "Yuki", last: "Tanaka", organization: platinum, roles: []string{apiUser, billingAndDunning}},
	{username: "data-loader", first: "Data", last: "Loader", organization: platinum, roles: []string{finance}},
	{username: "olga.petrova", first: "Olga", last: "Petrova", organization: platinum, roles: []string{viewer}, fate: manage.DisableUser},
	{username: "ben.blue", first: "Ben", last: "Blue", organization: blue, administers: true},
	{username: "lina.costa", first: "Lina", last: "Costa", organization: blue, roles: []string{apiUser, billingAndDunning}},
	{username: "gateway", first: "API", last: "Gateway", organization: operations, roles: []string{gatewayRole}},
}

type sampleGroup struct {
	organization, name, description string
	roles, members                  []string
}

var sampleGroups = []sampleGroup{
	{organization: gold, name: "Accounting", description: "Those whose keys post and remind.", roles: []string{billingAndDunning}, members: []string{"dana.ortiz", "fatima.noor"}},
}

type sampleKey struct {
	name, description    string
	user, by             string // the mapped user, and who generated it; the user when empty
	application, license string // by name and number; empty: none
	sets                 []string
	generated            int // days ago
	expires              int // in so many days; 0: never
	used                 int // hours ago; 0: never
	from                 string
	perDay               int         // uses, more or less, until the last one
	refused              []sampleTry // after the last one
	disabled, revoked    bool
}

// sampleTry is something that a key can't do.
type sampleTry struct {
	set, from    string
	hours, times int // ago, and how often
}

func (k sampleKey) generator() string { return cmp.Or(k.by, k.user) }

// The keys that the demo prints.
const (
	memberKey  = "Accounting"
	gatewayKey = "Gateway"
)

var sampleKeys = []sampleKey{
	{name: "Old ERP (XSS)", description: "Replaced by ERP (XSS) in production.", user: "erp-xss", by: "clientadmin", sets: []string{"billing"},
		generated: 88, used: 700, from: "198.51.100.20", perDay: 150, revoked: true},
	{name: "ERP (XSS)", description: "The partner's ERP system, production.", user: "erp-xss", by: "clientadmin", application: "ERP (XSS)", license: "12345678",
		sets:      []string{"billing", "dunning", "revenue-management"},
		generated: 80, expires: 285, used: 1, from: "198.51.100.20", perDay: 2300, refused: []sampleTry{{"portal", "198.51.100.20", 300, 60}, {"portal", "198.51.100.21", 276, 240}}},
	{name: "Workflow", description: "The workflow application.", user: "alex.kim", by: "clientadmin", application: "Workflow", license: "12345678", sets: []string{"billing", "dunning"},
		generated: 76, expires: 21, used: 5, from: "203.0.113.7", perDay: 160},
	{name: "Partner sandbox", description: "For the partner's tests.", user: "alex.kim", sets: []string{"billing", "revenue-management"},
		generated: 70, expires: -4, used: 100, from: "203.0.113.50", perDay: 24,
		refused: []sampleTry{{"dunning", "203.0.113.51", 130, 6}, {"billing", "203.0.113.50", 60, 9}, {"billing", "203.0.113.50", 28, 14}}},
	{name: "Reports", user: "erik.lund", sets: []string{"revenue-management"}, generated: 64, used: 900, from: "203.0.113.12"},
	{name: "Mobile App", description: "The app on phones and tablets.", user: "dana.ortiz", by: "clientadmin", application: "Mobile App", license: "12345678",
		sets: []string{"billing"}, generated: 60, used: 400, from: "192.0.2.77", perDay: 420},
	{name: "Nightly import", user: "fatima.noor", sets: []string{"billing", "dunning"}, generated: 55, expires: 40, used: 60, from: "192.0.2.14", perDay: 12},
	{name: "Portal automation", description: "Creates users in the portal when they join the company.", user: "superadmin", sets: []string{"portal"}, generated: 50, expires: 130},
	{name: "Invoice reminders", description: "Reminds customers on their phones.", user: "member", sets: []string{"billing", "dunning"},
		generated: 45, expires: 9, used: 2, from: "192.0.2.31", perDay: 75, refused: []sampleTry{{"revenue-management", "192.0.2.31", 220, 11}, {"portal", "2001:db8:85a3:8d3:1319:8a2e:370:7348", 51, 3}}},
	{name: "Year-end closing", description: "Loaded last year's invoices; not needed any more.", user: "member", sets: []string{"billing", "dunning"},
		generated: 40, expires: 320, used: 300, from: "203.0.113.80", disabled: true},
	{name: "Data Loader", description: "Loads data in bulk every night.", user: "data-loader", by: "paul.meyer", application: "Data Loader", license: "56789012", sets: []string{"billing", "dunning", "revenue-management"},
		generated: 38, expires: 327, used: 9, from: "198.51.100.99", perDay: 5200},
	{name: "Workflow", user: "yuki.tanaka", by: "priya.raman", application: "Workflow", license: "67890123", sets: []string{"billing"}, generated: 30, expires: 60, used: 26, from: "198.51.100.41", perDay: 30},
	{name: "Integration", description: "Pilot with the warehouse in Osaka.", user: "yuki.tanaka", sets: []string{"dunning"}, generated: 28, expires: -1},
	{name: "Workflow", user: "lina.costa", by: "ben.blue", application: "Workflow", license: "912345", sets: []string{"billing"}, generated: 20, expires: 345, used: 3, from: "203.0.113.200", perDay: 60},
	{name: "Mobile App", user: "lina.costa", by: "ben.blue", application: "Mobile App", license: "912345", sets: []string{"billing", "dunning"}, generated: 12, expires: 14},
	{name: "Integration", description: "Brings contracts into the warehouse.", user: "alex.kim", sets: []string{"billing", "revenue-management"},
		generated: 11, expires: 80, used: 30, from: "192.0.2.140"},
	{name: gatewayKey, description: "The gateway's own key, with which it asks about others.", user: "gateway", by: "superadmin", generated: 10},
	{name: memberKey, description: "Brings invoices into our accounting.", user: "member", by: "clientadmin", sets: []string{"billing"}, generated: 2, expires: 363},
}

// sampleClient is the OAuth client of a license, and what got access tokens with it.
type sampleClient struct {
	license, user string // the mapped user, who made it
	sets          []string
	made          int              // days ago
	perDay        int              // uses, more or less, until the last one
	uses          []sampleTokenUse // the last one at the end
}

type sampleTokenUse struct {
	agent, from string
	hours       int // ago
}

// printedClient is the license whose OAuth client the demo prints. Other licenses
// have theirs too, but not 34567890: nobody has made that yet.
const printedClient = "12345678"

var sampleClients = []sampleClient{
	{license: printedClient, user: "clientadmin", sets: []string{"billing", "dunning", "revenue-management"}, made: 75, perDay: 640, uses: []sampleTokenUse{
		{agent: "reporting/4.2", from: "203.0.113.61", hours: 700},
		{agent: "loan-sync/2.1", from: "198.51.100.12", hours: 2},
	}},
	{license: "56789012", user: "priya.raman", sets: []string{"billing"}, made: 33, uses: []sampleTokenUse{{agent: "python-requests/2.32", from: "198.51.100.7", hours: 20}}},
	{license: "912345", user: "ben.blue", sets: []string{"billing", "dunning"}, made: 15},
}

// sampleRequest is a client's wish for a key, and what became of it.
type sampleRequest struct {
	requester, application, license, reason string
	hours                                   int    // ago
	taken                                   bool   // by support
	question                                string // that support asked back
	approvedFor                             []string
	declined                                string // why
}

var sampleRequests = []sampleRequest{
	{requester: "lina.costa", application: "Data Loader", license: "912345", reason: "To load last year's invoices once.", hours: 300,
		declined: "One load of this size is quicker as a file: please send it to us."},
	{requester: "yuki.tanaka", application: "Workflow", license: "78901234", reason: "The warehouse in Osaka starts with the workflow application next month.", hours: 49, taken: true},
	{requester: "member", application: "Partner Portal", license: "12345678", reason: "Partners look their invoices up themselves.", hours: 30,
		question: "Which partners will use it, and from which addresses?"},
	{requester: "member", application: "ERP (XSS)", license: "34567890", reason: "The ERP system posts the wholesale invoices.", hours: 26, approvedFor: []string{"billing"}},
	{requester: "member", application: "Mobile App", license: "34567890", reason: "Our drivers confirm deliveries with the app.", hours: 3},
}
