package manage_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// told gives a line of the history as the expectations spell it.
func told(l portal.Revision) string {
	var values []string
	for _, change := range l.Changes {
		values = append(values, change.Name+" "+change.Before+"→"+change.After)
	}
	return fmt.Sprintf("%s %s %s: %s", l.Noun, l.Action, l.NounName, strings.Join(values, "; "))
}

// failingMAC fails, or does something else, when the history is to be signed or
// sealed.
type failingMAC struct{ fail func(seal bool) error }

func (f failingMAC) MAC(data []byte) ([]byte, error) {
	if err := f.fail(strings.HasPrefix(string(data), "head ")); err != nil {
		return nil, err
	}
	return storetest.MAC{}.MAC(data)
}

func (f failingMAC) VerifyMAC(mac, data []byte) error { return storetest.MAC{}.VerifyMAC(mac, data) }

// failing gives managers that fail in the middle of each change, and contexts to
// use them with.
func (w *world) failing(change func(m *manage.Manager, base context.Context) error) map[string]error {
	w.t.Helper()
	disk := errors.New("the keyset is gone")
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	with := func(fail func(seal bool) error, base context.Context) error {
		database := storetest.Of(w.s)
		s := must(store.Open(w.t.Context(), database.URL, store.Options{MAC: failingMAC{fail: fail}, Clock: w.clock.Now}))(w.t)
		defer s.Close()
		m := newManager(s)
		m.Sealer = w.m.Sealer
		return change(m, base)
	}
	when := func(wanted bool) func(bool) error {
		return func(seal bool) error {
			if seal == wanted {
				return disk
			}
			return nil
		}
	}
	return map[string]error{
		"the line cannot be signed":     with(when(false), w.t.Context()),
		"the history cannot be sealed":  with(when(true), w.t.Context()),
		"the request ends in the midst": with(func(bool) error { cancel(); return nil }, ctx),
	}
}

// beside are the tables that count failed passwords apart from the change.
var beside = []string{"throttles", "known_addresses"}

func TestAChangeAndItsLinesComeTogetherOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.withPassword(w.Admin)
		w.prepare()
		for _, change := range changes {
			if change.method == "SetPassword" {
				w.prepared.link = w.link(w.User)
			}
			by := change.by(w)
			if by.ID != 0 {
				by = w.user(by.ID)
			}
			as := func(base context.Context) context.Context {
				w.ctx = base
				defer func() { w.ctx = t.Context() }()
				if by.ID == 0 {
					return w.program()
				}
				return w.as(by)
			}
			before := w.dump(beside...)
			for how, err := range w.failing(func(m *manage.Manager, base context.Context) error { return change.do(w, m, as(base)) }) {
				if err == nil {
					t.Errorf("%s succeeds although %s", change.method, how)
				}
			}
			w.wantSame(change.method+" that failed", before, beside...)

			var history []string
			lines := w.lines(func() {
				if err := change.do(w, w.m, as(t.Context())); err != nil {
					t.Fatalf("%s: %v", change.method, err)
				}
			})
			for _, l := range lines {
				history = append(history, told(l))
				name := by.Name()
				if by.ID == 0 {
					name = "test"
				}
				if l.ActorID != by.ID || l.ActorName != name || by.ID != 0 && l.Address != homeAddress {
					t.Errorf("%s is recorded as done by %d, %s, from %s", change.method, l.ActorID, l.ActorName, l.Address)
				}
			}
			wantEqual(t, change.method, history, change.lines(w))
		}
		must(w.m.VerifyChain(w.program()))(t)
	})
}

// wantSame fails when the database is not as it was dumped.
func (w *world) wantSame(what string, before []string, except ...string) {
	w.t.Helper()
	after := w.dump(except...)
	isIn := func(rows []string) func(string) bool {
		return func(row string) bool { return slices.Contains(rows, row) }
	}
	gone, come := slices.DeleteFunc(slices.Clone(before), isIn(after)), slices.DeleteFunc(after, isIn(before))
	if len(gone)+len(come) > 0 {
		w.t.Fatalf("%s: the database has lost\n%s\nand gained\n%s", what, strings.Join(gone, "\n"), strings.Join(come, "\n"))
	}
}

