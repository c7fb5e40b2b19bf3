// SPDX-License-Identifier: Apache-2.0

// Package config turns the configuration objects of a cluster into a Snapshot:
// an immutable, canonical and indexed value that every decision is made from.
//
// Build never fails as a whole. Each object gets a Verdict; an object that is
// refused is left out and takes no other object down with it.
package config

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
	"go4.org/netipx"

	"metallb.io/metallb/api/v1beta1"
)

// Objects are the configuration objects of one namespace.
type Objects struct {
	Pools            []v1beta1.IPAddressPool
	L2Advertisements []v1beta1.L2Advertisement
}

// Verdict says whether one object is part of the Snapshot.
type Verdict struct {
	// Kind and Name identify the object.
	Kind string
	Name string
	// Errors are all the reasons to refuse the object, each naming the field,
	// the value and the remedy. Without errors, the object is accepted.
	Errors []error
}

// Accepted reports whether the object is part of the Snapshot.
func (v Verdict) Accepted() bool { return len(v.Errors) == 0 }

// Snapshot is a consistent set of accepted configuration. The zero value is a
// Snapshot without any pool. A Snapshot must not be changed; it may be used by
// any number of goroutines.
type Snapshot struct {
	pools  []Pool // sorted by name
	byAddr *bart.Table[int]
}

// Pools returns the pools, sorted by name. The slice must not be changed.
func (s Snapshot) Pools() []Pool { return s.pools }

// Pool returns the pool of the given name.
func (s Snapshot) Pool(name string) (Pool, bool) {
	i, ok := slices.BinarySearchFunc(s.pools, name, func(p Pool, name string) int { return cmp.Compare(p.Name, name) })
	if !ok {
		return Pool{}, false
	}
	return s.pools[i], true
}

// PoolOf returns the pool that holds an address. No two pools overlap, so there
// is at most one.
func (s Snapshot) PoolOf(addr netip.Addr) (Pool, bool) {
	if s.byAddr == nil {
		return Pool{}, false
	}
	i, ok := s.byAddr.Lookup(addr)
	if !ok {
		return Pool{}, false
	}
	return s.pools[i], true
}

// Pool is an accepted IPAddressPool.
type Pool struct {
	Name string
	// Ranges are the addresses of the pool: ascending, IPv4 before IPv6,
	// disjoint and not adjacent to each other.
	Ranges []netipx.IPRange
	// AutoAssign allows the pool for Services that do not ask for it.
	AutoAssign bool
	// AvoidBuggyIPs leaves out IPv4 addresses that end in .0 or .255.
	AvoidBuggyIPs bool
	// L2 are the L2Advertisements that select the pool, sorted by name. Without
	// any, the pool is not announced on the local segment.
	L2 []L2Advertisement
}

// Contains reports whether an address lies in the pool.
func (p Pool) Contains(addr netip.Addr) bool {
	return slices.ContainsFunc(p.Ranges, func(r netipx.IPRange) bool { return r.Contains(addr) })
}

// Usable reports whether the pool may give out an address that lies in it.
func (p Pool) Usable(addr netip.Addr) bool {
	if !p.AvoidBuggyIPs || !addr.Is4() {
		return true
	}
	last := addr.As4()[3]
	return last != 0 && last != 255
}

// Build makes a Snapshot of the objects, and one verdict for each of them in
// the order of kind and name. The result does not depend on the order of the
// objects. Where two pools claim the same address, the older object keeps it,
// or the one whose name sorts first when both are equally old.
func Build(objects Objects) (Snapshot, []Verdict) {
	pools, poolVerdicts := buildPools(objects.Pools)
	advertisements, l2Verdicts := buildL2Advertisements(objects.L2Advertisements)
	for i := range pools {
		for _, adv := range advertisements {
			if adv.selects(pools[i]) {
				pools[i].L2 = append(pools[i].L2, adv.L2Advertisement)
			}
		}
	}

	s := Snapshot{byAddr: new(bart.Table[int])}
	for i, p := range pools {
		s.pools = append(s.pools, p.Pool)
		for prefix := range prefixes(p.Ranges) {
			s.byAddr.Insert(prefix, i)
		}
	}
	return s, append(poolVerdicts, l2Verdicts...)
}
