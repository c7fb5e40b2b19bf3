// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"sync/atomic"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/controllers/follower"
)

// revisions has the configuration that is to be run.
type revisions interface {
	// Current returns it, nil as long as there has never been one.
	Current() *follower.Revision
	// Applied takes note that a configuration decides what happens.
	Applied(*follower.Revision)
}

// poolStore holds the configuration whose pools addresses are given from.
type poolStore struct {
	current atomic.Pointer[follower.Revision]
}

// Load returns the configuration, or nil until there is one. What it returns is
// another pointer whenever it is another one.
func (s *poolStore) Load() *follower.Revision { return s.current.Load() }

// poolReconciler takes over the configuration whenever it, or a namespace that
// pools select, changes, and then has every Service decided again.
type poolReconciler struct {
	client    client.Client
	class     string
	revisions revisions
	pools     *poolStore
	queue     *serviceQueue
}

// Reconcile implements reconcile.Reconciler.
func (r *poolReconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	revision := r.revisions.Current()
	if revision == nil {
		return ctrl.Result{}, nil // its coming is a reason to look again
	}
	r.pools.current.Store(revision)
	services, err := listServices(ctx, r.client, r.class)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, svc := range services {
		r.queue.Add(client.ObjectKeyFromObject(&svc))
	}
	r.revisions.Applied(revision)
	return ctrl.Result{}, nil
}
