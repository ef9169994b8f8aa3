package manage_test

import (
	"fmt"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// rotation gives the form that gives Key a new secret.
func (w *world) rotation(grace time.Duration) manage.Rotation {
	return manage.Rotation{KeyID: w.Key.ID, Grace: grace, Confirm: w.Key.Name}
}

// rotate gives a key a new secret, beside which the old one works for a grace.
func (w *world) rotate(key portal.Key, grace time.Duration) manage.GeneratedKey {
	w.t.Helper()
	return must(w.m.RotateKey(w.as(w.SuperAdmin), manage.Rotation{KeyID: key.ID, Grace: grace, Confirm: manage.RotationName(key)}))(w.t)
}

// works tells whether the check finds a secret that is not over.
func (w *world) works(value secret.Value) bool {
	w.t.Helper()
	s, err := w.s.Subject(w.t.Context(), value.Hash())
	if portal.CodeOf(err) == portal.CodeNotFound {
		return false
	}
	mustDo(w.t, err)
	return s.KeyRevokedAt.IsZero() && (s.SecretExpiresAt.IsZero() || w.clock.Now().Before(s.SecretExpiresAt))
}

// token exchanges a secret of any kind for an access token to Billing.
func (w *world) token(s portal.Subject) secret.Value {
	w.t.Helper()
	token := secret.New("", secret.AccessToken)
	hash := token.Hash()
	mustDo(w.t, w.s.Update(w.t.Context(), func(u *store.Update) error {
		return u.InsertToken(w.t.Context(), portal.AccessToken{Hash: hash[:], KeyID: s.KeyID, SecretID: s.SecretID, Scope: []string{w.Billing.Slug}, ExpiresAt: u.Now().Add(time.Hour)})
	}))
	return token
}

// wantToken fails unless the check finds an access token, or does not find it.
func (w *world) wantToken(what string, token secret.Value, found portal.Code) {
	w.t.Helper()
	wantCode(w.t, what, second(w.s.TokenSubject(w.t.Context(), token.Hash())), found)
}

func TestAnOldSecretWorksOnForItsGraceAndNoLonger(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old := w.Secret
		for _, grace := range manage.Graces {
			token := w.token(w.subject(old))
			made := must(w.m.RotateKey(w.as(w.User), w.rotation(grace)))(t)
			what := fmt.Sprint("a grace of ", grace)
			wantEqual(t, what+": mask", []string{made.Masked, w.key(w.Key.ID).Masked}, []string{made.Secret.Mask(), made.Secret.Mask()})
			wantEqual(t, what+": works", []bool{w.works(old), w.works(made.Secret)}, []bool{grace != 0, true})
			w.wantNowhere(made.Secret.Reveal())
			details := must(w.m.Key(w.as(w.User), w.Key.ID))(t)
			if grace == 0 {
				w.wantToken(what+": the token", token, portal.CodeNotFound)
				wantEqual(t, what+": secrets", len(details.Secrets), 1)
			} else {
				w.wantToken(what+": the token", token, allowed)
				wantEqual(t, what+": secrets", len(details.Secrets), 2)
				previous := details.Secrets[1]
				wantEqual(t, what+": the old one", []any{previous.Previous, previous.Masked, previous.ExpiresAt, previous.Hash == nil}, []any{true, old.Mask(), w.clock.Now().Add(grace), true})
				w.clock.Advance(grace - time.Microsecond)
				wantEqual(t, what+": works at last", w.works(old), true)
				w.clock.Advance(time.Microsecond)
				wantEqual(t, what+": works when it is over", w.works(old), false)
				wantEqual(t, what+": secrets when it is over", len(must(w.m.Key(w.as(w.User), w.Key.ID))(t).Secrets), 1)
			}
			old = made.Secret
		}
	})
}

func TestAnOldSecretNeverOutlivesItsKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.newKey(func(in *manage.NewKey) { in.ExpiresAt = w.clock.Now().Add(30 * time.Minute) })
		made := must(w.m.CreateKey(w.as(w.User), in))(t)
		must(w.m.RotateKey(w.as(w.User), manage.Rotation{KeyID: made.ID, Grace: time.Hour, Confirm: " erp "}))(t)
		wantEqual(t, "the old secret's end", w.subject(made.Secret).SecretExpiresAt, in.ExpiresAt)
	})
}

