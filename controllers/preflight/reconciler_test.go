// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
)

const namespace = "metallb-system"

type cluster struct {
	client.Client
	t          *testing.T
	reconciler *Reconciler
	events     *events.FakeRecorder
	writes     int
	looked     int // how often the ServiceCIDRs were read
	fail       error
	now        time.Time
	again      time.Duration // when the Reconciler wants to look again
}

func newCluster(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1beta1.AddToScheme(scheme))
	c := &cluster{t: t, events: events.NewFakeRecorder(100)}
	c.Client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1beta1.MetalLB{}).WithObjects(objects...).
		WithInterceptorFuncs(interceptor.Funcs{
			List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if kind := list.GetObjectKind().GroupVersionKind(); kind.Group == "cilium.io" {
					return &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: kind.Group, Kind: kind.Kind}}
				}
				if _, ok := list.(*networkingv1.ServiceCIDRList); ok {
					c.looked++
					if c.fail != nil {
						return c.fail
					}
				}
				return next.List(ctx, list, opts...)
			},
			SubResourceApply: func(ctx context.Context, next client.Client, sub string, o runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
				c.writes++
				return next.SubResource(sub).Apply(ctx, o, opts...)
			},
		}).Build()
	c.reconciler = NewReconciler(c.Client, c.Client, c.events, namespace)
	c.reconciler.now = func() time.Time { return c.now }
	return c
}

func (c *cluster) reconcile() metav1.Condition {
	c.t.Helper()
	result, err := c.reconciler.Reconcile(c.t.Context(), reconcile.Request{})
	require.NoError(c.t, err)
	c.again = result.RequeueAfter
	m := new(v1beta1.MetalLB)
	require.NoError(c.t, c.Get(c.t.Context(), client.ObjectKey{Namespace: namespace, Name: v1beta1.MetalLBName}, m))
	found := meta.FindStatusCondition(m.Status.Conditions, v1beta1.ConditionPreflightPassed)
	require.NotNil(c.t, found)
	return *found
}

func metalLB() *v1beta1.MetalLB {
	return &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1beta1.MetalLBName, UID: "1", Generation: 1}}
}

func pool(addresses v1beta1.AddressRange) *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "a"}, Spec: v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{addresses, "nonsense"}}}
}

func node() *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n"},
		Spec:       corev1.NodeSpec{PodCIDRs: []string{"10.244.1.0/24"}},
		Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Address: "192.0.2.1"}, {Address: "n.example.com"}}},
	}
}

func TestTellsWhatIsFoundAndThatItIsGone(t *testing.T) {
	c := newCluster(t, metalLB(), pool("192.0.2.0/24"), node(),
		&networkingv1.ServiceCIDR{ObjectMeta: metav1.ObjectMeta{Name: "kubernetes"}, Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{"192.0.2.128/25"}}},
		kubeVIP(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-proxy"}, Data: map[string]string{"config.conf": "mode: ipvs\nipvs: {strictARP: false}\n"}})
	found := c.reconcile()
	require.Equal(t, metav1.ConditionFalse, found.Status)
	require.Equal(t, "OtherLoadBalancer", found.Reason)
	require.Equal(t, int64(1), found.ObservedGeneration)
	for _, text := range []string{"DaemonSet kube-system/kube-vip-ds", "IPAddressPool/a has 192.0.2.1 of addresses of nodes", "192.0.2.128/25 of the network of ClusterIPs", "without strictARP"} {
		require.Contains(t, found.Message, text)
	}
	require.Contains(t, <-c.events.Events, "Warning OtherLoadBalancer kube-vip runs as well")

	require.Equal(t, found, c.reconcile())
	require.Equal(t, 1, c.writes, "idle writes nothing")
	require.Empty(t, c.events.Events)
	require.Equal(t, 1, c.looked)
	require.Equal(t, time.Minute, c.again)

	for _, o := range []client.Object{pool(""), kubeVIP(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-proxy"}}} {
		require.NoError(t, c.Delete(t.Context(), o))
	}
	c.now = c.now.Add(59 * time.Second)
	require.Contains(t, c.reconcile().Message, "kube-vip")
	require.Equal(t, 1, c.looked, "nodes and pools that change are no reason to ask more often")
	require.Equal(t, time.Second, c.again)
	c.now = c.now.Add(time.Second)
	passed := c.reconcile()
	require.Equal(t, metav1.ConditionTrue, passed.Status)
	require.Equal(t, "NothingFound", passed.Reason)
	require.Equal(t, 2, c.looked)

	require.Zero(t, c.again)
	c.now = c.now.Add(time.Hour)
	c.reconcile()
	require.Equal(t, 2, c.looked, "idle asks nothing")
}

func kubeVIP() *appsv1.DaemonSet {
	return &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-vip-ds"}}
}

func TestAChangedMetalLBObjectIsAReasonToLook(t *testing.T) {
	c := newCluster(t, metalLB())
	require.Equal(t, metav1.ConditionTrue, c.reconcile().Status)
	require.NoError(t, c.Create(t.Context(), kubeVIP()))
	require.Equal(t, metav1.ConditionTrue, c.reconcile().Status)
	m := new(v1beta1.MetalLB)
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: v1beta1.MetalLBName}, m))
	m.Generation++
	require.NoError(t, c.Update(t.Context(), m))
	require.Equal(t, metav1.ConditionFalse, c.reconcile().Status)
}

