package manage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// newKey gives the form of a key of User's for Billing.
func (w *world) newKey(edit ...func(*manage.NewKey)) manage.NewKey {
	in := manage.NewKey{OrganizationID: w.Organization.ID, UserID: w.User.ID, Name: "ERP", Description: "For the ERP.", APISets: []string{"billing"}}
	for _, edit := range edit {
		edit(&in)
	}
	return in
}

// keyOf gives the form that edits a key, as it is opened now.
func (w *world) keyOf(id int64) manage.KeyEdit {
	w.t.Helper()
	key := w.key(id)
	in := manage.KeyEdit{
		ID: id, Version: key.Version, Name: key.Name, Description: key.Description, UserID: key.UserID, ExpiresAt: key.ExpiresAt,
		AllowedNetworks: key.AllowedNetworks, RateLimit: key.RateLimit,
	}
	for _, set := range key.APISets {
		in.APISets = append(in.APISets, set.Slug)
	}
	return in
}

func TestAKeyIsGeneratedWithASecretThatIsKeptAsItsHash(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.m.Brand = "acme"
		expires := w.clock.Now().Add(90 * 24 * time.Hour)
		made := must(w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) { in.ExpiresAt = expires })))(t)
		if prefix, err := secret.Parse(made.Secret.Reveal()); err != nil || prefix != secret.Token || !strings.HasPrefix(made.Secret.Reveal(), "acme_kp_") {
			t.Errorf("the secret is a %q: %v", prefix, err)
		}
		key := w.key(made.ID)
		wantEqual(t, "key", key, portal.Key{
			ID: made.ID, Kind: portal.TokenKey, OrganizationID: w.Organization.ID, OrganizationName: w.Organization.Name, Name: "ERP", Description: "For the ERP.",
			UserID: w.User.ID, Username: w.User.Username, UserName: w.User.Name(), CreatedBy: w.User.ID, CreatorName: w.User.Name(), Enabled: true, ExpiresAt: expires,
			MappedBy: w.User.ID, MapperName: w.User.Name(), MappedAt: w.clock.Now(), MappingTold: true,
			APISets: key.APISets, Masked: made.Secret.Mask(), Version: 1, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now(),
		})
		wantEqual(t, "given", made.Key, key)
		wantEqual(t, "reached", w.subject(made.Secret).APISets, []string{"billing"})

		w.wantNowhere(made.Secret.Reveal())
	})
}

