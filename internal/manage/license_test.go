package manage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func TestLicensesAndInstancesAreMadeByWhoManagesLicenses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		license := must(w.m.CreateLicense(ctx, manage.LicenseInput{OrganizationID: w.Organization.ID, Number: " 56789012 ", Domain: "Acme Europe", Database: "ACME_EU"}))(t)
		if license.Number != "56789012" || !license.Active {
			t.Errorf("the license is %+v", license)
		}
		for name, environment := range map[string]portal.Environment{"BE56789012": portal.Production, " tebe56789012a ": portal.Test} {
			instance := must(w.m.CreateInstance(ctx, manage.InstanceInput{Name: name}))(t)
			wantEqual(t, "instance", []any{instance.LicenseID, instance.Environment, instance.Name}, []any{license.ID, environment, strings.ToUpper(strings.TrimSpace(name))})
		}
		_, err := w.m.CreateInstance(ctx, manage.InstanceInput{Name: "TEBE56789012A"})
		wantFields(t, "the same instance", err, "name")
		_, err = w.m.CreateInstance(ctx, manage.InstanceInput{Name: "BE4711"})
		wantCode(t, "an instance of no license", err, portal.CodeNotFound)
		for _, name := range []string{"", "56789012", "XX56789012", "BE56789012\x00"} {
			_, err := w.m.CreateInstance(ctx, manage.InstanceInput{Name: name})
			wantFields(t, name, err, "name")
		}
		for what, in := range map[string]manage.LicenseInput{
			"no number": {Domain: "x", Database: "x"},
			"letters":   {Number: "BE12", Domain: "x", Database: "x"},
			"taken":     {Number: license.Number, Domain: "x", Database: "x"},
			"NUL":       {Number: "12\x00", Domain: "x", Database: "x"},
			"21 digits": {Number: strings.Repeat("1", 21), Domain: "x", Database: "x"},
		} {
			in.OrganizationID = w.Organization.ID
			_, err := w.m.CreateLicense(ctx, in)
			wantFields(t, what, err, "number")
		}
		_, err = w.m.CreateLicense(ctx, manage.LicenseInput{OrganizationID: w.Organization.ID, Number: "1"})
		wantFields(t, "without a domain", err, "database", "domain")
		_, err = w.m.CreateLicense(w.as(w.Admin), manage.LicenseInput{OrganizationID: w.Organization.ID, Number: "2", Domain: "x", Database: "x"})
		wantCode(t, "an admin's license", err, portal.CodeForbidden)
		_, err = w.m.CreateInstance(w.as(w.Admin), manage.InstanceInput{Name: "BE56789012B"})
		wantCode(t, "an admin's instance", err, portal.CodeForbidden)
	})
}

func TestLicensesAreSeenWithTheAuthority(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		viewer := w.holder([]portal.Authority{portal.ViewLicenses})
		wantEqual(t, "licenses", must(w.m.Licenses(w.as(viewer), w.Organization.ID))(t), []portal.License{w.License})
		_, err := w.m.Licenses(w.as(w.User), w.Organization.ID)
		wantCode(t, "without", err, portal.CodeForbidden)
		_, err = w.m.Licenses(w.as(viewer), w.Other.ID)
		wantCode(t, "of another organization", err, portal.CodeForbidden)
	})
}

func TestAnApplicationsNameIsItsOwnInTheOrganizationAndTheCatalogue(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		made := must(w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: w.Organization.ID, Name: " Kiosk ", Description: "In shops."}))(t)
		wantEqual(t, "application", []any{made.OrganizationID, made.Name, made.Description}, []any{w.Organization.ID, "Kiosk", "In shops."})
		for _, name := range []string{"kiosk", "WORKFLOW", "", "a\x00b"} {
			_, err := w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: w.Organization.ID, Name: name})
			wantFields(t, name, err, "name")
		}
		must(w.m.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: w.Other.ID, Name: "Kiosk"}))(t)
	})
}

