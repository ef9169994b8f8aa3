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

func (w *world) newGroup(edit ...func(*manage.GroupInput)) manage.GroupInput {
	in := manage.GroupInput{OrganizationID: w.Organization.ID, Name: "Accounting", Description: "Those who count."}
	for _, edit := range edit {
		edit(&in)
	}
	return in
}

// group makes a group of the organization's as the super admin.
func (w *world) group(members []portal.User, roles ...portal.Role) portal.Group {
	w.t.Helper()
	name := fmt.Sprintf("Group %d", len(must(w.s.Groups(w.t.Context(), w.Organization.ID))(w.t))+1)
	in := manage.GroupInput{OrganizationID: w.Organization.ID, Name: name, RoleIDs: ids(roles...), MemberIDs: userIDs(members...)}
	return must(w.m.CreateGroup(w.as(w.SuperAdmin), in))(w.t)
}

// groupOf gives the form that edits a group, as it is opened now.
func (w *world) groupOf(id int64) manage.GroupInput {
	w.t.Helper()
	group := must(w.s.Group(w.t.Context(), id))(w.t)
	return manage.GroupInput{ID: id, Version: group.Version, Name: group.Name, Description: group.Description,
		RoleIDs: ids(group.Roles...), MemberIDs: userIDs(w.membersOf(id)...)}
}

func (w *world) membersOf(group int64) []portal.User {
	w.t.Helper()
	return must(w.s.GroupMembers(w.t.Context(), group))(w.t)
}

func userIDs(users ...portal.User) []int64 {
	var ids []int64
	for _, user := range users {
		ids = append(ids, user.ID)
	}
	return ids
}

func groupIDs(m portal.Membership) []int64 {
	var ids []int64
	for _, group := range m.Groups {
		ids = append(ids, group.ID)
	}
	return ids
}

func TestAGroupIsMadeOfRolesAndMembers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := must(w.m.CreateGroup(w.as(w.Admin), w.newGroup(func(in *manage.GroupInput) {
			in.RoleIDs, in.MemberIDs = ids(w.Role, w.Role), userIDs(w.User, w.Admin, w.User)
		})))(t)
		wantEqual(t, "group", []any{made.OrganizationID, made.Name, made.Description, made.Members, ids(made.Roles...)},
			[]any{w.Organization.ID, "Accounting", "Those who count.", 2, ids(w.Role)})
		details := must(w.m.Group(w.as(w.Admin), made.ID))(t)
		wantEqual(t, "members", userIDs(details.Members...), userIDs(w.User, w.Admin))
		wantEqual(t, "the member's groups", groupIDs(w.membership(w.User)), []int64{made.ID})
		lines := must(w.m.Revisions(w.as(w.User), portal.RevisionFilter{UserID: w.User.ID}))(t).Rows
		wantEqual(t, "what the member's history says", lines[0].Changes, []portal.ValueChange{{Name: "Groups", After: "Accounting"}})
	})
}

func TestGroupsAreSeenByWhoSeesOrManagesTheUsersThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		group := w.group([]portal.User{w.User}, w.Role)
		for what, test := range map[string]struct {
			actor     portal.User
			list, one portal.Code
		}{
			"who may View Users":   {w.holder([]portal.Authority{portal.ViewUsers}), allowed, allowed},
			"who may Manage Users": {w.holder([]portal.Authority{portal.ManageUsers}), allowed, allowed},
			"support":              {storetest.Support(t, w.s), allowed, allowed},
			"a member of it":       {w.User, portal.CodeForbidden, portal.CodeForbidden},
			"a stranger":           {w.Stranger, portal.CodeForbidden, portal.CodeNotFound},
		} {
			_, err := w.m.Groups(w.as(test.actor), w.Organization.ID)
			wantCode(t, what+", the list", err, test.list)
			_, err = w.m.Group(w.as(test.actor), group.ID)
			wantCode(t, what+", one", err, test.one)
		}
		_, err := w.m.Group(w.as(w.SuperAdmin), 4711)
		wantCode(t, "none", err, portal.CodeNotFound)
	})
}

