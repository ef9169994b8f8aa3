package manage_test

import (
	"reflect"
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// editOf gives the form that edits a user, as it is opened now.
func (w *world) editOf(id int64) manage.UserEdit {
	w.t.Helper()
	u := w.user(id)
	return manage.UserEdit{ID: u.ID, Version: u.Version, Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email, Staff: u.Staff}
}

// edit edits a user as the super admin.
func (w *world) edit(id int64, change func(*manage.UserEdit)) {
	w.t.Helper()
	edit := w.editOf(id)
	change(&edit)
	mustDo(w.t, w.m.UpdateUser(w.as(w.SuperAdmin), edit))
}

func (w *world) newUser(edit ...func(*manage.NewUser)) manage.NewUser {
	in := manage.NewUser{Username: "grace", FirstName: "Grace", LastName: "Hopper", Email: "grace@example.com", OrganizationID: w.Organization.ID}
	for _, edit := range edit {
		edit(&in)
	}
	return in
}

func TestAUserIsMadeWithAMembershipAndWithoutAPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.newUser(func(in *manage.NewUser) { in.Admin, in.AllAccess, in.RoleIDs = true, true, ids(w.Role) })
		var made portal.User
		actions := w.actions(func() { made = must(w.m.CreateUser(w.as(w.Admin), in))(t) })
		wantEqual(t, "history", actions, []string{"user created", "membership added the user to " + w.Organization.Name})
		wantEqual(t, "user", w.user(made.ID), portal.User{
			ID: made.ID, Username: "grace", FirstName: "Grace", LastName: "Hopper", Email: "grace@example.com", Enabled: true, Version: 1, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now(),
		})
		membership := w.membership(made)
		wantEqual(t, "membership", []any{membership.Active(), membership.Admin, membership.AllAccess, roleIDs(membership)}, []any{true, true, true, ids(w.Role)})
	})
}

func roleIDs(m portal.Membership) []int64 { return ids(m.Roles...) }

func TestUsersAreMadeByWhoManagesUsersThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.userManager()
		for what, test := range map[string]struct {
			actor portal.User
			edit  func(*manage.NewUser)
			want  portal.Code
		}{
			"member":                            {w.User, func(*manage.NewUser) {}, portal.CodeForbidden},
			"stranger":                          {w.Stranger, func(*manage.NewUser) {}, portal.CodeForbidden},
			"support":                           {storetest.Support(t, w.s), func(*manage.NewUser) {}, portal.CodeForbidden},
			"user manager":                      {manager, func(*manage.NewUser) {}, allowed},
			"user manager, an admin":            {manager, func(in *manage.NewUser) { in.Admin = true }, portal.CodeForbidden},
			"user manager, with All Access":     {manager, func(in *manage.NewUser) { in.AllAccess = true }, portal.CodeForbidden},
			"user manager, with a role beyond":  {manager, func(in *manage.NewUser) { in.RoleIDs = ids(w.Role) }, portal.CodeForbidden},
			"admin, in another organization":    {w.Admin, func(in *manage.NewUser) { in.OrganizationID = w.Other.ID }, portal.CodeForbidden},
			"admin, in no organization":         {w.Admin, func(in *manage.NewUser) { in.OrganizationID = 0 }, portal.CodeForbidden},
			"admin, support staff":              {w.Admin, func(in *manage.NewUser) { in.Staff = portal.Support }, portal.CodeForbidden},
			"admin, an unknown role":            {w.Admin, func(in *manage.NewUser) { in.RoleIDs = []int64{4711} }, portal.CodeInvalid},
			"super admin, in no organization":   {w.SuperAdmin, func(in *manage.NewUser) { in.OrganizationID = 0 }, allowed},
			"super admin, support staff":        {w.SuperAdmin, func(in *manage.NewUser) { in.OrganizationID, in.Staff = 0, portal.Support }, allowed},
			"super admin, no such staff":        {w.SuperAdmin, func(in *manage.NewUser) { in.Staff = "owner" }, portal.CodeInvalid},
			"super admin, no such organization": {w.SuperAdmin, func(in *manage.NewUser) { in.OrganizationID = 4711 }, portal.CodeNotFound},
		} {
			in := w.newUser(test.edit)
			in.Username = strings.NewReplacer(" ", ".", ",", "").Replace(what)
			_, err := w.m.CreateUser(w.as(test.actor), in)
			wantCode(t, what, err, test.want)
			_, found := w.s.UserByUsername(t.Context(), in.Username)
			wantEqual(t, what+": was made", found == nil, test.want == allowed)
		}
	})
}

