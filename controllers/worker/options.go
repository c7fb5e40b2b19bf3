// SPDX-License-Identifier: Apache-2.0

// Package worker says how the controllers of this project work: what they do
// when something fails, and when their cache lags behind.
package worker

import (
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// How long to wait before something that failed is tried again: at first, and
// at most. What was in the way, such as a policy that denies writes, may be gone
// at any time, so the longest wait is one that a user can live with.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = time.Minute
)

// Options are those of every controller: one request at a time, and what failed
// tried again, soon and for ever.
func Options() controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: 1,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
	}
}
