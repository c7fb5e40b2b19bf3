// SPDX-License-Identifier: Apache-2.0

package service_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"metallb.io/metallb/internal/service"
)

func TestServed(t *testing.T) {
	of := func(kind corev1.ServiceType, class *string) *corev1.Service {
		return &corev1.Service{Spec: corev1.ServiceSpec{Type: kind, LoadBalancerClass: class}}
	}
	for _, tc := range []struct {
		svc   *corev1.Service
		class string
		want  bool
	}{
		{of(corev1.ServiceTypeLoadBalancer, nil), "", true},
		{of(corev1.ServiceTypeLoadBalancer, nil), "a", false},
		{of(corev1.ServiceTypeLoadBalancer, new("a")), "a", true},
		{of(corev1.ServiceTypeLoadBalancer, new("b")), "a", false},
		{of(corev1.ServiceTypeLoadBalancer, new("a")), "", false},
		{of(corev1.ServiceTypeLoadBalancer, new("")), "", false},
		{of(corev1.ServiceTypeClusterIP, nil), "", false},
	} {
		require.Equal(t, tc.want, service.Served(tc.svc, tc.class), "%+v class %q", tc.svc.Spec, tc.class)
	}
}
