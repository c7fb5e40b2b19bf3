// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"net/netip"
	"slices"
)

// decideFree gives the Service addresses of the first pool that has what is
// needed. All come from one pool.
func (c *claim) decideFree() Decision {
	pools, pinned := c.table.pools, c.table.pinned
	if c.RequestedPool != "" {
		p, ok := c.table.byName[c.RequestedPool]
		if !ok {
			return c.refuse(ReasonPoolNotFound, "asks for the pool %q, which does not exist or was refused", c.RequestedPool)
		}
		if p.refusal(c.Service) != "" {
			return c.refuse(ReasonPoolNotAllowed, "asks for the pool %q, whose serviceAllocation leaves the Service out", p.Name)
		}
		pools, pinned = []*pool{p}, 0
	} else if d, ok := c.fromOwnPool(); ok {
		return d
	}

	// Pools that are open to all have their turn when those that are meant for the
	// Service can give nothing at all.
	for _, turn := range [][2]int{{0, pinned}, {pinned, len(pools)}} {
		for _, families := range c.familyChoices() {
			d, at, ok := c.fromFirst(pools[turn[0]:turn[1]], families)
			switch {
			case !ok:
				continue
			case d.Missing != "":
				d.passOver(c.Service, c.Families, c.open(pools[:turn[1]]))
			case !c.table.IsHeld(d.Addresses[0]): // otherwise it was not the order that mattered
				d.passOver(c.Service, families, c.open(pools[:turn[0]+at]))
			}
			return d
		}
	}

	var d Decision
	if slices.ContainsFunc(pools, c.isOpen) {
		d = c.refuse(ReasonExhausted, "no free address of %s", join(c.Families))
	} else {
		d = c.refuse(ReasonNoPool, "no IPAddressPool assigns addresses to this Service automatically: create one, set autoAssign, or open one with serviceAllocation")
	}
	d.passOver(c.Service, c.Families, pools)
	return d
}

// isOpen reports whether a pool may give the Service addresses.
func (c *claim) isOpen(p *pool) bool {
	return (p.AutoAssign || c.RequestedPool == p.Name) && p.refusal(c.Service) == ""
}

// open returns the pools that may give the Service addresses.
func (c *claim) open(pools []*pool) []*pool {
	var open []*pool
	for _, p := range pools {
		if c.isOpen(p) {
			open = append(open, p)
		}
	}
	return open
}

// fromOwnPool completes what the Service has, which is not enough for it, from
// the pool that has it.
func (c *claim) fromOwnPool() (Decision, bool) {
	in := c.table.poolOf(c.current)
	if in == nil || in.refusal(c.Service) != "" {
		return Decision{}, false
	}
	addrs, ok := c.complete(in, c.Families, false)
	return Decision{Outcome: Assigned, Addresses: addrs, Pool: in.Name, Reason: ReasonAssigned}, ok
}

// fromFirst gives addresses of the families from the first pool that has them, and
// returns its index. If the Service shares, a pool with an address that it may
// share comes first.
func (c *claim) fromFirst(pools []*pool, families []Family) (Decision, int, bool) {
	for _, share := range []bool{true, false} {
		if share && c.table.sharers[c.Sharing.Key] == nil {
			continue
		}
		for i, p := range pools {
			if !c.isOpen(p) {
				continue
			}
			if addrs, ok := c.complete(p, families, share); ok {
				return Decision{Outcome: Assigned, Addresses: addrs, Pool: p.Name, Reason: ReasonAssigned, Missing: c.missing(addrs)}, i, true
			}
		}
	}
	return Decision{}, 0, false
}

// setAside returns an address of a pool that the Service holds, but that was not
// published yet. Nobody else may have it.
func (c *claim) setAside(s *space) (netip.Addr, bool) {
	for _, a := range c.table.Held(c.Key) {
		if c.table.placeOf(a).space == s && s.gives(a) && c.table.inTheWay(a, c.Service) == nil && !slices.Contains(c.Published, a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// complete returns an address of the pool for each family: what the Service has,
// if it lies in the pool, or was set aside for it, or one that it may share, or what it had before and
// rests, or the lowest free one. If share is true, one at least has to be shared.
func (c *claim) complete(p *pool, families []Family, share bool) ([]netip.Addr, bool) {
	var found [2]netip.Addr
	shares := false
	for i, family := range families {
		s := p.of(family)
		if at := indexOf(c.current, family); at >= 0 && c.table.placeOf(c.current[at]).space == s {
			found[i] = c.current[at]
			continue
		}
		if addr, ok := c.setAside(s); ok {
			found[i] = addr
			continue
		}
		if addr, ok := c.table.sharable(c.Service, s); ok {
			found[i], shares = addr, true
			continue
		}
		addr, ok := c.table.restingOf(c.Key, s)
		if !ok {
			addr, ok = s.lowest()
		}
		if !ok {
			return nil, false
		}
		found[i] = addr
	}
	if share && !shares {
		return nil, false
	}
	return slices.Clone(found[:len(families)]), true
}