func TestWhatIsWrongWithAUserIsNamedByField(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			edit   func(*manage.NewUser)
			fields []string
		}{
			"no name and a wrong address": {func(in *manage.NewUser) { in.Username, in.Email = "!", "" }, []string{"email", "username"}},
			"too long": {func(in *manage.NewUser) {
				in.Username, in.FirstName = strings.Repeat("a", 10240), strings.Repeat("a", 10240)
			}, []string{"first_name", "username"}},
			"control characters":          {func(in *manage.NewUser) { in.LastName, in.Username = "Hop\x00per", "gr\x00ace" }, []string{"last_name", "username"}},
			"no UTF-8":                    {func(in *manage.NewUser) { in.FirstName, in.Email = "\xff", "\xff@example.com" }, []string{"email", "first_name"}},
			"a username that is taken":    {func(in *manage.NewUser) { in.Username = w.User.Username }, []string{"username"}},
			"one that differs in case":    {func(in *manage.NewUser) { in.Username = " " + strings.ToUpper(w.User.Username) }, []string{"username"}},
			"a stranger's, who is unseen": {func(in *manage.NewUser) { in.Username = strings.ToLower(w.Stranger.Username) }, []string{"username"}},
		} {
			in := w.newUser(test.edit)
			lines := w.lines(func() {
				_, err := w.m.CreateUser(w.as(w.Admin), in)
				wantFields(t, "create: "+what, err, test.fields...)
				edit := w.editOf(w.Admin.ID)
				edit.Username, edit.FirstName, edit.LastName, edit.Email = in.Username, in.FirstName, in.LastName, in.Email
				wantFields(t, "edit: "+what, w.m.UpdateUser(w.as(w.SuperAdmin), edit), test.fields...)
			})
			wantEqual(t, what+": history", len(lines), 0)
		}
	})
}

func TestANewUserWithoutAUsernameHasTheEmailAddressForOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		storetest.User(t, w.s, func(u *portal.User) { u.Username = "Taken@example.com" })
		for email, fields := range map[string][]string{
			" Integration+ERP@example.com ":          nil,
			"o'brien@example.com":                    {"username"}, // an address, but no username
			strings.Repeat("a", 60) + "@example.com": {"username"},
			"taken@example.com":                      {"username"},
			"nobody":                                 {"email"},
			"":                                       {"email"},
		} {
			made, err := w.m.CreateUser(w.as(w.Admin), w.newUser(func(in *manage.NewUser) { in.Username, in.Email = " ", email }))
			wantFields(t, email, err, fields...)
			if err == nil {
				wantEqual(t, "username", w.user(made.ID).Username, "Integration+ERP@example.com")
			}
		}
		_, err := w.m.CreateUser(w.as(w.Admin), w.newUser(func(in *manage.NewUser) { in.Username, in.Email = "", "taken@example.com" }))
		wantSays(t, "a taken one", err, "has this e-mail address as their username already")
		edit := w.editOf(w.User.ID)
		edit.Username = ""
		wantFields(t, "an account that is there keeps one", w.m.UpdateUser(w.as(w.Admin), edit), "username")
	})
}

func TestAFormThatIsSentTwiceMakesOneUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.newUser(func(in *manage.NewUser) { in.Submission = manage.Submission{Token: strings.Repeat("form", 100)} })
		first := must(w.m.CreateUser(w.as(w.Admin), in))(t)
		lines := w.lines(func() {
			wantEqual(t, "made again", must(w.m.CreateUser(w.as(w.Admin), in))(t), first)
		})
		wantEqual(t, "history", len(lines), 0)

		in.Submission, in.Username = manage.Submission{Token: "another"}, "ada"
		var made [20]int64
		lines = w.lines(func() {
			outcomes := atOnce(len(made), func(i int) error {
				user, err := w.m.CreateUser(w.as(w.Admin), in)
				made[i] = user.ID
				return err
			})
			wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: len(made)})
		})
		wantEqual(t, "lines", len(lines), 2)
		for _, id := range made {
			wantEqual(t, "made at once", id, made[0])
		}
	})
}

