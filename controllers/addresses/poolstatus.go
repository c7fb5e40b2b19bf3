// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/event"
)

// The reasons of the condition NearlyExhausted.
const (
	reasonThresholdReached = "ThresholdReached"
	reasonBelowThreshold   = "BelowThreshold"
)

// slimPool drops from an IPAddressPool all but the status, and what it takes to
// write that: the configuration that counts is the revision.
func slimPool(in any) (any, error) {
	pool, ok := in.(*v1beta1.IPAddressPool)
	if !ok {
		return in, nil
	}
	return &v1beta1.IPAddressPool{
		ObjectMeta: metav1.ObjectMeta{Namespace: pool.Namespace, Name: pool.Name, UID: pool.UID, ResourceVersion: pool.ResourceVersion},
		Status:     pool.Status,
	}, nil
}

// poolReconciler shows on each IPAddressPool what becomes of its addresses. The
// condition Accepted on the same objects is the operator's, and not touched.
type poolReconciler struct {
	client client.Client
	events events.EventRecorder
	census *census
	now    func() time.Time

	// shown has the last write for each pool: what the cache has may be older.
	shown map[types.NamespacedName]shown
}

// newPoolReconciler returns one that has shown nothing yet.
func newPoolReconciler(c client.Client, recorder events.EventRecorder, census *census) *poolReconciler {
	return &poolReconciler{client: c, events: recorder, census: census, now: census.ledger.now, shown: make(map[types.NamespacedName]shown)}
}

// shown is a write of a pool's status.
type shown struct {
	uid             types.UID
	resourceVersion string // that it led to
	// sent is what was written, and left what the answer has: more, if somebody
	// else had written some of it before.
	sent, left v1beta1.IPAddressPoolStatus
}

// Reconcile implements reconcile.Reconciler.
func (r *poolReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	u, ok := r.census.of(req.Name)
	if !ok {
		return ctrl.Result{}, nil // every pool is looked at once it is counted
	}
	pool := new(v1beta1.IPAddressPool)
	if err := r.client.Get(ctx, req.NamespacedName, pool); err != nil {
		delete(r.shown, req.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	last, known := r.shown[req.NamespacedName]
	known = known && last.uid == pool.UID // or else it was another object of the same name
	current := countersOf(&pool.Status)
	if known && worker.IsOlder(pool, last.resourceVersion) {
		current = last.left
	}
	// That somebody has wiped the condition is no news, so its time goes by what was
	// said here last.
	said := exhaustionOf(&current)
	if known {
		said = exhaustionOf(&last.sent)
	}
	next := u.status(said, r.now())
	if equality.Semantic.DeepEqual(current, next) ||
		known && equality.Semantic.DeepEqual(last.sent, next) && equality.Semantic.DeepEqual(last.left, current) {
		return ctrl.Result{}, nil
	}
	answer, err := r.write(ctx, pool, next)
	if err != nil || answer == nil {
		return ctrl.Result{}, err
	}
	r.shown[req.NamespacedName] = shown{uid: pool.UID, resourceVersion: answer.ResourceVersion, sent: next, left: countersOf(&answer.Status)}
	if c := exhaustionOf(&next); isTrue(c) && !isTrue(said) {
		r.events.Eventf(pool, nil, corev1.EventTypeWarning, v1beta1.ConditionNearlyExhausted, c.Reason, "%s", event.Note(c.Message))
	}
	return ctrl.Result{}, nil
}

// status returns what there is to show. The time of the condition is that of what
// was said before, as long as its status is the same.
func (u *usage) status(said *metav1.Condition, now time.Time) v1beta1.IPAddressPoolStatus {
	if !u.inForce {
		return v1beta1.IPAddressPoolStatus{}
	}
	c := metav1.Condition{
		Type: v1beta1.ConditionNearlyExhausted, Status: metav1.ConditionFalse, Reason: reasonBelowThreshold,
		Message: fmt.Sprintf("Less than %d%% of the addresses of each family are in use", u.percent),
	}
	if text := u.exhaustion(); text != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, reasonThresholdReached, text
	}
	c.LastTransitionTime = metav1.NewTime(now).Rfc3339Copy()
	if said != nil && said.Status == c.Status {
		c.LastTransitionTime = said.LastTransitionTime
	}
	return v1beta1.IPAddressPoolStatus{
		AssignedIPv4: &u.v4.Assigned, AvailableIPv4: &u.v4.Available, DrainingIPv4: &u.v4.Draining,
		AssignedIPv6: &u.v6.Assigned, AvailableIPv6: &u.v6.Available, DrainingIPv6: &u.v6.Draining,
		Conditions: []metav1.Condition{c},
	}
}

// countersOf returns what of a pool's status is written here.
func countersOf(s *v1beta1.IPAddressPoolStatus) v1beta1.IPAddressPoolStatus {
	ours := *s
	ours.Conditions = nil
	if c := exhaustionOf(s); c != nil {
		ours.Conditions = []metav1.Condition{*c}
	}
	return ours
}

func exhaustionOf(s *v1beta1.IPAddressPoolStatus) *metav1.Condition {
	return meta.FindStatusCondition(s.Conditions, v1beta1.ConditionNearlyExhausted)
}

func isTrue(c *metav1.Condition) bool { return c != nil && c.Status == metav1.ConditionTrue }

// write shows it and returns the API server's answer, nil if the object is gone, or
// another one by now: then there is an event on the way.
func (r *poolReconciler) write(ctx context.Context, pool *v1beta1.IPAddressPool, next v1beta1.IPAddressPoolStatus) (*v1beta1.IPAddressPool, error) {
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&next)
	if err != nil {
		return nil, fmt.Errorf("convert the status: %w", err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": status}}
	u.SetGroupVersionKind(v1beta1.GroupVersion.WithKind("IPAddressPool"))
	u.SetNamespace(pool.Namespace)
	u.SetName(pool.Name)
	u.SetUID(pool.UID)
	err = r.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(EventSource), client.ForceOwnership)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("write the status of the IPAddressPool %s: %w", pool.Name, err)
	}
	answer := new(v1beta1.IPAddressPool)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, answer); err != nil {
		return nil, fmt.Errorf("read the API server's answer: %w", err)
	}
	return answer, nil
}
