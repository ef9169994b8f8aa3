package manage_test

import (
	"context"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// through gives the context of who comes in through a key with its secret.
func (w *world) through(value secret.Value) context.Context {
	w.t.Helper()
	return w.acting(w.subject(value))
}

// throughAs is through for a request that acts as another user.
func (w *world) throughAs(value secret.Value, user portal.User) context.Context {
	w.t.Helper()
	return w.acting(must(w.s.SubjectAs(w.t.Context(), value.Hash(), user.ID))(w.t))
}

func (w *world) acting(subject portal.Subject) context.Context {
	w.t.Helper()
	actor := must(w.m.KeyActor(w.t.Context(), subject))(w.t)
	actor.Address = homeAddress
	return portal.WithActor(w.ctx, actor)
}

// keyFrom makes a key of a member that reaches Billing, is bound by nothing else, and
// is then edited.
func (w *world) keyFrom(user portal.User, edit ...func(*portal.Key)) (portal.Key, secret.Value) {
	w.t.Helper()
	edit = append([]func(*portal.Key){func(k *portal.Key) {
		k.APISets, k.ExpiresAt = []portal.APISet{w.Billing}, time.Time{}
	}}, edit...)
	return storetest.Key(w.t, w.s, w.membership(user), edit...)
}

// memberOfStaff gives a member of the organization who is staff.
func (w *world) memberOfStaff(staff portal.Staff) portal.User {
	w.t.Helper()
	user := storetest.User(w.t, w.s, func(u *portal.User) { u.Staff = staff })
	storetest.Member(w.t, w.s, w.Organization, user, storetest.Role(w.t, w.s, w.Organization, nil, w.Billing, w.Dunning))
	return user
}

func TestWhoComesInThroughAKeyActsInItsOrganizationAndReachesWhatItDoes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		both := w.adminOf(w.Organization, w.Other)
		expires := w.clock.Now().AddDate(0, 0, 30)
		key, value := w.keyFrom(both, func(k *portal.Key) {
			k.ExpiresAt, k.LicenseID, k.ApplicationID, k.AllowedNetworks, k.RateLimit = expires, w.License.ID, w.application().ID, []string{"192.0.2.0/24"}, boundTo
		})
		actor := portal.ActorFrom(w.through(value))
		wantEqual(t, "actor", [5]any{actor.UserID, actor.Username, actor.OrganizationID, actor.KeyID, actor.KeyName}, [5]any{both.ID, both.Username, w.Organization.ID, key.ID, key.Name})
		wantEqual(t, "bounds", actor.Bounds, portal.Bounds{APISets: map[string]bool{"billing": true}, ExpiresAt: expires, LicenseID: w.License.ID, Networks: []string{"192.0.2.0/24"}, RateLimit: boundTo})
		wantEqual(t, "organizations", len(actor.Grants), 1)
		wantEqual(t, "in the key's", [2]bool{actor.Holds(portal.Administration, w.Organization.ID), actor.Grants[w.Organization.ID].AllAccess}, [2]bool{true, false})
		wantEqual(t, "in the other", actor.Holds(portal.ViewUsers, w.Other.ID), false)
	})
}