func TestASetUpAndItsLinesComeTogetherOrNotAtAll(t *testing.T) {
	eachFresh(t, func(t *testing.T, w *world) {
		token := tokenOf(t, must(w.m.SetupLink(t.Context()))(t))
		before := w.dump()
		for how, err := range w.failing(func(m *manage.Manager, base context.Context) error {
			_, err := m.SetUp(base, token, first("ada"))
			return err
		}) {
			if err == nil {
				t.Errorf("it succeeds although %s", how)
			}
		}
		w.wantSame("a set-up that failed", before)
		must(w.m.SetUp(t.Context(), token, first("ada")))(t)
	})
}

func TestWhatChangesNothingIsNotRecorded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.prepare()
		ctx, client, taken := w.as(w.SuperAdmin), w.prepared.client.ID, w.prepared.approve.ID
		mustDo(t, w.m.TakeRequest(ctx, taken, w.version(taken)))
		before := w.dump()
		for what, err := range map[string]error{
			"user":         w.m.UpdateUser(ctx, w.editOf(w.User.ID)),
			"enable":       w.m.ActOnUser(ctx, w.User.ID, manage.EnableUser),
			"unlock":       w.m.ActOnUser(ctx, w.User.ID, manage.UnlockUser),
			"membership":   w.m.SetMembership(ctx, w.membershipOf(w.User)),
			"role":         w.m.UpdateRole(ctx, w.roleOf(w.Role.ID)),
			"group":        w.m.UpdateGroup(ctx, w.groupOf(w.prepared.group.ID)),
			"API set":      w.m.UpdateAPISet(ctx, w.apiSetOf(w.Billing.ID)),
			"import":       second(w.m.ImportAPISets(ctx, outlined("GET /billing/{id} Billing"))),
			"put back":     w.m.RestoreAPISet(ctx, w.Billing.ID, w.Billing.Version),
			"key":          w.m.UpdateKey(ctx, w.keyOf(w.Key.ID)),
			"enable key":   w.m.EnableKey(ctx, w.Key.ID),
			"organization": w.m.UpdateOrganization(ctx, w.organizationOf(w.Organization.ID)),
			"settings":     w.m.UpdateSettings(ctx, w.settingsOf(true)),
			"reactivate":   w.m.ReactivateOrganization(ctx, w.Organization.ID),
			"level":        w.m.UpdateClientLevel(ctx, w.levelOf(platinum)),
			"license":      w.m.UpdateLicense(ctx, w.licenseOf(w.License.ID)),
			"activate":     w.m.ActivateLicense(ctx, w.License.ID),
			"application":  w.m.UpdateApplication(ctx, w.applicationOf(w.Application.ID)),
			"restore":      w.m.RestoreApplication(ctx, w.Application.ID, w.Application.Version),
			"old secret":   w.m.RetireOldSecret(ctx, client, ""),
			"take again":   w.m.TakeRequest(ctx, taken, w.version(taken)-1), // the same button, pressed twice
		} {
			wantCode(t, what, err, allowed)
		}
		w.wantSame("nothing", before)
		mustDo(t, w.m.RetireAPISet(ctx, w.Billing.ID, w.Billing.Version, w.Billing.Name))
		lines := w.lines(func() { mustDo(t, w.m.RetireAPISet(ctx, w.Billing.ID, w.Billing.Version, w.Billing.Name)) })
		wantEqual(t, "history of retiring it again", len(lines), 0)
	})
}

