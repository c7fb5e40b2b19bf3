// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// queue lets anybody have a controller look at something. Until the controller runs,
// this does nothing: it starts with everything queued.
type queue struct {
	work atomic.Pointer[workqueue.TypedRateLimitingInterface[reconcile.Request]]
}

// Start takes the controller's queue; it is a source.Func.
func (q *queue) Start(_ context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	q.work.Store(&work)
	return nil
}

// Add queues names, in this order.
func (q *queue) Add(names ...types.NamespacedName) {
	if work := q.work.Load(); work != nil {
		for _, name := range names {
			(*work).Add(reconcile.Request{NamespacedName: name})
		}
	}
}

// AddAfter queues a name some time from now, unless it is queued before.
func (q *queue) AddAfter(d time.Duration, name types.NamespacedName) {
	if work := q.work.Load(); work != nil {
		(*work).AddAfter(reconcile.Request{NamespacedName: name}, d)
	}
}