func TestThroughAKeyAUserOfTwoOrganizationsFindsNothingOfTheOther(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		both := w.adminOf(w.Organization, w.Other)
		_, value := w.keyFrom(both)
		there := must(w.m.CreateKey(w.in(w.Other, both), manage.NewKey{OrganizationID: w.Other.ID, UserID: both.ID, Name: "There"}))(t)
		license := storetest.License(t, w.s, w.Other)
		request := must(w.m.CreateRequest(w.in(w.Other, both), manage.NewRequest{
			OrganizationID: w.Other.ID, ApplicationID: storetest.Application(t, w.s, w.Other).ID, LicenseID: license.ID, Reason: "For there.",
		}))(t)
		ctx := w.through(value)
		for what, err := range map[string]error{
			"the organization": second(w.m.Organization(ctx, w.Other.ID)), "its licenses": second(w.m.License(ctx, license.ID)), "a key": second(w.m.Key(ctx, there.ID)),
			"one's own membership": second(w.m.Membership(ctx, w.Other.ID, both.ID)), "a user": second(w.m.User(ctx, w.Stranger.ID)),
			"one's own requests":       second(w.m.Requests(ctx, portal.RequestFilter{OrganizationID: w.Other.ID, RequesterID: both.ID})),
			"one's requests of all":    second(w.m.Requests(ctx, portal.RequestFilter{RequesterID: both.ID})),
			"one's own request":        second(w.m.Request(ctx, request.ID)),
			"one's history":            second(w.m.Revisions(ctx, portal.RevisionFilter{UserID: both.ID, Organizations: []int64{w.Other.ID}})),
			"the history":              second(w.m.Revisions(ctx, portal.RevisionFilter{Organizations: []int64{w.Other.ID}})),
			"users":                    second(w.m.Users(ctx, portal.UserFilter{OrganizationID: w.Other.ID})),
			"keys":                     second(w.m.Keys(ctx, portal.KeyFilter{OrganizationID: w.Other.ID, UserID: both.ID})),
			"a new key":                second(w.m.CreateKey(ctx, manage.NewKey{OrganizationID: w.Other.ID, UserID: both.ID, Name: "Another"})),
			"another's account, moved": w.m.SetMembership(ctx, manage.MembershipInput{OrganizationID: w.Other.ID, UserID: w.User.ID, Member: true}),
		} {
			if code := codeOf(err); code != portal.CodeNotFound && code != portal.CodeForbidden {
				t.Errorf("%s: %v", what, err)
			}
		}
		var found []string
		for _, one := range must(w.m.MyOrganizations(ctx, 500))(t) {
			found = append(found, one.Name)
		}
		for _, one := range must(w.m.User(ctx, both.ID))(t).Memberships {
			found = append(found, one.OrganizationName)
		}
		wantEqual(t, "organizations and memberships", found, []string{w.Organization.Name, w.Organization.Name})
		for _, line := range must(w.m.Revisions(ctx, portal.RevisionFilter{UserID: both.ID}))(t).Rows {
			if line.OrganizationID == w.Other.ID {
				t.Errorf("the history of oneself tells of %s", line.Action)
			}
		}
		person := w.as(both)
		wantEqual(t, "in person", [2]int{len(must(w.m.MyOrganizations(person, 500))(t)), len(must(w.m.User(person, both.ID))(t).Memberships)}, [2]int{2, 2})
		wantEqual(t, "requests in person", len(must(w.m.Requests(person, portal.RequestFilter{RequesterID: both.ID}))(t).Rows), 1)
	})
}

func TestThroughAKeyStaffFindEverythingThatTheyDoInPerson(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, value := w.keyFrom(w.memberOfStaff(portal.Support))
		ctx := w.through(value)
		must(w.m.Organization(ctx, w.Other.ID))(t)
		must(w.m.Revisions(ctx, portal.RevisionFilter{}))(t)
		must(w.m.Revisions(ctx, portal.RevisionFilter{UserID: w.Stranger.ID}))(t)
		wantEqual(t, "memberships of a stranger", len(must(w.m.User(ctx, w.Stranger.ID))(t).Memberships), 1)
		wantEqual(t, "organizations", len(must(w.m.MyOrganizations(ctx, 500))(t)), 2)
	})
}

