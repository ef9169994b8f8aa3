package manage_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"keyportal/internal/keyset"
	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// signedIn gives a user's session, begun now with the password.
func (w *world) signedIn(user portal.User) portal.Session {
	w.t.Helper()
	return w.session(w.signIn(w.withPassword(user)))
}

// pair adds a key pair of a member's, and rotates it so that its secret is the
// portal's own make.
func (w *world) pair(membership portal.Membership, sets ...portal.APISet) manage.GeneratedKey {
	w.t.Helper()
	key, _ := storetest.Key(w.t, w.s, membership, func(k *portal.Key) {
		k.Kind, k.PublicID, k.APISets = portal.PairKey, secret.New("", secret.AccessKey).Reveal(), sets
	})
	return w.rotate(key, 0)
}

// view views a key's secret with a password that was entered just now.
func (w *world) view(user portal.User, key int64) (secret.Value, error) {
	return w.viewAs(w.as(user), user, key)
}

func (w *world) viewAs(ctx context.Context, user portal.User, key int64) (secret.Value, error) {
	value, _, err := w.m.ViewSecret(ctx, portal.Session{UserID: user.ID, PasswordAt: w.clock.Now()}, key, "")
	return value, err
}

// wantUnviewable fails unless there is no copy of a key's secret to view.
func (w *world) wantUnviewable(what string, key int64) {
	w.t.Helper()
	value, err := w.view(w.Admin, key)
	wantCode(w.t, what, err, portal.CodeConflict)
	wantEqual(w.t, what+": there is a secret", !value.IsZero(), false)
	client := must(w.m.OAuthClient(w.as(w.Admin), w.License.ID))(w.t)
	wantEqual(w.t, what+": viewable", client.Viewable, false)
}

func TestASecretIsViewedAgainWhileTheOrganizationLetsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		set := func(viewing bool) { mustDo(t, w.m.UpdateSettings(w.as(w.Admin), w.settingsOf(viewing))) }
		set(false)
		client := w.oauthClient(w.License, w.Admin)
		w.wantUnviewable("made while it was off", client.ID)
		set(true)
		w.wantUnviewable("on, but made while it was off", client.ID)

		made := w.rotate(client.Key, 0)
		for range 2 {
			lines := w.lines(func() { wantEqual(t, "viewed", must(w.view(w.Admin, client.ID))(t), made.Secret) })
			if len(lines) != 1 || lines[0].Action != "viewed the secret" || lines[0].ActorID != w.Admin.ID || lines[0].NounID != client.ID || lines[0].Changes != nil {
				t.Errorf("the history has %+v", lines)
			}
		}
		wantEqual(t, "viewable", must(w.m.OAuthClient(w.as(w.Admin), w.License.ID))(t).Viewable, true)
		w.wantNowhere(made.Secret.Reveal())

		set(false)
		w.wantUnviewable("off", client.ID)
		set(true)
		w.wantUnviewable("off and on again", client.ID)
		wantEqual(t, "works", w.works(made.Secret), true)

		w.rotate(client.Key, 0)
		storetest.Exec(t, w.db, "UPDATE organizations SET secret_viewing = FALSE WHERE id = $1", w.Organization.ID)
		w.wantUnviewable("off, with a copy left behind", client.ID)
	})
}

func TestViewingTakesAPasswordOfTheLastFiveMinutes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := w.oauthClient(w.License, w.Admin)
		old := w.signIn(w.withPassword(w.Admin))
		session := w.session(old)
		view := func(password string) (secret.Value, secret.Value, error) {
			return w.m.ViewSecret(w.as(w.Admin), session, made.ID, password)
		}
		w.clock.Advance(5*time.Minute - time.Microsecond)
		value, token, err := view("")
		mustDo(t, err)
		wantEqual(t, "just in time", []any{value, token.IsZero(), w.m.NeedsPassword(session)}, []any{made.Secret, true, false})

		w.clock.Advance(time.Microsecond)
		wantEqual(t, "needs the password", w.m.NeedsPassword(session), true)
		for _, wrong := range []string{"", "wrong"} {
			lines := w.lines(func() { value, token, err = view(wrong) })
			wantFields(t, "a wrong password", err, "current")
			wantEqual(t, "a wrong password", []any{value.IsZero(), token.IsZero(), len(lines)}, []any{true, true, 0})
			w.session(old)
		}
		value, token, err = view(password)
		mustDo(t, err)
		wantEqual(t, "viewed", value, made.Secret)
		w.wantOver("the session before", old)
		fresh := w.session(token.Reveal())
		wantEqual(t, "the new session", []any{fresh.UserID, fresh.OrganizationID, fresh.PasswordAt, fresh.ExpiresAt}, []any{w.Admin.ID, w.Organization.ID, w.clock.Now(), w.clock.Now().Add(lifetime)})
	})
}

