// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/internal/config"
)

// stored makes revisions from the pools that are stored, as the operator does.
type stored struct {
	t       *testing.T
	client  client.Client
	current *follower.Revision
	applied string
}

func (s *stored) Current() *follower.Revision {
	var list v1beta1.IPAddressPoolList
	require.NoError(s.t, s.client.List(s.t.Context(), &list))
	var last config.Snapshot
	if s.current != nil {
		last = s.current.Snapshot
	}
	next, _, _ := config.Build(config.Objects{Pools: list.Items}, last)
	s.current = &follower.Revision{Name: next.Digest(), Snapshot: next}
	return s.current
}

func (s *stored) Applied(r *follower.Revision) { s.applied = r.Name }

// world is a cluster with the two reconcilers of this package.
type world struct {
	// beforeWrite is asked before a Service's status is written.
	beforeWrite func(name string) error
	writes      int
	recounts    int

	client   client.Client
	events   *events.FakeRecorder
	stored   *stored
	pools    *poolReconciler
	services *serviceReconciler
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{beforeWrite: func(string) error { return nil }, events: events.NewFakeRecorder(100)}
	// The real API server takes changes of metadata through the status
	// subresource; the fake one drops them, so they are written apart.
	writeStatus := func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
		if err := w.beforeWrite(obj.GetName()); err != nil {
			return err
		}
		w.writes++
		if err := c.SubResource(sub).Patch(ctx, obj, patch); err != nil {
			return err
		}
		data, err := patch.Data(obj)
		require.NoError(t, err)
		var content struct {
			Metadata struct {
				Annotations map[string]*string `json:"annotations"`
			} `json:"metadata"`
		}
		require.NoError(t, json.Unmarshal(data, &content))
		metadata, err := json.Marshal(map[string]any{"metadata": content.Metadata})
		require.NoError(t, err)
		return c.Patch(ctx, obj, client.RawPatch(patch.Type(), metadata))
	}
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1beta1.AddToScheme(scheme))
	objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ns"}})
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithInterceptorFuncs(interceptor.Funcs{SubResourcePatch: writeStatus}).Build()
	store, queue := new(poolStore), new(serviceQueue)
	w.stored = &stored{t: t, client: w.client}
	w.pools = &poolReconciler{client: w.client, revisions: w.stored, pools: store, queue: queue}
	w.services = newServiceReconciler(w.client, w.client, w.events, "", store, queue, newTable(), func() { w.recounts++ })
	w.readPools(t)
	return w
}

func (w *world) readPools(t *testing.T) {
	t.Helper()
	_, err := w.pools.Reconcile(t.Context(), ctrl.Request{})
	require.NoError(t, err)
}

// counter returns what counts what drains.
func (w *world) counter() drainingCounter {
	return drainingCounter{reader: w.client, pools: w.pools.pools, table: w.services.table}
}

func (w *world) reconcile(t *testing.T, name string) *corev1.Service {
	t.Helper()
	key := types.NamespacedName{Namespace: "ns", Name: name}
	_, err := w.services.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
	require.NoError(t, err)
	var svc corev1.Service
	if err := w.client.Get(t.Context(), key, &svc); !apierrors.IsNotFound(err) {
		require.NoError(t, err)
	}
	return &svc
}

func (w *world) event() string {
	select {
	case e := <-w.events.Events:
		return e
	default:
		return ""
	}
}

func ipPool(name string, addresses ...v1beta1.AddressRange) *v1beta1.IPAddressPool {
	return &v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "metallb-system"}, Spec: v1beta1.IPAddressPoolSpec{Addresses: addresses}}
}

func loadBalancer(name string, published ...string) *corev1.Service {
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, ClusterIPs: []string{"10.96.0.1"}},
	}
	for _, ip := range published {
		svc.Status.LoadBalancer.Ingress = append(svc.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: ip})
	}
	return svc
}

func published(svc *corev1.Service) (ips []string) {
	for _, ingress := range svc.Status.LoadBalancer.Ingress {
		ips = append(ips, ingress.IP)
	}
	return ips
}

