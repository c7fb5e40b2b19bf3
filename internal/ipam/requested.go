// SPDX-License-Identifier: Apache-2.0

package ipam

// decideRequested decides for the addresses that the Service asks for. It gets
// those or none: a second family is not added to them.
func (c *claim) decideRequested() Decision {
	want := c.RequestedAddresses
	if !c.fits(want) {
		return c.refuse(ReasonInvalidRequest, "asks for %s, but its families are %s: ask for at most one address of each", join(want), join(c.Families))
	}
	for _, addr := range want {
		if other := c.table.inTheWay(addr, c.Service); other != nil {
			return c.refuse(ReasonAddressInUse, "asks for %s, which the Service %s has: %s", addr, other.key, c.Sharing.obstacle(&other.sharing))
		}
	}
	if sameAddresses(want, c.current) {
		if kept, ok := c.keep(); ok {
			kept.Missing = ""
			return kept
		}
	}
	in := c.table.poolOf(want)
	if in == nil {
		return c.refuse(ReasonInvalidRequest, "asks for %s, which no single pool has", join(want))
	}
	if c.RequestedPool != "" && c.RequestedPool != in.Name {
		return c.refuse(ReasonInvalidRequest, "asks for %s and for the pool %q, but the address is in the pool %q", join(want), c.RequestedPool, in.Name)
	}
	if in.refusal(c.Service) != "" {
		return c.refuse(ReasonPoolNotAllowed, "asks for %s from the pool %q, whose serviceAllocation leaves the Service out", join(want), in.Name)
	}
	for _, addr := range want {
		if !in.of(FamilyOf(addr)).gives(addr) {
			return c.refuse(ReasonInvalidRequest, "asks for %s, which the pool %q leaves out (avoidBuggyIPs)", addr, in.Name)
		}
	}
	return Decision{Outcome: Assigned, Addresses: c.inOrder(want), Pool: in.Name, Reason: ReasonAssigned}
}
