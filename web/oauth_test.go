package web_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

const (
	tokenPath         = "/oauth2/v1/token"
	introspectionPath = tokenPath + "/introspection"
	revocationPath    = tokenPath + "/revocation"
)

// oauthClient is a program that has a Client ID (OAuth) and a Client Secret.
type oauthClient struct {
	p      *running
	key    portal.Key
	secret string
}

// oauthClient makes the client of License. It is granted all API sets, of which
// Member's roles allow Billing and Dunning.
func (p *running) oauthClient(edit ...func(*portal.Key)) oauthClient {
	p.t.Helper()
	edit = append([]func(*portal.Key){func(k *portal.Key) {
		k.Kind, k.PublicID, k.LicenseID = portal.OAuthKey, secret.New("", secret.ClientID).Reveal(), p.License.ID
		k.APISets = []portal.APISet{p.Billing, p.Dunning, p.Revenue}
	}}, edit...)
	key, value := storetest.Key(p.t, p.Store, p.membership(p.Member, p.Organization), edit...)
	return oauthClient{p, key, value.Reveal()}
}

// basic authenticates a request with HTTP Basic, encoded as RFC 6749 has it.
func (o oauthClient) basic(r *http.Request) {
	r.SetBasicAuth(url.QueryEscape(o.key.PublicID), url.QueryEscape(o.secret))
}

// send sends a form that HTTP Basic authenticates.
func (o oauthClient) send(path string, form url.Values) said {
	o.p.t.Helper()
	return o.p.program(path, form.Encode(), o.basic)
}

// token gets an access token, for a scope when one is named.
func (o oauthClient) token(scope string) string {
	o.p.t.Helper()
	got := o.send(tokenPath, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	if token, ok := got.fields["access_token"].(string); ok && got.status == http.StatusOK {
		return token
	}
	o.p.t.Fatalf("no token: %d %s", got.status, got.body)
	return ""
}

// said is what the portal said to a program.
type said struct {
	status int
	header http.Header
	body   string
	fields map[string]any
}

// program sends a body to an address of OAuth 2.0 as a program would. Whatever is
// answered must be in the form that all answers have there.
func (p *running) program(path, body string, edit ...func(*http.Request)) said {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodPost, p.URL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept-Encoding", "gzip")
	for _, edit := range edit {
		edit(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	got := said{status: response.StatusCode, header: response.Header, body: string(text)}
	got.read(p.t)
	return got
}

// read reads the JSON of an answer and holds the answer to its form.
func (s *said) read(t testing.TB) {
	t.Helper()
	if s.header.Get("Cache-Control") != "no-store" || s.header.Get("Pragma") != "no-cache" {
		t.Errorf("%d may be cached: %q, %q", s.status, s.header.Get("Cache-Control"), s.header.Get("Pragma"))
	}
	if (s.status == http.StatusUnauthorized) != (s.header.Get("WWW-Authenticate") != "") {
		t.Errorf("%d with the challenge %q", s.status, s.header.Get("WWW-Authenticate"))
	}
	if s.header.Get("Content-Encoding") != "" || s.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d is compressed or open to other sites: %v", s.status, s.header)
	}
	if s.header.Get("Set-Cookie") != "" {
		t.Errorf("a program gets the cookie %q", s.header.Get("Set-Cookie"))
	}
	if s.status == http.StatusOK && s.body == "" { // what RFC 7009 has for a revocation
		return
	}
	if kind := s.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("%d as %q: %.200s", s.status, kind, s.body)
	}
	if err := json.Unmarshal([]byte(s.body), &s.fields); err != nil {
		t.Errorf("%d is no JSON: %v: %.200s", s.status, err, s.body)
	}
	if s.status == http.StatusOK {
		return
	}
	if names := slices.Sorted(maps.Keys(s.fields)); !slices.Equal(names, []string{"error", "error_description"}) {
		t.Errorf("an error has %q", names)
	}
	for name, value := range s.fields {
		text, _ := value.(string)
		if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			t.Errorf("%s is %q, which RFC 6749 does not allow", name, value)
		}
	}
}

// want fails the test when an answer is not a certain error; the texts are in its
// description.
func (s said) want(t testing.TB, what string, status int, code string, texts ...string) {
	t.Helper()
	if s.status != status || s.fields["error"] != code {
		t.Errorf("%s: answered %d %s, want %d %s", what, s.status, s.body, status, code)
	}
	for _, text := range texts {
		if description, _ := s.fields["error_description"].(string); !strings.Contains(description, text) {
			t.Errorf("%s: %q is not in %q", what, text, description)
		}
	}
}

