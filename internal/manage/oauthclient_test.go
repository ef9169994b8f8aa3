package manage_test

import (
	"slices"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// scenarios are the tables of instances and their Client IDs in the description of
// the API key.
var scenarios = map[string][]struct{ instance, clientID string }{
	"instances with same Client ID": {
		{"BE12345678", "12345678"},
		{"TEBE12345678", "12345678"},
		{"TEBE12345678A", "12345678"},
	},
	"instances with different Client IDs": {
		{"BE12345678", "12345678"},
		{"BE34567890", "34567890"},
		{"TEBE56789012A", "56789012"},
		{"TEBE912345", "912345"},
	},
}

// owner adds an organization that may hold many licenses, and its administrator.
func (w *world) owner(root portal.User) (portal.Organization, portal.User) {
	w.t.Helper()
	level := must(w.m.CreateClientLevel(w.as(root), manage.LevelInput{Submission: manage.Submission{Token: "level"}, Name: "Diamond", Licenses: "10"}))(w.t)
	organization := storetest.Organization(w.t, w.s, func(o *portal.Organization) { o.LevelID = level.ID })
	return organization, w.withPassword(storetest.Admin(w.t, w.s, organization))
}

// licensed adds an instance, and its license where there is none yet.
func (w *world) licensed(root portal.User, owner portal.Organization, name, number string) {
	w.t.Helper()
	if _, err := w.s.LicenseByNumber(w.t.Context(), number); err != nil {
		must(w.m.CreateLicense(w.as(root), manage.LicenseInput{OrganizationID: owner.ID, Number: number, Domain: "Domain " + number, Database: "DB"}))(w.t)
	}
	must(w.m.CreateInstance(w.as(root), manage.InstanceInput{Name: name}))(w.t)
}

// signedInTo gives the license of the instance that a user signs in to.
func (w *world) signedInTo(user portal.User, name string) (portal.License, error) {
	in := from(homeAddress, user)
	in.Instance = name
	token, err := w.m.SignIn(w.t.Context(), in)
	if err != nil {
		return portal.License{}, err
	}
	instance := must(w.s.Instance(w.t.Context(), w.session(token.Reveal()).InstanceID))(w.t)
	return w.s.License(w.t.Context(), instance.LicenseID)
}

func TestInstancesShareAnAPIKeyWhenTheirNumberIsTheSame(t *testing.T) {
	for scenario, rows := range scenarios {
		t.Run(scenario, func(t *testing.T) {
			eachFresh(t, func(t *testing.T, w *world) {
				root := storetest.SuperAdmin(t, w.s)
				organization, admin := w.owner(root)
				served := map[string][]string{}
				for _, row := range rows {
					w.licensed(root, organization, row.instance, row.clientID)
					served[row.clientID] = append(served[row.clientID], row.instance)
				}
				ctx, made := w.in(organization, admin), map[string]manage.GeneratedKey{}
				for _, row := range rows {
					license := must(w.signedInTo(admin, row.instance))(t)
					wantEqual(t, row.instance, license.Number, row.clientID)
					client := must(w.m.OAuthClient(ctx, license.ID))(t)
					var instances []string
					for _, instance := range client.Instances {
						instances = append(instances, instance.Name)
					}
					wantEqual(t, row.instance+": serves", instances, served[row.clientID])
					if client.Key.ID == 0 {
						made[row.clientID] = must(w.m.CreateKey(ctx, manage.NewKey{Kind: portal.OAuthKey, OrganizationID: organization.ID, LicenseID: license.ID, UserID: admin.ID, Name: row.clientID}))(t)
						client = must(w.m.OAuthClient(ctx, license.ID))(t)
					}
					wantEqual(t, row.instance+": API key", client.Key.PublicID, made[row.clientID].PublicID)
					wantEqual(t, row.instance+": secret", must(w.viewAs(ctx, admin, client.Key.ID))(t), made[row.clientID].Secret)
				}
				different := map[string]bool{}
				for number, key := range made {
					different[key.PublicID] = true
					wantEqual(t, "its license", w.subject(key.Secret).LicenseNumber, number)
				}
				wantEqual(t, "API keys", []int{len(made), len(different)}, []int{len(served), len(served)})

				must(w.m.RotateKey(ctx, manage.Rotation{KeyID: made[rows[0].clientID].ID, Confirm: rows[0].clientID}))(t)
				for number, key := range made {
					wantEqual(t, "works after one was regenerated", w.works(key.Secret), number != rows[0].clientID)
				}
			})
		})
	}
}

func TestTheAdministratorOfOneClientGetsNothingOfTheOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := w.oauthClient(w.License, w.Admin)
		waits := w.deliver(w.requester())
		stranger := w.withPassword(w.Stranger)
		own := storetest.License(t, w.s, w.Other)
		ctx, session := w.in(w.Other, stranger), w.signedIn(stranger)
		before := w.dump("throttles", "sessions", "users", "known_addresses")
		unseen := portal.CodeNotFound
		for what, test := range map[string]struct {
			err  error
			want portal.Code
		}{
			"sign-in at its instance":     {second(w.signedInTo(stranger, w.Instance.Name)), portal.CodeUnauthenticated},
			"its instance entered":        {second(w.m.EnterInstance(ctx, session, w.Instance.ID)), unseen},
			"its organization entered":    {w.m.MoveSession(ctx, session, w.Organization.ID), unseen},
			"its license":                 {second(w.m.License(ctx, w.License.ID)), unseen},
			"its OAuth client":            {second(w.m.OAuthClient(ctx, w.License.ID)), unseen},
			"its key":                     {second(w.m.Key(ctx, made.ID)), unseen},
			"its key's history":           {second(w.m.Revisions(ctx, keyHistory(made.ID))), unseen},
			"its keepers":                 {second(w.m.SecretKeepers(ctx, w.Organization.ID)), unseen},
			"its instances":               {second(w.m.Instances(ctx, w.Organization.ID)), unseen},
			"its page":                    {second(w.m.OrganizationDetails(ctx, w.Organization.ID)), unseen},
			"its matrix":                  {second(w.m.Matrix(ctx, w.Organization.ID)), unseen},
			"its secret, viewed":          {second(w.viewAs(ctx, stranger, made.ID)), unseen},
			"its secret, regenerated":     {second(w.m.RotateKey(ctx, manage.Rotation{KeyID: made.ID, Confirm: w.License.Number})), unseen},
			"its old secret, retired":     {w.m.RetireOldSecret(ctx, made.ID, w.License.Number), unseen},
			"its key, disabled":           {w.m.DisableKey(ctx, made.ID), unseen},
			"its key, revoked":            {w.m.RevokeKey(ctx, made.ID, made.Name), unseen},
			"its one-time page":           {second(w.m.OpenDelivery(ctx, waits.ID, 0)), unseen},
			"its one-time page, renewed":  {second(w.m.SendDelivery(ctx, waits.ID)), unseen},
			"its settings":                {w.m.UpdateSettings(ctx, w.settingsOf(false)), unseen},
			"an OAuth client of it":       {second(w.m.CreateKey(ctx, w.clientOf(stranger))), portal.CodeForbidden},
			"one of one's own, bound so":  {second(w.m.CreateKey(ctx, manage.NewKey{Kind: portal.OAuthKey, OrganizationID: w.Other.ID, LicenseID: w.License.ID, UserID: stranger.ID, Name: "x"})), portal.CodeInvalid},
			"a request in its name":       {second(w.m.CreateRequest(ctx, w.newRequest(w.Application))), portal.CodeForbidden},
			"its users for a new key":     {func() error { _, _, err := w.m.KeyUsers(ctx, w.Organization.ID, w.Admin.ID, ""); return err }(), portal.CodeForbidden},
			"its key for an application":  {second(w.m.LiveKeyFor(ctx, w.Application.ID, w.License.ID)), unseen},
			"a request of its, looked up": {second(w.m.PendingRequestFor(ctx, w.Application.ID, w.License.ID)), unseen},
		} {
			wantCode(t, what, test.err, test.want)
		}
		w.wantSame("nothing", before, "throttles", "sessions", "users", "known_addresses")
		wantEqual(t, "one's own is there", must(w.m.OAuthClient(ctx, own.ID))(t).Key, portal.Key{})
	})
}

