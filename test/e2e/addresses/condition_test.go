// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"metallb.io/metallb/api/v1beta1"
)

// TestRefusalNamesEveryPool has each pool pass a Service over for another reason.
func TestRefusalNamesEveryPool(t *testing.T) {
	b := newBlock()
	full := b.pool("full", b.range4(1, 1))
	closed := only(b.pool("closed", b.range4(11, 20)), v1beta1.ServiceAllocation{Namespaces: []string{"another"}})
	reserved := onRequest(b.pool("reserved", b.range4(21, 30)))
	six := b.pool("six", b.range6(1, 10))
	havePools(t, full, closed, reserved, six)
	ns := namespace(t)
	owner := expose(t, ns, "owner")
	requireGiven(t, owner, full, b.v4(1))

	svc := expose(t, ns, "waiter")
	requireRefused(t, svc, "Exhausted", full.Name, closed.Name, reserved.Name, six.Name)
	remove(t, owner)
	requireGiven(t, svc, full, b.v4(1))
	require.Contains(t, assigned(svc).Message, full.Name)
	require.Contains(t, assigned(svc).Message, b.v4(1))
}

// TestNothingIsRepeated: Services come, wait and go, and nobody writes to those that
// this changes nothing for. Their events are not repeated either.
func TestNothingIsRepeated(t *testing.T) {
	ns := namespace(t)
	b, pool := onePool(t, 10)
	busy := onRequest(b.pool("busy", b.range4(11, 11)))
	havePools(t, busy)
	owner := expose(t, ns, "owner", from(busy))
	requireGiven(t, owner, busy)
	kept := expose(t, ns, "kept", sharing("key"))
	requireGiven(t, kept, pool, b.v4(1))
	waiting := expose(t, ns, "waiting", asking(b.v4(11)))
	requireRefused(t, waiting, "AddressInUse", b.v4(11), owner.Name)
	nowhere := expose(t, ns, "nowhere", annotated("metallb.io/address-pool", "absent"))
	requireRefused(t, nowhere, "PoolNotFound")

	for i := range 5 {
		other := expose(t, ns, fmt.Sprintf("other-%d", i))
		requireGiven(t, other, pool)
		sharer := expose(t, ns, fmt.Sprintf("sharer-%d", i), sharing("key"), onPort(corev1.ProtocolTCP, 443))
		requireGiven(t, sharer, pool)
		remove(t, other)
		remove(t, sharer)
	}
	setAddresses(t, pool, b.range4(1, 9)) // an edit that concerns none of them
	requireQuiet(t, owner, kept, waiting, nowhere)
	requireOneEvent(t, kept, "IPAllocated")
	requireOneEvent(t, waiting, "AllocationFailed")
	requireOneEvent(t, nowhere, "AllocationFailed")
}

// TestEvents: users who know MetalLB look for its reasons.
func TestEvents(t *testing.T) {
	ns := namespace(t)
	b, pool := onePool(t, 10)
	svc := expose(t, ns, "svc", annotated("metallb.universe.tf/loadBalancerIPs", b.v4(3)))
	requireGiven(t, svc, pool, b.v4(3))
	requireOneEvent(t, svc, "IPAllocated")
	requireOneEvent(t, svc, "deprecatedAnnotation")

	for reason, change := range map[string]func(*corev1.Service){
		"AllocationFailed":   annotated("metallb.io/address-pool", "absent"),
		"LoadBalancerFailed": asking("198.18.0"),
	} {
		requireOneEvent(t, expose(t, ns, strings.ToLower(reason), change), reason)
	}
}

// requireOneEvent waits until a Service has an event of a reason, and checks that it is
// neither repeated nor followed by another one.
func requireOneEvent(t *testing.T, svc *corev1.Service, reason string) {
	t.Helper()
	var found int
	require.Eventually(t, func() bool {
		var list eventsv1.EventList
		if err := shared.client.List(t.Context(), &list, client.InNamespace(svc.Namespace)); err != nil {
			return false
		}
		found = 0
		for _, e := range list.Items {
			if e.Regarding.UID != svc.UID || e.Reason != reason {
				continue
			}
			found++
			if e.Series != nil {
				found += int(e.Series.Count) - 1
			}
		}
		return found > 0
	}, patience, pollInterval, "an event %s of %s", reason, svc.Name)
	require.Equal(t, 1, found, "events %s of %s", reason, svc.Name)
}

// TestServiceThatLeavesTheTypeIsTidiedUp: nothing of ours stays on it.
func TestServiceThatLeavesTheTypeIsTidiedUp(t *testing.T) {
	ns := namespace(t)
	_, pool := onePool(t, 10)
	given, waiting := expose(t, ns, "given"), expose(t, ns, "waiting", annotated("metallb.io/address-pool", "absent"))
	requireGiven(t, given, pool)
	requireRefused(t, waiting, "PoolNotFound")
	for _, svc := range []*corev1.Service{given, waiting} {
		edit(t, svc, ofType(corev1.ServiceTypeClusterIP), annotated("metallb.io/address-pool", ""))
		untilService(t, svc, func() bool { return assigned(svc) == nil && len(svc.Annotations) == 0 })
		require.Empty(t, addressesOf(svc))
		requireCounters(t, pool, counters{available4: 10})
	}
	t.Run("and has an address again when it is back", func(t *testing.T) {
		edit(t, waiting, ofType(corev1.ServiceTypeLoadBalancer))
		requireGiven(t, waiting, pool)
	})
}
