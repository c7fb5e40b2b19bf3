// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"go4.org/netipx"
)

// BenchmarkLowest gives the lowest free address and takes back one by chance, in
// pools with so many addresses in use, of which every so many-th was freed since.
// The walk, which looks at every address from the first one, is the baseline.
func BenchmarkLowest(b *testing.B) {
	for _, inUse := range []int{1_000, 10_000, 100_000, 1_000_000} {
		for _, every := range []int{0, 2, 10} {
			name := fmt.Sprintf("inUse=%d/freed=%d", inUse, every)
			b.Run(name+"/gaps", func(b *testing.B) { benchmarkGaps(b, inUse, every) })
			if inUse <= 100_000 {
				b.Run(name+"/walk", func(b *testing.B) { benchmarkWalk(b, inUse, every) })
			}
		}
	}
}

var benchmarkRange = netipx.MustParseIPRange("10.0.0.0-10.255.255.255")

// freed says which addresses were freed: none of the lowest half, so that there is
// something to walk over.
func freed(i, inUse, every int) bool { return every > 0 && i >= inUse/2 && i%every == 0 }

func benchmarkGaps(b *testing.B, inUse, every int) {
	g := newGaps([]netipx.IPRange{benchmarkRange}, true)
	var taken []number
	for range inUse {
		n, _ := g.lowest()
		g.take(n)
		taken = append(taken, n)
	}
	var left []number
	for i, n := range taken {
		if freed(i, inUse, every) {
			g.release(n)
		} else {
			left = append(left, n)
		}
	}
	fragments := g.tree.Len()
	rng := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		n, _ := g.lowest()
		g.take(n)
		i := rng.IntN(len(left))
		g.release(left[i])
		left[i] = n
	}
	b.ReportMetric(float64(fragments), "gaps")
}

func benchmarkWalk(b *testing.B, inUse, every int) {
	taken := make(map[netip.Addr]bool)
	avoid := gaps{avoid: true}
	lowest := func() netip.Addr {
		addr := benchmarkRange.From()
		for taken[addr] || avoid.leavesOut(numberOf(addr)) {
			addr = addr.Next()
		}
		return addr
	}
	var left []netip.Addr
	for addr := benchmarkRange.From(); len(left) < inUse; addr = addr.Next() {
		if !avoid.leavesOut(numberOf(addr)) {
			left = append(left, addr)
		}
	}
	kept := left[:0]
	for i, addr := range left {
		if !freed(i, inUse, every) {
			taken[addr] = true
			kept = append(kept, addr)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		addr := lowest()
		taken[addr] = true
		i := rng.IntN(len(kept))
		delete(taken, kept[i])
		kept[i] = addr
	}
}
