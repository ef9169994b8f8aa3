package manage_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

const week = 7 * 24 * time.Hour

// deliver gives a key of a user's that waits on its one-time page, as an approval
// issues it.
func (w *world) deliver(user portal.User) portal.Key {
	w.t.Helper()
	request := w.request(user, w.application())
	return must(w.m.ApproveRequest(w.as(w.SuperAdmin), manage.Approval{ID: request.ID, Version: w.version(request.ID), Name: "For " + request.ApplicationName, APISets: []string{"billing"}}))(w.t)
}

func TestAOneTimePageOpensOnceAndItsSecretIsKnownFromThenOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester := w.requester()
		key := w.deliver(requester)
		waits := must(w.m.Delivery(w.as(requester), key.ID))(t)
		wantEqual(t, "the page", []any{waits.ID, waits.ExpiresAt}, []any{key.ID, w.clock.Now().Add(week)})
		wantEqual(t, "secrets before", len(must(w.s.Secrets(t.Context(), key.ID))(t)), 0)
		wantEqual(t, "pages that wait", len(must(w.m.Deliveries(w.as(requester)))(t)), 1)

		ctx := w.as(requester)
		var mutex sync.Mutex
		var secrets []secret.Value
		outcomes := atOnce(50, func(int) error {
			made, err := w.m.OpenDelivery(ctx, key.ID, 0)
			if !made.Secret.IsZero() {
				mutex.Lock()
				defer mutex.Unlock()
				secrets = append(secrets, made.Secret)
			}
			return err
		})
		wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: 1, portal.CodeConflict: 49})
		wantEqual(t, "secrets shown", len(secrets), 1)
		s := w.subject(secrets[0])
		wantEqual(t, "the check is told", []any{s.KeyID, s.UserID, s.KeyEnabled, s.APISets}, []any{key.ID, requester.ID, true, []string{"billing"}})
		wantEqual(t, "mask", w.key(key.ID).Masked, secrets[0].Mask())
		w.wantNowhere(secrets[0].Reveal())
		_, err := w.m.Delivery(w.as(requester), key.ID)
		wantCode(t, "the page once more", err, portal.CodeConflict)
		wantEqual(t, "pages that wait", len(must(w.m.Deliveries(w.as(requester)))(t)), 0)
	})
}

func TestAOneTimePageIsThereForItsAddresseeAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester, support := w.requester(), storetest.Support(t, w.s)
		key := w.deliver(requester)
		before := w.dump()
		for what, ctx := range map[string]func() error{
			"support":            func() error { return second(w.m.OpenDelivery(w.as(support), key.ID, 0)) },
			"the super admin":    func() error { return second(w.m.OpenDelivery(w.as(w.SuperAdmin), key.ID, 0)) },
			"the client's admin": func() error { return second(w.m.OpenDelivery(w.as(w.Admin), key.ID, 0)) },
			"a colleague":        func() error { return second(w.m.OpenDelivery(w.as(w.User), key.ID, 0)) },
			"a stranger":         func() error { return second(w.m.OpenDelivery(w.as(w.Stranger), key.ID, 0)) },
			"nobody":             func() error { return second(w.m.OpenDelivery(w.as(portal.User{}), key.ID, 0)) },
			"the command line":   func() error { return second(w.m.OpenDelivery(w.program(), key.ID, 0)) },
			"looked at":          func() error { return second(w.m.Delivery(w.as(w.Admin), key.ID)) },
			"of another key":     func() error { return second(w.m.OpenDelivery(w.as(w.User), w.Key.ID, 0)) },
			"of no key":          func() error { return second(w.m.OpenDelivery(w.as(requester), 4711, 0)) },
		} {
			wantCode(t, what, ctx(), portal.CodeNotFound)
		}
		for _, other := range []portal.User{support, w.Admin} {
			wantEqual(t, "pages of others", len(must(w.m.Deliveries(w.as(other)))(t)), 0)
		}
		w.wantSame("nothing", before)
		must(w.m.OpenDelivery(w.as(requester), key.ID, 0))(t)
	})
}

func TestAOneTimePageOfWhoHasLeftStaysShut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester := w.requester()
		key := w.deliver(requester)
		w.set(requester, func(in *manage.MembershipInput) { in.Member = false })
		wantCode(t, "the page", second(w.m.Delivery(w.as(requester), key.ID)), portal.CodeNotFound)
		wantCode(t, "opened", second(w.m.OpenDelivery(w.as(requester), key.ID, 0)), portal.CodeNotFound)
		wantEqual(t, "pages that wait", len(must(w.m.Deliveries(w.as(requester)))(t)), 0)
		wantEqual(t, "secrets", len(must(w.s.Secrets(t.Context(), key.ID))(t)), 0)
		w.set(requester, func(in *manage.MembershipInput) { in.Member = true })
		must(w.m.OpenDelivery(w.as(requester), key.ID, 0))(t)
	})
}

