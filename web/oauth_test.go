package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/web/gateway"
)

const (
	tokenPath         = "/oauth2/v1/token"
	introspectionPath = "/oauth2/v1/token/introspection"
	revocationPath    = "/oauth2/v1/token/revocation"
	metadataPath      = "/.well-known/oauth-authorization-server"
)

// oauthClient is an OAuth client of Member's.
type oauthClient struct {
	id, secret string
	key        portal.Key
	license    portal.License
}

// client makes an OAuth client that reaches Billing and Dunning.
func (p *running) client(edit ...func(*portal.Key)) oauthClient {
	p.t.Helper()
	membership, err := p.Store.Membership(context.Background(), p.Organization.ID, p.Member.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	c := oauthClient{id: secret.New("", secret.ClientID).Reveal(), license: storetest.License(p.t, p.Store, p.Organization)}
	key, value := storetest.Key(p.t, p.Store, membership, append([]func(*portal.Key){func(k *portal.Key) {
		k.Kind, k.PublicID, k.LicenseID, k.APISets = portal.OAuthKey, c.id, c.license.ID, []portal.APISet{p.Billing, p.Dunning, p.Revenue}
	}}, edit...)...)
	c.key, c.secret = key, value.Reveal()
	return c
}

// form gives parameters with ID and secret among them.
func (c oauthClient) form(parameters ...string) url.Values {
	form := fields(parameters...)
	form.Set("client_id", c.id)
	form.Set("client_secret", c.secret)
	return form
}

func fields(parameters ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		form.Add(parameters[i], parameters[i+1])
	}
	return form
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// said is a JSON answer.
type said struct {
	*http.Response
	body   string
	fields map[string]any
}

func (s said) text(name string) string {
	text, _ := s.fields[name].(string)
	return text
}

// program sends a program's request: the form in the body, headers as "Name: value".
func (p *running) program(path string, form url.Values, headers ...string) said {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodPost, p.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.sendProgram(request, headers...)
}

func (p *running) sendProgram(request *http.Request, headers ...string) said {
	p.t.Helper()
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	got := p.visitor().send(request)
	s := said{Response: &http.Response{StatusCode: got.status, Header: got.header}, body: got.body}
	if got.body == "" {
		return s
	}
	if err := json.Unmarshal([]byte(got.body), &s.fields); err != nil || got.header.Get("Content-Type") != "application/json" {
		p.t.Errorf("%s: %d is no JSON: %.200s", request.URL.Path, got.status, got.body)
	}
	return s
}

func (p *running) token(c oauthClient, scope ...string) string {
	p.t.Helper()
	form := c.form("grant_type", "client_credentials", "scope", strings.Join(scope, " "))
	got := p.program(tokenPath, form)
	if got.StatusCode != http.StatusOK {
		p.t.Fatalf("no token: %d %s", got.StatusCode, got.body)
	}
	return got.text("access_token")
}

// serveGateway runs the gateways' listener beside the portal.
func (p *running) serveGateway() string {
	server := httptest.NewServer(gateway.New(gateway.Options{
		Checker: p.Checker, Metrics: prometheus.NewRegistry(), Ready: p.Store.Ping, Logger: slog.New(slog.NewTextHandler(p.Log, nil)),
	}))
	p.t.Cleanup(server.Close)
	return server.URL
}

// wantUncached fails where an answer could be kept, or a page of another site
// could read it.
func wantUncached(t *testing.T, what string, header http.Header) {
	t.Helper()
	if header.Get("Cache-Control") != "no-store" || header.Get("Pragma") != "no-cache" || header.Get("Content-Encoding") != "" {
		t.Errorf("%s: the headers are %v", what, header)
	}
	for name := range header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: %s is sent", what, name)
		}
	}
}

