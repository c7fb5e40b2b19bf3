// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/ipam"
)

// conditionAddressAssigned is true while a Service has the addresses that it asks
// for. Its message says which they are, or why it has none.
const conditionAddressAssigned = "metallb.io/AddressAssigned"

// conditionOf returns the condition that tells a decision. It is the same as long as
// the Service is as it is.
func conditionOf(d *ipam.Decision) metav1.Condition {
	c := metav1.Condition{
		Type: conditionAddressAssigned, Status: metav1.ConditionFalse,
		Reason: string(d.Reason), Message: event.Note(d.State()),
	}
	if d.Satisfied() {
		c.Status = metav1.ConditionTrue
	}
	if d.Reason == ipam.ReasonKept {
		c.Reason = string(ipam.ReasonAssigned) // it was
	}
	return c
}

// statusPatch returns the patch of a Service's status subresource that publishes a
// decision, or nil when the Service says it already. The patch holds nothing but
// our keys, and the resourceVersion that the decision was made for. The annotation
// travels with the address: the API server accepts changes of metadata through the
// status subresource.
func statusPatch(svc *corev1.Service, c *claimant, d *ipam.Decision, now metav1.Time) (client.Patch, error) {
	metadata := map[string]any{"resourceVersion": svc.ResourceVersion}
	status := map[string]any{}
	if !hasAddresses(svc, c, d) {
		ingress := make([]map[string]string, 0, len(d.Addresses))
		for _, addr := range d.Addresses {
			ingress = append(ingress, map[string]string{"ip": addr.String()})
		}
		status["loadBalancer"] = map[string]any{"ingress": ingress}
		metadata["annotations"] = map[string]any{annotationIPAllocatedFromID: nullIfEmpty(d.Pool), annotationEpoch: nil}
	}
	if condition := conditionOf(d); !hasCondition(svc, condition) {
		condition.LastTransitionTime = now
		if had := meta.FindStatusCondition(svc.Status.Conditions, condition.Type); had != nil && had.Status == condition.Status {
			condition.LastTransitionTime = had.LastTransitionTime
		}
		status["conditions"] = []metav1.Condition{condition}
	}
	if len(status) == 0 {
		return nil, nil
	}
	return mergePatch(map[string]any{"metadata": metadata, "status": status})
}

// tells reports whether the status of a Service says what was decided.
func tells(svc *corev1.Service, c *claimant, d *ipam.Decision) bool {
	return hasAddresses(svc, c, d) && hasCondition(svc, conditionOf(d))
}

// hasAddresses reports whether a Service has what was decided, and where it is from.
// What another implementation has written stays whatever it is.
func hasAddresses(svc *corev1.Service, c *claimant, d *ipam.Decision) bool {
	return d.Untouchable() || slices.Equal(c.Published, d.Addresses) && svc.Annotations[annotationIPAllocatedFromID] == d.Pool
}

func hasCondition(svc *corev1.Service, want metav1.Condition) bool {
	had := meta.FindStatusCondition(svc.Status.Conditions, want.Type)
	return had != nil && had.Status == want.Status && had.Reason == want.Reason && had.Message == want.Message
}

// unmarkPatch returns the patch that removes what is ours from a Service which is no
// longer of type LoadBalancer, or nil when there is nothing. The API server itself
// empties the addresses of such a Service.
func unmarkPatch(svc *corev1.Service) (client.Patch, error) {
	metadata := map[string]any{"resourceVersion": svc.ResourceVersion}
	content := map[string]any{"metadata": metadata}
	removed := map[string]any{}
	for _, name := range []string{annotationIPAllocatedFromID, annotationEpoch} {
		if _, ok := svc.Annotations[name]; ok {
			removed[name] = nil
		}
	}
	if len(removed) > 0 {
		metadata["annotations"] = removed
	}
	if meta.FindStatusCondition(svc.Status.Conditions, conditionAddressAssigned) != nil {
		content["status"] = map[string]any{"conditions": []map[string]string{{"$patch": "delete", "type": conditionAddressAssigned}}}
	}
	if len(removed) == 0 && content["status"] == nil {
		return nil, nil
	}
	return mergePatch(content)
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
