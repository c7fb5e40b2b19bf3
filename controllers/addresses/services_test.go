// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"metallb.io/metallb/api/v1beta1"
)

func TestAssignPublishesAddressAndAnnotation(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), loadBalancer("web"))
	svc := w.reconcile("web")
	require.Equal(t, []string{"192.0.2.0"}, published(svc))
	require.Equal(t, "a", svc.Annotations["metallb.io/ip-allocated-from-pool"])
	require.Contains(t, w.event(), `Normal IPAllocated assigned 192.0.2.0 from the pool "a"`)
}

func TestNothingIsWrittenWhenNothingChanged(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), loadBalancer("first"), loadBalancer("second"))
	for range 3 {
		w.reconcile("first")
		w.reconcile("second")
	}
	require.Equal(t, 2, w.writes)
	require.Contains(t, w.event(), "IPAllocated")
	require.Contains(t, w.event(), `Warning AllocationFailed Exhausted: no free address of IPv4; passed over: a (Exhausted)`)
	require.Empty(t, w.event())

	w.queued()
	w.restart()
	require.Empty(t, w.queued(), "nor does another leader change anything")
	for _, name := range []string{"first", "second"} {
		w.reconcile(name)
	}
	require.Equal(t, 2, w.writes)
	require.Empty(t, w.event())
}

func TestAdoptBeforeAllocate(t *testing.T) {
	old := loadBalancer("old", "192.0.2.1")
	w := newWorld(t, ipPool("a", "192.0.2.1-192.0.2.2"), loadBalancer("new"), old)
	require.Equal(t, []string{"192.0.2.2"}, published(w.reconcile("new")))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("old")))
}

func TestFreedAddressGoesToTheOneThatWaits(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), loadBalancer("first"), loadBalancer("second"))
	w.queued()
	first := w.reconcile("first")
	require.Empty(t, published(w.reconcile("second")))
	require.NoError(t, w.client.Delete(t.Context(), first))
	w.reconcile("first")
	require.Equal(t, []string{"second"}, w.queued())
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("second")))
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
	svc := w.reconcile("web")
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
	require.Empty(t, published(w.reconcile("first")))
	require.Equal(t, []string{"192.0.2.2"}, published(w.reconcile("second")))
	w.beforeWrite = func(string) error { return nil }
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("first")))
}

func TestForeignStatusIsNotTouched(t *testing.T) {
	foreign := loadBalancer("foreign", "10.9.9.9")
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), foreign)
	require.Equal(t, []string{"10.9.9.9"}, published(w.reconcile("foreign")))
	require.Contains(t, w.event(), "AllocationFailed ManagedByOther")
}

func TestOtherClassIsIgnored(t *testing.T) {
	other := loadBalancer("other")
	class := "example.com/lb"
	other.Spec.LoadBalancerClass = &class
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), other)
	require.Empty(t, published(w.reconcile("other")))
	require.Empty(t, w.event())
}

func TestInvalidRequestIsExplainedAndKeepsTheAddress(t *testing.T) {
	svc := loadBalancer("web", "192.0.2.7")
	svc.Annotations = map[string]string{"metallb.universe.tf/loadBalancerIPs": "192.0.2.8, nonsense"}
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), svc)
	require.Equal(t, []string{"192.0.2.7"}, published(w.reconcile("web")))
	require.Contains(t, w.event(), `annotation metallb.io/loadBalancerIPs: " nonsense" is not an IP address`)
}

func TestRefusedPoolLeavesTheOthers(t *testing.T) {
	w := newWorld(t, ipPool("bad", "192.0.2.9-192.0.2.1"), ipPool("good", "198.51.100.0/24"), loadBalancer("web"))
	require.Equal(t, []string{"198.51.100.0"}, published(w.reconcile("web")))
}

