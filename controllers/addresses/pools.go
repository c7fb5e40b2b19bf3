// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"sync/atomic"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
)

// poolStore holds the pools that addresses are given from.
type poolStore struct {
	current atomic.Pointer[config.Snapshot]
}

// Load returns the pools, or nil until they have been read once. What it
// returns is another pointer whenever they have been read again.
func (s *poolStore) Load() *config.Snapshot { return s.current.Load() }

// poolReconciler rebuilds the pools from all IPAddressPools whenever one
// changes, and then has every Service decided again.
type poolReconciler struct {
	client client.Client
	class  string
	pools  *poolStore
	queue  *serviceQueue

	// refused are the refused pools, with what was logged of each.
	refused map[string]string
}

// Reconcile implements reconcile.Reconciler.
func (r *poolReconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	var list v1beta1.IPAddressPoolList
	if err := r.client.List(ctx, &list); err != nil {
		return ctrl.Result{}, fmt.Errorf("list the IPAddressPools: %w", err)
	}
	var last config.Snapshot
	if inForce := r.pools.Load(); inForce != nil {
		last = *inForce
	}
	snapshot, verdicts, _ := config.Build(config.Objects{Pools: list.Items}, last)
	r.logRefused(ctx, verdicts)
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

// logRefused says which pools are refused, once for each new reason. Users are
// told by the operator, on the pool.
func (r *poolReconciler) logRefused(ctx context.Context, verdicts []config.Verdict) {
	refused := make(map[string]string)
	for _, v := range verdicts {
		if v.Accepted() {
			continue
		}
		refused[v.Name] = v.Message()
		if r.refused[v.Name] != v.Message() {
			log.FromContext(ctx).Info("pool refused", "pool", v.Name, "because", v.Message())
		}
	}
	r.refused = refused
}
