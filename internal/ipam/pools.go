// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"metallb.io/metallb/internal/config"
)

// allows reports whether a Service may have addresses of a pool.
func allows(pool *config.Pool, svc Service) bool {
	return pool.Allocation.Allows(svc.Namespace, svc.NamespaceLabels, svc.Labels)
}

// byRank sorts pools that are meant for some Services first, by their priority:
// 1 comes first and 0, which is no priority, last.
func byRank(a, b *config.Pool) int {
	rank := func(p *config.Pool) int {
		switch {
		case p.Allocation == nil:
			return math.MaxInt
		case p.Allocation.Priority == 0:
			return math.MaxInt - 1
		}
		return p.Allocation.Priority
	}
	return cmp.Compare(rank(a), rank(b))
}

// complete returns an address of the pool for each family: the current one if
// it lies in the pool, else the lowest free one.
func complete(pool *config.Pool, families []Family, current []netip.Addr, taken *Table, key string) ([]netip.Addr, bool) {
	var addrs []netip.Addr
	for _, family := range families {
		i := slices.IndexFunc(current, func(a netip.Addr) bool { return FamilyOf(a) == family && pool.Contains(a) })
		if i >= 0 {
			addrs = append(addrs, current[i])
			continue
		}
		addr, ok := taken.FirstFree(pool, family, key)
		if !ok {
			return nil, false
		}
		addrs = append(addrs, addr)
	}
	return addrs, true
}

// poolOfAll returns the name of the pool that has all the addresses.
func poolOfAll(pools config.Snapshot, addrs []netip.Addr) (string, bool) {
	name := ""
	for _, a := range addrs {
		p, ok := pools.PoolOf(a)
		if !ok || name != "" && p.Name != name {
			return "", false
		}
		name = p.Name
	}
	return name, name != ""
}

// countIn returns how many of the addresses lie in the pool.
func countIn(pool *config.Pool, addrs []netip.Addr) int {
	n := 0
	for _, a := range addrs {
		if pool.Contains(a) {
			n++
		}
	}
	return n
}

// nameSome returns the names of pools, of many only the first ones.
func nameSome(pools []*config.Pool) string {
	const some = 8
	var names []string
	for i, p := range pools {
		if i == some {
			return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), len(pools)-i)
		}
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}
