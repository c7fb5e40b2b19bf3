// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/test/install"
)

// TestAddressesStayWithTheNextLeader: Services of every kind keep what they have, and
// nobody writes to those that have all that they ask for.
func TestAddressesStayWithTheNextLeader(t *testing.T) {
	freshControllers(t)
	ns := namespace(t)
	b := newBlock()
	pool := b.pool("pool", b.range4(1, 6), b.range6(1, 6))
	scarce := onRequest(b.pool("scarce", b.range4(11, 11)))
	gone := onRequest(b.pool("gone", b.range4(21, 21)))
	havePools(t, pool, scarce, gone)

	// The youngest of them would be first by name.
	draining := expose(t, ns, "i-drains", from(gone))
	requireGiven(t, draining, gone, b.v4(21))
	satisfied := []*corev1.Service{
		draining,
		expose(t, ns, "h-owner", from(scarce)),
		expose(t, ns, "g-of-two", stacks(requireDual, v4, v6)),
		expose(t, ns, "f-shared", sharing("key")),
		expose(t, ns, "e-sharer", sharing("key"), onPort(corev1.ProtocolTCP, 443)),
		expose(t, ns, "d-asker", asking(b.v4(6))),
		expose(t, ns, "c-any"),
	}
	for _, svc := range satisfied {
		untilService(t, svc, func() bool { return len(addressesOf(svc)) == len(svc.Spec.IPFamilies) })
	}
	half := expose(t, ns, "b-prefers-both", stacks(preferDual, v4, v6), from(scarce))
	requireRefused(t, half, "Exhausted")
	waiter := exposeLater(t, ns, "a-waiter", half, from(scarce))
	requireRefused(t, waiter, "Exhausted")
	remove(t, gone)
	withoutPool(t, gone.Name)
	require.NoError(t, sleep(t.Context(), quiet)) // whose pool is gone may be told so
	requireKept(t, satisfied...)

	for _, change := range []struct {
		name string
		make func(*testing.T)
	}{
		{"the leader is deleted", func(t *testing.T) {
			process, identity := leader(t)
			remove(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: process.Pod}})
			requireSuccessor(t, identity)
		}},
		{"the leader is killed", func(t *testing.T) {
			process, identity := leader(t)
			require.NoError(t, process.Kill())
			requireSuccessor(t, identity)
		}},
		{"all controllers are killed", killControllers},
	} {
		t.Run(change.name, func(t *testing.T) {
			change.make(t)
			requireGiven(t, expose(t, ns, "next"), pool)
			requireKept(t, waiter, half)
			requireUnwritten(t, satisfied...)
		})
	}
	remove(t, satisfied[1])
	untilService(t, half, func() bool { return len(addressesOf(half)) == 1 })
	requireUnwritten(t, satisfied[2:]...)
}
