package manage_test

import (
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// edited edits a key as a user, who opens the form now.
func (w *world) edited(by portal.User, id int64, edit func(*manage.KeyEdit)) error {
	w.t.Helper()
	in := w.keyOf(id)
	edit(&in)
	return w.m.UpdateKey(w.as(by), in)
}

// wantRefused fails unless an edit is refused with a code and changes nothing.
func (w *world) wantRefused(what string, by portal.User, id int64, edit func(*manage.KeyEdit), want portal.Code) {
	w.t.Helper()
	before := w.key(id)
	wantCode(w.t, what, w.edited(by, id, edit), want)
	wantEqual(w.t, what+": the key", w.key(id), before)
}

func renameTo(name string) func(*manage.KeyEdit) {
	return func(in *manage.KeyEdit) { in.Name = name }
}

func expireAt(at time.Time) func(*manage.KeyEdit) {
	return func(in *manage.KeyEdit) { in.ExpiresAt = at }
}

// mapTo maps a key to another user, with the API sets that it is to have then.
func mapTo(user portal.User, sets ...string) func(*manage.KeyEdit) {
	return func(in *manage.KeyEdit) { in.UserID, in.APISets = user.ID, sets }
}

// bothKinds makes a key pair and a token key of User's that expire in 30 days.
func (w *world) bothKinds() map[string]manage.GeneratedKey {
	w.t.Helper()
	made := map[string]manage.GeneratedKey{}
	for _, kind := range []portal.Kind{portal.PairKey, portal.TokenKey} {
		made[string(kind)] = must(w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) {
			in.Kind, in.Name, in.ExpiresAt = kind, "A "+string(kind), w.clock.Now().AddDate(0, 0, 30)
		})))(w.t)
	}
	return made
}

func TestAnEditCountsFromTheNextCheckOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for kind, made := range w.bothKinds() {
			lines := w.lines(func() {
				mustDo(t, w.edited(w.User, made.ID, func(in *manage.KeyEdit) {
					in.Name, in.Description, in.APISets, in.ExpiresAt = " Renamed "+kind, "", []string{"dunning"}, time.Time{}
				}))
			})
			d := w.checked(made.Key, made.Secret)
			wantEqual(t, kind, []any{d.Code, d.Subject.KeyName, d.Subject.APISets, d.Subject.KeyExpiresAt}, []any{portal.CheckAPISetNotGranted, "Renamed " + kind, []string{"dunning"}, time.Time{}})
			wantEqual(t, kind+": history", []int{len(lines), len(lines[0].Changes)}, []int{1, 4})
			mustDo(t, w.edited(w.User, made.ID, func(in *manage.KeyEdit) { in.APISets = []string{"billing"} }))
			w.wantChecked(kind+" with Billing again", made.Key, made.Secret, portal.CheckValid)
			found := must(w.m.Keys(w.as(w.User), portal.KeyFilter{OrganizationID: w.Organization.ID, UserID: w.User.ID, List: portal.List{Search: "renamed " + kind}}))(t)
			wantEqual(t, kind+": found by its new name", len(found.Rows), 1)
		}
	})
}

func TestTheExpiryOfAKeyIsMovedAndTakenAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for kind, made := range w.bothKinds() {
			now := w.clock.Now()
			for _, step := range []struct {
				what    string
				expires time.Time
				taken   bool
			}{
				{"sooner", now.Add(time.Hour), true},
				{"some seconds later", now.Add(time.Hour + 2*time.Second), true},
				{"later", now.AddDate(1, 0, 0), true},
				{"never", time.Time{}, true},
				{"in the past", now.Add(-time.Microsecond), false},
				{"now", now, false},
				{"in 100 years", now.AddDate(100, 0, 0), false},
				{"in a moment", now.Add(time.Microsecond), true},
			} {
				what := kind + " that ends " + step.what
				if !step.taken {
					before := w.key(made.ID)
					wantFields(t, what, w.edited(w.User, made.ID, expireAt(step.expires)), "expires")
					wantEqual(t, what, w.key(made.ID), before)
					continue
				}
				wantCode(t, what, w.edited(w.User, made.ID, expireAt(step.expires)), allowed)
				wantEqual(t, what+": the check is told", w.checked(made.Key, made.Secret).Subject.KeyExpiresAt, step.expires)
				w.wantChecked(what, made.Key, made.Secret, portal.CheckValid)
			}
			w.clock.Advance(time.Microsecond)
			w.wantChecked(kind+" when it is over", made.Key, made.Secret, portal.CheckExpired)
		}
	})
}

