package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// cell gives what the matrix shows for an application and a license, and where
// that leads.
func (a answer) cell(application portal.Application, license portal.License) (text, href string) {
	row := a.doc.Find("main tbody tr").First()
	for ; row.Length() > 0; row = row.Next() {
		if strings.HasPrefix(strings.TrimSpace(row.Find("td").First().Text()), application.Name) {
			break
		}
	}
	found := row.Find("td[data-label='" + license.Domain + "']")
	found.Find(".visually-hidden").Remove()
	found.Find(".kp-sub").BeforeHtml(" ")
	return strings.Join(strings.Fields(found.Text()), " "), found.Find("a").AttrOr("href", "")
}

// request adds a request of a user for an application and a license.
func (p *running) request(user portal.User, application portal.Application, license portal.License) portal.Request {
	p.t.Helper()
	return storetest.Insert(p.t, p.Store, func(c *store.Change) (portal.Request, error) {
		return c.InsertRequest(p.t.Context(), portal.Request{OrganizationID: license.OrganizationID, RequesterID: user.ID,
			ApplicationID: application.ID, LicenseID: license.ID, Reason: "For the shops.", State: portal.RequestOpen})
	})
}

func TestTheMatrixShowsEachApplicationWithEachDomain(t *testing.T) {
	p := startPortal(t)
	second := storetest.License(t, p.Store, p.Organization)
	requested, undelivered := storetest.Application(t, p.Store, p.Organization), storetest.Application(t, p.Store, p.Organization)
	key := p.applicationKey(p.Application, p.License)
	waiting := storetest.Insert(t, p.Store, func(c *store.Change) (portal.Key, error) {
		return c.InsertKey(t.Context(), portal.Key{Kind: portal.TokenKey, OrganizationID: p.Organization.ID, Name: "Waiting", UserID: p.Member.ID, Enabled: true,
			LicenseID: p.License.ID, ApplicationID: undelivered.ID}, portal.Secret{})
	})
	requester := p.holder(portal.RequestAPIKeys)
	request := p.request(requester, requested, p.License)
	query := "?application=" + id(p.Application.ID) + "&license=" + id(second.ID)
	active := "Active " + key.Masked

	for _, test := range []struct {
		viewer                              string
		user                                portal.User
		none, noneHref                      string
		keyHref, waitingHref, requestedHref string // without the first two, the viewer is told only that there is a key
	}{
		{viewer: "administrator", user: p.Admin, none: "Issue", noneHref: "/keys/issue" + query,
			keyHref: "/keys/" + id(key.ID), waitingHref: "/keys/" + id(waiting.ID), requestedHref: "/requests/" + id(request.ID)},
		{viewer: "support", user: p.Support, none: "Issue", noneHref: "/keys/issue" + query,
			keyHref: "/keys/" + id(key.ID), waitingHref: "/keys/" + id(waiting.ID), requestedHref: "/requests/" + id(request.ID)},
		{viewer: "requester", user: requester, none: "Request", noneHref: "/requests/new" + query, requestedHref: "/requests/" + id(request.ID)},
		{viewer: "another requester", user: p.holder(portal.RequestAPIKeys), none: "Request", noneHref: "/requests/new" + query},
		{viewer: "viewer", user: p.holder(portal.ViewLicenses), none: "No key"},
		{viewer: "owner", user: p.member(p.Member, portal.ViewLicenses, portal.ManageUserAPIKey), none: "No key", keyHref: "/keys/" + id(key.ID), waitingHref: "/keys/" + id(waiting.ID)},
	} {
		t.Run(test.viewer, func(t *testing.T) {
			got := p.as(test.user).get(organizationAddress(p.Organization)+"/applications").expect(t, http.StatusOK, p.License.Domain, second.Number)
			keyText, waitingText := active, "Not delivered yet Waiting"
			if test.keyHref == "" {
				keyText, waitingText = "Has a key", "Has a key"
			}
			for what, cell := range map[string]struct {
				application portal.Application
				license     portal.License
				text, href  string
			}{
				"key":       {p.Application, p.License, keyText, test.keyHref},
				"waiting":   {undelivered, p.License, waitingText, test.waitingHref},
				"requested": {requested, p.License, "Requested Open", test.requestedHref},
				"none":      {p.Application, second, test.none, test.noneHref},
			} {
				if text, href := got.cell(cell.application, cell.license); text != cell.text || href != cell.href {
					t.Errorf("%s is shown as %q leading to %q, want %q leading to %q", what, text, href, cell.text, cell.href)
				}
			}
		})
	}
}

// member gives a member of Organization other authorities.
func (p *running) member(user portal.User, authorities ...portal.Authority) portal.User {
	p.t.Helper()
	membership := p.membership(user, p.Organization)
	membership.Roles = []portal.Role{storetest.Role(p.t, p.Store, p.Organization, authorities)}
	storetest.SaveMembership(p.t, p.Store, membership)
	return user
}

func TestTheMatrixSaysWhyKeysAreRefusedAndWhatIsMissing(t *testing.T) {
	p := startPortal(t)
	p.applicationKey(p.Application, p.License)
	address := organizationAddress(p.Organization) + "/applications"
	b := p.as(p.SuperAdmin)
	b.post(organizationAddress(p.Organization)+"/suspend", suspendForm(p)).expect(t, http.StatusSeeOther)
	got := b.get(address).expect(t, http.StatusOK, "This client is suspended")
	if text, _ := got.cell(p.Application, p.License); !strings.HasPrefix(text, "Active refused: suspended") {
		t.Errorf("the key of a suspended client is shown as %q", text)
	}
	empty := organizationAddress(p.Other) + "/applications"
	b.get(empty).expect(t, http.StatusOK, "No licenses yet", "Add license")
	if p.as(p.Stranger).get(empty).expect(t, http.StatusOK, "No licenses yet").count("main a[href$='/licenses/new']") != 0 {
		t.Error("a client is led to adding a license")
	}
}

func TestForAnInactiveLicenseKeysAreIssuedButNotRequested(t *testing.T) {
	p := startPortal(t)
	address, inactive := organizationAddress(p.Organization)+"/applications", storetest.License(t, p.Store, p.Organization)
	p.as(p.Support).post(licenseAddress(inactive)+"/deactivate", url.Values{"confirm": {inactive.Number}}).expect(t, http.StatusSeeOther)
	for _, test := range []struct {
		viewer               string
		user                 portal.User
		ofActive, ofInactive string
		form                 string
	}{
		{"a requester", p.holder(portal.RequestAPIKeys), "Request", "No key", "/requests/new"},
		{"support", p.Support, "Issue", "Issue", "/keys/issue"},
	} {
		got := p.as(test.user).get(address).expect(t, http.StatusOK, "The license "+inactive.Number+" ("+inactive.Domain+") is inactive: its keys are refused.")
		if text, _ := got.cell(p.Application, p.License); text != test.ofActive {
			t.Errorf("%s is offered %q for an active license", test.viewer, text)
		}
		column := inactive
		column.Domain += " (inactive)"
		if text, _ := got.cell(p.Application, column); text != test.ofInactive {
			t.Errorf("%s is offered %q for an inactive license", test.viewer, text)
		}
		p.as(test.user).get(test.form).expect(t, http.StatusOK, inactive.Number+" · "+column.Domain)
	}
}
