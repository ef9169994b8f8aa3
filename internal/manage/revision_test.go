package manage_test

import (
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// keyHistory narrows the history to one key.
func keyHistory(id int64) portal.RevisionFilter {
	return portal.RevisionFilter{Noun: portal.NounKey, NounID: id}
}

func TestTheHistoryOfAUserIsReadByWhoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		storetest.Member(t, w.s, w.Other, w.User)
		w.set(w.User, func(in *manage.MembershipInput) { in.AllAccess = true })
		mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), w.User.ID, manage.LockUser))
		elsewhere := must(w.s.Membership(t.Context(), w.Other.ID, w.User.ID))(t)
		mustDo(t, w.m.SetMembership(w.as(w.SuperAdmin), manage.MembershipInput{UserID: w.User.ID, OrganizationID: w.Other.ID, Version: elsewhere.Version, Member: true, AllAccess: true}))
		all, here := 3, 2
		for what, test := range map[string]struct {
			actor portal.User
			want  int // -1: forbidden, -2: not found
		}{
			"oneself":                            {w.User, all},
			"a super admin":                      {w.SuperAdmin, all},
			"support":                            {storetest.Support(t, w.s), all},
			"an admin":                           {w.Admin, here},
			"who sees users and the history":     {w.holder([]portal.Authority{portal.ViewUsers, portal.ViewHistory}), here},
			"who sees users and not the history": {w.holder([]portal.Authority{portal.ViewUsers}), -1},
			"who sees the history and not users": {w.holder([]portal.Authority{portal.ViewHistory}), -2},
		} {
			lines, err := w.m.Revisions(w.as(test.actor), portal.RevisionFilter{UserID: w.User.ID})
			switch test.want {
			case -1:
				wantCode(t, what, err, portal.CodeForbidden)
			case -2:
				wantCode(t, what, err, portal.CodeNotFound)
			default:
				wantCode(t, what, err, allowed)
				wantEqual(t, what, len(lines.Rows), test.want)
			}
		}
	})
}

func TestTheHistoryOfAKeyIsItsOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mustDo(t, w.m.DisableKey(w.as(w.Admin), w.Key.ID))
		must(w.m.CreateKey(w.as(w.User), w.newKey()))(t)
		mustDo(t, w.m.RevokeKey(w.as(w.User), w.Key.ID, w.Key.Name))
		var told []string
		for _, line := range must(w.m.Revisions(w.as(w.User), keyHistory(w.Key.ID)))(t).Rows {
			told = append(told, line.ActorName+" "+line.Action)
		}
		wantEqual(t, "history", told, []string{w.User.Name() + " revoked", w.Admin.Name() + " disabled"})
	})
}

func TestNoCredentialIsInTheDatabaseInClear(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		user := w.withPassword(w.User)
		credentials := []string{w.Secret.Reveal(), w.signIn(user), w.link(w.Admin)}
		made := must(w.m.CreateKey(w.as(user), w.newKey(func(in *manage.NewKey) { in.Submission = manage.Submission{Token: "form"} })))(t)
		renewed := must(w.m.ChangePassword(w.as(user), w.session(w.signIn(user)), password, newPassword))(t)
		used := w.link(user)
		must(w.m.SetPassword(t.Context(), used, "yet another battery"))(t)
		mustDo(t, w.m.UpdateKey(w.as(user), w.keyOf(made.ID)))
		mustDo(t, w.m.RevokeKey(w.as(user), made.ID, made.Name))
		for _, credential := range append(credentials, made.Secret.Reveal(), renewed.Reveal(), used) {
			w.wantNowhere(credential)
		}
		for _, row := range w.dump() {
			if strings.Contains(row, password) || strings.Contains(row, newPassword) || strings.Contains(row, "yet another battery") {
				t.Errorf("a password is in the database: %s", row)
			}
		}
	})
}

