package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// bearer authenticates a request with an API key or access token.
func bearer(credential string) func(*http.Request) { return authorize("Bearer " + credential) }

// of gives the form that asks about a token.
func of(token string) url.Values { return url.Values{"token": {token}} }

// verifierKey gives the key of somebody who holds Verify keys in an organization.
func (p *running) verifierKey(organization portal.Organization) string {
	p.t.Helper()
	role := storetest.Role(p.t, p.Store, organization, []portal.Authority{portal.VerifyKeys})
	_, key := storetest.Key(p.t, p.Store, storetest.Member(p.t, p.Store, organization, storetest.User(p.t, p.Store), role))
	return key.Reveal()
}

// isInactive tells whether an answer says that a token is not active, and nothing
// else.
func (s said) isInactive() bool {
	return s.status == http.StatusOK && maps.Equal(s.fields, map[string]any{"active": false})
}

func TestIntrospectionTellsWhoseATokenIs(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	issued := p.Store.Now()
	token := client.token("dunning")
	storetest.Of(p.Store).Clock.Advance(time.Minute)
	want := map[string]any{
		"active": true, "client_id": client.key.PublicID, "scope": "dunning", "token_type": "Bearer", "username": p.Member.Username, "sub": id(p.Member.ID), "iss": p.URL,
		"iat": float64(issued.Unix()), "exp": float64(issued.Add(time.Hour).Unix()),
		"license": p.License.Number, "domain": p.License.Domain, "organization": p.Organization.Name,
	}
	gateway, body := p.verifierKey(p.Other), of(token).Encode()
	apiKey := func(r *http.Request) { r.Header.Set("X-Api-Key", gateway) }
	inBody := body + "&client_id=" + client.key.PublicID + "&client_secret=" + client.secret
	for what, got := range map[string]said{
		"the client":                          client.send(introspectionPath, of(token)),
		"the client, in the body":             p.program(introspectionPath, inBody),
		"the token itself":                    p.program(introspectionPath, body, bearer(token)),
		"another token of the client":         p.program(introspectionPath, body, bearer(client.token("billing"))),
		"who holds Verify keys":               p.program(introspectionPath, body, bearer(gateway)),
		"who holds Verify keys, by X-Api-Key": p.program(introspectionPath, body, apiKey),
		"with a hint":                         client.send(introspectionPath, url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}),
	} {
		if got.status != http.StatusOK || !maps.Equal(got.fields, want) {
			t.Errorf("%s is told %d %v\nwant %v", what, got.status, got.fields, want)
		}
	}
	if strings.Contains(p.Log.String(), token) || strings.Contains(p.Log.String(), gateway) {
		t.Error("a credential is in the log")
	}
}

func TestNobodyElseLearnsAnythingOfAToken(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	other := p.oauthClient(func(k *portal.Key) { k.LicenseID = storetest.License(t, p.Store, p.Organization).ID })
	token, gateway := client.token(""), p.verifierKey(p.Organization)
	body := of(token).Encode()
	for what, got := range map[string]said{
		"another client":                    other.send(introspectionPath, of(token)),
		"another client's token":            p.program(introspectionPath, body, bearer(other.token(""))),
		"an API key without Verify keys":    p.program(introspectionPath, body, bearer(p.Secret.Reveal())),
		"about junk":                        client.send(introspectionPath, of("junk")),
		"about a NUL":                       client.send(introspectionPath, of("\x00")),
		"about an unknown token":            client.send(introspectionPath, of(secret.New("", secret.AccessToken).Reveal())),
		"about the client's secret":         client.send(introspectionPath, of(client.secret)),
		"a gateway about an API key":        p.program(introspectionPath, of(p.Secret.Reveal()).Encode(), bearer(gateway)),
		"a gateway about a token with junk": p.program(introspectionPath, of(token+" ").Encode(), bearer(gateway)),
	} {
		if !got.isInactive() {
			t.Errorf("%s is told %d %s", what, got.status, got.body)
		}
	}
	if got := client.send(introspectionPath, of(token)); got.fields["active"] != true {
		t.Errorf("the client itself is told %s", got.body)
	}
}

