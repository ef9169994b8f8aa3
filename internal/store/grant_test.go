package store_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// persona is a drawn member: what its membership, roles and groups are, as
// indices into what the world has.
type persona struct {
	Admin, AllAccess, Ended bool
	Roles                   []bool   // by role: held directly
	Groups                  []bool   // by group: member
	Granted                 []bool   // by API set: granted to the key
	RoleSets                [][]bool // by role and API set
	RoleAuthorities         [][]bool // by role and authority
	RoleDeleted             []bool
	GroupRoles              [][]bool // by group and role
	GroupDeleted            []bool
	SetRetired              []bool
}

var drawnAuthorities = []portal.Authority{portal.ViewUsers, portal.ManageUserAPIKey, portal.ViewHistory}

const drawnSets, drawnRoles, drawnGroups = 3, 3, 2

func drawPersona(t *rapid.T) persona {
	flags := func(name string, n int) []bool { return rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, name) }
	grid := func(name string, n, m int) [][]bool {
		return rapid.SliceOfN(rapid.SliceOfN(rapid.Bool(), m, m), n, n).Draw(t, name)
	}
	flag := func(name string) bool { return rapid.IntRange(0, 3).Draw(t, name) == 0 }
	return persona{
		Admin: flag("admin"), AllAccess: flag("all access"), Ended: flag("ended"),
		Roles: flags("roles", drawnRoles), Groups: flags("groups", drawnGroups), Granted: flags("granted", drawnSets),
		RoleSets: grid("role sets", drawnRoles, drawnSets), RoleAuthorities: grid("role authorities", drawnRoles, len(drawnAuthorities)),
		RoleDeleted: flags("roles deleted", drawnRoles), GroupRoles: grid("group roles", drawnGroups, drawnRoles),
		GroupDeleted: flags("groups deleted", drawnGroups), SetRetired: flags("sets retired", drawnSets),
	}
}

// holds is the model: whether the member has a role, directly or by a group.
func (p persona) holds(role int) bool {
	held := p.Roles[role]
	for group := range p.Groups {
		held = held || p.Groups[group] && !p.GroupDeleted[group] && p.GroupRoles[group][role]
	}
	return held && !p.RoleDeleted[role]
}

// any tells whether a held role has the thing that the grid speaks of.
func (p persona) any(grid [][]bool, thing int) bool {
	for role := range grid {
		if p.holds(role) && grid[role][thing] {
			return true
		}
	}
	return false
}

func (p persona) grants(organization int64, slugs []string) map[int64]portal.Grant {
	if p.Ended {
		return map[int64]portal.Grant{}
	}
	grant := portal.Grant{AllAccess: p.AllAccess, APISets: map[string]bool{}}
	for i, authority := range drawnAuthorities {
		if p.any(p.RoleAuthorities, i) {
			grant.Authorities = append(grant.Authorities, authority)
		}
	}
	slices.Sort(grant.Authorities)
	if p.Admin {
		grant.Authorities = slices.Insert(grant.Authorities, 0, portal.Administration)
	}
	for i, slug := range slugs {
		if !p.SetRetired[i] && p.any(p.RoleSets, i) {
			grant.APISets[slug] = true
		}
	}
	return map[int64]portal.Grant{organization: grant}
}

func (p persona) reaches(slugs []string) (reached []string) {
	for i, slug := range slugs {
		if p.Granted[i] && !p.SetRetired[i] && (p.AllAccess || p.any(p.RoleSets, i)) {
			reached = append(reached, slug)
		}
	}
	return reached
}

func TestGrantsAndReachAreWhatTheModelSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var drawn atomic.Int64
		rapid.Check(t, func(rt *rapid.T) {
			p := drawPersona(rt)
			world := settle(t, s, p, strconv.FormatInt(drawn.Add(1), 10))
			grants, err := s.Grants(context.Background(), world.user)
			if want := p.grants(world.organization, world.slugs); err != nil || !reflect.DeepEqual(grants, want) {
				rt.Errorf("grants %+v, %v; want %+v", grants, err, want)
			}
			subject, err := s.Subject(context.Background(), world.secret.Hash())
			if want := p.reaches(world.slugs); err != nil || !slices.Equal(subject.APISets, want) || subject.Member == p.Ended {
				rt.Errorf("subject %+v, %v; want the API sets %v", subject, err, want)
			}
			as, err := s.SubjectAs(context.Background(), world.others.Hash(), world.user)
			if want := p.reaches(world.slugs); err != nil || !slices.Equal(as.APISets, want) || as.Impersonated.Member == p.Ended || as.Impersonated.ID != world.user {
				rt.Errorf("another user's key as them: %+v, %v; want the API sets %v", as, err, want)
			}
		})
	})
}

