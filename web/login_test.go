package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

const password = "a few words in a row"

func logIn(b *browser, username, with string, more ...string) answer {
	form := url.Values{"username": {username}, "password": {with}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return b.post("/login", form)
}

func TestLoggingInLeadsBackToThePageThatWasAskedFor(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	b := p.visitor()
	asked := b.get("/keys?state=active").expect(t, http.StatusSeeOther)
	if asked.location != "/login?next=%2Fkeys%3Fstate%3Dactive" {
		t.Fatalf("led to %q", asked.location)
	}
	page := b.get(asked.location).expect(t, http.StatusOK, "Instance Name", "User ID", "Password")
	form := page.form("form")
	form.Set("username", "MEMBER ") // regardless of case, and of space around
	form.Set("password", password)
	if done := b.post("/login", form).expect(t, http.StatusSeeOther); done.location != "/keys?state=active" {
		t.Fatalf("led back to %q", done.location)
	}
	b.get("/keys").expect(t, http.StatusOK, "Integration")
}

func TestLoggingInNeverLeadsToAnotherSite(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "http:evil.example",
		"/\t/evil.example", "///evil.example", "evil.example", "%2F%2Fevil.example",
	} {
		if led := b.get("/login?" + url.Values{"next": {next}}.Encode()); led.location != "/" {
			t.Errorf("next=%q led to %q", next, led.location)
		}
	}
}

func TestAWrongUserAWrongPasswordAndAWrongInstanceAreAnsweredAlike(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	license := storetest.License(t, p.Store, p.Other)
	foreign := storetest.Instance(t, p.Store, license)
	said := map[string]bool{}
	for _, attempt := range [][]string{
		{"member", "wrong"}, {"nobody-like-that", password}, {"nobody", password}, {"", ""},
		{"member", password, "instance", "BE00000000"}, {"member", password, "instance", foreign.Name},
	} {
		got := logIn(p.visitor(), attempt[0], attempt[1], attempt[2:]...).expect(t, http.StatusUnauthorized)
		said[strings.TrimSpace(got.doc.Find("[role=alert]").Text())] = true
	}
	if len(said) != 1 {
		t.Fatalf("the answers differ: %v", said)
	}
}

func TestTheInstanceNameDecidesWhereASessionBegins(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	storetest.Member(t, p.Store, p.Other, p.Member)
	license := storetest.License(t, p.Store, p.Other)
	instance := storetest.Instance(t, p.Store, license)
	b := p.visitor()
	logIn(b, "member", password, "instance", strings.ToLower(instance.Name)).expect(t, http.StatusSeeOther)
	b.get("/").expect(t, http.StatusOK, "Blue Client", instance.Name)
}

func TestADisabledOrLockedAccountIsToldSoOnlyAfterTheRightPassword(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	admin := p.as(p.Admin)
	admin.post("/users/"+id(p.Member.ID)+"/act", url.Values{"action": {"disable"}}).expect(t, http.StatusSeeOther)
	logIn(p.visitor(), "member", "wrong").expect(t, http.StatusUnauthorized, "not right")
	logIn(p.visitor(), "member", password).expect(t, http.StatusForbidden, "disabled")
	admin.post("/users/"+id(p.Member.ID)+"/act", url.Values{"action": {"enable"}}).expect(t, http.StatusSeeOther)
	admin.post("/users/"+id(p.Member.ID)+"/act", url.Values{"action": {"lock"}}).expect(t, http.StatusSeeOther)
	logIn(p.visitor(), "member", password).expect(t, http.StatusForbidden, "locked")
}

func TestTooManyAttemptsAreSlowedWithATimeToWait(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	for range 5 {
		logIn(p.visitor(), "member", "wrong").expect(t, http.StatusUnauthorized)
	}
	logIn(p.visitor(), "member", "wrong").expect(t, http.StatusTooManyRequests, "Wait")
	slowed := logIn(p.visitor(), "member", password).expect(t, http.StatusTooManyRequests, "Wait")
	if slowed.header.Get("Retry-After") == "" {
		t.Fatal("no Retry-After")
	}
}

