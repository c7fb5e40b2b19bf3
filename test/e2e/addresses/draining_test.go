// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"metallb.io/metallb/api/v1beta1"
)

// haveServices makes Services, each of which has an address of a pool then.
func haveServices(t *testing.T, ns *corev1.Namespace, pool *v1beta1.IPAddressPool, count int) []*corev1.Service {
	t.Helper()
	var all []*corev1.Service
	for i := range count {
		all = append(all, expose(t, ns, fmt.Sprintf("svc-%d", i)))
	}
	for _, svc := range all {
		requireGiven(t, svc, pool)
	}
	return all
}

// TestAddressesStayWithoutTheirPool deletes the only pool, and makes it again. In
// MetalLB every Service loses its address.
func TestAddressesStayWithoutTheirPool(t *testing.T) {
	ns := namespace(t)
	b, pool := onePool(t, 5)
	services := haveServices(t, ns, pool, 3)

	remove(t, pool)
	withoutPool(t, pool.Name)
	late := expose(t, ns, "late")
	requireRefused(t, late, "NoPool")
	requireKept(t, services...)
	for _, svc := range services {
		requireConsistent(t, svc, pool.Name)
	}
	untilDraining(t, pool.Name, func(inUse int64, _ bool) bool { return inUse == 3 })

	t.Run("what is let go of is given to nobody", func(t *testing.T) {
		freed := addressesOf(services[0])[0]
		remove(t, services[0])
		services = services[1:]
		untilDraining(t, pool.Name, func(inUse int64, _ bool) bool { return inUse == 2 })
		asker := expose(t, ns, "asker", asking(freed))
		requireRefused(t, asker, "InvalidRequest", freed)
		remove(t, asker)
		requireUnwritten(t, late)
	})
	t.Run("the pool made again has them", func(t *testing.T) {
		pool = b.pool("pool", b.range4(1, 5))
		havePools(t, pool)
		requireGiven(t, late, pool)
		requireKept(t, services...)
		requireCounters(t, pool, counters{assigned4: 3, available4: 2})
		taken := map[string]bool{}
		for _, svc := range append(services, late) {
			require.False(t, taken[addressesOf(svc)[0]], "%s has the address of another one", svc.Name)
			taken[addressesOf(svc)[0]] = true
		}
	})
}

// TestAddressOutsideItsPoolStays takes an address out of a pool that a Service has.
func TestAddressOutsideItsPoolStays(t *testing.T) {
	ns := namespace(t)
	b, pool := onePool(t, 5)
	svc := haveServices(t, ns, pool, 1)[0]

	setAddresses(t, pool, b.range4(101, 105))
	requireGiven(t, expose(t, ns, "next"), pool, b.v4(101))
	requireKept(t, svc)
	requireConsistent(t, svc, pool.Name)
	requireCounters(t, pool, counters{assigned4: 1, available4: 4, draining4: 1})
	asker := expose(t, ns, "asker", asking(b.v4(2)))
	requireRefused(t, asker, "InvalidRequest", b.v4(2))
	remove(t, asker)

	t.Run("also when another pool has it", func(t *testing.T) {
		other := b.pool("other", b.range4(1, 5))
		havePools(t, other)
		requireGiven(t, expose(t, ns, "of-the-other", from(other)), other, b.v4(2))
		requireKept(t, svc)
		remove(t, svc)
		requireGiven(t, expose(t, ns, "successor", from(other)), other, b.v4(1))
		requireCounters(t, pool, counters{assigned4: 1, available4: 4})
	})
}

// TestReassign: with addressPolicy Reassign, as in MetalLB, an address that no pool
// has is replaced.
func TestReassign(t *testing.T) {
	ns := namespace(t)
	b, pool := onePool(t, 5)
	svc := haveServices(t, ns, pool, 1)[0]
	setAddresses(t, pool, b.range4(101, 105))
	requireGiven(t, expose(t, ns, "next"), pool, b.v4(101))
	requireKept(t, svc)

	afterwards(t, func(ctx context.Context) error { return configure(ctx, keepAddresses) })
	require.NoError(t, configure(t.Context(), func(spec *v1beta1.MetalLBSpec) { spec.AddressPolicy = v1beta1.AddressPolicyReassign }))
	untilService(t, svc, func() bool { return len(addressesOf(svc)) == 1 && addressesOf(svc)[0] == b.v4(102) })
	requireConsistent(t, svc, pool.Name)

	setAddresses(t, pool, b.range4(111, 115))
	untilService(t, svc, func() bool { return len(addressesOf(svc)) == 1 && addressesOf(svc)[0] != b.v4(102) })
	requireConsistent(t, svc, pool.Name)

	alone := expose(t, ns, "alone")
	requireGiven(t, alone, pool)
	remove(t, pool)
	requireRefused(t, alone, "NoPool")
	pool = b.pool("pool", b.range4(121, 125))
	havePools(t, pool)
	requireGiven(t, alone, pool)
	requireGiven(t, svc, pool)

	require.NoError(t, configure(t.Context(), keepAddresses))
	// Nothing tells when the controller knows: in the end, an edit leaves the address.
	kept := false
	for attempt := 0; !kept && attempt < 10; attempt++ {
		had := addressesOf(svc)[0]
		first := 131 + attempt%2*10
		setAddresses(t, pool, b.range4(first, first+9))
		require.NoError(t, sleep(t.Context(), quiet))
		untilService(t, svc, func() bool { return len(addressesOf(svc)) == 1 })
		kept = addressesOf(svc)[0] == had
	}
	require.True(t, kept, "the edits move %s still", svc.Name)
	requireConsistent(t, svc, pool.Name)
}

func keepAddresses(spec *v1beta1.MetalLBSpec) { spec.AddressPolicy = v1beta1.AddressPolicyKeep }
