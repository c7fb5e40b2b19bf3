// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/ipam"
	"metallb.io/metallb/internal/service"
)

// Annotations of Services, as MetalLB has them.
const (
	annotationAddressPool       = "address-pool"
	annotationLoadBalancerIPs   = "loadBalancerIPs"
	annotationAllowSharedIP     = "allow-shared-ip"
	annotationIPAllocatedFrom   = "ip-allocated-from-pool"
	annotationIPAllocatedFromID = service.AnnotationPrefix + annotationIPAllocatedFrom
)

// deprecatedAnnotations returns the annotations that count although they have the
// deprecated prefix.
func deprecatedAnnotations(svc *corev1.Service) (found []string) {
	for _, name := range []string{annotationAddressPool, annotationLoadBalancerIPs, annotationAllowSharedIP} {
		_, has := svc.Annotations[service.AnnotationPrefix+name]
		if _, deprecated := svc.Annotations[service.AnnotationDeprecatedPrefix+name]; deprecated && !has {
			found = append(found, service.AnnotationDeprecatedPrefix+name)
		}
	}
	return found
}

// claimantOf extracts what allocation needs to know of a Service and the labels of
// its namespace.
func claimantOf(svc *corev1.Service, namespaceLabels map[string]string) *claimant {
	c := &claimant{name: client.ObjectKeyFromObject(svc), since: svc.CreationTimestamp.Time}
	c.Service = ipam.Service{
		Namespace:       svc.Namespace,
		NamespaceLabels: namespaceLabels,
		Labels:          svc.Labels,
		Key:             c.name.String(),
		RequestedPool:   service.Annotation(svc, annotationAddressPool),
		AllocatedFrom:   service.Annotation(svc, annotationIPAllocatedFrom),
		Sharing:         sharing(svc),
	}
	if policy := svc.Spec.IPFamilyPolicy; policy != nil {
		c.SingleStackSuffices = *policy == corev1.IPFamilyPolicyPreferDualStack
		c.RequiresDualStack = *policy == corev1.IPFamilyPolicyRequireDualStack
	}
	for _, text := range svc.Spec.ClusterIPs {
		if addr, err := netip.ParseAddr(text); err == nil { // "None" has no family
			c.Families = append(c.Families, ipam.FamilyOf(addr))
		}
	}
	for _, ingress := range svc.Status.LoadBalancer.Ingress {
		addr, err := netip.ParseAddr(ingress.IP)
		if err != nil || addr.Zone() != "" {
			c.ForeignStatus = true
			continue
		}
		c.Published = append(c.Published, addr.Unmap())
	}
	var err error
	if c.RequestedAddresses, err = requestedAddresses(svc); err != nil {
		c.Unreadable = err.Error()
	}
	return c
}

// sharing returns with whom a Service may share its addresses.
func sharing(svc *corev1.Service) ipam.Sharing {
	s := ipam.Sharing{
		Key:      service.SharingKey(svc),
		Local:    svc.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal,
		Selector: svc.Spec.Selector,
	}
	if s.Key == "" {
		return ipam.Sharing{} // with nobody, whatever the rest is
	}
	for _, port := range svc.Spec.Ports {
		s.Ports = append(s.Ports, ipam.Port{Protocol: string(port.Protocol), Number: port.Port})
	}
	return s
}

// requestedAddresses reads the annotation loadBalancerIPs or, without it, the
// field spec.loadBalancerIP. The error is for the user: it names the field, the
// value and the remedy.
func requestedAddresses(svc *corev1.Service) ([]netip.Addr, error) {
	field, text := "annotation "+service.AnnotationPrefix+annotationLoadBalancerIPs, service.Annotation(svc, annotationLoadBalancerIPs)
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