func TestAnotherUsersFormOfTheSameTokenIsAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.newUser(func(in *manage.NewUser) { in.Submission = manage.Submission{Token: "form"} })
		must(w.m.CreateUser(w.as(w.Admin), in))(t)
		_, err := w.m.CreateUser(w.as(w.SuperAdmin), in)
		wantFields(t, "the super admin's", err, "username")
	})
}

func TestAStaleFormLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stale := w.editOf(w.User.ID)
		w.edit(w.User.ID, func(e *manage.UserEdit) { e.FirstName = "Grace" })
		kept := w.user(w.User.ID)
		stale.LastName = "Hopper"
		wantCode(t, "a stale form", w.m.UpdateUser(w.as(w.Admin), stale), portal.CodeConflict)
		wantEqual(t, "user", w.user(w.User.ID), kept)
	})
}

func TestAccountsAreChangedByWhoMayManageThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager, colleague := w.userManager(), w.holder(nil)
		inBoth := w.holder(nil)
		storetest.Member(t, w.s, w.Other, inBoth)
		staff := storetest.Support(t, w.s)
		storetest.Member(t, w.s, w.Organization, staff)
		left := storetest.User(t, w.s)
		storetest.SaveMembership(t, w.s, portal.Membership{OrganizationID: w.Organization.ID, UserID: left.ID, EndedAt: w.clock.Now()})
		no, unseen := portal.CodeForbidden, portal.CodeNotFound
		for what, test := range map[string]struct {
			actor, target portal.User
			want          portal.Code
		}{
			"admin, a member":                             {w.Admin, w.User, allowed},
			"admin, a member of two organizations":        {w.Admin, inBoth, no},
			"admin, who has left":                         {w.Admin, left, no},
			"admin, staff who is a member":                {w.Admin, staff, no},
			"admin, a stranger":                           {w.Admin, w.Stranger, unseen},
			"admin, nobody":                               {w.Admin, portal.User{ID: 4711}, unseen},
			"user manager, a member with less":            {manager, colleague, allowed},
			"user manager, a member with other authority": {manager, w.User, no},
			"user manager, an admin":                      {manager, w.Admin, no},
			"member, a member":                            {w.User, colleague, unseen},
			"member, oneself":                             {w.User, w.User, no},
			"support, a member":                           {staff, w.User, no},
			"super admin, a member of two organizations":  {w.SuperAdmin, inBoth, allowed},
			"super admin, who has left":                   {w.SuperAdmin, left, allowed},
			"super admin, staff":                          {w.SuperAdmin, staff, allowed},
		} {
			var edit manage.UserEdit
			if test.target.ID != 4711 {
				edit = w.editOf(test.target.ID)
			}
			edit.FirstName, edit.ID = "Changed", test.target.ID
			ctx := w.as(test.actor)
			wantCode(t, "edit: "+what, w.m.UpdateUser(ctx, edit), test.want)
			for _, action := range []manage.UserAction{manage.LockUser, manage.UnlockUser, manage.ExpirePassword, manage.DisableUser, manage.EnableUser} {
				wantCode(t, string(action)+": "+what, w.m.ActOnUser(ctx, test.target.ID, action), test.want)
			}
		}
	})
}

func TestStaffRolesAreGivenByWhoManagesStaff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		edit := w.editOf(w.User.ID)
		edit.Staff = portal.SuperAdmin
		wantCode(t, "admin", w.m.UpdateUser(w.as(w.Admin), edit), portal.CodeForbidden)
		own := w.editOf(w.Admin.ID)
		own.Staff = portal.SuperAdmin
		wantCode(t, "admin, oneself", w.m.UpdateUser(w.as(w.Admin), own), portal.CodeForbidden)
		wantEqual(t, "staff", w.user(w.User.ID).Staff, portal.NotStaff)
		mustDo(t, w.m.UpdateUser(w.as(w.SuperAdmin), edit))
		wantEqual(t, "staff", w.user(w.User.ID).Staff, portal.SuperAdmin)
	})
}

