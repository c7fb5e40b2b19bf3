// SPDX-License-Identifier: Apache-2.0

package leader_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"metallb.io/metallb/controllers/leader"
)

// requireLater requires that an epoch comes after another one.
func requireLater(t *testing.T, later, earlier string) {
	t.Helper()
	order, err := resourceversion.CompareResourceVersion(later, earlier)
	require.NoError(t, err)
	require.Positive(t, order, "%s after %s", later, earlier)
}

func TestRenewalsKeepTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		a, b := start(t, server, "a"), start(t, server, "b")
		require.True(t, a.Held())
		require.NotEmpty(t, a.Epoch())
		epoch := a.Epoch()
		for range 10 * 60 {
			pass(100 * time.Millisecond)
			require.True(t, a.Held())
			require.False(t, b.Held())
		}
		require.Equal(t, epoch, a.Epoch())
		require.Empty(t, b.Epoch())
	})
}

// TestALateAnswerCountsFromTheRequest: others may have begun to wait as soon as the
// API server had the request.
func TestALateAnswerCountsFromTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now time.Duration
		c := &connection{server: newAPIServer()}
		lease := leader.NewLease(c, leaseName, "a", func() time.Duration { return now })
		record := resourcelock.LeaderElectionRecord{HolderIdentity: "a", LeaseDurationSeconds: 8}

		now = 100 * time.Second
		require.NoError(t, lease.Create(t.Context(), record))
		for _, renewed := range []time.Duration{106 * time.Second, 113 * time.Second} {
			now = renewed
			c.slow(0, 3*time.Second)
			answered := make(chan error)
			go func() { answered <- lease.Update(t.Context(), record) }()
			synctest.Wait() // the request has been sent
			now = renewed + 3*time.Second
			require.NoError(t, <-answered)
			now = renewed + leaseDuration - 1
			require.True(t, lease.Held())
			now = renewed + leaseDuration
			require.False(t, lease.Held())
		}
	})
}

func TestALeaseThatIsNotRenewedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		a := start(t, server, "a")
		a.connection.slow(time.Hour, 0) // the network is cut
		pass(leaseDuration - 1)
		require.True(t, a.Held())
		pass(1)
		require.False(t, a.Held())
	})
}

// TestStoppedPastTheLease: whoever has led and wakes up knows that it does not,
// before it has asked anybody.
func TestStoppedPastTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		a, b := start(t, server, "a"), start(t, server, "b")
		wake := a.connection.stop()
		pass(2 * leaseDuration)
		require.True(t, b.Held())
		requireLater(t, b.Epoch(), a.Epoch())

		require.True(t, a.elector.IsLeader(), "the elector does not know yet")
		require.False(t, a.Held())
		wake()
		pass(renewDeadline + 1)
		require.True(t, a.stopped())
		require.False(t, a.Held())
		require.True(t, b.Held())
	})
}

// TestAskedToEndWhileStopped: the elector believes that the lease is its own, and
// would release that of its successor.
func TestAskedToEndWhileStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		a, b := start(t, server, "a"), start(t, server, "b")
		wake := a.connection.stop()
		pass(2 * leaseDuration)
		require.True(t, b.Held())

		a.end()
		wake()
		require.True(t, a.stopped())
		require.Equal(t, "b", server.holder())
	})
}

// TestAnotherHolderEndsTheLeaseAtOnce: that of a virtual machine, say, whose clock
// was stopped with it.
func TestAnotherHolderEndsTheLeaseAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		a := start(t, server, "a")
		server.edit(func(spec *coordinationv1.LeaseSpec) { spec.HolderIdentity = new("b") })
		require.True(t, a.Held(), "nobody has told it")
		pass(retryPeriod)
		require.False(t, a.Held())
		require.False(t, a.stopped(), "its elector still tries")
	})
}

// TestNobodyLeadsTwice: between two leaderships of a process there was another
// leader, of whose work the process may know nothing.
func TestNobodyLeadsTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		a := start(t, server, "a")
		epoch := a.Epoch()
		server.edit(func(spec *coordinationv1.LeaseSpec) { spec.HolderIdentity = new("b") })
		pass(retryPeriod)
		server.edit(func(spec *coordinationv1.LeaseSpec) { spec.HolderIdentity = new("") })
		pass(2 * retryPeriod)
		require.False(t, a.stopped(), "its elector tries to take the lease")
		require.Empty(t, server.holder())
		require.False(t, a.Held())
		pass(renewDeadline)
		require.True(t, a.stopped())

		again := start(t, server, "a, restarted")
		require.True(t, again.Held())
		requireLater(t, again.Epoch(), epoch)
	})
}

func TestReleaseEndsTheLeaseBeforeItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		a, b := start(t, server, "a"), start(t, server, "b")
		a.connection.slow(time.Second, 0)
		pass(5 * retryPeriod) // in which renewals take longer
		a.end()
		pass(time.Second + retryPeriod/2) // it has read the lease, and sent the release
		require.Equal(t, "a", server.holder())
		require.False(t, a.Held())
		pass(3 * retryPeriod)
		require.True(t, a.stopped())
		require.True(t, b.Held(), "nobody waits for a lease that was released")
	})
}

// TestReleaseIsTriedAgain: the API server has taken a renewal that was cancelled.
func TestReleaseIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		a := start(t, server, "a")
		a.connection.slow(0, time.Second)
		pass(retryPeriod + retryPeriod/2) // a renewal has arrived, its answer has not
		a.end()
		pass(10 * retryPeriod)
		require.True(t, a.stopped())
		require.Empty(t, server.holder())
	})
}

// TestTheMachineSleeps: nobody has taken the lease meanwhile, so it is renewed.
func TestTheMachineSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		a := start(t, server, "a")
		epoch := a.Epoch()
		a.asleep += time.Hour
		require.False(t, a.Held())
		require.True(t, a.elector.IsLeader(), "the elector's clock did not go on")
		pass(retryPeriod)
		require.True(t, a.Held())
		require.Equal(t, epoch, a.Epoch())
	})
}

// TestTheLeaseIsDeleted: the leader ends, and who makes the Lease anew comes later,
// though the transitions begin again.
func TestTheLeaseIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newAPIServer()
		first := start(t, server, "a")
		server.delete()
		pass(retryPeriod)
		require.False(t, first.Held())
		pass(renewDeadline)
		require.True(t, first.stopped())

		second := start(t, server, "b")
		require.True(t, second.Held())
		require.Zero(t, *server.lease.Spec.LeaseTransitions)
		requireLater(t, second.Epoch(), first.Epoch())
	})
}
