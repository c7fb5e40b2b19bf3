// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/event"
)

// order is what a component is asked to do.
type order struct {
	// uid and generation are those of the component's own object that was read,
	// zero if there is none.
	uid        types.UID
	generation int64
	// run and prepare are names of revisions.
	run, prepare string
}

// progress is how far a component has come with its order. It is a value: what
// it points to does not change.
type progress struct {
	order order
	// failure is why order.run cannot be run, or not all of it.
	failure error
	// prepared is the revision that could be run at once.
	prepared string
	// prepareFailure is why order.prepare could not be read.
	prepareFailure error
	// running is the revision that decides what the component does.
	running string
}

// The reasons of the conditions, the first three as in MetalLB.
const (
	// reasonReconciled: the component runs what it was asked to.
	reasonReconciled = "Reconciled"
	// reasonConfigurationError: what it was asked to run is of no use.
	reasonConfigurationError = "ConfigurationError"
	// reasonInfraError: what it was asked to run cannot be had.
	reasonInfraError = "InfraError"
	// reasonWaiting: it waits for something that comes by itself.
	reasonWaiting = "Waiting"
)

// nothingAsked is the message when no revision is named.
const nothingAsked = "waiting for the operator to name a revision in the ConfigurationState " + v1beta1.ConfigurationStateDefault

// transient reports whether it may all be different in a moment without
// anybody's doing.
func (p progress) transient() bool {
	if p.failure != nil {
		return !errors.Is(p.failure, ErrUnreadable)
	}
	return p.order.run == "" || p.running != p.order.run
}

// status puts it into words. The condition's time is left to who writes it.
func (p progress) status(condition string) v1beta1.ConfigurationStateStatus {
	c := metav1.Condition{Type: condition, ObservedGeneration: p.order.generation}
	s := v1beta1.ConfigurationStateStatus{Revision: p.running, PreparedRevision: p.prepared}
	var problems []string
	switch {
	case p.order.run == "":
		s.Result, c.Status, c.Reason, c.Message = v1beta1.ConfigurationUnknown, metav1.ConditionUnknown, reasonWaiting, nothingAsked
	case p.failure != nil:
		s.Result, c.Status, c.Reason, c.Message = v1beta1.ConfigurationInvalid, metav1.ConditionFalse, reasonOf(p.failure), p.explain()
	case p.running != p.order.run:
		s.Result, c.Status, c.Reason = v1beta1.ConfigurationUnknown, metav1.ConditionUnknown, reasonWaiting
		c.Message = fmt.Sprintf("on the way to the revision %s", p.order.run)
	default:
		s.Result, c.Status, c.Reason = v1beta1.ConfigurationValid, metav1.ConditionTrue, reasonReconciled
		c.Message = fmt.Sprintf("runs the revision %s", p.running)
	}
	if c.Status != metav1.ConditionTrue {
		problems = append(problems, c.Message)
	}
	if p.prepareFailure != nil {
		problems = append(problems, fmt.Sprintf("cannot get ready for the revision %s: %v: %s", p.order.prepare, p.prepareFailure, remedy(p.prepareFailure)))
	}
	c.Message = event.Cut(c.Message, maxMessage)
	s.ErrorSummary = event.Cut(strings.Join(problems, "\n"), maxMessage)
	s.Conditions = []metav1.Condition{c}
	return s
}

// maxMessage is how long a condition's message may be (metav1.Condition).
const maxMessage = 32768

// explain says what the failure means, and what to do.
func (p progress) explain() string {
	goesOn := "nothing runs"
	switch p.running {
	case "":
	case p.order.run:
		goesOn = "it runs without them, and peers that need one stay down"
	default:
		goesOn = fmt.Sprintf("the revision %s goes on", p.running)
	}
	return fmt.Sprintf("cannot run the revision %s: %v; %s: %s", p.order.run, p.failure, goesOn, remedy(p.failure))
}

func reasonOf(failure error) string {
	if errors.Is(failure, ErrUnreadable) || errors.Is(failure, ErrPasswordsLost) || apierrors.IsNotFound(failure) {
		return reasonConfigurationError
	}
	return reasonInfraError
}

// remedy says what to do about a failure to load a revision.
func remedy(failure error) string {
	switch {
	case errors.Is(failure, config.ErrUnknownFormat):
		return "bring this component to the version of the operator"
	case errors.Is(failure, ErrUnreadable):
		return "delete the ControllerRevision, and the operator stores it again"
	case errors.Is(failure, ErrPasswordsLost):
		return "correct the peers that are refused, see their condition " + v1beta1.ConditionAccepted
	case apierrors.IsNotFound(failure):
		return "the operator stores it again: see that it runs"
	case apierrors.IsForbidden(failure):
		return "apply the roles of the product again"
	}
	return "it is tried again"
}
