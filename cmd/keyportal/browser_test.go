//go:build !race

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	patience = 30 * time.Second // for what a page does at once
	beat     = 20 * time.Millisecond
)

// startChromium starts the browser that all tests share, until they have ended.
var startChromium = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("Chromium is missing: run make test, which installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 800),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	atTheEnd = append(atTheEnd, func() error {
		defer cancel()
		return chromedp.Cancel(ctx)
	})
	return ctx, chromedp.Do(ctx)
})

// chromium gives a browser as if started afresh for the test: it has no cookies and has
// stored nothing.
func chromium(t *testing.T) context.Context {
	t.Helper()
	shared, err := startChromium()
	if err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	ctx, cancel := chromedp.NewContext(shared, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium opens no browser: %v", err)
	}
	return ctx
}

// tab is a page in Chromium, used as a person uses it: things are found by their
// role and accessible name, and worked with mouse and keyboard. What the page
// complains about fails the test in the end.
type tab struct {
	t         *testing.T
	ctx       context.Context
	base      string // the portal's address
	downloads string // the folder for downloads

	mu       sync.Mutex
	status   int64 // of the last page
	received int   // bytes over the network since the last page was asked for
	problems []string
}

// newTab opens an empty tab. Tabs of the same browser share the session.
func newTab(t *testing.T, parent context.Context, base string, options ...chromedp.ContextOption) *tab {
	t.Helper()
	b := &tab{t: t, base: base, downloads: t.TempDir()}
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(b.listen))...)
	t.Cleanup(cancel)
	b.ctx = ctx
	t.Cleanup(func() {
		for _, problem := range b.problemsSoFar() {
			t.Errorf("the browser complains: %s", problem)
		}
	})
	b.must(chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800)))
	call(b, accessibility.Enable, cdp.Empty{})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	_, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: b.downloads, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
	})
	b.must(err)
	return b
}

// listen notes what the browser tells of the page.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *network.EventResponseReceived:
		if event.Type == network.ResourceTypeDocument {
			b.status = event.Response.Status
		} else if event.Response.Status >= http.StatusBadRequest {
			b.problems = append(b.problems, fmt.Sprintf("%s is answered %d", event.Response.URL, event.Response.Status))
		}
	case *network.EventLoadingFinished:
		b.received += int(event.EncodedDataLength)
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, (&chromedp.ExceptionError{ExceptionDetails: event.ExceptionDetails}).Error())
	case *runtime.EventConsoleAPICalled:
		if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, said := range event.Args {
				b.problems = append(b.problems, fmt.Sprintf("console.%s: %s %s", event.Type, said.Value, said.Description))
			}
		}
	case *log.EventEntryAdded: // among others what the content security policy forbids
		if event.Entry.Source != log.EntrySourceNetwork && event.Entry.Level != log.EntryLevelVerbose {
			b.problems = append(b.problems, fmt.Sprintf("%s: %s %s", event.Entry.Source, event.Entry.Text, event.Entry.URL))
		}
	}
}

func (b *tab) problemsSoFar() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.problems
}

// do has the browser do something within reasonable time.
func do[T any](b *tab, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, action)
}

func (b *tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func perform[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	value, err := do(b, action)
	b.must(err)
	return value
}

func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	return perform(b, func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, params)
	})
}

// evaluate asks the page, for what a person would see.
func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	return perform(b, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// eventually waits until something holds.
func (b *tab) eventually(what string, holds func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(beat) {
		if time.Now().After(deadline) {
			b.shot("failed")
			b.t.Fatalf("%s: not within %s, at %s; the page says:\n%s", what, patience, b.address(), b.text())
		}
	}
}

// loads does something that opens another page, and waits for that page.
func (b *tab) loads(act func()) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	loaded := chromedp.Events(ctx, page.LoadEventFired)
	b.mu.Lock()
	b.received = 0
	b.mu.Unlock()
	act()
	for _, err := range loaded {
		if err != nil {
			b.shot("failed")
			b.t.Fatalf("no page opens: %v, at %s; the page says:\n%s", err, b.address(), b.text())
		}
		return
	}
}

// open enters a path into the address bar.
func (b *tab) open(path string) {
	b.t.Helper()
	b.loads(func() { call(b, page.Navigate, page.NavigateParams{URL: b.base + path}) })
}

func (b *tab) reload() {
	b.t.Helper()
	b.loads(func() { call(b, page.Reload, page.ReloadParams{}) })
}