func TestAKeyThatIsRotatedOftenHasTwoLiveSecretsAtMost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		secrets := []secret.Value{w.Secret}
		for range 3 {
			secrets = append(secrets, must(w.m.RotateKey(w.as(w.User), w.rotation(week)))(t).Secret)
			w.clock.Advance(time.Minute)
		}
		var works []bool
		for _, one := range secrets {
			works = append(works, w.works(one))
		}
		wantEqual(t, "works", works, []bool{false, false, true, true})
		wantEqual(t, "live", len(must(w.s.Secrets(t.Context(), w.Key.ID))(t)), 2)
		must(w.m.RotateKey(w.as(w.User), w.rotation(0)))(t)
		wantEqual(t, "live without grace", len(must(w.s.Secrets(t.Context(), w.Key.ID))(t)), 1)
	})
}

func TestARotationIsConfirmedAndHasOneOfTheGraces(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		client := w.oauthClient(w.License, w.Admin)
		before := w.dump()
		for what, test := range map[string]struct {
			in     manage.Rotation
			fields []string
		}{
			"nothing typed":        {manage.Rotation{KeyID: w.Key.ID}, []string{"confirm"}},
			"something else typed": {manage.Rotation{KeyID: w.Key.ID, Confirm: w.License.Number}, []string{"confirm"}},
			"a name for a number":  {manage.Rotation{KeyID: client.ID, Confirm: client.Name}, []string{"confirm"}},
			"another grace":        {manage.Rotation{KeyID: w.Key.ID, Confirm: w.Key.Name, Grace: time.Minute}, []string{"grace"}},
			"a negative grace":     {manage.Rotation{KeyID: w.Key.ID, Confirm: w.Key.Name, Grace: -time.Hour}, []string{"grace"}},
			"everything wrong":     {manage.Rotation{KeyID: w.Key.ID, Grace: 8 * 24 * time.Hour}, []string{"confirm", "grace"}},
		} {
			wantFields(t, what, second(w.m.RotateKey(w.as(w.Admin), test.in)), test.fields...)
		}
		w.wantSame("nothing", before)
		must(w.m.RotateKey(w.as(w.Admin), manage.Rotation{KeyID: client.ID, Confirm: " " + w.License.Number}))(t)
	})
}

func TestARotationFormThatIsSentOftenRotatesOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.rotation(0)
		in.Submission = manage.Submission{Token: "form"}
		var made [50]manage.GeneratedKey
		ctx := w.as(w.User)
		lines := w.lines(func() {
			outcomes := atOnce(len(made), func(i int) (err error) {
				made[i], err = w.m.RotateKey(ctx, in)
				return err
			})
			wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: len(made)})
		})
		wantEqual(t, "history", len(lines), 1)
		shown := 0
		for _, one := range made {
			wantEqual(t, "key", one.ID, w.Key.ID)
			if !one.Secret.IsZero() {
				shown++
				wantEqual(t, "works", w.works(one.Secret), true)
			}
		}
		wantEqual(t, "secrets shown", shown, 1)
	})
}

func TestAKeyWithoutASecretOrThatWasRevokedIsNotRotated(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		waits := w.deliver(w.requester())
		_, err := w.m.RotateKey(w.as(w.Admin), manage.Rotation{KeyID: waits.ID, Confirm: waits.Name})
		wantCode(t, "before it was delivered", err, portal.CodeConflict)
		wantCode(t, "nothing to retire", w.m.RetireOldSecret(w.as(w.Admin), waits.ID, ""), allowed)
		made := must(w.m.RotateKey(w.as(w.User), w.rotation(time.Hour)))(t)
		mustDo(t, w.m.RevokeKey(w.as(w.User), w.Key.ID, w.Key.Name))
		wantCode(t, "when it was revoked", second(w.m.RotateKey(w.as(w.User), w.rotation(0))), portal.CodeConflict)
		wantCode(t, "the old secret of one that was", w.m.RetireOldSecret(w.as(w.User), w.Key.ID, w.Key.Name), portal.CodeConflict)
		wantEqual(t, "works", []bool{w.works(w.Secret), w.works(made.Secret)}, []bool{false, false})
	})
}