func TestAnExpiredKeyIsRenewedByWhoMayEditIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager, viewer := w.holder([]portal.Authority{portal.ManageAPIKeys}), w.holder([]portal.Authority{portal.ViewAPIKeys})
		for kind, made := range w.bothKinds() {
			for _, by := range []portal.User{w.User, manager, w.Admin, storetest.Support(t, w.s)} {
				w.clock.Advance(w.key(made.ID).ExpiresAt.Sub(w.clock.Now()))
				w.wantChecked(kind+" that has expired", made.Key, made.Secret, portal.CheckExpired)
				mustDo(t, w.edited(by, made.ID, renameTo("Renamed while it had expired "+by.Username))) // the expiry stays
				w.wantChecked(kind+" that was renamed", made.Key, made.Secret, portal.CheckExpired)
				later := expireAt(w.clock.Now().Add(24 * time.Hour))
				w.wantRefused("renewed by who views keys", viewer, made.ID, later, portal.CodeForbidden)
				w.wantRefused("renewed by a stranger", w.Stranger, made.ID, later, portal.CodeNotFound)
				mustDo(t, w.edited(by, made.ID, later))
				w.wantChecked(kind+" that was renewed", made.Key, made.Secret, portal.CheckValid)
			}
		}
	})
}

func TestWhatAnOrganizationDemandsOfAnExpiryCountsWhenItIsChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		never := must(w.m.CreateKey(w.as(w.User), w.newPair()))(t)
		far := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.Name, in.ExpiresAt = "Far", w.clock.Now().AddDate(5, 0, 0) })))(t)
		in := w.settingsOf(true)
		in.ExpiryRequired, in.ExpiryMaxDays = true, "30"
		mustDo(t, w.m.UpdateSettings(w.as(w.Admin), in))
		now := w.clock.Now()
		for what, made := range map[string]manage.GeneratedKey{"one that never ends": never, "one that ends in five years": far} {
			expires := w.key(made.ID).ExpiresAt
			w.wantChecked(what, made.Key, made.Secret, portal.CheckValid)
			mustDo(t, w.edited(w.User, made.ID, renameTo("Renamed: "+what)))
			wantEqual(t, what+", renamed", w.key(made.ID).ExpiresAt, expires)
			tooLate := now.AddDate(0, 0, 31).Add(2 * time.Hour) // clocks may be put back meanwhile
			wantFields(t, what+", for longer than allowed", w.edited(w.User, made.ID, expireAt(tooLate)), "expires")
			mustDo(t, w.edited(w.User, made.ID, expireAt(tooLate.Add(-time.Microsecond))))
			wantFields(t, what+", without an end", w.edited(w.User, made.ID, expireAt(time.Time{})), "expires")
			wantFields(t, what+", without an end by staff", w.edited(w.SuperAdmin, made.ID, expireAt(time.Time{})), "expires")
		}
	})
}

