// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/lab"
	"metallb.io/metallb/test/labtest"
	"metallb.io/metallb/test/probe"
)

// TestNodeLosesPower cuts the power of the node that carries an address.
func TestNodeLosesPower(t *testing.T) {
	announcedPool(t)
	_, addr := webServer(t)
	_, err := install.Get(labtest.Limit(t, 20*time.Second), shared.lab, "http://"+addr.String()+"/")
	require.NoError(t, err)
	owner, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)

	dialer := shared.lab.Dialer(lab.ClientNamespace)
	monitor := probe.Watch(t.Context(), func(ctx context.Context) error {
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), "80"))
		if err != nil {
			return err
		}
		return conn.Close()
	})
	defer monitor.Stop()
	afterwards(t, func(ctx context.Context) error { return shared.lab.Heal(ctx, owner.Name) })

	cut := time.Now()
	require.NoError(t, shared.lab.Kill(labtest.Limit(t, 30*time.Second), owner.Name))
	outage, err := monitor.Recovered(labtest.Limit(t, 3*time.Minute), cut)
	require.NoError(t, err)
	t.Logf("%s lost its power; %s did not answer for %s (%d failed connections)", owner.Name, addr, outage.Duration(), outage.Failed)

	successor, err := install.Owner(labtest.Limit(t, 10*time.Second), shared.lab, addr)
	require.NoError(t, err)
	require.NotEqual(t, owner.Name, successor.Name)

	t.Run("one node answers after the power is back", func(t *testing.T) {
		require.NoError(t, shared.lab.Heal(labtest.Limit(t, 3*time.Minute), owner.Name))
		require.Eventually(t, func() bool {
			answerers, err := install.Answerers(shared.lab, addr)
			return err == nil && len(answerers) == 1
		}, time.Minute, time.Second)
	})
}
