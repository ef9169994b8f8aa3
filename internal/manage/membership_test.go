package manage_test

import (
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// membershipOf gives the form that changes a user's membership, as it is opened
// now.
func (w *world) membershipOf(user portal.User) manage.MembershipInput {
	w.t.Helper()
	in := manage.MembershipInput{UserID: user.ID, OrganizationID: w.Organization.ID, Member: true}
	if m, err := w.s.Membership(w.t.Context(), w.Organization.ID, user.ID); err == nil {
		in.Version, in.Member, in.Admin, in.AllAccess, in.RoleIDs, in.GroupIDs = m.Version, m.Active(), m.Admin, m.AllAccess, roleIDs(m), groupIDs(m)
	}
	return in
}

// set changes a user's membership as the super admin.
func (w *world) set(user portal.User, change func(*manage.MembershipInput)) {
	w.t.Helper()
	in := w.membershipOf(user)
	change(&in)
	mustDo(w.t, w.m.SetMembership(w.as(w.SuperAdmin), in))
}

func TestNobodyGivesInAMembershipWhatTheyDoNotHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		plain := storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ManageUsers}, w.Billing)
		sets := storetest.Role(t, w.s, w.Organization, nil, w.Billing, w.Dunning)
		authorities := storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ViewUsers, portal.ViewHistory})
		manager := w.holder([]portal.Authority{portal.UserManagement}, w.Billing)
		colleague := w.holder(nil)
		for what, test := range map[string]struct {
			actor portal.User
			edit  func(*manage.MembershipInput)
			want  portal.Code
		}{
			"Admin flag":             {manager, func(in *manage.MembershipInput) { in.Admin = true }, portal.CodeForbidden},
			"All Access":             {manager, func(in *manage.MembershipInput) { in.AllAccess = true }, portal.CodeForbidden},
			"API set beyond":         {manager, func(in *manage.MembershipInput) { in.RoleIDs = ids(sets) }, portal.CodeForbidden},
			"authority beyond":       {manager, func(in *manage.MembershipInput) { in.RoleIDs = ids(authorities) }, portal.CodeForbidden},
			"one role of two beyond": {manager, func(in *manage.MembershipInput) { in.RoleIDs = ids(plain, sets) }, portal.CodeForbidden},
			"role within":            {manager, func(in *manage.MembershipInput) { in.RoleIDs = ids(plain) }, allowed},
			"no such role":           {w.Admin, func(in *manage.MembershipInput) { in.RoleIDs = []int64{4711} }, portal.CodeInvalid},
			"member":                 {w.User, func(in *manage.MembershipInput) { in.RoleIDs = ids(plain) }, portal.CodeForbidden},
			"stranger":               {w.Stranger, func(in *manage.MembershipInput) { in.RoleIDs = ids(plain) }, portal.CodeForbidden},
			"support":                {storetest.Support(t, w.s), func(in *manage.MembershipInput) { in.RoleIDs = ids(plain) }, portal.CodeForbidden},
			"everything, by an admin with All Access": {w.Admin, func(in *manage.MembershipInput) {
				in.Admin, in.AllAccess, in.RoleIDs = true, true, ids(plain, sets, authorities)
			}, allowed},
		} {
			w.set(colleague, func(in *manage.MembershipInput) { in.Admin, in.AllAccess, in.RoleIDs = false, false, nil })
			before := w.membership(colleague)
			in := w.membershipOf(colleague)
			test.edit(&in)
			wantCode(t, what, w.m.SetMembership(w.as(test.actor), in), test.want)
			if test.want != allowed {
				wantEqual(t, what, w.membership(colleague), before)
			}
		}
	})
}

