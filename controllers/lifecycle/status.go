// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/operand"
)

// writeStatus puts conditions on the MetalLB object, if they say anything new, and
// the version once all of it runs. A condition's time changes only when its status
// does. Conditions of other types are not ours and stay as they are.
func (r *Reconciler) writeStatus(ctx context.Context, m *v1beta1.MetalLB, conditions []metav1.Condition) error {
	merged := m.Status.DeepCopy().Conditions
	for _, c := range conditions {
		meta.SetStatusCondition(&merged, c)
	}
	version := m.Status.Version
	if settled(conditions) {
		version = r.params.Version
	}
	if version == m.Status.Version && equality.Semantic.DeepEqual(merged, m.Status.Conditions) {
		return nil
	}

	ours := v1beta1.MetalLBStatus{Version: version}
	for _, c := range conditions {
		ours.Conditions = append(ours.Conditions, *meta.FindStatusCondition(merged, c.Type))
	}
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&ours)
	if err != nil {
		return fmt.Errorf("convert the status: %w", err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": status}}
	u.SetGroupVersionKind(v1beta1.GroupVersion.WithKind("MetalLB"))
	u.SetNamespace(m.Namespace)
	u.SetName(m.Name)
	// Not to another object of the same name, should this one be gone.
	u.SetUID(m.UID)
	err = r.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(operand.ManagedBy), client.ForceOwnership)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the status of MetalLB %s: %w", client.ObjectKeyFromObject(m), err)
	}
	if err != nil {
		return nil // The object is gone.
	}

	answer := &v1beta1.MetalLB{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, answer); err != nil {
		return fmt.Errorf("read the API server's answer: %w", err)
	}
	r.written = answer
	r.recordDegraded(ctx, m, answer)
	return nil
}

// settled reports whether every node runs what the spec asks for.
func settled(conditions []metav1.Condition) bool {
	return meta.IsStatusConditionTrue(conditions, v1beta1.ConditionAvailable) &&
		!meta.IsStatusConditionTrue(conditions, v1beta1.ConditionProgressing) &&
		!meta.IsStatusConditionTrue(conditions, v1beta1.ConditionDegraded)
}

// recordDegraded tells when the load balancer becomes degraded, and when it no
// longer is.
func (r *Reconciler) recordDegraded(ctx context.Context, before, after *v1beta1.MetalLB) {
	const action = "Observe"
	was := meta.IsStatusConditionTrue(before.Status.Conditions, v1beta1.ConditionDegraded)
	degraded := meta.FindStatusCondition(after.Status.Conditions, v1beta1.ConditionDegraded)
	if degraded == nil {
		return
	}
	is := degraded.Status == metav1.ConditionTrue
	switch {
	case is && !was:
		log.FromContext(ctx).Info("Degraded", "reason", degraded.Reason, "message", degraded.Message)
		r.recorder.Eventf(after, nil, corev1.EventTypeWarning, degraded.Reason, action, "%s", event.Note(degraded.Message))
	case was && !is:
		log.FromContext(ctx).Info("No longer degraded")
		r.recorder.Eventf(after, nil, corev1.EventTypeNormal, "Recovered", action, "No longer degraded")
	}
}
