// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestServiceOf(t *testing.T) {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec:       corev1.ServiceSpec{ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal},
		Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{
			{IP: "192.0.2.1"}, {IP: "2001:db8::1"}, {IP: "nonsense"}, {Hostname: "example.org"}, {IP: "192.0.2.1"},
		}}},
	}
	require.Equal(t, ServiceView{
		Name:      types.NamespacedName{Namespace: "default", Name: "web"},
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
		Local:     true,
	}, ServiceOf(service))
}

func TestEndpointsOf(t *testing.T) {
	endpoint := func(node string, ready, serving *bool) *discoveryv1.EndpointSlice {
		e := discoveryv1.Endpoint{Conditions: discoveryv1.EndpointConditions{Ready: ready, Serving: serving}}
		if node != "" {
			e.NodeName = &node
		}
		return &discoveryv1.EndpointSlice{AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{e}}
	}
	yes, no := new(true), new(false)
	on := func(node string) EndpointsView {
		return EndpointsView{IPv4: FamilyEndpoints{Usable: true, Nodes: map[string]bool{node: true}}}
	}

	require.Equal(t, EndpointsView{}, EndpointsOf())
	require.Equal(t, on("node1"), EndpointsOf(endpoint("node1", yes, yes)))
	require.Equal(t, on("node1"), EndpointsOf(endpoint("node1", nil, nil)), "ready not said means ready")
	require.Equal(t, on("node1"), EndpointsOf(endpoint("node1", no, yes)), "serving while terminating")
	require.Equal(t, EndpointsView{}, EndpointsOf(endpoint("node1", no, no)))
	require.Equal(t, EndpointsView{}, EndpointsOf(endpoint("node1", no, nil)))
	require.Equal(t, EndpointsView{IPv4: FamilyEndpoints{Usable: true}}, EndpointsOf(endpoint("", yes, nil)), "outside of the cluster")
	require.Equal(t, on("node2"), EndpointsOf(endpoint("node1", no, no), endpoint("node2", yes, nil)), "several slices")

	v6, names := endpoint("node2", yes, nil), endpoint("node3", yes, nil)
	v6.AddressType, names.AddressType = discoveryv1.AddressTypeIPv6, discoveryv1.AddressTypeFQDN
	dual := on("node1")
	dual.IPv6 = on("node2").IPv4
	require.Equal(t, dual, EndpointsOf(endpoint("node1", yes, nil), v6, names), "each family has its own")
}

func TestNodeOf(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node1", Labels: map[string]string{"a": "b"}}}
	require.Equal(t, NodeView{Name: "node1", Labels: node.Labels}, NodeOf(node), "without conditions, a node is not ready")

	node.Spec.Unschedulable = true
	node.Spec.Taints = []corev1.Taint{{Key: "any"}}
	node.Status.Conditions = []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue},
		{Type: corev1.NodeNetworkUnavailable, Status: corev1.ConditionFalse},
		{Type: corev1.NodeDiskPressure, Status: corev1.ConditionTrue},
	}
	require.Equal(t, NodeView{Name: "node1", Labels: node.Labels, Ready: true}, NodeOf(node))

	node.Status.Conditions[0].Status = corev1.ConditionUnknown
	node.Status.Conditions[1].Status = corev1.ConditionTrue
	require.Equal(t, NodeView{Name: "node1", Labels: node.Labels, NetworkUnavailable: true}, NodeOf(node))
}

func TestSpeakersOf(t *testing.T) {
	pod := func(node string, ready corev1.ConditionStatus) *corev1.Pod {
		return &corev1.Pod{
			Spec:   corev1.PodSpec{NodeName: node},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: "True"}, {Type: corev1.PodReady, Status: ready}}},
		}
	}
	stopping := pod("node4", "True")
	stopping.DeletionTimestamp = new(metav1.Now())
	require.Equal(t, map[string]bool{"node1": true, "node2": false, "node3": true},
		SpeakersOf(pod("node1", "True"), pod("node2", "False"), pod("node3", "True"), pod("node3", "False"), stopping, pod("", "False")))
}
