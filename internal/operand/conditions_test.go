// SPDX-License-Identifier: Apache-2.0

package operand_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/operand"
)

// controllerSeen is the controller's Deployment with so many ready pods.
func controllerSeen(ready int32) operand.Observed {
	return operand.Observed{Kind: "Deployment", Name: operand.Controller, Object: &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Generation: 2},
		Spec:       appsv1.DeploymentSpec{Replicas: new(int32(1))},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: ready},
	}}
}

// speakerSeen is the speakers' DaemonSet with so many up to date and ready of
// three pods.
func speakerSeen(updated, ready int32) operand.Observed {
	return operand.Observed{Kind: "DaemonSet", Name: operand.Speaker, Object: &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Generation: 5},
		Status: appsv1.DaemonSetStatus{
			ObservedGeneration: 5, DesiredNumberScheduled: 3, CurrentNumberScheduled: 3,
			UpdatedNumberScheduled: updated, NumberAvailable: ready,
		},
	}}
}

func daemonSet(o operand.Observed, change func(*appsv1.DaemonSet)) operand.Observed {
	change(o.Object.(*appsv1.DaemonSet))
	return o
}

func deployment(o operand.Observed, change func(*appsv1.Deployment)) operand.Observed {
	change(o.Object.(*appsv1.Deployment))
	return o
}

// pod is a pod of a component that runs on a node and is ready, until changed.
func pod(component, name, node string, changes ...func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "metallb", "component": component}},
		Spec:       corev1.PodSpec{NodeName: node},
		Status: corev1.PodStatus{
			Phase:             corev1.PodRunning,
			ContainerStatuses: []corev1.ContainerStatus{{Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
		},
	}
	setCondition(&p, corev1.PodScheduled, corev1.ConditionTrue)
	setCondition(&p, corev1.ContainersReady, corev1.ConditionTrue)
	setCondition(&p, corev1.PodReady, corev1.ConditionTrue)
	for _, change := range changes {
		change(&p)
	}
	return p
}

func setCondition(p *corev1.Pod, kind corev1.PodConditionType, status corev1.ConditionStatus) {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			p.Status.Conditions[i].Status = status
			return
		}
	}
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: kind, Status: status})
}

// inState puts a pod's container, which is not ready, into a state.
func inState(restarts int32, state, last corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: state, LastTerminationState: last, RestartCount: restarts}}
		setCondition(p, corev1.ContainersReady, corev1.ConditionFalse)
		setCondition(p, corev1.PodReady, corev1.ConditionFalse)
	}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func running() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func terminated(code int32, reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}}
}

func unschedulable(p *corev1.Pod) {
	p.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
		Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes are available:\n 3 node(s) had untolerated taint(s).",
	}}}
}

func silentNode(p *corev1.Pod) { setCondition(p, corev1.PodReady, corev1.ConditionFalse) }

