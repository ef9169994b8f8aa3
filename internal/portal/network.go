package portal

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// MaxNetworks is how many networks a key can be bound to.
const MaxNetworks = 50

// Networks reads the networks from which a key may be used, and gives them in CIDR, each
// once. An address stands for the network of that one address.
func (v *Invalid) Networks(field string, texts []string) (networks []string) {
	for _, text := range texts {
		network, ok := readNetwork(strings.TrimSpace(text))
		switch one := network.String(); {
		case !ok:
			v.Add(field, fmt.Sprintf("“%.50s” is no network. Write an address such as 192.0.2.7 or 2001:db8::7, or a network such as 10.0.0.0/8 or 2001:db8::/32.", text))
		case slices.Contains(networks, one):
		case len(networks) == MaxNetworks:
			v.Add(field, fmt.Sprintf("A key can be bound to %d networks at the most.", MaxNetworks))
			return networks
		default:
			networks = append(networks, one)
		}
	}
	return networks
}

// readNetwork reads an address or a network. IPv4 within IPv6 is IPv4.
func readNetwork(text string) (netip.Prefix, bool) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), address.Zone() == ""
	}
	network, err := netip.ParsePrefix(text)
	if address := network.Addr(); address.Is4In6() {
		network = netip.PrefixFrom(address.Unmap(), network.Bits()-(address.BitLen()-address.Unmap().BitLen()))
	}
	return network.Masked(), err == nil && network.IsValid()
}

// WithinNetworks tells whether an address of the inner networks is always one of the
// outer ones. No network at all stands for all addresses.
func WithinNetworks(inner, outer []string) bool {
	if len(outer) == 0 {
		return true
	}
	return len(inner) > 0 && !slices.ContainsFunc(inner, func(network string) bool {
		one, err := netip.ParsePrefix(network)
		return err != nil || !slices.ContainsFunc(outer, func(network string) bool {
			other, err := netip.ParsePrefix(network)
			return err == nil && other.Bits() <= one.Bits() && other.Contains(one.Addr())
		})
	})
}
