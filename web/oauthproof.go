package web

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/internal/verify"
)

// readOAuthForm reads the parameters of a request: from the body alone, each once.
// One without a value reads as one that was left out (RFC 6749, section 3.2).
func readOAuthForm(r *http.Request) (map[string]string, error) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return nil, invalidRequest("This address takes nothing in its query, which may be in logs now. If a secret was in it, have it regenerated. Send all parameters in the body.")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEApplicationForm {
		return nil, invalidRequest("Send the parameters in the body, with the Content-Type application/x-www-form-urlencoded.")
	}
	form := map[string]string{}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, invalidRequest("A parameter was sent more than once. Send each one once.")
		}
		form[name] = values[0]
	}
	return form, nil
}

// proof is how somebody proves who they are: as an OAuth client, or with an API
// key or access token.
type proof struct{ id, secret, key string }

// proofIn finds the one way in which a request proves who sends it (RFC 6749,
// section 2.3).
func proofIn(r *http.Request, form map[string]string) (proof, error) {
	headers, keys := r.Header.Values(echo.HeaderAuthorization), r.Header.Values("X-Api-Key")
	ways := len(headers) + len(keys)
	if form["client_secret"] != "" {
		ways++
	}
	switch {
	case ways > 1:
		return proof{}, invalidRequest("The request proves in more than one way who sends it. Use HTTP Basic, or client_id and client_secret in the body, not both.")
	case len(keys) == 1:
		return proof{key: keys[0]}, nil
	case len(headers) == 1:
		return proofInHeader(headers[0], form["client_id"])
	}
	return proof{id: form["client_id"], secret: form["client_secret"]}, nil
}

// proofInHeader reads an Authorization header. Many programs that use HTTP Basic
// name themselves in the body too, which is no second proof, but must not be
// another name.
func proofInHeader(header, named string) (p proof, err error) {
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return proof{key: value}, nil
	case !strings.EqualFold(scheme, "Basic"):
		return proof{}, invalidClient("Only HTTP Basic is known as a way to authenticate in the Authorization header.")
	}
	if p.id, p.secret, err = decodeBasic(value); err != nil {
		return proof{}, invalidClient("The Authorization header cannot be read. Encode ID and secret as a form does, join them by a colon, and encode that in Base64.")
	}
	if named != "" && named != p.id {
		return proof{}, invalidRequest("The parameter client_id names another client than the Authorization header.")
	}
	return p, nil
}

// decodeBasic reads what HTTP Basic has of a client, each half of it encoded as
// in a form (RFC 6749, section 2.3.1).
func decodeBasic(value string) (id, secret string, err error) {
	decoded, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return "", "", err
	}
	id, secret, _ = strings.Cut(string(decoded), ":")
	if id, err = url.QueryUnescape(id); err != nil {
		return "", "", err
	}
	secret, err = url.QueryUnescape(secret)
	return id, secret, err
}

// clientIn gives the OAuth client that a request says it comes from.
func clientIn(c echo.Context, form map[string]string) (verify.ClientRequest, error) {
	p, err := proofIn(c.Request(), form)
	if err != nil {
		return verify.ClientRequest{}, err
	}
	return p.client(c)
}

func (p proof) client(c echo.Context) (verify.ClientRequest, error) {
	if p.id == "" || p.secret == "" {
		return verify.ClientRequest{}, invalidClient("Send the Client ID (OAuth) and the Client Secret, with HTTP Basic or as client_id and client_secret in the body.")
	}
	return verify.ClientRequest{ID: p.id, Secret: p.secret, ClientIP: addressOf(c)}, nil
}

func (s *Server) admitClient(c echo.Context, client verify.ClientRequest) (verify.Decision, error) {
	decision, err := s.Checker.CheckClient(c.Request().Context(), client)
	if err != nil {
		return decision, unavailable(err)
	}
	if !decision.Valid() {
		return decision, refusedClient(decision.Code)
	}
	return decision, nil
}

// identifyClient asks for the proof alone, not for what the client may do now.
func (s *Server) identifyClient(c echo.Context, client verify.ClientRequest) (portal.Subject, error) {
	found, err := s.Checker.IdentifyClient(c.Request().Context(), client)
	if err != nil {
		return found, unavailable(err)
	}
	if found.KeyID == 0 {
		return found, refusedClient(portal.CheckNotFound)
	}
	return found, nil
}

// callerIn admits who may ask about tokens: an OAuth client, or the holder of an
// API key or access token.
func (s *Server) callerIn(c echo.Context, form map[string]string) (verify.Decision, error) {
	p, err := proofIn(c.Request(), form)
	if err != nil {
		return verify.Decision{}, err
	}
	if p.key != "" {
		return s.admitKey(c, p.key)
	}
	client, err := p.client(c)
	if err != nil {
		return verify.Decision{}, err
	}
	return s.admitClient(c, client)
}

func (s *Server) admitKey(c echo.Context, key string) (verify.Decision, error) {
	decision, err := s.Checker.Check(c.Request().Context(), verify.Request{
		Credential: key, ClientIP: addressOf(c), Impersonate: c.Request().Header.Values(verify.ImpersonateHeader), OnlyItself: true, AllowUnmatched: true,
	})
	if err != nil {
		return decision, unavailable(err)
	}
	if !decision.Valid() {
		return decision, invalidToken(decision.Message)
	}
	return decision, nil
}

// addressOf gives where a request came from; the zero Addr when that is not known.
func addressOf(c echo.Context) netip.Addr {
	address, _ := netip.ParseAddr(c.RealIP())
	return address
}
