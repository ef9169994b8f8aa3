package manage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// The client levels of a fresh installation.
const (
	blue     int64 = 1
	gold     int64 = 2
	platinum int64 = 3
)

// organizationOf gives the form that edits an organization, as it is opened now.
func (w *world) organizationOf(id int64) manage.OrganizationInput {
	w.t.Helper()
	o := must(w.s.Organization(w.t.Context(), id))(w.t)
	return manage.OrganizationInput{ID: id, Version: o.Version, Name: o.Name, LevelID: o.LevelID}
}

func TestOrganizationsAreMadeAndEditedByWhoManagesThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{"admin": {w.Admin, portal.CodeForbidden}, "support": {storetest.Support(t, w.s), portal.CodeForbidden}, "super admin": {w.SuperAdmin, allowed}} {
			_, err := w.m.CreateOrganization(w.as(test.actor), manage.OrganizationInput{Name: "Acme of " + what, LevelID: gold})
			wantCode(t, what+" creates one", err, test.want)
			in := w.organizationOf(w.Organization.ID)
			in.Name += "."
			wantCode(t, what+" edits one", w.m.UpdateOrganization(w.as(test.actor), in), test.want)
		}
	})
}

func TestWhatIsWrongWithAnOrganizationIsNamedByField(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			in     manage.OrganizationInput
			fields []string
		}{
			"nothing":          {manage.OrganizationInput{}, []string{"level", "name"}},
			"10 kB":            {manage.OrganizationInput{Name: strings.Repeat("a", 10240), LevelID: blue}, []string{"name"}},
			"NUL":              {manage.OrganizationInput{Name: "a\x00b", LevelID: blue}, []string{"name"}},
			"no UTF-8":         {manage.OrganizationInput{Name: "a\xffb", LevelID: blue}, []string{"name"}},
			"taken":            {manage.OrganizationInput{Name: " " + strings.ToUpper(w.Other.Name), LevelID: platinum}, []string{"name"}},
			"no level":         {manage.OrganizationInput{Name: "Acme"}, []string{"level"}},
			"an unknown level": {manage.OrganizationInput{Name: "Acme", LevelID: 4711}, []string{"level"}},
		} {
			_, err := w.m.CreateOrganization(w.as(w.SuperAdmin), test.in)
			wantFields(t, "create: "+what, err, test.fields...)
			test.in.ID, test.in.Version = w.Organization.ID, w.Organization.Version
			wantFields(t, "edit: "+what, w.m.UpdateOrganization(w.as(w.SuperAdmin), test.in), test.fields...)
		}
		wantEqual(t, "organization", must(w.s.Organization(t.Context(), w.Organization.ID))(t), w.Organization)
	})
}

func TestAnOrganizationHoldsAsManyLicensesAsItsLevelAllows(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for level, allowance := range map[int64]int{blue: 1, gold: 2, platinum: 3} {
			client := storetest.Organization(t, w.s, func(o *portal.Organization) { o.LevelID = level })
			var numbers []string
			for i := range allowance + 1 {
				number := strings.Repeat(string(rune('0'+level)), 5) + string(rune('0'+i))
				made, err := w.m.CreateLicense(w.as(w.SuperAdmin), manage.LicenseInput{OrganizationID: client.ID, Number: number, Domain: "Europe " + number, Database: "EU"})
				if i < allowance {
					mustDo(t, err)
					numbers = append(numbers, made.Number)
					continue
				}
				wantCode(t, "one more", err, portal.CodeConflict)
				wantSays(t, "one more", err, strings.Join(numbers, ", "))
			}
			wantEqual(t, "licenses", len(must(w.s.Licenses(t.Context(), client.ID))(t)), allowance)
			for lower := blue; lower < level; lower++ {
				in := w.organizationOf(client.ID)
				in.LevelID = lower
				err := w.m.UpdateOrganization(w.as(w.SuperAdmin), in)
				wantFields(t, "lowered", err, "level")
				wantSays(t, "lowered", err, strings.Join(numbers, ", "))
			}
			in := w.organizationOf(client.ID)
			in.LevelID = platinum
			mustDo(t, w.m.UpdateOrganization(w.as(w.SuperAdmin), in))
		}
	})
}

func TestOfManyLicensesAtOnceOnlyTheAllowedOnesAreMade(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		client := storetest.Organization(t, w.s, func(o *portal.Organization) { o.LevelID = gold })
		ctx := w.as(w.SuperAdmin)
		outcomes := atOnce(50, func(i int) error {
			return second(w.m.CreateLicense(ctx, manage.LicenseInput{OrganizationID: client.ID, Number: fmt.Sprint(7700 + i), Domain: fmt.Sprint("Europe ", i), Database: "EU"}))
		})
		wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: 2, portal.CodeConflict: 48})
		wantEqual(t, "licenses", len(must(w.s.Licenses(t.Context(), client.ID))(t)), 2)
	})
}

func TestAStaleOrganizationFormLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stale := w.organizationOf(w.Organization.ID)
		in := stale
		in.LevelID = gold
		mustDo(t, w.m.UpdateOrganization(w.as(w.SuperAdmin), in))
		stale.Name = "Lost"
		wantCode(t, "a stale form", w.m.UpdateOrganization(w.as(w.SuperAdmin), stale), portal.CodeConflict)
		kept := w.organizationOf(w.Organization.ID)
		wantEqual(t, "organization", []any{kept.Name, kept.LevelID}, []any{w.Organization.Name, gold})
	})
}

func TestOrganizationsAreSeenByTheirMembersAndByStaff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		left := storetest.User(t, w.s)
		storetest.SaveMembership(t, w.s, portal.Membership{OrganizationID: w.Organization.ID, UserID: left.ID, EndedAt: w.clock.Now()})
		for what, test := range map[string]struct {
			actor portal.User
			want  []int64
			list  portal.Code
		}{
			"member":   {w.User, []int64{w.Organization.ID}, portal.CodeForbidden},
			"stranger": {w.Stranger, []int64{w.Other.ID}, portal.CodeForbidden},
			"who left": {left, nil, portal.CodeForbidden},
			"nobody":   {portal.User{}, nil, portal.CodeUnauthenticated},
			"support":  {storetest.Support(t, w.s), []int64{w.Organization.ID, w.Other.ID}, allowed},
		} {
			ctx := w.as(test.actor)
			var mine []int64
			for _, organization := range must(w.m.MyOrganizations(ctx, 500))(t) {
				mine = append(mine, organization.ID)
			}
			slices.Sort(mine)
			wantEqual(t, what, mine, test.want)
			_, err := w.m.Organizations(ctx, portal.List{})
			wantCode(t, what+" lists them", err, test.list)
			for _, organization := range []portal.Organization{w.Organization, w.Other} {
				want := portal.CodeNotFound
				if slices.Contains(test.want, organization.ID) {
					want = allowed
				}
				_, err := w.m.Organization(ctx, organization.ID)
				wantCode(t, what+" opens it", err, want)
				if organization.ID == w.Organization.ID {
					instance, err := w.m.Instance(ctx, w.Instance.ID)
					wantCode(t, what+" opens its instance", err, want)
					wantEqual(t, what+" gets its instance", instance == w.Instance, want == allowed)
					wantEqual(t, what+" gets nothing of it", instance == portal.Instance{}, want != allowed)
				}
			}
		}
		_, err := w.m.ClientLevels(t.Context())
		wantCode(t, "client levels for nobody", err, portal.CodeUnauthenticated)
		wantEqual(t, "client levels", len(must(w.m.ClientLevels(w.as(w.User)))(t)), 3)
	})
}

func TestAnOrganizationIsSuspendedByItsNameAndItsKeysComeBackWithIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, name := w.as(w.SuperAdmin), w.Organization.Name
		for what, actor := range map[string]portal.User{"support": storetest.Support(t, w.s), "its admin": w.Admin, "a stranger": w.Stranger} {
			wantCode(t, what+" suspends it", w.m.SuspendOrganization(w.as(actor), w.Organization.ID, name), portal.CodeForbidden)
			wantCode(t, what+" reactivates it", w.m.ReactivateOrganization(w.as(actor), w.Organization.ID), portal.CodeForbidden)
		}
		for _, typed := range []string{"", w.Other.Name, "Suspend"} {
			wantFields(t, typed, w.m.SuspendOrganization(ctx, w.Organization.ID, typed), "confirm")
		}
		wantEqual(t, "suspended", w.subject(w.Secret).Suspended, false)
		mustDo(t, w.m.SuspendOrganization(ctx, w.Organization.ID, " "+strings.ToUpper(name)))
		wantEqual(t, "suspended", w.subject(w.Secret).Suspended, true)
		lines := w.lines(func() { mustDo(t, w.m.SuspendOrganization(ctx, w.Organization.ID, name)) })
		wantEqual(t, "history of doing it again", len(lines), 0)
		mustDo(t, w.m.ReactivateOrganization(ctx, w.Organization.ID))
		wantEqual(t, "suspended", w.subject(w.Secret).Suspended, false)
		wantCode(t, "one that is not there", w.m.SuspendOrganization(ctx, 4711, ""), portal.CodeNotFound)
	})
}

func TestAnOrganizationsSettingsAreItsOwnToDecide(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{
			"who manages settings": {w.holder([]portal.Authority{portal.ManageSettings}), allowed},
			"an admin":             {w.Admin, allowed},
			"a super admin":        {w.SuperAdmin, allowed},
			"support":              {storetest.Support(t, w.s), portal.CodeForbidden},
			"a member":             {w.User, portal.CodeForbidden},
			"a stranger":           {w.Stranger, portal.CodeNotFound},
		} {
			storetest.Exec(t, w.db, "UPDATE organizations SET secret_viewing = TRUE WHERE id = $1", w.Organization.ID)
			wantCode(t, what, w.m.UpdateSettings(w.as(test.actor), w.settingsOf(false)), test.want)
			wantEqual(t, what+": viewing", must(w.s.Organization(t.Context(), w.Organization.ID))(t).SecretViewing, test.want != allowed)
		}
		storetest.Exec(t, w.db, "UPDATE organizations SET secret_viewing = FALSE WHERE id = $1", w.Organization.ID)
		client := w.oauthClient(w.License, w.Admin)
		stale := w.settingsOf(false)
		mustDo(t, w.m.UpdateSettings(w.as(w.Admin), w.settingsOf(true)))
		made := w.rotate(client.Key, 0)
		wantCode(t, "a stale form", w.m.UpdateSettings(w.as(w.Admin), stale), portal.CodeConflict)
		wantEqual(t, "the copy is there still", must(w.view(w.Admin, client.ID))(t), made.Secret)
	})
}

