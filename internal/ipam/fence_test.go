// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/ipam"
)

func TestCouldReceive(t *testing.T) {
	dual := []ipam.Family{ipam.IPv4, ipam.IPv6}
	for name, tc := range map[string]struct {
		svc            ipam.Service
		keep, reassign bool
	}{
		"has nothing":              {svc: ipam.Service{Families: v4}, keep: true, reassign: true},
		"has what it is to have":   {svc: ipam.Service{Families: v4, Published: addrs("192.0.2.7")}},
		"outside the pools":        {svc: ipam.Service{Families: v4, Published: addrs("10.9.9.9"), AllocatedFrom: "gone"}, reassign: true},
		"one of two":               {svc: ipam.Service{Families: dual, Published: addrs("192.0.2.7"), SingleStackSuffices: true}, keep: true, reassign: true},
		"two of one":               {svc: ipam.Service{Families: v4, Published: addrs("192.0.2.7", "2001:db8::7")}},
		"the wrong family":         {svc: ipam.Service{Families: v4, Published: addrs("2001:db8::7")}, keep: true, reassign: true},
		"what it asks for":         {svc: ipam.Service{Families: v4, Published: addrs("192.0.2.7"), RequestedAddresses: addrs("192.0.2.7")}},
		"not what it asks for":     {svc: ipam.Service{Families: v4, Published: addrs("192.0.2.7"), RequestedAddresses: addrs("192.0.2.8")}, keep: true, reassign: true},
		"from the pool asked for":  {svc: ipam.Service{Families: v4, Published: addrs("192.0.2.7"), AllocatedFrom: "a", RequestedPool: "a"}},
		"from another pool":        {svc: ipam.Service{Families: v4, Published: addrs("192.0.2.7"), AllocatedFrom: "a", RequestedPool: "b"}, keep: true, reassign: true},
		"what another Service has": {svc: ipam.Service{Families: v4, Published: addrs("192.0.2.9"), AllocatedFrom: "a"}, keep: true, reassign: true},
		"another's status":         {svc: ipam.Service{Families: v4, ForeignStatus: true}},
		"no cluster IP":            {svc: ipam.Service{}},
	} {
		for policy, want := range map[v1beta1.AddressPolicy]bool{v1beta1.AddressPolicyKeep: tc.keep, v1beta1.AddressPolicyReassign: tc.reassign} {
			t.Run(name+"/"+string(policy), func(t *testing.T) {
				table := ipam.NewTable()
				table.Use(configured(t, config.Snapshot{}, v1beta1.MetalLBSpec{AddressPolicy: policy}, "192.0.2.0/24", "2001:db8::/64"))
				table.Hold(&ipam.Service{Key: "ns/other"}, addrs("192.0.2.9"), start)
				tc.svc.Key = "ns/svc"
				require.Equal(t, want, ipam.CouldReceive(&tc.svc, table))
			})
		}
	}
}
