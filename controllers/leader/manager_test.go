// SPDX-License-Identifier: Apache-2.0

package leader_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"metallb.io/metallb/controllers/leader"
)

// TestAManagerLeadsAndReleases has controller-runtime use a Lease, as the product
// does. There is no API server but the one that has the Lease.
func TestAManagerLeadsAndReleases(t *testing.T) {
	server, began := newAPIServer(), time.Now()
	lease := leader.NewLease(&connection{server: server}, leaseName, "a", func() time.Duration { return time.Since(began) })
	duration, deadline, period := leaseDuration, renewDeadline, retryPeriod
	mgr, err := ctrl.NewManager(&rest.Config{Host: "http://127.0.0.1:1"}, ctrl.Options{
		Logger:                              logr.Discard(),
		Metrics:                             metricsserver.Options{BindAddress: "0"},
		LeaderElection:                      true,
		LeaderElectionID:                    leaseName.Name,
		LeaderElectionResourceLockInterface: lease,
		LeaderElectionReleaseOnCancel:       true,
		LeaseDuration:                       &duration,
		RenewDeadline:                       &deadline,
		RetryPeriod:                         &period,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- mgr.Start(ctx) }()
	select {
	case <-mgr.Elected():
	case err := <-ended:
		t.Fatal(err)
	}
	require.True(t, lease.Held())
	require.Equal(t, "a", server.holder())

	cancel()
	require.NoError(t, <-ended)
	require.False(t, lease.Held())
	require.Empty(t, server.holder())
}
