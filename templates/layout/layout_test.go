package layout

import (
	"context"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"keyportal/templates/ui"
)

func render(t *testing.T, ctx context.Context, c templ.Component) *goquery.Document {
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

var chrome = Chrome{
	Title: "API Keys",
	Groups: []NavGroup{
		{Items: []Nav{{Label: "Overview", Href: "/", Icon: "home"}, {Label: "My keys", Href: "/keys", Icon: "key", Current: true, Badge: 3}}},
		{Heading: "People"},
	},
	Organization:  "Gold Client",
	Organizations: []ui.Option{{Value: "1", Label: "Gold Client"}, {Value: "2", Label: "<b>Blue</b>"}},
	UserName:      "Super Admin",
	Path:          "/keys?q=a&sort=name",
	Flash:         &ui.Flash{Tone: ui.OK, Text: "Saved."},
}

func TestPage(t *testing.T) {
	doc := render(t, context.Background(), Page(chrome))
	if got := doc.Find("title").Text(); got != "API Keys · Key Portal" {
		t.Errorf("title is %q", got)
	}
	if got := doc.Find("nav h2").Length(); got != 0 {
		t.Error("a group without entries has a heading")
	}
	if got := doc.Find(".kp-nav-item[aria-current=page]").AttrOr("href", ""); got != "/keys" {
		t.Errorf("the current entry leads to %q", got)
	}
	if got := doc.Find("main [role=status]").Text(); !strings.Contains(got, "Saved.") {
		t.Errorf("the message reads %q", got)
	}
	if got := doc.Find("form[action='/organization'] input[name=return]").AttrOr("value", ""); got != chrome.Path {
		t.Errorf("the switch returns to %q", got)
	}
	if doc.Find("form[action='/logout'][method=post]").Length() != 1 {
		t.Error("no form to log out")
	}
	if doc.Find("b").Length() > 0 {
		t.Error("an organization's name became markup")
	}
}

// TestSwitchNeedsAChoice leaves the switch out for those who are in their only
// organization.
func TestSwitchNeedsAChoice(t *testing.T) {
	c := chrome
	c.Organizations = c.Organizations[:1]
	if render(t, context.Background(), Page(c)).Find("form[action='/organization']").Length() > 0 {
		t.Error("there is a switch with nothing to switch to")
	}
	c.Organization = ""
	if render(t, context.Background(), Page(c)).Find("form[action='/organization']").Length() == 0 {
		t.Error("who is in no organization can't go to the only one")
	}
}

// TestStrictPolicy: a page has no inline script or style, and loads htmx only
// with a nonce.
func TestStrictPolicy(t *testing.T) {
	for _, nonce := range []string{"", "n0nce"} {
		doc := render(t, templ.WithNonce(context.Background(), nonce), Page(chrome))
		if doc.Find("style, [style], script:not([src]), [onclick]").Length() > 0 {
			t.Error("there is inline script or style")
		}
		htmx := doc.Find("script[src*='vendor/']")
		if (nonce != "") != (htmx.Length() == 2) {
			t.Errorf("nonce %q: %d scripts of htmx", nonce, htmx.Length())
		}
		if htmx.Length() > 0 && htmx.AttrOr("nonce", "") != nonce {
			t.Errorf("htmx has the nonce %q", htmx.AttrOr("nonce", ""))
		}
	}
}