func TestLicensesAreChangedBySupportAndSuperAdmins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{
			"support":       {storetest.Support(t, w.s), allowed},
			"a super admin": {w.SuperAdmin, allowed},
			"an admin":      {w.Admin, portal.CodeForbidden},
			"a stranger":    {w.Stranger, portal.CodeForbidden},
			"nobody":        {portal.User{}, portal.CodeUnauthenticated},
		} {
			ctx, license := w.as(test.actor), storetest.License(t, w.s, storetest.Organization(t, w.s))
			in := w.licenseOf(license.ID)
			in.Database = "Edited"
			wantCode(t, what+" edits one", w.m.UpdateLicense(ctx, in), test.want)
			wantCode(t, what+" deactivates one", w.m.DeactivateLicense(ctx, license.ID, license.Number), test.want)
			wantCode(t, what+" activates one", w.m.ActivateLicense(ctx, license.ID), test.want)
			_, err := w.m.CreateInstance(ctx, manage.InstanceInput{LicenseID: license.ID, Name: "BE" + license.Number})
			wantCode(t, what+" adds an instance", err, test.want)
			wantCode(t, what+" removes an instance", w.m.RemoveInstance(ctx, license.ID, storetest.Instance(t, w.s, license).ID), test.want)
			unused := storetest.License(t, w.s, storetest.Organization(t, w.s))
			wantCode(t, what+" asks whether one is unused", w.m.UnusedLicense(ctx, unused), test.want)
			wantCode(t, what+" deletes one", w.m.DeleteLicense(ctx, unused.ID, unused.Number), test.want)
			wantCode(t, what+" asks for room", w.m.RoomForLicense(ctx, w.Organization), test.want)
			if test.want != allowed {
				wantEqual(t, what+": it is as it was", must(w.s.License(t.Context(), license.ID))(t), license)
				wantEqual(t, what+": it is still there", must(w.s.License(t.Context(), unused.ID))(t), unused)
			}
		}
	})
}

func TestALicensesNumberAndDomainAreItsOwnInTheWholeInstallation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		theirs := storetest.License(t, w.s, w.Other)
		ctx := w.as(w.SuperAdmin)
		_, err := w.m.CreateLicense(ctx, manage.LicenseInput{OrganizationID: w.Organization.ID, Number: theirs.Number, Domain: " " + theirs.Domain, Database: "x"})
		wantFields(t, "another client's", err, "domain", "number")
		_, err = w.m.CreateLicense(ctx, manage.LicenseInput{OrganizationID: 4711, Number: "1", Domain: "x", Database: "x"})
		wantCode(t, "of no client", err, portal.CodeNotFound)
		for what, test := range map[string]struct {
			domain, database string
			fields           []string
		}{
			"another client's": {theirs.Domain, "x", []string{"domain"}},
			"nothing":          {"", "", []string{"database", "domain"}},
			"NUL":              {"a\x00b", "a\x00b", []string{"database", "domain"}},
			"10 kB":            {strings.Repeat("a", 10240), strings.Repeat("a", 10240), []string{"database", "domain"}},
		} {
			in := w.licenseOf(w.License.ID)
			in.Domain, in.Database = test.domain, test.database
			wantFields(t, "edited: "+what, w.m.UpdateLicense(ctx, in), test.fields...)
		}
		in := w.licenseOf(w.License.ID)
		in.Domain = strings.ToUpper(in.Domain)
		in.Number = "4711"
		mustDo(t, w.m.UpdateLicense(ctx, in))
		kept := must(w.s.License(t.Context(), w.License.ID))(t)
		wantEqual(t, "its own, and the number stays", []string{kept.Domain, kept.Number}, []string{in.Domain, w.License.Number})
		in.Database = "Lost"
		wantCode(t, "a stale form", w.m.UpdateLicense(ctx, in), portal.CodeConflict)
	})
}

func TestOfManyLicensesAtOnceWithOneNumberOrDomainOneIsMade(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		for what, in := range map[string]func(i int) manage.LicenseInput{
			"number": func(i int) manage.LicenseInput {
				return manage.LicenseInput{Number: "4711", Domain: fmt.Sprint("Domain of ", i)}
			},
			"domain": func(i int) manage.LicenseInput {
				return manage.LicenseInput{Number: fmt.Sprint(5000 + i), Domain: "Europe"}
			},
		} {
			clients := [2]portal.Organization{storetest.Organization(t, w.s), storetest.Organization(t, w.s)}
			outcomes := atOnce(20, func(i int) error {
				license := in(i)
				license.OrganizationID, license.Database = clients[i%2].ID, "x"
				return second(w.m.CreateLicense(ctx, license))
			})
			wantEqual(t, what, outcomes, map[portal.Code]int{allowed: 1, portal.CodeInvalid: 19})
		}
	})
}

func TestALicenseIsDeactivatedByItsNumberAndItsKeysComeBackWithIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		for _, typed := range []string{"", w.License.Domain, w.License.Number + "1"} {
			wantFields(t, typed, w.m.DeactivateLicense(ctx, w.License.ID, typed), "confirm")
		}
		wantEqual(t, "active", w.subject(w.Secret).LicenseActive, true)
		mustDo(t, w.m.DeactivateLicense(ctx, w.License.ID, " "+w.License.Number))
		wantEqual(t, "active", w.subject(w.Secret).LicenseActive, false)
		lines := w.lines(func() { mustDo(t, w.m.DeactivateLicense(ctx, w.License.ID, w.License.Number)) })
		wantEqual(t, "history of doing it again", len(lines), 0)
		mustDo(t, w.m.ActivateLicense(ctx, w.License.ID))
		wantEqual(t, "active", w.subject(w.Secret).LicenseActive, true)
		wantCode(t, "one that is not there", w.m.ActivateLicense(ctx, 4711), portal.CodeNotFound)
	})
}

