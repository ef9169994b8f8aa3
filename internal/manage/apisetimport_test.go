package manage_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// outlined gives an import of operations that are written "GET /x Tag,Other", with all
// groups chosen.
func outlined(lines ...string) manage.APISetImport {
	var in manage.APISetImport
	for _, line := range lines {
		words := strings.SplitN(line, " ", 3)
		operation := portal.APIOperation{Method: words[0], Path: words[1]}
		if len(words) > 2 {
			operation.Tags = strings.Split(words[2], ",")
		}
		for _, name := range operation.Tags {
			if !slices.Contains(in.Outline.Tags, portal.APITag{Name: name, Description: "About " + name + "."}) {
				in.Outline.Tags = append(in.Outline.Tags, portal.APITag{Name: name, Description: "About " + name + "."})
			}
		}
		in.Outline.Operations = append(in.Outline.Operations, operation)
	}
	for i := range in.Outline.Groups() {
		in.Chosen = append(in.Chosen, fmt.Sprint(i))
	}
	return in
}

// seen gives an import with what its preview carries.
func (w *world) seen(ctx context.Context, in manage.APISetImport) manage.APISetImport {
	w.t.Helper()
	in.Seen = must(w.m.PlanAPISets(ctx, in))(w.t).Seen
	return in
}

// planned spells a plan: a line for each set.
func planned(plan manage.APISetImportPlan) []string {
	var lines []string
	for _, set := range plan.Sets {
		state := "unchanged"
		switch {
		case set.New():
			state = "new"
		case set.Changed():
			state = "changed"
		}
		lines = append(lines, fmt.Sprintf("%s %s +%q =%q -%q", state, set.Set.Slug, set.Added, set.Kept, set.Removed))
	}
	return lines
}

// wantPlan checks what an import would do, and gives the plan.
func (w *world) wantPlan(what string, in manage.APISetImport, want ...string) manage.APISetImportPlan {
	w.t.Helper()
	plan := must(w.m.PlanAPISets(w.as(w.SuperAdmin), in))(w.t)
	wantEqual(w.t, what, planned(plan), want)
	return plan
}

// wantTold checks that the only set with conflicts, or notes, says something.
func (w *world) wantTold(what string, told []string, says ...string) {
	w.t.Helper()
	if len(told) != len(says) {
		w.t.Errorf("%s: %q, want %d", what, told, len(says))
		return
	}
	for i := range says {
		if !strings.Contains(told[i], says[i]) {
			w.t.Errorf("%s: %q does not say %q", what, told[i], says[i])
		}
	}
}

func TestAPISetsAreImportedByWhoManagesThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := outlined("GET /payments Payments", "GET /payments/{payment-id} Payments")
		in.Prefix = "/v1/"
		for what, actor := range map[string]portal.User{"admin": w.Admin, "support": storetest.Support(t, w.s)} {
			wantCode(t, what+" plans", second(w.m.PlanAPISets(w.as(actor), in)), portal.CodeForbidden)
			wantCode(t, what+" imports", second(w.m.ImportAPISets(w.as(actor), in)), portal.CodeForbidden)
		}
		ctx := w.as(w.SuperAdmin)
		w.wantPlan("plan", in, `new payments +["GET /v1/payments" "GET /v1/payments/{payment_id}"] =[] -[]`)
		must(w.m.ImportAPISets(ctx, w.seen(ctx, in)))(t)
		sets := must(w.m.APISets(ctx))(t)
		made := sets[slices.IndexFunc(sets, func(set portal.APISet) bool { return set.Slug == "payments" })]
		wantEqual(t, "API set", made, portal.APISet{
			ID: made.ID, Slug: "payments", Name: "Payments", Description: "About Payments.", Routes: []string{"GET /v1/payments", "GET /v1/payments/{payment_id}"},
			Version: 1, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now(),
		})
		w.wantPlan("the same again", in, `unchanged payments +[] =["GET /v1/payments" "GET /v1/payments/{payment_id}"] -[]`)
		lines := w.lines(func() { must(w.m.ImportAPISets(ctx, in))(t) }) // the same form, sent twice
		wantEqual(t, "history of importing it again", len(lines), 0)
	})
}

