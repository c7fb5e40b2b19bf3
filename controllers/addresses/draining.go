// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"cmp"
	"slices"

	"metallb.io/metallb/api/v1beta1"
)

// unusedShare is how many of the entries of a status are for ranges that nobody
// uses, if there are so many: only those can be forgotten, which makes room.
const unusedShare = v1beta1.MaxDrainingAddresses / 4

// cut leaves out what there is no room for in a status: what is in use least, and
// what is not in use beyond its share. The order stays.
func cut(counts []v1beta1.DrainingAddresses) []v1beta1.DrainingAddresses {
	if len(counts) <= v1beta1.MaxDrainingAddresses {
		return counts
	}
	byUse := slices.SortedStableFunc(slices.Values(counts), func(a, b v1beta1.DrainingAddresses) int { return cmp.Compare(b.InUse, a.InUse) })
	used := slices.IndexFunc(byUse, func(c v1beta1.DrainingAddresses) bool { return c.InUse == 0 })
	if used < 0 {
		used = len(byUse)
	}
	unused := min(len(byUse)-used, max(unusedShare, v1beta1.MaxDrainingAddresses-used))
	kept := make(map[v1beta1.DrainingAddresses]bool)
	for _, c := range slices.Concat(byUse[:v1beta1.MaxDrainingAddresses-unused], byUse[used:used+unused]) {
		kept[c] = true
	}
	return slices.DeleteFunc(counts, func(c v1beta1.DrainingAddresses) bool { return !kept[c] })
}
