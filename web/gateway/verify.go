package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"keyportal/internal/verify"
)

const (
	verifyRoute = "/v1/verify"
	bodyLimit   = 64 << 10
)

// question is what a service asks. What is empty in it was left out.
type question struct {
	verify.Request
	clientIP    string
	impersonate *int64
}

// texts has the fields that are texts by their names.
var texts = map[string]func(*question) *string{
	"key":        func(q *question) *string { return &q.Credential },
	"access_key": func(q *question) *string { return &q.AccessKey },
	"secret_key": func(q *question) *string { return &q.SecurityKey },
	"api_set":    func(q *question) *string { return &q.APISet },
	"method":     func(q *question) *string { return &q.Method },
	"path":       func(q *question) *string { return &q.URI },
	"client_ip":  func(q *question) *string { return &q.clientIP },
	"license":    func(q *question) *string { return &q.License },
	"domain":     func(q *question) *string { return &q.Domain },
	"instance":   func(q *question) *string { return &q.Instance },
}

const fields = " The fields are key, or access_key and secret_key; api_set, method and path, client_ip, license, domain, instance, impersonate_user_id where they are wanted."

// answer is what a service is told. Whose key it is stands there only when it
// may pass.
type answer struct {
	Valid        bool          `json:"valid"`
	Code         verify.Code   `json:"code"`
	Message      string        `json:"message"`
	Key          *key          `json:"key"`
	User         *user         `json:"user"`
	Impersonator *user         `json:"impersonator"` // the key's own user, when the request acts as another
	Organization *organization `json:"organization"`
	License      string        `json:"license"`
	Domain       string        `json:"domain"`
	Application  string        `json:"application"`
	APISets      []string      `json:"api_sets"`
	ExpiresAt    *time.Time    `json:"expires_at"`
	RateLimit    *rateLimit    `json:"rate_limit"` // of a key that has one, also when it was refused for that
}

type key struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

type user struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
}

type organization struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// verify answers a service. The caller proves itself with a key of its own whose
// user holds Verify keys.
func (g *gateway) verify(c echo.Context) error {
	r := c.Request()
	if err := g.admitCaller(r); err != nil {
		return err
	}
	asked, err := readQuestion(http.MaxBytesReader(c.Response(), r.Body, bodyLimit))
	if err != nil {
		return err
	}
	request, err := asked.request()
	if err != nil {
		return err
	}
	decision, err := g.Checker.Check(r.Context(), request)
	if err != nil {
		return refusalOf(decision, err)
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.JSON(http.StatusOK, answerTo(decision))
}

func (g *gateway) admitCaller(r *http.Request) error {
	caller := verify.Sent(r.Header)
	if err := refuseCredential(r.URL.RawQuery, caller); err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		return badRequest("This route takes nothing in its query. Send the question as JSON in the body." + fields)
	}
	caller.ClientIP, caller.Impersonate = g.clientAddress(r), r.Header.Values(verify.ImpersonateHeader)
	return refusalOf(g.Checker.CheckCaller(r.Context(), caller))
}

// readQuestion reads one JSON object field by field. To decode it into a struct
// would take null for a field that was left out: the question would ask for less than
// was meant.
func readQuestion(body io.Reader) (q question, err error) {
	decoder := jsontext.NewDecoder(body, jsontext.AllowDuplicateNames(true)) // which readOnce refuses
	if start, err := decoder.ReadToken(); err != nil || start.Kind() != '{' {
		return q, explainJSON(err)
	}
	for decoder.PeekKind() == '"' {
		name, err := decoder.ReadToken()
		if err != nil {
			return q, explainJSON(err)
		}
		if err := q.read(decoder, name.String()); err != nil {
			return q, err
		}
	}
	if _, err := decoder.ReadToken(); err != nil { // the end of the object
		return q, explainJSON(err)
	}
	if _, err := decoder.ReadToken(); err != io.EOF {
		return q, explainJSON(err)
	}
	return q, nil
}

