// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"strings"

	"go4.org/netipx"

	"metallb.io/metallb/api/v1beta1"
)

// ParseAddressRange parses a prefix in CIDR notation, whose host bits are
// ignored, or a range "first-last" with blanks allowed around the dash.
func ParseAddressRange(entry v1beta1.AddressRange) (netipx.IPRange, error) {
	text := string(entry)
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return netipx.IPRange{}, fmt.Errorf("%q is neither a prefix like 192.0.2.0/24 nor a range like 192.0.2.10-192.0.2.20: %w", text, err)
		}
		if prefix.Addr().Is4In6() {
			return netipx.IPRange{}, fmt.Errorf("%q is an IPv4-mapped IPv6 prefix: write it as IPv4", text)
		}
		return netipx.RangeOfPrefix(prefix), nil
	}

	from, err := parseRangeEnd(first)
	if err != nil {
		return netipx.IPRange{}, fmt.Errorf("first address of the range %q: %w", text, err)
	}
	to, err := parseRangeEnd(last)
	if err != nil {
		return netipx.IPRange{}, fmt.Errorf("last address of the range %q: %w", text, err)
	}
	switch {
	case from.Is4() != to.Is4():
		return netipx.IPRange{}, fmt.Errorf("the range %q mixes IPv4 and IPv6: write two ranges", text)
	case to.Less(from):
		return netipx.IPRange{}, fmt.Errorf("the range %q starts after its end: swap the addresses", text)
	}
	return netipx.IPRangeFrom(from, to), nil
}

func parseRangeEnd(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	switch {
	case err != nil:
		return netip.Addr{}, err
	case addr.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%q has a zone, which a Service's address cannot have", addr)
	case addr.Is4In6():
		return netip.Addr{}, fmt.Errorf("%q is an IPv4-mapped IPv6 address: write it as IPv4", addr)
	}
	return addr, nil
}