func TestAKeyMakesNoKeyBeyondItself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		expires, networks, other := w.clock.Now().AddDate(0, 0, 30), []string{"192.0.2.0/24", "2001:db8::/32"}, storetest.License(t, w.s, w.Organization)
		_, value := w.keyFrom(w.Admin, func(k *portal.Key) {
			k.ExpiresAt, k.LicenseID, k.ApplicationID, k.AllowedNetworks, k.RateLimit = expires, w.License.ID, w.application().ID, networks, boundTo
		})
		ctx := w.through(value)
		within := func(edit func(*manage.NewKey)) manage.NewKey {
			return w.newKey(func(in *manage.NewKey) {
				in.ExpiresAt, in.LicenseID, in.ApplicationID = expires, w.License.ID, w.application().ID
			}, edit)
		}
		for what, test := range map[string]struct {
			edit func(*manage.NewKey)
			want portal.Code
		}{
			"another API set":  {func(in *manage.NewKey) { in.APISets = []string{"billing", "dunning"} }, portal.CodeInvalid},
			"a later expiry":   {func(in *manage.NewKey) { in.ExpiresAt = expires.Add(time.Second) }, portal.CodeForbidden},
			"no expiry":        {func(in *manage.NewKey) { in.ExpiresAt = time.Time{} }, portal.CodeForbidden},
			"another license":  {func(in *manage.NewKey) { in.LicenseID = other.ID }, portal.CodeForbidden},
			"no license":       {func(in *manage.NewKey) { in.LicenseID, in.ApplicationID = 0, 0 }, portal.CodeForbidden},
			"another network":  {func(in *manage.NewKey) { in.AllowedNetworks = []string{"192.0.2.7", "198.51.100.0/24"} }, portal.CodeForbidden},
			"a network around": {func(in *manage.NewKey) { in.AllowedNetworks = []string{"192.0.0.0/16"} }, portal.CodeForbidden},
			"a higher rate limit": {func(in *manage.NewKey) {
				in.RateLimit = portal.RateLimit{Requests: 2, Period: portal.PerSecond, Burst: 20}
			}, portal.CodeForbidden},
			"more at once":              {func(in *manage.NewKey) { in.RateLimit = portal.RateLimit{Requests: 100, Period: portal.PerMinute} }, portal.CodeForbidden},
			"impersonation":             {func(in *manage.NewKey) { in.CanImpersonate = true }, portal.CodeForbidden},
			"a later expiry, delivered": {func(in *manage.NewKey) { in.ExpiresAt, in.Deliver = expires.Add(time.Second), true }, portal.CodeForbidden},
			"no expiry, of its user":    {func(in *manage.NewKey) { in.ExpiresAt, in.UserID = time.Time{}, w.Admin.ID }, portal.CodeForbidden},
			"a pair without a license":  {func(in *manage.NewKey) { in.Kind, in.LicenseID, in.ApplicationID = portal.PairKey, 0, 0 }, portal.CodeForbidden},
			"a client of no expiry": {func(in *manage.NewKey) {
				in.Kind, in.ApplicationID, in.UserID, in.ExpiresAt = portal.OAuthKey, 0, w.Admin.ID, time.Time{}
			}, portal.CodeForbidden},
		} {
			in := within(test.edit)
			before := w.dump()
			wantCode(t, what+", checked", w.m.CheckNewKey(ctx, in), test.want)
			made, err := w.m.CreateKey(ctx, in)
			wantCode(t, what, err, test.want)
			if !made.Secret.IsZero() || made.ID != 0 {
				t.Errorf("%s: %+v was made", what, made.Key)
			}
			w.wantSame(what, before)
		}
		made := must(w.m.CreateKey(ctx, within(func(*manage.NewKey) {})))(t)
		wantEqual(t, "the networks of one within", made.AllowedNetworks, networks)
		wantEqual(t, "its rate limit", made.RateLimit, boundTo)
		wantEqual(t, "its maker", [2]any{made.CreatedBy, made.CreatorName}, [2]any{w.Admin.ID, w.Admin.Name()})
		issued := must(w.m.IssueKey(ctx, within(func(in *manage.NewKey) { in.Name, in.APISets = "Issued", nil })))(t)
		wantEqual(t, "the networks of one that was issued", issued.AllowedNetworks, networks)
		wantEqual(t, "its rate limit", issued.RateLimit, boundTo)
		narrower := must(w.m.CreateKey(ctx, within(func(in *manage.NewKey) {
			in.Name, in.AllowedNetworks, in.RateLimit = "Narrower", []string{"192.0.2.7"}, portal.RateLimit{Requests: 20, Period: portal.PerMinute}
		})))(t)
		wantEqual(t, "the bounds of a narrower one", []any{narrower.AllowedNetworks, narrower.RateLimit}, []any{[]string{"192.0.2.7/32"}, portal.RateLimit{Requests: 20, Period: portal.PerMinute}})
	})
}

