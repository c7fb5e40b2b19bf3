// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"net/netip"
	"slices"
)

// familyChoices returns the sets of families to try, the best first.
func familyChoices(svc Service) [][]Family {
	choices := [][]Family{svc.Families}
	if svc.SingleStackSuffices && len(svc.Families) > 1 {
		for _, f := range svc.Families {
			choices = append(choices, []Family{f})
		}
	}
	return choices
}

// fits reports whether the addresses cover a set of families that the Service
// can live with.
func fits(svc Service, addrs []netip.Addr) bool {
	return slices.ContainsFunc(familyChoices(svc), func(families []Family) bool {
		return len(addrs) == len(families) && len(inOrder(families, addrs)) == len(families)
	})
}

// inOrder returns one address for each family that has one, in the order of
// the families.
func inOrder(families []Family, addrs []netip.Addr) []netip.Addr {
	var ordered []netip.Addr
	for _, f := range families {
		if i := slices.IndexFunc(addrs, func(a netip.Addr) bool { return FamilyOf(a) == f }); i >= 0 {
			ordered = append(ordered, addrs[i])
		}
	}
	return ordered
}

func sameAddresses(a, b []netip.Addr) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x netip.Addr) bool { return !slices.Contains(b, x) })
}

func join(addrs []netip.Addr) string {
	text := ""
	for i, a := range addrs {
		if i > 0 {
			text += " and "
		}
		text += a.String()
	}
	return text
}
