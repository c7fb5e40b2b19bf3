// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// urgency orders causes: what needs somebody's attention comes first.
type urgency int

const (
	failing  urgency = iota // waiting alone will not help
	starting                // it can be expected to become ready
	leaving                 // it is on its way out
)

// cause says why a pod is not ready.
type cause struct {
	urgency urgency
	text    string
}

// podCause returns why a pod is not ready, or reports that it is.
func podCause(pod *corev1.Pod) (c cause, ready bool) {
	readyCondition := podCondition(pod, corev1.PodReady)
	switch {
	case pod.DeletionTimestamp != nil:
		return cause{leaving, "is being deleted"}, false
	case readyCondition.Status == corev1.ConditionTrue:
		return cause{}, true
	case pod.Status.Phase == corev1.PodFailed:
		// Its workload replaces it.
		return cause{leaving, join(pod.Status.Reason, pod.Status.Message, "failed")}, false
	}
	if c := podCondition(pod, corev1.PodScheduled); c.Status == corev1.ConditionFalse {
		return cause{failing, join(c.Reason, c.Message, "not scheduled")}, false
	}
	for i := range pod.Status.ContainerStatuses {
		if c, ready := containerCause(&pod.Status.ContainerStatuses[i]); !ready {
			return c, false
		}
	}
	// The kubelet reports containers and pod together. When the pod alone is not
	// ready, somebody else has said so: the node controller, because the node is
	// silent.
	if podCondition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue && readyCondition.Status == corev1.ConditionFalse && readyCondition.Reason == "" {
		return cause{failing, "its node does not report"}, false
	}
	return cause{starting, join(readyCondition.Reason, readyCondition.Message, "starting")}, false
}

// containerCause returns why a container is not ready, or reports that it is.
func containerCause(status *corev1.ContainerStatus) (c cause, ready bool) {
	if status.Ready {
		return cause{}, true
	}
	terminated := status.State.Terminated
	if terminated == nil {
		terminated = status.LastTerminationState.Terminated
	}
	waiting := status.State.Waiting
	switch {
	case terminated != nil:
		// In a crash loop, a container waits, runs and ends in turn. It is
		// described in the same words throughout.
		reason := "CrashLoopBackOff"
		if status.RestartCount == 0 {
			reason = "Terminated"
		}
		end := fmt.Sprintf("exit code %d", terminated.ExitCode)
		if terminated.Reason != "" && terminated.Reason != "Error" {
			end = terminated.Reason + ", " + end
		}
		return cause{failing, join(reason+": "+end, lastLine(terminated.Message), "")}, false
	case waiting == nil:
		return cause{starting, "runs and is not ready"}, false
	case waiting.Reason == "" || waiting.Reason == "ContainerCreating" || waiting.Reason == "PodInitializing":
		return cause{starting, "starting"}, false
	default:
		return cause{failing, join(waiting.Reason, waiting.Message, "")}, false
	}
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return corev1.PodCondition{}
}

// join returns "reason: message", as far as there are any, or else otherwise.
func join(reason, message, otherwise string) string {
	message = clip(message)
	switch {
	case reason == "" && message == "":
		return otherwise
	case reason == "":
		return message
	case message == "":
		return reason
	}
	return reason + ": " + message
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// maxRunes is how much a message quotes of somebody else's.
const maxRunes = 300

// clip puts text on one line and cuts it to maxRunes.
func clip(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) <= maxRunes {
		return string(runes)
	}
	return string(runes[:maxRunes-1]) + "…"
}
