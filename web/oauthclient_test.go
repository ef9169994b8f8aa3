package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

const clientPath = "/account/api-key"

// makeClient makes the OAuth client of the instance that a browser is signed in to,
// and gives the two values that its dialog shows.
func (b *browser) makeClient() (clientID, clientSecret string) {
	b.t.Helper()
	form := b.get(clientPath+"/new").expect(b.t, http.StatusOK, "Mapped User Account").form(`main form[method="post"]`)
	return b.post(clientPath, form).expect(b.t, http.StatusOK, "Save generated key").client(b.t)
}

// client gives the Client ID and the Client Secret that a page shows.
func (a answer) client(t testing.TB) (clientID, clientSecret string) {
	t.Helper()
	shown := a.doc.Find(".kp-secret code")
	clientID, clientSecret = shown.Eq(0).Text(), shown.Eq(1).Text()
	for value, want := range map[string]secret.Prefix{clientID: secret.ClientID, clientSecret: secret.ClientSecret} {
		if prefix, err := secret.Parse(value); err != nil || prefix != want {
			t.Fatalf("%q is no %s", value, want)
		}
	}
	return clientID, clientSecret
}

func TestTheAPIKeyOfALicenseIsMadeOnceAndItsSecretShownOnce(t *testing.T) {
	p := startPortal(t)
	b := p.asIn(p.Admin, p.Instance)
	b.get(clientPath).expect(t, http.StatusOK, "No API key yet", p.License.Number, p.License.Domain)
	clientID, clientSecret := b.makeClient()
	page := b.get(clientPath).expect(t, http.StatusOK, clientID, "Client ID (OAuth)", "Regenerate Secret", p.License.Number, p.Instance.Name, "billing")
	if strings.Contains(page.body, clientSecret) {
		t.Error("the page shows the secret again")
	}
	b.get(clientPath+"/new").expect(t, http.StatusSeeOther, clientPath)
	if _, err := p.Store.Subject(t.Context(), secret.HashOf(clientSecret)); err != nil {
		t.Errorf("the secret is not the key's: %v", err)
	}
}

func TestTheSameFormSentTwiceMakesOneClient(t *testing.T) {
	p := startPortal(t)
	b := p.asIn(p.Admin, p.Instance)
	form := b.get(clientPath + "/new").form(`main form[method="post"]`)
	b.post(clientPath, form).expect(t, http.StatusOK, "Save generated key")
	b.post(clientPath, form).expect(t, http.StatusSeeOther, clientPath)
	form.Set("submission", "another")
	b.post(clientPath, form).expect(t, http.StatusSeeOther, clientPath)
}

func TestWhoMayNotHaveTheClientSecretIsToldWhomToAsk(t *testing.T) {
	p := startPortal(t)
	p.asIn(p.Admin, p.Instance).makeClient()
	for _, user := range []portal.User{p.Member, p.Nobody} {
		page := p.asIn(user, p.Instance).get(clientPath).expect(t, http.StatusOK, "Whom to ask", p.Admin.Name(), "A text to forward", p.Instance.Name, user.Name())
		if page.has(".kp-secret") || strings.Contains(page.body, string(secret.ClientID)+"_") {
			t.Errorf("%s sees the Client ID", user.Username)
		}
	}
	// Support issues keys for clients, but has no part in their Client Secrets.
	page := p.as(p.Support).get(clientPath).expect(t, http.StatusOK, "Whom to ask")
	if page.has(".kp-secret") {
		t.Error("support sees the Client ID")
	}
}

func TestOnlyTheKeyOfTheInstanceThatOneIsSignedInToIsShown(t *testing.T) {
	p := startPortal(t)
	other := storetest.License(t, p.Store, p.Organization)
	elsewhere := storetest.Instance(t, p.Store, other)
	first, _ := p.asIn(p.Admin, p.Instance).makeClient()
	second, _ := p.asIn(p.Admin, elsewhere).makeClient()
	for _, test := range []struct {
		instance      portal.Instance
		shown, hidden string
	}{{p.Instance, first, second}, {elsewhere, second, first}} {
		page := p.asIn(p.Admin, test.instance).get(clientPath).expect(t, http.StatusOK, test.shown, p.License.Number, other.Number, p.Instance.Name, elsewhere.Name)
		if strings.Contains(page.body, test.hidden) {
			t.Errorf("in %s the key of the other license is shown", test.instance.Name)
		}
	}
	page := p.as(p.Admin).get(clientPath).expect(t, http.StatusOK, "Choose the instance")
	if strings.Contains(page.body, first) || strings.Contains(page.body, second) {
		t.Error("a key is shown to who is not signed in to an instance")
	}
}

func TestOneGoesToAnotherInstanceOfOnesOwnClientsAlone(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	b.post("/account/instance", url.Values{"instance": {id(p.Instance.ID)}}).expect(t, http.StatusSeeOther, clientPath)
	b.get(clientPath).expect(t, http.StatusOK, "You are in the instance "+p.Instance.Name, "License "+p.License.Number)
	foreign := storetest.Instance(t, p.Store, storetest.License(t, p.Store, p.Other))
	for _, instance := range []string{id(foreign.ID), "0", "x", "424242"} {
		b.post("/account/instance", url.Values{"instance": {instance}}).expect(t, http.StatusNotFound)
	}
	b.get(clientPath).expect(t, http.StatusOK, "License "+p.License.Number)
}

func TestTheClientSecretIsShownAgainAfterThePasswordWhereThatMayBe(t *testing.T) {
	const password = "correct horse battery staple"
	p := startPortal(t)
	p.givePassword(p.Admin, password)
	b := p.visitor()
	b.post("/login", url.Values{"instance": {p.Instance.Name}, "username": {p.Admin.Username}, "password": {password}}).expect(t, http.StatusSeeOther)
	_, clientSecret := b.makeClient()
	// The password was entered just now.
	if _, shown := b.post(clientPath+"/secret", nil).expect(t, http.StatusOK, "This viewing is in the history").client(t); shown != clientSecret {
		t.Error("another secret is shown")
	}
	storetest.Of(p.Store).Clock.Advance(5 * time.Minute)
	token := b.cookie()
	page := b.get(clientPath).expect(t, http.StatusOK, "Your password")
	if strings.Contains(page.body, clientSecret) {
		t.Error("the page shows the secret by itself")
	}
	for _, wrong := range []string{"", "wrong"} {
		refused := b.post(clientPath+"/secret", url.Values{"current": {wrong}}).expect(t, http.StatusUnprocessableEntity, "This is not your current password")
		if strings.Contains(refused.body, clientSecret) {
			t.Error("the secret is shown without the password")
		}
	}
	shown := b.post(clientPath+"/secret", url.Values{"current": {password}}).expect(t, http.StatusOK)
	if _, again := shown.client(t); again != clientSecret {
		t.Error("another secret is shown")
	}
	if shown.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the secret may be stored: %q", shown.header.Get("Cache-Control"))
	}
	if b.cookie() == token {
		t.Error("the session has its old token after the password was entered")
	}
	if strings.Contains(p.Log.String(), clientSecret) || strings.Contains(p.Log.String(), password) {
		t.Error("a secret is in the log")
	}
}