func TestWhoMayNotMapAKeyToItsUserShortensItsLifeAtMost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		gateway := w.holder([]portal.Authority{portal.ManageUserAPIKey, portal.VerifyKeys}, w.Billing)
		support := storetest.Support(t, w.s)
		storetest.Member(t, w.s, w.Organization, support, w.Role)
		for whose, user := range map[string]portal.User{"a gateway's": gateway, "support's": support} {
			made := must(w.m.CreateKey(w.as(user), w.newPair(func(in *manage.NewKey) { in.UserID, in.ExpiresAt = user.ID, w.clock.Now().AddDate(0, 0, 30) })))(t)
			expires, no := made.ExpiresAt, portal.CodeForbidden
			w.wantRefused(whose+", later", w.Admin, made.ID, expireAt(expires.Add(time.Second)), no)
			w.wantRefused(whose+", never", w.Admin, made.ID, expireAt(time.Time{}), no)
			w.wantRefused(whose+", reaching more", w.Admin, made.ID, func(in *manage.KeyEdit) { in.APISets = []string{"billing", "dunning"} }, map[string]portal.Code{"a gateway's": portal.CodeInvalid, "support's": no}[whose])
			mustDo(t, w.edited(w.Admin, made.ID, renameTo("Renamed by an admin")))
			mustDo(t, w.edited(w.Admin, made.ID, expireAt(expires.Add(-time.Hour))))
			mustDo(t, w.edited(user, made.ID, expireAt(expires)))
			mustDo(t, w.edited(w.SuperAdmin, made.ID, expireAt(expires.Add(time.Hour))))

			w.clock.Advance(w.key(made.ID).ExpiresAt.Sub(w.clock.Now()))
			w.wantRefused(whose+", renewed by an admin", w.Admin, made.ID, expireAt(w.clock.Now().Add(time.Hour)), no)
			w.wantChecked(whose+", not renewed", made.Key, made.Secret, portal.CheckExpired)
			mustDo(t, w.edited(user, made.ID, expireAt(w.clock.Now().Add(time.Hour))))
			w.wantChecked(whose+", renewed by itself", made.Key, made.Secret, portal.CheckValid)
			mustDo(t, w.edited(user, made.ID, expireAt(time.Time{})))
			mustDo(t, w.edited(w.Admin, made.ID, expireAt(w.clock.Now().Add(time.Hour)))) // one that never ended
			wantEqual(t, whose+", shortened", w.key(made.ID).ExpiresAt, w.clock.Now().Add(time.Hour))
		}
	})
}

func TestAKeyIsMappedToMembersByWhoManagesAPIKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		colleague := w.holder([]portal.Authority{portal.ManageUserAPIKey}, w.Billing)
		manager, viewer := w.holder([]portal.Authority{portal.ManageAPIKeys}, w.Billing), w.holder([]portal.Authority{portal.ViewAPIKeys}, w.Billing)
		gateway, manages := w.holder([]portal.Authority{portal.VerifyKeys}, w.Billing), w.holder([]portal.Authority{portal.Administration})
		verifies := w.holder([]portal.Authority{portal.ManageAPIKeys, portal.VerifyKeys}, w.Billing)
		support, staff := storetest.Support(t, w.s), storetest.Support(t, w.s)
		storetest.Member(t, w.s, w.Organization, staff)
		left, disabled := w.holder(nil, w.Billing), w.holder(nil, w.Billing)
		w.set(left, func(in *manage.MembershipInput) { in.Member = false })
		mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), disabled.ID, manage.DisableUser))
		no, wrong := portal.CodeForbidden, portal.CodeInvalid
		for what, test := range map[string]struct {
			actor, user portal.User
			want        portal.Code
		}{
			"to a colleague, by its user":                    {w.User, colleague, no},
			"to a colleague, by that one":                    {colleague, colleague, no},
			"to oneself, by who views keys":                  {viewer, viewer, no},
			"to a colleague, by who manages keys":            {manager, colleague, allowed},
			"to oneself, by who manages keys":                {manager, manager, allowed},
			"to a colleague, by an admin":                    {w.Admin, colleague, allowed},
			"to an admin, by who manages keys":               {manager, manages, allowed},
			"to a colleague, by support":                     {support, colleague, allowed},
			"to a colleague, by a super admin":               {w.SuperAdmin, colleague, allowed},
			"to who is disabled":                             {w.Admin, disabled, allowed},
			"to a colleague, by a stranger":                  {w.Stranger, colleague, portal.CodeNotFound},
			"to a colleague, by nobody":                      {portal.User{}, colleague, portal.CodeUnauthenticated},
			"to a stranger":                                  {w.Admin, w.Stranger, wrong},
			"to who has left":                                {w.Admin, left, wrong},
			"to nobody":                                      {w.Admin, portal.User{}, wrong},
			"to who is not there":                            {w.SuperAdmin, portal.User{ID: 4711}, wrong},
			"to a super admin, by themselves":                {w.SuperAdmin, w.SuperAdmin, wrong},
			"to staff, by an admin":                          {w.Admin, staff, wrong},
			"to staff, by other staff":                       {support, staff, wrong},
			"to staff, by themselves":                        {staff, staff, allowed},
			"to staff, by a super admin":                     {w.SuperAdmin, staff, allowed},
			"to a gateway, by an admin":                      {w.Admin, gateway, wrong},
			"to a gateway, by support":                       {support, gateway, wrong},
			"to a gateway, by who holds Verify keys as well": {verifies, gateway, allowed},
			"to a gateway, by a super admin":                 {w.SuperAdmin, gateway, allowed},
		} {
			for _, kind := range []portal.Kind{portal.PairKey, portal.TokenKey} {
				what := string(kind) + " " + what
				made := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.Kind, in.Name, in.APISets = kind, what, nil })))(t)
				before := w.key(made.ID)
				err := w.edited(test.actor, made.ID, mapTo(test.user))
				wantCode(t, what, err, test.want)
				if test.want == wrong {
					wantFields(t, what, err, "user")
				}
				if err != nil {
					wantEqual(t, what+": the key", w.key(made.ID), before)
				} else {
					s := w.checked(made.Key, made.Secret).Subject
					wantEqual(t, what+": the check is told", []any{s.UserID, s.Username}, []any{test.user.ID, test.user.Username})
				}
			}
		}
	})
}