func TestKeysAreGeneratedForOneselfAndForOthersByTheirManagers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.holder([]portal.Authority{portal.ManageAPIKeys}, w.Billing)
		viewer := w.holder([]portal.Authority{portal.ViewAPIKeys}, w.Billing)
		left := storetest.User(t, w.s)
		storetest.SaveMembership(t, w.s, portal.Membership{OrganizationID: w.Organization.ID, UserID: left.ID, EndedAt: w.clock.Now()})
		staff := storetest.Support(t, w.s)
		storetest.Member(t, w.s, w.Organization, staff)
		no := portal.CodeForbidden
		for what, test := range map[string]struct {
			actor, user portal.User
			want        portal.Code
		}{
			"oneself, with Manage User API Key":          {w.User, w.User, allowed},
			"oneself, without":                           {viewer, viewer, no},
			"another, with Manage User API Key":          {w.User, viewer, no},
			"another, with Manage API Keys":              {manager, w.User, allowed},
			"oneself, with Manage API Keys":              {manager, manager, allowed},
			"a stranger, with Manage API Keys":           {manager, w.Stranger, portal.CodeInvalid},
			"who has left, with Manage API Keys":         {manager, left, portal.CodeInvalid},
			"nobody, with Manage API Keys":               {manager, portal.User{}, portal.CodeInvalid},
			"who is not there, with Manage API Keys":     {manager, portal.User{ID: 4711}, portal.CodeInvalid},
			"a member, by a stranger":                    {w.Stranger, w.User, no},
			"a stranger by oneself, in the organization": {w.Stranger, w.Stranger, no},
			"a member, by support":                       {storetest.Support(t, w.s), w.User, allowed},
			"a member, by a super admin":                 {w.SuperAdmin, w.User, allowed},
			"staff who is no member, by oneself":         {w.SuperAdmin, w.SuperAdmin, portal.CodeInvalid},
			"staff who is a member, by an admin":         {w.Admin, staff, portal.CodeInvalid},
			"staff who is a member, by other staff":      {storetest.Support(t, w.s), staff, portal.CodeInvalid},
			"staff who is a member, by oneself":          {staff, staff, allowed},
			"staff who is a member, by a super admin":    {w.SuperAdmin, staff, allowed},
			"nobody, by nobody":                          {portal.User{}, portal.User{}, portal.CodeUnauthenticated},
		} {
			in := w.newKey(func(in *manage.NewKey) { in.Name, in.UserID, in.APISets = what, test.user.ID, nil })
			made, err := w.m.CreateKey(w.as(test.actor), in)
			wantCode(t, what, err, test.want)
			wantEqual(t, what+": checked first", codeOf(w.m.CheckNewKey(w.as(test.actor), w.newKey(func(in *manage.NewKey) { in.Name, in.UserID, in.APISets = what+"?", test.user.ID, nil }))), test.want)
			if test.want == portal.CodeInvalid {
				wantFields(t, what, err, "user")
			}
			if made.Secret.IsZero() != (test.want != allowed) || made.CanImpersonate {
				t.Errorf("%s: made %+v", what, made)
			}
			wantKeyUsers(t, w, what, test.actor, test.user, test.want)
		}
	})
}

// wantKeyUsers fails unless the form offers the user whom a key can be generated
// for, and no other.
func wantKeyUsers(t *testing.T, w *world, what string, actor, user portal.User, want portal.Code) {
	t.Helper()
	users, _, err := w.m.KeyUsers(w.as(actor), w.Organization.ID, user.ID, "")
	offered := false
	for _, one := range users {
		offered = offered || one.ID == user.ID
	}
	if want == portal.CodeInvalid {
		want = allowed
		if offered {
			t.Errorf("%s: the user is offered", what)
		}
	} else if want == allowed && !offered {
		t.Errorf("%s: the user is not offered", what)
	}
	wantCode(t, what+": users to choose", err, want)
}