func TestWrongPasswordsForASecretCountAsFailedSignIns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := w.oauthClient(w.License, w.Admin)
		session := w.signedIn(w.Admin)
		w.clock.Advance(time.Hour / 2)
		for range 5 {
			_, _, err := w.m.ViewSecret(w.as(w.Admin), session, made.ID, "wrong")
			wantFields(t, "wrong", err, "current")
		}
		value, _, err := w.m.ViewSecret(w.as(w.Admin), session, made.ID, password)
		wantCode(t, "the right one at last", err, portal.CodeTooMany)
		wantEqual(t, "there is a secret", !value.IsZero(), false)
		_, err = w.m.SignIn(t.Context(), from(homeAddress, w.Admin))
		wantCode(t, "a sign-in from there", err, portal.CodeTooMany)
	})
}

func TestSecretsAreViewedByWhoCouldGetANewOneAndNotBySupport(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		client, pair := w.oauthClient(w.License, w.Admin).Key, w.pair(w.Membership, w.Billing).Key
		keeper, support, no := w.holder([]portal.Authority{portal.ViewClientSecret}), storetest.Support(t, w.s), portal.CodeForbidden
		gateway := w.holder([]portal.Authority{portal.ManageUserAPIKey, portal.VerifyKeys})
		gateways := w.pair(w.membership(gateway)).Key
		member := storetest.Support(t, w.s)
		storetest.Member(t, w.s, w.Organization, member)
		license := storetest.License(t, w.s, w.Organization)
		staffs := must(w.m.CreateKey(w.as(w.SuperAdmin), manage.NewKey{Kind: portal.OAuthKey, OrganizationID: w.Organization.ID, LicenseID: license.ID, UserID: member.ID, Name: "Staff"}))(t).Key
		for what, test := range map[string]struct {
			actor portal.User
			key   portal.Key
			want  portal.Code
		}{
			"a client's, by its admin":              {w.Admin, client, allowed},
			"a client's, by a keeper":               {keeper, client, allowed},
			"a client's, by who manages keys":       {w.holder([]portal.Authority{portal.APIKeys}), client, no},
			"a client's, by support":                {support, client, no},
			"a client's, by a super admin":          {w.SuperAdmin, client, allowed},
			"a client's, by a stranger":             {w.Stranger, client, portal.CodeNotFound},
			"a client's that acts for staff":        {w.Admin, staffs, no},
			"a pair's, by its user":                 {w.User, pair, allowed},
			"a pair's, by who holds its API sets":   {w.holder([]portal.Authority{portal.ManageAPIKeys}, w.Billing), pair, allowed},
			"a pair's, by who lacks one":            {w.holder([]portal.Authority{portal.ManageAPIKeys}, w.Dunning), pair, no},
			"a pair's, by who sees keys":            {w.holder([]portal.Authority{portal.ViewAPIKeys}, w.Billing), pair, no},
			"a pair's, by a keeper":                 {keeper, pair, no},
			"a pair's, by an admin":                 {w.Admin, pair, allowed},
			"a pair's, by support":                  {support, pair, no},
			"a pair's, by a super admin":            {w.SuperAdmin, pair, allowed},
			"a gateway's, by itself":                {gateway, gateways, allowed},
			"a gateway's, by an admin":              {w.Admin, gateways, no},
			"a pair's, by nobody":                   {portal.User{}, pair, portal.CodeUnauthenticated},
			"one that is not there":                 {w.SuperAdmin, portal.Key{ID: 4711}, portal.CodeNotFound},
			"one that has no copy: it is a token's": {w.User, w.Key, portal.CodeConflict},
		} {
			var value secret.Value
			var err error
			lines := w.lines(func() { value, err = w.view(test.actor, test.key.ID) })
			wantCode(t, what, err, test.want)
			wantEqual(t, what+": viewed and recorded", []bool{!value.IsZero(), len(lines) == 1}, []bool{test.want == allowed, test.want == allowed})
		}
		for actor, viewable := range map[*portal.User]bool{&w.Admin: false, &w.SuperAdmin: true} {
			wantEqual(t, "that of staff is offered", must(w.m.OAuthClient(w.as(*actor), license.ID))(t).Viewable, viewable)
		}
		session := w.signedIn(w.User)
		_, _, err := w.m.ViewSecret(w.as(w.Admin), session, client.ID, password)
		wantCode(t, "with the session of somebody else", err, portal.CodeUnauthenticated)
	})
}

