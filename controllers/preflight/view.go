// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/preflight"
)

// +kubebuilder:rbac:groups="",resources=nodes,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=configmaps,resourceNames=kube-proxy,verbs=get
// +kubebuilder:rbac:groups=apps,resources=daemonsets;deployments,verbs=list
// +kubebuilder:rbac:groups=networking.k8s.io,resources=servicecidrs,verbs=list
// +kubebuilder:rbac:groups=cilium.io,resources=ciliumloadbalancerippools,verbs=list
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=ipaddresspools;metallbs,verbs=list;watch
// +kubebuilder:rbac:groups=metallb.io,namespace=metallb-system,resources=metallbs/status,verbs=patch

// generation is a state of the MetalLB object.
type generation struct {
	uid    types.UID
	number int64
}

// view returns what is to be checked at a time.
func (r *Reconciler) view(ctx context.Context, m *v1beta1.MetalLB, now time.Time) (preflight.View, error) {
	if state := (generation{m.UID, m.Generation}); r.around == nil || r.aroundFor != state {
		around, err := r.look(ctx)
		if err != nil {
			return preflight.View{}, err
		}
		r.around, r.aroundFor, r.lookedAt = around, state, now
	}
	v := preflight.View{Namespace: r.namespace, Class: m.Spec.LoadBalancerClass, IgnoreExclude: m.Spec.IgnoreExcludeLB, Surroundings: *r.around}
	var pools v1beta1.IPAddressPoolList
	if err := r.client.List(ctx, &pools, client.InNamespace(r.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return preflight.View{}, fmt.Errorf("read the pools: %w", err)
	}
	for _, p := range pools.Items {
		pool := preflight.Pool{Name: p.Name}
		for _, addresses := range p.Spec.Addresses {
			if r, err := config.ParseAddressRange(addresses); err == nil { // others tell what is wrong with it
				pool.Ranges = append(pool.Ranges, r)
			}
		}
		v.Pools = append(v.Pools, pool)
	}
	var nodes corev1.NodeList
	if err := r.client.List(ctx, &nodes, client.UnsafeDisableDeepCopy); err != nil {
		return preflight.View{}, fmt.Errorf("read the nodes: %w", err)
	}
	for _, n := range nodes.Items {
		node := preflight.Node{Name: n.Name, Labels: n.Labels, PodNetworks: prefixes(n.Spec.PodCIDRs)}
		for _, a := range n.Status.Addresses {
			if addr, err := netip.ParseAddr(a.Address); err == nil { // others are host names
				node.Addresses = append(node.Addresses, addr)
			}
		}
		v.Nodes = append(v.Nodes, node)
	}
	return v, nil
}

func prefixes(texts []string) []netip.Prefix {
	var found []netip.Prefix
	for _, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil { // the API server lets nothing else in
			found = append(found, p)
		}
	}
	return found
}

// look reads the surroundings. What does not exist in this cluster is not there.
func (r *Reconciler) look(ctx context.Context) (*preflight.Surroundings, error) {
	var around preflight.Surroundings
	var networks networkingv1.ServiceCIDRList
	if err := r.live.List(ctx, &networks); unexpected(err) {
		return nil, fmt.Errorf("read the networks of ClusterIPs: %w", err)
	}
	for _, n := range networks.Items {
		around.ServiceNetworks = append(around.ServiceNetworks, prefixes(n.Spec.CIDRs)...)
	}
	for _, kind := range []string{"DaemonSet", "Deployment"} {
		list, err := r.list(ctx, schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: kind})
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			around.Workloads = append(around.Workloads, preflight.Workload{Kind: kind, Namespace: o.Namespace, Name: o.Name, Labels: o.Labels})
		}
	}
	pools, err := r.list(ctx, schema.GroupVersionKind{Group: "cilium.io", Version: "v2", Kind: "CiliumLoadBalancerIPPool"})
	if err != nil {
		return nil, err
	}
	for _, p := range pools {
		around.CiliumPools = append(around.CiliumPools, p.Name)
	}
	around.Proxy, err = r.proxy(ctx)
	return &around, err
}

// list returns the metadata of all objects of a kind, none if there is no such kind.
func (r *Reconciler) list(ctx context.Context, kind schema.GroupVersionKind) ([]metav1.PartialObjectMetadata, error) {
	list := new(metav1.PartialObjectMetadataList)
	kind.Kind += "List"
	list.SetGroupVersionKind(kind)
	if err := r.live.List(ctx, list); unexpected(err) {
		return nil, fmt.Errorf("read the objects of %s: %w", kind.Kind, err)
	}
	return list.Items, nil
}

// proxy returns how kube-proxy is configured, if it is as kubeadm has it.
func (r *Reconciler) proxy(ctx context.Context) (preflight.Proxy, error) {
	var stored corev1.ConfigMap
	err := r.live.Get(ctx, types.NamespacedName{Namespace: metav1.NamespaceSystem, Name: "kube-proxy"}, &stored)
	if unexpected(err) {
		return preflight.Proxy{}, fmt.Errorf("read the configuration of kube-proxy: %w", err)
	}
	var proxy struct {
		Mode string `json:"mode"`
		IPVS struct {
			StrictARP bool `json:"strictARP"`
		} `json:"ipvs"`
	}
	if err := yaml.Unmarshal([]byte(stored.Data["config.conf"]), &proxy); err != nil {
		return preflight.Proxy{}, nil // kube-proxy could not read it either
	}
	return preflight.Proxy{Mode: proxy.Mode, StrictARP: proxy.IPVS.StrictARP}, nil
}

// unexpected reports whether an error is more than that something does not exist.
func unexpected(err error) bool {
	return err != nil && !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err)
}
