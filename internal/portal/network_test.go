package portal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
)

func TestNetworksAreReadFromAddressesAndCIDREachOnce(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		"10.0.0.0/8 2001:db8::/32":             "10.0.0.0/8 2001:db8::/32",
		"192.0.2.7 2001:db8::7":                "192.0.2.7/32 2001:db8::7/128",
		"10.1.2.3/8 2001:DB8:1::5/32":          "10.0.0.0/8 2001:db8::/32",
		"::ffff:192.0.2.7 ::ffff:10.1.2.3/104": "192.0.2.7/32 10.0.0.0/8",
		"0.0.0.0/0 ::/0":                       "0.0.0.0/0 ::/0",
		"192.0.2.7 10.9.9.9/8 192.0.2.7/32 ::ffff:192.0.2.7 10.0.0.0/8": "192.0.2.7/32 10.0.0.0/8",
	} {
		var invalid portal.Invalid
		got := invalid.Networks("network", strings.Fields(text))
		if strings.Join(got, " ") != want || invalid.Err() != nil {
			t.Errorf("%q is read as %q, %v; want %q", text, got, invalid.Err(), want)
		}
	}
	var invalid portal.Invalid
	wantEqual(t, "with space around it", invalid.Networks("network", []string{" 10.0.0.0/8\t"}), []string{"10.0.0.0/8"})
}

func TestWhatIsNoNetworkIsNamed(t *testing.T) {
	for _, wrong := range []string{"", "here", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "2001:db8::/129", "fe80::1%eth0", "fe80::1%eth0/64", "::ffff:10.0.0.0/95", "10.0.0.0/8,192.0.2.7", "a\x00b"} {
		var invalid portal.Invalid
		networks := invalid.Networks("network", []string{"10.0.0.0/8", wrong, "also wrong"})
		fields := portal.FieldsOf(invalid.Err())
		if len(fields) != 1 || fields[0].Field != "network" || !strings.HasPrefix(fields[0].Message, "“"+wrong+"” is no network.") {
			t.Errorf("%q is read as %q with %v", wrong, networks, fields)
		}
	}
	var invalid portal.Invalid
	invalid.Networks("network", []string{strings.Repeat("x", 1_000_000)})
	if said := invalid.Err().Error(); len(said) > 500 {
		t.Errorf("the message has %d bytes", len(said))
	}
}

func TestAKeyIsBoundToFiftyNetworksAtTheMost(t *testing.T) {
	var most []string
	for i := range portal.MaxNetworks {
		most = append(most, fmt.Sprintf("10.%d.0.0/16", i))
	}
	var invalid portal.Invalid
	if got := invalid.Networks("network", append(slices.Clone(most), most...)); !slices.Equal(got, most) || invalid.Err() != nil {
		t.Errorf("50 are read as %q, %v", got, invalid.Err())
	}
	if got := invalid.Networks("network", append(slices.Clone(most), "192.0.2.7")); invalid.Err() == nil || !strings.Contains(invalid.Err().Error(), "50 networks at the most") {
		t.Errorf("51 are read as %q, %v", got, invalid.Err())
	}
}

func TestNoNetworksAreAllAddresses(t *testing.T) {
	for _, test := range []struct {
		inner, outer string
		want         bool
	}{
		{"", "", true},
		{"10.0.0.0/8", "", true},
		{"", "10.0.0.0/8", false},
		{"", "0.0.0.0/0 ::/0", false},
		{"10.1.0.0/16 2001:db8::7/128", "10.0.0.0/8 2001:db8::/32", true},
		{"10.0.0.0/8", "10.1.0.0/16", false},
	} {
		if got := portal.WithinNetworks(strings.Fields(test.inner), strings.Fields(test.outer)); got != test.want {
			t.Errorf("%q within %q: got %v", test.inner, test.outer, got)
		}
	}
}
