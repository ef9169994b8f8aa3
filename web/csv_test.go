package web_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func readCSV(t *testing.T, a answer) (head []string, rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[0], all[1:]
}

func TestKeysAreExportedAsTheyAreListed(t *testing.T) {
	p := startPortal(t)
	p.addKeys()
	p.manyKeys(1100)
	file := p.as(p.Admin).get("/keys.csv?api_set=billing&sort=-name&after=junk").expect(t, http.StatusOK)
	if kind, disposition := file.header.Get("Content-Type"), file.header.Get("Content-Disposition"); kind != "text/csv; charset=utf-8" || !strings.HasPrefix(disposition, `attachment; filename="api-keys-`) {
		t.Errorf("sent as %s, %s", kind, disposition)
	}
	head, rows := readCSV(t, file)
	if len(rows) != 1102 {
		t.Fatalf("%d keys are exported", len(rows))
	}
	column := func(name string) int { return slices.Index(head, name) }
	first, last := rows[0], rows[len(rows)-1]
	if first[column("Name")] != "Old ERP" || first[column("State")] != "Expired" || first[column("Mapped user")] != "Colleague Person" || first[column("API sets")] != "billing API" {
		t.Errorf("the first key is %v", first)
	}
	if last[column("Name")] != "Integration" || last[column("Can impersonate")] != "No" || last[column("Key")] != p.Key.Masked {
		t.Errorf("the last key is %v", last)
	}
	if strings.Contains(file.body, p.Secret.Reveal()) {
		t.Error("a key is exported in clear")
	}
}

func TestAnExportHasNoFormulas(t *testing.T) {
	p := startPortal(t)
	membership, err := p.Store.Membership(t.Context(), p.Organization.ID, p.Member.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, formula := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"} {
		storetest.Key(t, p.Store, membership, func(k *portal.Key) { k.Name, k.Description = fmt.Sprintf("Formula %d", i), formula })
	}
	head, rows := readCSV(t, p.as(p.Member).get("/keys.csv?q=formula").expect(t, http.StatusOK))
	description := slices.Index(head, "Description")
	for _, row := range rows {
		if cell := row[description]; !strings.HasPrefix(cell, "'") {
			t.Errorf("the cell %q is a formula", cell)
		}
	}
	if len(rows) != 6 {
		t.Errorf("%d keys are exported", len(rows))
	}
}

func TestAnExportHasOnlyWhatItsReaderMaySee(t *testing.T) {
	p := startPortal(t)
	p.addKeys()
	_, rows := readCSV(t, p.as(p.Member).get("/keys.csv").expect(t, http.StatusOK))
	if len(rows) != 1 {
		t.Errorf("%d keys are exported", len(rows))
	}
	p.as(p.Member).get("/keys.csv?user="+id(p.Admin.ID)).expect(t, http.StatusForbidden)
}

func TestAnExportTellsWhatAKeyIsBoundTo(t *testing.T) {
	p := startPortal(t)
	membership, err := p.Store.Membership(t.Context(), p.Organization.ID, p.Member.ID)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Key(t, p.Store, membership, func(k *portal.Key) {
		k.Name, k.LicenseID, k.ApplicationID, k.CanImpersonate = "Bound", p.License.ID, p.Application.ID, true
	})
	head, rows := readCSV(t, p.as(p.Admin).get("/keys.csv?q=bound").expect(t, http.StatusOK))
	for column, want := range map[string]string{"License": p.License.Number, "Domain": p.License.Domain, "Application": p.Application.Name, "Can impersonate": "Yes"} {
		if got := rows[0][slices.Index(head, column)]; got != want {
			t.Errorf("%s is %q", column, got)
		}
	}
}
