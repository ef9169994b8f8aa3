package gateway

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/verify"
)

// identity has the headers that tell the upstream on whose behalf a request
// comes. Each is sent with every pass, empty or not, so that none which the
// client sent survives.
var identity = []struct {
	name  string
	value func(verify.Decision) string
}{
	{"X-Key-Id", func(d verify.Decision) string { return number(d.Subject.KeyID) }},
	{"X-Key-Name", func(d verify.Decision) string { return d.Subject.KeyName }},
	{"X-User-Id", func(d verify.Decision) string { return number(d.User().ID) }},
	{"X-User-Name", func(d verify.Decision) string { return d.User().Username }},
	{"X-Org-Id", func(d verify.Decision) string { return number(d.Subject.OrganizationID) }},
	{"X-Org-Name", func(d verify.Decision) string { return d.Subject.OrganizationName }},
	{"X-License", func(d verify.Decision) string { return d.Subject.LicenseNumber }},
	{"X-Domain", func(d verify.Decision) string { return d.Subject.Domain }},
	{"X-Application", func(d verify.Decision) string { return d.Subject.Application }},
	{"X-Api-Sets", func(d verify.Decision) string { return strings.Join(d.Subject.APISets, ",") }},
	{"X-Impersonator-Id", func(d verify.Decision) string { return numberOrNone(d.Impersonator().ID) }},
}

// auth answers a gateway: 200 with the identity in headers and an empty body, or
// why not.
func (g *gateway) auth(c echo.Context) error {
	suffix, err := suffixOf(c.Request())
	if err != nil {
		return err
	}
	// Behind a path, the query is the client's and says nothing of the place.
	var place settings
	if suffix == "" {
		if place, err = g.places.read(c.Request().URL.RawQuery); err != nil {
			return err
		}
	}
	decision, err := g.decide(c.Request(), place, suffix)
	if err != nil {
		return place.soften(err)
	}
	header := c.Response().Header()
	setIdentity(header, decision)
	setRateLimit(header, decision.Quota)
	header.Set(echo.HeaderCacheControl, "no-store")
	return c.NoContent(http.StatusOK)
}

// setIdentity sets the headers by names in canonical form, all values in one array:
// http.Header.Set would cost as much as the check.
func setIdentity(header http.Header, decision verify.Decision) {
	values := make([]string, len(identity))
	for i, field := range identity {
		values[i] = headerText(field.value(decision))
		header[field.name] = values[i : i+1 : i+1]
	}
}

func (g *gateway) decide(r *http.Request, place settings, suffix string) (verify.Decision, error) {
	method, uri, err := originalOf(r, suffix)
	if err != nil {
		return verify.Decision{}, err
	}
	if query := r.URL.RawQuery; suffix == "" && query != "" && query == queryOf(uri) {
		return verify.Decision{}, badRequest("The query of /auth is the client's own: the gateway must not pass that on. In Caddy, write uri /auth? with the question mark.")
	}
	question := verify.Sent(r.Header)
	if err := refuseCredential(queryOf(uri), question); err != nil {
		return verify.Decision{}, err
	}
	question.ClientIP, question.Impersonate = g.clientAddress(r), r.Header[verify.ImpersonateHeader]
	question.Method, question.URI = method, uri
	place.ask(&question)
	decision, err := g.Checker.Check(r.Context(), question)
	return decision, refusalOf(decision, err)
}

func number(id int64) string { return strconv.FormatInt(id, 10) }

func numberOrNone(id int64) string {
	if id == 0 {
		return ""
	}
	return number(id)
}

// headerText is a text as a header can carry it: as it is when it is printable
// ASCII, else percent-encoded UTF-8.
func headerText(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return url.PathEscape(text)
	}
	return text
}
