// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"encoding/binary"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
)

// verdict is what became of a received frame.
type verdict string

const (
	answered  verdict = "answered"
	malformed verdict = "malformed"
	// notRequest: an ARP packet, but no request.
	notRequest verdict = "not a request"
	// notForUs: sent to another station, and seen because the interface is
	// promiscuous or the switch floods.
	notForUs verdict = "not for us"
	// ownFrame: our own announcement, looped back by the network.
	ownFrame verdict = "own frame"
	notHeld  verdict = "not held"
)

// The layout of an ARP packet for IPv4 on Ethernet (RFC 826).
const (
	lenEthernet   = 14
	lenARP        = 28
	hardwareTypes = 0x00010800 // hardware type 1, Ethernet, and protocol type IPv4
	addressSizes  = 0x0604     // six bytes of hardware address, four of IPv4
)

// respond returns the reply to a frame received on an interface, nil if there
// is none to make. Requests by broadcast and to the interface's own address
// are answered, and so are the probes of hosts that want to take the address
// for themselves (RFC 5227 section 2.1.1, sender 0.0.0.0): that defends it.
func respond(frame []byte, link Link, held table) ([]byte, verdict) {
	request, dst, src, ok := parseARP(frame)
	if !ok {
		return nil, malformed
	}
	asker, ok := macOf(request.SenderHardwareAddr)
	switch {
	case request.Operation != arp.OperationRequest:
		return nil, notRequest
	case dst != broadcast && dst != link.MAC:
		return nil, notForUs
	case src == link.MAC || asker == link.MAC:
		return nil, ownFrame
	case !ok || !asker.individual():
		// A reply to it would go to a group, or nowhere.
		return nil, malformed
	}
	if hold, ok := held[request.TargetIP]; !ok || !hold.on(link.Name) {
		return nil, notHeld
	}
	reply, err := arp.NewPacket(arp.OperationReply, link.MAC[:], request.TargetIP, asker[:], request.SenderIP)
	if err != nil {
		return nil, malformed
	}
	return frameOf(reply, link.MAC, asker), answered
}

// parseARP returns the ARP packet in an untagged Ethernet frame and the
// frame's addresses. It is false for all else. The library takes any sizes of
// addresses, so they are checked here first.
func parseARP(frame []byte) (packet *arp.Packet, dst, src MAC, ok bool) {
	if len(frame) < lenEthernet+lenARP {
		return nil, dst, src, false
	}
	payload := frame[lenEthernet : lenEthernet+lenARP]
	if binary.BigEndian.Uint16(frame[12:14]) != uint16(ethernet.EtherTypeARP) ||
		binary.BigEndian.Uint32(payload[0:4]) != hardwareTypes ||
		binary.BigEndian.Uint16(payload[4:6]) != addressSizes {
		return nil, dst, src, false
	}
	packet = new(arp.Packet)
	if err := packet.UnmarshalBinary(payload); err != nil {
		return nil, dst, src, false
	}
	return packet, MAC(frame[0:6]), MAC(frame[6:12]), true
}

// frameOf returns the frame that carries a packet made by arp.NewPacket.
func frameOf(packet *arp.Packet, src, dst MAC) []byte {
	payload, err := packet.MarshalBinary()
	if err != nil {
		return nil // never, by contract
	}
	frame, err := (&ethernet.Frame{
		Destination: dst[:],
		Source:      src[:],
		EtherType:   ethernet.EtherTypeARP,
		Payload:     payload,
	}).MarshalBinary()
	if err != nil {
		return nil // only VLAN tags can be invalid, and there is none
	}
	return frame
}
