// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/ipam"
)

func TestFamiliesChange(t *testing.T) {
	off := new(false)
	table := ipam.NewTable()
	table.Use(snapshot(t, map[string]v1beta1.IPAddressPoolSpec{
		"a-four":  {Addresses: []v1beta1.AddressRange{"192.0.2.0/24"}},
		"b-both":  {Addresses: []v1beta1.AddressRange{"198.51.100.0/24", "2001:db8::/64"}},
		"c-both":  {Addresses: []v1beta1.AddressRange{"203.0.113.0/24", "2001:db8:c::/64"}, AutoAssign: off},
		"d-small": {Addresses: []v1beta1.AddressRange{"100.64.0.0/24", "2001:db8:d::/128"}, AutoAssign: off},
		"e-team":  {Addresses: []v1beta1.AddressRange{"100.64.1.0/24", "2001:db8:e::/64"}, ServiceAllocation: &v1beta1.ServiceAllocation{Namespaces: []string{"team"}}},
	}))
	table.Hold(&ipam.Service{Key: "ns/other"}, addrs("2001:db8:d::"), start)
	six, dual, dual6 := []ipam.Family{ipam.IPv6}, []ipam.Family{ipam.IPv4, ipam.IPv6}, []ipam.Family{ipam.IPv6, ipam.IPv4}
	for name, tc := range map[string]struct {
		svc     ipam.Service
		want    []netip.Addr
		outcome ipam.Outcome
		reason  ipam.Reason
		missing ipam.Family
		lost    ipam.WhyLost
	}{
		"prefers two, grows in its pool": {
			svc:  ipam.Service{Families: dual, SingleStackSuffices: true, Published: addrs("198.51.100.9")},
			want: addrs("198.51.100.9", "2001:db8::"), outcome: ipam.Assigned, reason: ipam.ReasonAssigned,
		},
		"prefers two, grows in the order of its families": {
			svc:  ipam.Service{Families: dual6, SingleStackSuffices: true, Published: addrs("198.51.100.9")},
			want: addrs("2001:db8::", "198.51.100.9"), outcome: ipam.Assigned, reason: ipam.ReasonAssigned,
		},
		"prefers two, grows in its pool that assigns nothing by itself": {
			svc:  ipam.Service{Families: dual, SingleStackSuffices: true, Published: addrs("203.0.113.9")},
			want: addrs("203.0.113.9", "2001:db8:c::"), outcome: ipam.Assigned, reason: ipam.ReasonAssigned,
		},
		"prefers two, its pool has one family": {
			svc:  ipam.Service{Families: dual, SingleStackSuffices: true, Published: addrs("192.0.2.9")},
			want: addrs("192.0.2.9"), outcome: ipam.Kept, reason: ipam.ReasonKept, missing: ipam.IPv6,
		},
		"prefers two, its pool is exhausted": {
			svc:  ipam.Service{Families: dual, SingleStackSuffices: true, Published: addrs("100.64.0.9")},
			want: addrs("100.64.0.9"), outcome: ipam.Kept, reason: ipam.ReasonKept, missing: ipam.IPv6,
		},
		"prefers two, its pool is for others now": {
			svc:  ipam.Service{Families: dual, SingleStackSuffices: true, Published: addrs("100.64.1.9")},
			want: addrs("100.64.1.9"), outcome: ipam.Kept, reason: ipam.ReasonKept, missing: ipam.IPv6,
		},
		"requires two, its pool is for others now": {
			svc:  ipam.Service{Families: dual, RequiresDualStack: true, Published: addrs("100.64.1.9")},
			want: addrs("198.51.100.0", "2001:db8::"), outcome: ipam.Assigned, reason: ipam.ReasonAssigned, lost: ipam.LostRequest,
		},
		"prefers two, asks for one address": {
			svc:  ipam.Service{Families: dual, SingleStackSuffices: true, Published: addrs("198.51.100.9"), RequestedAddresses: addrs("198.51.100.9")},
			want: addrs("198.51.100.9"), outcome: ipam.Kept, reason: ipam.ReasonKept,
		},
		"prefers two, outside the pools": {
			svc:  ipam.Service{Families: dual, SingleStackSuffices: true, Published: addrs("10.9.9.9"), AllocatedFrom: "b-both"},
			want: addrs("10.9.9.9"), outcome: ipam.Kept, reason: ipam.ReasonOutsidePools, missing: ipam.IPv6,
		},
		"requires two, grows in its pool": {
			svc:  ipam.Service{Families: dual, RequiresDualStack: true, Published: addrs("198.51.100.9")},
			want: addrs("198.51.100.9", "2001:db8::"), outcome: ipam.Assigned, reason: ipam.ReasonAssigned,
		},
		"requires two, moves to a pool that has both": {
			svc:  ipam.Service{Families: dual, RequiresDualStack: true, Published: addrs("192.0.2.9")},
			want: addrs("198.51.100.0", "2001:db8::"), outcome: ipam.Assigned, reason: ipam.ReasonAssigned, lost: ipam.LostRequest,
		},
		"requires two, with one cluster IP": {
			svc:  ipam.Service{Families: v4, RequiresDualStack: true, Published: addrs("192.0.2.9")},
			want: addrs("192.0.2.9"), outcome: ipam.Refused, reason: ipam.ReasonNotEnoughClusterIPs,
		},
		"shrinks to IPv4": {
			svc:  ipam.Service{Families: v4, Published: addrs("198.51.100.9", "2001:db8::9")},
			want: addrs("198.51.100.9"), outcome: ipam.Kept, reason: ipam.ReasonKept, lost: ipam.LostFamily,
		},
		"shrinks to IPv6": {
			svc:  ipam.Service{Families: six, Published: addrs("198.51.100.9", "2001:db8::9")},
			want: addrs("2001:db8::9"), outcome: ipam.Kept, reason: ipam.ReasonKept, lost: ipam.LostFamily,
		},
		"shrinks outside the pools": {
			svc:  ipam.Service{Families: v4, Published: addrs("10.9.9.9", "fd00::9"), AllocatedFrom: "gone"},
			want: addrs("10.9.9.9"), outcome: ipam.Kept, reason: ipam.ReasonOutsidePools, lost: ipam.LostFamily,
		},
		"two of one family": {
			svc:  ipam.Service{Families: v4, Published: addrs("198.51.100.9", "198.51.100.10")},
			want: addrs("198.51.100.9"), outcome: ipam.Kept, reason: ipam.ReasonKept, lost: ipam.LostFamily,
		},
		"of the other family": {
			svc:  ipam.Service{Families: six, Published: addrs("198.51.100.9")},
			want: addrs("2001:db8::"), outcome: ipam.Assigned, reason: ipam.ReasonAssigned, lost: ipam.LostFamily,
		},
		"no cluster IP any more": {
			svc: ipam.Service{Published: addrs("198.51.100.9")}, outcome: ipam.Released, reason: ipam.ReasonNoClusterIP, lost: ipam.LostFamily,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.svc.Key = "ns/svc"
			d := ipam.Decide(&tc.svc, table, start)
			require.Equal(t, tc.want, d.Addresses, d.Message())
			require.Equal(t, tc.outcome, d.Outcome)
			require.Equal(t, tc.reason, d.Reason)
			require.Equal(t, tc.missing, d.Missing)
			if tc.lost == "" {
				require.Empty(t, d.Lost)
			} else {
				require.Len(t, d.Lost, 1)
				require.Equal(t, tc.lost, d.Lost[0].Why)
			}
		})
	}
}

// TestGrowingIsNoReasonToMove: the pool that the Service asks for, and that the
// address came from, has lost it to another one.
func TestGrowingIsNoReasonToMove(t *testing.T) {
	table := ipam.NewTable()
	table.Use(snapshot(t, map[string]v1beta1.IPAddressPoolSpec{
		"a": {Addresses: []v1beta1.AddressRange{"192.0.2.0/24", "2001:db8::/64"}},
		"b": {Addresses: []v1beta1.AddressRange{"198.51.100.0/24", "2001:db8:b::/64"}},
	}))
	svc := &ipam.Service{
		Key: "ns/svc", Families: []ipam.Family{ipam.IPv4, ipam.IPv6}, SingleStackSuffices: true,
		Published: addrs("198.51.100.9"), AllocatedFrom: "a", RequestedPool: "a",
	}
	for range 2 {
		require.Equal(t, addrs("198.51.100.9", "2001:db8:b::"), assign(table, svc).Addresses)
		require.Equal(t, "a", svc.AllocatedFrom)
	}
}