func TestAnOrganizationsPageShowsWhatItHas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.request(w.requester(), w.application())
		storetest.Key(t, w.s, storetest.Member(t, w.s, w.Other, storetest.User(t, w.s)))
		holder := func(authorities ...portal.Authority) portal.User {
			return w.holder(append(authorities, portal.ViewLicenses))
		}
		viewer, ownKeys, seesKeys, seesUsers := holder(), holder(portal.ManageUserAPIKey), holder(portal.ViewAPIKeys), holder(portal.ViewUsers)
		const people = 7 // User, Admin, the requester and these four
		for what, test := range map[string]struct {
			actor        portal.User
			want         portal.Code
			keys, people int
		}{
			"who views licenses": {actor: viewer},
			"who has own keys":   {actor: ownKeys},
			"who views API keys": {actor: seesKeys, keys: 1},
			"who views users":    {actor: seesUsers, people: people},
			"support":            {actor: storetest.Support(t, w.s), keys: 1, people: people},
			"a member":           {actor: w.User, want: portal.CodeForbidden},
			"a stranger":         {actor: w.Stranger, want: portal.CodeNotFound},
		} {
			details, err := w.m.OrganizationDetails(w.as(test.actor), w.Organization.ID)
			wantCode(t, what, err, test.want)
			if err != nil {
				continue
			}
			f := details.Figures
			wantEqual(t, what, []any{details.Allowed, details.Licenses, details.Instances, f.Instances, f.Applications, f.Keys, f.People, f.Pending, f.LastChange},
				[]any{3, []portal.License{w.License}, []portal.Instance{w.Instance}, 1, 1, test.keys, test.people, 1, w.clock.Now()})
		}
	})
}

func TestAnOrganizationDecidesWhetherAndHowSoonItsKeysExpire(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		kept := must(w.m.CreateKey(w.as(w.User), w.newPair()))(t)
		for _, test := range []struct {
			required bool
			days     string
			want     int // what is set; -1: refused
		}{
			{false, "", 0},
			{true, "", 0},
			{true, "1", 1},
			{true, " 90 ", 90},
			{true, "3650", 3650},
			{true, "3651", -1},
			{true, "0", -1},
			{true, "-1", -1},
			{true, "1.5", -1},
			{true, "ninety", -1},
			{true, "90 days", -1},
			{true, "99999999999999999999", -1},
			{false, "90", -1},
			{false, "-1", -1},
			{false, "ninety", -1},
			{false, "  ", 0},
		} {
			what := fmt.Sprintf("required %v, %q days", test.required, test.days)
			in := w.settingsOf(true)
			in.ExpiryRequired, in.ExpiryMaxDays = test.required, test.days
			before := must(w.s.Organization(t.Context(), w.Organization.ID))(t)
			err := w.m.UpdateSettings(w.as(w.Admin), in)
			now := must(w.s.Organization(t.Context(), w.Organization.ID))(t)
			if test.want < 0 {
				wantFields(t, what, err, "expiry_max_days")
				wantEqual(t, what, now, before)
				continue
			}
			wantCode(t, what, err, allowed)
			wantEqual(t, what, []any{now.ExpiryRequired, now.ExpiryMaxDays, now.SecretViewing}, []any{test.required, test.want, true})

			form := w.newPair(func(in *manage.NewKey) { in.Name = what })
			if test.required {
				wantFields(t, what+": a key without an end", w.m.CheckNewKey(w.as(w.User), form), "expires")
			} else {
				wantCode(t, what+": a key without an end", w.m.CheckNewKey(w.as(w.User), form), allowed)
			}
			form.ExpiresAt = w.clock.Now().AddDate(0, 0, test.want+1).Add(2 * time.Hour) // clocks may be put back meanwhile
			if test.want > 0 {
				wantFields(t, what+": a key that ends too late", w.m.CheckNewKey(w.as(w.User), form), "expires")
			}
			form.ExpiresAt = form.ExpiresAt.Add(-time.Microsecond)
			wantCode(t, what+": a key that ends in time", w.m.CheckNewKey(w.as(w.User), form), allowed)
			w.wantChecked(what+": a key from before", kept.Key, kept.Secret, portal.CheckValid)
			wantEqual(t, what+": a key from before", w.key(kept.ID), kept.Key)
		}
	})
}
