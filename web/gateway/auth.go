package gateway

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"keyportal/internal/verify"
)

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

// setIdentity sets the headers that tell the upstream on whose behalf a request comes.
// Each is sent with every pass, empty or not, so that none which the client sent
// survives. Their names are in canonical form, and all values in one array:
// http.Header.Set would cost as much as the check.
func setIdentity(header http.Header, d verify.Decision) {
	const headers = 11
	values := make([]string, 0, headers)
	set := func(name, value string) {
		values = append(values, headerText(value))
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	set("X-Key-Id", number(d.Subject.KeyID))
	set("X-Key-Name", d.Subject.KeyName)
	set("X-User-Id", number(d.User().ID))
	set("X-User-Name", d.User().Username)
	set("X-Org-Id", number(d.Subject.OrganizationID))
	set("X-Org-Name", d.Subject.OrganizationName)
	set("X-License", d.Subject.LicenseNumber)
	set("X-Domain", d.Subject.Domain)
	set("X-Application", d.Subject.Application)
	set("X-Api-Sets", strings.Join(d.Subject.APISets, ","))
	set("X-Impersonator-Id", numberOrNone(d.Impersonator().ID))
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
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return url.PathEscape(text)
		}
	}
	return text
}