func TestAOneTimePageExpiresAndIsSentAnewByWhoManagesKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester := w.holder([]portal.Authority{portal.RequestAPIKeys, portal.ManageUserAPIKey}, w.Billing)
		key := w.deliver(requester)
		w.clock.Advance(week - time.Microsecond)
		must(w.m.Delivery(w.as(requester), key.ID))(t)
		w.clock.Advance(time.Microsecond)
		wantCode(t, "expired", second(w.m.Delivery(w.as(requester), key.ID)), portal.CodeConflict)
		wantCode(t, "expired, opened", second(w.m.OpenDelivery(w.as(requester), key.ID, 0)), portal.CodeConflict)
		wantEqual(t, "pages that wait", len(must(w.m.Deliveries(w.as(requester)))(t)), 0)
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{
			"its user, who manages their own": {requester, portal.CodeForbidden},
			"a colleague":                     {w.User, portal.CodeForbidden},
			"who views keys":                  {w.holder([]portal.Authority{portal.ViewAPIKeys}), portal.CodeForbidden},
			"a stranger":                      {w.Stranger, portal.CodeNotFound},
			"the client's admin":              {w.Admin, allowed},
			"support":                         {storetest.Support(t, w.s), allowed},
		} {
			wantCode(t, what, second(w.m.SendDelivery(w.as(test.actor), key.ID)), test.want)
		}
		w.clock.Advance(week - time.Microsecond)
		made := must(w.m.OpenDelivery(w.as(requester), key.ID, 0))(t)
		wantEqual(t, "known", w.subject(made.Secret).KeyID, key.ID)
	})
}

func TestANewSecretIsSentToTheKeysUserAloneAndReplacesTheOldOneWhenItIsOpened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old := w.Secret
		for _, grace := range manage.Graces {
			what := fmt.Sprint("a grace of ", grace)
			sent := must(w.m.SendDelivery(w.as(storetest.Support(t, w.s)), w.Key.ID))(t)
			wantEqual(t, what+": before", []any{sent.Masked, w.works(old), len(must(w.m.Deliveries(w.as(w.User)))(t))}, []any{old.Mask(), true, 1})
			wantCode(t, what+": by support", second(w.m.OpenDelivery(w.as(storetest.Support(t, w.s)), w.Key.ID, grace)), portal.CodeNotFound)
			wantFields(t, what+": another grace", second(w.m.OpenDelivery(w.as(w.User), w.Key.ID, grace+time.Minute)), "grace")
			made := must(w.m.OpenDelivery(w.as(w.User), w.Key.ID, grace))(t)
			wantEqual(t, what+": works", []bool{w.works(old), w.works(made.Secret)}, []bool{grace != 0, true})
			wantCode(t, what+": once more", second(w.m.OpenDelivery(w.as(w.User), w.Key.ID, grace)), portal.CodeConflict)
			w.clock.Advance(grace)
			wantEqual(t, what+": works when it is over", []bool{w.works(old), w.works(made.Secret)}, []bool{false, true})
			old = made.Secret
		}
	})
}

func TestAOneTimePageIsMootWhenTheKeyIsRotated(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(w.m.SendDelivery(w.as(w.Admin), w.Key.ID))(t)
		made := must(w.m.RotateKey(w.as(w.User), w.rotation(0)))(t)
		wantCode(t, "opened", second(w.m.OpenDelivery(w.as(w.User), w.Key.ID, 0)), portal.CodeNotFound)
		wantEqual(t, "works", w.works(made.Secret), true)
	})
}

func TestTheSecretOfAnOAuthClientIsNotSent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		client := w.oauthClient(w.License, w.Admin)
		for what, actor := range map[string]portal.User{"a super admin": w.SuperAdmin, "the client's admin": w.Admin} {
			wantCode(t, what, second(w.m.SendDelivery(w.as(actor), client.ID)), portal.CodeForbidden)
		}
		wantCode(t, "support", second(w.m.SendDelivery(w.as(storetest.Support(t, w.s)), client.ID)), portal.CodeForbidden)
		wantEqual(t, "works", w.works(client.Secret), true)
	})
}

func TestAOneTimePageIsGoneWithItsKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester := w.requester()
		key := w.deliver(requester)
		mustDo(t, w.m.RevokeKey(w.as(w.Admin), key.ID, key.Name))
		wantCode(t, "opened", second(w.m.OpenDelivery(w.as(requester), key.ID, 0)), portal.CodeNotFound)
		wantCode(t, "renewed", second(w.m.SendDelivery(w.as(w.Admin), key.ID)), portal.CodeConflict)
		wantEqual(t, "pages that wait", len(must(w.m.Deliveries(w.as(requester)))(t)), 0)
		wantEqual(t, "secrets", len(must(w.s.Secrets(t.Context(), key.ID))(t)), 0)
		wantEqual(t, "rows", len(w.query("SELECT * FROM links WHERE purpose = 'delivery'")), 0)
	})
}

func TestTheMailOfADeliveryTellsItsAddresseeWhereItIsAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester, mail := w.requester(), &outbox{}
		key := w.deliver(requester)
		mustDo(t, w.m.TellOfDelivery(w.as(w.SuperAdmin), key))
		w.m.Mailer = mail
		mustDo(t, w.m.TellOfDelivery(w.as(w.SuperAdmin), key))
		wantEqual(t, "to", mail.to, requester.Email)
		for _, part := range []string{requester.Name(), key.Name, fmt.Sprintf("\nhttps://keys.example.com/portal/keys/%d/delivery\n", key.ID)} {
			if !strings.Contains(mail.text, part) {
				t.Errorf("the mail does not have %q:\n%s", part, mail.text)
			}
		}
		for word := range strings.FieldsSeq(mail.text) {
			if _, err := secret.Parse(word[strings.LastIndexByte(word, '/')+1:]); err == nil {
				t.Errorf("the mail has a credential: %s", word)
			}
		}
		mail.err = errors.New("no route to host")
		err := w.m.TellOfDelivery(w.as(w.SuperAdmin), key)
		wantCode(t, "without a mail server", err, portal.CodeUnavailable)
		wantSays(t, "without a mail server", err, requester.Name())
		must(w.m.OpenDelivery(w.as(requester), key.ID, 0))(t)
	})
}
