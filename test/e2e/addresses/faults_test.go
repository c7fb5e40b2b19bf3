// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
	"metallb.io/metallb/test/labtest"
)

var (
	pause  = flag.Duration("pause", 12*time.Second, "how long the API server hangs: longer than a lease lasts, which is 8 s")
	pauses = flag.Int("pauses", 1, "how often the leader hangs for longer than its lease")
)

// TestControllersAreKilledAmongCreations ends both controllers while 1,000 Services
// are being created.
func TestControllersAreKilledAmongCreations(t *testing.T) {
	c := newCrowd(t)
	created := c.grow(t, 1000)
	c.untilGiven(t, 300)
	killControllers(t)
	require.NoError(t, <-created)
	c.requireSound(t)
}

// TestControlPlaneFailsAmongCreations disturbs the control plane while Services are
// being created.
func TestControlPlaneFailsAmongCreations(t *testing.T) {
	for name, fail := range map[string]func(*testing.T){
		"the API server hangs":        hangAPIServer,
		"the API server is restarted": func(t *testing.T) { restart(t, lab.APIServer) },
		"etcd is restarted":           func(t *testing.T) { restart(t, lab.Etcd) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t)
			created := c.grow(t, 100)
			c.untilGiven(t, 20)
			fail(t)
			require.NoError(t, <-created)
			c.requireSound(t)

			require.NoError(t, <-c.grow(t, 20))
			c.requireSound(t)
		})
	}
}

func hangAPIServer(t *testing.T) {
	t.Helper()
	// Whatever happens to the test, it goes on before anything is tidied up.
	t.Cleanup(func() { require.NoError(t, shared.lab.Resume(lab.APIServer)) })
	require.NoError(t, shared.lab.Pause(lab.APIServer))
	require.NoError(t, sleep(t.Context(), *pause))
	require.NoError(t, shared.lab.Resume(lab.APIServer))
}

func restart(t *testing.T, process string) {
	t.Helper()
	require.NoError(t, shared.lab.Restart(labtest.Limit(t, 2*time.Minute), process))
}

// TestLeaderHangsAmongCreations holds back what the leader has just written, and stops
// it. When the other controller has given all addresses, the old writes arrive; then
// the leader wakes among other creations.
func TestLeaderHangsAmongCreations(t *testing.T) {
	const burst = 200
	freshControllers(t)
	c := newCrowd(t)
	for round := range *pauses {
		process, identity := leader(t)
		before := c.made
		created := c.grow(t, burst)
		c.untilGiven(t, before+burst/5)
		began := time.Now()
		release := holdBack(t, process)
		untilUnacknowledged(t, process, func(bytes int) bool { return bytes > severalWrites })
		hang(t, process)
		held, err := unacknowledged(process)
		require.NoError(t, err)
		requireSuccessor(t, identity)
		require.NoError(t, <-created)
		c.untilGiven(t, c.made)
		given := time.Since(began)
		require.NoError(t, release(t.Context()))
		untilUnacknowledged(t, process, func(bytes int) bool { return bytes == 0 })
		t.Logf("round %d: %s hangs; another one has given all addresses after %s; %d bytes of requests arrived after %s",
			round+1, process.Pod, given.Round(time.Millisecond), held, time.Since(began).Round(time.Millisecond))

		before = c.made
		created = c.grow(t, burst)
		c.untilGiven(t, before+burst/5)
		require.NoError(t, process.Resume())
		require.NoError(t, <-created)
		c.requireSound(t)
	}
}

// hang stops a process until it is resumed, at the end of the test if not before.
func hang(t *testing.T, process install.Process) {
	t.Helper()
	afterwards(t, func(context.Context) error { return process.Resume() })
	require.NoError(t, process.Pause())
}
