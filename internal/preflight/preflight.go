// SPDX-License-Identifier: Apache-2.0

// Package preflight knows what around a load balancer is likely to keep it from
// working, although nothing is wrong with it: it finds that in a view of the
// cluster. What it finds warns, and never blocks.
package preflight

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/operand"
)

// Reason says what kind of thing was found.
type Reason string

// What may be found, the worst first.
const (
	// OtherLoadBalancer: another implementation serves the same Services.
	OtherLoadBalancer Reason = "OtherLoadBalancer"
	// PoolOverlapsNetwork: a pool has addresses that something else has.
	PoolOverlapsNetwork Reason = "PoolOverlapsNetwork"
	// NoEligibleNode: no node may receive traffic.
	NoEligibleNode Reason = "NoEligibleNode"
	// StrictARPRequired: nodes answer for every address of every Service.
	StrictARPRequired Reason = "StrictARPRequired"
)

var severity = []Reason{OtherLoadBalancer, PoolOverlapsNetwork, NoEligibleNode, StrictARPRequired}

// Finding is one thing that is likely to be in the way, with its remedy.
type Finding struct {
	Reason  Reason
	Message string
}

// View is what of a cluster matters.
type View struct {
	// Namespace is our own.
	Namespace string
	// Class is the load-balancer class that is served; empty means Services
	// without one.
	Class string
	// IgnoreExclude is set if nodes that are excluded from external load balancers
	// take part all the same.
	IgnoreExclude bool
	// Pools are those in the cluster.
	Pools []Pool
	Nodes []Node
	Surroundings
}

// Surroundings are what of a cluster has to do neither with the configuration nor
// with the nodes.
type Surroundings struct {
	// ServiceNetworks are the networks of ClusterIPs.
	ServiceNetworks []netip.Prefix
	// Workloads are what runs on the nodes, of which some are known to be load
	// balancers.
	Workloads []Workload
	// CiliumPools are the names of the pools of Cilium's load balancer.
	CiliumPools []string
	// Proxy is how kube-proxy is configured.
	Proxy Proxy
}

// Pool is an IPAddressPool.
type Pool struct {
	Name   string
	Ranges []netipx.IPRange
}

// Node is a node that a speaker may run on.
type Node struct {
	Name        string
	Labels      map[string]string
	Addresses   []netip.Addr
	PodNetworks []netip.Prefix
}

// Workload is a DaemonSet or a Deployment.
type Workload struct {
	Kind, Namespace, Name string
	Labels                map[string]string
}

func (w Workload) String() string { return w.Kind + " " + w.Namespace + "/" + w.Name }

// Proxy is how kube-proxy is configured, as far as that is known.
type Proxy struct {
	Mode      string
	StrictARP bool
}

// excludeLabel keeps a node from receiving traffic of load balancers.
const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers"

// Check returns what is likely to be in the way, the worst first, then by message.
func Check(v View) []Finding {
	found := slices.Concat(otherLoadBalancers(v), overlaps(v), eligibility(v), strictARP(v))
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(slices.Index(severity, a.Reason)-slices.Index(severity, b.Reason), strings.Compare(a.Message, b.Message))
	})
	return found
}

// known are load balancers that serve Services without a class, or every Service,
// and what they are known by.
var known = []struct {
	what, remedy string
	is           func(Workload) bool
}{
	{
		"k3s's servicelb", "start k3s with --disable=servicelb",
		func(w Workload) bool { return w.Labels["svccontroller.k3s.cattle.io/svcname"] != "" },
	}, {
		"kube-vip", "run it for the control plane only (svc_enable=false), or give each a class of its own (spec.loadBalancerClass)",
		func(w Workload) bool {
			return strings.HasPrefix(w.Name, "kube-vip") || strings.HasPrefix(w.Labels["app.kubernetes.io/name"], "kube-vip")
		},
	}, {
		"PureLB", "remove one of them, or give each a class of its own (spec.loadBalancerClass)",
		func(w Workload) bool {
			return w.Labels["app.kubernetes.io/name"] == "purelb" || w.Labels["app"] == "purelb"
		},
	}, {
		"OpenELB", "remove one of them, or give each a class of its own (spec.loadBalancerClass)",
		func(w Workload) bool { return strings.HasPrefix(w.Name, "openelb") },
	}, {
		"another MetalLB", "remove one of them, or give each a class of its own (spec.loadBalancerClass)",
		func(w Workload) bool {
			return w.Labels["app"] == "metallb" && isComponent(w.Labels["component"]) || // by its manifests
				w.Labels["app.kubernetes.io/name"] == "metallb" && isComponent(w.Labels["app.kubernetes.io/component"]) // by Helm
		},
	},
}

