// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// prune deletes what was rendered before and is no more: objects of the kinds
// that are there only if the spec asks for them. The workloads always are.
func (r *Reconciler) prune(ctx context.Context, m *v1beta1.MetalLB, rendered []operand.Object) error {
	wanted := map[string]bool{}
	for _, o := range rendered {
		wanted[keyOf(o.GetObjectKind().GroupVersionKind().Kind, o)] = true
	}
	var errs []error
	each := func(kind string, o operand.Object) {
		if key := keyOf(kind, o); !wanted[key] && isOurs(o, m) {
			delete(r.applied, key)
			errs = append(errs, r.remove(ctx, m, key, o))
		}
	}

	var policies networkingv1.NetworkPolicyList
	if err := r.client.List(ctx, &policies, client.InNamespace(m.Namespace)); err != nil {
		errs = append(errs, fmt.Errorf("list the NetworkPolicies: %w", err))
	}
	for i := range policies.Items {
		each("NetworkPolicy", &policies.Items[i])
	}
	var budgets policyv1.PodDisruptionBudgetList
	if err := r.client.List(ctx, &budgets, client.InNamespace(m.Namespace)); err != nil {
		errs = append(errs, fmt.Errorf("list the PodDisruptionBudgets: %w", err))
	}
	for i := range budgets.Items {
		each("PodDisruptionBudget", &budgets.Items[i])
	}
	return errors.Join(errs...)
}

// isOurs reports whether an object was made by the operator for a MetalLB object.
func isOurs(o metav1.Object, m *v1beta1.MetalLB) bool {
	return metav1.IsControlledBy(o, m) && o.GetLabels()[operand.LabelManagedBy] == operand.ManagedBy
}

// remove deletes an object as it is known here. If it is another by now, the event
// of that is a reason to look again.
func (r *Reconciler) remove(ctx context.Context, m *v1beta1.MetalLB, what string, o operand.Object) error {
	if o.GetDeletionTimestamp() != nil {
		return nil
	}
	uid, version := o.GetUID(), o.GetResourceVersion()
	err := r.client.Delete(ctx, o, client.Preconditions{UID: &uid, ResourceVersion: &version})
	switch {
	case apierrors.IsNotFound(err) || apierrors.IsConflict(err):
		return nil
	case err != nil:
		return fmt.Errorf("delete %s: %w", what, err)
	}
	note := "Deleted " + what + ", which the spec no longer asks for"
	log.FromContext(ctx).Info(note, "generation", m.Generation)
	r.recorder.Eventf(m, nil, corev1.EventTypeNormal, "Deleted", "Delete", "%s", note)
	return nil
}
