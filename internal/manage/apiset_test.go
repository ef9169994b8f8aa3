package manage_test

import (
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// apiSetOf gives the form that edits an API set, as it is opened now.
func (w *world) apiSetOf(id int64) manage.APISetInput {
	w.t.Helper()
	set := must(w.s.APISet(w.t.Context(), id))(w.t)
	return manage.APISetInput{ID: id, Version: set.Version, Slug: set.Slug, Name: set.Name, Description: set.Description, Routes: strings.Join(set.Routes, "\n")}
}

func TestAPISetsAreMadeAndEditedByWhoManagesThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, actor := range map[string]portal.User{"admin": w.Admin, "support": storetest.Support(t, w.s)} {
			ctx := w.as(actor)
			for how, err := range map[string]error{
				"creates":  second(w.m.CreateAPISet(ctx, manage.APISetInput{Slug: "new", Name: "New"})),
				"edits":    w.m.UpdateAPISet(ctx, w.apiSetOf(w.Billing.ID)),
				"retires":  w.m.RetireAPISet(ctx, w.Billing.ID, w.Billing.Version, w.Billing.Name),
				"restores": w.m.RestoreAPISet(ctx, w.Billing.ID, w.Billing.Version),
				"opens":    second(w.m.APISet(ctx, w.Billing.ID)),
			} {
				wantCode(t, what+" "+how+" one", err, portal.CodeForbidden)
			}
			sets := must(w.m.APISets(ctx))(t)
			wantEqual(t, "API sets that the "+what+" sees", len(sets), 3)
		}
		_, err := w.m.APISets(t.Context())
		wantCode(t, "nobody", err, portal.CodeUnauthenticated)

		made := must(w.m.CreateAPISet(w.as(w.SuperAdmin), manage.APISetInput{
			Slug: " payments ", Name: " Payments API ", Description: "Pays.", Routes: " GET  /payments/{id}\r\n\n\t/payments/ \n",
		}))(t)
		wantEqual(t, "API set", must(w.s.APISet(t.Context(), made.ID))(t), portal.APISet{
			ID: made.ID, Slug: "payments", Name: "Payments API", Description: "Pays.", Routes: []string{"GET /payments/{id}", "/payments/"},
			Version: 1, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now(),
		})
	})
}

func TestWhatIsWrongWithAnAPISetIsNamedByField(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			edit   func(*manage.APISetInput)
			fields []string
			says   string
		}{
			"nothing": {func(in *manage.APISetInput) { *in = manage.APISetInput{} }, []string{"name", "slug"}, "Enter a name"},
			"10 kB": {func(in *manage.APISetInput) {
				in.Name, in.Slug = strings.Repeat("a", 10240), strings.Repeat("a", 10240)
			}, []string{"name", "slug"}, "100 characters"},
			"direction overridden":  {func(in *manage.APISetInput) { in.Name, in.Description = "a\u202eb", "a\u202eb" }, []string{"description", "name"}, "do not print"},
			"a slug that is taken":  {func(in *manage.APISetInput) { in.Slug = "dunning" }, []string{"slug"}, "with this slug"},
			"a name that is taken":  {func(in *manage.APISetInput) { in.Name = " DUNNING  api" }, []string{"name"}, "with this name"},
			"a bad slug":            {func(in *manage.APISetInput) { in.Slug = "Payments!" }, []string{"slug"}, "lower-case"},
			"a malformed pattern":   {func(in *manage.APISetInput) { in.Routes = "/fine/\n/payments/{" }, []string{"routes"}, `"/payments/{"`},
			"another set's pattern": {func(in *manage.APISetInput) { in.Routes = "GET /billing/{name}" }, []string{"routes"}, `"GET /billing/{id}"`},
			"NUL in a pattern":      {func(in *manage.APISetInput) { in.Routes = "/pay\x00ments/" }, []string{"routes"}, "do not print"},
		} {
			in := manage.APISetInput{Slug: "payments", Name: "Payments", Routes: "/payments/"}
			test.edit(&in)
			_, err := w.m.CreateAPISet(w.as(w.SuperAdmin), in)
			wantFields(t, "create: "+what, err, test.fields...)
			wantSays(t, "create: "+what, err, test.says)
			in.ID, in.Version = w.Revenue.ID, w.Revenue.Version
			wantFields(t, "edit: "+what, w.m.UpdateAPISet(w.as(w.SuperAdmin), in), test.fields...)
		}
		wantEqual(t, "API set", must(w.s.APISet(t.Context(), w.Revenue.ID))(t), w.Revenue)
		in := w.apiSetOf(w.Billing.ID)
		in.Description, in.Routes = "Its own patterns are no obstacle.", "/billing/\nGET /billing/{id}\n/bills/"
		mustDo(t, w.m.UpdateAPISet(w.as(w.SuperAdmin), in))
	})
}

