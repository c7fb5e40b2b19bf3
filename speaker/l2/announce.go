// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"net/netip"

	"github.com/mdlayher/arp"
)

// announcement returns the frames of one pass of announcing an address from an
// interface: an ARP announcement (RFC 5227 section 2.3), which is a request for
// the address by the address, and, if asked for, the same as a reply.
//
// The reply has the sender as its target, too. Linux takes exactly that for a
// gratuitous ARP, which overrides the neighbour's lock time of one second.
func announcement(addr netip.Addr, from MAC, withReply bool) [][]byte {
	forms := []struct {
		op     arp.Operation
		target MAC
	}{{arp.OperationRequest, MAC{}}, {arp.OperationReply, from}}
	if !withReply {
		forms = forms[:1]
	}

	var frames [][]byte
	for _, form := range forms {
		packet, err := arp.NewPacket(form.op, from[:], addr, form.target[:], addr)
		if err != nil {
			return nil // only what is not IPv4 is refused
		}
		frames = append(frames, frameOf(packet, from, broadcast))
	}
	return frames
}