func TestTheChainIsVerifiedByTheProgramAndByWhoMayEverything(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		head := must(w.m.VerifyChain(w.program()))(t)
		if head.Revision == 0 {
			t.Error("the history has no lines")
		}
		for what, got := range map[string]portal.Head{
			"verified by a super admin": must(w.m.VerifyChain(w.as(w.SuperAdmin), head))(t), "the program's": must(w.m.Head(w.program()))(t), "a super admin's": must(w.m.Head(w.as(w.SuperAdmin)))(t),
		} {
			wantEqual(t, what, got, head)
		}
		for what, actor := range map[string]portal.User{"support": storetest.Support(t, w.s), "admin": w.Admin} {
			wantCode(t, what+" verifies", second(w.m.VerifyChain(w.as(actor))), portal.CodeForbidden)
			wantCode(t, what+" asks for the head", second(w.m.Head(w.as(actor))), portal.CodeForbidden)
		}
	})
}

func TestEachPartOfTheHistoryIsReadByWhoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.prepare()
		here, there := []int64{w.Organization.ID}, []int64{w.Other.ID}
		otherLicense := storetest.License(t, w.s, w.Other)
		no, unseen := portal.CodeForbidden, portal.CodeNotFound
		reader := w.holder([]portal.Authority{portal.ViewHistory})
		licensee := w.holder([]portal.Authority{portal.ViewLicenses})
		both := w.holder([]portal.Authority{portal.ViewHistory, portal.ViewLicenses})
		of := func(noun portal.Noun, id int64) portal.RevisionFilter {
			return portal.RevisionFilter{Noun: noun, NounID: id}
		}
		for what, test := range map[string]struct {
			filter portal.RevisionFilter
			codes  map[string]portal.Code // admin, user, reader, licensee, both, stranger, support, super
		}{
			"the organization":                {portal.RevisionFilter{Organizations: here}, map[string]portal.Code{"licensee": no, "stranger": unseen}},
			"another":                         {portal.RevisionFilter{Organizations: there}, map[string]portal.Code{"admin": unseen, "user": unseen, "reader": unseen, "licensee": unseen, "both": unseen}},
			"both":                            {portal.RevisionFilter{Organizations: append(there, here...)}, map[string]portal.Code{"admin": unseen, "user": unseen, "reader": unseen, "licensee": unseen, "both": unseen, "stranger": unseen}},
			"all":                             {portal.RevisionFilter{}, map[string]portal.Code{"admin": no, "user": no, "reader": no, "licensee": no, "both": no, "stranger": no}},
			"the installation":                {portal.RevisionFilter{Organizations: []int64{0}}, map[string]portal.Code{"admin": no, "user": no, "reader": no, "licensee": no, "both": no, "stranger": no}},
			"who, everywhere":                 {portal.RevisionFilter{Actor: w.Admin.Username}, map[string]portal.Code{"admin": no, "user": no, "reader": no, "licensee": no, "both": no, "stranger": no}},
			"a role, without an organization": {of(portal.NounRole, w.Role.ID), map[string]portal.Code{"admin": no, "user": no, "reader": no, "licensee": no, "both": no, "stranger": no}},
			"a key":                           {keyHistory(w.Key.ID), map[string]portal.Code{"reader": no, "licensee": no, "both": no, "stranger": unseen}},
			"an unknown key":                  {keyHistory(4711), map[string]portal.Code{"admin": unseen, "user": unseen, "reader": unseen, "licensee": unseen, "both": unseen, "stranger": unseen, "support": unseen, "super": unseen}},
			"a license":                       {of(portal.NounLicense, w.License.ID), map[string]portal.Code{"user": no, "reader": no, "licensee": no, "stranger": unseen}},
			"another's license":               {of(portal.NounLicense, otherLicense.ID), map[string]portal.Code{"admin": unseen, "user": unseen, "reader": unseen, "licensee": unseen, "both": unseen}},
			"a request":                       {of(portal.NounRequest, w.prepared.approve.ID), map[string]portal.Code{"user": unseen, "reader": unseen, "licensee": unseen, "both": unseen, "stranger": unseen}},
			"oneself elsewhere":               {portal.RevisionFilter{UserID: w.User.ID, Organizations: there}, map[string]portal.Code{"admin": no, "reader": unseen, "licensee": unseen, "both": unseen, "stranger": unseen}},
			"oneself, and the installation":   {portal.RevisionFilter{UserID: w.User.ID, Organizations: []int64{0}}, map[string]portal.Code{"reader": unseen, "licensee": unseen, "both": unseen, "stranger": unseen}},
		} {
			for who, actor := range map[string]portal.User{
				"admin": w.Admin, "user": w.User, "reader": reader, "licensee": licensee, "both": both, "stranger": w.Stranger, "support": w.prepared.support, "super": w.SuperAdmin,
			} {
				ctx := w.as(actor)
				if who == "stranger" {
					ctx = w.in(w.Other, actor)
				}
				_, err := w.m.Revisions(ctx, test.filter)
				wantCode(t, what+" for "+who, err, test.codes[who])
			}
		}
		wantCode(t, "a user, where one works nowhere", second(w.m.Revisions(w.in(portal.Organization{}, w.Admin), portal.RevisionFilter{UserID: w.User.ID, Organizations: []int64{0}})), no)
	})
}

