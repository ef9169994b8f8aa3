package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// withClient is a server on a sample installation, and the OAuth client of license
// 12345678.
type withClient struct {
	*serving
	t            *testing.T
	place        place
	id, password string
}

// eachClient runs a test on both engines with a server and an OAuth client.
func eachClient(t *testing.T, test func(t *testing.T, s withClient)) {
	t.Helper()
	eachEmpty(t, func(t *testing.T, p place) {
		keys, err := makeSample(t.Context(), p.data())
		if err != nil {
			t.Fatal(err)
		}
		server := serve(t, p.flags("serve", "--token-lifetime=1m", "--log-level=debug")...)
		test(t, withClient{server, t, p, keys.client.PublicID, keys.client.Secret.Reveal()})
	})
}

// curl runs curl and gives what it printed.
func (s withClient) curl(args ...string) string {
	s.t.Helper()
	return string(output(s.t, exec.CommandContext(s.t.Context(), "curl", append([]string{"-s"}, args...)...)))
}

// curlToken asks the token endpoint, or one below it, with curl and gives the JSON.
func (s withClient) curlToken(path string, args ...string) map[string]any {
	s.t.Helper()
	text := s.curl(append(args, s.portal+"/oauth2/v1/token"+path)...)
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		s.t.Fatalf("%q: %v", text, err)
	}
	return fields
}

// curlGateway asks the gateway about an access token and gives the status and the
// reason.
func (s withClient) curlGateway(token, query string) string {
	s.t.Helper()
	return strings.TrimSpace(s.curl("-o", "/dev/null", "-w", "%{http_code} %header{x-deny-reason}", "-H", "Authorization: Bearer "+token, s.gateway+"/auth?"+query))
}

func TestCurlGetsATokenPassesTheGatewayAndEndsIt(t *testing.T) {
	eachClient(t, func(t *testing.T, s withClient) {
		user := s.id + ":" + s.password
		for what, args := range map[string][]string{
			"with HTTP Basic": {"-u", user, "-d", "grant_type=client_credentials", "-d", "scope=billing dunning"},
			"in the body":     {"-d", "grant_type=client_credentials", "-d", "client_id=" + s.id, "--data-urlencode", "client_secret=" + s.password, "--data-urlencode", "scope=billing dunning"},
		} {
			got := s.curlToken("", args...)
			token, _ := got["access_token"].(string)
			if got["expires_in"] != 60.0 || got["scope"] != "billing dunning" {
				t.Errorf("%s: got %v", what, got)
			}
			for query, want := range map[string]string{
				"api_set=billing":                             "200",
				"api_set=billing&license=12345678":            "200",
				"api_set=dunning&domain=Gold+Main":            "200",
				"api_set=billing&instance=BE12345678":         "200",
				"api_set=billing&instance=TEBE12345678A":      "200",
				"api_set=billing&license=34567890":            "403 LICENSE_MISMATCH",
				"api_set=billing&domain=Gold+Wholesale":       "403 LICENSE_MISMATCH",
				"api_set=billing&instance=BE34567890":         "403 LICENSE_MISMATCH",
				"api_set=billing&instance=BE00000000":         "403 LICENSE_MISMATCH",
				"api_set=revenue-management":                  "403 API_SET_NOT_GRANTED",
				"api_set=revenue-management&license=34567890": "403 LICENSE_MISMATCH",
				"api_set=billing&access_token=" + token:       "400 CREDENTIAL_IN_QUERY",
			} {
				if got := s.curlGateway(token, query); got != want {
					t.Errorf("%s, at %s: answered %s, want %s", what, query, got, want)
				}
			}
			if told := s.curlToken("/introspection", "-u", user, "-d", "token="+token); told["active"] != true || told["license"] != "12345678" {
				t.Errorf("told %v", told)
			}
			if status := s.curl("-w", "%{http_code}", "-u", user, "-d", "token="+token, s.portal+"/oauth2/v1/token/revocation"); status != "200" {
				t.Errorf("the revocation is answered %s", status)
			}
			if got := s.curlGateway(token, "api_set=billing"); got != "401 REVOKED" {
				t.Errorf("after the revocation: %s", got)
			}
			if told := s.curlToken("/introspection", "-u", user, "-d", "token="+token); told["active"] != false || len(told) != 1 {
				t.Errorf("told of a revoked token: %v", told)
			}
		}
	})
}

// source gives the token source that a Go program has, from the package that most
// of them use.
func (s withClient) source(style oauth2.AuthStyle) oauth2.TokenSource {
	config := clientcredentials.Config{ClientID: s.id, ClientSecret: s.password, TokenURL: s.portal + "/oauth2/v1/token", Scopes: []string{"billing", "dunning"}, AuthStyle: style}
	return config.TokenSource(s.t.Context())
}

// asks asks the gateway with a client that sends the access token by itself.
func (s withClient) asks(client *http.Client, query string) string {
	s.t.Helper()
	response, err := client.Get(s.gateway + "/auth?" + query)
	if err != nil {
		s.t.Fatal(err)
	}
	response.Body.Close()
	return strings.TrimSpace(response.Status[:3] + " " + response.Header.Get("X-Deny-Reason"))
}

