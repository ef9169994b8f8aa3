package manage_test

import (
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func TestTheMatrixHasTheKeyOrRequestOfEachApplicationAndLicense(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester, ctx, other := w.requester(), w.as(w.Admin), storetest.License(t, w.s, w.Organization)
		asked, revoked, retired, unused := w.application(), w.application(), w.application(), w.application()
		request := w.request(requester, asked)
		gone := must(w.m.CreateKey(ctx, w.keyFor(revoked)))(t)
		mustDo(t, w.m.RevokeKey(ctx, gone.ID, gone.Name))
		stays := must(w.m.CreateKey(ctx, w.keyFor(retired)))(t)
		for _, application := range []portal.Application{retired, unused} {
			mustDo(t, w.m.RetireApplication(ctx, application.ID, application.Version))
		}
		w.oauthClient(w.License, w.Admin)
		theirs := storetest.Application(t, w.s, w.Other)

		matrix := must(w.m.Matrix(w.as(requester), w.Organization.ID))(t)
		cell := func(a portal.Application, l portal.License) []int64 {
			c := matrix.Cell(a.ID, l.ID)
			return []int64{c.Key.ID, c.Request.ID}
		}
		none := []int64{0, 0}
		wantEqual(t, "a key", cell(w.Application, w.License), []int64{w.Key.ID, 0})
		wantEqual(t, "of another license", cell(w.Application, other), none)
		wantEqual(t, "a request", cell(asked, w.License), []int64{0, request.ID})
		wantEqual(t, "a revoked key", cell(revoked, w.License), none)
		wantEqual(t, "a retired application's key", cell(retired, w.License), []int64{stays.ID, 0})
		wantEqual(t, "the OAuth client is of no application", cell(portal.Application{}, w.License), none)
		wantEqual(t, "licenses", matrix.Licenses, []portal.License{w.License, other})
		shown := map[int64]bool{}
		for _, application := range matrix.Applications {
			shown[application.ID] = true
		}
		wantEqual(t, "applications", []bool{shown[asked.ID], shown[retired.ID], shown[unused.ID], shown[theirs.ID]}, []bool{true, true, false, false})

		mustDo(t, w.m.DeclineRequest(w.as(w.SuperAdmin), request.ID, w.version(request.ID), "No."))
		matrix = must(w.m.Matrix(ctx, w.Organization.ID))(t)
		wantEqual(t, "a declined request", cell(asked, w.License), none)
	})
}

func TestTheMatrixAndItsCellsAreSeenByWhoSeesTheLicenses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		request := w.request(w.requester(), w.application())
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{
			"who views licenses": {w.holder([]portal.Authority{portal.ViewLicenses}), allowed},
			"a requester":        {w.requester(), allowed},
			"support":            {storetest.Support(t, w.s), allowed},
			"a member":           {w.User, portal.CodeForbidden},
			"a stranger":         {w.Stranger, portal.CodeNotFound},
		} {
			ctx := w.as(test.actor)
			wantCode(t, what+" opens it", second(w.m.Matrix(ctx, w.Organization.ID)), test.want)
			key, err := w.m.LiveKeyFor(ctx, w.Application.ID, w.License.ID)
			wantCode(t, what+" finds a key", err, test.want)
			wantEqual(t, what+" finds a key", key.ID == w.Key.ID, test.want == allowed)
			found, err := w.m.PendingRequestFor(ctx, request.ApplicationID, w.License.ID)
			wantCode(t, what+" finds a request", err, test.want)
			wantEqual(t, what+" finds a request", found.ID == request.ID, test.want == allowed)
			for name, err := range map[string]error{
				"key":     second(w.m.LiveKeyFor(ctx, request.ApplicationID, 4711)),
				"request": second(w.m.PendingRequestFor(ctx, request.ApplicationID, 4711)),
			} {
				wantCode(t, what+": a "+name+" of no license", err, portal.CodeNotFound)
			}
		}
		wantEqual(t, "no key", must(w.m.LiveKeyFor(w.as(w.Admin), request.ApplicationID, w.License.ID))(t), portal.Key{})
		mustDo(t, w.m.RevokeKey(w.as(w.Admin), w.Key.ID, w.Key.Name))
		wantEqual(t, "a revoked key", must(w.m.LiveKeyFor(w.as(w.Admin), w.Application.ID, w.License.ID))(t), portal.Key{})
		in := manage.NewRequest{OrganizationID: w.Organization.ID, ApplicationID: w.Application.ID, LicenseID: w.License.ID, Reason: "Again."}
		must(w.m.CreateRequest(w.as(w.Admin), in))(t)
	})
}

func TestOfOthersKeysAndRequestsTheMatrixTellsOnlyThatTheyAreThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		asked := w.application()
		request := w.request(w.requester(), asked)
		there := portal.Key{ID: w.Key.ID, OrganizationID: w.Organization.ID, ApplicationID: w.Application.ID, ApplicationName: w.Application.Name,
			LicenseID: w.License.ID, LicenseNumber: w.License.Number, Domain: w.License.Domain}
		pending := portal.Request{ID: request.ID, OrganizationID: w.Organization.ID, RequesterName: request.RequesterName, State: portal.RequestOpen,
			ApplicationID: asked.ID, ApplicationName: asked.Name, LicenseID: w.License.ID, LicenseNumber: w.License.Number, Domain: w.License.Domain}
		known := must(w.s.LiveKeyFor(t.Context(), w.Application.ID, w.License.ID))(t)
		for what, test := range map[string]struct {
			actor   portal.User
			key     portal.Key
			request portal.Request
		}{
			"another requester":  {w.requester(), there, pending},
			"who views licenses": {w.holder([]portal.Authority{portal.ViewLicenses}), there, pending},
			"who has own keys":   {w.holder([]portal.Authority{portal.ViewLicenses, portal.ManageUserAPIKey}), there, pending},
			"who views API keys": {w.holder([]portal.Authority{portal.ViewLicenses, portal.ViewAPIKeys}), known, pending},
			"who sees requests":  {w.holder([]portal.Authority{portal.ViewLicenses, portal.Requests}), there, request},
			"the requester":      {w.user(request.RequesterID), there, request},
			"support":            {storetest.Support(t, w.s), known, request},
		} {
			ctx := w.as(test.actor)
			matrix := must(w.m.Matrix(ctx, w.Organization.ID))(t)
			wantEqual(t, what+": key", matrix.Cell(w.Application.ID, w.License.ID).Key, test.key)
			wantEqual(t, what+": request", matrix.Cell(asked.ID, w.License.ID).Request, test.request)
			wantEqual(t, what+": the live key", must(w.m.LiveKeyFor(ctx, w.Application.ID, w.License.ID))(t), test.key)
			wantEqual(t, what+": the pending request", must(w.m.PendingRequestFor(ctx, asked.ID, w.License.ID))(t), test.request)
		}
	})
}