func TestAssignPublishesAddressAndAnnotation(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), loadBalancer("web"))
	svc := w.reconcile(t, "web")
	require.Equal(t, []string{"192.0.2.0"}, published(svc))
	require.Equal(t, "a", svc.Annotations["metallb.io/ip-allocated-from-pool"])
	require.Contains(t, w.event(), `Normal IPAllocated assigned 192.0.2.0 from the pool "a"`)
}

func TestNothingIsWrittenWhenNothingChanged(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), loadBalancer("web"), loadBalancer("late"))
	for range 3 {
		w.reconcile(t, "web")
		w.reconcile(t, "late")
	}
	require.Equal(t, 1, w.writes)
	require.Contains(t, w.event(), "IPAllocated")
	require.Contains(t, w.event(), `Warning AllocationFailed Exhausted: no free address of IPv4; passed over: a (Exhausted)`)
	require.Empty(t, w.event())
}

func TestAdoptBeforeAllocate(t *testing.T) {
	old := loadBalancer("old", "192.0.2.1")
	w := newWorld(t, ipPool("a", "192.0.2.1-192.0.2.2"), loadBalancer("new"), old)
	require.Equal(t, []string{"192.0.2.2"}, published(w.reconcile(t, "new")))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile(t, "old")))
}

func TestFreedAddressGoesToTheOneThatWaits(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), loadBalancer("first"), loadBalancer("second"))
	first := w.reconcile(t, "first")
	require.Empty(t, published(w.reconcile(t, "second")))
	require.NoError(t, w.client.Delete(t.Context(), first))
	w.reconcile(t, "first")
	require.Equal(t, []types.NamespacedName{{Namespace: "ns", Name: "second"}}, w.services.waitingOldestFirst())
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile(t, "second")))
}

// TestLeavingTheType plays the server: its cache drops a Service that is no
// longer of type LoadBalancer, and its status has been emptied.
func TestLeavingTheType(t *testing.T) {
	gone := loadBalancer("web")
	gone.Annotations = map[string]string{annotationIPAllocatedFromID: "a", "other": "stays"}
	gone.Spec.Type = corev1.ServiceTypeClusterIP
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), gone)
	cached := interceptor.NewClient(w.client.(client.WithWatch), interceptor.Funcs{Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "services"}, key.Name)
	}})
	w.services.client, w.services.live = cached, w.client
	svc := w.reconcile(t, "web")
	require.Equal(t, map[string]string{"other": "stays"}, svc.Annotations)
}

func TestWriteThatFailsKeepsTheReservation(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1-192.0.2.2"), loadBalancer("first"), loadBalancer("second"))
	w.beforeWrite = func(name string) error {
		if name == "first" {
			return apierrors.NewConflict(schema.GroupResource{Resource: "services"}, name, nil)
		}
		return nil
	}
	require.Empty(t, published(w.reconcile(t, "first")))
	require.Equal(t, []string{"192.0.2.2"}, published(w.reconcile(t, "second")))
	w.beforeWrite = func(string) error { return nil }
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile(t, "first")))
}

func TestForeignStatusIsNotTouched(t *testing.T) {
	foreign := loadBalancer("foreign", "10.9.9.9")
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), foreign)
	require.Equal(t, []string{"10.9.9.9"}, published(w.reconcile(t, "foreign")))
	require.Contains(t, w.event(), "AllocationFailed ManagedByOther")
}

func TestOtherClassIsIgnored(t *testing.T) {
	other := loadBalancer("other")
	class := "example.com/lb"
	other.Spec.LoadBalancerClass = &class
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), other)
	require.Empty(t, published(w.reconcile(t, "other")))
	require.Empty(t, w.event())
}

func TestInvalidRequestIsExplainedAndKeepsTheAddress(t *testing.T) {
	svc := loadBalancer("web", "192.0.2.7")
	svc.Annotations = map[string]string{"metallb.universe.tf/loadBalancerIPs": "192.0.2.8, nonsense"}
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), svc)
	require.Equal(t, []string{"192.0.2.7"}, published(w.reconcile(t, "web")))
	require.Contains(t, w.event(), `annotation metallb.io/loadBalancerIPs: " nonsense" is not an IP address`)
}