func TestAnOAuthClientsPageIsForItsKeepersAndHasNoHashes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		keeper := w.holder([]portal.Authority{portal.ViewClientSecret})
		wantEqual(t, "before it is made", must(w.m.OAuthClient(w.as(keeper), w.License.ID))(t), manage.OAuthClient{License: w.License, Instances: []portal.Instance{w.Instance}})
		made := w.oauthClient(w.License, w.Admin)
		use := func(agent string) {
			id := w.subject(made.Secret).SecretID
			mustDo(t, w.s.Update(t.Context(), func(u *store.Update) error {
				return u.PutClientUse(t.Context(), portal.ClientUse{KeyID: made.ID, SecretID: id, Agent: agent, Address: homeAddress})
			}))
		}
		use("ERP")
		must(w.m.RotateKey(w.as(keeper), manage.Rotation{KeyID: made.ID, Grace: time.Hour, Confirm: w.License.Number}))(t)
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{
			"a keeper":          {keeper, allowed},
			"an admin":          {w.Admin, allowed},
			"a super admin":     {w.SuperAdmin, allowed},
			"support":           {storetest.Support(t, w.s), portal.CodeForbidden},
			"who manages keys":  {w.holder([]portal.Authority{portal.APIKeys}), portal.CodeForbidden},
			"who sees licenses": {w.holder([]portal.Authority{portal.ViewLicenses}), portal.CodeForbidden},
			"a stranger":        {w.Stranger, portal.CodeNotFound},
		} {
			client, err := w.m.OAuthClient(w.as(test.actor), w.License.ID)
			wantCode(t, what, err, test.want)
			if err != nil {
				wantEqual(t, what+" gets", client.Key, portal.Key{})
				continue
			}
			wantEqual(t, what+" sees", []any{client.Key.PublicID, len(client.Secrets), client.Secrets[1].Previous, len(client.Uses), client.Uses[0].Agent, client.Uses[0].Previous},
				[]any{made.PublicID, 2, true, 1, "ERP", true})
			if slices.ContainsFunc(client.Secrets, func(s portal.Secret) bool { return s.Hash != nil || s.Sealed != nil }) {
				t.Errorf("%s is given what only the database is for: %+v", what, client.Secrets)
			}
		}
		wantCode(t, "of no license", second(w.m.OAuthClient(w.as(w.SuperAdmin), 4711)), portal.CodeNotFound)
	})
}

