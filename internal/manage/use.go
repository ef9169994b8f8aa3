package manage

import (
	"context"

	"keyportal/internal/portal"
)

// daysShown is of how many days, with today, a key's use is told.
const daysShown = 30

// KeyUse tells how a key was used in the last 30 days (UTC), today's so far with
// them, and how it was refused last. The check writes use down every few seconds:
// what happened just now is not in it yet. For who may see the key.
func (m *Manager) KeyUse(ctx context.Context, id int64) (portal.Usage, error) {
	if _, err := m.visibleKey(ctx, id); err != nil {
		return portal.Usage{}, err
	}
	first := portal.DayOf(m.Now()) - daysShown + 1
	tallies, err := m.Store.Tallies(ctx, id, first)
	if err != nil {
		return portal.Usage{}, err
	}
	refusals, err := m.Store.Refusals(ctx, id)
	return portal.Usage{Days: everyDay(tallies, id, first), Refusals: refusals}, err
}

// everyDay puts tallies among those of the days without use. A replica whose clock
// is ahead counts for tomorrow, which is not shown yet.
func everyDay(tallies []portal.Tally, key, first int64) []portal.Tally {
	days := make([]portal.Tally, daysShown)
	for i := range days {
		days[i] = portal.Tally{KeyID: key, Day: first + int64(i)}
	}
	for _, tally := range tallies {
		if i := tally.Day - first; i < daysShown {
			days[i] = tally
		}
	}
	return days
}