func TestARemappedKeyAnswersAsItsNewUserAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		colleague := w.holder([]portal.Authority{portal.ManageUserAPIKey}, w.Billing, w.Dunning)
		for kind, made := range w.bothKinds() {
			old := made
			made = must(w.m.RotateKey(w.as(w.User), manage.Rotation{KeyID: old.ID, Grace: time.Hour, Confirm: old.Name}))(t)
			lines := w.lines(func() { mustDo(t, w.edited(w.Admin, made.ID, mapTo(colleague, "billing"))) })
			wantEqual(t, kind+": history", []string{told(lines[0])}, line("key edited %s: Mapped user %s→%s", made.Name, w.User.Username, colleague.Username))
			for which, value := range map[string]secret.Value{"the new secret": made.Secret, "the old secret": old.Secret} {
				d := w.checked(made.Key, value)
				wantEqual(t, kind+": "+which, []any{d.Code, d.Subject.UserID, d.Subject.Username}, []any{portal.CheckValid, colleague.ID, colleague.Username})
			}
			wantCode(t, kind+": for the former user", second(w.m.Key(w.as(w.User), made.ID)), portal.CodeForbidden)
			wantCode(t, kind+": for the new user", second(w.m.Key(w.as(colleague), made.ID)), allowed)
			w.wantRefused(kind+": edited by the former user", w.User, made.ID, renameTo("Mine"), portal.CodeForbidden)

			// Whose rights it carries is asked now: not whose they were.
			mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), w.User.ID, manage.DisableUser))
			w.wantChecked(kind+" when the former user is disabled", made.Key, made.Secret, portal.CheckValid)
			mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), w.User.ID, manage.EnableUser))
			mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), colleague.ID, manage.DisableUser))
			w.wantChecked(kind+" when the new user is disabled", made.Key, made.Secret, portal.CheckUserDisabled)
			mustDo(t, w.m.ActOnUser(w.as(w.SuperAdmin), colleague.ID, manage.EnableUser))

			mustDo(t, w.edited(w.Admin, made.ID, mapTo(w.User, "billing")))
			wantEqual(t, kind+": mapped back", w.checked(made.Key, made.Secret).Subject.UserID, w.User.ID)
		}
	})
}

