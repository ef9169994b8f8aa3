package web_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// authorize gives a request the header Authorization.
func authorize(value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add("Authorization", value) }
}

func basicOf(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }

func TestEachMistakeOfAClientIsAnsweredAsRFC6749HasIt(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	id, clientSecret := client.key.PublicID, client.secret
	const grant = "grant_type=client_credentials"
	inBody := grant + "&client_id=" + id + "&client_secret=" + clientSecret
	nobody := func(*http.Request) {}
	both := func(first, second func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) { first(r); second(r) }
	}
	as := func(kind string) func(*http.Request) {
		return both(client.basic, func(r *http.Request) { r.Header.Set("Content-Type", kind) })
	}
	for _, test := range []struct {
		what, body string
		edit       func(*http.Request)
		status     int
		code, text string
	}{
		{"no grant type", "", client.basic, 400, "invalid_request", "grant_type is missing"},
		{"a grant type without a value", "grant_type=", client.basic, 400, "invalid_request", "grant_type is missing"},
		{"another grant type", "grant_type=authorization_code", client.basic, 400, "unsupported_grant_type", "client_credentials"},
		{"a password grant", "grant_type=password&username=member&password=x", client.basic, 400, "unsupported_grant_type", "client_credentials"},
		{"a grant type in upper case", "grant_type=CLIENT_CREDENTIALS", client.basic, 400, "unsupported_grant_type", ""},

		{"another grant type with a wrong secret", "grant_type=password", authorize(basicOf(id + ":" + secret.New("", secret.ClientSecret).Reveal())), 401, "invalid_client", "not known, or its secret is wrong"},
		{"another grant type with a wrong secret in the body", "grant_type=password&client_id=" + id + "&client_secret=wrong", nobody, 401, "invalid_client", "not known, or its secret is wrong"},
		{"another grant type and no client", "grant_type=password", nobody, 401, "invalid_client", "Send the Client ID"},

		{"no client", grant, nobody, 401, "invalid_client", "Send the Client ID"},
		{"no client and no grant type", "", nobody, 401, "invalid_client", "Send the Client ID"},
		{"an ID without a secret", grant + "&client_id=" + id, nobody, 401, "invalid_client", "Send the Client ID"},
		{"a secret without an ID", grant + "&client_secret=" + clientSecret, nobody, 401, "invalid_client", "Send the Client ID"},
		{"a wrong secret", grant, authorize(basicOf(id + ":" + secret.New("", secret.ClientSecret).Reveal())), 401, "invalid_client", "not known, or its secret is wrong"},
		{"a secret that is none", grant, authorize(basicOf(id + ":wrong")), 401, "invalid_client", "not known, or its secret is wrong"},
		{"a wrong ID with the right secret", grant, authorize(basicOf(secret.New("", secret.ClientID).Reveal() + ":" + clientSecret)), 401, "invalid_client", "not known, or its secret is wrong"},
		{"a wrong secret in the body", grant + "&client_id=" + id + "&client_secret=wrong", nobody, 401, "invalid_client", "not known, or its secret is wrong"},
		{"an API key for a secret", grant, authorize(basicOf(id + ":" + p.Secret.Reveal())), 401, "invalid_client", "not known, or its secret is wrong"},
		{"an API key as Bearer", grant, authorize("Bearer " + p.Secret.Reveal()), 401, "invalid_client", "Send the Client ID"},
		{"an API key in its header", grant, func(r *http.Request) { r.Header.Set("X-Api-Key", p.Secret.Reveal()) }, 401, "invalid_client", "Send the Client ID"},

		{"a header that is not Base64", grant, authorize("Basic %%%"), 401, "invalid_client", "cannot be read"},
		{"a header without a colon", grant, authorize(basicOf(id)), 401, "invalid_client", "Send the Client ID"},
		{"a header whose ID is badly encoded", grant, authorize(basicOf("%zz:" + clientSecret)), 401, "invalid_client", "cannot be read"},
		{"a header whose secret is badly encoded", grant, authorize(basicOf(id + ":%")), 401, "invalid_client", "cannot be read"},
		{"a header without a secret", grant, authorize(basicOf(id + ":")), 401, "invalid_client", "Send the Client ID"},
		{"Basic with nothing", grant, authorize("Basic"), 401, "invalid_client", "Send the Client ID"},
		{"another scheme", grant, authorize("Digest x"), 401, "invalid_client", "Only HTTP Basic"},
		{"no scheme", grant, authorize(""), 401, "invalid_client", "Only HTTP Basic"},

		{"both ways of authentication", inBody, client.basic, 400, "invalid_request", "more than one way"},
		{"two headers", grant, both(client.basic, authorize(basicOf(id+":"+clientSecret))), 400, "invalid_request", "more than one way"},
		{"an API key beside HTTP Basic", grant, both(client.basic, func(r *http.Request) { r.Header.Set("X-Api-Key", p.Secret.Reveal()) }), 400, "invalid_request", "more than one way"},
		{"another client in the body", grant + "&client_id=kpc_other", client.basic, 400, "invalid_request", "another client"},

		{"a grant type sent twice", grant + "&" + grant, client.basic, 400, "invalid_request", "more than once"},
		{"an ID sent twice", inBody + "&client_id=" + id, nobody, 400, "invalid_request", "more than once"},
		{"a secret sent twice", inBody + "&client_secret=" + clientSecret, nobody, 400, "invalid_request", "more than once"},
		{"a scope sent twice", grant + "&scope=billing&scope=dunning", client.basic, 400, "invalid_request", "more than once"},
		{"a scope sent twice without a value", grant + "&scope=&scope=", client.basic, 400, "invalid_request", "more than once"},
		{"an unknown parameter sent twice", grant + "&x=1&x=2", client.basic, 400, "invalid_request", "more than once"},

		{"JSON", `{"grant_type":"client_credentials"}`, as("application/json"), 400, "invalid_request", "Content-Type application/x-www-form-urlencoded"},
		{"a form with files", "--x\r\nContent-Disposition: form-data; name=grant_type\r\n\r\nclient_credentials\r\n--x--\r\n", as("multipart/form-data; boundary=x"), 400, "invalid_request", "Content-Type"},
		{"a form as text", grant, as("text/plain"), 400, "invalid_request", "Content-Type"},
		{"a content type that is none", grant, as("a/b/c;;"), 400, "invalid_request", ""},
		{"no content type", grant, both(client.basic, func(r *http.Request) { r.Header.Del("Content-Type") }), 400, "invalid_request", "Content-Type"},
		{"a body that is badly encoded", grant + "&scope=%zz", client.basic, 400, "invalid_request", "cannot be read"},
		{"a semicolon in the body", grant + ";scope=billing", client.basic, 400, "invalid_request", "cannot be read"},
		{"a body that is too large", grant + "&x=" + strings.Repeat("x", 1<<20), client.basic, 413, "invalid_request", "too large"},

		{"a scope that is unknown", grant + "&scope=unknown", client.basic, 400, "invalid_scope", "slugs"},
		{"a scope that the user's roles do not allow", grant + "&scope=revenue-management", client.basic, 400, "invalid_scope", "slugs"},
		{"a scope that is reached in part", grant + "&scope=billing+revenue-management", client.basic, 400, "invalid_scope", "slugs"},
		{"a scope with two spaces", grant + "&scope=billing++dunning", client.basic, 400, "invalid_scope", "single spaces"},
		{"a scope in quotes", grant + "&scope=%22billing%22", client.basic, 400, "invalid_scope", "slugs"},
		{"a scope with a NUL", grant + "&scope=billing%00", client.basic, 400, "invalid_scope", "slugs"},

		{"another site's page", grant, both(client.basic, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }), 403, "invalid_request", "another site"},
	} {
		got := p.program(tokenPath, test.body, test.edit)
		got.want(t, test.what, test.status, test.code, test.text)
		if challenge := got.header.Get("WWW-Authenticate"); test.status == 401 && challenge != `Basic realm="Key Portal", charset="UTF-8"` {
			t.Errorf("%s: challenged with %q", test.what, challenge)
		}
		if strings.Contains(got.body, clientSecret) || strings.Contains(got.body, id) {
			t.Errorf("%s: the answer repeats what was sent: %s", test.what, got.body)
		}
	}
	if log := p.Log.String(); strings.Contains(log, clientSecret) || strings.Contains(log, "level=ERROR") {
		t.Errorf("the log has the Client Secret, or takes mistakes for faults: %.2000s", log)
	}
	if uses, err := p.Store.ClientUses(t.Context(), client.key.ID); err != nil || len(uses) > 0 {
		t.Errorf("a refused client got a token: %+v, %v", uses, err)
	}
}

