// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"net/netip"
	"slices"

	"go4.org/netipx"
)

// Desired is the whole state that a Responder is to bring about. It must not
// be changed after it was handed over.
type Desired struct {
	// Holds are the addresses to answer for and to announce, each once, in any
	// order. IPv6 addresses are left alone.
	Holds []Hold
	// Ranges are the addresses that may come to be held. Requests for others
	// are dropped by the kernel, so an address outside is not answered for.
	// They are ascending and disjoint.
	Ranges []netipx.IPRange
}

// Hold is an address to answer for.
type Hold struct {
	Address netip.Addr
	// Interfaces are the names of the only interfaces to use. Nil means every
	// suitable one.
	Interfaces []string
}

func (d Desired) equal(other Desired) bool {
	return slices.EqualFunc(d.Holds, other.Holds, func(a, b Hold) bool {
		return a.Address == b.Address && (a.Interfaces == nil) == (b.Interfaces == nil) && slices.Equal(a.Interfaces, b.Interfaces)
	}) && slices.Equal(d.Ranges, other.Ranges)
}

// table is what the answer to a request depends on. It is never changed, only
// replaced.
type table map[netip.Addr]Hold

func (d Desired) table() table {
	t := make(table, len(d.Holds))
	for _, hold := range d.Holds {
		if hold.Address.Is4() {
			t[hold.Address] = hold
		}
	}
	return t
}

// on reports whether the address is held on the interface.
func (h Hold) on(name string) bool {
	return h.Interfaces == nil || slices.Contains(h.Interfaces, name)
}
