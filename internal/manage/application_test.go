package manage_test

import (
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func TestApplicationsAreManagedByTheirClientAndTheCatalogueByStaff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		no, unseen := portal.CodeForbidden, portal.CodeNotFound
		for what, test := range map[string]struct {
			actor          portal.User
			own, catalogue portal.Code
			list           portal.Code
		}{
			"who manages applications": {w.holder([]portal.Authority{portal.ManageApplications}), allowed, no, allowed},
			"an admin":                 {w.Admin, allowed, no, allowed},
			"who views licenses":       {w.holder([]portal.Authority{portal.ViewLicenses}), no, no, allowed},
			"a requester":              {w.requester(), no, no, allowed},
			"who makes own keys":       {w.User, no, no, allowed},
			"who manages API keys":     {w.holder([]portal.Authority{portal.ManageAPIKeys}), no, no, allowed},
			"who views API keys":       {w.holder([]portal.Authority{portal.ViewAPIKeys}), no, no, no},
			"a member":                 {w.holder(nil), no, no, no},
			"support":                  {storetest.Support(t, w.s), allowed, no, allowed},
			"a super admin":            {w.SuperAdmin, allowed, allowed, allowed},
			"a stranger":               {w.Stranger, unseen, no, no},
			"nobody":                   {portal.User{}, portal.CodeUnauthenticated, portal.CodeUnauthenticated, portal.CodeUnauthenticated},
		} {
			ctx := w.as(test.actor)
			wantCode(t, what+" lists", second(w.m.Applications(ctx, w.Organization.ID)), test.list)
			wantCode(t, what+" lists the catalogue", second(w.m.Applications(ctx, 0)), test.catalogue)
			for whose, of := range map[string]struct {
				organization portal.Organization
				want         portal.Code
			}{"the client's": {w.Organization, test.own}, "the catalogue's": {portal.Organization{}, test.catalogue}} {
				application := storetest.Application(t, w.s, of.organization)
				_, err := w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: of.organization.ID, Name: "By " + what + " for " + whose})
				wantCode(t, what+" adds one of "+whose, err, of.want)
				wantCode(t, what+" opens one of "+whose, second(w.m.Application(ctx, application.ID)), of.want)
				in := w.applicationOf(application.ID)
				in.Description = "Edited."
				wantCode(t, what+" edits one of "+whose, w.m.UpdateApplication(ctx, in), of.want)
				wantCode(t, what+" retires one of "+whose, w.m.RetireApplication(ctx, application.ID, w.applicationOf(application.ID).Version), of.want)
				wantCode(t, what+" restores one of "+whose, w.m.RestoreApplication(ctx, application.ID, w.applicationOf(application.ID).Version), of.want)
				if of.want != allowed {
					wantEqual(t, what+": it is as it was", must(w.s.Application(t.Context(), application.ID))(t), application)
				}
			}
		}
	})
}

func TestARetiredApplicationGetsNoKeysUntilItIsBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, application, requester := w.as(w.Admin), w.application(), w.requester()
		pending := w.request(requester, application)
		version := func() int64 { return w.applicationOf(application.ID).Version }
		stale := w.applicationOf(application.ID)
		mustDo(t, w.m.RetireApplication(ctx, application.ID, version()))
		mustDo(t, w.m.RetireApplication(ctx, w.Application.ID, w.Application.Version))
		wantEqual(t, "the key that is there goes on", w.works(w.Secret), true)
		wantEqual(t, "its keys", must(w.m.Application(ctx, w.Application.ID))(t).Keys, 1)
		wantFields(t, "issued", second(w.m.CreateKey(ctx, w.keyFor(application))), "application")
		wantFields(t, "approved", second(w.m.ApproveRequest(w.as(w.SuperAdmin), manage.Approval{ID: pending.ID, Version: w.version(pending.ID), Name: "x"})), "application")
		wantFields(t, "requested", second(w.m.CreateRequest(w.as(requester), w.newRequest(w.Application))), "application")
		_, err := w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: w.Organization.ID, Name: application.Name})
		wantFields(t, "made anew", err, "name")
		wantSays(t, "made anew", err, "Put “"+application.Name+"” back into use")

		wantCode(t, "edited by a stale form", w.m.UpdateApplication(ctx, stale), portal.CodeConflict)
		wantCode(t, "restored from a stale page", w.m.RestoreApplication(ctx, application.ID, stale.Version), portal.CodeConflict)
		mustDo(t, w.m.RestoreApplication(ctx, application.ID, version()))
		wantCode(t, "retired from a stale page", w.m.RetireApplication(ctx, application.ID, stale.Version), portal.CodeConflict)
		must(w.m.ApproveRequest(w.as(w.SuperAdmin), manage.Approval{ID: pending.ID, Version: w.version(pending.ID), Name: "x"}))(t)
	})
}

func TestTheCatalogueTakesNoNameThatAClientHasGivenItself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, catalogue := w.as(w.SuperAdmin), storetest.Application(t, w.s, portal.Organization{})
		add := func(organization portal.Organization, name string) error {
			return second(w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: organization.ID, Name: name}))
		}
		refused := func(says string) {
			t.Helper()
			edit := w.applicationOf(catalogue.ID)
			edit.Name = "KIOSK "
			for what, err := range map[string]error{"added": add(portal.Organization{}, "kiosk"), "renamed": w.m.UpdateApplication(ctx, edit)} {
				wantFields(t, what, err, "name")
				wantSays(t, what, err, says)
			}
		}
		mustDo(t, add(w.Organization, "Kiosk"))
		refused(w.Organization.Name + " has an application of its own with this name.")
		mustDo(t, add(storetest.Organization(t, w.s, func(o *portal.Organization) { o.Name = "A" }), "Kiosk"))
		refused("A and " + w.Organization.Name + " have applications of their own with this name.")
		for _, name := range []string{"B", "BB"} {
			mustDo(t, add(storetest.Organization(t, w.s, func(o *portal.Organization) { o.Name = name }), "Kiosk"))
		}
		refused("A, B, BB and others have applications of their own with this name.")

		mustDo(t, add(portal.Organization{}, "Terminal"))
		wantFields(t, "a client after the catalogue", add(w.Organization, "terminal"), "name")
		edit := w.applicationOf(catalogue.ID)
		edit.Description = "Described anew."
		mustDo(t, w.m.UpdateApplication(ctx, edit))
	})
}

func TestOfTheCatalogueAndAClientAtOnceOneGetsTheName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		outcomes := atOnce(20, func(i int) error {
			of := []int64{0, w.Organization.ID}[i%2]
			return second(w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: of, Name: "Kiosk"}))
		})
		wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: 1, portal.CodeInvalid: 19})
	})
}

func TestARenamedApplicationIsRenamedForItsKeysAndRequests(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		application := w.application()
		request := w.request(w.requester(), application)
		for _, id := range []int64{application.ID, w.Application.ID} {
			in := w.applicationOf(id)
			in.Name = "Renamed " + in.Name
			mustDo(t, w.m.UpdateApplication(w.as(w.Admin), in))
		}
		wantEqual(t, "names", []string{w.requestOf(request.ID).ApplicationName, w.key(w.Key.ID).ApplicationName}, []string{"Renamed " + application.Name, "Renamed " + w.Application.Name})
		in := w.applicationOf(application.ID)
		for _, name := range []string{"", "renamed " + w.Application.Name, "WORKFLOW", "a\x00b"} {
			in.Name = name
			wantFields(t, name, w.m.UpdateApplication(w.as(w.Admin), in), "name")
		}
	})
}