func TestAnAPISetThatIsThereGetsPatternsAndLosesThemOnlyWhenAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		w.setRoutes(w.Billing, "GET /billing/{id}", "POST /billing/old", "/billing/")
		in := outlined("GET /billing/{invoice-id} Billing", "POST /billing/new Billing", "DELETE /billing/{id} Other")
		in.Chosen = []string{"0"}
		added := w.wantPlan("added", in, `changed billing +["POST /billing/new"] =["GET /billing/{id}" "POST /billing/old" "/billing/"] -[]`)
		wantEqual(t, "the name stays", []string{added.Sets[0].Set.Name, added.Sets[0].Set.Description}, []string{w.Billing.Name, w.Billing.Description})
		in.Remove = true
		w.wantPlan("removed", in, `changed billing +["POST /billing/new"] =["GET /billing/{id}"] -["POST /billing/old" "/billing/"]`)
		must(w.m.ImportAPISets(ctx, w.seen(ctx, in)))(t)
		wantEqual(t, "routes", must(w.s.APISet(t.Context(), w.Billing.ID))(t).Routes, []string{"GET /billing/{id}", "POST /billing/new"})
		in.Chosen, in.Paths = nil, []string{portal.APIPathChoice(0, "/billing/new")}
		w.wantPlan("what the document has stays, chosen or not", in, `unchanged billing +[] =["GET /billing/{id}" "POST /billing/new"] -[]`)
	})
}

// setRoutes gives an API set other route patterns.
func (w *world) setRoutes(set portal.APISet, routes ...string) {
	w.t.Helper()
	in := w.apiSetOf(set.ID)
	in.Routes = strings.Join(routes, "\n")
	mustDo(w.t, w.m.UpdateAPISet(w.as(w.SuperAdmin), in))
}

func TestWhatIsChosenDecidesWhatIsImported(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		all := outlined("GET /a A", "PUT /a A", "GET /b A", "GET /c B", "GET /d")
		w.wantPlan("all", all, `new a +["GET /a" "PUT /a" "GET /b"] =[] -[]`, `new b +["GET /c"] =[] -[]`, `new untagged +["GET /d"] =[] -[]`)
		every := all
		every.All, every.Chosen = true, []string{"7"}
		w.wantPlan("all at once", every, planned(must(w.m.PlanAPISets(w.as(w.SuperAdmin), all))(t))...)
		some := all
		some.Chosen, some.Paths = []string{"1"}, []string{"0 /a", "0 /c", "1 /c", "7 /a", "x", "2 /nowhere"}
		w.wantPlan("some", some, `new a +["GET /a" "PUT /a"] =[] -[]`, `new b +["GET /c"] =[] -[]`)
		some.One, some.Name = true, " Both of them "
		one := w.wantPlan("one", some, `new both-of-them +["GET /a" "PUT /a" "GET /c"] =[] -[]`)
		wantEqual(t, "name of the one", one.Sets[0].Set.Name, "Both of them")
		some.Slug = "both"
		w.wantPlan("one with a slug", some, `new both +["GET /a" "PUT /a" "GET /c"] =[] -[]`)

		for what, test := range map[string]struct {
			edit   func(*manage.APISetImport)
			fields []string
		}{
			"nothing chosen":      {func(in *manage.APISetImport) { in.Chosen = nil }, []string{"choice"}},
			"what is not there":   {func(in *manage.APISetImport) { in.Chosen = []string{"9", "-1", "x"} }, []string{"choice"}},
			"one without a name":  {func(in *manage.APISetImport) { in.One = true }, []string{"name"}},
			"one with a bad slug": {func(in *manage.APISetImport) { in.One, in.Name, in.Slug = true, "A", "A!" }, []string{"slug"}},
			"no slug in the name": {func(in *manage.APISetImport) { in.One, in.Name = true, "发票" }, []string{"slug"}},
			"a relative prefix":   {func(in *manage.APISetImport) { in.Prefix = "v1" }, []string{"prefix"}},
			"a host as prefix":    {func(in *manage.APISetImport) { in.Prefix = "https://example.com/v1" }, []string{"prefix"}},
			"dots in the prefix":  {func(in *manage.APISetImport) { in.Prefix = "/a/../b" }, []string{"prefix"}},
			"a prefix's query":    {func(in *manage.APISetImport) { in.Prefix = "/a?b" }, []string{"prefix"}},
			"far too much": {func(in *manage.APISetImport) {
				in.Outline.Operations = slices.Repeat(in.Outline.Operations, 1000)
			}, []string{"choice"}},
		} {
			in := all
			test.edit(&in)
			_, err := w.m.PlanAPISets(w.as(w.SuperAdmin), in)
			wantFields(t, "plan: "+what, err, test.fields...)
			_, err = w.m.ImportAPISets(w.as(w.SuperAdmin), in)
			wantFields(t, "import: "+what, err, test.fields...)
		}
	})
}

