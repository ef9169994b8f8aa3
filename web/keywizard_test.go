package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// step sends the wizard's form as one of its buttons does.
func (b *browser) step(from answer, step string) answer {
	b.t.Helper()
	form := from.form("main form")
	form.Set("step", step)
	return b.get("/keys/new?" + form.Encode())
}

// finish sends the wizard's form as its button Finish does.
func (b *browser) finish(from answer, step string) answer {
	b.t.Helper()
	form := from.form("main form")
	form.Set("step", step)
	return b.post("/keys", form)
}

// secretShown gives the key that a page shows in clear.
func secretShown(a answer) string { return a.doc.Find("dialog code").Text() }

func (p *running) keysNamed(name string) []portal.Key {
	p.t.Helper()
	found, err := p.Store.Keys(p.t.Context(), portal.KeyFilter{List: portal.List{Search: name}})
	if err != nil {
		p.t.Fatal(err)
	}
	return found.Rows
}

func TestAKeyIsGeneratedStepByStepAndShownOnce(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	details := b.get("/keys/new").expect(t, http.StatusOK, "New API Key", "For Member Person. You can only generate an API key for yourself.")
	form := details.form("main form")
	form.Set("name", "Nightly ledger")
	form.Set("description", "Books what came in.\nEvery night.")
	form.Set("expiry", "date")
	form.Set("expires", "2099-01-31")
	form.Set("step", "api-sets")
	sets := b.get("/keys/new?"+form.Encode()).expect(t, http.StatusOK, "Available API", "Selected API", "billing API")
	if strings.Contains(sets.text(), "revenue-management") {
		t.Error("an API set that the user's roles don't allow is offered")
	}
	chosen := sets.form("main form")
	chosen.Set("api_set", "billing")
	chosen.Set("step", "review")
	review := b.get("/keys/new?"+chosen.Encode()).expect(t, http.StatusOK, "Nightly ledger", "Every night.", "billing API", "31 January 2099")

	made := b.finish(review, "review").expect(t, http.StatusOK, "Save generated key", "Copy to clipboard", "Download", "Close")
	text := secretShown(made)
	if prefix, err := secret.Parse(text); err != nil || prefix != secret.Token {
		t.Fatalf("the page shows %q", text)
	}
	if made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q", made.header.Get("Cache-Control"))
	}
	key, _, err := p.Store.KeyByHash(t.Context(), secret.HashOf(text))
	if err != nil {
		t.Fatal(err)
	}
	if key.UserID != p.Member.ID || key.Name != "Nightly ledger" || len(key.APISets) != 1 || key.ExpiresAt.Format("2006-01-02 15:04:05") != "2099-01-31 23:59:59" {
		t.Errorf("stored is %+v", key)
	}
	if link := made.doc.Find("dialog a[download]"); link.AttrOr("download", "") != "Nightly ledger.APIKEY" || link.AttrOr("href", "") != "data:text/plain;charset=utf-8,"+text {
		t.Errorf("the download is %q", link.AttrOr("href", ""))
	}

	again := b.finish(review, "review").expect(t, http.StatusSeeOther)
	if again.location != "/keys/"+id(key.ID) {
		t.Errorf("a form sent twice leads to %q", again.location)
	}
	page := b.get(again.location).expect(t, http.StatusOK, "This form was sent before: the key was generated once and is not shown again.", key.Masked)
	if strings.Contains(page.body, text) || strings.Contains(p.Log.String(), text) {
		t.Error("the key is shown again, or logged")
	}
	if count := len(p.keysNamed("nightly")); count != 1 {
		t.Errorf("%d keys were made", count)
	}
}

func TestAStepOfTheWizardKeepsWhatTheOthersHoldAndCanBeGoneBackTo(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	entered := url.Values{"name": {"حسابات <b>"}, "description": {"one & two"}, "api_set": {"billing", "dunning"}, "submission": {"token"}, "step": {"api-sets"}}
	sets := b.get("/keys/new?"+entered.Encode()).expect(t, http.StatusOK, "API sets")
	if got := sets.form("main form")["api_set"]; !slices.Equal(got, []string{"billing", "dunning"}) {
		t.Errorf("selected are %v", got)
	}
	back, _ := sets.doc.Find("nav[aria-label=Steps] a").First().Attr("href")
	for _, details := range []answer{b.get(back), b.step(sets, "details")} {
		form := details.expect(t, http.StatusOK, "Next").form("main form")
		for name, want := range entered {
			if name != "step" && !slices.Equal(form[name], want) {
				t.Errorf("%s is %q on the first step", name, form[name])
			}
		}
	}
}