func TestAKeyIsRemappedWithWhatItsNewUserAndWhoMapsItHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.holder([]portal.Authority{portal.ManageAPIKeys}, w.Billing, w.Revenue)
		billing, dunning := w.holder(nil, w.Billing), w.holder(nil, w.Dunning)
		for what, test := range map[string]struct {
			actor, user portal.User
			sets        []string
			says        string // "" when it is taken
		}{
			"what the new user lacks":                 {w.Admin, billing, []string{"billing", "dunning"}, "“dunning API”"},
			"all that the new user lacks":             {w.Admin, dunning, []string{"billing"}, "roles of the key's user don't allow"},
			"what the actor lacks":                    {manager, dunning, []string{"dunning"}, "You can't grant"},
			"what the actor lacks, to an admin":       {manager, w.Admin, []string{"billing", "dunning"}, "You can't grant"},
			"what both hold, the other taken off":     {manager, billing, []string{"billing"}, ""},
			"nothing, both taken off":                 {manager, dunning, nil, ""},
			"what the new user holds, by support":     {storetest.Support(t, w.s), dunning, []string{"dunning"}, ""},
			"what the new user holds, by an admin":    {w.Admin, w.Admin, []string{"billing", "dunning"}, ""},
			"what the key's user did not hold before": {w.Admin, w.Admin, []string{"revenue-management"}, ""},
		} {
			made := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.Name, in.APISets = what, []string{"billing", "dunning"} })))(t)
			before := w.key(made.ID)
			err := w.edited(test.actor, made.ID, mapTo(test.user, test.sets...))
			if test.says != "" {
				wantFields(t, what, err, "api_set")
				wantSays(t, what, err, test.says)
				wantEqual(t, what+": the key", w.key(made.ID), before)
				continue
			}
			wantCode(t, what, err, allowed)
			wantEqual(t, what+": reached", w.checked(made.Key, made.Secret).Subject.APISets, test.sets)
		}
	})
}

func TestAKeyIsNotRemappedToWhoHasAKeyOfItsName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		colleague := w.holder(nil, w.Billing)
		theirs := must(w.m.CreateKey(w.as(w.Admin), w.newPair(func(in *manage.NewKey) { in.UserID = colleague.ID })))(t)
		made := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.Kind, in.Name = portal.TokenKey, strings.ToUpper(in.Name) })))(t)
		before := w.key(made.ID)
		wantFields(t, "while theirs has it", w.edited(w.Admin, made.ID, mapTo(colleague, "billing")), "name")
		wantEqual(t, "the key", w.key(made.ID), before)
		mustDo(t, w.edited(w.Admin, made.ID, func(in *manage.KeyEdit) { in.UserID, in.Name = colleague.ID, "Another" }))
		wantFields(t, "renamed to it", w.edited(w.Admin, made.ID, renameTo("integration")), "name")
		mustDo(t, w.m.RevokeKey(w.as(w.Admin), theirs.ID, theirs.Name))
		mustDo(t, w.edited(w.Admin, made.ID, renameTo("integration")))

		// Of several that are remapped at once, one gets there.
		ctx, target := w.as(w.Admin), w.holder(nil, w.Billing)
		var edits []manage.KeyEdit
		for range 5 {
			user := w.holder(nil, w.Billing)
			one := must(w.m.CreateKey(ctx, w.newPair(func(in *manage.NewKey) { in.UserID = user.ID })))(t)
			edit := w.keyOf(one.ID)
			edit.UserID = target.ID
			edits = append(edits, edit)
		}
		outcomes := atOnce(len(edits), func(i int) error { return w.m.UpdateKey(ctx, edits[i]) })
		wantEqual(t, "at once", outcomes, map[portal.Code]int{allowed: 1, portal.CodeInvalid: 4})
	})
}

