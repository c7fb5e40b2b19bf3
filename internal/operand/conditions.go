// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
)

// The reasons of the conditions.
const (
	// ReasonAllReady: Available, because every pod that is needed is ready.
	ReasonAllReady = "AllReady"
	// ReasonNotReady: not Available, because something that is needed is not
	// ready.
	ReasonNotReady = "NotReady"
	// ReasonRollingOut: Progressing, because workloads have pods to start or to
	// replace.
	ReasonRollingOut = "RollingOut"
	// ReasonUpToDate: not Progressing, because nothing is left to do.
	ReasonUpToDate = "UpToDate"
	// ReasonBlocked: not Progressing, because what is left to do cannot be done.
	ReasonBlocked = "Blocked"
	// ReasonApplyFailed: Degraded, because the API server refused an object.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonPodsFailing: Degraded, because pods do not start, or do not stay up.
	ReasonPodsFailing = "PodsFailing"
	// ReasonCRDsOutdated: Degraded, because the CustomResourceDefinitions are those
	// of an earlier version.
	ReasonCRDsOutdated = "CRDsOutdated"
	// ReasonAsExpected: not Degraded, or Upgradeable.
	ReasonAsExpected = "AsExpected"
)

// Observed is what was last seen of one rendered object.
type Observed struct {
	// Kind and Name identify the object.
	Kind string
	Name string
	// Object is the object as the API server has it; nil if it does not exist.
	Object Object
	// ApplyError says why the object could not be brought to the rendered state.
	ApplyError error
}

// Refusal is why the operator itself leaves what it deploys as it is.
type Refusal struct {
	// Reason is that of the condition Degraded.
	Reason string
	// Message names what is in the way, and the remedy.
	Message string
}

// Seen is what was last seen of a load balancer.
type Seen struct {
	Objects []Observed
	// Pods are those that PodLabels select; they are only used to name causes.
	Pods []corev1.Pod
	// Refusal is why nothing is applied, nil if all is.
	Refusal *Refusal
}

// Conditions judges what was seen of what a MetalLB object of the given
// generation asks for.
//
// Available is true when every workload has all its pods ready. Of what is not
// as the spec asks for, each part is either Progressing or Degraded, depending on
// whether it can be expected to come about by itself. The messages name the
// workloads and pods. It is Upgradeable unless it is Progressing: one change of the
// pods is finished before the next. LastTransitionTime is left to the caller.
func Conditions(generation int64, seen Seen) []metav1.Condition {
	var all, unavailable, rolling, failing []string
	degradedReason := ReasonPodsFailing
	for _, o := range seen.Objects {
		v := judge(o, seen.Pods)
		if isWorkload(o.Kind) {
			all = append(all, v.summary)
			if !v.available {
				unavailable = append(unavailable, v.summary)
			}
		}
		switch v.phase {
		case phaseRolling:
			rolling = append(rolling, v.detail)
		case phaseFailing:
			failing = append(failing, v.detail)
		}
		if o.ApplyError != nil {
			degradedReason = ReasonApplyFailed
		}
	}

	if seen.Refusal != nil {
		degradedReason = seen.Refusal.Reason
		failing = append([]string{seen.Refusal.Message}, failing...)
	}

	condition := func(kind string, status metav1.ConditionStatus, reason string, messages ...string) metav1.Condition {
		return metav1.Condition{
			Type:               kind,
			Status:             status,
			ObservedGeneration: generation,
			Reason:             reason,
			Message:            strings.Join(messages, "; "),
		}
	}

	available := condition(v1beta1.ConditionAvailable, metav1.ConditionTrue, ReasonAllReady, all...)
	if len(unavailable) > 0 {
		available = condition(v1beta1.ConditionAvailable, metav1.ConditionFalse, ReasonNotReady, unavailable...)
	}

	progressing := condition(v1beta1.ConditionProgressing, metav1.ConditionFalse, ReasonUpToDate, "Every workload is as the spec asks for")
	switch {
	case len(rolling) > 0:
		progressing = condition(v1beta1.ConditionProgressing, metav1.ConditionTrue, ReasonRollingOut, rolling...)
	case len(failing) > 0:
		progressing = condition(v1beta1.ConditionProgressing, metav1.ConditionFalse, ReasonBlocked, "The condition Degraded says what is in the way")
	}

	degraded := condition(v1beta1.ConditionDegraded, metav1.ConditionFalse, ReasonAsExpected, "Nothing is in the way of what the spec asks for")
	if len(failing) > 0 {
		degraded = condition(v1beta1.ConditionDegraded, metav1.ConditionTrue, degradedReason, failing...)
	}

	upgradeable := condition(v1beta1.ConditionUpgradeable, metav1.ConditionTrue, ReasonAsExpected, "A newer operator may take over")
	if progressing.Status == metav1.ConditionTrue {
		upgradeable = condition(v1beta1.ConditionUpgradeable, metav1.ConditionFalse, progressing.Reason, "An earlier change is still on its way: the condition Progressing says how far it is")
	}
	return []metav1.Condition{available, progressing, degraded, upgradeable}
}