func TestPoolForOneNamespace(t *testing.T) {
	limited := ipPool("limited", "192.0.2.0/24")
	limited.Spec.ServiceAllocation = &v1beta1.ServiceAllocation{NamespaceSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"team": "a"}}}}
	w := newWorld(t, limited, loadBalancer("web"))
	require.Empty(t, published(w.reconcile("web")))
	require.Contains(t, w.event(), "AllocationFailed NoPool")

	var ns corev1.Namespace
	require.NoError(t, w.client.Get(t.Context(), types.NamespacedName{Name: "ns"}, &ns))
	ns.Labels = map[string]string{"team": "a"}
	require.NoError(t, w.client.Update(t.Context(), &ns))
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile("web")))
}

func TestAddressOfADeletedPoolStays(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/24")
	w := newWorld(t, pool, loadBalancer("web"), loadBalancer("young"))
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile("web")))
	require.NoError(t, w.client.Delete(t.Context(), pool))
	w.plan()
	svc := w.reconcile("web")
	require.Equal(t, []string{"192.0.2.0"}, published(svc))
	require.Equal(t, "a", svc.Annotations["metallb.io/ip-allocated-from-pool"])
	require.Empty(t, published(w.reconcile("young")), "nothing is given from what drains")
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
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), onRequest(ipPool("b", "198.51.100.1/32")), loadBalancer("first"), loadBalancer("second"))
	first := w.reconcile("first")
	require.Equal(t, []string{"192.0.2.1"}, published(first))

	first.Annotations["metallb.io/address-pool"] = "b"
	require.NoError(t, w.client.Update(t.Context(), first))
	w.beforeWrite = onlyDenied("first")
	require.Error(t, w.try("first"))
	require.Empty(t, published(w.reconcile("second")), "both addresses are the first Service's until the write has succeeded")

	// The user thinks better of it: nothing was lost.
	require.NoError(t, w.client.Get(t.Context(), client.ObjectKeyFromObject(first), first))
	delete(first.Annotations, "metallb.io/address-pool")
	require.NoError(t, w.client.Update(t.Context(), first))
	w.beforeWrite = func(string) error { return nil }
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("first")))
	require.Empty(t, published(w.reconcile("second")))
}

func TestDeniedWriteIsExplained(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), loadBalancer("first"))
	w.beforeWrite = onlyDenied("first")
	for range 2 {
		require.Error(t, w.try("first"))
	}
	require.Contains(t, w.event(), "Warning AllocationFailed WriteRefused: ")
	require.Empty(t, w.event())
}

func TestServiceMadeAgainForAnotherClassLetsGo(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), loadBalancer("first"), loadBalancer("second"))
	first := w.reconcile("first")
	require.Empty(t, published(w.reconcile("second")))
	require.NoError(t, w.client.Delete(t.Context(), first))
	again := loadBalancer("first")
	again.Spec.LoadBalancerClass = new("example.com/other")
	require.NoError(t, w.client.Create(t.Context(), again))
	w.reconcile("first")
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("second")))
}

func TestStaleCacheIsNotActedOn(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1-192.0.2.2"), loadBalancer("first"), loadBalancer("second"))
	var stale corev1.Service
	key := types.NamespacedName{Namespace: "ns", Name: "first"}
	require.NoError(t, w.client.Get(t.Context(), key, &stale))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("first")))
	w.services.client = interceptor.NewClient(w.client.(client.WithWatch), interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, k client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
		if svc, ok := obj.(*corev1.Service); ok && k == key {
			stale.DeepCopyInto(svc)
			return nil
		}
		return c.Get(ctx, k, obj, opts...)
	}})
	writes := w.writes
	w.reconcile("first")
	require.Equal(t, writes, w.writes)
}

func TestPoolThatComesLateLeavesPublishedAddresses(t *testing.T) {
	young := loadBalancer("young", "192.0.2.1")
	young.CreationTimestamp = metav1.Now()
	w := newWorld(t, loadBalancer("old"), young)
	require.Empty(t, published(w.reconcile("old")))
	require.NoError(t, w.client.Create(t.Context(), ipPool("a", "192.0.2.1-192.0.2.2")))
	w.plan()
	require.Equal(t, []string{"192.0.2.2"}, published(w.reconcile("old")))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("young")))
}

