// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/controllers/follower"
	"metallb.io/metallb/controllers/worker"
	"metallb.io/metallb/internal/event"
	"metallb.io/metallb/internal/ipam"
	"metallb.io/metallb/internal/service"
)

// The reasons of the events on Services, as MetalLB has them.
const (
	eventAllocated        = "IPAllocated"
	eventAllocationFailed = "AllocationFailed"
)

// reasonWriteRefused: the API server does not take what was decided.
const reasonWriteRefused = "WriteRefused"

// serviceReconciler gives one Service its addresses. It runs one reconciliation
// at a time, which is what makes the table's reservations safe.
type serviceReconciler struct {
	client client.Client
	// live reads from the API server, past the cache.
	live   client.Reader
	events events.EventRecorder
	class  string
	pools  *poolStore
	queue  *serviceQueue
	// recount is called when what drains may be in use less, or more.
	recount func()

	// table has the addresses that Services have, or are about to have. Who counts
	// what drains reads it, too.
	table *table
	// adopted are the pools that the table has been filled for, nil at first.
	adopted *follower.Revision
	// written has the resource version that our last write gave a Service: what
	// the cache has may be older.
	written map[types.NamespacedName]string
	// waiting are the Services without what they asked for.
	waiting map[types.NamespacedName]waitingService
}

func newServiceReconciler(c client.Client, live client.Reader, recorder events.EventRecorder, class string, pools *poolStore, queue *serviceQueue, table *table, recount func()) *serviceReconciler {
	return &serviceReconciler{
		client: c, live: live, events: recorder, class: class, pools: pools, queue: queue, recount: recount,
		table:   table,
		written: make(map[types.NamespacedName]string),
		waiting: make(map[types.NamespacedName]waitingService),
	}
}

// waitingService is a Service without what it asked for.
type waitingService struct {
	since   time.Time // its creation
	message string    // of the last event
}

// Reconcile implements reconcile.Reconciler.
func (r *serviceReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	pools := r.pools.Load()
	if pools == nil {
		return ctrl.Result{}, nil // every Service is queued once the pools are known
	}
	if err := r.adopt(ctx, pools); err != nil {
		return ctrl.Result{}, err
	}
	defer func() { // by then there may be other pools
		if len(r.pools.Load().Snapshot.Draining()) > 0 {
			r.recount()
		}
	}()

	var svc corev1.Service
	err := r.client.Get(ctx, req.NamespacedName, &svc)
	switch {
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, r.leave(ctx, req.NamespacedName)
	case err != nil:
		return ctrl.Result{}, err
	case !service.Served(&svc, r.class):
		r.release(req.NamespacedName) // deleted, and made again for somebody else
		return ctrl.Result{}, nil
	case worker.IsOlder(&svc, r.written[req.NamespacedName]):
		return ctrl.Result{}, nil // what we wrote is on the way
	}
	return ctrl.Result{}, r.assign(ctx, &svc, pools)
}

// adopt records the addresses that Services have already, before the first
// decision and whenever pools have changed, so that no address is given out
// twice: not after a restart, and not when a pool comes to contain what others
// have given. The oldest Service goes first: where two claim an address, it
// keeps it.
func (r *serviceReconciler) adopt(ctx context.Context, pools *follower.Revision) error {
	if r.adopted == pools {
		return nil
	}
	services, err := listServices(ctx, r.client, r.class)
	if err != nil {
		return err
	}
	r.table.Lock()
	defer r.table.Unlock()
	r.table.use(pools)
	for _, svc := range services {
		v, _ := view(&svc) // an invalid request does not change what is published
		if len(v.Published) > 0 && len(r.table.Held(v.Key)) == 0 && !ipam.Foreign(&v, pools.Snapshot) {
			r.table.Hold(&v, v.Published, time.Now())
		}
	}
	r.adopted = pools
	return nil
}

