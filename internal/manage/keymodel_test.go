package manage_test

import (
	"context"
	"flag"
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// TestMain has rapid try less than it would by itself: each of its steps takes
// a transaction or two. -rapid.checks asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// modeled is what a key is expected to be.
type modeled struct {
	id               int64
	name             string // folded
	secret           secret.Value
	enabled, revoked bool
	disabledBy       int64
	granted          []string
}

// model is what the keys of one user are expected to be, and what decides on
// them. Of the two roles, the first alone allows keys of one's own.
type model struct {
	w                        *world
	user                     portal.User
	roles                    [2]portal.Role
	allows                   [2][]string // the API sets of the roles
	held                     [2]bool
	member, allAccess        bool
	enabled, locked, expired bool
	retired                  map[string]bool
	keys                     []*modeled
}

var slugs = []string{"billing", "dunning", "revenue-management"}

func newModel(t *testing.T, w *world) *model {
	m := &model{w: w, user: storetest.User(t, w.s), member: true, enabled: true, held: [2]bool{true, true}, retired: map[string]bool{}}
	m.roles = [2]portal.Role{
		storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ManageUserAPIKey}, w.Billing),
		storetest.Role(t, w.s, w.Organization, nil, w.Dunning),
	}
	m.allows = [2][]string{{"billing"}, {"dunning"}}
	storetest.Member(t, w.s, w.Organization, m.user, m.roles[:]...)
	for _, set := range must(w.s.APISets(t.Context()))(t) {
		m.retired[set.Slug] = set.Retired()
	}
	return m
}

// allowed tells whether the user's roles allow an API set.
func (m *model) allowed(slug string) bool {
	for i, allows := range m.allows {
		if m.held[i] && slices.Contains(allows, slug) {
			return true
		}
	}
	return m.allAccess
}

// reached gives what a key is expected to reach.
func (m *model) reached(key *modeled) []string {
	return slices.DeleteFunc(slices.Clone(key.granted), func(slug string) bool { return m.retired[slug] || !m.allowed(slug) })
}

// may gives the code with which somebody who works on the user's keys is
// expected to be refused.
func (m *model) may(own, new bool) portal.Code {
	switch {
	case !own || m.member && m.held[0]:
		return allowed
	case new || m.member:
		return portal.CodeForbidden
	}
	return portal.CodeNotFound
}

// addable tells whether the API sets could be added to a key that has some.
func (m *model) addable(slugs, had []string) bool {
	return !slices.ContainsFunc(slugs, func(slug string) bool {
		return !slices.Contains(had, slug) && (m.retired[slug] || !m.member || !m.allowed(slug))
	})
}

func (m *model) nameTaken(name string, but *modeled) bool {
	return slices.ContainsFunc(m.keys, func(key *modeled) bool { return key != but && !key.revoked && key.name == portal.Fold(name) })
}

// draw gives who works on the keys: the user or the super admin.
func (m *model) draw(t *rapid.T) (ctx context.Context, own bool) {
	if own = rapid.Bool().Draw(t, "by the user"); own {
		return m.w.as(m.user), own
	}
	return m.w.as(m.w.SuperAdmin), own
}

func drawSlugs(t *rapid.T) []string {
	chosen := rapid.SliceOfDistinct(rapid.SampledFrom(slugs), rapid.ID[string]).Draw(t, "API sets")
	slices.Sort(chosen)
	return chosen
}

var drawName = rapid.SampledFrom([]string{"ERP", " erp", "Kiosk", "CRM"})

func (m *model) create(t *rapid.T) {
	ctx, own := m.draw(t)
	in := manage.NewKey{OrganizationID: m.w.Organization.ID, UserID: m.user.ID, Name: drawName.Draw(t, "name"), APISets: drawSlugs(t)}
	want := m.may(own, true)
	if want == allowed && (!m.member || m.nameTaken(in.Name, nil) || !m.addable(in.APISets, nil)) {
		want = portal.CodeInvalid
	}
	made, err := m.w.m.CreateKey(ctx, in)
	m.want(t, err, want)
	if err == nil {
		m.keys = append(m.keys, &modeled{id: made.ID, name: portal.Fold(in.Name), secret: made.Secret, enabled: true, granted: in.APISets})
	}
}

// change does something to one of the keys.
func (m *model) change(t *rapid.T, do func(ctx context.Context, key *modeled) (want portal.Code, err error)) {
	if len(m.keys) == 0 {
		return
	}
	key := rapid.SampledFrom(m.keys).Draw(t, "key")
	ctx, own := m.draw(t)
	final := key.revoked
	want, err := do(ctx, key)
	switch code := m.may(own, false); {
	case code != allowed:
		want = code
	case final:
		want = portal.CodeConflict
	}
	m.want(t, err, want)
}

func (m *model) edit(t *rapid.T) {
	m.change(t, func(ctx context.Context, key *modeled) (portal.Code, error) {
		in := m.w.keyOf(key.id)
		in.Name, in.APISets = drawName.Draw(t, "name"), drawSlugs(t)
		want := allowed
		if m.nameTaken(in.Name, key) || !m.addable(in.APISets, key.granted) {
			want = portal.CodeInvalid
		}
		err := m.w.m.UpdateKey(ctx, in)
		if err == nil {
			key.name, key.granted = portal.Fold(in.Name), in.APISets
		}
		return want, err
	})
}

