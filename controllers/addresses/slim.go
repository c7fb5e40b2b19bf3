// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/internal/service"
)

// slimService drops from a Service what neither allocation nor its events look at. It
// is a cache's transform.
func slimService(in any) (any, error) {
	svc, ok := in.(*corev1.Service)
	if !ok {
		return in, nil
	}
	maps.DeleteFunc(svc.Annotations, func(name, _ string) bool {
		return !strings.HasPrefix(name, service.AnnotationPrefix) && !strings.HasPrefix(name, service.AnnotationDeprecatedPrefix)
	})
	slim := &corev1.Service{
		TypeMeta: svc.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: svc.Namespace, Name: svc.Name, UID: svc.UID, ResourceVersion: svc.ResourceVersion,
			CreationTimestamp: svc.CreationTimestamp, DeletionTimestamp: svc.DeletionTimestamp,
			Labels: svc.Labels, Annotations: svc.Annotations,
		},
		Spec: corev1.ServiceSpec{
			Type: svc.Spec.Type, LoadBalancerClass: svc.Spec.LoadBalancerClass, LoadBalancerIP: svc.Spec.LoadBalancerIP,
			ClusterIPs: svc.Spec.ClusterIPs, IPFamilyPolicy: svc.Spec.IPFamilyPolicy,
		},
		Status: corev1.ServiceStatus{
			LoadBalancer: svc.Status.LoadBalancer,
			Conditions:   slices.DeleteFunc(svc.Status.Conditions, func(c metav1.Condition) bool { return c.Type != conditionAddressAssigned }),
		},
	}
	if service.SharingKey(svc) != "" {
		slim.Spec.ExternalTrafficPolicy, slim.Spec.Selector = svc.Spec.ExternalTrafficPolicy, svc.Spec.Selector
		for _, port := range svc.Spec.Ports {
			slim.Spec.Ports = append(slim.Spec.Ports, corev1.ServicePort{Protocol: port.Protocol, Port: port.Port})
		}
	}
	return slim, nil
}
