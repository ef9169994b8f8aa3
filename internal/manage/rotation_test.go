package manage_test

import (
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// cancel cancels the rotation of a key.
func (w *world) cancel(by portal.User, key portal.Key) error {
	w.t.Helper()
	return w.m.CancelRotation(w.as(by), key.ID, manage.RotationName(key))
}

func TestACanceledRotationLeavesTheOldSecretAsIfNothingHadHappened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for kind, made := range w.bothKinds() {
			mustDo(t, w.edited(w.User, made.ID, expireAt(time.Time{})))
			fresh := w.rotate(made.Key, time.Hour)
			w.clock.Advance(time.Hour - time.Microsecond)
			lines := w.lines(func() { mustDo(t, w.cancel(w.User, made.Key)) })
			wantEqual(t, kind+": history", []string{told(lines[0])}, line("key canceled the rotation %s: Secret %s→%s", made.Name, fresh.Secret.Mask(), made.Secret.Mask()))
			w.wantChecked(kind+": the new secret", made.Key, fresh.Secret, portal.CheckNotFound)
			w.clock.Advance(week)
			d := w.checked(made.Key, made.Secret)
			wantEqual(t, kind+": the old secret when its grace is long over", []any{d.Code, d.ExpiresAt()}, []any{portal.CheckValid, time.Time{}})
			details := must(w.m.Key(w.as(w.User), made.ID))(t)
			wantEqual(t, kind+": secrets", []any{len(details.Secrets), details.Secrets[0].Previous, details.Secrets[0].ExpiresAt, details.Masked},
				[]any{1, false, time.Time{}, made.Secret.Mask()})
			for masked, want := range map[string]int{made.Secret.Mask(): 1, fresh.Secret.Mask(): 0} {
				tail := masked[strings.LastIndex(masked, "…"):]
				found := must(w.m.Keys(w.as(w.User), portal.KeyFilter{OrganizationID: w.Organization.ID, UserID: w.User.ID, Kind: made.Kind, List: portal.List{Search: tail}}))(t)
				wantEqual(t, kind+": found by "+masked, len(found.Rows), want)
			}
		}
	})
}

func TestARotationIsCanceledByWhoMayRotateAndTheOldSecretRetiredByWhoChangesTheKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		pair := must(w.m.CreateKey(w.as(w.User), w.newPair()))(t).Key
		client, support, no, unseen := w.oauthClient(w.License, w.Admin).Key, storetest.Support(t, w.s), portal.CodeForbidden, portal.CodeNotFound
		both := w.holder([]portal.Authority{portal.ManageAPIKeys, portal.ViewClientSecret})
		for what, test := range map[string]struct {
			actor              portal.User
			token, pair, oauth portal.Code
		}{
			"the key's user":            {w.User, allowed, allowed, no},
			"who manages keys":          {w.holder([]portal.Authority{portal.ManageAPIKeys}), allowed, allowed, no},
			"who views keys":            {w.holder([]portal.Authority{portal.ViewAPIKeys}), no, no, no},
			"who has keys of their own": {w.holder([]portal.Authority{portal.ManageUserAPIKey}), no, no, no},
			"a keeper":                  {w.holder([]portal.Authority{portal.ViewClientSecret}), no, no, allowed},
			"who is both":               {both, allowed, allowed, allowed},
			"an admin":                  {w.Admin, allowed, allowed, allowed},
			"support":                   {support, allowed, allowed, no},
			"a super admin":             {w.SuperAdmin, allowed, allowed, allowed},
			"a stranger":                {w.Stranger, unseen, unseen, unseen},
			"nobody":                    {portal.User{}, portal.CodeUnauthenticated, portal.CodeUnauthenticated, portal.CodeUnauthenticated},
		} {
			for _, one := range []struct {
				key  portal.Key
				want portal.Code
			}{{w.Key, test.token}, {pair, test.pair}, {client, test.oauth}} {
				what := what + ", a " + string(one.key.Kind)
				mayRotate := codeOf(second(w.m.RotateKey(w.as(test.actor), manage.Rotation{KeyID: one.key.ID, Grace: time.Hour, Confirm: manage.RotationName(one.key)})))
				w.rotate(one.key, time.Hour)
				before := w.dump()
				wantCode(t, what, w.cancel(test.actor, one.key), mayRotate)
				if mayRotate != allowed {
					w.wantSame(what, before)
				}
				w.wantAtMost(what, one.want, mayRotate)
				w.rotate(one.key, time.Hour)
				wantCode(t, what+": its old secret retired", w.m.RetireOldSecret(w.as(test.actor), one.key.ID, manage.RotationName(one.key)), one.want)
			}
		}
		wantCode(t, "of a key that is not there", w.m.CancelRotation(w.as(w.SuperAdmin), 4711, ""), unseen)
	})
}

func TestACancellationIsConfirmed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		client := w.oauthClient(w.License, w.Admin)
		for _, key := range []portal.Key{w.Key, client.Key} {
			fresh := w.rotate(key, time.Hour)
			before := w.dump()
			for _, typed := range []string{"", "something else", map[portal.Kind]string{portal.OAuthKey: key.Name}[key.Kind]} {
				wantFields(t, "typed "+typed, w.m.CancelRotation(w.as(w.Admin), key.ID, typed), "confirm")
			}
			w.wantSame("nothing", before)
			wantEqual(t, "works", w.works(fresh.Secret), true)
			mustDo(t, w.m.CancelRotation(w.as(w.Admin), key.ID, "  "+strings.ToUpper(manage.RotationName(key))))
			wantEqual(t, "works", w.works(fresh.Secret), false)
		}
	})
}

