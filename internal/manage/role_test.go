package manage_test

import (
	"slices"
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func (w *world) newRole(edit ...func(*manage.RoleInput)) manage.RoleInput {
	in := manage.RoleInput{OrganizationID: w.Organization.ID, Name: "Integrator", Description: "Connects things."}
	for _, edit := range edit {
		edit(&in)
	}
	return in
}

// roleOf gives the form that edits a role, as it is opened now.
func (w *world) roleOf(id int64) manage.RoleInput {
	w.t.Helper()
	role := must(w.s.Role(w.t.Context(), id))(w.t)
	in := manage.RoleInput{ID: id, Version: role.Version, Name: role.Name, Description: role.Description, Authorities: role.Authorities}
	for _, set := range role.APISets {
		in.APISets = append(in.APISets, set.Slug)
	}
	return in
}

func TestARoleIsMadeOfAuthoritiesAndAPISets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := must(w.m.CreateRole(w.as(w.Admin), w.newRole(func(in *manage.RoleInput) {
			in.Authorities = []portal.Authority{portal.ViewUsers, portal.APIKeys, portal.ViewUsers}
			in.APISets = []string{"dunning", "billing"}
		})))(t)
		wantEqual(t, "authorities", made.Authorities, []portal.Authority{portal.APIKeys, portal.ViewUsers})
		var slugs []string
		for _, set := range made.APISets {
			slugs = append(slugs, set.Slug)
		}
		wantEqual(t, "API sets", slugs, []string{"billing", "dunning"})
		wantEqual(t, "role", []any{made.OrganizationID, made.Name, made.Description, made.BuiltIn}, []any{w.Organization.ID, "Integrator", "Connects things.", false})
	})
}

func TestNobodyPutsIntoARoleWhatTheyDoNotHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.holder([]portal.Authority{portal.RoleManagement, portal.ViewUsers}, w.Billing)
		admin := w.holder([]portal.Authority{portal.Administration})
		for what, test := range map[string]struct {
			actor       portal.User
			authorities []portal.Authority
			sets        []string
			want        portal.Code
		}{
			"what the manager holds":               {manager, []portal.Authority{portal.ViewUsers, portal.ManageRoles}, []string{"billing"}, allowed},
			"authority beyond":                     {manager, []portal.Authority{portal.ViewUsers, portal.ManageUsers}, nil, portal.CodeForbidden},
			"authority above":                      {manager, []portal.Authority{portal.UserManagement}, nil, portal.CodeForbidden},
			"API set beyond":                       {manager, nil, []string{"billing", "dunning"}, portal.CodeForbidden},
			"an admin without All Access, API set": {admin, []portal.Authority{portal.Administration}, []string{"billing"}, portal.CodeForbidden},
			"an admin, verifying others' keys":     {admin, []portal.Authority{portal.VerifyKeys}, nil, portal.CodeForbidden},
			"an admin with All Access":             {w.Admin, []portal.Authority{portal.Administration}, []string{"billing", "revenue-management"}, allowed},
			"an authority of staff":                {w.SuperAdmin, []portal.Authority{portal.ManageStaff}, nil, portal.CodeInvalid},
			"an unknown authority":                 {w.SuperAdmin, []portal.Authority{"admin.everything"}, nil, portal.CodeInvalid},
			"an unknown API set":                   {w.SuperAdmin, nil, []string{"nothing"}, portal.CodeInvalid},
			"a member":                             {w.User, nil, nil, portal.CodeForbidden},
			"a stranger":                           {w.Stranger, nil, nil, portal.CodeForbidden},
			"support":                              {storetest.Support(t, w.s), nil, nil, portal.CodeForbidden},
		} {
			_, err := w.m.CreateRole(w.as(test.actor), w.newRole(func(in *manage.RoleInput) {
				in.Name, in.Authorities, in.APISets = what, test.authorities, test.sets
			}))
			wantCode(t, "create: "+what, err, test.want)

			role := storetest.Role(t, w.s, w.Organization, nil)
			in := w.roleOf(role.ID)
			in.Authorities, in.APISets = test.authorities, test.sets
			want := test.want
			if test.actor.ID == w.Stranger.ID {
				want = portal.CodeNotFound
			}
			err = w.m.UpdateRole(w.as(test.actor), in)
			wantCode(t, "edit: "+what, err, want)
			if kept := must(w.s.Role(t.Context(), role.ID))(t); err != nil && (kept.Authorities != nil || kept.APISets != nil) {
				t.Errorf("edit: %s: the role is %+v", what, kept)
			}
		}
	})
}