func TestParametersInTheQueryAreRefusedAndNeverLogged(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	secrets := url.Values{"client_id": {client.key.PublicID}, "client_secret": {client.secret}, "token": {client.token("")}}.Encode()
	for _, path := range []string{tokenPath, introspectionPath, revocationPath} {
		for what, query := range map[string]string{
			"all parameters":       "?grant_type=client_credentials&" + secrets,
			"a query that is none": "?" + secrets + "&%zz",
			"an empty query":       "?",
		} {
			for _, edit := range []func(*http.Request){client.basic, func(*http.Request) {}} {
				p.program(path+query, "grant_type=client_credentials", edit).want(t, path+" with "+what, 400, "invalid_request")
			}
		}
	}
	p.program(tokenPath+"?scope=billing", "grant_type=client_credentials", client.basic).want(t, "a scope in the query", 400, "invalid_request", "nothing in its query", "regenerated")
	if strings.Contains(p.Log.String(), client.secret) {
		t.Error("the Client Secret is in the log")
	}
}

func TestAnotherMethodOrAddressIsAnsweredInJSON(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	with := func(method string) func(*http.Request) {
		return func(r *http.Request) { r.Method = method }
	}
	for path, allowed := range map[string]string{
		tokenPath: "POST", introspectionPath: "POST", revocationPath: "POST", "/.well-known/oauth-authorization-server": "GET",
	} {
		for _, method := range []string{"GET", "PUT", "DELETE", "PATCH", "POST"} {
			if method == allowed {
				continue
			}
			got := p.program(path, "grant_type=client_credentials", client.basic, with(method))
			got.want(t, method+" "+path, 405, "invalid_request", "Allow")
			if !strings.Contains(got.header.Get("Allow"), allowed) {
				t.Errorf("%s %s allows %q", method, path, got.header.Get("Allow"))
			}
		}
	}
	for _, path := range []string{"/oauth2/", "/oauth2/v1", "/oauth2/v1/token/", "/oauth2/v1/token/unknown", "/oauth2/v2/token", "/oauth2/%20"} {
		for _, method := range []string{"GET", "POST"} {
			p.program(path, "grant_type=client_credentials", client.basic, with(method)).want(t, method+" "+path, 404, "invalid_request", "/.well-known/oauth-authorization-server")
		}
	}
}

