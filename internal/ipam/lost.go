// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"fmt"
	"net/netip"
)

// Lost is a published address that a Service has no more.
type Lost struct {
	Address netip.Addr
	Why     WhyLost
	// By is the Service that has the address now, if it is for that.
	By string
	// obstacle is why the two may not share it.
	obstacle string
}

// WhyLost says why a Service loses an address.
type WhyLost string

// Why Services lose addresses.
const (
	// LostToOther: another Service has it, and the two may not share it any more.
	LostToOther WhyLost = "InUse"
	// LostFamily: the Service has no cluster IP of the family, or another address
	// of the family.
	LostFamily WhyLost = "Family"
	// LostOutsidePools: no single pool has what the Service has, under the address
	// policy Reassign.
	LostOutsidePools WhyLost = "OutsidePools"
	// LostPoolNotAllowed: the pool does not give the Service the address any more,
	// under the address policy Reassign.
	LostPoolNotAllowed WhyLost = "PoolNotAllowed"
	// LostRequest: the Service asks for others, or for two that only another pool
	// has together.
	LostRequest WhyLost = "Request"
)

func (l Lost) String() string {
	switch l.Why {
	case LostToOther:
		return fmt.Sprintf("lost %s, which the Service %s has: %s", l.Address, l.By, l.obstacle)
	case LostFamily:
		return fmt.Sprintf("gave up %s: a Service has one address of each of its families", l.Address)
	case LostOutsidePools:
		return fmt.Sprintf("lost %s, which no single pool has any more", l.Address)
	case LostPoolNotAllowed:
		return fmt.Sprintf("lost %s, which its pool does not give to the Service any more", l.Address)
	}
	return fmt.Sprintf("gave up %s, as asked for", l.Address)
}