func TestFinishCanBeSentFromTheStepOfAPISetsAndByAnyClient(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	sets := b.get("/keys/new?name=Direct&step=api-sets").expect(t, http.StatusOK, "Finish")
	b.finish(sets, "api-sets").expect(t, http.StatusOK, "Save generated key")
	made := b.post("/keys", url.Values{"name": {"Script"}, "api_set": {"billing", "dunning"}}).expect(t, http.StatusOK, "Save generated key")
	key, _, err := p.Store.KeyByHash(t.Context(), secret.HashOf(secretShown(made)))
	if err != nil || key.UserID != p.Member.ID || len(key.APISets) != 2 || !key.ExpiresAt.IsZero() {
		t.Fatalf("stored is %+v, %v", key, err)
	}
}

func TestWhatCannotBeTakenIsShownAtItsFieldWithWhatWasTyped(t *testing.T) {
	p := startPortal(t)
	retired := storetest.APISet(t, p.Store, "legacy")
	storetest.Change(t, p.Store, func(c *store.Change) error {
		retired.RetiredAt = c.Now()
		return c.UpdateAPISet(t.Context(), retired)
	})
	b := p.as(p.Member)
	for name, test := range map[string]struct {
		field, value, says, step string
	}{
		"empty name":          {"name", "", "Enter a name.", "Details"},
		"blank name":          {"name", " \t ", "Enter a name.", "Details"},
		"10 kB name":          {"name", strings.Repeat("long ", 2000), "100 characters at most", "Details"},
		"name with a NUL":     {"name", "a\x00b", "do not print", "Details"},
		"name with an LRO":    {"name", "a\u202db", "do not print", "Details"},
		"name in use":         {"name", "INTEGRATION ", "This user has an API key with this name already", "Details"},
		"control description": {"description", "a\x07b", "do not print", "Details"},
		"10 kB description":   {"description", strings.Repeat("long ", 2000), "1000 characters at most", "Details"},
		"no date":             {"expires", "tomorrow", "Enter a date like 2027-01-31", "Details"},
		"past date":           {"expires", "2001-01-31", "must be in the future", "Details"},
		"far date":            {"expires", "9999-12-31", "100 years off at most", "Details"},
		"unknown API set":     {"api_set", "nowhere", "There is no API set “nowhere”", "API sets"},
		"retired API set":     {"api_set", "legacy", "was retired", "API sets"},
		"API set not allowed": {"api_set", "revenue-management", "The roles of the key's user don't allow", "API sets"},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"name": {"Fine"}, "description": {"Kept text"}, "api_set": {"billing"}, "submission": {"x" + name}}
			form.Set(test.field, test.value)
			refused := b.post("/keys", form).expect(t, http.StatusUnprocessableEntity, test.says)
			if step := refused.doc.Find("[aria-current=step]").Text(); strings.TrimSpace(step) != test.step {
				t.Errorf("shown is the step %q", step)
			}
			shown := refused.form("main form")
			for _, field := range []string{"name", "description", "expires"} {
				want := strings.ReplaceAll(form.Get(field), "\x00", "\uFFFD") // HTML has no NUL
				if strings.TrimSpace(shown.Get(field)) != strings.TrimSpace(want) {
					t.Errorf("%s is %.40q again, was %.40q", field, shown.Get(field), form.Get(field))
				}
			}
			if target, _ := refused.doc.Find("[data-error-summary] a").Attr("href"); refused.doc.Find(target).Length() != 1 {
				t.Errorf("the error leads to %q, which is not there", target)
			}
			form.Set("step", "review")
			b.get("/keys/new?"+form.Encode()).expect(t, http.StatusUnprocessableEntity, test.says)
		})
	}
	if count := len(p.keysNamed("")); count != 1 {
		t.Errorf("%d keys are there; nothing should have been made", count)
	}
}

