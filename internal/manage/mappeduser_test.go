package manage_test

import (
	"fmt"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/verify"
)

// loss is something by which a user, or the organization, can do less, and what gives
// it back.
type loss struct {
	what string
	take func(w *world, user portal.User) error
	give func(w *world, user portal.User) error
	want verify.Code
}

func act(action manage.UserAction) func(*world, portal.User) error {
	return func(w *world, user portal.User) error { return w.m.ActOnUser(w.as(w.SuperAdmin), user.ID, action) }
}

// member gives a change of a user's membership by an admin.
func member(change func(*world, *manage.MembershipInput)) func(*world, portal.User) error {
	return func(w *world, user portal.User) error {
		in := w.membershipOf(user)
		change(w, &in)
		return w.m.SetMembership(w.as(w.Admin), in)
	}
}

// roleWith gives a change of Role, so that it allows these API sets.
func roleWith(slugs ...string) func(*world, portal.User) error {
	return func(w *world, _ portal.User) error {
		in := w.roleOf(w.Role.ID)
		in.APISets = slugs
		return w.m.UpdateRole(w.as(w.Admin), in)
	}
}

// losses are in the order in which the check tells of them.
var losses = []loss{
	{"the user is disabled", act(manage.DisableUser), act(manage.EnableUser), portal.CheckUserDisabled},
	{"the user has left the organization", member(func(_ *world, in *manage.MembershipInput) { in.Member = false }), member(func(_ *world, in *manage.MembershipInput) { in.Member = true }), portal.CheckUserDisabled},
	{"the user is locked", act(manage.LockUser), act(manage.UnlockUser), portal.CheckUserLocked},
	{"the user's password has expired", act(manage.ExpirePassword), func(w *world, user portal.User) error {
		return second(w.m.SetPassword(w.t.Context(), w.link(user), newPassword))
	}, portal.CheckUserExpired},
	{"the organization is suspended", func(w *world, _ portal.User) error {
		return w.m.SuspendOrganization(w.as(w.SuperAdmin), w.Organization.ID, w.Organization.Name)
	}, func(w *world, _ portal.User) error {
		return w.m.ReactivateOrganization(w.as(w.SuperAdmin), w.Organization.ID)
	}, portal.CheckOrgSuspended},
	{"the API set is retired", func(w *world, _ portal.User) error {
		return w.m.RetireAPISet(w.as(w.SuperAdmin), w.Billing.ID, w.apiSetOf(w.Billing.ID).Version, w.Billing.Name)
	}, func(w *world, _ portal.User) error {
		return w.m.RestoreAPISet(w.as(w.SuperAdmin), w.Billing.ID, w.apiSetOf(w.Billing.ID).Version)
	}, portal.CheckAPISetNotGranted},
	{"the user's role allows it no more", roleWith("dunning"), roleWith("billing", "dunning"), portal.CheckAPISetNotGranted},
	{"the user has the role no more", member(func(_ *world, in *manage.MembershipInput) { in.RoleIDs = nil }), member(func(w *world, in *manage.MembershipInput) { in.RoleIDs = ids(w.Role) }), portal.CheckAPISetNotGranted},
}

func TestWhatTheMappedUserCanNotTheKeyCanNotFromTheNextCheckOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		type credential struct {
			key   portal.Key
			value secret.Value
		}
		of := map[string]credential{}
		for kind, made := range w.bothKinds() {
			of["a "+kind] = credential{made.Key, made.Secret}
		}
		in := w.clientOf(w.User)
		in.APISets = []string{"billing"}
		client := must(w.m.CreateKey(w.as(w.Admin), in))(t)
		of["an access token"] = credential{client.Key, w.accessToken(client)}
		want := func(what string, code verify.Code) {
			t.Helper()
			for kind, one := range of {
				w.wantChecked(kind+", "+what, one.key, one.value, code)
			}
		}
		want("at first", portal.CheckValid)
		for i, first := range losses {
			mustDo(t, first.take(w, w.User))
			want(first.what, first.want)
			if len(losses) > i+1 {
				other := losses[i+1]
				mustDo(t, other.take(w, w.User))
				want(fmt.Sprint(first.what, " and ", other.what), first.want)
				mustDo(t, first.give(w, w.User))
				want(fmt.Sprint(other.what, ", and no more: ", first.what), other.want)
				mustDo(t, other.give(w, w.User))
			} else {
				mustDo(t, first.give(w, w.User))
			}
			want("no more: "+first.what, portal.CheckValid)
		}

		// The keys themselves were not changed.
		for kind, one := range of {
			wantEqual(t, kind+": version", w.key(one.key.ID).Version, one.key.Version)
		}
	})
}

func TestTheKeysOfOthersAreNotTouchedByWhatOneUserLoses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		others := must(w.m.CreateKey(w.as(w.Admin), w.newPair(func(in *manage.NewKey) { in.UserID = w.Admin.ID })))(t)
		for _, loss := range losses {
			want := loss.want
			if loss.what != "the organization is suspended" && loss.what != "the API set is retired" {
				want = portal.CheckValid
			}
			mustDo(t, loss.take(w, w.User))
			w.wantChecked(loss.what, others.Key, others.Secret, want)
			mustDo(t, loss.give(w, w.User))
		}
	})
}
