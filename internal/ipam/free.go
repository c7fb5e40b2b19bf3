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

	// The open pools have their turn when the pinned ones can give nothing at all.
	for _, some := range [][]*pool{pools[:pinned], pools[pinned:]} {
		for _, families := range c.familyChoices() {
			if d, ok := c.fromFirst(some, families); ok {
				if d.Missing != "" {
					d.passOver(c.Service, c.Families, pools)
				}
				return d
			}
		}
	}

	reason := ReasonExhausted
	var d Decision
	if !slices.ContainsFunc(pools, c.isOpen) {
		reason = ReasonNoPool
		d = c.refuse(reason, "no IPAddressPool assigns addresses to this Service automatically: create one, set autoAssign, or open one with serviceAllocation")
	} else {
		d = c.refuse(reason, "no free address of %s", join(c.Families))
	}
	d.passOver(c.Service, c.Families, pools)
	return d
}

// isOpen reports whether a pool may give the Service addresses.
func (c *claim) isOpen(p *pool) bool {
	return (p.AutoAssign || c.RequestedPool == p.Name) && p.refusal(c.Service) == ""
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

// fromFirst gives addresses of the families from the first pool that has them. If
// the Service shares, a pool with an address that it may share comes first.
func (c *claim) fromFirst(pools []*pool, families []Family) (Decision, bool) {
	rounds := []bool{false}
	if len(c.table.shared[c.Sharing.Key]) > 0 {
		rounds = []bool{true, false}
	}
	for _, share := range rounds {
		for i, p := range pools {
			if !c.isOpen(p) {
				continue
			}
			addrs, ok := c.complete(p, families, share)
			if !ok {
				continue
			}
			d := Decision{Outcome: Assigned, Addresses: addrs, Pool: p.Name, Reason: ReasonAssigned, Missing: c.missing(addrs)}
			if d.Missing == "" {
				d.passOver(c.Service, families, slices.DeleteFunc(slices.Clone(pools[:i]), func(p *pool) bool { return !c.isOpen(p) }))
			}
			return d, true
		}
	}
	return Decision{}, false
}

// complete returns an address of the pool for each family: what the Service has,
// if it lies in the pool, or one that it may share, or what it had before and
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