func (m *model) able(t *rapid.T) {
	m.change(t, func(ctx context.Context, key *modeled) (portal.Code, error) {
		enable := rapid.Bool().Draw(t, "enable")
		actor := portal.ActorFrom(ctx)
		if !enable {
			err := m.w.m.DisableKey(ctx, key.id)
			if err == nil && key.enabled {
				key.enabled, key.disabledBy = false, actor.UserID
			}
			return allowed, err
		}
		want := allowed
		if !key.enabled && key.disabledBy != actor.UserID && actor.Staff != portal.SuperAdmin {
			want = portal.CodeForbidden
		}
		err := m.w.m.EnableKey(ctx, key.id)
		if err == nil {
			key.enabled = true
		}
		return want, err
	})
}

func (m *model) revoke(t *rapid.T) {
	m.change(t, func(ctx context.Context, key *modeled) (portal.Code, error) {
		err := m.w.m.RevokeKey(ctx, key.id, key.name)
		if err == nil {
			key.revoked = true
		}
		return allowed, err
	})
}

func (m *model) changeMembership(t *rapid.T) {
	m.member, m.allAccess = rapid.Float64().Draw(t, "member") < 0.8, rapid.Bool().Draw(t, "All Access")
	in := m.w.membershipOf(m.user)
	in.Member, in.AllAccess, in.RoleIDs = m.member, m.allAccess, nil
	for i, role := range m.roles {
		if m.held[i] = rapid.Bool().Draw(t, "role"); m.held[i] {
			in.RoleIDs = append(in.RoleIDs, role.ID)
		}
	}
	m.want(t, m.w.m.SetMembership(m.w.as(m.w.SuperAdmin), in), allowed)
}

func (m *model) changeRole(t *rapid.T) {
	i := rapid.IntRange(0, 1).Draw(t, "role")
	in := m.w.roleOf(m.roles[i].ID)
	in.APISets = drawSlugs(t)
	want := allowed
	if slices.ContainsFunc(in.APISets, func(slug string) bool { return m.retired[slug] && !slices.Contains(m.allows[i], slug) }) {
		want = portal.CodeInvalid
	}
	err := m.w.m.UpdateRole(m.w.as(m.w.SuperAdmin), in)
	m.want(t, err, want)
	if err == nil {
		m.allows[i] = in.APISets
	}
}

func (m *model) changeAPISet(t *rapid.T) {
	set := rapid.SampledFrom([]portal.APISet{m.w.Billing, m.w.Dunning, m.w.Revenue}).Draw(t, "API set")
	version := m.w.apiSetOf(set.ID).Version
	if m.retired[set.Slug] {
		m.want(t, m.w.m.RestoreAPISet(m.w.as(m.w.SuperAdmin), set.ID, version), allowed)
	} else {
		m.want(t, m.w.m.RetireAPISet(m.w.as(m.w.SuperAdmin), set.ID, version, set.Name), allowed)
	}
	m.retired[set.Slug] = !m.retired[set.Slug]
}

func (m *model) changeUser(t *rapid.T) {
	actions := map[manage.UserAction]func(){
		manage.EnableUser:     func() { m.enabled = true },
		manage.DisableUser:    func() { m.enabled = false },
		manage.LockUser:       func() { m.locked = true },
		manage.UnlockUser:     func() { m.locked = false },
		manage.ExpirePassword: func() { m.expired = true },
	}
	action := rapid.SampledFrom(slices.Sorted(maps.Keys(actions))).Draw(t, "action")
	actions[action]()
	m.want(t, m.w.m.ActOnUser(m.w.as(m.w.SuperAdmin), m.user.ID, action), allowed)
}

func (m *model) want(t *rapid.T, err error, code portal.Code) {
	if got := codeOf(err); got != code {
		t.Fatalf("the error is %v (%q), want one of code %q", err, got, code)
	}
}

// toldOfKey is what the check is told of a key, beside what it reaches.
type toldOfKey struct {
	enabled, revoked, member, userEnabled, userLocked, userExpired bool
	user, organization                                             int64
}

func (m *model) check(t *rapid.T) {
	for _, key := range m.keys {
		s := m.w.subject(key.secret)
		got := toldOfKey{s.KeyEnabled, !s.KeyRevokedAt.IsZero(), s.Member, s.UserEnabled, s.UserLocked, s.UserExpired, s.UserID, s.OrganizationID}
		want := toldOfKey{key.enabled, key.revoked, m.member, m.enabled, m.locked, m.expired, m.user.ID, m.w.Organization.ID}
		if got != want {
			t.Fatalf("of key %q the check is told %+v, want %+v", key.name, got, want)
		}
		if reached := m.reached(key); !slices.Equal(s.APISets, reached) {
			t.Fatalf("key %q reaches %q, want %q", key.name, s.APISets, reached)
		}
	}
}

func TestWhateverIsDoneTheCheckIsToldHowThingsAreNow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rapid.Check(t, func(rt *rapid.T) {
			m := newModel(t, w)
			rt.Repeat(map[string]func(*rapid.T){
				"create key": m.create, "edit key": m.edit, "enable or disable key": m.able, "revoke key": m.revoke,
				"change membership": m.changeMembership, "change role": m.changeRole, "retire or restore API set": m.changeAPISet, "change user": m.changeUser,
				"": m.check,
			})
		})
	})
}