func TestAGoProgramGetsTokensAndRefreshesThemByItself(t *testing.T) {
	eachClient(t, func(t *testing.T, s withClient) {
		for style, source := range map[string]oauth2.TokenSource{
			"with HTTP Basic": s.source(oauth2.AuthStyleInHeader), "in the body": s.source(oauth2.AuthStyleInParams), "as it finds out": s.source(oauth2.AuthStyleAutoDetect),
		} {
			token, err := source.Token()
			if err != nil {
				t.Fatal(err)
			}
			if left := time.Until(token.Expiry); token.Type() != "Bearer" || token.Extra("scope") != "billing dunning" || left < 50*time.Second || left > time.Minute {
				t.Errorf("%s: a token of type %s for %v, for another %s", style, token.Type(), token.Extra("scope"), left)
			}
			client := oauth2.NewClient(t.Context(), source)
			for query, want := range map[string]string{"api_set=billing&instance=TEBE12345678A": "200", "api_set=billing&license=34567890": "403 LICENSE_MISMATCH"} {
				if got := s.asks(client, query); got != want {
					t.Errorf("%s, at %s: answered %s, want %s", style, query, got, want)
				}
			}
			if again, err := source.Token(); err != nil || again.AccessToken != token.AccessToken {
				t.Errorf("%s: the token is not kept while it lasts: %v", style, err)
			}
		}

		first, err := s.source(oauth2.AuthStyleInHeader).Token()
		if err != nil {
			t.Fatal(err)
		}
		client := oauth2.NewClient(t.Context(), oauth2.ReuseTokenSource(first, s.source(oauth2.AuthStyleInHeader)))
		if got := s.asks(client, "api_set=billing"); got != "200" {
			t.Fatalf("answered %s", got)
		}
		s.age(time.Minute) // the portal's tokens, not what the program knows of them
		if got := s.asks(client, "api_set=billing"); got != "401 EXPIRED" {
			t.Errorf("a token that has expired is answered %s", got)
		}
		first.Expiry = time.Now()
		for range 2 {
			if got := s.asks(client, "api_set=billing"); got != "200" {
				t.Errorf("after the program knows that its token has expired: answered %s", got)
			}
		}
	})
}

// age lets the access tokens be older than they are.
func (s withClient) age(by time.Duration) {
	s.t.Helper()
	s.around(s.t, s.place, `UPDATE access_tokens SET expires_at = expires_at - $1`, by.Microseconds())
}

func TestAGoProgramIsToldWhyItGetsNoToken(t *testing.T) {
	eachClient(t, func(t *testing.T, s withClient) {
		fails := func(config clientcredentials.Config, status int, code string) {
			t.Helper()
			config.TokenURL = s.portal + "/oauth2/v1/token"
			_, err := config.Token(t.Context())
			if refused, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refused.Response.StatusCode != status || refused.ErrorCode != code || refused.ErrorDescription == "" {
				t.Errorf("got %v, want %d %s", err, status, code)
			}
		}
		fails(clientcredentials.Config{ClientID: s.id, ClientSecret: "wrong"}, http.StatusUnauthorized, "invalid_client")
		fails(clientcredentials.Config{ClientID: s.id, ClientSecret: s.password, Scopes: []string{"unknown"}}, http.StatusBadRequest, "invalid_scope")
		fails(clientcredentials.Config{ClientID: s.id, ClientSecret: s.password, EndpointParams: url.Values{"grant_type": {"password"}}}, http.StatusBadRequest, "unsupported_grant_type")
	})
}

func TestALicenseThatIsNotActiveIsRefusedBeforeAnotherLicense(t *testing.T) {
	eachClient(t, func(t *testing.T, s withClient) {
		client := oauth2.NewClient(t.Context(), s.source(oauth2.AuthStyleInHeader))
		const elsewhere = "api_set=billing&license=34567890"
		for _, step := range []struct {
			statement, here, there string
		}{
			{`UPDATE licenses SET active = TRUE`, "200", "403 LICENSE_MISMATCH"},
			{`UPDATE licenses SET active = FALSE WHERE number = '12345678'`, "403 LICENSE_INACTIVE", "403 LICENSE_INACTIVE"},
			{`UPDATE licenses SET active = TRUE WHERE number = '12345678'`, "200", "403 LICENSE_MISMATCH"},
			{`UPDATE keys SET allowed_networks = '192.0.2.0/24'`, "403 IP_NOT_ALLOWED", "403 LICENSE_MISMATCH"},
		} {
			s.around(t, s.place, step.statement)
			if here, there := s.asks(client, "api_set=billing&license=12345678"), s.asks(client, elsewhere); here != step.here || there != step.there {
				t.Errorf("after %s: answered %s and %s, want %s and %s", step.statement, here, there, step.here, step.there)
			}
		}
	})
}

// exchange exchanges a Client Secret for an access token; empty when it is refused.
func (s *serving) exchange(t *testing.T, clientID, clientSecret string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"billing"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.portal+"/oauth2/v1/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", "walk/1.0")
	request.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret))
	response, err := http.DefaultClient.Do(request)
	status, body := answer(t, response, err)
	var said struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil || (status == http.StatusOK) != (said.Token != "") || (status == http.StatusUnauthorized) != (said.Error == "invalid_client") {
		t.Fatalf("the token endpoint answers %d %s", status, body)
	}
	return said.Token
}