// sealed gives the sealed copies of secrets with their kinds of keys, by SQL.
func (w *world) sealed() [][]string {
	w.t.Helper()
	return w.query("SELECT k.kind, s.id, s.sealed FROM secrets s JOIN keys k ON k.id = s.key_id WHERE s.sealed IS NOT NULL")
}

func TestOnlyCurrentSecretsOfPairsAndClientsAreKeptSealed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(w.m.CreateKey(w.as(w.User), w.newKey()))(t)
		must(w.m.RotateKey(w.as(w.User), w.rotation(time.Hour)))(t)
		must(w.m.OpenDelivery(w.as(w.User), must(w.m.CreateKey(w.as(w.Admin), w.newKey(func(in *manage.NewKey) { in.Name, in.Deliver = "x", true })))(t).ID, 0))(t)
		wantEqual(t, "of token keys", len(w.sealed()), 0)
		client, pair := w.oauthClient(w.License, w.Admin), w.pair(w.Membership)
		wantEqual(t, "of a client and a pair", len(w.sealed()), 2)
		must(w.m.RotateKey(w.as(w.Admin), manage.Rotation{KeyID: client.ID, Grace: time.Hour, Confirm: w.License.Number}))(t)
		wantEqual(t, "with one that was rotated out", len(w.sealed()), 2)
		mustDo(t, w.m.RevokeKey(w.as(w.User), pair.ID, pair.Name))
		wantEqual(t, "with one that was revoked", len(w.sealed()), 1)
		for _, value := range []secret.Value{client.Secret, pair.Secret, must(w.view(w.Admin, client.ID))(t)} {
			w.wantNowhere(value.Reveal())
		}
	})
}

func TestASealedSecretOpensInItsOwnPlaceAndUnderItsOwnKeysetAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		client, pair := w.oauthClient(w.License, w.Admin), w.pair(w.Membership)
		move := func(from, to int64) {
			storetest.Exec(t, w.db, "UPDATE secrets SET sealed = (SELECT x.sealed FROM secrets x WHERE x.key_id = $1 AND x.sealed IS NOT NULL) WHERE key_id = $2 AND sealed IS NOT NULL", from, to)
		}
		wantEqual(t, "in its place", must(w.view(w.User, pair.ID))(t), pair.Secret)
		move(client.ID, pair.ID)
		lines := w.lines(func() {
			value, err := w.view(w.User, pair.ID)
			wantCode(t, "moved", err, portal.CodeUnavailable)
			wantEqual(t, "there is a secret", !value.IsZero(), false)
		})
		wantEqual(t, "history", len(lines), 0)
		w.m.Sealer = must(keyset.Open(filepath.Join(t.TempDir(), "another.json")))(t)
		value, err := w.view(w.Admin, client.ID)
		wantCode(t, "under another keyset", err, portal.CodeUnavailable)
		wantEqual(t, "there is a secret", !value.IsZero(), false)
	})
}
