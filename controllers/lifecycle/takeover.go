// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	appsv1 "k8s.io/api/apps/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// awake returns what to send to a workload that may be somebody else's yet: the
// controller of a MetalLB that was stopped by scaling it to nothing would stay
// so, if nobody asks for a number. Once it is ours, whoever scales it has it.
func awake(m *v1beta1.MetalLB, rendered, live operand.Object) operand.Object {
	ours, isDeployment := rendered.(*appsv1.Deployment)
	theirs, exists := live.(*appsv1.Deployment)
	if !isDeployment || !exists || ours.Spec.Replicas != nil || isOurs(theirs, m) {
		return rendered
	}
	if theirs.Spec.Replicas == nil || *theirs.Spec.Replicas > 0 {
		return rendered
	}
	ours = ours.DeepCopy()
	ours.Spec.Replicas = new(int32(1))
	return ours
}
