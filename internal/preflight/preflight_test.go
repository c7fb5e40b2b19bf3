// SPDX-License-Identifier: Apache-2.0

package preflight_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go4.org/netipx"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
	"metallb.io/metallb/internal/preflight"
)

func pool(name string, ranges ...string) preflight.Pool {
	p := preflight.Pool{Name: name}
	for _, r := range ranges {
		p.Ranges = append(p.Ranges, netipx.MustParseIPRange(r))
	}
	return p
}

func daemonSet(namespace, name string, labels map[string]string) preflight.Workload {
	return preflight.Workload{Kind: "DaemonSet", Namespace: namespace, Name: name, Labels: labels}
}

func node(name string, labels map[string]string, addresses ...string) preflight.Node {
	n := preflight.Node{Name: name, Labels: labels, PodNetworks: []netip.Prefix{netip.MustParsePrefix("10.244.1.0/24"), netip.MustParsePrefix("fd00:1::/64")}}
	for _, a := range addresses {
		n.Addresses = append(n.Addresses, netip.MustParseAddr(a))
	}
	return n
}

func TestCheck(t *testing.T) {
	excluded := map[string]string{"node.kubernetes.io/exclude-from-external-load-balancers": ""}
	speaker := map[string]string{"app": "metallb", "component": "speaker"}
	for name, tc := range map[string]struct {
		view preflight.View
		want []preflight.Finding
	}{
		"nothing": {},
		"all is well": {view: preflight.View{
			Pools: []preflight.Pool{pool("a", "192.0.2.10-192.0.2.20")}, Nodes: []preflight.Node{node("n", nil, "192.0.2.1"), node("m", excluded)},
			Surroundings: preflight.Surroundings{
				ServiceNetworks: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}, Proxy: preflight.Proxy{Mode: "ipvs", StrictARP: true},
				Workloads: []preflight.Workload{daemonSet("kube-system", "kube-proxy", nil), daemonSet("kube-system", "cilium", nil)},
			},
		}},
		"others serve the same": {
			view: preflight.View{Namespace: "metallb-system", Surroundings: preflight.Surroundings{CiliumPools: []string{"blue", "red"}, Workloads: []preflight.Workload{
				daemonSet("kube-system", "svclb-web-1", map[string]string{"svccontroller.k3s.cattle.io/svcname": "web"}),
				daemonSet("kube-system", "svclb-web-2", map[string]string{"svccontroller.k3s.cattle.io/svcname": "web"}),
				daemonSet("kube-system", "kube-vip-ds", nil), daemonSet("old", "speaker", speaker),
			}}},
			want: []preflight.Finding{
				{Reason: preflight.OtherLoadBalancer, Message: "Cilium has pools of addresses for load balancers as well (CiliumLoadBalancerIPPool blue) and serves the same Services: delete them, or give each a class of its own (spec.loadBalancerClass)"},
				{Reason: preflight.OtherLoadBalancer, Message: "another MetalLB runs as well (DaemonSet old/speaker) and serves the same Services: remove one of them, or give each a class of its own (spec.loadBalancerClass)"},
				{Reason: preflight.OtherLoadBalancer, Message: "k3s's servicelb runs as well (DaemonSet kube-system/svclb-web-1) and serves the same Services: start k3s with --disable=servicelb"},
				{Reason: preflight.OtherLoadBalancer, Message: "kube-vip runs as well (DaemonSet kube-system/kube-vip-ds) and serves the same Services: run it for the control plane only (svc_enable=false), or give each a class of its own (spec.loadBalancerClass)"},
			},
		},
		"others serve another class": {view: preflight.View{Class: "example.com/ours", Surroundings: preflight.Surroundings{CiliumPools: []string{"blue"}, Workloads: []preflight.Workload{daemonSet("kube-system", "kube-vip-ds", nil)}}}},
		"pools of addresses in use": {
			view: preflight.View{
				Pools:        []preflight.Pool{pool("b", "10.0.0.0-10.255.255.255"), pool("a", "192.0.2.0-192.0.2.9", "fd00:1::5-fd00:1::9"), pool("c", "203.0.113.0-203.0.113.255")},
				Nodes:        []preflight.Node{node("n", nil, "192.0.2.1", "203.0.114.1")},
				Surroundings: preflight.Surroundings{ServiceNetworks: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}},
			},
			want: []preflight.Finding{
				{Reason: preflight.PoolOverlapsNetwork, Message: "IPAddressPool/a has 192.0.2.1 of addresses of nodes: take them out of the pool"},
				{Reason: preflight.PoolOverlapsNetwork, Message: "IPAddressPool/a has fd00:1::5-fd00:1::9 of the network of pods: take them out of the pool"},
				{Reason: preflight.PoolOverlapsNetwork, Message: "IPAddressPool/b has 10.244.1.0/24 of the network of pods: take them out of the pool"},
				{Reason: preflight.PoolOverlapsNetwork, Message: "IPAddressPool/b has 10.96.0.0/12 of the network of ClusterIPs: take them out of the pool"},
			},
		},
		"every node is excluded": {
			view: preflight.View{Nodes: []preflight.Node{node("n", excluded), node("m", excluded)}},
			want: []preflight.Finding{{Reason: preflight.NoEligibleNode, Message: "every node has the label node.kubernetes.io/exclude-from-external-load-balancers, so none may receive traffic: remove it (kubectl label node --all node.kubernetes.io/exclude-from-external-load-balancers-), or set spec.ignoreExcludeLB"}},
		},
		"exclusion does not count": {view: preflight.View{IgnoreExclude: true, Nodes: []preflight.Node{node("n", excluded)}}},
		"ipvs without strictARP": {
			view: preflight.View{Surroundings: preflight.Surroundings{Proxy: preflight.Proxy{Mode: "ipvs"}}},
			want: []preflight.Finding{{Reason: preflight.StrictARPRequired, Message: "kube-proxy runs in the mode ipvs without strictARP, so that every node answers ARP for every address: set ipvs.strictARP to true in the ConfigMap kube-system/kube-proxy, and restart kube-proxy"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, preflight.Check(tc.view))
		})
	}
}

