// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
)

// lagAll has the caches of pools, L2Advertisements and Secrets stay as they are
// now.
func (w *world) lagAll() cached {
	w.t.Helper()
	now := cached{pools: new(v1beta1.IPAddressPoolList), l2: new(v1beta1.L2AdvertisementList), secrets: new(corev1.SecretList)}
	for _, list := range []client.ObjectList{now.pools, now.l2, now.secrets} {
		require.NoError(w.t, w.api.List(w.t.Context(), list))
	}
	return now
}

// waits requires that the Reconciler does nothing but wait for its cache.
func (w *world) waits() {
	w.t.Helper()
	w.log = nil
	result, err := w.Reconcile(w.t.Context(), reconcile.Request{})
	require.NoError(w.t, err)
	require.Equal(w.t, reconcile.Result{RequeueAfter: catchUp}, result)
	require.Empty(w.t, w.log)
}

// TestANewLeaderUndoesNothing though its cache has not got what the earlier one
// went by.
func TestANewLeaderUndoesNothing(t *testing.T) {
	pools := func(c cached) cached { return cached{pools: c.pools} }
	for name, tc := range map[string]struct {
		change func(*world)
		lags   func(cached) cached
	}{
		"an edit":          {func(w *world) { w.setAddresses("192.0.2.0/24", "198.51.100.0/24") }, pools},
		"a pool":           {func(w *world) { w.create(pool("b", "198.51.100.0/24")) }, pools},
		"a deletion":       {func(w *world) { w.delete(pool("c")) }, pools},
		"an advertisement": {func(w *world) { w.create(everywhere()) }, func(c cached) cached { return cached{l2: c.l2} }},
		"a rotated password": {
			func(w *world) { w.delete(basicAuth("")); w.create(basicAuth("second")) },
			func(c cached) cached { return cached{secrets: c.secrets} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), pool("c", "203.0.113.0/24"), peerWithSecret(), basicAuth("first"))
			w.reconcile()
			first, stale := w.inForce(), tc.lags(w.lagAll())
			tc.change(w)
			w.reconcile()
			second := w.inForce()
			require.NotEqual(t, first, second)

			w.restart()
			w.lagged, w.lists = stale, 0
			w.waits()
			asked := w.lists
			require.NotZero(t, asked)
			for range 10 {
				w.waits()
			}
			require.Equal(t, asked, w.lists, "to wait costs the API server nothing")
			require.Equal(t, second, w.inForce())

			w.lagged = cached{}
			w.quiet()
			require.Equal(t, second, w.inForce())
			require.Equal(t, asked, w.lists)
		})
	}
}

// TestWhatAnotherLeaderPublishesMeanwhileIsNotUndone either.
func TestWhatAnotherLeaderPublishesMeanwhileIsNotUndone(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	behind, stale := w.Reconciler, w.lagAll()
	w.restart()
	second := w.revisionOf("192.0.2.0/24", "198.51.100.0/24")

	w.Reconciler, w.lagged = behind, stale
	w.waits()
	require.Equal(t, second, w.inForce())
	w.lagged = cached{}
	w.quiet()
	require.Equal(t, second, w.inForce())
}

// TestNothingIsWaitedForForever: an object may be deleted before the cache has
// ever had it.
func TestNothingIsWaitedForForever(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	w.lagged = w.lagAll()
	w.create(pool("b", "198.51.100.0/24"))
	w.restart()
	w.lists = 0
	w.waits()
	asked := w.lists
	w.delete(pool("b"))
	for range patience - 1 {
		w.waits()
	}
	require.Equal(t, 2*asked, w.lists)
	w.reconcile()
	require.Len(t, w.load(w.inForce()).Pools(), 1)
	w.quiet()
	require.Equal(t, 2*asked, w.lists)
}

// TestPatienceGrows: should the cache have stopped for good, the API server is
// asked ever more rarely.
func TestPatienceGrows(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"))
	w.lagged.pools = new(v1beta1.IPAddressPoolList)
	w.waits()
	asked := w.lists
	for range 7 * patience {
		w.waits()
	}
	require.Equal(t, 4*asked, w.lists)
}