func TestATokenIsAnsweredAsTheStandardHasIt(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	for name, test := range map[string]struct {
		form    url.Values
		headers []string
		scope   string
	}{
		"in the body":                   {c.form("grant_type", "client_credentials"), nil, "billing dunning"},
		"by HTTP Basic":                 {fields("grant_type", "client_credentials"), []string{"Authorization: " + basic(c.id, c.secret)}, "billing dunning"},
		"by HTTP Basic in another case": {fields("grant_type", "client_credentials"), []string{"Authorization: bASIC " + strings.TrimPrefix(basic(c.id, c.secret), "Basic ")}, "billing dunning"},
		"by HTTP Basic, with everything encoded": {fields("grant_type", "client_credentials"), []string{"Authorization: Basic " +
			base64.StdEncoding.EncodeToString([]byte("%6b"+c.id[1:]+":%6B"+c.secret[1:]))}, "billing dunning"},
		"by HTTP Basic and the same name":  {fields("grant_type", "client_credentials", "client_id", c.id), []string{"Authorization: " + basic(c.id, c.secret)}, "billing dunning"},
		"for less":                         {c.form("grant_type", "client_credentials", "scope", "dunning"), nil, "dunning"},
		"for all in another order":         {c.form("grant_type", "client_credentials", "scope", "dunning billing"), nil, "billing dunning"},
		"with a scope without a value":     {c.form("grant_type", "client_credentials", "scope", ""), nil, "billing dunning"},
		"with a parameter that is unknown": {c.form("grant_type", "client_credentials", "audience", "x"), nil, "billing dunning"},
		"to who can take it compressed":    {c.form("grant_type", "client_credentials"), []string{"Accept-Encoding: gzip"}, "billing dunning"},
	} {
		got := p.program(tokenPath, test.form, test.headers...)
		if got.StatusCode != http.StatusOK || got.text("token_type") != "Bearer" || got.fields["expires_in"] != 3600.0 || got.text("scope") != test.scope || len(got.fields) != 4 {
			t.Errorf("%s: %d %v", name, got.StatusCode, got.fields)
		}
		if prefix, err := secret.Parse(got.text("access_token")); err != nil || prefix != secret.AccessToken {
			t.Errorf("%s: the token has the prefix %q, %v", name, prefix, err)
		}
		wantUncached(t, name, got.Header)
	}
}

func TestATokenThatEndsSoonIsNotSaidToLastForever(t *testing.T) {
	p := startPortal(t)
	c := p.client(func(k *portal.Key) { k.ExpiresAt = p.Store.Now().Add(90 * time.Second) })
	for _, want := range []float64{90, 1} {
		got := p.program(tokenPath, c.form("grant_type", "client_credentials"))
		if got.fields["expires_in"] != want {
			t.Errorf("got %v, want %v", got.fields, want)
		}
		storetest.Of(p.Store).Clock.Advance(89*time.Second + 500*time.Millisecond)
	}
}

func TestGoPrograms(t *testing.T) {
	p := startPortal(t)
	c, gate := p.client(), p.serveGateway()
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams, oauth2.AuthStyleAutoDetect} {
		client := clientcredentials.Config{ClientID: c.id, ClientSecret: c.secret, TokenURL: p.URL + tokenPath, AuthStyle: style, Scopes: []string{"billing"}}
		token, err := client.Token(t.Context())
		if err != nil || token.Type() != "Bearer" || time.Until(token.Expiry) < 59*time.Minute || token.Extra("scope") != "billing" {
			t.Fatalf("style %d: %+v, %v", style, token, err)
		}
		for set, want := range map[string]int{"billing": http.StatusOK, "dunning": http.StatusForbidden} {
			response, err := client.Client(t.Context()).Get(gate + "/auth?api_set=" + set)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("style %d: %s for %s", style, response.Status, set)
			}
			if want == http.StatusOK && (response.Header.Get("X-License") != c.license.Number || response.Header.Get("X-User-Name") != "member" || response.Header.Get("X-Api-Sets") != "billing") {
				t.Errorf("the gateway is told %v", response.Header)
			}
		}
		client.ClientSecret = secret.New("", secret.ClientSecret).Reveal()
		_, err = client.Token(t.Context())
		if refused, ok := err.(*oauth2.RetrieveError); !ok || refused.ErrorCode != "invalid_client" || refused.ErrorDescription == "" || refused.Response.StatusCode != http.StatusUnauthorized {
			t.Errorf("style %d: %v", style, err)
		}
	}
	uses, err := p.Store.ClientUses(t.Context(), c.key.ID)
	if err != nil || len(uses) != 1 || uses[0].Agent != "Go-http-client/1.1" || uses[0].Address != "127.0.0.1" {
		t.Errorf("got %+v, %v", uses, err)
	}
}

