package main

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/verify"
)

// samplePair is a key pair of Integrations, and what became of it.
type samplePair struct {
	name       string
	user, by   string // the mapped user, and who made it
	sets       []string
	dataLoader bool
	made       int // hours ago
	expires    int // in so many days; 0: never
	used       int // hours ago; 0: never
	from       string
	rotated    int // hours ago; 0: never
}

// printedPair is the key pair that the demo prints.
const printedPair = "Integration"

var samplePairs = []samplePair{
	{name: printedPair, user: "clientadmin", by: "clientadmin", sets: []string{"billing", "dunning", "revenue-management"}, made: 500, expires: 344, used: 4, from: "192.0.2.60"},
	{name: "Mobile App", user: "alex.kim", by: "clientadmin", sets: []string{"billing", "revenue-management"}, made: 450, expires: 12, used: 20, from: "203.0.113.9"},
	{name: "Partner Portal", user: "clientadmin", by: "clientadmin", sets: []string{"billing"}, made: 400, expires: 170, used: 1, from: "198.51.100.64", rotated: 26},
	{name: "Invoice archive", user: "member", by: "clientadmin", sets: []string{"billing"}, made: 2, expires: 90},
	{name: portal.DataLoader, user: "erp-xss", by: "clientadmin", sets: []string{"billing", "dunning"}, dataLoader: true, made: 300, expires: 352, used: 11, from: "198.51.100.99"},
	{name: portal.DataLoader, user: "paul.meyer", by: "paul.meyer", sets: []string{"revenue-management"}, dataLoader: true, made: 200, expires: 356},
}

// planPairs has people make key pairs, use them and rotate some.
func (s *sample) planPairs(printed *printedKeys) {
	for _, pair := range samplePairs {
		what := "key pair " + pair.name + " of " + pair.user
		s.plan(s.hoursAgo(pair.made), what, func(ctx context.Context) error {
			made, err := s.addPair(ctx, pair)
			if pair.name == printedPair {
				printed.pair = made
			}
			if pair.rotated != 0 {
				s.plan(s.hoursAgo(pair.rotated), "rotation of "+what, func(ctx context.Context) error { return s.rotatePair(ctx, pair, made) })
			}
			if pair.used != 0 {
				s.plan(s.hoursAgo(pair.used), "use of "+what, func(ctx context.Context) error { return s.usePair(ctx, pair, made) })
			}
			return err
		})
	}
}

func (s *sample) addPair(ctx context.Context, pair samplePair) (manage.GeneratedKey, error) {
	acting, err := s.as(ctx, pair.by)
	if err != nil {
		return manage.GeneratedKey{}, err
	}
	in := manage.NewKey{
		Kind: portal.PairKey, DataLoader: pair.dataLoader, OrganizationID: s.organizations[personNamed(pair.user).organization],
		UserID: s.users[pair.user].ID, Name: pair.name, APISets: pair.sets,
	}
	if pair.expires != 0 {
		in.ExpiresAt = portal.EndOfDay(s.daysOn(pair.expires), 0, time.UTC)
	}
	return s.manager.CreateKey(acting, in)
}

func (s *sample) rotatePair(ctx context.Context, pair samplePair, made manage.GeneratedKey) error {
	acting, err := s.as(ctx, pair.by)
	if err != nil {
		return err
	}
	_, err = s.manager.RotateKey(acting, manage.Rotation{KeyID: made.ID, Grace: 7 * 24 * time.Hour, Confirm: pair.name})
	return err
}

// usePair has a key pair checked as it was made, be it rotated since.
func (s *sample) usePair(ctx context.Context, pair samplePair, made manage.GeneratedKey) error {
	decision, err := s.checker.Check(ctx, verify.Request{
		AccessKey: made.PublicID, SecurityKey: made.Secret.Reveal(), APISet: pair.sets[0], ClientIP: netip.MustParseAddr(pair.from),
	})
	if err == nil && !decision.Valid() {
		err = errors.New(decision.Message)
	}
	return err
}

func (s *sample) hoursAgo(hours int) time.Time { return s.today.Add(-time.Duration(hours) * time.Hour) }
