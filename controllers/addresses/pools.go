// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// eventRefused is the reason of the event on a pool that is refused.
const eventRefused = "Refused"

// poolStore holds the pools that addresses are given from.
type poolStore struct {
	current atomic.Pointer[config.Snapshot]
}

// Load returns the pools. It reports false until they have been read once.
func (s *poolStore) Load() (config.Snapshot, bool) {
	if p := s.current.Load(); p != nil {
		return *p, true
	}
	return config.Snapshot{}, false
}

// poolReconciler rebuilds the pools from all IPAddressPools whenever one
// changes, and then has every Service decided again.
type poolReconciler struct {
	client client.Client
	events events.EventRecorder
	class  string
	pools  *poolStore
	queue  *serviceQueue

	// refused are the refused pools, with the message of the last event.
	refused map[string]string
}

// Reconcile implements reconcile.Reconciler.
func (r *poolReconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	var list v1beta1.IPAddressPoolList
	if err := r.client.List(ctx, &list); err != nil {
		return ctrl.Result{}, fmt.Errorf("list the IPAddressPools: %w", err)
	}
	last, _ := r.pools.Load()
	snapshot, verdicts, _ := config.Build(config.Objects{Pools: list.Items}, last)
	r.report(ctx, list.Items, verdicts)
	r.pools.current.Store(&snapshot)

	services, err := listServices(ctx, r.client, r.class)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, svc := range services {
		r.queue.Add(client.ObjectKeyFromObject(&svc))
	}
	return ctrl.Result{}, nil
}

// report tells the user about each pool that is refused, once for each new
// reason.
func (r *poolReconciler) report(ctx context.Context, objects []v1beta1.IPAddressPool, verdicts []config.Verdict) {
	refused := make(map[string]string)
	for _, v := range verdicts {
		if !v.Accepted() {
			refused[v.Name] = v.Message()
		}
	}
	for i := range objects {
		pool := &objects[i]
		message, bad := refused[pool.Name]
		if !bad || r.refused[pool.Name] == message {
			continue
		}
		log.FromContext(ctx).Info("the pool is refused", "pool", pool.Name, "reason", message)
		r.events.Eventf(pool, nil, corev1.EventTypeWarning, eventRefused, "ReadConfiguration", "the pool is refused: %s", message)
	}
	r.refused = refused
}