func TestARetiredAPISetIsReachedByNoKeyUntilItIsPutBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		details := must(w.m.APISet(w.as(w.SuperAdmin), w.Billing.ID))(t)
		if details.KeyCount != 1 || len(details.Keys) != 1 || details.Keys[0].ID != w.Key.ID || len(details.Roles) != 1 || details.Roles[0].ID != w.Role.ID {
			t.Errorf("what stands on the API set is %+v", details)
		}
		wantFields(t, "without its name", w.m.RetireAPISet(w.as(w.SuperAdmin), w.Billing.ID, w.Billing.Version, "dunning"), "confirm")
		wantCode(t, "stale", w.m.RetireAPISet(w.as(w.SuperAdmin), w.Billing.ID, w.Billing.Version+1, w.Billing.Name), portal.CodeConflict)
		wantEqual(t, "reached", w.subject(w.Secret).APISets, []string{"billing"})

		mustDo(t, w.m.RetireAPISet(w.as(w.SuperAdmin), w.Billing.ID, w.Billing.Version, strings.ToUpper(w.Billing.Name)))
		wantEqual(t, "reached", w.subject(w.Secret).APISets, nil)
		set := w.apiSetOf(w.Billing.ID)
		mustDo(t, w.m.RestoreAPISet(w.as(w.SuperAdmin), set.ID, set.Version))
		wantEqual(t, "reached", w.subject(w.Secret).APISets, []string{"billing"})
	})
}

func TestAnAPISetIsNotPutBackOntoPatternsThatAnotherClaimsByThen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mustDo(t, w.m.RetireAPISet(w.as(w.SuperAdmin), w.Billing.ID, w.Billing.Version, w.Billing.Name))
		must(w.m.CreateAPISet(w.as(w.SuperAdmin), manage.APISetInput{Slug: "billing-v2", Name: "Billing 2", Routes: "/billing/"}))(t)
		set := w.apiSetOf(w.Billing.ID)
		err := w.m.RestoreAPISet(w.as(w.SuperAdmin), set.ID, set.Version)
		wantCode(t, "put back", err, portal.CodeConflict)
		wantSays(t, "put back", err, `"/billing/"`)
		set.Routes = "/bills/"
		mustDo(t, w.m.UpdateAPISet(w.as(w.SuperAdmin), set))
		mustDo(t, w.m.RestoreAPISet(w.as(w.SuperAdmin), set.ID, set.Version+1))
	})
}

func TestAStaleAPISetFormLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stale := w.apiSetOf(w.Billing.ID)
		in := stale
		in.Description = "Edited."
		mustDo(t, w.m.UpdateAPISet(w.as(w.SuperAdmin), in))
		kept := w.apiSetOf(w.Billing.ID)
		stale.Routes = ""
		wantCode(t, "a stale form", w.m.UpdateAPISet(w.as(w.SuperAdmin), stale), portal.CodeConflict)
		wantEqual(t, "API set", w.apiSetOf(w.Billing.ID), kept)
	})
}
