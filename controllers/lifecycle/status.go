// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/status"
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
	answer, err := status.Apply(ctx, r.client, operand.ManagedBy, m, ours)
	if err != nil || answer == nil {
		return err
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