func TestATokenIsNoLongerActiveOnceItHasEnded(t *testing.T) {
	p := startPortal(t)
	client, gateway := p.oauthClient(), p.verifierKey(p.Other)
	active := func(token string) bool {
		t.Helper()
		got := p.program(introspectionPath, of(token).Encode(), bearer(gateway))
		if got.fields["active"] != true && !got.isInactive() {
			t.Errorf("told %d %s", got.status, got.body)
		}
		return got.fields["active"] == true
	}
	for what, end := range map[string]func(token string){
		"revoked":     func(token string) { client.send(revocationPath, of(token)) },
		"expired":     func(string) { storetest.Of(p.Store).Clock.Advance(time.Hour) },
		"regenerated": func(string) { client = p.regenerate(client) },
	} {
		token := client.token("")
		if !active(token) {
			t.Fatalf("not even active before it is %s", what)
		}
		if end(token); active(token) {
			t.Errorf("%s, and active", what)
		}
	}
	token := client.token("")
	p.editKey(client.key, func(k *portal.Key) { k.Enabled = false })
	if active(token) {
		t.Error("the key is disabled, and its token active")
	}
}

// regenerate gives a client a new secret, which stops the old one at once.
func (p *running) regenerate(client oauthClient) oauthClient {
	p.t.Helper()
	b := p.asIn(p.Admin, p.Instance)
	form := url.Values{"grace": {"0s"}, "confirm": {p.License.Number}}
	_, client.secret = b.post("/keys/"+id(client.key.ID)+"/rotate", form).expect(p.t, http.StatusOK, "Save generated key").client(p.t)
	return client
}

func TestWhereATokenMayBeUsedDecidesWhetherItIsActive(t *testing.T) {
	p := startPortal(t)
	client, gateway := p.oauthClient(), p.verifierKey(p.Other)
	token := client.token("")
	p.editKey(client.key, func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.0/24", "2001:db8::/32"} })
	for from, want := range map[string]bool{"192.0.2.7": true, "2001:db8::7": true, "::ffff:192.0.2.7": true, "198.51.100.1": false, "": false} {
		got := p.program(introspectionPath, of(token).Encode()+"&client_ip="+url.QueryEscape(from), bearer(gateway))
		if got.fields["active"] != want {
			t.Errorf("used from %q: %s", from, got.body)
		}
	}
	for _, from := range []string{"x", "192.0.2.0/24", "192.0.2.7:80", "192.0.2"} {
		got := p.program(introspectionPath, of(token).Encode()+"&client_ip="+url.QueryEscape(from), bearer(gateway))
		got.want(t, from, 400, "invalid_request", "client_ip is no IP address")
	}
}

func TestWhoAsksAboutATokenMustProveWhoTheyAre(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	token, ended := client.token(""), client.token("")
	client.send(revocationPath, of(ended))
	body := of(token).Encode()
	const basic, invalid = `Basic realm="Key Portal", charset="UTF-8"`, `Bearer realm="Key Portal", error="invalid_token"`
	for what, test := range map[string]struct {
		edit            func(*http.Request)
		code, challenge string
	}{
		"nobody":                  {func(*http.Request) {}, "invalid_client", basic},
		"a wrong secret":          {func(r *http.Request) { r.SetBasicAuth(client.key.PublicID, "wrong") }, "invalid_client", basic},
		"Bearer with nothing":     {authorize("Bearer"), "invalid_client", basic},
		"a key that is none":      {bearer("wrong"), "invalid_token", invalid},
		"an unknown key":          {bearer(secret.New("", secret.Token).Reveal()), "invalid_token", invalid},
		"a secret as a key":       {bearer(client.secret), "invalid_token", invalid},
		"a token that was ended":  {bearer(ended), "invalid_token", invalid},
		"an empty API key":        {func(r *http.Request) { r.Header.Set("X-Api-Key", "") }, "invalid_client", basic},
		"a key that impersonates": {func(r *http.Request) { bearer(token)(r); r.Header.Set("Impersonate-User-Id", "1") }, "invalid_token", invalid},
	} {
		got := p.program(introspectionPath, body, test.edit)
		got.want(t, what, 401, test.code)
		if challenge := got.header.Get("WWW-Authenticate"); challenge != test.challenge {
			t.Errorf("%s: challenged with %q", what, challenge)
		}
	}
	client.send(introspectionPath, nil).want(t, "no token", 400, "invalid_request", "token is missing")
	client.send(introspectionPath, of("")).want(t, "an empty token", 400, "invalid_request", "token is missing")
	p.program(introspectionPath, body+"&"+body, client.basic).want(t, "two tokens", 400, "invalid_request", "more than once")
	p.program(introspectionPath, body, client.basic, bearer(token)).want(t, "two proofs", 400, "invalid_request", "more than one way")
	p.program(introspectionPath, "", func(*http.Request) {}).want(t, "nobody without a token", 401, "invalid_client")
}

// Else a key that can impersonate a gateway's user would be told of all tokens.
func TestNobodyAsksAboutATokenAsAnotherUser(t *testing.T) {
	p := startPortal(t)
	token := p.oauthClient().token("")
	verifier := p.holder(portal.VerifyKeys)
	_, value := storetest.Key(t, p.Store, p.membership(verifier, p.Organization), func(k *portal.Key) { k.CanImpersonate = true })
	as := func(user portal.User) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Impersonate-User-Id", id(user.ID)) }
	}
	if got := p.program(introspectionPath, of(token).Encode(), bearer(value.Reveal())); got.fields["active"] != true {
		t.Errorf("as itself: %d %s", got.status, got.body)
	}
	for _, user := range []portal.User{p.Member, verifier} {
		p.program(introspectionPath, of(token).Encode(), bearer(value.Reveal()), as(user)).want(t, "as "+user.Username, 401, "invalid_token")
	}
}

