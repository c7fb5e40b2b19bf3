// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/configuration"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/event"
)

// The reasons of the condition Accepted, beside those of package config.
const (
	// reasonAccepted: the object is in force as it is.
	reasonAccepted = "Accepted"
	// reasonWarnings: it is in force, and the message says what to look at.
	reasonWarnings = "AcceptedWithWarnings"
	// reasonSeveral: it is refused for several kinds of reasons.
	reasonSeveral = "Refused"
)

// maxMessage is how long a condition's message may be (metav1.Condition).
const maxMessage = 32768

// condition puts a verdict and the warnings on an object into words.
func condition(v config.Verdict, warnings []config.Warning) metav1.Condition {
	c := metav1.Condition{
		Type: v1beta1.ConditionAccepted, Status: metav1.ConditionTrue, ObservedGeneration: v.Generation,
		Reason: reasonAccepted, Message: "The object is part of the configuration",
	}
	switch {
	case len(v.Errors) > 0:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, reasonOf(v.Errors), v.Message()
	case !v.Accepted():
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, standingReason(warnings), standingMessage(v)
	case len(warnings) > 0:
		c.Reason, c.Message = reasonWarnings, ""
	}
	for _, w := range warnings {
		c.Message = strings.TrimPrefix(c.Message+"; "+w.Problem.Error(), "; ")
	}
	c.Message = event.Cut(c.Message, maxMessage)
	return c
}

// reasonOf returns the reason that all errors share, or else that there are
// several.
func reasonOf(problems []config.Problem) string {
	for _, p := range problems[1:] {
		if p.Reason != problems[0].Reason {
			return reasonSeveral
		}
	}
	return string(problems[0].Reason)
}

// standingReason is why an object without errors is not in force as it is.
func standingReason(warnings []config.Warning) string {
	for _, w := range warnings {
		if w.Reason == config.ReasonSecretNotFound || w.Reason == config.ReasonSecretInvalid {
			return string(w.Reason)
		}
	}
	return string(config.ReasonSecretInvalid)
}

func standingMessage(v config.Verdict) string {
	if v.Standing == config.Previous {
		return fmt.Sprintf("running generation %d with its password", v.Running)
	}
	return "the session stays down until its password can be read"
}

// warnMetalLB tells as an event what of the MetalLB object has no effect, once
// for each new text. Its conditions belong to the lifecycle.
func (r *Reconciler) warnMetalLB(m *v1beta1.MetalLB, warnings []config.Warning) {
	text := ""
	for _, w := range warnings {
		text = strings.TrimPrefix(text+"; "+w.Problem.Error(), "; ")
	}
	if text != "" && text != r.warned && m != nil {
		r.recorder.Eventf(m, nil, corev1.EventTypeWarning, eventWarned, "ReadConfiguration", "%s", event.Note(text))
	}
	r.warned = text
}

// The reasons of events about configuration objects.
const (
	eventRefused  = "Refused"
	eventWarned   = "AcceptedWithWarnings"
	eventAccepted = "Accepted"
)

// record tells as an event that an object is refused, or has something to look
// at, or no longer. That an object is simply accepted is no news. What was said
// before is nil if nothing was.
func (r *Reconciler) record(object configuration.Object, c metav1.Condition, before *metav1.Condition) {
	kind, reason := corev1.EventTypeWarning, eventRefused
	switch {
	case c.Status == metav1.ConditionTrue && c.Reason == reasonWarnings:
		reason = eventWarned
	case c.Status == metav1.ConditionTrue && (before == nil || before.Reason == reasonAccepted):
		return
	case c.Status == metav1.ConditionTrue:
		kind, reason = corev1.EventTypeNormal, eventAccepted
	}
	r.recorder.Eventf(object.Object, nil, kind, reason, "ReadConfiguration", "%s", event.Note(c.Message))
}
