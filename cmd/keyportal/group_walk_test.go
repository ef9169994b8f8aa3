//go:build !race

package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"keyportal/internal/portal"
)

// The steps of the vendor's manual up to the internal ID in the address bar.
func TestAnAPIUserIsCreatedAndItsIDIsInTheAddressBar(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("superadmin")
	b.follow(navigation("Users"))
	b.follow(link("Create User"))
	b.fill(field("First Name"), "Integration")
	b.fill(field("Last Name"), "Account")
	b.fill(field("Email"), "integration@example.com")
	b.click(element{role: "switch", name: "All Access"})
	b.follow(button("Create"))
	b.sees("Integration Account was created", "Roles in Gold Client", "All Access")
	id := regexp.MustCompile(`^/users/(\d+)$`).FindStringSubmatch(b.path())
	if id == nil {
		t.Fatalf("one ends at %s", b.path())
	}
	b.sees("integration@example.com · ID " + id[1])
}

func TestChoosingTheOrganizationOfANewUserShowsItsRolesAtOnce(t *testing.T) {
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.logIn("superadmin")
	b.open("/users/new")
	b.sees("Accounting") // a group of the organization that one works in
	b.fill(field("First Name"), "Berta")
	b.pick(choice("Organization"), "B")
	b.eventually("the roles of the other organization", func() bool { return !strings.Contains(b.text(), "Accounting") })
	b.fill(field("Email"), "berta@example.com")
	b.follow(button("Create"))
	b.sees("Berta was created", "Roles in Blue Client")
}

func TestTheMembersOfAGroupAreSearchedForAndChosenByMouse(t *testing.T) {
	s := serve(t, "demo")
	v := &visitor{t: t, portal: s.portal, client: browse(t)}
	v.post("/login", url.Values{"username": {"superadmin"}, "password": {samplePassword}})
	for i := range portal.PageSize {
		v.post("/users", url.Values{"email": {fmt.Sprintf("a%02d@example.com", i)}, "organization": {"1"}})
	}
	b := newTab(t, chromium(t), s.portal)
	b.logIn("clientadmin")
	b.follow(navigation("Groups"))
	b.follow(link("Create group"))
	b.fill(field("Name"), "Billing team")
	b.click(checkbox("Billing and Dunning"))
	b.sees("Not all users are listed")
	users, members := listbox("Users*"), listbox("Members*")
	for i, search := range []string{"erp-xss", "victor"} {
		b.fill(element{role: "searchbox", name: "Search users"}, search)
		b.eventually("what was searched for", func() bool {
			return evaluate[int](b, `document.querySelectorAll("[data-side=available] option").length`) == 1
		})
		b.click(option("*").in(users))
		b.click(button("Add"))
		b.sees(fmt.Sprintf("Members (%d)", i+1))
	}
	b.click(option("Victor Holm (viewer)").in(members))
	b.click(button("Remove"))
	b.sees("Members (1)")
	b.inspect("searched")
	b.follow(button("Save"))
	b.sees("The group Billing team was created", "erp-xss")
	b.seesNot("viewer")

	b.follow(link("erp-xss"))
	b.sees("Billing team", "Gives Billing and Dunning")
	b.follow(link("Billing team"))
	b.follow(link("Delete"))
	b.sees("1 member of this group")
	b.fill(field("Type Billing team to confirm"), "Billing team")
	b.follow(button("Delete group"))
	b.sees("The group Billing team was deleted")
}
