// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// aftermath is how long the new leader is watched once it decides.
	aftermath = 5 * time.Second
	// patience is how long the new leader may take to decide.
	patience = 2 * time.Minute
)

// errPatience ends an observation.
var errPatience = errors.New("it takes too long")

// observation is a succession while it is seen.
type observation struct {
	succession       *succession
	probes           *ledger
	services, leases watch.Interface
}

// until observes until something is the case.
func (o *observation) until(ctx context.Context, done func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	for !done() {
		if err := o.observe(ctx); errors.Is(err, errPatience) {
			answered, addressed := o.probes.counts()
			return fmt.Errorf("%d of the %d Services made meanwhile have an address after %s, and %q holds the Lease", addressed, answered, patience, o.succession.holder)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// watchAftermath observes what comes once the new leader decides.
func (o *observation) watchAftermath(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, aftermath, errPatience)
	defer cancel()
	for {
		if err := o.observe(ctx); errors.Is(err, errPatience) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// observe takes in one thing that happens.
func (o *observation) observe(ctx context.Context) error {
	select {
	case event, open := <-o.services.ResultChan():
		now := time.Now()
		svc, err := serviceOf(event, open)
		if err != nil {
			return err
		}
		asked, probe := o.probes.askedAt(svc.Name)
		switch {
		case !probe && event.Type == watch.Modified:
			o.succession.rewritten++
		case probe && len(svc.Status.LoadBalancer.Ingress) > 0 && o.probes.see(svc.Name, now):
			o.succession.addressed(asked, now)
		}
	case event, open := <-o.leases.ResultChan():
		if !open {
			return errors.New("the API server ended the watch of the Lease")
		}
		lease, ok := event.Object.(*coordinationv1.Lease)
		if !ok {
			return fmt.Errorf("watch the Lease: %w", apierrors.FromObject(event.Object))
		}
		o.succession.held(holderOf(lease), time.Now())
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