// back goes back in the tab's history. The page may have been kept as it was, and
// then does not load.
func (b *tab) back() {
	b.t.Helper()
	history := call(b, page.GetNavigationHistory, cdp.Empty{})
	before := history.Entries[history.CurrentIndex-1]
	call(b, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: before.ID})
	b.eventually("going back", func() bool {
		ready, err := do(b, chromedp.Evaluate[bool](`document.readyState === "complete"`))
		return err == nil && ready && b.address() == before.URL
	})
}

// path gives the path and the query in the address bar.
func (b *tab) path() string { return strings.TrimPrefix(b.address(), b.base) }

func (b *tab) address() string {
	entries := call(b, page.GetNavigationHistory, cdp.Empty{})
	return entries.Entries[entries.CurrentIndex].URL
}

// text is what can be read; nothing while one page replaces another.
func (b *tab) text() string {
	text, err := do(b, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		return ""
	}
	return text
}

// sees waits until the page shows all the texts.
func (b *tab) sees(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.eventually(fmt.Sprintf("seeing %q", text), func() bool { return strings.Contains(b.text(), text) })
	}
}

// seesNot checks that the page does not show a text.
func (b *tab) seesNot(text string) {
	b.t.Helper()
	if strings.Contains(b.text(), text) {
		b.t.Errorf("%s shows %q:\n%s", b.path(), text, b.text())
	}
}

// holdsNot checks that a secret is nowhere in the page or in its address.
func (b *tab) holdsNot(secret string) {
	b.t.Helper()
	if strings.Contains(evaluate[string](b, `document.documentElement.outerHTML`)+b.address(), secret) {
		b.t.Errorf("%s still holds the secret", b.path())
	}
}

// answered checks the status that the page came with.
func (b *tab) answered(status int64) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.status != status {
		b.t.Errorf("the page is answered %d, not %d", b.status, status)
	}
}

// element is something on a page as assistive technology names it. A name that
// ends with an asterisk is the beginning of one.
type element struct {
	role, name string
	within     *element
}

func link(name string) element      { return element{role: "link", name: name} }
func button(name string) element    { return element{role: "button", name: name} }
func field(name string) element     { return element{role: "textbox", name: name} }
func checkbox(name string) element  { return element{role: "checkbox", name: name} }
func choice(name string) element    { return element{role: "combobox", name: name} }
func searchbox(name string) element { return element{role: "searchbox", name: name} }
func option(name string) element    { return element{role: "option", name: name} }
func listbox(name string) element   { return element{role: "listbox", name: name} }

// navigation is a link of the navigation at the side.
func navigation(name string) element {
	return link(name).in(element{role: "navigation", name: "Main"})
}

func (e element) in(outer element) element {
	e.within = &outer
	return e
}

func (e element) String() string { return fmt.Sprintf("the %s %q", e.role, e.name) }

func (e element) named(name string) bool {
	beginning, open := strings.CutSuffix(e.name, "*")
	return name == e.name || open && strings.HasPrefix(name, beginning)
}

// all gives the elements that assistive technology finds.
func (b *tab) all(e element) []cdp.BackendNodeID {
	query := accessibility.QueryAXTreeParams{Role: e.role}
	if e.within == nil {
		document, err := do(b, chromedp.Evaluate[*runtime.RemoteObject](`document`))
		if err != nil {
			return nil
		}
		query.ObjectID = document.ObjectID
	} else if outer := b.all(*e.within); len(outer) == 1 {
		query.BackendNodeID = outer[0]
	} else {
		return nil
	}
	result, err := do(b, func(ctx context.Context, target *chromedp.Target) (accessibility.QueryAXTreeResult, error) {
		return cdp.Call(ctx, target, accessibility.QueryAXTree, query)
	})
	if err != nil {
		return nil // the page is just being replaced
	}
	var found []cdp.BackendNodeID
	for _, node := range result.Nodes {
		var name string
		if !node.Ignored && json.Unmarshal(node.Name.Value, &name) == nil && e.named(name) {
			found = append(found, node.BackendDOMNodeID)
		}
	}
	return found
}

// find waits for the one element.
func (b *tab) find(e element) cdp.BackendNodeID {
	b.t.Helper()
	var found []cdp.BackendNodeID
	b.eventually("finding "+e.String(), func() bool {
		found = b.all(e)
		return len(found) == 1
	})
	return found[0]
}