func TestAnApprovalThroughAKeyIssuesNoKeyBeyondIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		expires := w.clock.Now().AddDate(0, 0, 30)
		_, value := w.keyFrom(w.memberOfStaff(portal.Support), func(k *portal.Key) {
			k.ExpiresAt, k.AllowedNetworks, k.RateLimit = expires, []string{"192.0.2.0/24"}, boundTo
		})
		request, ctx := w.request(w.requester(), w.application()), w.through(value)
		approve := func(at time.Time, edit ...func(*manage.Approval)) (portal.Key, error) {
			in := manage.Approval{ID: request.ID, Version: request.Version, Name: "Approved", APISets: []string{"billing"}, ExpiresAt: at}
			for _, edit := range edit {
				edit(&in)
			}
			return w.m.ApproveRequest(ctx, in)
		}
		wantCode(t, "for ever", second(approve(time.Time{})), portal.CodeForbidden)
		wantCode(t, "for longer", second(approve(expires.Add(time.Second))), portal.CodeForbidden)
		wantCode(t, "from elsewhere", second(approve(expires, func(in *manage.Approval) { in.AllowedNetworks = []string{"198.51.100.7"} })), portal.CodeForbidden)
		wantCode(t, "more often", second(approve(expires, func(in *manage.Approval) { in.RateLimit = portal.RateLimit{Requests: 2, Period: portal.PerSecond} })), portal.CodeForbidden)
		made := must(approve(expires))(t)
		wantEqual(t, "its bounds", []any{made.AllowedNetworks, made.RateLimit}, []any{[]string{"192.0.2.0/24"}, boundTo})
	})
}

func TestAKeyWidensNoKeyBeyondItselfAndNarrowsAny(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		now := w.clock.Now()
		_, value := w.keyFrom(w.Admin, func(k *portal.Key) { k.ExpiresAt = now.AddDate(0, 0, 30) })
		ctx := w.through(value)
		within, _ := w.keyFrom(w.User, func(k *portal.Key) { k.APISets, k.ExpiresAt = nil, now.AddDate(0, 0, 10) })
		beyond, _ := w.keyFrom(w.User, func(k *portal.Key) { k.APISets = []portal.APISet{w.Billing, w.Dunning} })
		edit := func(id int64, change func(*manage.KeyEdit)) error {
			in := w.keyOf(id)
			change(&in)
			return w.m.UpdateKey(ctx, in)
		}
		sets := func(slugs ...string) func(*manage.KeyEdit) {
			return func(in *manage.KeyEdit) { in.APISets = slugs }
		}
		for _, test := range []struct {
			what   string
			id     int64
			change func(*manage.KeyEdit)
			want   portal.Code
		}{
			{"given another API set", within.ID, sets("dunning"), portal.CodeInvalid},
			{"renewed for longer", within.ID, expireAt(now.AddDate(0, 0, 31)), portal.CodeForbidden},
			{"made to never expire", within.ID, expireAt(time.Time{}), portal.CodeForbidden},
			{"one beyond, mapped to oneself", beyond.ID, mapTo(w.Admin, "billing"), portal.CodeForbidden},
			{"one beyond, mapped with all", beyond.ID, mapTo(w.Admin, "billing", "dunning"), portal.CodeInvalid},
			{"given what it reaches", within.ID, sets("billing"), allowed},
			{"renewed for as long", within.ID, expireAt(now.AddDate(0, 0, 30)), allowed},
			{"mapped to oneself", within.ID, mapTo(w.Admin, "billing"), allowed},
			{"one beyond, renamed", beyond.ID, renameTo("Renamed"), allowed},
			{"one beyond, with an expiry", beyond.ID, expireAt(now.AddDate(0, 0, 60)), allowed},
			{"one beyond, with fewer", beyond.ID, sets("dunning"), allowed},
		} {
			before := w.key(test.id)
			wantCode(t, test.what, edit(test.id, test.change), test.want)
			if test.want != allowed {
				wantEqual(t, test.what+": the key", w.key(test.id), before)
			}
		}
		for _, id := range []int64{within.ID, beyond.ID} {
			mustDo(t, w.m.DisableKey(ctx, id))
		}
		wantCode(t, "enabled, beyond", w.m.EnableKey(ctx, beyond.ID), portal.CodeForbidden)
		wantCode(t, "enabled, within", w.m.EnableKey(ctx, within.ID), allowed)
		mustDo(t, w.m.RevokeKey(ctx, beyond.ID, "Renamed"))
	})
}

