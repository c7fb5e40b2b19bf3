// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/ipam"
)

// configured returns a Snapshot with a pool and settings, after another one.
func configured(t *testing.T, last config.Snapshot, spec v1beta1.MetalLBSpec, addresses ...v1beta1.AddressRange) config.Snapshot {
	t.Helper()
	objects := config.Objects{MetalLB: &v1beta1.MetalLB{Spec: spec}}
	if len(addresses) > 0 {
		objects.Pools = []v1beta1.IPAddressPool{{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: v1beta1.IPAddressPoolSpec{Addresses: addresses}}}
	}
	s, _, _ := config.Build(objects, last)
	return s
}

// resting returns a Table with one pool, of which 192.0.2.1 has been released.
func resting(t *testing.T) *ipam.Table {
	t.Helper()
	table := ipam.NewTable()
	table.Use(configured(t, config.Snapshot{}, v1beta1.MetalLBSpec{AddressRest: "1m"}, "192.0.2.1-192.0.2.2"))
	first := &ipam.Service{Key: "ns/first", Families: v4}
	require.Equal(t, addrs("192.0.2.1"), assign(table, first).Addresses)
	require.True(t, table.Release("ns/first", start))
	return table
}

func TestReleasedAddressRests(t *testing.T) {
	table := resting(t)
	counts, _, _ := table.CountsOf("a")
	require.Equal(t, ipam.Counts{Available: 1, Resting: 1}, counts)
	end, ok := table.NextRestEnd()
	require.True(t, ok)
	require.Equal(t, start.Add(time.Minute), end)

	require.Equal(t, addrs("192.0.2.2"), assign(table, &ipam.Service{Key: "ns/second", Families: v4}).Addresses)
	third := &ipam.Service{Key: "ns/third", Families: v4}
	d := ipam.Decide(third, table, start.Add(59*time.Second))
	require.Equal(t, ipam.ReasonExhausted, d.Reason)
	require.Equal(t, []ipam.PassedOver{{Pool: "a", Why: ipam.WhyResting}}, d.PassedOver)

	require.False(t, table.EndRests(end.Add(-1)))
	require.True(t, table.EndRests(end))
	require.Equal(t, addrs("192.0.2.1"), ipam.Decide(third, table, end).Addresses)
	_, ok = table.NextRestEnd()
	require.False(t, ok)
}

func TestRestEndsForTheSameServiceAndForOneThatAsks(t *testing.T) {
	for name, svc := range map[string]*ipam.Service{
		"the same Service": {Key: "ns/first", Families: v4},
		"one that asks":    {Key: "ns/other", Families: v4, RequestedAddresses: addrs("192.0.2.1")},
	} {
		t.Run(name, func(t *testing.T) {
			table := resting(t)
			require.Equal(t, addrs("192.0.2.1"), assign(table, svc).Addresses)
			_, ok := table.NextRestEnd()
			require.False(t, ok)
			counts, _, _ := table.CountsOf("a")
			require.Equal(t, ipam.Counts{Assigned: 1, Available: 1}, counts)

			// Released again, it rests from then on.
			require.True(t, table.Release(svc.Key, start.Add(30*time.Second)))
			end, _ := table.NextRestEnd()
			require.Equal(t, start.Add(90*time.Second), end)
		})
	}
}

func TestRestOutlivesAnEditOfThePools(t *testing.T) {
	table := resting(t)
	other := &ipam.Service{Key: "ns/other", Families: v4}
	long := configured(t, config.Snapshot{}, v1beta1.MetalLBSpec{AddressRest: "1h"}, "192.0.2.0-192.0.2.1")
	table.Use(long)
	require.Equal(t, addrs("192.0.2.0"), ipam.Decide(other, table, start.Add(2*time.Minute)).Addresses)
	end, _ := table.NextRestEnd()
	require.Equal(t, start.Add(time.Hour), end)

	table.Use(configured(t, long, v1beta1.MetalLBSpec{AddressRest: "1h"}, "198.51.100.0/24")) // without the address
	table.Use(configured(t, config.Snapshot{}, v1beta1.MetalLBSpec{}, "192.0.2.1/32"))
	require.Equal(t, addrs("192.0.2.1"), ipam.Decide(other, table, start).Addresses, "nothing rests any more")
}

func TestWithoutARestNothingRests(t *testing.T) {
	table := tableOf(t, v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.1/32"}})
	assign(table, &ipam.Service{Key: "ns/first", Families: v4})
	table.Release("ns/first", start)
	_, ok := table.NextRestEnd()
	require.False(t, ok)
	require.Equal(t, addrs("192.0.2.1"), ipam.Decide(&ipam.Service{Key: "ns/other", Families: v4}, table, start).Addresses)
}
