// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// limitAddress is the first address that limit gives: outside of the pool.
var limitAddress = netip.MustParseAddr("10.211.0.0")

const (
	// stall is how long nothing may happen to Services that have no address yet.
	stall = time.Minute
	// reportInterval is how often a burst says how far it is.
	reportInterval = 5 * time.Second
)

// bursts makes Services as fast as the API server takes them.
type bursts struct {
	watcher kubernetes.Interface
	// creators make the Services, each one after the other.
	creators []kubernetes.Interface
	// limitWatcher and limitWriters are those of limit.
	limitWatcher kubernetes.Interface
	limitWriters []kubernetes.Interface
	// class is that of the Services of the implementation that is measured.
	class string
}

// ours makes Services for the implementation that is measured.
func (b *bursts) ours(ctx context.Context, name string, count int) (outcome, error) {
	return b.run(ctx, name, b.class, count, nil)
}

// limit makes Services for limit.
func (b *bursts) limit(ctx context.Context, name string, count int) (outcome, error) {
	l, err := newLimit(ctx, b.limitWatcher, b.limitWriters, limitAddress, count)
	if err != nil {
		return outcome{}, err
	}
	return b.run(ctx, name, limitClass, count, l)
}

// run makes Services of a class and waits until all of them have an address, which
// they get from server if there is one. Their names begin with that of the burst.
func (b *bursts) run(ctx context.Context, name, class string, count int, server *limit) (outcome, error) {
	w, err := watchServices(ctx, b.watcher, namespace)
	if err != nil {
		return outcome{}, err
	}
	defer w.Stop()
	services, complete := newLedger(), make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := follow(ctx, w, services, count); err != nil {
			return fmt.Errorf("%w (does anybody serve the class %q?)", err, class)
		}
		close(complete)
		return nil
	})
	if server != nil {
		group.Go(func() error { return server.run(ctx, complete) })
	}
	var made atomic.Int64
	for _, c := range b.creators {
		group.Go(func() error {
			for i := made.Add(1); i <= int64(count); i = made.Add(1) {
				if err := create(ctx, c, newService(fmt.Sprintf("%s-%d", name, i), class), services); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		report(ctx, name, services, count, complete)
		return nil
	})
	if err := group.Wait(); err != nil {
		return outcome{}, fmt.Errorf("%s: %w", name, err)
	}
	return services.outcome(), nil
}

// follow notes the addresses that a watch tells of, until there are as many as wanted.
func follow(ctx context.Context, w watch.Interface, services *ledger, wanted int) error {
	for {
		select {
		case event, open := <-w.ResultChan():
			now := time.Now()
			svc, err := serviceOf(event, open)
			if err != nil {
				return err
			}
			if len(svc.Status.LoadBalancer.Ingress) == 0 || !services.see(svc.Name, now) {
				continue
			}
			if _, addressed := services.counts(); addressed == wanted {
				return nil
			}
		case <-time.After(stall):
			_, addressed := services.counts()
			return fmt.Errorf("%d of %d Services have an address, and nothing happened for %s", addressed, wanted, stall)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// report says how far a burst is until it is complete.
func report(ctx context.Context, name string, services *ledger, wanted int, complete <-chan struct{}) {
	for {
		select {
		case <-time.After(reportInterval):
			answered, addressed := services.counts()
			say("  %s: %d of %d made, %d with an address", name, answered, wanted, addressed)
		case <-complete:
			return
		case <-ctx.Done():
			return
		}
	}
}
