//go:build !race

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chooseFile chooses a file in the page's field for one.
func (b *tab) chooseFile(path string) {
	b.t.Helper()
	path, err := filepath.Abs(path)
	b.must(err)
	field := perform(b, chromedp.Evaluate[*runtime.RemoteObject](`document.querySelector("input[type=file]")`))
	call(b, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{path}, ObjectID: field.ObjectID})
}

func TestASuperAdminImportsAPISetsFromAFile(t *testing.T) {
	billing := filepath.Join("..", "..", "internal", "openapi", "testdata", "billing.yaml")
	large := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(large, []byte("openapi: 3.0.0\n#"+strings.Repeat("x", 20<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "demo")
	b := newTab(t, chromium(t), s.portal)
	b.as("superadmin")
	b.open("/api-sets")
	b.follow(link("Import from OpenAPI"))

	b.follow(button("Next"))
	b.answered(http.StatusUnprocessableEntity)
	b.sees("Choose the file of an OpenAPI document")
	b.inspect("refused-document")
	b.chooseFile(large)
	b.follow(button("Next"))
	b.answered(http.StatusRequestEntityTooLarge)
	b.sees("The document has more than 5 MB", "Or paste the document")

	b.chooseFile(billing)
	b.follow(button("Next"))
	b.sees("Billing and Revenue API has 43 operations.")
	b.inspect("choose")
	b.follow(button("Preview"))
	b.sees("Choose a tag or a path at least.")
	b.inspect("refused-choice")
	b.click(checkbox("Invoices"))
	evaluate[chromedp.Void](b, `document.querySelectorAll("main details")[1].open = true`)
	b.inspect("choose-opened")
	b.mustShowFocus()
	b.click(checkbox("All"))
	b.follow(button("Preview"))
	b.sees("8 new, 0 changed, 0 unchanged.", "There is an API set with this name already, with the slug dunning.")
	b.inspect("preview-blocked")
	b.follow(button("Back"))
	b.click(checkbox("All"))
	for _, tag := range []string{"Accounts", "Payments", "Revenue Recognition", "Webhooks", "Untagged"} {
		b.click(checkbox(tag))
	}
	b.follow(button("Preview"))
	b.sees("6 new, 0 changed, 0 unchanged.", "GET /v2/invoices/{invoice-id}.pdf becomes GET /v2/invoices/{invoice_id}")
	b.inspect("preview")
	b.follow(button("Import 6 API sets"))
	b.sees("The import is done: 6 API sets created, 0 changed.")
	b.inspect("imported")

	b.follow(link("Import from OpenAPI"))
	b.chooseFile(billing)
	b.follow(button("Next"))
	b.pick(choice("API sets"), "One for all that is chosen")
	b.fill(field("Name of the one API set"), "Billing")
	b.click(checkbox("Remove patterns that the document does not have"))
	b.click(checkbox("Reports"))
	b.inspect("choose-one")
	b.follow(button("Preview"))
	b.sees("0 new, 1 changed, 0 unchanged.", "+2 added", "−3 removed")
	b.inspect("preview-changed")
	b.follow(button("Import 1 API set"))
	b.sees("The import is done: 0 API sets created, 1 changed.")
}
