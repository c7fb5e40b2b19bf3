// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/ipam"
)

// TestPoolsChange: what Services have stays, or under the policy Reassign is
// replaced when the pools do not give it any more.
func TestPoolsChange(t *testing.T) {
	before := v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.0-192.0.2.3"}}
	other := v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"198.51.100.0/24"}}
	closed := before
	closed.ServiceAllocation = &v1beta1.ServiceAllocation{Namespaces: []string{"other"}}
	avoiding := before
	avoiding.AvoidBuggyIPs = true
	manual := before
	manual.AutoAssign = new(false)
	for name, tc := range map[string]struct {
		after    map[string]v1beta1.IPAddressPoolSpec
		reassign []netip.Addr // nil: it has nothing any more
		lost     ipam.WhyLost
	}{
		"unchanged":            {after: map[string]v1beta1.IPAddressPoolSpec{"a": before, "b": other}, reassign: addrs("192.0.2.0")},
		"renamed":              {after: map[string]v1beta1.IPAddressPoolSpec{"c": before, "b": other}, reassign: addrs("192.0.2.0")},
		"autoAssign off":       {after: map[string]v1beta1.IPAddressPoolSpec{"a": manual, "b": other}, reassign: addrs("192.0.2.0")},
		"gone":                 {after: map[string]v1beta1.IPAddressPoolSpec{"b": other}, reassign: addrs("198.51.100.0"), lost: ipam.LostOutsidePools},
		"all gone":             {lost: ipam.LostOutsidePools},
		"closed":               {after: map[string]v1beta1.IPAddressPoolSpec{"a": closed, "b": other}, reassign: addrs("198.51.100.0"), lost: ipam.LostPoolNotAllowed},
		"closed, nothing else": {after: map[string]v1beta1.IPAddressPoolSpec{"a": closed}, lost: ipam.LostPoolNotAllowed},
		"left out":             {after: map[string]v1beta1.IPAddressPoolSpec{"a": avoiding, "b": other}, reassign: addrs("192.0.2.1"), lost: ipam.LostPoolNotAllowed},
	} {
		for policy, want := range map[v1beta1.AddressPolicy][]netip.Addr{v1beta1.AddressPolicyKeep: addrs("192.0.2.0"), v1beta1.AddressPolicyReassign: tc.reassign} {
			t.Run(name+"/"+string(policy), func(t *testing.T) {
				build := func(last config.Snapshot, pools map[string]v1beta1.IPAddressPoolSpec) config.Snapshot {
					objects := config.Objects{MetalLB: &v1beta1.MetalLB{Spec: v1beta1.MetalLBSpec{AddressPolicy: policy}}}
					for name, spec := range pools {
						objects.Pools = append(objects.Pools, v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
					}
					s, _, _ := config.Build(objects, last)
					return s
				}
				table := ipam.NewTable()
				first := build(config.Snapshot{}, map[string]v1beta1.IPAddressPoolSpec{"a": before})
				table.Use(first)
				svc := &ipam.Service{Key: "ns/svc", Namespace: "ns", Families: v4}
				require.Equal(t, addrs("192.0.2.0"), assign(table, svc).Addresses)
				table.Use(build(first, tc.after))
				d := ipam.Decide(svc, table, start)
				require.Equal(t, want, d.Addresses)
				switch {
				case want == nil:
					require.Equal(t, ipam.Released, d.Outcome)
				case want[0] == svc.Published[0]:
					require.Equal(t, ipam.Kept, d.Outcome)
					require.Empty(t, d.Lost)
					return
				default:
					require.Equal(t, ipam.Assigned, d.Outcome)
				}
				require.Equal(t, []ipam.Lost{{Address: svc.Published[0], Why: tc.lost}}, d.Lost)
			})
		}
	}
}

// TestWhatDrainsIsCounted, and nothing is given from it.
func TestWhatDrainsIsCounted(t *testing.T) {
	table := ipam.NewTable()
	first := snapshot(t, map[string]v1beta1.IPAddressPoolSpec{"a": {Addresses: []v1beta1.AddressRange{"192.0.2.0/24", "198.51.100.0/24"}}})
	table.Use(first)
	assign(table, &ipam.Service{Key: "ns/a", Families: v4})
	assign(table, &ipam.Service{Key: "ns/b", Families: v4})
	last, _, _ := config.Build(config.Objects{}, first)
	table.Use(last)
	require.Len(t, last.Draining(), 2)
	require.Equal(t, int64(2), table.InUse(last.Draining()[0]))
	require.Zero(t, table.InUse(last.Draining()[1]))

	asks := &ipam.Service{Key: "ns/c", Families: v4, RequestedAddresses: addrs("198.51.100.7")}
	require.Equal(t, ipam.ReasonInvalidRequest, ipam.Decide(asks, table, start).Reason)
	require.Equal(t, ipam.ReasonNoPool, ipam.Decide(&ipam.Service{Key: "ns/d", Families: v4}, table, start).Reason)
	table.Release("ns/a", start)
	require.Equal(t, int64(1), table.InUse(last.Draining()[0]))

	// Back in a pool, they are assigned again.
	table.Use(first)
	counts, _, _ := table.CountsOf("a")
	require.Equal(t, ipam.Counts{Assigned: 1, Available: 511}, counts)
	_, _, ok := table.CountsOf("b")
	require.False(t, ok)
}
