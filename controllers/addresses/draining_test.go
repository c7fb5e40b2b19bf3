// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
)

func TestNothingIsDecidedWithoutAConfiguration(t *testing.T) {
	w := newWorld(t, loadBalancer("web"), ipPool("a", "192.0.2.0/24"))
	w.services.ledger = newLedger(func() {}, nobody)
	require.Empty(t, published(w.reconcile("web")))
	require.Zero(t, w.writes)
	require.Nil(t, w.services.ledger.draining())
}

// TestDrainingIsCounted takes a pool away whose addresses are in use.
func TestDrainingIsCounted(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/31")
	w := newWorld(t, loadBalancer("one"), loadBalancer("two"), pool)
	require.Equal(t, w.stored.current.Name, w.stored.applied)
	w.reconcile("one")
	w.reconcile("two")
	require.Nil(t, w.services.ledger.draining())

	w.delete(pool)
	w.plan()
	require.Equal(t, []v1beta1.DrainingAddresses{{Pool: "a", Addresses: "192.0.2.0/31", InUse: 2}}, w.services.ledger.draining())

	one := w.reconcile("one")
	require.NotEmpty(t, published(one), "what drains stays")
	w.delete(one)
	before := w.changes
	w.reconcile("one")
	require.Greater(t, w.changes, before)
	require.Equal(t, int64(1), w.services.ledger.draining()[0].InUse)
}

// TestWhatMayBePublishedIsCounted: that a write has failed does not say that it
// was not made.
func TestWhatMayBePublishedIsCounted(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/31")
	w := newWorld(t, loadBalancer("one"), pool)
	w.beforeWrite = func(string) error { return errors.New("no answer") }
	require.Error(t, w.try("one"))

	w.delete(pool)
	w.plan()
	counted := []v1beta1.DrainingAddresses{{Pool: "a", Addresses: "192.0.2.0/31", InUse: 1}}
	require.Equal(t, counted, w.services.ledger.draining())

	// It was not made, and from what drains nothing is given.
	w.beforeWrite = func(string) error { return nil }
	require.Empty(t, published(w.reconcile("one")))
	counted[0].InUse = 0
	require.Equal(t, counted, w.services.ledger.draining())
}

// TestManyDrainingRangesAreCut, or the status would be too large to be written.
// Ranges that nobody uses have a share of it, or else none would ever be forgotten
// while there are so many that are in use.
func TestManyDrainingRangesAreCut(t *testing.T) {
	const most, share = v1beta1.MaxDrainingAddresses, v1beta1.MaxDrainingAddresses / 4
	for name, tc := range map[string]struct {
		unused, usedOnce, usedTwice int
		want                        [3]int // of each
	}{
		"all fit":                      {unused: 24, usedOnce: 500, usedTwice: 500, want: [3]int{24, 500, 500}},
		"none in use":                  {unused: most + 1, want: [3]int{most, 0, 0}},
		"all in use":                   {usedOnce: most, usedTwice: 500, want: [3]int{0, most - 500, 500}},
		"few unused":                   {unused: 10, usedOnce: most, usedTwice: 500, want: [3]int{10, most - 510, 500}},
		"many of both":                 {unused: most, usedOnce: most, usedTwice: most, want: [3]int{share, 0, most - share}},
		"the share is filled up":       {unused: most, usedOnce: 500, usedTwice: 100, want: [3]int{most - 600, 500, 100}},
		"the share is filled just so":  {unused: most, usedOnce: 500, usedTwice: most - share - 500, want: [3]int{share, 500, most - share - 500}},
		"one in use is left out":       {unused: most, usedOnce: 500, usedTwice: most - share - 499, want: [3]int{share, 499, most - share - 499}},
		"one is left out, of few each": {unused: 100, usedOnce: 500, usedTwice: most - 599, want: [3]int{100, 499, most - 599}},
	} {
		t.Run(name, func(t *testing.T) {
			var all []v1beta1.DrainingAddresses
			for use, n := range []int{tc.unused, tc.usedOnce, tc.usedTwice} {
				for i := range n {
					all = append(all, v1beta1.DrainingAddresses{Pool: fmt.Sprintf("pool-%04d-%d", i, use), Addresses: "192.0.2.0/24", InUse: int64(use)})
				}
			}
			slices.SortFunc(all, func(a, b v1beta1.DrainingAddresses) int { return cmp.Compare(a.Pool, b.Pool) })
			got := cut(slices.Clone(all))
			var pools []string
			var counts [3]int
			for _, d := range got {
				require.Contains(t, all, d)
				pools = append(pools, d.Pool)
				counts[d.InUse]++
			}
			require.IsIncreasing(t, pools)
			require.Equal(t, tc.want, counts)
		})
	}
}
