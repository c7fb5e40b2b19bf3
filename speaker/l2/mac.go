// SPDX-License-Identifier: Apache-2.0

package l2

import "net"

// MAC is an Ethernet address. Unlike net.HardwareAddr, it is a value: it can be
// compared and does not change under its reader's hands.
type MAC [6]byte

var broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// String returns the usual form, such as 02:42:ac:1e:00:0b.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// individual reports whether the address is that of one station, not of a
// group and not zero (IEEE 802, the I/G bit).
func (m MAC) individual() bool { return m[0]&1 == 0 && m != MAC{} }

// macOf returns a hardware address as a MAC. It is false for other link layers
// than Ethernet, whose addresses are longer or shorter.
func macOf(addr net.HardwareAddr) (MAC, bool) {
	if len(addr) != len(MAC{}) {
		return MAC{}, false
	}
	return MAC(addr), true
}
