// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
)

// configuration returns what the MetalLB object says of the configuration.
func (w *world) configuration() v1beta1.ConfigurationStatus {
	w.t.Helper()
	m := new(v1beta1.MetalLB)
	require.True(w.t, w.get(v1beta1.MetalLBName, m))
	return configurationOn(m)
}

// count has the controller report what drains.
func (w *world) count(revision string, draining ...v1beta1.DrainingAddresses) {
	w.t.Helper()
	state := new(v1beta1.ConfigurationState)
	if !w.get(v1beta1.ConfigurationStateController, state) {
		*state = v1beta1.ConfigurationState{ObjectMeta: metav1.ObjectMeta{Name: v1beta1.ConfigurationStateController, Namespace: namespace}}
		w.create(state)
	}
	state.Status = v1beta1.ConfigurationStateStatus{Revision: revision, Draining: draining}
	require.NoError(w.t, w.api.Status().Update(w.t.Context(), state))
}

func TestWhatDrainsOfPoolsThatAreGone(t *testing.T) {
	gone := pool("gone", "203.0.113.0/24")
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24", "198.51.100.0/24"), gone, everywhere())
	w.reconcile()
	before := w.inForce()
	w.setAddresses("192.0.2.0/24")
	w.delete(gone)
	w.reconcile()
	now := w.inForce()
	require.Equal(t, v1beta1.ConfigurationStatus{Revision: now}, w.configuration(), "nothing is counted yet")

	ofA := v1beta1.DrainingAddresses{Pool: "a", Addresses: "198.51.100.0/24", InUse: 3}
	ofGone := v1beta1.DrainingAddresses{Pool: "gone", Addresses: "203.0.113.0/24", InUse: 2}
	w.count(before, ofGone)
	w.quiet() // it is about an earlier configuration

	w.count(now, ofA, ofGone)
	w.log = nil
	w.reconcile()
	require.Equal(t, []string{"apply status MetalLB metallb"}, w.log)
	require.Equal(t, v1beta1.ConfigurationStatus{Revision: now, Draining: []v1beta1.DrainingAddresses{ofGone}}, w.configuration())
	ofA.InUse = 1
	w.count(now, ofA, ofGone)
	w.quiet() // the pool itself says that
	w.restart()
	w.quiet()

	// With another configuration, what was counted stays until it is counted anew.
	w.create(pool("b", "192.0.2.0/25"), pool("c", "2001:db8::/64"))
	w.reconcile()
	next := w.inForce()
	require.NotEqual(t, now, next)
	require.Equal(t, v1beta1.ConfigurationStatus{Revision: next, Draining: []v1beta1.DrainingAddresses{ofGone}}, w.configuration())

	ofGone.InUse = 0
	w.count(next, ofA, ofGone)
	w.reconcile()
	require.Equal(t, v1beta1.ConfigurationStatus{Revision: next}, w.configuration())
	w.quiet()
}

func TestOfMuchThatDrainsSomeIsShown(t *testing.T) {
	w := newWorld(t, metallb(), pool("a", "192.0.2.0/24"))
	w.reconcile()
	var draining []v1beta1.DrainingAddresses
	for i := range 20 {
		draining = append(draining, v1beta1.DrainingAddresses{Pool: fmt.Sprintf("gone-%02d", i), Addresses: "203.0.113.0/24", InUse: 1})
	}
	w.count(w.inForce(), draining...)
	w.reconcile()
	require.Equal(t, v1beta1.ConfigurationStatus{Revision: w.inForce(), Draining: draining[:16], MoreDraining: 4}, w.configuration())
	w.quiet()

	w.count(w.inForce(), draining[:16]...)
	w.reconcile()
	require.Equal(t, v1beta1.ConfigurationStatus{Revision: w.inForce(), Draining: draining[:16]}, w.configuration())
	w.count(w.inForce())
	w.reconcile()
	require.Equal(t, v1beta1.ConfigurationStatus{Revision: w.inForce()}, w.configuration())
}
