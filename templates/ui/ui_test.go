package ui

import (
	"context"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
)

// hostile is what a name may hold: markup, quotes and a right-to-left override.
const hostile = "<img src=x onerror=alert(1)>\"'\u202eevil"

// document renders a component and parses what came out.
func document(t *testing.T, ctx context.Context, c templ.Component) *goquery.Document {
	t.Helper()
	var html strings.Builder
	if err := c.Render(ctx, &html); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html.String()))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// wantAttribute compares an attribute of the only element that the selector finds; an
// empty want stands for an absent or empty one.
func wantAttribute(t *testing.T, doc *goquery.Document, selector, attribute, want string) {
	t.Helper()
	found := doc.Find(selector)
	if found.Length() != 1 {
		t.Errorf("%s: found %d elements, want 1", selector, found.Length())
		return
	}
	if got := found.AttrOr(attribute, ""); got != want {
		t.Errorf("%s: %s is %q, want %q", selector, attribute, got, want)
	}
}

// TestEscaping gives hostile text to everything that shows a name and finds it
// again as text, never as an element.
func TestEscaping(t *testing.T) {
	for name, c := range map[string]templ.Component{
		"Head":       Head(hostile, hostile),
		"Badge":      Badge(Info, hostile),
		"Notice":     Notice(Danger, hostile),
		"Field":      Field(FieldProps{Name: "n", Label: hostile, Value: hostile, Error: hostile, Hint: hostile, Placeholder: hostile}),
		"TextArea":   TextArea(FieldProps{Name: "n", Label: hostile, Value: "</textarea>" + hostile}),
		"Select":     Select(FieldProps{Name: "n", Label: hostile}, []Option{{Value: hostile, Label: hostile}}),
		"Menu":       Menu("1", hostile),
		"Title":      TitleLink(hostile, "/"),
		"DualList":   DualList(DualListProps{Name: "api_set", Label: hostile, Options: []DualOption{{Value: hostile, Label: hostile, Hint: hostile}}}),
		"Tabs":       Tabs(hostile, []Tab{{Label: hostile, Href: "/"}}),
		"Copy":       CopyLines(hostile, hostile),
		"Confirm":    Confirm(ConfirmProps{Title: hostile, Field: "name", Name: hostile}),
		"SaveKey":    SaveKey(SaveKeyProps{Name: hostile, Secrets: []Secret{{Label: hostile, Value: hostile}}}),
		"FilterText": FilterText("who", "Who", hostile, hostile),
		"FilterDays": FilterDays(hostile, hostile),
		"Timeline":   Timeline([]Entry{{Actor: hostile, Action: "renamed", Target: hostile, At: now, Changes: []Change{{hostile, hostile, hostile}}}}, now),
	} {
		t.Run(name, func(t *testing.T) {
			doc := document(t, context.Background(), c)
			if doc.Find("img, [onerror]").Length() > 0 {
				t.Error("the name became markup")
			}
			if html, _ := doc.Html(); !strings.Contains(html, "alert(1)") {
				t.Error("the name is not there")
			}
		})
	}
}

func TestQueryStaysAValue(t *testing.T) {
	doc := document(t, context.Background(), FilterBar(FilterProps{Action: "/keys", Query: hostile, Label: "Search keys"}))
	wantAttribute(t, doc, "input[type=search]", "value", hostile)
	if doc.Find("[onerror]").Length() > 0 {
		t.Error("the query became an attribute")
	}
}

func TestFieldIsWired(t *testing.T) {
	doc := document(t, context.Background(), Field(FieldProps{Name: "email", Label: "E-mail", Type: "email", Required: true, Hint: "Why.", Error: "Wrong."}))
	wantAttribute(t, doc, "label", "for", "field-email")
	wantAttribute(t, doc, "input#field-email", "aria-describedby", "field-email-error field-email-hint")
	wantAttribute(t, doc, "input#field-email", "aria-invalid", "true")
	wantAttribute(t, doc, "input[required]", "type", "email")
	for _, id := range []string{"field-email-error", "field-email-hint"} {
		if doc.Find("#"+id).Length() != 1 {
			t.Errorf("no element with the id %s", id)
		}
	}
	if got := strings.Join(strings.Fields(doc.Find("label").Text()), " "); got != "E-mail *" {
		t.Errorf("label is %q", got)
	}

	plain := document(t, context.Background(), Field(FieldProps{Name: "email", Label: "E-mail"}))
	for _, attribute := range []string{"aria-describedby", "aria-invalid", "required", "disabled"} {
		if _, ok := plain.Find("input").Attr(attribute); ok {
			t.Errorf("a plain field has %s", attribute)
		}
	}
}

func TestTabsMarkTheCurrentPage(t *testing.T) {
	doc := document(t, context.Background(), Tabs("Edit Profile", []Tab{{Label: "Profile", Href: "/profile"}, {Label: "Security", Href: "/profile/security", Current: true}}))
	wantAttribute(t, doc, "nav[aria-label='Edit Profile'] a[aria-current]", "href", "/profile/security")
	wantAttribute(t, doc, "a[aria-current]", "aria-current", "page")
	wantAttribute(t, doc, "a:not([aria-current])", "href", "/profile")
}

