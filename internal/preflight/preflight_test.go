// SPDX-License-Identifier: Apache-2.0

package preflight_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go4.org/netipx"

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
			ServiceNetworks: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}, Proxy: preflight.Proxy{Mode: "ipvs", StrictARP: true},
			Workloads: []preflight.Workload{daemonSet("metallb-system", "speaker", speaker), daemonSet("kube-system", "kube-proxy", nil), daemonSet("kube-system", "cilium", nil)}, Namespace: "metallb-system",
		}},
		"others serve the same": {
			view: preflight.View{Namespace: "metallb-system", CiliumPools: []string{"blue", "red"}, Workloads: []preflight.Workload{
				daemonSet("kube-system", "svclb-web-1", map[string]string{"svccontroller.k3s.cattle.io/svcname": "web"}),
				daemonSet("kube-system", "svclb-web-2", map[string]string{"svccontroller.k3s.cattle.io/svcname": "web"}),
				daemonSet("kube-system", "kube-vip-ds", nil), daemonSet("old", "speaker", speaker),
			}},
			want: []preflight.Finding{
				{Reason: preflight.OtherLoadBalancer, Message: "Cilium has pools of addresses for load balancers as well (CiliumLoadBalancerIPPool blue) and serves the same Services: delete them, or give each a class of its own (spec.loadBalancerClass)"},
				{Reason: preflight.OtherLoadBalancer, Message: "another MetalLB runs as well (DaemonSet old/speaker) and serves the same Services: remove one of them, or give each a class of its own (spec.loadBalancerClass)"},
				{Reason: preflight.OtherLoadBalancer, Message: "k3s's servicelb runs as well (DaemonSet kube-system/svclb-web-1) and serves the same Services: start k3s with --disable=servicelb"},
				{Reason: preflight.OtherLoadBalancer, Message: "kube-vip runs as well (DaemonSet kube-system/kube-vip-ds) and serves the same Services: run it for the control plane only (svc_enable=false), or give each a class of its own (spec.loadBalancerClass)"},
			},
		},
		"others serve another class": {view: preflight.View{Class: "example.com/ours", CiliumPools: []string{"blue"}, Workloads: []preflight.Workload{daemonSet("kube-system", "kube-vip-ds", nil)}}},
		"pools of addresses in use": {
			view: preflight.View{
				Pools:           []preflight.Pool{pool("b", "10.0.0.0-10.255.255.255"), pool("a", "192.0.2.0-192.0.2.9", "fd00:1::5-fd00:1::9"), pool("c", "203.0.113.0-203.0.113.255")},
				Nodes:           []preflight.Node{node("n", nil, "192.0.2.1", "203.0.114.1")},
				ServiceNetworks: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
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
			view: preflight.View{Proxy: preflight.Proxy{Mode: "ipvs"}},
			want: []preflight.Finding{{Reason: preflight.StrictARPRequired, Message: "kube-proxy runs in the mode ipvs without strictARP, so that every node answers ARP for every address: set ipvs.strictARP to true in the ConfigMap kube-system/kube-proxy, and restart kube-proxy"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, preflight.Check(tc.view))
		})
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	excluded := map[string]string{"node.kubernetes.io/exclude-from-external-load-balancers": ""}
	var reasons []preflight.Reason
	for _, f := range preflight.Check(preflight.View{
		Proxy: preflight.Proxy{Mode: "ipvs"}, CiliumPools: []string{"blue"},
		Nodes: []preflight.Node{node("n", excluded, "192.0.2.1")}, Pools: []preflight.Pool{pool("a", "192.0.2.1-192.0.2.2")},
	}) {
		reasons = append(reasons, f.Reason)
	}
	require.Equal(t, []preflight.Reason{preflight.OtherLoadBalancer, preflight.PoolOverlapsNetwork, preflight.NoEligibleNode, preflight.StrictARPRequired}, reasons)
}