func TestAKeyIsGrantedWhatItsUserAndItsMakerHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.holder([]portal.Authority{portal.APIKeys}, w.Billing, w.Revenue)
		retired := storetest.APISet(t, w.s, "retired")
		mustDo(t, w.m.RetireAPISet(w.as(w.SuperAdmin), retired.ID, retired.Version, retired.Name))
		all := w.holder(nil)
		w.set(all, func(in *manage.MembershipInput) { in.AllAccess = true })
		for what, test := range map[string]struct {
			actor, user portal.User
			sets        []string
			says        string // "" when it is taken
		}{
			"what one holds":                        {w.User, w.User, []string{"billing", "dunning"}, ""},
			"nothing":                               {w.User, w.User, nil, ""},
			"what one does not hold":                {w.User, w.User, []string{"billing", "revenue-management"}, "roles of the key's user don't allow"},
			"what both hold":                        {manager, w.User, []string{"billing"}, ""},
			"what the user holds and not the maker": {manager, w.User, []string{"dunning"}, "You can't grant"},
			"what the maker holds and not the user": {manager, w.User, []string{"revenue-management"}, "roles of the key's user don't allow"},
			"to All Access what the maker holds":    {manager, all, []string{"billing", "revenue-management"}, ""},
			"to All Access what the maker lacks":    {manager, all, []string{"dunning"}, "You can't grant"},
			"support, what the user holds":          {storetest.Support(t, w.s), w.User, []string{"dunning"}, ""},
			"support, what the user lacks":          {w.SuperAdmin, w.User, []string{"revenue-management"}, "roles of the key's user don't allow"},
			"retired":                               {w.SuperAdmin, all, []string{"retired"}, "was retired"},
			"unknown":                               {w.SuperAdmin, all, []string{"billing", "nothing"}, "There is no API set"},
			"10 kB of a slug":                       {w.SuperAdmin, all, []string{strings.Repeat("a", 10240)}, "There is no API set"},
		} {
			in := w.newKey(func(in *manage.NewKey) { in.Name, in.UserID, in.APISets = what, test.user.ID, test.sets })
			made, err := w.m.CreateKey(w.as(test.actor), in)
			if test.says == "" {
				wantCode(t, what, err, allowed)
				wantEqual(t, what, len(w.subject(made.Secret).APISets), len(test.sets))
				continue
			}
			wantFields(t, what, err, "api_set")
			wantSays(t, what, err, test.says)
			wantFields(t, what+": checked first", w.m.CheckNewKey(w.as(test.actor), in), "api_set")
			for _, set := range must(w.m.OfferedAPISets(w.as(test.actor), w.Organization.ID, test.user.ID))(t) {
				if set.Slug == test.sets[len(test.sets)-1] {
					t.Errorf("%s: %s is offered", what, set.Slug)
				}
			}
		}
		offered := must(w.m.OfferedAPISets(w.as(manager), w.Organization.ID, w.User.ID))(t)
		wantEqual(t, "offered", len(offered), 1)
		_, err := w.m.OfferedAPISets(w.as(w.User), w.Organization.ID, all.ID)
		wantCode(t, "offered for another", err, portal.CodeForbidden)
	})
}

func TestAKeyKeepsWhatIsNotEffectiveAndIsNotGivenMoreOfIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// Key was granted Billing and Revenue; User's roles allow Billing and Dunning.
		details := must(w.m.Key(w.as(w.User), w.Key.ID))(t)
		if len(details.Ineffective) != 1 || details.Ineffective[0].ID != w.Revenue.ID || details.Changeable != nil {
			t.Errorf("the key's page has %+v", details)
		}
		in := w.keyOf(w.Key.ID)
		in.Name, in.APISets = "Renamed", []string{"billing", "dunning", "revenue-management"}
		mustDo(t, w.m.UpdateKey(w.as(w.User), in))
		wantEqual(t, "reached", w.subject(w.Secret).APISets, []string{"billing", "dunning"})

		in = w.keyOf(w.Key.ID)
		in.APISets = []string{"billing"}
		mustDo(t, w.m.UpdateKey(w.as(w.User), in))
		in = w.keyOf(w.Key.ID)
		in.APISets = []string{"billing", "revenue-management"}
		wantFields(t, "added again", w.m.UpdateKey(w.as(w.User), in), "api_set")
		wantFields(t, "added again by an admin", w.m.UpdateKey(w.as(w.Admin), in), "api_set")

		mustDo(t, w.m.RetireAPISet(w.as(w.SuperAdmin), w.Billing.ID, w.Billing.Version, w.Billing.Name))
		in.APISets, in.Description = []string{"billing"}, "Keeps a retired one."
		mustDo(t, w.m.UpdateKey(w.as(w.User), in))
		wantEqual(t, "reached", w.subject(w.Secret).APISets, nil)
		in = w.keyOf(w.Key.ID)
		in.APISets = nil
		mustDo(t, w.m.UpdateKey(w.as(w.User), in))
		in = w.keyOf(w.Key.ID)
		in.APISets = []string{"billing"}
		wantFields(t, "a retired one added", w.m.UpdateKey(w.as(w.User), in), "api_set")
	})
}

