package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"keyportal/internal/verify"
)

const (
	verifyRoute = "/v1/verify"
	bodyLimit   = 64 << 10
)

// question is what a service asks. A field that is there must not be empty: an
// empty one is a variable that was not set, and would ask for less than was
// meant.
type question struct {
	Key               *string `json:"key"`
	APISet            *string `json:"api_set"`
	Method            *string `json:"method"`
	Path              *string `json:"path"`
	ClientIP          *string `json:"client_ip"`
	License           *string `json:"license"`
	Domain            *string `json:"domain"`
	Instance          *string `json:"instance"`
	ImpersonateUserID *int64  `json:"impersonate_user_id"`
}

const fields = " The fields are key; api_set, method and path, client_ip, license, domain, instance, impersonate_user_id where they are wanted."

// answer is what a service is told. Whose key it is stands there only when it
// may pass.
type answer struct {
	Valid        bool          `json:"valid"`
	Code         verify.Code   `json:"code"`
	Message      string        `json:"message"`
	Key          *key          `json:"key"`
	User         *user         `json:"user"`
	Organization *organization `json:"organization"`
	License      string        `json:"license"`
	Domain       string        `json:"domain"`
	Application  string        `json:"application"`
	APISets      []string      `json:"api_sets"`
	ExpiresAt    *time.Time    `json:"expires_at"`
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
	credential := credentialIn(r.Header)
	if err := refuseCredential(r.URL.RawQuery, credential); err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		return badRequest("This route takes nothing in its query. Send the question as JSON in the body." + fields)
	}
	return refusalOf(g.Checker.CheckCaller(r.Context(), verify.Request{
		Credential: credential, ClientIP: g.clientAddress(r), Impersonate: r.Header.Values(impersonate),
	}))
}

func readQuestion(body io.Reader) (q question, err error) {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(&q); err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = errors.Join(errors.New("more than one value"), more)
		}
	}
	if err != nil {
		return q, explainJSON(err)
	}
	return q, nil
}

func explainJSON(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &refusal{status: http.StatusRequestEntityTooLarge, code: "TOO_LARGE", message: fmt.Sprintf("The body may have %d bytes at most.", bodyLimit)}
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && mismatch.Field != "" {
		return badRequest(fmt.Sprintf("The field %s has the wrong type: impersonate_user_id is a whole number, and all others are texts.", mismatch.Field))
	}
	return badRequest("The body must be one JSON object with no fields but the known ones." + fields)
}

// request gives the question as the checker takes it. Without an API set and a
// path, the question is whether the key is valid at all.
func (q question) request() (r verify.Request, err error) {
	for name, field := range map[string]struct{ from, to *string }{
		"key": {q.Key, &r.Credential}, "api_set": {q.APISet, &r.APISet}, "method": {q.Method, &r.Method}, "path": {q.Path, &r.URI},
		"license": {q.License, &r.License}, "domain": {q.Domain, &r.Domain}, "instance": {q.Instance, &r.Instance},
	} {
		switch {
		case field.from == nil:
		case *field.from == "":
			return r, badRequest(fmt.Sprintf("The field %s is empty. Fill it, or leave it out.", name))
		default:
			*field.to = *field.from
		}
	}
	if (q.Method == nil) != (q.Path == nil) {
		return r, badRequest("The fields method and path belong together: send both or neither.")
	}
	if q.ClientIP != nil {
		if r.ClientIP, err = netip.ParseAddr(*q.ClientIP); err != nil {
			return r, badRequest("The field client_ip is not an IP address. Write it as 192.0.2.7 or 2001:db8::7.")
		}
	}
	if q.ImpersonateUserID != nil {
		r.Impersonate = []string{strconv.FormatInt(*q.ImpersonateUserID, 10)}
	}
	r.AllowUnmatched = q.Path == nil
	return r, refuseCredential(queryOf(r.URI), r.Credential)
}

func answerTo(d verify.Decision) answer {
	a := answer{Valid: d.Valid(), Code: d.Code, Message: d.Message, APISets: []string{}}
	if !a.Valid {
		return a
	}
	s := d.Subject
	a.Key = &key{s.KeyID, s.KeyName, string(s.Kind)}
	a.User = &user{s.UserID, s.Username}
	a.Organization = &organization{s.OrganizationID, s.OrganizationName}
	a.License, a.Domain, a.Application = s.LicenseNumber, s.Domain, s.Application
	a.APISets = append(a.APISets, s.APISets...)
	if end := d.ExpiresAt(); !end.IsZero() {
		a.ExpiresAt = &end
	}
	return a
}
