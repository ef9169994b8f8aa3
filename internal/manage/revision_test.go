package manage_test

import (
	"strings"
	"testing"

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
		made := must(w.m.CreateKey(w.as(user), w.newKey(func(in *manage.NewKey) { in.Submission = "form" })))(t)
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
