// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/ipam"
	"metallb.io/metallb/internal/service"
)

// The reasons of the events on Services, as MetalLB has them.
const (
	eventAllocated         = "IPAllocated"
	eventCleared           = "ClearAssignment"
	eventAddFailed         = "AdditionalAssignFailed"
	eventAllocationFailed  = "AllocationFailed"
	eventRequestFailed     = "LoadBalancerFailed"
	eventFewClusterIPs     = "not enough clusterips"
	eventNoClusterIPFamily = "noclusterIPsIPFamily"
	eventDeprecated        = "deprecatedAnnotation"
)

// reasonWriteRefused is the reason if the API server does not take what was decided.
const reasonWriteRefused = "WriteRefused"

// tell records what was published for a Service. It is called once for each write,
// so nothing is repeated. The reason of a decision is the event's action: events
// that differ in their text only are counted as one, and the text of the first is
// shown.
func (r *serviceReconciler) tell(svc *corev1.Service, d *ipam.Decision) {
	action, message := string(d.Reason), event.Note(d.Message())
	if len(d.Lost) > 0 {
		r.events.Eventf(svc, nil, corev1.EventTypeNormal, eventCleared, string(d.Lost[0].Why), "%s", message)
	}
	switch d.Outcome {
	case ipam.Assigned:
		r.events.Eventf(svc, nil, corev1.EventTypeNormal, eventAllocated, action, "%s", message)
	case ipam.Kept:
		// It was told when it was given.
	default:
		r.events.Eventf(svc, nil, corev1.EventTypeWarning, failure(d.Reason), action, "%s", event.Note(action+": "+d.Message()))
	}
	if d.Missing != "" {
		r.events.Eventf(svc, nil, corev1.EventTypeNormal, eventAddFailed, action, "%s", message)
	}
	if names := deprecatedAnnotations(svc); len(names) > 0 {
		r.events.Eventf(svc, nil, corev1.EventTypeWarning, eventDeprecated, eventDeprecated, "%s",
			event.Note(fmt.Sprintf("%s: use the prefix %s instead", strings.Join(names, ", "), service.AnnotationPrefix)))
	}
}

// failure returns the reason of the event about a refusal.
func failure(reason ipam.Reason) string {
	switch reason {
	case ipam.ReasonInvalidRequest:
		return eventRequestFailed
	case ipam.ReasonNotEnoughClusterIPs:
		return eventFewClusterIPs
	case ipam.ReasonNoClusterIP:
		return eventNoClusterIPFamily
	}
	return eventAllocationFailed
}
