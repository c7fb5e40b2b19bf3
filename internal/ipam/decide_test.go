// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/ipam"
)

func snapshot(t testing.TB, pools map[string]v1beta1.IPAddressPoolSpec) config.Snapshot {
	t.Helper()
	var objects config.Objects
	for name, spec := range pools {
		objects.Pools = append(objects.Pools, v1beta1.IPAddressPool{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
	}
	s, verdicts, _ := config.Build(objects, config.Snapshot{})
	for _, v := range verdicts {
		require.True(t, v.Accepted(), "%v", v.Errors)
	}
	return s
}

// start is when tests begin.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func addrs(text ...string) (out []netip.Addr) {
	for _, a := range text {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestDecide(t *testing.T) {
	off := false
	pools := snapshot(t, map[string]v1beta1.IPAddressPoolSpec{
		"a":    {Addresses: []v1beta1.AddressRange{"192.0.2.0-192.0.2.2"}, AvoidBuggyIPs: true},
		"b":    {Addresses: []v1beta1.AddressRange{"198.51.100.1-198.51.100.2", "2001:db8::1-2001:db8::2"}},
		"shop": {Addresses: []v1beta1.AddressRange{"100.64.1.0/24"}, ServiceAllocation: &v1beta1.ServiceAllocation{Namespaces: []string{"shop"}}},
		"shop-web": {Addresses: []v1beta1.AddressRange{"100.64.2.0/24"}, ServiceAllocation: &v1beta1.ServiceAllocation{
			Priority: 5, Namespaces: []string{"shop"}, ServiceSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"app": "web"}}},
		}},
		"manual": {Addresses: []v1beta1.AddressRange{"203.0.113.0/24"}, AutoAssign: &off},
	})
	v4, dual := []ipam.Family{ipam.IPv4}, []ipam.Family{ipam.IPv4, ipam.IPv6}
	for name, tc := range map[string]struct {
		svc    ipam.Service
		taken  map[string][]netip.Addr
		want   []netip.Addr
		pool   string
		reason ipam.Reason
	}{
		"lowest usable address of the first pool": {
			svc: ipam.Service{Families: v4}, want: addrs("192.0.2.1"), pool: "a", reason: ipam.ReasonAssigned,
		},
		"skips what others hold": {
			svc: ipam.Service{Families: v4}, taken: map[string][]netip.Addr{"ns/x": addrs("192.0.2.1")},
			want: addrs("192.0.2.2"), pool: "a", reason: ipam.ReasonAssigned,
		},
		"goes on to the next pool": {
			svc: ipam.Service{Families: v4}, taken: map[string][]netip.Addr{"ns/x": addrs("192.0.2.1"), "ns/y": addrs("192.0.2.2")},
			want: addrs("198.51.100.1"), pool: "b", reason: ipam.ReasonAssigned,
		},
		"both families come from one pool": {
			svc: ipam.Service{Families: dual}, want: addrs("198.51.100.1", "2001:db8::1"), pool: "b", reason: ipam.ReasonAssigned,
		},
		"prefers two families but lives with one": {
			svc:   ipam.Service{Families: dual, SingleStackSuffices: true},
			taken: map[string][]netip.Addr{"ns/x": addrs("2001:db8::1"), "ns/y": addrs("2001:db8::2")},
			want:  addrs("192.0.2.1"), pool: "a", reason: ipam.ReasonAssigned,
		},
		"requires two families": {
			svc:    ipam.Service{Families: dual},
			taken:  map[string][]netip.Addr{"ns/x": addrs("2001:db8::1"), "ns/y": addrs("2001:db8::2")},
			reason: ipam.ReasonExhausted,
		},
		"a second family is added and the first one stays": {
			svc:  ipam.Service{Families: dual, Published: addrs("198.51.100.2"), AllocatedFrom: "a"},
			want: addrs("198.51.100.2", "2001:db8::1"), pool: "b", reason: ipam.ReasonAssigned,
		},
		"published addresses stay": {
			svc: ipam.Service{Families: v4, Published: addrs("192.0.2.2")}, want: addrs("192.0.2.2"), pool: "a", reason: ipam.ReasonKept,
		},
		"published addresses stay when their pool is gone": {
			svc:  ipam.Service{Families: v4, Published: addrs("10.9.9.9"), AllocatedFrom: "a"},
			want: addrs("10.9.9.9"), pool: "a", reason: ipam.ReasonOutsidePools,
		},
		"a reservation that could not be written is published": {
			svc: ipam.Service{Families: v4}, taken: map[string][]netip.Addr{"ns/svc": addrs("192.0.2.2")},
			want: addrs("192.0.2.2"), pool: "a", reason: ipam.ReasonAssigned,
		},
		"a reservation that no pool has any more is not published": {
			svc: ipam.Service{Families: v4}, taken: map[string][]netip.Addr{"ns/svc": addrs("10.9.9.9")},
			want: addrs("192.0.2.1"), pool: "a", reason: ipam.ReasonAssigned,
		},
		"a reservation of what was asked for that no pool has any more is not published": {
			svc:   ipam.Service{Families: v4, RequestedAddresses: addrs("10.9.9.9")},
			taken: map[string][]netip.Addr{"ns/svc": addrs("10.9.9.9")}, reason: ipam.ReasonInvalidRequest,
		},
		"another's status is left alone": {
			svc: ipam.Service{Families: v4, Published: addrs("10.9.9.9")}, reason: ipam.ReasonManagedByOther,
		},
		"a hostname in the status is another's": {
			svc: ipam.Service{Families: v4, ForeignStatus: true}, reason: ipam.ReasonManagedByOther,
		},
		"the second of two claimants gets another address": {
			svc:   ipam.Service{Families: v4, Published: addrs("192.0.2.1"), AllocatedFrom: "a"},
			taken: map[string][]netip.Addr{"ns/x": addrs("192.0.2.1")},
			want:  addrs("192.0.2.2"), pool: "a", reason: ipam.ReasonAssigned,
		},
		"asks for a pool": {
			svc: ipam.Service{Families: v4, RequestedPool: "manual"}, want: addrs("203.0.113.0"), pool: "manual", reason: ipam.ReasonAssigned,
		},
		"asks for another pool than it has": {
			svc:  ipam.Service{Families: v4, RequestedPool: "manual", Published: addrs("192.0.2.1")},
			want: addrs("203.0.113.0"), pool: "manual", reason: ipam.ReasonAssigned,
		},
		"asks for an unknown pool and keeps what it has": {
			svc:  ipam.Service{Families: v4, RequestedPool: "nope", Published: addrs("192.0.2.1")},
			want: addrs("192.0.2.1"), pool: "a", reason: ipam.ReasonPoolNotFound,
		},
		"asks for an address": {
			svc: ipam.Service{Families: v4, RequestedAddresses: addrs("203.0.113.7")}, want: addrs("203.0.113.7"), pool: "manual", reason: ipam.ReasonAssigned,
		},
		"asks for the address it has": {
			svc:  ipam.Service{Families: v4, RequestedAddresses: addrs("203.0.113.7"), Published: addrs("203.0.113.7")},
			want: addrs("203.0.113.7"), pool: "manual", reason: ipam.ReasonKept,
		},
		"asks for both families in any order": {
			svc:  ipam.Service{Families: dual, RequestedAddresses: addrs("2001:db8::2", "198.51.100.2")},
			want: addrs("198.51.100.2", "2001:db8::2"), pool: "b", reason: ipam.ReasonAssigned,
		},
		"asks for an address of another and keeps what it has": {
			svc:   ipam.Service{Families: v4, RequestedAddresses: addrs("192.0.2.1"), Published: addrs("192.0.2.2")},
			taken: map[string][]netip.Addr{"ns/x": addrs("192.0.2.1")},
			want:  addrs("192.0.2.2"), pool: "a", reason: ipam.ReasonAddressInUse,
		},
		"asks for an address of the wrong family": {
			svc: ipam.Service{Families: v4, RequestedAddresses: addrs("2001:db8::1")}, reason: ipam.ReasonInvalidRequest,
		},
		"asks for an address that is left out": {
			svc: ipam.Service{Families: v4, RequestedAddresses: addrs("192.0.2.0")}, reason: ipam.ReasonInvalidRequest,
		},
		"asks for an address in no pool": {
			svc: ipam.Service{Families: v4, RequestedAddresses: addrs("10.9.9.9")}, reason: ipam.ReasonInvalidRequest,
		},
		"asks for an address that is not in the pool it asks for": {
			svc: ipam.Service{Families: v4, RequestedAddresses: addrs("192.0.2.1"), RequestedPool: "b"}, reason: ipam.ReasonInvalidRequest,
		},
		"a pool for this namespace comes before open ones": {
			svc: ipam.Service{Families: v4, Namespace: "shop"}, want: addrs("100.64.1.0"), pool: "shop", reason: ipam.ReasonAssigned,
		},
		"a higher priority comes first": {
			svc: ipam.Service{Families: v4, Namespace: "shop", Labels: map[string]string{"app": "web"}}, want: addrs("100.64.2.0"), pool: "shop-web", reason: ipam.ReasonAssigned,
		},
		"asks for a pool that is for others": {
			svc: ipam.Service{Families: v4, Namespace: "other", RequestedPool: "shop"}, reason: ipam.ReasonPoolNotAllowed,
		},
		"asks for an address of a pool that is for others": {
			svc: ipam.Service{Families: v4, Namespace: "other", RequestedAddresses: addrs("100.64.1.7")}, reason: ipam.ReasonPoolNotAllowed,
		},
		"the pool asked for lost the address": {
			svc:  ipam.Service{Families: v4, RequestedPool: "a", Published: addrs("10.9.9.9"), AllocatedFrom: "a"},
			want: addrs("10.9.9.9"), pool: "a", reason: ipam.ReasonOutsidePools,
		},
		"the pool asked for lost the address to another pool": {
			svc:  ipam.Service{Families: v4, RequestedPool: "a", Published: addrs("198.51.100.1"), AllocatedFrom: "a"},
			want: addrs("198.51.100.1"), pool: "a", reason: ipam.ReasonKept,
		},
		"the address is in another pool now, and none was asked for": {
			svc:  ipam.Service{Families: v4, Published: addrs("198.51.100.1"), AllocatedFrom: "a"},
			want: addrs("198.51.100.1"), pool: "b", reason: ipam.ReasonKept,
		},
		"a reservation is not published when something else is asked for in vain": {
			svc:    ipam.Service{Families: v4, RequestedAddresses: addrs("10.9.9.9")},
			taken:  map[string][]netip.Addr{"ns/svc": addrs("192.0.2.2")},
			reason: ipam.ReasonInvalidRequest,
		},
		"no cluster IP": {svc: ipam.Service{}, reason: ipam.ReasonNoClusterIP},
	} {
		t.Run(name, func(t *testing.T) {
			tc.svc.Key = "ns/svc"
			taken := ipam.NewTable()
			taken.Use(pools)
			for key, held := range tc.taken {
				taken.Hold(&ipam.Service{Key: key}, held, start)
			}
			got := ipam.Decide(&tc.svc, taken, start)
			require.Equal(t, tc.reason, got.Reason, got.Message())
			require.Equal(t, tc.want, got.Addresses)
			require.Equal(t, tc.pool, got.Pool)
			require.NotEmpty(t, got.Message())
		})
	}
}

func TestDecideWithoutPools(t *testing.T) {
	got := ipam.Decide(&ipam.Service{Key: "ns/svc", Families: []ipam.Family{ipam.IPv4}}, ipam.NewTable(), start)
	require.Equal(t, ipam.ReasonNoPool, got.Reason)
}
