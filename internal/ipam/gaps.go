// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"math"

	"github.com/google/btree"
	"go4.org/netipx"
)

// gap is an interval of free addresses, both ends included.
type gap struct{ first, last number }

// gaps are the free addresses of a pool in one family, as the fewest intervals
// there are: what an operation costs grows with the logarithm of their number,
// and not with that of the addresses.
//
// Addresses that the pool leaves out (avoidBuggyIPs) are neither free nor taken:
// to cut them out would make two intervals of every 256 addresses. A gap may
// contain them, but begins and ends with one that may be given. So the lowest
// one is found without a search, and what has nothing to give is no gap.
type gaps struct {
	// avoid leaves out what ends in 0 or 255.
	avoid bool
	// tree is sorted by the last address: giving the lowest one replaces a gap
	// without moving it.
	tree *btree.BTreeG[gap]
	// capacity is how many addresses could be given if none were taken, as far as
	// it can be counted.
	capacity uint64
	// taken is how many of those are.
	taken uint64
}

// degree is the one of the tree of gaps: small nodes are changed cheaply.
const degree = 32

func newGaps(ranges []netipx.IPRange, avoid bool) *gaps {
	g := &gaps{avoid: avoid, tree: btree.NewG(degree, func(a, b gap) bool { return a.last.less(b.last) })}
	for _, r := range ranges {
		between := gap{numberOf(r.From()), numberOf(r.To())}
		g.capacity = saturated(g.capacity, g.count(between))
		if trimmed, ok := g.trim(between); ok {
			g.insert(trimmed)
		}
	}
	return g
}

// available returns how many addresses can be given, as far as it can be told.
func (g *gaps) available() int64 {
	return int64(min(g.capacity-g.taken, math.MaxInt64)) //nolint:gosec // not more than fits
}

// lowest returns the lowest free address.
func (g *gaps) lowest() (number, bool) {
	lowest, ok := g.tree.Min()
	return lowest.first, ok
}

// take makes a free address one that is not.
func (g *gaps) take(n number) {
	around, ok := g.around(n)
	if !ok || g.leavesOut(n) {
		return
	}
	g.taken++
	below, hasBelow := g.before(n)
	above, hasAbove := g.after(n)
	hasBelow = hasBelow && !below.less(around.first)
	hasAbove = hasAbove && !around.last.less(above)
	if hasAbove {
		g.tree.ReplaceOrInsert(gap{above, around.last}) // in the place of the one around
	} else {
		g.tree.Delete(around)
	}
	if hasBelow {
		g.tree.ReplaceOrInsert(gap{around.first, below})
	}
}

// release makes an address of the pool free that was taken.
func (g *gaps) release(n number) {
	if g.leavesOut(n) {
		return
	}
	g.taken--
	g.insert(gap{n, n})
}

// insert adds a gap, and joins it with its neighbours.
func (g *gaps) insert(add gap) {
	if below, ok := g.before(add.first); ok {
		if neighbour, ok := g.around(below); ok {
			g.tree.Delete(neighbour)
			add.first = neighbour.first
		}
	}
	if above, ok := g.after(add.last); ok {
		if neighbour, ok := g.around(above); ok {
			add.last = neighbour.last
		}
	}
	g.tree.ReplaceOrInsert(add) // in the place of the one above
}

// around returns the gap that an address lies in.
func (g *gaps) around(n number) (gap, bool) {
	var found gap
	ok := false
	g.tree.AscendGreaterOrEqual(gap{last: n}, func(next gap) bool {
		found, ok = next, !n.less(next.first)
		return false
	})
	return found, ok
}

// leavesOut reports whether an address is never given.
func (g *gaps) leavesOut(n number) bool {
	last := n.lo & 0xff
	return g.avoid && (last == 0 || last == 255)
}

// after returns the next address that may be given.
func (g *gaps) after(n number) (number, bool) {
	next, ok := n.plus(1)
	for ok && g.leavesOut(next) { // twice at most
		next, ok = next.plus(1)
	}
	return next, ok
}

// before returns the last address below that may be given.
func (g *gaps) before(n number) (number, bool) {
	next, ok := n.minus(1)
	for ok && g.leavesOut(next) { // twice at most
		next, ok = next.minus(1)
	}
	return next, ok
}

// trim makes an interval begin and end with addresses that may be given.
func (g *gaps) trim(between gap) (gap, bool) {
	ok := true
	if g.leavesOut(between.first) {
		between.first, ok = g.after(between.first)
	}
	if ok && g.leavesOut(between.last) {
		between.last, ok = g.before(between.last)
	}
	return between, ok && !between.last.less(between.first)
}

// count returns how many addresses of an interval may be given.
func (g *gaps) count(between gap) uint64 {
	if between.last.hi-between.first.hi > 1 || between.last.hi != between.first.hi && between.last.lo >= between.first.lo {
		return math.MaxUint64
	}
	all := saturated(between.last.lo-between.first.lo, 1)
	if !g.avoid {
		return all
	}
	// Only IPv4 leaves out any, so that nothing overflows.
	first, last := between.first.lo, between.last.lo
	zeros := last>>8 + 1 - (first+255)>>8
	ends := (last+1)>>8 - first>>8
	return all - zeros - ends
}

// saturated returns a sum, or the largest number if it is smaller.
func saturated(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