func TestASessionEndsWithLogOutDisablingLockingIdleTimeAndItsAbsoluteEnd(t *testing.T) {
	for name, end := range map[string]func(*running, *browser){
		"log out": func(_ *running, b *browser) { b.post("/logout", nil) },
		"disable": func(p *running, _ *browser) {
			p.as(p.Admin).post("/users/"+id(p.Member.ID)+"/act", url.Values{"action": {"disable"}})
		},
		"lock": func(p *running, _ *browser) {
			p.as(p.Admin).post("/users/"+id(p.Member.ID)+"/act", url.Values{"action": {"lock"}})
		},
		"idle time": func(p *running, _ *browser) { storetest.Of(p.Store).Clock.Advance(time.Hour) },
		"absolute end": func(p *running, b *browser) {
			for range 24 {
				b.get("/")
				storetest.Of(p.Store).Clock.Advance(30 * time.Minute)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPortal(t)
			b := p.as(p.Member)
			b.get("/").expect(t, http.StatusOK)
			end(p, b)
			b.get("/").expect(t, http.StatusSeeOther, "/login")
		})
	}
}

func TestChangingThePasswordEndsTheOtherSessionsAndGivesANewOne(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	here, elsewhere := p.visitor(), p.as(p.Member)
	logIn(here, "member", password).expect(t, http.StatusSeeOther)
	before := here.cookie()
	change := url.Values{"current": {password}, "password": {"another few words"}, "repeat": {"another few words"}}
	here.post("/profile/password", url.Values{"current": {"wrong"}, "password": {"another few words"}, "repeat": {"another few words"}}).
		expect(t, http.StatusUnprocessableEntity, "not your current password")
	here.post("/profile/password", url.Values{"current": {password}, "password": {"short"}, "repeat": {"short"}}).
		expect(t, http.StatusUnprocessableEntity, "at least 12 characters")
	here.post("/profile/password", url.Values{"current": {password}, "password": {"another few words"}, "repeat": {"other"}}).
		expect(t, http.StatusUnprocessableEntity, "differ")
	here.post("/profile/password", change).expect(t, http.StatusSeeOther, "/profile")
	here.get("/profile").expect(t, http.StatusOK, "Your password is changed")
	if here.cookie() == before {
		t.Fatal("the session's token is the same after the password changed")
	}
	elsewhere.get("/profile").expect(t, http.StatusSeeOther, "/login")
	logIn(p.visitor(), "member", password).expect(t, http.StatusUnauthorized)
	logIn(p.visitor(), "member", "another few words").expect(t, http.StatusSeeOther)
}

func TestAnExpiredPasswordMustBeChangedBeforeAnythingElse(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	p.as(p.Admin).post("/users/"+id(p.Member.ID)+"/act", url.Values{"action": {"expire-password"}}).expect(t, http.StatusSeeOther)
	b := p.visitor()
	logIn(b, "member", password).expect(t, http.StatusSeeOther)
	for _, path := range []string{"/", "/keys", "/keys/new", "/profile"} {
		b.get(path).expect(t, http.StatusSeeOther, "/profile/password")
	}
	b.post("/keys", url.Values{"name": {"Too early"}}).expect(t, http.StatusForbidden, "Your password has expired")
	b.get("/profile/password").expect(t, http.StatusOK, "has expired")
	b.post("/profile/password", url.Values{"current": {password}, "password": {"another few words"}, "repeat": {"another few words"}}).expect(t, http.StatusSeeOther)
	b.get("/keys").expect(t, http.StatusOK)
}

