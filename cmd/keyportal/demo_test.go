package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheDemoShowsWhoCanLogInAndAKeyThatWorks(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	s := serve(t, "demo")
	key := s.stdout.await(t, `X-Api-Key: (kp_\w+)' '\S+billing'$`)
	status, _ := check(t, s.gateway, key)
	if status != http.StatusOK {
		t.Errorf("the printed key is answered %d", status)
	}
	for set, want := range map[string]string{"billing": `"VALID"`, "revenue-management": `"API_SET_NOT_GRANTED"`} {
		question := strings.NewReader(`{"key": "` + key + `", "api_set": "` + set + `"}`)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.gateway+"/v1/verify", question)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Api-Key", s.stdout.await(t, `-H 'X-Api-Key: (kp_\w+)' -d`))
		response, err := http.DefaultClient.Do(request)
		if status, body := answer(t, response, err); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("asked about %s, a service is answered %d %s", set, status, body)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gateway+"/auth?api_set=billing", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Api-Key", s.stdout.await(t, `-H 'X-Api-Key: (kp_\w+)' -H 'Impersonate-User-Id: `))
	request.Header.Set("Impersonate-User-Id", s.stdout.await(t, `-H 'Impersonate-User-Id: (\d+)'`))
	response, err := http.DefaultClient.Do(request)
	if status, _ := answer(t, response, err); status != http.StatusOK || response.Header.Get("X-User-Name") != "member" || response.Header.Get("X-Impersonator-Id") == "" {
		t.Errorf("as member the check answers %d to %q", status, response.Header.Get("X-User-Name"))
	}
	for _, username := range []string{"superadmin", "support", "clientadmin", "member", "viewer"} {
		wantLogIn(t, s.portal, username, samplePassword)
	}
	if s.end() != done {
		t.Error(s.stderr)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", filepath.Base(temporary), left, err)
	}
}
