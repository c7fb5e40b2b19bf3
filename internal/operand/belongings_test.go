// SPDX-License-Identifier: Apache-2.0

package operand_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// What has no pods of its own makes the load balancer neither available nor
// unavailable, and is not to blame for the pods of the workload of its name.
func TestWhatHasNoPods(t *testing.T) {
	budget := operand.Observed{Kind: "PodDisruptionBudget", Name: operand.Controller, Object: &policyv1.PodDisruptionBudget{}}
	workloads := []operand.Observed{speakerSeen(3, 3), controllerSeen(1)}
	require.Equal(t, operand.Conditions(1, operand.Seen{Objects: workloads}), operand.Conditions(1, operand.Seen{Objects: append(workloads, budget)}))

	refused := operand.Observed{Kind: budget.Kind, Name: budget.Name, ApplyError: errors.New("not allowed")}
	waiting := pod(operand.Controller, "controller-1", "node1", func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}
	})
	conditions := operand.Conditions(1, operand.Seen{Objects: append(workloads, refused), Pods: []corev1.Pod{waiting}})
	require.True(t, meta.IsStatusConditionTrue(conditions, v1beta1.ConditionAvailable))
	degraded := meta.FindStatusCondition(conditions, v1beta1.ConditionDegraded)
	require.Equal(t, metav1.ConditionTrue, degraded.Status)
	require.Equal(t, "PodDisruptionBudget controller: does not exist; cannot be applied: not allowed", degraded.Message)
}
