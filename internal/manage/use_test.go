package manage_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// counted writes down what the check counted of Key.
func (w *world) counted(tallies []portal.Tally, refusals ...portal.Refusal) {
	w.t.Helper()
	for i := range tallies {
		tallies[i].KeyID = w.Key.ID
	}
	for i := range refusals {
		refusals[i].KeyID = w.Key.ID
	}
	mustDo(w.t, w.s.Update(w.t.Context(), func(u *store.Update) error { return u.AddUses(w.t.Context(), nil, tallies, refusals) }))
}

func TestTheUseOfAKeyHasEveryDayOfTheLast30(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		now := w.clock.Now()
		today := portal.DayOf(now)
		w.counted([]portal.Tally{
			{Day: today - 30, Accepted: 1000}, {Day: today - 29, Accepted: 1}, {Day: today - 3, Accepted: 20, Refused: 4}, {Day: today, Refused: 2}, {Day: today + 1, Accepted: 7},
		}, portal.Refusal{Code: portal.CheckExpired, At: now.Add(-time.Hour), From: "192.0.2.1"}, portal.Refusal{Code: portal.CheckIPNotAllowed, At: now, From: "192.0.2.2"})

		usage := must(w.m.KeyUse(w.as(w.User), w.Key.ID))(t)
		want := make([]portal.Tally, 30)
		for i := range want {
			want[i] = portal.Tally{KeyID: w.Key.ID, Day: today - 29 + int64(i)}
		}
		want[0].Accepted, want[26].Accepted, want[26].Refused, want[29].Refused = 1, 20, 4, 2
		wantEqual(t, "days", usage.Days, want)
		var codes []portal.CheckCode
		for _, refusal := range usage.Refusals {
			codes = append(codes, refusal.Code)
		}
		wantEqual(t, "refusals", codes, []portal.CheckCode{portal.CheckIPNotAllowed, portal.CheckExpired})

		unused, _ := storetest.Key(t, w.s, w.Membership)
		usage = must(w.m.KeyUse(w.as(w.User), unused.ID))(t)
		accepted, refused := usage.Total()
		wantEqual(t, "use of another key", []int64{int64(len(usage.Days)), accepted, refused, int64(len(usage.Refusals))}, []int64{30, 0, 0, 0})
	})
}

func TestTheUseOfAKeyIsForWhoMaySeeTheKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		viewer, nobody := w.holder([]portal.Authority{portal.ViewAPIKeys}), w.holder(nil)
		for what, test := range map[string]struct {
			actor portal.User
			key   int64
			want  portal.Code
		}{
			"the mapped user":  {w.User, w.Key.ID, allowed},
			"a looker-on":      {viewer, w.Key.ID, allowed},
			"the admin":        {w.Admin, w.Key.ID, allowed},
			"a mere member":    {nobody, w.Key.ID, portal.CodeForbidden},
			"a stranger":       {w.Stranger, w.Key.ID, portal.CodeNotFound},
			"of no key at all": {w.Admin, 4711, portal.CodeNotFound},
		} {
			_, err := w.m.KeyUse(w.as(test.actor), test.key)
			wantCode(t, what, err, test.want)
			_, err = w.m.Key(w.as(test.actor), test.key)
			wantCode(t, what+", of the key", err, test.want)
		}
	})
}

func TestAKeyTellsWhetherItsUserIsStillInTheOrganization(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		wantEqual(t, "member", must(w.m.Key(w.as(w.Admin), w.Key.ID))(t).Member, true)
		membership := w.membership(w.User)
		membership.EndedAt = w.clock.Now()
		storetest.SaveMembership(t, w.s, membership)
		left := must(w.m.Key(w.as(w.Admin), w.Key.ID))(t)
		wantEqual(t, "member who left", left.Member, false)
		wantEqual(t, "not reached", len(left.Ineffective), len(left.APISets))
	})
}