func TestWhatARoleHasAlreadyMayStayInIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.holder([]portal.Authority{portal.RoleManagement})
		role := storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ManageAPIKeys}, w.Billing, w.Dunning)
		in := w.roleOf(role.ID)
		in.Description = "Edited."
		mustDo(t, w.m.UpdateRole(w.as(manager), in))
		in = w.roleOf(role.ID)
		in.Authorities, in.APISets = nil, []string{"billing"}
		mustDo(t, w.m.UpdateRole(w.as(w.SuperAdmin), in))
		in = w.roleOf(role.ID)
		in.APISets = []string{"billing", "dunning"}
		wantCode(t, "added again", w.m.UpdateRole(w.as(manager), in), portal.CodeForbidden)
	})
}

func TestBuiltInRolesCannotBeChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		builtIn := 0
		for _, role := range must(w.s.Roles(t.Context(), 0))(t) {
			if !role.BuiltIn {
				continue
			}
			builtIn++
			in := w.roleOf(role.ID)
			in.Name += "!"
			for _, ctx := range []struct {
				what string
				err  [2]error
			}{
				{"super admin", [2]error{w.m.UpdateRole(w.as(w.SuperAdmin), in), w.m.DeleteRole(w.as(w.SuperAdmin), role.ID, role.Version, role.Name)}},
				{"program", [2]error{w.m.UpdateRole(w.program(), in), w.m.DeleteRole(w.program(), role.ID, role.Version, role.Name)}},
				{"admin", [2]error{w.m.UpdateRole(w.as(w.Admin), in), w.m.DeleteRole(w.as(w.Admin), role.ID, role.Version, role.Name)}},
			} {
				wantCode(t, ctx.what+" edits "+role.Name, ctx.err[0], portal.CodeConflict)
				wantCode(t, ctx.what+" deletes "+role.Name, ctx.err[1], portal.CodeConflict)
			}
			wantEqual(t, "role", must(w.s.Role(t.Context(), role.ID))(t), role)
		}
		wantEqual(t, "built-in roles", builtIn, 4)
	})
}

func TestRolesForEveryOrganizationAreTheInstallations(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		everywhere := func(in *manage.RoleInput) { in.OrganizationID = 0 }
		_, err := w.m.CreateRole(w.as(w.Admin), w.newRole(everywhere))
		wantCode(t, "an admin makes one", err, portal.CodeForbidden)
		made := must(w.m.CreateRole(w.as(w.SuperAdmin), w.newRole(everywhere)))(t)
		in := w.roleOf(made.ID)
		in.Name = "Connector"
		wantCode(t, "an admin edits one", w.m.UpdateRole(w.as(w.Admin), in), portal.CodeForbidden)
		wantCode(t, "an admin deletes one", w.m.DeleteRole(w.as(w.Admin), made.ID, made.Version, made.Name), portal.CodeForbidden)
		mustDo(t, w.m.UpdateRole(w.as(w.SuperAdmin), in))
	})
}

