package web_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
)

const importPath = "/api-sets/import"

// upload sends a form with a file, as the page of the import does.
func (b *browser) upload(file string, form url.Values) answer {
	b.t.Helper()
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	part, err := parts.CreateFormFile("file", "api.yaml")
	if err != nil {
		b.t.Fatal(err)
	}
	fmt.Fprint(part, file)
	for name, values := range form {
		for _, value := range values {
			if err := parts.WriteField(name, value); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	if err := parts.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.sendForm(parts.FormDataContentType(), &body)
}

func (b *browser) sendForm(contentType string, body io.Reader) answer {
	b.t.Helper()
	request, err := http.NewRequest(http.MethodPost, b.base+importPath, body)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(request)
}

// entered gives what is in a page's form of the import, as a browser would send it.
func (a answer) entered() url.Values { return a.form(`form[action="` + importPath + `"]`) }

// goOn presses a button of a step with what is in its form, edited.
func (b *browser) goOn(from answer, step string, edit func(url.Values)) answer {
	b.t.Helper()
	values := from.entered()
	values.Set("step", step)
	if edit != nil {
		edit(values)
	}
	return b.post(importPath, values)
}

func billingAPI(t *testing.T) string {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("..", "internal", "openapi", "testdata", "billing.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

func (p *running) apiSetCalled(slug string) portal.APISet {
	p.t.Helper()
	sets, err := p.Store.APISets(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	at := slices.IndexFunc(sets, func(set portal.APISet) bool { return set.Slug == slug })
	if at < 0 {
		p.t.Fatalf("there is no API set %s", slug)
	}
	return sets[at]
}

func choosing(tags ...string) func(url.Values) {
	return func(values url.Values) { values["tag"] = tags }
}

func TestAPISetsAreImportedFromADocumentStepByStep(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	b.get("/api-sets").expect(t, http.StatusOK, "Import from OpenAPI")
	b.get(importPath).expect(t, http.StatusOK, "Or paste the document")
	for how, chosen := range map[string]answer{
		"uploaded": b.upload(billingAPI(t), url.Values{"step": {"read"}, "document": {""}}),
		"pasted":   b.post(importPath, url.Values{"step": {"read"}, "document": {billingAPI(t)}}),
	} {
		chosen.expect(t, http.StatusOK, "Billing and Revenue API has 43 operations.", "Revenue Recognition", "/invoices/{invoice-id}.pdf", "GET List invoices · POST Draft an invoice", "Untagged")
		if prefix := chosen.entered().Get("prefix"); prefix != "/v2" {
			t.Errorf("%s: the prefix is %q", how, prefix)
		}
	}
	chosen := b.upload(billingAPI(t), url.Values{"step": {"read"}})
	all := b.goOn(chosen, "preview", func(values url.Values) { values.Set("all", "on") }).expect(t, http.StatusOK, "8 new, 0 changed, 0 unchanged.")
	b.goOn(all, "preview", nil).expect(t, http.StatusOK, "8 new, 0 changed, 0 unchanged.")
	if kept := b.goOn(all, "choose", nil).entered(); !kept.Has("all") {
		t.Errorf("going back, %v is chosen", kept)
	}
	if first := chosen.doc.Find(`form[action="`+importPath+`"] [type=submit]`).First().AttrOr("value", ""); first != "preview" {
		t.Errorf("Enter in a field presses the button %q", first)
	}
	preview := b.goOn(chosen, "preview", func(values url.Values) {
		values["tag"], values["path"] = []string{"1"}, []string{"2 /payments", "2 /payments/{paymentId}/refunds"}
	}).expect(t, http.StatusOK, "2 new, 0 changed, 0 unchanged.", "+12 added", "+4 added", "GET /v2/invoices/{invoice_id}", "GET /v2/invoices/{invoice-id}.pdf becomes", "Import 2 API sets")
	again := b.goOn(preview, "choose", nil).expect(t, http.StatusOK, "Tags and paths").entered()
	if got := fmt.Sprint(again["tag"], again["path"]); got != "[1] [2 /payments 2 /payments/{paymentId}/refunds]" {
		t.Errorf("going back, %s is chosen", got)
	}
	b.goOn(preview, "import", nil).expect(t, http.StatusSeeOther, "/api-sets")
	b.get("/api-sets").expect(t, http.StatusOK, "2 API sets created, 0 changed", "Invoices", "Payments")
	if got := p.apiSetCalled("payments").Routes; strings.Join(got, ", ") != "GET /v2/payments, POST /v2/payments, GET /v2/payments/{paymentId}/refunds, POST /v2/payments/{paymentId}/refunds" {
		t.Errorf("the routes are %q", got)
	}
	unchanged := b.goOn(chosen, "preview", choosing("1")).expect(t, http.StatusOK, "Unchanged", "There is nothing to import")
	if strings.Contains(unchanged.text(), "Import 1") {
		t.Error("what is unchanged can be imported")
	}
	b.goOn(preview, "import", nil).expect(t, http.StatusSeeOther, "/api-sets") // sent twice
}

func TestWhatIsWrongInTheImportKeepsWhatWasEntered(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	pasted := b.post(importPath, url.Values{"step": {"read"}, "document": {"swagger: '2.0' # mine"}}).expect(t, http.StatusUnprocessableEntity, "Convert it to OpenAPI 3 first")
	if got := pasted.entered().Get("document"); got != "swagger: '2.0' # mine" {
		t.Errorf("what was pasted is %q", got)
	}
	b.upload("swagger: '2.0'", url.Values{"step": {"read"}}).expect(t, http.StatusUnprocessableEntity, "Convert it to OpenAPI 3 first")
	b.upload("", url.Values{"step": {"read"}}).expect(t, http.StatusUnprocessableEntity, "Choose the file")
	b.upload(billingAPI(t), url.Values{"step": {"read"}, "document": {"x"}}).expect(t, http.StatusUnprocessableEntity, "Choose one of the two")
	for what, outline := range map[string]string{"no outline": "", "no JSON": "{", "an empty one": "{}", "one of another kind": "[]"} {
		for _, step := range []string{"choose", "preview", "import", "other", ""} {
			got := b.post(importPath, url.Values{"step": {step}, "outline": {outline}, "tag": {"0"}})
			if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text(), "Send the document again") {
				t.Errorf("%s at %q: %d", what, step, got.status)
			}
		}
	}

	chosen := b.upload(billingAPI(t), url.Values{"step": {"read"}})
	for _, step := range []string{"preview", "import"} {
		refused := b.goOn(chosen, step, func(values url.Values) {
			values.Set("prefix", "v9")
			values.Set("sets", "one")
			values.Set("name", "")
			values.Set("slug", "kept!")
			values.Set("remove", "on")
			values["path"] = []string{"0 /accounts"}
		}).expect(t, http.StatusUnprocessableEntity, "Please correct 2 things", "Enter the path that stands before all paths", "Enter a name").entered()
		want := url.Values{"prefix": {"v9"}, "sets": {"one"}, "name": {""}, "slug": {"kept!"}, "remove": {"on"}, "path": {"0 /accounts"}, "outline": refused["outline"]}
		if refused.Encode() != want.Encode() || refused.Get("outline") != chosen.entered().Get("outline") {
			t.Errorf("%s keeps %v", step, refused)
		}
	}
	b.goOn(chosen, "preview", nil).expect(t, http.StatusUnprocessableEntity, "Choose a tag or a path at least")
}

func TestAnImportOntoWhatChangedMeanwhileShowsAFreshPreview(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	preview := b.goOn(b.upload(billingAPI(t), url.Values{"step": {"read"}}), "preview", choosing("1")).expect(t, http.StatusOK, "Import 1 API set")
	b.post("/api-sets", url.Values{"name": {"Mine"}, "slug": {"mine"}, "routes": {"GET /v2/invoices"}}).expect(t, http.StatusSeeOther, "/api-sets/")
	fresh := b.goOn(preview, "import", nil).expect(t, http.StatusConflict, "can't be imported as they are, so nothing was", "GET /v2/invoices is in Mine already", "edit Mine first")
	if strings.Contains(fresh.text(), "Import 1 API set") {
		t.Error("it can be imported all the same")
	}
	mine := p.apiSetCalled("mine")
	b.post("/api-sets/"+id(mine.ID), url.Values{"name": {"Mine"}, "slug": {"mine"}, "routes": {"GET /v3/invoices"}, "version": {id(mine.Version)}}).expect(t, http.StatusSeeOther, "/api-sets/")
	stale := b.goOn(preview, "import", nil).expect(t, http.StatusConflict, "Nothing was imported. Check the new preview", "Import 1 API set")
	b.goOn(stale, "import", nil).expect(t, http.StatusSeeOther, "/api-sets")
}

func TestADocumentThatIsTooLargeKeepsOneOnTheForm(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	large := "openapi: 3.0.0\n#" + strings.Repeat("x", 20<<20)
	b.upload(large[:5<<20+200_000], url.Values{"step": {"read"}}).expect(t, http.StatusUnprocessableEntity, "more than 5 MB", "Or paste the document")
	for what, got := range map[string]answer{
		"uploaded": b.upload(large, url.Values{"step": {"read"}}),
		"pasted":   b.post(importPath, url.Values{"step": {"read"}, "document": {large}}),
		"in parts": b.sendForm("multipart/form-data; boundary=x", struct{ io.Reader }{strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n" + large + "\r\n--x--\r\n")}),
	} {
		if got.status != http.StatusRequestEntityTooLarge || !strings.Contains(got.text(), "more than 5 MB") || !got.has(`form[action="`+importPath+`"]`) {
			t.Errorf("%s: %d, %.300s", what, got.status, got.text())
		}
	}
	b.sendForm("multipart/form-data", strings.NewReader("x")).expect(t, http.StatusUnprocessableEntity, "could not be read")
	b.sendForm("multipart/form-data; boundary=x", strings.NewReader("--x\r\nhalf")).expect(t, http.StatusUnprocessableEntity, "could not be read")
}

func TestABrowserThatSendsAllBeforeItReadsSeesTheAnswer(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	host := strings.TrimPrefix(p.URL, "http://")
	connection, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	half := strings.Repeat("x", 10<<20)
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: %s\r\nCookie: keyportal=%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", importPath, host, b.cookie(), 2*len(half))
	if _, err := io.WriteString(connection, half); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // a server that does not read on has closed the connection by then
	if _, err := io.WriteString(connection, half); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("the answer is %s", response.Status)
	}
}

func TestOtherFormsStillTakeNoMoreThanBefore(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	b.post("/api-sets", url.Values{"name": {strings.Repeat("x", 2<<20)}}).expect(t, http.StatusRequestEntityTooLarge, "1 MB")
	visitor := p.visitor()
	visitor.upload(billingAPI(t), url.Values{"step": {"read"}}).expect(t, http.StatusUnauthorized, "Log in to go on.")
	asked := visitor.upload(billingAPI(t), url.Values{"step": {"read"}})
	if strings.Contains(asked.text(), "is kept") || asked.doc.Find(`input[name=next]`).AttrOr("value", "") != importPath {
		t.Errorf("logging in leads to %q", asked.doc.Find(`input[name=next]`).AttrOr("value", ""))
	}
}

func TestFiveHundredOperationsStayUsable(t *testing.T) {
	var document strings.Builder
	document.WriteString("openapi: 3.1.0\npaths:\n")
	for i := range 500 {
		fmt.Fprintf(&document, "  /area%d/things/{id}/part%d:\n    get: {tags: [Area %[1]d], summary: Show a part of a thing}\n", i%25, i)
	}
	p := startPortal(t)
	b := p.as(p.SuperAdmin)
	chosen := b.upload(document.String(), url.Values{"step": {"read"}}).expect(t, http.StatusOK, "500 operations")
	if open := chosen.doc.Find(".kp-import-group details[open]").Length(); open > 0 {
		t.Errorf("%d tags are unfolded", open)
	}
	preview := b.goOn(chosen, "preview", func(values url.Values) { values.Set("all", "on") }).expect(t, http.StatusOK, "25 new")
	for what, size := range map[string]int{"choice": len(chosen.body), "preview": len(preview.body)} {
		if size > 600_000 {
			t.Errorf("the %s has %d bytes", what, size)
		}
	}
	b.goOn(preview, "import", nil).expect(t, http.StatusSeeOther, "/api-sets")
	one := b.goOn(chosen, "preview", func(values url.Values) {
		values.Set("sets", "one")
		values.Set("name", "All")
		values.Set("prefix", "/all")
		for i := range 25 {
			values.Add("tag", fmt.Sprint(i))
		}
	}).expect(t, http.StatusOK, "+500 added")
	if open := one.doc.Find(".kp-diff").Closest("details[open]").Length(); open > 0 {
		t.Error("500 patterns are unfolded")
	}
}
