package manage_test

import (
	"context"
	"net/netip"
	"reflect"
	"strconv"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// witnesses are questions whose answers hang on whatever a change may touch.
func (w *world) witnesses() []verify.Request {
	w.t.Helper()
	key := func(user portal.User, edit ...func(*portal.Key)) string {
		membership := must(w.s.Membership(w.t.Context(), w.Organization.ID, user.ID))(w.t)
		_, value := storetest.Key(w.t, w.s, membership, append(edit, func(k *portal.Key) { k.APISets = []portal.APISet{w.Billing, w.Dunning, w.Revenue} })...)
		return value.Reveal()
	}
	from := netip.MustParseAddr("192.0.2.7")
	requests := []verify.Request{{Credential: w.Secret.Reveal()}}
	for _, user := range []portal.User{w.User, w.Admin, w.prepared.requester} {
		requests = append(requests, verify.Request{Credential: key(user)},
			verify.Request{Credential: key(user, func(k *portal.Key) { k.LicenseID = w.License.ID })},
			verify.Request{Credential: key(w.Admin, func(k *portal.Key) { k.CanImpersonate = true }), Impersonate: []string{strconv.FormatInt(user.ID, 10)}})
	}
	for i := range requests {
		requests[i].ClientIP, requests[i].AllowUnmatched = from, true
		routed := requests[i]
		routed.AllowUnmatched, routed.Method, routed.URI, routed.Instance = false, "GET", "/billing/7", w.Instance.Name
		requests = append(requests, routed)
	}
	return requests
}

// What is remembered is never what a change that was answered has changed: each is held
// against a checker that remembers nothing.
func TestEachChangeCountsOnTheNextCheck(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.withPassword(w.Admin)
		w.prepare()
		witnesses, remembers := w.witnesses(), w.checker
		ask := func(c *verify.Checker, r verify.Request) verify.Decision {
			return must(c.Check(t.Context(), r))(t)
		}
		counted := 0
		for _, change := range changes {
			if change.method == "SetPassword" {
				w.prepared.link = w.link(w.User)
			}
			ctx := w.program()
			if by := change.by(w); by.ID != 0 {
				ctx = w.as(w.user(by.ID))
			}
			before := make([]verify.Decision, len(witnesses))
			for i, r := range witnesses {
				before[i] = ask(remembers, r)
			}
			if err := change.do(w, w.m, context.WithoutCancel(ctx)); err != nil {
				t.Fatalf("%s: %v", change.method, err)
			}
			afresh := verify.New(w.s, verify.Options{MostKeys: len(witnesses)})
			for i, r := range witnesses {
				got, want := ask(remembers, r), ask(afresh, r)
				got.Subject.Revision, want.Subject.Revision, before[i].Subject.Revision = 0, 0, 0
				if got.Code != want.Code || got.APISet != want.APISet || !reflect.DeepEqual(got.Subject, want.Subject) {
					t.Errorf("after %s question %d is answered %s, %+v, and should be %s, %+v", change.method, i, got.Code, got.Subject, want.Code, want.Subject)
				}
				if before[i].Code != want.Code || !reflect.DeepEqual(before[i].Subject, want.Subject) {
					counted++
				}
			}
		}
		if counted < 20 {
			t.Errorf("the changes change %d answers: the questions are not about what they change", counted)
		}
	})
}
