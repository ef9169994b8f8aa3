package main

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/verify"
)

// use has a key checked: accepted the last time, refused where that is tried, and
// counted for the days before.
func (s *sample) use(ctx context.Context, key sampleKey, made manage.GeneratedKey) error {
	if key.used == 0 {
		return nil
	}
	decision, err := s.check(ctx, made, sampleTry{set: key.sets[0], from: key.from, hours: key.used})
	if err == nil && !decision.Valid() {
		err = errors.New(decision.Message)
	}
	for _, try := range key.refused {
		for range try.times {
			if err != nil {
				return err
			}
			if decision, err = s.check(ctx, made, try); err == nil && decision.Valid() {
				err = errors.New("a request that was to be refused is accepted")
			}
		}
	}
	if err != nil {
		return err
	}
	return s.keepBusy(ctx, made.ID, key.perDay, key.generated, key.used)
}

// check has a key checked so many hours ago.
func (s *sample) check(ctx context.Context, made manage.GeneratedKey, try sampleTry) (verify.Decision, error) {
	s.clock.at = s.hoursAgo(try.hours)
	return s.checker.Check(ctx, verify.Request{Credential: made.Secret.Reveal(), APISet: try.set, ClientIP: netip.MustParseAddr(try.from)})
}

// keepBusy counts uses of a key on each day from the one after it was generated to
// the one of its last use. To check all of that one by one would take long.
func (s *sample) keepBusy(ctx context.Context, id int64, perDay, generated, used int) error {
	var days []portal.Tally
	for ago := generated - 1; ago >= used/24; ago-- {
		if count := s.usesOn(s.daysOn(-ago), ago, perDay); count > 0 {
			days = append(days, portal.Tally{KeyID: id, Day: portal.DayOf(s.daysOn(-ago)), Accepted: int64(count)})
		}
	}
	return s.manager.Store.Update(ctx, func(u *store.Update) error { return u.AddUses(ctx, nil, days, nil) })
}

// usesOn counts the uses of a day: more on some days than on others, little at
// weekends, and today those until now.
func (s *sample) usesOn(day time.Time, ago, perDay int) int {
	count := perDay * (70 + ago*37%61) / 100
	if weekday := day.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		count /= 8
	}
	if ago == 0 {
		count = count * day.UTC().Hour() / 24
	}
	return count
}