// TestAnotherMetalLB may be in our own namespace, where what we deploy has the
// names of its workloads.
func TestAnotherMetalLB(t *testing.T) {
	const ours = "metallb-system"
	manifests := func(component string) map[string]string {
		return map[string]string{"app": "metallb", "component": component}
	}
	helm := func(component string) map[string]string {
		return map[string]string{
			"app.kubernetes.io/name": "metallb", "app.kubernetes.io/instance": "lb", "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/component": component,
		}
	}
	var rendered []preflight.Workload
	m := &v1beta1.MetalLB{ObjectMeta: metav1.ObjectMeta{Namespace: ours, Name: v1beta1.MetalLBName}}
	for _, o := range operand.Render(m, operand.Params{}) {
		rendered = append(rendered, preflight.Workload{Kind: o.GetObjectKind().GroupVersionKind().Kind, Namespace: ours, Name: o.GetName(), Labels: o.GetLabels()})
	}
	deployment := func(namespace, name string, labels map[string]string) preflight.Workload {
		return preflight.Workload{Kind: "Deployment", Namespace: namespace, Name: name, Labels: labels}
	}
	for name, tc := range map[string]struct {
		workload preflight.Workload
		found    bool
	}{
		"manifests, speaker":                        {daemonSet("old", "speaker", manifests("speaker")), true},
		"manifests, controller":                     {deployment("old", "controller", manifests("controller")), true},
		"manifests, speaker in our namespace":       {daemonSet(ours, "speaker", manifests("speaker")), true},
		"manifests, controller in our namespace":    {deployment(ours, "controller", manifests("controller")), true},
		"Helm, speaker":                             {daemonSet("lb", "lb-metallb-speaker", helm("speaker")), true},
		"Helm, controller":                          {deployment("lb", "lb-metallb-controller", helm("controller")), true},
		"Helm, speaker in our namespace":            {daemonSet(ours, "metallb-speaker", helm("speaker")), true},
		"Helm, controller in our namespace":         {deployment(ours, "metallb-controller", helm("controller")), true},
		"one of ours, in another namespace":         {daemonSet("old", "speaker", rendered[0].Labels), true},
		"our operator":                              {deployment(ours, "metallb-operator", map[string]string{"app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": "operator", "app.kubernetes.io/part-of": "metallb"}), false},
		"another controller":                        {deployment(ours, "controller", map[string]string{"app.kubernetes.io/name": "another", "app.kubernetes.io/component": "controller"}), false},
		"another load balancer in our namespace":    {daemonSet(ours, "kube-vip-ds", nil), true},
		"something that belongs to MetalLB's chart": {deployment(ours, "metallb-exporter", helm("exporter")), false},
	} {
		t.Run(name, func(t *testing.T) {
			found := preflight.Check(preflight.View{Namespace: ours, Surroundings: preflight.Surroundings{Workloads: append(rendered, tc.workload)}})
			if !tc.found {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, preflight.OtherLoadBalancer, found[0].Reason)
			require.Contains(t, found[0].Message, tc.workload.String())
		})
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	excluded := map[string]string{"node.kubernetes.io/exclude-from-external-load-balancers": ""}
	var reasons []preflight.Reason
	for _, f := range preflight.Check(preflight.View{
		Surroundings: preflight.Surroundings{Proxy: preflight.Proxy{Mode: "ipvs"}, CiliumPools: []string{"blue"}},
		Nodes:        []preflight.Node{node("n", excluded, "192.0.2.1")}, Pools: []preflight.Pool{pool("a", "192.0.2.1-192.0.2.2")},
	}) {
		reasons = append(reasons, f.Reason)
	}
	require.Equal(t, []preflight.Reason{preflight.OtherLoadBalancer, preflight.PoolOverlapsNetwork, preflight.NoEligibleNode, preflight.StrictARPRequired}, reasons)
}