// isComponent reports whether a name is that of a component of MetalLB, and of ours.
func isComponent(name string) bool { return name == operand.Controller || name == operand.Speaker }

// isOurs reports whether a workload is one of the load balancer that is checked.
// The names do not tell: those of MetalLB, in the same namespace, are the same.
func isOurs(v View, w Workload) bool {
	return w.Namespace == v.Namespace && w.Labels[operand.LabelManagedBy] == operand.ManagedBy
}

func otherLoadBalancers(v View) []Finding {
	if v.Class != "" {
		return nil // they leave the class to us
	}
	var found []Finding
	for _, k := range known {
		i := slices.IndexFunc(v.Workloads, func(w Workload) bool { return !isOurs(v, w) && k.is(w) })
		if i < 0 {
			continue
		}
		found = append(found, Finding{OtherLoadBalancer, fmt.Sprintf("%s runs as well (%s) and serves the same Services: %s", k.what, v.Workloads[i], k.remedy)})
	}
	if len(v.CiliumPools) > 0 {
		found = append(found, Finding{OtherLoadBalancer, fmt.Sprintf("Cilium has pools of addresses for load balancers as well (CiliumLoadBalancerIPPool %s) and serves the same Services: delete them, or give each a class of its own (spec.loadBalancerClass)", v.CiliumPools[0])})
	}
	return found
}

// overlaps finds pools with addresses that are in use already. Each pool is named
// once for each kind of network.
func overlaps(v View) []Finding {
	var nodes, pods netipx.IPSetBuilder
	for _, n := range v.Nodes {
		for _, a := range n.Addresses {
			nodes.Add(a)
		}
		for _, p := range n.PodNetworks {
			pods.AddPrefix(p)
		}
	}
	var services netipx.IPSetBuilder
	for _, p := range v.ServiceNetworks {
		services.AddPrefix(p)
	}
	var found []Finding
	for _, network := range []struct {
		what string
		set  *netipx.IPSetBuilder
	}{{"addresses of nodes", &nodes}, {"the network of pods", &pods}, {"the network of ClusterIPs", &services}} {
		set, err := network.set.IPSet()
		if err != nil {
			continue // what is not valid overlaps nothing
		}
		for _, pool := range v.Pools {
			if r, ok := firstOverlap(set, pool.Ranges); ok {
				found = append(found, Finding{PoolOverlapsNetwork, fmt.Sprintf("%s/%s has %s of %s: take them out of the pool", config.KindIPAddressPool, pool.Name, text(r), network.what)})
			}
		}
	}
	return found
}

// firstOverlap returns the first addresses of the ranges that a set has.
func firstOverlap(set *netipx.IPSet, ranges []netipx.IPRange) (netipx.IPRange, bool) {
	for _, r := range ranges {
		if !set.OverlapsRange(r) {
			continue
		}
		for _, s := range set.Ranges() {
			if !s.Overlaps(r) {
				continue
			}
			from, to := s.From(), s.To()
			if from.Less(r.From()) {
				from = r.From()
			}
			if r.To().Less(to) {
				to = r.To()
			}
			return netipx.IPRangeFrom(from, to), true
		}
	}
	return netipx.IPRange{}, false
}

// text writes a range the shortest way.
func text(r netipx.IPRange) string {
	if r.From() == r.To() {
		return r.From().String()
	}
	if prefix, ok := r.Prefix(); ok {
		return prefix.String()
	}
	return r.String()
}

func eligibility(v View) []Finding {
	eligible := func(n Node) bool {
		_, excluded := n.Labels[excludeLabel]
		return !excluded || v.IgnoreExclude
	}
	if len(v.Nodes) == 0 || slices.ContainsFunc(v.Nodes, eligible) {
		return nil
	}
	return []Finding{{NoEligibleNode, fmt.Sprintf("every node has the label %s, so none may receive traffic: remove it (kubectl label node --all %s-), or set spec.ignoreExcludeLB", excludeLabel, excludeLabel)}}
}

func strictARP(v View) []Finding {
	if v.Proxy.Mode != "ipvs" || v.Proxy.StrictARP {
		return nil
	}
	return []Finding{{StrictARPRequired, "kube-proxy runs in the mode ipvs without strictARP, so that every node answers ARP for every address: set ipvs.strictARP to true in the ConfigMap kube-system/kube-proxy, and restart kube-proxy"}}
}
