//go:build !race

package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
)

// as logs in as somebody else.
func (b *tab) as(username string) {
	b.t.Helper()
	call(b, network.ClearBrowserCookies, cdp.Empty{})
	b.logIn(username)
}

// markup is the whole page as it is, hidden parts too.
func (b *tab) markup() string {
	b.t.Helper()
	return evaluate[string](b, `document.documentElement.outerHTML`)
}

func TestARequestBecomesAKeyThatTheRequesterAloneSees(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)

	b.logIn("member")
	b.follow(navigation("Applications"))
	b.follow(link("Request a key of Data Loader for Gold Main"))
	b.sees("Request an API key")
	b.fill(field("What is it for?"), "To load the archive.")
	b.follow(button("Send request"))
	b.sees("Nobody of support has taken it yet", "To load the archive.")
	request := b.path()

	b.as("support")
	b.sees("wait for support")
	b.follow(navigation("Requests*"))
	b.follow(link("Data Loader"))
	b.sees("Mia Berger", "To load the archive.")
	b.follow(button("Take"))
	b.sees("You are working on it")
	b.fill(field("Ask the requester back"), "How large is it?")
	b.follow(button("Send question"))

	b.as("member")
	b.open(request)
	b.sees("Support has a question for you", "How large is it?")
	b.fill(field("Your answer"), "Two gigabytes.")
	b.follow(button("Send answer"))

	b.as("support")
	b.open(request)
	b.sees("Two gigabytes.")
	b.follow(link("Approve"))
	b.sees("who alone gets to see it")
	b.sees("Selected API (2)")
	b.click(option("Dunning API").in(listbox("Selected API*")))
	b.click(button("Remove"))
	b.sees("Selected API (1)")
	b.follow(button("Approve and issue"))
	b.sees("The key was issued by Sam Porter")
	seen := b.markup()
	b.follow(link("Open the key"))
	b.sees("Not delivered yet")
	seen += b.markup()
	keyPage := b.path()
	b.open(keyPage + "/delivery")
	b.answered(http.StatusNotFound)

	b.as("member")
	b.sees("is ready. It is shown once, to you alone.")
	b.open(keyPage + "/delivery")
	b.follow(button("Show the API key"))
	key := b.key()
	b.click(button("Copy to clipboard"))
	b.sees("Copied")
	b.follow(link("Close"))
	b.sees("Data Loader", "Active", "12345678")
	b.holdsNot(key)
	s.accepts(t, key, "billing", "member")
	s.accepts(t, key, "billing&license=12345678", "member")
	s.refuses(t, key, "billing&instance=BE34567890", http.StatusForbidden, "LICENSE_MISMATCH")
	s.refuses(t, key, "dunning", http.StatusForbidden, "API_SET_NOT_GRANTED")
	b.open(keyPage + "/delivery")
	b.answered(http.StatusConflict)

	b.as("support")
	b.open(request)
	seen += b.markup()
	b.open(keyPage)
	if seen += b.markup(); strings.Contains(seen, key) {
		t.Error("support saw the key")
	}
	b.open("/keys/issue?application=4&license=1")
	b.sees("There is a key for Data Loader and the license 12345678 already")
	b.follow(button("Send its user a new secret"))
	b.sees("Mia Berger can get a new secret of this key")

	b.as("member")
	b.sees("A new secret of your API key")
	b.open(keyPage + "/delivery")
	b.pick(choice("The present secret goes on working"), "Now: it stops at once")
	b.follow(button("Show the API key"))
	second := b.key()
	b.click(button("Copy to clipboard"))
	b.follow(link("Close"))
	s.accepts(t, second, "billing&license=12345678", "member")
	s.refuses(t, key, "billing", http.StatusUnauthorized, "NOT_FOUND")
	b.as("support")
	b.open(keyPage)
	b.holdsNot(second)
}

func TestADeclinedRequestTellsTheRequesterWhy(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("support")
	b.open("/requests")
	b.follow(link("Mobile App"))
	request := b.path()
	b.fill(field("Reason"), "The app comes with its own key.")
	b.follow(button("Decline request"))
	b.sees("has declined it")
	b.as("member")
	b.open(request)
	b.sees("Declined", "The app comes with its own key.")
}

func TestAClientsAdministratorIssuesAKeyStraightAway(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("clientadmin")
	b.follow(navigation("Applications"))
	b.follow(link("Issue a key of Workflow for Gold Wholesale"))
	b.sees("How it is handed over")
	b.follow(button("Issue key"))
	key := b.key()
	b.click(button("Copy to clipboard"))
	b.follow(link("Close"))
	b.sees("Workflow (Gold Wholesale)", "34567890")
	s.accepts(t, key, "dunning&domain=Gold+Wholesale", "clientadmin")
}

func TestChoosingAnotherUserKeepsWhatWasTypedOfTheKey(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("clientadmin")
	b.open("/keys/issue")
	b.loads(func() { b.pick(choice("Application"), "W") })
	b.loads(func() { b.pick(choice("License"), "3") })
	b.fill(field("Description"), "For the night shift.")
	b.loads(func() { b.pick(choice("Mapped User Account"), "M") })
	b.sees("the roles of Mia Berger allow")
	if kept := b.value(field("Description")); kept != "For the night shift." {
		t.Errorf("the description became %q", kept)
	}
	b.pick(choice("How it is handed over"), "One-time page for the mapped user: nobody else sees it")
	b.follow(button("Issue key"))
	b.sees("Not delivered yet", "For the night shift.", "Mia Berger")
}
