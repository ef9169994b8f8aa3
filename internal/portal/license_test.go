package portal_test

import (
	"testing"

	"keyportal/internal/portal"
)

// instance is what an instance's name tells.
type instance struct {
	environment portal.Environment
	number      string
}

func parseInstance(t *testing.T, name string) instance {
	t.Helper()
	environment, number, ok := portal.ParseInstance(name)
	if !ok {
		t.Errorf("%q is not read", name)
	}
	return instance{environment, number}
}

func TestInstancesWithTheSameNumberShareALicense(t *testing.T) {
	for name, want := range map[string]instance{
		"BE12345678":    {portal.Production, "12345678"},
		"TEBE12345678":  {portal.Test, "12345678"},
		"TEBE12345678A": {portal.Test, "12345678"},
	} {
		wantEqual(t, name, parseInstance(t, name), want)
	}
}

func TestInstancesWithDifferentNumbersHaveLicensesOfTheirOwn(t *testing.T) {
	for name, want := range map[string]instance{
		"BE12345678":    {portal.Production, "12345678"},
		"BE34567890":    {portal.Production, "34567890"},
		"TEBE56789012A": {portal.Test, "56789012"},
		"TEBE912345":    {portal.Test, "912345"},
	} {
		wantEqual(t, name, parseInstance(t, name), want)
	}
}

func TestOtherNamesAreNoInstances(t *testing.T) {
	for _, name := range []string{"", "12345678", "BE", "TEBE", "TE12345678", "BEX12345678", "BE12345678AB", "TEBE12345678a", "be12345678", " BE12345678", "BE12345678\n", "BE1234 5678", "BE１２３"} {
		if _, _, ok := portal.ParseInstance(name); ok {
			t.Errorf("%q is read", name)
		}
	}
}
