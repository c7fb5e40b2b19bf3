// SPDX-License-Identifier: Apache-2.0

// Package preflight tells on the MetalLB object what around the load balancer is
// likely to keep it from working. It warns, and blocks nothing.
package preflight

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/condition"
	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/preflight"
)

// fieldOwner is the field manager of the condition.
const fieldOwner = "metallb-operator-preflight"

// reasonNothingFound is that of the condition when there is nothing to tell.
const reasonNothingFound = "NothingFound"

// lookPeriod is how long it takes until what is not watched, and is in the way, is
// looked at again.
const lookPeriod = time.Minute

// maxFindings is how many findings the condition tells.
const maxFindings = 8

// Reconciler keeps the condition PreflightPassed. It must not be run by more than
// one worker at a time.
type Reconciler struct {
	client client.Client
	// live reads from the API server, past the cache, what is not watched.
	live       client.Reader
	recorder   events.EventRecorder
	namespace  string
	conditions *condition.Writer

	now func() time.Time
	// around is what is not watched. It is read for a state of the MetalLB object,
	// and again while it is in the way.
	around    *preflight.Surroundings
	aroundFor generation
	lookedAt  time.Time
}

// NewReconciler returns a Reconciler for a namespace. live asks the API server.
func NewReconciler(c client.Client, live client.Reader, recorder events.EventRecorder, namespace string) *Reconciler {
	return &Reconciler{client: c, live: live, recorder: recorder, namespace: namespace, conditions: condition.NewWriter(c, fieldOwner), now: time.Now}
}

// Reconcile implements reconcile.Reconciler. It is called when the MetalLB object,
// a pool or a node changes, and just because time has passed only while something
// that is not watched is in the way.
func (r *Reconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	m, err := r.conditions.Get(ctx, r.namespace)
	if m == nil || err != nil {
		return reconcile.Result{}, err
	}
	now := r.now()
	found, around, err := r.check(ctx, m, now)
	if around && now.Sub(r.lookedAt) >= lookPeriod {
		r.around = nil // it may be gone by now
		found, around, err = r.check(ctx, m, now)
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	var result reconcile.Result
	if around {
		result.RequeueAfter = lookPeriod - now.Sub(r.lookedAt)
	}
	next := verdict(found)
	written, err := r.conditions.Write(ctx, m, next)
	if written && next.Status == metav1.ConditionFalse {
		log.FromContext(ctx).Info("Found what is likely to be in the way", "reason", next.Reason, "message", next.Message)
		r.recorder.Eventf(m, nil, corev1.EventTypeWarning, next.Reason, "Preflight", "%s", event.Note(next.Message))
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	return result, nil
}

// check returns what is found at a time, and whether any of it lies in what is not
// watched.
func (r *Reconciler) check(ctx context.Context, m *v1beta1.MetalLB, now time.Time) (found []preflight.Finding, around bool, err error) {
	view, err := r.view(ctx, m, now)
	if err != nil {
		return nil, false, err
	}
	found = preflight.Check(view)
	view.Surroundings = preflight.Surroundings{}
	return found, len(preflight.Check(view)) < len(found), nil
}

// verdict puts findings into a condition.
func verdict(found []preflight.Finding) metav1.Condition {
	if len(found) == 0 {
		return metav1.Condition{
			Type: v1beta1.ConditionPreflightPassed, Status: metav1.ConditionTrue,
			Reason: reasonNothingFound, Message: "Nothing was found that keeps the load balancer from working",
		}
	}
	var texts []string
	for i, f := range found {
		if i == maxFindings {
			texts = append(texts, fmt.Sprintf("and %d more", len(found)-i))
			break
		}
		texts = append(texts, f.Message)
	}
	return metav1.Condition{
		Type: v1beta1.ConditionPreflightPassed, Status: metav1.ConditionFalse,
		Reason: string(found[0].Reason), Message: strings.Join(texts, "; "),
	}
}
