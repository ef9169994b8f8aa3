package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"keyportal/internal/config"
	"keyportal/internal/keyset"
	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/verify"
)

// printedKeys are the keys that the demo shows.
type printedKeys struct {
	member, gateway secret.Value
	client, pair    manage.GeneratedKey
	impersonating   secret.Value
	impersonated    int64 // the user whom the demo acts as with it
}

// sample is a sample installation while it is being made. What happens in it
// happens as in any other, at the times that its clock shows.
type sample struct {
	manager       *manage.Manager
	checker       *verify.Checker
	clock         *sampleClock
	today         time.Time
	events        []sampleEvent // that are planned
	organizations map[string]int64
	users         map[string]portal.User
	applications  map[string]int64
}

// sampleClock shows the time that it was set to, and a second more each time
// that it is asked.
type sampleClock struct{ at time.Time }

func (c *sampleClock) now() time.Time {
	c.at = c.at.Add(time.Second)
	return c.at
}

const (
	day          = 24 * time.Hour
	sampleBegins = -90 // days from today
)

// daysOn gives the time in so many days.
func (s *sample) daysOn(days int) time.Time { return s.today.Add(time.Duration(days) * day) }

// makeSample makes the sample installation in a new database, with a past.
func makeSample(ctx context.Context, data config.Data) (printed printedKeys, err error) {
	keys, err := keyset.Open(data.KeysetPath())
	if err != nil {
		return printed, err
	}
	clock := &sampleClock{}
	opened, err := openMigrated(ctx, data, store.Options{MAC: keys, Clock: clock.now})
	if err != nil {
		return printed, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	s := &sample{
		manager:       manage.New(manage.Options{Store: opened, Sealer: keys, BaseURL: &url.URL{Scheme: "http", Host: "localhost"}}),
		checker:       verify.New(opened, verify.Options{}),
		clock:         clock,
		today:         time.Now(),
		organizations: map[string]int64{},
		users:         map[string]portal.User{},
		applications:  map[string]int64{},
	}
	return s.build(portal.WithActor(ctx, portal.Program("demo")))
}

func (s *sample) build(ctx context.Context) (printed printedKeys, err error) {
	s.clock.at = s.daysOn(sampleBegins)
	for _, step := range []func(context.Context) error{s.addAPISets, s.addOrganizations, s.addRoles, s.addPeople, s.addGroups} {
		if err := step(ctx); err != nil {
			return printed, err
		}
	}
	s.planKeys(&printed)
	s.planClients(&printed)
	s.planPairs(&printed)
	s.planImpersonation(&printed)
	s.planRequests()
	s.planFates()
	if err := s.play(ctx); err != nil {
		return printed, err
	}
	return printed, s.checker.Flush(ctx)
}

// sampleEvent is something that happens in the sample installation.
type sampleEvent struct {
	at   time.Time
	what string
	do   func(context.Context) error
}

// plan has something happen at a time, when all that is planned before it has happened.
func (s *sample) plan(at time.Time, what string, do func(context.Context) error) {
	s.events = append(s.events, sampleEvent{at, what, do})
}

// play lets happen what was planned, and what is planned meanwhile, one after the other
// as in any history.
func (s *sample) play(ctx context.Context) error {
	for len(s.events) > 0 {
		slices.SortStableFunc(s.events, func(a, b sampleEvent) int { return a.at.Compare(b.at) })
		next := s.events[0]
		s.events, s.clock.at = s.events[1:], next.at
		if err := next.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", next.what, err)
		}
	}
	return nil
}

func (s *sample) addAPISets(ctx context.Context) error {
	for _, set := range sampleAPISets {
		if _, err := s.manager.CreateAPISet(ctx, set); err != nil {
			return fmt.Errorf("API set %s: %w", set.Slug, err)
		}
	}
	return nil
}

func (s *sample) addOrganizations(ctx context.Context) error {
	levels, err := s.manager.ClientLevels(ctx)
	if err != nil {
		return err
	}
	for _, o := range sampleOrganizations {
		level := slices.IndexFunc(levels, func(level portal.ClientLevel) bool { return level.Name == o.level })
		made, err := s.manager.CreateOrganization(ctx, manage.OrganizationInput{Name: o.name, LevelID: levels[level].ID})
		if err == nil {
			s.organizations[o.name] = made.ID
			err = s.equip(ctx, o, made.ID)
		}
		if err == nil {
			err = s.noteApplications(ctx, made.ID)
		}
		if err != nil {
			return fmt.Errorf("organization %s: %w", o.name, err)
		}
	}
	return nil
}

// equip gives an organization its licenses, instances and applications.
func (s *sample) equip(ctx context.Context, o sampleOrganization, id int64) error {
	for _, license := range o.licenses {
		license.OrganizationID = id
		if _, err := s.manager.CreateLicense(ctx, license); err != nil {
			return err
		}
	}
	for _, instance := range o.instances {
		if _, err := s.manager.CreateInstance(ctx, manage.InstanceInput{Name: instance}); err != nil {
			return err
		}
	}
	for _, application := range o.applications {
		if _, err := s.manager.CreateApplication(ctx, manage.ApplicationInput{OrganizationID: id, Name: application}); err != nil {
			return err
		}
	}
	return nil
}

// noteApplications remembers the numbers of the applications that an organization
// can use.
func (s *sample) noteApplications(ctx context.Context, organization int64) error {
	applications, err := s.manager.Applications(ctx, organization)
	for _, application := range applications {
		s.applications[application.Name] = application.ID
	}
	return err
}

