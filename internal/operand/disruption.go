// SPDX-License-Identifier: Apache-2.0

package operand

import (
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"metallb.io/metallb/api/v1beta1"
)

// disruptionBudget has no more than one controller evicted at a time, false if
// there is no other to take over: then it would only keep nodes from being
// drained. The speakers need none, as drains leave the pods of DaemonSets alone.
func disruptionBudget(m *v1beta1.MetalLB) (*policyv1.PodDisruptionBudget, bool) {
	if askedReplicas(m) < 2 {
		return nil, false
	}
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"},
		ObjectMeta: objectMeta(m, Controller),
		Spec: policyv1.PodDisruptionBudgetSpec{
			Selector:       &metav1.LabelSelector{MatchLabels: selector(Controller)},
			MaxUnavailable: new(intstr.FromInt32(1)),
			// Pods that do not work anyway are in nobody's way.
			UnhealthyPodEvictionPolicy: new(policyv1.AlwaysAllow),
		},
	}, true
}
