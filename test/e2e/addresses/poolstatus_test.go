// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/test/install"
	"metallb.io/metallb/test/labtest"
)

const conditionNearlyExhausted = "NearlyExhausted"

// counters are those of the status of a pool.
type counters struct{ assigned4, available4, assigned6, available6, draining4, draining6 int64 }

// requireCounters waits until the status of a pool has these counters. What has not
// been counted yet is no 0, apart from what drains.
func requireCounters(t *testing.T, pool *v1beta1.IPAddressPool, want counters) {
	t.Helper()
	value := func(counter *int64, missing int64) int64 {
		if counter == nil {
			return missing
		}
		return *counter
	}
	require.NoError(t, install.Until(labtest.Limit(t, patience), shared.client, pool, func() (string, bool) {
		s := pool.Status
		found := counters{
			value(s.AssignedIPv4, -1), value(s.AvailableIPv4, -1), value(s.AssignedIPv6, -1), value(s.AvailableIPv6, -1),
			value(s.DrainingIPv4, 0), value(s.DrainingIPv6, 0),
		}
		return fmt.Sprintf("the pool %s counts %+v instead of %+v", pool.Name, found, want), found == want
	}))
}

func TestPoolStatus(t *testing.T) {
	ns := namespace(t)
	b := newBlock()
	pool := b.pool("pool", b.range4(1, 10), b.range6(1, 4))
	plain := onRequest(b.pool("plain", "198.18.254.0/24"))
	plain.Spec.AvoidBuggyIPs = true
	vast := onRequest(b.pool("vast", v1beta1.AddressRange("2001:db8:1:"+fmt.Sprintf("%x", int(b))+"::/64")))
	havePools(t, pool, plain, vast)

	requireCounters(t, pool, counters{available4: 10, available6: 4})
	requireCounters(t, plain, counters{available4: 254})
	requireCounters(t, vast, counters{available6: math.MaxInt64})

	first := expose(t, ns, "first", stacks(requireDual, v4, v6))
	requireCounters(t, pool, counters{assigned4: 1, available4: 9, assigned6: 1, available6: 3})
	second := expose(t, ns, "second", sharing("key"))
	third := expose(t, ns, "third", asking(b.v4(2)), sharing("key"), onPort(corev1.ProtocolTCP, 443))
	requireGiven(t, second, pool, b.v4(2))
	requireGiven(t, third, pool, b.v4(2))
	requireCounters(t, pool, counters{assigned4: 2, available4: 8, assigned6: 1, available6: 3}) // shared counts once
	remove(t, second)
	remove(t, first)
	requireCounters(t, pool, counters{assigned4: 1, available4: 9, available6: 4})

	t.Run("what was removed drains", func(t *testing.T) {
		setAddresses(t, pool, b.range4(5, 10))
		requireCounters(t, pool, counters{available4: 6, draining4: 1})
		remove(t, third)
		requireCounters(t, pool, counters{available4: 6})
	})
}

// TestPoolStatusIsExactAfterABurst makes Services and deletes half of them at the
// same time.
func TestPoolStatusIsExactAfterABurst(t *testing.T) {
	const clients, count = 16, 100
	ns := namespace(t)
	_, pool := onePool(t, count)
	deleteServicesAfter(t, ns)
	var group errgroup.Group
	group.SetLimit(clients)
	for i := range count {
		group.Go(func() error {
			svc := describe(ns.Name, fmt.Sprintf("svc-%d", i))
			if err := shared.client.Create(t.Context(), svc); err != nil || i%2 == 0 {
				return err
			}
			return shared.client.Delete(t.Context(), svc)
		})
	}
	require.NoError(t, group.Wait())
	requireCounters(t, pool, counters{assigned4: count / 2, available4: count / 2})
}

func TestPoolThatIsNearlyExhaustedSaysSo(t *testing.T) {
	ns := namespace(t)
	_, pool := onePool(t, 10)
	services := haveServices(t, ns, pool, 10)
	nearly := func() bool { return meta.IsStatusConditionTrue(pool.Status.Conditions, conditionNearlyExhausted) }
	require.NoError(t, install.Until(labtest.Limit(t, patience), shared.client, pool, func() (string, bool) {
		return fmt.Sprintf("it is full, and has the conditions %+v", pool.Status.Conditions), nearly()
	}))
	condition := meta.FindStatusCondition(pool.Status.Conditions, conditionNearlyExhausted)
	require.NotEmpty(t, condition.Message)
	require.Equal(t, metav1.ConditionTrue, condition.Status)

	for _, svc := range services[1:] {
		remove(t, svc)
	}
	require.NoError(t, install.Until(labtest.Limit(t, patience), shared.client, pool, func() (string, bool) {
		return fmt.Sprintf("it is nearly empty, and has the conditions %+v", pool.Status.Conditions), !nearly()
	}))
}
