// SPDX-License-Identifier: Apache-2.0

package speaker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"metallb.io/metallb/internal/plan"
	"metallb.io/metallb/internal/service"
)

// changed reports whether a change of an object passes a predicate.
func changed[T client.Object](p predicate.Predicate, object T, change func(T)) bool {
	after := object.DeepCopyObject().(T)
	change(after)
	return p.Update(event.UpdateEvent{ObjectOld: object, ObjectNew: after})
}

func TestWhatMattersOfNodes(t *testing.T) {
	p := nodeMatters()
	n := node("node1")
	require.True(t, p.Create(event.CreateEvent{Object: n}))
	require.True(t, p.Delete(event.DeleteEvent{Object: n}))

	require.False(t, changed(p, n, func(n *corev1.Node) {
		n.ResourceVersion = "2"
		n.Status.Conditions[0].LastHeartbeatTime = metav1.NewTime(time.Unix(1, 0))
	}), "heartbeat")
	require.False(t, changed(p, n, func(n *corev1.Node) { n.Spec.Unschedulable = true }), "cordon")
	require.False(t, changed(p, n, func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: "a"}} }), "taint")
	require.True(t, changed(p, n, func(n *corev1.Node) { n.Labels = map[string]string{"a": ""} }), "label")
	require.True(t, changed(p, n, func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionUnknown }), "ready")
	require.True(t, changed(p, n, func(n *corev1.Node) {
		n.Status.Conditions = append(n.Status.Conditions, corev1.NodeCondition{Type: corev1.NodeNetworkUnavailable, Status: corev1.ConditionTrue})
	}), "network")
}

func TestWhatMattersOfSpeakers(t *testing.T) {
	p := speakerMatters()
	pod := speakerPod("node1")
	require.True(t, p.Create(event.CreateEvent{Object: pod}))
	require.True(t, p.Delete(event.DeleteEvent{Object: pod}))
	require.False(t, changed(p, pod, func(p *corev1.Pod) { p.Status.PodIP = "10.0.0.1" }), "address")
	require.True(t, changed(p, pod, func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }), "ready")
	require.True(t, changed(p, pod, func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) }), "stopping")
}

func TestWhatMattersOfServices(t *testing.T) {
	p := serviceMatters("")
	s := loadBalancer("web", "192.0.2.1")
	require.True(t, p.Create(event.CreateEvent{Object: s}))
	require.True(t, p.Delete(event.DeleteEvent{Object: s}))
	require.False(t, changed(p, s, func(s *corev1.Service) { s.Annotations = map[string]string{"a": "b"} }), "annotation")
	require.True(t, changed(p, s, func(s *corev1.Service) { s.Status = corev1.ServiceStatus{} }), "address")
	require.True(t, changed(p, s, func(s *corev1.Service) { s.Labels = map[string]string{"app": "web"} }), "label")
	require.True(t, changed(p, s, func(s *corev1.Service) { s.Spec.ExternalTrafficPolicy = "Local" }), "policy")
	require.True(t, changed(p, s, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort }), "type")
	require.True(t, changed(p, s, func(s *corev1.Service) { s.Spec.LoadBalancerClass = new("a") }), "class")

	require.False(t, serviceMatters("other").Create(event.CreateEvent{Object: s}))
	require.False(t, changed(serviceMatters("other"), s, func(s *corev1.Service) { s.Status = corev1.ServiceStatus{} }))
}

func TestWhatMattersOfSlices(t *testing.T) {
	p := sliceMatters()
	s := endpoints("web", "node1")
	require.True(t, p.Create(event.CreateEvent{Object: s}))
	require.False(t, p.Create(event.CreateEvent{Object: &discoveryv1.EndpointSlice{}}), "without a Service")
	require.False(t, changed(p, s, func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses = []string{"10.0.0.2"} }), "address")
	require.False(t, changed(p, s, func(s *discoveryv1.EndpointSlice) { s.Endpoints = append(s.Endpoints, s.Endpoints[0]) }), "another on the node")
	require.True(t, changed(p, s, func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Conditions.Ready = new(false) }), "ready")
	require.True(t, changed(p, s, func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].NodeName = new("node2") }), "node")
	require.True(t, changed(p, s, func(s *discoveryv1.EndpointSlice) { s.AddressType = discoveryv1.AddressTypeIPv6 }), "family")
}