type settled struct {
	organization, user int64
	slugs              []string
	secret             secret.Value
	others             secret.Value // of a key that was granted the same and is another user's, who holds nothing
}

// settle puts a persona into the store, in one change for speed.
func settle(t *testing.T, s *store.Store, p persona, name string) (w settled) {
	t.Helper()
	var membership portal.Membership
	var roles []portal.Role
	storetest.Change(t, s, func(c *store.Change) error {
		organization, err := c.InsertOrganization(t.Context(), portal.Organization{Name: name, LevelID: 1})
		user, userErr := c.InsertUser(t.Context(), portal.User{Username: name, Enabled: true})
		var sets []portal.APISet
		for i := range p.SetRetired {
			set, setErr := c.InsertAPISet(t.Context(), portal.APISet{Slug: fmt.Sprintf("%s-%d", name, i), Name: fmt.Sprintf("%s %d", name, i)})
			sets, err = append(sets, set), firstError(err, userErr, setErr)
		}
		for i := range p.RoleSets {
			role, roleErr := c.InsertRole(t.Context(), portal.Role{
				OrganizationID: organization.ID, Name: fmt.Sprint(i), Authorities: chosen(drawnAuthorities, p.RoleAuthorities[i]), APISets: chosen(sets, p.RoleSets[i]),
			})
			roles, err = append(roles, role), firstError(err, roleErr)
		}
		if err != nil {
			return err
		}
		membership, err = c.SaveMembership(t.Context(), portal.Membership{
			OrganizationID: organization.ID, UserID: user.ID, Admin: p.Admin, AllAccess: p.AllAccess, Roles: chosen(roles, p.Roles),
		})
		if err != nil {
			return err
		}
		w = settled{organization: organization.ID, user: user.ID, secret: secret.New("", secret.Token)}
		_, err = c.InsertKey(t.Context(), portal.Key{
			Kind: portal.TokenKey, OrganizationID: organization.ID, UserID: user.ID, Name: name, Enabled: true, APISets: chosen(sets, p.Granted),
		}, storetest.Secret(w.secret))
		w.others = secret.New("", secret.Token)
		other, otherErr := c.InsertUser(t.Context(), portal.User{Username: name + "-other", Enabled: true})
		_, memberErr := c.SaveMembership(t.Context(), portal.Membership{OrganizationID: organization.ID, UserID: other.ID})
		_, keyErr := c.InsertKey(t.Context(), portal.Key{
			Kind: portal.TokenKey, OrganizationID: organization.ID, UserID: other.ID, Name: name, Enabled: true, CanImpersonate: true, APISets: chosen(sets, p.Granted),
		}, storetest.Secret(w.others))
		err = firstError(err, otherErr, memberErr, keyErr)
		for _, set := range sets {
			w.slugs = append(w.slugs, set.Slug)
		}
		return firstError(err, end(t.Context(), c, p, membership, roles, sets))
	})
	for i := range p.Groups {
		var members []portal.Membership
		if p.Groups[i] {
			members = append(members, membership)
		}
		id := storetest.Group(t, s, portal.Organization{ID: w.organization}, members, chosen(roles, p.GroupRoles[i])...)
		if p.GroupDeleted[i] {
			storetest.DeleteGroup(t, s, id)
		}
	}
	return w
}

// end retires, deletes and ends what the persona says.
func end(ctx context.Context, c *store.Change, p persona, membership portal.Membership, roles []portal.Role, sets []portal.APISet) error {
	for _, set := range chosen(sets, p.SetRetired) {
		set.RetiredAt = c.Now()
		if err := c.UpdateAPISet(ctx, set); err != nil {
			return err
		}
	}
	if p.Ended {
		membership.EndedAt = c.Now()
		if _, err := c.SaveMembership(ctx, membership); err != nil {
			return err
		}
	}
	for _, role := range chosen(roles, p.RoleDeleted) {
		if err := c.DeleteRole(ctx, role); err != nil {
			return err
		}
	}
	return nil
}

func chosen[T any](things []T, which []bool) (some []T) {
	for i, thing := range things {
		if which[i] {
			some = append(some, thing)
		}
	}
	return some
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
