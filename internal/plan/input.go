// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/service"
)

// Input is everything that a plan depends on. Build does not change it.
type Input struct {
	// Self is the name of the node to plan for.
	Self string
	// Config is the accepted configuration.
	Config config.Snapshot
	// Services are the Services to announce, each name once, in any order.
	Services []ServiceView
	// Endpoints are the usable endpoints by Service. A Service that is missing
	// has none.
	Endpoints map[types.NamespacedName]EndpointsView
	// Nodes are the nodes of the cluster, each name once, in any order.
	Nodes []NodeView
	// Speakers has the names of the nodes that run a speaker, and whether it is
	// ready. Other nodes are no candidates: nobody would answer there.
	Speakers map[string]bool
	// IgnoreExcluded has nodes announce addresses although they are labelled to
	// receive no traffic of load balancers.
	IgnoreExcluded bool
}

// ServiceView is what a plan depends on of a Service.
type ServiceView struct {
	Name types.NamespacedName
	// Addresses are the Service's load balancer addresses, as published in its
	// status.
	Addresses []netip.Addr
	// Labels are what advertisements select Services by.
	Labels labels.Set
	// Local is whether only nodes with an endpoint of the Service may receive
	// its traffic (externalTrafficPolicy Local).
	Local bool
	// Shares is whether others may have the same addresses.
	Shares bool
}

// ServiceOf returns the view of a Service. What is published and is not an
// address, or the same address again, is left out.
func ServiceOf(svc *corev1.Service) ServiceView {
	view := ServiceView{
		Name:   types.NamespacedName{Namespace: svc.Namespace, Name: svc.Name},
		Labels: svc.Labels,
		Local:  svc.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal,
		Shares: service.SharingKey(svc) != "",
	}
	for _, ingress := range svc.Status.LoadBalancer.Ingress {
		addr, err := netip.ParseAddr(ingress.IP)
		if err == nil && !slices.Contains(view.Addresses, addr) {
			view.Addresses = append(view.Addresses, addr)
		}
	}
	return view
}

// EndpointsView is what a plan depends on of a Service's endpoints, by family:
// traffic to an address only gets to endpoints of the address' own family.
type EndpointsView struct {
	IPv4, IPv6 FamilyEndpoints
}

// to returns the endpoints that traffic to an address can get to.
func (v EndpointsView) to(addr netip.Addr) FamilyEndpoints {
	if addr.Is4() {
		return v.IPv4
	}
	return v.IPv6
}

// FamilyEndpoints is what a plan depends on of a Service's endpoints of one
// family. An endpoint is usable when it is ready, or not said not to be, or
// still serving while it terminates.
type FamilyEndpoints struct {
	// Usable is whether there is a usable endpoint anywhere.
	Usable bool
	// Nodes are the names of the nodes that have a usable endpoint. Endpoints
	// outside of the cluster have no node.
	Nodes map[string]bool
}

// EndpointsOf returns the view of the endpoints in the slices of one Service.
// Slices of host names are left out: nothing sends traffic there.
func EndpointsOf(list ...*discoveryv1.EndpointSlice) EndpointsView {
	var view EndpointsView
	for _, slice := range list {
		switch slice.AddressType {
		case discoveryv1.AddressTypeIPv4:
			view.IPv4.add(slice.Endpoints)
		case discoveryv1.AddressTypeIPv6:
			view.IPv6.add(slice.Endpoints)
		case discoveryv1.AddressTypeFQDN:
		}
	}
	return view
}

func (f *FamilyEndpoints) add(endpoints []discoveryv1.Endpoint) {
	for _, endpoint := range endpoints {
		if !usable(endpoint.Conditions) {
			continue
		}
		f.Usable = true
		if endpoint.NodeName != nil {
			if f.Nodes == nil {
				f.Nodes = make(map[string]bool)
			}
			f.Nodes[*endpoint.NodeName] = true
		}
	}
}

func usable(c discoveryv1.EndpointConditions) bool {
	return c.Ready == nil || *c.Ready || (c.Serving != nil && *c.Serving)
}

// NodeView is what a plan depends on of a Node. Taints and spec.unschedulable
// are not: they say where to run pods, not where to send traffic.
type NodeView struct {
	Name   string
	Labels labels.Set
	// Ready is whether the API server says that the node works. A node that is
	// not may still be elected when no other can be.
	Ready bool
	// NetworkUnavailable is whether the node says that its network is not set
	// up: it is no candidate.
	NetworkUnavailable bool
}

// NodeOf returns the view of a Node.
func NodeOf(node *corev1.Node) NodeView {
	view := NodeView{Name: node.Name, Labels: node.Labels}
	for _, c := range node.Status.Conditions {
		switch c.Type {
		case corev1.NodeReady:
			view.Ready = c.Status == corev1.ConditionTrue
		case corev1.NodeNetworkUnavailable:
			view.NetworkUnavailable = c.Status == corev1.ConditionTrue
		}
	}
	return view
}

// SpeakersOf returns the nodes that the pods of the speakers run on, and whether
// they are ready there. A speaker that is being stopped does not count.
func SpeakersOf(pods ...*corev1.Pod) map[string]bool {
	speakers := make(map[string]bool)
	for _, pod := range pods {
		if pod.Spec.NodeName == "" || pod.DeletionTimestamp != nil {
			continue
		}
		ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		speakers[pod.Spec.NodeName] = speakers[pod.Spec.NodeName] || ready
	}
	return speakers
}

// excluded reports whether the node is not to receive traffic of load
// balancers. The label's presence says so, whatever its value.
func (n NodeView) excluded() bool {
	return n.Labels.Has(corev1.LabelNodeExcludeBalancers)
}
