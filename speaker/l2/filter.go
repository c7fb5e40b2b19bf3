// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mdlayher/arp"
	"go4.org/netipx"
	"golang.org/x/net/bpf"
)

// maxFilterRanges is how many ranges of addresses the filter tells apart. The
// kernel charges the program to net.core.optmem_max, which is 20 KiB on older
// systems, for the old and the new program together while one replaces the
// other; a range takes 40 to 60 bytes.
const maxFilterRanges = 128

// snapLength is how much of a frame the filter lets through: more than an ARP
// packet with any padding.
const snapLength = 128

// Offsets in an Ethernet frame with an ARP packet for IPv4 (RFC 826).
const (
	offTypes     = lenEthernet
	offSizes     = lenEthernet + 4
	offOperation = lenEthernet + 6
	offTarget    = lenEthernet + 24
)

// packetBroadcast is the highest packet type of frames that are for this host:
// PACKET_HOST is 0, PACKET_BROADCAST 1, and multicast, other hosts' and our own
// frames follow.
const packetBroadcast = 1

// filter returns the program that the kernel runs on each ARP frame of an
// interface. It lets the well-formed requests for an address in the ranges
// through, by broadcast or to this host, and so saves the node from waking up
// for all others. What passes is checked again in full by respond.
func filter(ranges []netipx.IPRange) ([]bpf.RawInstruction, error) {
	raw, err := bpf.Assemble(program(ranges))
	if err != nil {
		return nil, fmt.Errorf("assembling the ARP filter for %d ranges: %w", len(ranges), err)
	}
	return raw, nil
}

func program(ranges []netipx.IPRange) []bpf.Instruction {
	var p []bpf.Instruction
	// check goes on if the value in the accumulator passes the test.
	check := func(load bpf.Instruction, test bpf.JumpTest, value uint32) {
		p = append(p, load, bpf.JumpIf{Cond: test, Val: value, SkipTrue: 1}, bpf.RetConstant{})
	}
	check(bpf.LoadExtension{Num: bpf.ExtType}, bpf.JumpLessOrEqual, packetBroadcast)
	// A frame tagged for a VLAN that the host has no interface for arrives here
	// with its tag stripped, as if it belonged to this segment. Newer kernels
	// call it another host's, older ones leave it to us. A tag of VLAN 0 only
	// carries a priority.
	p = append(
		p,
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 3},
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: 0x0fff, SkipTrue: 1},
		bpf.RetConstant{},
	)
	check(bpf.LoadAbsolute{Off: offTypes, Size: 4}, bpf.JumpEqual, hardwareTypes)
	check(bpf.LoadAbsolute{Off: offSizes, Size: 2}, bpf.JumpEqual, addressSizes)
	check(bpf.LoadAbsolute{Off: offOperation, Size: 2}, bpf.JumpEqual, uint32(arp.OperationRequest))
	p = append(p, bpf.LoadAbsolute{Off: offTarget, Size: 4})
	return append(p, search(coarsen(spans(ranges), maxFilterRanges))...)
}

// search returns the instructions that accept the frame if the accumulator lies
// in one of the spans: a binary search, so that many pools cost a request no
// more than few.
func search(all []span) []bpf.Instruction {
	switch len(all) {
	case 0:
		return []bpf.Instruction{bpf.RetConstant{}}
	case 1:
		return []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: all[0].first, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: all[0].last, SkipTrue: 1},
			bpf.RetConstant{Val: snapLength},
			bpf.RetConstant{},
		}
	}
	middle := len(all) / 2
	lower, upper := search(all[:middle]), search(all[middle:])
	p := []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: all[middle].first, SkipTrue: 1},
		bpf.Jump{Skip: uint32(len(lower))}, // conditional jumps reach 255 instructions only
	}
	return append(append(p, lower...), upper...)
}

// span is a range of IPv4 addresses as numbers, both ends included.
type span struct{ first, last uint32 }

// spans returns the IPv4 ranges of a list, in ascending order.
func spans(ranges []netipx.IPRange) []span {
	var all []span
	for _, r := range ranges {
		if r.IsValid() && r.From().Is4() {
			all = append(all, span{number(r.From()), number(r.To())})
		}
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	return all
}

func number(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:])
}

// coarsen returns at most so many spans that cover the given ones, by closing
// the smallest gaps. The spans are ascending and disjoint.
func coarsen(all []span, most int) []span {
	if len(all) <= most {
		return all
	}
	gap := func(i int) uint32 { return all[i].first - all[i-1].last }
	gaps := make([]int, 0, len(all)-1) // indices of the spans after the gaps
	for i := 1; i < len(all); i++ {
		gaps = append(gaps, i)
	}
	slices.SortStableFunc(gaps, func(a, b int) int { return cmp.Compare(gap(b), gap(a)) })
	kept := gaps[:most-1]
	slices.Sort(kept)

	covering := make([]span, 0, most)
	from := 0
	for _, i := range append(kept, len(all)) {
		covering = append(covering, span{all[from].first, all[i-1].last})
		from = i
	}
	return covering
}
