// SPDX-License-Identifier: Apache-2.0

// Package service tells which Services are the load balancer's concern.
package service

import corev1 "k8s.io/api/core/v1"

// Served reports whether a Service is of type LoadBalancer and of a class: its
// spec.loadBalancerClass has this value, or is absent when class is empty.
func Served(svc *corev1.Service, class string) bool {
	if svc.Spec.Type != corev1.ServiceTypeLoadBalancer {
		return false
	}
	if svc.Spec.LoadBalancerClass == nil {
		return class == ""
	}
	return class != "" && *svc.Spec.LoadBalancerClass == class
}
