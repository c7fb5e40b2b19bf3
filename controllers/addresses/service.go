// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/ipam"
)

// The annotations that the controller reads and writes. Each also exists with
// the deprecated prefix metallb.universe.tf/, which counts when the other is
// absent.
const (
	annotationPrefix           = "metallb.io/"
	annotationDeprecatedPrefix = "metallb.universe.tf/"

	annotationAddressPool       = "address-pool"
	annotationLoadBalancerIPs   = "loadBalancerIPs"
	annotationAllowSharedIP     = "allow-shared-ip"
	annotationIPAllocatedFrom   = "ip-allocated-from-pool"
	annotationIPAllocatedFromID = annotationPrefix + annotationIPAllocatedFrom
)

func annotation(svc *corev1.Service, name string) string {
	if value, ok := svc.Annotations[annotationPrefix+name]; ok {
		return value
	}
	return svc.Annotations[annotationDeprecatedPrefix+name]
}

// view extracts what allocation needs to know. The error is for the user: it
// names the field, the value and the remedy.
func view(svc *corev1.Service) (ipam.Service, error) {
	v := ipam.Service{
		Namespace:     svc.Namespace,
		Labels:        svc.Labels,
		Key:           client.ObjectKeyFromObject(svc).String(),
		RequestedPool: annotation(svc, annotationAddressPool),
		Sharing: ipam.Sharing{
			Key:      annotation(svc, annotationAllowSharedIP),
			Local:    svc.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal,
			Selector: svc.Spec.Selector,
		},
	}
	for _, p := range svc.Spec.Ports {
		v.Sharing.Ports = append(v.Sharing.Ports, ipam.Port{Protocol: string(p.Protocol), Number: p.Port})
	}
	if policy := svc.Spec.IPFamilyPolicy; policy != nil {
		v.SingleStackSuffices = *policy == corev1.IPFamilyPolicyPreferDualStack
		v.RequiresDualStack = *policy == corev1.IPFamilyPolicyRequireDualStack
	}
	for _, text := range svc.Spec.ClusterIPs {
		if addr, err := netip.ParseAddr(text); err == nil { // "None" has no family
			v.Families = append(v.Families, ipam.FamilyOf(addr))
		}
	}
	for _, ingress := range svc.Status.LoadBalancer.Ingress {
		addr, err := netip.ParseAddr(ingress.IP)
		if err != nil || addr.Zone() != "" {
			v.ForeignStatus = true
			continue
		}
		v.Published = append(v.Published, addr.Unmap())
	}
	v.AllocatedFrom = annotation(svc, annotationIPAllocatedFrom)

	requested, err := requestedAddresses(svc)
	v.RequestedAddresses = requested
	return v, err
}

// requestedAddresses reads the annotation loadBalancerIPs or, without it, the
// field spec.loadBalancerIP.
func requestedAddresses(svc *corev1.Service) ([]netip.Addr, error) {
	field, text := "annotation "+annotationPrefix+annotationLoadBalancerIPs, annotation(svc, annotationLoadBalancerIPs)
	switch deprecated := svc.Spec.LoadBalancerIP; {
	case text != "" && deprecated != "":
		return nil, fmt.Errorf("both the %s and spec.loadBalancerIP are set: remove spec.loadBalancerIP", field)
	case text == "" && deprecated == "":
		return nil, nil
	case text == "":
		field, text = "spec.loadBalancerIP", deprecated
	}
	var addrs []netip.Addr
	for item := range strings.SplitSeq(text, ",") {
		addr, err := netip.ParseAddr(strings.TrimSpace(item))
		if err != nil || addr.Zone() != "" {
			return nil, fmt.Errorf("%s: %q is not an IP address that a Service can have: give one address, or one of each family separated by a comma", field, item)
		}
		addrs = append(addrs, addr.Unmap())
	}
	return addrs, nil
}
