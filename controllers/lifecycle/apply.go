// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/operand"
)

// applied is what is known of the last time that an object was applied.
type applied struct {
	rendered operand.Object // what was sent
	answer   operand.Object // what the API server made of it
}

// apply brings one object to its rendered state and returns what it is then.
//
// An object is sent when what is rendered has changed, and when the object has
// changed in anything but its status since it was sent, by whomever and in
// whatever field: whether that matters, the API server knows best. If it does
// not, applying writes nothing, and the object as it is now is remembered.
func (r *Reconciler) apply(ctx context.Context, m *v1beta1.MetalLB, rendered operand.Object) operand.Observed {
	kind := rendered.GetObjectKind().GroupVersionKind().Kind
	seen := operand.Observed{Kind: kind, Name: rendered.GetName()}

	live, err := r.get(ctx, rendered)
	if err != nil {
		seen.ApplyError = err
		return seen
	}
	key := keyOf(kind, rendered)
	last, sentBefore := r.applied[key]
	if live != nil && sentBefore && worker.IsOlder(live, last.answer.GetResourceVersion()) {
		live = last.answer
	}
	if live != nil {
		seen.Object = live
		unchanged := sentBefore && equality.Semantic.DeepEqual(rendered, last.rendered) && sameButStatus(live, last.answer)
		if unchanged || live.GetDeletionTimestamp() != nil {
			return seen
		}
	}

	rendered = awake(m, rendered, live)
	answer, err := r.send(ctx, rendered)
	if err != nil {
		seen.ApplyError = err
		return seen
	}
	r.applied[key] = applied{rendered: rendered, answer: answer}
	seen.Object = answer
	r.recordApplied(ctx, m, rendered, live, last, answer)
	return seen
}

// keyOf returns what an object is known by.
func keyOf(kind string, o metav1.Object) string { return kind + " " + o.GetName() }

// get returns the object as the cache has it, or nil if there is none.
func (r *Reconciler) get(ctx context.Context, rendered operand.Object) (operand.Object, error) {
	live, err := newLike(rendered)
	if err != nil {
		return nil, err
	}
	if err := r.client.Get(ctx, client.ObjectKeyFromObject(rendered), live); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return live, nil
}

// send applies an object and returns the answer.
func (r *Reconciler) send(ctx context.Context, rendered operand.Object) (operand.Object, error) {
	u, err := operand.Unstructured(rendered)
	if err != nil {
		return nil, err
	}
	if err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(operand.ManagedBy), client.ForceOwnership); err != nil {
		return nil, err
	}
	answer, err := newLike(rendered)
	if err != nil {
		return nil, err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, answer); err != nil {
		return nil, fmt.Errorf("read the API server's answer: %w", err)
	}
	return answer, nil
}

func newLike(o operand.Object) (operand.Object, error) {
	switch o.(type) {
	case *appsv1.Deployment:
		return &appsv1.Deployment{}, nil
	case *appsv1.DaemonSet:
		return &appsv1.DaemonSet{}, nil
	case *networkingv1.NetworkPolicy:
		return &networkingv1.NetworkPolicy{}, nil
	case *policyv1.PodDisruptionBudget:
		return &policyv1.PodDisruptionBudget{}, nil
	}
	return nil, fmt.Errorf("objects of type %T are not deployed", o)
}

// sameButStatus reports whether two states of an object differ in nothing that
// applying could set right.
func sameButStatus(a, b operand.Object) bool {
	return equality.Semantic.DeepEqual(withoutStatus(a), withoutStatus(b))
}

func withoutStatus(o operand.Object) runtime.Object {
	c := o.DeepCopyObject()
	if object, ok := c.(operand.Object); ok {
		object.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		object.SetManagedFields(nil)
		object.SetResourceVersion("")
		object.SetGeneration(0)
	}
	switch c := c.(type) {
	case *appsv1.Deployment:
		c.Status = appsv1.DeploymentStatus{}
	case *appsv1.DaemonSet:
		c.Status = appsv1.DaemonSetStatus{}
	case *policyv1.PodDisruptionBudget:
		c.Status = policyv1.PodDisruptionBudgetStatus{}
	}
	return c
}

// recordApplied tells what applying an object has changed, if anything.
func (r *Reconciler) recordApplied(ctx context.Context, m *v1beta1.MetalLB, rendered, live operand.Object, last applied, answer operand.Object) {
	what := rendered.GetObjectKind().GroupVersionKind().Kind + " " + rendered.GetName()
	var reason, note string
	switch {
	case live == nil && last.answer == nil:
		reason, note = "Created", "Created "+what
	case live == nil && last.answer.GetUID() != answer.GetUID():
		reason, note = "Repaired", "Created "+what+" again, which had been deleted"
	case live == nil || sameButStatus(live, answer):
		return
	case equality.Semantic.DeepEqual(rendered, last.rendered):
		reason, note = "Repaired", "Undid a change of "+what+" that was not made by the operator"
	default:
		reason, note = "Updated", "Updated "+what
	}
	log.FromContext(ctx).Info(note, "generation", m.Generation, "resourceVersion", answer.GetResourceVersion())
	r.recorder.Eventf(m, answer, corev1.EventTypeNormal, reason, "Apply", "%s", note)
}
