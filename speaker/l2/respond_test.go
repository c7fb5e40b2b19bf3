// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/mdlayher/arp"
	"github.com/stretchr/testify/require"
)

var (
	ownMAC   = MAC{0x02, 0, 0, 0, 0, 0x01}
	askerMAC = MAC{0x02, 0, 0, 0, 0, 0xaa}
	otherMAC = MAC{0x02, 0, 0, 0, 0, 0xbb}

	vip     = netip.MustParseAddr("192.0.2.200")
	askerIP = netip.MustParseAddr("192.0.2.50")
)

func eth0() Link {
	return Link{Index: 2, Name: "eth0", MAC: ownMAC, Ethernet: true, Up: true, Carrier: true, Broadcast: true}
}

func holding(holds ...Hold) table { return Desired{Holds: holds}.table() }

// request returns the frame in which the asker asks for an address.
func request(dst MAC, sender, targetIP netip.Addr) []byte {
	packet, err := arp.NewPacket(arp.OperationRequest, askerMAC[:], sender, make([]byte, 6), targetIP)
	if err != nil {
		panic(err)
	}
	return frameOf(packet, askerMAC, dst)
}

// patched returns the frame with other bytes at an offset.
func patched(frame []byte, offset int, with ...byte) []byte {
	frame = bytes.Clone(frame)
	copy(frame[offset:], with)
	return frame
}

func TestRespond(t *testing.T) {
	asked := request(broadcast, askerIP, vip)
	everywhere := holding(Hold{Address: vip})
	for name, tc := range map[string]struct {
		frame []byte
		held  table
		want  verdict
	}{
		"broadcast request":                   {asked, everywhere, answered},
		"unicast probe of a neighbour":        {request(ownMAC, askerIP, vip), everywhere, answered},
		"probe before taking the address":     {request(broadcast, netip.IPv4Unspecified(), vip), everywhere, answered},
		"held on this interface among others": {asked, holding(Hold{vip, []string{"eth0", "eth1"}}), answered},
		"without the padding":                 {asked[:42], everywhere, answered},

		"nothing held":                   {asked, nil, notHeld},
		"another address held":           {asked, holding(Hold{Address: askerIP}), notHeld},
		"held on another interface only": {asked, holding(Hold{vip, []string{"eth1"}}), notHeld},
		"held on no interface":           {asked, holding(Hold{vip, []string{}}), notHeld},
		"request to another station":     {request(otherMAC, askerIP, vip), everywhere, notForUs},
		"reply":                          {patched(asked, 21, 2), everywhere, notRequest},
		"own frame":                      {patched(asked, 6, ownMAC[:]...), everywhere, ownFrame},
		"own announcement, relayed":      {patched(asked, 22, ownMAC[:]...), everywhere, ownFrame},

		"empty":                            {nil, everywhere, malformed},
		"cut":                              {asked[:41], everywhere, malformed},
		"IPv4":                             {patched(asked, 12, 0x08, 0x00), everywhere, malformed},
		"VLAN tag in the frame":            {patched(asked, 12, 0x81, 0x00), everywhere, malformed},
		"hardware that is not Ethernet":    {patched(asked, 15, 6), everywhere, malformed},
		"protocol that is not IPv4":        {patched(asked, 16, 0x86, 0xdd), everywhere, malformed},
		"hardware addresses of eight":      {patched(asked, 18, 8), everywhere, malformed},
		"hardware addresses of none":       {patched(asked, 18, 0), everywhere, malformed},
		"protocol addresses of sixteen":    {patched(asked, 19, 16), everywhere, malformed},
		"asker with a group address":       {patched(asked, 22, 0x01), everywhere, malformed},
		"asker with the broadcast address": {patched(asked, 22, broadcast[:]...), everywhere, malformed},
		"asker without address":            {patched(asked, 22, 0, 0, 0, 0, 0, 0), everywhere, malformed},
	} {
		t.Run(name, func(t *testing.T) {
			reply, got := respond(tc.frame, eth0(), tc.held)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.want == answered, reply != nil)
		})
	}
}

// RFC 826: the addresses are swapped, ours is filled in, and the reply goes to
// the asker alone.
func TestReplyOnTheWire(t *testing.T) {
	for name, tc := range map[string]struct {
		sender netip.Addr
		want   string
	}{
		"request": {askerIP, `
			0200000000aa 020000000001 0806
			0001 0800 06 04 0002
			020000000001 c00002c8
			0200000000aa c0000232`},
		"probe": {netip.IPv4Unspecified(), `
			0200000000aa 020000000001 0806
			0001 0800 06 04 0002
			020000000001 c00002c8
			0200000000aa 00000000`},
	} {
		t.Run(name, func(t *testing.T) {
			reply, _ := respond(request(broadcast, tc.sender, vip), eth0(), holding(Hold{Address: vip}))
			requireFrame(t, tc.want, reply)
		})
	}
}

// requireFrame compares a frame with hexadecimal digits; blanks do not count.
// The frame is padded to the least length on Ethernet.
func requireFrame(t *testing.T, want string, got []byte) {
	t.Helper()
	wantBytes, err := hex.DecodeString(strings.Join(strings.Fields(want), ""))
	require.NoError(t, err)
	require.Len(t, got, 60)
	require.Equal(t, hex.EncodeToString(wantBytes), hex.EncodeToString(got[:len(wantBytes)]))
	require.Equal(t, make([]byte, 60-len(wantBytes)), got[len(wantBytes):])
}

func FuzzRespond(f *testing.F) {
	asked := request(broadcast, askerIP, vip)
	f.Add(asked)
	f.Add(asked[:42])
	f.Add(asked[:20])
	f.Add(request(ownMAC, netip.IPv4Unspecified(), vip))
	f.Add(patched(asked, 18, 0xff, 0xff))
	f.Add(patched(asked, 12, 0x81, 0x00, 0x00, 0x64))
	f.Add(patched(asked, 21, 2))
	f.Add([]byte{})

	held := holding(Hold{Address: vip})
	f.Fuzz(func(t *testing.T, frame []byte) {
		before := bytes.Clone(frame)
		reply, got := respond(frame, eth0(), held)
		if !bytes.Equal(before, frame) {
			t.Fatal("the frame was changed")
		}
		if (reply != nil) != (got == answered) {
			t.Fatalf("a reply of %d bytes, but %s", len(reply), got)
		}
		if reply == nil {
			return
		}
		packet, dst, src, ok := parseARP(reply)
		switch {
		case !ok || len(reply) != 60:
			t.Fatal("the reply is no ARP frame")
		case src != ownMAC || !dst.individual() || dst == ownMAC:
			t.Fatalf("the reply goes from %s to %s", src, dst)
		case packet.Operation != arp.OperationReply || packet.SenderIP != vip:
			t.Fatalf("the reply says %v for %s", packet.Operation, packet.SenderIP)
		case MAC(packet.SenderHardwareAddr) != ownMAC || MAC(packet.TargetHardwareAddr) != dst:
			t.Fatal("the reply's hardware addresses are not the frame's")
		}
	})
}

func BenchmarkRespond(b *testing.B) {
	all := make([]Hold, 1000)
	for i := range all {
		all[i] = Hold{Address: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}
	}
	held, link := holding(all...), eth0()
	b.Run("held", func(b *testing.B) {
		frame := request(broadcast, askerIP, all[500].Address)
		b.ReportAllocs()
		for b.Loop() {
			respond(frame, link, held)
		}
	})
	b.Run("not held", func(b *testing.B) {
		frame := request(broadcast, askerIP, vip)
		b.ReportAllocs()
		for b.Loop() {
			respond(frame, link, held)
		}
	})
}
