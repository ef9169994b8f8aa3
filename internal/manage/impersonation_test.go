package manage_test

import (
	"fmt"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// impersonator makes a key of User's for Billing that can impersonate, by support.
func (w *world) impersonator(edit ...func(*manage.NewKey)) manage.GeneratedKey {
	w.t.Helper()
	in := w.newKey(func(in *manage.NewKey) { in.Name, in.CanImpersonate = "Impersonator", true })
	for _, edit := range edit {
		edit(&in)
	}
	return must(w.m.CreateKey(w.as(storetest.Support(w.t, w.s)), in))(w.t)
}

func TestOnlySupportLetsAKeyImpersonateAndOthersAreToldBeforeAnythingElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			by   portal.User
			want portal.Code
		}{
			"support": {storetest.Support(t, w.s), allowed}, "a super admin": {w.SuperAdmin, allowed},
			"an admin": {w.Admin, portal.CodeForbidden}, "oneself": {w.User, portal.CodeForbidden}, "a stranger": {w.Stranger, portal.CodeForbidden},
			"nobody": {portal.User{}, portal.CodeUnauthenticated},
		} {
			for _, kind := range []portal.Kind{portal.TokenKey, portal.PairKey} {
				in := w.newKey(func(in *manage.NewKey) { in.Kind, in.Name, in.CanImpersonate = kind, what+" "+string(kind), true })
				wantCode(t, what+": checked first", w.m.CheckNewKey(w.as(test.by), in), test.want)
				made, err := w.m.CreateKey(w.as(test.by), in)
				wantCode(t, what, err, test.want)
				wantEqual(t, what, made.CanImpersonate, test.want == allowed)
				in.Name, in.UserID, in.APISets = "", 4711, []string{"unknown"}
				if test.want != allowed {
					wantCode(t, what+", of junk", second(w.m.CreateKey(w.as(test.by), in)), test.want)
				}
				if test.want == portal.CodeForbidden {
					wantSays(t, what, err, "Ask support for such a key")
				}
			}
			in := w.clientOf(w.Admin)
			in.CanImpersonate = true
			if test.want == portal.CodeForbidden {
				wantSays(t, what+", an OAuth client", second(w.m.CreateKey(w.as(test.by), in)), "Only support")
			}
			issued := w.newKey(func(in *manage.NewKey) {
				in.Name, in.ApplicationID, in.LicenseID, in.CanImpersonate = what, w.application().ID, w.License.ID, true
			})
			wantCode(t, what+", issued", second(w.m.IssueKey(w.as(test.by), issued)), test.want)
		}
		made := must(w.m.CreateKey(w.program(), w.newKey(func(in *manage.NewKey) { in.Name, in.CanImpersonate = "By the program", true })))(t)
		if made.Secret.IsZero() || !w.key(made.ID).CanImpersonate {
			t.Errorf("the program made %+v", made.Key)
		}
	})
}

func TestThatAKeyCanImpersonateIsInItsHistory(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		lines := w.lines(func() { w.impersonator() })
		line, said := lines[len(lines)-1], ""
		for _, change := range line.Changes {
			if change.Name == "Can impersonate" {
				said = change.After
			}
		}
		wantEqual(t, "history", []string{line.Action, said}, []string{"generated", "Yes"})
	})
}

func TestAnEditNeverChangesWhetherAKeyCanImpersonate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		support := storetest.Support(t, w.s)
		for _, made := range []portal.Key{w.impersonator().Key, w.key(w.Key.ID)} {
			for _, by := range []portal.User{w.User, w.Admin, support, w.SuperAdmin} {
				mustDo(t, w.edited(by, made.ID, func(in *manage.KeyEdit) {
					in.Name, in.Description, in.APISets = "Renamed by "+by.Username+" "+made.Name, by.Username, nil
				}))
				wantEqual(t, by.Username, w.key(made.ID).CanImpersonate, made.CanImpersonate)
			}
			mustDo(t, w.edited(support, made.ID, mapTo(w.Admin)))
			mustDo(t, w.m.DisableKey(w.as(w.Admin), made.ID))
			mustDo(t, w.m.EnableKey(w.as(support), made.ID))
			wantEqual(t, "mapped anew", w.key(made.ID).CanImpersonate, made.CanImpersonate)
		}
	})
}

