// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"

	"metallb.io/metallb/api/v1beta1"
)

// ParseAddressRange parses a prefix in CIDR notation, whose host bits are
// ignored, or a range "first-last" with blanks allowed around the dash.
func ParseAddressRange(entry v1beta1.AddressRange) (netipx.IPRange, error) {
	r, _, err := parseAddressRange(string(entry))
	return r, err
}

// parseAddressRange also reports whether the entry is a prefix with host bits.
func parseAddressRange(text string) (r netipx.IPRange, hostBits bool, err error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return netipx.IPRange{}, false, fmt.Errorf("%q is neither a prefix like 192.0.2.0/24 nor a range like 192.0.2.10-192.0.2.20 (%s)", text, cause(err))
		}
		if prefix.Addr().Is4In6() {
			return netipx.IPRange{}, false, fmt.Errorf("%q is an IPv4-mapped IPv6 prefix: write it as IPv4", text)
		}
		return netipx.RangeOfPrefix(prefix), prefix.Masked() != prefix, nil
	}

	from, err := parseRangeEnd(first)
	if err != nil {
		return netipx.IPRange{}, false, fmt.Errorf("first address of the range %q: %w", text, err)
	}
	to, err := parseRangeEnd(last)
	if err != nil {
		return netipx.IPRange{}, false, fmt.Errorf("last address of the range %q: %w", text, err)
	}
	switch {
	case from.Is4() != to.Is4():
		return netipx.IPRange{}, false, fmt.Errorf("the range %q mixes IPv4 and IPv6: write two ranges", text)
	case to.Less(from):
		return netipx.IPRange{}, false, fmt.Errorf("the range %q starts after its end: swap the addresses", text)
	}
	return netipx.IPRangeFrom(from, to), false, nil
}

func parseRangeEnd(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is not an IP address like 192.0.2.10 (%s)", strings.TrimSpace(text), cause(err))
	case addr.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%q has a zone, which a Service's address cannot have", addr)
	case addr.Is4In6():
		return netip.Addr{}, fmt.Errorf("%q is an IPv4-mapped IPv6 address: write it as IPv4", addr)
	}
	return addr, nil
}

// cause returns what an error of netip says after the call that failed.
func cause(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "): "); i >= 0 {
		text = text[i+3:]
	}
	return text
}

// rangeText writes a range the shortest way that ParseAddressRange reads.
func rangeText(r netipx.IPRange) string {
	if prefix, ok := r.Prefix(); ok {
		return prefix.String()
	}
	return r.String()
}

// merge returns the fewest ranges that have the same addresses: ascending, IPv4
// before IPv6, neither overlapping nor adjacent.
func merge(ranges []netipx.IPRange) []netipx.IPRange {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b netipx.IPRange) int { return cmp.Or(a.From().Compare(b.From()), a.To().Compare(b.To())) })
	merged := sorted[:0]
	for _, r := range sorted {
		if len(merged) > 0 {
			last := &merged[len(merged)-1]
			// The address after the last one of a family is not valid, and so
			// smaller than any.
			if last.To().BitLen() == r.From().BitLen() && (!last.To().Less(r.From()) || last.To().Next() == r.From()) {
				if last.To().Less(r.To()) {
					*last = netipx.IPRangeFrom(last.From(), r.To())
				}
				continue
			}
		}
		merged = append(merged, r)
	}
	return merged
}

// subtract returns what is left of a range without others, which are ascending
// and do not overlap.
func subtract(r netipx.IPRange, others []netipx.IPRange) []netipx.IPRange {
	var left []netipx.IPRange
	from := r.From()
	for _, o := range others {
		if !o.Overlaps(r) {
			continue
		}
		if from.Less(o.From()) {
			left = append(left, netipx.IPRangeFrom(from, o.From().Prev()))
		}
		if !o.To().Less(r.To()) {
			return left
		}
		from = o.To().Next()
	}
	return append(left, netipx.IPRangeFrom(from, r.To()))
}

// prefixesOf returns the fewest prefixes that cover the ranges exactly.
func prefixesOf(ranges []netipx.IPRange) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(ranges))
	for _, r := range ranges {
		if prefix, ok := r.Prefix(); ok {
			out = append(out, prefix)
		} else {
			out = r.AppendPrefixes(out)
		}
	}
	return out
}

// fit returns the length of the widest prefix that fits into every range of a
// family, 0 if there is no range of the family. Addresses aggregated to it stay
// within the ranges as far as these have such a prefix at all.
func fit(ranges []netipx.IPRange, is4 bool) int {
	length := 0
	for _, r := range ranges {
		if r.From().Is4() != is4 {
			continue
		}
		widest := r.From().BitLen()
		if prefix, ok := r.Prefix(); ok {
			widest = prefix.Bits()
		} else {
			for _, prefix := range r.Prefixes() {
				widest = min(widest, prefix.Bits())
			}
		}
		length = max(length, widest)
	}
	return length
}
