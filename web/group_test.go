package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func groupAddress(group portal.Group) string { return "/groups/" + id(group.ID) }

func TestAGroupIsMadeShownEditedAndDeleted(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	b.get("/groups").expect(t, http.StatusOK, "No groups yet", "Create group")
	form := b.get("/groups/new").expect(t, http.StatusOK, p.Role.Name, "Member Person (member)").form("main form")
	form.Set("name", "Accounting")
	form.Set("description", "Those who count.")
	form.Add("role", id(p.Role.ID))
	form["member"] = []string{id(p.Nobody.ID), id(p.Member.ID)}
	made := b.post("/groups", form).expect(t, http.StatusSeeOther)
	if again := b.post("/groups", form).expect(t, http.StatusSeeOther); again.location != made.location {
		t.Errorf("the form sent twice leads to %s and %s", made.location, again.location)
	}
	b.get(made.location).expect(t, http.StatusOK, "The group Accounting was created", "Those who count.", p.Role.Name, "member", "nobody", "Manage User API Key (Action)")
	b.get("/groups").expect(t, http.StatusOK, "Accounting", "Those who count.", p.Role.Name, "2")
	b.get("/users?q=nobody").expect(t, http.StatusOK, "Accounting")
	b.get(userAddress(p.Nobody)).expect(t, http.StatusOK, "Accounting", "Group. Gives "+p.Role.Name)

	edit := b.get(made.location+"/edit").expect(t, http.StatusOK).form("main form")
	if !slices.Equal(edit["member"], []string{id(p.Member.ID), id(p.Nobody.ID)}) || edit.Get("role") != id(p.Role.ID) {
		t.Fatalf("the form begins with %v", edit)
	}
	edit["member"] = []string{id(p.Nobody.ID)}
	b.post(made.location, edit).expect(t, http.StatusSeeOther)
	b.post(made.location, edit).expect(t, http.StatusConflict, "changed by someone else", "Load what is there now")
	if held := p.membership(p.Member, p.Organization); len(held.Groups) != 0 {
		t.Errorf("who was taken out is in %v", held.Groups)
	}

	sure := b.get(made.location+"/delete").expect(t, http.StatusOK, "1 member of this group").form("main form")
	sure.Set("confirm", "Other")
	b.post(made.location+"/delete", sure).expect(t, http.StatusUnprocessableEntity, "Type the name")
	sure.Set("confirm", "Accounting")
	b.post(made.location+"/delete", sure).expect(t, http.StatusSeeOther)
	b.get(made.location).expect(t, http.StatusNotFound)
	b.get("/history?noun=group").expect(t, http.StatusOK, "created the group", "deleted the group", "member, nobody")
}

func TestWhatIsWrongWithAGroupIsSaidAndWhatWasTypedIsKept(t *testing.T) {
	p := startPortal(t)
	p.accounting()
	b := p.as(p.Admin)
	form := b.get("/groups/new").form("main form")
	form.Set("name", "accounting ")
	form.Set("description", "<b>Again</b>")
	form.Add("role", id(p.Role.ID))
	form.Add("member", id(p.Colleague.ID))
	refused := b.post("/groups", form).expect(t, http.StatusUnprocessableEntity, "There is a group with this name already")
	if again := refused.form("main form"); again.Encode() != form.Encode() {
		t.Errorf("typed %v, kept %v", form, again)
	}
}

func TestAGroupsRolesBeyondTheViewersOwnStayWithItsMembers(t *testing.T) {
	p := startPortal(t)
	group := p.accounting()
	b := p.as(p.officer())
	page := b.get(groupAddress(group)+"/edit").expect(t, http.StatusOK, "You can't change who is in it", "You can't grant “Manage User API Key”")
	if !page.has(`[type=checkbox][name=role][value="`+id(p.Role.ID)+`"][disabled][checked]`) || page.has("[type=checkbox][name=member]") {
		t.Error("the role or the members can be changed")
	}
	form := page.form("main form")
	form.Set("name", "Clerks")
	b.post(groupAddress(group), form).expect(t, http.StatusSeeOther)
	if held := p.membership(p.Member, p.Organization); held.Groups[0].Name != "Clerks" || len(held.Groups[0].Roles) != 1 {
		t.Errorf("the member's groups are %+v", held.Groups)
	}
	version := b.get(groupAddress(group) + "/edit").form("main form").Get("version")
	for what, forged := range map[string]url.Values{
		"without the role":   {"member": {id(p.Member.ID)}},
		"without the member": {"role": {id(p.Role.ID)}},
		"with another one":   {"role": {id(p.Role.ID)}, "member": {id(p.Member.ID), id(p.Nobody.ID)}},
	} {
		forged.Set("name", "Clerks")
		forged.Set("version", version)
		if got := b.post(groupAddress(group), forged); got.status != http.StatusForbidden {
			t.Errorf("%s: status %d", what, got.status)
		}
	}
	if b.get(groupAddress(group)+"/delete").expect(t, http.StatusOK, "You can't delete this group").has("main form") {
		t.Error("there is a form that would be refused")
	}
}