func TestConditions(t *testing.T) {
	const (
		notDegraded = "Degraded=False AsExpected: Nothing is in the way of what the spec asks for"
		upToDate    = "Progressing=False UpToDate: Every workload is as the spec asks for"
		blocked     = "Progressing=False Blocked: The condition Degraded says what is in the way"
	)
	for _, tc := range []struct {
		name     string
		observed []operand.Observed
		pods     []corev1.Pod
		want     []string
	}{
		{
			name:     "everything runs",
			observed: []operand.Observed{controllerSeen(1), speakerSeen(3, 3)},
			pods:     []corev1.Pod{pod("speaker", "s1", "node1")},
			want: []string{
				"Available=True AllReady: Deployment controller: 1 of 1 ready; DaemonSet speaker: 3 of 3 ready",
				upToDate, notDegraded,
			},
		},
		{
			name: "just created",
			observed: []operand.Observed{
				{Kind: "Deployment", Name: "controller", Object: &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 1}}},
				{Kind: "DaemonSet", Name: "speaker", Object: &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Generation: 1}}},
			},
			want: []string{
				"Available=False NotReady: Deployment controller: waits for its first pods; DaemonSet speaker: waits for its first pods",
				"Progressing=True RollingOut: Deployment controller: waits for its first pods; DaemonSet speaker: waits for its first pods",
				notDegraded,
			},
		},
		{
			name:     "pods start",
			observed: []operand.Observed{controllerSeen(0), speakerSeen(3, 2)},
			pods: []corev1.Pod{
				pod("speaker", "s1", "node1"),
				pod("speaker", "s0", "node2", func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) }),
				pod("speaker", "s2", "node2", inState(0, waiting("ContainerCreating", ""), corev1.ContainerState{})),
				pod("controller", "c1", "node3", inState(0, running(), corev1.ContainerState{})),
			},
			want: []string{
				"Available=False NotReady: Deployment controller: 0 of 1 ready; DaemonSet speaker: 2 of 3 ready",
				"Progressing=True RollingOut: Deployment controller: 0 of 1 ready; pod c1 on node3: runs and is not ready; DaemonSet speaker: 2 of 3 ready; pod s2 on node2: starting; pod s0 on node2: is being deleted",
				notDegraded,
			},
		},
		{
			name:     "a roll-out with all pods ready",
			observed: []operand.Observed{controllerSeen(1), speakerSeen(1, 3)},
			want: []string{
				"Available=True AllReady: Deployment controller: 1 of 1 ready; DaemonSet speaker: 3 of 3 ready, 1 of 3 up to date",
				"Progressing=True RollingOut: DaemonSet speaker: 3 of 3 ready, 1 of 3 up to date",
				notDegraded,
			},
		},
		{
			name: "a new spec that nobody has looked at",
			observed: []operand.Observed{
				controllerSeen(1),
				daemonSet(speakerSeen(3, 3), func(d *appsv1.DaemonSet) { d.Generation = 6 }),
			},
			want: []string{
				"Available=True AllReady: Deployment controller: 1 of 1 ready; DaemonSet speaker: 3 of 3 ready",
				"Progressing=True RollingOut: DaemonSet speaker: 3 of 3 ready",
				notDegraded,
			},
		},
		{
			name:     "an image that cannot be pulled",
			observed: []operand.Observed{controllerSeen(1), speakerSeen(3, 2)},
			pods: []corev1.Pod{
				pod("controller", "c1", "node1"),
				pod("speaker", "speaker-abc", "node2", inState(0, waiting("ImagePullBackOff", `Back-off pulling image "x"`), corev1.ContainerState{})),
			},
			want: []string{
				"Available=False NotReady: DaemonSet speaker: 2 of 3 ready",
				blocked,
				`Degraded=True PodsFailing: DaemonSet speaker: 2 of 3 ready; pod speaker-abc on node2: ImagePullBackOff: Back-off pulling image "x"`,
			},
		},
		{
			name:     "a crash, seen while the container waits",
			observed: []operand.Observed{controllerSeen(0), speakerSeen(3, 3)},
			pods: []corev1.Pod{pod("controller", "c1", "node1",
				inState(3, waiting("CrashLoopBackOff", "back-off 40s"), terminated(1, "Error", "starting\nno permission to list services\n")))},
			want: []string{
				"Available=False NotReady: Deployment controller: 0 of 1 ready",
				blocked,
				"Degraded=True PodsFailing: Deployment controller: 0 of 1 ready; pod c1 on node1: CrashLoopBackOff: exit code 1: no permission to list services",
			},
		},
		{
			name:     "the same crash, seen while the container runs again",
			observed: []operand.Observed{controllerSeen(0), speakerSeen(3, 3)},
			pods: []corev1.Pod{pod("controller", "c1", "node1",
				inState(3, running(), terminated(1, "Error", "starting\nno permission to list services\n")))},
			want: []string{
				"Available=False NotReady: Deployment controller: 0 of 1 ready",
				blocked,
				"Degraded=True PodsFailing: Deployment controller: 0 of 1 ready; pod c1 on node1: CrashLoopBackOff: exit code 1: no permission to list services",
			},
		},
		{
			name:     "out of memory",
			observed: []operand.Observed{controllerSeen(0), speakerSeen(3, 3)},
			pods:     []corev1.Pod{pod("controller", "c1", "node1", inState(0, terminated(137, "OOMKilled", ""), corev1.ContainerState{}))},
			want: []string{
				"Available=False NotReady: Deployment controller: 0 of 1 ready",
				blocked,
				"Degraded=True PodsFailing: Deployment controller: 0 of 1 ready; pod c1 on node1: Terminated: OOMKilled, exit code 137",
			},
		},
		{
			name:     "no place, while the speakers roll out",
			observed: []operand.Observed{controllerSeen(0), speakerSeen(2, 3)},
			pods:     []corev1.Pod{pod("controller", "c1", "", unschedulable)},
			want: []string{
				"Available=False NotReady: Deployment controller: 0 of 1 ready",
				"Progressing=True RollingOut: DaemonSet speaker: 3 of 3 ready, 2 of 3 up to date",
				"Degraded=True PodsFailing: Deployment controller: 0 of 1 ready; pod c1: Unschedulable: 0/3 nodes are available: 3 node(s) had untolerated taint(s).",
			},
		},
		{
			name:     "a dead node",
			observed: []operand.Observed{controllerSeen(1), speakerSeen(3, 2)},
			pods:     []corev1.Pod{pod("speaker", "s1", "node1"), pod("speaker", "s2", "node2", silentNode)},
			want: []string{
				"Available=False NotReady: DaemonSet speaker: 2 of 3 ready",
				blocked,
				"Degraded=True PodsFailing: DaemonSet speaker: 2 of 3 ready; pod s2 on node2: its node does not report",
			},
		},
		{
			name: "pods that may not be made",
			observed: []operand.Observed{
				deployment(controllerSeen(0), func(d *appsv1.Deployment) {
					d.Status.UpdatedReplicas, d.Status.Replicas = 0, 0
					d.Status.Conditions = []appsv1.DeploymentCondition{{
						Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "exceeded quota",
					}}
				}),
				speakerSeen(3, 3),
			},
			want: []string{
				"Available=False NotReady: Deployment controller: 0 of 1 ready, 0 of 1 up to date, FailedCreate: exceeded quota",
				blocked,
				"Degraded=True PodsFailing: Deployment controller: 0 of 1 ready, 0 of 1 up to date, FailedCreate: exceeded quota",
			},
		},
		{
			name: "no node for a speaker",
			observed: []operand.Observed{
				controllerSeen(1),
				daemonSet(speakerSeen(0, 0), func(d *appsv1.DaemonSet) {
					d.Status.DesiredNumberScheduled, d.Status.CurrentNumberScheduled = 0, 0
				}),
			},
			want: []string{
				"Available=False NotReady: DaemonSet speaker: no node is eligible, by its labels (spec.nodeSelector) and taints (spec.speakerTolerations)",
				upToDate, notDegraded,
			},
		},
		{
			name: "scaled to two controllers",
			observed: []operand.Observed{
				deployment(controllerSeen(1), func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(2)) }),
				speakerSeen(3, 3),
			},
			want: []string{
				"Available=False NotReady: Deployment controller: 1 of 2 ready, 1 of 2 up to date",
				"Progressing=True RollingOut: Deployment controller: 1 of 2 ready, 1 of 2 up to date",
				notDegraded,
			},
		},
		{
			name: "scaled to no controller",
			observed: []operand.Observed{
				deployment(controllerSeen(0), func(d *appsv1.Deployment) {
					d.Spec.Replicas = new(int32(0))
					d.Status.Replicas, d.Status.UpdatedReplicas = 0, 0
				}),
				speakerSeen(3, 3),
			},
			want: []string{
				"Available=False NotReady: Deployment controller: no pod is asked for: scale it (kubectl scale), or set spec.replicas",
				upToDate, notDegraded,
			},
		},
		{
			name: "refused by the API server, and running as before",
			observed: []operand.Observed{
				controllerSeen(1),
				withApplyError(speakerSeen(3, 3), errors.New(`daemonsets.apps "speaker" is forbidden`)),
			},
			want: []string{
				"Available=True AllReady: Deployment controller: 1 of 1 ready; DaemonSet speaker: 3 of 3 ready",
				blocked,
				`Degraded=True ApplyFailed: DaemonSet speaker: 3 of 3 ready; cannot be applied: daemonsets.apps "speaker" is forbidden`,
			},
		},
		{
			name: "refused by the API server, and absent",
			observed: []operand.Observed{
				controllerSeen(1),
				{Kind: "DaemonSet", Name: "speaker", ApplyError: errors.New("refused")},
			},
			want: []string{
				"Available=False NotReady: DaemonSet speaker: does not exist",
				blocked,
				`Degraded=True ApplyFailed: DaemonSet speaker: does not exist; cannot be applied: refused`,
			},
		},
		{
			name: "being deleted by hand",
			observed: []operand.Observed{
				controllerSeen(1),
				daemonSet(speakerSeen(3, 3), func(d *appsv1.DaemonSet) { d.DeletionTimestamp = new(metav1.Now()) }),
			},
			want: []string{
				"Available=False NotReady: DaemonSet speaker: is being deleted",
				"Progressing=True RollingOut: DaemonSet speaker: is being deleted",
				notDegraded,
			},
		},
		{
			name:     "more failing pods than a message can hold",
			observed: []operand.Observed{controllerSeen(1), speakerSeen(3, 0)},
			pods: []corev1.Pod{
				pod("speaker", "s0", "node0", inState(0, waiting("ContainerCreating", ""), corev1.ContainerState{})),
				pod("speaker", "s4", "node4", silentNode), pod("speaker", "s3", "node3", silentNode),
				pod("speaker", "s2", "node2", silentNode), pod("speaker", "s1", "node1", silentNode),
			},
			want: []string{
				"Available=False NotReady: DaemonSet speaker: 0 of 3 ready",
				blocked,
				"Degraded=True PodsFailing: DaemonSet speaker: 0 of 3 ready; pod s1 on node1: its node does not report; " +
					"pod s2 on node2: its node does not report; pod s3 on node3: its node does not report; and 2 more pods",
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conditions := operand.Conditions(7, operand.Seen{Objects: tc.observed, Pods: tc.pods})
			var got []string
			require.Len(t, conditions, 4)
			for _, c := range conditions[:3] {
				got = append(got, fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
				require.Equal(t, int64(7), c.ObservedGeneration)
				require.True(t, c.LastTransitionTime.IsZero(), "the clock is the caller's")
				require.Regexp(t, regexp.MustCompile(`^[A-Z][A-Za-z]*$`), c.Reason)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func withApplyError(o operand.Observed, err error) operand.Observed {
	o.ApplyError = err
	return o
}

func TestConditionsQuoteNoNovels(t *testing.T) {
	failing := pod("speaker", "s1", "node1", inState(0, waiting("CreateContainerError", strings.Repeat("ä ", 10_000)), corev1.ContainerState{}))
	for _, c := range operand.Conditions(1, operand.Seen{Objects: []operand.Observed{speakerSeen(3, 2)}, Pods: []corev1.Pod{failing}}) {
		require.Less(t, len(c.Message), 1000)
	}
}

func TestUpgradeableUnlessProgressing(t *testing.T) {
	upgradeable := func(seen operand.Seen) metav1.Condition {
		return *meta.FindStatusCondition(operand.Conditions(1, seen), v1beta1.ConditionUpgradeable)
	}
	require.Equal(t, metav1.ConditionTrue, upgradeable(operand.Seen{Objects: []operand.Observed{speakerSeen(3, 3)}}).Status)
	rolling := upgradeable(operand.Seen{Objects: []operand.Observed{speakerSeen(3, 2)}})
	require.Equal(t, metav1.ConditionFalse, rolling.Status)
	require.Equal(t, operand.ReasonRollingOut, rolling.Reason)
}

// TestWhatIsRefusedIsToldFirst, with what runs all the same.
func TestWhatIsRefusedIsToldFirst(t *testing.T) {
	conditions := operand.Conditions(1, operand.Seen{
		Objects: []operand.Observed{speakerSeen(3, 3)},
		Refusal: &operand.Refusal{Reason: operand.ReasonCRDsOutdated, Message: "a is outdated"},
	})
	require.Equal(t, metav1.ConditionTrue, meta.FindStatusCondition(conditions, v1beta1.ConditionAvailable).Status)
	degraded := meta.FindStatusCondition(conditions, v1beta1.ConditionDegraded)
	require.Equal(t, metav1.ConditionTrue, degraded.Status)
	require.Equal(t, operand.ReasonCRDsOutdated, degraded.Reason)
	require.Equal(t, "a is outdated", degraded.Message)
	require.Equal(t, operand.ReasonBlocked, meta.FindStatusCondition(conditions, v1beta1.ConditionProgressing).Reason)
}