func TestWhoManagesKeysGeneratesThemForOthers(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	details := b.get("/keys/new").expect(t, http.StatusOK, "Mapped User Account", "Member Person (member)")
	if got := details.form("main form").Get("user"); got != id(p.Admin.ID) {
		t.Errorf("chosen at first is %q", got)
	}
	if got := b.get("/keys/new?user=" + id(p.Member.ID)).form("main form").Get("user"); got != id(p.Member.ID) {
		t.Errorf("chosen by the address is %q", got)
	}
	sets := b.get("/keys/new?name=Theirs&step=api-sets&user="+id(p.Member.ID)).expect(t, http.StatusOK, "For Member Person.", "dunning API")
	if strings.Contains(sets.text(), "revenue-management API") {
		t.Error("an API set is offered that the mapped user's roles don't allow")
	}
	b.finish(sets, "api-sets").expect(t, http.StatusOK, "Save generated key")
	if made := p.keysNamed("theirs"); len(made) != 1 || made[0].UserID != p.Member.ID || made[0].CreatedBy != p.Admin.ID {
		t.Fatalf("made are %+v", made)
	}
	b.get("/keys/new?step=review&name=X&user="+id(p.Stranger.ID)).expect(t, http.StatusUnprocessableEntity, "Choose a user of this organization")
	b.post("/keys", url.Values{"name": {"X"}, "user": {"nobody"}}).expect(t, http.StatusUnprocessableEntity, "Choose a user of this organization")
}

func TestWhoManagesOnlyTheirOwnKeysGeneratesNoneForOthers(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	b.get("/keys/new?user="+id(p.Colleague.ID)).expect(t, http.StatusForbidden, "Manage API Keys")
	b.post("/keys", url.Values{"name": {"X"}, "user": {id(p.Colleague.ID)}}).expect(t, http.StatusForbidden, "Manage API Keys")
	b.post("/keys", url.Values{"name": {"X"}, "user": {"colleague"}}).expect(t, http.StatusUnprocessableEntity, "Choose a user of this organization.")
}

func TestStaffWhoAreNoMembersChooseForWhomAKeyIs(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Support)
	details := b.get("/keys/new").expect(t, http.StatusOK, "Choose a user")
	if got := details.form("main form").Get("user"); got != "" {
		t.Errorf("chosen at first is %q", got)
	}
	b.get("/keys/new?name=X&step=api-sets").expect(t, http.StatusUnprocessableEntity, "Choose a user of this organization")
	b.get("/keys/new?name=X&step=api-sets&user="+id(p.Member.ID)).expect(t, http.StatusOK, "billing API")
}

func TestOfManyUsersTheWantedOneIsOfferedToo(t *testing.T) {
	p := startPortal(t)
	var last portal.User
	storetest.Change(t, p.Store, func(c *store.Change) error {
		for i := range 210 {
			user, err := c.InsertUser(t.Context(), portal.User{Username: fmt.Sprintf("zz-user-%03d", i), Email: "zz@example.com", Enabled: true})
			if err != nil {
				return err
			}
			if _, err := c.SaveMembership(t.Context(), portal.Membership{OrganizationID: p.Organization.ID, UserID: user.ID}); err != nil {
				return err
			}
			last = user
		}
		return nil
	})
	b := p.as(p.Admin)
	if few := b.get("/keys/new").expect(t, http.StatusOK, "Not all users are listed"); strings.Contains(few.text(), last.Username) {
		t.Error("all users are listed")
	}
	if found := b.get("/keys/new?user_search="+last.Username).expect(t, http.StatusOK, last.Username); found.doc.Find("select[name=user] option").Length() > 3 {
		t.Errorf("the search finds %q", found.doc.Find("select[name=user]").Text())
	}
	form := b.get("/keys/new?user="+id(last.ID)).expect(t, http.StatusOK, last.Username).form("main form")
	if form.Get("user") != id(last.ID) {
		t.Errorf("chosen is %q", form.Get("user"))
	}
}