func TestABodyWithoutALengthIsReadNoFurtherThanTheLimit(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	body := bytes.Repeat([]byte("x=1&"), 1<<19)
	chunked := func(r *http.Request) { r.Body, r.ContentLength, r.GetBody = endless{bytes.NewReader(body)}, -1, nil }
	p.program(tokenPath, "", client.basic, chunked).want(t, "2 MB in chunks", 413, "invalid_request", "too large")
}

// endless is a body that does not tell its length.
type endless struct{ *bytes.Reader }

// Close ends nothing.
func (endless) Close() error { return nil }

func TestAClientThatMayDoNothingIsToldWhyAndWhatHelps(t *testing.T) {
	for what, test := range map[string]struct {
		fault  func(p *running, o oauthClient)
		status int
		code   string
		text   string
	}{
		"disabled": {func(p *running, o oauthClient) { p.editKey(o.key, func(k *portal.Key) { k.Enabled = false }) }, 401, "invalid_client", "disabled"},
		"revoked":  {func(p *running, o oauthClient) { p.editKey(o.key, func(k *portal.Key) { k.RevokedAt = p.Store.Now() }) }, 401, "invalid_client", "revoked"},
		"expired":  {func(p *running, o oauthClient) { p.editKey(o.key, func(k *portal.Key) { k.ExpiresAt = p.Store.Now() }) }, 401, "invalid_client", "expired"},
		"bound to another network": {func(p *running, o oauthClient) {
			p.editKey(o.key, func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.0/24"} })
		}, 400, "unauthorized_client", "address"},
		"without API sets": {func(p *running, o oauthClient) { p.editKey(o.key, func(k *portal.Key) { k.APISets = nil }) }, 400, "invalid_scope", "reaches no API set"},
		"with sets that no role allows": {func(p *running, o oauthClient) {
			p.editKey(o.key, func(k *portal.Key) { k.APISets = []portal.APISet{p.Revenue} })
		}, 400, "invalid_scope", "reaches no API set"},
		"of a user who is disabled": {func(p *running, _ oauthClient) { p.editUser(func(u *portal.User) { u.Enabled = false }) }, 401, "invalid_client", "disabled"},
		"of a user who is locked":   {func(p *running, _ oauthClient) { p.editUser(func(u *portal.User) { u.Locked = true }) }, 401, "invalid_client", "locked"},
		"of a user who must change the password": {func(p *running, _ oauthClient) {
			p.editUser(func(u *portal.User) { u.PasswordExpired = true })
		}, 401, "invalid_client", "password"},
		"of a user who has left": {func(p *running, _ oauthClient) {
			membership := p.membership(p.Member, p.Organization)
			membership.EndedAt = p.Store.Now()
			storetest.SaveMembership(p.t, p.Store, membership)
		}, 401, "invalid_client", "left the organization"},
		"of an organization that is suspended": {func(p *running, _ oauthClient) {
			p.as(p.SuperAdmin).post(organizationAddress(p.Organization)+"/suspend", suspendForm(p)).expect(p.t, http.StatusSeeOther)
		}, 400, "unauthorized_client", "suspended"},
		"of a license that is not active": {func(p *running, _ oauthClient) {
			storetest.Change(p.t, p.Store, func(c *store.Change) error {
				license := p.License
				license.Active = false
				return c.UpdateLicense(p.t.Context(), license)
			})
		}, 400, "unauthorized_client", "license"},
	} {
		t.Run(what, func(t *testing.T) {
			p := startPortal(t)
			client := p.oauthClient()
			token := client.token("")
			test.fault(p, client)
			client.send(tokenPath, url.Values{"grant_type": {"client_credentials"}}).want(t, what, test.status, test.code, test.text)
			impostor := oauthClient{p, client.key, secret.New("", secret.ClientSecret).Reveal()}
			impostor.send(tokenPath, url.Values{"grant_type": {"client_credentials"}}).want(t, "with a wrong secret", 401, "invalid_client", "not known, or its secret is wrong")
			p.revokesStill(client, impostor, token)
		})
	}
}

// revokesStill holds that a client ends its tokens whatever it may do otherwise.
func (p *running) revokesStill(client, impostor oauthClient, token string) {
	p.t.Helper()
	revoked := func() bool {
		subject, err := p.Store.TokenSubject(p.t.Context(), secret.HashOf(token))
		return err == nil && !subject.TokenRevokedAt.IsZero()
	}
	impostor.send(revocationPath, of(token)).want(p.t, "a revocation with a wrong secret", 401, "invalid_client", "not known, or its secret is wrong")
	if revoked() {
		p.t.Error("somebody else revoked the token")
	}
	if got := client.send(revocationPath, of(token)); got.status != http.StatusOK || got.body != "" || !revoked() {
		p.t.Errorf("the revocation is answered %d %s", got.status, got.body)
	}
}

// editUser changes Member in the store.
func (p *running) editUser(edit func(*portal.User)) {
	p.t.Helper()
	storetest.Change(p.t, p.Store, func(c *store.Change) error {
		user, err := c.User(p.t.Context(), p.Member.ID)
		if err != nil {
			return err
		}
		edit(&user)
		return c.UpdateUser(p.t.Context(), user)
	})
}

func TestWithoutADatabaseClientsAreToldToTryAgain(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	token := client.token("")
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	body := url.Values{"grant_type": {"client_credentials"}, "token": {token}}.Encode()
	for what, got := range map[string]said{
		"a token":                p.program(tokenPath, body, client.basic),
		"introspection":          p.program(introspectionPath, body, client.basic),
		"introspection by a key": p.program(introspectionPath, body, bearer(p.Secret.Reveal())),
		"revocation":             p.program(revocationPath, body, client.basic),
	} {
		got.want(t, what, http.StatusServiceUnavailable, "temporarily_unavailable", "Try again")
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s: it does not say when to try again", what)
		}
	}
	p.program(tokenPath, body, authorize(basicOf("x:junk"))).want(t, "junk costs no look-up", http.StatusUnauthorized, "invalid_client")
	if log := p.Log.String(); !strings.Contains(log, "level=ERROR") || strings.Contains(log, client.secret) || strings.Contains(log, token) {
		t.Errorf("the operator finds %.2000s", log)
	}
}