func TestRefusedPoolLeavesTheOthers(t *testing.T) {
	w := newWorld(t, ipPool("bad", "192.0.2.9-192.0.2.1"), ipPool("good", "198.51.100.0/24"), loadBalancer("web"))
	require.Equal(t, []string{"198.51.100.0"}, published(w.reconcile(t, "web")))
}

func TestPoolForOneNamespace(t *testing.T) {
	limited := ipPool("limited", "192.0.2.0/24")
	limited.Spec.ServiceAllocation = &v1beta1.ServiceAllocation{NamespaceSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"team": "a"}}}}
	w := newWorld(t, limited, loadBalancer("web"))
	require.Empty(t, published(w.reconcile(t, "web")))
	require.Contains(t, w.event(), "AllocationFailed NoPool")

	var ns corev1.Namespace
	require.NoError(t, w.client.Get(t.Context(), types.NamespacedName{Name: "ns"}, &ns))
	ns.Labels = map[string]string{"team": "a"}
	require.NoError(t, w.client.Update(t.Context(), &ns))
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile(t, "web")))
}

func TestAddressOfADeletedPoolStays(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/24")
	w := newWorld(t, pool, loadBalancer("web"), loadBalancer("late"))
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile(t, "web")))
	require.NoError(t, w.client.Delete(t.Context(), pool))
	w.readPools(t)
	svc := w.reconcile(t, "web")
	require.Equal(t, []string{"192.0.2.0"}, published(svc))
	require.Equal(t, "a", svc.Annotations["metallb.io/ip-allocated-from-pool"])
	require.Empty(t, published(w.reconcile(t, "late")), "nothing is given from what drains")
}

// onlyDenied has the writes of one Service's status denied.
func onlyDenied(name string) func(string) error {
	return func(written string) error {
		if written == name {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, name, nil)
		}
		return nil
	}
}

func TestAddressIsNotFreeBeforeItsWithdrawalIsWritten(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), ipPool("b", "198.51.100.1/32"), loadBalancer("first"), loadBalancer("second"))
	first := w.reconcile(t, "first")
	require.Equal(t, []string{"192.0.2.1"}, published(first))

	first.Annotations["metallb.io/address-pool"] = "b"
	require.NoError(t, w.client.Update(t.Context(), first))
	w.beforeWrite = onlyDenied("first")
	_, err := w.services.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(first)})
	require.Error(t, err)
	require.Empty(t, published(w.reconcile(t, "second")), "both addresses are the first Service's until the write has succeeded")

	// The user thinks better of it: nothing was lost.
	require.NoError(t, w.client.Get(t.Context(), client.ObjectKeyFromObject(first), first))
	delete(first.Annotations, "metallb.io/address-pool")
	require.NoError(t, w.client.Update(t.Context(), first))
	w.beforeWrite = func(string) error { return nil }
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile(t, "first")))
	require.Equal(t, []string{"198.51.100.1"}, published(w.reconcile(t, "second")))
}

func TestDeniedWriteIsExplained(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), loadBalancer("first"))
	w.beforeWrite = onlyDenied("first")
	for range 2 {
		_, err := w.services.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "first"}})
		require.Error(t, err)
	}
	require.Contains(t, w.event(), "Warning AllocationFailed WriteRefused: ")
	require.Empty(t, w.event())
}

func TestServiceMadeAgainForAnotherClassLetsGo(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), loadBalancer("first"), loadBalancer("second"))
	first := w.reconcile(t, "first")
	require.Empty(t, published(w.reconcile(t, "second")))
	require.NoError(t, w.client.Delete(t.Context(), first))
	again := loadBalancer("first")
	again.Spec.LoadBalancerClass = new("example.com/other")
	require.NoError(t, w.client.Create(t.Context(), again))
	w.reconcile(t, "first")
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile(t, "second")))
}

