// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"metallb.io/metallb/api/v1beta1"
)

func TestNothingIsDecidedWithoutAConfiguration(t *testing.T) {
	w := newWorld(t, loadBalancer("web"), ipPool("a", "192.0.2.0/24"))
	w.services.pools = new(poolStore)
	require.Empty(t, w.reconcile(t, "web").Status.LoadBalancer.Ingress)
	require.Zero(t, w.writes)
	require.Nil(t, drainingCounter{reader: w.client, pools: new(poolStore), table: w.services.table}.count())
}

// TestDrainingIsCounted takes a pool away whose addresses are in use.
func TestDrainingIsCounted(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/31")
	w := newWorld(t, loadBalancer("one"), loadBalancer("two"), pool)
	require.Equal(t, w.stored.current.Name, w.stored.applied)
	w.reconcile(t, "one")
	w.reconcile(t, "two")
	counter := w.counter()
	require.Nil(t, counter.count())
	require.Zero(t, w.recounts)

	require.NoError(t, w.client.Delete(t.Context(), pool))
	w.readPools(t)
	require.Equal(t, []v1beta1.DrainingAddresses{{Pool: "a", Addresses: "192.0.2.0/31", InUse: 2}}, counter.count())
	restarted := w.counter()
	restarted.table = newTable()
	require.Equal(t, counter.count(), restarted.count(), "the cache knows before anything is decided")

	one := w.reconcile(t, "one")
	require.NotEmpty(t, one.Status.LoadBalancer.Ingress, "what drains stays")
	require.NoError(t, w.client.Delete(t.Context(), one))
	before := w.recounts
	_, err := w.services.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "one"}})
	require.NoError(t, err)
	require.Greater(t, w.recounts, before)
	require.Equal(t, int64(1), counter.count()[0].InUse)
}

// TestWhatMayBePublishedIsCounted: that a write has failed does not say that it
// was not made.
func TestWhatMayBePublishedIsCounted(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/31")
	w := newWorld(t, loadBalancer("one"), pool)
	w.beforeWrite = func(string) error { return errors.New("no answer") }
	_, err := w.services.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "one"}})
	require.Error(t, err)

	require.NoError(t, w.client.Delete(t.Context(), pool))
	w.readPools(t)
	counted := []v1beta1.DrainingAddresses{{Pool: "a", Addresses: "192.0.2.0/31", InUse: 1}}
	require.Equal(t, counted, w.counter().count())

	// It was not made, and from what drains nothing is given.
	w.beforeWrite = func(string) error { return nil }
	require.Empty(t, published(w.reconcile(t, "one")))
	counted[0].InUse = 0
	require.Equal(t, counted, w.counter().count())
}

// TestWhatIsCountedAsFreeIsNotPublished: the pool goes while an address of it is
// being given, so that the count does not know of it.
func TestWhatIsCountedAsFreeIsNotPublished(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/31")
	w := newWorld(t, loadBalancer("one"), pool)
	deciding := true
	var counted []v1beta1.DrainingAddresses
	w.services.client = interceptor.NewClient(w.client.(client.WithWatch), interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
		if _, namespace := object.(*metav1.PartialObjectMetadata); namespace && deciding {
			deciding = false
			require.NoError(t, w.client.Delete(t.Context(), pool))
			w.readPools(t)
			counted = w.counter().count()
		}
		return c.Get(ctx, key, object, options...)
	}})
	w.reconcile(t, "one")
	require.Equal(t, []v1beta1.DrainingAddresses{{Pool: "a", Addresses: "192.0.2.0/31"}}, counted)
	require.Empty(t, published(w.reconcile(t, "one")))
	require.Zero(t, w.writes)
	require.Equal(t, counted, w.counter().count(), "what was held is free again")
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