func TestARouteGoesToOneAPISet(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		in := outlined("GET /a A", "GET /b A,B", "GET /b/{x} B", "GET /b/{y}.json B")
		first := w.wantPlan("the first one that asks", in, `new a +["GET /a" "GET /b"] =[] -[]`, `new b +["GET /b/{x}"] =[] -[]`)
		w.wantTold("notes", first.Sets[1].Notes, "GET /b goes to A", "GET /b/{y}.json becomes GET /b/{y}, which takes more")
		w.setRoutes(w.Billing, "GET /b/{z}")
		held := in
		held.Outline.Tags = []portal.APITag{{Name: "A"}, {Name: "Billing"}}
		for i, operation := range held.Outline.Operations {
			held.Outline.Operations[i].Tags = slices.Clone(operation.Tags)
			for j, tag := range operation.Tags {
				if tag == "B" {
					held.Outline.Operations[i].Tags[j] = "Billing"
				}
			}
		}
		held.Outline.Operations[2].Tags = []string{"A", "Billing"}
		w.wantPlan("the one that has it", held, `new a +["GET /a" "GET /b"] =[] -[]`, `unchanged billing +[] =["GET /b/{z}"] -[]`)

		moved := outlined("GET /dunning/x Billing")
		w.setRoutes(w.Dunning, "GET /dunning/x", "GET /dunning/y")
		plan := w.wantPlan("held by another", moved, `changed billing +["GET /dunning/x"] =["GET /b/{z}"] -[]`)
		w.wantTold("conflict", plan.Sets[0].Conflicts, "GET /dunning/x is in dunning API already (GET /dunning/x)")
		wantCode(t, "import", second(w.m.ImportAPISets(ctx, w.seen(ctx, moved))), portal.CodeConflict)

		both := outlined("GET /dunning/x Billing", "GET /dunning/y Dunning")
		both.Remove = true
		w.wantPlan("moved", both, `changed billing +["GET /dunning/x"] =[] -["GET /b/{z}"]`, `changed dunning +[] =["GET /dunning/y"] -["GET /dunning/x"]`)
		must(w.m.ImportAPISets(ctx, w.seen(ctx, both)))(t)
		wantEqual(t, "where it was", must(w.s.APISet(t.Context(), w.Dunning.ID))(t).Routes, []string{"GET /dunning/y"})
		wantEqual(t, "where it is", must(w.s.APISet(t.Context(), w.Billing.ID))(t).Routes, []string{"GET /dunning/x"})
	})
}

