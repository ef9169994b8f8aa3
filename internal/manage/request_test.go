package manage_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

// requestActions are what can be done with a request, by name.
var requestActions = map[string]func(w *world, ctx context.Context, id, version int64) error{
	"take": func(w *world, ctx context.Context, id, version int64) error { return w.m.TakeRequest(ctx, id, version) },
	"ask": func(w *world, ctx context.Context, id, version int64) error {
		return w.m.AskRequester(ctx, id, version, "Who?")
	},
	"answer": func(w *world, ctx context.Context, id, version int64) error {
		return w.m.AnswerRequest(ctx, id, version, "We.")
	},
	"approve": func(w *world, ctx context.Context, id, version int64) error {
		return second(w.m.ApproveRequest(ctx, manage.Approval{ID: id, Version: version, Name: fmt.Sprint("Key ", id)}))
	},
	"decline": func(w *world, ctx context.Context, id, version int64) error {
		return w.m.DeclineRequest(ctx, id, version, "No.")
	},
	"withdraw": func(w *world, ctx context.Context, id, _ int64) error { return w.m.WithdrawRequest(ctx, id) },
}

// byRequesterAlone tells whose an action is: the requester's, or of who decides.
func byRequesterAlone(action string) bool { return action == "answer" || action == "withdraw" }

func TestARequestGoesThroughItsStatesToAKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester, first, then := w.requester(), storetest.Support(t, w.s), storetest.Support(t, w.s)
		made := w.request(requester, w.application())
		id := made.ID
		want := func(what string, state portal.RequestState, assignee portal.User) {
			t.Helper()
			now := w.requestOf(id)
			wantEqual(t, what, []any{now.State, now.AssigneeID, now.AssigneeName}, []any{state, assignee.ID, assignee.Name()})
		}
		want("created", portal.RequestOpen, portal.User{})
		mustDo(t, w.m.TakeRequest(w.as(first), id, w.version(id)))
		want("taken", portal.RequestTaken, first)
		mustDo(t, w.m.AskRequester(w.as(then), id, w.version(id), " Who will use it? "))
		want("asked by another, who takes it over so", portal.RequestAsked, then)
		mustDo(t, w.m.TakeRequest(w.as(first), id, w.version(id)))
		want("taken over: it waits for the answer still", portal.RequestAsked, first)
		mustDo(t, w.m.AnswerRequest(w.as(requester), id, w.version(id), "The shops."))
		want("answered", portal.RequestTaken, first)
		mustDo(t, w.m.AnswerRequest(w.as(requester), id, w.version(id), "And the stores."))
		want("answered more", portal.RequestTaken, first)
		key := must(w.m.ApproveRequest(w.as(then), manage.Approval{ID: id, Version: w.version(id), Name: "Shops", Description: "x", APISets: []string{"billing"}, Note: "Have fun."}))(t)
		want("approved", portal.RequestApproved, then)

		details := must(w.m.Request(w.as(requester), id))(t)
		var said []string
		for _, message := range details.Messages {
			said = append(said, fmt.Sprint(message.UserID, " ", message.Text))
		}
		wantEqual(t, "messages", said, []string{
			fmt.Sprint(then.ID, " Who will use it?"), fmt.Sprint(requester.ID, " The shops."), fmt.Sprint(requester.ID, " And the stores."),
		})
		wantEqual(t, "request", []any{details.Decision, details.KeyID, details.DecidedAt, details.Own, details.Decides, details.Waiting, len(details.History)},
			[]any{"Have fun.", key.ID, w.clock.Now(), true, false, true, 7})
		seen := must(w.m.Request(w.as(then), id))(t)
		wantEqual(t, "for support", []bool{seen.Own, seen.Decides, seen.Waiting}, []bool{false, true, false})
		made.State, made.AssigneeID, made.AssigneeName = portal.RequestApproved, then.ID, then.Name()
		made.Decision, made.KeyID, made.DecidedAt, made.Version = "Have fun.", key.ID, w.clock.Now(), 7
		wantEqual(t, "all else is as it was", details.Request, made)
	})
}