func TestNoFilterWidensWhatOneSees(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		storetest.Member(t, w.s, w.Other, w.User)
		for _, organization := range []portal.Organization{w.Organization, w.Other} {
			in := must(w.s.Membership(t.Context(), organization.ID, w.User.ID))(t)
			mustDo(t, w.m.SetMembership(w.as(w.SuperAdmin), manage.MembershipInput{UserID: w.User.ID, OrganizationID: organization.ID, Version: in.Version, Member: true, AllAccess: true}))
		}
		mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), w.User.ID, manage.LockUser))
		for what, filter := range map[string]portal.RevisionFilter{
			"about a user":             {UserID: w.User.ID},
			"by a super admin":         {UserID: w.User.ID, Actor: w.SuperAdmin.Username},
			"memberships":              {UserID: w.User.ID, Noun: portal.NounMembership},
			"here":                     {UserID: w.User.ID, Organizations: []int64{w.Organization.ID}},
			"the account":              {UserID: w.User.ID, Noun: portal.NounUser, NounID: w.User.ID},
			"in time":                  {UserID: w.User.ID, Since: w.clock.Now().Add(-time.Hour)},
			"the organization's":       {Organizations: []int64{w.Organization.ID}},
			"what somebody did to it":  {Organizations: []int64{w.Organization.ID}, Actor: w.SuperAdmin.Username},
			"the organization's, user": {Organizations: []int64{w.Organization.ID}, Noun: portal.NounMembership, NounID: w.Membership.ID},
		} {
			found := must(w.m.Revisions(w.as(w.Admin), filter))(t)
			if len(found.Rows) == 0 {
				t.Errorf("%s: nothing is found", what)
			}
			for _, line := range found.Rows {
				if line.OrganizationID == w.Other.ID {
					t.Errorf("%s: the admin of one client reads of another: %s", what, told(line))
				}
			}
		}
	})
}

// What comes in through a key is its mapped user's doing, and tells the key.
func TestWhatComesInThroughAKeyIsUnderItsUsersName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		actor := portal.ActorFrom(w.as(w.Admin))
		actor.KeyID, actor.KeyName = w.Key.ID, w.Key.Name
		mustDo(t, w.m.DisableKey(portal.WithActor(t.Context(), actor), w.Key.ID))
		through := must(w.m.Revisions(w.as(w.Admin), portal.RevisionFilter{Organizations: []int64{w.Organization.ID}, KeyID: w.Key.ID}))(t).Rows
		wantEqual(t, "lines", len(through), 1)
		wantEqual(t, "who", []any{through[0].ActorID, through[0].ActorName, through[0].KeyName, through[0].Action}, []any{w.Admin.ID, w.Admin.Name(), w.Key.Name, "disabled"})
	})
}
