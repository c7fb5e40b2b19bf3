// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
)

func decision(name, addr string, reason Reason, holder string) Decision {
	return Decision{
		Service: types.NamespacedName{Namespace: "default", Name: name},
		Address: netip.MustParseAddr(addr), Reason: reason, Holder: holder,
	}
}

func TestDiff(t *testing.T) {
	before := NodePlan{Decisions: []Decision{
		decision("a", "192.0.2.1", Announced, "node1"),
		decision("b", "192.0.2.2", NotElected, "node2"),
		decision("c", "192.0.2.3", NotElected, "node2"),
		decision("d", "192.0.2.4", Announced, "node1"),
		decision("e", "192.0.2.5", Announced, "node1"),
	}}
	after := NodePlan{Decisions: []Decision{
		decision("b", "192.0.2.2", Announced, "node1"),
		decision("c", "192.0.2.3", NotElected, "node3"),
		decision("d", "192.0.2.4", NoEndpoints, ""),
		decision("e", "192.0.2.5", Announced, "node1"),
		decision("f", "192.0.2.6", Announced, "node1"),
	}}
	require.Equal(t, []Change{
		{Decision: decision("a", "192.0.2.1", ServiceGone, ""), Before: Announced},
		{Decision: decision("b", "192.0.2.2", Announced, "node1"), Before: NotElected},
		{Decision: decision("c", "192.0.2.3", NotElected, "node3"), Before: NotElected},
		{Decision: decision("d", "192.0.2.4", NoEndpoints, ""), Before: Announced},
		{Decision: decision("f", "192.0.2.6", Announced, "node1")},
	}, Diff(before, after))
	require.Empty(t, Diff(after, after))
}

func TestStartedAndStopped(t *testing.T) {
	for _, tc := range []struct {
		before, after    Reason
		started, stopped bool
	}{
		{"", Announced, true, false},
		{NotElected, Announced, true, false},
		{Announced, Announced, false, false},
		{Announced, ServiceGone, false, true},
		{NotElected, NoEndpoints, false, false},
	} {
		c := Change{Decision: Decision{Reason: tc.after}, Before: tc.before}
		require.Equal(t, tc.started, c.Started(), "%s -> %s", tc.before, tc.after)
		require.Equal(t, tc.stopped, c.Stopped(), "%s -> %s", tc.before, tc.after)
	}
}

// Whatever changes: what was held or started, and did not stop, is held. (The
// Services of randomInput share no addresses.)
func TestDiffAccountsForEveryHold(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		before, after := Build(randomInput(t, rng)), Build(randomInput(t, rng))
		held := make(map[netip.Addr]bool)
		for _, hold := range before.Holds {
			held[hold.Address] = true
		}
		for _, c := range Diff(before, after) {
			switch {
			case c.Started():
				held[c.Address] = true
			case c.Stopped():
				delete(held, c.Address)
			}
		}
		for _, hold := range after.Holds {
			require.True(t, held[hold.Address], "%s is held without a start", hold.Address)
			delete(held, hold.Address)
		}
		require.Empty(t, held, "held without an end")
	}
}