func TestARoleIsSeenWhereItCanBeUsed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		theirs := storetest.Role(t, w.s, w.Other, nil)
		viewer := w.holder([]portal.Authority{portal.ViewRoles})
		for what, test := range map[string]struct {
			actor portal.User
			role  int64
			want  portal.Code
		}{
			"viewer, one's own organization's": {viewer, w.Role.ID, allowed},
			"viewer, a built-in one":           {viewer, 1, allowed},
			"viewer, another organization's":   {viewer, theirs.ID, portal.CodeNotFound},
			"viewer, none":                     {viewer, 4711, portal.CodeNotFound},
			"member, one's own organization's": {w.User, w.Role.ID, portal.CodeForbidden},
			"support, any":                     {storetest.Support(t, w.s), theirs.ID, allowed},
		} {
			_, err := w.m.Role(w.as(test.actor), test.role)
			wantCode(t, what, err, test.want)
		}
		for what, test := range map[string]struct {
			actor        portal.User
			organization portal.Organization
			want         portal.Code
		}{
			"viewer":                         {viewer, w.Organization, allowed},
			"user manager, who assigns them": {w.userManager(), w.Organization, allowed},
			"member":                         {w.User, w.Organization, portal.CodeForbidden},
			"viewer, another organization":   {viewer, w.Other, portal.CodeForbidden},
		} {
			roles, err := w.m.Roles(w.as(test.actor), test.organization.ID)
			wantCode(t, "list: "+what, err, test.want)
			if slices.ContainsFunc(roles, func(role portal.Role) bool { return role.ID == theirs.ID }) {
				t.Errorf("list: %s: another organization's role is listed", what)
			}
		}
	})
}

func TestADeletedRoleIsGoneForItsHoldersAndTheirKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		wantEqual(t, "reached before", w.subject(w.Secret).APISets, []string{"billing"})
		wantFields(t, "without its name", w.m.DeleteRole(w.as(w.Admin), w.Role.ID, w.Role.Version, "something else"), "confirm")
		wantCode(t, "stale", w.m.DeleteRole(w.as(w.Admin), w.Role.ID, w.Role.Version+1, w.Role.Name), portal.CodeConflict)
		wantCode(t, "by a member", w.m.DeleteRole(w.as(w.User), w.Role.ID, w.Role.Version, w.Role.Name), portal.CodeForbidden)
		wantCode(t, "by a stranger", w.m.DeleteRole(w.as(w.Stranger), w.Role.ID, w.Role.Version, w.Role.Name), portal.CodeNotFound)
		mustDo(t, w.m.DeleteRole(w.as(w.Admin), w.Role.ID, w.Role.Version, " "+strings.ToUpper(w.Role.Name)))

		wantEqual(t, "reached after", w.subject(w.Secret).APISets, nil)
		_, err := w.m.CreateKey(w.as(w.User), w.newKey())
		wantCode(t, "a key of one's own", err, portal.CodeForbidden)
		_, err = w.m.Role(w.as(w.Admin), w.Role.ID)
		wantCode(t, "the role", err, portal.CodeNotFound)
		in := w.membershipOf(w.User)
		in.RoleIDs = ids(w.Role)
		wantFields(t, "given", w.m.SetMembership(w.as(w.Admin), in), "role")
		wantCode(t, "deleted again", w.m.DeleteRole(w.as(w.Admin), w.Role.ID, w.Role.Version+1, w.Role.Name), portal.CodeNotFound)
		must(w.m.CreateRole(w.as(w.Admin), w.newRole(func(in *manage.RoleInput) { in.Name = w.Role.Name })))(t)
	})
}

func TestAnEditedRoleAllowsItsHoldersAndTheirKeysOtherThingsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.roleOf(w.Role.ID)
		in.Authorities, in.APISets = nil, []string{"dunning", "revenue-management"}
		mustDo(t, w.m.UpdateRole(w.as(w.Admin), in))
		wantEqual(t, "reached", w.subject(w.Secret).APISets, []string{"revenue-management"})
		_, err := w.m.CreateKey(w.as(w.User), w.newKey())
		wantCode(t, "a key of one's own", err, portal.CodeForbidden)
	})
}

