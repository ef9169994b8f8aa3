package manage_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// change is one use of a method that changes what the Revision History speaks of.
type change struct {
	method string
	by     func(w *world) portal.User // who does it; the zero User is the program
	do     func(w *world, m *manage.Manager, ctx context.Context) error
	lines  func(w *world) []string // what the history says then
}

// prepared is what changes stand on beside the Fixture.
type prepared struct {
	link                       string // a one-time link's token
	support, requester         portal.User
	approve, decline, withdraw portal.Request // to be decided so
	unasked                    portal.Application
	unused                     portal.License
	client, delivered          portal.Key   // an OAuth client of Admin's, and a key that waits for User
	group                      portal.Group // with Role, and User in it
	original, rotated          portal.Key   // a key of User's before and while its secret is rotated out
}

func (w *world) prepare() {
	w.t.Helper()
	ask := func() portal.Request { return w.request(w.prepared.requester, w.application()) }
	w.prepared.support, w.prepared.requester = storetest.Support(w.t, w.s), w.requester()
	w.prepared.approve, w.prepared.decline, w.prepared.withdraw, w.prepared.unasked = ask(), ask(), ask(), w.application()
	w.prepared.unused = storetest.License(w.t, w.s, w.Organization)
	w.prepared.client = w.oauthClient(w.License, w.Admin).Key
	w.prepared.delivered = must(w.m.CreateKey(w.as(w.Admin), w.newKey(func(in *manage.NewKey) { in.Name, in.Deliver = "Delivered", true })))(w.t).Key
	w.prepared.original = must(w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) { in.Name = "Rotated" })))(w.t).Key
	w.prepared.rotated = must(w.m.RotateKey(w.as(w.User), manage.Rotation{KeyID: w.prepared.original.ID, Grace: 7 * 24 * time.Hour, Confirm: "Rotated"}))(w.t).Key
	w.prepared.group = w.group([]portal.User{w.User}, w.Role)
	w.prepared.link = w.link(w.User)
}

// application adds an application of the organization's.
func (w *world) application() portal.Application {
	return storetest.Application(w.t, w.s, w.Organization)
}

// requester adds a member who may request keys and nothing else, and whose keys may
// reach Billing.
func (w *world) requester() portal.User {
	return w.holder([]portal.Authority{portal.RequestAPIKeys}, w.Billing)
}

// request gives a new request of a user's for an application and License.
func (w *world) request(user portal.User, application portal.Application) portal.Request {
	w.t.Helper()
	return must(w.m.CreateRequest(w.as(user), w.newRequest(application)))(w.t)
}

func (w *world) newRequest(application portal.Application) manage.NewRequest {
	return manage.NewRequest{OrganizationID: w.Organization.ID, ApplicationID: application.ID, LicenseID: w.License.ID, Reason: "For the ERP."}
}

// version gives the version of a request, as a form that is opened now has it.
func (w *world) version(request int64) int64 {
	w.t.Helper()
	return w.requestOf(request).Version
}

// requestOf gives a request as it is now.
func (w *world) requestOf(id int64) portal.Request {
	w.t.Helper()
	return must(w.s.Request(w.t.Context(), id))(w.t)
}

// oauthClient makes the OAuth client of a license, mapped to a user.
func (w *world) oauthClient(license portal.License, user portal.User) manage.GeneratedKey {
	w.t.Helper()
	return must(w.m.CreateKey(w.as(user), manage.NewKey{Kind: portal.OAuthKey, OrganizationID: license.OrganizationID, LicenseID: license.ID, UserID: user.ID, Name: "OAuth " + license.Number}))(w.t)
}

// licenseOf gives the form that edits a license, as it is opened now.
func (w *world) licenseOf(id int64) manage.LicenseInput {
	w.t.Helper()
	l := must(w.s.License(w.t.Context(), id))(w.t)
	return manage.LicenseInput{ID: id, Version: l.Version, Domain: l.Domain, Database: l.Database}
}

// applicationOf gives the form that edits an application, as it is opened now.
func (w *world) applicationOf(id int64) manage.ApplicationInput {
	w.t.Helper()
	a := must(w.s.Application(w.t.Context(), id))(w.t)
	return manage.ApplicationInput{ID: id, Version: a.Version, Name: a.Name, Description: a.Description}
}

// levelOf gives the form that edits a client level, as it is opened now.
func (w *world) levelOf(id int64) manage.LevelInput {
	w.t.Helper()
	l := must(w.s.ClientLevel(w.t.Context(), id))(w.t)
	return manage.LevelInput{ID: id, Version: l.Version, Name: l.Name, Licenses: strconv.Itoa(l.Licenses)}
}

