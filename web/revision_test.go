package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// record adds lines to the history as an actor's.
func (p *running) record(actor portal.Actor, lines ...portal.Revision) {
	p.t.Helper()
	err := p.Store.Change(context.Background(), actor, func(c *store.Change) error {
		for _, line := range lines {
			if err := c.Record(context.Background(), line); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// integration is Member, whose key Integration is used.
func (p *running) integration() portal.Actor {
	return portal.Actor{UserID: p.Member.ID, Name: p.Member.Name(), KeyID: p.Key.ID, KeyName: p.Key.Name, Address: "192.0.2.7"}
}

func (p *running) aboutKey(action string, changes ...portal.ValueChange) portal.Revision {
	return portal.Revision{OrganizationID: p.Organization.ID, Noun: portal.NounKey, NounID: p.Key.ID, NounName: p.Key.Name, Action: action, Changes: changes}
}

// entries gives the lines of the history that a page shows, each as one text.
func (a answer) entries() []string {
	return a.doc.Find(".kp-timeline > li").Map(func(_ int, s *goquery.Selection) string {
		parts := s.Find("p, dt, dd").Map(func(_ int, part *goquery.Selection) string { return part.Text() })
		return spelled.ReplaceAllString(strings.Join(strings.Fields(strings.Join(parts, " ")), " "), "")
	})
}

// spelled is what stands behind how long ago something was: the moment, and which line
// tells of it.
var spelled = regexp.MustCompile(` · [0-9]+ [A-Z][a-z]+ [0-9]{4}, [0-9:]+ UTC( · line [0-9]+)?`)

func TestTheHistoryTellsWhoDidWhatToWhatAndThroughWhichKey(t *testing.T) {
	p := startPortal(t)
	p.record(p.integration(), p.aboutKey("edited", portal.ValueChange{Name: "Description", Before: "old", After: "new"}))
	p.record(portal.Actor{UserID: p.Admin.ID, Name: p.Admin.Name()}, p.aboutKey("regenerated the secret"))
	got := p.as(p.Admin).get("/history").expect(t, http.StatusOK, "Who did what to what and when, in Gold Client.")
	lines := got.entries()
	for i, want := range []string{
		"Clientadmin Person regenerated the secret: API key Integration just now",
		"Member Person via key “Integration” edited the API key Integration just now · from 192.0.2.7 Description before: old after: new",
	} {
		if lines[i] != want {
			t.Errorf("line %d reads %q, want %q", i, lines[i], want)
		}
	}
	if got.doc.Find(".kp-timeline a[href='/keys/"+id(p.Key.ID)+"']").Length() != 2 {
		t.Error("the key is not linked")
	}
	if _, titled := got.doc.Find(".kp-timeline time").Attr("title"); !titled {
		t.Error("the full time is not told")
	}
	through := p.as(p.Admin).get("/history?key="+id(p.Key.ID)).expect(t, http.StatusOK, "Via key “Integration”")
	if lines := through.entries(); len(lines) != 1 || !strings.HasPrefix(lines[0], "Member Person via key") {
		t.Errorf("through the key came %q", lines)
	}
	reader := p.holder(portal.ViewHistory)
	if got.doc.Find(".kp-timeline em a[href='/history?key="+id(p.Key.ID)+"']").Length() != 1 {
		t.Error("the line does not lead to what else came in through the key")
	}
	if p.as(reader).get("/history").expect(t, http.StatusOK).doc.Find(".kp-timeline a:not(em a)").Length() != 0 {
		t.Error("there are links to what the viewer may not open")
	}
}

func TestTheHistoryTellsWhoImpersonatedWhom(t *testing.T) {
	p := startPortal(t)
	actor := p.integration()
	actor.UserID, actor.Name, actor.Impersonator = p.Colleague.ID, p.Colleague.Name(), portal.Impersonator{UserID: p.Member.ID, Name: p.Member.Name()}
	p.record(actor, p.aboutKey("edited"), portal.Revision{OrganizationID: p.Organization.ID, Noun: portal.NounUser, NounID: p.Member.ID, NounName: p.Member.Name(), UserID: p.Member.ID, Action: "edited"})
	const who = "Member Person impersonating Colleague Person via key “Integration” edited the "
	b := p.as(p.Admin)
	for path, want := range map[string]string{
		"/history?noun=key": who + "API key Integration just now · from 192.0.2.7", keyAddress(p.Key): who + "API key just now",
		"/users/" + id(p.Member.ID): who + "user just now",
	} {
		if lines := b.get(path).expect(t, http.StatusOK).entries(); len(lines) == 0 || lines[0] != want {
			t.Errorf("%s reads %q, want %q", path, lines, want)
		}
	}
	head, rows := readCSV(t, b.get("/history.csv?noun=key").expect(t, http.StatusOK))
	column := func(name string) string { return rows[0][slices.Index(head, name)] }
	if column("Who") != p.Colleague.Name() || column("Impersonated by") != p.Member.Name() {
		t.Errorf("exported is %v", rows[0])
	}
}

func TestTheHistoryIsNarrowedByItsAddress(t *testing.T) {
	p := startPortal(t)
	p.record(p.integration(), p.aboutKey("edited"))
	p.record(portal.Actor{UserID: p.Admin.ID, Name: p.Admin.Name()}, portal.Revision{OrganizationID: p.Organization.ID, Noun: portal.NounRole, NounID: p.Role.ID, NounName: p.Role.Name, Action: "edited"})
	b := p.as(p.Admin)
	today := p.Manager.Now().Format("2006-01-02")
	for query, want := range map[string]int{
		"who=member": 1, "who=+MEMBER+": 1, "who=clientadmin": 1, "who=clientadmin&noun=key": 0, "noun=role&who=clientadmin": 1,
		"from=" + today + "&to=" + today + "&who=member": 1, "to=2020-01-01": 0, "from=2120-01-01": 0, "key=4711": 0, "noun=junk": 0,
	} {
		if got := len(b.get("/history?"+query).expect(t, http.StatusOK).entries()); got != want {
			t.Errorf("%s shows %d lines, want %d", query, got, want)
		}
	}
	for _, who := range []string{"nobody-at-all", p.Stranger.Username} { // whether there is such a user elsewhere is not told
		unknown := b.get("/history?noun=key&from=2026-01-01&who="+who).expect(t, http.StatusOK, "Nobody with the username “"+who+"” did anything that the filters above show.")
		if unknown.doc.Find("input[name=who]").AttrOr("value", "") != who || unknown.doc.Find("input[name=from]").AttrOr("value", "") != "2026-01-01" {
			t.Error("what was typed is lost")
		}
	}
	for query, message := range map[string]string{"from=yesterday": "Enter a date like 2027-01-31", "from=2027-02-01&to=2027-01-01": "The last day is before the first one."} {
		if got := b.get("/history?who=member&"+query).expect(t, http.StatusOK, message); len(got.entries()) != 0 {
			t.Errorf("%s shows %q", query, got.entries())
		}
		b.get("/history.csv?"+query).expect(t, http.StatusUnprocessableEntity)
	}
	b.get("/history?after=junk").expect(t, http.StatusUnprocessableEntity)
	b.get("/history?who=%00").expect(t, http.StatusOK)
}

func TestTheHistoryOfOneThingLeadsBackToIt(t *testing.T) {
	p := startPortal(t)
	p.record(p.integration(), p.aboutKey("edited"), portal.Revision{Noun: portal.NounUser, NounID: p.Member.ID, NounName: "member", UserID: p.Member.ID, Action: "locked"},
		portal.Revision{OrganizationID: p.Organization.ID, Noun: portal.NounLicense, NounID: p.License.ID, NounName: p.License.Number, Action: "edited"})
	for of, test := range map[string]struct{ name, back string }{
		"noun=key&id=" + id(p.Key.ID):         {"Integration", "/keys/" + id(p.Key.ID)},
		"noun=user&id=" + id(p.Member.ID):     {"Member Person", "/users/" + id(p.Member.ID)},
		"noun=license&id=" + id(p.License.ID): {"license " + p.License.Number, licenseAddress(p.License)},
	} {
		b := p.as(p.Admin)
		got := b.get("/history?"+of).expect(t, http.StatusOK, "Revision History of "+test.name)
		if got.doc.Find(".kp-crumb a").AttrOr("href", "") != test.back {
			t.Errorf("%s does not lead back to %s", of, test.back)
		}
		if len(got.entries()) == 0 {
			t.Errorf("%s shows nothing", of)
		}
		if b.get(test.back).doc.Find("a[href^='/history?']").FilterFunction(func(_ int, s *goquery.Selection) bool { return sameQuery(s.AttrOr("href", ""), of) }).Length() != 1 {
			t.Errorf("%s has no link to %s", test.back, of)
		}
	}
	b := p.as(p.Admin)
	for of, want := range map[string]int{"noun=key&id=4711": 404, "noun=key&id=0": 404, "noun=role&id=" + id(p.Role.ID): 404, "noun=user&id=" + id(p.Stranger.ID): 404, "noun=&id=1": 404} {
		b.get("/history?"+of).expect(t, want)
		b.get("/history.csv?"+of).expect(t, want)
	}
	p.as(p.Stranger).get("/history?noun=key&id="+id(p.Key.ID)).expect(t, http.StatusNotFound)
	p.as(p.Member).get("/history?noun=key&id="+id(p.Key.ID)).expect(t, http.StatusOK)
	p.as(p.Member).get("/history?noun=user&id="+id(p.Member.ID)).expect(t, http.StatusOK)
	p.as(p.Colleague).get("/history?noun=key&id="+id(p.Key.ID)).expect(t, http.StatusForbidden)
	p.as(p.Nobody).get("/history").expect(t, http.StatusForbidden)
}

// sameQuery tells whether an address has the same query as another, in any order.
func sameQuery(address, query string) bool {
	_, has, _ := strings.Cut(address, "?")
	one, _ := url.ParseQuery(has)
	other, _ := url.ParseQuery(query)
	return one.Encode() == other.Encode()
}

func TestStaffSeeTheHistoryOfAnyOrganizationAndOfTheInstallation(t *testing.T) {
	p := startPortal(t)
	line := func(organization int64, noun portal.Noun, name string) portal.Revision {
		return portal.Revision{OrganizationID: organization, Noun: noun, NounID: 4711, NounName: name, Action: "edited"}
	}
	p.record(portal.Program("test"), line(p.Other.ID, portal.NounRole, "Elsewhere"), line(0, portal.NounAPISet, "Everywhere"), line(p.Organization.ID, portal.NounRole, "Here"))
	for _, user := range []portal.User{p.SuperAdmin, p.Support} {
		b := p.as(user)
		for query, want := range map[string]string{"": "Here", "?organization=all": "Here Everywhere Elsewhere", "?organization=installation": "Everywhere", "?organization=" + id(p.Other.ID): "Elsewhere"} {
			got := b.get("/history"+query).expect(t, http.StatusOK)
			var told []string
			for _, name := range []string{"Here", "Everywhere", "Elsewhere"} {
				if strings.Contains(strings.Join(got.entries(), "\n"), " "+name+" ") {
					told = append(told, name)
				}
			}
			if strings.Join(told, " ") != want {
				t.Errorf("%s at %s is told of %s, want %s", user.Username, query, told, want)
			}
		}
		if !strings.Contains(strings.Join(b.get("/history?organization=all").entries(), "\n"), "in Blue Client") {
			t.Error("the organization of a line is not told")
		}
		b.get("/history?organization=4711").expect(t, http.StatusNotFound)
		b.get("/history?organization=junk").expect(t, http.StatusNotFound)
	}
	for _, query := range []string{"organization=all", "organization=installation"} {
		p.as(p.Admin).get("/history?"+query).expect(t, http.StatusForbidden)
		p.as(p.Admin).get("/history.csv?"+query).expect(t, http.StatusForbidden)
	}
	p.as(p.Admin).get("/history?organization="+id(p.Other.ID)).expect(t, http.StatusNotFound)
	if p.as(p.Admin).get("/history").doc.Find("select[name=organization]").Length() != 0 {
		t.Error("other organizations are offered to a client's admin")
	}
}

func TestTheHistoryIsExportedAsItIsNarrowed(t *testing.T) {
	p := startPortal(t)
	lines := make([]portal.Revision, 1100)
	for i := range lines {
		lines[i] = p.aboutKey("edited", portal.ValueChange{Name: "Name", Before: "a", After: "=b"})
		lines[i].NounName = "=1+1"
	}
	p.record(p.integration(), lines...)
	p.record(portal.Actor{UserID: p.Admin.ID, Name: "@Admin"}, p.aboutKey("edited"))
	file := p.as(p.Admin).get("/history.csv?who=member&after=junk").expect(t, http.StatusOK)
	if disposition := file.header.Get("Content-Disposition"); !strings.HasPrefix(disposition, `attachment; filename="revision-history-`) {
		t.Errorf("sent as %s", disposition)
	}
	head, rows := readCSV(t, file)
	if len(rows) != len(lines) {
		t.Fatalf("%d lines are exported", len(rows))
	}
	for column, want := range map[string]string{"Who": "Member Person", "Via key": "Integration", "From address": "192.0.2.7", "Organization": "Gold Client", "Action": "edited", "What": "API key", "Name": "'=1+1", "Before and after": "Name: a → =b"} {
		if got := rows[0][slices.Index(head, column)]; got != want {
			t.Errorf("%s is %q, want %q", column, got, want)
		}
	}
	_, rows = readCSV(t, p.as(p.Admin).get("/history.csv?who=clientadmin").expect(t, http.StatusOK))
	if len(rows) != 1 || rows[0][slices.Index(head, "Who")] != "'@Admin" {
		t.Errorf("exported is %v", rows)
	}
}

func TestNoSecretIsInTheHistory(t *testing.T) {
	p := startPortal(t)
	made, err := p.Manager.CreateKey(p.actAs(p.Member), manage.NewKey{Kind: portal.TokenKey, OrganizationID: p.Organization.ID, UserID: p.Member.ID, Name: "Fresh", APISets: []string{"billing"}})
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := p.Manager.RotateKey(p.actAs(p.Member), manage.Rotation{KeyID: made.ID, Confirm: made.Name})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/history", "/history.csv", "/history?noun=key&id=" + id(made.ID), "/history.csv?noun=key&id=" + id(made.ID)} {
		got := p.as(p.Admin).get(path).expect(t, http.StatusOK, "Fresh")
		for _, value := range []string{made.Secret.Reveal(), rotated.Secret.Reveal()} {
			if strings.Contains(got.body, value) || strings.Contains(got.body, value[4:20]) {
				t.Errorf("a secret is at %s", path)
			}
		}
	}
}

// actAs gives the context of a user who works in Organization.
func (p *running) actAs(user portal.User) context.Context {
	p.t.Helper()
	grants, err := p.Store.Grants(context.Background(), user.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return portal.WithActor(context.Background(), portal.Actor{UserID: user.ID, Username: user.Username, Name: user.Name(), OrganizationID: p.Organization.ID, Grants: grants})
}

func TestAPageVerifiesTheHistory(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	earlier := b.get("/history/verify").expect(t, http.StatusOK).doc.Find("code").Text()
	p.record(p.integration(), p.aboutKey("edited"))
	head, err := p.Store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verify := func(heads string) answer { return b.post("/history/verify", url.Values{"heads": {heads}}) }
	for _, heads := range []string{"", " \n", earlier, "head " + head.String(), earlier + "\n" + head.String()} {
		got := verify(heads).expect(t, http.StatusOK, "The Revision History is as it was written: "+id(head.Revision)+" lines.")
		if got.doc.Find("code").Text() != head.String() {
			t.Errorf("the head is %q", got.doc.Find("code").Text())
		}
	}
	verify("nothing of the kind").expect(t, http.StatusUnprocessableEntity, "There is no head of the Revision History here", "nothing of the kind")
	verify(id(head.Revision+5)+" abcd").expect(t, http.StatusOK, "The Revision History was tampered with: line "+id(head.Revision+1)+" was cut off with all that followed")
	verify(id(head.Revision)+" abcd").expect(t, http.StatusOK, "line "+id(head.Revision)+" is not the one of which the head was kept")

	db := storetest.SQL(t, p.Store)
	storetest.Exec(t, db, `DROP TRIGGER revisions_are_final`)
	storetest.Exec(t, db, `UPDATE revisions SET actor_name = 'nobody' WHERE id = 3`)
	if broken := verify("").expect(t, http.StatusOK, "The Revision History was tampered with: line 3 was changed"); broken.doc.Find("code").Length() != 0 {
		t.Error("a head that proves nothing is shown to be kept")
	}
}
