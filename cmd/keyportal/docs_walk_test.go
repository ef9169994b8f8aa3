//go:build !race

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestAnAPIKeyIsCreatedAsTheVendorsManualSays follows the manual of the system that the
// REST API replaces, step by step, with nothing but the portal and Swagger UI.
func TestAnAPIKeyIsCreatedAsTheVendorsManualSays(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("clientadmin")
	b.click(button("People and tools"))
	b.follow(link("Users").in(element{role: "navigation", name: "People and tools"}))
	b.follow(link("Create User"))
	b.fill(field("First Name"), "Integration")
	b.fill(field("Last Name"), "Account")
	b.fill(field("Email*"), "integration@example.com")
	b.click(element{role: "switch", name: "All Access"})
	b.follow(button("Create"))
	user := strings.TrimPrefix(b.path(), "/users/")

	b.click(button("People and tools"))
	b.follow(link("Swagger Docs"))
	b.fill(searchbox("Search the API"), "user")
	b.sees("who am I?")
	docs := b.opens(link("User (opens in a new tab)"))
	docs.sees("Requests run as Carla Adams in Gold Client")
	var me struct{ CurrentOrg struct{ ID int64 } }
	docs.click(button("GET /user /users /me who am I?"))
	docs.tries(&me)
	docs.click(button("GET /user /users /me who am I?"))

	docs.click(button("Expand operation*").in(element{role: "heading", name: "org*"}))
	docs.click(button("GET /user /org /{orgId} /user /{userId} load a user org membership"))
	docs.fill(field("orgId*"), fmt.Sprint(me.CurrentOrg.ID))
	docs.fill(field("userId*"), user)
	var membership struct{ ID int64 }
	docs.tries(&membership)
	docs.click(button("GET /user /org /{orgId} /user /{userId} load a user org membership"))

	docs.click(button("Expand operation*").in(element{role: "heading", name: "apiKey*"}))
	docs.click(button("POST /user /apiKey create an api key"))
	body := docs.value(field("Request body"))
	if !strings.Contains(body, `"orgUserId": 0`) {
		t.Errorf("the body begins as %q, without the 0 that the manual has one replace", body)
	}
	docs.fill(field("Request body"), strings.Replace(body, `"orgUserId": 0`, fmt.Sprintf(`"orgUserId": %d`, membership.ID), 1))
	var made struct {
		ID     int64
		APIKey string
	}
	docs.tries(&made)
	for _, apiSet := range []string{"billing", "revenue-management"} {
		s.accepts(t, made.APIKey, apiSet, "integration@example.com")
	}
	s.refuses(t, made.APIKey, "portal", http.StatusForbidden, "API_SET_NOT_GRANTED")

	b.open(fmt.Sprint("/keys/", made.ID))
	b.sees("Integration Account", "Billing API", "Revenue Management API", "Carla Adams")
	b.holdsNot(made.APIKey)
}

// tries clicks Try it out! of the only endpoint that is open, and reads the response's
// body.
func (b *tab) tries(read any) {
	b.t.Helper()
	b.click(button("Try it out!"))
	b.sees("Response body")
	text := evaluate[string](b, `document.querySelector(".live-responses-table .highlight-code code, .live-responses-table .highlight-code pre").textContent`)
	if err := json.Unmarshal([]byte(text), read); err != nil {
		b.t.Fatalf("the response's body is %q: %v", text, err)
	}
}

func TestAnEndpointIsOpenedFromTheSearchInSwaggerDocs(t *testing.T) {
	b := newTab(t, chromium(t), serve(t, "demo").portal)
	b.logIn("viewer")
	b.open("/docs?q=rotate")
	section := b.opens(link("POST /user/apiKey/{keyId}/rotate (opens in a new tab)"))
	section.sees("Requests run as", "give an api key a new secret", "Try it out!")
	section.seesNot("Cancel")
	section.follow(link("Swagger Docs"))
	section.sees("The REST API, to read and to try out.")
}

func TestSwaggerDocsAreAccessible(t *testing.T) {
	b := newTab(t, chromium(t), serve(t, "demo").portal).withoutCache()
	b.logIn("superadmin")
	for _, address := range []string{"/docs", "/docs?q=user", "/docs?q=unicorn", "/docs/user?#/org/setMembership"} {
		b.visit(address, http.StatusOK)
	}
	b.open("/docs/user?me#/user/getMe")
	b.click(button("Try it out!"))
	b.sees("Response body")
	b.inspect("docs-tried")
	b.click(button("Authorize"))
	b.sees("Available authorizations")
	b.inspect("docs-authorize")
	b.visit("/docs/unicorns", http.StatusNotFound)
}
