package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// requester makes Member one who may request keys and manage their own.
func (p *running) requester() *browser {
	p.t.Helper()
	membership, err := p.Store.Membership(p.t.Context(), p.Organization.ID, p.Member.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	membership.Roles = append(membership.Roles, storetest.Role(p.t, p.Store, p.Organization, []portal.Authority{portal.RequestAPIKeys}))
	storetest.SaveMembership(p.t, p.Store, membership)
	return p.as(p.Member)
}

func (p *running) pair() url.Values {
	return url.Values{"application": {id(p.Application.ID)}, "license": {id(p.License.ID)}}
}

// asks sends a request for a key and gives the address of its page.
func (b *browser) asks(p *running, reason string) string {
	b.t.Helper()
	form := b.get("/requests/new?"+p.pair().Encode()).expect(b.t, http.StatusOK, "Request an API key").form(`form[action="/requests"]`)
	form.Set("reason", reason)
	return b.post("/requests", form).expect(b.t, http.StatusSeeOther).location
}

func TestARequestGoesFromTheClientThroughSupportToAKeyThatOnlyTheRequesterSees(t *testing.T) {
	p := startPortal(t)
	member, support := p.requester(), p.as(p.Support)
	path := member.asks(p, "Our shops need it.")
	member.get(path).expect(t, http.StatusOK, "Nobody of support has taken it yet", "Our shops need it.")

	support.get("/requests").expect(t, http.StatusOK, p.Application.Name, "Gold Client", "Member Person", "Open")
	support.get("/").expect(t, http.StatusOK, "1 request for an API key waits for support")
	support.post(path+"/take", support.get(path).form(`form[action$="/take"]`)).expect(t, http.StatusSeeOther)
	page := support.get(path).expect(t, http.StatusOK, "You are working on it")
	support.post(path+"/ask", with(page.form(`form[action$="/ask"]`), "message", "How many shops?")).expect(t, http.StatusSeeOther)
	page = member.get(path).expect(t, http.StatusOK, "Support has a question for you", "How many shops?")
	member.post(path+"/answer", with(page.form(`form[action$="/answer"]`), "message", "Three.")).expect(t, http.StatusSeeOther)

	support.get(path).expect(t, http.StatusOK, "Three.")
	form := support.get(path+"/approve").expect(t, http.StatusOK, p.Application.Name).form(`main form[method="post"]`)
	form["api_set"] = []string{"billing"}
	form.Set("note", "Have a good start.")
	answer := support.post(path+"/approve", form).expect(t, http.StatusSeeOther)
	seen := answer.body + support.get(path).expect(t, http.StatusOK, "The key was issued by Support Person", "Have a good start.").body

	request, err := p.Store.Request(t.Context(), p.lastRequest())
	if err != nil || request.State != portal.RequestApproved {
		t.Fatalf("the request is %+v, %v", request, err)
	}
	key := "/keys/" + id(request.KeyID)
	seen += support.get(key).expect(t, http.StatusOK, "Not delivered yet", "Send a new one-time page").body
	support.get(key+"/delivery").expect(t, http.StatusNotFound)
	support.post(key+"/delivery", nil).expect(t, http.StatusNotFound)
	p.as(p.Admin).post(key+"/delivery", nil).expect(t, http.StatusNotFound)

	member.get("/").expect(t, http.StatusOK, "is ready", "Go to the one-time page")
	member.get(path).expect(t, http.StatusOK, "Your API key is ready")
	member.get(key+"/delivery").expect(t, http.StatusOK, "Show the API key")
	shown := member.post(key+"/delivery", nil).expect(t, http.StatusOK, "Save generated key").doc.Find(".kp-secret code").Text()
	if prefix, err := secret.Parse(shown); err != nil || prefix != secret.Token {
		t.Fatalf("%q is no key", shown)
	}
	if !p.works(shown) {
		t.Error("the key does not work")
	}
	member.get(key+"/delivery").expect(t, http.StatusConflict, "opened already")
	again := member.post(key+"/delivery", nil).expect(t, http.StatusConflict, "opened already")
	seen += again.body + support.get(key).body + support.get(path).body + member.get(key).expect(t, http.StatusOK, "Active").body
	if strings.Contains(seen, shown) || strings.Contains(p.Log.String(), shown) {
		t.Error("the key is in clear on another page or in the log")
	}
}

// with gives a form with a value put in.
func with(form url.Values, name, value string) url.Values {
	form.Set(name, value)
	return form
}

// lastRequest gives the number of the newest request.
func (p *running) lastRequest() int64 {
	p.t.Helper()
	var last int64
	if err := storetest.SQL(p.t, p.Store).QueryRowContext(p.t.Context(), `SELECT max(id) FROM requests`).Scan(&last); err != nil {
		p.t.Fatal(err)
	}
	return last
}

func TestARefusedWordKeepsWhatWasTyped(t *testing.T) {
	p := startPortal(t)
	member, support := p.requester(), p.as(p.Support)
	refused := member.post("/requests", with(p.pair(), "reason", "  ")).expect(t, http.StatusUnprocessableEntity, "Say what the key is for")
	if got := refused.form(`form[action="/requests"]`); got.Get("application") != id(p.Application.ID) || got.Get("license") != id(p.License.ID) {
		t.Errorf("the form has %v", got)
	}
	path := member.asks(p, "Our shops need it.")
	support.post(path+"/decline", url.Values{"version": {"1"}, "reason": {""}}).expect(t, http.StatusUnprocessableEntity, "Enter the reason")
	support.post(path+"/take", support.get(path).form(`form[action$="/take"]`)).expect(t, http.StatusSeeOther)
	stale := support.post(path+"/decline", url.Values{"version": {"1"}, "reason": {"Not this one."}}).expect(t, http.StatusConflict, "changed by someone else")
	if kept := stale.doc.Find(`textarea[name="reason"]`).Text(); strings.TrimSpace(kept) != "Not this one." {
		t.Errorf("the reason became %q", kept)
	}
	form := stale.form(`form[action$="/decline"]`)
	support.post(path+"/decline", form).expect(t, http.StatusSeeOther)
	member.get(path).expect(t, http.StatusOK, "has declined it", "Not this one.")
	support.post(path+"/decline", form).expect(t, http.StatusConflict, "decided already")
}

func TestASecondKeyOrRequestForTheSamePairLeadsToTheFirst(t *testing.T) {
	p := startPortal(t)
	member, admin := p.requester(), p.as(p.Admin)
	path := member.asks(p, "Our shops need it.")
	member.get("/requests/new?"+p.pair().Encode()).expect(t, http.StatusOK, "has requested a key", "Open the request")
	member.post("/requests", with(p.pair(), "reason", "Again.")).expect(t, http.StatusUnprocessableEntity, "Follow that request instead")
	member.get(path+"/withdraw").expect(t, http.StatusOK, "Withdraw the request")
	member.post(path+"/withdraw", nil).expect(t, http.StatusSeeOther)

	form := admin.get("/keys/issue?"+p.pair().Encode()).expect(t, http.StatusOK, "Issue API key").form(`main form[method="post"]`)
	if form.Get("name") != p.Application.Name+" ("+p.License.Domain+")" || form.Get("handover") != "now" {
		t.Errorf("the form begins with %v", form)
	}
	shown := admin.post("/keys/issue", form).expect(t, http.StatusOK, "Save generated key").doc.Find(".kp-secret code").Text()
	if !p.works(shown) {
		t.Error("the issued key does not work")
	}
	first, err := p.Store.LiveKeyFor(t.Context(), p.Application.ID, p.License.ID)
	if err != nil {
		t.Fatal(err)
	}
	page := admin.get("/keys/issue?"+p.pair().Encode()).expect(t, http.StatusOK, "already", first.Name, "Rotate it")
	if !page.has(`a[href="/keys/`+id(first.ID)+`/rotate"]`) || page.has(`input[name="name"]:not([type="hidden"])`) {
		t.Error("there is no way to the first key, or one to a second")
	}
	form.Del("submission")
	form.Set("description", "For the shops.")
	refused := admin.post("/keys/issue", form).expect(t, http.StatusUnprocessableEntity, "Rotate it instead of issuing a second one")
	if !refused.has(`a[href="/keys/` + id(first.ID) + `"]`) {
		t.Error("the refusal does not lead to the first key")
	}
	if kept := refused.form(`main form[method="post"]`); kept.Get("description") != "For the shops." || !refused.has(`input[name="name"]:not([type="hidden"])`) {
		t.Errorf("the refused form has %v", kept)
	}
	sent := p.as(p.Support).get("/keys/issue?"+p.pair().Encode()).expect(t, http.StatusOK, "already", "Send its user a new secret")
	if sent.has(`a[href$="/rotate"]`) {
		t.Error("support is led to a rotation that it may not do")
	}
	refused = member.post("/requests", with(p.pair(), "reason", "Again.")).expect(t, http.StatusUnprocessableEntity, "ask an administrator")
	if strings.Contains(refused.body, first.Name+"”") {
		t.Error("who may not see the key is told its name")
	}
}

func TestSupportIssuesAKeyStraightAwayWithoutSeeingIt(t *testing.T) {
	p := startPortal(t)
	support := p.as(p.Support)
	form := support.get("/keys/issue?user="+id(p.Member.ID)+"&"+p.pair().Encode()).expect(t, http.StatusOK, "How it is handed over").form(`main form[method="post"]`)
	if form.Get("handover") != "page" {
		t.Errorf("support hands keys over by %q", form.Get("handover"))
	}
	form["api_set"] = []string{"billing"}
	issued := support.post("/keys/issue", form).expect(t, http.StatusSeeOther)
	support.get(issued.location).expect(t, http.StatusOK, "Not delivered yet", "Member Person alone can see it")
	if again := support.post("/keys/issue", form); again.location != issued.location {
		t.Errorf("the form sent again leads to %q, not %q", again.location, issued.location)
	}
	support.get(issued.location).expect(t, http.StatusOK, "Not delivered yet", "This form was sent before")
	shown := p.as(p.Member).post(issued.location+"/delivery", nil).expect(t, http.StatusOK, "Save generated key").doc.Find(".kp-secret code").Text()
	if !p.works(shown) {
		t.Error("the delivered key does not work")
	}
}

func TestAOneTimePageThatExpiredIsSentAnew(t *testing.T) {
	p := startPortal(t)
	admin := p.as(p.Admin)
	form := url.Values{"name": {"Kiosk"}, "application": {id(p.Application.ID)}, "license": {id(p.License.ID)}, "user": {id(p.Member.ID)}, "handover": {"page"}}
	path := admin.post("/keys/issue", form).expect(t, http.StatusSeeOther).location
	storetest.Of(p.Store).Clock.Advance(8 * 24 * time.Hour)
	member := p.as(p.Member)
	member.get(path+"/delivery").expect(t, http.StatusConflict, "has expired")
	member.post(path+"/delivery", nil).expect(t, http.StatusConflict, "has expired")
	admin = p.as(p.Admin)
	admin.get(path).expect(t, http.StatusOK, "has expired, and nobody has seen this key")
	admin.post(path+"/deliver", nil).expect(t, http.StatusSeeOther)
	member.post(path+"/delivery", nil).expect(t, http.StatusOK, "Save generated key")
}

func TestSupportSendsTheUserOfAKeyANewSecretWithoutSeeingIt(t *testing.T) {
	p := startPortal(t)
	support, member, path := p.as(p.Support), p.as(p.Member), "/keys/"+id(p.Key.ID)
	support.get(path+"/rotate").expect(t, http.StatusForbidden, "Support does not get to see the secret of a client")
	if page := support.get(path).expect(t, http.StatusOK, "Send its user a new secret"); page.has(`a[href$="/rotate"]`) {
		t.Error("support is led to a rotation that it may not do")
	}
	support.post(path+"/deliver", nil).expect(t, http.StatusSeeOther, path)
	support.get(path).expect(t, http.StatusOK, "Member Person can get a new secret", "Active")
	support.get(path+"/delivery").expect(t, http.StatusNotFound)
	member.get("/").expect(t, http.StatusOK, "A new secret of your API key")
	page := member.get(path+"/delivery").expect(t, http.StatusOK, "A new secret for your API key", "What uses the present one")
	member.post(path+"/delivery", nil).expect(t, http.StatusUnprocessableEntity, "Choose how long the present secret goes on working")
	shown := member.post(path+"/delivery", with(page.form(`form[action$="/delivery"]`), "grace", "1h0m0s")).expect(t, http.StatusOK, "Save generated key").doc.Find(".kp-secret code").Text()
	if !p.works(shown) || !p.works(p.Secret.Reveal()) {
		t.Error("within the grace one of the two secrets does not work")
	}
	if page := support.get(path).expect(t, http.StatusOK, "Old secret"); strings.Contains(page.body, shown) || strings.Contains(page.body, "can get a new secret") {
		t.Error("support sees the new secret, or a page that was opened")
	}
}

func TestAStaleApprovalShowsWhatWasSaidMeanwhileAndCanBeSentAgain(t *testing.T) {
	p := startPortal(t)
	member, support := p.requester(), p.as(p.Support)
	path := member.asks(p, "Our shops need it.")
	form := support.get(path+"/approve").expect(t, http.StatusOK, "Our shops need it.").form(`main form[method="post"]`)
	form.Set("note", "Have fun.")
	member.post(path+"/answer", with(member.get(path).form(`form[action$="/answer"]`), "message", "And our stores.")).expect(t, http.StatusSeeOther)
	stale := support.post(path+"/approve", form).expect(t, http.StatusConflict, "changed by someone else", "And our stores.")
	again := stale.form(`main form[method="post"]`)
	if again.Get("note") != "Have fun." || again.Get("name") != form.Get("name") {
		t.Errorf("the form became %v", again)
	}
	support.post(path+"/approve", again).expect(t, http.StatusSeeOther, path)
}

func TestAFormAboutARequestSaysWhichOneItSaw(t *testing.T) {
	p := startPortal(t)
	member, support := p.requester(), p.as(p.Support)
	path := member.asks(p, "Our shops need it.")
	for _, action := range []string{"take", "ask", "approve", "decline"} {
		form := url.Values{"message": {"Who?"}, "reason": {"No."}, "name": {"Kiosk"}}
		support.post(path+"/"+action, form).expect(t, http.StatusConflict, "changed by someone else")
	}
	member.get(path).expect(t, http.StatusOK, "Nobody of support has taken it yet")
}

func TestTheRequesterIsToldThatSupportAskedAndAnAdministratorCanWithdraw(t *testing.T) {
	p := startPortal(t)
	post := &mailbox{}
	p.Manager.Mailer = post
	member, support, admin := p.requester(), p.as(p.Support), p.as(p.Admin)
	path := member.asks(p, "Our shops need it.")
	support.post(path+"/ask", with(support.get(path).form(`form[action$="/ask"]`), "message", "How many?")).expect(t, http.StatusSeeOther)
	member.get("/").expect(t, http.StatusOK, "Support has a question about a request of yours")
	if !strings.Contains(post.text, "support has a question") || !strings.Contains(post.text, path) {
		t.Errorf("the mail is %q", post.text)
	}
	post.err = errors.New("connection refused")
	support.post(path+"/ask", with(support.get(path).form(`form[action$="/ask"]`), "message", "And where?")).expect(t, http.StatusSeeOther)
	if page := admin.get("/").expect(t, http.StatusOK); strings.Contains(page.body, "Support has a question") {
		t.Error("somebody else is asked")
	}
	admin.get(path).expect(t, http.StatusOK, "Withdraw")
	admin.post(path+"/withdraw", nil).expect(t, http.StatusSeeOther, path)
	member.get(path).expect(t, http.StatusOK, "It was withdrawn")
}

func TestWhatWasTypedAboutARequestIsThereAfterLoggingInAgain(t *testing.T) {
	p := startPortal(t)
	path := p.requester().asks(p, "Our shops need it.")
	for action, field := range map[string]string{"ask": "message", "decline": "reason"} {
		back := p.visitor().post(path+"/"+action, url.Values{field: {"Which shops?"}, "version": {"1"}}).expect(t, http.StatusUnauthorized, "What you typed is kept").form("main form").Get("next")
		if kept := p.as(p.Support).get(back).expect(t, http.StatusOK).doc.Find(`textarea[name="` + field + `"]`).Text(); strings.TrimSpace(kept) != "Which shops?" {
			t.Errorf("%s: %q leads to %q", action, back, kept)
		}
	}
}

func TestAFormThatIssuesAKeyBeginsWithAllAPISetsSelected(t *testing.T) {
	p := startPortal(t)
	path := p.requester().asks(p, "Our shops need it.")
	support := p.as(p.Support)
	for _, address := range []string{path + "/approve", "/keys/issue?user=" + id(p.Member.ID) + "&" + p.pair().Encode()} {
		form := support.get(address).expect(t, http.StatusOK).form(`main form[method="post"]`)
		if len(form["api_set"]) == 0 {
			t.Errorf("%s: no API set is selected", address)
		}
		form.Del("api_set")
		form.Set("name", "")
		refused := support.post(strings.Split(address, "?")[0], form).expect(t, http.StatusUnprocessableEntity)
		if again := refused.form(`main form[method="post"]`); len(again["api_set"]) != 0 {
			t.Errorf("%s: what was taken out is selected again: %v", address, again["api_set"])
		}
	}
}

func TestSupportIsLedFromARequestToIssuing(t *testing.T) {
	p := startPortal(t)
	p.as(p.Support).get("/requests/new?"+p.pair().Encode()).expect(t, http.StatusSeeOther, "/keys/issue?"+p.pair().Encode())
}

func TestAKeyIsNotIssuedWithoutAnApplicationOrLicense(t *testing.T) {
	p := startPortal(t)
	admin := p.as(p.Admin)
	for _, missing := range []string{"application", "license"} {
		form := issueForm(p)
		form.Del(missing)
		refused := admin.post("/keys/issue", form).expect(t, http.StatusUnprocessableEntity, "Choose the "+missing+" that the key is for")
		if kept := refused.form(`main form[method="post"]`); kept.Get("name") != "Kiosk" {
			t.Errorf("the refused form has %v", kept)
		}
	}
}

func TestTheQueueIsNarrowedByItsAddress(t *testing.T) {
	p := startPortal(t)
	p.pending()
	support := p.as(p.Support)
	for query, found := range map[string]bool{
		"": true, "?state=open": true, "?state=approved": false, "?state=all": true, "?organization=" + id(p.Organization.ID): true,
		"?organization=" + id(p.Other.ID): false, "?taken=me": false, "?q=member": true, "?q=nothing": false,
	} {
		if page := support.get("/requests"+query).expect(t, http.StatusOK); page.has(`td a[href^="/requests/"]`) != found {
			t.Errorf("%q finds the request: %t", query, !found)
		}
	}
	if page := p.as(p.Admin).get("/requests").expect(t, http.StatusOK, "people here asked"); !page.has(`td a[href^="/requests/"]`) {
		t.Error("the client's administrator does not see the request")
	}
}