func TestALicenseThatWasNeverUsedIsDeletedAndFreesWhatItHeld(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, client := w.as(w.SuperAdmin), storetest.Organization(t, w.s, func(o *portal.Organization) { o.LevelID = blue })
		in := manage.LicenseInput{Submission: manage.Submission{Token: "form"}, OrganizationID: client.ID, Number: "4711", Domain: "Europe", Database: "EU"}
		mistyped := must(w.m.CreateLicense(ctx, in))(t)
		_, err := w.m.CreateLicense(ctx, manage.LicenseInput{OrganizationID: client.ID, Number: "4712", Domain: "Asia", Database: "ASIA"})
		wantSays(t, "one more", err, "or delete a license that was never used")
		mustDo(t, w.m.DeactivateLicense(ctx, mistyped.ID, mistyped.Number))

		for _, typed := range []string{"", mistyped.Domain, mistyped.Number + "1"} {
			before := w.dump()
			wantFields(t, typed, w.m.DeleteLicense(ctx, mistyped.ID, typed), "confirm")
			w.wantSame("typed "+typed, before)
		}
		mustDo(t, w.m.DeleteLicense(ctx, mistyped.ID, " "+mistyped.Number))
		_, err = w.m.License(ctx, mistyped.ID)
		wantCode(t, "reading it", err, portal.CodeNotFound)
		wantCode(t, "deleting it again", w.m.DeleteLicense(ctx, mistyped.ID, mistyped.Number), portal.CodeNotFound)

		elsewhere := storetest.Organization(t, w.s)
		in.Submission, in.OrganizationID = manage.Submission{Token: "another form"}, elsewhere.ID
		next := must(w.m.CreateLicense(ctx, in))(t) // with its ID, on SQLite
		var told []string
		for _, line := range must(w.m.License(ctx, next.ID))(t).History {
			told = append(told, line.Action)
		}
		wantEqual(t, "history of the next one", told, []string{"created"})
		in = manage.LicenseInput{Submission: manage.Submission{Token: "form"}, OrganizationID: client.ID, Number: "4712", Domain: "Asia", Database: "ASIA"}
		made := must(w.m.CreateLicense(ctx, in))(t)
		wantEqual(t, "the form that made it makes another", []any{made.OrganizationID, made.Number}, []any{client.ID, "4712"})
	})
}

// allow has the organization's level allow a number of licenses.
func (w *world) allow(licenses string) {
	w.t.Helper()
	in := w.levelOf(platinum)
	in.Licenses = licenses
	mustDo(w.t, w.m.UpdateClientLevel(w.as(w.SuperAdmin), in))
}

func TestALicenseThatWasUsedIsNotDeleted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.allow("100")
		client := storetest.Admin(t, w.s, w.Organization)
		owner := w.membership(client)
		instance := func(l portal.License) { storetest.Instance(t, w.s, l) }
		key := func(l portal.License) portal.Key {
			key, _ := storetest.Key(t, w.s, owner, func(k *portal.Key) { k.LicenseID = l.ID })
			return key
		}
		revoked := func(l portal.License) {
			key := key(l)
			mustDo(t, w.m.RevokeKey(w.as(client), key.ID, key.Name))
		}
		requester := w.requester()
		request := func(l portal.License) portal.Request {
			in := w.newRequest(w.application())
			in.LicenseID = l.ID
			return must(w.m.CreateRequest(w.as(requester), in))(t)
		}
		for what, test := range map[string]struct {
			use  func(portal.License)
			says string
		}{
			"an instance":       {instance, " has 1 instance. Remove the instance first."},
			"a key":             {func(l portal.License) { key(l) }, " has 1 API key. API keys and requests keep their history, revoked and decided ones too, so that the license stays. Deactivate it instead."},
			"a revoked key":     {revoked, " has 1 API key. "},
			"a request":         {func(l portal.License) { request(l) }, " has 1 request. "},
			"a decided request": {func(l portal.License) { mustDo(t, w.m.WithdrawRequest(w.as(requester), request(l).ID)) }, " has 1 request. "},
			"one of each": {func(l portal.License) {
				instance(l)
				key(l)
				revoked(l)
				request(l)
			}, " has 1 instance, 2 API keys and 1 request. "},
			"a key, inactive": {func(l portal.License) {
				key(l)
				mustDo(t, w.m.DeactivateLicense(w.as(w.SuperAdmin), l.ID, l.Number))
			}, "so that the license stays. It is inactive already"},
		} {
			license := storetest.License(t, w.s, w.Organization)
			test.use(license)
			before := w.dump()
			for _, typed := range []string{license.Number, "wrong"} {
				err := w.m.DeleteLicense(w.as(w.SuperAdmin), license.ID, typed)
				wantCode(t, what, err, portal.CodeConflict)
				wantSays(t, what, err, "The license "+license.Number)
				wantSays(t, what, err, test.says)
			}
			wantCode(t, what, w.m.UnusedLicense(w.as(w.SuperAdmin), must(w.s.License(t.Context(), license.ID))(t)), portal.CodeConflict)
			w.wantSame(what, before)
		}
	})
}