// read reads the value of a field.
func (q *question) read(decoder *jsontext.Decoder, name string) error {
	if text, known := texts[name]; known {
		return readOnce(decoder, name, text(q), textOf)
	}
	if name == "impersonate_user_id" {
		return readOnce(decoder, name, &q.impersonate, numberOf)
	}
	return explainJSON(nil)
}

// readOnce reads a value into what was empty and is not so afterwards. An empty
// value is a variable that was not set.
func readOnce[T comparable](decoder *jsontext.Decoder, name string, to *T, valueOf func(jsontext.Value) (T, bool)) error {
	var empty T
	if *to != empty {
		return badRequest(fmt.Sprintf("The field %s is there more than once. Send it once.", name))
	}
	value, err := decoder.ReadValue()
	if err != nil {
		return explainJSON(err)
	}
	if value.Kind() == 'n' {
		return emptyField(name)
	}
	read, ok := valueOf(value)
	if !ok {
		return badRequest(fmt.Sprintf("The field %s has the wrong type: impersonate_user_id is a whole number, and all others are texts.", name))
	}
	if *to = read; read == empty {
		return emptyField(name)
	}
	return nil
}

func emptyField(name string) error {
	return badRequest(fmt.Sprintf("The field %s is empty or null. Fill it, or leave it out.", name))
}

func textOf(value jsontext.Value) (string, bool) {
	if value.Kind() != '"' {
		return "", false
	}
	text, err := jsontext.AppendUnquote(nil, value)
	return string(text), err == nil
}

func numberOf(value jsontext.Value) (*int64, bool) {
	number, err := strconv.ParseInt(string(value), 10, 64)
	return &number, err == nil
}

// explainJSON says what a body must be. The cause is nil where the JSON is right
// but not such a body.
func explainJSON(cause error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](cause); ok {
		return &refusal{status: http.StatusRequestEntityTooLarge, code: "TOO_LARGE", message: fmt.Sprintf("The body may have %d bytes at most.", bodyLimit)}
	}
	return badRequest("The body must be one JSON object in UTF-8 with no fields but the known ones." + fields)
}

// request gives the question as the checker takes it. Without an API set and a
// path, the question is whether the key is valid at all.
func (q question) request() (r verify.Request, err error) {
	r = q.Request
	if (r.Method == "") != (r.URI == "") {
		return r, badRequest("The fields method and path belong together: send both or neither.")
	}
	if r.Credential != "" && (r.AccessKey != "" || r.SecurityKey != "") {
		return r, badRequest("The field key is for API keys of one part: send it, or access_key and secret_key, not all of them.")
	}
	if q.clientIP != "" {
		if r.ClientIP, err = netip.ParseAddr(q.clientIP); err != nil {
			return r, badRequest("The field client_ip is not an IP address. Write it as 192.0.2.7 or 2001:db8::7.")
		}
	}
	if q.impersonate != nil {
		r.Impersonate = []string{strconv.FormatInt(*q.impersonate, 10)}
	}
	r.AllowUnmatched = r.URI == ""
	return r, refuseCredential(queryOf(r.URI), r)
}

func answerTo(d verify.Decision) answer {
	a := answer{Valid: d.Valid(), Code: d.Code, Message: d.Message, APISets: []string{}, RateLimit: rateLimitOf(d.Quota)}
	if !a.Valid {
		return a
	}
	s := d.Subject
	a.Key = &key{s.KeyID, s.KeyName, string(s.Kind)}
	a.User, a.Impersonator = userOf(d.User()), userOf(d.Impersonator())
	a.Organization = &organization{s.OrganizationID, s.OrganizationName}
	a.License, a.Domain, a.Application = s.LicenseNumber, s.Domain, s.Application
	a.APISets = append(a.APISets, s.APISets...)
	if end := d.ExpiresAt(); !end.IsZero() {
		a.ExpiresAt = &end
	}
	return a
}

func userOf(who verify.Identity) *user {
	if who.ID == 0 {
		return nil
	}
	return &user{who.ID, who.Username}
}
