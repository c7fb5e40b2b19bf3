// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/test/lab"
)

// TestIdleCostsNothing reads from the API server's own log that the product
// writes nothing while nothing happens, apart from its leases.
func TestIdleCostsNothing(t *testing.T) {
	const quiet, window = 5 * time.Second, time.Minute
	announcedPool(t)
	webServer(t)
	create(t, peerTo("192.0.2.1"))
	settled(t)
	require.Eventually(t, func() bool {
		return len(writes(t, time.Now().Add(-quiet))) == 0
	}, time.Minute, 500*time.Millisecond, "the product still writes: %v", writes(t, time.Now().Add(-quiet)))

	began := time.Now()
	select {
	case <-time.After(window): // this is what is measured
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
	all, err := shared.lab.Audit(began)
	require.NoError(t, err)
	require.NotEmpty(t, all, "the log has at least the leases")
	t.Logf("%d requests in %s", len(all), window)
	require.Empty(t, writes(t, began))
	for _, e := range all {
		require.True(t, e.Resource == "leases" || e.Verb == "watch", "nobody asks what has not changed: %s", e)
	}
}

// writes returns the requests of the product since a time that change anything
// but a lease.
func writes(t *testing.T, since time.Time) []lab.AuditEntry {
	t.Helper()
	all, err := shared.lab.Audit(since)
	require.NoError(t, err)
	var found []lab.AuditEntry
	for _, e := range all {
		if e.Writes() && e.Resource != "leases" {
			found = append(found, e)
		}
	}
	return found
}