func TestCurl(t *testing.T) {
	p := startPortal(t)
	c, gate := p.client(), p.serveGateway()
	curl := func(args ...string) (body string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "curl", append([]string{"--silent", "--show-error"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	for _, proof := range [][]string{{"--user", c.id + ":" + c.secret}, {"-d", "client_id=" + c.id, "-d", "client_secret=" + c.secret}} {
		var token struct {
			Value string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(curl(append(proof, "-d", "grant_type=client_credentials", "-d", "scope=billing", p.URL+tokenPath)...)), &token); err != nil {
			t.Fatal(err)
		}
		status := func(set string) string {
			return curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer "+token.Value, gate+"/auth?api_set="+set)
		}
		if status("billing") != "200" || status("dunning") != "403" {
			t.Errorf("billing %s, dunning %s", status("billing"), status("dunning"))
		}
		if got := curl(append(proof, "-d", "token="+token.Value, p.URL+introspectionPath)...); !strings.Contains(got, `"active":true`) {
			t.Errorf("got %s", got)
		}
		if got := curl(append(proof, "-d", "token="+token.Value, "-w", "%{http_code}", p.URL+revocationPath)...); got != "200" {
			t.Errorf("got %s", got)
		}
		if got := status("billing"); got != "401" {
			t.Errorf("after it was revoked: %s", got)
		}
	}
}

func TestIntrospectionTellsWhoseATokenIs(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	token := p.token(c, "billing")
	storetest.Of(p.Store).Clock.Advance(time.Minute)
	now := p.Store.Now().Unix()
	want := map[string]any{
		"active": true, "client_id": c.id, "scope": "billing", "exp": float64(now - 60 + 3600), "iat": float64(now - 60),
		"sub": strconv.FormatInt(p.Member.ID, 10), "username": "member", "token_type": "Bearer", "iss": p.URL,
		"license": c.license.Number, "domain": c.license.Domain, "organization": "Gold Client",
	}
	for name, form := range map[string]url.Values{
		"as it is":            c.form("token", token),
		"with a hint":         c.form("token", token, "token_type_hint", "access_token"),
		"with a wrong hint":   c.form("token", token, "token_type_hint", "refresh_token"),
		"with a strange hint": c.form("token", token, "token_type_hint", "junk"),
		"with its address":    c.form("token", token, "client_ip", "192.0.2.7"),
	} {
		got := p.program(introspectionPath, form)
		if got.StatusCode != http.StatusOK || len(got.fields) != len(want) {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		for field, value := range want {
			if got.fields[field] != value {
				t.Errorf("%s: %s is %v, want %v", name, field, got.fields[field], value)
			}
		}
		wantUncached(t, name, got.Header)
	}
}

func TestOfWhatIsNotActiveNothingElseIsTold(t *testing.T) {
	p := startPortal(t)
	c, other := p.client(), p.client()
	token, revoked := p.token(c), p.token(c)
	p.program(revocationPath, c.form("token", revoked))
	for name, form := range map[string]url.Values{
		"an unknown token":        c.form("token", secret.New("", secret.AccessToken).Reveal()),
		"a revoked token":         c.form("token", revoked),
		"another client's token":  other.form("token", token),
		"an API key":              c.form("token", p.Secret.Reveal()),
		"a Client Secret":         c.form("token", c.secret),
		"a Client ID":             c.form("token", c.id),
		"junk":                    c.form("token", "junk \x00\xff"),
		"a token from outside":    p.client(func(k *portal.Key) { k.AllowedNetworks = []string{"127.0.0.1/32"} }).introspectOwn(p, "192.0.2.7"),
		"a token with a slip":     c.form("token", token[:len(token)-1]+"-"),
		"a token after it is due": p.expired(c),
	} {
		if got := p.program(introspectionPath, form); got.StatusCode != http.StatusOK || strings.TrimSpace(got.body) != `{"active":false}` {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
}

// introspectOwn gives the question of a client about its own token, used from an
// address.
func (c oauthClient) introspectOwn(p *running, from string) url.Values {
	return c.form("token", p.token(c), "client_ip", from)
}

// expired gives the question about a token that expires before it is asked.
func (p *running) expired(c oauthClient) url.Values {
	token := p.token(c)
	storetest.Exec(p.t, storetest.SQL(p.t, p.Store), `UPDATE access_tokens SET expires_at = 1 WHERE hash = $1`, hashOf(token))
	return c.form("token", token)
}

func hashOf(text string) []byte {
	hash := secret.HashOf(text)
	return hash[:]
}

func TestWhoHoldsVerifyKeysIntrospectsWithAKeyOrToken(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	token := p.token(c)
	role := storetest.Role(t, p.Store, p.Other, []portal.Authority{portal.VerifyKeys})
	_, key := storetest.Key(t, p.Store, storetest.Member(t, p.Store, p.Other, p.Colleague, role))
	_, network := storetest.Key(t, p.Store, storetest.Member(t, p.Store, p.Other, p.Nobody, role), func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.0/24"} })
	for name, test := range map[string]struct {
		header string
		status int
		want   string
	}{
		"a gateway's key":           {"X-Api-Key: " + key.Reveal(), 200, `"active":true`},
		"a gateway's key as Bearer": {"Authorization: Bearer " + key.Reveal(), 200, `"active":true`},
		"the token itself":          {"Authorization: bearer " + token, 200, `"active":true`},
		"another key":               {"X-Api-Key: " + p.Secret.Reveal(), 200, `{"active":false}`},
		"an unknown key":            {"X-Api-Key: " + secret.New("", secret.Token).Reveal(), 401, `"error":"invalid_token"`},
		"junk":                      {"Authorization: Bearer junk", 401, `"error":"invalid_token"`},
		"a key from elsewhere":      {"Authorization: Bearer " + network.Reveal(), 401, `"error":"invalid_token"`},
		"a Client Secret alone":     {"Authorization: Bearer " + c.secret, 401, `"error":"invalid_token"`},
		"nothing at all":            {"Authorization: Bearer ", 401, `"error":"invalid_client"`},
		"an empty key":              {"X-Api-Key: ", 401, `"error":"invalid_client"`},
	} {
		got := p.program(introspectionPath, fields("token", token), test.header)
		if got.StatusCode != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		challenge := got.Header.Get("WWW-Authenticate")
		if strings.Contains(test.want, "invalid_token") && challenge != `Bearer realm="Key Portal", error="invalid_token"` ||
			strings.Contains(test.want, "invalid_client") && challenge != `Basic realm="Key Portal", charset="UTF-8"` || test.status == 200 && challenge != "" {
			t.Errorf("%s: the challenge is %q", name, challenge)
		}
		wantUncached(t, name, got.Header)
	}
	got := p.program(introspectionPath, fields("token", token), "X-Api-Key: "+key.Reveal(), "Impersonate-User-Id: 1")
	if got.StatusCode != http.StatusUnauthorized {
		t.Errorf("in the name of another: %d %s", got.StatusCode, got.body)
	}
}

func TestRevocationIsAnsweredAlikeWhateverTheTokenIs(t *testing.T) {
	p := startPortal(t)
	c, other := p.client(), p.client()
	token, kept := p.token(c), p.token(c)
	active := func(c oauthClient, token string) bool {
		t.Helper()
		return p.program(introspectionPath, c.form("token", token)).fields["active"] == true
	}
	revoke := func(name string, form url.Values) {
		t.Helper()
		got := p.program(revocationPath, form)
		if got.StatusCode != http.StatusOK || got.body != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		wantUncached(t, name, got.Header)
	}
	revoke("an unknown token", c.form("token", secret.New("", secret.AccessToken).Reveal()))
	revoke("junk", c.form("token", "junk"))
	revoke("another client's token", other.form("token", token))
	if !active(c, token) {
		t.Fatal("somebody else revoked it")
	}
	revoke("the token", c.form("token", token, "token_type_hint", "refresh_token"))
	revoke("the token again", c.form("token", token))
	if active(c, token) || !active(c, kept) {
		t.Errorf("active is %t, the other %t", active(c, token), active(c, kept))
	}
	for _, kind := range []secret.Prefix{secret.Token, secret.ClientSecret, secret.SecurityKey, secret.ClientID, secret.AccessKey} {
		got := p.program(revocationPath, c.form("token", secret.New("", kind).Reveal()))
		if got.StatusCode != http.StatusBadRequest || got.text("error") != "unsupported_token_type" {
			t.Errorf("%s: %d %s", kind, got.StatusCode, got.body)
		}
	}
	if got := p.program(revocationPath, c.form("token", c.secret)); got.text("error") != "unsupported_token_type" || !active(c, kept) {
		t.Errorf("its own secret: %s", got.body)
	}
}

func TestProgramsFindTheAddressesByTheMetadata(t *testing.T) {
	p := startPortal(t)
	got := p.visitor().get(metadataPath)
	var metadata map[string]any
	if err := json.Unmarshal([]byte(got.body), &metadata); err != nil || got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s %v", got.status, got.body, err)
	}
	encoded, err := json.Marshal(metadata) // with the names in order
	if err != nil {
		t.Fatal(err)
	}
	want := `{"grant_types_supported":["client_credentials"],` +
		`"introspection_endpoint":"BASE/oauth2/v1/token/introspection","introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","Bearer"],` +
		`"issuer":"BASE","response_types_supported":[],` +
		`"revocation_endpoint":"BASE/oauth2/v1/token/revocation","revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],` +
		`"token_endpoint":"BASE/oauth2/v1/token","token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}`
	if want = strings.ReplaceAll(want, "BASE", p.URL); string(encoded) != want {
		t.Errorf("got  %s\nwant %s", encoded, want)
	}
	if cache := got.header.Get("Cache-Control"); cache != "public, max-age=3600" || got.header.Get("Set-Cookie") != "" {
		t.Errorf("the headers are %v", got.header)
	}
}

func TestAClientIsNotHeldUpByPeoplesSessions(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	form := c.form("grant_type", "client_credentials")
	p.as(p.SuperAdmin).post(tokenPath, form).expect(t, http.StatusOK, "access_token")
	b := p.as(p.Nobody)
	storetest.Exec(t, storetest.SQL(t, p.Store), `DELETE FROM sessions`)
	b.post(tokenPath, form).expect(t, http.StatusOK, "access_token")
}

func TestRegeneratingASecretEndsItsTokensAndTheGraceKeepsThem(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	token := p.token(c)
	active := func() bool { return p.program(introspectionPath, c.form("token", token)).fields["active"] == true }
	rotate := func(until time.Time) {
		t.Helper()
		fresh := secret.New("", secret.ClientSecret)
		storetest.Change(t, p.Store, func(change *store.Change) (err error) {
			if err = change.RotateSecret(t.Context(), c.key, storetest.Secret(fresh), until); err == nil {
				c.key, err = change.Key(t.Context(), c.key.ID)
			}
			return err
		})
		c.secret = fresh.Reveal()
	}
	rotate(p.Store.Now().Add(time.Minute))
	if !active() {
		t.Error("the grace does not keep the token")
	}
	storetest.Of(p.Store).Clock.Advance(time.Minute)
	if active() {
		t.Error("the token outlives the grace")
	}
	token = p.token(c)
	old := c
	rotate(time.Time{})
	if active() || p.program(tokenPath, old.form("grant_type", "client_credentials")).text("error") != "invalid_client" {
		t.Error("the old secret or its token works on")
	}
}