func TestAnApprovalIssuesOneKeyThatIsTheRequestersAndHasNoSecretYet(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester, support := w.requester(), storetest.Support(t, w.s)
		request := w.request(requester, w.application())
		ctx := w.as(support)
		outcomes := atOnce(50, func(i int) error {
			return second(w.m.ApproveRequest(ctx, manage.Approval{ID: request.ID, Version: w.version(request.ID), Name: fmt.Sprint("Key ", i), APISets: []string{"billing"}}))
		})
		wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: 1, portal.CodeConflict: 49})
		keys := must(w.s.Keys(t.Context(), portal.KeyFilter{UserID: requester.ID}))(t).Rows
		wantEqual(t, "keys", len(keys), 1)
		key := keys[0]
		wantEqual(t, "key", []any{key.ID, key.OrganizationID, key.UserID, key.ApplicationID, key.LicenseID, key.CreatedBy, key.Kind, key.Masked},
			[]any{w.requestOf(request.ID).KeyID, w.Organization.ID, requester.ID, request.ApplicationID, request.LicenseID, support.ID, portal.TokenKey, ""})
		wantEqual(t, "secrets", len(must(w.s.Secrets(t.Context(), key.ID))(t)), 0)

		again := w.newRequest(portal.Application{ID: request.ApplicationID})
		_, err := w.m.CreateRequest(w.as(w.requester()), again)
		wantFields(t, "a request where there is a key", err, "application")
		wantSays(t, "a request where there is a key", err, "ask an administrator")
		_, err = w.m.CreateRequest(w.as(w.Admin), again)
		wantSays(t, "for who may see it", err, "“"+key.Name+"”")
		mustDo(t, w.m.RevokeKey(w.as(w.Admin), key.ID, key.Name))
		must(w.m.CreateRequest(w.as(w.requester()), again))(t)
	})
}

func TestAnApprovalThatIsRefusedLeavesTheRequestToBeDecided(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester, support := w.requester(), storetest.Support(t, w.s)
		request := w.request(requester, w.application())
		storetest.Key(t, w.s, w.membership(requester), func(k *portal.Key) { k.Name = "Taken" })
		before := w.dump()
		for what, test := range map[string]struct {
			in     manage.Approval
			fields []string
		}{
			"no name":                    {manage.Approval{}, []string{"name"}},
			"a name in use":              {manage.Approval{Name: "taken"}, []string{"name"}},
			"what the roles don't allow": {manage.Approval{Name: "x", APISets: []string{"dunning"}}, []string{"api_set"}},
			"past":                       {manage.Approval{Name: "x", ExpiresAt: w.clock.Now()}, []string{"expires"}},
			"10 kB of a note":            {manage.Approval{Name: "x", Note: strings.Repeat("a", 10240)}, []string{"note"}},
			"NUL in a note":              {manage.Approval{Name: "x", Note: "a\x00b"}, []string{"note"}},
		} {
			test.in.ID, test.in.Version = request.ID, request.Version
			wantFields(t, what, second(w.m.ApproveRequest(w.as(support), test.in)), test.fields...)
		}
		w.wantSame("nothing", before)
		w.set(requester, func(in *manage.MembershipInput) { in.Member = false })
		wantFields(t, "who has left", second(w.m.ApproveRequest(w.as(support), manage.Approval{ID: request.ID, Version: w.version(request.ID), Name: "x"})), "user")
		wantEqual(t, "state", w.requestOf(request.ID).State, portal.RequestOpen)
		mustDo(t, w.m.DeclineRequest(w.as(support), request.ID, w.version(request.ID), "They left."))
	})
}

