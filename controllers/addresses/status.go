// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/ipam"
)

// statusPatch returns the patch of a Service's status subresource that
// publishes a decision, or nil when the Service says it already. The patch
// holds nothing but our keys, and the resourceVersion that the decision was
// made for. The annotation travels with the address: the API server accepts
// changes of metadata through the status subresource.
func statusPatch(svc *corev1.Service, view ipam.Service, decision ipam.Decision) (client.Patch, error) {
	if slices.Equal(view.Published, decision.Addresses) && svc.Annotations[annotationIPAllocatedFromID] == decision.Pool {
		return nil, nil
	}
	ingress := make([]map[string]string, 0, len(decision.Addresses))
	for _, addr := range decision.Addresses {
		ingress = append(ingress, map[string]string{"ip": addr.String()})
	}
	return mergePatch(map[string]any{
		"metadata": map[string]any{
			"resourceVersion": svc.ResourceVersion,
			"annotations":     map[string]any{annotationIPAllocatedFromID: nullIfEmpty(decision.Pool)},
		},
		"status": map[string]any{"loadBalancer": map[string]any{"ingress": ingress}},
	})
}

// unmarkPatch returns the patch that removes our annotation from a Service
// which is no longer of type LoadBalancer, or nil when it has none. The API
// server itself empties the status of such a Service.
func unmarkPatch(svc *corev1.Service) (client.Patch, error) {
	if _, ok := svc.Annotations[annotationIPAllocatedFromID]; !ok {
		return nil, nil
	}
	return mergePatch(map[string]any{
		"metadata": map[string]any{
			"resourceVersion": svc.ResourceVersion,
			"annotations":     map[string]any{annotationIPAllocatedFromID: nil},
		},
	})
}

func mergePatch(content map[string]any) (client.Patch, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode a patch of a Service: %w", err)
	}
	return client.RawPatch(types.StrategicMergePatchType, data), nil
}

func nullIfEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}
