// SPDX-License-Identifier: Apache-2.0

package operand

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// phase is where a workload stands.
type phase int

const (
	phaseSettled phase = iota // it is as it was asked for
	phaseRolling              // it is on its way there
	phaseFailing              // it does not get there by itself
)

// verdict is what there is to say about a workload, or what belongs to it.
type verdict struct {
	phase     phase
	available bool   // all the pods that are needed are ready
	summary   string // the workload and how many of its pods are ready
	detail    string // the same with the causes
}

func judge(o Observed, pods []corev1.Pod) verdict {
	name := o.Kind + " " + o.Name
	state, exists := progressOf(o.Object)

	v := verdict{summary: name + ": does not exist", phase: phaseRolling}
	if exists {
		v = state.verdict(name)
	}
	if !exists && o.Object != nil {
		v = verdict{summary: name + ": is there", phase: phaseSettled}
	}
	var (
		causes     []string
		anyFailing bool
	)
	if isWorkload(o.Kind) {
		causes, anyFailing = podCauses(o.Name, pods)
	}
	switch {
	case o.ApplyError != nil:
		// Its pods may be fine, but they are not those that were asked for.
		v.phase = phaseFailing
		causes = []string{"cannot be applied: " + clip(o.ApplyError.Error())}
	case v.phase == phaseRolling && anyFailing:
		v.phase = phaseFailing
	case v.phase == phaseSettled:
		causes = nil
	}
	v.detail = strings.Join(append([]string{v.summary}, causes...), "; ")
	return v
}

// isWorkload reports whether objects of a kind have pods. What else is rendered is
// there or not, and the load balancer is available either way.
func isWorkload(kind string) bool { return kind == "Deployment" || kind == "DaemonSet" }

// progress is what a workload reports of itself, whatever its kind.
type progress struct {
	deleting bool
	seen     bool // its controller has looked at it at least once
	current  bool // its controller has looked at its present spec
	desired  int32
	updated  int32 // pods made from the present spec
	outdated int32 // pods made from an earlier one
	ready    int32
	failure  string // what keeps its controller from making pods
	empty    string // what it means that no pods are desired
}

func progressOf(o Object) (progress, bool) {
	switch o := o.(type) {
	case *appsv1.Deployment:
		p := progress{
			deleting: o.DeletionTimestamp != nil,
			seen:     o.Status.ObservedGeneration > 0,
			current:  o.Status.ObservedGeneration >= o.Generation,
			desired:  1,
			updated:  o.Status.UpdatedReplicas,
			outdated: o.Status.Replicas - o.Status.UpdatedReplicas,
			ready:    o.Status.AvailableReplicas,
			empty:    "no pod is asked for: scale it (kubectl scale), or set spec.replicas",
		}
		if o.Spec.Replicas != nil {
			p.desired = *o.Spec.Replicas
		}
		for _, c := range o.Status.Conditions {
			if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
				p.failure = fmt.Sprintf("%s: %s", c.Reason, clip(c.Message))
			}
		}
		return p, true
	case *appsv1.DaemonSet:
		return progress{
			deleting: o.DeletionTimestamp != nil,
			seen:     o.Status.ObservedGeneration > 0,
			current:  o.Status.ObservedGeneration >= o.Generation,
			desired:  o.Status.DesiredNumberScheduled,
			updated:  o.Status.UpdatedNumberScheduled,
			outdated: o.Status.CurrentNumberScheduled - o.Status.UpdatedNumberScheduled,
			ready:    o.Status.NumberAvailable,
			empty:    "no node is eligible, by its labels (spec.nodeSelector) and taints (spec.speakerTolerations)",
		}, true
	}
	return progress{}, false
}

func (p progress) verdict(name string) verdict {
	switch {
	case p.deleting:
		return verdict{phase: phaseRolling, summary: name + ": is being deleted"}
	case !p.seen:
		return verdict{phase: phaseRolling, summary: name + ": waits for its first pods"}
	}

	v := verdict{
		available: p.ready >= p.desired && p.desired > 0,
		summary:   fmt.Sprintf("%s: %d of %d ready", name, p.ready, p.desired),
	}
	if p.updated < p.desired || p.outdated > 0 {
		v.summary += fmt.Sprintf(", %d of %d up to date", p.updated, p.desired)
	}
	if !p.current || p.updated < p.desired || p.outdated > 0 || p.ready < p.desired {
		v.phase = phaseRolling
	}
	switch {
	case p.failure != "":
		v.phase = phaseFailing
		v.summary += ", " + p.failure
	case p.current && p.desired == 0:
		v.summary = name + ": " + p.empty
	}
	return v
}

// maxCauses is how many pods a message names, so that it stays readable when
// the same cause stops thousands of them.
const maxCauses = 3

// podCauses describes the pods of a component that are not ready, the most
// urgent first, and reports whether any of them fails.
func podCauses(component string, pods []corev1.Pod) (texts []string, anyFailing bool) {
	var causes []cause
	for i := range pods {
		pod := &pods[i]
		if pod.Labels["component"] != component {
			continue
		}
		c, ready := podCause(pod)
		if ready {
			continue
		}
		where := "pod " + pod.Name
		if pod.Spec.NodeName != "" {
			where += " on " + pod.Spec.NodeName
		}
		causes = append(causes, cause{c.urgency, where + ": " + c.text})
		anyFailing = anyFailing || c.urgency == failing
	}
	slices.SortFunc(causes, func(a, b cause) int {
		return cmp.Or(cmp.Compare(a.urgency, b.urgency), cmp.Compare(a.text, b.text))
	})
	for _, c := range causes[:min(len(causes), maxCauses)] {
		texts = append(texts, c.text)
	}
	if more := len(causes) - maxCauses; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more pods", more))
	}
	return texts, anyFailing
}