func TestTheOneTimePageOfAFormerUserIsGone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		colleague := w.holder(nil, w.Billing)
		waits := must(w.m.CreateKey(w.as(w.Admin), w.newPair(func(in *manage.NewKey) { in.Deliver = true })))(t)
		mustDo(t, w.edited(w.Admin, waits.ID, renameTo("Renamed")))
		wantEqual(t, "pages that wait after an edit", len(must(w.m.Deliveries(w.as(w.User)))(t)), 1)
		mustDo(t, w.edited(w.Admin, waits.ID, mapTo(colleague, "billing")))
		for whose, user := range map[string]portal.User{"the former user": w.User, "the new user": colleague} {
			wantEqual(t, "pages that wait for "+whose, len(must(w.m.Deliveries(w.as(user)))(t)), 0)
			wantCode(t, "looked at by "+whose, second(w.m.Delivery(w.as(user), waits.ID)), portal.CodeNotFound)
			wantCode(t, "opened by "+whose, second(w.m.OpenDelivery(w.as(user), waits.ID, 0)), portal.CodeNotFound)
		}
		mustDo(t, w.edited(w.Admin, waits.ID, mapTo(w.User, "billing")))
		wantCode(t, "opened by the former user when it is theirs again", second(w.m.OpenDelivery(w.as(w.User), waits.ID, 0)), portal.CodeNotFound)
		mustDo(t, w.edited(w.Admin, waits.ID, mapTo(colleague, "billing")))
		must(w.m.SendDelivery(w.as(w.Admin), waits.ID))(t)
		wantCode(t, "a new one, opened by the former user", second(w.m.OpenDelivery(w.as(w.User), waits.ID, 0)), portal.CodeNotFound)
		made := must(w.m.OpenDelivery(w.as(colleague), waits.ID, 0))(t)
		w.wantChecked("a new one, opened by the new user", made.Key, made.Secret, portal.CheckValid)
	})
}

// accessToken exchanges the secret of License's OAuth client for an access token.
func (w *world) accessToken(client manage.GeneratedKey) secret.Value {
	w.t.Helper()
	token, d, err := w.checker.IssueToken(w.t.Context(), verify.TokenRequest{
		ClientRequest: verify.ClientRequest{ID: client.PublicID, Secret: client.Secret.Reveal()},
	})
	mustDo(w.t, err)
	wantEqual(w.t, "the access token is issued", d.Code, portal.CheckValid)
	return token.Value
}

func TestAnOAuthClientIsRemappedByWhoCouldMakeItSo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.clientOf(w.Admin)
		in.APISets = []string{"billing"}
		client := must(w.m.CreateKey(w.as(w.Admin), in))(t)
		token := w.accessToken(client)
		keeper, lacks := w.holder([]portal.Authority{portal.ViewClientSecret}, w.Billing), w.holder([]portal.Authority{portal.ViewClientSecret})
		both := w.holder([]portal.Authority{portal.ViewClientSecret, portal.ManageAPIKeys}, w.Billing)
		keys, support, no := w.holder([]portal.Authority{portal.APIKeys}, w.Billing), storetest.Support(t, w.s), portal.CodeForbidden
		for _, test := range []struct {
			what        string
			actor, user portal.User
			want        portal.Code
		}{
			{"to another, by a keeper", keeper, w.User, no},
			{"to oneself, by who manages keys", keys, keys, no},
			{"to a member, by support", support, w.User, no},
			{"to a stranger, by both", both, w.Stranger, portal.CodeInvalid},
			{"to oneself, by a keeper who lacks its API sets", lacks, lacks, portal.CodeInvalid},
			{"to oneself, by a keeper", keeper, keeper, allowed},
			{"to another, by who is a keeper and manages keys", both, w.User, allowed},
			{"to another, by a super admin", w.SuperAdmin, both, allowed},
			{"back, by an admin", w.Admin, w.Admin, allowed},
		} {
			was := w.key(client.ID).UserID
			wantCode(t, test.what, w.edited(test.actor, client.ID, mapTo(test.user, "billing")), test.want)
			if test.want == allowed {
				was = test.user.ID
			}
			d := w.checked(client.Key, token)
			wantEqual(t, test.what+": an access token from before answers", []any{d.Code, d.Subject.UserID}, []any{portal.CheckValid, was})
		}
		// Staff who issue keys edit what is no secret of it.
		mustDo(t, w.edited(support, client.ID, renameTo("Renamed by support")))
	})
}

