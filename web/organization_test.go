package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

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