func TestAPasswordThatExpiresMeanwhileLosesNothing(t *testing.T) {
	for name, ask := range map[string]func(*browser) answer{
		"a page": func(b *browser) answer {
			asked := b.get("/keys/new?name=Kept+name&submission=token").expect(b.t, http.StatusSeeOther)
			return b.get(asked.location).expect(b.t, http.StatusOK, "Your password has expired")
		},
		"a form": func(b *browser) answer {
			return b.post("/keys", url.Values{"name": {"Kept name"}, "submission": {"token"}}).expect(b.t, http.StatusForbidden, "Your password has expired")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPortal(t)
			p.givePassword(p.Member, password)
			b := p.as(p.Member)
			b.t = t
			p.as(p.Admin).post("/users/"+id(p.Member.ID)+"/act", url.Values{"action": {"expire-password"}}).expect(t, http.StatusSeeOther)
			form := ask(b).form("main form")
			form.Set("current", password)
			form.Set("password", "short")
			form.Set("repeat", "short")
			form = b.post("/profile/password", form).expect(t, http.StatusUnprocessableEntity).form("main form")
			form.Set("current", password)
			form.Set("password", "another few words")
			form.Set("repeat", "another few words")
			back := b.post("/profile/password", form).expect(t, http.StatusSeeOther)
			again := b.get(back.location).expect(t, http.StatusOK, "New API Key").form("main form")
			if again.Get("name") != "Kept name" || again.Get("submission") != "token" {
				t.Errorf("kept is %v", again)
			}
		})
	}
}

func TestAChangedPasswordNeverLeadsToAnotherSite(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	form := url.Values{"current": {password}, "password": {"another few words"}, "repeat": {"another few words"}, "next": {"https://evil.example/"}}
	if led := p.as(p.Member).post("/profile/password", form).expect(t, http.StatusSeeOther); led.location != "/" {
		t.Errorf("led to %q", led.location)
	}
}

func TestLoggingInEndsTheSessionThatTheBrowserHad(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	b := p.visitor()
	logIn(b, "member", password).expect(t, http.StatusSeeOther)
	before := b.cookie()
	logIn(b, "member", password).expect(t, http.StatusSeeOther)
	b.get("/profile").expect(t, http.StatusOK)
	earlier := p.visitor()
	request, err := http.NewRequest(http.MethodGet, p.URL+"/profile", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.AddCookie(&http.Cookie{Name: "keyportal", Value: before})
	earlier.send(request).expect(t, http.StatusSeeOther, "/login")
}

func TestASessionThatEndedLosesNothingThatWasTyped(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	b := p.as(p.Member)
	typed := url.Values{"name": {"Nightly ledger"}, "description": {"for the\nledger"}, "api_set": {"billing", "dunning"}, "submission": {"the-form-of-this-test"}}
	b.post("/logout", nil).expect(t, http.StatusSeeOther)
	asked := b.post("/keys", typed).expect(t, http.StatusUnauthorized, "What you typed is kept")
	form := asked.form("form[action='/login']")
	form.Set("username", "member")
	form.Set("password", password)
	back := b.post("/login", form).expect(t, http.StatusSeeOther, "/keys/new")
	again := b.get(back.location).expect(t, http.StatusOK)
	for _, text := range []string{"Nightly ledger", "for the", "billing", "dunning", "the-form-of-this-test"} {
		if !strings.Contains(again.body, text) {
			t.Errorf("%q is lost", text)
		}
	}
	if keys, err := p.Store.Keys(t.Context(), portal.KeyFilter{UserID: p.Member.ID}); err != nil || len(keys.Rows) != 1 {
		t.Fatalf("%d keys, %v: something was made meanwhile", len(keys.Rows), err)
	}
}

func TestPasswordsAreNotAmongWhatIsKept(t *testing.T) {
	p := startPortal(t)
	asked := p.visitor().post("/profile/password", url.Values{"current": {"secret-one"}, "password": {"secret-two"}, "repeat": {"secret-three"}})
	for _, text := range []string{"secret-one", "secret-two", "secret-three"} {
		if strings.Contains(asked.expect(t, http.StatusUnauthorized).body, text) {
			t.Errorf("%s is in the Log In page", text)
		}
	}
}

func TestTheSessionsCookieIsOutOfReachOfScriptsAndOtherSites(t *testing.T) {
	p := startPortal(t)
	p.givePassword(p.Member, password)
	cookie := logIn(p.visitor(), "member", password).expect(t, http.StatusSeeOther).header.Get("Set-Cookie")
	for _, attribute := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, attribute) {
			t.Errorf("%s is not in %s", attribute, cookie)
		}
	}
}

func (b *browser) cookie() string {
	address, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range b.client.Jar.Cookies(address) {
		if cookie.Name == "keyportal" {
			return cookie.Value
		}
	}
	return ""
}
