package manage_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func TestClientLevelsAreChangedByWhoManagesOrganizations(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, test := range []struct {
			what  string
			actor portal.User
			want  portal.Code
		}{
			{"support", storetest.Support(t, w.s), portal.CodeForbidden},
			{"an admin", w.Admin, portal.CodeForbidden},
			{"nobody", portal.User{}, portal.CodeUnauthenticated},
			{"a super admin", w.SuperAdmin, allowed}, // the last, who deletes one
		} {
			ctx, what := w.as(test.actor), test.what
			_, err := w.m.CreateClientLevel(ctx, manage.LevelInput{Name: "Of " + what, Licenses: "7"})
			wantCode(t, what+" makes one", err, test.want)
			in := w.levelOf(gold)
			in.Licenses = "8"
			wantCode(t, what+" edits one", w.m.UpdateClientLevel(ctx, in), test.want)
			wantCode(t, what+" opens one", second(w.m.ClientLevel(ctx, gold)), test.want)
			wantCode(t, what+" deletes one", w.m.DeleteClientLevel(ctx, blue, w.levelOf(blue).Version), test.want)
		}
		var levels []string
		for _, level := range must(w.m.ClientLevels(w.as(w.User)))(t) {
			levels = append(levels, fmt.Sprintf("%s allows %d", level.Name, level.Licenses))
		}
		wantEqual(t, "levels, the smallest first", levels, []string{"Platinum allows 3", "Of a super admin allows 7", "Gold allows 8"})
	})
}

func TestWhatIsWrongWithAClientLevelIsNamedByField(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			name, licenses string
			fields         []string
		}{
			"nothing":       {"", "", []string{"licenses", "name"}},
			"taken":         {" PLATINUM ", "1", []string{"name"}},
			"NUL":           {"a\x00b", "1", []string{"name"}},
			"10 kB":         {strings.Repeat("a", 10240), "1", []string{"name"}},
			"negative":      {"Silver", "-1", []string{"licenses"}},
			"too many":      {"Silver", "1001", []string{"licenses"}},
			"a fraction":    {"Silver", "1.5", []string{"licenses"}},
			"no number":     {"Silver", "some", []string{"licenses"}},
			"beyond an int": {"Silver", "99999999999999999999", []string{"licenses"}},
		} {
			in := manage.LevelInput{Name: test.name, Licenses: test.licenses}
			wantFields(t, "create: "+what, second(w.m.CreateClientLevel(w.as(w.SuperAdmin), in)), test.fields...)
			edit := w.levelOf(gold)
			edit.Name, edit.Licenses = test.name, test.licenses
			wantFields(t, "edit: "+what, w.m.UpdateClientLevel(w.as(w.SuperAdmin), edit), test.fields...)
		}
		for _, licenses := range []string{"0", " 1000 "} {
			made := must(w.m.CreateClientLevel(w.as(w.SuperAdmin), manage.LevelInput{Name: " Level " + licenses, Licenses: licenses}))(t)
			wantEqual(t, "allows", strconv.Itoa(made.Licenses), strings.TrimSpace(licenses))
		}
		in := w.levelOf(gold)
		in.Name = "GOLD"
		mustDo(t, w.m.UpdateClientLevel(w.as(w.SuperAdmin), in))
		in.Name = "Stale"
		wantCode(t, "a stale form", w.m.UpdateClientLevel(w.as(w.SuperAdmin), in), portal.CodeConflict)
		wantCode(t, "one that is not there", w.m.UpdateClientLevel(w.as(w.SuperAdmin), manage.LevelInput{ID: 4711, Name: "x", Licenses: "1"}), portal.CodeNotFound)
	})
}

func TestOneOrganizationIsNotSpokenOfAsSeveral(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		level := must(w.m.CreateClientLevel(w.as(w.SuperAdmin), manage.LevelInput{Name: "Silver", Licenses: "2"}))(t)
		client := func() {
			storetest.License(t, w.s, storetest.Organization(t, w.s, func(o *portal.Organization) { o.LevelID = level.ID }))
		}
		client()
		wantSays(t, "deleted", w.m.DeleteClientLevel(w.as(w.SuperAdmin), level.ID, level.Version), "1 organization has the client level Silver. Give it another level first.")
		for range 5 {
			client()
		}
		in := w.levelOf(level.ID)
		in.Licenses = "0"
		wantSays(t, "lowered", w.m.UpdateClientLevel(w.as(w.SuperAdmin), in), "and 1 more organization.")
	})
}

func TestALevelIsNotLoweredUnderWhatItsOrganizationsHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var holders []portal.Organization
		for i := range 7 {
			client := storetest.Organization(t, w.s, func(o *portal.Organization) { o.Name, o.LevelID = "Gold client "+strconv.Itoa(i), gold })
			storetest.License(t, w.s, client)
			storetest.License(t, w.s, client)
			holders = append(holders, client)
		}
		empty := storetest.Organization(t, w.s, func(o *portal.Organization) { o.LevelID = gold })
		lower := func(licenses string) error {
			in := w.levelOf(gold)
			in.Licenses = licenses
			return w.m.UpdateClientLevel(w.as(w.SuperAdmin), in)
		}
		err := lower("1")
		wantFields(t, "lowered", err, "licenses")
		wantSays(t, "lowered", err, holders[0].Name+" holds 2, ")
		wantSays(t, "lowered", err, "and 2 more organizations")
		if strings.Contains(err.Error(), empty.Name+" holds") {
			t.Errorf("it names who holds nothing: %v", err)
		}
		wantEqual(t, "allows", w.levelOf(gold).Licenses, "2")
		mustDo(t, lower("3"))
		mustDo(t, lower("2"))

		err = w.m.DeleteClientLevel(w.as(w.SuperAdmin), gold, w.levelOf(gold).Version)
		wantCode(t, "deleted while in use", err, portal.CodeConflict)
		wantSays(t, "deleted while in use", err, "8 organizations have the client level Gold")
		wantCode(t, "deleted from a stale page", w.m.DeleteClientLevel(w.as(w.SuperAdmin), blue, w.levelOf(blue).Version-1), portal.CodeConflict)
		mustDo(t, w.m.DeleteClientLevel(w.as(w.SuperAdmin), blue, w.levelOf(blue).Version))
		wantCode(t, "deleted again", w.m.DeleteClientLevel(w.as(w.SuperAdmin), blue, 1), portal.CodeNotFound)
	})
}
