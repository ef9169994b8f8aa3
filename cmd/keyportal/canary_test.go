package main

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// canaries are secrets, by what they are, that were driven through the program
// and must be found nowhere afterwards.
type canaries map[string]string

// mustNotBeIn fails the test when a canary is in some data: as it is, without
// its prefix, or in the forms that a URL and a dump give it.
func (c canaries) mustNotBeIn(t *testing.T, where string, data []byte) {
	t.Helper()
	for what, value := range c {
		random := value[strings.LastIndex(value, "_")+1:]
		for _, form := range []string{value, random, url.QueryEscape(value), hex.EncodeToString([]byte(value))} {
			if bytes.Contains(data, []byte(form)) {
				t.Errorf("%s is in clear in %s", what, where)
			}
		}
	}
}

var credential = regexp.MustCompile(`kp[a-z]?_[0-9A-Za-z]{49}`)

// credentialIn gives the credential of a kind that a page shows.
func credentialIn(t *testing.T, body string, kind secret.Prefix) string {
	t.Helper()
	for _, found := range credential.FindAllString(body, -1) {
		if prefix, err := secret.Parse(found); err == nil && prefix == kind {
			return found
		}
	}
	t.Fatalf("no %s is in %.600s", kind, body)
	return ""
}

// TestASecretIsInClearInOneResponseAndNowhereElse drives a key, a delivered one, a key
// pair and an OAuth client with its access token, whose secrets are sealed, a password, a
// one-time link and a session through all that the program does, and then looks for them
// in all that it left behind.
func TestASecretIsInClearInOneResponseAndNowhereElse(t *testing.T) {
	eachEmpty(t, func(t *testing.T, p place) {
		s := serve(t, p.flags("serve", "--log-level=debug")...)
		v := &visitor{t: t, portal: s.portal, client: browse(t)}
		link := s.stdout.await(t, setUpLine)
		const password = "canary words in a row"
		v.post(strings.TrimPrefix(link, s.portal), url.Values{"username": {"root"}, "email": {"root@example.com"},
			"organization": {"Canary Client"}, "password": {password}, "repeat": {password}})
		v.post("/login", url.Values{"username": {"root"}, "password": {password}})
		v.post("/api-sets", url.Values{"name": {"Billing"}, "slug": {"billing"}, "routes": {"/billing/"}})

		key := credential.FindString(v.post("/keys", url.Values{"name": {"Canary"}, "api_set": {"billing"}}))
		if _, err := secret.Parse(key); err != nil {
			t.Fatalf("the response to New API Key shows no key: %q", key)
		}
		sent := credential.FindString(v.post("/users/1/password-link", nil))
		clientID, clientSecret := v.makeClient()
		if viewed := credentialIn(t, v.post("/account/api-key/secret", nil), secret.ClientSecret); viewed != clientSecret {
			t.Error("another Client Secret is shown again: there is no sealed copy to look for")
		}
		delivered := v.deliverKey()
		accessKey, securityKey := v.makePair()
		token := credentialIn(t, v.post("/oauth2/v1/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret}}), secret.AccessToken)
		released := canaries{"the key": key, "the password": password, "the session's token": v.token(), "the password link's token": sent,
			"the set-up link's token": credential.FindString(link), "the Client Secret": clientSecret, "the access token": token,
			"the delivered key": delivered, "the Security Key": securityKey}

		pages := v.everything()
		if !strings.Contains(pages, clientID) {
			t.Error("not even the Client ID is in the pages: the search looks at the wrong ones")
		}
		released.mustNotBeIn(t, "other pages", []byte(pages))
		for _, sent := range []string{key, token, clientSecret, delivered} {
			released.mustNotBeIn(t, "the check's answers", []byte(v.checks(s.gateway, sent)))
		}
		released.mustNotBeIn(t, "the check's answers about a pair", []byte(v.checksPair(s.gateway, accessKey, securityKey)))
		released.mustNotBeIn(t, "the answers of OAuth 2.0", []byte(v.asksOAuth(clientID, clientSecret, token)))
		v.post("/keys/1/revoke", url.Values{"confirm": {"Canary bird"}})
		v.fetch(s.portal + "/login") // by somebody who is logged in
		v.post("/logout", nil)
		v.fetch(s.portal + "/keys")
		v.post("/keys", url.Values{"name": {"Too late"}})
		released.mustNotBeIn(t, "the portal's headers", []byte(v.headers.String()))
		released.mustNotBeIn(t, "the metrics", []byte(v.fetch(s.gateway+"/metrics")))

		backup := filepath.Join(t.TempDir(), "backup")
		succeed(t, "", append(p.flags("backup"), backup)...)
		left := leftBehind(t, p) // while it runs, so that the write-ahead log is there
		if status := s.end(); status != done {
			t.Fatalf("the program ended with status %d", status)
		}
		released.mustNotBeIn(t, "the backup", readBackup(t, p, backup))
		released.mustNotBeIn(t, "the log", []byte(s.stderr.String()))
		released.mustNotBeIn(t, "the database", left)
		delete(released, "the set-up link's token") // printed for whoever sets the program up
		released.mustNotBeIn(t, "what the program printed", []byte(s.stdout.String()))

		hashes := map[string]secret.Hash{"the key pair": secret.HashOfPair(accessKey, securityKey)}
		for _, what := range []string{"the key", "the Client Secret", "the access token", "the delivered key"} {
			hashes[what] = secret.HashOf(released[what])
		}
		for what, hash := range hashes {
			if !bytes.Contains(left, hash[:]) && !bytes.Contains(left, []byte(hex.EncodeToString(hash[:]))) {
				t.Errorf("not even the hash of %s is in the database: the search looks in the wrong place", what)
			}
		}
	})
}

// visitor is somebody who uses the portal without a browser.
type visitor struct {
	t       *testing.T
	portal  string
	client  *http.Client
	headers strings.Builder // of all answers, but for the session's own cookie
}

func (v *visitor) post(path string, form url.Values) string {
	v.t.Helper()
	response, err := v.client.PostForm(v.portal+path, form)
	_, body := answer(v.t, response, err)
	if path == "/login" {
		response.Header.Del("Set-Cookie")
	}
	v.note(response.Header)
	return body
}

func (v *visitor) fetch(address string) string {
	v.t.Helper()
	response, err := v.client.Get(address)
	_, body := answer(v.t, response, err)
	v.note(response.Header)
	return body
}

func (v *visitor) note(header http.Header) {
	for name, values := range header {
		v.headers.WriteString(name + ": " + strings.Join(values, ", ") + "\n")
	}
}

func (v *visitor) token() string {
	v.t.Helper()
	address, err := url.Parse(v.portal)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, cookie := range v.client.Jar.Cookies(address) {
		if cookie.Name == "keyportal" {
			return cookie.Value
		}
	}
	v.t.Fatal("nobody is logged in")
	return ""
}

// everything gives all pages that could show the key, and the answers to
// changing it.
func (v *visitor) everything() string {
	var all strings.Builder
	all.WriteString(v.post("/keys/1", url.Values{"name": {"Canary bird"}, "api_set": {"billing"}, "version": {"1"}}))
	all.WriteString(v.post("/keys/1/disable", nil) + v.post("/keys/1/enable", nil))
	for _, path := range []string{"/", "/keys", "/keys?q=Canary", "/keys.csv", "/keys/1", "/keys/1/edit", "/keys/1/revoke", "/keys/new", "/users", "/users/1", "/profile", "/api-sets/1",
		"/organizations", "/organizations/1", "/organizations/1/applications", "/licenses/1", "/account/api-key", "/account/api-key/new", "/keys/2", "/keys/2/edit", "/keys/2/rotate",
		"/keys/3", "/keys/3/delivery", "/keys/3/rotate", "/keys/4", "/keys/4/edit", "/keys/4/rotate", "/keys/4/revoke", "/integrations/api-keys", "/integrations/api-keys/new",
		"/profile/security", "/history", "/history.csv", "/history/verify", "/keys/issue?application=1&license=1", "/requests", "/organizations/1/settings"} {
		all.WriteString(v.fetch(v.portal + path))
	}
	return all.String()
}

// deliverKey issues a key for an application and license and opens its one-time page.
func (v *visitor) deliverKey() string {
	v.t.Helper()
	v.post("/keys/issue", url.Values{"application": {"1"}, "license": {"1"}, "user": {"1"}, "name": {"Delivered"}, "api_set": {"billing"}, "handover": {"page"}})
	return credentialIn(v.t, v.post("/keys/3/delivery", nil), secret.Token)
}

// makePair makes a key pair whose Security Key is kept sealed.
func (v *visitor) makePair() (accessKey, securityKey string) {
	v.t.Helper()
	page := v.post("/integrations/api-keys", url.Values{"name": {"Paired"}, "user": {"1"}, "api_set": {"billing"}})
	accessKey, securityKey = credentialIn(v.t, page, secret.AccessKey), credentialIn(v.t, page, secret.SecurityKey)
	if viewed := credentialIn(v.t, v.post("/keys/4/secret", nil), secret.SecurityKey); viewed != securityKey {
		v.t.Error("another Security Key is shown again: there is no sealed copy to look for")
	}
	return accessKey, securityKey
}

// checksPair sends a key pair in the ways that there are, the wrong ones too, and gives
// all that is answered.
func (v *visitor) checksPair(gateway, accessKey, securityKey string) string {
	v.t.Helper()
	var all strings.Builder
	for _, send := range []struct{ path, access, security string }{
		{"/auth?api_set=billing", accessKey, securityKey}, {"/auth?api_set=dunning", accessKey, securityKey}, {"/auth?api_set=billing", "", securityKey},
		{"/auth?api_set=billing", securityKey, securityKey}, {"/auth?secretKey=" + securityKey, accessKey, ""}, {"/auth/" + securityKey, accessKey, securityKey},
	} {
		request, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, gateway+send.path, nil)
		if err != nil {
			v.t.Fatal(err)
		}
		request.Header.Set("accessKey", send.access)
		request.Header.Set("secretKey", send.security)
		response, err := http.DefaultClient.Do(request)
		_, body := answer(v.t, response, err)
		v.note(response.Header)
		all.WriteString(body)
	}
	return all.String()
}

// makeClient makes the OAuth client of a license, in an instance of it, whose secret
// is kept sealed.
func (v *visitor) makeClient() (clientID, clientSecret string) {
	v.t.Helper()
	v.post("/organizations/1/licenses", url.Values{"number": {"12345678"}, "domain": {"Canary"}, "database": {"CANARY"}})
	v.post("/licenses/1/instances", url.Values{"name": {"BE12345678"}})
	v.post("/organizations/1/settings", url.Values{"version": {"1"}, "secret_viewing": {"on"}})
	v.post("/account/instance", url.Values{"instance": {"1"}})
	page := v.post("/account/api-key", url.Values{"user": {"1"}, "api_set": {"billing"}})
	return credentialIn(v.t, page, secret.ClientID), credentialIn(v.t, page, secret.ClientSecret)
}

// asksOAuth sends a Client Secret and an access token in the other ways that there
// are, the wrong ones too, and gives all that is answered. The token lives on.
func (v *visitor) asksOAuth(clientID, clientSecret, token string) string {
	v.t.Helper()
	var all strings.Builder
	proof := "client_id=" + clientID + "&client_secret=" + clientSecret
	for _, send := range []struct{ path, body, kind string }{
		{"/oauth2/v1/token", "grant_type=password&" + proof, ""},
		{"/oauth2/v1/token", "grant_type=client_credentials&scope=" + token + "&" + proof, ""},
		{"/oauth2/v1/token", "grant_type=client_credentials&" + proof + "x", ""},
		{"/oauth2/v1/token", proof + "&" + proof, ""},
		{"/oauth2/v1/token", proof + "&%zz", ""},
		{"/oauth2/v1/token", `{"client_secret":"` + clientSecret + `"}`, "application/json"},
		{"/oauth2/v1/token?grant_type=client_credentials&" + proof, "", ""},
		{"/oauth2/v1/token/" + clientSecret, proof, ""},
		{"/oauth2/v1/token/introspection", proof + "&token=" + token, ""},
		{"/oauth2/v1/token/introspection", proof + "&token=" + clientSecret, ""},
		{"/oauth2/v1/token/introspection", proof + "&token=" + token + "&client_ip=" + token, ""},
		{"/oauth2/v1/token/introspection?token=" + token, proof, ""},
		{"/oauth2/v1/token/revocation", proof + "&token=" + clientSecret, ""},
		{"/oauth2/v1/token/revocation", proof + "&token=" + token + "x", ""},
		{"/oauth2/v1/token/revocation?token=" + token, proof, ""},
	} {
		kind := send.kind
		if kind == "" {
			kind = "application/x-www-form-urlencoded"
		}
		response, err := v.client.Post(v.portal+send.path, kind, strings.NewReader(send.body))
		_, body := answer(v.t, response, err)
		v.note(response.Header)
		all.WriteString(body)
	}
	return all.String()
}

// checks sends the key in every way that there is, the wrong ones too, and gives
// all that is answered.
func (v *visitor) checks(gateway, key string) string {
	v.t.Helper()
	var all strings.Builder
	for _, send := range []struct{ path, header, value string }{
		{"/auth?api_set=billing", "X-Api-Key", key},
		{"/auth/billing/1", "Authorization", "Bearer " + key},
		{"/auth?api_set=dunning", "X-Api-Key", key},
		{"/auth?api_set=billing&api_key=" + key, "X-Api-Key", key},
		{"/auth?api_key=" + key, "", ""},
		{"/auth", "X-Original-Uri", "/billing/?key=" + key},
		{"/auth?api_set=billing", "X-Api-Key", key + "x"},
		{"/" + key, "", ""},
	} {
		request, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, gateway+send.path, nil)
		if err != nil {
			v.t.Fatal(err)
		}
		if send.header != "" {
			request.Header.Set(send.header, send.value)
		}
		response, err := http.DefaultClient.Do(request)
		_, body := answer(v.t, response, err)
		all.WriteString(body)
		for name, values := range response.Header {
			all.WriteString(name + strings.Join(values, ""))
		}
	}
	for _, body := range []string{`{"key":"` + key + `","api_set":"billing"}`, `{"unknown":"` + key + `"}`, `{"key":"` + key} {
		response, err := http.Post(gateway+"/v1/verify", "application/json", strings.NewReader(body))
		_, said := answer(v.t, response, err)
		all.WriteString(said)
	}
	return all.String()
}

// leftBehind gives all that the program has written: the files of SQLite, or a
// dump of PostgreSQL.
func leftBehind(t *testing.T, p place) []byte {
	t.Helper()
	if p.engine != storetest.SQLiteEngine {
		return output(t, exec.CommandContext(t.Context(), "pg_dump", "--inserts", p.db))
	}
	files, err := filepath.Glob(p.db + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of the database: %v", err)
	}
	var all []byte
	for _, file := range append(files, p.keyset) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}

func readBackup(t *testing.T, p place, file string) []byte {
	t.Helper()
	if p.engine != storetest.SQLiteEngine {
		return output(t, exec.CommandContext(t.Context(), "pg_restore", "--file=-", file))
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func output(t *testing.T, command *exec.Cmd) []byte {
	t.Helper()
	data, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return data
}
