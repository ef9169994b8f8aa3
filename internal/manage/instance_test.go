package manage_test

import (
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func TestAnInstanceFitsItsLicense(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, other := w.as(w.SuperAdmin), storetest.License(t, w.s, w.Organization)
		for _, name := range []string{"BE" + other.Number, "TEBE" + other.Number + "B", "BE" + w.License.Number + "1"} {
			_, err := w.m.CreateInstance(ctx, manage.InstanceInput{LicenseID: w.License.ID, Name: name})
			wantFields(t, name, err, "name")
		}
		_, err := w.m.CreateInstance(ctx, manage.InstanceInput{LicenseID: 4711, Name: "BE" + w.License.Number})
		wantCode(t, "of a license that is not there", err, portal.CodeNotFound)
		made := must(w.m.CreateInstance(ctx, manage.InstanceInput{LicenseID: w.License.ID, Name: "be" + w.License.Number}))(t)
		outcomes := atOnce(20, func(int) error {
			return second(w.m.CreateInstance(ctx, manage.InstanceInput{Name: "TEBE" + w.License.Number + "Z"}))
		})
		wantEqual(t, "one name at once", outcomes, map[portal.Code]int{allowed: 1, portal.CodeInvalid: 19})

		wantCode(t, "removed from another license", w.m.RemoveInstance(ctx, other.ID, made.ID), portal.CodeNotFound)
		must(w.m.Instance(ctx, made.ID))(t)
		mustDo(t, w.m.RemoveInstance(ctx, w.License.ID, made.ID))
		wantCode(t, "opened when it was removed", second(w.m.Instance(ctx, made.ID)), portal.CodeNotFound)
		wantCode(t, "removed again", w.m.RemoveInstance(ctx, w.License.ID, made.ID), portal.CodeNotFound)
		must(w.m.CreateInstance(ctx, manage.InstanceInput{LicenseID: w.License.ID, Name: made.Name}))(t)
	})
}

func TestNobodySignsInAtAnInstanceThatWasRemoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		in := from(homeAddress, user)
		in.Instance = w.Instance.Name
		token := must(w.m.SignIn(t.Context(), in))(t).Reveal()
		wantEqual(t, "signed in to", w.session(token).InstanceID, w.Instance.ID)
		mustDo(t, w.m.RemoveInstance(w.as(w.SuperAdmin), w.License.ID, w.Instance.ID))
		wantEqual(t, "a session that was there", w.session(token).InstanceID, 0)
		_, err := w.m.SignIn(t.Context(), in)
		wantCode(t, "a new one", err, portal.CodeUnauthenticated)
	})
}

func TestAnInstanceIsEnteredByMembersOfItsOrganization(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		theirs := storetest.Instance(t, w.s, storetest.License(t, w.s, w.Other))
		both := w.holder(nil)
		storetest.Member(t, w.s, w.Other, both)
		for what, test := range map[string]struct {
			actor     portal.User
			ours, not portal.Code
		}{
			"a member":          {w.User, allowed, portal.CodeNotFound},
			"a member of both":  {both, allowed, allowed},
			"a stranger":        {w.Stranger, portal.CodeNotFound, allowed},
			"support":           {storetest.Support(t, w.s), portal.CodeNotFound, portal.CodeNotFound},
			"who is no member":  {w.withPassword(storetest.User(t, w.s)), portal.CodeNotFound, portal.CodeNotFound},
			"a super admin too": {w.SuperAdmin, portal.CodeNotFound, portal.CodeNotFound},
		} {
			token := w.signIn(w.withPassword(test.actor))
			for _, of := range []struct {
				instance portal.Instance
				in       int64
				want     portal.Code
			}{{w.Instance, w.Organization.ID, test.ours}, {theirs, w.Other.ID, test.not}} {
				before := w.session(token)
				entered, err := w.m.EnterInstance(w.as(test.actor), before, of.instance.ID)
				wantCode(t, what, err, of.want)
				after := w.session(token)
				if of.want != allowed {
					wantEqual(t, what+": gets", entered, portal.Instance{})
					wantEqual(t, what+": stays", after, before)
					continue
				}
				wantEqual(t, what+": is", []int64{after.OrganizationID, after.InstanceID, entered.ID}, []int64{of.in, of.instance.ID, of.instance.ID})
			}
		}
		_, err := w.m.EnterInstance(w.as(w.User), w.signedIn(w.User), 4711)
		wantCode(t, "one that is not there", err, portal.CodeNotFound)
	})
}

func TestInstancesOfAllLicensesAreListedForMembersAndStaff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		second := storetest.Instance(t, w.s, storetest.License(t, w.s, w.Organization))
		storetest.Instance(t, w.s, storetest.License(t, w.s, w.Other))
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{"a member": {w.User, allowed}, "support": {storetest.Support(t, w.s), allowed}, "a stranger": {w.Stranger, portal.CodeNotFound}} {
			instances, err := w.m.Instances(w.as(test.actor), w.Organization.ID)
			wantCode(t, what, err, test.want)
			if err == nil {
				wantEqual(t, what, instances, []portal.Instance{w.Instance, second})
			}
		}
	})
}
