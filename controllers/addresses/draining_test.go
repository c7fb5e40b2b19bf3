// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"metallb.io/metallb/api/v1beta1"
)

func TestNothingIsDecidedWithoutAConfiguration(t *testing.T) {
	w := newWorld(t, loadBalancer("web"), ipPool("a", "192.0.2.0/24"))
	w.services.pools = new(poolStore)
	require.Empty(t, w.reconcile(t, "web").Status.LoadBalancer.Ingress)
	require.Zero(t, w.writes)
	require.Nil(t, drainingCounter{reader: w.client, pools: new(poolStore)}.count())
}

// TestDrainingIsCounted takes a pool away whose addresses are in use.
func TestDrainingIsCounted(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/31")
	w := newWorld(t, loadBalancer("one"), loadBalancer("two"), pool)
	require.Equal(t, w.stored.current.Name, w.stored.applied)
	w.reconcile(t, "one")
	w.reconcile(t, "two")
	counter := drainingCounter{reader: w.client, pools: w.pools.pools}
	require.Nil(t, counter.count())
	require.Zero(t, w.recounts)

	require.NoError(t, w.client.Delete(t.Context(), pool))
	w.readPools(t)
	require.Equal(t, []v1beta1.DrainingAddresses{{Pool: "a", Addresses: "192.0.2.0/31", InUse: 2}}, counter.count())

	one := w.reconcile(t, "one")
	require.NotEmpty(t, one.Status.LoadBalancer.Ingress, "what drains stays")
	require.NoError(t, w.client.Delete(t.Context(), one))
	before := w.recounts
	_, err := w.services.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "one"}})
	require.NoError(t, err)
	require.Greater(t, w.recounts, before)
	require.Equal(t, int64(1), counter.count()[0].InUse)
}

// TestManyDrainingRangesAreCut, or the status would be too large to be written.
func TestManyDrainingRangesAreCut(t *testing.T) {
	var all []v1beta1.DrainingAddresses
	for i := range 3 * v1beta1.MaxDrainingAddresses {
		all = append(all, v1beta1.DrainingAddresses{Pool: fmt.Sprintf("pool-%04d", i), Addresses: "192.0.2.0/24", InUse: int64(i % 4)})
	}
	got := mostUsed(slices.Clone(all))
	require.Len(t, got, v1beta1.MaxDrainingAddresses)
	require.IsIncreasing(t, names(got))
	used := 0
	for _, d := range got {
		require.Contains(t, all, d)
		require.GreaterOrEqual(t, d.InUse, int64(2))
		if d.InUse == 3 {
			used++
		}
	}
	require.Equal(t, 3*v1beta1.MaxDrainingAddresses/4, used, "all that are in use most")
	require.Equal(t, all[:1024], mostUsed(all[:1024]))
}

func names(draining []v1beta1.DrainingAddresses) []string {
	var names []string
	for _, d := range draining {
		names = append(names, d.Pool)
	}
	return names
}
