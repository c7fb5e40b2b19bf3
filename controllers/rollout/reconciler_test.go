// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
)

const namespace = "metallb-system"

// world is a cluster with the Reconciler.
type world struct {
	*Reconciler
	t      *testing.T
	events *events.FakeRecorder
	writes int
	cached *v1beta1.IPAddressPoolList // what a cache that lags has of the pools, if it does
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, v1beta2.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	w := &world{t: t, events: events.NewFakeRecorder(100)}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1beta1.IPAddressPool{}, &v1beta1.L2Advertisement{}, &v1beta2.BGPPeer{}).
		WithInterceptorFuncs(interceptor.Funcs{SubResourceApply: func(ctx context.Context, c client.Client, sub string, u runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			w.writes++
			return c.SubResource(sub).Apply(ctx, u, opts...)
		}, List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if pools, ok := list.(*v1beta1.IPAddressPoolList); ok && w.cached != nil {
				w.cached.DeepCopyInto(pools)
				return nil
			}
			return c.List(ctx, list, opts...)
		}}).Build()
	w.Reconciler = NewReconciler(c, w.events, namespace)
	return w
}

func (w *world) reconcile() {
	w.t.Helper()
	_, err := w.Reconcile(w.t.Context(), reconcile.Request{})
	require.NoError(w.t, err)
}

func (w *world) poolCondition(name string) metav1.Condition {
	w.t.Helper()
	var pool v1beta1.IPAddressPool
	require.NoError(w.t, w.client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &pool))
	c := meta.FindStatusCondition(pool.Status.Conditions, v1beta1.ConditionAccepted)
	require.NotNil(w.t, c)
	return *c
}

func (w *world) event() string {
	select {
	case e := <-w.events.Events:
		return e
	default:
		return ""
	}
}

func pool(name string, addresses ...v1beta1.AddressRange) *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Generation: 1},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: addresses},
	}
}

func everything() *v1beta1.L2Advertisement {
	return &v1beta1.L2Advertisement{ObjectMeta: metav1.ObjectMeta{Name: "all", Namespace: namespace, Generation: 1}}
}

func TestAccepted(t *testing.T) {
	w := newWorld(t, pool("a", "192.0.2.0/24"), everything())
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
	w := newWorld(t, pool("a", "192.0.2.0/25"), pool("b", "192.0.2.128/25"), everything())
	w.reconcile()
	accepted := w.poolCondition("a")

	var a v1beta1.IPAddressPool
	require.NoError(t, w.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "a"}, &a))
	a.Spec.Addresses, a.Generation = []v1beta1.AddressRange{"192.0.2.0/24"}, 2
	require.NoError(t, w.client.Update(t.Context(), &a))
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
	require.NoError(t, w.client.Get(t.Context(), client.ObjectKeyFromObject(&a), &a))
	a.Spec.Addresses, a.Generation = []v1beta1.AddressRange{"192.0.2.0/25"}, 3
	require.NoError(t, w.client.Update(t.Context(), &a))
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
		require.NoError(t, w.client.Get(t.Context(), client.ObjectKeyFromObject(peer), &got))
		return *meta.FindStatusCondition(got.Status.Conditions, v1beta1.ConditionAccepted)
	}
	c := condition()
	require.Equal(t, metav1.ConditionFalse, c.Status)
	require.Equal(t, "SecretNotFound", c.Reason)
	require.Contains(t, c.Message, "stays down")

	const password = "tell-nobody"
	require.NoError(t, w.client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bgp", Namespace: namespace},
		Type:       corev1.SecretTypeBasicAuth, Data: map[string][]byte{"password": []byte(password)},
	}))
	c = condition()
	require.Equal(t, metav1.ConditionTrue, c.Status, c.Message)
	require.NotContains(t, c.Message, password)
}

func TestSlimSecret(t *testing.T) {
	in := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"password": []byte("x"), "other": []byte("y")}}
	out, err := slimSecret(in)
	require.NoError(t, err)
	require.Empty(t, out.(*corev1.Secret).Data)
	require.Equal(t, corev1.SecretTypeOpaque, out.(*corev1.Secret).Type)

	in.Type = corev1.SecretTypeBasicAuth
	out, err = slimSecret(in)
	require.NoError(t, err)
	require.Equal(t, map[string][]byte{"password": []byte("x")}, out.(*corev1.Secret).Data)
}
