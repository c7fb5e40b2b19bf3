// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"cmp"
	"math"
	"net/netip"

	"go4.org/netipx"

	"metallb.io/metallb/internal/config"
)

// pool is a pool with what is free of it.
type pool struct {
	*config.Pool
	v4, v6 space
}

// space are the addresses of a pool in one family.
type space struct {
	pool   *pool
	family Family
	free   *gaps
	// assigned is how many Services have, shared ones counted once, and resting
	// how many rest.
	assigned, resting int64
}

func newPool(of *config.Pool) *pool {
	var v4, v6 []netipx.IPRange
	for _, r := range of.Ranges {
		if r.From().Is4() {
			v4 = append(v4, r)
		} else {
			v6 = append(v6, r)
		}
	}
	p := &pool{Pool: of}
	p.v4 = space{pool: p, family: IPv4, free: newGaps(v4, of.AvoidBuggyIPs)}
	p.v6 = space{pool: p, family: IPv6, free: newGaps(v6, false)}
	return p
}

// of returns the addresses of one family.
func (p *pool) of(family Family) *space {
	if family == IPv4 {
		return &p.v4
	}
	return &p.v6
}

// take makes an address one that is not free.
func (s *space) take(addr netip.Addr) { s.free.take(numberOf(addr)) }

// rest keeps an address that may be given from being free.
func (s *space) rest(addr netip.Addr) {
	s.take(addr)
	s.resting++
}

// release makes an address free again.
func (s *space) release(addr netip.Addr) { s.free.release(numberOf(addr)) }

// gives reports whether an address of the pool may be given at all.
func (s *space) gives(addr netip.Addr) bool { return !s.free.leavesOut(numberOf(addr)) }

// lowest returns the lowest free address.
func (s *space) lowest() (netip.Addr, bool) {
	n, ok := s.free.lowest()
	if !ok {
		return netip.Addr{}, false
	}
	return n.addr(s.family), true
}

// pinned reports whether a pool is meant for some Services.
func (p *pool) pinned() bool { return p.Allocation != nil }

// byRank sorts pools that are meant for some Services first, by their priority:
// 1 comes first and 0, which is no priority, last; and then by name.
func byRank(a, b *pool) int {
	rank := func(p *pool) int {
		switch {
		case !p.pinned():
			return math.MaxInt
		case p.Allocation.Priority == 0:
			return math.MaxInt - 1
		}
		return p.Allocation.Priority
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name))
}

// refusal returns why a Service may not have addresses of the pool, empty if it
// may.
func (p *pool) refusal(svc *Service) Why {
	switch {
	case p.Allocation.Allows(svc.Namespace, svc.NamespaceLabels, svc.Labels):
		return ""
	case !p.Allocation.AllowsNamespace(svc.Namespace, svc.NamespaceLabels):
		return WhyNamespaceNotSelected
	}
	return WhyServiceNotSelected
}