func TestNobodyTakesFromAMembershipWhatTheyDoNotHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.userManager()
		sets := storetest.Role(t, w.s, w.Organization, nil, w.Billing)
		for what, give := range map[string]func(*manage.MembershipInput){
			"Admin flag":                     func(in *manage.MembershipInput) { in.Admin = true },
			"All Access":                     func(in *manage.MembershipInput) { in.AllAccess = true },
			"a role with authorities":        func(in *manage.MembershipInput) { in.RoleIDs = ids(w.Role) },
			"a role with API sets":           func(in *manage.MembershipInput) { in.RoleIDs = ids(sets) },
			"what was given before it ended": func(in *manage.MembershipInput) { in.Admin, in.Member = true, false },
		} {
			colleague := w.holder(nil)
			w.set(colleague, give)
			before := w.membership(colleague)
			for how, take := range map[string]func(*manage.MembershipInput){
				"taken away": func(in *manage.MembershipInput) {
					in.Admin, in.AllAccess, in.RoleIDs, in.Member = false, false, nil, true
				},
				"ended": func(in *manage.MembershipInput) {
					in.Admin, in.AllAccess, in.RoleIDs, in.Member = false, false, nil, false
				},
			} {
				in := w.membershipOf(colleague)
				take(&in)
				wantCode(t, what+" "+how, w.m.SetMembership(w.as(manager), in), portal.CodeForbidden)
				wantEqual(t, what+" "+how, w.membership(colleague), before)
			}
		}
	})
}

func TestARoleOfAnotherOrganizationCannotBeGiven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		theirs := storetest.Role(t, w.s, w.Other, nil)
		common := storetest.Role(t, w.s, portal.Organization{}, nil)
		for what, test := range map[string]struct {
			actor portal.User
			role  portal.Role
			want  portal.Code
		}{
			"admin, theirs":       {w.Admin, theirs, portal.CodeInvalid},
			"super admin, theirs": {w.SuperAdmin, theirs, portal.CodeInvalid},
			"admin, common":       {w.Admin, common, allowed},
		} {
			in := w.membershipOf(w.User)
			in.RoleIDs = ids(w.Role, test.role)
			wantCode(t, what, w.m.SetMembership(w.as(test.actor), in), test.want)
			_, err := w.m.CreateUser(w.as(test.actor), w.newUser(func(in *manage.NewUser) {
				in.Username, in.RoleIDs = "user."+test.actor.Username+test.role.Name[5:], ids(test.role)
			}))
			wantCode(t, what+", to a new user", err, test.want)
		}
	})
}

func TestWhoIsNotSeenIsNotMadeAMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		staff := storetest.Support(t, w.s)
		for _, step := range []struct {
			what          string
			actor, target portal.User
			want          portal.Code
		}{
			{"admin, a stranger", w.Admin, w.Stranger, portal.CodeNotFound},
			{"admin, nobody", w.Admin, portal.User{ID: 4711}, portal.CodeNotFound},
			{"super admin, a stranger", w.SuperAdmin, w.Stranger, allowed},
			{"super admin, staff", w.SuperAdmin, staff, allowed},
			{"admin, staff by then", w.Admin, staff, portal.CodeForbidden},
		} {
			in := w.membershipOf(step.target)
			in.RoleIDs = ids(w.Role)
			wantCode(t, step.what, w.m.SetMembership(w.as(step.actor), in), step.want)
		}
	})
}

func TestAnAccountIsAddedByWhoManagesItsUserWhereverTheUserIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			actor     portal.User
			elsewhere bool // whether the user, who was a member once, is in the other organization now
			want      portal.Code
		}{
			"admin, a user of nowhere else":            {w.Admin, false, allowed},
			"admin, a user of another organization":    {w.Admin, true, portal.CodeForbidden},
			"super admin, one of another organization": {w.SuperAdmin, true, allowed},
			"admin of both, one of both":               {w.adminOf(w.Organization, w.Other), true, allowed},
		} {
			user := storetest.User(t, w.s)
			storetest.SaveMembership(t, w.s, portal.Membership{OrganizationID: w.Organization.ID, UserID: user.ID, EndedAt: w.clock.Now()})
			if test.elsewhere {
				storetest.Member(t, w.s, w.Other, user)
			}
			in := w.membershipOf(user)
			in.Member = true
			wantCode(t, what, w.m.SetMembership(w.as(test.actor), in), test.want)
			wantEqual(t, what, w.membership(user).Active(), test.want == allowed)
		}
	})
}