func TestFormsThatAreSentAgainGiveWhatTheyMade(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, requester, application := w.as(w.SuperAdmin), w.requester(), w.application()
		for what, send := range map[string]func() (int64, error){
			"role": func() (int64, error) {
				made, err := w.m.CreateRole(ctx, w.newRole(func(in *manage.RoleInput) { in.Submission = manage.Submission{Token: "role"} }))
				return made.ID, err
			},
			"group": func() (int64, error) {
				made, err := w.m.CreateGroup(ctx, w.newGroup(func(in *manage.GroupInput) { in.Submission = manage.Submission{Token: "group"} }))
				return made.ID, err
			},
			"API set": func() (int64, error) {
				made, err := w.m.CreateAPISet(ctx, manage.APISetInput{Submission: manage.Submission{Token: "API set"}, Slug: "payments", Name: "Payments"})
				return made.ID, err
			},
			"organization": func() (int64, error) {
				made, err := w.m.CreateOrganization(ctx, manage.OrganizationInput{Submission: manage.Submission{Token: "organization"}, Name: "Acme", LevelID: gold})
				return made.ID, err
			},
			"level": func() (int64, error) {
				made, err := w.m.CreateClientLevel(ctx, manage.LevelInput{Submission: manage.Submission{Token: "level"}, Name: "Silver", Licenses: "5"})
				return made.ID, err
			},
			"license": func() (int64, error) {
				made, err := w.m.CreateLicense(ctx, manage.LicenseInput{Submission: manage.Submission{Token: "license"}, OrganizationID: w.Organization.ID, Number: "4711", Domain: "Europe", Database: "EU"})
				return made.ID, err
			},
			"instance": func() (int64, error) {
				made, err := w.m.CreateInstance(ctx, manage.InstanceInput{Submission: manage.Submission{Token: "instance"}, Name: "BE" + w.License.Number})
				return made.ID, err
			},
			"application": func() (int64, error) {
				made, err := w.m.CreateApplication(ctx, manage.ApplicationInput{Submission: manage.Submission{Token: "application"}, OrganizationID: w.Organization.ID, Name: "Kiosk"})
				return made.ID, err
			},
			"request": func() (int64, error) {
				in := w.newRequest(application)
				in.Submission = manage.Submission{Token: "request"}
				made, err := w.m.CreateRequest(w.as(requester), in)
				return made.ID, err
			},
		} {
			first := must(send())(t)
			lines := w.lines(func() { wantEqual(t, what, must(send())(t), first) })
			wantEqual(t, what+": history", len(lines), 0)
		}
	})
}

func TestAClosedDatabaseTakesNothingAndShowsNoKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, before := w.as(w.User), w.dump()
		mustDo(t, w.s.Close())
		made, err := w.m.CreateKey(ctx, w.newKey())
		if err == nil || !made.Secret.IsZero() || made.ID != 0 {
			t.Errorf("the key is %+v: %v", made, err)
		}
		w.wantSame("nothing", before)
	})
}

// Methods that are no changes: those that read, and those that keep what the
// Revision History does not speak of.
var (
	reads = []string{
		"APISet", "APISets", "Application", "Applications", "CheckNewKey", "ChosenLicense", "ClientLevel", "ClientLevels", "Deliveries", "Delivery", "Group", "GroupCandidates", "Groups", "Instance", "Instances",
		"Head", "Key", "KeyCounts", "KeyUse", "KeyUsers", "Keys", "KeysMappedToMe", "License", "Licenses", "LiveKeyFor", "Matrix", "Membership", "MembershipByID", "MyKeys", "MyOrganizations", "OAuthClient", "OfferedAPISets",
		"Organization", "OrganizationDetails", "Organizations", "OrganizationSummaries", "PendingRequestFor", "PlanAPISets", "Request", "Requests", "RequestsWaiting", "Revisions", "Role", "Roles", "RoomForLicense",
		"SecretKeepers", "Sessions", "UnusedLicense", "User", "Users", "VerifyChain",
	}
	besides = []string{
		"AcknowledgeKeys", "CheckSetupLink", "EndOtherSessions", "EndSession", "EnterInstance", "KeyActor", "MoveSession", "NeedsPassword", "Now", "PasswordLinkUser", "PutFlash", "Session", "SetUp", "SetupLink", "SignIn", "SignOut",
		"Sweep", "TakeFlash", "TellOfDelivery", "TellRequester",
	}
	ofTests = []string{"CountHashes", "HashPassword", "SweepOnce"}
)

func TestTheTablesNameEveryMethod(t *testing.T) {
	named := slices.Concat(reads, besides, ofTests)
	for _, change := range changes {
		named = append(named, change.method)
	}
	slices.Sort(named)
	var methods []string
	for method := range reflect.TypeFor[*manage.Manager]().Methods() {
		methods = append(methods, method.Name)
	}
	wantEqual(t, "methods", named, methods)
}

func TestNobodyMayNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.prepare()
		before := w.dump()
		nobody := portal.WithActor(t.Context(), portal.Actor{})
		for _, change := range changes {
			if change.method == "SetPassword" || change.method == "ChangePassword" {
				continue // who has the link or the session is somebody
			}
			err := change.do(w, w.m, nobody)
			if code := codeOf(err); code != portal.CodeUnauthenticated && code != portal.CodeNotFound {
				t.Errorf("%s: %v", change.method, err)
			}
		}
		w.wantSame("nothing", before)
		for what, err := range w.readAll(nobody) {
			if code := codeOf(err); code != portal.CodeUnauthenticated && code != portal.CodeNotFound && what != "MyOrganizations" {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestTheProgramMayEverythingButOpenWhatIsForOnePersonAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.prepare()
		for what, err := range w.readAll(w.program()) {
			want := allowed
			if what == "Delivery" {
				want = portal.CodeNotFound
			}
			wantCode(t, what, err, want)
		}
	})
}