func TestOfADataLoaderKeyTheExpiryAloneIsChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		colleague := w.holder(nil, w.Billing)
		made := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.DataLoader, in.ExpiresAt = true, w.clock.Now().AddDate(1, 0, 0) })))(t)
		for what, edit := range map[string]func(*manage.KeyEdit){
			"the name":                renameTo("Renamed"),
			"the description":         func(in *manage.KeyEdit) { in.Description = "Edited." },
			"the API sets":            func(in *manage.KeyEdit) { in.APISets = []string{"billing", "dunning"} },
			"no API sets":             func(in *manage.KeyEdit) { in.APISets = nil },
			"the mapped user":         mapTo(colleague, "billing"),
			"the name and the expiry": func(in *manage.KeyEdit) { in.Name, in.ExpiresAt = "Renamed", w.clock.Now().AddDate(2, 0, 0) },
		} {
			for whose, by := range map[string]portal.User{"its user": w.User, "an admin": w.Admin, "a super admin": w.SuperAdmin} {
				want := portal.CodeConflict
				if by.ID == w.User.ID && what == "the mapped user" {
					want = portal.CodeForbidden
				}
				w.wantRefused(what+", by "+whose, by, made.ID, edit, want)
			}
		}
		w.wantChecked("it goes on", made.Key, made.Secret, portal.CheckValid)
		for _, expires := range []time.Time{w.clock.Now().AddDate(2, 0, 0), {}, w.clock.Now().Add(time.Hour)} {
			mustDo(t, w.edited(w.User, made.ID, expireAt(expires)))
			wantEqual(t, "the check is told", w.checked(made.Key, made.Secret).Subject.KeyExpiresAt, expires)
		}
		w.clock.Advance(time.Hour)
		mustDo(t, w.edited(w.User, made.ID, expireAt(w.clock.Now().Add(time.Hour))))
		w.wantChecked("renewed", made.Key, made.Secret, portal.CheckValid)

		mustDo(t, w.m.DisableKey(w.as(w.User), made.ID))
		mustDo(t, w.m.EnableKey(w.as(w.User), made.ID))
		rotated := must(w.m.RotateKey(w.as(w.User), manage.Rotation{KeyID: made.ID, Grace: time.Hour, Confirm: made.Name}))(t)
		w.wantChecked("rotated", made.Key, rotated.Secret, portal.CheckValid)
		mustDo(t, w.m.RevokeKey(w.as(w.User), made.ID, made.Name))
		w.wantChecked("deleted", made.Key, rotated.Secret, portal.CheckRevoked)
	})
}

func TestAFormThatIsOlderThanARemappingOrAnExpiryIsStale(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		colleague := w.holder(nil, w.Billing)
		for kind, made := range w.bothKinds() {
			for what, change := range map[string]func(*manage.KeyEdit){"a remapping": mapTo(colleague, "billing"), "an expiry": expireAt(w.clock.Now().Add(time.Hour))} {
				stale := w.keyOf(made.ID)
				mustDo(t, w.edited(w.Admin, made.ID, change))
				kept := w.key(made.ID)
				stale.Description = "Lost."
				wantCode(t, kind+" after "+what, w.m.UpdateKey(w.as(w.Admin), stale), portal.CodeConflict)
				stale.UserID, stale.ExpiresAt = kept.UserID, kept.ExpiresAt
				wantCode(t, kind+" after "+what+", with its values", w.m.UpdateKey(w.as(w.Admin), stale), portal.CodeConflict)
				wantEqual(t, kind+" after "+what, w.key(made.ID), kept)
			}
		}
	})
}
