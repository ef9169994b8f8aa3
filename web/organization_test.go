package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func TestStaffSwitchToOneOfManyOrganizationsInTheirList(t *testing.T) {
	p := startPortal(t)
	offered := func(b *browser, want int) answer {
		t.Helper()
		got := b.get("/").expect(t, http.StatusOK)
		if found := got.doc.Find("#organizations button[name=organization_id]").Length(); found != want {
			t.Errorf("%d organizations are offered, want %d", found, want)
		}
		return got
	}
	const all = "#organizations a[href='/organizations']"
	b := p.as(p.SuperAdmin)
	if offered(b, 2).doc.Find(all).Length() != 0 {
		t.Error("more organizations are told of than there are")
	}
	var last portal.Organization
	for i := range 30 {
		last = storetest.Organization(t, p.Store, func(o *portal.Organization) { o.Name = fmt.Sprintf("Z client %02d", i) })
	}
	if offered(b, 20).doc.Find(all).Length() != 1 {
		t.Error("nothing leads to the other organizations")
	}
	row := b.get("/organizations?q=Z+client+29").expect(t, http.StatusOK, "Work here").form("main td form[action='/organization']")
	if row.Get("organization_id") != id(last.ID) {
		t.Fatalf("the row's form has %v", row)
	}
	b.post("/organization", row).expect(t, http.StatusSeeOther)
	offered(b, 20).expect(t, http.StatusOK, "You are working in Z client 29")
	if got := b.get("/").doc.Find(".kp-where-name").Text(); strings.TrimSpace(got) != "Z client 29" {
		t.Errorf("the frame says %q", got)
	}
}

func TestMembersAreOfferedAllTheirOrganizations(t *testing.T) {
	p := startPortal(t)
	for range 25 {
		storetest.Member(t, p.Store, storetest.Organization(t, p.Store), p.Member)
	}
	menu := p.as(p.Member).get("/").expect(t, http.StatusOK).doc.Find("#organizations")
	if menu.Find("button[name=organization_id]").Length() != 26 || menu.Find("a").Length() != 0 {
		t.Errorf("the menu reads %s", menu.Text())
	}
	p.as(p.Member).post("/organization", url.Values{"organization_id": {id(p.Other.ID)}}).expect(t, http.StatusNotFound)
}

func suspendForm(p *running) url.Values { return url.Values{"confirm": {p.Organization.Name}} }