func TestTheKeyOfWhoHasLeftIsKeptAndGivenNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(w.User, func(in *manage.MembershipInput) { in.Member = false })
		wantEqual(t, "member", w.subject(w.Secret).Member, false)
		in := w.keyOf(w.Key.ID)
		in.Name, in.APISets = "Renamed", []string{"billing"}
		mustDo(t, w.m.UpdateKey(w.as(w.Admin), in))
		in = w.keyOf(w.Key.ID)
		in.APISets = []string{"billing", "dunning"}
		wantFields(t, "added", w.m.UpdateKey(w.as(w.Admin), in), "api_set")
		_, err := w.m.Key(w.as(w.User), w.Key.ID)
		wantCode(t, "for who has left", err, portal.CodeNotFound)
	})
}

func TestKeysAreSeenAndChangedByTheirUsersAndTheirManagers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		no, unseen := portal.CodeForbidden, portal.CodeNotFound
		for what, test := range map[string]struct {
			actor       portal.User
			see, change portal.Code
		}{
			"its user":                           {w.User, allowed, allowed},
			"who manages keys":                   {w.holder([]portal.Authority{portal.ManageAPIKeys}), allowed, allowed},
			"who views keys":                     {w.holder([]portal.Authority{portal.ViewAPIKeys}), allowed, no},
			"a colleague with keys of their own": {w.holder([]portal.Authority{portal.ManageUserAPIKey}), no, no},
			"a colleague without":                {w.holder(nil), no, no},
			"a stranger":                         {w.Stranger, unseen, unseen},
			"support":                            {storetest.Support(t, w.s), allowed, allowed},
			"nobody":                             {portal.User{}, portal.CodeUnauthenticated, portal.CodeUnauthenticated},
		} {
			ctx := w.as(test.actor)
			details, err := w.m.Key(ctx, w.Key.ID)
			wantCode(t, what+" sees it", err, test.see)
			_, err = w.m.Revisions(ctx, keyHistory(w.Key.ID))
			wantCode(t, what+" sees its history", err, test.see)
			if test.see == allowed {
				wantCode(t, what+" is shown that it can be changed", details.Changeable, test.change)
			}
			in := w.keyOf(w.Key.ID)
			in.Description += "."
			wantCode(t, what+" edits it", w.m.UpdateKey(ctx, in), test.change)
			wantCode(t, what+" disables it", w.m.DisableKey(ctx, w.Key.ID), test.change)
			wantCode(t, what+" enables it", w.m.EnableKey(ctx, w.Key.ID), test.change)
			doomed, _ := storetest.Key(t, w.s, w.Membership)
			wantCode(t, what+" revokes one", w.m.RevokeKey(ctx, doomed.ID, doomed.Name), test.change)
			if test.change != allowed {
				wantEqual(t, what+": the key", w.key(doomed.ID), doomed)
			}
		}
		for what, id := range map[string]int64{"unknown": 4711, "none": 0} {
			_, err := w.m.Key(w.as(w.SuperAdmin), id)
			wantCode(t, what, err, portal.CodeNotFound)
			wantCode(t, what, w.m.RevokeKey(w.as(w.SuperAdmin), id, "x"), portal.CodeNotFound)
		}
	})
}