func TestAKeyRotatesItselfAndWhatIsNotBeyondIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		own, value := w.keyFrom(w.Admin, func(k *portal.Key) { k.APISets = []portal.APISet{w.Billing, w.Revenue} })
		within, _ := w.keyFrom(w.User)
		beyond, _ := w.keyFrom(w.User, func(k *portal.Key) { k.APISets = []portal.APISet{w.Dunning} })
		beyondOfUser, _ := w.keyFrom(w.Admin, func(k *portal.Key) { k.APISets = []portal.APISet{w.Dunning} })
		mustDo(t, w.m.RetireAPISet(w.as(w.SuperAdmin), w.Revenue.ID, w.apiSetOf(w.Revenue.ID).Version, w.Revenue.Name)) // the key reaches less than it was granted
		ctx := w.through(value)
		rotate := func(ctx context.Context, key portal.Key) error {
			made, err := w.m.RotateKey(ctx, manage.Rotation{KeyID: key.ID, Grace: time.Hour, Confirm: key.Name})
			if err != nil && !made.Secret.IsZero() {
				t.Error("a secret is shown that was not made")
			}
			return err
		}
		wantCode(t, "itself", rotate(ctx, own), allowed)
		wantCode(t, "itself, taken back", w.m.CancelRotation(ctx, own.ID, own.Name), allowed)
		wantCode(t, "one within", rotate(ctx, within), allowed)
		wantCode(t, "one within, taken back", w.m.CancelRotation(ctx, within.ID, within.Name), allowed)
		for what, key := range map[string]portal.Key{"one beyond": beyond, "its user's other one": beyondOfUser} {
			wantCode(t, what, rotate(ctx, key), portal.CodeForbidden)
			mustDo(t, rotate(w.as(w.Admin), key))
			wantCode(t, what+", taken back", w.m.CancelRotation(ctx, key.ID, key.Name), portal.CodeForbidden)
			wantCode(t, what+", the old one ended", w.m.RetireOldSecret(ctx, key.ID, key.Name), allowed)
		}
	})
}

func TestThroughAKeyNobodyTouchesWhatIsForPeopleInPerson(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.prepare()
		root := w.memberOfStaff(portal.SuperAdmin)
		_, value := w.keyFrom(root)
		_, usersOwn := w.keyFrom(w.User)
		token := w.signIn(w.withPassword(root))
		session := w.session(token)
		ctx, asUser := w.through(value), w.through(usersOwn)
		staff := w.editOf(w.User.ID)
		staff.Staff = portal.Support
		before := w.dump()
		for what, err := range map[string]error{
			"a one-time page":         second(w.m.Delivery(asUser, w.prepared.delivered.ID)),
			"a one-time page, opened": second(w.m.OpenDelivery(asUser, w.prepared.delivered.ID, 0)),
			"sessions":                second(w.m.Sessions(ctx)),
			"a session":               w.m.EndSession(ctx, portal.Session{}, session.ID()),
			"the other sessions":      w.m.EndOtherSessions(ctx, portal.Session{}),
			"a password link":         second(w.m.SendPasswordLink(ctx, w.User.ID)),
			"a password, expired":     w.m.ActOnUser(ctx, w.User.ID, manage.ExpirePassword),
			"a password, changed":     second(w.m.ChangePassword(ctx, session, password, newPassword)),
			"a super admin":           second(w.m.CreateSuperAdmin(ctx, manage.FirstAdmin{Username: "eve", FirstName: "Eve", LastName: "E", Email: "eve@example.com", Password: newPassword})),
			"staff, made":             second(w.m.CreateUser(ctx, manage.NewUser{Username: "eve", FirstName: "Eve", LastName: "E", Email: "eve@example.com", Staff: portal.Support})),
			"staff, of a user":        w.m.UpdateUser(ctx, staff),
			"staff, locked":           w.m.ActOnUser(ctx, w.SuperAdmin.ID, manage.LockUser),
		} {
			wantCode(t, what, err, portal.CodeForbidden)
			if what != "staff, locked" { // it is said of support too that they are not theirs to change
				wantSays(t, what, err, "API key")
			}
		}
		_, _, err := w.m.ViewSecret(ctx, session, w.prepared.client.ID, password)
		wantCode(t, "a secret, viewed", err, portal.CodeForbidden)
		wantSays(t, "a secret, viewed", err, "API key")
		w.wantSame("nothing", before)
	})
}

