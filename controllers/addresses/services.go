// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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

	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/ipam"
	"metallb.io/metallb/internal/service"
)

// The reasons of the events on Services, as MetalLB has them.
const (
	eventAllocated        = "IPAllocated"
	eventAllocationFailed = "AllocationFailed"
)

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

	// table is nil until the addresses in the statuses have been adopted.
	table *ipam.Table
	// waiting are the Services without what they asked for.
	waiting map[types.NamespacedName]waitingService
}

// waitingService is a Service without what it asked for.
type waitingService struct {
	since   time.Time // its creation
	message string    // of the last event
}

// Reconcile implements reconcile.Reconciler.
func (r *serviceReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	pools, loaded := r.pools.Load()
	if !loaded {
		return ctrl.Result{}, nil // every Service is queued once the pools are known
	}
	if err := r.adopt(ctx, pools); err != nil {
		return ctrl.Result{}, err
	}

	var svc corev1.Service
	err := r.client.Get(ctx, req.NamespacedName, &svc)
	switch {
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, r.release(ctx, req.NamespacedName)
	case err != nil:
		return ctrl.Result{}, err
	case !service.Served(&svc, r.class):
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, r.assign(ctx, &svc, pools)
}

// adopt records the addresses that Services have already, before the first
// decision, so that no address is given out twice after a restart. The oldest
// Service goes first: where two claim an address, it keeps it.
func (r *serviceReconciler) adopt(ctx context.Context, pools config.Snapshot) error {
	if r.table != nil {
		return nil
	}
	services, err := listServices(ctx, r.client, r.class)
	if err != nil {
		return err
	}
	table := ipam.NewTable()
	for _, svc := range services {
		v, _ := view(&svc) // an invalid request does not change what is published
		if len(v.Published) == 0 || ipam.Foreign(v, pools) {
			continue
		}
		table.Hold(v.Key, v.Published)
	}
	r.table = table
	return nil
}

// assign decides for a Service and publishes the decision.
func (r *serviceReconciler) assign(ctx context.Context, svc *corev1.Service, pools config.Snapshot) error {
	key := client.ObjectKeyFromObject(svc)
	v, err := view(svc)
	if err != nil {
		r.refuse(svc, string(ipam.ReasonInvalidRequest), err.Error())
		return nil // what is published stays
	}
	if v.NamespaceLabels, err = r.namespaceLabels(ctx, svc.Namespace); err != nil {
		return err
	}
	decision := ipam.Decide(v, pools, r.table)
	if decision.Untouchable() {
		r.refuse(svc, string(decision.Reason), decision.Message)
		return nil
	}

	// The addresses are taken from here on, also when the write fails: the
	// retry finds them held and publishes them.
	before := r.table.Held(v.Key)
	r.table.Hold(v.Key, decision.Addresses)
	patch, err := statusPatch(svc, v, decision)
	if err != nil {
		return err
	}
	if patch != nil {
		switch err := r.client.Status().Patch(ctx, svc, patch); {
		case apierrors.IsNotFound(err):
			return nil // its deletion is on the way
		case apierrors.IsConflict(err):
			return nil // decided for an old version: the new one is on the way
		case err != nil:
			return fmt.Errorf("publish the addresses of the Service %s: %w", v.Key, err)
		}
		log.FromContext(ctx).Info("published addresses", "addresses", decision.Addresses, "pool", decision.Pool, "reason", decision.Reason)
	}

	if decision.Satisfied() {
		delete(r.waiting, key)
		if patch != nil && decision.Reason == ipam.ReasonAssigned {
			r.events.Eventf(svc, nil, corev1.EventTypeNormal, eventAllocated, "AssignAddresses", "%s", decision.Message)
		}
	} else {
		r.refuse(svc, string(decision.Reason), decision.Message)
	}
	if len(before) > len(decision.Addresses) {
		r.queue.Add(r.waitingOldestFirst()...)
	}
	return nil
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
// each new reason.
func (r *serviceReconciler) refuse(svc *corev1.Service, reason, message string) {
	key := client.ObjectKeyFromObject(svc)
	if r.waiting[key].message == message {
		return
	}
	r.waiting[key] = waitingService{since: svc.CreationTimestamp.Time, message: message}
	r.events.Eventf(svc, nil, corev1.EventTypeWarning, eventAllocationFailed, "AssignAddresses", "%s: %s", reason, message)
}

// release frees the addresses of a Service that is gone, or is of another type
// now, for those that wait.
func (r *serviceReconciler) release(ctx context.Context, key types.NamespacedName) error {
	var svc corev1.Service
	err := r.live.Get(ctx, key, &svc)
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("read the Service %s: %w", key, err)
	case svc.Spec.Type == corev1.ServiceTypeLoadBalancer:
		return nil // of the type again: its event is on the way
	default:
		patch, err := unmarkPatch(&svc)
		if err != nil {
			return err
		}
		if patch != nil {
			if err := r.client.Status().Patch(ctx, &svc, patch); client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("remove the annotation of the Service %s: %w", key, err)
			}
		}
	}
	delete(r.waiting, key)
	if r.table.Release(key.String()) {
		r.queue.Add(r.waitingOldestFirst()...)
	}
	return nil
}

// waitingOldestFirst returns the keys of the Services that wait for an address.
func (r *serviceReconciler) waitingOldestFirst() []types.NamespacedName {
	return slices.SortedFunc(maps.Keys(r.waiting), func(a, b types.NamespacedName) int {
		return cmp.Or(r.waiting[a].since.Compare(r.waiting[b].since), cmp.Compare(a.String(), b.String()))
	})
}