func TestAClientExchangesItsSecretForAnAccessToken(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	inBody := url.Values{"grant_type": {"client_credentials"}, "client_id": {client.key.PublicID}, "client_secret": {client.secret}}
	plain := func(r *http.Request) { r.SetBasicAuth(client.key.PublicID, client.secret) }
	for name, test := range map[string]struct {
		body  string
		edit  func(*http.Request)
		scope string
	}{
		"with HTTP Basic":                     {"grant_type=client_credentials", client.basic, "billing dunning"},
		"with HTTP Basic that is not encoded": {"grant_type=client_credentials", plain, "billing dunning"},
		"with HTTP Basic in lower case": {"grant_type=client_credentials", func(r *http.Request) {
			client.basic(r)
			r.Header.Set("Authorization", "basic"+strings.TrimPrefix(r.Header.Get("Authorization"), "Basic"))
		}, "billing dunning"},
		"with HTTP Basic every byte of which is encoded": {"grant_type=client_credentials", func(r *http.Request) {
			r.SetBasicAuth(encodeAll(client.key.PublicID), encodeAll(client.secret))
		}, "billing dunning"},
		"with its ID in the body too": {"grant_type=client_credentials&client_id=" + client.key.PublicID, client.basic, "billing dunning"},
		"in the body":                 {inBody.Encode(), func(*http.Request) {}, "billing dunning"},
		"with a character set": {inBody.Encode(), func(r *http.Request) {
			r.Header.Set("Content-Type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")
		}, "billing dunning"},
		"for a scope":                         {"grant_type=client_credentials&scope=dunning", client.basic, "dunning"},
		"for a scope twice":                   {"grant_type=client_credentials&scope=dunning+billing+dunning", client.basic, "billing dunning"},
		"for a scope that has no value":       {"grant_type=client_credentials&scope=", client.basic, "billing dunning"},
		"with a parameter that is not known":  {"grant_type=client_credentials&resource=x", client.basic, "billing dunning"},
		"with the cookie and form of a page":  {"grant_type=client_credentials&submission=x", func(r *http.Request) { client.basic(r); r.AddCookie(&http.Cookie{Name: "keyportal", Value: "x"}) }, "billing dunning"},
		"with parameters that have no values": {"grant_type=client_credentials&client_id=&client_secret=", client.basic, "billing dunning"},
	} {
		got := p.program(tokenPath, test.body, test.edit)
		token, _ := got.fields["access_token"].(string)
		if prefix, err := secret.Parse(token); got.status != http.StatusOK || err != nil || prefix != secret.AccessToken {
			t.Errorf("%s: answered %d %s", name, got.status, got.body)
			continue
		}
		delete(got.fields, "access_token")
		want := map[string]any{"token_type": "Bearer", "expires_in": 3600.0, "scope": test.scope}
		if !maps.Equal(got.fields, want) {
			t.Errorf("%s: got %v, want %v", name, got.fields, want)
		}
		if subject, err := p.Store.TokenSubject(t.Context(), secret.HashOf(token)); err != nil || subject.KeyID != client.key.ID || strings.Join(subject.APISets, " ") != test.scope {
			t.Errorf("%s: the token is %+v, %v", name, subject, err)
		}
		if strings.Contains(p.Log.String(), token) {
			t.Errorf("%s: the token is in the log", name)
		}
	}
	if strings.Contains(p.Log.String(), client.secret) {
		t.Error("the Client Secret is in the log")
	}
}

// encodeAll percent-encodes every byte.
func encodeAll(text string) string {
	var encoded strings.Builder
	for _, b := range []byte(text) {
		encoded.WriteString("%" + string("0123456789abcdef"[b>>4]) + string("0123456789ABCDEF"[b&15]))
	}
	return encoded.String()
}

func TestATokenLastsNoLongerThanItsKeyAndTheAnswerSaysHowLong(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	for left, want := range map[time.Duration]float64{10 * time.Minute: 600, 90*time.Second + time.Millisecond: 90, time.Millisecond: 1, time.Hour: 3600, 2 * time.Hour: 3600} {
		p.editKey(client.key, func(k *portal.Key) { k.ExpiresAt = p.Store.Now().Add(left) })
		if got := client.send(tokenPath, url.Values{"grant_type": {"client_credentials"}}); got.fields["expires_in"] != want {
			t.Errorf("with a key for %s the token expires in %v s, want %v", left, got.fields["expires_in"], want)
		}
	}
}

// editKey changes a key in the store.
func (p *running) editKey(key portal.Key, edit func(*portal.Key)) {
	p.t.Helper()
	storetest.Change(p.t, p.Store, func(c *store.Change) error {
		now, err := c.Key(p.t.Context(), key.ID)
		if err != nil {
			return err
		}
		edit(&now)
		return c.UpdateKey(p.t.Context(), now)
	})
}
