package main

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestTheDashboardAsksForWhatIsMeasured(t *testing.T) {
	dashboard, err := os.ReadFile("../../web/gateway/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, emptySQLite(t).flags("serve")...)
	response, err := http.Get(s.gateway + "/metrics")
	status, measured := answer(t, response, err)
	if status != http.StatusOK {
		t.Fatalf("/metrics answers %d", status)
	}
	names := regexp.MustCompile(`\b(?:keyportal|process|go)_[a-z_]+`).FindAllString(string(dashboard), -1)
	if len(names) < 10 {
		t.Errorf("it asks for %q", names)
	}
	for _, name := range names {
		if !strings.Contains(measured, "\n"+name) {
			t.Errorf("%s is not measured", name)
		}
	}
}
