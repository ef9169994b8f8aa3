package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"keyportal/internal/verify"
)

// question is the body of a request to /v1/verify. Only the key is needed.
type question struct {
	Key               string `json:"key"`
	APISet            string `json:"api_set"`
	Method            string `json:"method"`
	Path              string `json:"path"`
	ClientIP          string `json:"client_ip"`
	ImpersonateUserID *int64 `json:"impersonate_user_id"`
	License           string `json:"license"`
	Domain            string `json:"domain"`
	Instance          string `json:"instance"`
}

// decision is the body of an answer of /v1/verify. What is not known of a key is
// left out.
type decision struct {
	Valid        bool       `json:"valid"`
	Code         string     `json:"code"`
	Message      string     `json:"message"`
	Key          *named     `json:"key,omitempty"`
	User         *namedUser `json:"user,omitempty"`
	Organization *named     `json:"organization,omitempty"`
	License      string     `json:"license,omitempty"`
	Domain       string     `json:"domain,omitempty"`
	Application  string     `json:"application,omitempty"`
	APISets      []string   `json:"api_sets,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
}

type named struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type namedUser struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
}

// verify answers a service's question about a key with a decision, always with
// 200. The caller proves itself with a key whose user holds Verify keys.
func (s *server) verify(c echo.Context) error {
	request := c.Request()
	if err := refuseInQuery(c.QueryParams()); err != nil {
		return err
	}
	caller, err := s.Checker.CheckCaller(request.Context(), verify.Request{
		Credential: credentialOf(request.Header), ClientIP: s.clientAddress(request), Impersonate: request.Header.Values("Impersonate-User-Id"),
	})
	if err != nil {
		return err
	}
	if !caller.Valid() {
		return refuse(c, caller, statuses[caller.Code])
	}
	asked, err := readQuestion(c)
	if err != nil {
		return err
	}
	decided, err := s.Checker.Check(request.Context(), asked)
	if err != nil {
		return err
	}
	return answerJSON(c, http.StatusOK, describe(decided))
}

const questionForm = `Send JSON like {"key": "kp_…", "api_set": "billing"}; method, path, client_ip, license, domain, instance and impersonate_user_id can be there too.`

func readQuestion(c echo.Context) (verify.Request, error) {
	var q question
	decoder := json.NewDecoder(c.Request().Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&q); err != nil {
		if tooLarge, ok := errors.AsType[*echo.HTTPError](err); ok {
			return verify.Request{}, tooLarge
		}
		return verify.Request{}, &badRequest{"The question can't be read. " + questionForm}
	}
	if decoder.More() {
		return verify.Request{}, &badRequest{"There is more than one question. " + questionForm}
	}
	asked := verify.Request{
		Credential: q.Key, APISet: q.APISet, Method: q.Method, URI: q.Path, AllowUnmatched: q.APISet == "" && q.Path == "",
		License: q.License, Domain: q.Domain, Instance: q.Instance,
	}
	if q.ImpersonateUserID != nil {
		asked.Impersonate = []string{strconv.FormatInt(*q.ImpersonateUserID, 10)}
	}
	if q.ClientIP != "" {
		address, err := netip.ParseAddr(q.ClientIP)
		if err != nil {
			return asked, &badRequest{"client_ip is not an IP address. " + questionForm}
		}
		asked.ClientIP = address
	}
	return asked, nil
}

// describe tells what was decided, and of a key that is valid all about it.
func describe(d verify.Decision) decision {
	answer := decision{Valid: d.Valid(), Code: string(d.Code), Message: d.Message}
	if !d.Valid() {
		return answer
	}
	subject := d.Subject
	answer.Key = &named{subject.KeyID, subject.KeyName}
	answer.User = &namedUser{subject.UserID, subject.Username}
	answer.Organization = &named{subject.OrganizationID, subject.OrganizationName}
	answer.License, answer.Domain, answer.Application, answer.APISets = subject.LicenseNumber, subject.Domain, subject.Application, subject.APISets
	if at := d.ExpiresAt(); !at.IsZero() {
		answer.ExpiresAt = &at
	}
	return answer
}
