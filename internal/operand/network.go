// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"metallb.io/metallb/api/v1beta1"
)

// The ports of what the controller talks to.
const (
	httpsPort = 443
	dnsPort   = 53
)

// networkPolicy lets through only the traffic that the controller needs, false if
// that is not asked for. Where the API server is, nobody can say for all
// clusters, so only the ports are limited. The speakers have none: policies do not
// apply to the network of the nodes.
func networkPolicy(m *v1beta1.MetalLB) (*networkingv1.NetworkPolicy, bool) {
	asked := m.Spec.NetworkPolicies
	if asked == nil || !asked.Enabled {
		return nil, false
	}
	apiServer := tcp(httpsPort)
	if port := cmp.Or(asked.APIPort, v1beta1.DefaultAPIPort); port != httpsPort {
		apiServer = tcp(httpsPort, port)
	}
	served := tcp(healthPort)
	if port, ok := metricsPort(m); ok {
		served = tcp(healthPort, port)
	}
	dns := append(tcp(dnsPort), networkingv1.NetworkPolicyPort{Protocol: new(corev1.ProtocolUDP), Port: new(intstr.FromInt32(dnsPort))})
	return &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: objectMeta(m, Controller),
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: selector(Controller)},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{Ports: served}},
			Egress:      []networkingv1.NetworkPolicyEgressRule{{Ports: apiServer}, {Ports: dns}},
		},
	}, true
}

// tcp returns ports of TCP.
func tcp(ports ...int32) []networkingv1.NetworkPolicyPort {
	var all []networkingv1.NetworkPolicyPort
	for _, port := range ports {
		all = append(all, networkingv1.NetworkPolicyPort{Protocol: new(corev1.ProtocolTCP), Port: new(intstr.FromInt32(port))})
	}
	return all
}
