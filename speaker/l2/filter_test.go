// SPDX-License-Identifier: Apache-2.0

package l2

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go4.org/netipx"
	"golang.org/x/net/bpf"
)

// environment is what the kernel knows of a frame beside its bytes.
type environment struct {
	packetType uint32
	vlanTagged bool
	vlanTCI    uint32
}

// accepts runs the filter on a frame. The VM has no notion of the environment, so
// the loads of it become constants.
func accepts(t *testing.T, program []bpf.Instruction, env environment, frame []byte) bool {
	t.Helper()
	program = slices.Clone(program)
	for i, ins := range program {
		load, ok := ins.(bpf.LoadExtension)
		if !ok {
			continue
		}
		var val uint32
		switch load.Num {
		case bpf.ExtType:
			val = env.packetType
		case bpf.ExtVLANTagPresent:
			if env.vlanTagged {
				val = 1
			}
		case bpf.ExtVLANTag:
			val = env.vlanTCI
		default:
			t.Fatalf("the environment has no %v", load)
		}
		program[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: val}
	}
	vm, err := bpf.NewVM(program)
	require.NoError(t, err)
	n, err := vm.Run(frame)
	require.NoError(t, err)
	return n > 0
}

func ipRanges(texts ...string) []netipx.IPRange {
	var ranges []netipx.IPRange
	for _, text := range texts {
		ranges = append(ranges, netipx.MustParseIPRange(text))
	}
	return ranges
}

func TestFilter(t *testing.T) {
	asked := request(broadcast, askerIP, vip)
	pools := ipRanges("192.0.2.200-192.0.2.250", "2001:db8::-2001:db8::ff")
	for name, tc := range map[string]struct {
		ranges []netipx.IPRange
		env    environment
		frame  []byte
		want   bool
	}{
		"unicast":               {pools, environment{packetType: 0}, asked, true},
		"broadcast":             {pools, environment{packetType: 1}, asked, true},
		"multicast":             {pools, environment{packetType: 2}, asked, false},
		"another host's":        {pools, environment{packetType: 3}, asked, false},
		"our own, leaving":      {pools, environment{packetType: 4}, asked, false},
		"VLAN":                  {pools, environment{vlanTagged: true, vlanTCI: 0x0064}, asked, false},
		"VLAN with a priority":  {pools, environment{vlanTagged: true, vlanTCI: 0xe064}, asked, false},
		"priority and no VLAN":  {pools, environment{vlanTagged: true, vlanTCI: 0xe000}, asked, true},
		"without padding":       {pools, environment{}, asked[:42], true},
		"cut":                   {pools, environment{}, asked[:41], false},
		"empty":                 {pools, environment{}, nil, false},
		"reply":                 {pools, environment{}, patched(asked, 21, 2), false},
		"not Ethernet":          {pools, environment{}, patched(asked, 15, 6), false},
		"not IPv4":              {pools, environment{}, patched(asked, 16, 0x86, 0xdd), false},
		"other sizes":           {pools, environment{}, patched(asked, 18, 8), false},
		"not in a pool":         {pools, environment{}, request(broadcast, askerIP, askerIP), false},
		"no pools":              {nil, environment{}, asked, false},
		"pools of IPv6 only":    {pools[1:], environment{}, asked, false},
		"last of all addresses": {ipRanges("0.0.0.0-255.255.255.255"), environment{}, request(broadcast, askerIP, netip.MustParseAddr("255.255.255.255")), true},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, accepts(t, program(tc.ranges), tc.env, tc.frame))
		})
	}
}

// randomRanges returns disjoint ranges, close together and far apart.
func randomRanges(rng *rand.Rand, n int) []netipx.IPRange {
	var set netipx.IPSetBuilder
	for range n {
		from := rng.Uint32()
		if rng.IntN(2) == 0 {
			from = 0xc0000000 | from&0xffff
		}
		to := from + rng.Uint32()%(1<<rng.IntN(12))
		if to < from {
			continue
		}
		set.AddRange(netipx.IPRangeFrom(address(from), address(to)))
	}
	ipset, err := set.IPSet()
	if err != nil {
		panic(err)
	}
	return ipset.Ranges()
}

func address(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

// TestFilterAgainstReference asks for addresses at the edges of random ranges,
// and for random ones. Up to the limit the filter is exact; beyond, it lets
// more through, but never less.
func TestFilterAgainstReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	for _, n := range []int{0, 1, 2, 3, 7, 40, maxFilterRanges, maxFilterRanges + 1, 1000} {
		t.Run(fmt.Sprintf("%d ranges", n), func(t *testing.T) {
			ranges := randomRanges(rng, n)
			p := program(ranges)
			require.LessOrEqual(t, len(p), 4096)
			_, err := bpf.Assemble(p)
			require.NoError(t, err)

			var asked []uint32
			for _, r := range ranges[:min(len(ranges), 60)] {
				first, last := number(r.From()), number(r.To())
				asked = append(asked, first-1, first, first+(last-first)/2, last, last+1)
			}
			for range 100 {
				asked = append(asked, rng.Uint32(), 0xc0000000|rng.Uint32()&0xffff)
			}
			for _, n := range asked {
				addr := address(n)
				want := slices.ContainsFunc(ranges, func(r netipx.IPRange) bool { return r.Contains(addr) })
				got := accepts(t, p, environment{}, request(broadcast, askerIP, addr))
				if len(ranges) <= maxFilterRanges {
					require.Equal(t, want, got, addr)
				} else {
					require.True(t, got || !want, addr)
				}
			}
		})
	}
}

func TestCoarsenClosesTheSmallestGaps(t *testing.T) {
	all := []span{{0, 1}, {3, 4}, {10, 10}, {100, 110}, {112, 120}, {1000, 1000}}
	require.Equal(t, all, coarsen(all, 6))
	require.Equal(t, []span{{0, 10}, {100, 120}, {1000, 1000}}, coarsen(all, 3))
	require.Equal(t, []span{{0, 1000}}, coarsen(all, 1))
	require.Equal(t, []span{{0, 1}}, coarsen(all[:1], 1))
}