func TestActionsOnAccountsDoWhatTheySay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		type state struct{ enabled, locked, expired bool }
		for _, step := range []struct {
			action manage.UserAction
			says   string
			want   state
		}{
			{manage.LockUser, "locked", state{true, true, false}},
			{manage.DisableUser, "disabled", state{false, true, false}},
			{manage.ExpirePassword, "expired the password", state{false, true, true}},
			{manage.UnlockUser, "unlocked", state{false, false, true}},
			{manage.EnableUser, "enabled", state{true, false, true}},
		} {
			act := func() { mustDo(t, w.m.ActOnUser(w.as(w.Admin), w.User.ID, step.action)) }
			wantEqual(t, "history", w.actions(act), []string{"user " + step.says})
			user, subject := w.user(w.User.ID), w.subject(w.Secret)
			wantEqual(t, string(step.action), state{user.Enabled, user.Locked, user.PasswordExpired}, step.want)
			wantEqual(t, string(step.action)+": what the check is told", state{subject.UserEnabled, subject.UserLocked, subject.UserExpired}, step.want)
			wantEqual(t, "history of doing it again", w.actions(act), nil)
		}
		wantCode(t, "no such action", w.m.ActOnUser(w.as(w.Admin), w.User.ID, "delete"), portal.CodeNotFound)
	})
}

func TestNobodyDisablesOrLocksTheirOwnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		storetest.SuperAdmin(t, w.s)
		for _, user := range []portal.User{w.Admin, w.SuperAdmin} {
			for _, action := range []manage.UserAction{manage.DisableUser, manage.LockUser} {
				wantCode(t, string(action), w.m.ActOnUser(w.as(user), user.ID, action), portal.CodeConflict)
			}
			if kept := w.user(user.ID); !kept.Enabled || kept.Locked {
				t.Errorf("the account is %+v", kept)
			}
		}
	})
}

func TestTheLastEnabledSuperAdminStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		storetest.User(t, w.s, func(u *portal.User) { u.Staff, u.Enabled = portal.SuperAdmin, false })
		for _, staff := range []portal.Staff{portal.NotStaff, portal.Support} {
			edit := w.editOf(w.SuperAdmin.ID)
			edit.Staff = staff
			wantCode(t, "demoted", w.m.UpdateUser(w.as(w.SuperAdmin), edit), portal.CodeConflict)
		}
		wantCode(t, "disabled", w.m.ActOnUser(w.program(), w.SuperAdmin.ID, manage.DisableUser), portal.CodeConflict)
		wantSays(t, "disabled", w.m.ActOnUser(w.program(), w.SuperAdmin.ID, manage.DisableUser), "only enabled super admin")
		if kept := w.user(w.SuperAdmin.ID); !kept.Enabled || kept.Staff != portal.SuperAdmin {
			t.Errorf("the super admin is %+v", kept)
		}
		other := storetest.SuperAdmin(t, w.s)
		edit := w.editOf(w.SuperAdmin.ID)
		edit.Staff = portal.NotStaff
		mustDo(t, w.m.UpdateUser(w.as(other), edit))
	})
}

func TestOfTheLastTwoSuperAdminsOneStaysWhateverHappensAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		two := []portal.User{w.SuperAdmin, storetest.SuperAdmin(t, w.s)}
		edits := []manage.UserEdit{w.editOf(two[0].ID), w.editOf(two[1].ID)}
		ctx := w.program()
		outcomes := atOnce(20, func(i int) error {
			if i%4 < 2 {
				return w.m.ActOnUser(ctx, two[i%2].ID, manage.DisableUser)
			}
			edit := edits[i%2]
			edit.Staff = portal.NotStaff
			return w.m.UpdateUser(ctx, edit)
		})
		wantEqual(t, "enabled super admins", must(w.s.EnabledSuperAdmins(t.Context(), 0))(t), 1)
		if outcomes[portal.CodeConflict] < 10 || outcomes[allowed]+outcomes[portal.CodeConflict] != 20 {
			t.Errorf("the outcomes are %v", outcomes)
		}
	})
}

