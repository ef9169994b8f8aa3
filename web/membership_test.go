package web_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func membershipAddress(user portal.User, organization portal.Organization) string {
	return userAddress(user) + "/memberships/" + id(organization.ID)
}

func (p *running) membership(user portal.User, organization portal.Organization) portal.Membership {
	p.t.Helper()
	membership, err := p.Store.Membership(context.Background(), organization.ID, user.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return membership
}

func TestAMembersRolesAreChangedAndTheMembershipEndedAndTakenUpAgain(t *testing.T) {
	p := startPortal(t)
	b, address := p.as(p.Admin), membershipAddress(p.Member, p.Organization)
	form := b.get(address).expect(t, http.StatusOK, "Roles in Gold Client", "Manage User API Key (Action)", "End membership").form("main form")
	if form.Get("role") != id(p.Role.ID) || form.Has("admin") {
		t.Fatalf("the form begins with %v", form)
	}
	form.Set("admin", "on")
	form.Del("role")
	b.post(address, form).expect(t, http.StatusSeeOther, userAddress(p.Member))
	if held := p.membership(p.Member, p.Organization); !held.Admin || held.AllAccess || len(held.Roles) != 0 {
		t.Fatalf("the membership is %+v", held)
	}
	b.post(address, form).expect(t, http.StatusConflict, "changed by someone else", "Load what is there now")

	end := b.get(address+"?action=end").expect(t, http.StatusOK, "1 API key in Gold Client would stop working", "refused from the next check on")
	done := b.post(address, end.form("main form")).expect(t, http.StatusSeeOther)
	b.get(done.location).expect(t, http.StatusOK, "has left Gold Client", "Add again")
	if p.membership(p.Member, p.Organization).Active() {
		t.Fatal("the membership did not end")
	}

	form = b.get(address).expect(t, http.StatusOK, "Add to Gold Client").form("main form")
	if form.Has("admin") || form.Has("role") {
		t.Errorf("what was held before is given again unasked: %v", form)
	}
	form.Set("role", id(p.Role.ID))
	b.post(address, form).expect(t, http.StatusSeeOther)
	if held := p.membership(p.Member, p.Organization); !held.Active() || held.Admin || len(held.Roles) != 1 {
		t.Fatalf("the membership is %+v", held)
	}
}

func TestAUserIsAddedToAnotherOrganization(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	b.get(userAddress(p.Member)).expect(t, http.StatusOK, "Add to another organization", "Blue Client")
	chosen := b.get(userAddress(p.Member)+"/memberships?organization="+id(p.Other.ID)).expect(t, http.StatusSeeOther)
	form := b.get(chosen.location).expect(t, http.StatusOK, "Add to Blue Client").form("main form")
	b.post(chosen.location, form).expect(t, http.StatusSeeOther)
	if !p.membership(p.Member, p.Other).Active() {
		t.Error("the user is not in the organization")
	}
	b.get(userAddress(p.Member)+"/memberships?organization=all").expect(t, http.StatusSeeOther)
	b.get(membershipAddress(p.Member, portal.Organization{ID: 999_999})).expect(t, http.StatusNotFound)
	p.as(p.Admin).get(membershipAddress(p.Member, p.Other)).expect(t, http.StatusNotFound)
}

// officer is a member who may manage users and holds nothing else.
func (p *running) officer() portal.User {
	role := storetest.Role(p.t, p.Store, p.Organization, []portal.Authority{portal.UserManagement})
	user := storetest.User(p.t, p.Store, func(u *portal.User) { u.Username, u.FirstName = "officer", "Officer" })
	storetest.Member(p.t, p.Store, p.Organization, user, role)
	return user
}

func TestNobodyGivesWhatTheyDoNotHold(t *testing.T) {
	p := startPortal(t)
	b, address := p.as(p.officer()), membershipAddress(p.Nobody, p.Organization)
	form := b.get(address).expect(t, http.StatusOK, "You can't grant All Access", "You can't grant “Administration”", "You can't grant “Manage User API Key”")
	for _, field := range []string{"[name=all_access]", "[name=admin]", `[name=role][value="` + id(p.Role.ID) + `"]`} {
		if !form.has(field + "[disabled]") {
			t.Errorf("%s is offered", field)
		}
	}
	for name, more := range map[string]url.Values{"admin": {"admin": {"on"}}, "all access": {"all_access": {"on"}}, "role": {"role": {id(p.Role.ID)}}} {
		more.Set("version", form.form("main form").Get("version"))
		if got := b.post(address, more); got.status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
	if held := p.membership(p.Nobody, p.Organization); held.Admin || held.AllAccess || len(held.Roles) != 0 {
		t.Errorf("the membership is %+v", held)
	}
}

func TestAMembershipBeyondTheViewersOwnIsShownWithTheReason(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.officer())
	for _, user := range []portal.User{p.Admin, p.Member, p.SuperAdmin} {
		shown := b.get(membershipAddress(user, p.Organization)).expect(t, http.StatusOK, "You can't change this membership")
		if shown.has("main form") {
			t.Errorf("%s: there is a form that would be refused", user.Username)
		}
	}
	b.post(membershipAddress(p.Member, p.Organization), url.Values{"action": {"end"}, "version": {"1"}}).expect(t, http.StatusForbidden)
}
