// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go4.org/netipx"
)

// TestGapsAgainstASet takes and releases addresses by chance and compares with a
// set of those that are free.
func TestGapsAgainstASet(t *testing.T) {
	for name, tc := range map[string]struct {
		ranges []string
		avoid  bool
	}{
		"one range":                    {ranges: []string{"192.0.2.10-192.0.2.40"}},
		"several ranges":               {ranges: []string{"192.0.2.0-192.0.2.9", "192.0.2.11-192.0.2.20", "198.51.100.1-198.51.100.1"}},
		"leaving out":                  {ranges: []string{"192.0.1.240-192.0.4.10"}, avoid: true},
		"leaving out, ends left out":   {ranges: []string{"192.0.1.255-192.0.2.0", "192.0.2.250-192.0.3.0", "192.0.4.255-192.0.4.255"}, avoid: true},
		"leaving out what is between":  {ranges: []string{"192.0.2.250-192.0.2.254", "192.0.3.1-192.0.3.5"}, avoid: true},
		"the first and the last, IPv4": {ranges: []string{"0.0.0.0-0.0.0.5", "255.255.255.250-255.255.255.255"}},
		"the same, leaving out":        {ranges: []string{"0.0.0.0-0.0.0.5", "255.255.255.250-255.255.255.255"}, avoid: true},
		"the first and the last, IPv6": {ranges: []string{"::-::5", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}},
		"across 64 bits":               {ranges: []string{"2001:db8::ffff:ffff:ffff:fff0-2001:db8:0:1::10"}},
	} {
		t.Run(name, func(t *testing.T) {
			var ranges []netipx.IPRange
			free := make(map[number]bool)
			var all []number
			for _, text := range tc.ranges {
				r := netipx.MustParseIPRange(text)
				ranges = append(ranges, r)
				for a := r.From(); r.Contains(a); a = a.Next() {
					require.Equal(t, a, numberOf(a).addr(FamilyOf(a)))
					all = append(all, numberOf(a))
				}
			}
			g := newGaps(ranges, tc.avoid)
			for _, n := range all {
				if !g.leavesOut(n) {
					free[n] = true
				}
			}
			for seed := range uint64(5) {
				rng := rand.New(rand.NewPCG(seed, 1))
				for step := range 400 {
					requireGaps(t, g, free, fmt.Sprintf("seed %d step %d", seed, step))
					n := all[rng.IntN(len(all))]
					if lowest, ok := g.lowest(); ok && rng.IntN(3) == 0 {
						n = lowest
					}
					switch {
					case g.leavesOut(n): // neither changes anything
						g.take(n)
						g.release(n)
					case free[n]:
						g.take(n)
						delete(free, n)
					default:
						g.release(n)
						free[n] = true
					}
				}
			}
		})
	}
}

// requireGaps checks that gaps are a set, in the fewest intervals there are.
func requireGaps(t *testing.T, g *gaps, free map[number]bool, where string) {
	t.Helper()
	sorted := slices.SortedFunc(maps.Keys(free), number.compare)
	require.Equal(t, int64(len(sorted)), g.available(), where)
	lowest, ok := g.lowest()
	require.Equal(t, len(sorted) > 0, ok, where)
	if ok {
		require.Equal(t, sorted[0], lowest, where)
	}
	var want []gap
	for _, n := range sorted {
		if len(want) > 0 {
			if next, _ := g.after(want[len(want)-1].last); next == n {
				want[len(want)-1].last = n
				continue
			}
		}
		want = append(want, gap{n, n})
	}
	var got []gap
	g.tree.Ascend(func(each gap) bool {
		got = append(got, each)
		return true
	})
	require.Equal(t, want, got, where)
}

func TestGapsOfLargeRanges(t *testing.T) {
	for text, want := range map[string]int64{
		"10.0.0.0/8":      1<<24 - 2<<16, // without .0 and .255
		"0.0.0.0/0":       1<<32 - 2<<24,
		"2001:db8::/64":   math.MaxInt64,
		"2001:db8::/65":   math.MaxInt64,
		"2001:db8::/66":   1 << 62,
		"2001:db8::/63":   math.MaxInt64,
		"::/0":            math.MaxInt64,
		"2001:db8::1/128": 1,
	} {
		prefix := netip.MustParsePrefix(text)
		g := newGaps([]netipx.IPRange{netipx.RangeOfPrefix(prefix)}, prefix.Addr().Is4())
		require.Equal(t, want, g.available(), text)
	}

	// A sum that does not fit is the largest that does, and 2^63 - 1 is exact.
	all := netipx.RangeOfPrefix(netip.MustParsePrefix("::/0"))
	require.Equal(t, int64(math.MaxInt64), newGaps([]netipx.IPRange{all, netipx.MustParseIPRange("::1-::1")}, false).available())
	g := newGaps([]netipx.IPRange{netipx.RangeOfPrefix(netip.MustParsePrefix("2001:db8::/65"))}, false)
	for want := int64(math.MaxInt64); want > math.MaxInt64-3; want-- {
		n, _ := g.lowest()
		g.take(n)
		require.Equal(t, want, g.available())
	}
}
