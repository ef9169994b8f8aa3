package main

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var hiddenNext = regexp.MustCompile(`name="next" value="([^"]*)"`)

// TestALongTextSurvivesLoggingInAgain sends a form that is far longer than what
// fields take, in a script whose letters take nine bytes each in an address.
func TestALongTextSurvivesLoggingInAgain(t *testing.T) {
	s := serve(t, emptySQLite(t).flags("serve")...)
	client := browse(t)
	send := func(path string, form url.Values, want int) (*http.Response, string) {
		t.Helper()
		response, err := client.PostForm(s.portal+path, form)
		status, body := answer(t, response, err)
		if status != want {
			t.Fatalf("%s answers %d: %.300s", path, status, body)
		}
		return response, body
	}
	const password = "a few words in a row"
	send(strings.TrimPrefix(s.stdout.await(t, setUpLine), s.portal), url.Values{"username": {"root"}, "email": {"root@example.com"},
		"organization": {"Gold Client"}, "password": {password}, "repeat": {password}}, http.StatusOK)

	name := strings.Repeat("\u8a9e", 10_000)
	_, login := send("/keys", url.Values{"name": {name}, "submission": {"token"}}, http.StatusUnauthorized)
	next := hiddenNext.FindStringSubmatch(login)
	if next == nil {
		t.Fatal("the Log In page leads nowhere")
	}
	back, _ := send("/login", url.Values{"username": {"root"}, "password": {password}, "next": {html.UnescapeString(next[1])}}, http.StatusSeeOther)
	for what, test := range map[string]struct {
		address string
		want    int
	}{
		"the form again": {back.Header.Get("Location"), http.StatusOK},
		"the next step":  {"/keys/new?" + url.Values{"name": {name}, "step": {"api-sets"}}.Encode(), http.StatusUnprocessableEntity},
	} {
		response, err := client.Get(s.portal + test.address)
		if status, body := answer(t, response, err); status != test.want || !strings.Contains(body, `value="`+name+`"`) {
			t.Errorf("%s: answers %d, and the name is not in it: %.300s", what, status, body)
		}
	}
}
