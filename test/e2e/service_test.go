// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

func TestServiceAnswersFromOutside(t *testing.T) {
	pool := announcedPool(t)
	svc, addr := webServer(t)
	require.Equal(t, "172.30.0.200", addr.String(), "the lowest address of the pool")
	require.Equal(t, pool.Name, svc.Annotations["metallb.io/ip-allocated-from-pool"])

	owner, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)
	body, err := install.Get(labtest.Limit(t, 20*time.Second), shared.lab, "http://"+addr.String()+"/")
	require.NoError(t, err)
	require.Contains(t, body, "pod web-")

	t.Run("events say who gave the address and who announces it", func(t *testing.T) {
		require.Eventually(t, func() bool {
			var list eventsv1.EventList
			require.NoError(t, shared.client.List(t.Context(), &list, client.InNamespace(svc.Namespace)))
			allocated, assigned := 0, 0
			for _, e := range list.Items {
				if e.Regarding.Name != svc.Name {
					continue
				}
				if e.Reason == "IPAllocated" && strings.Contains(e.Note, addr.String()) {
					allocated++
				}
				if e.Reason == "nodeAssigned" && strings.Contains(e.Note, owner.Name) {
					assigned++
				}
			}
			return allocated == 1 && assigned == 1
		}, 10*time.Second, 100*time.Millisecond)
	})
}

func TestServiceThatChangesItsTypeIsWithdrawn(t *testing.T) {
	announcedPool(t)
	svc, addr := webServer(t)
	_, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)

	before := svc.DeepCopy()
	svc.Spec.Type = corev1.ServiceTypeClusterIP
	require.NoError(t, shared.client.Patch(t.Context(), svc, client.MergeFrom(before)))
	requireSilence(t, addr)
	require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, svc, func() (string, bool) {
		return "the annotation is still there", len(svc.Annotations) == 0
	}))
	require.Empty(t, svc.Status.LoadBalancer.Ingress)

	t.Run("and gets an address again when it changes back", func(t *testing.T) {
		before := svc.DeepCopy()
		svc.Spec.Type = corev1.ServiceTypeLoadBalancer
		require.NoError(t, shared.client.Patch(t.Context(), svc, client.MergeFrom(before)))
		_, err := install.Get(labtest.Limit(t, 20*time.Second), shared.lab, "http://"+addr.String()+"/")
		require.NoError(t, err)
	})
}

func TestDeletedServiceIsWithdrawn(t *testing.T) {
	announcedPool(t)
	svc, addr := webServer(t)
	_, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)
	require.NoError(t, shared.client.Delete(t.Context(), svc))
	requireSilence(t, addr)
}

func TestServiceThatWaitsForItsPoolSaysWhy(t *testing.T) {
	ns := namespace(t)
	svc := &corev1.Service{}
	svc.Name, svc.Namespace = "waiting", ns
	svc.Annotations = map[string]string{"metallb.io/address-pool": ns}
	svc.Spec.Type = corev1.ServiceTypeLoadBalancer
	svc.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	create(t, svc)
	require.Eventually(t, func() bool {
		out, err := install.Kubectl(t.Context(), shared.lab, "describe", "service", "-n", ns, svc.Name)
		require.NoError(t, err)
		return strings.Contains(out, "AllocationFailed") && strings.Contains(out, `asks for the pool "`+ns+`", which does not exist`)
	}, 10*time.Second, 100*time.Millisecond)

	create(t, &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Name: ns, Namespace: install.Namespace},
		Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"172.30.0.250/32"}},
	})
	require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, svc, func() (string, bool) {
		return "the Service has no address", len(svc.Status.LoadBalancer.Ingress) == 1
	}))
}

// TestServicesShareAnAddress: both answer, and one node announces it.
func TestServicesShareAnAddress(t *testing.T) {
	const key = "metallb.io/allow-shared-ip"
	announcedPool(t)
	svc, addr := webServer(t)
	before := svc.DeepCopy()
	svc.Annotations[key] = "web"
	require.NoError(t, shared.client.Patch(t.Context(), svc, client.MergeFrom(before)))
	second := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "second", Namespace: svc.Namespace, Annotations: map[string]string{key: "web"}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: svc.Spec.Selector,
			Ports: []corev1.ServicePort{{Port: 81, TargetPort: svc.Spec.Ports[0].TargetPort}},
		},
	}
	create(t, second)
	require.NoError(t, install.Until(labtest.Limit(t, 10*time.Second), shared.client, second, func() (string, bool) {
		return "it has no address", len(second.Status.LoadBalancer.Ingress) == 1
	}))
	require.Equal(t, addr.String(), second.Status.LoadBalancer.Ingress[0].IP)
	for _, port := range []string{"80", "81"} {
		body, err := install.Get(labtest.Limit(t, 20*time.Second), shared.lab, "http://"+addr.String()+":"+port+"/")
		require.NoError(t, err)
		require.Contains(t, body, "pod web-")
	}
	_, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)
}