func TestSelectChoosesValue(t *testing.T) {
	doc := document(t, context.Background(), Select(FieldProps{Name: "level", Label: "Level", Value: "gold"}, []Option{{"blue", "Blue"}, {"gold", "Gold"}}))
	wantAttribute(t, doc, "option[selected]", "value", "gold")
}

func TestErrorSummaryLinksToFields(t *testing.T) {
	doc := document(t, context.Background(), ErrorSummary([]FieldError{{Name: "email", Text: "Wrong."}, {Name: "name", ID: "other", Text: "Taken."}}))
	wantAttribute(t, doc, "[role=alert]", "tabindex", "-1")
	var targets []string
	doc.Find("a").Each(func(_ int, a *goquery.Selection) { targets = append(targets, a.AttrOr("href", "")) })
	if want := []string{"#field-email", "#other"}; !slices.Equal(targets, want) {
		t.Errorf("links to %q, want %q", targets, want)
	}
	if none := document(t, context.Background(), ErrorSummary(nil)); none.Find("[role=alert]").Length() > 0 {
		t.Error("a summary without errors is shown")
	}
}

// TestDualListSendsTheSameWithoutScript: the checkboxes are the form's values.
func TestDualListSendsTheSameWithoutScript(t *testing.T) {
	doc := document(t, context.Background(), DualList(DualListProps{Name: "api_set", Label: "API sets", Available: "Available API", Selected: "Selected API", Error: "Choose one.",
		Options: []DualOption{{Value: "billing", Label: "Billing", Selected: true}, {Value: "dunning", Label: "Dunning"}}}))
	wantAttribute(t, doc, "input[name=api_set][checked]", "value", "billing")
	if got := doc.Find("input[name=api_set]").Length(); got != 2 {
		t.Errorf("%d checkboxes, want 2", got)
	}
	wantAttribute(t, doc, "fieldset#field-api_set", "aria-describedby", "field-api_set-error")
	if doc.Find("template").Length() != 1 {
		t.Error("no template for the two lists")
	}
}

func TestSortThSaysTheOrder(t *testing.T) {
	wantAttribute(t, document(t, context.Background(), inRow(SortTh("Name", "?sort=-name", Ascending))), "th", "aria-sort", "ascending")
	wantAttribute(t, document(t, context.Background(), inRow(SortTh("Name", "?sort=name", Unsorted))), "th", "aria-sort", "")
}

// inRow puts a cell where HTML allows one.
func inRow(cell templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return templ.Join(templ.Raw("<table><tr>"), cell, templ.Raw("</tr></table>")).Render(ctx, w)
	})
}

func TestLiveSearchNeedsANonce(t *testing.T) {
	bar := FilterBar(FilterProps{Action: "/keys", Label: "Search keys", List: "keys"})
	wantAttribute(t, document(t, context.Background(), bar), "form", "hx-get", "")
	trusted := document(t, templ.WithNonce(context.Background(), "n0nce"), bar)
	wantAttribute(t, trusted, "form", "hx-get", "/keys")
	wantAttribute(t, trusted, "form", "hx-nonce", "n0nce")
	wantAttribute(t, trusted, "form", "hx-target", "#keys")
}

func TestTimeAndExpiry(t *testing.T) {
	wantAttribute(t, document(t, context.Background(), Time(now.Add(-2*time.Minute), now)), "time", "datetime", "2026-11-23T11:58:00Z")
	for want, at := range map[string]time.Time{
		"kp-badge kp-neutral": {},
		"kp-badge kp-danger":  now.Add(-time.Hour),
		"kp-badge kp-warn":    now.Add(12 * day),
		"kp-badge kp-ok":      now.Add(212 * day),
	} {
		wantAttribute(t, document(t, context.Background(), Expiry(at, now)), ".kp-badge", "class", want)
	}
}

func TestAnEndIsRemarkedOnWhenItIsNear(t *testing.T) {
	for want, at := range map[string]time.Time{
		"":                   {},
		"expired 3 days ago": now.Add(-3 * day),
		"expires in 12 days": now.Add(12 * day),
		"expires in 2 hours": now.Add(2 * time.Hour),
	} {
		if got := strings.Join(strings.Fields(document(t, context.Background(), Ending(at, now)).Text()), " "); got != want {
			t.Errorf("%s is remarked on with %q, want %q", at, got, want)
		}
	}
	if far := document(t, context.Background(), Ending(now.Add(31*day), now)); far.Find("time").Length() > 0 {
		t.Error("an end in 31 days is remarked on")
	}
}

func TestLinesAreCopiedWhole(t *testing.T) {
	doc := document(t, context.Background(), CopyLines("Request", "curl \\\n  'https://api.example.com/'"))
	wantAttribute(t, doc, "button", "data-copy", doc.Find("pre").Text())
	wantAttribute(t, doc, "button", "aria-label", "Copy Request")
}