func TestUsersAreSeenInOrganizationsWhereTheActorMayViewThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		storetest.Member(t, w.s, w.Other, w.User)
		viewer := w.holder([]portal.Authority{portal.ViewUsers})
		for what, test := range map[string]struct {
			actor, target portal.User
			memberships   int // -1: not found
			manageable    bool
		}{
			"viewer, a member of two organizations": {viewer, w.User, 1, false},
			"viewer, a stranger":                    {viewer, w.Stranger, -1, false},
			"member, a colleague":                   {w.User, w.Admin, -1, false},
			"member, oneself":                       {w.User, w.User, 2, false},
			"admin, a colleague":                    {w.Admin, viewer, 1, true},
			"support, a stranger":                   {storetest.Support(t, w.s), w.Stranger, 1, false},
			"super admin, staff":                    {w.SuperAdmin, w.SuperAdmin, 0, true},
		} {
			details, err := w.m.User(w.as(test.actor), test.target.ID)
			if test.memberships < 0 {
				wantCode(t, what, err, portal.CodeNotFound)
				continue
			}
			wantCode(t, what, err, allowed)
			wantEqual(t, what, []any{len(details.Memberships), details.Manageable == nil}, []any{test.memberships, test.manageable})
		}
	})
}

func TestTheListOfUsersSaysWhatTheyHoldWhereTheActorMaySeeIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		storetest.SaveMembership(t, w.s, portal.Membership{OrganizationID: w.Other.ID, UserID: w.User.ID, Admin: true, AllAccess: true})
		roles := func(actor portal.User, organization int64) map[string][]string {
			t.Helper()
			page := must(w.m.Users(w.as(actor), portal.UserFilter{OrganizationID: organization}))(t)
			found := map[string][]string{}
			for _, row := range page.Rows {
				found[row.Username] = row.Roles
			}
			return found
		}
		wantEqual(t, "for an admin", roles(w.Admin, w.Organization.ID), map[string][]string{
			w.Admin.Username: {"Admin", "All Access"}, w.User.Username: {w.Role.Name},
		})
		wantEqual(t, "for a super admin, of one organization", roles(w.SuperAdmin, w.Organization.ID), map[string][]string{
			w.Admin.Username: {"Admin", "All Access"}, w.User.Username: {w.Role.Name},
		})
		wantEqual(t, "for a super admin", roles(w.SuperAdmin, 0), map[string][]string{
			w.Admin.Username: {"Admin", "All Access"}, w.Stranger.Username: {"Admin", "All Access"},
			w.User.Username: {w.Role.Name, "Admin", "All Access"}, w.SuperAdmin.Username: {"Super admin"},
		})
		for what, organization := range map[string]int64{"another organization": w.Other.ID, "all organizations": 0} {
			_, err := w.m.Users(w.as(w.Admin), portal.UserFilter{OrganizationID: organization})
			wantCode(t, what, err, portal.CodeForbidden)
		}
	})
}

// TestNothingThatIsReadOfAUserHasAPassword holds for whatever is added to a user.
func TestNothingThatIsReadOfAUserHasAPassword(t *testing.T) {
	for _, kind := range []reflect.Type{reflect.TypeFor[portal.User](), reflect.TypeFor[manage.UserDetails](), reflect.TypeFor[manage.UserRow](), reflect.TypeFor[manage.UserEdit](), reflect.TypeFor[manage.NewUser]()} {
		for i := range kind.NumField() {
			field := kind.Field(i)
			if name := strings.ToLower(field.Name); field.Type.Kind() != reflect.Bool && (strings.Contains(name, "password") || strings.Contains(name, "hash")) {
				t.Errorf("%s has %s", kind, field.Name)
			}
		}
	}
}

func TestAnAccountThatReachesMoreIsNotManaged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.holder([]portal.Authority{portal.UserManagement}, w.Billing)
		richer, all := storetest.User(t, w.s), storetest.User(t, w.s)
		storetest.Member(t, w.s, w.Organization, richer, storetest.Role(t, w.s, w.Organization, nil, w.Billing, w.Revenue))
		storetest.SaveMembership(t, w.s, portal.Membership{OrganizationID: w.Organization.ID, UserID: all.ID, AllAccess: true})
		for what, user := range map[string]portal.User{"more API sets": richer, "All Access": all} {
			_, err := w.m.SendPasswordLink(w.as(manager), user.ID)
			wantCode(t, what, err, portal.CodeForbidden)
		}
		equal := storetest.User(t, w.s)
		storetest.Member(t, w.s, w.Organization, equal, storetest.Role(t, w.s, w.Organization, nil, w.Billing))
		_, err := w.m.SendPasswordLink(w.as(manager), equal.ID)
		mustDo(t, err)
	})
}