// impersonated says of a line who did it as whom, through which key.
type impersonated struct {
	actor, impersonator, key int64
	actorName, name          string
}

func TestWhatIsDoneAsAnotherUserIsTheirsInTheHistoryWithWhoDidIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key, value := w.keyFrom(w.User, func(k *portal.Key) { k.CanImpersonate = true })
		ctx := w.throughAs(value, w.Admin)
		actor := portal.ActorFrom(ctx)
		wantEqual(t, "acts as", [3]any{actor.UserID, actor.Impersonator, actor.KeyID}, [3]any{w.Admin.ID, portal.Impersonator{UserID: w.User.ID, Name: w.User.Name()}, key.ID})
		other, _ := w.keyFrom(w.User)
		in := w.keyOf(other.ID)
		in.Description = "For the nights."
		mustDo(t, w.m.UpdateKey(ctx, in))
		line := must(w.s.Revisions(t.Context(), portal.RevisionFilter{Noun: portal.NounKey, NounID: other.ID}))(t).Rows[0]
		wantEqual(t, "the line", impersonated{line.ActorID, line.ImpersonatorID, line.KeyID, line.ActorName, line.ImpersonatorName},
			impersonated{w.Admin.ID, w.User.ID, key.ID, w.Admin.Name(), w.User.Name()})
	})
}

func TestAsAnotherUserNothingIsGotThatWorksOnWithoutImpersonation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, value := w.keyFrom(w.User, func(k *portal.Key) { k.CanImpersonate = true })
		ctx := w.throughAs(value, w.Admin)
		wantCode(t, "a key", second(w.m.CreateKey(ctx, w.newKey(func(in *manage.NewKey) { in.UserID = w.Admin.ID }))), portal.CodeForbidden)
		other, _ := w.keyFrom(w.User)
		in := w.keyOf(other.ID)
		mapTo(w.Admin, "billing")(&in)
		wantCode(t, "a mapping", w.m.UpdateKey(ctx, in), portal.CodeForbidden)
		wantCode(t, "a secret", second(w.m.RotateKey(ctx, manage.Rotation{KeyID: other.ID, Confirm: other.Name})), portal.CodeForbidden)
		must(w.m.CreateKey(w.as(w.Admin), w.newKey(func(in *manage.NewKey) { in.UserID = w.Admin.ID })))(t)
	})
}

func TestWhoNamesThemselvesToActAsImpersonatesNobody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, value := w.keyFrom(w.User, func(k *portal.Key) { k.CanImpersonate = true })
		wantEqual(t, "impersonator", portal.ActorFrom(w.throughAs(value, w.User)).Impersonator, portal.Impersonator{})
	})
}

func TestAsAnotherUserAKeyDoesNoMoreThanItReachesAndDoesNotOpenItself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key, value := w.keyFrom(w.User, func(k *portal.Key) { k.CanImpersonate = true })
		ctx := w.throughAs(value, w.Admin)
		wantFields(t, "a key for what it does not reach", second(w.m.CreateKey(ctx, w.newKey(func(in *manage.NewKey) { in.APISets = []string{"dunning"} }))), "api_set")
		wantCode(t, "a key that can impersonate", second(w.m.CreateKey(ctx, w.newKey(func(in *manage.NewKey) { in.CanImpersonate = true }))), portal.CodeForbidden)
		wantCode(t, "its own new secret", second(w.m.RotateKey(ctx, manage.Rotation{KeyID: key.ID, Confirm: key.Name})), portal.CodeForbidden)
		wantCode(t, "All Access", w.m.SetMembership(ctx, manage.MembershipInput{OrganizationID: w.Organization.ID, UserID: w.holder(nil).ID, Version: 1, Member: true, AllAccess: true}), portal.CodeForbidden)
		must(w.m.RotateKey(w.through(value), manage.Rotation{KeyID: key.ID, Confirm: key.Name}))(t)
	})
}