func TestOneSeesOnesOwnKeysAndNeedsTheAuthorityToChangeThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(w.User, func(in *manage.MembershipInput) { in.RoleIDs = nil })
		ctx, ofUser := w.as(w.User), portal.KeyFilter{OrganizationID: w.Organization.ID, UserID: w.User.ID}
		colleague := w.as(w.holder(nil))
		for what, see := range map[string]func(context.Context) error{
			"list": func(ctx context.Context) error { return second(w.m.Keys(ctx, ofUser)) },
			"page": func(ctx context.Context) error { return second(w.m.Key(ctx, w.Key.ID)) },
			"history": func(ctx context.Context) error {
				return second(w.m.Revisions(ctx, portal.RevisionFilter{Noun: portal.NounKey, NounID: w.Key.ID}))
			},
		} {
			wantCode(t, what, see(ctx), allowed)
			wantCode(t, what+", of a colleague", see(colleague), portal.CodeForbidden)
		}
		details := must(w.m.Key(ctx, w.Key.ID))(t)
		wantCode(t, "changeable", details.Changeable, portal.CodeForbidden)
		wantCode(t, "the organization's keys", second(w.m.Keys(ctx, portal.KeyFilter{OrganizationID: w.Organization.ID})), portal.CodeForbidden)
		for what, err := range map[string]error{
			"create":  second(w.m.CreateKey(ctx, w.newKey())),
			"check":   w.m.CheckNewKey(ctx, w.newKey()),
			"offered": second(w.m.OfferedAPISets(ctx, w.Organization.ID, w.User.ID)),
			"edit":    w.m.UpdateKey(ctx, w.keyOf(w.Key.ID)),
			"disable": w.m.DisableKey(ctx, w.Key.ID),
			"enable":  w.m.EnableKey(ctx, w.Key.ID),
			"revoke":  w.m.RevokeKey(ctx, w.Key.ID, w.Key.Name),
			"rotate":  second(w.m.RotateKey(ctx, manage.Rotation{KeyID: w.Key.ID, Confirm: w.Key.Name})),
			"retire":  w.m.RetireOldSecret(ctx, w.Key.ID, w.Key.Name),
			"send":    second(w.m.SendDelivery(ctx, w.Key.ID)),
		} {
			wantCode(t, what, err, portal.CodeForbidden)
		}
		wantEqual(t, "the key", w.key(w.Key.ID), w.Key)
	})
}

func second[T any](_ T, err error) error { return err }

func TestListsAndCountsOfKeysAreOfOnesOwnOrOfTheOrganization(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.holder([]portal.Authority{portal.APIKeys}, w.Billing)
		must(w.m.CreateKey(w.as(manager), w.newKey(func(in *manage.NewKey) { in.UserID, in.ExpiresAt = manager.ID, w.clock.Now().Add(29*24*time.Hour) })))(t)
		theirs := storetest.Member(t, w.s, w.Other, storetest.User(t, w.s))
		storetest.Key(t, w.s, theirs)
		for what, test := range map[string]struct {
			actor  portal.User
			filter portal.KeyFilter
			want   int // -1: forbidden
		}{
			"own":                             {w.User, portal.KeyFilter{OrganizationID: w.Organization.ID, UserID: w.User.ID}, 1},
			"all, by who manages them":        {manager, portal.KeyFilter{OrganizationID: w.Organization.ID}, 2},
			"all, by a member":                {w.User, portal.KeyFilter{OrganizationID: w.Organization.ID}, -1},
			"another's, by a member":          {w.User, portal.KeyFilter{OrganizationID: w.Organization.ID, UserID: manager.ID}, -1},
			"own, of all organizations":       {w.User, portal.KeyFilter{UserID: w.User.ID}, -1},
			"of another organization":         {manager, portal.KeyFilter{OrganizationID: w.Other.ID}, -1},
			"of all organizations":            {manager, portal.KeyFilter{}, -1},
			"of all organizations by support": {storetest.Support(t, w.s), portal.KeyFilter{}, 3},
		} {
			page, err := w.m.Keys(w.as(test.actor), test.filter)
			if test.want < 0 {
				wantCode(t, what, err, portal.CodeForbidden)
				continue
			}
			wantCode(t, what, err, allowed)
			wantEqual(t, what, len(page.Rows), test.want)
		}
		for what, test := range map[string]struct {
			actor portal.User
			mine  bool
			want  [2]int
			code  portal.Code
		}{
			"own":              {w.User, true, [2]int{1, 0}, allowed},
			"all":              {manager, false, [2]int{2, 1}, allowed},
			"all, by a member": {w.User, false, [2]int{}, portal.CodeForbidden},
		} {
			live, expiring, err := w.m.KeyCounts(w.as(test.actor), w.Organization.ID, test.mine)
			wantCode(t, what, err, test.code)
			wantEqual(t, what, [2]int{live, expiring}, test.want)
		}
	})
}

