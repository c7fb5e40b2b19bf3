// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// serviceQueue lets anybody have a Service decided again. Until the Service
// controller runs, Add does nothing: it starts with every Service queued.
type serviceQueue struct {
	work atomic.Pointer[workqueue.TypedRateLimitingInterface[reconcile.Request]]
}

// Start takes the controller's queue; it is a source.Func.
func (q *serviceQueue) Start(_ context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	q.work.Store(&work)
	return nil
}

// Add queues Services, in this order.
func (q *serviceQueue) Add(keys ...types.NamespacedName) {
	work := q.work.Load()
	if work == nil {
		return
	}
	for _, key := range keys {
		(*work).Add(reconcile.Request{NamespacedName: key})
	}
}
