package portal_test

import (
	"testing"

	"keyportal/internal/portal"
)

func TestRequestStatesHaveLabelsAndSomeArePending(t *testing.T) {
	type state struct {
		label   string
		pending bool
	}
	var states []state
	for _, s := range portal.RequestStates {
		states = append(states, state{s.Label(), s.Pending()})
	}
	wantEqual(t, "states", states, []state{
		{"Open", true}, {"In progress", true}, {"Awaiting answer", true}, {"Approved", false}, {"Declined", false}, {"Withdrawn", false},
	})
}

func TestARequestIsNamedByItsApplicationAndLicense(t *testing.T) {
	wantEqual(t, "name", portal.Request{ApplicationName: "Workflow", LicenseNumber: "12345678", Domain: "Acme Europe"}.Name(), "Workflow for 12345678")
}
