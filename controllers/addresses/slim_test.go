// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/ipam"
	"metallb.io/metallb/internal/service"
)

// TestNothingThatMattersIsDropped from Services, with all that there is to look at.
func TestNothingThatMattersIsDropped(t *testing.T) {
	for name, annotations := range map[string]map[string]string{
		"shares":      {"metallb.universe.tf/allow-shared-ip": "key", "metallb.io/address-pool": "a", annotationIPAllocatedFromID: "a", "other": "x"},
		"shares not":  {"metallb.io/loadBalancerIPs": "192.0.2.1,2001:db8::1"},
		"has nothing": nil,
	} {
		t.Run(name, func(t *testing.T) {
			svc := loadBalancer("web", "192.0.2.1")
			svc.Annotations, svc.Labels = annotations, map[string]string{"app": "web"}
			svc.CreationTimestamp, svc.ManagedFields = metav1.Now(), []metav1.ManagedFieldsEntry{{Manager: "m"}}
			svc.Spec.LoadBalancerClass, svc.Spec.LoadBalancerIP = new("x"), "192.0.2.1"
			svc.Spec.ClusterIPs, svc.Spec.IPFamilyPolicy = []string{"10.96.0.1", "fd96::1"}, new(corev1.IPFamilyPolicyPreferDualStack)
			svc.Spec.ExternalTrafficPolicy, svc.Spec.Selector = corev1.ServiceExternalTrafficPolicyLocal, map[string]string{"app": "web"}
			svc.Spec.Ports = []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, NodePort: 30000}}
			decision := &ipam.Decision{Outcome: ipam.Kept, Reason: ipam.ReasonKept, Addresses: claimantOf(svc, nil).Published, Pool: annotations[annotationIPAllocatedFromID]}
			svc.Status.Conditions = []metav1.Condition{{Type: "other"}, conditionOf(decision)}
			whole := svc.DeepCopy()

			kept, err := slimService(svc)
			require.NoError(t, err)
			slim := kept.(*corev1.Service)
			require.Equal(t, claimantOf(whole, nil), claimantOf(slim, nil))
			require.True(t, service.Served(slim, "x"))
			require.Equal(t, tells(whole, claimantOf(whole, nil), decision), tells(slim, claimantOf(slim, nil), decision))
			require.True(t, tells(slim, claimantOf(slim, nil), decision))
			require.Equal(t, deprecatedAnnotations(whole), deprecatedAnnotations(slim))
			require.Equal(t, client.ObjectKeyFromObject(whole), client.ObjectKeyFromObject(slim))
			require.Equal(t, []any{whole.UID, whole.ResourceVersion, whole.CreationTimestamp}, []any{slim.UID, slim.ResourceVersion, slim.CreationTimestamp})
			require.Empty(t, slim.ManagedFields)
			require.NotContains(t, slim.Annotations, "other")
		})
	}
}