func TestNobodyGetsThroughAKeyByARoleOrAGroupWhatTheKeyDoesNotReach(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, value := w.keyFrom(w.Admin)
		ctx, user := w.through(value), w.holder(nil)
		role := storetest.Role(t, w.s, w.Organization, nil, w.Dunning)
		given := w.membershipOf(user)
		given.RoleIDs = ids(role)
		wantCode(t, "a role, given", w.m.SetMembership(ctx, given), portal.CodeForbidden)
		wantCode(t, "a role, made", second(w.m.CreateRole(ctx, w.newRole(func(in *manage.RoleInput) { in.APISets = []string{"dunning"} }))), portal.CodeForbidden)
		wantCode(t, "a group, made", second(w.m.CreateGroup(ctx, w.newGroup(func(in *manage.GroupInput) { in.RoleIDs, in.MemberIDs = ids(role), []int64{user.ID} }))), portal.CodeForbidden)
		given = w.membershipOf(user)
		given.AllAccess = true
		wantCode(t, "All Access, given", w.m.SetMembership(ctx, given), portal.CodeForbidden)
		_, err := w.m.CreateUser(ctx, manage.NewUser{Username: "eve", FirstName: "Eve", LastName: "E", Email: "eve@example.com", OrganizationID: w.Organization.ID, AllAccess: true})
		wantCode(t, "All Access, to a new user", err, portal.CodeForbidden)

		reached := storetest.Role(t, w.s, w.Organization, nil, w.Billing)
		given = w.membershipOf(user)
		given.RoleIDs = ids(reached)
		mustDo(t, w.m.SetMembership(ctx, given))
	})
}

func TestAKeyForThePortalsAPIIsNotMadeOfAnAdminByWhoOnlyManagesKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mustDo(t, w.m.EnsurePortalAPI(w.program()))
		portalAPI := w.portalAPI()
		manager := w.holder([]portal.Authority{portal.APIKeys}, portalAPI, w.Billing)
		for _, set := range []string{portal.PortalAPI, "billing"} {
			in := w.newKey(func(in *manage.NewKey) { in.Name, in.UserID, in.APISets = set, w.Admin.ID, []string{set} })
			if set == portal.PortalAPI {
				wantFields(t, set, second(w.m.CreateKey(w.as(manager), in)), "api_set")
				continue
			}
			must(w.m.CreateKey(w.as(manager), in))(t)
		}
		key, _ := w.keyFrom(w.Admin)
		wantFields(t, "given to one that there is", w.edited(manager, key.ID, func(in *manage.KeyEdit) { in.APISets = append(in.APISets, portal.PortalAPI) }), "api_set")
		own, _ := w.keyFrom(manager, func(k *portal.Key) { k.APISets = []portal.APISet{portalAPI} })
		wantCode(t, "mapped to an admin", w.edited(manager, own.ID, mapTo(w.Admin, portal.PortalAPI)), portal.CodeInvalid)
		admins, _ := w.keyFrom(w.Admin, func(k *portal.Key) { k.APISets = []portal.APISet{portalAPI} })
		wantCode(t, "an admin's, regenerated", second(w.m.RotateKey(w.as(manager), manage.Rotation{KeyID: admins.ID, Confirm: admins.Name})), portal.CodeForbidden)
		mustDo(t, w.m.DisableKey(w.as(manager), admins.ID))
		wantCode(t, "an admin's, enabled", w.m.EnableKey(w.as(manager), admins.ID), portal.CodeForbidden)
		for _, set := range must(w.m.OfferedAPISets(w.as(manager), w.Organization.ID, w.Admin.ID))(t) {
			if set.Slug == portal.PortalAPI {
				t.Error("it is offered")
			}
		}
	})
}