func TestOfManyUsersTheMembersOfAGroupAreSearchedForAndThoseChosenStay(t *testing.T) {
	p := startPortal(t)
	p.crowd(p.Organization, portal.PageSize+1)
	b := p.as(p.Admin)
	page := b.get("/groups/new").expect(t, http.StatusOK, "Not all users are listed")
	form := page.form("main form")
	form.Set("name", "Crowd")
	form.Set("member", id(p.Nobody.ID))
	form.Set("member_search", "crowd5")
	found := b.get("/groups/new?"+form.Encode()).expect(t, http.StatusOK, "Member 01 (crowd50)")
	kept := found.form("main form")
	if kept.Get("name") != "Crowd" || !slices.Equal(kept["member"], []string{id(p.Nobody.ID)}) {
		t.Errorf("kept %v", kept)
	}
	if found.count("[type=checkbox][name=member]") != 2 {
		t.Errorf("%d users are listed", found.count("[type=checkbox][name=member]"))
	}
	few := startPortal(t)
	if few.as(few.Admin).get("/groups/new").has("[name=member_search]") {
		t.Error("a handful of users is searched")
	}
}

func TestAMembersGroupsAreChosenInTheMembership(t *testing.T) {
	p := startPortal(t)
	group := p.accounting()
	b, address := p.as(p.Admin), membershipAddress(p.Nobody, p.Organization)
	form := b.get(address).expect(t, http.StatusOK, "Groups", "Accounting", "Gives "+p.Role.Name).form("main form")
	if form.Has("group") {
		t.Fatalf("the form begins with %v", form)
	}
	form.Set("group", id(group.ID))
	b.post(address, form).expect(t, http.StatusSeeOther)
	if got := b.get(address).form("main form").Get("group"); got != id(group.ID) {
		t.Errorf("the form begins with the group %q", got)
	}
	b.post(address, url.Values{"action": {"end"}, "version": {id(p.membership(p.Nobody, p.Organization).Version)}}).expect(t, http.StatusSeeOther)
	if form := b.get(address).form("main form"); form.Has("group") {
		t.Errorf("what was held before is given again unasked: %v", form)
	}

	officer := p.as(p.officer())
	if !officer.get(membershipAddress(p.Nobody, p.Organization)).has(`[name=group][disabled]`) || !officer.get("/users/new").has(`[name=group][disabled]`) {
		t.Error("a group is offered that can't be given")
	}
	if shown := officer.get(membershipAddress(p.Member, p.Organization)).expect(t, http.StatusOK, "You can't change this membership", "Accounting"); shown.has("main form") {
		t.Error("there is a form that would be refused")
	}
	made := b.post("/users", url.Values{"email": {"new@example.com"}, "organization": {id(p.Organization.ID)}, "group": {id(group.ID)}}).expect(t, http.StatusSeeOther)
	b.get(made.location).expect(t, http.StatusOK, "Accounting")
}

func TestOneSeesOnesOwnGroupsWithoutTheWayToThem(t *testing.T) {
	p := startPortal(t)
	group := p.accounting()
	page := p.as(p.Member).get(userAddress(p.Member)).expect(t, http.StatusOK, "Accounting")
	if page.has(`a[href="` + groupAddress(group) + `"]`) {
		t.Error("the group is a link that is refused")
	}
	if !p.as(p.Admin).get(userAddress(p.Member)).has(`a[href="` + groupAddress(group) + `"]`) {
		t.Error("the group is no link for who can open it")
	}
}

func TestWhoWorksInNoOrganizationIsLedToOneForItsGroups(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	storetest.Exec(t, storetest.SQL(t, p.Store), `UPDATE sessions SET organization_id = NULL`)
	for _, address := range []string{"/groups", "/groups/new"} {
		if text := b.get(address).expect(t, http.StatusOK).text(); !strings.Contains(text, "Choose an organization") {
			t.Errorf("%s: %s", address, text)
		}
	}
}
