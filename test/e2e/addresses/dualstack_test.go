// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"metallb.io/metallb/api/v1beta1"
)

const (
	preferDual  = corev1.IPFamilyPolicyPreferDualStack
	requireDual = corev1.IPFamilyPolicyRequireDualStack
	singleStack = corev1.IPFamilyPolicySingleStack
	v4, v6      = corev1.IPv4Protocol, corev1.IPv6Protocol
)

// TestDualStack has Services of every policy choose among pools of every kind.
func TestDualStack(t *testing.T) {
	ns := namespace(t)
	for name, tc := range map[string]struct {
		// The pools, by the order of their names: which families they have.
		pools [][]corev1.IPFamily
		svc   func(*corev1.Service)
		pool  int // the one that is used; -1 if none can be
		want  []corev1.IPFamily
	}{
		"prefers both families to the first pool": {pools: [][]corev1.IPFamily{{v4}, {v6}, {v4, v6}}, svc: stacks(preferDual, v4, v6), pool: 2, want: []corev1.IPFamily{v4, v6}},
		"both, IPv6 first":                        {pools: [][]corev1.IPFamily{{v4, v6}}, svc: stacks(preferDual, v6, v4), pool: 0, want: []corev1.IPFamily{v6, v4}},
		"makes do with IPv4, if that is first":    {pools: [][]corev1.IPFamily{{v6}, {v4}}, svc: stacks(preferDual, v4, v6), pool: 1, want: []corev1.IPFamily{v4}},
		"makes do with IPv6, if that is first":    {pools: [][]corev1.IPFamily{{v4}, {v6}}, svc: stacks(preferDual, v6, v4), pool: 1, want: []corev1.IPFamily{v6}},
		"makes do with IPv4, if no IPv6 is there": {pools: [][]corev1.IPFamily{{v4}}, svc: stacks(preferDual, v6, v4), pool: 0, want: []corev1.IPFamily{v4}},
		"makes do with IPv6, if no IPv4 is there": {pools: [][]corev1.IPFamily{{v6}}, svc: stacks(preferDual, v4, v6), pool: 0, want: []corev1.IPFamily{v6}},
		"requires both, of one pool":              {pools: [][]corev1.IPFamily{{v4}, {v6}, {v4, v6}}, svc: stacks(requireDual, v4, v6), pool: 2, want: []corev1.IPFamily{v4, v6}},
		"requires both, IPv6 first":               {pools: [][]corev1.IPFamily{{v4, v6}}, svc: stacks(requireDual, v6, v4), pool: 0, want: []corev1.IPFamily{v6, v4}},
		"requires both, which no pool has":        {pools: [][]corev1.IPFamily{{v4}, {v6}}, svc: stacks(requireDual, v4, v6), pool: -1},
		"one family, of a pool of both":           {pools: [][]corev1.IPFamily{{v4, v6}}, svc: stacks(singleStack, v6), pool: 0, want: []corev1.IPFamily{v6}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBlock()
			var pools []*v1beta1.IPAddressPool
			for i, families := range tc.pools {
				pool := b.pool(string(rune('a' + i)))
				for _, family := range families {
					pool.Spec.Addresses = append(pool.Spec.Addresses, map[corev1.IPFamily]v1beta1.AddressRange{
						v4: b.range4(16*i+1, 16*i+9), v6: b.range6(16*i+1, 16*i+9),
					}[family])
				}
				pools = append(pools, pool)
			}
			havePools(t, pools...)
			svc := expose(t, ns, "svc", tc.svc)
			if tc.pool < 0 {
				requireRefused(t, svc, "Exhausted", pools[0].Name, pools[1].Name)
				return
			}
			var want []string
			for _, family := range tc.want {
				want = append(want, map[corev1.IPFamily]string{v4: b.v4(16*tc.pool + 1), v6: b.v6(16*tc.pool + 1)}[family])
			}
			requireGiven(t, svc, pools[tc.pool], want...)
		})
	}
}

// TestSecondAddressIsAdded: a Service that made do with one family gets the other
// when it can, from the same pool, and keeps what it has.
func TestSecondAddressIsAdded(t *testing.T) {
	ns := namespace(t)
	t.Run("its pool gets the family", func(t *testing.T) {
		b, pool := onePool(t, 10)
		svc := expose(t, ns, "svc", stacks(preferDual, v4, v6))
		requireGiven(t, svc, pool, b.v4(1))
		setAddresses(t, pool, b.range4(1, 10), b.range6(1, 10))
		requireGiven(t, svc, pool, b.v4(1), b.v6(1))
	})
	t.Run("an address of its pool comes free", func(t *testing.T) {
		b := newBlock()
		pool := b.pool("pool", b.range4(1, 10), b.range6(1, 1))
		havePools(t, pool)
		owner := expose(t, ns, "owner", stacks(singleStack, v6))
		requireGiven(t, owner, pool, b.v6(1))
		svc := expose(t, ns, "svc", stacks(preferDual, v4, v6))
		requireGiven(t, svc, pool, b.v4(1))
		remove(t, owner)
		requireGiven(t, svc, pool, b.v4(1), b.v6(1))
	})
	t.Run("its policy changes", func(t *testing.T) {
		b := newBlock()
		pool := b.pool("pool", b.range4(1, 10), b.range6(1, 10))
		havePools(t, pool)
		svc := expose(t, ns, "svc", stacks(singleStack, v4))
		requireGiven(t, svc, pool, b.v4(1))
		edit(t, svc, stacks(preferDual, v4, v6))
		requireGiven(t, svc, pool, b.v4(1), b.v6(1))
		t.Run("to require both", func(t *testing.T) {
			edit(t, svc, stacks(requireDual, v4, v6))
			requireQuiet(t, svc)
		})
		t.Run("back to prefer both", func(t *testing.T) {
			edit(t, svc, stacks(preferDual, v4, v6))
			requireQuiet(t, svc)
		})
		t.Run("to one family", func(t *testing.T) {
			edit(t, svc, func(svc *corev1.Service) {
				stacks(singleStack, v4)(svc)
				svc.Spec.ClusterIPs = svc.Spec.ClusterIPs[:1]
			})
			requireGiven(t, svc, pool, b.v4(1))
			requireGiven(t, expose(t, ns, "next", stacks(singleStack, v6)), pool, b.v6(1))
		})
	})
	t.Run("another pool of both does not lure it away", func(t *testing.T) {
		b, pool := onePool(t, 10)
		svc := expose(t, ns, "svc", stacks(preferDual, v4, v6))
		requireGiven(t, svc, pool, b.v4(1))
		better := b.pool("better", b.range4(21, 30), b.range6(21, 30))
		havePools(t, better)
		requireGiven(t, expose(t, ns, "next", stacks(preferDual, v4, v6)), better, b.v4(21), b.v6(21))
		requireKept(t, svc)
		require.Equal(t, pool.Name, svc.Annotations[allocatedFrom])

		t.Run("nor does a policy that requires both take its address", func(t *testing.T) {
			edit(t, svc, stacks(requireDual, v4, v6))
			setAddresses(t, pool, b.range4(1, 10), b.range6(1, 10))
			untilService(t, svc, func() bool { return len(addressesOf(svc)) == 2 })
		})
	})
}