func TestAnOldSecretIsRetiredWithItsTokensByWhoRotates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old := w.token(w.subject(w.Secret))
		made := must(w.m.RotateKey(w.as(w.User), w.rotation(week)))(t)
		current := w.token(w.subject(made.Secret))
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{
			"who views keys": {w.holder([]portal.Authority{portal.ViewAPIKeys}), portal.CodeForbidden},
			"a stranger":     {w.Stranger, portal.CodeNotFound},
			"nobody":         {portal.User{}, portal.CodeUnauthenticated},
		} {
			wantCode(t, what, w.m.RetireOldSecret(w.as(test.actor), w.Key.ID, w.Key.Name), test.want)
		}
		client := w.oauthClient(w.License, w.Admin).ID
		must(w.m.RotateKey(w.as(w.Admin), manage.Rotation{KeyID: client, Grace: week, Confirm: w.License.Number}))(t)
		wantCode(t, "an OAuth client's, by support", w.m.RetireOldSecret(w.as(storetest.Support(t, w.s)), client, w.License.Number), portal.CodeForbidden)
		mustDo(t, w.m.RetireOldSecret(w.as(w.Admin), client, w.License.Number))
		wantEqual(t, "works", []bool{w.works(w.Secret), w.works(made.Secret)}, []bool{true, true})
		for what, typed := range map[string]string{"nothing typed": "", "something else typed": w.License.Number} {
			wantFields(t, what, w.m.RetireOldSecret(w.as(w.User), w.Key.ID, typed), "confirm")
		}
		wantEqual(t, "works", []bool{w.works(w.Secret), w.works(made.Secret)}, []bool{true, true})
		mustDo(t, w.m.RetireOldSecret(w.as(storetest.Support(t, w.s)), w.Key.ID, w.Key.Name))
		wantEqual(t, "works", []bool{w.works(w.Secret), w.works(made.Secret)}, []bool{false, true})
		w.wantToken("the old one's token", old, portal.CodeNotFound)
		w.wantToken("the current one's token", current, allowed)
	})
}

func TestANewSecretIsGivenToWhoCouldGrantWhatTheKeyReaches(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		gateway := w.holder([]portal.Authority{portal.ManageUserAPIKey, portal.VerifyKeys})
		gateways, _ := storetest.Key(t, w.s, w.membership(gateway))
		staff := storetest.Support(t, w.s)
		staffs, _ := storetest.Key(t, w.s, storetest.Member(t, w.s, w.Organization, staff))
		client := w.oauthClient(w.License, w.Admin).Key
		support, no := storetest.Support(t, w.s), portal.CodeForbidden
		keys := w.holder([]portal.Authority{portal.APIKeys}, w.Billing, w.Revenue)
		for what, test := range map[string]struct {
			actor portal.User
			key   portal.Key
			want  portal.Code
		}{
			"one's own":                              {w.User, w.Key, allowed},
			"another's, by who holds its API sets":   {keys, w.Key, allowed},
			"another's, by who lacks one":            {w.holder([]portal.Authority{portal.APIKeys}, w.Billing), w.Key, no},
			"another's, by who sees keys":            {w.holder([]portal.Authority{portal.ViewAPIKeys}, w.Billing, w.Revenue), w.Key, no},
			"another's, by an admin":                 {w.Admin, w.Key, allowed},
			"another's, by support":                  {support, w.Key, no},
			"support's own, by itself":               {staff, staffs, allowed},
			"another's, by a stranger":               {w.Stranger, w.Key, portal.CodeNotFound},
			"another's, by nobody":                   {portal.User{}, w.Key, portal.CodeUnauthenticated},
			"a gateway's, by an admin":               {w.Admin, gateways, no},
			"a gateway's, by itself":                 {gateway, gateways, allowed},
			"staff's, by an admin":                   {w.Admin, staffs, no},
			"staff's, by other staff":                {support, staffs, no},
			"staff's, by a super admin":              {w.SuperAdmin, staffs, allowed},
			"an OAuth client's, by its manager":      {w.holder([]portal.Authority{portal.ViewClientSecret}), client, allowed},
			"an OAuth client's, by who manages keys": {keys, client, no},
			"an OAuth client's, by support":          {support, client, no},
			"an OAuth client's, by a super admin":    {w.SuperAdmin, client, allowed},
			"an OAuth client's, by a stranger":       {w.Stranger, client, portal.CodeNotFound},
			"one that is not there":                  {w.SuperAdmin, portal.Key{ID: 4711}, portal.CodeNotFound},
		} {
			before := w.dump()
			made, err := w.m.RotateKey(w.as(test.actor), manage.Rotation{KeyID: test.key.ID, Confirm: manage.RotationName(test.key)})
			wantCode(t, what, err, test.want)
			wantEqual(t, what+": there is a secret", !made.Secret.IsZero(), test.want == allowed)
			if test.want != allowed {
				w.wantSame(what, before)
			}
		}
	})
}
