//go:build !race

package main

import (
	"fmt"
	"net/http"
	"testing"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// savePair copies what Save generated key shows of a key pair, and closes it.
func (b *tab) savePair() (accessKey, securityKey string) {
	b.t.Helper()
	b.sees("Save generated key", "Access Key", "Security Key")
	shown := b.credentials()
	b.click(button("Copy to clipboard"))
	b.sees("Copied")
	if copied, want := b.clipboard(), "Access Key: "+shown[0]+"\nSecurity Key: "+shown[1]+"\n"; copied != want {
		b.t.Errorf("the clipboard has %q", copied)
	}
	b.follow(link("Close"))
	return shown[0], shown[1]
}

// pair asks the gateway about a key pair, an empty half of which is not sent, and gives
// the status, the reason and whose it is.
func (s *serving) pair(t *testing.T, accessKey, securityKey, apiSet string) (status int, reason, username string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gateway+"/auth?api_set="+apiSet, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, half := range map[string]string{"accessKey": accessKey, "secretKey": securityKey} {
		if half != "" {
			request.Header.Set(name, half)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header.Get("X-Deny-Reason"), response.Header.Get("X-User-Name")
}

// wantPair fails unless the gateway answers a key pair so; without a reason it passes, as
// the user.
func (s *serving) wantPair(t *testing.T, accessKey, securityKey, apiSet, wantReason, wantUser string) {
	t.Helper()
	status, reason, username := s.pair(t, accessKey, securityKey, apiSet)
	if reason != wantReason || (status == http.StatusOK) != (wantReason == "") || username != wantUser {
		t.Errorf("for %s the pair is answered %d %s as %q, want %q as %q", apiSet, status, reason, username, wantReason, wantUser)
	}
}

// act chooses from the three dots of a key in a list.
func (b *tab) act(key, action string) {
	b.t.Helper()
	b.click(button("Actions for " + key))
	b.follow(link(action))
}

// nameOf is the field of a key pair's name, which proposes applications.
var nameOf = choice("API Key Name (Application)")

func TestAnAdministratorWalksThroughIntegrations(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("clientadmin")

	b.follow(navigation("System setup"))
	b.sees("Enterprise Features")
	b.follow(link("Integrations"))
	b.sees("Integration", "Partner Portal")
	b.follow(link("New API Key"))
	b.fill(nameOf, "Warehouse")
	b.seesNot("Expires on")
	b.pick(choice("Expires"), "In 90 days")
	b.seesNot("Expires on")
	b.follow(button("Save"))
	accessKey, securityKey := b.savePair()
	b.sees("Warehouse", "in 90 days")
	b.holdsNot(securityKey)
	s.wantPair(t, accessKey, securityKey, "revenue-management", "", "clientadmin")
	s.wantPair(t, accessKey, "", "billing", "MISSING", "")
	s.wantPair(t, "", securityKey, "billing", "MISSING", "")

	b.act("Warehouse", "View")
	b.sees(accessKey, "can't be shown again", "secretKey: $SECURITY_KEY")
	b.holdsNot(securityKey)
	b.follow(link("API Keys").in(element{role: "navigation", name: "Breadcrumb"}))
	b.act("Warehouse", "Edit API Key")
	b.pick(choice("Mapped User Account"), "Mia Berger (member)")
	b.sees("With Mia Berger the key loses")
	b.fill(nameOf, "Warehouse North")
	b.pick(choice("Expires"), "In 30 days")
	b.follow(button("Save"))
	b.sees("The API key was saved", "Warehouse North", "in 30 days")
	s.wantPair(t, accessKey, securityKey, "billing", "", "member")
	s.wantPair(t, accessKey, securityKey, "revenue-management", "API_SET_NOT_GRANTED", "")

	b.open("/integrations/api-keys")
	b.act("Warehouse North", "Delete API Key")
	b.sees("What will stop", "Last used", accessKey)
	b.fill(field("Type*"), "Warehouse North")
	b.follow(button("Delete API Key"))
	b.sees("is deleted: it is refused from the next check on")
	s.wantPair(t, accessKey, securityKey, "billing", "REVOKED", "")
}

func TestAnAdministratorRotatesAKeyPairAndTakesItBack(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("clientadmin")
	b.open("/integrations/api-keys/new")
	b.fill(nameOf, "Turnstile")
	b.follow(button("Save"))
	accessKey, first := b.savePair()

	rotate := func() string {
		b.open("/integrations/api-keys")
		b.act("Turnstile", "View")
		b.act("Turnstile", "Rotate API key")
		b.pick(choice("The present secret goes on working"), "For 1 hour")
		b.fill(field("Type Turnstile to confirm"), "Turnstile")
		b.follow(button("Rotate API key"))
		sameKey, made := b.savePair()
		if sameKey != accessKey {
			t.Error("the Access Key is another after the rotation")
		}
		return made
	}
	second := rotate()
	s.wantPair(t, accessKey, first, "billing", "", "clientadmin")
	s.wantPair(t, accessKey, second, "billing", "", "clientadmin")
	b.sees("New secret", "Old secret", "The old one works until")
	b.follow(link("Cancel rotation"))
	b.fill(field("Type*"), "Turnstile")
	b.follow(button("Cancel the rotation"))
	b.sees("the rotation is canceled")
	s.wantPair(t, accessKey, first, "billing", "", "clientadmin")
	s.wantPair(t, accessKey, second, "billing", "NOT_FOUND", "")

	third := rotate()
	b.follow(link("Retire now"))
	b.fill(field("Type*"), "Turnstile")
	b.follow(button("Retire the old secret"))
	s.wantPair(t, accessKey, first, "billing", "NOT_FOUND", "")
	s.wantPair(t, accessKey, third, "billing", "", "clientadmin")
}

func TestTheDataLoaderGetsItsKey(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("clientadmin")
	b.open("/integrations/api-keys")
	b.follow(link("Data Loader Keys"))
	b.follow(link("New Data Loader Key"))
	b.seesNot("Expires on")
	b.pick(choice("Expires"), "On a date")
	b.sees("Expires on")
	b.open("/integrations/data-loader-keys/new")
	b.follow(button("Save"))
	accessKey, securityKey := b.savePair()
	b.sees("in 1 year")
	s.wantPair(t, accessKey, securityKey, "dunning", "", "clientadmin")
}

func TestAPlainUserMakesKeyPairsForThemselves(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("member")
	b.sees("Carla Adams", "Invoice archive")
	b.follow(navigation("System setup"))
	b.follow(link("Integrations"))
	b.sees("Invoice archive")
	b.follow(link("New API Key"))
	b.sees("You can only make keys for yourself")
	b.fill(nameOf, "My sheet")
	b.follow(button("Save"))
	accessKey, securityKey := b.savePair()
	s.wantPair(t, accessKey, securityKey, "dunning", "", "member")
	s.wantPair(t, accessKey, securityKey, "revenue-management", "API_SET_NOT_GRANTED", "")
}

// addColleagues makes so many users in an organization of a sample installation.
func (p place) addColleagues(t *testing.T, organization string, count int) {
	t.Helper()
	manager, err := openInstallation(t.Context(), p.data())
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Store.Close()
	ctx := portal.WithActor(t.Context(), portal.Program("test"))
	found, err := manager.Store.OrganizationByName(ctx, organization)
	for i := range count {
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint("colleague-", i)
		_, err = manager.CreateUser(ctx, manage.NewUser{
			Username: name, FirstName: "Colleague", LastName: fmt.Sprint(i), Email: name + "@example.com", OrganizationID: found.ID,
		})
	}
}

func TestAMappedUserIsSearchedAmongMany(t *testing.T) {
	p := emptySQLite(t)
	if _, err := makeSample(t.Context(), p.data()); err != nil {
		t.Fatal(err)
	}
	p.addColleagues(t, gold, 80)
	s := serve(t, p.flags("serve")...)
	b := newTab(t, chromium(t), s.portal)
	b.logIn("clientadmin")
	b.open("/integrations/api-keys/new")
	b.sees("Not all users are listed: search for others")
	b.seesNot("Colleague 79")
	b.fill(nameOf, "Kept while searching")
	b.fill(element{role: "searchbox", name: "Search the mapped user"}, "colleague 79")
	offered := func() string {
		return evaluate[string](b, `[...document.querySelectorAll("#mapped-users option")].map((o) => o.textContent).join(", ")`)
	}
	b.eventually("finding the colleague", func() bool {
		return offered() == "Choose a user, Colleague 79 (colleague-79), Carla Adams (clientadmin)"
	})
	if kept := b.value(nameOf); kept != "Kept while searching" {
		t.Errorf("the search left the name %q", kept)
	}
	b.pick(choice("Mapped User Account"), "Colleague 79")
	b.sees("There is no API set to choose: the roles of Colleague 79 must allow it")
	b.follow(button("Save"))
	b.savePair()
	b.sees("Kept while searching", "Colleague 79")
}
