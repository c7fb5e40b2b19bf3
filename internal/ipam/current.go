// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"net/netip"
	"slices"
)

// findCurrent sorts out what of the addresses that the Service has it may keep.
func (c *claim) findCurrent() {
	had := c.Published
	if len(had) == 0 {
		had = c.table.Held(c.Key)
	}
	c.current = had // most often it keeps all
	for i, a := range had {
		kept := c.current
		if len(c.lost) == 0 {
			kept = had[:i:i]
		}
		switch lost, ok := c.loses(kept, a); {
		case ok:
			c.current = kept
			c.lost = append(c.lost, lost)
		case len(c.lost) > 0:
			c.current = append(kept, a)
		}
	}
}

// loses reports whether the Service may not keep an address beside others that
// come before it.
func (c *claim) loses(before []netip.Addr, addr netip.Addr) (Lost, bool) {
	if !slices.Contains(c.Families, FamilyOf(addr)) || indexOf(before, FamilyOf(addr)) >= 0 {
		return Lost{Address: addr, Why: LostFamily}, true
	}
	if other := c.table.inTheWay(addr, c.Service); other != nil {
		return Lost{Address: addr, Why: LostToOther, By: other.key, obstacle: c.Sharing.obstacle(&other.sharing)}, true
	}
	if len(c.Published) > 0 && !c.table.snapshot.Addresses().Reassign {
		return Lost{}, false
	}
	// What is only held, nobody has seen: it has to be as if it were given now.
	switch in := c.table.placeOf(addr).space; {
	case in == nil, slices.ContainsFunc(before, func(b netip.Addr) bool { return c.table.placeOf(b).space.pool != in.pool }):
		return Lost{Address: addr, Why: LostOutsidePools}, true
	case in.pool.refusal(c.Service) != "", !in.gives(addr):
		return Lost{Address: addr, Why: LostPoolNotAllowed}, true
	}
	return Lost{}, false
}

// lossOf says why the Service loses a published address.
func (c *claim) lossOf(addr netip.Addr) Lost {
	if i := slices.IndexFunc(c.lost, func(l Lost) bool { return l.Address == addr }); i >= 0 {
		return c.lost[i]
	}
	return Lost{Address: addr, Why: LostRequest}
}