func TestConfirmNamesWhatToType(t *testing.T) {
	doc := document(t, context.Background(), Confirm(ConfirmProps{Title: "Revoke", Action: "/keys/1/revoke", Field: "confirm_name", Name: "Integration", Button: "Revoke key", Error: "That is not the name.", Hidden: []Hidden{{"version", "3"}}}))
	wantAttribute(t, doc, "form", "data-confirm", "Integration")
	wantAttribute(t, doc, "form", "method", "post")
	wantAttribute(t, doc, "input[name=version]", "value", "3")
	wantAttribute(t, doc, "input[name=confirm_name]", "aria-invalid", "true")
	if _, disabled := doc.Find("button[type=submit]").Attr("disabled"); disabled {
		t.Error("without JavaScript the button could never be used")
	}
}

func TestSaveKey(t *testing.T) {
	one := document(t, context.Background(), SaveKey(SaveKeyProps{Name: "Integration", CloseHref: "/keys/1", Secrets: []Secret{{"API key", "kp_secret"}}}))
	wantAttribute(t, one, "a[download]", "download", "Integration.APIKEY")
	wantAttribute(t, one, "a[download]", "href", "data:text/plain;charset=utf-8,kp_secret")
	wantAttribute(t, one, "a[data-close]", "href", "/keys/1")
	if _, open := one.Find("dialog").Attr("open"); !open {
		t.Error("without JavaScript the dialog is closed")
	}
	if got := one.Find("code").Text(); got != "kp_secret" {
		t.Errorf("the key reads %q", got)
	}

	pair := document(t, context.Background(), SaveKey(SaveKeyProps{Name: "P", Secrets: []Secret{{"Access Key", "kpa_1"}, {"Security Key", "kps_2"}}}))
	href := pair.Find("a[download]").AttrOr("href", "")
	content, err := url.PathUnescape(strings.TrimPrefix(href, "data:text/plain;charset=utf-8,"))
	if want := "Access Key: kpa_1\nSecurity Key: kps_2\n"; err != nil || content != want {
		t.Errorf("the file holds %q (%v), want %q", content, err, want)
	}
}

func TestSaveKeyFileName(t *testing.T) {
	for name, want := range map[string]string{
		"Integration": "Integration.APIKEY",
		`a/b\c:d*e?"`: "a_b_c_d_e__.APIKEY",
		"..":          "key.APIKEY",
		"  ":          "key.APIKEY",
		"a\x00\nb":    "a__b.APIKEY",
		"Größe 大":     "Größe 大.APIKEY",
	} {
		if got := (SaveKeyProps{Name: name}).fileName(); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestIcons(t *testing.T) {
	seen := map[string]string{}
	for name, path := range icons {
		if other, ok := seen[path]; ok {
			t.Errorf("%s and %s are the same picture", name, other)
		}
		seen[path] = name
	}
	if err := Icon("nothing").Render(context.Background(), io.Discard); err == nil {
		t.Error("an unknown icon is no error")
	}
}

func TestTimelineTellsHowItCameInAndFoldsManyChangesWhenItIsToldTo(t *testing.T) {
	many := []Change{{"A", "", "1"}, {"B", "", "2"}, {"C", "", "3"}, {"D", "", "4"}}
	for _, test := range []struct {
		entry Entry
		folds int
	}{{Entry{Changes: many}, 0}, {Entry{Changes: many, Fold: true}, 1}, {Entry{Changes: many[:3], Fold: true}, 0}} {
		test.entry.Actor, test.entry.Via, test.entry.Where, test.entry.Address, test.entry.At = "Ada", "via key “Integration”", "Acme", "192.0.2.1", now
		doc := document(t, context.Background(), Timeline([]Entry{test.entry}, now))
		if got := doc.Find("details").Length(); got != test.folds {
			t.Errorf("%d changes are folded %d times, want %d", len(test.entry.Changes), got, test.folds)
		}
		if got := doc.Find("dd").Length(); got != len(test.entry.Changes) {
			t.Errorf("%d of %d changes are there", got, len(test.entry.Changes))
		}
		if text := strings.Join(strings.Fields(doc.Find("p").Text()), " "); !strings.HasPrefix(text, "Ada via key “Integration”") || !strings.HasSuffix(text, "· in Acme · from 192.0.2.1") {
			t.Errorf("it reads %q", text)
		}
	}
}

func TestTimelineShowsWhatChanged(t *testing.T) {
	doc := document(t, context.Background(), Timeline([]Entry{{Actor: "Super Admin", Action: "changed", At: now, Changes: []Change{
		{"Name", "", "Integration"}, {"Description", "old", ""}, {"Expires", "never", "2027-01-31"},
	}}}, now))
	var got []string
	doc.Find("dd").Each(func(_ int, dd *goquery.Selection) { got = append(got, strings.Join(strings.Fields(dd.Text()), " ")) })
	want := []string{"after: Integration", "before: old after: –", "before: never after: 2027-01-31"}
	if !slices.Equal(got, want) {
		t.Errorf("changes read %q, want %q", got, want)
	}
}