// has tells whether the page has an element.
func (b *tab) has(e element) bool { return len(b.all(e)) > 0 }

// on calls a JavaScript function with the element as this.
func on[T any](b *tab, node cdp.BackendNodeID, function string) T {
	b.t.Helper()
	resolved := call(b, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: node})
	return perform(b, chromedp.CallFunctionOn[T](function, func(p *runtime.CallFunctionOnParams) { p.ObjectID = resolved.Object.ObjectID }))
}

// value gives what is in a field.
func (b *tab) value(e element) string {
	b.t.Helper()
	return on[string](b, b.find(e), `function() { return this.value }`)
}

// click clicks the middle of an element with the mouse.
func (b *tab) click(e element) {
	b.t.Helper()
	b.clickTimes(e, 1)
}

func (b *tab) clickTimes(e element, times int64) {
	b.t.Helper()
	node := b.find(e)
	call(b, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: node})
	quads := call(b, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: node}).Quads
	if len(quads) == 0 {
		b.t.Fatalf("%s can't be seen", e)
	}
	q := quads[0]
	x, y := (q[0]+q[2]+q[4]+q[6])/4, (q[1]+q[3]+q[5]+q[7])/4
	perform(b, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
	for count := range times {
		perform(b, chromedp.MouseClickXY(x, y, chromedp.ClickCount(int(count)+1)))
	}
}

// follow clicks what opens another page.
func (b *tab) follow(e element) {
	b.t.Helper()
	b.find(e)
	b.loads(func() { b.click(e) })
}

// opens clicks what opens another tab, and goes on in that one.
func (b *tab) opens(e element) *tab {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	opened := chromedp.WaitNewTarget(ctx, func(info *target.Info) bool { return info.Type == "page" })
	b.click(e)
	id, is := <-opened
	if !is {
		b.t.Fatalf("%s opens no tab", e)
	}
	return newTab(b.t, b.ctx, b.base, chromedp.WithTargetID(id))
}

// fill clicks into a field and types in place of what is there.
func (b *tab) fill(e element, text string) {
	b.t.Helper()
	b.click(e)
	b.press("a", chromedp.ModifierCtrl)
	b.press(kb.Delete)
	b.press(text)
}

// press types text, or presses a key of package kb. A key that writes something
// is sent whole, so that the browser drops what it writes if the page handles it.
func (b *tab) press(keys string, modifiers ...chromedp.Modifier) {
	b.t.Helper()
	for _, r := range keys {
		events := kb.Encode(r)
		down, up := events[0], events[len(events)-1]
		if len(events) > 2 && len(modifiers) == 0 {
			down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
		}
		for _, modifier := range modifiers {
			down.Modifiers |= int64(modifier)
			up.Modifiers |= int64(modifier)
		}
		call(b, input.DispatchKeyEvent, *down)
		call(b, input.DispatchKeyEvent, *up)
	}
}

const farthest = 80 // presses of Tab

// tabTo presses Tab until an element has the focus; with Shift, backwards.
func (b *tab) tabTo(e element, modifiers ...chromedp.Modifier) {
	b.t.Helper()
	node := b.find(e)
	for range farthest {
		if on[bool](b, node, `function() { return this === document.activeElement }`) {
			return
		}
		b.press(kb.Tab, modifiers...)
	}
	b.t.Fatalf("Tab does not reach %s at %s", e, b.path())
}

// saved waits for a download and reads it.
func (b *tab) saved(name string) string {
	b.t.Helper()
	var content []byte
	b.eventually("downloading "+name, func() bool {
		var err error
		content, err = os.ReadFile(filepath.Join(b.downloads, name))
		return err == nil && len(content) > 0 // the browser makes the file before it fills it
	})
	return string(content)
}

// shot saves a picture of the whole page, for people to look at, if the
// environment says where.
func (b *tab) shot(name string) {
	folder := os.Getenv("KEYPORTAL_TEST_SHOTS")
	if folder == "" {
		return
	}
	picture, err := do(b, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, strings.ReplaceAll(b.t.Name(), "/", "-")+"-"+name+".png"), picture, 0o644)
	}
	if err != nil {
		b.t.Errorf("no picture %s: %v", name, err)
	}
}

// logIn logs in with the demo's password, by mouse.
func (b *tab) logIn(username string) {
	b.t.Helper()
	b.open("/login")
	b.fill(field("User ID"), username)
	b.fill(field("Password"), samplePassword)
	b.follow(button("Log In"))
}
