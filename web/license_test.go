package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func licenseAddress(license portal.License) string { return "/licenses/" + id(license.ID) }

func organizationAddress(organization portal.Organization) string {
	return "/organizations/" + id(organization.ID)
}

func (p *running) license() portal.License {
	p.t.Helper()
	license, err := p.Store.License(context.Background(), p.License.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return license
}

func TestALicenseIsAddedWithinTheLevelsAllowance(t *testing.T) {
	p := startPortal(t)
	b, address := p.as(p.Support), organizationAddress(p.Organization)+"/licenses"
	form := b.get(address+"/new").expect(t, http.StatusOK, "Number (Client ID)").form("main form")
	form.Set("number", "BE12")
	form.Set("domain", p.License.Domain)
	form.Set("database", "GOLD_EU")
	got := b.post(address, form).expect(t, http.StatusUnprocessableEntity, "made of digits").form("main form")
	if got.Get("number") != "BE12" || got.Get("database") != "GOLD_EU" {
		t.Errorf("what was typed became %v", got)
	}
	form.Set("number", "56789012")
	b.post(address, form).expect(t, http.StatusUnprocessableEntity, "Another license gives access to a domain with this name")
	form.Set("domain", "Gold Europe")
	first := b.post(address, form).expect(t, http.StatusSeeOther, "/licenses/")
	if again := b.post(address, form).expect(t, http.StatusSeeOther); again.location != first.location {
		t.Errorf("a form that is sent twice leads to %s and to %s", first.location, again.location)
	}
	b.get(first.location).expect(t, http.StatusOK, "License 56789012", "Gold Europe", "GOLD_EU", "Active", "No instances yet", "created the license")
}

func TestTheFormOfALicenseThatTheLevelDoesNotAllowSaysSoStraightAway(t *testing.T) {
	p := startPortal(t)
	other := []portal.License{storetest.License(t, p.Store, p.Organization), storetest.License(t, p.Store, p.Organization)}
	address := organizationAddress(p.Organization) + "/licenses"
	full := "Gold Client is a Platinum client: 3 of 3 licenses are in use (" + strings.Join([]string{p.License.Number, other[0].Number, other[1].Number}, ", ") + ")"

	got := p.as(p.SuperAdmin).get(address+"/new").expect(t, http.StatusOK, full, other[1].Domain)
	if got.count("input[name=number]") != 0 || got.count("main a[href='"+organizationAddress(p.Organization)+"/edit']") != 1 {
		t.Error("the page asks for a number, or does not lead to the client level")
	}
	got = p.as(p.Support).get(address+"/new").expect(t, http.StatusOK, full, "A super admin can change the client level.")
	if got.count("main a[href$='/edit']") != 0 {
		t.Error("support is led to what only super admins may do")
	}
	got = p.as(p.Support).post(address, licenseForm(p)).expect(t, http.StatusConflict, full)
	if typed := got.form("main form").Get("number"); typed != "56789012" || strings.Count(got.text(), full) != 1 {
		t.Errorf("what was typed became %q, in %s", typed, got.text())
	}
}

func TestALicenseShowsItsInstancesAndItsKeysByApplication(t *testing.T) {
	p := startPortal(t)
	key := p.applicationKey(p.Application, p.License, func(k *portal.Key) { k.Name = "Nightly" })
	p.applicationKey(portal.Application{}, p.License, func(k *portal.Key) {
		k.Kind, k.Name, k.PublicID = portal.OAuthKey, "Client of "+p.License.Number, "kpc_public"
	})
	texts := []string{"License " + p.License.Number, p.License.Domain, p.License.Database, p.Instance.Name, "test",
		p.Application.Name, "Nightly", key.Masked, "OAuth client", "kpc_public"}
	got := p.as(p.Admin).get(licenseAddress(p.License)).expect(t, http.StatusOK, texts...)
	if got.count("main a[href='/keys/"+id(key.ID)+"']") != 1 || got.count("main form") != 0 || got.count("main a[href$='/edit']") != 0 {
		t.Error("an administrator is not led to the key, or may change the license")
	}
	p.as(p.holder(portal.ViewLicenses, portal.ViewAPIKeys)).get(licenseAddress(p.License)).expect(t, http.StatusOK, texts...)
	got = p.as(p.holder(portal.ViewLicenses, portal.ViewClientSecret)).get(licenseAddress(p.License)).expect(t, http.StatusOK, "OAuth client", "kpc_public", "Only those that you may see.")
	if got.count("main a[href^='/keys/']") != 0 || strings.Contains(got.text(), key.Masked) {
		t.Error("who keeps Client Secrets alone sees, or is led to, another key")
	}
	got = p.as(p.holder(portal.ViewLicenses)).get(licenseAddress(p.License)).expect(t, http.StatusOK, "No API keys that you may see")
	for _, hidden := range []string{"Nightly", key.Masked, "kpc_public", "none yet"} {
		if strings.Contains(got.text(), hidden) {
			t.Errorf("who may not see API keys is told of %q", hidden)
		}
	}
	p.as(p.holder(portal.ViewLicenses)).get(licenseAddress(storetest.License(t, p.Store, p.Other))).expect(t, http.StatusNotFound)
	p.as(p.holder(portal.RequestAPIKeys)).get(licenseAddress(p.License)).expect(t, http.StatusForbidden)
}

func TestALicensesDomainIsEditedAndItsNumberStays(t *testing.T) {
	p := startPortal(t)
	b, address := p.as(p.Support), licenseAddress(p.License)
	got := b.get(address+"/edit").expect(t, http.StatusOK, p.License.Number, "Gateways that are bound to the domain")
	form := got.form("main form")
	if form.Has("number") || form.Get("domain") != p.License.Domain {
		t.Fatalf("the form begins with %v", form)
	}
	form.Set("domain", "Renamed")
	b.post(address, form).expect(t, http.StatusSeeOther, address)
	form.Set("domain", "Renamed again")
	again := b.post(address, form).expect(t, http.StatusConflict, "changed by someone else", "Load what is there now")
	if typed := again.form("main form").Get("domain"); typed != "Renamed again" {
		t.Errorf("what was typed became %q", typed)
	}
	if license := p.license(); license.Domain != "Renamed" || license.Number != p.License.Number {
		t.Errorf("the license is %+v", license)
	}
	b.get(address).expect(t, http.StatusOK, "before: "+p.License.Domain)
}

func TestALicenseIsDeactivatedByItsNumberAndActivatedAgain(t *testing.T) {
	p := startPortal(t)
	p.applicationKey(p.Application, p.License)
	b, address := p.as(p.Support), licenseAddress(p.License)
	b.get(address+"/deactivate").expect(t, http.StatusOK, "Type "+p.License.Number, "Keys that stop1", p.Application.Name, "Last usednever")
	b.post(address+"/deactivate", url.Values{"confirm": {"1234"}}).expect(t, http.StatusUnprocessableEntity, "Type the name")
	if !p.license().Active {
		t.Fatal("it is inactive without its number")
	}
	b.post(address+"/deactivate", url.Values{"confirm": {p.License.Number}}).expect(t, http.StatusSeeOther, address)
	b.get(address).expect(t, http.StatusOK, "This license is inactive", "refused: license inactive")
	b.get(address+"/deactivate").expect(t, http.StatusSeeOther, address)
	b.get(organizationAddress(p.Organization)+"/applications").expect(t, http.StatusOK, "The license "+p.License.Number+" ("+p.License.Domain+") is inactive")
	b.post(address+"/activate", nil).expect(t, http.StatusSeeOther, address)
	if !p.license().Active {
		t.Error("it is still inactive")
	}
}

func TestALicenseThatWasNeverUsedIsDeletedByItsNumber(t *testing.T) {
	p := startPortal(t)
	license := storetest.License(t, p.Store, p.Organization)
	b, address := p.as(p.Support), licenseAddress(license)
	if got := b.get(address).expect(t, http.StatusOK); got.count("main a[href='"+address+"/delete']") != 1 {
		t.Error("the license does not lead to where it is deleted")
	}
	b.get(address+"/delete").expect(t, http.StatusOK, "What will go", "Type "+license.Number, license.Domain, license.Database)
	b.post(address+"/delete", url.Values{"confirm": {license.Domain}}).expect(t, http.StatusUnprocessableEntity, "Type the name")
	b.get(address).expect(t, http.StatusOK)
	got := b.post(address+"/delete", url.Values{"confirm": {license.Number}}).expect(t, http.StatusSeeOther)
	if got.location != organizationAddress(p.Organization) {
		t.Errorf("it leads to %s", got.location)
	}
	b.get(got.location).expect(t, http.StatusOK, "The license "+license.Number+" was deleted")
	for range 2 {
		b.get(address).expect(t, http.StatusNotFound)
		b.post(address+"/delete", url.Values{"confirm": {license.Number}}).expect(t, http.StatusNotFound)
	}
}

func TestALicenseThatWasUsedIsNotDeletedAndItsPageSaysWhatStandsOnIt(t *testing.T) {
	p := startPortal(t)
	p.applicationKey(p.Application, p.License)
	b, address := p.as(p.Support), licenseAddress(p.License)
	used := "The license " + p.License.Number + " has 1 instance and 1 API key."
	for _, got := range []answer{
		b.get(address+"/delete").expect(t, http.StatusOK, used, "Deactivate it instead"),
		b.post(address+"/delete", url.Values{"confirm": {p.License.Number}}).expect(t, http.StatusConflict, used),
		b.post(address+"/delete", url.Values{"confirm": {"1234"}}).expect(t, http.StatusConflict, used),
	} {
		if got.count("main form") != 0 || got.count("main a[href='"+address+"/deactivate']") != 1 || strings.Count(got.text(), used) != 1 {
			t.Errorf("it offers to delete, does not lead to Deactivate, or says it twice: %s", got.text())
		}
	}
	b.post(address+"/deactivate", url.Values{"confirm": {p.License.Number}}).expect(t, http.StatusSeeOther)
	if got := b.get(address+"/delete").expect(t, http.StatusOK, "It is inactive already"); got.count("main a[href$='/deactivate']") != 0 {
		t.Error("it leads to Deactivate although it is inactive")
	}
	if license := p.license(); license.Number != p.License.Number {
		t.Errorf("the license is %+v", license)
	}
}

func TestInstancesAreAddedAndAskedAboutBeforeTheyAreRemoved(t *testing.T) {
	p := startPortal(t)
	b, address := p.as(p.Support), licenseAddress(p.License)
	got := b.post(address+"/instances", url.Values{"name": {"BE4711"}}).expect(t, http.StatusUnprocessableEntity, "must be the license's")
	if typed := got.form("main form[action$='/instances']").Get("name"); typed != "BE4711" {
		t.Errorf("what was typed became %q", typed)
	}
	form := got.form("main form[action$='/instances']")
	form.Set("name", "be"+p.License.Number)
	for range 2 { // as a form that is sent twice
		b.post(address+"/instances", form).expect(t, http.StatusSeeOther, address)
	}
	b.get(address).expect(t, http.StatusOK, "BE"+p.License.Number, "production", "added the instance")

	remove := address + "/instances/" + id(p.Instance.ID) + "/remove"
	b.get(remove).expect(t, http.StatusOK, "Nobody can sign in with the Instance Name "+p.Instance.Name+" any more")
	foreign := storetest.Instance(t, p.Store, storetest.License(t, p.Store, p.Other))
	for _, other := range []string{id(foreign.ID), "x", "0"} {
		b.get(address+"/instances/"+other+"/remove").expect(t, http.StatusNotFound)
		b.post(address+"/instances/"+other+"/remove", nil).expect(t, http.StatusNotFound)
	}
	b.post(remove, nil).expect(t, http.StatusSeeOther, address)
	left, err := p.Store.Instances(t.Context(), p.License.ID)
	if err != nil || len(left) != 1 || left[0].Environment != portal.Production {
		t.Errorf("left are %v, %v", left, err)
	}
	b.get(address+"/instances/"+id(left[0].ID)+"/remove").expect(t, http.StatusOK, "It is the only instance of this license.")
}
