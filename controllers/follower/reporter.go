// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/worker"
)

const (
	// patience is how long what may pass by itself is not reported: else every
	// change would be reported twice.
	patience = time.Second
	// countInterval is how often what drains is counted at most, if nothing else is
	// to be reported: the counts change with each Service, and to count takes all
	// of them.
	countInterval = time.Second
)

// reporter writes how far the component has come to the status of its own
// ConfigurationState. It never makes that object: the operator does.
type reporter struct {
	*Follower
	// own reads the component's own ConfigurationState.
	own    client.Reader
	client client.StatusClient
	clock  func() time.Time

	// result is what there was to report when this was last looked at, and since
	// since when.
	result v1beta1.ConfigurationResult
	since  time.Time
	// countedAt is when what drains was counted last.
	countedAt time.Time
	// written is the answer to the last write of the status.
	written *v1beta1.ConfigurationState
	// said is the condition that was written last, to whichever object.
	said *metav1.Condition
}

// Reconcile implements reconcile.Reconciler.
func (r *reporter) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	state, err := r.latest(ctx)
	if err != nil || state == nil {
		return reconcile.Result{}, err // once it exists, there is an event
	}
	p := r.now()
	if p.order.uid != state.UID {
		return reconcile.Result{}, nil // the loader is about to read it
	}
	if wait := r.patienceLeft(p); wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, nil
	}

	current := r.ours(state)
	next := r.next(p, current)
	if r.options.Draining != nil && p.running != "" {
		now := r.clock()
		next.Draining = current.Draining
		if wait := countInterval - now.Sub(r.countedAt); wait > 0 && equality.Semantic.DeepEqual(current, next) {
			return reconcile.Result{RequeueAfter: wait}, nil
		}
		next.Draining, r.countedAt = r.options.Draining(), now
	}
	if equality.Semantic.DeepEqual(current, next) {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{}, r.write(ctx, state, next)
}

// latest returns the component's own object, nil if it does not exist: what the
// cache has, or the answer to our last write if that is newer.
func (r *reporter) latest(ctx context.Context) (*v1beta1.ConfigurationState, error) {
	state := new(v1beta1.ConfigurationState)
	err := r.own.Get(ctx, types.NamespacedName{Namespace: r.options.Namespace, Name: r.options.State}, state)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the ConfigurationState %s: %w", r.options.State, err)
	case r.written != nil && r.written.UID == state.UID && worker.IsOlder(state, r.written.ResourceVersion):
		return r.written, nil
	}
	return state, nil
}

// patienceLeft returns how long to wait for what may pass by itself.
func (r *reporter) patienceLeft(p progress) time.Duration {
	now := r.clock()
	if result := p.status(r.options.Condition).Result; r.result != result {
		r.result, r.since = result, now
	}
	if !p.transient() {
		return 0
	}
	return patience - now.Sub(r.since)
}

// ours returns what of a status is the component's to write here.
func (r *reporter) ours(state *v1beta1.ConfigurationState) v1beta1.ConfigurationStateStatus {
	s := v1beta1.ConfigurationStateStatus{
		Revision:         state.Status.Revision,
		PreparedRevision: state.Status.PreparedRevision,
		Result:           state.Status.Result,
		ErrorSummary:     state.Status.ErrorSummary,
		Draining:         state.Status.Draining,
	}
	if c := meta.FindStatusCondition(state.Status.Conditions, r.options.Condition); c != nil {
		s.Conditions = []metav1.Condition{*c}
	}
	return s
}

// next returns what to report, without the counts. The time of the condition changes only with its
// status, also when somebody has wiped the status or deleted the object.
func (r *reporter) next(p progress, current v1beta1.ConfigurationStateStatus) v1beta1.ConfigurationStateStatus {
	next := p.status(r.options.Condition)
	said := r.said
	if said == nil && len(current.Conditions) > 0 {
		said = &current.Conditions[0]
	}
	c := &next.Conditions[0]
	c.LastTransitionTime = metav1.NewTime(r.clock()).Rfc3339Copy()
	if said != nil && said.Status == c.Status {
		c.LastTransitionTime = said.LastTransitionTime
	}
	return next
}

// write reports. An object that is gone, or is another one by now, has an event
// on the way.
func (r *reporter) write(ctx context.Context, state *v1beta1.ConfigurationState, next v1beta1.ConfigurationStateStatus) error {
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&next)
	if err != nil {
		return fmt.Errorf("convert the status: %w", err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": status}}
	u.SetGroupVersionKind(v1beta1.GroupVersion.WithKind("ConfigurationState"))
	u.SetNamespace(state.Namespace)
	u.SetName(state.Name)
	u.SetUID(state.UID)
	err = r.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(r.options.FieldOwner), client.ForceOwnership)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return nil
	case err != nil:
		return fmt.Errorf("write the status of the ConfigurationState %s: %w", state.Name, err)
	}
	answer := new(v1beta1.ConfigurationState)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, answer); err != nil {
		return fmt.Errorf("read the API server's answer: %w", err)
	}
	r.written, r.said = answer, &next.Conditions[0]
	return nil
}