func TestAClientRevokesItsTokensAndOthersLiveOn(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	other := p.oauthClient(func(k *portal.Key) { k.LicenseID = storetest.License(t, p.Store, p.Organization).ID })
	active := func(o oauthClient, token string) bool {
		return o.send(introspectionPath, of(token)).fields["active"] == true
	}
	token, kept, theirs := client.token(""), client.token(""), other.token("")
	for what, text := range map[string]string{
		"its own": token, "its own again": token, "another's": theirs, "unknown": secret.New("", secret.AccessToken).Reveal(), "junk": "junk", "a NUL": "\x00",
	} {
		if got := client.send(revocationPath, of(text)); got.status != http.StatusOK || got.body != "" {
			t.Errorf("%s: answered %d %q", what, got.status, got.body)
		}
	}
	if active(client, token) || !active(client, kept) || !active(other, theirs) {
		t.Error("the revoked token lives on, or one that was not the client's to revoke does not")
	}
	hinted := url.Values{"token": {kept}, "token_type_hint": {"unknown"}, "client_id": {client.key.PublicID}, "client_secret": {client.secret}}
	if got := p.program(revocationPath, hinted.Encode()); got.status != http.StatusOK || active(client, kept) {
		t.Errorf("with a hint, in the body: answered %d %s", got.status, got.body)
	}
	for what, text := range map[string]string{
		"an API key": p.Secret.Reveal(), "its own secret": client.secret, "its own ID": client.key.PublicID, "a security key": secret.New("", secret.SecurityKey).Reveal(),
	} {
		client.send(revocationPath, of(text)).want(t, what, 400, "unsupported_token_type", "in the portal")
	}
	client.token("") // the secret lives on
}

func TestOnlyAClientRevokesTokens(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	token := client.token("")
	body := of(token).Encode()
	for what, edit := range map[string]func(*http.Request){
		"nobody":                func(*http.Request) {},
		"a wrong secret":        func(r *http.Request) { r.SetBasicAuth(client.key.PublicID, "wrong") },
		"the token itself":      bearer(token),
		"an API key":            bearer(p.Secret.Reveal()),
		"who holds Verify keys": bearer(p.verifierKey(p.Organization)),
	} {
		p.program(revocationPath, body, edit).want(t, what, 401, "invalid_client")
	}
	client.send(revocationPath, nil).want(t, "no token", 400, "invalid_request", "token is missing")
	if client.send(introspectionPath, of(token)).fields["active"] != true {
		t.Error("somebody else revoked the token")
	}
}

func TestTheMetadataNamesTheAddressesAndWhatTheyTake(t *testing.T) {
	p := startPortal(t)
	page := p.visitor().get("/.well-known/oauth-authorization-server")
	var got map[string]any
	if err := json.Unmarshal([]byte(page.body), &got); err != nil || page.status != http.StatusOK || !strings.HasPrefix(page.header.Get("Content-Type"), "application/json") {
		t.Fatalf("answered %d %q %s: %v", page.status, page.header.Get("Content-Type"), page.body, err)
	}
	want := `{"grant_types_supported":["client_credentials"],"introspection_endpoint":"BASE/oauth2/v1/token/introspection",` +
		`"introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","Bearer"],"issuer":"BASE","response_types_supported":[],` +
		`"revocation_endpoint":"BASE/oauth2/v1/token/revocation","revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],` +
		`"token_endpoint":"BASE/oauth2/v1/token","token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}`
	if sorted, err := json.Marshal(got); err != nil || string(sorted) != strings.ReplaceAll(want, "BASE", p.URL) {
		t.Errorf("got %s, %v", sorted, err)
	}
	if page.header.Get("Cache-Control") != "public, max-age=3600" || page.header.Get("Set-Cookie") != "" {
		t.Errorf("may be cached: %q; cookie %q", page.header.Get("Cache-Control"), page.header.Get("Set-Cookie"))
	}
}
