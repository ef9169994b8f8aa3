package web

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// typed gives what was entered: the body of a form that was sent, or, for a
// form's page, what its address brings along (after logging in again, or from
// an earlier step). The query of a sent form is never looked at.
func typed(c echo.Context) url.Values {
	if c.Request().Method == http.MethodPost {
		return c.Request().PostForm
	}
	if c.Request().Header.Get("Sec-Fetch-Site") == "cross-site" {
		return url.Values{} // another site's link fills in no form
	}
	return c.QueryParams()
}

// newForm makes the view of a form with what was entered. A form that begins
// with the given values takes an address's query only from a form that was sent,
// which the hidden values tell.
func newForm(c echo.Context, values url.Values) page.Form {
	form := page.Form{Values: typed(c)}
	if values != nil && !form.Values.Has("submission") && !form.Values.Has("version") {
		form.Values = values
	}
	if form.Values.Get("submission") == "" {
		form.Values.Set("submission", rand.Text()) // by which a form that is sent twice is known
	}
	return form
}

// submissionOf gives by what a form is known that is sent twice.
func submissionOf(values url.Values) manage.Submission {
	return manage.Submission{Token: values.Get("submission")}
}

// withError gives the form with what is wrong with it.
func withError(form page.Form, err error) page.Form {
	if form.Errors = portal.FieldsOf(err); len(form.Errors) == 0 {
		form.Message = messageOf(err)
	}
	return form
}

// answerForm shows a form again with what was typed when the change was refused;
// other errors go their way.
func (s *Server) answerForm(c echo.Context, err error, show func(status int) error) error {
	if !refused(err) {
		return err
	}
	status, _ := s.explain(err)
	return show(status)
}

// pathID reads the number in a path. Anything else is not found.
func pathID(c echo.Context, name string, noun portal.Noun) (int64, error) {
	id, err := strconv.ParseInt(c.Param(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, portal.NotFound(noun)
	}
	return id, nil
}

// number reads a number of a form; 0 when there is none.
func number(values url.Values, name string) int64 {
	parsed, _ := strconv.ParseInt(values.Get(name), 10, 64)
	return parsed
}

// numbers reads all numbers of one name.
func numbers(values url.Values, name string) []int64 {
	var all []int64
	for _, text := range values[name] {
		if parsed, err := strconv.ParseInt(text, 10, 64); err == nil {
			all = append(all, parsed)
		}
	}
	return all
}

func checked(values url.Values, name string) bool { return values.Get(name) != "" }

// readDay reads the date of a field, of which year, month and day count. No date is the
// zero time.
func readDay(field, text string) (time.Time, error) {
	if text = strings.TrimSpace(text); text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		var invalid portal.Invalid
		invalid.Add(field, "Enter a date like 2027-01-31, or leave it empty.")
		return time.Time{}, invalid.Err()
	}
	return day, nil
}