func TestDeprecatedMarkCounts(t *testing.T) {
	old := loadBalancer("old", "192.0.2.7")
	old.Annotations = map[string]string{"metallb.universe.tf/ip-allocated-from-pool": "gone"}
	w := newWorld(t, ipPool("a", "198.51.100.0/24"), old)
	svc := w.reconcile("old")
	require.Equal(t, []string{"192.0.2.7"}, published(svc))
	require.Equal(t, "gone", svc.Annotations["metallb.io/ip-allocated-from-pool"])
}

func TestZoneIsNoAddressOfAService(t *testing.T) {
	svc := loadBalancer("web")
	svc.Spec.ClusterIPs = []string{"fd96::1"}
	svc.Annotations = map[string]string{"metallb.io/loadBalancerIPs": "fd30::200%eth0"}
	w := newWorld(t, ipPool("a", "fd30::/64"), svc)
	require.Empty(t, published(w.reconcile("web")))
	require.Contains(t, w.event(), `"fd30::200%eth0" is not an IP address that a Service can have`)
}

func TestRangeTakenOutOfTheRequestedPool(t *testing.T) {
	pool := ipPool("a", "192.0.2.0/25", "198.51.100.0/25")
	svc := loadBalancer("web")
	svc.Annotations = map[string]string{"metallb.io/address-pool": "a"}
	w := newWorld(t, pool, svc)
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile("web")))
	require.NoError(t, w.client.Get(t.Context(), client.ObjectKeyFromObject(pool), pool))
	pool.Spec.Addresses = pool.Spec.Addresses[1:]
	require.NoError(t, w.client.Update(t.Context(), pool))
	w.plan()
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile("web")))
}

func TestTheConditionTellsHowThingsStand(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), onRequest(ipPool("b", "198.51.100.0/24")), loadBalancer("first"), loadBalancer("second"))
	w.reconcile("first")
	w.reconcile("second")
	require.Equal(t, `True Assigned: has 192.0.2.1 from the pool "a"`, w.condition("first"))
	require.Equal(t, `False Exhausted: no free address of IPv4; passed over: a (Exhausted), b (AutoAssignOff)`, w.condition("second"))
	since := w.service("second").Status.Conditions[0].LastTransitionTime

	w.now = w.now.Add(time.Hour)
	svc := w.service("second")
	svc.Annotations = map[string]string{"metallb.io/loadBalancerIPs": "192.0.2.1"}
	require.NoError(t, w.client.Update(t.Context(), svc))
	w.reconcile("second")
	require.Contains(t, w.condition("second"), "False AddressInUse: asks for 192.0.2.1")
	require.True(t, since.Equal(&w.service("second").Status.Conditions[0].LastTransitionTime), "it was false before")

	w.delete(w.service("first"))
	w.reconcile("first")
	w.reconcile("second")
	require.Contains(t, w.condition("second"), "True Assigned: has 192.0.2.1")
	require.True(t, w.service("second").Status.Conditions[0].LastTransitionTime.After(since.Time))
}

// TestTheOldestWaiterIsServed, whoever comes first to be looked at.
func TestTheOldestWaiterIsServed(t *testing.T) {
	holder, young, old := loadBalancer("holder", "192.0.2.1"), loadBalancer("a-young"), loadBalancer("b-old")
	young.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
	old.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), holder, young, old)
	for _, name := range []string{"holder", "a-young", "b-old"} {
		w.reconcile(name)
	}
	w.queued()
	w.delete(holder)
	w.reconcile("holder")
	require.Empty(t, published(w.reconcile("a-young")))
	require.Equal(t, []string{"b-old"}, w.queued())
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("b-old")))
}

// TestTheOldestIsServedFirstByANewLeader.
func TestTheOldestIsServedFirstByANewLeader(t *testing.T) {
	young, old := loadBalancer("a-young"), loadBalancer("b-old")
	young.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
	old.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), young, old)
	require.Empty(t, published(w.reconcile("a-young")))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("b-old")))
}

