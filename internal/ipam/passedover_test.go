// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/internal/ipam"
)

// TestExplained: the message of a decision says which pools were passed over, and
// why each, those that lack little first.
func TestExplained(t *testing.T) {
	off := new(false)
	pools := map[string]v1beta1.IPAddressPoolSpec{
		"full":   {Addresses: []v1beta1.AddressRange{"192.0.2.1/32"}},
		"manual": {Addresses: []v1beta1.AddressRange{"198.51.100.0/24"}, AutoAssign: off},
		"six":    {Addresses: []v1beta1.AddressRange{"2001:db8::/64"}},
		"team":   {Addresses: []v1beta1.AddressRange{"100.64.0.0/24"}, ServiceAllocation: &v1beta1.ServiceAllocation{Namespaces: []string{"team"}}},
		"web": {Addresses: []v1beta1.AddressRange{"100.64.1.0/24"}, ServiceAllocation: &v1beta1.ServiceAllocation{
			ServiceSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"app": "web"}}},
		}},
	}
	table := ipam.NewTable()
	table.Use(snapshot(t, pools))
	table.Hold(&ipam.Service{Key: "ns/other"}, addrs("192.0.2.1"), start)
	svc := &ipam.Service{Key: "ns/svc", Namespace: "ns", Families: v4}
	d := ipam.Decide(svc, table, start)
	require.Equal(t, []ipam.PassedOver{
		{Pool: "full", Why: ipam.WhyExhausted},
		{Pool: "six", Why: ipam.WhyFamilyMissing},
		{Pool: "manual", Why: ipam.WhyAutoAssignOff},
		{Pool: "web", Why: ipam.WhyServiceNotSelected},
		{Pool: "team", Why: ipam.WhyNamespaceNotSelected},
	}, d.PassedOver)
	require.Equal(t, "no free address of IPv4; passed over: full (Exhausted), six (FamilyMissing), manual (AutoAssignOff), "+
		"web (ServiceNotSelected), team (NamespaceNotSelected)", d.Message())

	// What is given says which pools had nothing, but not which are for others.
	pools["z"] = v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"203.0.113.0/24"}}
	table.Use(snapshot(t, pools))
	require.Equal(t, `assigned 203.0.113.0 from the pool "z"; passed over: full (Exhausted), six (FamilyMissing)`, assign(table, svc).Message())
	d = ipam.Decide(svc, table, start)
	require.Equal(t, `has 203.0.113.0 from the pool "z"`, d.Message())

	dual := &ipam.Service{Key: "ns/dual", Namespace: "ns", Families: []ipam.Family{ipam.IPv4, ipam.IPv6}, SingleStackSuffices: true}
	want := `203.0.113.1 from the pool "z"; no IPv6 address could be added; passed over: `
	require.Equal(t, "assigned "+want+"full (FamilyMissing), six (FamilyMissing), z (FamilyMissing)", assign(table, dual).Message())
	d = ipam.Decide(dual, table, start)
	require.Equal(t, "has "+want+"z (FamilyMissing)", d.Message())
}

func TestFewPoolsAreNamed(t *testing.T) {
	pools := make(map[string]v1beta1.IPAddressPoolSpec)
	for i := range 20 {
		pools[fmt.Sprintf("p%02d", i)] = v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{v1beta1.AddressRange(fmt.Sprintf("2001:db8:%x::/64", i))}}
	}
	pools["z"] = v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.1/32"}}
	table := ipam.NewTable()
	table.Use(snapshot(t, pools))
	table.Hold(&ipam.Service{Key: "ns/other"}, addrs("192.0.2.1"), start)
	d := ipam.Decide(&ipam.Service{Key: "ns/svc", Families: v4}, table, start)
	require.Len(t, d.PassedOver, 8)
	require.Equal(t, 13, d.MorePassedOver)
	require.Contains(t, d.Message(), "passed over: z (Exhausted), p00 (FamilyMissing), ")
	require.Contains(t, d.Message(), ", p06 (FamilyMissing) and 13 more")
}

// TestPoolsMeantForTheServiceComeFirst, whatever the others could give.
func TestPoolsMeantForTheServiceComeFirst(t *testing.T) {
	team := func(priority int, addresses ...v1beta1.AddressRange) v1beta1.IPAddressPoolSpec {
		return v1beta1.IPAddressPoolSpec{Addresses: addresses, ServiceAllocation: &v1beta1.ServiceAllocation{Priority: priority, Namespaces: []string{"team"}}}
	}
	table := ipam.NewTable()
	table.Use(snapshot(t, map[string]v1beta1.IPAddressPoolSpec{
		"a":    {Addresses: []v1beta1.AddressRange{"192.0.2.0/24", "2001:db8::/64"}},
		"last": team(0, "100.64.0.1/32"), "second": team(2, "100.64.2.1/32"), "first": team(1, "100.64.1.1/32"), "early": team(2, "100.64.3.1/32"),
	}))
	for i, want := range []string{"100.64.1.1", "100.64.3.1", "100.64.2.1", "100.64.0.1"} {
		svc := &ipam.Service{Key: fmt.Sprint("team/", i), Namespace: "team", Families: []ipam.Family{ipam.IPv4, ipam.IPv6}, SingleStackSuffices: true}
		d := assign(table, svc)
		require.Equal(t, addrs(want), d.Addresses)
		require.Equal(t, ipam.IPv6, d.Missing)
	}
	svc := &ipam.Service{Key: "team/9", Namespace: "team", Families: []ipam.Family{ipam.IPv4, ipam.IPv6}, SingleStackSuffices: true}
	require.Equal(t, addrs("192.0.2.0", "2001:db8::"), assign(table, svc).Addresses)
}
