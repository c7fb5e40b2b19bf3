// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
)

const (
	// censusInterval is how often the addresses of the pools are counted at most,
	// and so how often a pool is written.
	censusInterval = time.Second
	// censusDelay is how long a change waits for others that come with it.
	censusDelay = 100 * time.Millisecond
)

// census counts the addresses of all pools, and has those looked at whose counts are
// others than before.
type census struct {
	ledger    *ledger
	namespace string
	pools     *queue
	at        time.Time // of the last one

	mu   sync.Mutex
	last map[string]usage // nil before the first one
}

// Reconcile implements reconcile.Reconciler.
func (c *census) Reconcile(context.Context, ctrl.Request) (ctrl.Result, error) {
	now := c.ledger.now()
	if wait := censusInterval - now.Sub(c.at); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	counted, next, ok := c.ledger.usages()
	if !ok {
		return ctrl.Result{}, nil // with a configuration, there are other counts
	}
	c.at = now
	c.pools.Add(c.replace(counted)...)
	if next.IsZero() {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: max(next.Sub(now), censusInterval)}, nil
}

// replace takes over what was counted, and returns the pools for which it is
// something else than before.
func (c *census) replace(counted map[string]usage) (changed []types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, u := range counted {
		if before, ok := c.last[name]; !ok || before != u {
			changed = append(changed, types.NamespacedName{Namespace: c.namespace, Name: name})
		}
	}
	for name := range c.last {
		if _, ok := counted[name]; !ok {
			changed = append(changed, types.NamespacedName{Namespace: c.namespace, Name: name})
		}
	}
	c.last = counted
	return changed
}

// of returns what was counted last for a pool, nothing if there is no such pool. It
// reports false if nothing has been counted yet.
func (c *census) of(pool string) (usage, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last[pool], c.last != nil
}