func TestGroupsAreChangedByWhoManagesUsersThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			actor        portal.User
			create, edit portal.Code
		}{
			"who may Manage Users": {w.holder([]portal.Authority{portal.ManageUsers}), allowed, allowed},
			"who may View Users":   {w.holder([]portal.Authority{portal.ViewUsers}), portal.CodeForbidden, portal.CodeForbidden},
			"support":              {storetest.Support(t, w.s), portal.CodeForbidden, portal.CodeForbidden},
			"a member":             {w.User, portal.CodeForbidden, portal.CodeForbidden},
			"a stranger":           {w.Stranger, portal.CodeForbidden, portal.CodeNotFound},
		} {
			_, err := w.m.CreateGroup(w.as(test.actor), w.newGroup(func(in *manage.GroupInput) { in.Name = what }))
			wantCode(t, "create: "+what, err, test.create)
			_, _, err = w.m.GroupCandidates(w.as(test.actor), w.Organization.ID, nil, "")
			wantCode(t, "choose members: "+what, err, test.create)
			in := w.groupOf(w.group(nil).ID)
			in.Description = "Edited."
			wantCode(t, "edit: "+what, w.m.UpdateGroup(w.as(test.actor), in), test.edit)
			wantCode(t, "delete: "+what, w.m.DeleteGroup(w.as(test.actor), in.ID, w.groupOf(in.ID).Version, in.Name), test.edit)
		}
	})
}

func TestNobodyGivesOrTakesByAGroupWhatTheyDoNotHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		within := storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ManageUsers}, w.Billing)
		sets := storetest.Role(t, w.s, w.Organization, nil, w.Dunning)
		authorities := storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ViewHistory})
		manager := w.holder([]portal.Authority{portal.UserManagement}, w.Billing)
		colleague := w.holder(nil)
		for what, test := range map[string]struct {
			roles   []portal.Role
			members []portal.User
			edit    func(*manage.GroupInput)
			want    portal.Code
		}{
			"a role within":                       {nil, []portal.User{colleague}, func(in *manage.GroupInput) { in.RoleIDs = ids(within) }, allowed},
			"an API set beyond":                   {nil, nil, func(in *manage.GroupInput) { in.RoleIDs = ids(within, sets) }, portal.CodeForbidden},
			"an authority beyond":                 {nil, nil, func(in *manage.GroupInput) { in.RoleIDs = ids(authorities) }, portal.CodeForbidden},
			"taking an API set beyond":            {[]portal.Role{sets}, nil, func(in *manage.GroupInput) { in.RoleIDs = nil }, portal.CodeForbidden},
			"taking an authority beyond":          {[]portal.Role{authorities}, nil, func(in *manage.GroupInput) { in.RoleIDs = nil }, portal.CodeForbidden},
			"oneself, to roles within":            {[]portal.Role{within}, nil, func(in *manage.GroupInput) { in.MemberIDs = userIDs(manager) }, allowed},
			"oneself, to an API set beyond":       {[]portal.Role{within, sets}, nil, func(in *manage.GroupInput) { in.MemberIDs = userIDs(manager) }, portal.CodeForbidden},
			"oneself, to an authority beyond":     {[]portal.Role{authorities}, nil, func(in *manage.GroupInput) { in.MemberIDs = userIDs(manager) }, portal.CodeForbidden},
			"another one, to an authority beyond": {[]portal.Role{authorities}, nil, func(in *manage.GroupInput) { in.MemberIDs = userIDs(colleague) }, portal.CodeForbidden},
			"taking one out of it":                {[]portal.Role{authorities}, []portal.User{colleague}, func(in *manage.GroupInput) { in.MemberIDs = nil }, portal.CodeForbidden},
			"a name, of roles beyond":             {[]portal.Role{authorities, sets}, []portal.User{colleague}, func(in *manage.GroupInput) { in.Name = "Renamed" }, allowed},
		} {
			group := w.group(test.members, test.roles...)
			before := w.groupOf(group.ID)
			in := before
			test.edit(&in)
			wantCode(t, what, w.m.UpdateGroup(w.as(manager), in), test.want)
			if test.want != allowed {
				wantEqual(t, what, w.groupOf(group.ID), before)
				in.ID, in.Name, in.OrganizationID = 0, what, w.Organization.ID
				if len(in.RoleIDs) > 0 {
					_, err := w.m.CreateGroup(w.as(manager), in)
					wantCode(t, "a new one: "+what, err, test.want)
				}
			}
		}
	})
}