func TestMembersLearnWhomToAskForTheClientSecret(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		want := []int64{w.Admin.ID, w.holder([]portal.Authority{portal.ViewClientSecret}).ID, w.holder([]portal.Authority{portal.Licensing}).ID}
		w.holder([]portal.Authority{portal.ViewLicenses, portal.APIKeys})
		left := w.holder([]portal.Authority{portal.ViewClientSecret})
		w.set(left, func(in *manage.MembershipInput) { in.Member = false })
		for _, actor := range []portal.User{w.User, storetest.Support(t, w.s)} {
			var keepers []int64
			for _, user := range must(w.m.SecretKeepers(w.as(actor), w.Organization.ID))(t) {
				keepers = append(keepers, user.ID)
			}
			slices.Sort(keepers)
			slices.Sort(want)
			wantEqual(t, "keepers", keepers, want)
		}
		wantCode(t, "for a stranger", second(w.m.SecretKeepers(w.as(w.Stranger), w.Organization.ID)), portal.CodeNotFound)
	})
}

func TestWhoManagesKeysDoesNotEndTheOAuthClientThatAllInstancesShare(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		client := w.oauthClient(w.License, w.Admin)
		keys, keeper := w.holder([]portal.Authority{portal.APIKeys}), w.holder([]portal.Authority{portal.ViewClientSecret})
		edit := w.keyOf(client.ID)
		edit.Name = "Renamed"
		for what, do := range map[string]func(portal.User) error{
			"edit":    func(by portal.User) error { return w.m.UpdateKey(w.as(by), edit) },
			"disable": func(by portal.User) error { return w.m.DisableKey(w.as(by), client.ID) },
			"revoke":  func(by portal.User) error { return w.m.RevokeKey(w.as(by), client.ID, client.Name) },
		} {
			before := w.dump()
			wantCode(t, what, do(keys), portal.CodeForbidden)
			w.wantSame(what, before)
		}
		wantCode(t, "changeable", must(w.m.Key(w.as(keys), client.ID))(t).Changeable, portal.CodeForbidden)
		mustDo(t, w.m.DisableKey(w.as(storetest.Support(t, w.s)), client.ID))
		mustDo(t, w.m.EnableKey(w.as(w.Admin), client.ID))
		mustDo(t, w.m.RevokeKey(w.as(keeper), client.ID, client.Name))
	})
}