func TestASecondFamilyIsAddedWhenAPoolGetsIt(t *testing.T) {
	pool, svc := ipPool("a", "192.0.2.0/24"), loadBalancer("web")
	svc.Spec.ClusterIPs = []string{"10.96.0.1", "fd96::1"}
	svc.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicyPreferDualStack)
	w := newWorld(t, pool, svc)
	require.Equal(t, []string{"192.0.2.0"}, published(w.reconcile("web")))
	require.Contains(t, w.event(), "Normal IPAllocated")
	require.Contains(t, w.event(), "Normal AdditionalAssignFailed")
	require.Contains(t, w.condition("web"), "True Assigned: has 192.0.2.0")
	require.Contains(t, w.condition("web"), "no IPv6 address could be added")

	pool.Spec.Addresses = append(pool.Spec.Addresses, "2001:db8::/64")
	require.NoError(t, w.client.Update(t.Context(), pool))
	w.queued()
	w.plan()
	require.Equal(t, []string{"web"}, w.queued())
	require.Equal(t, []string{"192.0.2.0", "2001:db8::"}, published(w.reconcile("web")))
}

func TestEventsHaveTheReasonsOfMetalLB(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*corev1.Service)
		want   string
	}{
		"a request":       {func(s *corev1.Service) { s.Spec.LoadBalancerIP = "10.9.9.9" }, "Warning LoadBalancerFailed"},
		"an unknown pool": {func(s *corev1.Service) { s.Annotations = map[string]string{"metallb.io/address-pool": "x"} }, "Warning AllocationFailed"},
		"no cluster IP":   {func(s *corev1.Service) { s.Spec.ClusterIPs = []string{"None"} }, "Warning noclusterIPsIPFamily"},
		"one cluster IP": {func(s *corev1.Service) {
			s.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicyRequireDualStack)
		}, "Warning not enough clusterips"},
	} {
		t.Run(name, func(t *testing.T) {
			svc := loadBalancer("web")
			tc.change(svc)
			w := newWorld(t, ipPool("a", "192.0.2.0/24"), svc)
			w.reconcile("web")
			require.Contains(t, w.event(), tc.want)
			require.Empty(t, w.event())
		})
	}
}

func TestWhatIsAskedForDifferentlyIsCleared(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.0/24"), ipPool("b", "198.51.100.0/24"), loadBalancer("web"))
	w.reconcile("web")
	w.event()
	svc := w.service("web")
	svc.Annotations["metallb.io/address-pool"] = "b"
	require.NoError(t, w.client.Update(t.Context(), svc))
	require.Equal(t, []string{"198.51.100.0"}, published(w.reconcile("web")))
	require.Contains(t, w.event(), "Normal ClearAssignment")
	require.Contains(t, w.event(), "Normal IPAllocated")
}

// TestManyWorkersGiveEachAddressOnce.
func TestManyWorkersGiveEachAddressOnce(t *testing.T) {
	const n = 64
	objects := []client.Object{ipPool("a", "192.0.2.0/26")}
	for i := range n {
		objects = append(objects, loadBalancer(fmt.Sprint("web-", i)))
	}
	w := newWorld(t, objects...)
	var group errgroup.Group
	for i := range n {
		group.Go(func() error { return w.try(fmt.Sprint("web-", i)) })
	}
	require.NoError(t, group.Wait())
	seen := make(map[string]bool)
	for i := range n {
		ips := published(w.service(fmt.Sprint("web-", i)))
		require.Len(t, ips, 1)
		require.False(t, seen[ips[0]], ips[0])
		seen[ips[0]] = true
	}
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
		sharing("zero", "metallb.io/allow-shared-ip", corev1.ServiceExternalTrafficPolicyCluster, 22))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("first")))
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("second")))
	require.Equal(t, []string{"192.0.2.2"}, published(w.reconcile("third")), "the port is taken")
	require.Empty(t, published(w.reconcile("zero")), "its traffic goes to other nodes")
	require.Contains(t, w.event(), "Normal IPAllocated")
	require.Contains(t, w.event(), "Normal IPAllocated")
	require.Contains(t, w.event(), "Warning deprecatedAnnotation metallb.universe.tf/allow-shared-ip: use the prefix metallb.io/ instead")
}

