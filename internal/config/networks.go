package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// Networks is a list of networks. Text gives it as addresses and CIDR prefixes
// between commas: "10.0.0.0/8, 127.0.0.1, ::1".
type Networks []netip.Prefix

// UnmarshalText reads the list, replacing what n held. An address stands for
// the network of that one address.
func (n *Networks) UnmarshalText(text []byte) error {
	*n = nil
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		prefix, err := parseNetwork(part)
		if err != nil {
			return err
		}
		*n = append(*n, prefix)
	}
	return nil
}

// String writes the list as UnmarshalText reads it.
func (n Networks) String() string {
	parts := make([]string, len(n))
	for i, prefix := range n {
		parts[i] = prefix.String()
	}
	return strings.Join(parts, ",")
}

func parseNetwork(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8", s)
	}
	return prefix.Masked(), nil
}
