package web_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestClientLevelsAreData(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	b.get("/levels").expect(t, http.StatusOK, "Blue", "Gold", "Platinum")
	form := b.get("/levels/new").expect(t, http.StatusOK).form("main form")
	form.Set("name", "Diamond")
	form.Set("licenses", "many")
	b.post("/levels", form).expect(t, http.StatusUnprocessableEntity, "a whole number from 0 to")
	form.Set("licenses", "4")
	for range 2 { // as a form that is sent twice
		b.post("/levels", form).expect(t, http.StatusSeeOther, "/levels")
	}
	levels, err := p.Store.ClientLevels(t.Context())
	if err != nil || len(levels) != 4 || levels[3].Name != "Diamond" || levels[3].Licenses != 4 {
		t.Fatalf("the levels are %v, %v", levels, err)
	}
	b.get("/organizations/new").expect(t, http.StatusOK, "Diamond (4 master licenses)")

	address := "/levels/" + id(levels[3].ID)
	edit := b.get(address+"/edit").expect(t, http.StatusOK, "No organization has this client level").form("main form")
	edit.Set("licenses", "5")
	b.post(address, edit).expect(t, http.StatusSeeOther, "/levels")
	edit.Set("name", "Brilliant")
	again := b.post(address, edit).expect(t, http.StatusConflict, "changed by someone else", "Load what is there now")
	if typed := again.form("main form").Get("name"); typed != "Brilliant" {
		t.Errorf("what was typed became %q", typed)
	}
	b.post(address+"/delete", url.Values{"version": {"1"}}).expect(t, http.StatusConflict, "changed by someone else")
	b.post(address+"/delete", b.get(address+"/edit").form("form[action$='/delete']")).expect(t, http.StatusSeeOther, "/levels")
	b.get(address+"/edit").expect(t, http.StatusNotFound)
}

func TestALevelThatIsInUseIsNeitherLoweredUnderThatNorDeleted(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	const address = "/levels/3"
	form := b.get(address+"/edit").expect(t, http.StatusOK, "2 organizations have this client level").form("main form")
	form.Set("licenses", "0")
	got := b.post(address, form).expect(t, http.StatusUnprocessableEntity, "In use is more than that: Gold Client holds 1")
	if typed := got.form("main form").Get("licenses"); typed != "0" {
		t.Errorf("what was typed became %q", typed)
	}
	b.post(address+"/delete", url.Values{"version": {"1"}}).expect(t, http.StatusConflict, "2 organizations have the client level Platinum")
}
