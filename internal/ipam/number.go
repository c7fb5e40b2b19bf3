// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"cmp"
	"encoding/binary"
	"net/netip"
)

// number is an address of a known family as a number of 128 bits: cheaper to
// compare and to count with than a netip.Addr.
type number struct{ hi, lo uint64 }

func numberOf(a netip.Addr) number {
	if a.Is4() {
		b := a.As4()
		return number{lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return number{hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:])}
}

// addr returns the address of a family.
func (n number) addr(family Family) netip.Addr {
	if family == IPv4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(n.lo)) //nolint:gosec // it came from 32 bits
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.hi)
	binary.BigEndian.PutUint64(b[8:], n.lo)
	return netip.AddrFrom16(b)
}

func (n number) compare(o number) int {
	return cmp.Or(cmp.Compare(n.hi, o.hi), cmp.Compare(n.lo, o.lo))
}

func (n number) less(o number) bool { return n.hi < o.hi || n.hi == o.hi && n.lo < o.lo }

// plus returns the number that is larger by d, and whether there is one.
func (n number) plus(d uint64) (number, bool) {
	sum := number{n.hi, n.lo + d}
	if sum.lo < d {
		sum.hi++
	}
	return sum, !sum.less(n)
}

// minus returns the number that is smaller by d, and whether there is one.
func (n number) minus(d uint64) (number, bool) {
	diff := number{n.hi, n.lo - d}
	if n.lo < d {
		diff.hi--
	}
	return diff, !n.less(diff)
}
