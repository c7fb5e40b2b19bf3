// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// familyChoices returns the sets of families to try, the best first.
func (s *Service) familyChoices() [][]Family {
	choices := [][]Family{s.Families}
	if s.SingleStackSuffices && len(s.Families) > 1 {
		for i := range s.Families {
			choices = append(choices, s.Families[i:i+1])
		}
	}
	return choices
}

// suffices reports whether the Service can live with addresses, which are of its
// families and of different ones.
func (s *Service) suffices(addrs []netip.Addr) bool {
	return len(addrs) == len(s.Families) || s.SingleStackSuffices && len(addrs) > 0
}

// fits reports whether addresses are of the Service's families and different
// ones, and as many as it can live with.
func (s *Service) fits(addrs []netip.Addr) bool {
	return len(s.inOrder(addrs)) == len(addrs) && s.suffices(addrs)
}

// inOrder returns one address for each family that has one, in the order of
// the families.
func (s *Service) inOrder(addrs []netip.Addr) []netip.Addr {
	var ordered []netip.Addr
	for _, f := range s.Families {
		if i := indexOf(addrs, f); i >= 0 {
			ordered = append(ordered, addrs[i])
		}
	}
	return ordered
}

// missing returns the second family, if addresses that suffice are of one only.
func (s *Service) missing(addrs []netip.Addr) Family {
	for _, f := range s.Families {
		if indexOf(addrs, f) < 0 {
			return f
		}
	}
	return ""
}

// indexOf returns the index of the first address of a family, or -1.
func indexOf(addrs []netip.Addr, f Family) int {
	return slices.IndexFunc(addrs, func(a netip.Addr) bool { return FamilyOf(a) == f })
}

func sameAddresses(a, b []netip.Addr) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x netip.Addr) bool { return !slices.Contains(b, x) })
}

// join writes what there is one or two of.
func join[T any](list []T) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = fmt.Sprint(e)
	}
	return strings.Join(texts, " and ")
}
