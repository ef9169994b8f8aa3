package manage_test

import (
	"fmt"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// keyFor gives the form of a key of User's for an application and License.
func (w *world) keyFor(application portal.Application, edit ...func(*manage.NewKey)) manage.NewKey {
	in := w.newKey(func(in *manage.NewKey) {
		in.Name, in.ApplicationID, in.LicenseID = "For "+application.Name, application.ID, w.License.ID
	})
	for _, edit := range edit {
		edit(&in)
	}
	return in
}

// clientOf gives the form of License's OAuth client, mapped to a user.
func (w *world) clientOf(user portal.User) manage.NewKey {
	return manage.NewKey{Kind: portal.OAuthKey, OrganizationID: w.Organization.ID, LicenseID: w.License.ID, UserID: user.ID, Name: "OAuth"}
}

func TestThereIsOneLiveKeyForAnApplicationAndLicense(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		application, ctx := w.application(), w.as(w.Admin)
		first := must(w.m.CreateKey(ctx, w.keyFor(application)))(t)
		s := w.subject(first.Secret)
		wantEqual(t, "the check is told", []any{s.LicenseID, s.LicenseNumber, s.LicenseActive, s.Domain, s.Application},
			[]any{w.License.ID, w.License.Number, true, w.License.Domain, application.Name})
		refused := w.keyFor(application, func(in *manage.NewKey) { in.Name, in.UserID = "Second", w.Admin.ID })
		for what, err := range map[string]error{"a second one": second(w.m.CreateKey(ctx, refused)), "checked first": w.m.CheckNewKey(ctx, refused)} {
			wantFields(t, what, err, "application")
			wantSays(t, what, err, "“"+first.Name+"”")
			wantSays(t, what, err, w.License.Number)
		}
		other := storetest.License(t, w.s, w.Organization)
		must(w.m.CreateKey(ctx, w.keyFor(application, func(in *manage.NewKey) { in.Name, in.LicenseID = "Of another license", other.ID })))(t)

		mustDo(t, w.m.DisableKey(ctx, first.ID))
		wantFields(t, "beside a disabled one", second(w.m.CreateKey(ctx, refused)), "application")
		mustDo(t, w.m.RevokeKey(ctx, first.ID, first.Name))
		made := must(w.m.CreateKey(ctx, refused))(t)
		wantEqual(t, "the live one", must(w.m.LiveKeyFor(ctx, application.ID, w.License.ID))(t).ID, made.ID)
	})
}

func TestOfManyKeysIssuedAtOnceForAnApplicationAndLicenseOneIsMade(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		application, ctx, request := w.application(), w.as(w.SuperAdmin), w.request(w.requester(), w.application())
		outcomes := atOnce(50, func(i int) error {
			return second(w.m.CreateKey(ctx, w.keyFor(application, func(in *manage.NewKey) { in.Name, in.Deliver = fmt.Sprint("Key ", i), i%2 == 0 })))
		})
		wantEqual(t, "issued", outcomes, map[portal.Code]int{allowed: 1, portal.CodeInvalid: 49})
		wantEqual(t, "keys", must(w.m.Application(ctx, application.ID))(t).Keys, 1)

		// One is issued while the request for it is approved.
		outcomes = atOnce(50, func(i int) error {
			name := fmt.Sprint("Requested ", i)
			if i%2 == 0 {
				return second(w.m.ApproveRequest(ctx, manage.Approval{ID: request.ID, Version: w.version(request.ID), Name: name}))
			}
			return second(w.m.CreateKey(ctx, w.keyFor(portal.Application{ID: request.ApplicationID}, func(in *manage.NewKey) { in.Name = name })))
		})
		wantEqual(t, "issued or approved", outcomes[allowed], 1)
		wantEqual(t, "keys", must(w.m.Application(ctx, request.ApplicationID))(t).Keys, 1)

		license := storetest.License(t, w.s, w.Organization)
		outcomes = atOnce(50, func(i int) error {
			in := w.clientOf(w.User)
			in.LicenseID, in.Name = license.ID, fmt.Sprint("OAuth ", i)
			return second(w.m.CreateKey(ctx, in))
		})
		wantEqual(t, "OAuth clients", outcomes, map[portal.Code]int{allowed: 1, portal.CodeInvalid: 49})
	})
}

