// SPDX-License-Identifier: Apache-2.0

package worker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/controllers/worker"
)

func TestRetriesGoOnEachMinute(t *testing.T) {
	limiter := worker.Options().RateLimiter
	require.Equal(t, 250*time.Millisecond, limiter.When(reconcile.Request{}))
	var wait time.Duration
	for range 30 {
		wait = limiter.When(reconcile.Request{})
	}
	require.Equal(t, time.Minute, wait)
}