func TestRequestsAreSeenAndChangedByTheRequesterAndBySupport(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester := w.requester()
		no, unseen := portal.CodeForbidden, portal.CodeNotFound
		for what, test := range map[string]struct {
			actor                         portal.User
			see, decide, answer, withdraw portal.Code
		}{
			"the requester":               {requester, allowed, no, allowed, allowed},
			"a colleague who requests":    {w.requester(), unseen, unseen, unseen, unseen},
			"a colleague with Requests":   {w.holder([]portal.Authority{portal.Requests}), allowed, no, no, allowed},
			"an admin":                    {w.Admin, allowed, no, no, allowed},
			"a stranger":                  {w.Stranger, unseen, unseen, unseen, unseen},
			"support":                     {storetest.Support(t, w.s), allowed, allowed, no, no},
			"a super admin":               {w.SuperAdmin, allowed, allowed, no, no},
			"nobody":                      {portal.User{}, portal.CodeUnauthenticated, portal.CodeUnauthenticated, portal.CodeUnauthenticated, portal.CodeUnauthenticated},
			"who manages keys of clients": {w.holder([]portal.Authority{portal.APIKeys}), unseen, unseen, unseen, unseen},
		} {
			for action, do := range requestActions {
				request := w.request(requester, w.application())
				ctx, want := w.as(test.actor), test.decide
				switch action {
				case "answer":
					want = test.answer
				case "withdraw":
					want = test.withdraw
				}
				wantCode(t, what+" sees it", second(w.m.Request(ctx, request.ID)), test.see)
				wantCode(t, what+": "+action, do(w, ctx, request.ID, request.Version), want)
				if want != allowed {
					wantEqual(t, what+": the request", w.requestOf(request.ID), request)
				}
			}
		}
		wantCode(t, "one that is not there", second(w.m.Request(w.as(w.SuperAdmin), 4711)), portal.CodeNotFound)
	})
}

func TestWhoHasLeftHasNoPartInTheirRequestsAnyMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester := w.requester()
		request := w.request(requester, w.application())
		w.set(requester, func(in *manage.MembershipInput) { in.Member = false })
		wantCode(t, "seen", second(w.m.Request(w.as(requester), request.ID)), portal.CodeNotFound)
		for _, action := range []string{"answer", "withdraw"} {
			wantCode(t, action, requestActions[action](w, w.as(requester), request.ID, request.Version), portal.CodeNotFound)
		}
		mustDo(t, w.m.WithdrawRequest(w.as(w.Admin), request.ID))
		wantEqual(t, "state", w.requestOf(request.ID).State, portal.RequestWithdrawn)
	})
}

func TestAKeyThatIsIssuedStraightAwayFulfilsTheRequestForIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester := w.requester()
		for what, issue := range map[string]func(in manage.NewKey) (manage.GeneratedKey, error){
			"by an administrator":   func(in manage.NewKey) (manage.GeneratedKey, error) { return w.m.IssueKey(w.as(w.Admin), in) },
			"by support":            func(in manage.NewKey) (manage.GeneratedKey, error) { return w.m.IssueKey(w.as(w.prepared.support), in) },
			"from the command line": func(in manage.NewKey) (manage.GeneratedKey, error) { return w.m.CreateKey(w.program(), in) },
			"with a page for a user": func(in manage.NewKey) (manage.GeneratedKey, error) {
				in.Deliver = true
				return w.m.IssueKey(w.as(w.Admin), in)
			},
		} {
			w.prepared.support = storetest.Support(t, w.s)
			request, beside := w.request(requester, w.application()), w.request(requester, w.application())
			made := must(issue(w.newKey(func(in *manage.NewKey) {
				in.Name, in.ApplicationID, in.LicenseID = what, request.ApplicationID, w.License.ID
			})))(t)
			now := w.requestOf(request.ID)
			wantEqual(t, what, []any{now.State, now.KeyID, now.DecidedAt, now.Decision}, []any{portal.RequestApproved, made.ID, w.clock.Now(), "The key was issued straight away, for " + w.User.Name() + "."})
			wantEqual(t, what+": another application's", w.requestOf(beside.ID), beside)
		}
	})
}

func TestAKeyIsIssuedForAnApplication(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.newKey(func(in *manage.NewKey) { in.LicenseID = w.License.ID })
		for what, actor := range map[string]portal.User{"support": storetest.Support(t, w.s), "an admin": w.Admin, "its own user": w.User} {
			before := w.dump()
			wantFields(t, what, second(w.m.IssueKey(w.as(actor), in)), "application")
			w.wantSame(what, before)
		}
	})
}