func TestOfManyUsersTheOnesThatASearchFindsAreOfferedForAKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const many = 300
		storetest.Change(t, w.s, func(c *store.Change) error {
			for i := range many {
				user, err := c.InsertUser(t.Context(), portal.User{Username: fmt.Sprintf("crowd.%03d", i), FirstName: "Grace", LastName: fmt.Sprintf("Hopper %d", i), Email: "crowd@example.com", Enabled: true})
				if err != nil {
					return err
				}
				if _, err := c.SaveMembership(t.Context(), portal.Membership{OrganizationID: w.Organization.ID, UserID: user.ID}); err != nil {
					return err
				}
			}
			return nil
		})
		last := must(w.s.UserByUsername(t.Context(), "crowd.299"))(t)
		staff := storetest.User(t, w.s, func(u *portal.User) { u.Username, u.Staff = "crowd.staff", portal.Support })
		storetest.Member(t, w.s, w.Organization, staff)
		elsewhere := storetest.User(t, w.s, func(u *portal.User) { u.Username = "crowd.elsewhere" })
		storetest.Member(t, w.s, w.Other, elsewhere)
		left := w.holder(nil)
		w.set(left, func(in *manage.MembershipInput) { in.Member = false })
		manager, support := w.holder([]portal.Authority{portal.ManageAPIKeys}), storetest.Support(t, w.s)
		offered := func(actor portal.User, wanted int64, search string) ([]string, bool) {
			t.Helper()
			users, more, err := w.m.KeyUsers(w.as(actor), w.Organization.ID, wanted, search)
			mustDo(t, err)
			var names []string
			for _, user := range users {
				names = append(names, user.Username)
			}
			return names, more
		}
		for whose, actor := range map[string]portal.User{"who manages keys": manager, "support": support} {
			names, more := offered(actor, 0, "crowd")
			wantEqual(t, whose+": of many", []any{len(names), more, names[0], names[49]}, []any{50, true, "crowd.000", "crowd.049"})
			for search, want := range map[string][]string{
				"crowd.29":       {"crowd.290", "crowd.291", "crowd.292", "crowd.293", "crowd.294", "crowd.295", "crowd.296", "crowd.297", "crowd.298", "crowd.299"},
				"HOPPER 107":     {"crowd.107"},
				"107 grace":      {"crowd.107"},
				"nobody of this": nil,
				"elsewhere":      nil,
				"crowd.staff":    nil,
			} {
				names, more := offered(actor, 0, search)
				wantEqual(t, whose+" searches "+search, names, want)
				wantEqual(t, whose+" searches "+search+": more", more, false)
			}
			names, more = offered(actor, last.ID, "crowd.00")
			wantEqual(t, whose+": besides the wanted one", []any{len(names), more, names[len(names)-1]}, []any{11, false, "crowd.299"})
			names, _ = offered(actor, last.ID, "crowd.299")
			wantEqual(t, whose+": the wanted one once", names, []string{"crowd.299"})
			for what, wanted := range map[string]int64{"staff": staff.ID, "a stranger": elsewhere.ID, "who has left": left.ID, "who is not there": 4711} {
				names, _ := offered(actor, wanted, "crowd.107")
				wantEqual(t, whose+": besides "+what, names, []string{"crowd.107"})
			}
		}
		names, _ := offered(w.SuperAdmin, staff.ID, "crowd.staff")
		wantEqual(t, "staff, by a super admin", names, []string{"crowd.staff"})
		for _, search := range []string{"", "crowd", "nobody of this"} {
			names, more := offered(w.User, w.User.ID, search)
			wantEqual(t, "by who makes own keys alone", []any{names, more}, []any{[]string{w.User.Username}, false})
		}
		_, _, err := w.m.KeyUsers(w.as(w.User), w.Organization.ID, last.ID, "crowd")
		wantCode(t, "another, by who makes own keys alone", err, portal.CodeForbidden)
	})
}