func TestAMembershipGivesNoGroupWhoseRolesTheActorDoesNotHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager, colleague := w.holder([]portal.Authority{portal.UserManagement}, w.Billing), w.holder(nil)
		within := w.group(nil, storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ViewUsers}, w.Billing))
		beyond := w.group(nil, storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ViewHistory}))
		theirs := must(w.m.CreateGroup(w.in(w.Other, w.SuperAdmin), manage.GroupInput{OrganizationID: w.Other.ID, Name: "Theirs"}))(t)
		for what, test := range map[string]struct {
			actor, target portal.User
			group         int64
			want          portal.Code
		}{
			"beyond, oneself":                 {manager, manager, beyond.ID, portal.CodeForbidden},
			"beyond, another one":             {manager, colleague, beyond.ID, portal.CodeForbidden},
			"within":                          {manager, colleague, within.ID, allowed},
			"of another organization":         {w.Admin, colleague, theirs.ID, portal.CodeInvalid},
			"of another, by the super admin":  {w.SuperAdmin, colleague, theirs.ID, portal.CodeInvalid},
			"none":                            {w.Admin, colleague, 4711, portal.CodeInvalid},
			"by an admin with All Access":     {w.Admin, w.User, beyond.ID, allowed},
			"to a new user, beyond":           {manager, portal.User{}, beyond.ID, portal.CodeForbidden},
			"to a new user, within":           {manager, portal.User{}, within.ID, allowed},
			"to a new user, another's":        {w.Admin, portal.User{}, theirs.ID, portal.CodeInvalid},
			"to a new user, by a super admin": {w.SuperAdmin, portal.User{}, beyond.ID, allowed},
		} {
			var err error
			if test.target.ID == 0 {
				_, err = w.m.CreateUser(w.as(test.actor), w.newUser(func(in *manage.NewUser) {
					in.Username, in.GroupIDs = strings.NewReplacer(" ", ".", ",", "", "'", "").Replace(what), []int64{test.group}
				}))
			} else {
				in := w.membershipOf(test.target)
				in.GroupIDs = []int64{test.group}
				err = w.m.SetMembership(w.as(test.actor), in)
			}
			wantCode(t, what, err, test.want)
		}
		w.set(colleague, func(in *manage.MembershipInput) { in.GroupIDs = []int64{beyond.ID} })
		before := w.membership(colleague)
		for how, take := range map[string]func(*manage.MembershipInput){
			"taken out": func(in *manage.MembershipInput) { in.GroupIDs = nil },
			"ended":     func(in *manage.MembershipInput) { in.Member = false },
		} {
			in := w.membershipOf(colleague)
			take(&in)
			wantCode(t, how, w.m.SetMembership(w.as(manager), in), portal.CodeForbidden)
			wantEqual(t, how, w.membership(colleague), before)
		}
	})
}

func TestStaffAreMovedByWhoManagesStaff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		staff := storetest.Support(t, w.s)
		storetest.Member(t, w.s, w.Organization, staff)
		in := w.groupOf(w.group(nil).ID)
		in.MemberIDs = userIDs(staff)
		wantCode(t, "put in by an admin", w.m.UpdateGroup(w.as(w.Admin), in), portal.CodeForbidden)
		offered, _, err := w.m.GroupCandidates(w.as(w.Admin), w.Organization.ID, nil, "")
		if err != nil || slices.Contains(offered, w.user(staff.ID)) {
			t.Errorf("staff are offered: %v, %v", offered, err)
		}
		mustDo(t, w.m.UpdateGroup(w.as(w.SuperAdmin), in))
		in = w.groupOf(in.ID)
		in.MemberIDs = nil
		wantCode(t, "taken out by an admin", w.m.UpdateGroup(w.as(w.Admin), in), portal.CodeForbidden)
		wantCode(t, "deleted by an admin", w.m.DeleteGroup(w.as(w.Admin), in.ID, in.Version, in.Name), portal.CodeForbidden)
		mustDo(t, w.m.DeleteGroup(w.as(w.SuperAdmin), in.ID, in.Version, in.Name))
	})
}

func TestAGroupWithMembersIsDeletedByWhoHoldsWhatItGives(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.userManager()
		empty, full := w.group(nil, w.Role), w.group([]portal.User{w.User}, w.Role)
		mustDo(t, w.m.DeleteGroup(w.as(manager), empty.ID, empty.Version, empty.Name))
		wantCode(t, "with a member", w.m.DeleteGroup(w.as(manager), full.ID, full.Version, full.Name), portal.CodeForbidden)
		wantFields(t, "another name", w.m.DeleteGroup(w.as(w.Admin), full.ID, full.Version, "Other"), "confirm")
		wantCode(t, "a stale form", w.m.DeleteGroup(w.as(w.Admin), full.ID, full.Version-1, full.Name), portal.CodeConflict)
		mustDo(t, w.m.DeleteGroup(w.as(w.Admin), full.ID, full.Version, full.Name))
		_, err := w.m.Group(w.as(w.Admin), full.ID)
		wantCode(t, "afterwards", err, portal.CodeNotFound)
		wantEqual(t, "groups of the member", groupIDs(w.membership(w.User)), nil)
	})
}

