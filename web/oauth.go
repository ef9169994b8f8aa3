package web

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/verify"
)

// The addresses of OAuth 2.0. Programs ask there, not people: all answers are JSON.
const (
	oauthPrefix       = "/oauth2/"
	tokenPath         = oauthPrefix + "v1/token"
	introspectionPath = tokenPath + "/introspection"
	revocationPath    = tokenPath + "/revocation"
	metadataPath      = "/.well-known/oauth-authorization-server"
)

const clientCredentials = "client_credentials"

func isOAuth(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, oauthPrefix) || r.URL.Path == metadataPath
}

// issueToken exchanges a Client Secret for an access token (RFC 6749, section 4.4).
func (s *Server) issueToken(c echo.Context) error {
	form, err := readOAuthForm(c.Request())
	if err != nil {
		return err
	}
	client, err := clientIn(c, form)
	if err != nil {
		return err
	}
	if err := s.requireGrantType(c, form["grant_type"], client); err != nil {
		return err
	}
	asked := verify.TokenRequest{ClientRequest: client, Agent: c.Request().UserAgent()}
	if scope := form["scope"]; scope != "" {
		asked.Scope = strings.Split(scope, " ")
	}
	token, decision, err := s.Checker.IssueToken(c.Request().Context(), asked)
	if err != nil {
		return unavailable(err)
	}
	if !decision.Valid() {
		return refusedToken(decision.Code, asked.Scope)
	}
	return answerOAuth(c, struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
		Scope       string `json:"scope"`
	}{
		token.Value.Reveal(), "Bearer", max(1, int(token.Lifetime.Seconds())), // 0 is never for some clients
		strings.Join(token.Scope, " "),
	})
}

// requireGrantType refuses all grant types but the one that is known. A client that
// names another proves itself first, as it would for a token (RFC 6749, section 3.2.1).
func (s *Server) requireGrantType(c echo.Context, grantType string, client verify.ClientRequest) error {
	switch grantType {
	case clientCredentials:
		return nil
	case "":
		return invalidRequest("The parameter grant_type is missing. Send grant_type=client_credentials.")
	}
	if _, err := s.admitClient(c, client); err != nil {
		return err
	}
	return unsupportedGrantType
}

// introspection is what is told of a token (RFC 7662, section 2.2). Of one that is
// not active nothing else is told.
type introspection struct {
	Active       bool   `json:"active"`
	Scope        string `json:"scope,omitempty"`
	ClientID     string `json:"client_id,omitempty"`
	Username     string `json:"username,omitempty"`
	TokenType    string `json:"token_type,omitempty"`
	ExpiresAt    int64  `json:"exp,omitempty"`
	IssuedAt     int64  `json:"iat,omitempty"`
	UserID       string `json:"sub,omitempty"`
	Issuer       string `json:"iss,omitempty"`
	License      string `json:"license,omitempty"`
	Domain       string `json:"domain,omitempty"`
	Organization string `json:"organization,omitempty"`
}

// introspectToken tells whose an access token is (RFC 7662).
func (s *Server) introspectToken(c echo.Context) error {
	form, err := readOAuthForm(c.Request())
	if err != nil {
		return err
	}
	caller, err := s.callerIn(c, form)
	if err != nil {
		return err
	}
	question := verify.TokenQuestion{Token: form["token"], Caller: caller, CallerIP: addressOf(c)}
	if question.Token == "" {
		return missingToken
	}
	if from := form["client_ip"]; from != "" {
		if question.UsedFrom, err = netip.ParseAddr(from); err != nil {
			return invalidRequest("The parameter client_ip is no IP address. Write it as 192.0.2.7 or 2001:db8::7.")
		}
	}
	decision, err := s.Checker.Introspect(c.Request().Context(), question)
	if err != nil {
		return unavailable(err)
	}
	return answerOAuth(c, s.introspectionOf(decision))
}

func (s *Server) introspectionOf(d verify.Decision) introspection {
	if !d.Valid() {
		return introspection{}
	}
	subject := d.Subject
	return introspection{
		Active: true, Scope: strings.Join(subject.APISets, " "), ClientID: subject.PublicID, Username: subject.Username, TokenType: "Bearer",
		ExpiresAt: d.ExpiresAt().Unix(), IssuedAt: subject.TokenIssuedAt.Unix(), UserID: strconv.FormatInt(subject.UserID, 10), Issuer: s.BaseURL.String(),
		License: subject.LicenseNumber, Domain: subject.Domain, Organization: subject.OrganizationName,
	}
}

// revokeToken ends an access token of the client that asks (RFC 7009), even of one
// that is suspended, say: to end a token is safe, and it could work again later. A
// token that is not known, or another client's, is answered alike and left alone.
func (s *Server) revokeToken(c echo.Context) error {
	form, err := readOAuthForm(c.Request())
	if err != nil {
		return err
	}
	asked, err := clientIn(c, form)
	if err != nil {
		return err
	}
	client, err := s.identifyClient(c, asked)
	if err != nil {
		return err
	}
	switch token := form["token"]; {
	case token == "":
		return missingToken
	case !verify.IsRevocable(token):
		return unsupportedTokenType
	default:
		if err := s.Checker.RevokeToken(c.Request().Context(), client, token); err != nil {
			return unavailable(err)
		}
	}
	forbidCaching(c)
	return c.NoContent(http.StatusOK)
}

var (
	clientAuthentication = []string{"client_secret_basic", "client_secret_post"}
	callerAuthentication = append(clientAuthentication[:2:2], "Bearer") // an access token type, as RFC 8414 has it
)

// showMetadata tells programs where to ask for what (RFC 8414). The scopes are
// left out: what an installation's API is made of is its clients' business.
func (s *Server) showMetadata(c echo.Context) error {
	base := s.BaseURL.String()
	c.Response().Header().Set(echo.HeaderCacheControl, "public, max-age=3600") // it changes with the base URL and with the program alone
	return c.JSON(http.StatusOK, struct {
		Issuer              string   `json:"issuer"`
		Token               string   `json:"token_endpoint"`
		TokenAuthentication []string `json:"token_endpoint_auth_methods_supported"`
		Introspection       string   `json:"introspection_endpoint"`
		IntrospectionAuth   []string `json:"introspection_endpoint_auth_methods_supported"`
		Revocation          string   `json:"revocation_endpoint"`
		RevocationAuth      []string `json:"revocation_endpoint_auth_methods_supported"`
		GrantTypes          []string `json:"grant_types_supported"`
		ResponseTypes       []string `json:"response_types_supported"`
	}{
		Issuer: base, GrantTypes: []string{clientCredentials}, ResponseTypes: []string{},
		Token: s.tokenURL(), TokenAuthentication: clientAuthentication,
		Introspection: base + introspectionPath, IntrospectionAuth: callerAuthentication,
		Revocation: base + revocationPath, RevocationAuth: clientAuthentication,
	})
}

// tokenURL is where programs get access tokens.
func (s *Server) tokenURL() string { return s.BaseURL.String() + tokenPath }

// answerOAuth answers what was asked for.
func answerOAuth(c echo.Context, body any) error {
	forbidCaching(c)
	return c.JSON(http.StatusOK, body)
}

// forbidCaching keeps an answer out of caches of HTTP/1.0 too, as RFC 6749 has it
// (section 5.1).
func forbidCaching(c echo.Context) {
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	c.Response().Header().Set("Pragma", "no-cache")
}
