package portal_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
)

func TestTheLastActivityIsTheLatestOfWhatWasDone(t *testing.T) {
	early, late := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for what, test := range map[string]struct {
		figures portal.OrganizationFigures
		want    time.Time
	}{
		"nothing":    {portal.OrganizationFigures{Keys: 1}, time.Time{}},
		"a sign-in":  {portal.OrganizationFigures{LastSignIn: late, LastUse: early, LastChange: early}, late},
		"a use":      {portal.OrganizationFigures{LastSignIn: early, LastUse: late, LastChange: early}, late},
		"a change":   {portal.OrganizationFigures{LastSignIn: early, LastChange: late}, late},
		"one of two": {portal.OrganizationFigures{LastUse: early}, early},
	} {
		wantEqual(t, what, test.figures.LastActivity(), test.want)
	}
}