// What the cache drops must not change any plan, and everything else should go.
func TestSlimming(t *testing.T) {
	rich := metav1.ObjectMeta{
		Namespace: "default", Name: "web", UID: "1", ResourceVersion: "2", Generation: 3,
		Annotations:   map[string]string{"a": "b", "metallb.io/allow-shared-ip": "key"},
		Labels:        map[string]string{"c": "d", discoveryv1.LabelServiceName: "web"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
		Finalizers:    []string{"f"},
	}

	s := loadBalancer("web", "192.0.2.1")
	s.ObjectMeta = *rich.DeepCopy()
	s.Spec.LoadBalancerClass, s.Spec.ExternalTrafficPolicy = new("x"), "Local"
	s.Spec.Ports, s.Spec.Selector = []corev1.ServicePort{{Port: 80}}, map[string]string{"app": "web"}
	s.Status.Conditions = []metav1.Condition{{Type: "x"}}
	view := plan.ServiceOf(s)
	slim(t, keep(slimService), s)
	require.Equal(t, view, plan.ServiceOf(s))
	require.True(t, service.Served(s, "x"))
	require.Equal(t, metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "1", ResourceVersion: "2", Labels: rich.Labels, Annotations: map[string]string{"metallb.io/allow-shared-ip": "key"}}, s.ObjectMeta)
	require.Nil(t, s.Spec.Ports)

	e := endpoints("web", "node1", "node2")
	e.ObjectMeta, e.AddressType = *rich.DeepCopy(), discoveryv1.AddressTypeIPv6
	endpointsView := plan.EndpointsOf(e)
	slim(t, keep(slimSlice), e)
	require.Equal(t, endpointsView, plan.EndpointsOf(e))
	require.True(t, endpointsView.IPv6.Nodes["node2"], "the family counts")
	require.Equal(t, []string{"web"}, ownerOf(e))
	require.Len(t, e.Labels, 1)
	require.Nil(t, e.Endpoints[0].Addresses)

	n := node("node1")
	n.ObjectMeta = *rich.DeepCopy()
	n.Status.Images = []corev1.ContainerImage{{Names: []string{"a"}}}
	n.Status.Conditions = append(n.Status.Conditions,
		corev1.NodeCondition{Type: corev1.NodeDiskPressure}, corev1.NodeCondition{Type: corev1.NodeNetworkUnavailable, Status: "True"})
	nodeView := plan.NodeOf(n)
	slim(t, keep(slimNode), n)
	require.Equal(t, nodeView, plan.NodeOf(n))
	require.Len(t, n.Status.Conditions, 2)
	require.Nil(t, n.Status.Images)

	pod := speakerPod("node1")
	pod.DeletionTimestamp = new(metav1.Now())
	pod.Spec.Containers = []corev1.Container{{Name: "speaker"}}
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled})
	speakers := plan.SpeakersOf(pod)
	slim(t, keep(slimPod), pod)
	require.Equal(t, speakers, plan.SpeakersOf(pod))
	require.Nil(t, pod.Spec.Containers)
	require.Len(t, pod.Status.Conditions, 1)

	tombstone := toolscache.DeletedFinalStateUnknown{Key: "default/web"}
	got, err := keep(slimNode)(tombstone)
	require.NoError(t, err)
	require.Equal(t, tombstone, got)
}

func slim(t *testing.T, transform func(any) (any, error), object client.Object) {
	t.Helper()
	got, err := transform(object)
	require.NoError(t, err)
	require.Same(t, object, got)
}

func TestCacheOptionsCoverWhatIsWatched(t *testing.T) {
	options := CacheOptions("metallb-system")
	require.Len(t, options.ByObject, 4)
	for object, by := range options.ByObject {
		switch object.(type) {
		case *corev1.Service:
			require.Equal(t, "spec.type=LoadBalancer", by.Field.String())
			require.NotNil(t, by.Transform)
		case *discoveryv1.EndpointSlice, *corev1.Node:
			require.NotNil(t, by.Transform)
		case *corev1.Pod:
			require.Equal(t, "app=metallb,component=speaker", by.Label.String())
			require.Contains(t, by.Namespaces, "metallb-system")
		default:
			t.Errorf("%T is watched", object)
		}
	}
}