func (s *sample) addRoles(ctx context.Context) error {
	for _, role := range sampleRoles {
		if _, err := s.manager.CreateRole(ctx, role); err != nil {
			return fmt.Errorf("role %s: %w", role.Name, err)
		}
	}
	return nil
}

func (s *sample) addPeople(ctx context.Context) error {
	roles, err := s.manager.Roles(ctx, s.organizations[gold])
	if err != nil {
		return err
	}
	for _, person := range samplePeople {
		in := manage.NewUser{
			Username: person.username, FirstName: person.first, LastName: person.last, Email: person.username + "@example.com",
			Staff: person.staff, OrganizationID: s.organizations[person.organization],
			Admin: person.administers, AllAccess: person.administers,
		}
		for _, role := range roles {
			if slices.Contains(person.roles, role.Name) {
				in.RoleIDs = append(in.RoleIDs, role.ID)
			}
		}
		user, err := s.manager.CreateUser(ctx, in)
		if err == nil && person.logsIn {
			err = s.setPassword(ctx, user)
		}
		if err != nil {
			return fmt.Errorf("user %s: %w", person.username, err)
		}
		s.users[person.username] = user
	}
	return nil
}

func (s *sample) addGroups(ctx context.Context) error {
	for _, group := range sampleGroups {
		in := manage.GroupInput{OrganizationID: s.organizations[group.organization], Name: group.name, Description: group.description}
		for _, username := range group.members {
			in.MemberIDs = append(in.MemberIDs, s.users[username].ID)
		}
		roles, err := s.manager.Roles(ctx, in.OrganizationID)
		for _, role := range roles {
			if slices.Contains(group.roles, role.Name) {
				in.RoleIDs = append(in.RoleIDs, role.ID)
			}
		}
		if err == nil {
			_, err = s.manager.CreateGroup(ctx, in)
		}
		if err != nil {
			return fmt.Errorf("group %s: %w", group.name, err)
		}
	}
	return nil
}

func (s *sample) setPassword(ctx context.Context, user portal.User) error {
	sent, err := s.manager.SendPasswordLink(ctx, user.ID)
	if err != nil {
		return err
	}
	_, err = s.manager.SetPassword(ctx, sent.Link.Reveal(), samplePassword)
	return err
}

// planKeys has people generate keys, use them, and disable or revoke some.
func (s *sample) planKeys(printed *printedKeys) {
	for _, key := range sampleKeys {
		s.plan(s.daysOn(-key.generated), "key "+key.name+" of "+key.user, func(ctx context.Context) error {
			made, err := s.addKey(ctx, key)
			switch key.name {
			case memberKey:
				printed.member = made.Secret
			case gatewayKey:
				printed.gateway = made.Secret
			}
			if key.disabled || key.revoked {
				s.plan(s.daysOn(-1), "end of "+key.name, func(ctx context.Context) error { return s.endKey(ctx, key, made.ID) })
			}
			return err
		})
	}
}

// addKey has one of the people generate a key and use it.
func (s *sample) addKey(ctx context.Context, key sampleKey) (manage.GeneratedKey, error) {
	acting, err := s.as(ctx, key.generator())
	if err != nil {
		return manage.GeneratedKey{}, err
	}
	in := manage.NewKey{
		OrganizationID: s.organizations[personNamed(key.user).organization], UserID: s.users[key.user].ID,
		Name: key.name, Description: key.description, APISets: key.sets,
	}
	if key.expires != 0 {
		in.ExpiresAt = portal.EndOfDay(s.daysOn(key.expires), 0, time.UTC)
	}
	if key.license != "" {
		license, err := s.manager.Store.LicenseByNumber(ctx, key.license)
		if err != nil {
			return manage.GeneratedKey{}, err
		}
		in.LicenseID, in.ApplicationID = license.ID, s.applications[key.application]
	}
	made, err := s.manager.CreateKey(acting, in)
	if err == nil {
		err = s.use(ctx, key, made)
	}
	return made, err
}

// endKey has who generated a key disable or revoke it.
func (s *sample) endKey(ctx context.Context, key sampleKey, id int64) error {
	acting, err := s.as(ctx, key.generator())
	switch {
	case err != nil:
	case key.disabled:
		err = s.manager.DisableKey(acting, id)
	case key.revoked:
		err = s.manager.RevokeKey(acting, id, key.name)
	}
	return err
}

// as gives a context in which one of the people acts.
func (s *sample) as(ctx context.Context, username string) (context.Context, error) {
	user := s.users[username]
	grants, err := s.manager.Store.Grants(ctx, user.ID)
	return portal.WithActor(ctx, portal.Actor{
		UserID: user.ID, Username: user.Username, Name: user.Name(), Staff: user.Staff, Grants: grants,
	}), err
}

// planFates has administrators do to accounts what was to happen to them.
func (s *sample) planFates() {
	for _, person := range samplePeople {
		if person.fate == "" {
			continue
		}
		s.plan(s.daysOn(-1), "user "+person.username, func(ctx context.Context) error {
			acting, err := s.as(ctx, administratorOf(person.organization))
			if err != nil {
				return err
			}
			return s.manager.ActOnUser(acting, s.users[person.username].ID, person.fate)
		})
	}
}

func personNamed(username string) samplePerson {
	return samplePeople[slices.IndexFunc(samplePeople, func(p samplePerson) bool { return p.username == username })]
}

func administratorOf(organization string) string {
	return samplePeople[slices.IndexFunc(samplePeople, func(p samplePerson) bool {
		return p.organization == organization && p.administers && p.staff == portal.NotStaff
	})].username
}
