// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
)

func TestAccepted(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"), everywhere())
	w.reconcile()
	c := w.poolCondition("a")
	require.Equal(t, metav1.ConditionTrue, c.Status)
	require.Equal(t, "Accepted", c.Reason)
	require.Equal(t, int64(1), c.ObservedGeneration)
	require.Empty(t, w.event(), "that all is well is no news")

	// Nothing changed: nothing is written.
	writes := w.writes
	w.reconcile()
	require.Equal(t, writes, w.writes)
	require.Equal(t, c, w.poolCondition("a"))
}

func TestRefusedKeepsWhatRuns(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/25"), pool("b", "192.0.2.128/25"), everywhere())
	w.reconcile()
	accepted := w.poolCondition("a")

	var a v1beta1.IPAddressPool
	require.NoError(t, w.api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "a"}, &a))
	a.Spec.Addresses, a.Generation = []v1beta1.AddressRange{"192.0.2.0/24"}, 2
	require.NoError(t, w.api.Update(t.Context(), &a))
	w.reconcile()
	c := w.poolCondition("a")
	require.Equal(t, metav1.ConditionFalse, c.Status)
	require.Equal(t, "Overlap", c.Reason)
	require.Equal(t, int64(2), c.ObservedGeneration)
	require.Contains(t, c.Message, "IPAddressPool/b")
	require.Contains(t, c.Message, "running generation 1")
	require.Contains(t, w.event(), "Warning Refused "+c.Message)
	require.Equal(t, metav1.ConditionTrue, w.poolCondition("b").Status)

	a.Spec.Addresses, a.Generation = []v1beta1.AddressRange{"192.0.2.0/25"}, 3
	require.NoError(t, w.api.Get(t.Context(), client.ObjectKeyFromObject(&a), &a))
	a.Spec.Addresses, a.Generation = []v1beta1.AddressRange{"192.0.2.0/25"}, 3
	require.NoError(t, w.api.Update(t.Context(), &a))
	w.reconcile()
	require.Equal(t, accepted.Status, w.poolCondition("a").Status)
	require.Contains(t, w.event(), "Normal Accepted")
}

func TestWarnings(t *testing.T) {
	w := newWorld(t, pool("unannounced", "192.0.2.0/24"))
	w.reconcile()
	c := w.poolCondition("unannounced")
	require.Equal(t, metav1.ConditionTrue, c.Status)
	require.Equal(t, "AcceptedWithWarnings", c.Reason)
	require.Contains(t, c.Message, "selects the pool")
	require.Contains(t, w.event(), "Warning AcceptedWithWarnings")
	w.reconcile()
	require.Empty(t, w.event())
}

func TestForeignBackendIsWarnedOfOnce(t *testing.T) {
	w := newWorld(t, &v1beta1.MetalLB{
		ObjectMeta: metav1.ObjectMeta{Name: v1beta1.MetalLBName, Namespace: namespace},
		Spec:       v1beta1.MetalLBSpec{BGPBackend: v1beta1.BGPBackendFRR},
	})
	w.reconcile()
	require.Contains(t, w.event(), "Warning AcceptedWithWarnings spec.bgpBackend")
	w.reconcile()
	require.Empty(t, w.event())
}

func TestPeerWithoutItsSecret(t *testing.T) {
	peer := &v1beta2.BGPPeer{
		ObjectMeta: metav1.ObjectMeta{Name: "router", Namespace: namespace, Generation: 1},
		Spec:       v1beta2.BGPPeerSpec{MyASN: 64512, PeerASN: 64513, PeerAddress: "203.0.113.1", PasswordSecret: v1beta2.SecretReference{Name: "bgp"}},
	}
	w := newWorld(t, peer)
	condition := func() metav1.Condition {
		w.reconcile()
		var got v1beta2.BGPPeer
		require.NoError(t, w.api.Get(t.Context(), client.ObjectKeyFromObject(peer), &got))
		return *meta.FindStatusCondition(got.Status.Conditions, v1beta1.ConditionAccepted)
	}
	c := condition()
	require.Equal(t, metav1.ConditionFalse, c.Status)
	require.Equal(t, "SecretNotFound", c.Reason)
	require.Contains(t, c.Message, "stays down")

	const password = "tell-nobody"
	require.NoError(t, w.api.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bgp", Namespace: namespace},
		Type:       corev1.SecretTypeBasicAuth, Data: map[string][]byte{"password": []byte(password)},
	}))
	c = condition()
	require.Equal(t, metav1.ConditionTrue, c.Status, c.Message)
	require.NotContains(t, c.Message, password)
}