func TestNoKeyIsRequestedThatWouldBeRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.newRequest(w.application())
		mustDo(t, w.m.DeactivateLicense(w.as(w.SuperAdmin), w.License.ID, w.License.Number))
		wantFields(t, "requested", second(w.m.CreateRequest(w.as(w.requester()), in)), "license")
		mustDo(t, w.m.ActivateLicense(w.as(w.SuperAdmin), w.License.ID))
		mustDo(t, w.m.SuspendOrganization(w.as(w.SuperAdmin), w.Organization.ID, w.Organization.Name))
		wantFields(t, "of a suspended client", second(w.m.CreateRequest(w.as(w.requester()), in)), "license")
		mustDo(t, w.m.ReactivateOrganization(w.as(w.SuperAdmin), w.Organization.ID))
		must(w.m.CreateRequest(w.as(w.requester()), in))(t)
	})
}

func TestTheRequesterIsMailedWhatSupportAsksAndDeclines(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester, mail := w.requester(), &outbox{}
		request := w.request(requester, w.application())
		mustDo(t, w.m.TellRequester(w.as(w.SuperAdmin), request.ID)) // without mail set up
		w.m.Mailer = mail
		for _, news := range []string{"has a question about", "has declined"} {
			mustDo(t, w.m.TellRequester(w.as(w.SuperAdmin), request.ID))
			wantEqual(t, "to", mail.to, requester.Email)
			for _, part := range []string{requester.Name(), news, request.Name(), fmt.Sprintf("\nhttps://keys.example.com/portal/requests/%d\n", request.ID)} {
				if !strings.Contains(mail.text, part) {
					t.Errorf("the mail does not have %q:\n%s", part, mail.text)
				}
			}
			if news == "has a question about" {
				mustDo(t, w.m.DeclineRequest(w.as(w.SuperAdmin), request.ID, request.Version, "No."))
			}
		}
		wantCode(t, "by a stranger", w.m.TellRequester(w.as(w.Stranger), request.ID), portal.CodeNotFound)
		mail.err = errors.New("no route to host")
		if err := w.m.TellRequester(w.as(w.SuperAdmin), request.ID); err == nil {
			t.Error("a mail that did not go out is taken for sent")
		}
	})
}

func TestADecidedRequestStaysAsItIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester := w.requester()
		for state, final := range map[portal.RequestState]string{portal.RequestApproved: "approve", portal.RequestDeclined: "decline", portal.RequestWithdrawn: "withdraw"} {
			request := w.request(requester, w.application())
			by := w.SuperAdmin
			if byRequesterAlone(final) {
				by = requester
			}
			mustDo(t, requestActions[final](w, w.as(by), request.ID, request.Version))
			before := w.dump()
			wantEqual(t, "state", w.requestOf(request.ID).State, state)
			for action, do := range requestActions {
				for _, actor := range []portal.User{requester, w.SuperAdmin} {
					wantCode(t, string(state)+": "+action, do(w, w.as(actor), request.ID, w.version(request.ID)), portal.CodeConflict)
				}
			}
			w.wantSame(string(state), before)
		}
	})
}

func TestAStaleRequestFormDecidesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester := w.requester()
		for _, action := range []string{"take", "ask", "answer", "approve", "decline"} {
			stale := w.request(requester, w.application())
			mustDo(t, w.m.TakeRequest(w.as(storetest.Support(t, w.s)), stale.ID, stale.Version))
			before, by := w.dump(), w.SuperAdmin
			if byRequesterAlone(action) {
				by = requester
			}
			for what, version := range map[string]int64{"stale": stale.Version, "without a version": 0} {
				wantCode(t, action+" "+what, requestActions[action](w, w.as(by), stale.ID, version), portal.CodeConflict)
			}
			w.wantSame(action, before)
			mustDo(t, requestActions[action](w, w.as(by), stale.ID, stale.Version+1))
		}
	})
}