func TestALicenseIsEitherDeletedOrUsed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.allow("100")
		support, requester, application := storetest.Support(t, w.s), w.requester(), w.application()
		for range 5 {
			license := storetest.License(t, w.s, w.Organization)
			request := w.newRequest(application)
			request.LicenseID = license.ID
			outcomes := atOnce(12, func(i int) error {
				switch i % 4 {
				case 0:
					return w.m.DeleteLicense(w.as(w.SuperAdmin), license.ID, license.Number)
				case 1:
					return second(w.m.CreateInstance(w.as(support), manage.InstanceInput{LicenseID: license.ID, Name: fmt.Sprint("BE", license.Number, string(rune('A'+i)))}))
				case 2:
					return second(w.m.CreateRequest(w.as(requester), request))
				}
				return second(w.m.IssueKey(w.as(w.Admin), w.newKey(func(in *manage.NewKey) {
					in.Name, in.ApplicationID, in.LicenseID = fmt.Sprint(license.Number, " ", i), application.ID, license.ID
				})))
			})
			wantEqual(t, "faults and refusals without a reason", []int{outcomes[portal.CodeInternal], outcomes[portal.CodeUnavailable]}, []int{0, 0})
			if _, err := w.s.License(t.Context(), license.ID); err == nil {
				continue
			}
			wantEqual(t, "done beside the one deletion", outcomes[allowed], 1)
			wantEqual(t, "left", must(w.s.LicenseUses(t.Context(), license))(t), portal.LicenseUses{})
		}
	})
}

func TestALicensesPageShowsItsInstancesAndLiveKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := storetest.License(t, w.s, w.Organization)
		storetest.Key(t, w.s, w.Membership, func(k *portal.Key) { k.LicenseID = other.ID })
		revoked, _ := storetest.Key(t, w.s, w.Membership, func(k *portal.Key) { k.LicenseID = w.License.ID })
		mustDo(t, w.m.RevokeKey(w.as(w.Admin), revoked.ID, revoked.Name))
		mustDo(t, w.m.DeactivateLicense(w.as(w.SuperAdmin), w.License.ID, w.License.Number))
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{
			"who views licenses": {w.holder([]portal.Authority{portal.ViewLicenses, portal.ViewAPIKeys}), allowed},
			"support":            {storetest.Support(t, w.s), allowed},
			"a requester":        {w.requester(), portal.CodeForbidden},
			"a member":           {w.User, portal.CodeForbidden},
			"a stranger":         {w.Stranger, portal.CodeNotFound},
		} {
			details, err := w.m.License(w.as(test.actor), w.License.ID)
			wantCode(t, what, err, test.want)
			if err != nil {
				wantEqual(t, what+" gets", details, manage.LicenseDetails{})
				continue
			}
			wantEqual(t, what+" sees", []any{details.Number, details.Organization.ID, details.Instances, len(details.Keys), details.Keys[0].ID, len(details.History)},
				[]any{w.License.Number, w.Organization.ID, []portal.Instance{w.Instance}, 1, w.Key.ID, 1})
		}
	})
}

func TestALicensesPageHasOnlyTheKeysThatOneMaySee(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		client := w.oauthClient(w.License, w.Admin)
		owner := w.holder([]portal.Authority{portal.ViewLicenses, portal.ManageUserAPIKey})
		own, _ := storetest.Key(t, w.s, w.membership(owner), func(k *portal.Key) { k.LicenseID = w.License.ID })
		for what, test := range map[string]struct {
			actor portal.User
			want  []int64
		}{
			"who views API keys":       {w.holder([]portal.Authority{portal.ViewLicenses, portal.ViewAPIKeys}), []int64{w.Key.ID, client.ID, own.ID}},
			"who views licenses alone": {w.holder([]portal.Authority{portal.ViewLicenses}), nil},
			"the owner of a key":       {owner, []int64{own.ID}},
			"who keeps Client Secrets": {w.holder([]portal.Authority{portal.ViewLicenses, portal.ViewClientSecret}), []int64{client.ID}},
		} {
			var seen []int64
			for _, key := range must(w.m.License(w.as(test.actor), w.License.ID))(t).Keys {
				seen = append(seen, key.ID)
			}
			slices.Sort(seen)
			wantEqual(t, what+" sees", seen, test.want)
		}
	})
}