func TestAUserThatIsNoUserIsSaidAtTheField(t *testing.T) {
	p := startPortal(t)
	for _, user := range []portal.User{p.Member, p.Admin} {
		b := p.as(user)
		for _, wrong := range []string{"abc", "0", "-1"} {
			for _, refused := range []answer{
				b.get("/keys/new?name=Kept&step=api-sets&user=" + wrong), b.post("/keys", url.Values{"name": {"Kept"}, "user": {wrong}, "api_set": {"billing"}}),
			} {
				refused.expect(t, http.StatusUnprocessableEntity, "Choose a user of this organization.")
				if refused.form("main form").Get("name") != "Kept" {
					t.Errorf("the name is lost for %s", wrong)
				}
			}
		}
	}
}

func TestALockedDatabaseMakesNoKeyAndLosesNothing(t *testing.T) {
	t.Parallel()
	p := startPortal(t)
	b := p.as(p.Member)
	lock, err := storetest.SQL(t, p.Store).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"name": {"Kept name"}, "api_set": {"billing"}, "step": {"api-sets"}, "submission": {"token"}}
	refused := b.post("/keys", form).expect(t, http.StatusServiceUnavailable, "Nothing was changed", "Selected API")
	if refused.doc.Find("dialog").Length() != 0 {
		t.Error("a key is shown that was not stored")
	}
	if _, err := lock.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	b.finish(refused, "api-sets").expect(t, http.StatusOK, "Save generated key", "Kept name")
}

func TestAKeyIsNotGeneratedInAnotherOrganizationThanTheWizardBeganIn(t *testing.T) {
	p := startPortal(t)
	storetest.SaveMembership(t, p.Store, portal.Membership{OrganizationID: p.Other.ID, UserID: p.Admin.ID, Admin: true})
	b := p.as(p.Admin)
	sets := b.get("/keys/new?name=Where&step=api-sets").expect(t, http.StatusOK)
	b.post("/organization", url.Values{"organization_id": {id(p.Other.ID)}}).expect(t, http.StatusSeeOther)
	refused := b.finish(sets, "api-sets").expect(t, http.StatusConflict, "You are working in another organization than when you began")
	if got := refused.form("main form").Get("name"); got != "Where" {
		t.Errorf("the name is %q again", got)
	}
	if made := p.keysNamed("where"); len(made) != 0 {
		t.Fatalf("made are %+v", made)
	}
}

func TestAnOrganizationsRuleForExpiryIsHeld(t *testing.T) {
	p := startPortal(t)
	storetest.Change(t, p.Store, func(c *store.Change) error {
		strict := p.Organization
		strict.ExpiryRequired, strict.ExpiryMaxDays = true, 90
		return c.UpdateOrganization(t.Context(), strict)
	})
	b := p.as(p.Member)
	choice := b.get("/keys/new").expect(t, http.StatusOK, "This organization allows 90 days at most").doc.Find("select[name=expiry]")
	if choice.Find("option[value=never]").Length() > 0 || choice.Find("option[value='180']").Length() > 0 || choice.Find("option[selected]").AttrOr("value", "") != "90" {
		t.Errorf("to choose from are %q", choice.Text())
	}
	b.get("/keys/new?name=X&step=api-sets").expect(t, http.StatusUnprocessableEntity, "Gold Client demands an expiry")
	b.get("/keys/new?name=X&step=api-sets&expires=2098-01-01").expect(t, http.StatusUnprocessableEntity, "90 days at most")
}

func TestASessionThatEndsInTheWizardLosesNothing(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	entered := url.Values{"name": {"Kept name"}, "description": {"Kept text"}, "api_set": {"dunning"}, "expires": {"2099-01-31"}, "step": {"api-sets"}, "submission": {"token"}}
	b := p.visitor()
	login := b.post("/keys", entered).expect(t, http.StatusUnauthorized, "What you typed is kept")
	form := login.form("form")
	form.Set("username", p.Member.Username)
	form.Set("password", password)
	back := b.post("/login", form).expect(t, http.StatusSeeOther)
	shown := b.get(back.location).expect(t, http.StatusOK, "Selected API").form("main form")
	for name, want := range entered {
		if name != "step" && !slices.Equal(shown[name], want) {
			t.Errorf("%s is %q after logging in again, was %q", name, shown[name], want)
		}
	}
}