func TestWhatIsWrongWithARoleIsNamedByField(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := must(w.s.Role(t.Context(), w.Role.ID))(t)
		must(w.m.CreateRole(w.as(w.Admin), w.newRole(func(in *manage.RoleInput) { in.Name = "Taken" })))(t)
		for what, test := range map[string]struct {
			edit   func(*manage.RoleInput)
			fields []string
		}{
			"no name":               {func(in *manage.RoleInput) { in.Name = " " }, []string{"name"}},
			"10 kB of name":         {func(in *manage.RoleInput) { in.Name = strings.Repeat("a", 10240) }, []string{"name"}},
			"direction overridden":  {func(in *manage.RoleInput) { in.Name, in.Description = "a\u202eb", "a\u202eb" }, []string{"description", "name"}},
			"taken":                 {func(in *manage.RoleInput) { in.Name = " TAKEN" }, []string{"name"}},
			"a built-in role's":     {func(in *manage.RoleInput) { in.Name = "viewer" }, []string{"name"}},
			"unknown API set":       {func(in *manage.RoleInput) { in.APISets = []string{"nothing"} }, []string{"api_set"}},
			"unknown authority too": {func(in *manage.RoleInput) { in.Name, in.Authorities = "", []portal.Authority{"nothing"} }, []string{"authority", "name"}},
		} {
			in := w.newRole(test.edit)
			_, err := w.m.CreateRole(w.as(w.Admin), in)
			wantFields(t, "create: "+what, err, test.fields...)
			in.ID, in.Version = w.Role.ID, w.Role.Version
			wantFields(t, "edit: "+what, w.m.UpdateRole(w.as(w.Admin), in), test.fields...)
		}
		wantEqual(t, "role", must(w.s.Role(t.Context(), w.Role.ID))(t), before)
	})
}

func TestAStaleRoleFormLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stale := w.roleOf(w.Role.ID)
		in := stale
		in.Description = "Edited."
		mustDo(t, w.m.UpdateRole(w.as(w.Admin), in))
		stale.Name = "Lost"
		wantCode(t, "a stale form", w.m.UpdateRole(w.as(w.Admin), stale), portal.CodeConflict)
		kept := must(w.s.Role(t.Context(), w.Role.ID))(t)
		wantEqual(t, "role", []string{kept.Name, kept.Description}, []string{w.Role.Name, "Edited."})
	})
}

func TestARetiredAPISetMayStayInARoleAndCannotBeAdded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mustDo(t, w.m.RetireAPISet(w.as(w.SuperAdmin), w.Dunning.ID, w.Dunning.Version, w.Dunning.Name))
		in := w.roleOf(w.Role.ID)
		in.Description = "Edited."
		mustDo(t, w.m.UpdateRole(w.as(w.Admin), in))
		_, err := w.m.CreateRole(w.as(w.Admin), w.newRole(func(in *manage.RoleInput) { in.APISets = []string{"dunning"} }))
		wantFields(t, "added", err, "api_set")
		wantSays(t, "added", err, "was retired")
	})
}

func TestNobodyTakesAwayByARoleWhatTheyDoNotHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		keeper := w.holder([]portal.Authority{portal.RoleManagement})
		role := storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ManageUsers}, w.Billing)
		for what, take := range map[string]func(*manage.RoleInput){
			"its authorities": func(in *manage.RoleInput) { in.Authorities = nil },
			"its API sets":    func(in *manage.RoleInput) { in.APISets = nil },
		} {
			in := w.roleOf(role.ID)
			take(&in)
			wantCode(t, what, w.m.UpdateRole(w.as(keeper), in), portal.CodeForbidden)
		}
		emptied := manage.RoleInput{ID: role.ID, Version: role.Version, Name: role.Name}
		wantCode(t, "deleting it", w.m.DeleteRole(w.as(keeper), role.ID, role.Version, role.Name), portal.CodeForbidden)
		mustDo(t, w.m.UpdateRole(w.as(w.Admin), emptied))
	})
}
