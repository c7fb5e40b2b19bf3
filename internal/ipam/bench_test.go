// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"fmt"
	"net/netip"
	"testing"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/ipam"
)

// benchmarkPools are ten pools, of which only the last two are open to all.
func benchmarkPools(b *testing.B) config.Snapshot {
	pools := make(map[string]v1beta1.IPAddressPoolSpec)
	for i := range 8 {
		pools[fmt.Sprintf("team-%d", i)] = v1beta1.IPAddressPoolSpec{
			Addresses:         []v1beta1.AddressRange{v1beta1.AddressRange(fmt.Sprintf("10.%d.0.0/16", i))},
			ServiceAllocation: &v1beta1.ServiceAllocation{Priority: i, Namespaces: []string{fmt.Sprintf("team-%d", i)}},
		}
	}
	pools["small"] = v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.0/24"}}
	pools["large"] = v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"10.100.0.0/14", "2001:db8::/64"}, AvoidBuggyIPs: true}
	return snapshot(b, pools)
}

// services returns Services that have nothing, in the order of their names.
func services(n int, sharing func(int) ipam.Sharing) []*ipam.Service {
	out := make([]*ipam.Service, n)
	for i := range out {
		out[i] = &ipam.Service{Key: fmt.Sprintf("ns/s%05d", i), Namespace: "ns", Families: []ipam.Family{ipam.IPv4}, Sharing: sharing(i)}
	}
	return out
}

func alone(int) ipam.Sharing { return ipam.Sharing{Ports: []ipam.Port{{Protocol: "TCP", Number: 80}}} }

// give decides for Services and has them hold and publish what they are given.
func give(table *ipam.Table, services []*ipam.Service) {
	for _, svc := range services {
		d := ipam.Decide(svc, table, start)
		table.Hold(svc, d.Addresses, start)
		svc.Published, svc.AllocatedFrom = d.Addresses, d.Pool
	}
}

// BenchmarkGive decides for so many new Services and has them hold what they are
// given. The time is for all of them.
func BenchmarkGive(b *testing.B) {
	pools := benchmarkPools(b)
	tenEach := func(i int) ipam.Sharing {
		return ipam.Sharing{Key: fmt.Sprint(i / 10), Ports: []ipam.Port{{Protocol: "TCP", Number: int32(i % 10)}}}
	}
	oneKey := func(int) ipam.Sharing {
		return ipam.Sharing{Key: "all", Ports: []ipam.Port{{Protocol: "TCP", Number: 80}}}
	}
	for _, n := range []int{5_000, 20_000} {
		for name, sharing := range map[string]func(int) ipam.Sharing{"alone": alone, "ten share": tenEach, "none of one key may": oneKey} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					table, all := ipam.NewTable(), services(n, sharing)
					table.Use(pools)
					b.StartTimer()
					give(table, all)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/Service")
			})
		}
	}
}

// BenchmarkKeep decides for so many Services that have what they are to have, as
// after a change of the pools.
func BenchmarkKeep(b *testing.B) {
	for _, n := range []int{5_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			table := ipam.NewTable()
			table.Use(benchmarkPools(b))
			all := services(n, alone)
			give(table, all)
			b.ReportAllocs()
			for b.Loop() {
				for _, svc := range all {
					d := ipam.Decide(svc, table, start)
					table.Hold(svc, d.Addresses, start)
				}
			}
		})
	}
}

// BenchmarkRefuse decides for so many Services that wait in vain.
func BenchmarkRefuse(b *testing.B) {
	table := ipam.NewTable()
	table.Use(snapshot(b, map[string]v1beta1.IPAddressPoolSpec{"a": {Addresses: []v1beta1.AddressRange{"192.0.2.1/32"}}, "b": {Addresses: []v1beta1.AddressRange{"192.0.2.2/32"}}}))
	all := services(5_000, alone)
	give(table, all)
	b.ReportAllocs()
	for b.Loop() {
		for _, svc := range all {
			ipam.Decide(svc, table, start)
		}
	}
}

// BenchmarkUse takes over other pools while so many addresses are held, every
// second one of them.
func BenchmarkUse(b *testing.B) {
	pools := benchmarkPools(b)
	for _, n := range []int{5_000, 20_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			table := ipam.NewTable()
			table.Use(pools)
			addr := netip.MustParseAddr("10.100.0.1")
			for _, svc := range services(n, alone) {
				table.Hold(svc, []netip.Addr{addr}, start)
				addr = addr.Next().Next()
			}
			b.ReportAllocs()
			for b.Loop() {
				table.Use(pools)
			}
		})
	}
}

// BenchmarkAdopt fills a Table after a restart.
func BenchmarkAdopt(b *testing.B) {
	pools := benchmarkPools(b)
	table := ipam.NewTable()
	table.Use(pools)
	all := services(20_000, alone)
	give(table, all)
	b.ReportAllocs()
	for b.Loop() {
		table := ipam.NewTable()
		table.Use(pools)
		for _, svc := range all {
			table.Hold(svc, svc.Published, start)
		}
	}
}
