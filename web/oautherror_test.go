package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// descriptionForm is what RFC 6749, section 5.2, lets error_description hold.
var descriptionForm = regexp.MustCompile(`^[\x20\x21\x23-\x5b\x5d-\x7e]{10,300}$`)

// wantOAuthError fails when an answer is not this error, or is not told as the
// standards have it.
func wantOAuthError(t *testing.T, what string, got said, status int, code string) {
	t.Helper()
	if got.StatusCode != status || got.text("error") != code || len(got.fields) != 2 {
		t.Errorf("%s: got %d %s, want %d %s", what, got.StatusCode, got.body, status, code)
	}
	if description := got.text("error_description"); !descriptionForm.MatchString(description) {
		t.Errorf("%s is described as %q", what, description)
	}
	challenge := got.Header.Get("WWW-Authenticate")
	if (challenge != "") != (status == http.StatusUnauthorized) || code == "invalid_client" && challenge != `Basic realm="Key Portal", charset="UTF-8"` {
		t.Errorf("%s: the challenge is %q", what, challenge)
	}
	wantUncached(t, what, got.Header)
}

const formType = "application/x-www-form-urlencoded"

func TestEachFaultOfARequestHasItsError(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	proof := "client_id=" + c.id + "&client_secret=" + c.secret
	whole := proof + "&grant_type=client_credentials"
	granted := "grant_type=client_credentials"
	header := "Authorization: " + basic(c.id, c.secret)
	unknown := secret.New("", secret.ClientSecret).Reveal()
	for _, test := range []struct {
		name, query, body string
		headers           []string
		status            int
		code              string
	}{
		{"no proof", "", granted, nil, 401, "invalid_client"},
		{"no secret", "", granted + "&client_id=" + c.id, nil, 401, "invalid_client"},
		{"no ID", "", granted + "&client_secret=" + c.secret, nil, 401, "invalid_client"},
		{"an empty secret", "", granted + "&client_secret=&client_id=" + c.id, nil, 401, "invalid_client"},
		{"a wrong secret", "", granted + "&client_id=" + c.id + "&client_secret=" + unknown, nil, 401, "invalid_client"},
		{"a secret with a slip", "", granted + "&client_id=" + c.id + "&client_secret=" + c.secret + "x", nil, 401, "invalid_client"},
		{"a wrong ID", "", granted + "&client_id=x&client_secret=" + c.secret, nil, 401, "invalid_client"},
		{"a wrong secret by Basic", "", granted, []string{"Authorization: " + basic(c.id, unknown)}, 401, "invalid_client"},
		{"a wrong ID by Basic", "", granted, []string{"Authorization: " + basic("x", c.secret)}, 401, "invalid_client"},
		{"Basic without a colon", "", granted, []string{"Authorization: Basic " + "eA=="}, 401, "invalid_client"},
		{"Basic that is no Base64", "", granted, []string{"Authorization: Basic ***"}, 401, "invalid_client"},
		{"Basic of what no form encodes", "", granted, []string{"Authorization: Basic JXp6OiV6eg=="}, 401, "invalid_client"},
		{"Basic of nothing", "", granted, []string{"Authorization: Basic "}, 401, "invalid_client"},
		{"another scheme", "", granted, []string{"Authorization: Digest username=x"}, 401, "invalid_client"},
		{"no scheme", "", granted, []string{"Authorization: " + c.secret}, 401, "invalid_client"},
		{"a token for the client", "", granted, []string{"Authorization: Bearer " + p.token(c)}, 401, "invalid_client"},
		{"an API key for the client", "", granted, []string{"X-Api-Key: " + p.Secret.Reveal()}, 401, "invalid_client"},

		{"Basic and body", "", whole, []string{header}, 400, "invalid_request"},
		{"Basic and a secret in the body", "", granted + "&client_secret=" + c.secret, []string{header}, 400, "invalid_request"},
		{"Basic and another ID in the body", "", granted + "&client_id=x", []string{header}, 400, "invalid_request"},
		{"Basic twice", "", granted, []string{header, header}, 400, "invalid_request"},
		{"Bearer and body", "", whole, []string{"Authorization: Bearer x"}, 400, "invalid_request"},
		{"Basic and an API key", "", granted, []string{header, "X-Api-Key: x"}, 400, "invalid_request"},

		{"no grant type", "", proof, nil, 400, "invalid_request"},
		{"an empty grant type", "", proof + "&grant_type=", nil, 400, "invalid_request"},
		{"another grant type", "", proof + "&grant_type=password&username=x&password=y", nil, 400, "unsupported_grant_type"},
		{"a grant type in another case", "", proof + "&grant_type=Client_Credentials", nil, 400, "unsupported_grant_type"},
		{"a code", "", proof + "&grant_type=authorization_code&code=x", nil, 400, "unsupported_grant_type"},
		{"no body", "", "", nil, 401, "invalid_client"},

		{"the secret in the query", "?" + proof, granted, nil, 400, "invalid_request"},
		{"all in the query", "?" + whole, "", nil, 400, "invalid_request"},
		{"the grant type in the query", "?grant_type=client_credentials", proof, nil, 400, "invalid_request"},
		{"anything in the query", "?x=1", whole, nil, 400, "invalid_request"},
		{"an empty query", "?", whole, nil, 400, "invalid_request"},
		{"a broken query", "?%zz=" + c.secret, whole, nil, 400, "invalid_request"},
		{"a query with a semicolon", "?a;b", whole, nil, 400, "invalid_request"},

		{"the grant type twice", "", whole + "&grant_type=client_credentials", nil, 400, "invalid_request"},
		{"the secret twice", "", whole + "&client_secret=" + c.secret, nil, 400, "invalid_request"},
		{"the ID twice", "", whole + "&client_id=" + c.id, nil, 400, "invalid_request"},
		{"scope twice", "", whole + "&scope=billing&scope=dunning", nil, 400, "invalid_request"},
		{"an unknown parameter twice", "", whole + "&x=1&x=2", nil, 400, "invalid_request"},
		{"twice, once without a value", "", whole + "&scope=billing&scope=", nil, 400, "invalid_request"},
		{"a broken body", "", whole + "&x=%zz", nil, 400, "invalid_request"},
		{"a body with a semicolon", "", whole + ";x=1", nil, 400, "invalid_request"},
		{"too large a body", "", whole + "&x=" + strings.Repeat("x", 1<<20), nil, 413, "invalid_request"},

		{"a scope that is not granted", "", whole + "&scope=revenue-management", nil, 400, "invalid_scope"},
		{"one of two not granted", "", whole + "&scope=billing+revenue-management", nil, 400, "invalid_scope"},
		{"a scope that is not known", "", whole + "&scope=openid", nil, 400, "invalid_scope"},
		{"scopes between commas", "", whole + "&scope=billing,dunning", nil, 400, "invalid_scope"},
		{"two spaces in the scope", "", whole + "&scope=billing++dunning", nil, 400, "invalid_scope"},
		{"a space around the scope", "", whole + "&scope=+billing", nil, 400, "invalid_scope"},
		{"a scope of a space", "", whole + "&scope=+", nil, 400, "invalid_scope"},
		{"a scope that is no text", "", whole + "&scope=%00%ff", nil, 400, "invalid_scope"},
	} {
		request, err := http.NewRequest(http.MethodPost, p.URL+tokenPath+test.query, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", formType)
		wantOAuthError(t, test.name, p.sendProgram(request, test.headers...), test.status, test.code)
	}
	log := p.Log.String()
	for _, part := range []string{c.secret, c.secret[10:40], unknown, p.Secret.Reveal()} {
		if strings.Contains(log, part) {
			t.Error("the log has a secret")
		}
	}
	if !strings.Contains(log, "route=/oauth2/v1/token status=413") {
		t.Errorf("the log has no line for a request: %.1000s", log)
	}
}

func TestTheBodyMustBeAForm(t *testing.T) {
	p := startPortal(t)
	body := p.client().form("grant_type", "client_credentials", "token", "x").Encode()
	for _, path := range []string{tokenPath, introspectionPath, revocationPath} {
		for kind, status := range map[string]int{
			"": 400, "application/json": 400, "multipart/form-data; boundary=x": 400, "text/plain": 400, "application/x-www-form-urlencoded-x": 400, "application/x-www-form-urlencoded; =": 400,
			formType: 200, "Application/X-WWW-Form-URLEncoded": 200, formType + "; charset=UTF-8": 200,
		} {
			request, err := http.NewRequest(http.MethodPost, p.URL+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if kind != "" {
				request.Header.Set("Content-Type", kind)
			}
			got := p.sendProgram(request)
			if status == http.StatusOK && got.StatusCode != http.StatusOK {
				t.Errorf("%s of %q: %d %s", path, kind, got.StatusCode, got.body)
			} else if status != http.StatusOK {
				wantOAuthError(t, path+" of "+kind, got, status, "invalid_request")
			}
		}
	}
}

func TestIntrospectionAndRevocationTellTheirFaults(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	token := p.token(c)
	wrong := c
	wrong.secret = secret.New("", secret.ClientSecret).Reveal()
	for _, path := range []string{introspectionPath, revocationPath} {
		for _, test := range []struct {
			name    string
			form    url.Values
			headers []string
			status  int
			code    string
		}{
			{"nobody asks", fields("token", token), nil, 401, "invalid_client"},
			{"with a wrong secret", wrong.form("token", token), nil, 401, "invalid_client"},
			{"with a wrong secret and no token", wrong.form(), nil, 401, "invalid_client"},
			{"in two ways", c.form("token", token), []string{"Authorization: " + basic(c.id, c.secret)}, 400, "invalid_request"},
			{"without a token", c.form(), nil, 400, "invalid_request"},
			{"with an empty token", c.form("token", ""), nil, 400, "invalid_request"},
			{"with two tokens", c.form("token", token, "token", token), nil, 400, "invalid_request"},
		} {
			wantOAuthError(t, path+" "+test.name, p.program(path, test.form, test.headers...), test.status, test.code)
		}
		wantOAuthError(t, path+" with the token in the query", p.program(path+"?token="+token, c.form()), 400, "invalid_request")
	}
	wantOAuthError(t, "an address that is none", p.program(introspectionPath, c.form("token", token, "client_ip", "here")), 400, "invalid_request")
	wantOAuthError(t, "revocation by a token", p.program(revocationPath, fields("token", token), "Authorization: Bearer "+token), 401, "invalid_client")
	if got := p.program(introspectionPath, c.form("token", token)); got.fields["active"] != true {
		t.Errorf("the token is gone: %s", got.body)
	}
	if strings.Contains(p.Log.String(), token[10:40]) {
		t.Error("the log has the token")
	}
}

func TestOtherMethodsAndAddressesAreAnsweredInJSON(t *testing.T) {
	p := startPortal(t)
	send := func(method, path string) said {
		t.Helper()
		request, err := http.NewRequest(method, p.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p.sendProgram(request)
	}
	for _, path := range []string{tokenPath, introspectionPath, revocationPath} {
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE", "PROPFIND"} {
			got := send(method, path+"?client_secret=kpo_x")
			wantOAuthError(t, method+" "+path, got, http.StatusMethodNotAllowed, "invalid_request")
			if allow := got.Header.Get("Allow"); !strings.Contains(allow, "POST") || strings.Contains(allow, "GET") {
				t.Errorf("%s %s: Allow is %q", method, path, allow)
			}
		}
		if got := send("HEAD", path); got.StatusCode != http.StatusMethodNotAllowed || got.body != "" {
			t.Errorf("HEAD %s: %d %q", path, got.StatusCode, got.body)
		}
		if got := send("OPTIONS", path); got.Header.Get("Access-Control-Allow-Origin") != "" || got.Header.Get("Allow") == "" {
			t.Errorf("OPTIONS %s: %v", path, got.Header)
		}
	}
	got := send("POST", metadataPath)
	wantOAuthError(t, "POST "+metadataPath, got, http.StatusMethodNotAllowed, "invalid_request")
	if allow := got.Header.Get("Allow"); !strings.Contains(allow, "GET") || strings.Contains(allow, "POST") {
		t.Errorf("POST %s: Allow is %q", metadataPath, allow)
	}
	for _, path := range []string{"/oauth2/", "/oauth2/v1", "/oauth2/v1/authorize", "/oauth2/v1/token/", "/oauth2/v1/token/x"} {
		wantOAuthError(t, path, send("GET", path), http.StatusNotFound, "invalid_request")
		wantOAuthError(t, path, send("POST", path), http.StatusNotFound, "invalid_request")
	}
}

func TestAPageOfAnotherSiteGetsNoToken(t *testing.T) {
	p := startPortal(t)
	form := p.client().form("grant_type", "client_credentials", "token", "x")
	for _, path := range []string{tokenPath, introspectionPath, revocationPath} {
		for _, header := range []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"} {
			wantOAuthError(t, path, p.program(path, form, header), http.StatusForbidden, "invalid_request")
		}
	}
}

// Each state of a key is told to its client, and to a client that has proved who
// it is that it may not, where the check says 403.
func TestAClientIsToldWhatHoldsItUp(t *testing.T) {
	p := startPortal(t)
	execute := func(statement string, args ...any) func() {
		return func() { storetest.Exec(t, storetest.SQL(t, p.Store), statement, args...) }
	}
	c := p.client()
	key, member, organization, license := c.key.ID, p.Member.ID, p.Organization.ID, c.license.ID
	for _, test := range []struct {
		name string
		take func()
		give func()
		code string
		says string
	}{
		{"disabled", execute(`UPDATE keys SET enabled = FALSE WHERE id = $1`, key), execute(`UPDATE keys SET enabled = TRUE WHERE id = $1`, key), "invalid_client", "is disabled"},
		{"expired", execute(`UPDATE keys SET expires_at = 1 WHERE id = $1`, key), execute(`UPDATE keys SET expires_at = NULL WHERE id = $1`, key), "invalid_client", "has expired"},
		{"user disabled", execute(`UPDATE users SET enabled = FALSE WHERE id = $1`, member), execute(`UPDATE users SET enabled = TRUE WHERE id = $1`, member), "invalid_client", "user of the client is disabled"},
		{"user gone", execute(`UPDATE memberships SET ended_at = 1 WHERE user_id = $1`, member), execute(`UPDATE memberships SET ended_at = NULL WHERE user_id = $1`, member), "invalid_client", "has left"},
		{"user locked", execute(`UPDATE users SET locked = TRUE WHERE id = $1`, member), execute(`UPDATE users SET locked = FALSE WHERE id = $1`, member), "invalid_client", "is locked"},
		{"user expired", execute(`UPDATE users SET password_expired = TRUE WHERE id = $1`, member), execute(`UPDATE users SET password_expired = FALSE WHERE id = $1`, member), "invalid_client", "password"},
		{"suspended", execute(`UPDATE organizations SET suspended = TRUE WHERE id = $1`, organization), execute(`UPDATE organizations SET suspended = FALSE WHERE id = $1`, organization), "unauthorized_client", "suspended"},
		{"license inactive", execute(`UPDATE licenses SET active = FALSE WHERE id = $1`, license), execute(`UPDATE licenses SET active = TRUE WHERE id = $1`, license), "unauthorized_client", "not active"},
		{"from elsewhere", execute(`UPDATE keys SET allowed_networks = '192.0.2.0/24' WHERE id = $1`, key), execute(`UPDATE keys SET allowed_networks = '127.0.0.0/8' WHERE id = $1`, key), "unauthorized_client", "address"},
		{"revoked", execute(`UPDATE keys SET revoked_at = 1 WHERE id = $1`, key), func() {}, "invalid_client", "was revoked"},
	} {
		if got := p.program(tokenPath, c.form("grant_type", "client_credentials")); got.StatusCode != http.StatusOK {
			t.Fatalf("before %s: %d %s", test.name, got.StatusCode, got.body)
		}
		test.take()
		for _, path := range []string{tokenPath, introspectionPath, revocationPath} {
			got := p.program(path, c.form("grant_type", "client_credentials", "token", "x"))
			status := http.StatusUnauthorized
			if test.code == "unauthorized_client" {
				status = http.StatusBadRequest
			}
			wantOAuthError(t, test.name+" at "+path, got, status, test.code)
			if !strings.Contains(got.text("error_description"), test.says) {
				t.Errorf("%s: it says %q", test.name, got.text("error_description"))
			}
		}
		test.give()
	}
}

func TestAClientThatReachesNothingIsToldSo(t *testing.T) {
	p := startPortal(t)
	c := p.client(func(k *portal.Key) { k.APISets = []portal.APISet{p.Revenue} })
	got := p.program(tokenPath, c.form("grant_type", "client_credentials"))
	wantOAuthError(t, "a client that reaches nothing", got, http.StatusBadRequest, "invalid_scope")
	if !strings.Contains(got.text("error_description"), "reaches no API set") {
		t.Errorf("it says %q", got.text("error_description"))
	}
}

func TestAWrongIDAndAWrongSecretAreAnsweredAlike(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	want := p.program(tokenPath, fields("grant_type", "client_credentials", "client_id", "nobody", "client_secret", "nothing"))
	for _, form := range []url.Values{
		fields("client_id", c.id, "client_secret", secret.New("", secret.ClientSecret).Reveal()),
		fields("client_id", secret.New("", secret.ClientID).Reveal(), "client_secret", c.secret),
		fields("client_id", c.id, "client_secret", "x"),
	} {
		form.Set("grant_type", "client_credentials")
		if got := p.program(tokenPath, form); got.StatusCode != want.StatusCode || got.body != want.body {
			t.Errorf("got %d %s, want %d %s", got.StatusCode, got.body, want.StatusCode, want.body)
		}
	}
}

func TestWithoutADatabaseNothingIsDecided(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	token := p.token(c)
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	form := c.form("grant_type", "client_credentials", "token", token)
	for what, got := range map[string]said{
		"token":                  p.program(tokenPath, form),
		"introspection":          p.program(introspectionPath, form),
		"introspection by a key": p.program(introspectionPath, fields("token", token), "X-Api-Key: "+p.Secret.Reveal()),
		"revocation":             p.program(revocationPath, form),
	} {
		wantOAuthError(t, what, got, http.StatusServiceUnavailable, "temporarily_unavailable")
		if got.Header.Get("Retry-After") == "" {
			t.Errorf("%s does not say when to try again", what)
		}
	}
	wantOAuthError(t, "junk", p.program(tokenPath, fields("grant_type", "client_credentials", "client_id", "x", "client_secret", "y")), http.StatusUnauthorized, "invalid_client")
	if log := p.Log.String(); !strings.Contains(log, "level=ERROR") || strings.Contains(log, c.secret[10:40]) || strings.Contains(log, token[10:40]) {
		t.Errorf("the log has %.2000s", log)
	}
}

func TestATokenThatCannotBeWrittenDownIsNotAnswered(t *testing.T) {
	p := startPortal(t)
	c := p.client()
	token := p.token(c)
	storetest.Exec(t, storetest.SQL(t, p.Store), `ALTER TABLE access_tokens RENAME TO broken`)
	form := c.form("grant_type", "client_credentials", "token", token)
	for _, path := range []string{tokenPath, introspectionPath, revocationPath} {
		wantOAuthError(t, path, p.program(path, form), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
}

// FuzzTheTokenEndpoint sends what no client would: the answer is JSON all the
// same, and never the portal's fault.
func FuzzTheTokenEndpoint(f *testing.F) {
	p := startPortal(f)
	c := p.client()
	whole := c.form("grant_type", "client_credentials").Encode()
	for _, path := range []uint8{0, 1, 2} {
		for _, body := range []string{"", whole, whole + "&scope=billing&token=x", "grant_type=%", ";;;", "\x00\xff", "grant_type=client_credentials&scope=%00&client_id=%ff&client_secret=" + c.secret} {
			f.Add(path, "", formType, "", body)
			f.Add(path, "a=%zz", formType+"; charset=\xff", basic(c.id, c.secret), body)
			f.Add(path, "", "multipart/form-data; boundary=x", "Basic \x7f", body)
			f.Add(path, "", formType, "Bearer "+p.Secret.Reveal(), body)
		}
	}
	f.Fuzz(func(t *testing.T, path uint8, query, kind, authorization, body string) {
		address := []string{tokenPath, introspectionPath, revocationPath}[path%3]
		request := httptest.NewRequest(http.MethodPost, address, strings.NewReader(body))
		request.URL.RawQuery = query
		request.Header.Set("Content-Type", kind)
		if authorization != "" {
			request.Header.Set("Authorization", authorization)
		}
		recorder := httptest.NewRecorder()
		p.Handler.ServeHTTP(recorder, request)
		answered := recorder.Result()
		content, err := io.ReadAll(answered.Body)
		if err != nil {
			t.Fatal(err)
		}
		if answered.StatusCode >= http.StatusInternalServerError || answered.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v: %s", answered.StatusCode, answered.Header, content)
		}
		if address == revocationPath && answered.StatusCode == http.StatusOK && len(content) == 0 {
			return
		}
		var said map[string]any
		if err := json.Unmarshal(content, &said); err != nil || answered.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("%d is no JSON: %s", answered.StatusCode, content)
		}
		if answered.StatusCode != http.StatusOK && said["error"] == nil {
			t.Errorf("%d says no error: %s", answered.StatusCode, content)
		}
	})
}
