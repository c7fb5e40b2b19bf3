// SPDX-License-Identifier: Apache-2.0

package follower

import (
	"context"
	"sync/atomic"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// ahead is the priority of waking a controller: it should go by what is new
// before it does anything else.
const ahead = 1

// waker has a controller look again, by the empty request. The controller looks
// once when it starts, too.
type waker struct {
	queue atomic.Pointer[workqueue.TypedRateLimitingInterface[reconcile.Request]]
}

// start takes the controller's queue; it is a source.Func.
func (w *waker) start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	w.queue.Store(&queue)
	w.wake()
	return nil
}

// wake does nothing until the controller has started.
func (w *waker) wake() {
	queue := w.queue.Load()
	if queue == nil {
		return
	}
	if ordered, ok := (*queue).(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		ordered.AddWithOpts(priorityqueue.AddOpts{Priority: new(ahead)}, reconcile.Request{})
		return
	}
	(*queue).Add(reconcile.Request{})
}
