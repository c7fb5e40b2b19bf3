// SPDX-License-Identifier: Apache-2.0

package addresses

import (
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