func TestWhatIsWrongWithAGroupIsNamedByField(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		group := w.group(nil)
		must(w.m.CreateGroup(w.as(w.Admin), w.newGroup(func(in *manage.GroupInput) { in.Name = "Taken" })))(t)
		must(w.m.CreateGroup(w.in(w.Other, w.Stranger), manage.GroupInput{OrganizationID: w.Other.ID, Name: "Free here"}))(t)
		theirs := storetest.Role(t, w.s, w.Other, nil)
		left := storetest.User(t, w.s)
		storetest.SaveMembership(t, w.s, portal.Membership{OrganizationID: w.Organization.ID, UserID: left.ID, EndedAt: w.clock.Now()})
		for what, test := range map[string]struct {
			edit   func(*manage.GroupInput)
			fields []string
		}{
			"no name":                {func(in *manage.GroupInput) { in.Name = " " }, []string{"name"}},
			"10 kB of description":   {func(in *manage.GroupInput) { in.Description = strings.Repeat("a", 10240) }, []string{"description"}},
			"taken":                  {func(in *manage.GroupInput) { in.Name = " TAKEN" }, []string{"name"}},
			"another's role":         {func(in *manage.GroupInput) { in.RoleIDs = ids(theirs) }, []string{"role"}},
			"another's user":         {func(in *manage.GroupInput) { in.MemberIDs = userIDs(w.User, w.Stranger) }, []string{"member"}},
			"who has left, no role":  {func(in *manage.GroupInput) { in.MemberIDs, in.RoleIDs = userIDs(left), []int64{4711} }, []string{"member", "role"}},
			"another's name is free": {func(in *manage.GroupInput) { in.Name = "Free here" }, nil},
		} {
			in := w.newGroup(test.edit)
			if test.fields != nil {
				_, err := w.m.CreateGroup(w.as(w.Admin), in)
				wantFields(t, "create: "+what, err, test.fields...)
			}
			in.ID, in.Version = group.ID, w.groupOf(group.ID).Version
			wantFields(t, "edit: "+what, w.m.UpdateGroup(w.as(w.Admin), in), test.fields...)
		}
	})
}

func TestAGroupFormThatIsSentTwiceMakesOneGroup(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.newGroup(func(in *manage.GroupInput) {
			in.Submission, in.RoleIDs, in.MemberIDs = manage.Submission{Token: "form"}, ids(w.Role), userIDs(w.User)
		})
		var made [10]int64
		outcomes := atOnce(len(made), func(i int) error {
			group, err := w.m.CreateGroup(w.as(w.Admin), in)
			made[i] = group.ID
			return err
		})
		wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: len(made)})
		for _, id := range made {
			wantEqual(t, "made at once", id, made[0])
		}
		wantEqual(t, "groups", len(must(w.m.Groups(w.as(w.Admin), w.Organization.ID))(t)), 1)
		in.Submission = manage.Submission{Token: "another"}
		_, err := w.m.CreateGroup(w.as(w.Admin), in)
		wantFields(t, "another form of the name", err, "name")
	})
}

func TestAStaleFormTakesNobodyOutOfAGroupNorPutsThemBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		group := w.group(nil, w.Role)
		groupForm, membershipForm := w.groupOf(group.ID), w.membershipOf(w.User)
		w.set(w.User, func(in *manage.MembershipInput) { in.GroupIDs = []int64{group.ID} })
		groupForm.Description = "Edited."
		wantCode(t, "the group's form from before", w.m.UpdateGroup(w.as(w.Admin), groupForm), portal.CodeConflict)
		wantEqual(t, "members", userIDs(w.membersOf(group.ID)...), userIDs(w.User))

		membershipForm = w.membershipOf(w.User)
		in := w.groupOf(group.ID)
		in.MemberIDs = nil
		mustDo(t, w.m.UpdateGroup(w.as(w.Admin), in))
		membershipForm.AllAccess = true
		wantCode(t, "the membership's form from before", w.m.SetMembership(w.as(w.Admin), membershipForm), portal.CodeConflict)
		wantEqual(t, "members", len(w.membersOf(group.ID)), 0)
	})
}