func TestRequestsComeFromMembersWhoMayRequestKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		member := storetest.User(t, w.s)
		storetest.Member(t, w.s, w.Other, member, storetest.Role(t, w.s, w.Other, []portal.Authority{portal.RequestAPIKeys}))
		for what, test := range map[string]struct {
			actor portal.User
			want  portal.Code
		}{
			"who may":                  {w.requester(), allowed},
			"an admin":                 {w.Admin, allowed},
			"a member without":         {w.User, portal.CodeForbidden},
			"who may somewhere else":   {member, portal.CodeForbidden},
			"support, who is no user":  {storetest.Support(t, w.s), portal.CodeForbidden},
			"a super admin, who isn't": {w.SuperAdmin, portal.CodeForbidden},
			"nobody":                   {portal.User{}, portal.CodeUnauthenticated},
		} {
			_, err := w.m.CreateRequest(w.as(test.actor), w.newRequest(w.application()))
			wantCode(t, what, err, test.want)
		}
		_, err := w.m.CreateRequest(w.program(), w.newRequest(w.application()))
		wantCode(t, "the command line", err, portal.CodeForbidden)
	})
}

func TestWhatIsWrongWithARequestIsNamedByField(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester, pending, retired := w.requester(), w.application(), w.application()
		w.request(requester, pending)
		mustDo(t, w.m.RetireApplication(w.as(w.Admin), retired.ID, retired.Version))
		theirs, theirLicense := storetest.Application(t, w.s, w.Other), storetest.License(t, w.s, w.Other)
		for what, test := range map[string]struct {
			edit   func(*manage.NewRequest)
			fields []string
		}{
			"no reason":                           {func(in *manage.NewRequest) { in.Reason = "" }, []string{"reason"}},
			"blanks for a reason":                 {func(in *manage.NewRequest) { in.Reason = " \t\n " }, []string{"reason"}},
			"NUL":                                 {func(in *manage.NewRequest) { in.Reason = "a\x00b" }, []string{"reason"}},
			"10 kB":                               {func(in *manage.NewRequest) { in.Reason = strings.Repeat("a", 10240) }, []string{"reason"}},
			"no application":                      {func(in *manage.NewRequest) { in.ApplicationID = 0 }, []string{"application"}},
			"no license":                          {func(in *manage.NewRequest) { in.LicenseID = 0 }, []string{"license"}},
			"an unknown application":              {func(in *manage.NewRequest) { in.ApplicationID = 4711 }, []string{"application"}},
			"an unknown license":                  {func(in *manage.NewRequest) { in.LicenseID = 4711 }, []string{"license"}},
			"another client's application":        {func(in *manage.NewRequest) { in.ApplicationID = theirs.ID }, []string{"application"}},
			"another client's license":            {func(in *manage.NewRequest) { in.LicenseID = theirLicense.ID }, []string{"license"}},
			"a retired application":               {func(in *manage.NewRequest) { in.ApplicationID = retired.ID }, []string{"application"}},
			"where there is a key":                {func(in *manage.NewRequest) { in.ApplicationID = w.Application.ID }, []string{"application"}},
			"where there is a request of another": {func(in *manage.NewRequest) { in.ApplicationID = pending.ID }, []string{"application"}},
			"nothing":                             {func(in *manage.NewRequest) { *in = manage.NewRequest{OrganizationID: w.Organization.ID} }, []string{"application", "license", "reason"}},
		} {
			in := w.newRequest(storetest.Application(t, w.s, portal.Organization{}))
			before := w.dump()
			test.edit(&in)
			_, err := w.m.CreateRequest(w.as(w.Admin), in)
			wantFields(t, what, err, test.fields...)
			w.wantSame(what, before)
		}
		request := w.request(requester, w.application())
		for what, text := range map[string]string{"nothing": "", "blanks": " \n ", "NUL": "a\x00b", "10 kB": strings.Repeat("a", 10240)} {
			wantFields(t, "asks "+what, w.m.AskRequester(w.as(w.SuperAdmin), request.ID, w.version(request.ID), text), "message")
			wantFields(t, "answers "+what, w.m.AnswerRequest(w.as(requester), request.ID, w.version(request.ID), text), "message")
			wantFields(t, "declines with "+what, w.m.DeclineRequest(w.as(w.SuperAdmin), request.ID, w.version(request.ID), text), "reason")
		}
		wantEqual(t, "request", w.requestOf(request.ID), request)
	})
}