// TestWhatIsWatchedNeedsNoLook: the event that it is gone does.
func TestWhatIsWatchedNeedsNoLook(t *testing.T) {
	c := newCluster(t, metalLB(), pool("192.0.2.0/24"), node())
	require.Equal(t, "PoolOverlapsNetwork", c.reconcile().Reason)
	require.Zero(t, c.again)
	require.NoError(t, c.Delete(t.Context(), pool("")))
	require.Equal(t, metav1.ConditionTrue, c.reconcile().Status)
	require.Equal(t, 1, c.looked)
}

// TestNothingOldIsBlamed is of a pool that is made when the network that it
// overlaps is long gone.
func TestNothingOldIsBlamed(t *testing.T) {
	network := &networkingv1.ServiceCIDR{ObjectMeta: metav1.ObjectMeta{Name: "more"}, Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{"198.51.100.0/24"}}}
	c := newCluster(t, metalLB(), network)
	require.Equal(t, metav1.ConditionTrue, c.reconcile().Status)
	require.NoError(t, c.Delete(t.Context(), network))
	c.now = c.now.Add(time.Hour)
	require.NoError(t, c.Create(t.Context(), pool("198.51.100.0/24")))
	require.Equal(t, metav1.ConditionTrue, c.reconcile().Status)
	require.Equal(t, 1, c.writes)
}

func TestWhatIsInTheWayStaysSoWhileItCannotBeRead(t *testing.T) {
	c := newCluster(t, metalLB(), kubeVIP())
	require.Equal(t, metav1.ConditionFalse, c.reconcile().Status)
	require.NoError(t, c.Delete(t.Context(), kubeVIP()))
	c.now = c.now.Add(time.Minute)
	c.fail = errors.New("out of order")
	_, err := c.reconciler.Reconcile(t.Context(), reconcile.Request{})
	require.ErrorIs(t, err, c.fail)
	require.Equal(t, 1, c.writes)
	c.fail = nil
	require.Equal(t, metav1.ConditionTrue, c.reconcile().Status)
}

func TestWhatCannotBeReadIsTriedAgain(t *testing.T) {
	c := newCluster(t, metalLB())
	c.fail = errors.New("out of order")
	_, err := c.reconciler.Reconcile(t.Context(), reconcile.Request{})
	require.ErrorIs(t, err, c.fail)
	require.Zero(t, c.writes, "nothing is said that is not known")
	c.fail = nil
	require.Equal(t, metav1.ConditionTrue, c.reconcile().Status)
}

func TestWithoutAMetalLBObjectThereIsNothingToTell(t *testing.T) {
	c := newCluster(t, pool("192.0.2.0/24"))
	_, err := c.reconciler.Reconcile(t.Context(), reconcile.Request{})
	require.NoError(t, err)
	require.Zero(t, c.looked)
}

func TestManyFindingsAreCut(t *testing.T) {
	objects := []client.Object{metalLB(), node()}
	for _, name := range strings.Split("abcdefghijkl", "") {
		p := pool("192.0.2.0/24")
		p.Name = name
		objects = append(objects, p)
	}
	require.Contains(t, newCluster(t, objects...).reconcile().Message, "; and 4 more")
}

// TestNodesThatOnlyReportAreNoReasonToLook.
func TestNodesThatOnlyReportAreNoReasonToLook(t *testing.T) {
	slim := func(n *corev1.Node) *corev1.Node {
		kept, err := slimNode(n)
		require.NoError(t, err)
		return kept.(*corev1.Node)
	}
	for name, tc := range map[string]struct {
		change func(*corev1.Node)
		passes bool
	}{
		"a report":      {func(n *corev1.Node) { n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady}} }, false},
		"an address":    {func(n *corev1.Node) { n.Status.Addresses[0].Address = "192.0.2.2" }, true},
		"a label":       {func(n *corev1.Node) { n.Labels = map[string]string{"a": "b"} }, true},
		"a pod network": {func(n *corev1.Node) { n.Spec.PodCIDRs = nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			after := node()
			tc.change(after)
			require.Equal(t, tc.passes, nodeChanged().Update(event.UpdateEvent{ObjectOld: slim(node()), ObjectNew: slim(after)}))
		})
	}
}
