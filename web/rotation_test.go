package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

func rotation(p *running) string { return "/keys/" + id(p.Key.ID) + "/rotate" }

// works tells whether the store finds a secret that is not over.
func (p *running) works(text string) bool {
	p.t.Helper()
	subject, err := p.Store.Subject(p.t.Context(), secret.HashOf(text))
	if portal.CodeOf(err) == portal.CodeNotFound {
		return false
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return subject.SecretExpiresAt.IsZero() || p.Store.Now().Before(subject.SecretExpiresAt)
}

func TestARotatedKeyHasTwoSecretsWithinTheGrace(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	form := b.get(rotation(p)).expect(t, http.StatusOK, "What uses the present one", "Last used").form(`form[method="post"][data-confirm]`)
	form.Set("grace", "24h0m0s")
	form.Set("confirm", p.Key.Name)
	made := b.post(rotation(p), form).expect(t, http.StatusOK, "Save generated key").doc.Find(".kp-secret code").Text()
	if !p.works(made) || !p.works(p.Secret.Reveal()) {
		t.Fatal("within the grace one of the two secrets does not work")
	}
	b.post(rotation(p), form).expect(t, http.StatusSeeOther, "/keys/"+id(p.Key.ID))
	b.get(rotation(p)).expect(t, http.StatusOK, "An earlier secret still works until")
	page := b.get("/keys/"+id(p.Key.ID)).expect(t, http.StatusOK, "Rotation", "still in use?", "not since the new one was made", "Retire now", "Cancel rotation")
	if strings.Contains(page.body, made) {
		t.Error("the new secret is shown again")
	}
	storetest.Of(p.Store).Clock.Advance(24 * time.Hour)
	if p.works(p.Secret.Reveal()) || !p.works(made) {
		t.Error("after the grace the old secret works, or the new one does not")
	}
}

func TestTheOldSecretCanBeStoppedBeforeItsTime(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Admin)
	b.post(rotation(p), url.Values{"grace": {"168h0m0s"}, "confirm": {p.Key.Name}}).expect(t, http.StatusOK, "Save generated key")
	path := "/keys/" + id(p.Key.ID) + "/retire-old"
	form := b.get(path).expect(t, http.StatusOK, "Retire the old secret", "still in use?", "Type "+p.Key.Name).form("form[data-confirm]")
	b.post(path, form).expect(t, http.StatusUnprocessableEntity, "Retire the old secret")
	if !p.works(p.Secret.Reveal()) {
		t.Error("the old secret stops without its key's name")
	}
	b.post(path, with(form, "confirm", p.Key.Name)).expect(t, http.StatusSeeOther)
	b.get(path).expect(t, http.StatusSeeOther, "/keys/"+id(p.Key.ID))
	b.get("/keys/"+id(p.Key.ID)).expect(t, http.StatusOK, "the old secret is retired")
	if p.works(p.Secret.Reveal()) {
		t.Error("the old secret works on")
	}
}

func TestARotationAsksForAGraceAndTheName(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	for what, form := range map[string]url.Values{
		"nothing":       {},
		"no grace":      {"confirm": {p.Key.Name}},
		"another grace": {"grace": {"5h"}, "confirm": {p.Key.Name}},
		"no name":       {"grace": {"0s"}},
		"a wrong name":  {"grace": {"0s"}, "confirm": {"Other"}},
	} {
		page := b.post(rotation(p), form)
		if page.status != http.StatusUnprocessableEntity || !page.has(".kp-error") {
			t.Errorf("%s: %d %.300s", what, page.status, page.text())
		}
	}
	if !p.works(p.Secret.Reveal()) {
		t.Error("a refused rotation stops the secret")
	}
	b.post(rotation(p), url.Values{"grace": {"0s"}, "confirm": {" integration "}}).expect(t, http.StatusOK, "Save generated key")
	if p.works(p.Secret.Reveal()) {
		t.Error("the old secret works on after Now")
	}
}

func TestARevokedKeyGetsNoNewSecret(t *testing.T) {
	p := startPortal(t)
	b := p.as(p.Member)
	b.post("/keys/"+id(p.Key.ID)+"/revoke", url.Values{"confirm": {p.Key.Name}}).expect(t, http.StatusSeeOther)
	b.get(rotation(p)).expect(t, http.StatusConflict, "final")
	b.post(rotation(p), url.Values{"grace": {"0s"}, "confirm": {p.Key.Name}}).expect(t, http.StatusConflict, "final")
}

func TestAClientsSecretIsNotSupportsToRegenerate(t *testing.T) {
	p := startPortal(t)
	admin := p.asIn(p.Admin, p.Instance)
	_, clientSecret := admin.makeClient()
	key, err := p.Store.OAuthKey(t.Context(), p.License.ID)
	if err != nil {
		t.Fatal(err)
	}
	path := "/keys/" + id(key.ID) + "/rotate"
	form := url.Values{"grace": {"0s"}, "confirm": {p.License.Number}}
	p.as(p.Support).get(path).expect(t, http.StatusForbidden)
	p.as(p.Support).post(path, form).expect(t, http.StatusForbidden)
	p.as(p.Stranger).post(path, form).expect(t, http.StatusNotFound)
	if !p.works(clientSecret) {
		t.Fatal("somebody else's try stops the secret")
	}
	admin.get(path).expect(t, http.StatusOK, "Regenerate Secret", "Type "+p.License.Number)
	_, made := admin.post(path, form).expect(t, http.StatusOK, "Save generated key").client(t)
	if p.works(clientSecret) || !p.works(made) {
		t.Error("the old Client Secret works on, or the new one does not")
	}
	admin.get(clientPath).expect(t, http.StatusOK, key.PublicID)
}