// Who may only manage keys could do with such a key what support alone can allow.
func TestAKeyThatCanImpersonateIsWidenedByWhoMayAllowThat(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		support := storetest.Support(t, w.s)
		manager := w.holder([]portal.Authority{portal.APIKeys}, w.Billing, w.Dunning)
		expires := w.clock.Now().AddDate(0, 0, 30)
		made := w.impersonator(func(in *manage.NewKey) { in.ExpiresAt = expires }, bound)
		for what, edit := range map[string]func(*manage.KeyEdit){
			"given an API set":          func(in *manage.KeyEdit) { in.APISets = []string{"billing", "dunning"} },
			"renewed":                   expireAt(expires.AddDate(0, 0, 1)),
			"made to never expire":      expireAt(time.Time{}),
			"used from elsewhere":       fromNetworks("192.0.2.0/24", "2001:db8::7", "10.0.0.0/8"),
			"mapped to who does it":     mapTo(manager),
			"mapped to an admin":        mapTo(w.Admin, "billing"),
			"mapped, which a form does": mapTo(w.Admin),
		} {
			for _, by := range []portal.User{w.User, w.Admin, manager} {
				w.wantRefused(what+" by "+by.Username, by, made.ID, edit, portal.CodeForbidden)
			}
		}
		w.wantRefused("used more often", w.Admin, made.ID, limitTo(portal.RateLimit{}), portal.CodeForbidden)
		for _, by := range []portal.User{w.User, w.Admin, manager} {
			mustDo(t, w.m.DisableKey(w.as(by), made.ID))
			wantSays(t, "enabled by "+by.Username, w.m.EnableKey(w.as(by), made.ID), "only support can enable")
			wantEqual(t, "enabled by "+by.Username, w.key(made.ID).Enabled, false)
			mustDo(t, w.m.EnableKey(w.as(support), made.ID))
		}
		mustDo(t, w.edited(manager, made.ID, func(in *manage.KeyEdit) {
			in.Name, in.APISets, in.ExpiresAt = "Narrowed", nil, expires.AddDate(0, 0, -1)
			in.AllowedNetworks, in.RateLimit.Burst = []string{"192.0.2.7"}, 10
		}))
		mustDo(t, w.edited(support, made.ID, func(in *manage.KeyEdit) {
			in.APISets, in.ExpiresAt, in.AllowedNetworks, in.RateLimit = []string{"billing", "dunning"}, time.Time{}, nil, portal.RateLimit{}
		}))
		mustDo(t, w.edited(support, made.ID, mapTo(w.Admin, "billing")))
		wantEqual(t, "mapped by support", w.key(made.ID).UserID, w.Admin.ID)

		plain := must(w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) { in.Name = "Plain" })))(t)
		mustDo(t, w.m.DisableKey(w.as(w.User), plain.ID))
		mustDo(t, w.m.EnableKey(w.as(w.User), plain.ID))
		mustDo(t, w.edited(w.Admin, plain.ID, mapTo(w.Admin, "billing", "dunning")))
	})
}

func TestTheSecretOfAKeyThatCanImpersonateIsForItsUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := w.impersonator()
		rotate := func(by portal.User) error {
			return second(w.m.RotateKey(w.as(by), manage.Rotation{KeyID: made.ID, Confirm: "Impersonator"}))
		}
		wantSays(t, "an admin", rotate(w.Admin), "Send them a new one instead")
		wantCode(t, "its user", rotate(w.User), allowed)
		wantCode(t, "a super admin", rotate(w.SuperAdmin), allowed)
		_, err := w.m.SendDelivery(w.as(w.Admin), made.ID)
		wantCode(t, "sent to its user by an admin", err, allowed)

		in := w.clientOf(w.Admin)
		in.CanImpersonate = true
		client := must(w.m.CreateKey(w.as(w.SuperAdmin), in))(t)
		other := w.holder([]portal.Authority{portal.ViewClientSecret})
		wantCode(t, "an OAuth client's", second(w.m.RotateKey(w.as(other), manage.Rotation{KeyID: client.ID, Confirm: w.License.Number})), allowed)
	})
}

func TestAnApprovedKeyCanNotImpersonate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		request := w.request(w.requester(), w.application())
		made := must(w.m.ApproveRequest(w.as(storetest.Support(t, w.s)), manage.Approval{ID: request.ID, Version: request.Version, Name: "Approved", APISets: []string{"billing"}}))(t)
		wantEqual(t, "approved", made.CanImpersonate, false)
	})
}

func TestKeysThatCanImpersonateAreListedOverAllOrganizationsForStaff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		here := w.impersonator()
		there := must(w.m.CreateKey(w.program(), manage.NewKey{OrganizationID: w.Other.ID, UserID: w.Stranger.ID, Name: "Elsewhere", CanImpersonate: true}))(t)
		filter := portal.KeyFilter{CanImpersonate: true, List: portal.List{Sort: portal.Sort{By: "created"}}}
		for what, by := range map[string]portal.User{"support": storetest.Support(t, w.s), "a super admin": w.SuperAdmin} {
			found := must(w.m.Keys(w.as(by), filter))(t)
			if len(found.Rows) != 2 || found.Rows[0].ID != here.ID || found.Rows[1].ID != there.ID || found.Rows[1].OrganizationName != w.Other.Name {
				t.Errorf("%s: got %+v", what, found.Rows)
			}
		}
		for what, by := range map[string]portal.User{"an admin": w.Admin, "a user": w.User} {
			wantCode(t, what, second(w.m.Keys(w.as(by), filter)), portal.CodeForbidden)
		}
		filter.OrganizationID = w.Organization.ID
		wantEqual(t, "of one's own organization", len(must(w.m.Keys(w.as(w.Admin), filter))(t).Rows), 1)
	})
}

func TestAKeyThatSupportMadeImpersonates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := w.impersonator()
		as := func(user portal.User) verify.Request {
			return verify.Request{Credential: made.Secret.Reveal(), APISet: "billing", Impersonate: []string{fmt.Sprint(user.ID)}}
		}
		for user, want := range map[portal.User]verify.Code{w.Admin: portal.CheckValid, w.holder(nil): portal.CheckAPISetNotGranted, w.Stranger: portal.CheckImpersonationNotAllowed} {
			if d := w.check(as(user)); d.Code != want {
				t.Errorf("as %s: got %s, want %s", user.Username, d.Code, want)
			}
		}
		mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), w.Admin.ID, manage.LockUser))
		if d := w.check(as(w.Admin)); d.Code != portal.CheckImpersonationNotAllowed {
			t.Errorf("as who is locked: got %s", d.Code)
		}
	})
}
