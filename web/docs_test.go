package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/portal"
)

func TestSwaggerDocsListTheSectionsOfTheAPI(t *testing.T) {
	p := startPortal(t)
	got := p.as(p.Nobody).get("/docs").expect(t, http.StatusOK, "License", "What clients have: licenses", "User", "Who there is and what they may do", "History", "1 endpoint")
	if got.count(".kp-endpoints") > 0 {
		t.Error("endpoints are listed before anything is searched")
	}
	if got.count(`nav[aria-label=Main] a[href="/docs"]`) > 0 || got.count(`#places a[href="/docs"][aria-current=page]`) != 1 {
		t.Error("Swagger Docs is to be found in the top bar alone, where it is the page that is open")
	}
}

func TestASearchInSwaggerDocsLeadsToSectionsAndEndpoints(t *testing.T) {
	p := startPortal(t)
	got := p.as(p.Nobody).get("/docs?q=user").expect(t, http.StatusOK, "endpoints in", "who am I?", "load a user org membership")
	var links []string
	got.doc.Find("#docs a").Each(func(_ int, a *goquery.Selection) {
		links = append(links, a.AttrOr("href", ""))
		if a.AttrOr("target", "") != "_blank" || a.AttrOr("rel", "") != "noopener" || !strings.Contains(a.Text(), "(opens in a new tab)") {
			t.Errorf("%s does not open another tab, or does not say so", a.AttrOr("href", ""))
		}
	})
	if links[0] != "/docs/user" {
		t.Errorf("the first link leads to %s, want the section User", links[0])
	}
	for _, want := range []string{"/docs/user#/user/getMe", "/docs/user#/org/getMembership", "/docs/user#/user/createUser"} {
		if !slices.Contains(links, want) {
			t.Errorf("none of the links leads to %s: %s", want, strings.Join(links, " "))
		}
	}
	p.as(p.Nobody).get("/docs?q=<b>unicorn").expect(t, http.StatusOK, "Nothing found", "“<b>unicorn”", "Clear search")
}

func TestASectionIsShownInSwaggerUIUnderTheStrictPolicy(t *testing.T) {
	p := startPortal(t)
	got := p.as(p.Member).get("/docs/user").expect(t, http.StatusOK, "Requests run as Member Person in Gold Client", "Who there is and what they may do")
	if got.doc.Find("#swagger-ui").AttrOr("data-document", "") != "/api/v1/openapi.json?section=user" {
		t.Error("Swagger UI is not given the section's document")
	}
	if got.count("style, [style], script:not([src])") > 0 {
		t.Error("there is inline script or style")
	}
	got.doc.Find("script, link[rel=stylesheet]").Each(func(_ int, loaded *goquery.Selection) {
		address := loaded.AttrOr("src", "") + loaded.AttrOr("href", "")
		if file := p.visitor().get(address); file.status != http.StatusOK || !strings.Contains(file.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s is answered %d, to be kept as %q", address, file.status, file.header.Get("Cache-Control"))
		}
	})
	policy := got.header.Get("Content-Security-Policy")
	if usual := p.as(p.Member).get("/docs").header.Get("Content-Security-Policy"); withoutNonce(policy) != withoutNonce(usual) || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s, elsewhere %s", policy, usual)
	}
	p.as(p.SuperAdmin).get("/docs/user").expect(t, http.StatusOK, "Requests run as Superadmin Person in Gold Client")
	p.as(p.Support).get("/docs/unicorn").expect(t, http.StatusNotFound, "no such section")
}

// withoutNonce takes the nonce, which each response has its own, out of a policy.
func withoutNonce(policy string) string {
	before, after, _ := strings.Cut(policy, "'nonce-")
	_, after, _ = strings.Cut(after, "'")
	return before + after
}

func TestTheMenuInTheTopBarHasOnlyWhatTheViewerMayOpen(t *testing.T) {
	p := startPortal(t)
	for _, test := range []struct {
		viewer portal.User
		want   string
	}{
		{p.Nobody, "/docs"},
		{p.holder(portal.ViewRoles), "/roles /docs"},
		{p.Admin, "/users /groups /roles /docs"},
	} {
		got := p.as(test.viewer).get("/").expect(t, http.StatusOK)
		var links []string
		got.doc.Find("#places a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
		if strings.Join(links, " ") != test.want {
			t.Errorf("the menu of %s leads to %s, want %s", test.viewer.Username, strings.Join(links, " "), test.want)
		}
		if people := got.count("#places h2"); people != min(len(links), 2) {
			t.Errorf("the menu of %s has %d headings", test.viewer.Username, people)
		}
	}
}