// assign decides for a Service and publishes the decision.
func (r *serviceReconciler) assign(ctx context.Context, svc *corev1.Service, pools *follower.Revision) error {
	v, err := view(svc)
	if err != nil {
		r.refuse(svc, string(ipam.ReasonInvalidRequest), err.Error())
		return nil // what is published stays
	}
	if v.NamespaceLabels, err = r.namespaceLabels(ctx, svc.Namespace); err != nil {
		return err
	}
	decision, both := r.decide(&v)
	if decision.Untouchable() {
		r.refuse(svc, string(decision.Reason), decision.Message())
		return nil
	}
	if r.pools.Load() != pools {
		// What was decided may drain by now, and may have been counted as free
		// before it was held. Every Service is queued for the other pools.
		return nil
	}
	published, err := r.publish(ctx, svc, v, decision)
	if err != nil || !published {
		return err
	}
	r.table.Lock()
	r.table.Hold(&v, decision.Addresses, time.Now())
	r.table.Unlock()

	if decision.Satisfied() {
		delete(r.waiting, client.ObjectKeyFromObject(svc))
	} else {
		r.refuse(svc, string(decision.Reason), decision.Message())
	}
	if slices.ContainsFunc(both, func(a netip.Addr) bool { return !slices.Contains(decision.Addresses, a) }) {
		r.queue.Add(r.waitingOldestFirst()...)
	}
	return nil
}

// decide decides for a Service and has it hold what it is given. Until the write
// has succeeded, it has both: what it had may be published still, and what it gets
// may be published already.
func (r *serviceReconciler) decide(v *ipam.Service) (decision ipam.Decision, both []netip.Addr) {
	r.table.Lock()
	defer r.table.Unlock()
	decision = ipam.Decide(v, r.table.Table, time.Now())
	if decision.Untouchable() {
		return decision, nil
	}
	both = slices.Concat(r.table.Held(v.Key), v.Published, decision.Addresses)
	r.table.Hold(v, both, time.Now())
	return decision, both
}

// publish writes a decision to a Service's status, unless it says so already,
// and reports whether it does then.
func (r *serviceReconciler) publish(ctx context.Context, svc *corev1.Service, v ipam.Service, decision ipam.Decision) (bool, error) {
	patch, err := statusPatch(svc, v, decision)
	if err != nil || patch == nil {
		return err == nil, err
	}
	switch err := r.client.Status().Patch(ctx, svc, patch, client.FieldOwner(EventSource)); {
	case apierrors.IsNotFound(err):
		return false, nil // its deletion is on the way
	case apierrors.IsConflict(err):
		return false, nil // decided for an old version: the new one is on the way
	case apierrors.IsInvalid(err) || apierrors.IsForbidden(err):
		r.refuse(svc, reasonWriteRefused, err.Error())
		fallthrough
	case err != nil:
		return false, fmt.Errorf("publish the addresses of the Service %s: %w", v.Key, err)
	}
	r.written[client.ObjectKeyFromObject(svc)] = svc.ResourceVersion
	log.FromContext(ctx).Info("published addresses", "addresses", decision.Addresses, "pool", decision.Pool, "reason", decision.Reason)
	if decision.Reason == ipam.ReasonAssigned {
		r.events.Eventf(svc, nil, corev1.EventTypeNormal, eventAllocated, string(decision.Reason), "%s", event.Note(decision.Message()))
	}
	return true, nil
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

// refuse tells the user why a Service does not have what it asks for, once for
// each new reason. The reason is the event's action as well: events that differ
// in their text only are counted as one, and the text of the first is shown.
func (r *serviceReconciler) refuse(svc *corev1.Service, reason, message string) {
	key := client.ObjectKeyFromObject(svc)
	if r.waiting[key].message == message {
		return
	}
	r.waiting[key] = waitingService{since: svc.CreationTimestamp.Time, message: message}
	r.events.Eventf(svc, nil, corev1.EventTypeWarning, eventAllocationFailed, reason, "%s", event.Note(reason+": "+message))
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
		return fmt.Errorf("remove the annotation of the Service %s: %w", key, err)
	}
	return nil
}

// release forgets a Service, for those that wait for its addresses.
func (r *serviceReconciler) release(key types.NamespacedName) {
	delete(r.waiting, key)
	delete(r.written, key)
	r.table.Lock()
	freed := r.table.Release(key.String(), time.Now())
	r.table.Unlock()
	if freed {
		r.queue.Add(r.waitingOldestFirst()...)
	}
}

// waitingOldestFirst returns the keys of the Services that wait for an address.
func (r *serviceReconciler) waitingOldestFirst() []types.NamespacedName {
	return slices.SortedFunc(maps.Keys(r.waiting), func(a, b types.NamespacedName) int {
		return cmp.Or(r.waiting[a].since.Compare(r.waiting[b].since), cmp.Compare(a.String(), b.String()))
	})
}
