// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
)

// etherTypeARP is the EtherType of ARP.
const etherTypeARP = uint16(ethernet.EtherTypeARP)

// WhoHas asks an interface's segment once who has an IPv4 address, by a
// broadcast ARP request (RFC 826) with the sender given, and returns the
// hardware addresses of all who answered within wait, in the order of their
// answers. It works in the network namespace of the calling thread.
func WhoHas(ifname string, sender, target netip.Addr, wait time.Duration) ([]net.HardwareAddr, error) {
	ifi, err := net.InterfaceByName(ifname)
	if err != nil {
		return nil, fmt.Errorf("find the interface %s: %w", ifname, err)
	}
	conn, err := packet.Listen(ifi, packet.Raw, int(etherTypeARP), nil)
	if err != nil {
		return nil, fmt.Errorf("listen for ARP on %s: %w", ifname, err)
	}
	defer conn.Close() //nolint:errcheck // nothing was buffered

	request, err := arp.NewPacket(arp.OperationRequest, ifi.HardwareAddr, sender, make(net.HardwareAddr, 6), target)
	if err != nil {
		return nil, fmt.Errorf("make an ARP request: %w", err)
	}
	payload, err := request.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("encode an ARP request: %w", err)
	}
	frame, err := (&ethernet.Frame{Destination: ethernet.Broadcast, Source: ifi.HardwareAddr, EtherType: ethernet.EtherTypeARP, Payload: payload}).MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("encode an Ethernet frame: %w", err)
	}
	if _, err := conn.WriteTo(frame, &packet.Addr{HardwareAddr: ethernet.Broadcast}); err != nil {
		return nil, fmt.Errorf("send an ARP request on %s: %w", ifname, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, fmt.Errorf("set a deadline: %w", err)
	}
	return collectAnswers(conn, target)
}

// collectAnswers reads ARP replies for an address until the read deadline.
func collectAnswers(conn *packet.Conn, target netip.Addr) ([]net.HardwareAddr, error) {
	var answers []net.HardwareAddr
	buffer := make([]byte, 128)
	for {
		n, _, err := conn.ReadFrom(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return answers, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read ARP replies: %w", err)
		}
		var frame ethernet.Frame
		var reply arp.Packet
		if frame.UnmarshalBinary(buffer[:n]) != nil || reply.UnmarshalBinary(frame.Payload) != nil {
			continue // not for us to judge
		}
		if reply.Operation == arp.OperationReply && reply.SenderIP == target {
			answers = append(answers, slices.Clone(reply.SenderHardwareAddr))
		}
	}
}
