package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"keyportal/internal/store/storetest"
)

func TestARoleIsForEveryOrganizationOnlyWhenThatIsAsked(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	storetest.Exec(t, storetest.SQL(t, p.Store), `UPDATE sessions SET organization_id = NULL`)
	b.post("/roles", url.Values{"name": {"Wide"}, "submission": {"1"}}).expect(t, http.StatusConflict, "for every organization: tick that")
	b.post("/roles", url.Values{"name": {"Wide"}, "scope": {"all"}, "submission": {"2"}}).expect(t, http.StatusSeeOther)
}