func TestThereIsOnePendingRequestForAnApplicationAndLicense(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		application, ctx, other := w.application(), w.as(w.requester()), w.as(w.Admin)
		outcomes := atOnce(50, func(i int) error {
			by := ctx
			if i%2 == 0 {
				by = other
			}
			return second(w.m.CreateRequest(by, w.newRequest(application)))
		})
		wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: 1, portal.CodeInvalid: 49})
		pending := must(w.m.PendingRequestFor(other, application.ID, w.License.ID))(t)
		mustDo(t, w.m.DeclineRequest(w.as(w.SuperAdmin), pending.ID, w.version(pending.ID), "No."))
		wantEqual(t, "pending", must(w.m.PendingRequestFor(other, application.ID, w.License.ID))(t), portal.Request{})
		must(w.m.CreateRequest(ctx, w.newRequest(application)))(t)

		in := w.newRequest(w.application())
		in.Submission = manage.Submission{Token: "form"}
		var made [50]portal.Request
		outcomes = atOnce(len(made), func(i int) (err error) {
			made[i], err = w.m.CreateRequest(ctx, in)
			return err
		})
		wantEqual(t, "outcomes of one form", outcomes, map[portal.Code]int{allowed: len(made)})
		for _, one := range made {
			wantEqual(t, "request", one.ID, made[0].ID)
		}
	})
}

func TestTheQueueIsSupportsAndEachFollowsTheirOwnRequests(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		requester, colleague, support := w.requester(), w.requester(), storetest.Support(t, w.s)
		asked := w.request(requester, w.application())
		w.request(colleague, w.application())
		mustDo(t, w.m.WithdrawRequest(w.as(colleague), w.request(colleague, w.application()).ID))
		mustDo(t, w.m.AskRequester(w.as(support), asked.ID, w.version(asked.ID), "Who?"))
		o := w.Organization.ID
		for what, test := range map[string]struct {
			actor   portal.User
			filter  portal.RequestFilter
			want    int // -1: forbidden
			waiting int
		}{
			"support, all":            {support, portal.RequestFilter{}, 3, 1},
			"support, pending":        {support, portal.RequestFilter{Pending: true}, 2, 1},
			"support, taken":          {support, portal.RequestFilter{AssigneeID: support.ID}, 1, 1},
			"an admin, the client's":  {w.Admin, portal.RequestFilter{OrganizationID: o}, 3, 0},
			"an admin, all":           {w.Admin, portal.RequestFilter{}, -1, 0},
			"a requester, own":        {requester, portal.RequestFilter{RequesterID: requester.ID}, 1, 1},
			"a requester, another's":  {requester, portal.RequestFilter{RequesterID: colleague.ID}, -1, 1},
			"a requester, the client": {requester, portal.RequestFilter{OrganizationID: o}, -1, 1},
			"a colleague, own":        {colleague, portal.RequestFilter{RequesterID: colleague.ID}, 2, 0},
			"a stranger":              {w.Stranger, portal.RequestFilter{OrganizationID: o}, -1, 0},
		} {
			wantEqual(t, what+": waiting", must(w.m.RequestsWaiting(w.as(test.actor), o))(t), test.waiting)
			page, err := w.m.Requests(w.as(test.actor), test.filter)
			if test.want < 0 {
				wantCode(t, what, err, portal.CodeForbidden)
				continue
			}
			wantCode(t, what, err, allowed)
			wantEqual(t, what, len(page.Rows), test.want)
		}
		_, err := w.m.Requests(w.as(portal.User{}), portal.RequestFilter{})
		wantCode(t, "nobody", err, portal.CodeUnauthenticated)
	})
}