// readAll calls every method that reads.
func (w *world) readAll(ctx context.Context) map[string]error {
	o, m := w.Organization.ID, w.m
	_, _, counts := m.KeyCounts(ctx, o, false)
	_, _, users := m.KeyUsers(ctx, o, w.User.ID, "")
	_, _, candidates := m.GroupCandidates(ctx, o, nil, "")
	results := map[string]error{
		"APISet": second(m.APISet(ctx, w.Billing.ID)), "APISets": second(m.APISets(ctx)), "CheckNewKey": m.CheckNewKey(ctx, w.newKey()),
		"Application": second(m.Application(ctx, w.Application.ID)), "Applications": second(m.Applications(ctx, o)), "ClientLevel": second(m.ClientLevel(ctx, gold)),
		"Deliveries": second(m.Deliveries(ctx)), "Delivery": second(m.Delivery(ctx, w.prepared.delivered.ID)), "Instances": second(m.Instances(ctx, o)),
		"License": second(m.License(ctx, w.License.ID)), "LiveKeyFor": second(m.LiveKeyFor(ctx, w.Application.ID, w.License.ID)), "Matrix": second(m.Matrix(ctx, o)),
		"Membership": second(m.Membership(ctx, o, w.User.ID)), "MembershipByID": second(m.MembershipByID(ctx, w.Membership.ID)),
		"OAuthClient": second(m.OAuthClient(ctx, w.License.ID)), "OrganizationDetails": second(m.OrganizationDetails(ctx, o)),
		"PlanAPISets":       second(m.PlanAPISets(ctx, outlined("GET /usage Usage"))),
		"PendingRequestFor": second(m.PendingRequestFor(ctx, w.Application.ID, w.License.ID)), "Request": second(m.Request(ctx, w.prepared.approve.ID)),
		"Requests": second(m.Requests(ctx, portal.RequestFilter{OrganizationID: o})), "RequestsWaiting": second(m.RequestsWaiting(ctx, o)),
		"RoomForLicense": m.RoomForLicense(ctx, w.Organization), "SecretKeepers": second(m.SecretKeepers(ctx, o)), "UnusedLicense": m.UnusedLicense(ctx, w.prepared.unused),
		"Group": second(m.Group(ctx, w.prepared.group.ID)), "GroupCandidates": candidates, "Groups": second(m.Groups(ctx, o)),
		"ChosenLicense": second(m.ChosenLicense(ctx, w.License.ID)), "ClientLevels": second(m.ClientLevels(ctx)), "Instance": second(m.Instance(ctx, w.Instance.ID)), "Key": second(m.Key(ctx, w.Key.ID)),
		"KeyCounts": counts, "Head": second(m.Head(ctx)), "KeyUse": second(m.KeyUse(ctx, w.Key.ID)), "KeyUsers": users, "Keys": second(m.Keys(ctx, portal.KeyFilter{OrganizationID: o})),
		"KeysMappedToMe": second(m.KeysMappedToMe(ctx)), "MyKeys": second(m.MyKeys(ctx, portal.List{})), "Sessions": second(m.Sessions(ctx)),
		"Licenses": second(m.Licenses(ctx, o)), "MyOrganizations": second(m.MyOrganizations(ctx, 500)), "OfferedAPISets": second(m.OfferedAPISets(ctx, o, w.User.ID)),
		"Organization": second(m.Organization(ctx, o)), "Organizations": second(m.Organizations(ctx, portal.List{})), "OrganizationSummaries": second(m.OrganizationSummaries(ctx, portal.List{})), "Role": second(m.Role(ctx, w.Role.ID)),
		"Roles": second(m.Roles(ctx, o)), "User": second(m.User(ctx, w.User.ID)), "Revisions": second(m.Revisions(ctx, portal.RevisionFilter{Organizations: []int64{o}})),
		"Users": second(m.Users(ctx, portal.UserFilter{OrganizationID: o})), "VerifyChain": second(m.VerifyChain(ctx)),
	}
	if len(results) != len(reads) {
		w.t.Errorf("%d of %d methods are called", len(results), len(reads))
	}
	return results
}