func TestACancellationEndsTheAccessTokensOfTheNewSecretAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.clientOf(w.Admin)
		in.APISets = []string{"billing"}
		client := must(w.m.CreateKey(w.as(w.Admin), in))(t)
		before := w.accessToken(client)
		fresh := w.rotate(client.Key, time.Hour)
		ofNew, ofOld := w.accessToken(fresh), w.accessToken(client)
		for what, token := range map[string]secret.Value{"from before": before, "of the old secret": ofOld, "of the new secret": ofNew} {
			w.wantChecked("an access token "+what+", while both work", client.Key, token, portal.CheckValid)
		}
		mustDo(t, w.cancel(w.Admin, client.Key))
		w.wantChecked("an access token from before", client.Key, before, portal.CheckValid)
		w.wantChecked("an access token of the old secret", client.Key, ofOld, portal.CheckValid)
		w.wantChecked("an access token of the new secret", client.Key, ofNew, portal.CheckNotFound)
		w.wantChecked("one that is asked for now", client.Key, w.accessToken(client), portal.CheckValid)
	})
}

func TestThereIsARotationToCancelWhileItsOldSecretWorks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.ExpiresAt = w.clock.Now().AddDate(0, 0, 30) })))(t)
		refused := func(what string, works manage.GeneratedKey) {
			t.Helper()
			before := w.dump()
			wantCode(t, what, w.cancel(w.User, made.Key), portal.CodeConflict)
			wantCode(t, what+", with nothing typed", w.m.CancelRotation(w.as(w.User), made.ID, ""), portal.CodeConflict)
			w.wantSame(what, before)
			w.wantChecked(what+": the current secret", made.Key, works.Secret, portal.CheckValid)
		}
		refused("nothing rotates", made)
		fresh := w.rotate(made.Key, 0)
		refused("there was no grace", fresh)
		fresh = w.rotate(made.Key, time.Hour)
		w.clock.Advance(time.Hour)
		refused("the grace is over", fresh)
		fresh = w.rotate(made.Key, time.Hour)
		mustDo(t, w.m.RetireOldSecret(w.as(w.User), made.ID, made.Name))
		refused("the old secret was retired", fresh)
		w.rotate(made.Key, time.Hour)
		mustDo(t, w.cancel(w.User, made.Key))
		refused("it was canceled before", fresh)

		// The grace of a key that ends sooner is over with it, and stays so when it is renewed.
		mustDo(t, w.edited(w.User, made.ID, expireAt(w.clock.Now().Add(time.Hour))))
		fresh = w.rotate(made.Key, week)
		w.clock.Advance(time.Hour)
		mustDo(t, w.edited(w.User, made.ID, expireAt(time.Time{})))
		refused("the key had expired", fresh)

		w.rotate(made.Key, week)
		mustDo(t, w.m.RevokeKey(w.as(w.User), made.ID, made.Name))
		wantCode(t, "the key was revoked", w.cancel(w.User, made.Key), portal.CodeConflict)
		waits := must(w.m.CreateKey(w.as(w.Admin), w.newPair(func(in *manage.NewKey) { in.Deliver = true })))(t)
		wantCode(t, "the key has no secret yet", w.cancel(w.User, waits.Key), portal.CodeConflict)
	})
}

func TestRotationsAreCanceledAgainAndAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for kind, made := range w.bothKinds() {
			var gone []secret.Value
			for range 3 {
				gone = append(gone, w.rotate(made.Key, week).Secret)
				mustDo(t, w.cancel(w.User, made.Key))
				w.clock.Advance(time.Minute)
			}
			// Of two rotations the second alone is taken back.
			middle := w.rotate(made.Key, week)
			gone = append(gone, made.Secret, w.rotate(made.Key, week).Secret)
			mustDo(t, w.cancel(w.User, made.Key))
			for _, value := range gone {
				w.wantChecked(kind+": one that is gone", made.Key, value, portal.CheckNotFound)
			}
			w.wantChecked(kind+": the one that works", made.Key, middle.Secret, portal.CheckValid)
			wantEqual(t, kind+": live", len(must(w.s.Secrets(t.Context(), made.ID))(t)), 1)
		}
		ctx := w.as(w.User)
		w.rotate(w.Key, week)
		outcomes := atOnce(20, func(int) error { return w.m.CancelRotation(ctx, w.Key.ID, w.Key.Name) })
		wantEqual(t, "at once", outcomes, map[portal.Code]int{allowed: 1, portal.CodeConflict: 19})
	})
}

func TestASecretThatACancellationBringsBackIsNotViewedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := must(w.m.CreateKey(w.as(w.User), w.newPair()))(t)
		wantEqual(t, "at first", must(w.view(w.User, made.ID))(t), made.Secret)
		fresh := w.rotate(made.Key, week)
		wantEqual(t, "while it is rotated", must(w.view(w.User, made.ID))(t), fresh.Secret)
		mustDo(t, w.cancel(w.User, made.Key))
		value, err := w.view(w.User, made.ID)
		wantCode(t, "when that was canceled", err, portal.CodeConflict)
		wantEqual(t, "there is a secret", !value.IsZero(), false)
		wantEqual(t, "viewable", must(w.m.Key(w.as(w.User), made.ID))(t).Viewable, false)
		wantEqual(t, "sealed copies", len(w.sealed()), 0)
		wantEqual(t, "viewed when it is rotated anew", w.rotate(made.Key, 0).Secret, must(w.view(w.User, made.ID))(t))
	})
}

// wantAtMost fails when who may not even retire a secret may cancel a rotation.
func (w *world) wantAtMost(what string, retire, cancel portal.Code) {
	w.t.Helper()
	if retire != allowed && cancel == allowed {
		w.t.Errorf("%s: may cancel a rotation, and not retire a secret", what)
	}
}
