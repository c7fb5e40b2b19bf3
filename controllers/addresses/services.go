// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/ipam"
	"metallb.io/metallb/internal/service"
)

// serviceReconciler gives Services their addresses. Several workers run it, each for
// another Service: what takes time is to write.
type serviceReconciler struct {
	client client.Client
	// live reads from the API server, past the cache.
	live   client.Reader
	events events.EventRecorder
	class  string
	ledger *ledger
	// written has the resource version that our last write gave a Service: what
	// the cache has may be older.
	written notes
	// denied has what the API server said about a write that it does not take, to
	// tell it once.
	denied notes
}

// Reconcile implements reconcile.Reconciler.
func (r *serviceReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var svc corev1.Service
	err := r.client.Get(ctx, req.NamespacedName, &svc)
	switch {
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, r.leave(ctx, req.NamespacedName)
	case err != nil:
		return ctrl.Result{}, err
	case r.ledger.running() == nil:
		return ctrl.Result{}, nil // every Service is looked at once there is a configuration
	case !service.Served(&svc, r.class):
		r.release(req.NamespacedName) // deleted, and made again for somebody else
		return ctrl.Result{}, nil
	case worker.IsOlder(&svc, r.written.of(req.NamespacedName)):
		return ctrl.Result{}, nil // what we wrote is on the way
	}
	labels, err := r.namespaceLabels(ctx, svc.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.assign(ctx, &svc, claimantOf(&svc, labels))
}

// assign decides for a Service and publishes the decision.
func (r *serviceReconciler) assign(ctx context.Context, svc *corev1.Service, c *claimant) error {
	decision, ok := r.ledger.decide(c)
	if !ok {
		return nil
	}
	published, err := r.publish(ctx, svc, c, &decision)
	if err != nil || !published {
		return err
	}
	r.ledger.settle(c, &decision)
	return nil
}

// publish writes a decision to a Service's status, unless it says so already,
// and reports whether it does then.
func (r *serviceReconciler) publish(ctx context.Context, svc *corev1.Service, c *claimant, decision *ipam.Decision) (bool, error) {
	patch, err := statusPatch(svc, c, decision, metav1.NewTime(r.ledger.now()))
	if err != nil || patch == nil {
		return err == nil, err
	}
	switch err := r.client.Status().Patch(ctx, svc, patch, client.FieldOwner(EventSource)); {
	case apierrors.IsNotFound(err):
		return false, nil // its deletion is on the way
	case apierrors.IsConflict(err):
		return false, nil // decided for an old version: the new one is on the way
	case isDenied(err):
		if r.denied.of(c.name) != err.Error() {
			r.denied.set(c.name, err.Error())
			r.events.Eventf(svc, nil, corev1.EventTypeWarning, eventAllocationFailed, reasonWriteRefused, "%s", event.Note(reasonWriteRefused+": "+err.Error()))
		}
		fallthrough
	case err != nil:
		return false, fmt.Errorf("publish the addresses of the Service %s: %w", c.Key, err)
	}
	r.written.set(c.name, svc.ResourceVersion)
	r.denied.forget(c.name)
	log.FromContext(ctx).V(1).Info("published", "addresses", decision.Addresses, "pool", decision.Pool, "reason", decision.Reason)
	r.ledger.told(decision)
	r.tell(svc, decision)
	return true, nil
}

// isDenied reports whether the API server does not take a write, whenever it is tried:
// a webhook that denies without saying more makes a bad request of it.
func isDenied(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)
}

// namespaceLabels returns the labels of a namespace, which may be so new that
// the cache does not know it yet.
func (r *serviceReconciler) namespaceLabels(ctx context.Context, name string) (map[string]string, error) {
	namespace := new(metav1.PartialObjectMetadata)
	namespace.SetGroupVersionKind(namespaceKind)
	err := r.client.Get(ctx, types.NamespacedName{Name: name}, namespace)
	if apierrors.IsNotFound(err) {
		err = r.live.Get(ctx, types.NamespacedName{Name: name}, namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("read the Namespace %s: %w", name, err)
	}
	return namespace.Labels, nil
}

// leave frees the addresses of a Service that the cache does not have any more:
// it is gone, or of another type.
func (r *serviceReconciler) leave(ctx context.Context, key types.NamespacedName) error {
	var svc corev1.Service
	err := r.live.Get(ctx, key, &svc)
	switch {
	case apierrors.IsNotFound(err):
		r.release(key)
		return nil
	case err != nil:
		return fmt.Errorf("read the Service %s: %w", key, err)
	case service.Served(&svc, r.class):
		return nil // served again: its event is on the way
	}
	r.release(key) // the API server has emptied its status
	patch, err := unmarkPatch(&svc)
	if err != nil || patch == nil || svc.Spec.Type == corev1.ServiceTypeLoadBalancer {
		return err
	}
	if err := r.client.Status().Patch(ctx, &svc, patch, client.FieldOwner(EventSource)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove what is ours from the Service %s: %w", key, err)
	}
	return nil
}

// release forgets a Service, for those that wait for its addresses.
func (r *serviceReconciler) release(key types.NamespacedName) {
	r.written.forget(key)
	r.denied.forget(key)
	r.ledger.release(key)
}

// notes are a text for each of some Services, for several workers.
type notes struct{ byName sync.Map }

func (n *notes) of(name types.NamespacedName) string {
	text, _ := n.byName.Load(name)
	s, _ := text.(string)
	return s
}

func (n *notes) set(name types.NamespacedName, text string) { n.byName.Store(name, text) }

func (n *notes) forget(name types.NamespacedName) { n.byName.Delete(name) }