// TestWhatAForeignStatusHasIsGivenToNobody: a Service of ours that somebody else has
// added to, and one that is somebody else's with an address of our pool.
func TestWhatAForeignStatusHasIsGivenToNobody(t *testing.T) {
	mixed, foreign := loadBalancer("mixed", "192.0.2.1"), loadBalancer("foreign", "192.0.2.2")
	mixed.Annotations = map[string]string{annotationIPAllocatedFromID: "a"}
	for _, svc := range []*corev1.Service{mixed, foreign} {
		svc.Status.LoadBalancer.Ingress = append(svc.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{Hostname: "lb.example.com"})
	}
	w := newWorld(t, ipPool("a", "192.0.2.1-192.0.2.3"), mixed, foreign, loadBalancer("new"))
	require.Equal(t, []string{"192.0.2.3"}, published(w.reconcile("new")))
	w.reconcile("mixed")
	require.Contains(t, w.condition("mixed"), "False ManagedByOther")

	// It is given back when the status is.
	w.queued()
	svc := w.service("foreign")
	svc.Status.LoadBalancer.Ingress = svc.Status.LoadBalancer.Ingress[1:]
	require.NoError(t, w.client.Status().Update(t.Context(), svc))
	w.reconcile("foreign")
	require.NoError(t, w.client.Create(t.Context(), loadBalancer("newer")))
	require.Equal(t, []string{"192.0.2.2"}, published(w.reconcile("newer")))
}

// TestAServiceThatComesToShareLetsOthersIn, also when it asks for more meanwhile.
func TestAServiceThatComesToShareLetsOthersIn(t *testing.T) {
	port := func(svc *corev1.Service, port int32) *corev1.Service {
		svc.Spec.Ports = []corev1.ServicePort{{Protocol: corev1.ProtocolTCP, Port: port}}
		return svc
	}
	waiter := port(loadBalancer("waiter"), 443)
	waiter.Annotations = map[string]string{"metallb.io/allow-shared-ip": "key", "metallb.io/loadBalancerIPs": "192.0.2.1"}
	w := newWorld(t, ipPool("a", "192.0.2.1/32", "2001:db8::/64"), port(loadBalancer("first"), 80), waiter)
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("first")))
	require.Empty(t, published(w.reconcile("waiter")))
	w.queued()

	first := w.service("first")
	first.Annotations["metallb.io/allow-shared-ip"] = "key"
	first.Spec.ClusterIPs = []string{"10.96.0.1", "fd96::1"}
	first.Spec.IPFamilyPolicy = new(corev1.IPFamilyPolicyPreferDualStack)
	require.NoError(t, w.client.Update(t.Context(), first))
	require.Len(t, published(w.reconcile("first")), 2)
	require.Equal(t, []string{"waiter"}, w.queued())
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("waiter")))
}

// TestWhoWaitsIsServedWhenAnAddressHasRested, before who comes then.
func TestWhoWaitsIsServedWhenAnAddressHasRested(t *testing.T) {
	w := newWorld(t, ipPool("a", "192.0.2.1/32"), loadBalancer("first"), loadBalancer("waiter"))
	w.stored.metallb = &v1beta1.MetalLB{Spec: v1beta1.MetalLBSpec{AddressRest: "1m"}}
	w.plan()
	w.delete(w.reconcile("first"))
	w.reconcile("first")
	require.Empty(t, published(w.reconcile("waiter")))
	require.NoError(t, w.client.Create(t.Context(), loadBalancer("a-newcomer")))
	w.queued()

	w.now = w.now.Add(time.Minute)
	require.Empty(t, published(w.reconcile("a-newcomer")))
	require.Equal(t, []string{"waiter"}, w.queued())
	require.Equal(t, []string{"192.0.2.1"}, published(w.reconcile("waiter")))
}