func TestAKeyIsBoundToALicenseAndAnApplicationOfItsOrganization(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		theirs, theirLicense, retired := storetest.Application(t, w.s, w.Other), storetest.License(t, w.s, w.Other), w.application()
		mustDo(t, w.m.RetireApplication(w.as(w.Admin), retired.ID, retired.Version))
		for what, test := range map[string]struct {
			edit  func(*manage.NewKey)
			field string // "" when it is taken
		}{
			"neither":                            {func(in *manage.NewKey) { in.ApplicationID, in.LicenseID = 0, 0 }, ""},
			"a license alone":                    {func(in *manage.NewKey) { in.ApplicationID = 0 }, ""},
			"an application of the catalogue":    {func(in *manage.NewKey) { in.ApplicationID = storetest.Application(t, w.s, portal.Organization{}).ID }, ""},
			"an application without a license":   {func(in *manage.NewKey) { in.LicenseID = 0 }, "license"},
			"another organization's license":     {func(in *manage.NewKey) { in.LicenseID = theirLicense.ID }, "license"},
			"a license alone, of another":        {func(in *manage.NewKey) { in.ApplicationID, in.LicenseID = 0, theirLicense.ID }, "license"},
			"an unknown license":                 {func(in *manage.NewKey) { in.LicenseID = 4711 }, "license"},
			"another client's application":       {func(in *manage.NewKey) { in.ApplicationID = theirs.ID }, "application"},
			"an unknown application":             {func(in *manage.NewKey) { in.ApplicationID = 4711 }, "application"},
			"a retired application":              {func(in *manage.NewKey) { in.ApplicationID = retired.ID }, "application"},
			"an OAuth client without a license":  {func(in *manage.NewKey) { in.Kind, in.ApplicationID, in.LicenseID = portal.OAuthKey, 0, 0 }, "license"},
			"an OAuth client of another license": {func(in *manage.NewKey) { in.Kind, in.ApplicationID, in.LicenseID = portal.OAuthKey, 0, theirLicense.ID }, "license"},
		} {
			in := w.keyFor(w.application(), func(in *manage.NewKey) { in.Name = what })
			test.edit(&in)
			checked := w.m.CheckNewKey(w.as(w.SuperAdmin), in)
			made, err := w.m.CreateKey(w.as(w.SuperAdmin), in)
			wantEqual(t, what+": checked first", codeOf(checked), codeOf(err))
			if test.field != "" {
				wantFields(t, what, err, test.field)
				continue
			}
			wantCode(t, what, err, allowed)
			wantEqual(t, what, []int64{w.key(made.ID).LicenseID, w.key(made.ID).ApplicationID}, []int64{in.LicenseID, in.ApplicationID})
		}
	})
}

func TestKeysForApplicationsAndOAuthClientsAreMadeByWhoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		own := func(user portal.User, in manage.NewKey) manage.NewKey {
			in.UserID, in.APISets = user.ID, nil
			return in
		}
		user, keys := w.holder([]portal.Authority{portal.ManageUserAPIKey}), w.holder([]portal.Authority{portal.ManageAPIKeys})
		keeper := w.holder([]portal.Authority{portal.ViewClientSecret})
		both := w.holder([]portal.Authority{portal.ViewClientSecret, portal.ManageAPIKeys})
		no := portal.CodeForbidden
		for what, test := range map[string]struct {
			actor, user portal.User
			application portal.Code // of a key for an application
			client      portal.Code // of an OAuth client
		}{
			"with Manage User API Key, for oneself":     {user, user, no, no},
			"with Manage API Keys, for oneself":         {keys, keys, allowed, no},
			"with Manage API Keys, for another":         {keys, user, allowed, no},
			"with Manage Client Secret, for oneself":    {keeper, keeper, no, allowed},
			"with Manage Client Secret, for another":    {keeper, user, no, no},
			"with both, for another":                    {both, user, allowed, allowed},
			"an admin, for oneself":                     {w.Admin, w.Admin, allowed, allowed},
			"support, for a member":                     {storetest.Support(t, w.s), user, allowed, no},
			"a super admin, for a member":               {w.SuperAdmin, user, allowed, allowed},
			"a stranger, for a member":                  {w.Stranger, user, no, no},
			"nobody, for a member":                      {portal.User{}, user, portal.CodeUnauthenticated, portal.CodeUnauthenticated},
			"with both, for who is no member":           {both, w.Stranger, portal.CodeInvalid, portal.CodeInvalid},
			"with both, for staff who are no members":   {both, w.SuperAdmin, portal.CodeInvalid, portal.CodeInvalid},
			"with Manage Client Secret, for a stranger": {keeper, w.Stranger, no, no},
		} {
			ctx := w.as(test.actor)
			try := func(what string, in manage.NewKey, want portal.Code) {
				wantCode(t, what+", checked first", w.m.CheckNewKey(ctx, in), want)
				made, err := w.m.CreateKey(ctx, in)
				wantCode(t, what, err, want)
				if err == nil {
					mustDo(t, w.m.RevokeKey(w.as(w.SuperAdmin), made.ID, made.Name))
				}
			}
			try(what+": a key for an application", own(test.user, w.keyFor(w.application())), test.application)
			try(what+": an OAuth client", own(test.user, w.clientOf(test.user)), test.client)
		}
	})
}

func TestAnOAuthClientHasAClientIDOfItsOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.m.Brand = "acme"
		ctx := w.as(w.Admin)
		made := must(w.m.CreateKey(ctx, w.clientOf(w.Admin)))(t)
		first := w.key(made.ID)
		wantSays(t, "a second one", second(w.m.CreateKey(ctx, w.clientOf(w.User))), first.PublicID)
		wantEqual(t, "kinds", []any{first.Kind, made.PublicID[:9], made.Secret.Reveal()[:9]}, []any{portal.OAuthKey, "acme_kpc_", "acme_kpo_"})
		wantEqual(t, "the check is told", w.subject(made.Secret).PublicID, first.PublicID)
		w.wantNowhere(made.Secret.Reveal())
		mustDo(t, w.m.RevokeKey(ctx, made.ID, made.Name))
		again := must(w.m.CreateKey(ctx, w.clientOf(w.Admin)))(t)
		wantEqual(t, "the Client ID is another", again.PublicID != first.PublicID, true)
	})
}
