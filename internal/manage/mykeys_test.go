package manage_test

import (
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// untold names the keys of which a user is still to be told.
func (w *world) untold(user portal.User) []string {
	w.t.Helper()
	return names(must(w.m.KeysMappedToMe(w.as(user)))(w.t))
}

func names(keys []portal.Key) []string {
	names := []string{}
	for _, key := range keys {
		names = append(names, key.Name)
	}
	return names
}

// generate has a user generate a key for User.
func (w *world) generate(by portal.User, name string) portal.Key {
	w.t.Helper()
	return must(w.m.CreateKey(w.as(by), w.newKey(func(in *manage.NewKey) { in.Name = name })))(w.t).Key
}

func TestOneIsToldOfKeysThatSomebodyElseMadeUntilOneAcknowledgesThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.generate(w.User, "Own")
		wantEqual(t, "one's own", w.untold(w.User), []string{})

		first := w.generate(w.Admin, "First")
		wantEqual(t, "who mapped it", []any{first.MappedBy, first.MapperName, first.MappedAt, first.MappingTold}, []any{w.Admin.ID, w.Admin.Name(), w.clock.Now(), false})
		w.clock.Advance(time.Minute)
		second := must(w.m.CreateKey(w.program(), w.newKey(func(in *manage.NewKey) { in.Name = "Second" })))(t).Key
		wantEqual(t, "the latest first", w.untold(w.User), []string{"Second", "First"})
		wantEqual(t, "the maker", w.untold(w.Admin), []string{})

		both := []int64{first.ID, second.ID, w.Key.ID}
		mustDo(t, w.m.AcknowledgeKeys(w.as(w.Admin), both, second.MappedAt))
		wantEqual(t, "acknowledged by somebody else", w.untold(w.User), []string{"Second", "First"})
		mustDo(t, w.m.AcknowledgeKeys(w.as(w.User), both, first.MappedAt))
		wantEqual(t, "what came later than what was seen", w.untold(w.User), []string{"Second"})
		mustDo(t, w.m.AcknowledgeKeys(w.as(w.User), []int64{first.ID}, second.MappedAt))
		wantEqual(t, "what was not shown", w.untold(w.User), []string{"Second"})
		before := w.key(second.ID)
		wantEqual(t, "history", len(w.lines(func() { mustDo(t, w.m.AcknowledgeKeys(w.as(w.User), both, second.MappedAt)) })), 0)
		wantEqual(t, "all of them", w.untold(w.User), []string{})
		before.MappingTold = true
		wantEqual(t, "the key", w.key(second.ID), before)
		wantCode(t, "nobody", w.m.AcknowledgeKeys(t.Context(), both, second.MappedAt), portal.CodeUnauthenticated)
	})
}

func TestAKeyThatEndsOrWhoseUserLeavesIsNotTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := w.generate(w.Admin, "Revoked")
		mustDo(t, w.m.RevokeKey(w.as(w.Admin), key.ID, key.Name))
		w.generate(w.Admin, "Here")
		wantEqual(t, "revoked", w.untold(w.User), []string{"Here"})
		w.set(w.User, func(in *manage.MembershipInput) { in.Member = false })
		wantEqual(t, "left", w.untold(w.User), []string{})
	})
}

func TestAKeyOnItsOneTimePageIsAnnouncedThereAndKnownOnceThatIsOpened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		deliver := func(name string) portal.Key {
			return must(w.m.CreateKey(w.as(w.Admin), w.newKey(func(in *manage.NewKey) { in.Name, in.Deliver = name, true })))(t).Key
		}
		opened := deliver("Opened")
		wantEqual(t, "while it waits", w.untold(w.User), []string{})
		must(w.m.OpenDelivery(w.as(w.User), opened.ID, 0))(t)
		wantEqual(t, "once it was opened", w.untold(w.User), []string{})

		deliver("Expired")
		w.clock.Advance(week)
		wantEqual(t, "once the page has expired", w.untold(w.User), []string{"Expired"})

		sent := w.generate(w.Admin, "Sent")
		must(w.m.SendDelivery(w.as(w.Admin), sent.ID))(t)
		wantEqual(t, "a new secret says nothing of who made the key", w.untold(w.User), []string{"Sent", "Expired"})
	})
}

func TestMyKeysAreThoseOfAllOrganizationsThatOneIsIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := storetest.Member(t, w.s, w.Other, w.User)
		left := storetest.Member(t, w.s, storetest.Organization(t, w.s), w.User)
		named := func(m portal.Membership, name string) {
			storetest.Key(t, w.s, m, func(k *portal.Key) { k.Name = name })
		}
		named(other, "Elsewhere")
		named(left, "Left")
		left.EndedAt = w.clock.Now()
		storetest.SaveMembership(t, w.s, left)
		storetest.Change(t, w.s, func(c *store.Change) error {
			key := w.key(w.Key.ID)
			key.Name, key.RevokedAt = "Revoked", c.Now()
			return c.UpdateKey(t.Context(), key)
		})
		w.set(w.User, func(in *manage.MembershipInput) { in.RoleIDs = nil })

		mine := func(user portal.User) []string { return names(must(w.m.MyKeys(w.as(user), portal.List{}))(t).Rows) }
		wantEqual(t, "without any authority", mine(w.User), []string{"Elsewhere", "Revoked"})
		wantEqual(t, "an administrator's own", mine(w.Admin), []string{})
		wantEqual(t, "the program's", len(must(w.m.MyKeys(w.program(), portal.List{}))(t).Rows), 0)
	})
}