func (p *running) organization() portal.Organization {
	p.t.Helper()
	organization, err := p.Store.Organization(context.Background(), p.Organization.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return organization
}

func TestOrganizationsAreListedWithWhatTheyHold(t *testing.T) {
	p := startPortal(t)
	list := p.as(p.Support).get("/organizations").expect(t, http.StatusOK, "Gold Client", "Platinum", "1 of 3", "0 of 3")
	if list.count("main a.kp-title-link[href='"+organizationAddress(p.Organization)+"']") != 1 || list.count("main a[href$='/suspend']") != 0 {
		t.Error("the name does not lead to the client, or support may suspend it")
	}
	if p.as(p.SuperAdmin).get("/organizations").count("main a[href$='/suspend']") != 2 {
		t.Error("a super admin is not led to suspending clients")
	}
}

func TestAClientsOverviewCountsWhatItHasAndLeadsThere(t *testing.T) {
	p := startPortal(t)
	p.applicationKey(p.Application, p.License)
	p.request(p.Member, p.Application, storetest.License(t, p.Store, p.Organization))
	address := organizationAddress(p.Organization)
	figures := []string{"2 of 3 licenses in use", "2 domains", "1 instance", "1 application", "2 API keys", "5 users", "1 pending request",
		p.License.Number, p.License.Domain, p.License.Database, p.Instance.Name, "(somebody logged in)"}
	storetest.Exec(t, storetest.SQL(t, p.Store), `UPDATE users SET last_sign_in_at = $1 WHERE id = $2`, p.Store.Now().UnixMicro(), p.Member.ID)
	leads := func(user portal.User, want ...string) {
		t.Helper()
		got := p.as(user).get(address).expect(t, http.StatusOK, figures...)
		for _, href := range []string{address + "/applications", "/users?organization=" + id(p.Organization.ID), "/keys", "/requests?organization=" + id(p.Organization.ID),
			address + "/edit", address + "/licenses/new", address + "/settings", address + "/suspend", licenseAddress(p.License)} {
			if got.count("main a[href='"+href+"']") != 0 != slices.Contains(want, href) {
				t.Errorf("%s is led to %s: %t", user.Username, href, !slices.Contains(want, href))
			}
		}
	}
	matrix, users, requests := address+"/applications", "/users?organization="+id(p.Organization.ID), "/requests?organization="+id(p.Organization.ID)
	leads(p.SuperAdmin, matrix, users, "/keys", requests, address+"/edit", address+"/licenses/new", address+"/settings", address+"/suspend", licenseAddress(p.License))
	leads(p.Support, matrix, users, "/keys", requests, address+"/licenses/new", licenseAddress(p.License))
	leads(p.Admin, matrix, users, "/keys", requests, address+"/settings", licenseAddress(p.License))
	figures = slices.DeleteFunc(figures, func(figure string) bool { return figure == "2 API keys" || figure == "5 users" })
	leads(p.holder(portal.ViewLicenses), matrix, licenseAddress(p.License))
	leads(p.holder(portal.RequestAPIKeys), matrix)
}

func TestWhatOneMayNotListIsNeitherCountedNorLedTo(t *testing.T) {
	p := startPortal(t)
	for _, test := range []struct {
		viewer string
		user   portal.User
		shown  []string
	}{
		{"who has own keys", p.holder(portal.ViewLicenses, portal.ManageUserAPIKey), nil},
		{"who requests keys", p.holder(portal.ViewLicenses, portal.RequestAPIKeys), nil},
		{"who views API keys", p.holder(portal.ViewLicenses, portal.ViewAPIKeys), []string{"API key", "API Keys"}},
		{"who views users", p.holder(portal.ViewLicenses, portal.ViewUsers), []string{"users", "Users"}},
		{"who sees requests", p.holder(portal.ViewLicenses, portal.Requests), []string{"Requests"}},
	} {
		got := p.as(test.user).get(organizationAddress(p.Organization)).expect(t, http.StatusOK)
		var shown []string
		got.doc.Find("main .kp-figure span, main nav[aria-label='Of this client'] a").Each(func(_ int, s *goquery.Selection) {
			if text := strings.TrimSpace(s.Text()); slices.Contains([]string{"API key", "API Keys", "users", "Users", "Requests"}, text) {
				shown = append(shown, text)
			}
		})
		if !slices.Equal(shown, test.shown) {
			t.Errorf("%s is told of %q, want %q", test.viewer, shown, test.shown)
		}
	}
}

func TestListsOfAnotherClientAreReachedByGoingToWorkThere(t *testing.T) {
	p := startPortal(t)
	storetest.SaveMembership(t, p.Store, portal.Membership{OrganizationID: p.Other.ID, UserID: p.Admin.ID, Admin: true})
	b := p.as(p.Admin)
	b.post("/organization", url.Values{"organization_id": {id(p.Other.ID)}}).expect(t, http.StatusSeeOther)
	const nav = "main nav[aria-label='Of this client'] "
	page := b.get(organizationAddress(p.Organization)).expect(t, http.StatusOK)
	if page.count(nav+"a") != 1 || page.count(nav+"form[action='/organization']") != 4 {
		t.Errorf("lists of the client that one is working in are offered as another's: %s", page.doc.Find(nav).Text())
	}
	b.post("/organization", page.form(nav+"form")).expect(t, http.StatusSeeOther, "/users")
	b.get("/users").expect(t, http.StatusOK, "accounts in "+p.Organization.Name)
}

func TestTheKeysOfAnotherClientAreSeenByGoingToWorkThere(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	form := b.get(organizationAddress(p.Other)).expect(t, http.StatusOK, "No licenses yet").form("main .card form[action='/organization']")
	b.post("/organization", form).expect(t, http.StatusSeeOther, "/keys")
	if got := b.get("/").doc.Find(".kp-where-name").Text(); strings.TrimSpace(got) != p.Other.Name {
		t.Errorf("working in %q", got)
	}
}

func TestAClientIsSuspendedByItsNameAndReactivated(t *testing.T) {
	p := startPortal(t)
	b, address := p.as(p.SuperAdmin), organizationAddress(p.Organization)
	b.get(address+"/suspend").expect(t, http.StatusOK, "Type Gold Client", "Keys that stop1", "Last usednever", "can still log in")
	b.post(address+"/suspend", url.Values{"confirm": {"Blue Client"}}).expect(t, http.StatusUnprocessableEntity, "Type the name")
	if p.organization().Suspended {
		t.Fatal("it is suspended without its name")
	}
	for range 2 {
		b.post(address+"/suspend", suspendForm(p)).expect(t, http.StatusSeeOther, address)
	}
	shown := b.get(address).expect(t, http.StatusOK, "is suspended: its keys are refused from the next check on", "Suspended")
	b.get(address+"/suspend").expect(t, http.StatusSeeOther, address)
	if p.as(p.Admin).get(address).expect(t, http.StatusOK, "This client is suspended").count("main form[action$='/reactivate']") != 0 {
		t.Error("a client is offered to reactivate itself")
	}
	if shown.count("main form[action='"+address+"/reactivate']") == 0 {
		t.Error("nothing reactivates it")
	}
	b.post(address+"/reactivate", nil).expect(t, http.StatusSeeOther, address)
	if p.organization().Suspended {
		t.Error("it is still suspended")
	}
}

func TestAClientDecidesWhetherSecretsCanBeViewedAgain(t *testing.T) {
	p := startPortal(t)
	b, address := p.as(p.Admin), organizationAddress(p.Organization)+"/settings"
	form := b.get(address).expect(t, http.StatusOK, "Secrets can be viewed again", "forgets the sealed copies for good", "needs a password that was entered within the last five minutes, and is recorded").form("main form")
	if !form.Has("secret_viewing") {
		t.Fatalf("the form begins with %v", form)
	}
	form.Del("secret_viewing")
	b.post(address, form).expect(t, http.StatusSeeOther, address)
	if p.organization().SecretViewing {
		t.Fatal("it is still switched on")
	}
	form.Set("secret_viewing", "on")
	again := b.post(address, form).expect(t, http.StatusConflict, "changed by someone else", "Load what is there now")
	if !again.form("main form").Has("secret_viewing") {
		t.Error("what was chosen is lost")
	}
	p.as(p.holder(portal.ManageSettings)).get(address).expect(t, http.StatusOK, "Secrets can be viewed again")
}

func TestAnEditOfAnOldClientIsRefusedWithWhatWasTyped(t *testing.T) {
	p := startPortal(t)
	b, address := p.as(p.SuperAdmin), organizationAddress(p.Organization)
	form := b.get(address+"/edit").expect(t, http.StatusOK).form("main form")
	form.Set("level", "1")
	b.post(address, form).expect(t, http.StatusSeeOther, address)
	form.Set("name", "Golden Client")
	got := b.post(address, form).expect(t, http.StatusConflict, "changed by someone else", "Load what is there now").form("main form")
	if got.Get("name") != "Golden Client" {
		t.Errorf("what was typed became %v", got)
	}
	storetest.Exec(t, storetest.SQL(t, p.Store), `UPDATE client_levels SET licenses = 0 WHERE id = 2`)
	form = b.get(address + "/edit").form("main form")
	form.Set("level", "2")
	b.post(address, form).expect(t, http.StatusUnprocessableEntity, "Gold allows 0 and 1 are in use: "+p.License.Number)
}