func TestStaleCacheIsNotActedOn(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1-192.0.2.2"), loadBalancer("first"), loadBalancer("second"))
	var stale corev1.Service
	key := types.NamespacedName{Namespace: "ns", Name: "first"}
	require.NoError(t, w.client.Get(t.Context(), key, &stale))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile(t, "first")))
	w.services.client = interceptor.NewClient(w.client.(client.WithWatch), interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, k client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
		if svc, ok := obj.(*corev1.Service); ok && k == key {
			stale.DeepCopyInto(svc)
			return nil
		}
		return c.Get(ctx, k, obj, opts...)
	}})
	writes := w.writes
	w.reconcile(t, "first")
	require.Equal(t, writes, w.writes)
}

func TestPoolThatComesLateLeavesPublishedAddresses(t *testing.T) {
	young := loadBalancer("young", "192.0.2.1")
	young.CreationTimestamp = metav1.Now()
	w := newWorld(t, loadBalancer("old"), young)
	require.Empty(t, published(w.reconcile(t, "old")))
	require.NoError(t, w.client.Create(t.Context(), ipPool("a", "192.0.2.1-192.0.2.2")))
	w.readPools(t)
	require.Equal(t, []string{"192.0.2.2"}, published(w.reconcile(t, "old")))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile(t, "young")))
}

func TestDeprecatedMarkCounts(t *testing.T) {
	old := loadBalancer("old", "192.0.2.7")
	old.Annotations = map[string]string{"metallb.universe.tf/ip-allocated-from-pool": "gone"}
	w := newWorld(t, ipPool("a", "198.51.100.0/24"), old)
	svc := w.reconcile(t, "old")
	require.Equal(t, []string{"192.0.2.7"}, published(svc))
	require.Equal(t, "gone", svc.Annotations["metallb.io/ip-allocated-from-pool"])
}

func TestZoneIsNoAddressOfAService(t *testing.T) {
	svc := loadBalancer("web")
	svc.Spec.ClusterIPs = []string{"fd96::1"}
	svc.Annotations = map[string]string{"metallb.io/loadBalancerIPs": "fd30::200%eth0"}
	w := newWorld(t, ipPool("a", "fd30::/64"), svc)
	require.Empty(t, published(w.reconcile(t, "web")))
	require.Contains(t, w.event(), `"fd30::200%eth0" is not an IP address that a Service can have`)
}

func TestRangeTakenOutOfTheRequestedPool(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/25", "198.51.100.0/25")
	svc := loadBalancer("web")
	svc.Annotations = map[string]string{"metallb.io/address-pool": "a"}
	w := newWorld(t, pool, svc)
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile(t, "web")))
	require.NoError(t, w.client.Get(t.Context(), client.ObjectKeyFromObject(pool), pool))
	pool.Spec.Addresses = pool.Spec.Addresses[1:]
	require.NoError(t, w.client.Update(t.Context(), pool))
	w.readPools(t)
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile(t, "web")))
}

func TestServicesShareAnAddress(t *testing.T) {
	sharing := func(name, annotation string, policy corev1.ServiceExternalTrafficPolicy, port int32) *corev1.Service {
		svc := loadBalancer(name)
		svc.Annotations = map[string]string{annotation: "key"}
		svc.Spec.ExternalTrafficPolicy = policy
		svc.Spec.Selector = map[string]string{"app": "web"}
		svc.Spec.Ports = []corev1.ServicePort{{Protocol: corev1.ProtocolTCP, Port: port}}
		return svc
	}
	w := newWorld(t, ipPool("a", "192.0.2.1-192.0.2.2"),
		sharing("first", "metallb.io/allow-shared-ip", corev1.ServiceExternalTrafficPolicyLocal, 80),
		sharing("second", "metallb.universe.tf/allow-shared-ip", corev1.ServiceExternalTrafficPolicyLocal, 443),
		sharing("third", "metallb.io/allow-shared-ip", corev1.ServiceExternalTrafficPolicyLocal, 80),
		sharing("fourth", "metallb.io/allow-shared-ip", corev1.ServiceExternalTrafficPolicyCluster, 22))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile(t, "first")))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile(t, "second")))
	require.Equal(t, []string{"192.0.2.2"}, published(w.reconcile(t, "third")), "the port is taken")
	require.Empty(t, published(w.reconcile(t, "fourth")), "its traffic goes to other nodes")
}