// portalAPI gives the API set Key Portal API.
func (w *world) portalAPI() portal.APISet {
	w.t.Helper()
	for _, set := range must(w.s.APISets(w.t.Context()))(w.t) {
		if set.Slug == portal.PortalAPI {
			return set
		}
	}
	w.t.Fatal("there is no API set of the portal's own")
	return portal.APISet{}
}

func TestThePortalsOwnAPISetIsMadeOnceUnderAFreeNameAndStaysAsItWasEdited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, name := range []string{"KEY portal api", "Key Portal API 2"} {
			must(w.m.CreateAPISet(w.as(w.SuperAdmin), manage.APISetInput{Slug: "taken-" + string(name[len(name)-1]), Name: name}))(t)
		}
		wantEqual(t, "history", w.actions(func() { mustDo(t, w.m.EnsurePortalAPI(w.program())) }), []string{"api_set created"})
		set := w.portalAPI()
		wantEqual(t, "made", [2]any{set.Name, set.Routes}, [2]any{"Key Portal API 3", []string{"/api/v1/"}})
		in := w.apiSetOf(set.ID)
		in.Name = "Ours"
		mustDo(t, w.m.UpdateAPISet(w.as(w.SuperAdmin), in))
		mustDo(t, w.m.RetireAPISet(w.as(w.SuperAdmin), set.ID, w.apiSetOf(set.ID).Version, "Ours"))
		wantEqual(t, "history of once more", len(w.lines(func() { mustDo(t, w.m.EnsurePortalAPI(w.program())) })), 0)
		wantEqual(t, "afterwards", [2]any{w.portalAPI().Name, w.portalAPI().Retired()}, [2]any{"Ours", true})
		wantCode(t, "by an admin", w.m.EnsurePortalAPI(w.as(w.Admin)), portal.CodeForbidden)
	})
}

func TestTheSlugOfThePortalsOwnAPISetStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mustDo(t, w.m.EnsurePortalAPI(w.program()))
		in := w.apiSetOf(w.portalAPI().ID)
		in.Slug = "another"
		wantFields(t, "renamed", w.m.UpdateAPISet(w.as(w.SuperAdmin), in), "slug")
		other := w.apiSetOf(w.Billing.ID)
		other.Slug = "invoices"
		wantCode(t, "another's slug", w.m.UpdateAPISet(w.as(w.SuperAdmin), other), allowed)
	})
}

func TestAnIdempotencyKeyThatComesWithSomethingElseIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := w.as(w.User)
		sent := func(token, fingerprint string) manage.Submission {
			return manage.Submission{Token: token, Fingerprint: []byte(fingerprint)}
		}
		create := func(submission manage.Submission) (manage.GeneratedKey, error) {
			return w.m.CreateKey(ctx, w.newKey(func(in *manage.NewKey) { in.Submission = submission }))
		}
		made := must(create(sent("one", "first")))(t)
		again := must(create(sent("one", "first")))(t)
		wantEqual(t, "again", [3]any{again.ID, again.Again, again.Secret.IsZero()}, [3]any{made.ID, true, true})
		for what, submission := range map[string]manage.Submission{"another body": sent("one", "second"), "a form": {Token: "one"}} {
			got, err := create(submission)
			wantCode(t, what, err, portal.CodeInvalid)
			wantSays(t, what, err, "Idempotency-Key was used for something else")
			wantEqual(t, what, got.ID, 0)
		}
		rotation := func(submission manage.Submission) error {
			return second(w.m.RotateKey(ctx, manage.Rotation{KeyID: made.ID, Confirm: made.Name, Submission: submission}))
		}
		wantCode(t, "another kind of thing", second(w.m.CreateRole(w.as(w.Admin), w.newRole(func(in *manage.RoleInput) { in.Submission = sent("one", "first") }))), allowed) // another user's
		wantCode(t, "a rotation with the same", rotation(sent("one", "rotation")), portal.CodeInvalid)
		mustDo(t, rotation(sent("two", "rotation")))
		masked := w.key(made.ID).Masked
		mustDo(t, rotation(sent("two", "rotation")))
		wantEqual(t, "rotated once", w.key(made.ID).Masked, masked)
	})
}