// settingsOf gives the form of the organization's settings, as it is opened now.
func (w *world) settingsOf(viewing bool) manage.SettingsInput {
	w.t.Helper()
	o := must(w.s.Organization(w.t.Context(), w.Organization.ID))(w.t)
	return manage.SettingsInput{OrganizationID: o.ID, Version: o.Version, SecretViewing: viewing}
}

func bySuperAdmin(w *world) portal.User { return w.SuperAdmin }
func bySupport(w *world) portal.User    { return w.prepared.support }
func byRequester(w *world) portal.User  { return w.prepared.requester }
func byAdmin(w *world) portal.User      { return w.Admin }
func byProgram(*world) portal.User      { return portal.User{} }
func byUser(w *world) portal.User       { return w.User }

// line builds what a change is expected to record.
func line(format string, args ...any) []string { return []string{fmt.Sprintf(format, args...)} }

// changes are done one after the other in one world. Those of organizations
// come last: they change names that other lines have.
var changes = []change{
	{"CreateUser", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateUser(ctx, w.newUser(func(in *manage.NewUser) { in.RoleIDs = ids(w.Role) }))
		return err
	}, func(w *world) []string {
		return []string{
			`user created grace: Username →grace; First Name →Grace; Last Name →Hopper; E-mail →grace@example.com; Enabled →Yes; Locked →No; Expired →No`,
			fmt.Sprintf(`membership added the user to %[1]s grace: Organization →%[1]s; Member →Yes; Admin →No; All Access →No; Roles →%[2]s`, w.Organization.Name, w.Role.Name),
		}
	}},
	{"UpdateUser", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		edit := w.editOf(w.User.ID)
		edit.FirstName, edit.Email = "Grace", "grace.2@example.com"
		return m.UpdateUser(ctx, edit)
	}, func(w *world) []string {
		return line(`user edited %s: First Name Ada→Grace; E-mail %s→grace.2@example.com`, w.User.Username, w.User.Email)
	}},
	{"ActOnUser", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.ActOnUser(ctx, w.User.ID, manage.LockUser)
	}, func(w *world) []string { return line(`user locked %s: Locked No→Yes`, w.User.Username) }},
	{"SetMembership", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := w.membershipOf(w.User)
		in.AllAccess = true
		return m.SetMembership(ctx, in)
	}, func(w *world) []string {
		return line(`membership edited the membership in %s %s: All Access No→Yes`, w.Organization.Name, w.User.Username)
	}},
	{"SendPasswordLink", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.SendPasswordLink(ctx, w.User.ID)
		return err
	}, func(w *world) []string { return line(`user sent a one-time password link %s: `, w.User.Username) }},
	{"SetPassword", byUser, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.SetPassword(ctx, w.prepared.link, newPassword)
		return err
	}, func(w *world) []string { return line(`user set the password by a one-time link %s: `, w.User.Username) }},
	{"ChangePassword", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.ChangePassword(ctx, portal.Session{UserID: w.Admin.ID, OrganizationID: w.Organization.ID, Address: homeAddress}, password, newPassword)
		return err
	}, func(w *world) []string { return line(`user changed the password %s: `, w.Admin.Username) }},
	{"CreateSuperAdmin", func(*world) portal.User { return portal.User{} }, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := first("root")
		in.Organization = ""
		_, err := m.CreateSuperAdmin(ctx, in)
		return err
	}, func(w *world) []string {
		return line(`user created root: Username →root; First Name →Ada; Last Name →Lovelace; E-mail →ada@example.com; Staff →Super admin; Enabled →Yes; Locked →No; Expired →No`)
	}},
	{"CreateKey", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		made, err := m.CreateKey(ctx, w.newKey(bound))
		if err != nil && !made.Secret.IsZero() {
			w.t.Error("a secret is shown that was not stored")
		}
		return err
	}, func(w *world) []string {
		return line(`key generated ERP: Name →ERP; Description →For the ERP.; Kind →API key; Mapped user →%s; API sets →billing API; Expires →Never; Allowed networks →192.0.2.0/24, 2001:db8::7/128; Rate limit →100 per minute, 20 at once; Can impersonate →No; Enabled →Yes; Revoked →No`, w.User.Username)
	}},
	{"UpdateKey", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		edit := w.keyOf(w.Key.ID)
		edit.Description, edit.APISets = "", []string{"billing", "dunning"}
		edit.AllowedNetworks, edit.RateLimit = []string{"10.0.0.0/8"}, portal.RateLimit{Requests: 5, Period: portal.PerDay}
		return m.UpdateKey(ctx, edit)
	}, func(w *world) []string {
		return line(`key edited %s: Description A key for tests.→; API sets billing API, revenue-management API→billing API, dunning API; Allowed networks →10.0.0.0/8; Rate limit →5 per day`, w.Key.Name)
	}},
	{"ImportKeys", byProgram, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.ImportKeys(ctx, []manage.ImportedKey{w.oldKey(2, "old 1"), w.oldKey(3, "old 2")}, true)
		return err
	}, func(w *world) []string {
		made := `key imported %s: Name →%[1]s; Description →From before.; Kind →API key; Mapped user →%s; API sets →billing API; Expires →Never; Can impersonate →No; Enabled →Yes; Revoked →No`
		return append(line(made, "old 1", w.User.Username), line(made, "old 2", w.User.Username)...)
	}},
	{"DisableKey", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.DisableKey(ctx, w.Key.ID)
	}, func(w *world) []string { return line(`key disabled %s: Enabled Yes→No`, w.Key.Name) }},
	{"EnableKey", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.EnableKey(ctx, w.Key.ID)
	}, func(w *world) []string { return line(`key enabled %s: Enabled No→Yes`, w.Key.Name) }},
	{"RevokeKey", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.RevokeKey(ctx, w.Key.ID, w.Key.Name)
	}, func(w *world) []string { return line(`key revoked %s: Revoked No→Yes`, w.Key.Name) }},
	{"CreateRole", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateRole(ctx, w.newRole(func(in *manage.RoleInput) {
			in.Authorities, in.APISets = []portal.Authority{portal.ViewUsers}, []string{"billing"}
		}))
		return err
	}, func(w *world) []string {
		return line(`role created Integrator: Name →Integrator; Description →Connects things.; Authorities →View Users; API sets →billing API`)
	}},
	{"UpdateRole", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := w.roleOf(w.Role.ID)
		in.APISets = nil
		return m.UpdateRole(ctx, in)
	}, func(w *world) []string {
		return line(`role edited %s: API sets billing API, dunning API→`, w.Role.Name)
	}},
	{"CreateGroup", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateGroup(ctx, w.newGroup(func(in *manage.GroupInput) { in.RoleIDs, in.MemberIDs = ids(w.Role), userIDs(w.User) }))
		return err
	}, func(w *world) []string {
		return append(line(`group created Accounting: Name →Accounting; Description →Those who count.; Roles →%s; Members →%s`, w.Role.Name, w.User.Username),
			line(`membership edited the membership in %s %s: Groups %s→Accounting, %[3]s`, w.Organization.Name, w.User.Username, w.prepared.group.Name)...)
	}},
	{"UpdateGroup", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := w.groupOf(w.prepared.group.ID)
		in.RoleIDs, in.MemberIDs = nil, userIDs(w.Admin)
		return m.UpdateGroup(ctx, in)
	}, func(w *world) []string {
		group := w.prepared.group
		return append(line(`group edited %s: Roles %s→; Members %s→%s`, group.Name, w.Role.Name, w.User.Username, w.Admin.Username),
			fmt.Sprintf(`membership edited the membership in %s %s: Groups →%s`, w.Organization.Name, w.Admin.Username, group.Name),
			fmt.Sprintf(`membership edited the membership in %s %s: Groups Accounting, %s→Accounting`, w.Organization.Name, w.User.Username, group.Name))
	}},
	{"DeleteGroup", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.DeleteGroup(ctx, w.prepared.group.ID, w.groupOf(w.prepared.group.ID).Version, w.prepared.group.Name)
	}, func(w *world) []string {
		return line(`group deleted %s: Name %[1]s→; Members %s→`, w.prepared.group.Name, w.Admin.Username)
	}},
	{"DeleteRole", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.DeleteRole(ctx, w.Role.ID, must(w.s.Role(w.t.Context(), w.Role.ID))(w.t).Version, w.Role.Name)
	}, func(w *world) []string {
		return line(`role deleted %s: Name %[1]s→; Description A role.→; Authorities View Revision History, Manage User API Key→`, w.Role.Name)
	}},
	{"CreateAPISet", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateAPISet(ctx, manage.APISetInput{Slug: "payments", Name: "Payments", Routes: "/payments/\n/refunds/"})
		return err
	}, func(w *world) []string {
		return line("api_set created Payments: Slug →payments; Name →Payments; Route patterns →/payments/\n/refunds/; Retired →No")
	}},
	{"EnsurePortalAPI", byProgram, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.EnsurePortalAPI(ctx)
	}, func(w *world) []string {
		return line("api_set created Key Portal API: Slug →portal; Name →Key Portal API; Description →Key Portal itself: users, keys, licenses and requests.; Route patterns →/api/v1/; Retired →No")
	}},
	{"UpdateAPISet", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := w.apiSetOf(w.Dunning.ID)
		in.Name, in.Routes = "Dunning", ""
		return m.UpdateAPISet(ctx, in)
	}, func(w *world) []string {
		return line(`api_set edited Dunning: Name dunning API→Dunning; Route patterns /dunning/→`)
	}},
	{"RetireAPISet", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.RetireAPISet(ctx, w.Billing.ID, w.apiSetOf(w.Billing.ID).Version, w.Billing.Name)
	}, func(w *world) []string { return line(`api_set retired billing API: Retired No→Yes`) }},
	{"RestoreAPISet", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.RestoreAPISet(ctx, w.Billing.ID, w.apiSetOf(w.Billing.ID).Version)
	}, func(w *world) []string { return line(`api_set put back into use billing API: Retired Yes→No`) }},
	{"ImportAPISets", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := outlined("GET /revenue/{id} Revenue Management", "GET /usage Usage")
		plan, err := m.PlanAPISets(ctx, in)
		if err != nil {
			return err
		}
		in.Seen = plan.Seen
		_, err = m.ImportAPISets(ctx, in)
		return err
	}, func(w *world) []string {
		return []string{
			fmt.Sprintf("api_set edited %s: Route patterns /revenue/→/revenue/\nGET /revenue/{id}", w.Revenue.Name),
			"api_set created Usage: Slug →usage; Name →Usage; Description →About Usage.; Route patterns →GET /usage; Retired →No",
		}
	}},
	{"CreateLicense", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateLicense(ctx, manage.LicenseInput{OrganizationID: w.Organization.ID, Number: "4711", Domain: "Europe", Database: "EU"})
		return err
	}, func(w *world) []string {
		return line(`license created 4711: Number →4711; Domain →Europe; Database →EU; Active →Yes`)
	}},
	{"CreateInstance", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateInstance(ctx, manage.InstanceInput{Name: "BE" + w.License.Number})
		return err
	}, func(w *world) []string {
		return line(`license added the instance BE%s %[1]s: `, w.License.Number)
	}},
	{"CreateApplication", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: w.Organization.ID, Name: "Kiosk", Description: "In shops."})
		return err
	}, func(w *world) []string {
		return line(`application created Kiosk: Name →Kiosk; Description →In shops.; Retired →No`)
	}},
	{"UpdateApplication", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := w.applicationOf(w.prepared.unasked.ID)
		in.Name, in.Description = "Terminal", ""
		return m.UpdateApplication(ctx, in)
	}, func(w *world) []string {
		return line(`application edited Terminal: Name %s→Terminal; Description What a key is for.→`, w.prepared.unasked.Name)
	}},
	{"RetireApplication", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.RetireApplication(ctx, w.prepared.unasked.ID, w.applicationOf(w.prepared.unasked.ID).Version)
	}, func(w *world) []string { return line(`application retired Terminal: Retired No→Yes`) }},
	{"RestoreApplication", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.RestoreApplication(ctx, w.prepared.unasked.ID, w.applicationOf(w.prepared.unasked.ID).Version)
	}, func(w *world) []string { return line(`application put back into use Terminal: Retired Yes→No`) }},
	{"RemoveInstance", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.RemoveInstance(ctx, w.License.ID, w.Instance.ID)
	}, func(w *world) []string {
		return line(`license removed the instance %s %s: `, w.Instance.Name, w.License.Number)
	}},
	{"UpdateLicense", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := w.licenseOf(w.License.ID)
		in.Domain, in.Database = "Asia", "ASIA"
		return m.UpdateLicense(ctx, in)
	}, func(w *world) []string {
		return line(`license edited %s: Domain %s→Asia; Database %s→ASIA`, w.License.Number, w.License.Domain, w.License.Database)
	}},
	{"DeactivateLicense", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.DeactivateLicense(ctx, w.License.ID, w.License.Number)
	}, func(w *world) []string { return line(`license deactivated %s: Active Yes→No`, w.License.Number) }},
	{"ActivateLicense", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.ActivateLicense(ctx, w.License.ID)
	}, func(w *world) []string { return line(`license activated %s: Active No→Yes`, w.License.Number) }},
	{"DeleteLicense", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.DeleteLicense(ctx, w.prepared.unused.ID, w.prepared.unused.Number)
	}, func(w *world) []string {
		l := w.prepared.unused
		return line(`license deleted %s: Number %[1]s→; Domain %s→; Database %s→; Active Yes→`, l.Number, l.Domain, l.Database)
	}},
	{"CreateRequest", byRequester, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateRequest(ctx, w.newRequest(w.prepared.unasked))
		return err
	}, func(w *world) []string {
		return line(`request created Terminal for %[1]s: Application →Terminal; License →%[1]s; Reason →For the ERP.; State →Open`, w.License.Number)
	}},
	{"IssueKey", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		made, err := m.IssueKey(ctx, w.newKey(func(in *manage.NewKey) {
			in.Name, in.ApplicationID, in.LicenseID = "Issued", w.prepared.unasked.ID, w.License.ID
		}))
		if err != nil && !made.Secret.IsZero() {
			w.t.Error("a secret is shown that was not stored")
		}
		return err
	}, func(w *world) []string {
		return append(line(`key issued Issued: Name →Issued; Description →For the ERP.; Kind →API key; Mapped user →%s; Application →%s; License →%s; API sets →billing API; Expires →Never; Can impersonate →No; Enabled →Yes; Revoked →No`,
			w.User.Username, "Terminal", w.License.Number),
			line(`request approved Terminal for %s: State Open→Approved; Taken by →%s; Decision →The key was issued straight away, for %s.`, w.License.Number, w.Admin.Name(), w.user(w.User.ID).Name())...)
	}},
	{"TakeRequest", bySupport, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.TakeRequest(ctx, w.prepared.approve.ID, w.version(w.prepared.approve.ID))
	}, func(w *world) []string {
		return line(`request took %s: State Open→In progress; Taken by →%s`, w.prepared.approve.Name(), w.prepared.support.Name())
	}},
	{"AskRequester", bySupport, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.AskRequester(ctx, w.prepared.approve.ID, w.version(w.prepared.approve.ID), "Who will use it?")
	}, func(w *world) []string {
		return line(`request asked back %s: State In progress→Awaiting answer`, w.prepared.approve.Name())
	}},
	{"AnswerRequest", byRequester, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.AnswerRequest(ctx, w.prepared.approve.ID, w.version(w.prepared.approve.ID), "The shops.")
	}, func(w *world) []string {
		return line(`request answered %s: State Awaiting answer→In progress`, w.prepared.approve.Name())
	}},
	{"ApproveRequest", bySupport, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.ApproveRequest(ctx, manage.Approval{ID: w.prepared.approve.ID, Version: w.version(w.prepared.approve.ID), Name: "Requested", APISets: []string{"billing"}, Note: "Have fun.",
			AllowedNetworks: []string{"192.0.2.7"}, RateLimit: portal.RateLimit{Requests: 1, Period: portal.PerSecond}})
		return err
	}, func(w *world) []string {
		request := w.prepared.approve
		return append(line(`key issued Requested: Name →Requested; Kind →API key; Mapped user →%s; Application →%s; License →%s; API sets →billing API; Expires →Never; Allowed networks →192.0.2.7/32; Rate limit →1 per second; Can impersonate →No; Enabled →Yes; Revoked →No`,
			w.prepared.requester.Username, request.ApplicationName, request.LicenseNumber), line(`request approved %s: State In progress→Approved; Decision →Have fun.`, request.Name())...)
	}},
	{"DeclineRequest", bySupport, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.DeclineRequest(ctx, w.prepared.decline.ID, w.version(w.prepared.decline.ID), "Use the other one.")
	}, func(w *world) []string {
		return line(`request declined %s: State Open→Declined; Taken by →%s; Decision →Use the other one.`, w.prepared.decline.Name(), w.prepared.support.Name())
	}},
	{"WithdrawRequest", byRequester, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.WithdrawRequest(ctx, w.prepared.withdraw.ID)
	}, func(w *world) []string {
		return line(`request withdrew %s: State Open→Withdrawn`, w.prepared.withdraw.Name())
	}},
	{"SendDelivery", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.SendDelivery(ctx, w.prepared.delivered.ID)
		return err
	}, func(w *world) []string { return line(`key sent a one-time page Delivered: `) }},
	{"OpenDelivery", byUser, func(w *world, m *manage.Manager, ctx context.Context) error {
		made, err := m.OpenDelivery(ctx, w.prepared.delivered.ID, 0)
		if err != nil && !made.Secret.IsZero() {
			w.t.Error("a secret is shown that was not stored")
		}
		return err
	}, func(w *world) []string {
		return line(`key opened the one-time page Delivered: Secret →%s`, w.key(w.prepared.delivered.ID).Masked)
	}},
	{"RotateKey", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		made, err := m.RotateKey(ctx, manage.Rotation{KeyID: w.prepared.client.ID, Grace: time.Hour, Confirm: w.License.Number})
		if err != nil && !made.Secret.IsZero() {
			w.t.Error("a secret is shown that was not stored")
		}
		return err
	}, func(w *world) []string {
		return line(`key regenerated the secret %s: Secret %s→%s; Old secret stops →%s`, w.prepared.client.Name, w.prepared.client.Masked, w.key(w.prepared.client.ID).Masked,
			w.clock.Now().Add(time.Hour).Format("2006-01-02 15:04 UTC"))
	}},
	{"CancelRotation", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.CancelRotation(ctx, w.prepared.rotated.ID, w.prepared.rotated.Name)
	}, func(w *world) []string {
		return line(`key canceled the rotation Rotated: Secret %s→%s`, w.prepared.rotated.Masked, w.prepared.original.Masked)
	}},
	{"RetireOldSecret", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.RetireOldSecret(ctx, w.prepared.client.ID, w.License.Number)
	}, func(w *world) []string {
		return line(`key retired the old secret %s: Secret %s→`, w.prepared.client.Name, w.prepared.client.Masked)
	}},
	{"ViewSecret", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		value, _, err := m.ViewSecret(ctx, portal.Session{UserID: w.Admin.ID, PasswordAt: w.clock.Now()}, w.prepared.client.ID, "")
		if err != nil && !value.IsZero() {
			w.t.Error("a secret is shown although it is not recorded")
		}
		return err
	}, func(w *world) []string { return line(`key viewed the secret %s: `, w.prepared.client.Name) }},
	{"UpdateSettings", byAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.UpdateSettings(ctx, w.settingsOf(false))
	}, func(w *world) []string {
		return line(`organization changed the settings %s: Secrets can be viewed again Yes→No`, w.Organization.Name)
	}},
	{"SuspendOrganization", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.SuspendOrganization(ctx, w.Organization.ID, w.Organization.Name)
	}, func(w *world) []string {
		return line(`organization suspended %s: Suspended No→Yes`, w.Organization.Name)
	}},
	{"ReactivateOrganization", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.ReactivateOrganization(ctx, w.Organization.ID)
	}, func(w *world) []string {
		return line(`organization reactivated %s: Suspended Yes→No`, w.Organization.Name)
	}},
	{"CreateClientLevel", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateClientLevel(ctx, manage.LevelInput{Name: "Silver", Licenses: "5"})
		return err
	}, func(w *world) []string { return line(`level created Silver: Name →Silver; Master licenses →5`) }},
	{"UpdateClientLevel", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := w.levelOf(blue)
		in.Name, in.Licenses = "Azure", "4"
		return m.UpdateClientLevel(ctx, in)
	}, func(w *world) []string { return line(`level edited Azure: Name Blue→Azure; Master licenses 1→4`) }},
	{"DeleteClientLevel", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		return m.DeleteClientLevel(ctx, blue, w.levelOf(blue).Version)
	}, func(w *world) []string { return line(`level deleted Azure: Name Azure→; Master licenses 4→`) }},
	{"CreateOrganization", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		_, err := m.CreateOrganization(ctx, manage.OrganizationInput{Name: "Acme", LevelID: gold})
		return err
	}, func(w *world) []string {
		return line(`organization created Acme: Name →Acme; Client level →Gold; Suspended →No; Secrets can be viewed again →No; API keys must expire →No`)
	}},
	{"UpdateOrganization", bySuperAdmin, func(w *world, m *manage.Manager, ctx context.Context) error {
		in := w.organizationOf(w.Organization.ID)
		in.Name, in.LevelID = "Renamed", gold
		return m.UpdateOrganization(ctx, in)
	}, func(w *world) []string {
		return line(`organization edited Renamed: Name %s→Renamed; Client level Platinum→Gold`, w.Organization.Name)
	}},
}
