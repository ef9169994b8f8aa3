package store_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func addLink(t *testing.T, s *store.Store, edit func(*portal.Link)) (portal.Link, secret.Hash) {
	t.Helper()
	hash := secret.New("", secret.Link).Hash()
	link := portal.Link{Hash: hash[:], Purpose: portal.PasswordLink, CreatedBy: 7, ExpiresAt: s.Now().Add(time.Hour), CreatedAt: s.Now()}
	edit(&link)
	update(t, s, func(u *store.Update) error { return u.InsertLink(t.Context(), link) })
	return link, hash
}

func TestALinkIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		want, hash := addLink(t, s, func(l *portal.Link) { l.Purpose, l.UserID, l.KeyID = portal.DeliveryLink, f.User.ID, f.Key.ID })
		wantFilled(t, want, "UsedAt")
		wantEqual(t, "link", must[portal.Link](t)(s.Link(t.Context(), hash)), want)

		want.UsedAt = storetest.Of(s).Clock.Advance(time.Minute)
		update(t, s, func(u *store.Update) error { return u.UseLink(t.Context(), hash[:]) })
		wantEqual(t, "used", must[portal.Link](t)(s.Link(t.Context(), hash)), want)
		_, err := s.Link(t.Context(), secret.HashOf("another"))
		wantCode(t, "another", err, portal.CodeNotFound)
	})
}

func TestALinkOpensOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, hash := addLink(t, s, func(l *portal.Link) { l.Purpose = portal.SetUpLink })
		errs := inParallel(50, func() error {
			return s.Update(t.Context(), func(u *store.Update) error { return u.UseLink(t.Context(), hash[:]) })
		})
		opened := 0
		for _, err := range errs {
			if err == nil {
				opened++
				continue
			}
			wantCode(t, "the other times", err, portal.CodeNotFound)
		}
		wantEqual(t, "times that it opened", opened, 1)
	})
}

func TestUnusedLinksAreDropped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user, other := storetest.User(t, s), storetest.User(t, s)
		_, dropped := addLink(t, s, func(l *portal.Link) { l.UserID = user.ID })
		_, others := addLink(t, s, func(l *portal.Link) { l.UserID = other.ID })
		_, setUp := addLink(t, s, func(l *portal.Link) { l.Purpose = portal.SetUpLink })
		_, used := addLink(t, s, func(l *portal.Link) { l.UserID, l.UsedAt = user.ID, s.Now() })
		drop := func(fn func(*store.Update) error, want map[string]bool) {
			t.Helper()
			update(t, s, fn)
			got := map[string]bool{}
			for name, hash := range map[string]secret.Hash{"dropped": dropped, "others": others, "set-up": setUp, "used": used} {
				if _, err := s.Link(t.Context(), hash); err == nil {
					got[name] = true
				}
			}
			wantEqual(t, "links", got, want)
		}
		drop(func(u *store.Update) error { return u.DropLinksOf(t.Context(), portal.PasswordLink, user.ID) }, map[string]bool{"others": true, "set-up": true, "used": true})
		drop(func(u *store.Update) error { return u.DropLinksOf(t.Context(), portal.SetUpLink, 0) }, map[string]bool{"others": true, "used": true})
		drop(func(u *store.Update) error { return u.DropLinksBefore(t.Context(), s.Now().Add(time.Hour)) }, map[string]bool{"others": true, "used": true})
		drop(func(u *store.Update) error {
			return u.DropLinksBefore(t.Context(), s.Now().Add(time.Hour+time.Microsecond))
		}, map[string]bool{})
	})
}

func TestAKeyHasOneDeliveryWhichIsFoundAndDroppedByTheKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other, _ := storetest.Key(t, s, f.Membership)
		_, err := s.Delivery(t.Context(), f.Key.ID)
		wantCode(t, "before", err, portal.CodeNotFound)
		to := func(key portal.Key) func(*portal.Link) {
			return func(l *portal.Link) { l.Purpose, l.UserID, l.KeyID = portal.DeliveryLink, f.User.ID, key.ID }
		}
		want, hash := addLink(t, s, to(f.Key))
		addLink(t, s, to(other))
		addLink(t, s, func(l *portal.Link) { l.UserID = f.User.ID })
		wantEqual(t, "delivery", must[portal.Link](t)(s.Delivery(t.Context(), f.Key.ID)), want)

		second := secret.New("", secret.Link).Hash()
		again := want
		again.Hash = second[:]
		wantCode(t, "a second one", s.Update(t.Context(), func(u *store.Update) error { return u.InsertLink(t.Context(), again) }), portal.CodeConflict)
		want.UsedAt = s.Now()
		update(t, s, func(u *store.Update) error { return u.UseLink(t.Context(), hash[:]) })
		wantEqual(t, "opened", must[portal.Link](t)(s.Delivery(t.Context(), f.Key.ID)), want)
		wantCode(t, "a second one when it was opened", s.Update(t.Context(), func(u *store.Update) error { return u.InsertLink(t.Context(), again) }), portal.CodeConflict)

		update(t, s, func(u *store.Update) error { return u.DropDelivery(t.Context(), f.Key.ID) })
		_, err = s.Delivery(t.Context(), f.Key.ID)
		wantCode(t, "dropped", err, portal.CodeNotFound)
		must[portal.Link](t)(s.Delivery(t.Context(), other.ID))
		update(t, s, func(u *store.Update) error { return u.InsertLink(t.Context(), again) })
	})
}

func TestTheDeliveriesThatWaitForAUserAreListed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		deliver := func(edit func(*portal.Link)) portal.Key {
			key := storetest.Insert(t, s, func(c *store.Change) (portal.Key, error) {
				return c.InsertKey(t.Context(), portal.Key{Kind: portal.TokenKey, OrganizationID: f.Organization.ID, UserID: f.User.ID, Name: secret.New("", secret.Token).Mask(), Enabled: true}, portal.Secret{})
			})
			addLink(t, s, func(l *portal.Link) {
				l.Purpose, l.UserID, l.KeyID = portal.DeliveryLink, f.User.ID, key.ID
				edit(l)
			})
			return key
		}
		waits := func(*portal.Link) {}
		first, second := deliver(waits), deliver(waits)
		deliver(func(l *portal.Link) { l.UserID = f.Admin.ID })
		deliver(func(l *portal.Link) { l.UsedAt = s.Now() })
		deliver(func(l *portal.Link) { l.ExpiresAt = s.Now() })
		just := deliver(func(l *portal.Link) { l.ExpiresAt = s.Now().Add(time.Microsecond) })
		revoke(t, s, deliver(waits))
		addLink(t, s, func(l *portal.Link) { l.UserID, l.KeyID = f.User.ID, f.Key.ID }) // for another purpose
		wantEqual(t, "keys", must[[]portal.Key](t)(s.DeliveriesTo(t.Context(), f.User.ID)), []portal.Key{first, second, just})
	})
}