func TestWhoLeavesTheOrganizationIsInNoGroupAnyMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		group := w.group([]portal.User{w.User}, w.Role)
		lines := w.lines(func() { w.set(w.User, func(in *manage.MembershipInput) { in.Member = false }) })
		if !slices.Contains(lines[0].Changes, portal.ValueChange{Name: "Groups", Before: group.Name}) {
			t.Errorf("the history does not tell it: %+v", lines)
		}
		wantEqual(t, "members", len(w.membersOf(group.ID)), 0)
		w.set(w.User, func(in *manage.MembershipInput) { in.Member = true })
		wantEqual(t, "groups when taken back", groupIDs(w.membership(w.User)), nil)
	})
}

func TestAGroupDecidesWhatItsMembersKeysReachAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(w.User, func(in *manage.MembershipInput) { in.RoleIDs = nil })
		role := storetest.Role(t, w.s, w.Organization, nil, w.Billing, w.Revenue)
		group := w.group(nil, role)
		change := func(edit func(*manage.GroupInput)) func() {
			return func() {
				in := w.groupOf(group.ID)
				edit(&in)
				mustDo(t, w.m.UpdateGroup(w.as(w.Admin), in))
			}
		}
		for _, step := range []struct {
			what string
			do   func()
			want []string
		}{
			{"outside", func() {}, nil},
			{"put in", change(func(in *manage.GroupInput) { in.MemberIDs = userIDs(w.User) }), []string{"billing", "revenue-management"}},
			{"without the role", change(func(in *manage.GroupInput) { in.RoleIDs = nil }), nil},
			{"with another role", change(func(in *manage.GroupInput) { in.RoleIDs = ids(w.Role) }), []string{"billing"}},
			{"taken out", change(func(in *manage.GroupInput) { in.MemberIDs = nil }), nil},
			{"put in by the membership", func() { w.set(w.User, func(in *manage.MembershipInput) { in.GroupIDs = []int64{group.ID} }) }, []string{"billing"}},
			{"when the role is deleted", func() {
				mustDo(t, w.m.DeleteRole(w.as(w.Admin), w.Role.ID, w.Role.Version, w.Role.Name))
				wantEqual(t, "roles of the group", must(w.m.Group(w.as(w.Admin), group.ID))(t).Roles, nil)
			}, nil},
			{"with the first role again", change(func(in *manage.GroupInput) { in.RoleIDs = ids(role) }), []string{"billing", "revenue-management"}},
			{"when the group is deleted", func() {
				mustDo(t, w.m.DeleteGroup(w.as(w.Admin), group.ID, w.groupOf(group.ID).Version, group.Name))
			}, nil},
		} {
			step.do()
			wantEqual(t, step.what, w.subject(w.Secret).APISets, step.want)
		}
	})
}

func TestTheListOfUsersNamesTheirGroupsAmongTheirRoles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		group := w.group([]portal.User{w.User}, w.Role)
		page := must(w.m.Users(w.as(w.Admin), portal.UserFilter{OrganizationID: w.Organization.ID, List: portal.List{Search: w.User.Username}}))(t)
		wantEqual(t, "roles", page.Rows[0].Roles, []string{w.Role.Name, group.Name})
	})
}

func TestOfManyUsersTheFirstAndTheWantedOnesAreOfferedForAGroup(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range portal.PageSize {
			user := storetest.User(t, w.s, func(u *portal.User) { u.Username, u.FirstName = fmt.Sprintf("crowd%02d", i), "Crowd" })
			storetest.Member(t, w.s, w.Organization, user)
		}
		offered := func(search string, wanted ...portal.User) (names []string, more bool) {
			users, more, err := w.m.GroupCandidates(w.as(w.Admin), w.Organization.ID, userIDs(wanted...), search)
			for _, user := range users {
				names = append(names, user.Username)
			}
			mustDo(t, err)
			return names, more
		}
		names, more := offered("")
		wantEqual(t, "without a search", []any{len(names), names[0], more}, []any{portal.PageSize, "crowd00", true})
		names, more = offered("crowd07", w.User, w.Stranger)
		wantEqual(t, "with one", names, []string{"crowd07", w.User.Username})
		wantEqual(t, "more", more, false)
	})
}