// adminOf adds an admin of several organizations.
func (w *world) adminOf(organizations ...portal.Organization) portal.User {
	w.t.Helper()
	user := storetest.User(w.t, w.s)
	for _, organization := range organizations {
		storetest.SaveMembership(w.t, w.s, portal.Membership{OrganizationID: organization.ID, UserID: user.ID, Admin: true, AllAccess: true})
	}
	return user
}

func TestAMembershipHasAHistoryOfItsBeginningsAndEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := storetest.User(t, w.s)
		for _, step := range []struct {
			change func(*manage.MembershipInput)
			want   []string
		}{
			{func(in *manage.MembershipInput) {}, []string{"membership added the user to " + w.Organization.Name}},
			{func(in *manage.MembershipInput) { in.RoleIDs = ids(w.Role, w.Role) }, []string{"membership edited the membership in " + w.Organization.Name}},
			{func(in *manage.MembershipInput) {}, nil},
			{func(in *manage.MembershipInput) { in.Member = false }, []string{"membership ended the membership in " + w.Organization.Name}},
			{func(in *manage.MembershipInput) { in.Member = false }, nil},
			{func(in *manage.MembershipInput) { in.Member = true }, []string{"membership added the user to " + w.Organization.Name}},
		} {
			wantEqual(t, "history", w.actions(func() { w.set(user, step.change) }), step.want)
		}
		wantEqual(t, "roles in the end", roleIDs(w.membership(user)), ids(w.Role))
	})
}

func TestAMembershipThatIsNotThereCannotEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.membershipOf(w.Stranger)
		in.Member = false
		lines := w.lines(func() { wantCode(t, "ended", w.m.SetMembership(w.as(w.SuperAdmin), in), portal.CodeNotFound) })
		wantEqual(t, "history", len(lines), 0)
		_, err := w.s.Membership(t.Context(), w.Organization.ID, w.Stranger.ID)
		wantCode(t, "membership", err, portal.CodeNotFound)
	})
}

func TestAStaleMembershipFormLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stale := w.membershipOf(w.User)
		w.set(w.User, func(in *manage.MembershipInput) { in.AllAccess = true })
		kept := w.membership(w.User)
		wantCode(t, "a stale form", w.m.SetMembership(w.as(w.Admin), stale), portal.CodeConflict)
		stale.Version = 0
		wantCode(t, "a form from before there was one", w.m.SetMembership(w.as(w.Admin), stale), portal.CodeConflict)
		wantEqual(t, "membership", w.membership(w.User), kept)
	})
}

func TestAMembershipDecidesWhatTheUsersKeysReachAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, step := range []struct {
			what   string
			change func(*manage.MembershipInput)
			member bool
			want   []string
		}{
			{"as it is", func(in *manage.MembershipInput) {}, true, []string{"billing"}},
			{"All Access", func(in *manage.MembershipInput) { in.AllAccess = true }, true, []string{"billing", "revenue-management"}},
			{"without roles", func(in *manage.MembershipInput) { in.AllAccess, in.RoleIDs = false, nil }, true, nil},
			{"Admin flag", func(in *manage.MembershipInput) { in.Admin = true }, true, nil},
			{"role again", func(in *manage.MembershipInput) { in.Admin, in.RoleIDs = false, ids(w.Role) }, true, []string{"billing"}},
			{"ended", func(in *manage.MembershipInput) { in.Member = false }, false, []string{"billing"}},
			{"taken up again", func(in *manage.MembershipInput) { in.Member = true }, true, []string{"billing"}},
		} {
			w.set(w.User, step.change)
			subject := w.subject(w.Secret)
			wantEqual(t, step.what, subject.Member, step.member)
			wantEqual(t, step.what, subject.APISets, step.want)
		}
	})
}

func TestWhoHasJoinedAnotherOrganizationIsNotTakenBackByAnAdmin(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(w.User, func(in *manage.MembershipInput) { in.Member = false })
		storetest.Member(t, w.s, w.Other, w.User)
		back := w.membershipOf(w.User)
		back.Member = true
		wantCode(t, "by the admin", w.m.SetMembership(w.as(w.Admin), back), portal.CodeForbidden)
		mustDo(t, w.m.SetMembership(w.as(w.SuperAdmin), back))
	})
}