func TestAPathThatIsNoRouteIsLeftOutAndTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := outlined("GET /fine A", "GET /a/../b A", "GET /x?y=1 A", "BREW /tea A", "GET /only/../dots B")
		plan := w.wantPlan("plan", in, `new a +["GET /fine"] =[] -[]`, `new b +[] =[] -[]`)
		w.wantTold("notes", plan.Sets[0].Notes, "GET /a/../b is left out: its path has //, /./ or /../.", "query", "BREW /tea is left out")
		w.wantTold("conflict", plan.Sets[1].Conflicts, "No route is left")
	})
}

func TestWhatIsInTheWayOfAnImportIsToldWithWhatToDo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		w.setRoutes(w.Dunning, "GET /d/{x}/runs")
		must(w.m.CreateAPISet(ctx, manage.APISetInput{Slug: portal.PortalAPI, Name: "Key Portal API", Routes: "/api/v1/"}))(t)
		mustDo(t, w.m.RetireAPISet(ctx, w.Revenue.ID, w.Revenue.Version, w.Revenue.Name))
		one := func(name, slug string, lines ...string) manage.APISetImport {
			in := outlined(lines...)
			in.One, in.Name, in.Slug = true, name, slug
			return in
		}
		for what, test := range map[string]struct {
			in   manage.APISetImport
			says string
		}{
			"the portal's own":      {outlined("GET /x Portal"), "belongs to Key Portal's own API"},
			"the portal's, as one":  {one("Mine", "portal", "GET /x"), "belongs to Key Portal's own API"},
			"a retired one":         {one("Revenue", w.Revenue.Slug, "GET /x"), "Put it back into use first"},
			"a name that is taken":  {one(" DUNNING api ", "d2", "GET /x"), "with the slug dunning"},
			"a tag that is no name": {outlined("GET /x " + strings.Repeat("a", 200)), "100 characters"},
			"a hidden direction":    {outlined("GET /x a\u202eb"), "do not print"},
			"one slug of two":       {outlined("GET /x A-B", "GET /y a.b"), "same slug or name"},
			"one name of two":       {outlined("GET /x ÄÖ", "GET /y äö"), "same slug or name"},
			"an overlap":            {outlined("GET /d/levels/{level} A"), `it overlaps "GET /d/{x}/runs", and neither is more specific. That one is in dunning API. Go back and leave this path out, or edit dunning API first.`},
			"its own overlap":       {outlined("GET /q/{x}/r A", "GET /q/s/{y} A"), "Both are in this API set"},
			"another's shape":       {outlined("GET /d/{other}/runs A"), "is in dunning API already"},
			"an overlap of two":     {outlined("GET /q/{x}/r A", "GET /q/s/{y} B"), "That one is in A."},
		} {
			before := w.dump()
			plan := must(w.m.PlanAPISets(ctx, test.in))(t)
			w.wantTold(what, slices.Concat(func() (all [][]string) {
				for _, set := range plan.Sets {
					all = append(all, set.Conflicts)
				}
				return all
			}()...), test.says)
			test.in.Seen = plan.Seen
			_, err := w.m.ImportAPISets(ctx, test.in)
			wantCode(t, "import: "+what, err, portal.CodeConflict)
			w.wantSame(what, before)
		}
	})
}

func TestAnImportOntoAPISetsThatChangedMeanwhileDoesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.SuperAdmin)
		in := w.seen(ctx, outlined("GET /payments Payments", "GET /refunds Refunds"))
		w.setRoutes(w.Dunning, "GET /dunning/now")
		before := w.dump()
		plan, err := w.m.ImportAPISets(ctx, in)
		wantCode(t, "stale", err, portal.CodeConflict)
		wantSays(t, "stale", err, "changed by someone else since the preview")
		wantEqual(t, "the fresh plan", planned(plan), []string{`new payments +["GET /payments"] =[] -[]`, `new refunds +["GET /refunds"] =[] -[]`})
		w.wantSame("stale", before)
		in.Seen = plan.Seen
		must(w.m.ImportAPISets(ctx, in))(t)
	})
}
