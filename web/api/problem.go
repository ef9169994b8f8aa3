package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"keyportal/internal/portal"
)

// Problem is every answer but a success (RFC 9457).
type Problem struct {
	Type   string  `json:"type" example:"about:blank" doc:"Always about:blank: the code says what kind of problem it is."`
	Title  string  `json:"title" example:"Unprocessable Entity" doc:"The status in words."`
	Status int     `json:"status" example:"422" doc:"The HTTP status."`
	Detail string  `json:"detail" example:"Enter a name." doc:"What is wrong and what to do, as a sentence for people."`
	Code   string  `json:"code" example:"invalid" doc:"What kind of problem it is, for programs. Of a key that the check refuses it is the check's code, such as EXPIRED."`
	Errors []Fault `json:"errors,omitempty" nullable:"false" doc:"Where it is wrong, and why."`
}

// Fault is what is wrong with one part of a request.
type Fault struct {
	Location string `json:"location" example:"body.name" doc:"The part of the request: path, query, header or body, and the field."`
	Message  string `json:"message" example:"Enter a name." doc:"What is wrong with it and what to do."`
}

// Error gives the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus gives the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType gives the media type of problems.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// codes has the code of problems that come from the request's form alone.
var codes = map[int]string{
	http.StatusBadRequest:            "malformed",
	http.StatusUnauthorized:          string(portal.CodeUnauthenticated),
	http.StatusForbidden:             string(portal.CodeForbidden),
	http.StatusNotFound:              string(portal.CodeNotFound),
	http.StatusMethodNotAllowed:      "method_not_allowed",
	http.StatusRequestTimeout:        "timeout",
	http.StatusConflict:              string(portal.CodeConflict),
	http.StatusPreconditionFailed:    "changed",
	http.StatusRequestEntityTooLarge: string(portal.CodeTooLarge),
	http.StatusUnsupportedMediaType:  "unsupported_media_type",
	http.StatusUnprocessableEntity:   string(portal.CodeInvalid),
	http.StatusTooManyRequests:       string(portal.CodeTooMany),
	http.StatusServiceUnavailable:    string(portal.CodeUnavailable),
	http.StatusInternalServerError:   string(portal.CodeInternal),
}

// statuses has the HTTP status of each code.
var statuses = map[portal.Code]int{
	portal.CodeInvalid:         http.StatusUnprocessableEntity,
	portal.CodeUnauthenticated: http.StatusUnauthorized,
	portal.CodeForbidden:       http.StatusForbidden,
	portal.CodeNotFound:        http.StatusNotFound,
	portal.CodeConflict:        http.StatusConflict,
	portal.CodeTooMany:         http.StatusTooManyRequests,
	portal.CodeTooLarge:        http.StatusRequestEntityTooLarge,
	portal.CodeUnavailable:     http.StatusServiceUnavailable,
	portal.CodeInternal:        http.StatusInternalServerError,
}

// newProblem makes a problem of a status, with the code that goes with it.
func newProblem(status int, detail string, faults ...Fault) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: codes[status], Errors: faults}
}

// The library's own errors, which are about the form of requests, become problems too.
// They never repeat what was sent: it may be a secret.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		if message == brokenOff {
			status = http.StatusBadRequest
		}
		faults := make([]Fault, 0, len(errs))
		for _, err := range errs {
			if detail, ok := errors.AsType[*huma.ErrorDetail](err); ok {
				faults = append(faults, Fault{detail.Location, detail.Message})
			}
		}
		return newProblem(status, sentence(status, message, faults), faults...)
	}
}

// brokenOff is what the library says of a body that did not come to its end, which is
// no fault of the portal.
const brokenOff = "cannot read request body"

// sentence says for people what the library says in short.
func sentence(status int, message string, faults []Fault) string {
	switch {
	case status == http.StatusUnprocessableEntity && len(faults) > 0:
		parts := make([]string, len(faults))
		for i, fault := range faults {
			parts[i] = strings.TrimPrefix(fault.Location, "body.") + ": " + fault.Message
		}
		return "The request can't be taken as it is. " + strings.Join(parts, "; ") + "."
	case message == brokenOff:
		return "The body broke off before its end. Send it again."
	case status == http.StatusBadRequest:
		return "The body can't be read as JSON. Send one JSON object, in UTF-8."
	case status == http.StatusUnsupportedMediaType:
		return "Send the body as application/json."
	case status == http.StatusRequestEntityTooLarge:
		return "More was sent than is read here (1 MB)."
	case status >= http.StatusInternalServerError:
		return "This is a fault of the portal, not yours. The operator finds it in the log."
	}
	return message
}

// fieldNames has the names of the API for fields that forms call otherwise.
var fieldNames = map[string]string{
	"api_set": "apiSets", "application": "applicationId", "authority": "authorities", "confirm": "confirm", "days": "expiryMaxDays",
	"expires": "expiresAt", "expiry_max_days": "expiryMaxDays", "first_name": "firstName", "group": "groupIds", "last_name": "lastName",
	"level": "levelId", "license": "licenseId", "member": "memberIds", "network": "allowedNetworks", "organization": "orgId", "rate_limit": "rateLimit", "role": "roleIds", "user": "userId",
}

// problemOf makes a problem of an error of package manage. What is not the caller's
// fault is only said to be one.
func (a *API) problemOf(ctx context.Context, err error) error {
	if known, ok := errors.AsType[*Problem](err); ok {
		return known
	}
	known, ok := errors.AsType[*portal.Error](err)
	switch {
	case ok && known.Code == portal.CodeTooMany:
		return huma.ErrorWithHeaders(problemOfKnown(known), http.Header{"Retry-After": {strconv.Itoa(int(known.Retry.Seconds()))}})
	case ok && known.Code != portal.CodeInternal:
		return problemOfKnown(known)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return newProblem(http.StatusServiceUnavailable, "This took too long and was given up. Try again in a moment.")
	}
	a.Log.ErrorContext(ctx, "an API request failed", "error", err)
	return newProblem(http.StatusInternalServerError, sentence(http.StatusInternalServerError, "", nil))
}

func problemOfKnown(err *portal.Error) *Problem {
	problem := newProblem(statuses[err.Code], err.Message)
	problem.Code = string(err.Code)
	for _, field := range err.Fields {
		name, known := fieldNames[field.Field]
		if !known {
			name = field.Field
		}
		problem.Errors = append(problem.Errors, Fault{"body." + name, field.Message})
	}
	return problem
}

// WriteError answers a request with an error: one that stops it before it comes to an
// operation.
func (a *API) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	problem, ok := errors.AsType[*Problem](a.problemOf(r.Context(), err))
	if !ok {
		problem = newProblem(http.StatusInternalServerError, sentence(http.StatusInternalServerError, "", nil))
	}
	if known, ok := errors.AsType[*portal.Error](err); ok && known.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(known.Retry.Seconds())))
	}
	write(w, problem)
}

// Refusal is the problem of a key that the check refuses.
func Refusal(code portal.CheckCode, message string) error {
	status := http.StatusForbidden
	switch {
	case code == portal.CheckRateLimited:
		status = http.StatusTooManyRequests
	case slices.Index(portal.CheckCodes, code) < slices.Index(portal.CheckCodes, portal.CheckOrgSuspended):
		status = http.StatusUnauthorized
	}
	problem := newProblem(status, message)
	problem.Code = string(code)
	return problem
}

func write(w http.ResponseWriter, problem *Problem) {
	body, err := json.Marshal(problem)
	if err != nil {
		panic(fmt.Sprint("api: a problem is made of plain values: ", err))
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(problem.Status)
	w.Write(append(body, '\n'))
}
