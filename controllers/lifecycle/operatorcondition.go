// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"

	operatorsv2 "github.com/operator-framework/api/pkg/operators/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
)

// TellOLM has the Reconciler tell the Operator Lifecycle Manager whether it may
// replace the operator: in the OperatorCondition that it made for that, and that
// only it permits the operator to write. The client's scheme has to know the kind.
func (r *Reconciler) TellOLM(condition types.NamespacedName) { r.olm = condition }

// writeOperatorCondition puts the condition Upgradeable on the OperatorCondition,
// unless it says so already.
func (r *Reconciler) writeOperatorCondition(ctx context.Context, conditions []metav1.Condition) error {
	if r.olm.Name == "" {
		return nil
	}
	ours := *meta.FindStatusCondition(conditions, v1beta1.ConditionUpgradeable)
	ours.Type = operatorsv2.Upgradeable
	ours.ObservedGeneration = 0 // it is that of the MetalLB object
	if r.toldOLM == ours {
		return nil
	}
	var condition operatorsv2.OperatorCondition
	if err := r.live.Get(ctx, r.olm, &condition); err != nil {
		return fmt.Errorf("read the OperatorCondition %s: %w", r.olm, err)
	}
	before := condition.DeepCopy()
	if meta.SetStatusCondition(&condition.Spec.Conditions, ours) {
		if err := r.client.Patch(ctx, &condition, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
			return fmt.Errorf("write the OperatorCondition %s: %w", r.olm, err)
		}
	}
	r.toldOLM = ours
	return nil
}
