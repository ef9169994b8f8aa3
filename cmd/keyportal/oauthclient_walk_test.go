//go:build !race

package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
)

// logInTo logs in to an instance with the demo's password, by mouse.
func (b *tab) logInTo(instance, username string) {
	b.t.Helper()
	call(b, network.ClearBrowserCookies, cdp.Empty{})
	b.open("/login")
	b.fill(field("Instance Name"), instance)
	b.fill(field("User ID"), username)
	b.fill(field("Password"), samplePassword)
	b.follow(button("Log In"))
}

// accountKey goes to My Account → API Key.
func (b *tab) accountKey(name string) {
	b.t.Helper()
	b.click(button(name + " My Account"))
	b.follow(link("API Key"))
}

// credentials are the texts that can be copied from the page, in their order.
func (b *tab) credentials() []string {
	b.t.Helper()
	return evaluate[[]string](b, `[...document.querySelectorAll(".kp-secret code")].map((c) => c.textContent)`)
}

// saveClient copies what Save generated key shows and closes it.
func (b *tab) saveClient() (clientID, clientSecret string) {
	b.t.Helper()
	b.sees("Save generated key", "Client ID (OAuth)", "Client Secret")
	shown := b.credentials()
	b.click(button("Copy to clipboard"))
	b.sees("Copied")
	if copied, want := b.clipboard(), "Client ID (OAuth): "+shown[0]+"\nClient Secret: "+shown[1]+"\n"; copied != want {
		b.t.Errorf("the clipboard has %q", copied)
	}
	b.follow(link("Close"))
	return shown[0], shown[1]
}

// bearer asks the gateway about an access token and gives the status and the reason.
func (s *serving) bearer(t *testing.T, token, query string) (status int, reason string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gateway+"/auth?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header.Get("X-Deny-Reason")
}

func TestAnAdministratorGetsTheAPIKeyOfEachInstanceAndRegeneratesASecret(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)

	b.logInTo("BE34567890", "clientadmin")
	b.sees("BE34567890", "production")
	b.accountKey("Carla Adams")
	b.sees("License 34567890", "No API key yet")
	b.follow(link("Make the API key"))
	b.follow(button("Finish"))
	clientID, first := b.saveClient()
	b.sees(clientID, "Regenerate Secret", "can't be shown again")
	b.holdsNot(first)
	b.click(button("Copy Client ID (OAuth)"))
	b.eventually("copying the Client ID", func() bool { return b.clipboard() == clientID })

	token := s.exchange(t, clientID, first)
	for query, want := range map[string]string{
		"api_set=billing":                        "",
		"api_set=billing&instance=BE34567890":    "",
		"api_set=billing&license=34567890":       "",
		"api_set=billing&domain=Gold+Wholesale":  "",
		"api_set=billing&instance=TEBE12345678A": "LICENSE_MISMATCH",
		"api_set=billing&license=12345678":       "LICENSE_MISMATCH",
		"api_set=dunning":                        "API_SET_NOT_GRANTED", // not in the token's scope
	} {
		if status, reason := s.bearer(t, token, query); reason != want || (status == http.StatusOK) != (want == "") {
			t.Errorf("the token at %s is answered %d %s", query, status, reason)
		}
	}
	b.reload()
	b.sees("walk/1.0")

	b.follow(link("Regenerate Secret"))
	b.sees("What uses the present one", "walk/1.0")
	b.pick(choice("The present secret goes on working"), "For 1 hour")
	b.fill(field("Type 34567890 to confirm"), "34567890")
	b.follow(button("Regenerate Secret"))
	sameID, second := b.saveClient()
	if sameID != clientID {
		t.Error("the Client ID is another after the secret was regenerated")
	}
	if s.exchange(t, clientID, first) == "" || s.exchange(t, clientID, second) == "" {
		t.Error("within the grace one of the two secrets is refused")
	}
	b.reload()
	b.sees("Old secret", "The old one still in use?", "Yes")
	b.follow(link("Retire now"))
	b.sees("Applications that use the old one", "walk/1.0")
	b.fill(field("Type*"), "34567890")
	b.follow(button("Retire the old secret"))
	b.sees("the old secret is retired")
	if s.exchange(t, clientID, first) != "" {
		t.Error("the old secret gets a token after it was stopped")
	}
	if status, _ := s.bearer(t, token, "api_set=billing"); status != http.StatusUnauthorized {
		t.Errorf("a token of the old secret is answered %d", status)
	}

	b.follow(button("Go to TEBE12345678A"))
	b.sees("License 12345678", "TEBE12345678A", "test", "loan-sync/2.1")
	b.seesNot(clientID)
	shared := b.credentials()[0]
	b.logInTo("BE12345678", "clientadmin")
	b.accountKey("Carla Adams")
	if b.sees("License 12345678"); b.credentials()[0] != shared {
		t.Error("instances with the same number have different keys")
	}
}

func TestAMemberIsToldWhomToAskForTheAPIKey(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logInTo("be12345678", "member")
	b.accountKey("Mia Berger")
	b.sees("Whom to ask", "Carla Adams", "A text to forward")
	b.click(button("Copy"))
	b.eventually("copying the text", func() bool { return strings.Contains(b.clipboard(), "instance BE12345678") })
	b.seesNot("kpc_")
}

func TestTheClientSecretIsShownAgainWhereTheClientAllowsIt(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logInTo("BE12345678", "clientadmin")
	b.accountKey("Carla Adams")
	b.seesNot("Show Client Secret")
	b.follow(link("Settings"))
	b.click(element{role: "switch", name: "Secrets can be viewed again"})
	b.follow(button("Save"))
	b.accountKey("Carla Adams")
	b.sees("Those that are made from now on can be shown again")
	b.follow(link("Regenerate Secret"))
	b.pick(choice("The present secret goes on working"), "Now: it stops at once")
	b.fill(field("Type 12345678 to confirm"), "12345678")
	b.follow(button("Regenerate Secret"))
	_, clientSecret := b.saveClient()
	b.holdsNot(clientSecret)
	b.follow(button("Show Client Secret"))
	if shown := b.credentials(); len(shown) != 2 || shown[1] != clientSecret {
		t.Errorf("shown is %q", shown)
	}
	b.sees("This viewing is in the history")
	b.open("/account/api-key")
	b.holdsNot(clientSecret)
}
