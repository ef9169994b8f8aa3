package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func applicationAddress(application portal.Application) string {
	return "/applications/" + id(application.ID)
}

func TestTheCatalogueIsTheSuperAdmins(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	list := b.get("/applications").expect(t, http.StatusOK, "Workflow", "Mobile App", "ERP (XSS)", "Data Loader")
	if list.count("main a[href='"+applicationAddress(p.Application)+"/edit']") != 0 {
		t.Error("a client's own application is in the catalogue")
	}
	form := b.get("/applications/new").expect(t, http.StatusOK, "For every client.").form("main form")
	form.Set("name", "workflow")
	form.Set("description", "Kept.")
	again := b.post("/applications", form).expect(t, http.StatusUnprocessableEntity, "There is an application with this name already")
	if typed := again.form("main form").Get("description"); typed != "Kept." {
		t.Errorf("what was typed became %q", typed)
	}
	form.Set("name", "Kiosk")
	for range 2 { // as a form that is sent twice
		b.post("/applications", form).expect(t, http.StatusSeeOther, "/applications")
	}
	b.get("/applications").expect(t, http.StatusOK, "Kiosk", "The application Kiosk was added")
	p.as(p.Admin).get("/applications/1/edit").expect(t, http.StatusForbidden)
	p.as(p.Support).get("/applications/1/edit").expect(t, http.StatusForbidden)
}

func TestAClientAddsAndEditsApplicationsOfItsOwn(t *testing.T) {
	p := startPortal(t)
	b, matrix := p.as(p.Admin), organizationAddress(p.Organization)+"/applications"
	form := b.get(matrix+"/new").expect(t, http.StatusOK, "For Gold Client alone.").form("main form")
	form.Set("name", "Kiosk")
	b.post(matrix, form).expect(t, http.StatusSeeOther, matrix)
	b.get(matrix).expect(t, http.StatusOK, "Kiosk")
	if other := p.as(p.Support).get(organizationAddress(p.Other)+"/applications").expect(t, http.StatusOK).text(); other == "" || strings.Contains(other, "Kiosk") {
		t.Errorf("another client has it: %s", other)
	}

	address := applicationAddress(p.Application)
	edit := b.get(address+"/edit").expect(t, http.StatusOK, "There is no API key for it.").form("main form")
	edit.Set("name", "Renamed")
	b.post(address, edit).expect(t, http.StatusSeeOther, matrix)
	b.post(address, edit).expect(t, http.StatusConflict, "changed by someone else", "Load what is there now")
	foreign := storetest.Application(t, p.Store, p.Other)
	b.get(applicationAddress(foreign)+"/edit").expect(t, http.StatusNotFound)
	b.post(applicationAddress(foreign)+"/retire", url.Values{"version": {"1"}}).expect(t, http.StatusNotFound)
}

func TestARetiredApplicationsKeysGoOnAndItIsPutBackIntoUse(t *testing.T) {
	p := startPortal(t)
	key := p.applicationKey(p.Application, p.License)
	b, address, matrix := p.as(p.Admin), applicationAddress(p.Application), organizationAddress(p.Organization)+"/applications"
	form := b.get(address+"/edit").expect(t, http.StatusOK, "No more API keys can be issued", "The API key for it goes on.").form("form[action$='/retire']")
	b.post(address+"/retire", form).expect(t, http.StatusSeeOther, matrix)
	shown := b.get(matrix).expect(t, http.StatusOK, "is retired: no more API keys", "The API key for it goes on.", "Retired applications")
	if shown.count("main a[href='/keys/"+id(key.ID)+"']") != 1 || shown.count("main a[href='/keys/issue?application="+id(p.Application.ID)+"&license="+id(p.License.ID)+"']") != 0 {
		t.Error("the key is gone, or another can be issued")
	}
	b.post(address+"/restore", form).expect(t, http.StatusConflict, "changed by someone else")
	b.post(address+"/restore", b.get(address+"/edit").expect(t, http.StatusOK, "Put back into use").form("form[action$='/restore']")).expect(t, http.StatusSeeOther, matrix)
	if shown := b.get(matrix).expect(t, http.StatusOK, "is in use again"); strings.Contains(shown.text(), "Retired applications") {
		t.Error("it is still retired")
	}
}