func TestATokenThatCannotBeWrittenDownIsNotAnswered(t *testing.T) {
	p := startPortal(t)
	client := p.oauthClient()
	storetest.Exec(t, storetest.SQL(t, p.Store), `ALTER TABLE client_uses RENAME TO broken`)
	p.program(tokenPath, "grant_type=client_credentials", client.basic).want(t, "a token", http.StatusServiceUnavailable, "temporarily_unavailable")
	var tokens int
	if err := storetest.SQL(t, p.Store).QueryRowContext(t.Context(), `SELECT count(*) FROM access_tokens`).Scan(&tokens); err != nil || tokens != 0 {
		t.Errorf("%d tokens are left, %v", tokens, err)
	}
}

// FuzzNoRequestToOAuthIsAFaultOrAPage sends all kinds of headers and bodies. That
// answers have their form is what program sees to.
func FuzzNoRequestToOAuthIsAFaultOrAPage(f *testing.F) {
	p := startPortal(f)
	client := p.oauthClient()
	token := client.token("billing")
	right := basicOf(client.key.PublicID + ":" + client.secret)
	for _, seed := range []struct{ path, authorization, kind, body string }{
		{tokenPath, right, "application/x-www-form-urlencoded", "grant_type=client_credentials&scope=billing"},
		{tokenPath, "", "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=" + client.key.PublicID + "&client_secret=" + client.secret},
		{tokenPath, right, "application/x-www-form-urlencoded", "grant_type=client_credentials&scope=%00+%ff+%F0%9F%94%91"},
		{tokenPath, basicOf("\x00\xff:\x00"), "application/x-www-form-urlencoded", "grant_type=%00"},
		{tokenPath, basicOf("%C3%A9:%00"), "multipart/form-data", "--"},
		{tokenPath, "Basic \t=", "text/html; charset=\"", "<b>"},
		{introspectionPath, right, "application/x-www-form-urlencoded", "token=" + token + "&client_ip=192.0.2.7"},
		{introspectionPath, "Bearer " + token, "application/x-www-form-urlencoded", "token=" + token + "&client_ip=fe80::1%25x"},
		{introspectionPath, "Bearer " + p.Secret.Reveal(), "application/x-www-form-urlencoded", "token=%00"},
		{introspectionPath, "Bearer \"\\é", "application/x-www-form-urlencoded", "token=x"},
		{revocationPath, right, "application/x-www-form-urlencoded", "token=" + token + "x&token_type_hint=refresh_token"},
		{revocationPath, right, "application/x-www-form-urlencoded", "token=" + p.Secret.Reveal()},
		{revocationPath, "bearer", "application/json", "{}"},
		{"/oauth2/\"", right, "", "\x00"},
	} {
		f.Add(seed.path, seed.authorization, seed.kind, seed.body)
	}
	f.Fuzz(func(t *testing.T, path, authorization, kind, body string) {
		request := httptest.NewRequest(http.MethodPost, tokenPath, strings.NewReader(body))
		request.URL.Path = "/oauth2/" + strings.TrimPrefix(path, "/oauth2/")
		request.Header["Authorization"], request.Header["Content-Type"] = []string{authorization}, []string{kind}
		recorder := httptest.NewRecorder()
		p.Handler.ServeHTTP(recorder, request)
		got := said{status: recorder.Code, header: recorder.Header(), body: recorder.Body.String()}
		got.read(t)
		if got.status >= 500 {
			t.Errorf("a mistake is taken for a fault: %d %s", got.status, got.body)
		}
	})
}
