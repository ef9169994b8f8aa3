package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"keyportal/internal/keyset"
	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
	"keyportal/web"
)

// running is a portal that runs with some people and things in it.
type running struct {
	t       testing.TB
	URL     string
	Handler http.Handler
	Store   *store.Store
	Manager *manage.Manager
	Log     *lockedBuilder

	Organization, Other                                             portal.Organization
	SuperAdmin, Support, Admin, Member, Colleague, Nobody, Stranger portal.User   // Stranger is the admin of Other, Nobody has no role
	Billing, Dunning, Revenue                                       portal.APISet // Member's roles allow the first two
	Role                                                            portal.Role
	License                                                         portal.License     // of Organization
	Instance                                                        portal.Instance    // of License
	Application                                                     portal.Application // Organization's own
	Key                                                             portal.Key         // Member's, granted Billing
	Secret                                                          secret.Value
}

// startPortal runs the portal on a fresh SQLite database.
func startPortal(t testing.TB) *running { return startPortalOn(t, storetest.SQLite(t)) }

// startPortalOn runs the portal on a store.
func startPortalOn(t testing.TB, s *store.Store) *running {
	t.Helper()
	p := startEmptyPortal(t, s)
	p.populate()
	return p
}

// startEmptyPortal runs the portal on a store in which nothing is yet.
func startEmptyPortal(t testing.TB, s *store.Store) *running {
	t.Helper()
	p := &running{t: t, Store: s, Log: &lockedBuilder{}}
	server := httptest.NewUnstartedServer(nil)
	base := &url.URL{Scheme: "http", Host: server.Listener.Addr().String()}
	keys, err := keyset.Open(filepath.Join(t.TempDir(), "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	p.Manager = manage.New(manage.Options{Store: s, Sealer: keys, BaseURL: base, SessionIdle: time.Hour, SessionLifetime: 12 * time.Hour})
	p.Handler = web.New(web.Options{
		Manager: p.Manager, Checker: verify.New(s, verify.Options{}), BaseURL: base, Log: slog.New(slog.NewTextHandler(p.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	server.Config.Handler = p.Handler
	server.Start()
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

func (p *running) populate() {
	t, s := p.t, p.Store
	named := func(name string) func(*portal.User) {
		return func(u *portal.User) {
			u.Username, u.FirstName, u.LastName = name, strings.ToUpper(name[:1])+name[1:], "Person"
		}
	}
	p.Organization = storetest.Organization(t, s, func(o *portal.Organization) {
		o.Name, o.Suspended, o.ExpiryRequired, o.ExpiryMaxDays = "Gold Client", false, false, 0
	})
	p.Other = storetest.Organization(t, s, func(o *portal.Organization) {
		o.Name, o.Suspended, o.ExpiryRequired, o.ExpiryMaxDays = "Blue Client", false, false, 0
	})
	p.Billing = storetest.APISet(t, s, "billing", "/billing/")
	p.Dunning = storetest.APISet(t, s, "dunning", "/dunning/")
	p.Revenue = storetest.APISet(t, s, "revenue-management", "/revenue/")
	p.Role = storetest.Role(t, s, p.Organization, []portal.Authority{portal.ManageUserAPIKey}, p.Billing, p.Dunning)

	person := func(name string, edit func(*portal.User)) portal.User {
		return storetest.User(t, s, named(name), func(u *portal.User) { u.PasswordExpired, u.Locked = false, false }, edit)
	}
	plain := func(*portal.User) {}
	p.SuperAdmin = person("superadmin", func(u *portal.User) { u.Staff = portal.SuperAdmin })
	p.Support = person("support", func(u *portal.User) { u.Staff = portal.Support })
	p.Admin = person("clientadmin", plain)
	p.Member, p.Colleague, p.Nobody, p.Stranger = person("member", plain), person("colleague", plain), person("nobody", plain), person("stranger", plain)
	admin := func(organization portal.Organization, user portal.User) {
		storetest.SaveMembership(t, s, portal.Membership{OrganizationID: organization.ID, UserID: user.ID, Admin: true, AllAccess: true})
	}
	admin(p.Organization, p.Admin)
	admin(p.Other, p.Stranger)
	admin(p.Organization, p.SuperAdmin)
	membership := storetest.Member(t, s, p.Organization, p.Member, p.Role)
	storetest.Member(t, s, p.Organization, p.Colleague, p.Role)
	storetest.Member(t, s, p.Organization, p.Nobody)
	p.License = storetest.License(t, s, p.Organization)
	p.Instance = storetest.Instance(t, s, p.License)
	p.Application = storetest.Application(t, s, p.Organization)
	p.Key, p.Secret = storetest.Key(t, s, membership, func(k *portal.Key) {
		k.Name, k.APISets, k.AllowedNetworks, k.CanImpersonate = "Integration", []portal.APISet{p.Billing}, nil, false
	})
}

// browser is somebody's browser without JavaScript.
type browser struct {
	t      testing.TB
	base   string
	client *http.Client
}

// visitor gives a browser in which nobody is signed in.
func (p *running) visitor() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return &browser{t: p.t, base: p.URL, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as gives a browser in which a user is signed in, without the Log In page.
func (p *running) as(user portal.User) *browser {
	p.t.Helper()
	return p.asIn(user, portal.Instance{})
}

// asIn is as for somebody who is signed in to an instance of Organization; the zero
// Instance is none.
func (p *running) asIn(user portal.User, instance portal.Instance) *browser {
	p.t.Helper()
	b := p.visitor()
	token := secret.New("", secret.Session)
	hash := token.Hash()
	memberships, err := p.Store.Memberships(context.Background(), user.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	session := portal.Session{Hash: hash[:], UserID: user.ID, Address: "127.0.0.1", OrganizationID: p.Organization.ID, InstanceID: instance.ID}
	if len(memberships) > 0 && instance.ID == 0 {
		session.OrganizationID = memberships[0].OrganizationID
	}
	err = p.Store.Update(context.Background(), func(u *store.Update) error {
		session.PasswordAt, session.CreatedAt, session.SeenAt, session.ExpiresAt = u.Now(), u.Now(), u.Now(), u.Now().Add(12*time.Hour)
		return u.InsertSession(context.Background(), session)
	})
	if err != nil {
		p.t.Fatal(err)
	}
	address, err := url.Parse(p.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	b.client.Jar.SetCookies(address, []*http.Cookie{{Name: "keyportal", Value: token.Reveal(), Path: "/"}})
	return b
}

// sessionOf signs a user in elsewhere and gives the session's ID.
func (p *running) sessionOf(user portal.User) string {
	p.t.Helper()
	return p.idOf(p.as(user))
}

// idOf gives the ID of the session that a browser has.
func (p *running) idOf(b *browser) string {
	p.t.Helper()
	session, err := p.Store.Session(context.Background(), secret.HashOf(b.cookie()))
	if err != nil {
		p.t.Fatal(err)
	}
	return session.ID()
}

// givePassword gives a user a password by a one-time link.
func (p *running) givePassword(user portal.User, password string) {
	p.t.Helper()
	ctx := portal.WithActor(context.Background(), portal.Program("test"))
	sent, err := p.Manager.SendPasswordLink(ctx, user.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.Manager.SetPassword(ctx, sent.Link.Reveal(), password); err != nil {
		p.t.Fatal(err)
	}
}

// answer is what the portal answered.
type answer struct {
	status   int
	location string
	header   http.Header
	body     string
	doc      *goquery.Document
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	request, err := http.NewRequest(http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.send(request)
}

// post sends a form as the portal's own page would.
func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	request, err := http.NewRequest(http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(request)
}

func (b *browser) send(request *http.Request) answer {
	b.t.Helper()
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("Location"), response.Header, string(body), doc}
}

// text gives what a page says, white space folded.
func (a answer) text() string { return strings.Join(strings.Fields(a.doc.Find("body").Text()), " ") }

// form gives a form of the page with its fields filled in as a browser has them.
func (a answer) form(selector string) url.Values {
	values := url.Values{}
	a.doc.Find(selector).First().Find("input, textarea, select").Each(func(_ int, field *goquery.Selection) {
		name, ok := field.Attr("name")
		if !ok {
			return
		}
		switch kind, _ := field.Attr("type"); {
		case kind == "checkbox" || kind == "radio":
			if _, on := field.Attr("checked"); on {
				values.Add(name, field.AttrOr("value", "on"))
			}
		case goquery.NodeName(field) == "select":
			field.Find("option[selected]").Each(func(_ int, option *goquery.Selection) { values.Add(name, option.AttrOr("value", option.Text())) })
		case goquery.NodeName(field) == "textarea":
			values.Add(name, field.Text())
		default:
			values.Add(name, field.AttrOr("value", ""))
		}
	})
	return values
}

// expect fails the test when the answer has another status, or does not say
// what it should.
func (a answer) expect(t testing.TB, status int, texts ...string) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d; location %q: %.600s", a.status, status, a.location, a.text())
	}
	for _, text := range texts {
		if !strings.Contains(a.text(), text) && !strings.Contains(a.location, text) {
			t.Fatalf("%q is not in the answer (location %q): %.1200s", text, a.location, a.text())
		}
	}
	return a
}

// holder gives a member of Organization who holds the authorities and nothing
// else.
func (p *running) holder(authorities ...portal.Authority) portal.User {
	p.t.Helper()
	user := storetest.User(p.t, p.Store)
	storetest.Member(p.t, p.Store, p.Organization, user, storetest.Role(p.t, p.Store, p.Organization, authorities))
	return user
}

// applicationKey adds a key of Member for an application and a license.
func (p *running) applicationKey(application portal.Application, license portal.License, edit ...func(*portal.Key)) portal.Key {
	p.t.Helper()
	edit = append(edit, func(k *portal.Key) { k.ApplicationID, k.LicenseID = application.ID, license.ID })
	key, _ := storetest.Key(p.t, p.Store, p.membership(p.Member, p.Organization), edit...)
	return key
}

// count tells how many elements of a page a selector finds.
func (a answer) count(selector string) int { return a.doc.Find(selector).Length() }
